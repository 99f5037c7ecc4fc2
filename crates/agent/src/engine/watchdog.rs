//! A native thread without the GIL that looks after what runs while others are frozen: an evaluation that waits for a
//! frozen thread, a step that takes long, an evaluation that the user gives up.
//!
//! It sleeps unless something is under way; then it looks once a millisecond. Nobody waits for it.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ikpdb_proto::{Event, StopPolicy, dap};
use pyo3::Python;
use pyo3::ffi::PyThreadState;

use super::blocked::{Looks, cpu_clock, sleeps};
use super::freeze::{self, Why};
use super::{interrupt, threads};
use crate::door::OUTBOX;

const LOOK: Duration = Duration::from_millis(1);
/// Between two looks whether the one thread that runs has ended.
const LOOK_FOR_END: Duration = Duration::from_millis(20);
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

/// A thread that is looked at.
struct Watched {
    looks: Looks,
    since: Instant,
}

/// An evaluation under way.
struct Evaluation {
    seq: i64,
    /// The evaluation's own number.
    number: u64,
    /// Whom its stop has stopped.
    policy: StopPolicy,
    watched: Watched,
    others_ran: bool,
    announced: bool,
    /// When it is given up.
    limit: Option<Limit>,
    /// What the thread's processor time was when the limit was set.
    clock: Duration,
    /// When the user gave the evaluation up, and how far the ladder was climbed.
    interrupt: Option<(Instant, usize)>,
}

/// What is looked after. A thread that is stopped by itself may evaluate while another one makes a step.
struct State {
    step: Option<Watched>,
    evaluation: Option<Evaluation>,
    /// The threads that run while the others stand still, as the user wants it.
    alone: Vec<libc::pid_t>,
}

static STATE: Mutex<State> = Mutex::new(State { step: None, evaluation: None, alone: Vec::new() });
static WAKE: Condvar = Condvar::new();

fn lock() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Watched {
    fn begin(thread: libc::pid_t) -> Self {
        Self { looks: Looks::begin(thread), since: Instant::now() }
    }
}

impl Evaluation {
    /// Whether it has had its time.
    fn is_over(&self) -> bool {
        let lasted = self.watched.since.elapsed();
        let used = || cpu_clock(self.watched.looks.thread).saturating_sub(self.clock);
        self.limit.is_some_and(|it| lasted >= it.clock || (lasted >= it.processor && used() >= it.processor))
    }
}

/// A thread begins a step: the others stand still for a moment.
pub(crate) fn step_begins(py: Python<'_>, thread: *mut PyThreadState) {
    let (Some(ident), Some(native)) = (threads::ident(thread), threads::native_id(thread)) else { return };
    freeze::begin(py, Why::Step, ident as usize);
    lock().step = Some(Watched::begin(native));
    WAKE.notify_one();
}

/// Something has stopped: nobody waits for the step any more, and who sleeps now is the one that stopped.
pub(crate) fn step_ends() {
    lock().step = None;
}

/// This thread is picked to run, besides those that were before. If they end the others run: nothing else would. `pick` makes it so;
/// no look comes in between.
pub(super) fn alone(thread: libc::pid_t, pick: impl FnOnce() -> bool) -> bool {
    let mut state = lock();
    if !freeze::is_for(Why::Pick) {
        state.alone.clear();
    }
    state.alone.push(thread);
    let has_begun = pick();
    drop(state);
    WAKE.notify_one();
    has_begun
}

/// The calling thread begins an evaluation, in a stop of this policy, which is given up after `limit`.
pub(super) fn evaluation_begins(seq: i64, number: u64, policy: StopPolicy, limit: Option<Limit>) {
    let watched = Watched::begin(threads::this_native());
    lock().evaluation = Some(Evaluation {
        seq,
        number,
        policy,
        clock: limit.map_or(Duration::ZERO, |_| cpu_clock(watched.looks.thread)),
        watched,
        others_ran: false,
        announced: false,
        limit,
        interrupt: None,
    });
    WAKE.notify_one();
}

/// The evaluation has another `limit` from now on; false if it was given up.
pub(super) fn evaluation_goes_on(limit: Limit) -> bool {
    let mut state = lock();
    let Some(evaluation) = &mut state.evaluation else { return true };
    evaluation.watched.since = Instant::now();
    evaluation.clock = cpu_clock(evaluation.watched.looks.thread);
    evaluation.limit = Some(limit);
    evaluation.interrupt.is_none()
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
    let ended = lock().evaluation.take();
    interrupt::forget();
    let Some(ended) = ended else { return Outcome { others_ran: false, interrupted: false } };
    if ended.announced {
        let end = dap::ProgressEndEvent { progress_id: progress_id(ended.seq), message: None };
        OUTBOX.send(Event::new("progressEnd", &end));
    }
    if ended.interrupt.is_some() {
        interrupt::uninstall();
    }
    Outcome { others_ran: ended.others_ran, interrupted: ended.interrupt.is_some() }
}

/// The user gives up the evaluation of a request, if that is the one that runs. Once all was tried it is tried again: the
/// evaluation may have caught the interrupt.
pub(crate) fn interrupt(seq: i64) {
    if let Some(evaluation) = lock().evaluation.as_mut().filter(|it| it.seq == seq)
        && evaluation.interrupt.is_none_or(|it| it.1 > LADDER.len())
    {
        evaluation.interrupt = Some((Instant::now(), 0));
    }
    WAKE.notify_one();
}

fn progress_id(seq: i64) -> String {
    format!("evaluate-{seq}")
}

/// The thread.
pub(crate) fn watch_for_ever() -> ! {
    freeze::exempt_me();
    loop {
        let mut state = lock();
        while state.step.is_none() && state.evaluation.is_none() && state.alone.is_empty() {
            state = WAKE.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let pause = if state.step.is_none() && state.evaluation.is_none() { LOOK_FOR_END } else { LOOK };
        state = WAKE.wait_timeout(state, pause).map_or_else(|it| it.into_inner().0, |it| it.0);
        if !state.alone.is_empty() {
            state.alone.retain(|it| threads::state_of(*it).is_some());
            if state.alone.is_empty() {
                freeze::end_soon(Why::Pick);
            } else if !freeze::is_for(Why::Pick) {
                state.alone.clear();
            }
        }
        if state.step.as_mut().is_some_and(has_no_more_time) {
            state.step = None;
            // If a stop has come in this moment they stand still for that.
            freeze::end_soon(Why::Step);
        }
        if let Some(evaluation) = &mut state.evaluation {
            look_at(evaluation);
        }
    }
}

/// Whether a step has lasted for so long, or waits for others, that these run.
fn has_no_more_time(step: &mut Watched) -> bool {
    !freeze::is_for(Why::Step) || step.looks.is_blocked() || step.since.elapsed() >= STEP_FREEZE
}

fn look_at(evaluation: &mut Evaluation) {
    if freeze::wanted() && evaluation.watched.looks.is_blocked() && freeze::end_for_evaluation(evaluation.policy) {
        evaluation.others_ran = true;
    }
    if evaluation.watched.since.elapsed() >= LONG_EVALUATION {
        announce(evaluation);
    }
    if evaluation.interrupt.is_none() && evaluation.is_over() {
        evaluation.interrupt = Some((Instant::now(), 0));
    }
    climb(evaluation);
}

/// Interrupts an evaluation, each time by a stronger means. One interrupt is under way at a time.
fn climb(evaluation: &mut Evaluation) {
    let Some((since, climbed)) = evaluation.interrupt else { return };
    let due = match climbed {
        0 => true,
        step => LADDER.get(step - 1).is_some_and(|after| since.elapsed() >= *after),
    };
    if !due {
        return;
    }
    evaluation.interrupt = Some((since, climbed + 1));
    let thread = evaluation.watched.looks.thread;
    match climbed {
        0 => interrupt::raise_soon(thread),
        1 => interrupt::kick(thread),
        2 => interrupt::raise_from_outside(evaluation.number),
        3 => interrupt::as_ctrl_c_does(thread),
        _ => {
            announce(evaluation);
            let message = Some(why_it_goes_on(evaluation).to_owned());
            let progress_id = progress_id(evaluation.seq);
            OUTBOX.send(Event::new("progressUpdate", &dap::ProgressUpdateEvent { progress_id, message }));
        }
    }
}

/// What keeps an evaluation from being interrupted, in words for the user.
fn why_it_goes_on(evaluation: &Evaluation) -> &'static str {
    if !interrupt::has_reached(evaluation.number) {
        "the evaluation runs native code that cannot be interrupted; it ends when that returns"
    } else if sleeps(evaluation.watched.looks.thread) {
        "the evaluation waits in native code that cannot be interrupted; it ends when that returns"
    } else {
        "the evaluation goes on: it catches the interrupt, or runs native code that cannot be interrupted"
    }
}

/// Says once that an evaluation is still running.
fn announce(evaluation: &mut Evaluation) {
    if std::mem::replace(&mut evaluation.announced, true) {
        return;
    }
    OUTBOX.send(Event::new(
        "progressStart",
        &dap::ProgressStartEvent {
            progress_id: progress_id(evaluation.seq),
            title: "Evaluating".to_owned(),
            request_id: Some(evaluation.seq),
            cancellable: Some(true),
            message: Some("still running".to_owned()),
        },
    ));
}

/// The processor time that the calling thread has used.
pub(crate) fn own_clock() -> Duration {
    cpu_clock(threads::this_native())
}
