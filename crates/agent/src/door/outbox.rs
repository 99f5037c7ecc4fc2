//! What goes to the hub: numbered, in order, one write a message, and nobody who runs the program waits for it.
//!
//! Any thread sends. If nothing is queued the sender writes at once without blocking; what the socket does not take is
//! queued, and the writer thread finishes it. The queue is bounded by what the hub asks: each request has one answer, and the
//! events of a program that runs are few.

use std::collections::VecDeque;
use std::ffi::c_int;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ikpdb_proto::Message;
use ikpdb_proto::framing::encode;

use super::LOG;
use super::line::Line;

/// The way to the hub.
#[derive(Debug)]
pub(crate) struct Outbox {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Debug)]
struct State {
    line: Option<Line<UnixStream>>,
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
    pub(crate) fn connect(&self, line: Line<UnixStream>) {
        let mut state = self.lock();
        state.drop_line();
        state.line = Some(line);
    }

    /// Forgets the connection.
    pub(crate) fn disconnect(&self) {
        self.lock().drop_line();
    }

    /// Whether there is a hub.
    pub(crate) fn is_connected(&self) -> bool {
        self.lock().line.is_some()
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
        while state.line.is_some() && !state.queue.is_empty() && Instant::now() < deadline {
            let descriptor = state.line.as_ref().map_or(-1, Line::descriptor);
            drop(state);
            wait_writable(descriptor, patience);
            state = self.lock();
            state.flush();
        }
    }

    /// The writer thread: writes what senders could not. Never returns; it is native, and holds nothing of the program's.
    pub(crate) fn write_for_ever(&self) -> ! {
        loop {
            let mut state = self.lock();
            while state.line.is_none() || (state.queue.is_empty() && !LOG.waits()) {
                state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.queue.is_empty()
                && let Some(event) = LOG.next()
            {
                state.push(event.into());
            }
            let Some(line) = state.line.as_ref().filter(|_| !state.queue.is_empty()) else { continue };
            let descriptor = line.descriptor();
            drop(state);
            wait_writable(descriptor, Duration::from_secs(1));
            self.lock().flush();
        }
    }
}

impl State {
    /// Everything that logpoints have printed.
    fn push_log(&mut self) {
        while self.line.is_some()
            && let Some(event) = LOG.next()
        {
            self.push(event.into());
        }
    }

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

/// Waits until a socket takes something, but not for ever: the descriptor may have been closed meanwhile.
fn wait_writable(descriptor: RawFd, patience: Duration) {
    let mut poll = libc::pollfd { fd: descriptor, events: libc::POLLOUT, revents: 0 };
    // SAFETY: one pollfd of our own.
    unsafe { libc::poll(&raw mut poll, 1, c_int::try_from(patience.as_millis()).unwrap_or(1000)) };
}
