//! Uncaught exceptions, shown where the interpreter is about to print them: the frames are left, but alive with their
//! locals. The message is printed by the interpreter afterwards, as without us.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::exceptions::{PySyntaxError, PySystemExit};
use pyo3::ffi::{self, PyFrameObject, PyObject};
use pyo3::prelude::*;

use super::control;
use super::gil_cell::GilCell;
use super::stop::{self, Exception, Reason, What};
use crate::capi::monitoring::builtin;
use crate::capi::{self, Ref};
use crate::lifetime;

/// The filter's id.
pub(crate) const UNCAUGHT: &str = "uncaught";

static WANTED: AtomicBool = AtomicBool::new(true);

/// Sets the filters.
pub(crate) fn set_filters(filters: &[String]) {
    WANTED.store(filters.iter().any(|it| it == UNCAUGHT), Ordering::Relaxed);
}

/// The interpreter is about to call `sys.excepthook` for an exception.
pub(crate) fn uncaught(py: Python<'_>, value: &Bound<'_, PyAny>) {
    if !WANTED.load(Ordering::Relaxed) || stop::is_stopper() || value.is_instance_of::<PySystemExit>() {
        return;
    }
    let frames = frames(value);
    let Ok(error) = Python::attach(|py| describe(py, value)) else { return };
    let description =
        (frames.is_empty() && value.is_instance_of::<PySyntaxError>()).then(|| "Not valid Python".to_owned());
    stop::stop(
        py,
        What {
            exception: Some(Exception { value: value.clone().into(), frames, text: error }),
            description,
            ..What::new(Reason::Exception)
        },
    );
}

fn describe(py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<String> {
    Ok(control::one_line(py, &PyErr::from_value(value.clone())))
}

/// The frames that an exception left, innermost first, and below them those that are still running.
fn frames(value: &Bound<'_, PyAny>) -> Vec<(Ref, u32)> {
    let mut frames = Vec::new();
    let mut outermost = None;
    let mut next = value.getattr("__traceback__").ok();
    while let Some(traceback) = next.take().filter(|it| !it.is_none()) {
        let (Ok(frame), Ok(line)) = (traceback.getattr("tb_frame"), traceback.getattr("tb_lineno")) else { break };
        if outermost.is_none() {
            outermost = Some(frame.clone());
        }
        frames.push((Ref::from(frame), line.extract().unwrap_or(1)));
        next = traceback.getattr("tb_next").ok();
    }
    frames.reverse();
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
/// start is an event; 3.11: see [`wrap_thread_hook`]).
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

/// `threading.excepthook` as it was before ours.
static ORIGINAL_HOOK: GilCell<Option<Ref>> = GilCell::new(None);
static OUR_HOOK: GilCell<Option<Ref>> = GilCell::new(None);

/// 3.11: puts a function before `threading.excepthook`, whatever it is now. Called when a thread is about to be started.
pub(crate) fn wrap_thread_hook(py: Python<'_>) -> PyResult<()> {
    let modules = py.import("sys")?.getattr("modules")?;
    let Ok(threading) = modules.get_item("threading") else { return Ok(()) };
    let hook = threading.getattr("excepthook")?;
    let ours = match OUR_HOOK.with(py, |it| it.as_ref().map(|it| it.bind(py))) {
        Some(ours) => ours,
        None => {
            let ours = builtin(py, c"excepthook", on_thread_exception)?;
            let kept = Ref::from(ours.clone());
            OUR_HOOK.with(py, |it| *it = Some(kept));
            ours
        }
    };
    if !hook.is(&ours) {
        let original = Ref::from(hook);
        let old = ORIGINAL_HOOK.with(py, |it| it.replace(original));
        drop(old);
        threading.setattr("excepthook", ours)?;
    }
    Ok(())
}

unsafe extern "C" fn on_thread_exception(_: *mut PyObject, args: *mut *mut PyObject, count: isize) -> *mut PyObject {
    // SAFETY: called by Python code, with the GIL.
    let py = unsafe { Python::assume_attached() };
    let original = ORIGINAL_HOOK.with(py, |it| it.as_ref().map(|it| it.bind(py)));
    if count >= 1 && !lifetime::is_child(py) {
        // SAFETY: at least one argument: the record with `exc_value`.
        let record = unsafe { Bound::from_borrowed_ptr(py, *args) };
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            if let Ok(value) = record.getattr("exc_value") {
                if !value.is_none() {
                    uncaught(py, &value);
                }
            }
        }));
    }
    match original {
        // SAFETY: the arguments as they came, for the hook that was there before.
        Some(original) => unsafe {
            (capi::py().vectorcall)(original.as_ptr(), args, count.cast_unsigned(), std::ptr::null_mut())
        },
        // SAFETY: the GIL is held.
        None => unsafe { ffi::Py_NewRef(ffi::Py_None()) },
    }
}
