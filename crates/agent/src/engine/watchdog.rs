//! A native thread without the GIL that looks after what runs while others are frozen: an evaluation that waits for a
//! frozen thread, a step that takes long, an evaluation that the user gives up.
//!
//! It sleeps unless something is under way; then it looks once a millisecond. Nobody waits for it.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ikpdb_proto::{Event, dap};
use pyo3::Python;
use pyo3::ffi::PyThreadState;

use super::{freeze, interrupt, threads};
use crate::door::OUTBOX;

const LOOK: Duration = Duration::from_millis(1);
/// Between two looks whether the one thread that runs has ended.
const LOOK_FOR_END: Duration = Duration::from_millis(20);
/// So many looks without progress of the thread's CPU clock mean that it is blocked.
const BLOCKED_LOOKS: u32 = 2;
/// So many do, whatever others are doing: native code that computes without the GIL does not need to be waited for.
const SURELY_BLOCKED_LOOKS: u32 = 50;
/// For so long the others stand still during a step.
const STEP_FREEZE: Duration = Duration::from_millis(20);
/// After so long an evaluation is said to be running.
const LONG_EVALUATION: Duration = Duration::from_secs(5);
/// When the steps of the interrupt ladder follow the first; at the last one it is said that none helped.
const LADDER: [Duration; 4] =
    [Duration::from_millis(10), Duration::from_millis(50), Duration::from_millis(250), Duration::from_millis(600)];

/// How long something may run. What counts is the time that it has a processor, so that it does not depend on what else the machine does;
/// what waits instead of running has so long by the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) processor: Duration,
    pub(crate) clock: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
    None,
    Step,
    Evaluation { seq: i64 },
}

struct State {
    task: Task,
    /// The thread that runs while the others stand still, as the user wants it.
    alone: Option<libc::pid_t>,
    /// Counts tasks, so that a look never concerns the next one.
    number: u64,
    /// The kernel's id: unlike a `pthread_t` it may outlive its thread without harm.
    thread: libc::pid_t,
    since: Option<Instant>,
    others_ran: bool,
    announced: bool,
    /// The evaluation's own number.
    evaluation: u64,
    /// When the evaluation is given up.
    limit: Option<Limit>,
    /// What the thread's processor time was when the limit was set.
    clock: Duration,
    /// When the user gave the evaluation up, and how far the ladder was climbed.
    interrupt: Option<(Instant, usize)>,
}

static STATE: Mutex<State> = Mutex::new(State {
    task: Task::None,
    alone: None,
    number: 0,
    thread: 0,
    since: None,
    others_ran: false,
    announced: false,
    evaluation: 0,
    limit: None,
    clock: Duration::ZERO,
    interrupt: None,
});
static WAKE: Condvar = Condvar::new();

fn lock() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn begin(task: Task, evaluation: u64, thread: libc::pid_t, limit: Option<Limit>) {
    let mut state = lock();
    state.task = task;
    state.evaluation = evaluation;
    state.number += 1;
    state.thread = thread;
    state.since = Some(Instant::now());
    state.others_ran = false;
    state.announced = false;
    state.limit = limit;
    state.clock = limit.map_or(Duration::ZERO, |_| cpu_clock(thread));
    state.interrupt = None;
    drop(state);
    WAKE.notify_one();
}

/// A thread begins a step: the others stand still for a moment.
pub(crate) fn step_begins(py: Python<'_>, thread: *mut PyThreadState) {
    let (Some(ident), Some(native)) = (threads::ident(thread), threads::native_id(thread)) else { return };
    freeze::begin(py, ident as usize);
    begin(Task::Step, 0, native, None);
}

/// Something has stopped: nobody waits for the step any more, and who sleeps now is the one that stopped.
pub(crate) fn step_ends() {
    let mut state = lock();
    if state.task == Task::Step {
        state.task = Task::None;
    }
}

/// This thread runs alone from now on. If it ends the others run: nothing else would.
pub(super) fn alone(thread: Option<libc::pid_t>) {
    lock().alone = thread;
    WAKE.notify_one();
}

/// The calling thread begins an evaluation, which is given up after `limit`.
pub(super) fn evaluation_begins(seq: i64, number: u64, limit: Option<Limit>) {
    begin(Task::Evaluation { seq }, number, threads::this_native(), limit);
}

/// The evaluation has another `limit` from now on; false if it was given up.
pub(super) fn evaluation_goes_on(limit: Limit) -> bool {
    let mut state = lock();
    state.since = Some(Instant::now());
    state.clock = cpu_clock(state.thread);
    state.limit = Some(limit);
    state.interrupt.is_none()
}

/// What happened during an evaluation.
pub(super) struct Outcome {
    /// The other threads were let run.
    pub(super) others_ran: bool,
    /// An interrupt was sent; it may not have arrived yet.
    pub(super) interrupted: bool,
}

/// The evaluation is over.
pub(super) fn evaluation_ends() -> Outcome {
    let mut state = lock();
    if let (Task::Evaluation { seq }, true) = (state.task, state.announced) {
        OUTBOX.send(Event::new("progressEnd", &dap::ProgressEndEvent { progress_id: progress_id(seq), message: None }));
    }
    state.task = Task::None;
    interrupt::forget();
    if state.interrupt.is_some() {
        interrupt::uninstall();
    }
    Outcome { others_ran: state.others_ran, interrupted: state.interrupt.take().is_some() }
}

/// The user gives up the evaluation of a request, if that is the one that runs. Once all was tried it is tried again: the
/// evaluation may have caught the interrupt.
pub(crate) fn interrupt(seq: i64) {
    let mut state = lock();
    if state.task == (Task::Evaluation { seq }) && state.interrupt.is_none_or(|it| it.1 > LADDER.len()) {
        state.interrupt = Some((Instant::now(), 0));
    }
    drop(state);
    WAKE.notify_one();
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
        while state.task == Task::None && state.alone.is_none() {
            last = None;
            state = WAKE.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let pause = if state.task == Task::None { LOOK_FOR_END } else { LOOK };
        state = WAKE.wait_timeout(state, pause).map_or_else(|it| it.into_inner().0, |it| it.0);
        if let Some(thread) = state.alone {
            let has_ended = threads::state_of(thread).is_none();
            if has_ended && freeze::lasts() {
                freeze::release_soon();
            }
            state.alone = Some(thread).filter(|_| !has_ended && freeze::lasts());
        }
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
    let blocked = looks_without_progress >= BLOCKED_LOOKS && sleeps(state.thread) && {
        // It may only wait for the GIL, which a thread has that gets no processor to park.
        looks_without_progress >= SURELY_BLOCKED_LOOKS || !others_run(state.thread)
    };
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
            if lasted >= LONG_EVALUATION {
                announce(state, seq);
            }
            let used = || cpu_clock(state.thread).saturating_sub(state.clock);
            let is_over =
                |limit: Limit| lasted >= limit.clock || (lasted >= limit.processor && used() >= limit.processor);
            if state.interrupt.is_none() && state.limit.is_some_and(is_over) {
                state.interrupt = Some((Instant::now(), 0));
            }
            climb(state, seq);
        }
    }
}

/// Interrupts an evaluation, each time by a stronger means. One interrupt is under way at a time.
fn climb(state: &mut State, seq: i64) {
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
        0 => interrupt::raise_soon(state.thread),
        1 => interrupt::kick(state.thread),
        2 => interrupt::raise_from_outside(state.evaluation),
        3 => interrupt::as_ctrl_c_does(state.thread),
        _ => {
            announce(state, seq);
            let message = Some(why_it_goes_on(state).to_owned());
            OUTBOX.send(Event::new(
                "progressUpdate",
                &dap::ProgressUpdateEvent { progress_id: progress_id(seq), message },
            ));
        }
    }
}

/// What keeps an evaluation from being interrupted, in words for the user.
fn why_it_goes_on(state: &State) -> &'static str {
    if !interrupt::has_reached(state.evaluation) {
        "the evaluation runs native code that cannot be interrupted; it ends when that returns"
    } else if sleeps(state.thread) {
        "the evaluation waits in native code that cannot be interrupted; it ends when that returns"
    } else {
        "the evaluation goes on: it catches the interrupt, or runs native code that cannot be interrupted"
    }
}

/// Says once that an evaluation is still running.
fn announce(state: &mut State, seq: i64) {
    if std::mem::replace(&mut state.announced, true) {
        return;
    }
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

/// The processor time that the calling thread has used.
pub(crate) fn own_clock() -> Duration {
    cpu_clock(threads::this_native())
}

/// Whether a thread waits for something: one that is only kept from a processor by others does not.
fn sleeps(thread: libc::pid_t) -> bool {
    threads::state_of(thread).is_some_and(|state| state != 'R')
}

/// Whether a thread of the program's runs or waits for a processor, besides the given one.
fn others_run(thread: libc::pid_t) -> bool {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return false };
    let of = |name: &std::ffi::OsStr| name.to_str()?.parse::<libc::pid_t>().ok().filter(|it| *it != thread);
    tasks.flatten().filter_map(|task| of(&task.file_name())).any(|other| {
        let name = std::fs::read_to_string(format!("/proc/self/task/{other}/comm")).unwrap_or_default();
        !name.starts_with("ikpdb-") && !name.is_empty() && !sleeps(other)
    })
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
