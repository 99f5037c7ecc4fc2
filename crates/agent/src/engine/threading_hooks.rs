//! 3.11: learns from `threading` when a thread starts and when its exception is reported. Later versions tell by events.
//!
//! Two functions of the module are replaced by builtins that do the same and tell us: `_start_new_thread` (a new thread needs
//! the trace function) and `excepthook`. That happens when the module has been loaded: its code is traced until it returns.

use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;

use super::gil_cell::GilCell;
use super::{exceptions, trace};
use crate::capi::builtin::{Callback, builtin};
use crate::capi::{self, Ref, capi};
use crate::lifetime;

/// A replaced function.
struct Hook {
    original: Option<Ref>,
    ours: Option<Ref>,
}

impl Hook {
    const fn new() -> GilCell<Self> {
        GilCell::new(Self { original: None, ours: None })
    }
}

static EXCEPT_HOOK: GilCell<Hook> = Hook::new();
static START_HOOK: GilCell<Hook> = Hook::new();
/// The code of the module while it is being loaded; 0 = it is not.
static LOADING: AtomicUsize = AtomicUsize::new(0);

/// Whether the module is being loaded.
pub(crate) fn loading() -> bool {
    LOADING.load(Ordering::Relaxed) != 0
}

/// Code is about to run: if it is the module's, it is traced to its end.
pub(crate) fn code_runs(py: Python<'_>, code: &Bound<'_, PyAny>) {
    if capi().version >= (3, 12) {
        return;
    }
    let is = |name: &str, wanted: &str| {
        code.getattr(name).and_then(|it| it.extract::<String>()).is_ok_and(|it| it.ends_with(wanted))
    };
    if is("co_filename", "/threading.py") && is("co_name", "<module>") {
        LOADING.store(code.as_ptr().addr(), Ordering::Relaxed);
        trace::update(py);
    }
}

/// Code returns: if it was the module's, the functions are replaced.
pub(crate) fn code_returns(py: Python<'_>, code: *mut PyObject) {
    if LOADING.compare_exchange(code.addr(), 0, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
        if let Err(error) = install(py) {
            super::stop::forget_error(py, error);
        }
        trace::update(py);
    }
}

/// Replaces the functions if the module is there.
pub(crate) fn install(py: Python<'_>) -> PyResult<()> {
    let modules = py.import("sys")?.getattr("modules")?;
    if capi().version < (3, 12) && modules.contains("threading")? {
        let threading = modules.get_item("threading")?;
        replace(py, &threading, "excepthook", &EXCEPT_HOOK, on_exception)?;
        replace(py, &threading, "_start_new_thread", &START_HOOK, on_start)?;
    }
    Ok(())
}

fn replace(
    py: Python<'_>,
    module: &Bound<'_, PyAny>,
    name: &str,
    hook: &GilCell<Hook>,
    callback: Callback,
) -> PyResult<()> {
    let present = module.getattr(name)?;
    let ours = hook.with(py, |it| it.ours.as_ref().map(|it| it.bind(py)));
    if ours.is_some_and(|ours| ours.is(&present)) {
        return Ok(());
    }
    let label = if name == "excepthook" { c"_excepthook" } else { c"start_new_thread" };
    let ours = builtin(py, label, callback)?;
    let (original, kept) = (Ref::from(present), Ref::from(ours.clone()));
    let old = hook.with(py, |it| (it.original.replace(original), it.ours.replace(kept)));
    drop(old);
    module.setattr(name, ours)
}

/// Calls the function that was there before.
///
/// # Safety
/// `args` are `count` live objects.
unsafe fn call_original(py: Python<'_>, hook: &GilCell<Hook>, args: *mut *mut PyObject, count: isize) -> *mut PyObject {
    match hook.with(py, |it| it.original.as_ref().map(|it| it.bind(py))) {
        // SAFETY: by the caller.
        Some(original) => unsafe {
            (capi::py().vectorcall)(original.as_ptr(), args, count.cast_unsigned(), std::ptr::null_mut())
        },
        // SAFETY: the GIL is held.
        None => unsafe { ffi::Py_NewRef(ffi::Py_None()) },
    }
}

unsafe extern "C" fn on_exception(_: *mut PyObject, args: *mut *mut PyObject, count: isize) -> *mut PyObject {
    // SAFETY: called by Python code, with the GIL.
    let py = unsafe { Python::assume_attached() };
    if count >= 1 && !lifetime::is_child(py) {
        // SAFETY: at least one argument: the record with `exc_value`.
        let record = unsafe { Bound::from_borrowed_ptr(py, *args) };
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            if let Some(value) = record.getattr("exc_value").ok().filter(|value| !value.is_none()) {
                exceptions::uncaught(py, &value);
            }
        }));
        if outcome.is_err() {
            lifetime::give_up(py, "the agent failed in the hook for exceptions of threads");
        }
    }
    // SAFETY: the arguments as they came.
    unsafe { call_original(py, &EXCEPT_HOOK, args, count) }
}

unsafe extern "C" fn on_start(_: *mut PyObject, args: *mut *mut PyObject, count: isize) -> *mut PyObject {
    // SAFETY: called by Python code, with the GIL.
    let py = unsafe { Python::assume_attached() };
    // SAFETY: the arguments as they came.
    let ident = unsafe { call_original(py, &START_HOOK, args, count) };
    if !ident.is_null() && !lifetime::is_child(py) {
        trace::thread_started(py);
    }
    ident
}
