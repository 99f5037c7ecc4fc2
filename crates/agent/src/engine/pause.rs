//! The user's pause: stops a program that runs, and one that waits.

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};

use ikpdb_proto::{StopPolicy, ThreadId};
use pyo3::Python;
use pyo3::ffi::PyThreadState;

use super::codes::CodeInfo;
use super::what::{Reason, What};
use super::{events, gil, stop, threads};
use crate::capi;

static WANTED: AtomicBool = AtomicBool::new(false);
/// Counts requests.
static NUMBER: AtomicU32 = AtomicU32::new(0);
/// The thread that the user asked for: shown if the program has to be stopped where it waits.
static THREAD: AtomicI32 = AtomicI32::new(0);

/// In place of a thread: whichever comes first.
pub(crate) const ANY: ThreadId = ThreadId(0);

/// Whether a pause was asked for and nothing has stopped yet.
pub(crate) fn wanted() -> bool {
    WANTED.load(Ordering::Relaxed)
}

/// The number of the pause that is wanted now.
pub(crate) fn wanted_number() -> Option<u32> {
    let number = NUMBER.load(Ordering::SeqCst);
    wanted().then_some(number)
}

/// Whether the thread that was asked for is given time to come to a line, although it waits.
static PATIENT: AtomicBool = AtomicBool::new(false);

/// Whether a thread that waits is waited for.
pub(crate) fn is_patient() -> bool {
    PATIENT.load(Ordering::Relaxed)
}

/// Asks for a pause at the next line, as if nobody could be stopped where he waits. Who waits for long is, in the end.
pub(crate) fn request_patiently(thread: ThreadId) {
    PATIENT.store(true, Ordering::Relaxed);
    ask(thread);
}

/// Asks for a pause. Needs no GIL.
pub(crate) fn request(thread: ThreadId) {
    PATIENT.store(false, Ordering::Relaxed);
    ask(thread);
}

fn ask(thread: ThreadId) {
    THREAD.store(thread.0, Ordering::Relaxed);
    NUMBER.fetch_add(1, Ordering::SeqCst);
    WANTED.store(true, Ordering::SeqCst);
    gil::submit(Box::new(events::update));
    // If a stop is just ending it has taken the job; the program may go on into a long wait all the same.
    gil::wake_helper();
}

/// Something has stopped, only this thread or all: if that is what was wished, nothing is any more.
pub(crate) fn fulfilled(py: Python<'_>, only: Option<*mut PyThreadState>) -> bool {
    let is_fulfilled = wanted() && only.is_none_or(is_asked) && WANTED.swap(false, Ordering::Relaxed);
    if is_fulfilled {
        events::update(py);
    }
    is_fulfilled
}

/// Whether the next line of the calling thread stops because of a pause.
pub(crate) fn stops_here() -> bool {
    // A thread that is stopped by itself is the one that was asked for.
    wanted() && (stop::policy() == StopPolicy::All || is_asked(capi::current_thread()))
}

/// Whether a pause is for this thread, if it is for one.
fn is_asked(thread: *mut PyThreadState) -> bool {
    let asked = ThreadId(THREAD.load(Ordering::Relaxed));
    asked == ANY || asked == threads::id_of(thread)
}

/// A thread is about to execute a line.
pub(crate) fn on_line(py: Python<'_>, info: *mut CodeInfo) {
    // Inside the import machinery there is nothing to see, and a line of the module comes soon.
    // SAFETY: the record of running code.
    if !stop::is_stopper() && !unsafe { (*info).machinery } && stops_here() {
        stop::stop(py, What::new(Reason::Pause));
    }
}

/// No thread came to a line: all wait in C. The helper, which has the GIL, keeps it, and shows the thread where it waits.
pub(crate) fn stop_waiting_program(py: Python<'_>) {
    let threads = threads::list(py);
    let asked = ThreadId(THREAD.load(Ordering::Relaxed));
    let shown =
        threads.iter().find(|it| it.id == asked && it.has_frame()).or_else(|| threads.iter().find(|it| it.has_frame()));
    if let Some(thread) = shown {
        // It cannot be held by itself where it is, and it would be shown at a place that it has left.
        let policy = Some(StopPolicy::All);
        stop::stop(py, What { of: Some(thread.clone()), policy, ..What::new(Reason::Pause) });
    }
}
