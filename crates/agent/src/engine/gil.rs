//! Work that needs the GIL, handed in by threads that do not have it.
//!
//! Whoever comes first does it: the stopped thread, if the program is stopped; else any thread that runs bytecode (a
//! pending call), or the helper thread, which takes the GIL as soon as it is free.

use std::collections::VecDeque;
use std::ffi::{c_int, c_void};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use pyo3::Python;

use super::{freeze, pause, settled, threads};
use crate::capi;
use crate::door::mailbox::{Job, MAILBOX};
use crate::lifetime::{self, Visitor};
use crate::semaphore::Semaphore;

/// How long a pause waits for a line event while a thread runs: the processors may be busy with others, or it computes in C.
const BUSY_PATIENCE: Duration = Duration::from_millis(300);
/// How long it waits for a line event of a thread that waits itself, if that was asked for.
const LINE_PATIENCE: Duration = Duration::from_secs(2);
/// Between two looks at the threads. One that runs may be seen asleep now and then: between two holders of the GIL, say. If none
/// is seen awake in so many looks, the program waits, and is stopped where it does.
const BUSY_LOOK: Duration = Duration::from_millis(1);
const IDLE_LOOKS: u32 = 5;

/// How long the events of code are left to settle before it is made as fast as it was.
const SETTLING: Duration = Duration::from_millis(10);

/// What the helper thread is called.
pub(crate) const HELPER_NAME: &str = "ikpdb-helper";

static JOBS: Mutex<VecDeque<Job>> = Mutex::new(VecDeque::new());
static HELPER: LazyLock<Semaphore> = LazyLock::new(Semaphore::new);

/// Hands work in. Needs no GIL, and does not wait.
pub(crate) fn submit(job: Job) {
    if let Err(job) = MAILBOX.put_job(job) {
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
    if !lifetime::forked() {
        lifetime::callback(py, "a pending call", || run_jobs(py));
    }
    0
}

/// Does what is handed in for so long, or until something has stopped.
fn wait_for_pause(visitor: &Visitor, patience: Duration) {
    let deadline = Instant::now() + patience;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || !pause::wanted() {
            return;
        }
        if HELPER.wait_for(left) {
            visitor.with_gil(run_jobs);
        }
    }
}

/// Waits for a pause as long as a thread of the program runs, within reason.
fn wait_while_busy(visitor: &Visitor) {
    let mut ids = Vec::new();
    visitor.with_gil(|_| ids = threads::native_ids());
    let begin = Instant::now();
    let mut idle = 0;
    let lasts = |idle: u32| match pause::is_patient() {
        true => begin.elapsed() < LINE_PATIENCE,
        false => idle < IDLE_LOOKS && begin.elapsed() < BUSY_PATIENCE,
    };
    while pause::wanted() && lasts(idle) {
        idle = if ids.iter().any(|id| threads::runs(*id)) { 0 } else { idle + 1 };
        wait_for_pause(visitor, BUSY_LOOK);
    }
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
        if settled::wanted() {
            // The lines of a loop give their last events one after the other: once round is enough.
            HELPER.wait_for(SETTLING);
            visitor.with_gil(settled::run);
        }
        while let Some(number) = pause::wanted_number() {
            // A thread that runs stops at its next line, where it is itself; if all of them wait in C, none has a next line.
            wait_while_busy(&visitor);
            let alive = visitor.with_gil(|py| {
                run_jobs(py);
                // The GIL may have been kept for the length of a stop, and another pause be wanted after it.
                if pause::wanted_number() == Some(number) {
                    pause::stop_waiting_program(py);
                }
            });
            if !alive {
                return;
            }
        }
    }
}
