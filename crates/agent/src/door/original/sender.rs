//! What goes to the client: whole messages, in order. Nobody waits for it, but who goes on and the end of the program for a moment.

use std::net::TcpStream;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ikpdb_proto::ikpdb::{Object, encode};

use super::log;
use crate::door::line::Line;
use crate::door::queue::{Kind, Queue, wait_writable};

/// So many bytes may be on their way to a client that does not read; then it is not read from either.
const MOST_WAITING: usize = 8 << 20;

/// The way to the client.
#[derive(Debug)]
pub(crate) struct Sender {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    to_client: Queue<TcpStream>,
    /// Counts clients: what is meant for one never goes to the next.
    client: u32,
    /// Whether the client has said something. Before that it is only greeted: who knows who it is.
    is_known: bool,
}

impl Sender {
    pub(crate) const fn new() -> Self {
        let state = State { to_client: Queue::new(), client: 0, is_known: false };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A client has come; its number. `greeting` is its first message, alone.
    pub(crate) fn connect(&self, line: Line<TcpStream>, greeting: Option<&Object>) -> u32 {
        let mut state = self.lock();
        state.to_client.connect(line);
        state.client += 1;
        state.is_known = false;
        if let Some(greeting) = greeting {
            state.to_client.push(encode(greeting), Kind::Kept);
        }
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
        state.to_client.disconnect();
        state.is_known = false;
        drop(state);
        self.changed.notify_all();
    }

    /// The client that hears of events, if there is one.
    pub(crate) fn client(&self) -> Option<u32> {
        let state = self.lock();
        (state.to_client.is_connected() && state.is_known).then_some(state.client)
    }

    /// Whether there is a client that can be reached: the program has not taken the connection away.
    pub(crate) fn reaches(&self) -> bool {
        self.lock().to_client.reaches()
    }

    /// Whether so much is on its way that the client has to read before it is heard again.
    pub(crate) fn is_full(&self) -> bool {
        self.lock().to_client.waiting() > MOST_WAITING
    }

    /// Sends a message to one client, if it is still there.
    pub(crate) fn send(&self, client: u32, message: &Object) {
        self.push(client, message, Kind::Kept);
    }

    /// The same for where the program is: only the last of those that wait counts.
    pub(crate) fn send_latest(&self, client: u32, message: &Object) {
        self.push(client, message, Kind::Latest);
    }

    fn push(&self, client: u32, message: &Object, kind: Kind) {
        let bytes = encode(message);
        log::say!(Network, Debug, "Sending {} bytes: {}", bytes.len(), log::shortened(&bytes));
        let mut state = self.lock();
        if state.client == client {
            state.to_client.push(bytes, kind);
            drop(state);
            self.changed.notify_all();
        }
    }

    /// Waits until everything is written, at most so long.
    pub(crate) fn flush(&self, patience: Duration) {
        self.wait(patience, |state| state.to_client.is_empty());
    }

    /// Waits until the client has gone, at most so long.
    pub(crate) fn wait_for_end(&self, patience: Duration) {
        self.wait(patience, |state| !state.to_client.is_connected());
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

    /// The thread: writes what the socket did not take at once. Never returns; it is native, and holds nothing of the program's.
    pub(crate) fn send_for_ever(&self) -> ! {
        let mut state = self.lock();
        loop {
            if state.to_client.is_empty() {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let descriptor = state.to_client.descriptor();
            drop(state);
            wait_writable(descriptor, Duration::from_secs(1));
            state = self.lock();
            state.to_client.flush();
            self.changed.notify_all();
        }
    }
}
