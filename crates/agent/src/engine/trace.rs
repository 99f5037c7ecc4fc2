//! 3.11: the native trace function, on all threads, and only while a breakpoint, a step or a pause needs it.
//!
//! A program that traces itself keeps its tracer: a thread whose trace function is not ours is left alone, until it stops
//! tracing itself.

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
use crate::capi::frame::code_in_place;
use crate::capi::{self, TraceFunction, capi};
use crate::lifetime;

/// `what` of a trace function.
const CALL: c_int = 0;
const EXCEPTION: c_int = 1;
const LINE: c_int = 2;
const RETURN: c_int = 3;
const OPCODE: c_int = 7;

/// `c_tracefunc` in 3.11's thread state.
const C_TRACE_FUNCTION: usize = 72;

static ON: AtomicBool = AtomicBool::new(false);
/// Who is traced has to be looked at anew: a trace function may have gone, or be wanted no more.
static STALE: AtomicBool = AtomicBool::new(false);
/// It is we who change trace functions, under the GIL.
static CHANGING: AtomicBool = AtomicBool::new(false);

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

/// The current thread has a new tracer of the program's, or none any more: then it is ours again, from its next line on.
pub(crate) fn tracer_changed(_py: Python<'_>) {
    if ON.load(Ordering::Relaxed) {
        set_in([capi::current_thread()], true);
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

fn set_everywhere(_py: Python<'_>, on: bool) {
    set_in(threads::states(), on);
}

fn set_in(states: impl IntoIterator<Item = *mut PyThreadState>, on: bool) {
    let Some(set) = capi().optional.set_trace_of else { return };
    CHANGING.store(true, Ordering::Relaxed);
    for state in states {
        // SAFETY: under the GIL thread states stay; the functions are 3.11's own.
        unsafe {
            let present = function_of(state);
            let ours = on_event as TraceFunction;
            let failed = match on {
                true if present == 0 => set(state, Some(ours), std::ptr::null_mut()) != 0,
                false if present == ours as usize => set(state, None, std::ptr::null_mut()) != 0,
                _ => false,
            };
            if failed {
                // An audit hook of the program's forbids it.
                ffi::PyErr_Clear();
            }
        }
    }
    CHANGING.store(false, Ordering::Relaxed);
}

/// # Safety
/// A live thread state of CPython 3.11, under the GIL.
unsafe fn function_of(state: *mut PyThreadState) -> usize {
    // SAFETY: by the caller; the offset is that of every 3.11 release.
    unsafe { state.cast::<u8>().add(C_TRACE_FUNCTION).cast::<usize>().read() }
}

unsafe extern "C" fn on_event(
    _: *mut PyObject,
    frame: *mut PyFrameObject,
    what: c_int,
    argument: *mut PyObject,
) -> c_int {
    // SAFETY: trace functions are called with the GIL.
    let py = unsafe { Python::assume_attached() };
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
    let info = codes::lookup(unsafe { code_in_place(frame) });
    if info.is_null() {
        return false;
    }
    // SAFETY: the record of running code, under the GIL.
    let armed = unsafe { &(*info).armed };
    if armed.is_empty() {
        return true;
    }
    let only_lines = || armed.iter().all(|it| matches!(it.spot, Spot::Line(_)));
    match what {
        CALL => only_lines(),
        LINE => {
            // SAFETY: the frame is running.
            let line = unsafe { ffi::PyFrame_GetLineNumber(frame) };
            let line = u32::try_from(line).ok();
            only_lines() && line.is_some_and(|line| control::concern(info, line) != Concern::Matters)
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
            if pause::wanted() {
                pause::on_line(py, info);
            } else if let Ok(line) = u32::try_from(line) {
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
