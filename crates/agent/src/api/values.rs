//! Frames and values for the package: what they are, by address, and what runs in them.
//!
//! The program asks itself, so its own code runs as long as it does; the end of the interpreter waits for it, as for a callback.

use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};
use serde_json::Value;

use super::door;
use crate::door::original::{self, threads};
use crate::engine::gil_cell::GilCell;
use crate::engine::{stack, stop};
use crate::inspect::original::{Addresses, Asked, Foreign, Variables};
use crate::requests::evaluate;
use crate::{inspect, lifetime};

/// The frames that the package was told of by address. Held, as they may be named at any time, until others are told of.
static TOLD: GilCell<Option<Addresses>> = GilCell::new(None);

/// Runs what may run code of the program's. The interpreter does not end meanwhile: on a thread that it ends inside of us nothing of ours
/// could be taken down.
fn run<R>(py: Python<'_>, work: impl FnOnce() -> PyResult<R>) -> PyResult<R> {
    lifetime::callback(py, "a call of the package", work)
        .unwrap_or_else(|| Err(PyRuntimeError::new_err("the interpreter ends")))
}

/// What is a frame; what is taken for one and is none would be read beyond its end.
pub(super) fn frame_of(frame: Bound<'_, PyAny>) -> PyResult<Bound<'_, PyAny>> {
    if inspect::original::is_frame(&frame) { Ok(frame) } else { Err(PyTypeError::new_err("a frame is needed")) }
}

/// A frame and its callers, as the protocol tells of them, as JSON.
#[pyfunction]
pub(super) fn frames(py: Python<'_>, frame: Bound<'_, PyAny>) -> PyResult<String> {
    let door = door()?;
    let frame = frame_of(frame)?;
    run(py, || {
        let thread = threads::this(py);
        let mut told = Addresses::default();
        let mut stack = Vec::new();
        let mut next = stack::shown(Some(frame.into()));
        while let Some(frame) = next.filter(|_| stack.len() < original::FRAMES) {
            stack.push(frame.bind(py).clone());
            next = stack::shown(stack::back(&frame));
        }
        let variables = variables(&mut Addresses::default(), &mut Direct, false).of_frames(&stack);
        let frame = |(frame, variables): (&Bound<'_, PyAny>, Vec<Value>)| {
            // SAFETY: a live frame.
            let line = unsafe { ffi::PyFrame_GetLineNumber(frame.as_ptr().cast()) };
            let line = u32::try_from(line).unwrap_or(1);
            original::describe_frame(py, door, frame, told.add(frame), line, variables, &thread)
        };
        let frames: Vec<Value> = stack.iter().zip(variables).map(frame).collect();
        drop(TOLD.with(py, |it| it.replace(told)));
        Ok(Value::from(frames).to_string())
    })
}

/// What is inside of an object, as JSON. `whole` leaves values as long as they are.
#[pyfunction]
pub(super) fn properties(py: Python<'_>, object: Bound<'_, PyAny>, whole: bool) -> PyResult<String> {
    run(py, || {
        let inside = variables(&mut Addresses::default(), &mut Direct, whole).inside(&object);
        Ok(Value::from(inside).to_string())
    })
}

/// Value and type of an object, and whether the value is not all of it. `quietly` nothing in its `__repr__` stops.
#[pyfunction]
pub(super) fn describe(
    py: Python<'_>,
    object: Bound<'_, PyAny>,
    whole: bool,
    quietly: bool,
) -> PyResult<(String, String, bool)> {
    run(py, || {
        let _quiet = quietly.then(stop::Quiet::begin);
        let (value, is_marked) = variables(&mut Addresses::default(), &mut Direct, whole).shown(&object);
        Ok((value, inspect::original::plain_type_text(&object), is_marked))
    })
}

/// Describes to the package. What is told of is not held: it has the objects themselves.
fn variables<'a, 'py>(told: &'a mut Addresses, foreign: &'a mut dyn Foreign<'py>, whole: bool) -> Variables<'a, 'py> {
    let variables = Variables::new(told, foreign);
    if whole { variables.whole() } else { variables }
}

#[pyfunction]
pub(super) fn count(object: Bound<'_, PyAny>) -> usize {
    inspect::original::children_count(&object)
}

/// The name of the type of an object, with its module.
#[pyfunction]
pub(super) fn type_name(object: Bound<'_, PyAny>) -> String {
    inspect::original::type_name(&object)
}

/// The frame with an address that was told of by [`frames`].
#[pyfunction]
pub(super) fn frame_at<'py>(py: Python<'py>, address: u64) -> Option<Bound<'py, PyAny>> {
    TOLD.with(py, |it| it.as_ref().and_then(|it| it.get(py, address)))
}

/// Lets go of the frames that were told of.
#[pyfunction]
pub(crate) fn forget(py: Python<'_>) {
    drop(TOLD.with(py, Option::take));
}

/// Runs an expression or statements in a frame, or in `__main__`: whether it was an expression, and its value. `quietly` nothing in it
/// stops.
#[pyfunction]
pub(super) fn evaluate_in<'py>(
    py: Python<'py>,
    expression: &str,
    frame: Option<Bound<'py, PyAny>>,
    is_global: bool,
    quietly: bool,
) -> PyResult<Bound<'py, PyTuple>> {
    let frame = frame.map(frame_of).transpose()?;
    run(py, || {
        let _quiet = quietly.then(stop::Quiet::begin);
        match evaluate::expression_or_statements(py, expression, "<string>", frame.as_ref(), is_global)? {
            Some(value) => (true, value).into_pyobject(py),
            None => (false, py.None()).into_pyobject(py),
        }
    })
}

/// Gives a variable the value of an expression; nothing in that stops.
#[pyfunction]
pub(super) fn assign_in(py: Python<'_>, name: &str, value: &str, frame: Option<Bound<'_, PyAny>>) -> PyResult<()> {
    let frame = frame.map(frame_of).transpose()?;
    run(py, || {
        let _quiet = stop::Quiet::begin();
        if frame.as_ref().is_some_and(|it| inspect::original::is_global_only(it, name)) {
            return evaluate::assign_global(py, name, value, frame.as_ref());
        }
        let text = format!("{name}={value}");
        evaluate::expression_or_statements(py, &text, "<string>", frame.as_ref(), false).map(drop)
    })
}

/// The program asks itself: its code runs as long as it does.
struct Direct;

impl<'py> Foreign<'py> for Direct {
    fn repr(&mut self, value: &Bound<'py, PyAny>) -> Asked<'py> {
        directly(value.py(), value.repr())
    }

    fn str(&mut self, value: &Bound<'py, PyAny>) -> Asked<'py> {
        directly(value.py(), value.str())
    }
}

fn directly<'py>(py: Python<'py>, shown: PyResult<Bound<'py, PyString>>) -> Asked<'py> {
    match shown {
        Ok(text) => Asked::Shown(text.into_any()),
        Err(error) => {
            stop::forget_error(py, error);
            Asked::Raised
        }
    }
}
