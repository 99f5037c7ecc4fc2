//! Conditions of breakpoints: comparisons of a local with a constant are decided natively, anything else is an [`Expression`].

use pyo3::ffi::PyObject;
use pyo3::prelude::*;

use super::expression::Expression;
use super::native_condition::NativeCondition;
use crate::capi::frame::RawFrame;

/// A condition compiled for one code object.
#[derive(Debug)]
pub(super) struct Condition {
    /// The place of the local, and what it is held against.
    native: Option<(usize, NativeCondition)>,
    expression: Expression,
}

impl Condition {
    /// Compiles the text for a code object.
    pub(super) fn compile(py: Python<'_>, text: &str, code: *mut PyObject) -> PyResult<Self> {
        let expression = Expression::compile(py, text, code)?;
        let native = NativeCondition::parse(py, text)?.and_then(|(name, it)| Some((expression.local(&name)?, it)));
        Ok(Self { native, expression })
    }

    /// Whether it is true in the frame that the current thread runs, if that can be told without running anything.
    #[inline(always)]
    pub(super) fn holds_natively(&self, code: *mut PyObject) -> Option<bool> {
        let (index, condition) = self.native.as_ref()?;
        condition.holds(RawFrame::current(code.cast())?.local(*index)?)
    }

    /// Whether it is true in the frame that the current thread runs, whose code is `code`.
    pub(super) fn holds(&self, py: Python<'_>, code: *mut PyObject) -> PyResult<bool> {
        self.expression.value(py, code.cast())?.is_truthy()
    }
}
