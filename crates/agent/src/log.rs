//! What the agent has to say to the user on standard error, which is the program's: a line never harms it, nor waits for long.

use std::sync::OnceLock;

use crate::door::line::Mark;

/// How long a line waits for whoever reads standard error, in milliseconds. Then it is not written.
const PATIENCE_MS: libc::c_int = 200;

/// What standard error was when the program began. If it is something else now, that is a file of the program's own.
static STDERR: OnceLock<Mark> = OnceLock::new();

/// Looks at what standard error is, before the program can change it.
pub(crate) fn begin() {
    let _ = STDERR.set(Mark::of(libc::STDERR_FILENO));
}

/// Writes one line. Never blocks on a lock of the standard library, never fails.
pub(crate) fn line(text: &str) {
    write(&format!("ikpdb: {text}\n"));
}

/// Writes a line with its end, in one piece, so that lines of several threads stay whole.
pub(crate) fn write(line: &str) {
    if !STDERR.get_or_init(|| Mark::of(libc::STDERR_FILENO)).holds() {
        return;
    }
    let mut waited = libc::pollfd { fd: libc::STDERR_FILENO, events: libc::POLLOUT, revents: 0 };
    // SAFETY: our own variable.
    if unsafe { libc::poll(&raw mut waited, 1, PATIENCE_MS) } != 1 {
        return;
    }
    // Whoever reads it may be gone, and the program may want to end by SIGPIPE when it writes, but not when we do.
    // SAFETY: plain data, filled in by the calls; the mask of this thread is put back.
    unsafe {
        let mut pipe: libc::sigset_t = std::mem::zeroed();
        let (mut before, mut pending): (libc::sigset_t, libc::sigset_t) = (std::mem::zeroed(), std::mem::zeroed());
        libc::sigemptyset(&raw mut pipe);
        libc::sigaddset(&raw mut pipe, libc::SIGPIPE);
        libc::sigpending(&raw mut pending);
        let was_pending = libc::sigismember(&raw const pending, libc::SIGPIPE) == 1;
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const pipe, &raw mut before);
        libc::write(libc::STDERR_FILENO, line.as_ptr().cast(), line.len());
        if !was_pending {
            // Takes the signal that this write has made, if it has.
            let now: libc::timespec = std::mem::zeroed();
            libc::sigtimedwait(&raw const pipe, std::ptr::null_mut(), &raw const now);
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, std::ptr::null_mut());
    }
}
