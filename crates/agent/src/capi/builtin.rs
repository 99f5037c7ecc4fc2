//! Python functions that are implemented here.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::null_mut;

use pyo3::ffi::{self, PyMethodDef, PyMethodDefPointer, PyObject};
use pyo3::prelude::*;

use super::{capi, method};

/// A callback as `METH_FASTCALL` calls it.
pub(crate) type Callback = unsafe extern "C" fn(*mut PyObject, *mut *mut PyObject, isize) -> *mut PyObject;

/// A callback that takes keyword arguments, too: their values follow the positional ones, their names are a tuple or null.
pub(crate) type CallbackWithNames =
    unsafe extern "C" fn(*mut PyObject, *const *mut PyObject, isize, *mut PyObject) -> *mut PyObject;

/// A Python function that runs `callback`.
pub(crate) fn builtin<'py>(py: Python<'py>, name: &'static CStr, callback: Callback) -> PyResult<Bound<'py, PyAny>> {
    make(py, name, PyMethodDefPointer { PyCFunctionFast: callback }, ffi::METH_FASTCALL, Looks::default())
}

/// A Python function that runs `callback`, which is called without anything between, where that can be: what the interpreter has there
/// takes up to half as many instructions as a callback that finds nothing to do. The callback must not look at its first and third
/// argument: they mean something else then.
pub(crate) fn called_directly<'py>(
    py: Python<'py>,
    name: &'static CStr,
    callback: CallbackWithNames,
) -> PyResult<Bound<'py, PyAny>> {
    /// What is called, as a word of the object: behind the two that every object begins with, the definition, self, module and weak
    /// references.
    const CALLED: usize = 6;
    let pointer = PyMethodDefPointer { PyCFunctionFastWithKeywords: callback };
    let function = make(py, name, pointer, ffi::METH_FASTCALL | ffi::METH_KEYWORDS, Looks::default())?;
    if let Some(called) = capi().optional.called {
        // SAFETY: a live builtin function, which nobody else has yet and which has so many words; this one is believed only if it is what
        // the public interface names. What is put there has the signature of what was: object, arguments, their number, names or null.
        unsafe {
            let place = function.as_ptr().cast::<*mut c_void>().add(CALLED);
            if *place == called(function.as_ptr()) {
                *place = callback as *mut c_void;
            }
        }
    }
    Ok(function)
}

/// A Python function that runs `callback` and takes keyword arguments, and looks like a builtin of a module that it takes the place of.
pub(crate) fn builtin_in_place_of<'py>(
    original: &Bound<'py, PyAny>,
    name: &'static CStr,
    callback: CallbackWithNames,
) -> PyResult<Bound<'py, PyAny>> {
    let pointer = PyMethodDefPointer { PyCFunctionFastWithKeywords: callback };
    let module = original.getattr("__module__")?;
    let looks = Looks {
        doc: method::doc_of(original),
        // SAFETY: a builtin function, as the check says; a borrowed reference or null.
        this: unsafe {
            if ffi::PyCFunction_Check(original.as_ptr()) == 0 {
                null_mut()
            } else {
                ffi::PyCFunction_GetSelf(original.as_ptr())
            }
        },
        module: module.as_ptr(),
    };
    make(original.py(), name, pointer, ffi::METH_FASTCALL | ffi::METH_KEYWORDS, looks)
}

/// What a function shows of itself. The references are borrowed, the text lives for ever.
struct Looks {
    /// The signature and what it does.
    doc: *const c_char,
    this: *mut PyObject,
    module: *mut PyObject,
}

impl Default for Looks {
    fn default() -> Self {
        Self { doc: std::ptr::null(), this: null_mut(), module: null_mut() }
    }
}

fn make<'py>(
    py: Python<'py>,
    name: &'static CStr,
    ml_meth: PyMethodDefPointer,
    ml_flags: c_int,
    looks: Looks,
) -> PyResult<Bound<'py, PyAny>> {
    // The interpreter keeps the definition's address for as long as the function lives, which may be for ever.
    let definition = Box::leak(Box::new(PyMethodDef { ml_name: name.as_ptr(), ml_meth, ml_flags, ml_doc: looks.doc }));
    // SAFETY: the definition is never freed and its flags are those of its callback; self and module are alive or null.
    unsafe {
        let function = ffi::PyCFunction_NewEx(definition, looks.this, looks.module);
        Bound::from_owned_ptr_or_err(py, function)
    }
}
