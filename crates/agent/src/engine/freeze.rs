//! Holds every thread but one still while that one runs: during an evaluation and at the begin of a step.
//!
//! A stopped thread keeps the GIL, so nothing moves while it waits. The first Python function that it runs would give the
//! GIL away. So each other thread is parked at its next line, natively, without the GIL: by a line event everywhere, or
//! on 3.11 by the trace function.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use pyo3::Python;

use super::{events, gil};
use crate::capi;

static FROZEN: AtomicBool = AtomicBool::new(false);
/// `pthread_self` of the thread that may run.
static FREE: AtomicUsize = AtomicUsize::new(0);
static LOCK: Mutex<()> = Mutex::new(());
static RELEASED: Condvar = Condvar::new();

thread_local! {
    static EXEMPT: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

fn this_thread() -> usize {
    // SAFETY: always allowed.
    unsafe { libc::pthread_self() as usize }
}

/// Exempts the calling thread, one of ours, for ever.
pub(crate) fn exempt_me() {
    EXEMPT.with(|it| it.set(true));
}

/// Whether the calling thread is one of ours.
pub(crate) fn is_exempt() -> bool {
    EXEMPT.with(std::cell::Cell::get)
}

/// Freezes all threads but the given one (`pthread_self`).
pub(crate) fn begin(py: Python<'_>, free: usize) {
    FREE.store(free, Ordering::Relaxed);
    if !FROZEN.swap(true, Ordering::Relaxed) {
        events::update(py);
    }
}

/// Lets all threads run. Needs no GIL; the events go at the next safe point.
pub(crate) fn release() {
    if FROZEN.swap(false, Ordering::Relaxed) {
        // Under the lock, so that no thread misses it between its look and its wait.
        let _guard = LOCK.lock().unwrap_or_else(PoisonError::into_inner);
        RELEASED.notify_all();
    }
}

/// As [`release`], and takes the events away with the GIL that the caller holds.
pub(crate) fn end(py: Python<'_>) {
    release();
    events::update(py);
}

/// As [`release`] from a thread without the GIL: the events go when somebody has it.
pub(crate) fn release_soon() {
    release();
    gil::submit(Box::new(events::update));
}

/// In a forked child: nobody is frozen.
pub(crate) fn forget() {
    FROZEN.store(false, Ordering::Relaxed);
}

/// Whether threads are to be frozen.
pub(crate) fn wanted() -> bool {
    FROZEN.load(Ordering::Relaxed)
}

/// Whether the calling thread has to stand still.
pub(crate) fn concerns_me() -> bool {
    wanted() && FREE.load(Ordering::Relaxed) != this_thread() && !is_exempt()
}

/// Stands still until released, without the GIL. The interpreter may end the thread when it takes the GIL back, so nothing
/// with a destructor lives here.
pub(crate) fn wait() {
    // SAFETY: called in a callback, with the GIL.
    let thread = unsafe { (capi::py().save_thread)() };
    sleep();
    // SAFETY: the state that was saved above, on the same thread.
    unsafe { (capi::py().restore_thread)(thread) };
}

fn sleep() {
    let mut guard = LOCK.lock().unwrap_or_else(PoisonError::into_inner);
    while concerns_me() {
        guard = RELEASED.wait(guard).unwrap_or_else(PoisonError::into_inner);
    }
}
