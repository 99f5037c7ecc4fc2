//! How the agent's work ends: the interpreter ends, the process forks, the hub lets go, or the agent itself fails.
//!
//! Once the interpreter ends, no thread of ours may take the GIL: CPython 3.11-3.13 would end that thread inside the call.
//! So whoever wants the GIL passes the gate, and an `atexit` callback shuts it and waits until nobody is inside. The program's own
//! threads may live on as daemons, and are inside while they are in a callback of ours: a condition, say, may give the GIL away.

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;

use crate::capi::builtin::builtin;
use crate::door::line::close_all_in_child;
use crate::door::{OUTBOX, original};
use crate::engine::{breakpoints, events, exceptions, freeze, stop, threads};
use crate::sync::Semaphore;
use crate::{api, capi};

/// How long the end of the program waits for a thread that is inside, unless that is stopped: then as long as it is.
const END_PATIENCE: Duration = Duration::from_secs(2);

/// How long it waits for a hub that is slow to take what is still to be sent: what logpoints have printed may be much.
const LOG_PATIENCE: Duration = Duration::from_secs(1);

static DEBUGGING: AtomicBool = AtomicBool::new(false);
static CHILD: AtomicBool = AtomicBool::new(false);
static DISARMED: AtomicBool = AtomicBool::new(false);
static HIDDEN_THREADS: AtomicPtr<AtomicI32> = AtomicPtr::new(std::ptr::null_mut());
/// Callbacks of ours that threads of the program are in. Changes under the GIL.
static CALLBACKS: AtomicU32 = AtomicU32::new(0);
/// `pthread_self` of the thread that ends the interpreter, once the gate is shut; 0 before. Changes under the GIL.
static ENDING: AtomicUsize = AtomicUsize::new(0);
static GATE: Gate = Gate { state: Mutex::new(State { open: true, inside: 0 }), left: Condvar::new() };

struct Gate {
    state: Mutex<State>,
    left: Condvar,
}

struct State {
    open: bool,
    inside: u32,
}

impl Gate {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether anything is debugged: true from the welcome of a hub until the agent lets go.
pub(crate) fn debugging() -> bool {
    DEBUGGING.load(Ordering::Relaxed)
}

/// The agent works from now on.
pub(crate) fn begin() {
    DEBUGGING.store(true, Ordering::Relaxed);
}

/// Whether this is a forked child, which is not debugged. Its events are taken away at the first chance: they survive a
/// fork, the threads that would answer do not.
pub(crate) fn is_child(py: Python<'_>) -> bool {
    if !CHILD.load(Ordering::Relaxed) {
        return false;
    }
    if !DISARMED.swap(true, Ordering::Relaxed) {
        events::stop(py);
    }
    true
}

/// Whether this is a forked child.
pub(crate) fn forked() -> bool {
    CHILD.load(Ordering::Relaxed)
}

/// Lets the program go: it runs on as if there had never been a debugger.
pub(crate) fn let_go(py: Python<'_>) {
    if DEBUGGING.swap(false, Ordering::Relaxed) {
        breakpoints::clear();
        exceptions::forget();
        api::forget(py);
        freeze::release();
        events::stop(py);
    }
}

/// A defect of ours: says so, and lets the program go.
pub(crate) fn give_up(py: Python<'_>, why: &str) {
    if debugging() {
        crate::log::line(&format!("not debugging any more: {why}; the program runs on"));
        let_go(py);
    }
}

/// A thread of ours that enters the interpreter, with the state that it keeps for it. (A state that is made anew each time
/// would be linked in before it is filled in, where others look at it.)
pub(crate) struct Visitor(*mut ffi::PyThreadState);

impl Visitor {
    /// Makes the calling thread a visitor; `None` if the interpreter ends.
    pub(crate) fn new() -> Option<Self> {
        if !enter() {
            return None;
        }
        // SAFETY: the interpreter is initialised and, by the gate, does not end before we leave. The hold that this takes on
        // the thread's state is never given back, so the state stays.
        let state = unsafe {
            let _held = ffi::PyGILState_Ensure();
            (capi::py().save_thread)()
        };
        leave();
        Some(Self(state))
    }

    /// Runs `work` with the GIL, unless the interpreter ends. True if it ran.
    pub(crate) fn with_gil(&self, work: impl FnOnce(Python<'_>)) -> bool {
        if !enter() {
            return false;
        }
        // SAFETY: this thread's own state; by the gate the interpreter does not end before we leave.
        unsafe { (capi::py().restore_thread)(self.0) };
        // SAFETY: just taken.
        let py = unsafe { Python::assume_attached() };
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(py)));
        if outcome.is_err() {
            give_up(py, "the agent failed in a thread of its own");
        }
        // SAFETY: taken above, by this thread.
        unsafe { (capi::py().save_thread)() };
        leave();
        true
    }
}

/// Calls a function of the interpreter that needs no GIL but an interpreter, unless that ends.
pub(crate) fn while_it_lives<R>(work: impl FnOnce() -> R) -> Option<R> {
    if !enter() {
        return None;
    }
    let answer = work();
    leave();
    Some(answer)
}

/// Whether the interpreter ends.
pub(crate) fn ends() -> bool {
    !GATE.lock().open
}

/// Runs the work of a callback on a thread of the program's. No panic leaves it, and the interpreter does not end meanwhile.
/// `None` if it panicked, or if another thread is ending the interpreter: that thread needs nothing of us any more.
pub(crate) fn callback<R>(py: Python<'_>, what: &str, work: impl FnOnce() -> R) -> Option<R> {
    let ending = ENDING.load(Ordering::Relaxed);
    if ending != 0 && ending != threads::this() {
        return None;
    }
    CALLBACKS.store(CALLBACKS.load(Ordering::Relaxed) + 1, Ordering::Release);
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
    CALLBACKS.store(CALLBACKS.load(Ordering::Relaxed) - 1, Ordering::Release);
    tell_who_waits();
    if outcome.is_err() {
        give_up(py, &format!("the agent failed in {what}"));
    }
    outcome.ok()
}

/// Tells the end of the interpreter, if it waits, that somebody is inside no more.
fn tell_who_waits() {
    if ENDING.load(Ordering::Relaxed) != 0 {
        // Under the lock, so that who waits does not miss it between its look and its wait.
        let _guard = GATE.lock();
        GATE.left.notify_all();
    }
}

/// Waits in a callback, without the GIL and outside of the gate: for this thread the interpreter does not put its end off. Then it
/// never comes back, as no daemon thread does.
pub(crate) fn wait_outside(py: Python<'_>, arrived: &Semaphore) {
    CALLBACKS.store(CALLBACKS.load(Ordering::Relaxed) - 1, Ordering::Release);
    tell_who_waits();
    // SAFETY: in a callback, with the GIL.
    let state = unsafe { (capi::py().save_thread)() };
    arrived.wait();
    while !enter() {
        arrived.wait();
    }
    let hurry = freeze::Hurry::begin();
    // SAFETY: the state that was saved above, on the same thread; by the gate the interpreter does not end before we leave.
    unsafe { (capi::py().restore_thread)(state) };
    hurry.end(py);
    CALLBACKS.store(CALLBACKS.load(Ordering::Relaxed) + 1, Ordering::Release);
    leave();
}

fn enter() -> bool {
    let mut state = GATE.lock();
    if state.open {
        state.inside += 1;
    }
    state.open
}

fn leave() {
    GATE.lock().inside -= 1;
    GATE.left.notify_all();
}

/// Tells the preload library how many threads of this process are ours, so that the interpreter does not count them.
pub(crate) fn own_threads(count: i32) {
    if let Some(address) = capi::data_symbol(c"ikpdb_agent_threads") {
        HIDDEN_THREADS.store(address.cast(), Ordering::Relaxed);
        // SAFETY: the preload library's counter, which lives as long as the process.
        unsafe { (*address.cast::<AtomicI32>()).store(count, Ordering::Relaxed) };
    }
}

/// Registers what has to be called at the end of the program and at a fork. Needs the GIL.
pub(crate) fn register(py: Python<'_>) -> PyResult<()> {
    // SAFETY: the handler only writes atomics and closes a descriptor.
    unsafe { libc::pthread_atfork(None, None, Some(forget_in_child)) };
    let modules = py.import("sys")?.getattr("modules")?;
    let present = modules.contains("atexit")?;
    py.import("atexit")?.call_method1("register", (builtin(py, c"ikpdb_end", on_exit)?,))?;
    if !present {
        // The module was not imported yet, and without us it would not be.
        modules.del_item("atexit")?;
    }
    Ok(())
}

unsafe extern "C" fn forget_in_child() {
    CHILD.store(true, Ordering::Relaxed);
    DEBUGGING.store(false, Ordering::Relaxed);
    freeze::forget();
    let threads = HIDDEN_THREADS.load(Ordering::Relaxed);
    if !threads.is_null() {
        // SAFETY: as in `own_threads`. A fork leaves our threads behind.
        unsafe { (*threads).store(0, Ordering::Relaxed) };
    }
    close_all_in_child();
}

unsafe extern "C" fn on_exit(_: *mut PyObject, _: *mut *mut PyObject, _: isize) -> *mut PyObject {
    if !forked() {
        // SAFETY: called by Python code, with the GIL.
        original::ended(unsafe { Python::assume_attached() });
        shut_the_gate();
    }
    // SAFETY: the GIL is held.
    unsafe { ffi::Py_NewRef(ffi::Py_None()) }
}

/// Nobody enters any more; those inside get the GIL to finish.
fn shut_the_gate() {
    OUTBOX.send_rest(LOG_PATIENCE);
    GATE.lock().open = false;
    ENDING.store(threads::this(), Ordering::Relaxed);
    freeze::release();
    // Who evaluates the end of the program is inside itself.
    if stop::is_stopped() || !somebody_is_inside(&GATE.lock()) {
        return;
    }
    // SAFETY: the exiting thread holds the GIL and takes it back below, before the interpreter ends.
    let thread = unsafe { (capi::py().save_thread)() };
    wait_until_left();
    // SAFETY: as above.
    unsafe { (capi::py().restore_thread)(thread) };
    freeze::release();
}

fn somebody_is_inside(state: &State) -> bool {
    state.inside > 0 || CALLBACKS.load(Ordering::Acquire) > 0
}

fn wait_until_left() {
    let mut state = GATE.lock();
    loop {
        let waited = GATE.left.wait_timeout_while(state, END_PATIENCE, |state| somebody_is_inside(state));
        let (guard, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        // Who is stopped is looked at by the user: an evaluation has let the others run, this thread among them.
        if !waited.timed_out() || !stop::is_on() {
            return;
        }
        state = guard;
    }
}
