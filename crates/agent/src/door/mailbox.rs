//! What a stopped program is asked to do: requests and jobs, from the listener to the thread that stopped.
//!
//! The stopped thread waits here, on a semaphore that signal handlers may post as well. It is never waited for by anybody:
//! while it is busy requests queue up, and when the program goes on what is left is refused, so that each request is
//! answered exactly once. The queue is bounded by the hub, which waits for answers.

use std::collections::VecDeque;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ikpdb_proto::Request;
use pyo3::Python;

use crate::semaphore::Semaphore;

/// Work that needs the GIL.
pub(crate) type Job = Box<dyn FnOnce(Python<'_>) + Send>;

/// One thing to do.
pub(crate) enum Letter {
    /// A request, to be answered.
    Request(Request),
    /// Something of our own.
    Job(Job),
    /// Go on, without a request: the hub is gone, or a signal asks for it.
    Release,
}

/// The mailbox of the stopped thread.
pub(crate) struct Mailbox {
    state: Mutex<State>,
    arrived: Semaphore,
}

#[derive(Default)]
struct State {
    open: bool,
    letters: VecDeque<Letter>,
}

/// The one mailbox: one thread at a time is stopped for the user.
pub(crate) static MAILBOX: LazyLock<Mailbox> =
    LazyLock::new(|| Mailbox { state: Mutex::default(), arrived: Semaphore::new() });

impl Mailbox {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Accepts letters from now on: the program is stopped.
    pub(crate) fn open(&self) {
        self.lock().open = true;
    }

    /// Accepts no more letters; returns those that nobody read.
    pub(crate) fn close(&self) -> Vec<Letter> {
        let mut state = self.lock();
        state.open = false;
        state.letters.drain(..).collect()
    }

    /// Whether the program is stopped.
    pub(crate) fn is_open(&self) -> bool {
        self.lock().open
    }

    /// Puts a letter in, or gives it back if the program runs.
    pub(crate) fn put(&self, letter: Letter) -> Result<(), Letter> {
        let mut state = self.lock();
        if !state.open {
            return Err(letter);
        }
        state.letters.push_back(letter);
        drop(state);
        self.arrived.post();
        Ok(())
    }

    /// Lets the program go on before anything else that waits is read. False if it runs.
    pub(crate) fn release(&self) -> bool {
        let mut state = self.lock();
        if !state.open {
            return false;
        }
        state.letters.push_front(Letter::Release);
        drop(state);
        self.arrived.post();
        true
    }

    /// Takes a request out again that was not begun yet.
    pub(crate) fn withdraw(&self, seq: i64) -> Option<Request> {
        let mut state = self.lock();
        let at = state.letters.iter().position(|letter| matches!(letter, Letter::Request(it) if it.seq == seq))?;
        match state.letters.remove(at) {
            Some(Letter::Request(request)) => Some(request),
            _ => None,
        }
    }

    /// Takes the requests out again that are among `commands`, in their order.
    pub(crate) fn withdraw_all(&self, commands: &[&str]) -> Vec<Request> {
        let mut withdrawn = Vec::new();
        let mut state = self.lock();
        for letter in std::mem::take(&mut state.letters) {
            match letter {
                Letter::Request(request) if commands.contains(&request.command.as_str()) => withdrawn.push(request),
                letter => state.letters.push_back(letter),
            }
        }
        withdrawn
    }

    /// Wakes the stopped thread without a letter. Safe in a signal handler once the mailbox was used.
    pub(crate) fn nudge(&self) {
        self.arrived.post();
    }

    /// The next letter; `None` if it was woken without one.
    pub(crate) fn wait(&self) -> Option<Letter> {
        self.arrived.wait();
        self.lock().letters.pop_front()
    }

    /// As [`Self::wait`], at most so long.
    pub(crate) fn wait_for(&self, limit: Duration) -> Option<Letter> {
        self.arrived.wait_for(limit);
        self.lock().letters.pop_front()
    }
}
