//! The stop before the program's first line.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::Python;
use pyo3::ffi::{self, PyFrameObject};
use pyo3::prelude::*;

use super::codes::{self, CodeInfo};
use super::go_on::{Landing, Step};
use super::step::{self, Kind};
use super::stop;
use crate::capi::{self, Ref};

static PENDING: AtomicBool = AtomicBool::new(false);

/// Stops the current thread before the first line of `__main__`.
pub(crate) fn arm(py: Python<'_>) {
    PENDING.store(true, Ordering::Relaxed);
    let step = Step {
        kind: Kind::Entry,
        thread: capi::current_thread(),
        frame: None,
        call: None,
        anyway: false,
        landing: Landing::Caller,
    };
    step::begin(py, step, stop::policy());
}

/// Whether a frame is the main module's own: its globals are `__main__`'s and it is no function.
pub(crate) fn is_main(py: Python<'_>, frame: *mut PyFrameObject) -> bool {
    // SAFETY: the running frame; what is new is held, the module's dict is borrowed from it.
    unsafe {
        let Some(globals) = Ref::steal((capi::py().frame_get_globals)(frame)) else { return false };
        // Not to be made: while `runpy` looks for the main module of a folder there must be none.
        let Some(name) = Ref::steal(ffi::PyUnicode_InternFromString(c"__main__".as_ptr())) else { return false };
        let Some(main) = Ref::steal(ffi::PyImport_GetModule(name.as_ptr())) else {
            ffi::PyErr_Clear();
            return false;
        };
        if ffi::PyModule_Check(main.as_ptr()) == 0 || ffi::PyModule_GetDict(main.as_ptr()) != globals.as_ptr() {
            return false;
        }
        let code = Bound::from_borrowed_ptr(py, capi::frame_code(frame).cast());
        code.getattr("co_name").is_ok_and(|name| name.eq("<module>").unwrap_or(false))
    }
}

/// The main module begins: its file is the user's own, wherever it lies.
pub(crate) fn reached(py: Python<'_>, info: *mut CodeInfo) {
    PENDING.store(false, Ordering::Relaxed);
    // SAFETY: the record of running code.
    codes::adopt(py, unsafe { (*info).file });
}
