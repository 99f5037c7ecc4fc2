//! The user's pause: stops a program that runs, and one that waits.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use ikpdb_proto::{StopPolicy, ThreadId};
use pyo3::Python;
use pyo3::ffi::PyThreadState;

use super::codes::CodeInfo;
use super::stop::Came;
use super::what::{Reason, What};
use super::{events, gil, stop, threads};
use crate::door::mailbox::MAILBOX;
use crate::sync::{AtomicBool, AtomicU32, Mutex, MutexGuard};
use crate::{capi, lifetime};

static WISH: Wish = Wish::new();

/// What the user has asked for.
pub(super) struct Wish {
    is_there: AtomicBool,
    /// Counts requests.
    number: AtomicU32,
    /// The threads that were asked for: those that have to stop, where threads stop one by one; those to be shown, where all do.
    threads: Mutex<Vec<ThreadId>>,
}

impl Wish {
    /// Nothing.
    pub(super) const fn new() -> Self {
        Self { is_there: AtomicBool::new(false), number: AtomicU32::new(0), threads: Mutex::new(Vec::new()) }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<ThreadId>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a pause was asked for and nothing has stopped yet.
    pub(super) fn is_there(&self) -> bool {
        self.is_there.load(Ordering::Relaxed)
    }

    /// Its number.
    pub(super) fn number(&self) -> Option<u32> {
        let number = self.number.load(Ordering::SeqCst);
        self.is_there().then_some(number)
    }

    /// A pause is asked for.
    pub(super) fn ask(&self, thread: ThreadId) {
        let mut threads = self.lock();
        if !threads.contains(&thread) {
            threads.push(thread);
        }
        self.number.fetch_add(1, Ordering::SeqCst);
        self.is_there.store(true, Ordering::SeqCst);
    }

    /// Whether it is for this thread.
    pub(super) fn is_for(&self, thread: ThreadId) -> bool {
        self.lock().iter().any(|it| *it == ANY || *it == thread)
    }

    /// Something has stopped, only this thread or all. True if that was wished.
    pub(super) fn fulfil(&self, only: Option<ThreadId>) -> bool {
        let mut threads = self.lock();
        let before = threads.len();
        threads.retain(|it| *it != ANY && only.is_some_and(|only| only != *it));
        if threads.is_empty() {
            self.is_there.store(false, Ordering::Relaxed);
        }
        threads.len() < before
    }
}

/// In place of a thread: whichever comes first.
pub(crate) const ANY: ThreadId = ThreadId(0);

/// Whether a pause was asked for and nothing has stopped yet.
pub(crate) fn wanted() -> bool {
    WISH.is_there()
}

/// The number of the pause that is wanted now.
pub(crate) fn wanted_number() -> Option<u32> {
    WISH.number()
}

/// Whether whoever was asked for last is given time to come to a line, although he waits.
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

/// Asks for a pause, patiently or not, as it was asked for before. A thread that is stopped may be about to go on: then it asks anew.
pub(crate) fn ask(thread: ThreadId) {
    if MAILBOX.pause_or(thread, || WISH.ask(thread)) {
        return;
    }
    gil::submit(Box::new(events::update));
    // If a stop is just ending it has taken the job; the program may go on into a long wait all the same.
    gil::wake_helper();
}

/// Something has stopped, only this thread or all. True if that was wished. Called once the mailbox is open for it: nobody asks for a
/// pause after this without seeing the stop.
pub(crate) fn fulfilled(py: Python<'_>, only: Option<*mut PyThreadState>) -> bool {
    let is_fulfilled = wanted() && WISH.fulfil(only.map(threads::id_of));
    if is_fulfilled {
        events::update(py);
    }
    is_fulfilled
}

/// Whether the next line of the calling thread stops because of a pause.
pub(crate) fn stops_here() -> bool {
    stops_with(stop::policy())
}

fn stops_with(policy: StopPolicy) -> bool {
    // A thread that is stopped by itself is one that was asked for.
    wanted() && (policy == StopPolicy::All || WISH.is_for(threads::id_of(capi::current_thread())))
}

/// A thread is about to execute a line. True if it was stopped for that.
pub(crate) fn on_line(py: Python<'_>, info: *mut CodeInfo) -> bool {
    let policy = stop::policy();
    // Inside the import machinery there is nothing to see, and a line of the module comes soon.
    // SAFETY: the record of running code.
    let may_stop = !stop::is_stopper() && !unsafe { (*info).machinery };
    may_stop
        && stops_with(policy)
        && stop::stop(py, What { policy: Some(policy), ..What::new(Reason::Pause) }) == Came::Done
}

/// No thread came to a line: all wait in C. The helper, which has the GIL, keeps it, and shows the thread where it waits.
pub(crate) fn stop_waiting_program(py: Python<'_>) {
    if !lifetime::debugging() {
        WISH.fulfil(None);
        return;
    }
    let threads = threads::list(py);
    // One that is stopped by itself does not wait for anything.
    let mut running = threads.iter().filter(|it| it.has_frame() && MAILBOX.stop_of(it.id).is_none());
    let shown = running.clone().find(|it| WISH.is_for(it.id)).or_else(|| running.next());
    if let Some(thread) = shown {
        // It cannot be held by itself where it is, and it would be shown at a place that it has left.
        let policy = Some(StopPolicy::All);
        stop::stop(py, What { of: Some(thread.clone()), policy, ..What::new(Reason::Pause) });
    } else if WISH.is_for(ANY) || !threads.iter().any(|it| WISH.is_for(it.id)) {
        // Whoever there is is stopped; one that was asked for has ended.
        fulfilled(py, None);
    }
}
