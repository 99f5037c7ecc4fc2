//! What goes to the client: whole messages, in order, written by a thread of its own. Nobody waits for it, but the end of the
//! program for a moment.

use std::collections::VecDeque;
use std::io::Write;
use std::net::TcpStream;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ikpdb_proto::ikpdb::{Object, encode};

use super::log;
use crate::door::line::Line;

/// The way to the client.
#[derive(Debug)]
pub(crate) struct Sender {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    line: Option<Line<TcpStream>>,
    /// Counts clients: what is meant for one never goes to the next.
    client: u32,
    /// Whether the client has said something. Before that it is only greeted: who knows who it is.
    is_known: bool,
    /// Bounded by what the client asks: each command has one reply, and a stop one event.
    queue: VecDeque<Vec<u8>>,
    /// A message is being written.
    writes: bool,
}

impl Sender {
    pub(crate) const fn new() -> Self {
        let state = State { line: None, client: 0, is_known: false, queue: VecDeque::new(), writes: false };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A client has come; its number. `greeting` is its first message, alone.
    pub(crate) fn connect(&self, line: Line<TcpStream>, greeting: Option<&Object>) -> u32 {
        let mut state = self.lock();
        state.line = Some(line);
        state.client += 1;
        state.is_known = false;
        state.queue = greeting.map(encode).into_iter().collect();
        let client = state.client;
        drop(state);
        self.changed.notify_all();
        client
    }

    /// The client has spoken the protocol: it hears of everything from now on.
    pub(crate) fn is_known(&self) {
        self.lock().is_known = true;
    }

    /// The client is gone.
    pub(crate) fn disconnect(&self) {
        let mut state = self.lock();
        state.line = None;
        state.queue.clear();
        state.is_known = false;
        drop(state);
        self.changed.notify_all();
    }

    /// The client that hears of events, if there is one.
    pub(crate) fn client(&self) -> Option<u32> {
        let state = self.lock();
        (state.line.is_some() && state.is_known).then_some(state.client)
    }

    /// Sends a message to one client, if it is still there.
    pub(crate) fn send(&self, client: u32, message: &Object) {
        let bytes = encode(message);
        let mut state = self.lock();
        if state.line.is_some() && state.client == client {
            log::say!(Network, Debug, "Sent {} bytes: {}", bytes.len(), log::shortened(&bytes));
            state.queue.push_back(bytes);
            drop(state);
            self.changed.notify_all();
        }
    }

    /// Waits until everything is written, at most so long.
    pub(crate) fn flush(&self, patience: Duration) {
        self.wait(patience, |state| state.line.is_none() || (state.queue.is_empty() && !state.writes));
    }

    /// Waits until the client has gone, at most so long.
    pub(crate) fn wait_for_end(&self, patience: Duration) {
        self.wait(patience, |state| state.line.is_none());
    }

    fn wait(&self, patience: Duration, until: impl Fn(&State) -> bool) {
        let deadline = Instant::now() + patience;
        let mut state = self.lock();
        while !until(&state) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.changed.wait_timeout(state, left).map_or_else(|it| it.into_inner().0, |it| it.0);
        }
    }

    /// The thread. Never returns; it is native, and holds nothing of the program's.
    pub(crate) fn send_for_ever(&self) -> ! {
        let mut state = self.lock();
        loop {
            let stream = state.line.as_ref().and_then(|it| it.socket().ok()).and_then(|it| it.try_clone().ok());
            let Some((mut stream, bytes)) = stream.zip(state.queue.pop_front()) else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            state.writes = true;
            drop(state);
            // A client that is gone is the listener's to see.
            let _ = stream.write_all(&bytes);
            drop(stream);
            state = self.lock();
            state.writes = false;
            self.changed.notify_all();
        }
    }
}
