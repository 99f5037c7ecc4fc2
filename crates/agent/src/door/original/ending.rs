//! How the program ends, for the client: with which code, and by SIGTERM.

use std::ffi::c_int;
use std::sync::atomic::{AtomicI32, Ordering};

use pyo3::prelude::*;
use serde_json::Value;

use super::ends_with;
use crate::{inspect, lifetime};

/// What the shell adds to the number of a signal that ended a program.
const BY_SIGNAL: i32 = 128;

/// Where the handler tells of SIGTERM; -1 for nowhere.
static TOLD: AtomicI32 = AtomicI32::new(-1);
/// The process whose listener listens.
static PROCESS: AtomicI32 = AtomicI32::new(0);

/// The exit code that the program gives.
pub(crate) fn tell_exit_code(code: &Bound<'_, PyAny>) {
    ends_with(inspect::original::as_json(code));
}

/// An exception ends the main thread.
pub(crate) fn by_exception(is_interrupt: bool) {
    ends_with(if is_interrupt { Value::from(BY_SIGNAL + libc::SIGINT) } else { Value::from(1) });
}

/// From now on SIGTERM is told by this descriptor before it ends the program, if nobody else has a handler for it: what the program
/// sets later counts.
pub(super) fn watch_for_sigterm() -> c_int {
    // SAFETY: makes a descriptor, and puts a handler in the place of none.
    unsafe {
        let event = libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK);
        let mut present: libc::sigaction = std::mem::zeroed();
        libc::sigaction(libc::SIGTERM, std::ptr::null(), &raw mut present);
        if event < 0 || present.sa_sigaction != libc::SIG_DFL {
            return event;
        }
        PROCESS.store(libc::getpid(), Ordering::Relaxed);
        TOLD.store(event, Ordering::Relaxed);
        lifetime::owns(lifetime::Descriptor::Signal, event);
        let mut ours: libc::sigaction = std::mem::zeroed();
        ours.sa_sigaction = on_sigterm as extern "C" fn(c_int) as usize;
        ours.sa_flags = libc::SA_RESTART;
        libc::sigaction(libc::SIGTERM, &raw const ours, std::ptr::null_mut());
        event
    }
}

/// Whether a handler is ours.
pub(crate) fn is_ours(handler: usize) -> bool {
    handler == on_sigterm as extern "C" fn(c_int) as usize
}

extern "C" fn on_sigterm(_: c_int) {
    let event = TOLD.load(Ordering::Relaxed);
    let one: u64 = 1;
    // SAFETY: calls that a signal handler may make.
    unsafe {
        let told = libc::getpid() == PROCESS.load(Ordering::Relaxed)
            && libc::write(event, (&raw const one).cast(), size_of::<u64>()) == 8;
        if !told {
            // A forked child, or a program that has closed our descriptor.
            act_natively();
        }
    }
}

/// Ends the process as the signal does natively.
pub(super) fn act_natively() {
    // SAFETY: calls that a signal handler may make, too.
    unsafe {
        libc::signal(libc::SIGTERM, libc::SIG_DFL);
        libc::kill(libc::getpid(), libc::SIGTERM);
    }
}

/// The exit code of a program that SIGTERM has ended.
pub(super) fn by_sigterm() -> Value {
    Value::from(BY_SIGNAL + libc::SIGTERM)
}
