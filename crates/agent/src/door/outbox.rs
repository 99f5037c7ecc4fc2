//! What goes to the hub: numbered, in order, one write a message, and nobody who runs the program waits for it.
//!
//! Any thread sends. If nothing is queued the sender writes at once without blocking; what the socket does not take is
//! queued, and the writer thread finishes it. The queue is bounded by what the hub asks: each request has one answer, and the
//! events of a program that runs are few.

use std::collections::VecDeque;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use ikpdb_proto::Message;
use ikpdb_proto::framing::encode;

use super::line::Line;

/// The way to the hub.
#[derive(Debug)]
pub(crate) struct Outbox {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Debug)]
struct State {
    line: Option<Line>,
    seq: i64,
    queue: VecDeque<Vec<u8>>,
}

impl Outbox {
    pub(crate) const fn new() -> Self {
        Self { state: Mutex::new(State { line: None, seq: 0, queue: VecDeque::new() }), wake: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Uses this connection from now on. What was queued for an earlier one is forgotten: a new hub asks anew.
    pub(crate) fn connect(&self, line: Line) {
        let mut state = self.lock();
        state.drop_line();
        state.line = Some(line);
    }

    /// Forgets the connection.
    pub(crate) fn disconnect(&self) {
        self.lock().drop_line();
    }

    /// Sends a message that must arrive if there is a hub.
    pub(crate) fn send(&self, message: impl Into<Message>) {
        let mut state = self.lock();
        state.push(message.into());
        drop(state);
        self.wake.notify_one();
    }

    /// The writer thread: writes what senders could not. Never returns; it is native, and holds nothing of the program's.
    pub(crate) fn write_for_ever(&self) -> ! {
        loop {
            let mut state = self.lock();
            while state.queue.is_empty() || state.line.is_none() {
                state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            let Some(line) = state.line.as_ref() else { continue };
            let descriptor = line.descriptor();
            drop(state);
            wait_writable(descriptor);
            self.lock().flush();
        }
    }
}

impl State {
    fn push(&mut self, message: Message) {
        if self.line.is_none() {
            return;
        }
        self.seq += 1;
        let bytes = encode(&message.with_seq(self.seq));
        self.queue.push_back(bytes);
        self.flush();
    }

    /// Writes as much as the socket takes now.
    fn flush(&mut self) {
        while let Some(bytes) = self.queue.front_mut() {
            let Some(line) = self.line.as_ref() else { return };
            match line.socket().and_then(|socket| send_now(socket, bytes)) {
                Ok(written) if written == bytes.len() => {
                    self.queue.pop_front();
                }
                Ok(written) => {
                    bytes.drain(..written);
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                // The hub is gone. The listener sees the end of the stream and decides what follows.
                Err(_) => {
                    self.queue.clear();
                    return;
                }
            }
        }
    }

    fn drop_line(&mut self) {
        self.line = None;
        self.queue.clear();
    }
}

/// Writes what the socket takes without waiting. The socket itself blocks: the listener reads from the same one.
fn send_now(socket: &UnixStream, bytes: &[u8]) -> std::io::Result<usize> {
    // SAFETY: our own socket and buffer. A closed peer gives an error, not SIGPIPE.
    let sent = unsafe {
        libc::send(socket.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL)
    };
    usize::try_from(sent).map_err(|_| std::io::Error::last_os_error())
}

fn wait_writable(descriptor: RawFd) {
    let mut poll = libc::pollfd { fd: descriptor, events: libc::POLLOUT, revents: 0 };
    // SAFETY: one pollfd of our own. A second at most, in case the descriptor was closed meanwhile.
    unsafe { libc::poll(&raw mut poll, 1, 1000) };
}
