//! Conditions of breakpoints: comparisons of a local with a constant are decided natively, anything else is an [`Expression`].

use std::sync::Arc;

use pyo3::ffi::PyObject;
use pyo3::prelude::*;

use super::expression::Expression;
use super::native_condition::NativeCondition;
use crate::capi::frame::RawFrame;

/// A condition compiled for one code object.
#[derive(Debug)]
pub(super) struct Condition {
    /// As far as it can be told without running anything.
    pub(super) native: Option<Arc<Native>>,
    expression: Expression,
}

/// A condition that is about a local.
#[derive(Debug)]
pub(super) struct Native {
    /// The place of the local.
    local: usize,
    test: NativeCondition,
}

impl Condition {
    /// Compiles the text for a code object.
    pub(super) fn compile(py: Python<'_>, text: &str, code: *mut PyObject) -> PyResult<Self> {
        let expression = Expression::compile(py, text, code)?;
        let native = NativeCondition::parse(py, text)?
            .and_then(|(name, test)| Some(Arc::new(Native { local: expression.local(&name)?, test })));
        Ok(Self { native, expression })
    }

    /// Whether it is true in the frame that the current thread runs, whose code is `code`.
    pub(super) fn holds(&self, py: Python<'_>, code: *mut PyObject) -> PyResult<bool> {
        self.expression.value(py, code.cast())?.is_truthy()
    }
}

impl Native {
    /// Whether it is true in the frame, if that can be told without running anything.
    #[inline(always)]
    pub(super) fn holds(&self, frame: RawFrame) -> Option<bool> {
        self.test.holds(frame.local(self.local)?)
    }
}
