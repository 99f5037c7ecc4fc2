//! What the program's main thread exits with, as `SystemExit` says it: the interpreter asks the exception for its `code` when nothing of
//! the program's is running any more, and that is the only place where it can be had as an object.

use std::ffi::{c_int, c_void};
use std::sync::OnceLock;

use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;

use super::threads;
use crate::capi;
use crate::lifetime;

type GetAttribute = unsafe extern "C" fn(*mut PyObject, *mut PyObject) -> *mut PyObject;
/// Told of the code.
type Tell = fn(&Bound<'_, PyAny>);

struct Watch {
    original: GetAttribute,
    tell: Tell,
}

static WATCH: OnceLock<Watch> = OnceLock::new();

/// Where a type has the function that reads attributes of its instances, in all versions: the eighteenth field of one word.
const SLOT: usize = 18 * size_of::<usize>();

/// Has `tell` told what the main thread exits with. Without effect where the interpreter is laid out in another way.
pub(crate) fn watch(_py: Python<'_>, tell: Tell) {
    // SAFETY: a static type of the interpreter's; the slot is looked at only to be compared with what the interpreter says is in it.
    unsafe {
        let class: *mut ffi::PyTypeObject = ffi::PyExc_SystemExit.cast();
        let found = ffi::PyType_GetSlot(class, ffi::Py_tp_getattro as c_int);
        let slot = class.cast::<u8>().add(SLOT).cast::<*mut c_void>();
        if found.is_null() || slot.read() != found {
            return;
        }
        let original = std::mem::transmute::<*mut c_void, GetAttribute>(found);
        if WATCH.set(Watch { original, tell }).is_ok() {
            // Classes that were derived before keep the interpreter's function; there are none of the program's yet.
            slot.write(get_attribute as GetAttribute as *mut c_void);
        }
    }
}

unsafe extern "C" fn get_attribute(object: *mut PyObject, name: *mut PyObject) -> *mut PyObject {
    let Some(watch) = WATCH.get() else { return std::ptr::null_mut() };
    // SAFETY: with what the interpreter gave.
    let value = unsafe { (watch.original)(object, name) };
    if !value.is_null() && threads::is_main() && lifetime::debugging() && capi::in_main_interpreter() {
        // SAFETY: attributes are read with the GIL.
        let py = unsafe { Python::assume_attached() };
        if capi::current_frame().is_null() {
            // SAFETY: the value that was just read, and the name, live as long as this call.
            let (value, name) = unsafe { (Bound::from_borrowed_ptr(py, value), Bound::from_borrowed_ptr(py, name)) };
            lifetime::callback(py, "the end of the program", || {
                if name.extract::<&str>().is_ok_and(|it| it == "code") {
                    (watch.tell)(&value);
                }
            });
        }
    }
    value
}
