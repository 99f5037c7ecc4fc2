//! Where the program's terminal is shown and typed into: the user's own terminal, or the hub's pages alone.
//!
//! With all three streams on the terminal, the terminal is in raw mode while the program has it: every key goes to the
//! program's pseudo-terminal, which makes signals, echo and lines of them as natively. In a pipeline others may use the
//! terminal too (`| less`), so keys are taken only while the program waits for them.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use crate::keeper::Keeper;
use crate::signals;
use crate::sys;
use crate::terminal::{OutputFlags, Terminal};
use crate::waiting::waits_for_input;

/// Output for the real terminal that waits, at most; then the program waits, as it natively would.
const MOST_UNSHOWN: usize = 64 << 10;
/// Keys for the program that wait, at most.
const MOST_UNTYPED: usize = 64 << 10;
/// How often a runner in the background looks whether it was brought to the foreground: a shell does that silently.
const FOREGROUND_CHECK: Duration = Duration::from_millis(200);
/// The pauses between two looks at what the program waits for: after something moved, and at most.
const FIRST_LOOK: Duration = Duration::from_millis(10);
const LAST_LOOK: Duration = Duration::from_millis(500);

/// Whose keys go to the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keys {
    /// All, as long as it has the terminal.
    All,
    /// Those typed while it waits for some, as others use the terminal too.
    WhileWaiting,
}

/// The user's terminal and how it is used.
struct Shown {
    terminal: Terminal,
    keys: Keys,
    in_foreground: bool,
    /// False while its modes are a shell's, as the job was started in the background.
    modes_are_ours: bool,
    /// Output, of which the first `written` bytes are on the terminal.
    unshown: Vec<u8>,
    written: usize,
    /// False when it hung up.
    open: bool,
}

/// The program's pseudo-terminal.
pub(crate) struct Console {
    master: OwnedFd,
    /// `/dev/pts/N`.
    name: String,
    first_modes: libc::termios,
    /// Not yet taken by the pseudo-terminal.
    untyped: Vec<u8>,
    /// All output was read.
    ended: bool,
    waiting: bool,
    next_look: Instant,
    pause: Duration,
}

/// The user's terminal, if there is one; it outlives the programs of a restart.
pub(crate) struct Screen(Option<Shown>);

impl Screen {
    /// No terminal: the hub's pages alone.
    pub(crate) fn none() -> Self {
        Self(None)
    }

    pub(crate) fn open(fd: RawFd, keys: Keys) -> io::Result<Self> {
        let terminal = Terminal::open(fd)?;
        sys::set_nonblocking(terminal.fd())?;
        let in_foreground = terminal.is_foreground();
        let modes_are_ours = in_foreground;
        Ok(Self(Some(Shown {
            terminal,
            keys,
            in_foreground,
            modes_are_ours,
            unshown: Vec::new(),
            written: 0,
            open: true,
        })))
    }

    pub(crate) fn terminal(&self) -> Option<&Terminal> {
        self.0.as_ref().map(|shown| &shown.terminal)
    }

    /// Whether the program is to have its pseudo-terminal. Without a real one it always has.
    pub(crate) fn in_foreground(&self) -> bool {
        self.0.as_ref().is_none_or(|shown| shown.in_foreground)
    }

    /// Descriptor and events to wait for.
    pub(crate) fn interest(&self, console: Option<&Console>) -> Option<(RawFd, i16)> {
        let shown = self.0.as_ref().filter(|shown| shown.open)?;
        let reads = shown.terminal.is_raw() && console.is_some_and(|console| console.untyped.len() < MOST_UNTYPED);
        let events = if reads { libc::POLLIN } else { 0 } | if shown.unshown.is_empty() { 0 } else { libc::POLLOUT };
        Some((shown.terminal.fd(), events))
    }

    /// Whether the program's output is to be read now.
    pub(crate) fn has_room(&self) -> bool {
        self.0.as_ref().is_none_or(|shown| shown.unshown.len() - shown.written < MOST_UNSHOWN)
    }

    pub(crate) fn has_unshown(&self) -> bool {
        self.0.as_ref().is_some_and(|shown| !shown.unshown.is_empty())
    }

    /// Shows output of the program.
    pub(crate) fn show(&mut self, bytes: &[u8]) {
        if let Some(shown) = self.0.as_mut().filter(|shown| shown.open) {
            shown.unshown.extend_from_slice(bytes);
        }
        self.flush();
    }

    /// Writes what the terminal takes now.
    pub(crate) fn flush(&mut self) {
        let Some(shown) = &mut self.0 else { return };
        while !shown.unshown.is_empty() {
            match sys::write(shown.terminal.fd(), &shown.unshown[shown.written..]) {
                Ok(count) => {
                    shown.written += count;
                    // Seldom, as it moves the rest; a terminal that is always behind must not keep what it has shown.
                    if shown.written == shown.unshown.len() || shown.written >= MOST_UNSHOWN {
                        shown.unshown.drain(..shown.written);
                        shown.written = 0;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => {
                    // It is gone, and with it everything that it would have shown.
                    shown.open = false;
                    shown.unshown.clear();
                    shown.written = 0;
                }
            }
        }
    }

    /// Reads keys and passes them on.
    pub(crate) fn read_keys(&mut self, console: &mut Console) {
        let Some(shown) = &mut self.0 else { return };
        if !shown.terminal.is_raw() {
            return;
        }
        let mut buffer = [0; 4096];
        match sys::read(shown.terminal.fd(), &mut buffer) {
            Ok(0) => shown.open = false,
            Ok(count) => {
                console.type_bytes(&buffer[..count]);
                console.tell_neighbours(&buffer[..count]);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => shown.open = false,
        }
    }

    /// Takes or gives back the terminal as its owner and the program's needs have changed.
    pub(crate) fn update(&mut self, console: &mut Console, keeper: &Keeper) {
        let Some(shown) = &mut self.0 else { return };
        let in_foreground = shown.terminal.is_foreground();
        if in_foreground != shown.in_foreground {
            shown.in_foreground = in_foreground;
            if in_foreground {
                console.follow_size(&shown.terminal);
                if !std::mem::replace(&mut shown.modes_are_ours, true) {
                    console.take_modes(&shown.terminal);
                }
            }
            keeper.set_foreground(in_foreground);
        }
        let wanted = shown.keys == Keys::All || console.waiting || console.reads_keys();
        if !(in_foreground && wanted && shown.open) {
            if shown.terminal.is_raw() {
                shown.terminal.leave_raw();
                keeper.note_cooked();
            }
        } else if !shown.terminal.is_raw() {
            let output = if shown.keys == Keys::All { OutputFlags::Off } else { OutputFlags::Kept };
            if let Ok(before) = shown.terminal.enter_raw(output) {
                keeper.note_raw(&before);
            }
        }
    }

    /// Gives the terminal back and stops this process like the program, until the shell continues it. The group stops
    /// as a whole unless the terminal has seen to that.
    pub(crate) fn stop(&mut self, signal: i32, keeper: &Keeper) {
        let Some(shown) = &mut self.0 else { return };
        let by_terminal = signal == libc::SIGTSTP && !shown.terminal.is_raw();
        shown.terminal.leave_raw();
        keeper.note_cooked();
        signals::stop_by(signal, signal != libc::SIGSTOP && !by_terminal);
    }

    /// When to look whether the shell has brought us to the foreground.
    pub(crate) fn deadline(&self, now: Instant) -> Option<Instant> {
        self.0.as_ref().filter(|shown| shown.open && !shown.in_foreground).map(|_| now + FOREGROUND_CHECK)
    }
}

impl Console {
    /// The shown side of a new pseudo-terminal.
    pub(crate) fn new(master: OwnedFd, name: String) -> io::Result<Self> {
        sys::set_nonblocking(master.as_raw_fd())?;
        let first_modes = sys::terminal_modes(master.as_raw_fd())?;
        Ok(Self {
            master,
            name,
            first_modes,
            untyped: Vec::new(),
            ended: false,
            waiting: false,
            next_look: Instant::now() + FIRST_LOOK,
            pause: FIRST_LOOK,
        })
    }

    pub(crate) fn fd(&self) -> RawFd {
        self.master.as_raw_fd()
    }

    /// Descriptor and events to wait for.
    pub(crate) fn interest(&self, room: bool) -> Option<(RawFd, i16)> {
        let events = if room { libc::POLLIN } else { 0 } | if self.untyped.is_empty() { 0 } else { libc::POLLOUT };
        (!self.ended && events != 0).then(|| (self.fd(), events))
    }

    /// Reads output; empty if there is none now. The system hands it out in small pieces, so all that is there is taken.
    pub(crate) fn read<'b>(&mut self, buffer: &'b mut [u8]) -> &'b [u8] {
        let mut length = 0;
        while length < buffer.len() {
            match sys::read(self.fd(), &mut buffer[length..]) {
                Ok(count) if count > 0 => length += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // EIO: nobody has the pseudo-terminal open any more.
                Ok(_) | Err(_) => {
                    self.ended = true;
                    break;
                }
            }
        }
        if length > 0 {
            self.moved();
        }
        &buffer[..length]
    }

    /// Types for the user. False if too much is waiting already.
    pub(crate) fn type_bytes(&mut self, bytes: &[u8]) -> bool {
        if self.untyped.len() + bytes.len() > MOST_UNTYPED {
            return false;
        }
        self.untyped.extend_from_slice(bytes);
        self.moved();
        self.flush();
        true
    }

    pub(crate) fn flush(&mut self) {
        while !self.untyped.is_empty() {
            match sys::write(self.fd(), &self.untyped) {
                Ok(count) => {
                    self.untyped.drain(..count);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => self.untyped.clear(),
            }
        }
    }

    /// The keys that interrupt go to everybody in the foreground natively: to a shell script that started us, too.
    fn tell_neighbours(&self, typed: &[u8]) {
        let Ok(modes) = sys::terminal_modes(self.fd()) else { return };
        if modes.c_lflag & libc::ISIG == 0 {
            return;
        }
        for (key, signal) in [(libc::VINTR, libc::SIGINT), (libc::VQUIT, libc::SIGQUIT)] {
            // 0 is _POSIX_VDISABLE: no key.
            if modes.c_cc[key] != 0 && typed.contains(&modes.c_cc[key]) {
                signals::tell_group(signal);
            }
        }
    }

    /// Sends a signal to the group in the foreground of the pseudo-terminal, as its keys do.
    pub(crate) fn signal_foreground(&self, signal: i32) {
        // SAFETY: a plain call.
        unsafe { libc::ioctl(self.fd(), libc::TIOCSIG, signal) };
    }

    /// Gives the pseudo-terminal the size of the real one.
    pub(crate) fn follow_size(&self, terminal: &Terminal) {
        if let Some(size) = terminal.size() {
            let _ = sys::set_window_size(self.fd(), size);
        }
    }

    /// Gives the pseudo-terminal the modes of the real one.
    fn take_modes(&mut self, terminal: &Terminal) {
        if let Ok(modes) = terminal.modes()
            && sys::set_terminal_modes(self.fd(), &modes).is_ok()
        {
            self.first_modes = modes;
        }
    }

    /// Whether the program reads single keys, or hides what is typed.
    fn reads_keys(&self) -> bool {
        let watched = libc::ICANON | libc::ECHO;
        sys::terminal_modes(self.fd()).is_ok_and(|modes| modes.c_lflag & watched != self.first_modes.c_lflag & watched)
    }

    /// Something was written or typed: what the program waits for may change soon.
    fn moved(&mut self) {
        self.pause = FIRST_LOOK;
        self.next_look = Instant::now() + FIRST_LOOK;
    }

    /// When to look what the program waits for.
    pub(crate) fn deadline(&self) -> Instant {
        self.next_look
    }

    /// Looks what the program waits for, if it is time to; answers whether it waits for input, if that has changed.
    pub(crate) fn look(&mut self, pid: i32, now: Instant) -> Option<bool> {
        if now < self.next_look {
            return None;
        }
        self.pause = (self.pause * 2).min(LAST_LOOK);
        self.next_look = now + self.pause;
        let waiting = waits_for_input(pid, &self.name);
        (waiting != std::mem::replace(&mut self.waiting, waiting)).then_some(waiting)
    }
}
