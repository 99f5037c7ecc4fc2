//! Bytes on their way to a peer: what the socket takes is written at once, without waiting; a thread writes the rest when it does.

use std::collections::VecDeque;
use std::ffi::c_int;
use std::os::fd::{AsRawFd, FromRawFd, RawFd};
use std::time::Duration;

use super::line::Line;

/// The way to one peer, if there is one.
#[derive(Debug)]
pub(crate) struct Queue<S: AsRawFd> {
    line: Option<Line<S>>,
    messages: VecDeque<Outgoing>,
    /// The first message is written in part.
    begun: bool,
}

#[derive(Debug)]
struct Outgoing {
    bytes: Vec<u8>,
    kind: Kind,
}

/// What becomes of a message that has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It is sent.
    Kept,
    /// It is sent unless another of the kind comes: that says all that it says.
    Latest,
}

impl<S: AsRawFd + FromRawFd> Queue<S> {
    pub(crate) const fn new() -> Self {
        Self { line: None, messages: VecDeque::new(), begun: false }
    }

    /// Uses this connection from now on. What was on its way to an earlier one is forgotten.
    pub(crate) fn connect(&mut self, line: Line<S>) {
        self.disconnect();
        self.line = Some(line);
    }

    /// Forgets the connection and what was on its way.
    pub(crate) fn disconnect(&mut self) {
        self.line = None;
        self.messages.clear();
        self.begun = false;
    }

    /// Whether there is a peer.
    pub(crate) fn is_connected(&self) -> bool {
        self.line.is_some()
    }

    /// Whether the connection is there and still ours.
    pub(crate) fn reaches(&self) -> bool {
        self.line.as_ref().is_some_and(Line::is_ours)
    }

    /// Whether nothing is on its way.
    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// How many bytes are on their way.
    pub(crate) fn waiting(&self) -> usize {
        self.messages.iter().map(|it| it.bytes.len()).sum()
    }

    /// The descriptor to wait for; -1 for none.
    pub(crate) fn descriptor(&self) -> RawFd {
        self.line.as_ref().map_or(-1, Line::descriptor)
    }

    /// Sends a message if there is a peer.
    pub(crate) fn push(&mut self, bytes: Vec<u8>, kind: Kind) {
        if self.line.is_none() {
            return;
        }
        if kind == Kind::Latest {
            let mut begun = self.begun;
            self.messages.retain(|it| std::mem::take(&mut begun) || it.kind != Kind::Latest);
        }
        self.messages.push_back(Outgoing { bytes, kind });
        self.flush();
    }

    /// Writes as much as the socket takes now.
    pub(crate) fn flush(&mut self) {
        while let Some(message) = self.messages.front_mut() {
            let Some(line) = self.line.as_ref() else { return };
            match line.socket().and_then(|socket| send_now(socket, &message.bytes)) {
                Ok(written) if written == message.bytes.len() => {
                    self.messages.pop_front();
                    self.begun = false;
                }
                Ok(written) => {
                    message.bytes.drain(..written);
                    self.begun = true;
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                // The peer is gone. Who reads from it sees the end of the stream and decides what follows.
                Err(_) => {
                    self.messages.clear();
                    self.begun = false;
                    return;
                }
            }
        }
    }
}

/// Writes what the socket takes without waiting. The socket itself blocks: the listener reads from the same one.
fn send_now(socket: &impl AsRawFd, bytes: &[u8]) -> std::io::Result<usize> {
    // SAFETY: our own socket and buffer. A closed peer gives an error, not SIGPIPE.
    let sent = unsafe {
        libc::send(socket.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL)
    };
    usize::try_from(sent).map_err(|_| std::io::Error::last_os_error())
}

/// Waits until a socket takes something, but not for ever: the descriptor may have been closed meanwhile.
pub(crate) fn wait_writable(descriptor: RawFd, patience: Duration) {
    let mut poll = libc::pollfd { fd: descriptor, events: libc::POLLOUT, revents: 0 };
    // SAFETY: one pollfd of our own.
    unsafe { libc::poll(&raw mut poll, 1, c_int::try_from(patience.as_millis()).unwrap_or(1000)) };
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "test code")]

    use std::io::Read;
    use std::os::unix::net::UnixStream;

    use super::*;

    fn connected() -> (Queue<UnixStream>, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let mut queue = Queue::new();
        queue.connect(Line::new(ours));
        (queue, theirs)
    }

    #[test]
    fn of_what_waits_only_the_latest_of_its_kind_is_sent_and_what_is_begun_is_finished() {
        let (mut queue, mut theirs) = connected();
        // More than the socket takes.
        let begun = vec![b'-'; 8 << 20];
        queue.push(begun.clone(), Kind::Latest);
        for (text, kind) in [("a", Kind::Latest), ("b", Kind::Kept), ("c", Kind::Latest), ("d", Kind::Latest)] {
            queue.push(text.into(), kind);
        }
        assert!(queue.waiting() > 2 && !queue.is_empty());
        let reader = std::thread::spawn(move || {
            let mut all = Vec::new();
            theirs.read_to_end(&mut all).unwrap();
            all
        });
        while !queue.is_empty() {
            wait_writable(queue.descriptor(), Duration::from_secs(1));
            queue.flush();
        }
        queue.disconnect();
        let all = reader.join().unwrap();
        assert_eq!((all.len() - begun.len(), &all[begun.len()..]), (2, &b"bd"[..]));
    }

    #[test]
    fn what_goes_to_a_peer_that_is_gone_is_forgotten() {
        let (mut queue, theirs) = connected();
        drop(theirs);
        queue.push(b"a".to_vec(), Kind::Kept);
        assert!(queue.is_empty() && queue.is_connected());
        queue.disconnect();
        queue.push(b"b".to_vec(), Kind::Kept);
        assert!(queue.is_empty());
    }
}
