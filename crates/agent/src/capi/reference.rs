//! A strong reference that is kept between callbacks.

use std::ptr::NonNull;

use pyo3::ffi::{self, PyObject};
use pyo3::{Bound, PyAny, Python};

/// A strong reference. It is made, used and dropped only by threads that hold the GIL: pyo3's own `Py` would put the
/// decrement off for ever where pyo3 did not take the GIL itself, as in our callbacks.
#[derive(Debug)]
pub(crate) struct Ref(NonNull<PyObject>);

// SAFETY: only the address crosses threads; every use needs the GIL, which the methods ask for or document.
unsafe impl Send for Ref {}
// SAFETY: as above.
unsafe impl Sync for Ref {}

impl Ref {
    /// Takes over a new reference; `None` for null.
    ///
    /// # Safety
    /// `object` is null or a reference that the caller owns; the GIL is held.
    pub(crate) unsafe fn steal(object: *mut PyObject) -> Option<Self> {
        NonNull::new(object).map(Self)
    }

    /// Makes a new reference to a live object.
    ///
    /// # Safety
    /// `object` is alive; the GIL is held.
    pub(crate) unsafe fn borrow(object: *mut PyObject) -> Self {
        // SAFETY: alive, by the caller.
        unsafe { ffi::Py_INCREF(object) };
        Self(NonNull::new(object).expect("a live object has an address"))
    }

    /// The address.
    pub(crate) fn as_ptr(&self) -> *mut PyObject {
        self.0.as_ptr()
    }

    /// The object for pyo3.
    pub(crate) fn bind<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        // SAFETY: we hold a reference, and the token says that the GIL is held.
        unsafe { Bound::from_borrowed_ptr(py, self.as_ptr()) }
    }
}

impl From<Bound<'_, PyAny>> for Ref {
    fn from(object: Bound<'_, PyAny>) -> Self {
        Self(NonNull::new(object.into_ptr()).expect("a bound object has an address"))
    }
}

impl Drop for Ref {
    fn drop(&mut self) {
        // SAFETY: we own one reference; the GIL is held by the rule of this type.
        unsafe { ffi::Py_DECREF(self.as_ptr()) };
    }
}
