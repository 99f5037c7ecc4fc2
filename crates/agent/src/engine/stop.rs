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

use ikpdb_proto::{Event, StopPolicy, ThreadId, dap};
use pyo3::prelude::*;

use super::freeze::{self, Why};
use super::gil_cell::GilCell;
use super::go_on::{GoOn, Who};
use super::holder::Holder;
use super::reader::Reader;
use super::stack::Stacks;
use super::threads::{self, Thread};
use super::what::{Reason, Shown, What, stopped_event};
use super::{
    breakpoints, evaluation, events, exceptions, gil, ids, pause, published, run_to, settled, signals, step, watchdog,
};
use crate::capi::{self, Ref};
use crate::door::mailbox::{Letter, MAILBOX, StopId};
use crate::door::{OUTBOX, options, original};
use crate::{lifetime, requests, reserve};

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

/// Whether any thread runs an evaluation.
pub(crate) fn any_stopper() -> bool {
    OPEN.load(Ordering::Relaxed) != 0 || QUIET.load(Ordering::Relaxed) != 0
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
        freeze::begin(py, Why::Stop, threads::this());
    }
    let only = (policy == StopPolicy::Thread).then(capi::current_thread);
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
    // Whoever ended everything may have found this stop open, and the thread past what it reads.
    go(py, if is_ending() { GoOn::LetGo } else { go_on }, policy);
    if freeze::concerns_me() {
        freeze::wait();
    }
    Came::Done
}

fn go(py: Python<'_>, go_on: GoOn, policy: StopPolicy) {
    // One that lets others run all the same may go on while another stop holds the program: who stands still is for that to say.
    let decides = policy == StopPolicy::All && !is_on();
    match go_on {
        GoOn::Run(_) | GoOn::Jumped if !decides => {}
        GoOn::Run(Who::All) | GoOn::Jumped => {
            freeze::end(py);
            settled::touch_user_code(py);
        }
        GoOn::Run(Who::Only(thread)) => freeze::all_but(py, &thread),
        GoOn::Step(step, who) => {
            let thread = step.thread;
            step::begin(py, step, policy);
            match who {
                _ if !decides => {}
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
pub(super) fn give_way() {
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
    pause::fulfilled(py, (policy == StopPolicy::Thread).then(capi::current_thread));
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
    let all = policy == StopPolicy::All && go_on.alone().is_none();
    if all {
        MAILBOX.others_go_on(id, GoOn::run);
    }
    // Closed first: what is asked after `continued` is answered as of a program that runs.
    let left = MAILBOX.close(id);
    tell_continued(reader.thread.id, all);
    original::continued(id);
    left.late_pauses().for_each(pause::ask);
    for letter in left.letters {
        match letter {
            Letter::Request(request) => OUTBOX.send(requests::answer_late(py, &request)),
            Letter::Errand { work, .. } => drop(work(None)),
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

pub(super) fn tell_continued(thread_id: ThreadId, all: bool) {
    OUTBOX.send(Event::new("continued", &dap::ContinuedEvent { thread_id, all_threads_continued: Some(all) }));
}

/// Takes a stop's state to work on it; it is put back by [`keep`].
pub(super) fn take(py: Python<'_>, id: StopId) -> Option<Stop> {
    STATES.with(py, |states| {
        let at = states.iter().position(|it| it.id == id)?;
        Some(states.swap_remove(at))
    })
}

pub(super) fn keep(py: Python<'_>, stop: Stop) {
    STATES.with(py, |states| states.push(stop));
}

/// The frame that a stop shows first.
pub(super) fn top(py: Python<'_>, id: StopId) -> Option<Ref> {
    STATES.with(py, |states| {
        let stop = states.iter().find(|it| it.id == id)?;
        stop.stacks.top(&stop.thread)
    })
}

fn current(py: Python<'_>) -> Option<Thread> {
    let state = capi::current_thread();
    threads::list(py).into_iter().find(|it| it.state == state)
}

/// Drops an error under pyo3's own hold of the GIL, so that its references are given back now.
pub(crate) fn forget_error(_py: Python<'_>, error: PyErr) {
    Python::attach(|_| drop(error));
}
