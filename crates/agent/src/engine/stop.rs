//! A stop: the thread that stopped does what the hub asks until it says to go on.
//!
//! A stop that holds the program keeps the GIL, so that every Python thread stands still; one at a time does. One that holds only its
//! own thread waits without the GIL, and takes it to answer. Who talks to them: the listener, through the mailbox. They wait
//! natively, on a semaphore.
//!
//! While a stop holds the program it answers for the others, too: each leaves what it has to show where the holder finds it.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};

use ikpdb_proto::{Event, Failure, Request, StopPolicy, ThreadId, dap};
use pyo3::prelude::*;

use super::gil_cell::GilCell;
use super::go_on::{GoOn, Who};
use super::holder::Holder;
use super::stack::Stacks;
use super::threads::{self, Thread};
use super::what::{Reason, Shown, What, stopped_event};
use super::{
    breakpoints, evaluation, events, exceptions, freeze, gil, ids, pause, published, run_to, settled, signals, step,
    watchdog,
};
use crate::capi;
use crate::door::mailbox::{Errand, Letter, MAILBOX, StopId, To};
use crate::door::{OUTBOX, options, original};
use crate::requests::{self, Outcome};
use crate::sync::Semaphore;
use crate::{lifetime, reserve};

/// The state of a stop.
pub(crate) struct Stop {
    /// Its number.
    pub(crate) id: StopId,
    /// Who was stopped by it.
    pub(crate) policy: StopPolicy,
    /// The thread that the user sees first.
    pub(crate) thread: Thread,
    /// The stacks that were asked for.
    pub(crate) stacks: Stacks,
    /// What `variablesReference`s refer to.
    pub(crate) handles: crate::inspect::Handles,
    /// The objects that clients of the original's protocol were told of.
    pub(crate) addresses: crate::inspect::original::Addresses,
    /// The exception, if that is the reason.
    pub(crate) exception: Option<Shown>,
    /// Whether the thread is about to execute a line: only then it can be moved to another one.
    pub(crate) before_a_line: bool,
    /// Whether the listener knows the stacks.
    pub(super) is_published: bool,
}

static COUNT: AtomicU32 = AtomicU32::new(0);
/// The stops that are open, but for what their holder looks at now.
static STATES: GilCell<Vec<Stop>> = GilCell::new(Vec::new());
/// How many threads are stopped.
static OPEN: AtomicUsize = AtomicUsize::new(0);
static HOLDER: LazyLock<Holder> = LazyLock::new(Holder::new);
/// What was told of the stops that are open.
static TOLD: Mutex<Vec<(StopId, dap::StoppedEvent)>> = Mutex::new(Vec::new());

/// How many threads evaluate something that is to stop nowhere.
static QUIET: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static IS_STOPPED: Cell<bool> = const { Cell::new(false) };
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Whether the calling thread is stopped: what it runs is an evaluation.
pub(crate) fn is_stopped() -> bool {
    OPEN.load(Ordering::Relaxed) != 0 && IS_STOPPED.with(Cell::get)
}

/// Whether the calling thread runs an evaluation: events in that are not the user's program. It may be one that the program itself has
/// asked for, without being stopped.
pub(crate) fn is_stopper() -> bool {
    is_stopped() || (QUIET.load(Ordering::Relaxed) != 0 && IS_QUIET.with(Cell::get))
}

/// As long as it lives the calling thread stops nowhere.
#[derive(Debug)]
pub(crate) struct Quiet {
    /// So it was before.
    before: bool,
}

impl Quiet {
    pub(crate) fn begin() -> Self {
        QUIET.fetch_add(1, Ordering::Relaxed);
        Self { before: IS_QUIET.with(|it| it.replace(true)) }
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        IS_QUIET.with(|it| it.set(self.before));
        QUIET.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whether a stop holds the program. Needs no GIL.
pub(crate) fn is_on() -> bool {
    HOLDER.is_there()
}

/// Whether the calling thread's stop holds the program.
pub(crate) fn holds() -> bool {
    HOLDER.is(threads::this())
}

/// What was told of the stops that are open. The one that holds the program comes last. Needs no GIL.
pub(crate) fn told() -> Vec<dap::StoppedEvent> {
    let told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    let mut events: Vec<_> = told.iter().map(|it| it.1.clone()).collect();
    events.sort_by_key(|it| it.all_threads_stopped == Some(true));
    events
}

/// Whom the session's stops stop, where nothing else says so. Needs no GIL.
pub(crate) fn policy() -> StopPolicy {
    options().now.stop_policy
}

/// Whether a stop came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Came {
    /// It did, and the program goes on; or nothing is debugged.
    Done,
    /// Another thread was stopped, and this one waited for it to go on: what led here has to be looked at anew.
    Waited,
}

/// Stops the program or this thread, shows `what`, and returns when the user lets it go on.
pub(crate) fn stop(py: Python<'_>, what: What) -> Came {
    if !lifetime::debugging() || is_stopper() {
        return Came::Done;
    }
    if original::is_out_of_reach() {
        lifetime::give_up(py, "the program has closed all connections");
        return Came::Done;
    }
    let policy = what.policy.unwrap_or_else(policy);
    // Only if somebody asks: the first look at all threads gives them ids in the order in which they were made.
    let this = || what.of.as_ref().map_or_else(|| threads::id_of(capi::current_thread()), |it| it.id);
    if !original::admits(this, &what, threads::lives) {
        return Came::Done;
    }
    if !claim(policy) {
        return Came::Waited;
    }
    if OPEN.fetch_add(1, Ordering::Relaxed) == 0 {
        reserve::release();
    }
    IS_STOPPED.with(|it| it.set(true));
    if policy == StopPolicy::All {
        // This thread keeps the GIL, so nobody else moves; whatever gives it away all the same finds them parked.
        watchdog::step_ends();
        freeze::begin(py, threads::this());
    }
    let only = (policy == StopPolicy::Thread).then(capi::current_thread);
    pause::fulfilled(py, only);
    step::end(py, only);
    run_to::end(py, only);
    let go_on = Python::attach(|py| {
        let mut go_on = stay(py, what, policy);
        while let GoOn::Jumped = go_on {
            go_on = stay(py, What { policy: Some(policy), ..What::new(Reason::Goto) }, policy);
        }
        go_on
    });
    IS_STOPPED.with(|it| it.set(false));
    if OPEN.fetch_sub(1, Ordering::Relaxed) == 1 {
        reserve::keep();
    }
    give_way();
    go(py, go_on, policy);
    if freeze::concerns_me() {
        freeze::wait();
    }
    Came::Done
}

fn go(py: Python<'_>, go_on: GoOn, policy: StopPolicy) {
    match go_on {
        GoOn::Run(_) | GoOn::Jumped if policy == StopPolicy::Thread => {}
        GoOn::Run(Who::All) | GoOn::Jumped => {
            freeze::end(py);
            settled::touch_user_code(py);
        }
        GoOn::Run(Who::Only(thread)) => freeze::all_but(py, &thread),
        GoOn::Step(step, who) => {
            let thread = step.thread;
            step::begin(py, step, policy);
            match who {
                _ if policy == StopPolicy::Thread => {}
                Who::Only(thread) => freeze::all_but(py, &thread),
                Who::All => watchdog::step_begins(py, thread),
            }
        }
        GoOn::LetGo => {
            freeze::end(py);
            lifetime::let_go(py);
            return;
        }
    }
    events::update(py);
}

/// Whether the debugger is to let the program go.
static ENDING: AtomicBool = AtomicBool::new(false);

/// Whether stops are to end because nobody debugs any more. Needs no GIL.
pub(crate) fn is_ending() -> bool {
    ENDING.load(Ordering::SeqCst)
}

/// The hub leaves. If there is another door its client goes on debugging, by its own breakpoints and rules. Needs no GIL.
pub(crate) fn hub_leaves() {
    let Some(door) = original::door() else { return end_for_good() };
    door.use_own_rules();
    let nothing = dap::SetExceptionBreakpointsArguments::default();
    drop(exceptions::read(&nothing));
    gil::submit(Box::new(|py| {
        exceptions::apply(py);
        if let Err(error) = Python::attach(breakpoints::clear_hubs) {
            forget_error(py, error);
        }
    }));
}

/// The debugger leaves: a stopped program goes on, and nothing stops it any more. Needs no GIL and waits for nothing; a thread
/// that is busy with an evaluation lets go when it comes back from it.
fn end_for_good() {
    ENDING.store(true, Ordering::SeqCst);
    if MAILBOX.release() {
        if let Some(seq) = evaluation::running() {
            watchdog::interrupt(seq);
        }
    } else {
        gil::submit(Box::new(lifetime::let_go));
    }
}

/// Makes this thread's stop the one that holds the program, if it is to. If another one does, waits without the GIL until that
/// goes on, and answers false.
fn claim(policy: StopPolicy) -> bool {
    if HOLDER.admits(threads::this(), policy) {
        return true;
    }
    // SAFETY: called in a callback, with the GIL.
    let thread = unsafe { (capi::py().save_thread)() };
    HOLDER.wait();
    // SAFETY: the state saved above.
    unsafe { (capi::py().restore_thread)(thread) };
    false
}

/// This thread's stop holds the program no more.
fn give_way() {
    if HOLDER.give_way(threads::this()) {
        // Those that are stopped by themselves read their own letters again.
        MAILBOX.nudge();
    }
}

/// Waits for letters and does what they say.
fn stay(py: Python<'_>, what: What, policy: StopPolicy) -> GoOn {
    let is_elsewhere = what.of.is_some();
    let Some(thread) = what.of.clone().or_else(|| current(py)) else { return GoOn::run() };
    let id = StopId(COUNT.fetch_add(1, Ordering::Relaxed) + 1);
    let event = stopped_event(&what, id, &thread, policy);
    let at_entry = what.reason == Reason::Entry;
    let before_a_line = what.of.is_none()
        && what.frame.is_none()
        && what.description.is_none()
        && !matches!(what.reason, Reason::Exception);
    let is_main = thread.id == threads::MAIN;
    let reader = Reader { id, thread: thread.clone(), is_elsewhere };
    let stop = Stop {
        id,
        policy,
        stacks: Stacks::new(id, &thread, what.frame, what.exception.as_ref()),
        handles: crate::inspect::Handles::new(id),
        addresses: crate::inspect::original::Addresses::default(),
        exception: what.exception.map(|it| Shown { value: it.value, mode: it.mode, unwound: it.frames.is_some() }),
        before_a_line,
        is_published: false,
        thread,
    };
    STATES.with(py, |states| states.push(stop));
    TOLD.lock().unwrap_or_else(PoisonError::into_inner).push((id, event.clone()));
    let arrived = MAILBOX.open(id, reader.thread.id, policy);
    if is_ending() {
        MAILBOX.release();
    }
    // Whoever hears of the stop may press Ctrl-C at once.
    let signals = (policy == StopPolicy::All || is_main).then(|| signals::Watch::begin(arrived));
    OUTBOX.send(Event::new("stopped", &event));
    original::stopped(id, &reader.thread, at_entry);
    let go_on = loop {
        reader.wait(py, arrived);
        if let Some(go_on) = reader.read(py) {
            break go_on;
        }
        if let Some(go_on) = signals.as_ref().and_then(|it| it.check(|| reader.place(py))) {
            break go_on;
        }
    };
    TOLD.lock().unwrap_or_else(PoisonError::into_inner).retain(|it| it.0 != id);
    published::forget(reader.thread.id, holds());
    // Closed first: what is asked after `continued` is answered as of a program that runs.
    let late = MAILBOX.close(id);
    let all = policy == StopPolicy::All && go_on.alone().is_none();
    if all {
        MAILBOX.others_go_on(id, GoOn::run);
    }
    tell_continued(reader.thread.id, all);
    original::continued(id);
    for letter in late {
        match letter {
            Letter::Request(request) => OUTBOX.send(requests::answer_late(py, &request)),
            Letter::Errand { work, .. } => drop(work(py, None)),
            Letter::Job(job) => job(py),
            Letter::GoOn(_) | Letter::Release => {}
        }
    }
    ids::forget(id);
    drop(take(py, id));
    drop(signals);
    gil::run_jobs(py);
    go_on
}

fn tell_continued(thread_id: ThreadId, all: bool) {
    OUTBOX.send(Event::new("continued", &dap::ContinuedEvent { thread_id, all_threads_continued: Some(all) }));
}

/// Takes a stop's state to work on it; it is put back by [`keep`].
fn take(py: Python<'_>, id: StopId) -> Option<Stop> {
    STATES.with(py, |states| {
        let at = states.iter().position(|it| it.id == id)?;
        Some(states.swap_remove(at))
    })
}

fn keep(py: Python<'_>, stop: Stop) {
    STATES.with(py, |states| states.push(stop));
}

fn current(py: Python<'_>) -> Option<Thread> {
    let state = capi::current_thread();
    threads::list(py).into_iter().find(|it| it.state == state)
}

/// The thread that reads the letters of its stop, and of others while that holds the program.
struct Reader {
    id: StopId,
    thread: Thread,
    /// The thread is shown where it waits: another one, of ours, reads.
    is_elsewhere: bool,
}

impl Reader {
    /// Waits until something has come: with the GIL if this stop holds the program.
    fn wait(&self, py: Python<'_>, arrived: &Semaphore) {
        // While the interpreter ends nobody but the thread that ends it gets the GIL again.
        if holds() || lifetime::ends() {
            arrived.wait();
            return;
        }
        loop {
            lifetime::wait_outside(py, arrived);
            if !is_on() {
                return;
            }
            // Another stop holds the program, and reads this one's letters; when it goes on, this one is woken.
        }
    }

    /// Does what has come.
    fn read(&self, py: Python<'_>) -> Option<GoOn> {
        while let Some((to, letter)) = MAILBOX.next(self.id) {
            let go_on = match letter {
                Letter::Job(job) => {
                    job(py);
                    None
                }
                Letter::Release => Some(GoOn::LetGo),
                Letter::GoOn(go_on) => Some(go_on),
                Letter::Request(request) => self.answer(py, to, request),
                Letter::Errand { work, evaluates } if evaluates && evaluation::running().is_some() => {
                    MAILBOX.put_off(self.id, to, Letter::Errand { work, evaluates });
                    None
                }
                Letter::Errand { work, .. } => self.carry_out(py, to, work),
            };
            if let Some(go_on) = go_on.and_then(|it| self.obey(py, to, it)) {
                return Some(go_on);
            }
        }
        None
    }

    /// Answers a request to a stop; `Some` if that goes on.
    fn answer(&self, py: Python<'_>, to: StopId, request: Request) -> Option<GoOn> {
        let Some(mut stop) = take(py, to) else {
            OUTBOX.send(request.refuse(&Failure::running()));
            return None;
        };
        let work = || requests::carry_out(py, &mut stop, &request);
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        keep(py, stop);
        match outcome {
            Ok(Ok(Outcome::Body(body))) => OUTBOX.send(request.answer(&body)),
            Ok(Ok(Outcome::GoOn(go_on, body))) => {
                if go_on.alone().is_some_and(|it| it.id != self.thread.id) && self.is_elsewhere {
                    let why = "the program was paused while it waits in native code: only all of it can go on";
                    OUTBOX.send(request.refuse(&Failure::user(why)));
                    return None;
                }
                OUTBOX.send(request.answer(&body));
                return Some(go_on);
            }
            Ok(Ok(Outcome::PutOff)) if holds() => {
                let why = "another thread is in the middle of an evaluation; let the program go on first";
                OUTBOX.send(request.refuse(&Failure::user(why)));
            }
            Ok(Ok(Outcome::PutOff)) => {
                MAILBOX.put_off(self.id, to, Letter::Request(request));
                if evaluation::running().is_none() {
                    MAILBOX.take_up();
                }
            }
            Ok(Err(failure)) => OUTBOX.send(request.refuse(&failure)),
            Err(_) => {
                let why = format!("the agent failed in '{}'", request.command);
                OUTBOX.send(request.refuse(&Failure::internal(why)));
            }
        }
        None
    }

    /// Does an errand; `Some` if the stop goes on.
    fn carry_out(&self, py: Python<'_>, to: StopId, work: Errand) -> Option<GoOn> {
        let mut stop = take(py, to);
        let work = || work(py, stop.as_mut());
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        if let Some(stop) = stop {
            keep(py, stop);
        }
        outcome.unwrap_or_else(|_| {
            crate::log::line("the agent failed in a command of the IKPdb protocol");
            None
        })
    }

    /// What a stop is told to do: `Some` if this stop is to do it.
    fn obey(&self, py: Python<'_>, to: StopId, go_on: GoOn) -> Option<GoOn> {
        let other = go_on.alone().filter(|it| it.id != self.thread.id).cloned();
        match (other, go_on) {
            // Another thread goes on alone: this one stays as it is, and holds nobody else.
            (Some(other), go_on) => {
                let own_stop = MAILBOX.stop_of(other.id);
                let held = holds();
                MAILBOX.let_others_run(self.id);
                give_way();
                if held {
                    freeze::all_but(py, &other);
                    events::update(py);
                }
                match (own_stop, go_on) {
                    (Some(stop), go_on) => drop(MAILBOX.put(To::Stop(stop), Letter::GoOn(go_on))),
                    (None, go_on) => {
                        tell_continued(other.id, false);
                        if let GoOn::Step(step, _) = go_on {
                            step::begin(py, step, StopPolicy::All);
                        }
                    }
                }
                None
            }
            // The program goes on, and another thread that is stopped by itself makes a step.
            (None, GoOn::Step(step, _)) if to != self.id => {
                let only = threads::list(py).into_iter().find(|it| it.state == step.thread)?;
                drop(MAILBOX.put(To::Stop(to), Letter::GoOn(GoOn::Step(step, Who::Only(only)))));
                Some(GoOn::run())
            }
            (None, go_on) => Some(go_on),
        }
    }

    /// Where the program is, for the user.
    fn place(&self, py: Python<'_>) -> String {
        let top = STATES.with(py, |states| {
            let stop = states.iter().find(|it| it.id == self.id)?;
            stop.stacks.top(&stop.thread)
        });
        let place = top.and_then(|frame| {
            let frame = frame.bind(py);
            let line: u32 = frame.getattr("f_lineno").ok()?.extract().ok()?;
            let file: String = frame.getattr("f_code").ok()?.getattr("co_filename").ok()?.extract().ok()?;
            Some(format!(" at {file}:{line}"))
        });
        place.unwrap_or_default()
    }
}

/// Drops an error under pyo3's own hold of the GIL, so that its references are given back now.
pub(crate) fn forget_error(_py: Python<'_>, error: PyErr) {
    Python::attach(|_| drop(error));
}
