//! What the interpreter's audit hook tells: code that is about to run, exceptions that nobody caught, tracers and children.
//!
//! The hook is native and stays for the life of the process, so after the agent has let go it returns at once.

use std::ffi::{CStr, c_char, c_int, c_void};

use pyo3::ffi::PyObject;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::{breakpoints, codes, exceptions, trace};
use crate::capi::{self, capi};
use crate::{api, children, lifetime};

/// An audit event. Called with the GIL, by any interpreter of the process.
pub(crate) unsafe extern "C" fn on_event(event: *const c_char, args: *mut c_void) -> c_int {
    // SAFETY: the interpreter gives a C string.
    let name = unsafe { CStr::from_ptr(event) }.to_bytes();
    // The names are compared before anything else: most events are none of ours, and every one passes here.
    if !matches!(
        name,
        b"exec"
            | b"sys.excepthook"
            | b"sys.unraisablehook"
            | b"sys.settrace"
            | b"os.fork"
            | b"os.forkpty"
            | b"subprocess.Popen"
            | b"os.posix_spawn"
            | b"ikpdb.agent"
    ) {
        return 0;
    }
    if !lifetime::debugging() || lifetime::forked() || !capi::in_main_interpreter() {
        return 0;
    }
    // SAFETY: audit hooks are called with the GIL; the arguments are a tuple.
    let (py, args) = unsafe {
        let py = Python::assume_attached();
        (py, Bound::from_borrowed_ptr(py, args.cast::<PyObject>()))
    };
    lifetime::callback(py, "the audit hook", || handle(py, name, &args));
    0
}

fn handle(py: Python<'_>, name: &[u8], args: &Bound<'_, PyAny>) {
    let argument = |index: usize| args.cast::<PyTuple>().ok().and_then(|args| args.get_item(index).ok());
    match name {
        b"exec" => {
            if let Some(code) = argument(0).filter(codes::is_code) {
                let loaded = Python::attach(|py| {
                    let files = codes::register_tree(py, &code)?;
                    codes::keep_contents(py, &files);
                    breakpoints::loaded(py, &files)
                });
                if let Err(error) = loaded {
                    super::stop::forget_error(py, error);
                }
            }
        }
        b"sys.excepthook" => {
            if let Some(value) = argument(2).filter(|it| !it.is_none()) {
                exceptions::ends_program(py, &value);
                exceptions::report_begins();
            }
        }
        b"sys.unraisablehook" => {
            // The record: type, exception, traceback and more.
            if let Some(value) = argument(1).and_then(|it| it.get_item(1).ok()).filter(|it| !it.is_none()) {
                exceptions::ignored(py, &value);
            }
        }
        b"sys.settrace" => {
            if capi().version < (3, 12) {
                trace::tracer_changes();
            }
        }
        b"ikpdb.agent" => {
            if let Some(place) = argument(0)
                && let Err(error) = Python::attach(|py| api::give(py, &place))
            {
                super::stop::forget_error(py, error);
            }
        }
        _ => children::may_appear(),
    }
}
