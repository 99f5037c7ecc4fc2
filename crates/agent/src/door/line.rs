//! A socket whose descriptor the program may take away.
//!
//! A program that closes all descriptors (as daemons do) closes ours, too, and may be given the number for a file of its
//! own. So what the descriptor is, is looked at before every use: nothing of ours is ever read from, written to or closed
//! in a file of the program's.

use std::io::{self, ErrorKind};
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, FromRawFd, RawFd};
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

/// Above this number the descriptor is out of the way of those that the program opens.
const HIGH_DESCRIPTOR: libc::c_int = 512;

/// A socket, as long as its descriptor is ours.
#[derive(Debug)]
pub(crate) struct Line<S: AsRawFd> {
    socket: ManuallyDrop<S>,
    mark: Mark,
    owned: Option<&'static Owned>,
}

/// A descriptor, and what it was when it was looked at: device and inode of the socket or file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    descriptor: RawFd,
    identity: Option<(u64, u64)>,
}

impl Mark {
    /// What a descriptor is now.
    pub(crate) fn of(descriptor: RawFd) -> Self {
        Self { descriptor, identity: identity(descriptor) }
    }

    /// Whether it still is that.
    pub(crate) fn holds(self) -> bool {
        self.identity.is_some() && identity(self.descriptor) == self.identity
    }
}

impl<S: AsRawFd + FromRawFd> Line<S> {
    /// Takes a socket and moves it to a high descriptor, closed on exec: the program's own numbers stay as they would be
    /// without us.
    pub(crate) fn new(socket: S) -> Self {
        match Self::copy_of(socket.as_raw_fd()) {
            Some(line) => {
                // A moment ago the low number was ours. If the program has closed all and opened a file meanwhile, it is not.
                if !Mark::of(socket.as_raw_fd()).is_same(line.mark) {
                    std::mem::forget(socket);
                }
                line
            }
            // With a low limit of descriptors the socket stays where it is.
            None => Self::at(socket),
        }
    }

    /// Another descriptor of the same socket, if it is still ours and there is room.
    pub(crate) fn duplicate(&self) -> Option<Self> {
        if !self.mark.holds() {
            return None;
        }
        // SAFETY: as in `copy_of`, with any number.
        let any = || match unsafe { libc::fcntl(self.descriptor(), libc::F_DUPFD_CLOEXEC, 3) } {
            ..0 => None,
            // SAFETY: the new descriptor, owned by nobody else.
            descriptor => Some(Self::at(unsafe { S::from_raw_fd(descriptor) })),
        };
        Self::copy_of(self.descriptor()).or_else(any).filter(|it| it.mark.is_same(self.mark))
    }

    fn copy_of(descriptor: RawFd) -> Option<Self> {
        // SAFETY: duplicates a descriptor; the copy is ours alone.
        let high = unsafe { libc::fcntl(descriptor, libc::F_DUPFD_CLOEXEC, HIGH_DESCRIPTOR) };
        // SAFETY: the new descriptor, owned by nobody else.
        (high >= 0).then(|| Self::at(unsafe { S::from_raw_fd(high) }))
    }

    fn at(socket: S) -> Self {
        let mark = Mark::of(socket.as_raw_fd());
        Self { socket: ManuallyDrop::new(socket), mark, owned: Owned::note(mark) }
    }

    /// The socket, if it is still ours.
    pub(crate) fn socket(&self) -> io::Result<&S> {
        if self.is_ours() { Ok(&self.socket) } else { Err(ErrorKind::NotConnected.into()) }
    }

    /// The descriptor.
    pub(crate) fn descriptor(&self) -> RawFd {
        self.mark.descriptor
    }

    /// What it is.
    pub(crate) fn mark(&self) -> Mark {
        self.mark
    }

    pub(crate) fn is_ours(&self) -> bool {
        self.mark.holds()
    }
}

impl Mark {
    fn is_same(self, other: Self) -> bool {
        self.identity.is_some() && self.identity == other.identity
    }
}

impl<S: AsRawFd> Drop for Line<S> {
    fn drop(&mut self) {
        if let Some(owned) = self.owned {
            owned.descriptor.store(FREE, Ordering::Release);
        }
        if self.mark.holds() {
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

/// A place in the list of our descriptors, for a forked child to close them.
#[derive(Debug)]
struct Owned {
    descriptor: AtomicI32,
    device: AtomicU64,
    inode: AtomicU64,
}

const FREE: i32 = -1;
/// Somebody fills it in.
const TAKEN: i32 = -2;

/// Two of the hub's door, three of the other one, and some for connections that are just looked at.
static OWNED: [Owned; 8] =
    [const { Owned { descriptor: AtomicI32::new(FREE), device: AtomicU64::new(0), inode: AtomicU64::new(0) } }; 8];

impl Owned {
    /// Takes a place for a descriptor, if there is one.
    fn note(mark: Mark) -> Option<&'static Self> {
        let (device, inode) = mark.identity?;
        let take =
            |it: &&Self| it.descriptor.compare_exchange(FREE, TAKEN, Ordering::Acquire, Ordering::Relaxed).is_ok();
        let place = OWNED.iter().find(take)?;
        place.device.store(device, Ordering::Relaxed);
        place.inode.store(inode, Ordering::Relaxed);
        place.descriptor.store(mark.descriptor, Ordering::Release);
        Some(place)
    }
}

/// Closes our descriptors in a forked child, as far as they are ours. Makes only calls that are allowed there.
pub(crate) fn close_all_in_child() {
    for owned in &OWNED {
        let descriptor = owned.descriptor.swap(FREE, Ordering::Acquire);
        let identity = Some((owned.device.load(Ordering::Relaxed), owned.inode.load(Ordering::Relaxed)));
        if descriptor >= 0 && (Mark { descriptor, identity }).holds() {
            // SAFETY: ours, as was just seen; closing is safe after a fork.
            unsafe { libc::close(descriptor) };
        }
    }
}
