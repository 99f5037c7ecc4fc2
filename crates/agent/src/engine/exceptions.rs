//! Uncaught exceptions, shown where the interpreter is about to print them: the frames are left, but alive with their
//! locals. The message is printed by the interpreter afterwards, as without us.

use std::sync::atomic::{AtomicBool, Ordering};

use ikpdb_proto::agent::UNCAUGHT;
use ikpdb_proto::dap;
use pyo3::exceptions::{PyKeyboardInterrupt, PySystemExit};
use pyo3::ffi::{self, PyFrameObject};
use pyo3::prelude::*;

use super::python2;
use super::stop::{self, Came, Exception, Reason, What};
use crate::capi::{self, Ref};
use crate::inspect;

static WANTED: AtomicBool = AtomicBool::new(true);

/// Sets the filters.
pub(crate) fn set_filters(filters: &[String]) {
    WANTED.store(filters.iter().any(|it| it == UNCAUGHT), Ordering::Relaxed);
}

/// The interpreter is about to call `sys.excepthook` for an exception.
pub(crate) fn uncaught(py: Python<'_>, value: &Bound<'_, PyAny>) {
    if !WANTED.load(Ordering::Relaxed) || stop::is_stopper() || ends_on_purpose(value) {
        return;
    }
    // All of it is read natively: none of the program's code runs.
    let error = inspect::syntax_error(value);
    let is_python_2 = error.as_ref().is_some_and(python2::looks_like_it);
    let hint = |text: String| if is_python_2 { format!("{text} ({})", python2::HINT) } else { text };
    let not_compiled = error.and_then(|it| Some(dap::Place { path: it.path?, line: it.line, function: None }));
    let description = not_compiled.as_ref().map(|_| hint("The file could not be compiled".to_owned()));
    let exception = || Exception {
        value: value.clone().into(),
        frames: frames(value),
        text: hint(inspect::exception_line(value)),
        not_compiled: not_compiled.clone(),
    };
    loop {
        let what =
            What { exception: Some(exception()), description: description.clone(), ..What::new(Reason::Exception) };
        if stop::stop(py, what) == Came::Done {
            return;
        }
    }
}

/// Whether somebody wants the program to end: it says so itself, or the user pressed Ctrl-C. That is no failure, and the
/// shell is waiting.
fn ends_on_purpose(value: &Bound<'_, PyAny>) -> bool {
    value.is_instance_of::<PySystemExit>() || value.is_instance_of::<PyKeyboardInterrupt>()
}

/// The frames that an exception left, innermost first, and below them those that are still running.
fn frames(value: &Bound<'_, PyAny>) -> Vec<(Ref, u32)> {
    let mut frames = inspect::traceback(value);
    let outermost = frames.first().map(|it| it.0.clone());
    frames.reverse();
    let mut frames: Vec<(Ref, u32)> = frames.into_iter().map(|(frame, line)| (Ref::from(frame), line)).collect();
    let mut below = outermost;
    while let Some(frame) = below {
        // SAFETY: a live frame; a new reference or null.
        let back = unsafe { Ref::steal((capi::py().frame_get_back)(frame.as_ptr().cast()).cast()) };
        below = back.map(|back| {
            let bound = back.bind(frame.py());
            // SAFETY: a live frame.
            let line = unsafe { ffi::PyFrame_GetLineNumber(back.as_ptr().cast::<PyFrameObject>()) };
            frames.push((back, u32::try_from(line).unwrap_or(1)));
            bound
        });
    }
    frames
}

/// Whether a code object is the function of `threading` that is called for the uncaught exception of a thread (3.12+: its
/// start is an event; 3.11: see [`super::hooks`]).
pub(crate) fn is_thread_hook(code: &Bound<'_, PyAny>, file: &str) -> bool {
    file.ends_with("/threading.py")
        && code.getattr("co_name").is_ok_and(|name| name.eq("invoke_excepthook").unwrap_or(false))
}

/// A thread is about to report its uncaught exception.
pub(crate) fn thread_hook_begins(py: Python<'_>) {
    // SAFETY: the GIL is held; a new reference or null.
    if let Some(value) = unsafe { Ref::steal(ffi::PyErr_GetHandledException()) } {
        let value = value.bind(py);
        if !value.is_none() {
            uncaught(py, &value);
        }
    }
}
