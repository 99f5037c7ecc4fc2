//! A native thread without the GIL that looks after what runs while others are frozen: an evaluation that waits for a
//! frozen thread, a step that takes long, an evaluation that the user gives up.
//!
//! It sleeps unless something is under way; then it looks once a millisecond. Nobody waits for it.

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ikpdb_proto::{Event, dap};
use pyo3::Python;
use pyo3::ffi;

use super::{evaluation, freeze, gil, signals};
use crate::capi;
use crate::door::OUTBOX;
use crate::lifetime;

const LOOK: Duration = Duration::from_millis(1);
/// So many looks without progress of the thread's CPU clock mean that it is blocked.
const BLOCKED_LOOKS: u32 = 2;
/// For so long the others stand still during a step.
const STEP_FREEZE: Duration = Duration::from_millis(20);
/// After so long an evaluation is said to be running.
const LONG_EVALUATION: Duration = Duration::from_secs(5);
/// Between the steps of the interrupt ladder.
const LADDER: [Duration; 3] = [Duration::from_millis(10), Duration::from_millis(50), Duration::from_millis(250)];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
    None,
    Step,
    Evaluation { seq: i64 },
}

struct State {
    task: Task,
    /// Counts tasks, so that a look never concerns the next one.
    number: u64,
    /// The kernel's id: unlike a `pthread_t` it may outlive its thread without harm.
    thread: libc::pid_t,
    since: Option<Instant>,
    others_ran: bool,
    announced: bool,
    /// When the user gave the evaluation up, and how far the ladder was climbed.
    interrupt: Option<(Instant, usize)>,
}

static STATE: Mutex<State> = Mutex::new(State {
    task: Task::None,
    number: 0,
    thread: 0,
    since: None,
    others_ran: false,
    announced: false,
    interrupt: None,
});
static WAKE: Condvar = Condvar::new();
static RAISE_WANTED: AtomicBool = AtomicBool::new(false);

fn lock() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn begin(task: Task) {
    let mut state = lock();
    state.task = task;
    state.number += 1;
    // SAFETY: always allowed.
    state.thread = unsafe { libc::gettid() };
    state.since = Some(Instant::now());
    state.others_ran = false;
    state.announced = false;
    state.interrupt = None;
    drop(state);
    WAKE.notify_one();
}

/// The calling thread begins a step: the others stand still for a moment.
pub(crate) fn step_begins(py: Python<'_>) {
    // SAFETY: always allowed.
    freeze::begin(py, unsafe { libc::pthread_self() } as usize);
    begin(Task::Step);
}

/// The calling thread begins an evaluation.
pub(crate) fn evaluation_begins(seq: i64) {
    begin(Task::Evaluation { seq });
}

/// What happened during an evaluation.
pub(crate) struct Outcome {
    /// The other threads were let run.
    pub(crate) others_ran: bool,
    /// An interrupt was sent; it may not have arrived yet.
    pub(crate) interrupted: bool,
}

/// The evaluation is over.
pub(crate) fn evaluation_ends() -> Outcome {
    RAISE_WANTED.store(false, Ordering::Relaxed);
    let mut state = lock();
    if let (Task::Evaluation { seq }, true) = (state.task, state.announced) {
        OUTBOX.send(Event::new("progressEnd", &dap::ProgressEndEvent { progress_id: progress_id(seq), message: None }));
    }
    state.task = Task::None;
    if state.interrupt.is_some() {
        uninstall();
    }
    Outcome { others_ran: state.others_ran, interrupted: state.interrupt.take().is_some() }
}

/// The user gives up the evaluation of a request. False if it is not the one that runs.
pub(crate) fn interrupt(seq: i64) -> bool {
    let mut state = lock();
    if state.task != (Task::Evaluation { seq }) {
        return false;
    }
    if state.interrupt.is_none() {
        state.interrupt = Some((Instant::now(), 0));
    }
    drop(state);
    WAKE.notify_one();
    true
}

fn progress_id(seq: i64) -> String {
    format!("evaluate-{seq}")
}

/// The thread.
pub(crate) fn watch_for_ever() -> ! {
    freeze::exempt_me();
    let mut last: Option<(u64, Duration, u32)> = None;
    loop {
        let mut state = lock();
        while state.task == Task::None {
            last = None;
            state = WAKE.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state = WAKE.wait_timeout(state, LOOK).map_or_else(|it| it.into_inner().0, |it| it.0);
        if state.task == Task::None {
            continue;
        }
        let clock = cpu_clock(state.thread);
        let looks = match last {
            Some((number, before, looks)) if number == state.number && before == clock => looks + 1,
            _ => 0,
        };
        last = Some((state.number, clock, looks));
        look(&mut state, looks);
    }
}

fn look(state: &mut State, looks_without_progress: u32) {
    let lasted = state.since.map_or(Duration::ZERO, |since| since.elapsed());
    let blocked = looks_without_progress >= BLOCKED_LOOKS && sleeps(state.thread);
    match state.task {
        Task::None => {}
        Task::Step => {
            if !freeze::wanted() {
                state.task = Task::None;
            } else if blocked || lasted >= STEP_FREEZE {
                state.task = Task::None;
                freeze::release_soon();
            }
        }
        Task::Evaluation { seq } => {
            if blocked && freeze::wanted() {
                state.others_ran = true;
                freeze::release();
            }
            if lasted >= LONG_EVALUATION && !state.announced {
                state.announced = true;
                OUTBOX.send(Event::new(
                    "progressStart",
                    &dap::ProgressStartEvent {
                        progress_id: progress_id(seq),
                        title: "Evaluating".to_owned(),
                        request_id: Some(seq),
                        cancellable: Some(true),
                        message: Some("still running".to_owned()),
                    },
                ));
            }
            climb(state);
        }
    }
}

/// Interrupts an evaluation, each time by a stronger means. One interrupt is under way at a time.
fn climb(state: &mut State) {
    let Some((since, climbed)) = state.interrupt else { return };
    let due = match climbed {
        0 => true,
        step => LADDER.get(step - 1).is_some_and(|after| since.elapsed() >= *after),
    };
    if !due {
        return;
    }
    state.interrupt = Some((since, climbed + 1));
    match climbed {
        0 => raise_soon(state.thread),
        1 => kick(state.thread),
        2 => gil::submit(Box::new(raise_in_evaluation)),
        // In the main thread Python turns this into KeyboardInterrupt, even inside most C calls.
        _ if is_main(state.thread) => signals::interrupt_natively(|| signal(state.thread, libc::SIGINT)),
        _ => {}
    }
}

/// A pending call on the evaluating thread raises; on another thread it asks the evaluating one to.
extern "C" fn raise_interrupt(_: *mut c_void) -> c_int {
    if lifetime::forked() || evaluation::running().is_none() {
        return 0;
    }
    // SAFETY: always allowed.
    let here = unsafe { libc::pthread_self() }.cast_signed() == evaluation::ident();
    if !here && evaluates_in_main() {
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
    // SAFETY: pending calls are called with the GIL.
    raise_in_evaluation(unsafe { Python::assume_attached() });
    0
}

fn raise_in_evaluation(_: Python<'_>) {
    if evaluation::running().is_some() {
        // SAFETY: the address of a static exception type.
        capi::set_async_exception(evaluation::ident(), unsafe { ffi::PyExc_KeyboardInterrupt });
    }
}

/// Ends a blocking call of the thread with EINTR, so that it looks at its pending calls. A signal of ours, with a handler
/// that does nothing and without SA_RESTART, installed only where the program has none.
fn kick(thread: libc::pid_t) {
    // The last real-time signal: the C library keeps the first ones, programs take them from the front.
    let kick = libc::SIGRTMAX();
    if install(kick, nothing) {
        raise_soon(thread);
        signal(thread, kick);
    }
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

/// Gives the signal its default action back.
fn uninstall() {
    // SAFETY: plain data; only our own handler is replaced.
    unsafe {
        let kick = libc::SIGRTMAX();
        let mut old: libc::sigaction = std::mem::zeroed();
        if libc::sigaction(kick, std::ptr::null(), &raw mut old) == 0
            && old.sa_sigaction == nothing as extern "C" fn(c_int) as usize
        {
            let default: libc::sigaction = std::mem::zeroed();
            libc::sigaction(kick, &raw const default, std::ptr::null_mut());
        }
    }
}

/// Lets the thread raise an interrupt at its next chance. The main thread has pending calls of its own, which no other
/// thread takes from it.
fn raise_soon(thread: libc::pid_t) {
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

/// Whether the evaluation runs in the main thread.
fn evaluates_in_main() -> bool {
    is_main(lock().thread)
}

fn is_main(thread: libc::pid_t) -> bool {
    // SAFETY: always allowed.
    thread == unsafe { libc::getpid() }
}

fn signal(thread: libc::pid_t, number: c_int) {
    // SAFETY: a thread that has ended gives an error.
    unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, number) };
}

/// Whether a thread waits for something: one that is only kept from a processor by others does not.
fn sleeps(thread: libc::pid_t) -> bool {
    let status = std::fs::read_to_string(format!("/proc/self/task/{thread}/stat")).unwrap_or_default();
    // The state is the first field behind the name in parentheses, which may hold anything.
    status.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('R'))
}

/// The CPU time that a thread has used; zero once it has ended.
fn cpu_clock(thread: libc::pid_t) -> Duration {
    /// The kernel's bits for "of one thread" and "CPU time".
    const PER_THREAD_CPU_TIME: libc::clockid_t = 4 | 2;
    // SAFETY: plain data, filled in by the call; a thread that has ended gives an error.
    unsafe {
        let mut time: libc::timespec = std::mem::zeroed();
        if libc::clock_gettime((!thread << 3) | PER_THREAD_CPU_TIME, &raw mut time) != 0 {
            return Duration::ZERO;
        }
        Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
    }
}
