//! How the program ends, for the client: with which code, and by SIGTERM.

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use serde_json::Value;

use super::ends_with;
use crate::{capi, inspect, lifetime};

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

/// What the main thread was last asked to exit with. The program may have caught that.
static ASKED: Mutex<Value> = Mutex::new(Value::Null);

/// The main thread is asked to exit.
pub(crate) fn asks_to_exit(code: Option<&Bound<'_, PyAny>>) {
    *ASKED.lock().unwrap_or_else(PoisonError::into_inner) = code.map_or(Value::Null, inspect::original::as_json);
}

/// The exit code that goes with the status of the process: what was asked for if that can have become it.
fn of_status(status: c_int) -> Value {
    let asked = std::mem::take(&mut *ASKED.lock().unwrap_or_else(PoisonError::into_inner));
    let fits = match &asked {
        Value::Null => false,
        Value::Number(number) => number.as_i64().is_some_and(|it| it & 0xff == i64::from(status & 0xff)),
        Value::Bool(flag) => c_int::from(*flag) == status,
        _ => status == 1,
    };
    match status {
        _ if fits => asked,
        0 => Value::Null,
        status => Value::from(status),
    }
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

type OnExit = unsafe extern "C" fn(extern "C" fn(c_int, *mut c_void), *mut c_void) -> c_int;

/// Has the client told of the end when the process exits, with the code of the process: that is known only then if a class of the
/// program's own, derived from `SystemExit`, has ended it. False if the C library has no such call.
pub(super) fn at_exit() -> bool {
    // SAFETY: a function of the C library by its name, whose signature the type repeats.
    let on_exit = capi::data_symbol(c"on_exit").map(|it| unsafe { std::mem::transmute::<*mut c_void, OnExit>(it) });
    // SAFETY: the handler is a function of this library, which stays loaded.
    on_exit.is_some_and(|on_exit| unsafe { on_exit(process_exits, std::ptr::null_mut()) == 0 })
}

extern "C" fn process_exits(status: c_int, _: *mut c_void) {
    if !lifetime::forked()
        && let Some(door) = super::door()
    {
        door.end(of_status(status));
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
