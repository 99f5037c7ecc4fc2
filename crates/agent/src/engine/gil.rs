//! Work that needs the GIL, handed in by threads that do not have it.
//!
//! Whoever comes first does it: the stopped thread, if the program is stopped; else any thread that runs bytecode (a
//! pending call), or the helper thread, which takes the GIL as soon as it is free.

use std::collections::VecDeque;
use std::ffi::{c_int, c_void};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use pyo3::Python;

use super::{freeze, fused, pause};
use crate::capi;
use crate::door::mailbox::{Job, Letter, MAILBOX};
use crate::lifetime::{self, Visitor};
use crate::semaphore::Semaphore;

/// How long a pause waits for a line event before the helper stops the program where it waits.
const PAUSE_PATIENCE: Duration = Duration::from_millis(50);

/// How long the events of code are left to settle before it is made as fast as it was.
const SETTLING: Duration = Duration::from_millis(10);

static JOBS: Mutex<VecDeque<Job>> = Mutex::new(VecDeque::new());
static HELPER: LazyLock<Semaphore> = LazyLock::new(Semaphore::new);

/// Hands work in. Needs no GIL, and does not wait.
pub(crate) fn submit(job: Job) {
    if let Err(Letter::Job(job)) = MAILBOX.put(Letter::Job(job)) {
        JOBS.lock().unwrap_or_else(PoisonError::into_inner).push_back(job);
        lifetime::while_it_lives(|| capi::capi().add_pending_call(run_pending));
        HELPER.post();
    }
}

/// Wakes the helper, which looks whether a pause is wanted. Needs no GIL.
pub(crate) fn wake_helper() {
    HELPER.post();
}

/// Does what was handed in.
pub(crate) fn run_jobs(py: Python<'_>) {
    loop {
        let Some(job) = JOBS.lock().unwrap_or_else(PoisonError::into_inner).pop_front() else { return };
        job(py);
    }
}

extern "C" fn run_pending(_: *mut c_void) -> c_int {
    // SAFETY: pending calls are called with the GIL.
    let py = unsafe { Python::assume_attached() };
    if !lifetime::forked() && std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run_jobs(py))).is_err() {
        lifetime::give_up(py, "the agent failed in a pending call");
    }
    0
}

/// The helper thread. Native, ends with the process or when the interpreter ends; takes the GIL only through the gate.
/// `ready` is called when it has its state.
pub(crate) fn help_for_ever(ready: impl FnOnce()) {
    freeze::exempt_me();
    let visitor = Visitor::new();
    ready();
    let Some(visitor) = visitor else { return };
    loop {
        HELPER.wait();
        visitor.with_gil(run_jobs);
        if fused::wanted() {
            // The lines of a loop give their last events one after the other: once round is enough.
            HELPER.wait_for(SETTLING);
            visitor.with_gil(fused::run);
        }
        if pause::wanted() {
            // A thread that runs stops at its next line; if all of them wait in C, none has a next line.
            HELPER.wait_for(PAUSE_PATIENCE);
            visitor.with_gil(|py| {
                run_jobs(py);
                if pause::wanted() {
                    pause::stop_waiting_program(py);
                }
            });
        }
    }
}
