//! Exceptions at which the program stops: where they are raised, with the whole stack alive, or where the interpreter is about to
//! report what nothing has caught, which has left its frames then.
//!
//! On 3.12 and newer the raise of what nothing will catch is found by [`walk`]. What may be caught counts as caught; if it is not
//! after all, it is shown where it is reported. On 3.11, where only the trace function tells of raises, uncaught exceptions are
//! always shown there. The message is printed by the interpreter afterwards, as without us.

mod handlers;
mod opcodes;
mod quick;
mod rules;
mod walk;

use std::collections::HashSet;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ikpdb_proto::{Event, dap};
use pyo3::exceptions::{PyGeneratorExit, PyKeyboardInterrupt, PyStopAsyncIteration, PyStopIteration, PySystemExit};
use pyo3::ffi::{self, PyFrameObject, PyObject};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use self::rules::{Mode, Rule};
use super::breakpoints;
use super::codes::{self, CodeInfo};
use super::control::one_line;
use super::gil_cell::GilCell;
use super::python2;
use super::stop::{self, Came};
use super::threads;
use super::what::{BreakMode, Exception, Reason, What};
use crate::capi::{self, Ref, capi};
use crate::door::{OUTBOX, options, original};
use crate::inspect;
use crate::{lifetime, reserve};

pub(super) use handlers::{Entry, entries};
pub(super) use opcodes::{Instruction, Op, Opcodes};
pub(super) use quick::is_of_no_concern;
pub(crate) use walk::CodeHandlers;
pub(super) use walk::opcodes;

/// Something is to stop where it is raised.
const AT_RAISE: u8 = 1;
/// Something is to stop where it is reported as uncaught.
const AT_REPORT: u8 = 2;
static WANTED: AtomicU8 = AtomicU8::new(0);
static RULES: GilCell<State> = GilCell::new(State::new());

struct State {
    rules: Vec<Rule>,
    /// The rules that are about exceptions of a type, by its address; the types are held.
    about: Vec<(Ref, Arc<[Rule]>)>,
    /// The exceptions that were shown where they were raised, or not wanted there by a condition, and may still be reported. They
    /// are not held: who raises another one at the same address takes it out.
    settled: Option<HashSet<usize>>,
    /// Whether a condition was reported as failing: that is said once.
    complained: bool,
}

impl State {
    const fn new() -> Self {
        Self { rules: Vec::new(), about: Vec::new(), settled: None, complained: false }
    }

    /// Nothing is to be said of an exception any more.
    fn settle(&mut self, value: *mut PyObject) {
        self.settled.get_or_insert_default().insert(value.addr());
        quick::set_settled(true);
    }

    /// Whether an exception was settled where it was raised; it is not any more.
    fn was_settled(&mut self, value: *mut PyObject) -> bool {
        let Some(settled) = &mut self.settled else { return false };
        let was = settled.remove(&value.addr());
        quick::set_settled(!settled.is_empty());
        was
    }
}

/// So many types are remembered.
const MOST_TYPES: usize = 200;

/// What was asked for last, until it is applied: two jobs with the GIL may come in any order.
static NEXT: Mutex<Option<Vec<Rule>>> = Mutex::new(None);

/// Reads what the hub wants: what becomes of each entry. Needs no GIL; [`apply`] makes it so.
pub(crate) fn read(arguments: &dap::SetExceptionBreakpointsArguments) -> Vec<dap::Breakpoint> {
    let read = rules::read(arguments);
    let described = read.iter().map(|rule| dap::Breakpoint {
        verified: rule.is_ok(),
        message: rule.as_ref().err().cloned(),
        ..dap::Breakpoint::default()
    });
    let described = described.collect();
    *NEXT.lock().unwrap_or_else(PoisonError::into_inner) = Some(read.into_iter().flatten().collect());
    described
}

/// Applies what was asked for last.
pub(crate) fn apply(py: Python<'_>) {
    let Some(rules) = NEXT.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
    let is = |mode| rules.iter().any(|rule| rule.mode == mode);
    let traced = capi().version < (3, 12);
    // Where only the trace function tells of raises, nobody is slowed down for what is shown later anyway.
    let at_raise = is(Mode::Raised) || is(Mode::UserUnhandled) || (is(Mode::Uncaught) && !traced);
    let at_report = is(Mode::Uncaught) || is(Mode::UserUnhandled);
    WANTED.store(u8::from(at_raise) * AT_RAISE + u8::from(at_report) * AT_REPORT, Ordering::Relaxed);
    let old = RULES.with(py, |state| {
        // Once nothing tells of new exceptions, one at the same address may be another one.
        let settled = state.settled.take().filter(|_| at_raise);
        quick::forget();
        quick::set_settled(settled.as_ref().is_some_and(|it| !it.is_empty()));
        std::mem::replace(state, State { rules, settled, ..State::new() })
    });
    drop(old);
    super::events::update(py);
}

/// Nothing stops at an exception any more. Needs no GIL.
pub(crate) fn forget() {
    WANTED.store(0, Ordering::Relaxed);
}

/// Whether the interpreter is to tell of raises.
pub(crate) fn watches_raises() -> bool {
    WANTED.load(Ordering::Relaxed) & AT_RAISE != 0
}

/// Whether something is to stop where an exception is reported.
pub(crate) fn watches_reports() -> bool {
    WANTED.load(Ordering::Relaxed) & AT_REPORT != 0
}

/// An exception was raised in the current frame, at an offset of its code, or came to it from one that it called.
pub(crate) fn raised(py: Python<'_>, info: *mut CodeInfo, offset: u32, value: *mut PyObject, traceback: *mut PyObject) {
    if info.is_null() || stop::is_stopper() {
        return;
    }
    let _reserve = reserve::Opened::for_exception(value);
    // SAFETY: a traceback, live under the GIL: the frames that the exception has come through.
    let is_new = unsafe { next_traceback(traceback) }.is_null();
    // SAFETY: the record of running code.
    let user = unsafe { (*info).user };
    if !is_new && !user {
        return;
    }
    if !user && REPORTING.load(Ordering::Relaxed) == threads::this() {
        return;
    }
    // SAFETY: as above.
    let reaches_user = !is_new && unsafe { comes_from_library(traceback) } && options().now.just_my_code;
    if !is_new && !reaches_user {
        return;
    }
    // SAFETY: the exception, live under the GIL.
    let value = unsafe { Bound::from_borrowed_ptr(py, value) };
    let Some(mode) = wanted(py, info, offset, &value, is_new, user) else {
        return;
    };
    RULES.with(py, |state| state.settle(value.as_ptr()));
    let exception = || Exception {
        value: value.clone().into(),
        frames: None,
        text: inspect::exception_line(&value),
        not_compiled: None,
        mode,
    };
    let description = match mode {
        BreakMode::Always => "Stopped on an exception",
        BreakMode::UserUnhandled => "Stopped on an exception that your code does not catch",
        BreakMode::Unhandled => "Stopped on an exception that nothing catches",
    };
    loop {
        let description = Some(description.to_owned());
        let frame = shown_frame();
        let what = What { exception: Some(exception()), description, frame, ..What::new(Reason::Exception) };
        if stop::stop(py, what) == Came::Done {
            return;
        }
    }
}

/// The innermost frame that is not the import machinery's: what it raises is the import's.
fn shown_frame() -> Option<Ref> {
    // SAFETY: the running frame, then live ones, each held by the one above it.
    unsafe {
        let mut frame = Ref::borrow(capi::current_frame().cast());
        while codes::is_machinery(frame.as_ptr().cast()) {
            frame = Ref::steal((capi::py().frame_get_back)(frame.as_ptr().cast()).cast())?;
        }
        Some(frame)
    }
}

/// How a new exception is to be shown, if it is.
fn wanted(
    py: Python<'_>,
    info: *mut CodeInfo,
    offset: u32,
    value: &Bound<'_, PyAny>,
    is_new: bool,
    user: bool,
) -> Option<BreakMode> {
    let rules = rules_about(py, value);
    if is_new {
        RULES.with(py, |state| state.was_settled(value.as_ptr()));
    }
    if rules.is_empty() || rules.iter().any(|rule| rule.mode == Mode::Never) {
        return None;
    }
    let silent = is_control_flow(value) || is_clean_exit(value);
    let holds = |rule: &&Rule| holds(py, rule, value, capi::current_frame());
    // In the library it counts without just my code only; what reaches the user's own code does in any case.
    let counts = || user || !options().now.just_my_code;
    let mut raised = rules.iter().filter(|rule| rule.mode == Mode::Raised && counts());
    if raised.any(|rule| (!silent || rule.names_types()) && holds(&rule)) {
        return Some(BreakMode::Always);
    }
    let later: Vec<&Rule> = later(&rules, value).collect();
    if !is_new || later.is_empty() || capi().version < (3, 12) && later.iter().all(|rule| rule.mode == Mode::Uncaught) {
        return None;
    }
    let user_only = later.iter().all(|rule| rule.mode == Mode::UserUnhandled);
    // SAFETY: the record of running code.
    let code = unsafe { (*info).code };
    let fate = walk::fate(py, value, code, offset, !user_only);
    let applies = |rule: &&&Rule| match rule.mode {
        Mode::UserUnhandled => fate.leaves_user_code,
        _ => fate.uncaught,
    };
    let Some(rule) = later.iter().filter(applies).find(|rule| holds(rule)) else {
        // Conditions are asked once, where the program is what they speak of.
        if later.iter().all(|rule| applies(&rule)) {
            RULES.with(py, |state| state.settle(value.as_ptr()));
        }
        return None;
    };
    Some(match rule.mode {
        Mode::UserUnhandled => BreakMode::UserUnhandled,
        _ => BreakMode::Unhandled,
    })
}

/// The rules that are about an exception where it leaves something.
fn later<'a>(rules: &'a [Rule], value: &Bound<'_, PyAny>) -> impl Iterator<Item = &'a Rule> {
    let silent = is_control_flow(value) || ends_on_purpose(value);
    let later = rules.iter().filter(|rule| matches!(rule.mode, Mode::UserUnhandled | Mode::Uncaught));
    later.filter(move |rule| !silent || rule.names_types())
}

/// What these rules, which are about the type of an exception, want to be told of.
fn wants(rules: &[Rule], value: &Bound<'_, PyAny>) -> u8 {
    if rules.iter().any(|rule| rule.mode == Mode::Never) {
        return 0;
    }
    let silent = is_control_flow(value);
    let raised = rules.iter().any(|rule| rule.mode == Mode::Raised && (!silent || rule.names_types()));
    let later = later(rules, value).map(|rule| match rule.mode {
        Mode::UserUnhandled => quick::LATER | quick::USER_UNHANDLED,
        _ => quick::LATER,
    });
    later.fold(if raised { quick::RAISED } else { 0 }, |all, it| all | it)
}

/// The rules that are about an exception of this type.
fn rules_about(py: Python<'_>, value: &Bound<'_, PyAny>) -> Arc<[Rule]> {
    let class = value.get_type();
    let known = RULES.with(py, |state| {
        state
            .about
            .iter()
            .find(|(known, _)| known.as_ptr() == class.as_ptr().cast())
            .map(|(_, rules)| Arc::clone(rules))
    });
    if let Some(known) = known {
        quick::learn(class.as_type_ptr(), wants(&known, value));
        return known;
    }
    let names = inspect::exception_types(value);
    let is_about = |rule: &&Rule| rule.is_about(&names);
    let found: Arc<[Rule]> = RULES.with(py, |state| state.rules.iter().filter(is_about).cloned().collect());
    let entry = (Ref::from(class.clone().into_any()), Arc::clone(&found));
    let old = RULES.with(py, |state| {
        let old = if state.about.len() >= MOST_TYPES {
            quick::forget();
            std::mem::take(&mut state.about)
        } else {
            Vec::new()
        };
        state.about.push(entry);
        old
    });
    // Before the others are let go of, which may run code: the rules could be other ones afterwards.
    quick::learn(class.as_type_ptr(), wants(&found, value));
    drop(old);
    found
}

/// Whether a rule's condition, if it has one, is true in a frame.
fn holds(py: Python<'_>, rule: &Rule, value: &Bound<'_, PyAny>, frame: *mut PyFrameObject) -> bool {
    let Some(condition) = rule.condition.as_deref() else { return true };
    let holds = || -> PyResult<bool> {
        // SAFETY: a live frame, by the callers; a new reference.
        let globals = unsafe { Ref::steal((capi::py().frame_get_globals)(frame)).ok_or_else(|| PyErr::fetch(py))? };
        let names = PyDict::new(py);
        names.call_method1("update", (inspect::Namespace::of(py, frame)?.mapping(),))?;
        names.set_item("exception", value)?;
        breakpoints::evaluate(py, condition, &globals.bind(py), names.as_any())?.is_truthy()
    };
    match holds() {
        Ok(holds) => holds,
        Err(error) => {
            let first = RULES.with(py, |state| !std::mem::replace(&mut state.complained, true));
            if first {
                let output = format!(
                    "The condition '{condition}' of an exception filter failed, so it does not stop: {}\n",
                    one_line(py, &error)
                );
                let category = Some("important".to_owned());
                OUTBOX
                    .send(Event::new("output", &dap::OutputEvent { category, output, ..dap::OutputEvent::default() }));
            }
            stop::forget_error(py, error);
            false
        }
    }
}

/// What ends loops and generators is no failure.
fn is_control_flow(value: &Bound<'_, PyAny>) -> bool {
    value.is_instance_of::<PyStopIteration>()
        || value.is_instance_of::<PyStopAsyncIteration>()
        || value.is_instance_of::<PyGeneratorExit>()
}

/// `sys.exit()` without a code, or with 0.
fn is_clean_exit(value: &Bound<'_, PyAny>) -> bool {
    value.is_instance_of::<PySystemExit>() && inspect::exit_code(value).is_none_or(|code| code == 0)
}

/// Whether an exception was raised in the running frame, as opposed to one that has left others.
///
/// # Safety
/// A live exception that an event tells of, under the GIL.
unsafe fn is_new(value: *mut PyObject) -> bool {
    /// In every exception, in every version: behind the two words that objects begin with, its dict, arguments and notes.
    const TRACEBACK: usize = 5 * size_of::<usize>();
    // SAFETY: by the caller. The exception holds its traceback.
    unsafe { next_traceback(value.cast::<u8>().add(TRACEBACK).cast::<*mut PyObject>().read()).is_null() }
}

/// # Safety
/// A traceback or null, under the GIL; the answer is borrowed from it.
unsafe fn next_traceback(traceback: *mut PyObject) -> *mut PyObject {
    /// Behind the two words that every object begins with, in every version.
    const NEXT: usize = 2 * size_of::<usize>();
    if traceback.is_null() {
        return std::ptr::null_mut();
    }
    // SAFETY: by the caller.
    unsafe { traceback.cast::<u8>().add(NEXT).cast::<*mut PyObject>().read() }
}

/// Whether an exception has come through the library's frames only, before the current one.
///
/// # Safety
/// A traceback, under the GIL.
unsafe fn comes_from_library(traceback: *mut PyObject) -> bool {
    /// Behind the next traceback.
    const FRAME: usize = 3 * size_of::<usize>();
    /// What comes through more frames is looked at no further.
    const MOST: usize = 200;
    // SAFETY: by the caller; each traceback leads to the next and holds its frame.
    unsafe {
        let mut next = next_traceback(traceback);
        for _ in 0..MOST {
            if next.is_null() {
                return true;
            }
            let frame = next.cast::<u8>().add(FRAME).cast::<*mut PyFrameObject>().read();
            let info = codes::lookup(capi::frame_code(frame).cast());
            if !info.is_null() && (*info).user {
                return false;
            }
            next = next_traceback(next);
        }
        false
    }
}

/// The interpreter is about to report an exception that it ignores: one of `__del__`, say. While it ends the library has many.
pub(crate) fn ignored(py: Python<'_>, value: &Bound<'_, PyAny>) {
    let is_users = |(frame, _): &(Bound<'_, PyAny>, u32)| {
        let info = codes::lookup(capi::frame_code(frame.as_ptr().cast()).cast());
        // SAFETY: the record of code that a live frame ran, under the GIL.
        !info.is_null() && unsafe { (*info).user }
    };
    if watches_reports() && !lifetime::ends() && inspect::traceback(value).iter().any(is_users) {
        uncaught(py, value);
    }
}

/// `pthread_self` of the thread whose last exception the interpreter reports; 0 = none.
static REPORTING: AtomicUsize = AtomicUsize::new(0);

/// From now on this thread writes a traceback: what the library raises on the way (when there is no memory for it, say) is for the
/// interpreter, which is below and takes it.
pub(crate) fn report_begins() {
    REPORTING.store(threads::this(), Ordering::Relaxed);
}

/// The interpreter is about to report an exception as the end of the program.
pub(crate) fn ends_program(py: Python<'_>, value: &Bound<'_, PyAny>) {
    if stop::is_stopper() {
        return;
    }
    if watches_reports() {
        uncaught(py, value);
    } else if original::has_client() && threads::is_main() {
        show(py, value);
    }
    if threads::is_main() && capi::current_frame().is_null() {
        original::ending::by_exception(value.is_instance_of::<PyKeyboardInterrupt>());
    }
}

/// The interpreter is about to report an exception as the end of a thread, or as one that nobody can take.
pub(crate) fn uncaught(py: Python<'_>, value: &Bound<'_, PyAny>) {
    if !watches_reports() || stop::is_stopper() {
        return;
    }
    let _reserve = reserve::Opened::for_exception(value.as_ptr());
    let was_settled = RULES.with(py, |state| state.was_settled(value.as_ptr()));
    let rules = rules_about(py, value);
    // A condition is asked in the frame that has raised it.
    let holds = |rule: &Rule| {
        rule.condition.is_none()
            || inspect::traceback(value).pop().is_some_and(|(frame, _)| holds(py, rule, value, frame.as_ptr().cast()))
    };
    if was_settled || rules.iter().any(|rule| rule.mode == Mode::Never) || !later(&rules, value).any(holds) {
        return;
    }
    show(py, value);
}

/// Shows an exception that has left its frames. All of it is read natively: none of the program's code runs.
pub(crate) fn show(py: Python<'_>, value: &Bound<'_, PyAny>) {
    let error = inspect::syntax_error(value);
    let is_python_2 = error.as_ref().is_some_and(python2::looks_like_it);
    let hint = |text: String| if is_python_2 { format!("{text} ({})", python2::HINT) } else { text };
    let not_compiled = error.and_then(|it| Some(dap::Place { path: it.path?, line: it.line, function: None }));
    let description = not_compiled.as_ref().map(|_| hint("The file could not be compiled".to_owned()));
    let exception = || Exception {
        value: value.clone().into(),
        frames: Some(frames(value)),
        text: hint(inspect::exception_line(value)),
        not_compiled: not_compiled.clone(),
        mode: BreakMode::Unhandled,
    };
    loop {
        let what =
            What { exception: Some(exception()), description: description.clone(), ..What::new(Reason::Exception) };
        if stop::stop(py, what) == Came::Done {
            return;
        }
    }
}

/// Whether somebody wants the program to end: it says so itself, or the user pressed Ctrl-C. That is no failure, and the
/// shell is waiting.
fn ends_on_purpose(value: &Bound<'_, PyAny>) -> bool {
    value.is_instance_of::<PySystemExit>() || value.is_instance_of::<PyKeyboardInterrupt>()
}

/// The frames that an exception left, innermost first, and below them those that are still running.
pub(crate) fn frames(value: &Bound<'_, PyAny>) -> Vec<(Ref, u32)> {
    frames_of(inspect::traceback(value))
}

/// The same of the frames of a traceback, outermost first.
pub(crate) fn frames_of(mut frames: Vec<(Bound<'_, PyAny>, u32)>) -> Vec<(Ref, u32)> {
    let outermost = frames.first().map(|it| it.0.clone());
    frames.reverse();
    let mut frames: Vec<(Ref, u32)> = frames.into_iter().map(|(frame, line)| (Ref::from(frame), line)).collect();
    let mut below = outermost;
    while let Some(frame) = below {
        // SAFETY: a live frame; a new reference or null.
        let back = unsafe { Ref::steal((capi::py().frame_get_back)(frame.as_ptr().cast()).cast()) };
        below = back.map(|back| {
            let bound = back.bind(frame.py());
            // SAFETY: a live frame.
            let line = unsafe { ffi::PyFrame_GetLineNumber(back.as_ptr().cast::<PyFrameObject>()) };
            frames.push((back, u32::try_from(line).unwrap_or(1)));
            bound
        });
    }
    // What the package's own code raises is shown where that was called.
    frames.retain(|(frame, _)| !codes::is_own(frame.as_ptr().cast()));
    frames
}

/// Whether a code object is the function of `asyncio` that is told of the exception of a task that nobody has asked.
pub(crate) fn is_task_hook(name: &str, file: &str) -> bool {
    name == "call_exception_handler" && file.ends_with("/asyncio/base_events.py")
}

/// A loop is about to report something.
pub(crate) fn task_hook_begins(py: Python<'_>) {
    let reported = || -> PyResult<Option<Bound<'_, PyAny>>> {
        let context = inspect::Namespace::of(py, capi::current_frame())?.mapping().get_item("context")?;
        context.cast::<PyDict>()?.get_item("exception")
    };
    match reported() {
        Ok(Some(value)) if !value.is_none() => uncaught(py, &value),
        Ok(_) => {}
        Err(error) => stop::forget_error(py, error),
    }
}

/// Whether a code object is the function of `threading` that is called for the uncaught exception of a thread (3.12+: its
/// start is an event; 3.11: see [`super::hooks`]).
pub(crate) fn is_thread_hook(name: &str, file: &str) -> bool {
    name == "invoke_excepthook" && file.ends_with("/threading.py")
}

/// Whether the running frame is that function's.
pub(crate) fn in_thread_hook() -> bool {
    let frame = capi::current_frame();
    let info = if frame.is_null() { std::ptr::null_mut() } else { codes::lookup(capi::frame_code(frame).cast()) };
    // SAFETY: the record of running code, under the GIL.
    !info.is_null() && unsafe { (*info).thread_hook }
}

/// A thread is about to report its uncaught exception.
pub(crate) fn thread_hook_begins(py: Python<'_>) {
    // SAFETY: the GIL is held; a new reference or null.
    if let Some(value) = unsafe { Ref::steal(ffi::PyErr_GetHandledException()) } {
        let value = value.bind(py);
        if !value.is_none() {
            uncaught(py, &value);
        }
    }
}
