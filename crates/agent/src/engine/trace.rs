//! 3.11: the native trace function, on all threads, and only while a breakpoint, a step or a pause needs it.
//!
//! A program that traces itself keeps its tracer: where a thread has a trace function of the program's, ours takes its place, hands
//! each event on to it first, and leaves it the object that it belongs to, by which `sys.gettrace` knows it.

use std::collections::BTreeSet;
use std::ffi::c_int;
use std::sync::atomic::{AtomicBool, Ordering};

use ikpdb_proto::ThreadId;
use pyo3::ffi::{self, PyFrameObject, PyObject, PyThreadState};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::breakpoints::Spot;
use super::codes::{self, CodeInfo};
use super::control::{self, Concern};
use super::gil_cell::GilCell;
use super::{events, exceptions, freeze, gil, pause, run_to, signals, step, stop, threads};
use crate::capi::frame::{RawFrame, code_in_place};
use crate::capi::{self, TraceFunction, capi};
use crate::lifetime;

/// `what` of a trace function.
const CALL: c_int = 0;
const EXCEPTION: c_int = 1;
const LINE: c_int = 2;
const RETURN: c_int = 3;
const OPCODE: c_int = 7;

/// `c_tracefunc` and `c_traceobj` in 3.11's thread state.
const C_TRACE_FUNCTION: usize = 72;
const C_TRACE_OBJECT: usize = 88;

static ON: AtomicBool = AtomicBool::new(false);
/// Who is traced has to be looked at anew: a trace function may have gone, or be wanted no more.
static STALE: AtomicBool = AtomicBool::new(false);
/// It is we who change trace functions, under the GIL.
static CHANGING: AtomicBool = AtomicBool::new(false);

/// The program's trace functions in whose place ours is, by the address of the thread's state. An entry of a thread that has ended, or
/// has another function by now, stands for nothing: only where ours is, with an object, it counts.
static THEIRS: GilCell<Vec<(usize, TraceFunction)>> = GilCell::new(Vec::new());

/// Threads in which `SystemExit` is to appear. (3.11's own way to do that lets traced threads go round for ever at their next call
/// while the one that is meant waits in native code.)
static TO_END: GilCell<BTreeSet<ThreadId>> = GilCell::new(BTreeSet::new());
static ANY_TO_END: AtomicBool = AtomicBool::new(false);

/// Lets `SystemExit` appear in threads at their next line.
pub(crate) fn end_threads(py: Python<'_>, threads: impl Iterator<Item = ThreadId>) {
    TO_END.with(py, |all| {
        all.extend(threads);
        ANY_TO_END.store(!all.is_empty(), Ordering::Relaxed);
    });
    update(py);
}

/// Whether the current thread is to end now.
fn is_to_end(py: Python<'_>) -> bool {
    let is_to_end = TO_END.with(py, |all| {
        let is_to_end = all.remove(&threads::id_of(capi::current_thread()));
        ANY_TO_END.store(!all.is_empty(), Ordering::Relaxed);
        is_to_end
    });
    if is_to_end {
        look_anew();
    }
    is_to_end
}

/// Whether any thread is to end.
pub(crate) fn ends_any() -> bool {
    ANY_TO_END.load(Ordering::Relaxed)
}

/// Switches tracing on or off as it is needed now.
pub(crate) fn update(py: Python<'_>) {
    if capi().version >= (3, 12) {
        return;
    }
    let wanted = lifetime::debugging() && events::something_wanted();
    let changed = ON.swap(wanted, Ordering::Relaxed) != wanted;
    if STALE.swap(false, Ordering::Relaxed) || changed {
        set_everywhere(py, wanted);
    }
}

/// A thread was started: it is traced from its first line.
pub(crate) fn thread_started(py: Python<'_>) {
    if ON.load(Ordering::Relaxed) {
        set_everywhere(py, true);
    }
}

/// The current thread has a new tracer of the program's, or none any more: ours is there again, from its next line on.
pub(crate) fn tracer_changed(py: Python<'_>) {
    if ON.load(Ordering::Relaxed) {
        set_in(py, [capi::current_thread()], true);
    }
}

/// Who is traced is seen to a moment later, where something can be done: at the next event, if one comes sooner.
pub(crate) fn look_anew() {
    if !STALE.swap(true, Ordering::Relaxed) {
        gil::submit(Box::new(update));
    }
}

/// A trace function is about to change, by whomever: native code, say, or an error of the tracer. What it changes to is seen
/// a moment later.
pub(crate) fn tracer_changes() {
    if ON.load(Ordering::Relaxed) && !CHANGING.load(Ordering::Relaxed) {
        look_anew();
    }
}

fn set_everywhere(py: Python<'_>, on: bool) {
    set_in(py, threads::states(), on);
}

fn set_in(py: Python<'_>, states: impl IntoIterator<Item = *mut PyThreadState>, on: bool) {
    let Some(set) = capi().optional.set_trace_of else { return };
    let ours = on_event as TraceFunction;
    CHANGING.store(true, Ordering::Relaxed);
    for state in states {
        // SAFETY: under the GIL thread states stay; the offsets are those of every 3.11 release.
        let (present, object) = unsafe {
            let state = state.cast::<u8>();
            (
                state.add(C_TRACE_FUNCTION).cast::<Option<TraceFunction>>().read(),
                Bound::<PyAny>::from_borrowed_ptr_or_opt(py, state.add(C_TRACE_OBJECT).cast::<*mut PyObject>().read()),
            )
        };
        let is_ours = present.is_some_and(|it| std::ptr::fn_addr_eq(it, ours));
        let theirs = THEIRS.with(py, |all| {
            let known = all.iter().position(|it| it.0 == state as usize).map(|at| all.swap_remove(at).1);
            let theirs = if is_ours { known } else { present };
            theirs.filter(|_| object.is_some())
        });
        // One that belongs to no object would not be told from ours alone: it is left where it is.
        let change = match (on, present) {
            (true, Some(_)) if !is_ours && theirs.is_some() => Some(Some(ours)),
            (true, None) => Some(Some(ours)),
            (false, _) if is_ours => Some(theirs),
            _ => None,
        };
        if let (true, Some(theirs)) = (on, theirs) {
            THEIRS.with(py, |all| all.push((state as usize, theirs)));
        }
        if let Some(function) = change {
            let object = object.as_ref().filter(|_| theirs.is_some()).map_or(std::ptr::null_mut(), Bound::as_ptr);
            // SAFETY: as above; the interpreter keeps a reference of its own to the object.
            if unsafe { set(state, function, object) } != 0 {
                // An audit hook of the program's forbids it.
                // SAFETY: under the GIL.
                unsafe { ffi::PyErr_Clear() };
            }
        }
    }
    CHANGING.store(false, Ordering::Relaxed);
}

/// Hands an event on to the program's trace function that ours is in the place of. False if that has raised.
fn hand_on(
    py: Python<'_>,
    object: *mut PyObject,
    frame: *mut PyFrameObject,
    what: c_int,
    argument: *mut PyObject,
) -> bool {
    let state = capi::current_thread() as usize;
    let theirs = THEIRS.with(py, |all| all.iter().find(|it| it.0 == state).map(|it| it.1));
    let Some(theirs) = theirs else { return true };
    if what == OPCODE {
        // SAFETY: a live frame object of CPython 3.11, under the GIL.
        let info = codes::lookup(unsafe { code_in_place(frame) });
        // It is we who want these.
        if !info.is_null() && stops_within_lines(info) {
            return true;
        }
    }
    // SAFETY: as the interpreter would have called it.
    unsafe { theirs(object, frame, what, argument) == 0 }
}

unsafe extern "C" fn on_event(
    object: *mut PyObject,
    frame: *mut PyFrameObject,
    what: c_int,
    argument: *mut PyObject,
) -> c_int {
    // SAFETY: trace functions are called with the GIL.
    let py = unsafe { Python::assume_attached() };
    if !object.is_null() && !hand_on(py, object, frame, what, argument) {
        return -1;
    }
    if is_of_no_concern(frame, what) || lifetime::is_child(py) || stop::is_stopped() {
        return 0;
    }
    // Nothing with a destructor is above this: the interpreter may end the thread where it waits.
    if freeze::concerns_me() {
        freeze::wait();
    }
    if stop::is_stopper() {
        return 0;
    }
    lifetime::callback(py, "the trace function", || event(py, frame, what, argument));
    if ends_any() && what == LINE && is_to_end(py) {
        // SAFETY: the GIL is held; -1 tells the interpreter to raise what was set.
        unsafe { ffi::PyErr_SetNone(ffi::PyExc_SystemExit) };
        return -1;
    }
    if signals::handler_raises(py) { -1 } else { 0 }
}

/// Whether nothing is wanted of an event, as can be told at a glance. Nearly all are so: every line of every thread gives one as long
/// as code with a breakpoint is loaded. Nothing here can panic or run code.
fn is_of_no_concern(frame: *mut PyFrameObject, what: c_int) -> bool {
    if STALE.load(Ordering::Relaxed) || lifetime::forked() || events::more_than_breakpoints() {
        return false;
    }
    // SAFETY: a live frame object of CPython 3.11, under the GIL.
    let code = unsafe { code_in_place(frame) };
    // SAFETY: the record of running code, under the GIL.
    let Some(info) = (unsafe { codes::lookup(code).as_ref() }) else { return false };
    let armed = &info.armed;
    if armed.is_empty() {
        return true;
    }
    let only_lines = || armed.iter().all(|it| matches!(it.spot, Spot::Line(_)));
    match what {
        CALL => only_lines(),
        LINE => {
            // SAFETY: the frame is running.
            let line = unsafe { ffi::PyFrame_GetLineNumber(frame) };
            let concern = |line| control::concern(info, line, || RawFrame::current(code.cast()));
            only_lines() && u32::try_from(line).is_ok_and(|line| concern(line) != Concern::Matters)
        }
        OPCODE => false,
        _ => true,
    }
}

fn event(py: Python<'_>, frame: *mut PyFrameObject, what: c_int, argument: *mut PyObject) {
    if STALE.load(Ordering::Relaxed) {
        update(py);
    }
    if !matches!(what, CALL | EXCEPTION | LINE | RETURN | OPCODE) {
        return;
    }
    let code: *mut PyObject = capi::frame_code(frame).cast();
    let mut info = codes::lookup(code);
    if info.is_null() {
        let Ok(found) = codes::info_of(py, code) else { return };
        info = found;
    }
    if matches!(what, CALL | LINE) && stops_within_lines(info) {
        // SAFETY: a live frame, and an object that lives for ever. An error is a dead interpreter's.
        unsafe { ffi::PyObject_SetAttrString(frame.cast(), c"f_trace_opcodes".as_ptr(), ffi::Py_True()) };
    }
    match what {
        CALL => {
            if has_entries(info) && begins(py, frame, code) {
                control::function_begins(py, info);
            }
            if step::watches_starts() {
                let verdict = step::on_start(py, info);
                control::obey(py, verdict);
            }
        }
        LINE => {
            // SAFETY: the frame is running.
            let line = unsafe { ffi::PyFrame_GetLineNumber(frame) };
            let paused = pause::wanted() && pause::on_line(py, info);
            if let (Ok(line), false) = (u32::try_from(line), paused) {
                control::line(py, info, line);
            }
        }
        EXCEPTION if exceptions::watches_raises() => {
            // SAFETY: the running frame; the argument is a tuple of type, exception and traceback, its items borrowed.
            unsafe {
                let at = (capi::py().frame_get_lasti)(frame);
                let (value, traceback) = (ffi::PyTuple_GetItem(argument, 1), ffi::PyTuple_GetItem(argument, 2));
                if let (Ok(at), false) = (u32::try_from(at), value.is_null() || traceback.is_null()) {
                    exceptions::raised(py, info, at, value, traceback);
                }
            }
        }
        EXCEPTION => {}
        OPCODE => {
            // SAFETY: the running frame.
            if let Ok(at) = u32::try_from(unsafe { (capi::py().frame_get_lasti)(frame) }) {
                control::instruction(py, info, at);
            }
        }
        _ if !step::active() && !run_to::active() => {}
        // No value: an exception leaves the frame.
        _ if argument.is_null() => step::on_unwind(py),
        _ => {
            let verdict =
                if yields(py, frame, code) { step::on_yield(py, info, argument) } else { step::on_return(py) };
            control::obey(py, verdict);
        }
    }
}

/// Whether code has breakpoints at instructions.
fn stops_within_lines(info: *const CodeInfo) -> bool {
    // SAFETY: the record of running code, under the GIL.
    unsafe { &*info }.armed.iter().any(|it| matches!(it.spot, Spot::Instruction(_)))
}

/// Whether code has breakpoints where it begins.
fn has_entries(info: *const CodeInfo) -> bool {
    // SAFETY: as above.
    unsafe { &*info }.armed.iter().any(|it| it.spot == Spot::Entry)
}

/// Whether a call is the frame's first, as opposed to a generator that goes on: the argument of its `RESUME` says so.
fn begins(py: Python<'_>, frame: *mut PyFrameObject, code: *mut PyObject) -> bool {
    // SAFETY: a live code object and a running frame.
    let (code, at) = unsafe { (Bound::from_borrowed_ptr(py, code), (capi::py().frame_get_lasti)(frame)) };
    let bytes = codes::attribute(&code, c"co_code").and_then(|it| Ok(it.cast_into::<PyBytes>()?));
    let argument =
        usize::try_from(at).ok().zip(bytes.ok()).and_then(|(at, bytes)| bytes.as_bytes().get(at + 1).copied());
    argument.is_none_or(|it| it & 3 == 0)
}

/// Whether a frame that gives a value away will go on: its instruction is a `yield`.
fn yields(py: Python<'_>, frame: *mut PyFrameObject, code: *mut PyObject) -> bool {
    /// Generators, coroutines, asynchronous generators.
    const CO_MAY_YIELD: c_int = 0x20 | 0x80 | 0x200;
    /// 3.11's number.
    const RETURN_VALUE: u8 = 83;
    // SAFETY: a live code object and a running frame.
    let (code, at) = unsafe { (Bound::from_borrowed_ptr(py, code), (capi::py().frame_get_lasti)(frame)) };
    let flags: c_int = code.getattr("co_flags").and_then(|it| it.extract()).unwrap_or(0);
    if flags & CO_MAY_YIELD == 0 {
        return false;
    }
    let bytes: Vec<u8> = code.getattr("co_code").and_then(|it| it.extract()).unwrap_or_default();
    usize::try_from(at).ok().and_then(|at| bytes.get(at)) != Some(&RETURN_VALUE)
}
