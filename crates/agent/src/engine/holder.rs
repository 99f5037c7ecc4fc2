//! Who holds the whole program: the thread of one stop at a time. Others that would stop meanwhile wait for it to go on.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use ikpdb_proto::StopPolicy;

use crate::sync::{AtomicUsize, Condvar, Mutex};

/// Who holds the program. Changes under the GIL.
pub(crate) struct Holder {
    /// `pthread_self` of the thread; 0 = none.
    thread: AtomicUsize,
    turn: Mutex<()>,
    free: Condvar,
}

impl Holder {
    /// Nobody.
    pub(crate) fn new() -> Self {
        Self { thread: AtomicUsize::new(0), turn: Mutex::new(()), free: Condvar::new() }
    }

    /// Whether somebody does. Needs no GIL.
    pub(crate) fn is_there(&self) -> bool {
        self.thread.load(Ordering::Relaxed) != 0
    }

    /// Whether this thread does.
    pub(crate) fn is(&self, thread: usize) -> bool {
        self.thread.load(Ordering::Relaxed) == thread
    }

    /// Whether a thread may stop now; if it stops everybody it is the holder from now on.
    pub(crate) fn admits(&self, thread: usize, policy: StopPolicy) -> bool {
        match policy {
            StopPolicy::All => self.thread.compare_exchange(0, thread, Ordering::Relaxed, Ordering::Relaxed).is_ok(),
            StopPolicy::Thread => !self.is_there(),
        }
    }

    /// A thread holds the program no more. True if it did.
    pub(crate) fn give_way(&self, thread: usize) -> bool {
        if !self.is(thread) {
            return false;
        }
        self.thread.store(0, Ordering::Relaxed);
        let _guard = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.free.notify_all();
        true
    }

    /// Waits until nobody holds the program. To be called without the GIL.
    pub(crate) fn wait(&self) {
        let mut guard = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        while self.is_there() {
            guard = self.free.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
