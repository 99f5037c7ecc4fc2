//! Python functions that are implemented here.

use std::ffi::{CStr, c_int};

use pyo3::ffi::{self, PyMethodDef, PyMethodDefPointer, PyObject};
use pyo3::prelude::*;

/// A callback as `METH_FASTCALL` calls it.
pub(crate) type Callback = unsafe extern "C" fn(*mut PyObject, *mut *mut PyObject, isize) -> *mut PyObject;

/// A callback that takes keyword arguments, too: their values follow the positional ones, their names are a tuple or null.
pub(crate) type CallbackWithNames =
    unsafe extern "C" fn(*mut PyObject, *const *mut PyObject, isize, *mut PyObject) -> *mut PyObject;

/// A Python function that runs `callback`.
pub(crate) fn builtin<'py>(py: Python<'py>, name: &'static CStr, callback: Callback) -> PyResult<Bound<'py, PyAny>> {
    make(py, name, PyMethodDefPointer { PyCFunctionFast: callback }, ffi::METH_FASTCALL)
}

/// A Python function that runs `callback` and takes keyword arguments.
pub(crate) fn builtin_with_names<'py>(
    py: Python<'py>,
    name: &'static CStr,
    callback: CallbackWithNames,
) -> PyResult<Bound<'py, PyAny>> {
    let pointer = PyMethodDefPointer { PyCFunctionFastWithKeywords: callback };
    make(py, name, pointer, ffi::METH_FASTCALL | ffi::METH_KEYWORDS)
}

fn make<'py>(
    py: Python<'py>,
    name: &'static CStr,
    ml_meth: PyMethodDefPointer,
    ml_flags: c_int,
) -> PyResult<Bound<'py, PyAny>> {
    // The interpreter keeps the definition's address for as long as the function lives, which may be for ever.
    let definition =
        Box::leak(Box::new(PyMethodDef { ml_name: name.as_ptr(), ml_meth, ml_flags, ml_doc: std::ptr::null() }));
    // SAFETY: the definition is never freed and its flags are those of its callback; no self, no module.
    unsafe {
        let function = ffi::PyCFunction_NewEx(definition, std::ptr::null_mut(), std::ptr::null_mut());
        Bound::from_owned_ptr_or_err(py, function)
    }
}
