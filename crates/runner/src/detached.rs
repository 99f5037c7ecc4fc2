//! Processes and threads beside the program that must not get its signals: the hub, a browser, who waits for it.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

/// Starts a command in a session of its own: neither Ctrl-C nor the end of the terminal reaches it.
pub fn spawn(command: &mut Command) -> io::Result<Child> {
    // SAFETY: `setsid` is safe after a fork.
    unsafe {
        command.pre_exec(|| {
            libc::setsid();
            Ok(())
        });
    }
    command.spawn()
}

/// Does something with all signals blocked: a thread that is started meanwhile never takes one from the main thread.
pub fn with_signals_blocked<T>(make: impl FnOnce() -> T) -> T {
    // SAFETY: all-zero sets are valid, and filled before they are used.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        let mut before: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before);
        let made = make();
        libc::pthread_sigmask(libc::SIG_SETMASK, &before, std::ptr::null_mut());
        made
    }
}
