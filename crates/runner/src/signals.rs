//! Signals that this process gets and passes on. They are blocked and read from a descriptor, so nothing interrupts.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use libc::c_int;

use crate::sys;

/// The signal mask, and whether SIGCHLD was ignored, before we changed them.
#[derive(Clone, Copy)]
pub(crate) struct Mask {
    set: libc::sigset_t,
    children_were_ignored: bool,
}

impl Mask {
    /// The present state. Makes SIGCHLD count: an ignored one hides how the program ended.
    pub(crate) fn now() -> Self {
        // SAFETY: all-zero values are valid, and the kernel fills them.
        unsafe {
            let mut set: libc::sigset_t = std::mem::zeroed();
            libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), &mut set);
            let mut action: libc::sigaction = std::mem::zeroed();
            libc::sigaction(libc::SIGCHLD, std::ptr::null(), &mut action);
            let children_were_ignored = action.sa_sigaction == libc::SIG_IGN;
            if children_were_ignored {
                libc::signal(libc::SIGCHLD, libc::SIG_DFL);
            }
            Self { set, children_were_ignored }
        }
    }

    pub(crate) fn children_were_ignored(&self) -> bool {
        self.children_were_ignored
    }

    /// Sets the mask as it was. Safe to call after `fork`.
    pub(crate) fn restore(&self) {
        // SAFETY: the kernel reads the set.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &self.set, std::ptr::null_mut()) };
    }
}

/// Who sent a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    /// The terminal: the whole foreground process group got it.
    Terminal,
    /// Some process, to this one or to its group.
    Process,
}

/// A signal that came in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Received {
    pub(crate) signal: c_int,
    pub(crate) sender: Sender,
}

/// The descriptor that signals are read from, as long as it lives.
pub(crate) struct Signals {
    descriptor: OwnedFd,
    before: Mask,
}

/// Signals that say that this process itself is broken, that cannot be caught, or that are about the terminal's output:
/// the last two are blocked, so that a runner in the background may write and set modes.
const NOT_PASSED_ON: &[c_int] = &[
    libc::SIGILL,
    libc::SIGTRAP,
    libc::SIGABRT,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGSEGV,
    libc::SIGSYS,
    libc::SIGPIPE,
    libc::SIGKILL,
    libc::SIGSTOP,
];

impl Signals {
    /// Takes over all signals that are passed on. Without a terminal of the program's own, those of job control keep their
    /// effect: this process and the program are in one group and stop together.
    pub(crate) fn take(own_terminal: bool) -> io::Result<Self> {
        let before = Mask::now();
        // SAFETY: the set is filled before it is used; the descriptor is fresh.
        unsafe {
            let mut set: libc::sigset_t = std::mem::zeroed();
            libc::sigfillset(&mut set);
            for &signal in NOT_PASSED_ON {
                libc::sigdelset(&mut set, signal);
            }
            if !own_terminal {
                for signal in [libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU, libc::SIGCONT, libc::SIGWINCH] {
                    libc::sigdelset(&mut set, signal);
                }
            }
            libc::pthread_sigmask(libc::SIG_BLOCK, &set, std::ptr::null_mut());
            let fd = sys::check(libc::signalfd(-1, &set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK))?;
            Ok(Self { descriptor: OwnedFd::from_raw_fd(fd), before })
        }
    }

    pub(crate) fn descriptor(&self) -> RawFd {
        self.descriptor.as_raw_fd()
    }

    /// The mask that the program is to have.
    pub(crate) fn before(&self) -> Mask {
        self.before
    }

    /// The next signal; `None` if there is no further one. Those that this process sent itself are left out.
    pub(crate) fn next(&self) -> Option<Received> {
        loop {
            let mut record = [0; size_of::<libc::signalfd_siginfo>()];
            let count = sys::read(self.descriptor(), &mut record).ok()?;
            if count != record.len() {
                return None;
            }
            // SAFETY: the kernel filled the whole record, which is plain numbers.
            let about: libc::signalfd_siginfo = unsafe { std::ptr::read_unaligned(record.as_ptr().cast()) };
            // 0x80 is SI_KERNEL. A shell's SIGHUP comes from a process.
            let sender = if about.ssi_code == 0x80 { Sender::Terminal } else { Sender::Process };
            if sender == Sender::Process && about.ssi_pid == std::process::id() && about.ssi_code <= 0 {
                continue;
            }
            return Some(Received { signal: about.ssi_signo as c_int, sender });
        }
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.before.restore();
    }
}

/// Stops this process as `signal` does by default, alone or with its process group; comes back when it is continued, or
/// at once where the kernel does not let a process be stopped (no shell could continue it). That it was continued is said
/// by the return, so the signal that did it is taken away.
pub(crate) fn stop_by(signal: c_int, whole_group: bool) {
    // SAFETY: plain calls with values that live long enough.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, signal);
        let before = libc::signal(signal, libc::SIG_DFL);
        libc::kill(if whole_group { 0 } else { libc::getpid() }, signal);
        // Pending until here.
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &set, std::ptr::null_mut());
        libc::pthread_sigmask(libc::SIG_BLOCK, &set, std::ptr::null_mut());
        libc::signal(signal, before);
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, libc::SIGCONT);
        let now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        libc::sigtimedwait(&set, std::ptr::null_mut(), &now);
    }
}

/// Sends a signal to every other process of our process group.
pub(crate) fn tell_group(signal: c_int) {
    // SAFETY: a plain call. Our own copy is blocked, and `Signals::next` leaves it out.
    unsafe { libc::kill(0, signal) };
}
