//! The threads' stacks as the listener may tell of them while the thread that would is busy with an evaluation.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use ikpdb_proto::{ThreadId, dap};
use pyo3::Python;

use super::stop::{self, Stop};
use super::threads;

/// So many frames can be shown while an evaluation runs, those of the stopped thread first.
const FRAMES: usize = 5000;
static STACKS: Mutex<BTreeMap<ThreadId, Arc<dap::StackTraceBody>>> = Mutex::new(BTreeMap::new());

impl Stop {
    /// Leaves the stacks that this stop shows for the listener. Once a stop: they do not change, unless an evaluation had to let other
    /// threads run.
    pub(crate) fn publish(&mut self, py: Python<'_>) {
        if std::mem::replace(&mut self.is_published, true) {
            return;
        }
        let mut threads = threads::list(py);
        if !stop::holds() {
            threads.retain(|it| it.id == self.thread.id);
        }
        let stacks = self.stacks.all(py, &threads, self.thread.id, FRAMES);
        let stacks = stacks.into_iter().map(|(thread, stack)| (thread, Arc::new(stack)));
        STACKS.lock().unwrap_or_else(PoisonError::into_inner).extend(stacks);
    }

    /// Other threads than the stopped one ran: what is known of their stacks is out of date. Frames that were shown stay.
    pub(crate) fn others_moved(&mut self) {
        self.stacks.forget_others(self.thread.id);
        self.is_published = false;
    }
}

/// The stack that was published for a thread. Needs no GIL.
pub(crate) fn stack(thread: ThreadId) -> Option<Arc<dap::StackTraceBody>> {
    STACKS.lock().unwrap_or_else(PoisonError::into_inner).get(&thread).cloned()
}

/// A thread goes on, or all do.
pub(crate) fn forget(thread: ThreadId, all: bool) {
    STACKS.lock().unwrap_or_else(PoisonError::into_inner).retain(|it, _| !all && *it != thread);
}
