//! How the program ends, for the client: with which code, and by SIGTERM.

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicI32, AtomicPtr, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use pyo3::prelude::*;
use serde_json::Value;

use super::{Door, END_PATIENCE, LATE_COMMANDS, ends_with};
use crate::engine::signals;
use crate::semaphore::Semaphore;
use crate::{capi, inspect, lifetime};

/// What the shell adds to the number of a signal that ended a program.
pub(super) const BY_SIGNAL: i32 = 128;

/// How long SIGTERM waits until the client has got the last message: what the signal ends shall end.
const SIGTERM_PATIENCE: Duration = Duration::from_millis(200);

/// Whom the handler wakes.
static WOKEN: AtomicPtr<Semaphore> = AtomicPtr::new(std::ptr::null_mut());
/// The process whose thread waits.
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
        Value::Number(number) => number.as_i64().map_or(status == 1, |it| it & 0xff == i64::from(status & 0xff)),
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

/// The thread that waits for SIGTERM, tells the client of the end of the program, and lets the signal end it. The signal's handler is put
/// in the place of none, by this thread: as long as nobody waits there is none. What the program sets later counts.
pub(crate) fn wait_for_sigterm(door: &'static Door) {
    let arrived: &'static Semaphore = Box::leak(Box::new(Semaphore::new()));
    // SAFETY: puts a handler in the place of none.
    unsafe {
        let mut present: libc::sigaction = std::mem::zeroed();
        libc::sigaction(libc::SIGTERM, std::ptr::null(), &raw mut present);
        // The first process of a container ignores signals that it has no handler for.
        if present.sa_sigaction != libc::SIG_DFL || libc::getpid() == 1 {
            return;
        }
        PROCESS.store(libc::getpid(), Ordering::Relaxed);
        WOKEN.store(std::ptr::from_ref(arrived).cast_mut(), Ordering::Release);
        let mut ours: libc::sigaction = std::mem::zeroed();
        ours.sa_sigaction = on_sigterm as extern "C" fn(c_int) as usize;
        ours.sa_flags = libc::SA_RESTART;
        libc::sigaction(libc::SIGTERM, &raw const ours, std::ptr::null_mut());
    }
    loop {
        if arrived.wait() {
            door.tell_end(&Value::from(BY_SIGNAL + libc::SIGTERM), SIGTERM_PATIENCE);
            signals::end_by(libc::SIGTERM);
        }
    }
}

/// Whether a handler is ours.
pub(crate) fn is_ours(handler: usize) -> bool {
    handler == on_sigterm as extern "C" fn(c_int) as usize
}

extern "C" fn on_sigterm(_: c_int) {
    // SAFETY: calls that a signal handler may make. The semaphore lives for ever.
    unsafe {
        match WOKEN.load(Ordering::Acquire).as_ref() {
            Some(woken) if libc::getpid() == PROCESS.load(Ordering::Relaxed) => woken.post(),
            // A forked child.
            _ => signals::end_by(libc::SIGTERM),
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
        let told = door.tell_end(&of_status(status), END_PATIENCE);
        if told {
            door.sender.wait_for_end(LATE_COMMANDS);
        }
    }
}
