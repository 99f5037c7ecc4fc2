//! The process between runner and program when the program has a pseudo-terminal: the leader of its session.
//!
//! A program that led the session itself would be in an orphaned process group, where Ctrl-Z has no effect. The keeper puts
//! it into a group of its own in the foreground, and reports when it stops, goes on and ends. It also restores the real
//! terminal and ends the program if the runner is killed; and when the program has ended and left children behind that
//! write on, it carries their output to the real terminal until they are gone, while the runner has long returned.
//!
//! It is a fork of a process that may have threads: nothing here allocates, and all signals are blocked.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::ptr;

use libc::{c_int, pid_t};

use crate::image::{Image, start_error};
use crate::sys::{self, PseudoTerminal};

/// What the runner tells the keeper: one byte, followed by the terminal's modes in one case.
mod command {
    /// The program's group has the terminal.
    pub(super) const FOREGROUND: u8 = b'f';
    /// Nobody has it: a read of the program stops it.
    pub(super) const BACKGROUND: u8 = b'b';
    /// The program's group goes on. A command, so that it comes after the ones above.
    pub(super) const CONTINUE: u8 = b'k';
    /// The real terminal is in raw mode, and these are the modes to go back to.
    pub(super) const RAW: u8 = b'r';
    /// The real terminal has its modes back.
    pub(super) const COOKED: u8 = b'c';
    /// The runner returns.
    pub(super) const RETURN: u8 = b'q';
}

/// What the keeper reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Report {
    /// The program has this process id.
    Started(pid_t),
    /// A signal stopped it.
    Stopped(c_int),
    /// It goes on.
    Continued,
    /// It ended; `si_code` and `si_status`.
    Ended(c_int, c_int),
}

/// A report as it crosses the socket: kind, two numbers.
type RawReport = [c_int; 3];

impl Report {
    fn encode(self) -> RawReport {
        match self {
            Self::Started(pid) => [1, pid, 0],
            Self::Stopped(signal) => [2, signal, 0],
            Self::Continued => [3, 0, 0],
            Self::Ended(code, status) => [4, code, status],
        }
    }

    fn decode(raw: RawReport) -> Option<Self> {
        Some(match raw {
            [1, pid, _] => Self::Started(pid),
            [2, signal, _] => Self::Stopped(signal),
            [3, ..] => Self::Continued,
            [4, code, status] => Self::Ended(code, status),
            _ => return None,
        })
    }
}

/// The runner's side.
pub(crate) struct Keeper {
    socket: OwnedFd,
    pid: pid_t,
}

impl Keeper {
    /// Starts the keeper and, through it, the program on `terminal`. `real` is where output of children that outlive the
    /// program goes. Answers the program's process id.
    pub(crate) fn start(
        image: &Image,
        terminal: &PseudoTerminal,
        real: Option<RawFd>,
        in_foreground: bool,
    ) -> io::Result<(Self, pid_t)> {
        let (ours, theirs) = sys::packet_pair()?;
        let (reader, writer) = sys::pipe()?;
        let kept = Kept {
            socket: theirs.as_raw_fd(),
            master: terminal.master.as_raw_fd(),
            slave: terminal.slave.as_raw_fd(),
            real: real.unwrap_or(-1),
        };
        // SAFETY: the child runs `Kept::live`, which keeps to what is safe after a fork and never comes back.
        let pid = unsafe {
            let pid = sys::check(libc::fork())?;
            if pid == 0 {
                kept.live(image, writer.as_raw_fd(), in_foreground);
            }
            pid
        };
        drop((theirs, writer));
        let keeper = Self { socket: ours, pid };
        if let Some(error) = start_error(reader.as_raw_fd())? {
            return Err(error);
        }
        let program = loop {
            match keeper.report(0)? {
                Some(Report::Started(program)) => break program,
                Some(_) => {}
                None => return Err(io::Error::other("the program's keeper ended at once")),
            }
        };
        Ok((keeper, program))
    }

    /// Becomes readable when there is a report.
    pub(crate) fn socket(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// The next report, `None` if there is none yet.
    pub(crate) fn next_report(&self) -> io::Result<Option<Report>> {
        match self.report(libc::MSG_DONTWAIT) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Ok(None) => Err(io::Error::other("the program's keeper was killed")),
            other => other,
        }
    }

    fn report(&self, flags: c_int) -> io::Result<Option<Report>> {
        let mut raw: RawReport = [0; 3];
        // SAFETY: the record is as long as is said.
        let count = unsafe { libc::recv(self.socket(), raw.as_mut_ptr().cast(), size_of::<RawReport>(), flags) };
        sys::check(count as c_int)?;
        Ok(if count as usize == size_of::<RawReport>() { Report::decode(raw) } else { None })
    }

    /// Whether the program's group has its pseudo-terminal.
    pub(crate) fn set_foreground(&self, in_foreground: bool) {
        self.tell(&[if in_foreground { command::FOREGROUND } else { command::BACKGROUND }]);
    }

    /// Lets the program's group go on, after everything that was told before.
    pub(crate) fn continue_program(&self) {
        self.tell(&[command::CONTINUE]);
    }

    /// The real terminal was put into raw mode; these modes are to be set if the runner is killed.
    pub(crate) fn note_raw(&self, modes: &libc::termios) {
        let mut message = [0; 1 + size_of::<libc::termios>()];
        message[0] = command::RAW;
        // SAFETY: there is room for all of it behind the first byte, and it is plain numbers.
        unsafe {
            ptr::copy_nonoverlapping(
                ptr::from_ref(modes).cast::<u8>(),
                message.as_mut_ptr().add(1),
                size_of::<libc::termios>(),
            );
        }
        self.tell(&message);
    }

    /// The real terminal has its modes back.
    pub(crate) fn note_cooked(&self) {
        self.tell(&[command::COOKED]);
    }

    /// The program has ended and its output is shown: the keeper looks after what is left of it.
    pub(crate) fn release(&self) {
        self.tell(&[command::RETURN]);
    }

    /// A keeper that is gone needs to know nothing.
    fn tell(&self, message: &[u8]) {
        let _ = sys::send(self.socket(), message);
    }

    /// Takes the ended keeper off the process table, if it has ended.
    pub(crate) fn reap(&self) -> bool {
        // SAFETY: a plain call.
        unsafe { libc::waitpid(self.pid, ptr::null_mut(), libc::WNOHANG) != 0 }
    }
}

/// The keeper's side: descriptors only.
struct Kept {
    socket: RawFd,
    master: RawFd,
    slave: RawFd,
    /// The real terminal, or -1.
    real: RawFd,
}

impl Kept {
    /// # Safety
    /// To be called in a child after `fork`.
    unsafe fn live(&self, image: &Image, errors: RawFd, in_foreground: bool) -> ! {
        // SAFETY: system calls on descriptors and memory of this process alone.
        unsafe {
            let mut all: libc::sigset_t = std::mem::zeroed();
            libc::sigfillset(&mut all);
            libc::pthread_sigmask(libc::SIG_SETMASK, &all, ptr::null_mut());
            libc::setsid();
            libc::ioctl(self.slave, libc::TIOCSCTTY, 0);
            let program = libc::fork();
            if program == 0 {
                libc::setpgid(0, 0);
                if in_foreground {
                    libc::tcsetpgrp(self.slave, libc::getpid());
                }
                let error = image.become_program();
                libc::write(errors, (&raw const error).cast(), size_of::<c_int>());
                libc::_exit(127);
            }
            if program < 0 {
                let error = *libc::__errno_location();
                libc::write(errors, (&raw const error).cast(), size_of::<c_int>());
                libc::_exit(127);
            }
            libc::setpgid(program, program);
            // A pipe that this process held open would not end for its reader.
            sys::close_all_but([self.socket, self.master, self.slave, self.real]);
            self.tell(Report::Started(program));
            let runner_lives = self.watch(program);
            if !runner_lives {
                libc::kill(program, libc::SIGKILL);
            }
            // Its process id must not be given away before the runner knows that it ended; now it does.
            libc::waitpid(program, ptr::null_mut(), 0);
            // When the leader of a session ends, the group in the foreground is hung up: that must not be the children.
            libc::tcsetpgrp(self.slave, libc::getpid());
            libc::close(self.slave);
            self.carry_output();
            libc::_exit(0)
        }
    }

    /// Reports and obeys until the program has ended and the runner returns (true) or the runner was killed (false).
    unsafe fn watch(&self, program: pid_t) -> bool {
        // SAFETY: system calls on memory of this function.
        unsafe {
            let mut set: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&mut set);
            libc::sigaddset(&mut set, libc::SIGCHLD);
            let children = libc::signalfd(-1, &set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK);
            let mut modes: Option<libc::termios> = None;
            let mut group = program;
            let mut ended = false;
            loop {
                // Also before the first wait: a program may have ended before the descriptor was there.
                ended = ended || self.report_changes(program);
                let mut fds = [
                    libc::pollfd { fd: self.socket, events: libc::POLLIN, revents: 0 },
                    libc::pollfd { fd: children, events: libc::POLLIN, revents: 0 },
                ];
                libc::poll(fds.as_mut_ptr(), 2, -1);
                let mut record = [0_u8; size_of::<libc::signalfd_siginfo>()];
                while libc::read(children, record.as_mut_ptr().cast(), record.len()) > 0 {}
                if fds[0].revents == 0 {
                    continue;
                }
                let mut message = [0_u8; 1 + size_of::<libc::termios>()];
                let count = libc::recv(self.socket, message.as_mut_ptr().cast(), message.len(), libc::MSG_DONTWAIT);
                match (count, message[0]) {
                    (0, _) => {
                        if let Some(modes) = &modes {
                            libc::tcsetattr(self.real, libc::TCSANOW, modes);
                        }
                        return ended;
                    }
                    (1.., command::FOREGROUND) => {
                        libc::tcsetpgrp(self.slave, group);
                    }
                    (1.., command::BACKGROUND) => {
                        let now = libc::tcgetpgrp(self.slave);
                        if now > 0 && now != libc::getpid() {
                            group = now;
                        }
                        libc::tcsetpgrp(self.slave, libc::getpid());
                    }
                    (1.., command::CONTINUE) => {
                        libc::killpg(program, libc::SIGCONT);
                    }
                    (1.., command::RAW) => {
                        modes = Some(ptr::read_unaligned(message.as_ptr().add(1).cast()));
                    }
                    (1.., command::COOKED) => modes = None,
                    (1.., command::RETURN) => return true,
                    _ => {}
                }
            }
        }
    }

    /// Reports what happened to the program since the last call; whether it has ended. An ended program stays on the
    /// process table, so that nobody else gets its number while the runner may still use it.
    unsafe fn report_changes(&self, program: pid_t) -> bool {
        // SAFETY: an all-zero record is a valid value, and the kernel fills it.
        unsafe {
            loop {
                let mut about: libc::siginfo_t = std::mem::zeroed();
                let any = libc::WEXITED | libc::WSTOPPED | libc::WCONTINUED | libc::WNOHANG;
                let found = libc::waitid(libc::P_PID, program as libc::id_t, &mut about, any | libc::WNOWAIT);
                if found < 0 || about.si_pid() == 0 {
                    return false;
                }
                let kind = match about.si_code {
                    libc::CLD_STOPPED => libc::WSTOPPED,
                    libc::CLD_CONTINUED => libc::WCONTINUED,
                    libc::CLD_TRAPPED => libc::WSTOPPED,
                    code => {
                        self.tell(Report::Ended(code, about.si_status()));
                        return true;
                    }
                };
                // That kind only, and told if it was still there: it may have been stopped again since it went on, and
                // that is the next thing to tell.
                about = std::mem::zeroed();
                libc::waitid(libc::P_PID, program as libc::id_t, &mut about, kind | libc::WNOHANG);
                match about.si_code {
                    libc::CLD_STOPPED => self.tell(Report::Stopped(about.si_status())),
                    libc::CLD_CONTINUED => self.tell(Report::Continued),
                    _ => {}
                }
            }
        }
    }

    unsafe fn tell(&self, report: Report) {
        let raw = report.encode();
        // SAFETY: the record is as long as is said.
        unsafe { libc::send(self.socket, raw.as_ptr().cast(), size_of::<RawReport>(), libc::MSG_NOSIGNAL) };
    }

    /// Shows what children of the ended program write, until the last of them has closed the pseudo-terminal.
    unsafe fn carry_output(&self) {
        // SAFETY: system calls on memory of this function.
        unsafe {
            libc::close(self.socket);
            let mut buffer = [0_u8; 4096];
            loop {
                let mut fds = [libc::pollfd { fd: self.master, events: libc::POLLIN, revents: 0 }];
                libc::poll(fds.as_mut_ptr(), 1, -1);
                let count = libc::read(self.master, buffer.as_mut_ptr().cast(), buffer.len());
                if count < 0 && matches!(*libc::__errno_location(), libc::EINTR | libc::EAGAIN) {
                    continue;
                }
                if count <= 0 {
                    return;
                }
                let mut shown = 0;
                while self.real >= 0 && shown < count as usize {
                    let written = libc::write(self.real, buffer.as_ptr().add(shown).cast(), count as usize - shown);
                    if written > 0 {
                        shown += written as usize;
                    } else if *libc::__errno_location() == libc::EAGAIN {
                        let mut fds = [libc::pollfd { fd: self.real, events: libc::POLLOUT, revents: 0 }];
                        libc::poll(fds.as_mut_ptr(), 1, -1);
                    } else if *libc::__errno_location() != libc::EINTR {
                        return;
                    }
                }
            }
        }
    }
}
