//! The user's own terminal: its modes, its size, who is in its foreground. It gets its modes back when this is dropped.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use ikpdb_proto::runner::TerminalSize;

use crate::sys;

/// What an output flag of the terminal does while it is in raw mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutputFlags {
    /// The pseudo-terminal has made the line ends already.
    Off,
    /// As they are: others write to the terminal as well.
    Kept,
}

/// The user's terminal.
pub(crate) struct Terminal {
    descriptor: OwnedFd,
    /// Modes to go back to; present while it is in raw mode.
    before: Option<libc::termios>,
}

impl Terminal {
    /// The terminal that `fd` is. It is opened once more where that is possible: our own description can be made
    /// non-blocking without a change for anybody else.
    pub(crate) fn open(fd: RawFd) -> io::Result<Self> {
        let descriptor = sys::reopen_terminal(fd).or_else(|_| sys::duplicate(fd))?;
        Ok(Self { descriptor, before: None })
    }

    pub(crate) fn fd(&self) -> RawFd {
        self.descriptor.as_raw_fd()
    }

    pub(crate) fn size(&self) -> Option<TerminalSize> {
        sys::window_size(self.fd())
    }

    /// The modes now, or those to go back to.
    pub(crate) fn modes(&self) -> io::Result<libc::termios> {
        self.before.map_or_else(|| sys::terminal_modes(self.fd()), Ok)
    }

    /// Whether this process's group is in the foreground. A terminal that is not our controlling one has no background.
    pub(crate) fn is_foreground(&self) -> bool {
        // SAFETY: a plain call.
        let own = unsafe { libc::getpgrp() };
        sys::foreground_group(self.fd()).map_or(true, |group| group == own)
    }

    pub(crate) fn is_raw(&self) -> bool {
        self.before.is_some()
    }

    /// Hands every key through unchanged. Answers the modes that it had.
    pub(crate) fn enter_raw(&mut self, output: OutputFlags) -> io::Result<libc::termios> {
        if let Some(before) = self.before {
            return Ok(before);
        }
        let before = sys::terminal_modes(self.fd())?;
        let mut raw = before;
        // SAFETY: changes the record only.
        unsafe { libc::cfmakeraw(&mut raw) };
        if output == OutputFlags::Kept {
            raw.c_oflag = before.c_oflag;
        }
        sys::set_terminal_modes(self.fd(), &raw)?;
        self.before = Some(before);
        Ok(before)
    }

    /// Gives the terminal its modes back.
    pub(crate) fn leave_raw(&mut self) {
        if let Some(before) = self.before.take() {
            // A terminal that is gone has no modes to restore.
            let _ = sys::set_terminal_modes(self.fd(), &before);
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.leave_raw();
    }
}
