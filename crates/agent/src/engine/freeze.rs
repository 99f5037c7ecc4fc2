//! Holds every thread but one still while that one runs: during an evaluation and at the begin of a step.
//!
//! A stopped thread keeps the GIL, so nothing moves while it waits. The first Python function that it runs would give the
//! GIL away. So each other thread is parked at its next line, natively, without the GIL: by a line event everywhere, or
//! on 3.11 by the trace function.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use pyo3::Python;

use super::threads::{self, Thread};
use super::{events, gil, stop, watchdog};
use crate::capi;

static FROZEN: AtomicBool = AtomicBool::new(false);
/// `pthread_self` of the threads that may run. Those that wait look at it when they are woken.
static FREE: Mutex<Vec<usize>> = Mutex::new(Vec::new());
/// The user wants it so until something stops or goes on.
static LASTS: AtomicBool = AtomicBool::new(false);
static RELEASED: Condvar = Condvar::new();

thread_local! {
    static EXEMPT: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
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
    LASTS.store(false, Ordering::Relaxed);
    *FREE.lock().unwrap_or_else(PoisonError::into_inner) = vec![free];
    if !FROZEN.swap(true, Ordering::Relaxed) {
        events::update(py);
    }
}

/// Freezes all threads but one, besides those that were picked so before, until something stops or goes on, or the thread ends.
pub(crate) fn all_but(py: Python<'_>, thread: &Thread) {
    let Some(ident) = threads::ident(thread.state) else { return };
    let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
    if !LASTS.swap(true, Ordering::Relaxed) {
        free.clear();
    }
    free.push(ident as usize);
    RELEASED.notify_all();
    drop(free);
    if !FROZEN.swap(true, Ordering::Relaxed) {
        events::update(py);
    }
    watchdog::alone(threads::native_id(thread.state));
}

/// Whether the user has picked who runs.
pub(crate) fn lasts() -> bool {
    wanted() && LASTS.load(Ordering::Relaxed)
}

/// Lets all threads run. Needs no GIL; the events go at the next safe point.
pub(crate) fn release() {
    if FROZEN.swap(false, Ordering::Relaxed) {
        LASTS.store(false, Ordering::Relaxed);
        // Under the lock, so that no thread misses it between its look and its wait.
        let _guard = FREE.lock().unwrap_or_else(PoisonError::into_inner);
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
    wanted() && holds_still(&FREE.lock().unwrap_or_else(PoisonError::into_inner))
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
    let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
    while wanted() && holds_still(&free) {
        free = RELEASED.wait(free).unwrap_or_else(PoisonError::into_inner);
    }
}

/// A thread that is stopped by itself runs nothing but what the user asks of it.
fn holds_still(free: &[usize]) -> bool {
    !free.contains(&threads::this()) && !is_exempt() && !stop::is_stopped()
}

/// A thread without the GIL wants it before threads that are busy: they stand still at their next line until it has it.
#[derive(Debug)]
pub(crate) struct Hurry(Arc<AtomicU8>);

const WANTED: u8 = 0;
const FROZE: u8 = 1;
const OVER: u8 = 2;

impl Hurry {
    /// Asks whoever has the GIL. Needs none.
    pub(crate) fn begin() -> Self {
        let state = Arc::new(AtomicU8::new(WANTED));
        let (ours, me) = (Arc::clone(&state), threads::this());
        gil::submit(Box::new(move |py| {
            if !wanted() && ours.compare_exchange(WANTED, FROZE, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
                begin(py, me);
            }
        }));
        Self(state)
    }

    /// The calling thread has the GIL.
    pub(crate) fn end(self, py: Python<'_>) {
        if self.0.swap(OVER, Ordering::Relaxed) == FROZE {
            end(py);
        }
    }
}
