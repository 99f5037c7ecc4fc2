//! What goes to the hub: numbered, in order, one write a message, and nobody who runs the program waits for it.
//!
//! Any thread sends. If nothing is queued the sender writes at once without blocking; what the socket does not take is
//! queued, and the writer thread finishes it. The queue is bounded by what the hub asks: each request has one answer, and the
//! events of a program that runs are few.

use std::os::unix::net::UnixStream;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ikpdb_proto::Message;
use ikpdb_proto::framing::encode;

use super::LOG;
use super::line::Line;
use super::queue::{Kind, Queue, wait_writable};

/// The way to the hub.
#[derive(Debug)]
pub(crate) struct Outbox {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Debug)]
struct State {
    to_hub: Queue<UnixStream>,
    seq: i64,
}

impl Outbox {
    pub(crate) const fn new() -> Self {
        Self { state: Mutex::new(State { to_hub: Queue::new(), seq: 0 }), wake: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Uses this connection from now on. What was queued for an earlier one is forgotten: a new hub asks anew.
    pub(crate) fn connect(&self, line: Line<UnixStream>) {
        self.lock().to_hub.connect(line);
    }

    /// Forgets the connection.
    pub(crate) fn disconnect(&self) {
        self.lock().to_hub.disconnect();
    }

    /// Whether there is a hub.
    pub(crate) fn is_connected(&self) -> bool {
        self.lock().to_hub.is_connected()
    }

    /// Sends a message that must arrive if there is a hub. What logpoints have printed goes before it.
    pub(crate) fn send(&self, message: impl Into<Message>) {
        let mut state = self.lock();
        state.push_log();
        state.push(message.into());
        drop(state);
        self.wake.notify_one();
    }

    /// There is something in the log.
    pub(super) fn wake(&self) {
        // The writer is before its look at the log or waits already: never between the two.
        drop(self.lock());
        self.wake.notify_one();
    }

    /// Waits until everything is sent, what logpoints have printed above all, but not for long: the program is about to end.
    pub(crate) fn send_rest(&self, patience: Duration) {
        let deadline = Instant::now() + patience;
        let mut state = self.lock();
        state.push_log();
        while state.to_hub.is_connected() && !state.to_hub.is_empty() && Instant::now() < deadline {
            let descriptor = state.to_hub.descriptor();
            drop(state);
            wait_writable(descriptor, patience);
            state = self.lock();
            state.to_hub.flush();
        }
    }

    /// The writer thread: writes what senders could not. Never returns; it is native, and holds nothing of the program's.
    pub(crate) fn write_for_ever(&self) -> ! {
        loop {
            let mut state = self.lock();
            while !state.to_hub.is_connected() || (state.to_hub.is_empty() && !LOG.waits()) {
                state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.to_hub.is_empty()
                && let Some(event) = LOG.next()
            {
                state.push(event.into());
            }
            if state.to_hub.is_empty() {
                continue;
            }
            let descriptor = state.to_hub.descriptor();
            drop(state);
            wait_writable(descriptor, Duration::from_secs(1));
            self.lock().to_hub.flush();
        }
    }
}

impl State {
    /// Everything that logpoints have printed.
    fn push_log(&mut self) {
        while self.to_hub.is_connected()
            && let Some(event) = LOG.next()
        {
            self.push(event.into());
        }
    }

    fn push(&mut self, message: Message) {
        if self.to_hub.is_connected() {
            self.seq += 1;
            self.to_hub.push(encode(&message.with_seq(self.seq)), Kind::Kept);
        }
    }
}
