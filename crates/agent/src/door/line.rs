//! A socket whose descriptor the program may take away.
//!
//! A program that closes all descriptors (as daemons do) closes ours, too, and may be given the number for a file of its
//! own. So what the descriptor is, is looked at before every use: nothing of ours is ever read from, written to or closed
//! in a file of the program's.

use std::io::{self, ErrorKind};
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, FromRawFd, RawFd};
use std::os::unix::net::UnixStream;

/// Above this number the descriptor is out of the way of those that the program opens.
const HIGH_DESCRIPTOR: libc::c_int = 512;

/// A socket, as long as its descriptor is ours.
#[derive(Debug)]
pub(crate) struct Line {
    socket: ManuallyDrop<UnixStream>,
    /// Device and inode.
    identity: Option<(u64, u64)>,
}

impl Line {
    /// Takes a socket and moves it to a high descriptor, closed on exec: the program's own numbers stay as they would be
    /// without us.
    pub(crate) fn new(socket: UnixStream) -> Self {
        // SAFETY: duplicates our own descriptor; the copy is ours alone.
        let high = unsafe { libc::fcntl(socket.as_raw_fd(), libc::F_DUPFD_CLOEXEC, HIGH_DESCRIPTOR) };
        // With a low limit of descriptors the socket stays where it is.
        // SAFETY: the new descriptor, owned by nobody else.
        let socket = if high < 0 { socket } else { unsafe { UnixStream::from_raw_fd(high) } };
        let identity = identity(socket.as_raw_fd());
        Self { socket: ManuallyDrop::new(socket), identity }
    }

    /// A second descriptor of the same socket.
    pub(crate) fn second(&self) -> io::Result<Self> {
        Ok(Self::new(self.socket.try_clone()?))
    }

    /// The socket, if it is still ours.
    pub(crate) fn socket(&self) -> io::Result<&UnixStream> {
        if self.is_ours() { Ok(&self.socket) } else { Err(ErrorKind::NotConnected.into()) }
    }

    /// The descriptor.
    pub(crate) fn descriptor(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    fn is_ours(&self) -> bool {
        self.identity.is_some() && identity(self.socket.as_raw_fd()) == self.identity
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.is_ours() {
            // SAFETY: dropped once, here.
            unsafe { ManuallyDrop::drop(&mut self.socket) };
        }
    }
}

fn identity(descriptor: RawFd) -> Option<(u64, u64)> {
    // SAFETY: plain data, filled in by `fstat`.
    let mut status: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: writes to our own variable; a closed descriptor gives an error.
    (unsafe { libc::fstat(descriptor, &raw mut status) } == 0).then_some((status.st_dev, status.st_ino))
}
