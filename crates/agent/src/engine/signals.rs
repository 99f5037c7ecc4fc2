//! Signals that arrive while the program is stopped: Python would only see them when it goes on.
//!
//! The first Ctrl-C says where the program is stopped; a second one within two seconds ends it natively. SIGTERM and SIGHUP
//! let it go on and are delivered at once. Signals that would end the program without Python's help are left alone.

use std::ffi::c_int;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pyo3::Python;
use pyo3::ffi;

use super::go_on::GoOn;
use super::threads;
use crate::door::original::ending;
use crate::sync::Semaphore;

/// Within so long a second Ctrl-C ends the program.
const TWICE: Duration = Duration::from_secs(2);
const SIGNALS: [c_int; 3] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP];

/// Bit N: signal N arrived.
static ARRIVED: AtomicU32 = AtomicU32::new(0);
static FIRST_INTERRUPT: Mutex<Option<Instant>> = Mutex::new(None);

/// Takes the signals for the length of a stop.
#[derive(Debug)]
pub(crate) struct Watch {
    arrived: &'static Semaphore,
}

/// The signals, while a stop takes them.
struct Taken {
    /// The handlers that the program has for them.
    handlers: Vec<(c_int, libc::sigaction)>,
    /// The stops that wait for them: the last one is told.
    watchers: Vec<&'static Semaphore>,
}

static TAKEN: Mutex<Taken> = Mutex::new(Taken { handlers: Vec::new(), watchers: Vec::new() });
/// Whom the handler wakes.
static WOKEN: AtomicPtr<Semaphore> = AtomicPtr::new(std::ptr::null_mut());

/// The next SIGINT is for an evaluation: it goes to the program's own handler, which makes Python raise.
static NATIVE: AtomicBool = AtomicBool::new(false);
/// That handler; 0 = none.
static NATIVE_HANDLER: AtomicUsize = AtomicUsize::new(0);

extern "C" fn note(signal: c_int) {
    let handler = NATIVE_HANDLER.load(Ordering::Relaxed);
    if signal == libc::SIGINT && handler != 0 && NATIVE.swap(false, Ordering::Relaxed) {
        // SAFETY: the handler that was installed for this signal, without SA_SIGINFO: Python's own has this type.
        let handler = unsafe { std::mem::transmute::<usize, extern "C" fn(c_int)>(handler) };
        handler(signal);
        return;
    }
    ARRIVED.fetch_or(1 << signal, Ordering::Relaxed);
    // SAFETY: null, or a semaphore, which lives for ever.
    if let Some(woken) = unsafe { WOKEN.load(Ordering::Acquire).as_ref() } {
        woken.post();
    }
}

impl Watch {
    /// Takes them where Python has a handler. The stop's semaphore is posted when one comes.
    pub(crate) fn begin(arrived: &'static Semaphore) -> Self {
        let mut taken = lock();
        WOKEN.store(std::ptr::from_ref(arrived).cast_mut(), Ordering::Release);
        taken.watchers.push(arrived);
        if taken.watchers.len() > 1 {
            return Self { arrived };
        }
        ARRIVED.store(0, Ordering::Relaxed);
        NATIVE.store(false, Ordering::Relaxed);
        NATIVE_HANDLER.store(0, Ordering::Relaxed);
        for signal in SIGNALS {
            // SAFETY: replaces a handler by one that only sets a bit and posts a semaphore; `drop` restores it.
            unsafe {
                let mut saved: libc::sigaction = std::mem::zeroed();
                if libc::sigaction(signal, std::ptr::null(), &raw mut saved) != 0
                    || saved.sa_sigaction == libc::SIG_DFL
                    || saved.sa_sigaction == libc::SIG_IGN
                    || ending::is_ours(saved.sa_sigaction)
                {
                    continue;
                }
                if signal == libc::SIGINT && saved.sa_flags & libc::SA_SIGINFO == 0 {
                    NATIVE_HANDLER.store(saved.sa_sigaction, Ordering::Relaxed);
                }
                let mut ours: libc::sigaction = std::mem::zeroed();
                ours.sa_sigaction = note as extern "C" fn(c_int) as usize;
                if libc::sigaction(signal, &raw const ours, std::ptr::null_mut()) == 0 {
                    taken.handlers.push((signal, saved));
                }
            }
        }
        Self { arrived }
    }

    /// The signal that has arrived, if one has.
    pub(crate) fn take(&self) -> Option<c_int> {
        let arrived = ARRIVED.swap(0, Ordering::Relaxed);
        SIGNALS.into_iter().find(|signal| arrived & (1 << signal) != 0)
    }

    /// What to do about signals that arrived.
    pub(crate) fn check(&self, place: impl FnOnce() -> String) -> Option<GoOn> {
        let arrived = ARRIVED.swap(0, Ordering::Relaxed);
        for signal in [libc::SIGTERM, libc::SIGHUP] {
            if arrived & (1 << signal) != 0 {
                deliver(signal);
                return Some(GoOn::run());
            }
        }
        if arrived & (1 << libc::SIGINT) != 0 {
            let mut first = FIRST_INTERRUPT.lock().unwrap_or_else(PoisonError::into_inner);
            if first.replace(Instant::now()).is_some_and(|first| first.elapsed() < TWICE) {
                *first = None;
                deliver(libc::SIGINT);
                return Some(GoOn::LetGo);
            }
            crate::log::line(&format!(
                "the program is stopped in the debugger{}; press Ctrl-C twice within {} s to end it",
                place(),
                TWICE.as_secs()
            ));
        }
        None
    }
}

/// Ends the process by a signal, as if nobody had a handler for it.
pub(crate) fn end_by(signal: c_int) {
    // SAFETY: calls that a signal handler may make, too.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::kill(libc::getpid(), signal);
    }
}

/// Whether a signal was delivered at the end of a stop, and its handler may not have run yet.
static DELIVERED: AtomicBool = AtomicBool::new(false);

/// Runs the handlers of signals that were delivered at the end of this thread's stop: the interpreter itself looks for them after the
/// next call, and that may wait for ever. True if one has raised, which the program is to see.
pub(crate) fn handler_raises(_py: Python<'_>) -> bool {
    DELIVERED.load(Ordering::Relaxed)
        && threads::is_main()
        && DELIVERED.swap(false, Ordering::Relaxed)
        // SAFETY: the GIL is held.
        && unsafe { ffi::PyErr_CheckSignals() } != 0
}

/// Gives a signal to the handler that the program has for it, when it goes on.
fn deliver(signal: c_int) {
    DELIVERED.store(true, Ordering::Relaxed);
    if let Some((_, saved)) = lock().handlers.iter().find(|it| it.0 == signal) {
        // SAFETY: puts the program's own handler back and signals this process.
        unsafe {
            libc::sigaction(signal, saved, std::ptr::null_mut());
            libc::kill(libc::getpid(), signal);
        }
    }
}

fn lock() -> MutexGuard<'static, Taken> {
    TAKEN.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut taken = lock();
        if let Some(at) = taken.watchers.iter().rposition(|it| std::ptr::eq(*it, self.arrived)) {
            taken.watchers.remove(at);
        }
        if let Some(next) = taken.watchers.last() {
            WOKEN.store(std::ptr::from_ref(*next).cast_mut(), Ordering::Release);
            return;
        }
        for (signal, saved) in taken.handlers.drain(..) {
            // SAFETY: puts back what `begin` found.
            unsafe { libc::sigaction(signal, &raw const saved, std::ptr::null_mut()) };
        }
        WOKEN.store(std::ptr::null_mut(), Ordering::Release);
    }
}

/// Lets a signal reach the handler that the program has for SIGINT, although the program is stopped.
pub(crate) fn interrupt_natively(send: impl FnOnce()) {
    NATIVE.store(true, Ordering::Relaxed);
    send();
}
