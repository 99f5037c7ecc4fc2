//! A process that stands beside the program and takes no signal, so that it can say whether one was sent to all of us.
//!
//! Without a terminal of its own the program is in this process's group. A signal for this process is passed on to it, one
//! for the group (`kill -- -PGID`, a process manager's end) it has got itself, and the kernel tells the receiver who sent it
//! but not to whom. The witness is younger than the runner, and the kernel serves the members of a group from the youngest
//! on: when the runner reads a signal of the group, the witness has its own already.
//!
//! `timeout` and others send the same signal twice, to their child and to the group, and a program takes the two for one as
//! they come within microseconds. So that it still does, both are one here as well if they come within [`BURST`].

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr;
use std::time::{Duration, Instant};

use libc::c_int;

use crate::sys;

/// How long the answer may take; it takes microseconds.
const PATIENCE: Duration = Duration::from_millis(200);

/// How close together two of the same signal are one.
const BURST: Duration = Duration::from_millis(5);

/// The runner's side.
pub(crate) struct Witness {
    socket: OwnedFd,
    pid: libc::pid_t,
    /// The last signal that was sent to all, and until when the same one belongs to it.
    last: Option<(c_int, Instant)>,
}

impl Witness {
    /// Starts the process in our group. It ends with the calling thread, or when this is dropped.
    pub(crate) fn start() -> io::Result<Self> {
        let (ours, theirs) = sys::packet_pair()?;
        // SAFETY: the child runs `live`, which keeps to what is safe after a fork and never comes back.
        let pid = unsafe {
            let parent = libc::getpid();
            let pid = sys::check(libc::fork())?;
            if pid == 0 {
                live(theirs.as_raw_fd(), parent);
            }
            pid
        };
        Ok(Self { socket: ours, pid, last: None })
    }

    /// Whether the program has got this signal, which came to this process at `came`, itself. Asked for every signal that
    /// may be passed on: what is not asked for would be answered the next time.
    pub(crate) fn saw(&mut self, signal: c_int, came: Instant) -> bool {
        if self.last.is_some_and(|(last, until)| last == signal && came < until) {
            self.ask(signal, Duration::ZERO);
            return true;
        }
        let saw = self.ask(signal, BURST);
        if saw {
            self.last = Some((signal, Instant::now() + BURST));
        }
        saw
    }

    fn ask(&self, signal: c_int, wait: Duration) -> bool {
        let fd = self.socket.as_raw_fd();
        let question: Question = [signal, wait.subsec_nanos().cast_signed()];
        if sys::send(fd, &question.map(c_int::to_ne_bytes).concat()).is_err() {
            return false;
        }
        let mut fds = [libc::pollfd { fd, events: libc::POLLIN, revents: 0 }];
        let mut answer = [0; 1];
        let answered = sys::poll(&mut fds, Some(PATIENCE)).is_ok()
            && fds[0].revents != 0
            && sys::read(fd, &mut answer).is_ok_and(|count| count == 1);
        if !answered {
            // Somebody has killed or stopped it. It is not asked again: a late answer would be taken for the next one.
            self.dismiss();
        }
        answered && answer[0] == 1
    }

    /// Lets the process end.
    fn dismiss(&self) {
        // SAFETY: a plain call.
        unsafe { libc::shutdown(self.socket.as_raw_fd(), libc::SHUT_RDWR) };
    }
}

/// A signal, and how many nanoseconds it is waited for.
type Question = [c_int; 2];

impl Drop for Witness {
    fn drop(&mut self) {
        self.dismiss();
        // One that was stopped would not end by itself.
        // SAFETY: plain calls; the process is a child of ours that nobody else waits for.
        unsafe {
            libc::kill(self.pid, libc::SIGKILL);
            libc::waitpid(self.pid, ptr::null_mut(), 0);
        }
    }
}

/// # Safety
/// To be called in a child after `fork`.
unsafe fn live(socket: c_int, parent: libc::pid_t) -> ! {
    // SAFETY: system calls on descriptors and memory of this process alone.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &all, ptr::null_mut());
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        sys::close_all_but([socket]);
        while libc::getppid() == parent {
            let mut question: Question = [0; 2];
            let count = libc::recv(socket, question.as_mut_ptr().cast(), size_of::<Question>(), 0);
            if count != size_of::<Question>() as isize {
                break;
            }
            let [signal, wait] = question;
            let mut set: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&mut set);
            libc::sigaddset(&mut set, signal);
            let wait = libc::timespec { tv_sec: 0, tv_nsec: wait.into() };
            let seen = u8::from(libc::sigtimedwait(&set, ptr::null_mut(), &wait) == signal);
            libc::send(socket, (&raw const seen).cast(), 1, libc::MSG_NOSIGNAL);
        }
        libc::_exit(0)
    }
}
