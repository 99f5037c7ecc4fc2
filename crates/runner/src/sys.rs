//! Safe forms of the system calls that the standard library lacks. Nothing here decides anything.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

use ikpdb_proto::runner::TerminalSize;
use libc::{c_int, pid_t};

/// The result of a call that answers -1 and sets `errno`.
pub(crate) fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Calls again while a signal interrupts.
fn retry(mut call: impl FnMut() -> isize) -> io::Result<usize> {
    loop {
        let result = call();
        if result >= 0 {
            return Ok(result.unsigned_abs());
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

pub(crate) fn read(fd: RawFd, buffer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the buffer is as long as is said.
    retry(|| unsafe { libc::read(fd, buffer.as_mut_ptr().cast(), buffer.len()) })
}

pub(crate) fn write(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: the bytes are as many as is said.
    retry(|| unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) })
}

/// Writes to a socket without a SIGPIPE.
pub(crate) fn send(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: the bytes are as many as is said.
    retry(|| unsafe { libc::send(fd, bytes.as_ptr().cast(), bytes.len(), libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT) })
}

/// Waits until one of `fds` is ready; at most `timeout`. An interrupting signal ends the wait early.
pub(crate) fn poll(fds: &mut [libc::pollfd], timeout: Option<Duration>) -> io::Result<()> {
    // Rounded up, or the last millisecond would be spent turning round.
    let milliseconds =
        timeout.map_or(-1, |timeout| c_int::try_from(timeout.as_nanos().div_ceil(1_000_000)).unwrap_or(c_int::MAX));
    // SAFETY: the array is as long as is said.
    match check(unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, milliseconds) }) {
        Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
        _ => Ok(()),
    }
}

pub(crate) fn set_nonblocking(fd: RawFd) -> io::Result<()> {
    // SAFETY: plain calls on a descriptor of ours.
    unsafe {
        let flags = check(libc::fcntl(fd, libc::F_GETFL))?;
        check(libc::fcntl(fd, libc::F_SETFL, flags | libc::O_NONBLOCK))?;
    }
    Ok(())
}

/// Takes a descriptor that a call just made.
fn owned(result: c_int) -> io::Result<OwnedFd> {
    // SAFETY: the descriptor is fresh, so nobody else owns it.
    check(result).map(|fd| unsafe { OwnedFd::from_raw_fd(fd) })
}

/// A copy of `fd`, above the standard streams and closed on exec.
pub(crate) fn duplicate(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: a plain call.
    owned(unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3) })
}

/// The same at a number that leaves the low ones to the program, as it would have them without us. With a low limit of
/// descriptors it stays where it is.
pub(crate) fn out_of_the_way(fd: OwnedFd) -> OwnedFd {
    const HIGH: c_int = 512;
    // SAFETY: a plain call.
    owned(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, HIGH) }).unwrap_or(fd)
}

/// Closes every descriptor but these, of which some may be -1.
///
/// # Safety
/// To be called in a child after `fork` that uses no other descriptor. Allocates nothing.
pub(crate) unsafe fn close_all_but<const N: usize>(mut keep: [RawFd; N]) {
    keep.sort_unstable();
    let mut next = 0;
    for fd in keep {
        if fd > next {
            // SAFETY: by the caller.
            unsafe { libc::syscall(libc::SYS_close_range, next, fd - 1, 0) };
        }
        next = next.max(fd + 1);
    }
    // SAFETY: by the caller.
    unsafe { libc::syscall(libc::SYS_close_range, next, c_int::MAX, 0) };
}

/// An unnamed file in memory that holds `content`, closed on exec.
pub(crate) fn memory_file(content: &[u8]) -> io::Result<OwnedFd> {
    // SAFETY: a plain call with a static name.
    let file = owned(unsafe { libc::memfd_create(c"ikpdb-start".as_ptr(), libc::MFD_CLOEXEC) })?;
    let mut rest = content;
    while !rest.is_empty() {
        let written = write(file.as_raw_fd(), rest)?;
        rest = &rest[written..];
    }
    Ok(file)
}

/// Both ends of a pipe, closed on exec.
pub(crate) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    // SAFETY: the array has room for both; then both are ours.
    unsafe {
        check(libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC))?;
        Ok((OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])))
    }
}

/// Two connected sockets that keep messages apart, closed on exec.
pub(crate) fn packet_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC;
    // SAFETY: the array has room for both; then both are ours.
    unsafe {
        check(libc::socketpair(libc::AF_UNIX, kind, 0, ends.as_mut_ptr()))?;
        Ok((OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])))
    }
}

/// A descriptor that names the process and becomes readable when it ends.
pub(crate) fn process_descriptor(pid: pid_t) -> io::Result<OwnedFd> {
    // SAFETY: a plain call; the kernel sets close-on-exec.
    owned(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) } as c_int)
}

/// Sends a signal to the process and to no other one that got its number later.
pub(crate) fn signal_process(process: BorrowedFd<'_>, signal: c_int) -> io::Result<()> {
    let none = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: a plain call.
    check(unsafe { libc::syscall(libc::SYS_pidfd_send_signal, process.as_raw_fd(), signal, none, 0) } as c_int)?;
    Ok(())
}

/// Whether the descriptor is a terminal.
pub(crate) fn is_terminal(fd: RawFd) -> bool {
    // SAFETY: a plain call.
    unsafe { libc::isatty(fd) == 1 }
}

pub(crate) fn window_size(fd: RawFd) -> Option<TerminalSize> {
    // SAFETY: an all-zero size is a valid value, and the kernel fills it.
    unsafe {
        let mut size: libc::winsize = std::mem::zeroed();
        check(libc::ioctl(fd, libc::TIOCGWINSZ, &mut size)).ok()?;
        Some(TerminalSize { columns: size.ws_col, rows: size.ws_row })
    }
}

pub(crate) fn set_window_size(fd: RawFd, size: TerminalSize) -> io::Result<()> {
    let size = libc::winsize { ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the kernel reads the size.
    check(unsafe { libc::ioctl(fd, libc::TIOCSWINSZ, &size) })?;
    Ok(())
}

pub(crate) fn terminal_modes(fd: RawFd) -> io::Result<libc::termios> {
    // SAFETY: all-zero modes are a valid value, and the kernel fills them.
    unsafe {
        let mut modes: libc::termios = std::mem::zeroed();
        check(libc::tcgetattr(fd, &mut modes))?;
        Ok(modes)
    }
}

pub(crate) fn set_terminal_modes(fd: RawFd, modes: &libc::termios) -> io::Result<()> {
    // SAFETY: the kernel reads the modes.
    retry(|| unsafe { libc::tcsetattr(fd, libc::TCSANOW, modes) as isize })?;
    Ok(())
}

/// The process group in the foreground of the terminal.
pub(crate) fn foreground_group(fd: RawFd) -> io::Result<pid_t> {
    // SAFETY: a plain call.
    check(unsafe { libc::tcgetpgrp(fd) })
}

/// A pseudo-terminal: the side that shows it, and the side that the program has.
pub(crate) struct PseudoTerminal {
    pub(crate) master: OwnedFd,
    pub(crate) slave: OwnedFd,
    /// `/dev/pts/N`.
    pub(crate) name: CString,
}

/// Opens a pseudo-terminal, both sides closed on exec.
pub(crate) fn open_pseudo_terminal() -> io::Result<PseudoTerminal> {
    let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
    // SAFETY: plain calls on the fresh descriptor; the name has room for what is said.
    unsafe {
        let master = owned(libc::posix_openpt(flags))?;
        check(libc::grantpt(master.as_raw_fd()))?;
        check(libc::unlockpt(master.as_raw_fd()))?;
        let mut name = [0; 64];
        let error = libc::ptsname_r(master.as_raw_fd(), name.as_mut_ptr(), name.len());
        if error != 0 {
            return Err(io::Error::from_raw_os_error(error));
        }
        let name = CStr::from_ptr(name.as_ptr()).to_owned();
        // By the master, so that it works where /dev/pts is another one; old kernels lack the call.
        let slave = owned(libc::ioctl(master.as_raw_fd(), libc::TIOCGPTPEER, flags))
            .or_else(|_| owned(libc::open(name.as_ptr(), flags)))?;
        Ok(PseudoTerminal { master, slave, name })
    }
}

/// Opens what `fd` refers to once more, with its own flags: making it non-blocking changes nothing for other processes.
pub(crate) fn reopen_terminal(fd: RawFd) -> io::Result<OwnedFd> {
    let path = CString::new(format!("/proc/self/fd/{fd}")).expect("a number has no zero byte");
    let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_NONBLOCK | libc::O_CLOEXEC;
    // SAFETY: a plain call.
    owned(unsafe { libc::open(path.as_ptr(), flags) })
}

/// The device number, which says whether two terminals are the same one.
pub(crate) fn device(fd: RawFd) -> Option<u64> {
    status(fd).map(|status| status.st_rdev)
}

pub(crate) fn status(fd: RawFd) -> Option<libc::stat> {
    // SAFETY: an all-zero status is a valid value, and the kernel fills it.
    unsafe {
        let mut status: libc::stat = std::mem::zeroed();
        check(libc::fstat(fd, &mut status)).ok()?;
        Some(status)
    }
}

/// The process and the user at the other end of a unix socket.
pub(crate) fn peer(fd: RawFd) -> io::Result<libc::ucred> {
    // SAFETY: the record is as long as is said, and the kernel fills it.
    unsafe {
        let mut peer: libc::ucred = std::mem::zeroed();
        let mut length = size_of::<libc::ucred>() as libc::socklen_t;
        let record = (&raw mut peer).cast();
        check(libc::getsockopt(fd, libc::SOL_SOCKET, libc::SO_PEERCRED, record, &mut length))?;
        Ok(peer)
    }
}

/// The user that this process acts for.
pub(crate) fn user() -> libc::uid_t {
    // SAFETY: a plain call that cannot fail.
    unsafe { libc::geteuid() }
}
