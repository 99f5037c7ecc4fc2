//! A stop: the thread that stopped keeps the GIL, so that every Python thread stands still, and does what the hub asks
//! until it says to go on.
//!
//! Who talks to it: the listener, through the mailbox. It waits natively, on a semaphore. One thread at a time is stopped
//! for the user; another one that reaches a breakpoint meanwhile (during an evaluation that had to let threads run) waits
//! without the GIL for its turn.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use ikpdb_proto::{Event, Failure, Request, ThreadId, dap};
use pyo3::ffi::PyThreadState;
use pyo3::prelude::*;

use super::stack::Stacks;
use super::threads::{self, Thread};
use super::{evaluation, freeze, gil, pause, run_to, settled, signals, step, watchdog};
use crate::capi::{self, Ref};
use crate::door::OUTBOX;
use crate::door::mailbox::{Letter, MAILBOX};
use crate::requests::{self, Outcome};
use crate::{lifetime, reserve};

/// Why the program stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Before its first line.
    Entry,
    /// A breakpoint, or `breakpoint()` in the program.
    Breakpoint,
    /// A breakpoint on the function that begins.
    Function,
    /// A step is done.
    Step,
    /// The user asked.
    Pause,
    /// An exception.
    Exception,
    /// The line that the user asked to run to.
    Goto,
}

/// What there is to show.
#[derive(Debug)]
pub(crate) struct What {
    /// Why.
    pub(crate) reason: Reason,
    /// The frame to show on top, if not the current one.
    pub(crate) frame: Option<Ref>,
    /// The breakpoints that were hit.
    pub(crate) hits: Vec<i32>,
    /// The thread to show, if not the current one.
    pub(crate) of: Option<Thread>,
    /// The exception.
    pub(crate) exception: Option<Exception>,
    /// More words for the user.
    pub(crate) description: Option<String>,
}

/// An exception that ends a thread.
#[derive(Debug)]
pub(crate) struct Exception {
    /// The exception object.
    pub(crate) value: Ref,
    /// Its frames with their lines, innermost first, if it has left them already.
    pub(crate) frames: Option<Vec<(Ref, u32)>>,
    /// `Type: message`, for the user.
    pub(crate) text: String,
    /// Of a syntax error: where.
    pub(crate) not_compiled: Option<dap::Place>,
    /// Why it is shown.
    pub(crate) mode: BreakMode,
}

/// Why an exception is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BreakMode {
    /// All are.
    Always,
    /// The user's own code does not catch it.
    UserUnhandled,
    /// Nothing does.
    Unhandled,
}

impl BreakMode {
    /// DAP's word.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::UserUnhandled => "userUnhandled",
            Self::Unhandled => "unhandled",
        }
    }
}

/// The exception of a stop.
#[derive(Debug)]
pub(crate) struct Shown {
    /// The exception object.
    pub(crate) value: Ref,
    /// Why it is shown.
    pub(crate) mode: BreakMode,
    /// It has left its frames: the thread has no next line.
    pub(crate) unwound: bool,
}

impl What {
    pub(crate) fn new(reason: Reason) -> Self {
        Self { reason, frame: None, hits: Vec::new(), of: None, exception: None, description: None }
    }
}

/// The state of a stop, on the stack of the thread that stopped.
pub(crate) struct Stop {
    /// The thread that the user sees first.
    pub(crate) thread: Thread,
    /// The stacks that were asked for.
    pub(crate) stacks: Stacks,
    /// What `variablesReference`s refer to.
    pub(crate) handles: crate::inspect::Handles,
    /// The exception, if that is the reason.
    pub(crate) exception: Option<Shown>,
    /// Whether the thread is about to execute a line: only then it can be moved to another one.
    pub(crate) before_a_line: bool,
    /// Whether the listener knows the stacks.
    published: bool,
}

static COUNT: AtomicU32 = AtomicU32::new(0);
static NEXT_REFERENCE: AtomicU32 = AtomicU32::new(1);
/// `pthread_self` of the thread that is stopped for the user; 0 = none.
static STOPPER: AtomicUsize = AtomicUsize::new(0);
static TURN: Mutex<()> = Mutex::new(());
static FREE: Condvar = Condvar::new();
static LAST: Mutex<Option<dap::StoppedEvent>> = Mutex::new(None);

fn this_thread() -> usize {
    // SAFETY: always allowed.
    unsafe { libc::pthread_self() as usize }
}

/// Whether the calling thread is the stopped one: it runs an evaluation, and events in that are not the user's program.
pub(crate) fn is_stopper() -> bool {
    STOPPER.load(Ordering::Relaxed) == this_thread()
}

/// Whether a thread is stopped. Needs no GIL.
pub(crate) fn is_on() -> bool {
    STOPPER.load(Ordering::Relaxed) != 0
}

/// The last `stopped`, while the program is stopped.
pub(crate) fn last() -> Option<dap::StoppedEvent> {
    LAST.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Whether a stop came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Came {
    /// It did, and the program goes on; or nothing is debugged.
    Done,
    /// Another thread was stopped, and this one waited for it to go on: what led here has to be looked at anew.
    Waited,
}

/// Stops the program, shows `what`, and returns when the user lets it go on.
pub(crate) fn stop(py: Python<'_>, what: What) -> Came {
    if !lifetime::debugging() || is_stopper() {
        return Came::Done;
    }
    if !claim() {
        return Came::Waited;
    }
    reserve::release();
    // This thread keeps the GIL, so nobody else moves; whatever gives it away all the same finds them parked.
    freeze::begin(py, this_thread());
    pause::fulfilled(py);
    step::end(py);
    run_to::end(py);
    let go_on = Python::attach(|py| {
        let mut go_on = stay(py, what);
        while let GoOn::Jumped = go_on {
            go_on = stay(py, What::new(Reason::Goto));
        }
        go_on
    });
    reserve::keep();
    STOPPER.store(0, Ordering::Relaxed);
    {
        let _guard = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        FREE.notify_all();
    }
    match go_on {
        GoOn::Run | GoOn::Jumped => {
            freeze::end(py);
            settled::touch_user_code(py);
        }
        GoOn::Step(kind, thread, frame, call) => {
            step::begin(py, kind, thread, frame.as_ptr().cast(), call);
            watchdog::step_begins(py);
        }
        GoOn::LetGo => {
            freeze::end(py);
            lifetime::let_go(py);
        }
    }
    Came::Done
}

impl Stop {
    /// Leaves the threads and their stacks for the listener, which answers from them while this thread is busy. Once a stop:
    /// they do not change, unless an evaluation had to let other threads run.
    pub(crate) fn publish(&mut self, py: Python<'_>) {
        if std::mem::replace(&mut self.published, true) {
            return;
        }
        let stacks = self.stacks.all(py, &threads::list(py), self.thread.id, PUBLISHED_FRAMES);
        let stacks = stacks.into_iter().map(|(thread, stack)| (thread, Arc::new(stack))).collect();
        *PUBLISHED.lock().unwrap_or_else(PoisonError::into_inner) = stacks;
    }

    /// Other threads than the stopped one ran: what is known of their stacks is out of date. Frames that were shown stay.
    pub(crate) fn others_moved(&mut self) {
        self.stacks.forget_others(self.thread.id);
        self.published = false;
    }
}

/// So many frames can be shown while an evaluation runs, those of the stopped thread first.
const PUBLISHED_FRAMES: usize = 5000;
static PUBLISHED: Mutex<BTreeMap<ThreadId, Arc<dap::StackTraceBody>>> = Mutex::new(BTreeMap::new());

/// The stack that was published for a thread. Needs no GIL.
pub(crate) fn published(thread: ThreadId) -> Option<Arc<dap::StackTraceBody>> {
    PUBLISHED.lock().unwrap_or_else(PoisonError::into_inner).get(&thread).cloned()
}

/// Whether the debugger is to let the program go.
static ENDING: AtomicBool = AtomicBool::new(false);

/// Whether a stop is to end because nobody debugs any more. Needs no GIL.
pub(crate) fn is_ending() -> bool {
    ENDING.load(Ordering::SeqCst)
}

/// The debugger leaves: a stopped program goes on, and nothing stops it any more. Needs no GIL and waits for nothing; a thread
/// that is busy with an evaluation lets go when it comes back from it.
pub(crate) fn end_for_good() {
    ENDING.store(true, Ordering::SeqCst);
    if MAILBOX.release() {
        if let Some(seq) = evaluation::running() {
            watchdog::interrupt(seq);
        }
    } else {
        gil::submit(Box::new(lifetime::let_go));
    }
}

/// How the program goes on.
#[derive(Debug)]
pub(crate) enum GoOn {
    /// Freely.
    Run,
    /// A step of a thread from a frame; into one call if it names its instructions.
    Step(step::Kind, *mut PyThreadState, Ref, Option<Vec<u32>>),
    /// Not at all: it stands at another line now, which is shown.
    Jumped,
    /// Without a debugger.
    LetGo,
}

/// Makes this thread the stopped one. If another one is, waits without the GIL until it goes on, and answers false.
fn claim() -> bool {
    if STOPPER.compare_exchange(0, this_thread(), Ordering::Relaxed, Ordering::Relaxed).is_ok() {
        return true;
    }
    // SAFETY: called in a callback, with the GIL.
    let thread = unsafe { (capi::py().save_thread)() };
    wait_for_turn();
    // SAFETY: the state saved above.
    unsafe { (capi::py().restore_thread)(thread) };
    false
}

fn wait_for_turn() {
    let mut guard = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    while STOPPER.load(Ordering::Relaxed) != 0 {
        guard = FREE.wait(guard).unwrap_or_else(PoisonError::into_inner);
    }
}

/// Waits for letters and does what they say.
fn stay(py: Python<'_>, what: What) -> GoOn {
    let thread = what.of.clone().or_else(|| current(py));
    let Some(thread) = thread else { return GoOn::Run };
    let number = COUNT.fetch_add(1, Ordering::Relaxed) + 1;
    let event = stopped_event(&what, number, &thread);
    let before_a_line = what.of.is_none()
        && what.frame.is_none()
        && what.description.is_none()
        && !matches!(what.reason, Reason::Exception);
    let mut stop = Stop {
        stacks: Stacks::new(&thread, what.frame, what.exception.as_ref()),
        thread,
        handles: crate::inspect::Handles::new(i32::try_from(NEXT_REFERENCE.load(Ordering::Relaxed)).unwrap_or(1)),
        exception: what.exception.map(|it| Shown { value: it.value, mode: it.mode, unwound: it.frames.is_some() }),
        before_a_line,
        published: false,
    };
    *LAST.lock().unwrap_or_else(PoisonError::into_inner) = Some(event.clone());
    MAILBOX.open();
    if is_ending() {
        MAILBOX.release();
    }
    // Whoever hears of the stop may press Ctrl-C at once.
    let signals = signals::Watch::begin();
    OUTBOX.send(Event::new("stopped", &event));
    let go_on = loop {
        match MAILBOX.wait() {
            None => {
                if let Some(go_on) = signals.check(py, &stop) {
                    break go_on;
                }
            }
            Some(Letter::Job(job)) => job(py),
            Some(Letter::Release) => break GoOn::LetGo,
            Some(Letter::Request(request)) => {
                if let Some(go_on) = answer(py, &mut stop, &request) {
                    break go_on;
                }
            }
        }
    };
    *LAST.lock().unwrap_or_else(PoisonError::into_inner) = None;
    PUBLISHED.lock().unwrap_or_else(PoisonError::into_inner).clear();
    // Closed first: what is asked after `continued` is answered as of a program that runs.
    let late = MAILBOX.close();
    OUTBOX.send(Event::new(
        "continued",
        &dap::ContinuedEvent { thread_id: stop.thread.id, all_threads_continued: Some(true) },
    ));
    for letter in late {
        match letter {
            Letter::Request(request) => OUTBOX.send(requests::answer_late(py, &request)),
            Letter::Job(job) => job(py),
            Letter::Release => {}
        }
    }
    NEXT_REFERENCE.store(u32::try_from(stop.handles.next_reference()).unwrap_or(1), Ordering::Relaxed);
    drop(stop);
    drop(signals);
    gil::run_jobs(py);
    go_on
}

/// Answers one request; `Some` if the program goes on.
fn answer(py: Python<'_>, stop: &mut Stop, request: &Request) -> Option<GoOn> {
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| requests::carry_out(py, stop, request)));
    match outcome {
        Ok(Ok(Outcome::Body(body))) => {
            OUTBOX.send(request.answer(&body));
            None
        }
        Ok(Ok(Outcome::GoOn(go_on, body))) => {
            OUTBOX.send(request.answer(&body));
            Some(go_on)
        }
        Ok(Err(failure)) => {
            OUTBOX.send(request.refuse(&failure));
            None
        }
        Err(_) => {
            OUTBOX.send(request.refuse(&Failure::internal(format!("the agent failed in '{}'", request.command))));
            None
        }
    }
}

fn current(py: Python<'_>) -> Option<Thread> {
    let state = capi::current_thread();
    threads::list(py).into_iter().find(|it| it.state == state)
}

fn stopped_event(what: &What, number: u32, thread: &Thread) -> dap::StoppedEvent {
    let (reason, description) = match what.reason {
        Reason::Entry => ("entry", "Stopped before the first line"),
        Reason::Breakpoint => ("breakpoint", "Stopped on a breakpoint"),
        Reason::Function => ("function breakpoint", "Stopped where a function begins"),
        Reason::Step => ("step", "Stopped after a step"),
        Reason::Pause => ("pause", "Paused"),
        Reason::Exception => ("exception", "Stopped on an exception that nothing has caught"),
        Reason::Goto => ("goto", "Ran to this line"),
    };
    dap::StoppedEvent {
        reason: reason.to_owned(),
        description: Some(what.description.clone().unwrap_or_else(|| description.to_owned())),
        thread_id: Some(thread.id),
        text: what.exception.as_ref().map(|it| it.text.clone()),
        all_threads_stopped: Some(true),
        hit_breakpoint_ids: (!what.hits.is_empty()).then(|| what.hits.clone()),
        ikpdb_stop: Some(number),
        ikpdb_uncaught: what.exception.as_ref().and_then(|it| (it.mode == BreakMode::Unhandled).then_some(true)),
        ikpdb_unwound: what.exception.as_ref().and_then(|it| it.frames.is_some().then_some(true)),
    }
}

/// Drops an error under pyo3's own hold of the GIL, so that its references are given back now.
pub(crate) fn forget_error(_py: Python<'_>, error: PyErr) {
    Python::attach(|_| drop(error));
}
