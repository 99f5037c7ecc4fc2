//! Builtins through which the interpreter tells what it has no events for: on 3.11 that a thread starts, that its exception is
//! reported, and with what the program exits; there and on 3.13 that a program has begun or stopped tracing itself.

use std::ffi::c_int;

use pyo3::ffi::{self, PyCFunction, PyMethodDefPointer, PyObject};
use pyo3::prelude::*;

use super::{events, exceptions, threads, trace};
use crate::capi::method::Method;
use crate::capi::{Version, capi};
use crate::door::original;
use crate::lifetime;

static START: Method = Method::new();
/// The same under its old name.
static START_NEW: Method = Method::new();
static EXC_INFO: Method = Method::new();
static SET_TRACE: Method = Method::new();
static EXIT: Method = Method::new();

/// The versions that need it, module, function, what stands behind it, how it takes its arguments.
type Row = (&'static [Version], &'static str, &'static str, &'static Method, PyMethodDefPointer, c_int);

const TABLE: [Row; 5] = [
    (&[(3, 11)], "_thread", "start_new_thread", &START, plain(on_start), ffi::METH_VARARGS),
    (&[(3, 11)], "_thread", "start_new", &START_NEW, plain(on_start_new), ffi::METH_VARARGS),
    (&[(3, 11)], "sys", "exc_info", &EXC_INFO, plain(on_exc_info), ffi::METH_NOARGS),
    (&[(3, 11), (3, 13)], "sys", "settrace", &SET_TRACE, plain(on_set_trace), ffi::METH_O),
    (&[(3, 11)], "sys", "exit", &EXIT, PyMethodDefPointer { PyCFunctionFast: on_exit }, ffi::METH_FASTCALL),
];

const fn plain(function: PyCFunction) -> PyMethodDefPointer {
    PyMethodDefPointer { PyCFunction: function }
}

/// Stands behind the builtins. Both modules are always there, the interpreter's own start needs them.
pub(crate) fn install(py: Python<'_>) -> PyResult<()> {
    let modules = py.import("sys")?.getattr("modules")?;
    for (_, module, name, method, ours, flags) in TABLE.into_iter().filter(|row| row.0.contains(&capi().version)) {
        let function = modules.get_item(module)?.getattr(name)?;
        if !method.replace(&function, ours, flags) {
            crate::log::line(&format!(
                "{module}.{name} is not the interpreter's own: breakpoints may be missed in threads"
            ));
        }
    }
    Ok(())
}

/// Gives the builtins back.
pub(crate) fn remove(py: Python<'_>) {
    for (_, _, _, method, _, _) in TABLE {
        method.restore(py);
    }
}

/// Runs our part of a builtin: nothing escapes, and a child process is left alone.
fn ours(work: impl FnOnce(Python<'_>)) {
    // SAFETY: builtins are called with the GIL.
    let py = unsafe { Python::assume_attached() };
    if lifetime::is_child(py) || !lifetime::debugging() {
        return;
    }
    lifetime::callback(py, "a builtin function", || work(py));
}

/// The state of the new thread is there, but it has not run yet: for that it needs the GIL.
unsafe extern "C" fn on_start(this: *mut PyObject, arguments: *mut PyObject) -> *mut PyObject {
    // SAFETY: with what the interpreter gave.
    let ident = unsafe { START.call(this, arguments) };
    thread_started(ident)
}

unsafe extern "C" fn on_start_new(this: *mut PyObject, arguments: *mut PyObject) -> *mut PyObject {
    // SAFETY: with what the interpreter gave.
    let ident = unsafe { START_NEW.call(this, arguments) };
    thread_started(ident)
}

fn thread_started(ident: *mut PyObject) -> *mut PyObject {
    if !ident.is_null() {
        ours(trace::thread_started);
    }
    ident
}

/// The first thing that `threading` does to report the uncaught exception of a thread, to whatever hook the program has.
unsafe extern "C" fn on_exc_info(this: *mut PyObject, nothing: *mut PyObject) -> *mut PyObject {
    if exceptions::watches_reports() && exceptions::in_thread_hook() {
        ours(exceptions::thread_hook_begins);
    }
    // SAFETY: with what the interpreter gave.
    unsafe { EXC_INFO.call(this, nothing) }
}

/// On 3.11 what is given here need not become an exception that could be asked for it.
unsafe extern "C" fn on_exit(
    this: *mut PyObject,
    arguments: *mut *mut PyObject,
    count: ffi::Py_ssize_t,
) -> *mut PyObject {
    if original::door().is_some() && threads::is_main() {
        ours(|py| {
            // SAFETY: the arguments as they came.
            let code = (count > 0).then(|| unsafe { Bound::from_borrowed_ptr(py, *arguments) });
            original::ending::asks_to_exit(code.as_ref());
        });
    }
    // SAFETY: with what the interpreter gave.
    unsafe { EXIT.call_fast(this, arguments, count) }
}

unsafe extern "C" fn on_set_trace(this: *mut PyObject, function: *mut PyObject) -> *mut PyObject {
    // SAFETY: with what the interpreter gave.
    let answer = unsafe { SET_TRACE.call(this, function) };
    if !answer.is_null() {
        ours(events::tracer_changed);
    }
    answer
}
