//! The agent's allocator: the system's, with a reserve for when the program has used up all memory.
//!
//! Rust ends the process when it gets no memory, which would be our doing. So some is put aside, untouched: address space only. It is given
//! back to the system for the time of a stop, in which Python's allocator needs some, too, and when the agent is refused something; behind the
//! stop it is put aside anew, if there is enough again.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

use pyo3::ffi::{self, PyObject};

/// Far more than the description of a stop takes; and Python's own allocator takes a megabyte at once.
const SIZE: usize = 4 << 20;

static RESERVE: AtomicPtr<libc::c_void> = AtomicPtr::new(null_mut());

/// Puts memory aside, if it is not there already and can be had.
pub(crate) fn keep() {
    if !RESERVE.load(Ordering::Relaxed).is_null() {
        return;
    }
    // SAFETY: a new mapping of our own, that nobody touches.
    let made = unsafe {
        libc::mmap(
            null_mut(),
            SIZE,
            libc::PROT_NONE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
            -1,
            0,
        )
    };
    if made != libc::MAP_FAILED
        && RESERVE.compare_exchange(null_mut(), made, Ordering::AcqRel, Ordering::Relaxed).is_err()
    {
        // SAFETY: mapped above, and not handed to anybody.
        unsafe { libc::munmap(made, SIZE) };
    }
}

/// Gives it back; whether there was any.
pub(crate) fn release() -> bool {
    let kept = RESERVE.swap(null_mut(), Ordering::AcqRel);
    // SAFETY: what `keep` has mapped; taken out above, so unmapped once.
    !kept.is_null() && unsafe { libc::munmap(kept, SIZE) } == 0
}

/// While this lives the reserve is there to be used.
pub(crate) struct Opened;

impl Opened {
    /// For looking at an exception that may say that there is no memory left.
    pub(crate) fn for_exception(value: *mut PyObject) -> Option<Self> {
        // SAFETY: a live exception under the GIL, and a static type; only addresses are compared.
        let is_memory_error = unsafe { ffi::Py_TYPE(value).cast() == ffi::PyExc_MemoryError };
        is_memory_error.then(|| {
            release();
            Self
        })
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        keep();
    }
}

struct Allocator;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

// SAFETY: everything is the system allocator's; a request that was refused is made once more.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: by the caller.
        let made = unsafe { System.alloc(layout) };
        // SAFETY: by the caller.
        if made.is_null() && release() { unsafe { System.alloc(layout) } } else { made }
    }

    unsafe fn dealloc(&self, made: *mut u8, layout: Layout) {
        // SAFETY: by the caller.
        unsafe { System.dealloc(made, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: by the caller.
        let made = unsafe { System.alloc_zeroed(layout) };
        // SAFETY: by the caller.
        if made.is_null() && release() { unsafe { System.alloc_zeroed(layout) } } else { made }
    }

    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: by the caller. What was refused has left the old one as it was.
        let made = unsafe { System.realloc(old, layout, size) };
        // SAFETY: by the caller.
        if made.is_null() && release() { unsafe { System.realloc(old, layout, size) } } else { made }
    }
}
