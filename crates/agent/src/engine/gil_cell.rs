//! State that the GIL protects.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::Python;

/// A value that only the thread with the GIL touches, for the length of one closure that runs no Python code: a Python
/// call could give the GIL away or come back here.
#[derive(Debug)]
pub(crate) struct GilCell<T> {
    value: UnsafeCell<T>,
    busy: AtomicBool,
}

// SAFETY: `with` hands the value to one thread at a time: the token says that it holds the GIL, the flag that nobody else
// is inside.
unsafe impl<T: Send> Sync for GilCell<T> {}

impl<T> GilCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self { value: UnsafeCell::new(value), busy: AtomicBool::new(false) }
    }

    /// Runs `work` on the value. Panics if the calling thread is inside already.
    pub(crate) fn with<R>(&self, _py: Python<'_>, work: impl FnOnce(&mut T) -> R) -> R {
        struct Leave<'a>(&'a AtomicBool);
        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                self.0.store(false, Ordering::Relaxed);
            }
        }
        assert!(!self.busy.swap(true, Ordering::Relaxed), "Python code ran while the agent's state was borrowed");
        let _leave = Leave(&self.busy);
        // SAFETY: the flag shows that no other reference exists.
        work(unsafe { &mut *self.value.get() })
    }
}
