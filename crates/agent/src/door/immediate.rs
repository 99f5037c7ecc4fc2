//! The requests that the listener answers itself, without the GIL, or with a job that has the GIL for a moment.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use ikpdb_proto::agent::{self, RAISED, UNCAUGHT, USER_UNHANDLED};
use ikpdb_proto::{Event, Failure, Options, Request, Response, StopPolicy, dap};
use pyo3::Python;

use super::mailbox::MAILBOX;
use super::{CONFIGURED, OUTBOX, original};
use crate::engine::breakpoints::Owner;
use crate::engine::{
    breakpoints, codes, evaluation, exceptions, gil, pause, published, source, stop, threads, watchdog,
};
use crate::lifetime;

/// How long an answer waits for the GIL before it is given from what is known: DAP clients are told more by events.
const GIL_PATIENCE: Duration = Duration::from_millis(40);

/// Answers a request, or gives it back for the stopped thread.
pub(crate) fn answer(request: Request) -> Option<Request> {
    let outcome = match request.command.as_str() {
        "initialize" => Ok(request.answer(&agent::capabilities())),
        "attach" => attach(&request),
        "configurationDone" => {
            // The answer goes first: a short program may be over before the next line here.
            OUTBOX.send(request.done());
            original::begins();
            CONFIGURED.store(true, Ordering::Release);
            MAILBOX.nudge();
            return None;
        }
        "setBreakpoints" => match set_breakpoints(&request) {
            Ok(()) => return None,
            Err(failure) => Err(failure),
        },
        "setFunctionBreakpoints" => match set_function_breakpoints(&request) {
            Ok(()) => return None,
            Err(failure) => Err(failure),
        },
        "breakpointLocations" if !MAILBOX.is_open() => breakpoint_locations(&request),
        "setExceptionBreakpoints" => set_exception_breakpoints(&request),
        "pause" => pause(&request),
        "terminateThreads" => terminate_threads(&request),
        "cancel" => cancel(&request),
        agent::OPTIONS => change_options(&request),
        "disconnect" => {
            // The answer goes first: the program that is let go may be over before the next line here.
            OUTBOX.send(request.done());
            stop::hub_leaves();
            return None;
        }
        "threads" if busy() => Ok(known_threads(&request)),
        "stackTrace" if busy() && stack_is_known(&request, MAILBOX.is_held()) => known_stack(&request),
        "threads" => threads(&request),
        "source" if !MAILBOX.is_open() => fetch_source(&request),
        _ => return Some(request),
    };
    let response = outcome.unwrap_or_else(|failure| request.refuse(&failure));
    let attached = response.success && response.command == "attach";
    OUTBOX.send(response);
    if attached {
        OUTBOX.send(Event { seq: 0, event: "initialized".to_owned(), body: None });
    }
    None
}

/// While the stopped thread is busy: answers from what is known those of its requests that can be. Called by that thread when
/// it gets busy and by the listener when it has passed a request on, so that none slips between the two.
pub(crate) fn answer_what_waits() {
    if !busy() {
        return;
    }
    let held = MAILBOX.is_held();
    let can_be_answered = |request: &Request| match request.command.as_str() {
        "threads" => true,
        "stackTrace" => stack_is_known(request, held),
        _ => false,
    };
    for request in MAILBOX.withdraw_all(can_be_answered) {
        let outcome = if request.command == "threads" { Ok(known_threads(&request)) } else { known_stack(&request) };
        OUTBOX.send(outcome.unwrap_or_else(|failure| request.refuse(&failure)));
    }
}

/// Whether more cannot be known of a thread's stack now than what was published: by a stop that holds the program, or of it.
fn stack_is_known(request: &Request, held: bool) -> bool {
    let thread = request.arguments::<dap::StackTraceArguments>().map(|it| it.thread_id);
    held || thread.is_ok_and(|it| published::stack(it).is_some())
}

/// Whether the program is stopped and its thread runs an evaluation: what is known from before has to do.
fn busy() -> bool {
    evaluation::running().is_some()
}

fn attach(request: &Request) -> Result<Response, Failure> {
    let arguments: dap::AttachArguments = request.arguments()?;
    super::options().stop_on_entry = arguments.stop_on_entry.unwrap_or(false);
    use_options(arguments.options);
    Ok(request.done())
}

fn change_options(request: &Request) -> Result<Response, Failure> {
    let mut options = super::options().now.clone();
    options.change(request.arguments()?);
    use_options(options.clone());
    Ok(request.answer(&options))
}

/// They count from the next stop or step on. What is the user's own is found out anew if the rules are others.
fn use_options(options: Options) {
    let before = std::mem::replace(&mut super::options().now, options);
    if before.rules != super::options().now.rules {
        within_patience(codes::apply_rules);
    }
}

/// Answers at once if need be: where breakpoints are is known without the GIL, and changes follow as events.
fn set_breakpoints(request: &Request) -> Result<(), Failure> {
    let arguments: dap::SetBreakpointsArguments = request.arguments()?;
    let path = arguments.source.path.ok_or_else(|| Failure::client("a breakpoint needs the path of its source"))?;
    let breakpoints = breakpoints::replace(&path, &arguments.breakpoints.unwrap_or_default());
    within_patience(move |py| {
        if let Err(error) = Python::attach(|py| breakpoints::arm(py, Owner::Hub, &path)) {
            stop::forget_error(py, error);
        }
    });
    answer_breakpoints(request, &breakpoints);
    Ok(())
}

fn set_function_breakpoints(request: &Request) -> Result<(), Failure> {
    let arguments: dap::SetFunctionBreakpointsArguments = request.arguments()?;
    let breakpoints = breakpoints::replace_functions(&arguments.breakpoints);
    within_patience(move |py| {
        if let Err(error) = Python::attach(breakpoints::arm_functions) {
            stop::forget_error(py, error);
        }
    });
    answer_breakpoints(request, &breakpoints);
    Ok(())
}

fn answer_breakpoints(request: &Request, breakpoints: &[Arc<breakpoints::Breakpoint>]) {
    let (answer, told) = breakpoints::answer(breakpoints);
    OUTBOX.send(request.answer(&dap::SetBreakpointsBody { breakpoints: answer }));
    breakpoints::told(breakpoints, told);
}

fn set_exception_breakpoints(request: &Request) -> Result<Response, Failure> {
    let arguments: dap::SetExceptionBreakpointsArguments = request.arguments()?;
    const KNOWN: [&str; 3] = [RAISED, USER_UNHANDLED, UNCAUGHT];
    if let Some(unknown) = arguments.filters.iter().find(|it| !KNOWN.contains(&it.as_str())) {
        return Err(Failure::client(format!("there is no exception filter '{unknown}'")));
    }
    let breakpoints = exceptions::read(&arguments);
    within_patience(exceptions::apply);
    Ok(request.answer(&dap::SetExceptionBreakpointsBody { breakpoints: Some(breakpoints) }))
}

fn pause(request: &Request) -> Result<Response, Failure> {
    if !lifetime::debugging() {
        return Err(Failure::user("the program is not debugged any more"));
    }
    let arguments: dap::ThreadArguments = request.arguments()?;
    let id = arguments.thread_id;
    // If the whole program stops, the thread is only the one to be shown, and may have ended since.
    if stop::policy() == StopPolicy::Thread && within_patience(|py| drop(threads::list(py))) {
        let is_there = threads::last_known().iter().any(|it| it.id == id);
        if !is_there {
            return Err(threads::no_such(id));
        }
    }
    pause::request(id);
    Ok(request.done())
}

/// Lets `SystemExit` appear in threads, which ends each at its next line of Python code.
fn terminate_threads(request: &Request) -> Result<Response, Failure> {
    let arguments: dap::TerminateThreadsArguments = request.arguments()?;
    // One that has ended meanwhile is as it was wished.
    if let Some(unknown) = arguments.thread_ids.iter().flatten().find(|it| !threads::was_there(**it)) {
        return Err(threads::no_such(*unknown));
    }
    within_patience(move |py| threads::terminate(py, arguments.thread_ids.as_deref()));
    Ok(request.done())
}

fn cancel(request: &Request) -> Result<Response, Failure> {
    let arguments: dap::CancelArguments = request.arguments()?;
    let progress =
        arguments.progress_id.as_deref().and_then(|it| it.strip_prefix("evaluate-")).and_then(|it| it.parse().ok());
    if let Some(seq) = arguments.request_id.or(progress) {
        if let Some(withdrawn) = MAILBOX.give_up(seq) {
            OUTBOX.send(withdrawn.refuse(&given_up()));
        } else {
            watchdog::interrupt(seq);
        }
    }
    Ok(request.done())
}

/// The answer to a request that was cancelled before it was begun.
pub(crate) fn given_up() -> Failure {
    Failure::user("given up")
}

fn known_threads(request: &Request) -> Response {
    request.answer(&dap::ThreadsBody { threads: threads::last_known() })
}

fn known_stack(request: &Request) -> Result<Response, Failure> {
    let arguments: dap::StackTraceArguments = request.arguments()?;
    let stack = published::stack(arguments.thread_id)
        .ok_or_else(|| Failure::user("an evaluation is running: the stack of this thread is not known"))?;
    let start = arguments.start_frame.unwrap_or(0) as usize;
    let levels = arguments.levels.filter(|it| *it > 0).map_or(usize::MAX, |it| it as usize);
    let known = stack.stack_frames.len();
    let total = stack.total_frames.map_or(known, |it| it as usize);
    if start >= known && known < total {
        return Err(Failure::user(format!("an evaluation is running: the frames from {known} on are not known")));
    }
    let stack_frames = stack.stack_frames.iter().skip(start).take(levels).cloned().collect();
    Ok(request.answer(&dap::StackTraceBody { stack_frames, total_frames: stack.total_frames }))
}

fn threads(request: &Request) -> Result<Response, Failure> {
    within_patience(|py| drop(threads::list(py)));
    Ok(known_threads(request))
}

fn fetch_source(request: &Request) -> Result<Response, Failure> {
    let arguments: dap::SourceArguments = request.arguments()?;
    let body = looked_up(move |py| source::fetch(py, &arguments))?;
    Ok(request.answer(&body))
}

fn breakpoint_locations(request: &Request) -> Result<Response, Failure> {
    let arguments: dap::BreakpointLocationsArguments = request.arguments()?;
    let body = looked_up(move |py| breakpoints::locations(py, &arguments))?;
    Ok(request.answer(&body))
}

/// What only a look with the GIL can tell, while the program runs.
fn looked_up<T: Send + 'static>(
    look: impl FnOnce(Python<'_>) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let answer = Arc::new(Mutex::new(None));
    let slot = Arc::clone(&answer);
    let done = within_patience(move |_| {
        let found = Python::attach(look);
        *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
    });
    let found = answer.lock().unwrap_or_else(PoisonError::into_inner).take();
    match found {
        Some(found) => found,
        None if done => Err(Failure::internal("nothing was found out")),
        None => Err(Failure::user("the program is busy in native code and cannot be asked now")),
    }
}

/// Whether somebody kept the GIL for longer than [`GIL_PATIENCE`] and has not let go of it since. Then no further answer waits:
/// of many requests at once the last one is answered as soon as the first.
static GIL_IS_KEPT: AtomicBool = AtomicBool::new(false);

/// Does a job with the GIL and waits for it, but not for long. True if it was done meanwhile; if not it is done later.
pub(crate) fn within_patience(job: impl FnOnce(Python<'_>) + Send + 'static) -> bool {
    let done = Arc::new((Mutex::new(false), Condvar::new()));
    let signal = Arc::clone(&done);
    gil::submit(Box::new(move |py| {
        job(py);
        let mut done = signal.0.lock().unwrap_or_else(PoisonError::into_inner);
        *done = true;
        GIL_IS_KEPT.store(false, Ordering::Relaxed);
        drop(done);
        signal.1.notify_all();
    }));
    let patience = if GIL_IS_KEPT.load(Ordering::Relaxed) { Duration::ZERO } else { GIL_PATIENCE };
    let guard = done.0.lock().unwrap_or_else(PoisonError::into_inner);
    let (guard, _) = done.1.wait_timeout_while(guard, patience, |done| !*done).unwrap_or_else(PoisonError::into_inner);
    if !*guard {
        // Under the lock: if the job is done in this moment, it says so after this.
        GIL_IS_KEPT.store(true, Ordering::Relaxed);
    }
    *guard
}
