//! Puts a function of ours behind a builtin function. The object stays what it is: whoever has it, has looked it up before, or
//! compares it, notices nothing.

use std::ffi::{c_char, c_int};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

use pyo3::ffi::{self, PyMethodDef, PyMethodDefPointer, PyObject};
use pyo3::prelude::*;

/// Where a builtin function keeps its definition: behind the two words that every object begins with.
const DEFINITION: usize = 2 * size_of::<usize>();

/// The text of a builtin function's definition, which lives as long as the interpreter; null if it has none.
pub(super) fn doc_of(function: &Bound<'_, PyAny>) -> *const c_char {
    let object = function.as_ptr();
    // SAFETY: a live object. Its definition is read only if it is a builtin function, and believed only if it names the function that the
    // public interface names.
    unsafe {
        if ffi::PyCFunction_Check(object) == 0 {
            return std::ptr::null();
        }
        let (definition, present) = (*definition_of(object), ffi::PyCFunction_GetFunction(object));
        match present {
            Some(present) if (*definition).ml_meth.PyCFunction as usize == present as usize => (*definition).ml_doc,
            _ => std::ptr::null(),
        }
    }
}

/// A builtin function that we can stand behind.
#[derive(Debug)]
pub(crate) struct Method {
    /// The object; null while nothing is replaced. We hold a reference.
    object: AtomicPtr<PyObject>,
    /// Its own definition. The interpreter never frees it.
    original: AtomicPtr<PyMethodDef>,
}

impl Method {
    pub(crate) const fn new() -> Self {
        Self { object: AtomicPtr::new(null_mut()), original: AtomicPtr::new(null_mut()) }
    }

    /// Lets `function` call `ours`, which takes its arguments in the manner `flags`. False if it is no such builtin.
    pub(crate) fn replace(&self, function: &Bound<'_, PyAny>, ours: PyMethodDefPointer, flags: c_int) -> bool {
        let object = function.as_ptr();
        // SAFETY: a live object. Its definition is read only if it is a builtin function, and believed only if it names the
        // function that the public interface names.
        unsafe {
            if ffi::PyCFunction_Check(object) == 0 || ffi::PyCFunction_GetFlags(object) != flags {
                return false;
            }
            let place = definition_of(object);
            let original = *place;
            let Some(present) = ffi::PyCFunction_GetFunction(object) else { return false };
            if (*original).ml_meth.PyCFunction as usize != present as usize {
                return false;
            }
            // For ever: a call that is under way when it is taken back still uses it.
            let definition = Box::leak(Box::new(PyMethodDef {
                ml_name: (*original).ml_name,
                ml_meth: ours,
                ml_flags: flags,
                ml_doc: (*original).ml_doc,
            }));
            self.original.store(original, Ordering::Relaxed);
            self.object.store(ffi::Py_NewRef(object), Ordering::Relaxed);
            *place = definition;
        }
        true
    }

    /// Calls what was there before: a new reference, or null with an error.
    ///
    /// # Safety
    /// Called by the replacement, with what it was given.
    pub(crate) unsafe fn call(&self, this: *mut PyObject, arguments: *mut PyObject) -> *mut PyObject {
        let original = self.original.load(Ordering::Relaxed);
        // SAFETY: the replacement runs, so `replace` was called; the definition lives for ever.
        unsafe { ((*original).ml_meth.PyCFunction)(this, arguments) }
    }

    /// The same for a function that takes its arguments as an array.
    ///
    /// # Safety
    /// As [`Self::call`].
    pub(crate) unsafe fn call_fast(
        &self,
        this: *mut PyObject,
        arguments: *const *mut PyObject,
        count: ffi::Py_ssize_t,
    ) -> *mut PyObject {
        let original = self.original.load(Ordering::Relaxed);
        // SAFETY: as in `call`; `replace` has compared the manner in which the arguments are taken.
        unsafe { ((*original).ml_meth.PyCFunctionFast)(this, arguments.cast_mut(), count) }
    }

    /// Gives the function its own definition back. Needs the GIL.
    pub(crate) fn restore(&self, _py: Python<'_>) {
        let object = self.object.swap(null_mut(), Ordering::Relaxed);
        if !object.is_null() {
            // SAFETY: we hold the object, and `replace` has looked at its definition.
            unsafe {
                *definition_of(object) = self.original.load(Ordering::Relaxed);
                ffi::Py_DECREF(object);
            }
        }
    }
}

/// # Safety
/// A live builtin function.
unsafe fn definition_of(object: *mut PyObject) -> *mut *mut PyMethodDef {
    // SAFETY: by the caller.
    unsafe { object.cast::<u8>().add(DEFINITION).cast() }
}
