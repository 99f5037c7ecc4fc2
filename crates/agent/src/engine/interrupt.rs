//! The means to interrupt an evaluation, each stronger than the one before.
//!
//! The interrupter is a native thread of its own that waits for a post, takes the GIL through the gate and makes an
//! exception appear in the evaluating thread. It is nobody else's to do: the helper may be the one that evaluates, and the
//! watchdog must not wait. Where C code keeps the GIL it waits until that returns, and finds that it is too late.

use std::ffi::{c_int, c_void};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use pyo3::Python;
use pyo3::ffi;

use super::{evaluation, freeze, signals};
use crate::capi;
use crate::lifetime::{self, Visitor};
use crate::semaphore::Semaphore;

/// What the thread is called that raises from outside.
pub(crate) const INTERRUPTER_NAME: &str = "ikpdb-interrupter";

static RAISE_WANTED: AtomicBool = AtomicBool::new(false);
static POSTED: LazyLock<Semaphore> = LazyLock::new(Semaphore::new);
/// Number of the evaluation that the interrupter is to raise in.
static WANTED: AtomicU64 = AtomicU64::new(0);
/// Number of the evaluation in which it did so last.
static REACHED: AtomicU64 = AtomicU64::new(0);

/// Lets the thread raise an interrupt at its next chance. The main thread has pending calls of its own, which no other
/// thread takes from it.
pub(super) fn raise_soon(thread: libc::pid_t) {
    RAISE_WANTED.store(true, Ordering::Relaxed);
    lifetime::while_it_lives(|| {
        if is_main(thread) {
            // SAFETY: part of the stable API; callable from any thread while the interpreter lives.
            unsafe { ffi::Py_AddPendingCall(Some(raise_interrupt), std::ptr::null_mut()) };
        }
        if !is_main(thread) || capi::capi().version < (3, 13) {
            // Before 3.13 only the main thread notices a call that is added this way, and only if it waits.
            capi::capi().add_pending_call(raise_interrupt);
        }
    });
}

/// Ends a blocking call of the thread with EINTR, so that it looks at its pending calls. A signal of ours, with a handler
/// that does nothing and without SA_RESTART, installed only where the program has none.
pub(super) fn kick(thread: libc::pid_t) {
    if install(kick_signal(), nothing) {
        raise_soon(thread);
        signal(thread, kick_signal());
    }
}

/// Lets the interrupter raise in an evaluation, as soon as it can have the GIL.
pub(super) fn raise_from_outside(number: u64) {
    WANTED.store(number, Ordering::Relaxed);
    POSTED.post();
}

/// In the main thread Python turns this into KeyboardInterrupt, even inside most C calls.
pub(super) fn as_ctrl_c_does(thread: libc::pid_t) {
    if is_main(thread) {
        signals::interrupt_natively(|| signal(thread, libc::SIGINT));
    }
}

/// Whether the interrupter came to raise in an evaluation: if not, somebody keeps the GIL.
pub(super) fn has_reached(number: u64) -> bool {
    REACHED.load(Ordering::Relaxed) == number
}

/// The evaluation is over: nothing more is to be raised.
pub(super) fn forget() {
    RAISE_WANTED.store(false, Ordering::Relaxed);
}

/// The interrupter. Ends with the process or when the interpreter ends. `ready` is called when it has its state.
pub(crate) fn interrupt_for_ever(ready: impl FnOnce()) {
    freeze::exempt_me();
    let visitor = Visitor::new();
    ready();
    let Some(visitor) = visitor else { return };
    loop {
        POSTED.wait();
        visitor.with_gil(|_| {
            let number = WANTED.load(Ordering::Relaxed);
            // Evaluations begin and end under the GIL.
            if evaluation::number() == Some(number) {
                raise_in_evaluation();
                REACHED.store(number, Ordering::Relaxed);
            }
        });
    }
}

/// A pending call on the evaluating thread raises; on another thread it asks the evaluating one to.
extern "C" fn raise_interrupt(_: *mut c_void) -> c_int {
    if lifetime::forked() || evaluation::number().is_none() {
        return 0;
    }
    // SAFETY: always allowed.
    let here = unsafe { libc::pthread_self() }.cast_signed() == evaluation::ident();
    if !here && evaluation::is_in_main() {
        // Not ours to take: the main thread has a call of its own under way.
        return 0;
    }
    if !RAISE_WANTED.swap(false, Ordering::Relaxed) {
        return 0;
    }
    if here {
        // SAFETY: pending calls are called with the GIL; -1 tells the interpreter to raise what was set.
        unsafe { ffi::PyErr_SetString(ffi::PyExc_KeyboardInterrupt, c"the evaluation was given up".as_ptr()) };
        return -1;
    }
    raise_in_evaluation();
    0
}

/// Needs the GIL.
fn raise_in_evaluation() {
    // SAFETY: the address of a static exception type.
    capi::set_async_exception(evaluation::ident(), unsafe { ffi::PyExc_KeyboardInterrupt });
}

/// Interrupts that come too late must not reach the program: they are raised here, in code of ours. (Taking one back with
/// `PyThreadState_SetAsyncExc` leaves 3.11 with a breaker set that nothing clears, and a traced program hangs.)
pub(super) fn absorb(_py: Python<'_>) {
    /// Each run raises at most one interrupt, and of each sort at most one waits.
    const RUNS: u32 = 5;
    for _ in 0..RUNS {
        // SAFETY: the GIL is held; the text and the dict are ours.
        unsafe {
            let names = ffi::PyDict_New();
            let value = ffi::Py_CompileString(c"[0 for _ in (0, 0)]".as_ptr(), c"<ikpdb>".as_ptr(), ffi::Py_eval_input);
            if !names.is_null() && !value.is_null() {
                ffi::Py_XDECREF(ffi::PyEval_EvalCode(value, names, names));
            }
            ffi::Py_XDECREF(value);
            ffi::Py_XDECREF(names);
            ffi::PyErr_Clear();
        }
    }
}

/// The last real-time signal: the C library keeps the first ones, programs take them from the front.
fn kick_signal() -> c_int {
    libc::SIGRTMAX()
}

extern "C" fn nothing(_: c_int) {}

/// Sets a handler if the signal has its default action or this very handler.
fn install(number: c_int, handler: extern "C" fn(c_int)) -> bool {
    // SAFETY: plain data, filled in by the calls.
    unsafe {
        let mut old: libc::sigaction = std::mem::zeroed();
        let mut new: libc::sigaction = std::mem::zeroed();
        new.sa_sigaction = handler as usize;
        libc::sigaction(number, std::ptr::null(), &raw mut old) == 0
            && (old.sa_sigaction == libc::SIG_DFL || old.sa_sigaction == new.sa_sigaction)
            && libc::sigaction(number, &raw const new, std::ptr::null_mut()) == 0
    }
}

/// Gives the signal its default action back. Called on the thread that was kicked: a kick that is under way reaches it at
/// the first of the calls here, while the handler is still there.
pub(super) fn uninstall() {
    // SAFETY: plain data; only our own handler is replaced.
    unsafe {
        let mut old: libc::sigaction = std::mem::zeroed();
        if libc::sigaction(kick_signal(), std::ptr::null(), &raw mut old) == 0
            && old.sa_sigaction == nothing as extern "C" fn(c_int) as usize
        {
            let default: libc::sigaction = std::mem::zeroed();
            libc::sigaction(kick_signal(), &raw const default, std::ptr::null_mut());
        }
    }
}

/// Our own threads block all signals, because they are the program's. One that evaluates for the user lets kicks through.
pub(super) fn let_kicks_through(through: bool) {
    if !freeze::is_exempt() {
        return;
    }
    // SAFETY: plain data, and the mask of the calling thread only.
    unsafe {
        let mut kicks: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut kicks);
        libc::sigaddset(&raw mut kicks, kick_signal());
        let how = if through { libc::SIG_UNBLOCK } else { libc::SIG_BLOCK };
        libc::pthread_sigmask(how, &raw const kicks, std::ptr::null_mut());
    }
}

fn is_main(thread: libc::pid_t) -> bool {
    // SAFETY: always allowed.
    thread == unsafe { libc::getpid() }
}

fn signal(thread: libc::pid_t, number: c_int) {
    // SAFETY: a thread that has ended gives an error.
    unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, number) };
}
