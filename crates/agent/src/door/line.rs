//! A socket whose descriptor the program may take away.
//!
//! A program that closes all descriptors (as daemons do) closes ours, too, and may be given the number for a file of its
//! own. So what the descriptor is, is looked at before every use: nothing of ours is ever read from, written to or closed
//! in a file of the program's.

use std::io::{self, ErrorKind};
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, FromRawFd, RawFd};

/// Above this number the descriptor is out of the way of those that the program opens.
const HIGH_DESCRIPTOR: libc::c_int = 512;

/// A socket, as long as its descriptor is ours.
#[derive(Debug)]
pub(crate) struct Line<S> {
    socket: ManuallyDrop<S>,
    descriptor: RawFd,
    /// Device and inode.
    identity: Option<(u64, u64)>,
}

impl<S: AsRawFd + FromRawFd> Line<S> {
    /// Takes a socket and moves it to a high descriptor, closed on exec: the program's own numbers stay as they would be
    /// without us.
    pub(crate) fn new(socket: S) -> Self {
        // SAFETY: duplicates our own descriptor; the copy is ours alone.
        let high = unsafe { libc::fcntl(socket.as_raw_fd(), libc::F_DUPFD_CLOEXEC, HIGH_DESCRIPTOR) };
        // With a low limit of descriptors the socket stays where it is.
        // SAFETY: the new descriptor, owned by nobody else.
        let socket = if high < 0 { socket } else { unsafe { S::from_raw_fd(high) } };
        let descriptor = socket.as_raw_fd();
        Self { socket: ManuallyDrop::new(socket), descriptor, identity: identity(descriptor) }
    }

    /// The socket, if it is still ours.
    pub(crate) fn socket(&self) -> io::Result<&S> {
        if self.is_ours() { Ok(&self.socket) } else { Err(ErrorKind::NotConnected.into()) }
    }

    /// The descriptor.
    pub(crate) fn descriptor(&self) -> RawFd {
        self.descriptor
    }

    pub(crate) fn is_ours(&self) -> bool {
        self.identity.is_some() && identity(self.descriptor) == self.identity
    }
}

impl<S> Drop for Line<S> {
    fn drop(&mut self) {
        if self.identity.is_some() && identity(self.descriptor) == self.identity {
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
