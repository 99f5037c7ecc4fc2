//! Holds every thread but one still while that one runs: during an evaluation and at the begin of a step.
//!
//! A stopped thread keeps the GIL, so nothing moves while it waits. The first Python function that it runs would give the
//! GIL away. 3.12+: a line event everywhere parks each other thread, natively, without the GIL. 3.11: the interpreter is
//! told not to take the GIL from a thread that wants to keep it.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use pyo3::Python;

use super::{events, gil};
use crate::capi::{self, capi};

/// Microseconds for which nobody asks for the GIL on 3.11: the length of a freeze at most.
const LONG_INTERVAL: u64 = 1_000_000_000;

static FROZEN: AtomicBool = AtomicBool::new(false);
/// `pthread_self` of the thread that may run.
static FREE: AtomicUsize = AtomicUsize::new(0);
static LOCK: Mutex<()> = Mutex::new(());
static RELEASED: Condvar = Condvar::new();
/// 3.11: the switch interval to restore; 0 = none.
static INTERVAL: AtomicU64 = AtomicU64::new(0);

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

/// Freezes all threads but the given one (`pthread_self`).
pub(crate) fn begin(py: Python<'_>, free: usize) {
    FREE.store(free, Ordering::Relaxed);
    if FROZEN.swap(true, Ordering::Relaxed) {
        return;
    }
    if capi().version < (3, 12) {
        hold_gil();
    } else {
        events::update(py);
    }
}

/// Lets all threads run. Needs no GIL; the events go at the next safe point.
pub(crate) fn release() {
    if !FROZEN.swap(false, Ordering::Relaxed) {
        return;
    }
    if capi().version < (3, 12) {
        let interval = INTERVAL.swap(0, Ordering::Relaxed);
        if let (Some(set), true) = (capi().optional.set_switch_interval, interval > 0) {
            // SAFETY: a plain store inside the interpreter.
            unsafe { set(interval) };
        }
    }
    // Under the lock, so that no thread misses it between its look and its wait.
    let _guard = LOCK.lock().unwrap_or_else(PoisonError::into_inner);
    RELEASED.notify_all();
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
    wanted() && FREE.load(Ordering::Relaxed) != this_thread() && !EXEMPT.with(std::cell::Cell::get)
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

/// 3.11: no other thread takes the GIL from this one.
fn hold_gil() {
    let optional = &capi().optional;
    if let (Some(get), Some(set)) = (optional.get_switch_interval, optional.set_switch_interval) {
        // SAFETY: plain loads and stores inside the interpreter.
        unsafe {
            INTERVAL.store(get(), Ordering::Relaxed);
            set(LONG_INTERVAL);
        }
    }
    clear_drop_request();
}

/// 3.11: takes back the request of a thread that is waiting for the GIL already. It will not ask again before the long
/// interval has passed.
fn clear_drop_request() {
    /// `ceval.gil_drop_request` in 3.11's `PyInterpreterState`.
    const GIL_DROP_REQUEST: usize = 104;
    let interpreter = capi::main_interpreter().cast::<u8>();
    if !interpreter.is_null() {
        // SAFETY: the offset is that of every 3.11 release, whose structures do not change; the field is an atomic int.
        unsafe {
            (*interpreter.add(GIL_DROP_REQUEST).cast::<std::sync::atomic::AtomicI32>()).store(0, Ordering::Relaxed)
        };
    }
}
