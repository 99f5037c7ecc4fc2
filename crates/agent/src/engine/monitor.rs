//! The callbacks of `sys.monitoring` (3.12+).
//!
//! They are called with the GIL, inside the interpreter's loop. No panic and no Python error of ours leaves them: a raised
//! error would appear in the user's program. `DISABLE` ends an event at one place for all threads, so it is given only where
//! neither a breakpoint nor a step wants anything.

use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;

use super::breakpoints::Spot;
use super::codes::{self, CodeInfo};
use super::control::{self, Concern};
use super::events::{self, Tools, Watch};
use super::step::{self, Verdict};
use super::{exceptions, freeze, pause, settled, signals, stop};
use crate::capi::frame::RawFrame;
use crate::capi::{self, Ref, integer};
use crate::lifetime;

/// Registers the callbacks.
pub(crate) fn register(py: Python<'_>, tools: &Tools) -> PyResult<()> {
    let events = tools.code.events;
    let on_line = if capi::capi().version == (3, 12) { on_line::<true> } else { on_line::<false> };
    tools.code.register(py, events.line, c"ikpdb_line", on_line)?;
    tools.code.register(py, events.jump, c"ikpdb_jump", on_jump)?;
    tools.code.register(py, events.instruction, c"ikpdb_instruction", on_instruction)?;
    tools.code.register(py, events.py_start, c"ikpdb_start", on_start)?;
    tools.code.register(py, events.py_return, c"ikpdb_return", on_return)?;
    tools.code.register(py, events.py_yield, c"ikpdb_yield", on_yield)?;
    let events = tools.control.events;
    tools.control.register(py, events.line, c"ikpdb_any_line", on_any_line)?;
    tools.control.register(py, events.py_start, c"ikpdb_any_start", on_any_start)?;
    tools.control.register(py, events.py_resume, c"ikpdb_any_resume", on_any_start)?;
    tools.control.register(py, events.py_throw, c"ikpdb_any_throw", on_any_start)?;
    tools.control.register(py, events.raise, c"ikpdb_any_raise", on_any_raise)?;
    tools.control.register(py, events.py_unwind, c"ikpdb_any_unwind", on_any_unwind)
}

/// What a callback answers.
enum Answer {
    Keep,
    Disable,
}

/// Runs a callback's work: nothing escapes, and a child process is left alone.
fn answer(work: impl FnOnce(Python<'_>) -> Answer) -> *mut PyObject {
    // SAFETY: callbacks are called with the GIL.
    let py = unsafe { Python::assume_attached() };
    if lifetime::is_child(py) {
        return none();
    }
    let outcome = lifetime::callback(py, "a callback", || work(py));
    if signals::handler_raises(py) {
        return std::ptr::null_mut();
    }
    match (outcome, events::tools()) {
        (Some(Answer::Disable), Some(tools)) => tools.code.disable(),
        _ => none(),
    }
}

/// From 3.12 on nobody counts the references to `None`.
fn none() -> *mut PyObject {
    // SAFETY: the address of an object that lives as long as the interpreter.
    unsafe { ffi::Py_None() }
}

/// # Safety
/// `args` has at least `index + 1` elements.
unsafe fn argument(args: *const *mut PyObject, index: usize) -> *mut PyObject {
    // SAFETY: by the caller.
    unsafe { *args.add(index) }
}

unsafe extern "C" fn on_line<const IS_312: bool>(
    _: *mut PyObject,
    args: *const *mut PyObject,
    _: isize,
    _: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: LINE gives the code, which is running, and the line, an exact int.
    unsafe {
        let (code, line) = (argument(args, 0), argument(args, 1));
        if glance::<IS_312>(code, line) == Some(Concern::PassesBy) { none() } else { look_closely(code, line) }
    }
}

/// What a line is to us, if that is seen without a call but for the frame, which comes first: then there is nothing to keep over it.
///
/// # Safety
/// The running code and an exact int.
#[inline(always)]
unsafe fn glance<const IS_312: bool>(code: *mut PyObject, line: *mut PyObject) -> Option<Concern> {
    let frame = if IS_312 { RawFrame::current_312(code.cast()) } else { RawFrame::current(code.cast()) }?;
    // SAFETY: by the caller; the record of running code, under the GIL.
    let (line, info) = unsafe { (integer::in_place(line)?, codes::known_lately(code).as_ref()?) };
    Some(control::concern(info, line, || Some(frame)))
}

/// A line that does not just pass by. (Apart, so that nothing of it is in the way of those that do.)
///
/// # Safety
/// The running code and an exact int.
#[cold]
#[inline(never)]
unsafe fn look_closely(code: *mut PyObject, line: *mut PyObject) -> *mut PyObject {
    answer(|py| {
        // SAFETY: by the caller.
        let (info, line) = (codes::lookup(code), unsafe { number(line) });
        if info.is_null() {
            return Answer::Disable;
        }
        control::line(py, info, line);
        if wants_line(info, line) {
            return Answer::Keep;
        }
        settled::touched(info);
        Answer::Disable
    })
}

fn wants_line(info: *const CodeInfo, line: u32) -> bool {
    // SAFETY: the record of running code, under the GIL.
    let info = unsafe { &*info };
    info.watch == Watch::LinesAndEnd
        || info.armed.iter().any(|it| match it.spot {
            Spot::Line(armed) => armed == line,
            Spot::Entry => line == info.entry_line,
            Spot::Instruction(_) => false,
        })
}

/// Jumps in code with breakpoints on lines: one back to the line that it comes from begins a further round of a loop that stands
/// on one line, of which no line event tells.
unsafe extern "C" fn on_jump(
    _: *mut PyObject,
    args: *const *mut PyObject,
    _: isize,
    _: *mut PyObject,
) -> *mut PyObject {
    answer(|py| {
        // SAFETY: JUMP gives the code and two offsets, exact ints.
        let (code, from, to) = unsafe { (argument(args, 0), number(argument(args, 1)), number(argument(args, 2))) };
        let info = codes::lookup(code);
        match control::loops(py, info, from, to) {
            Some(line) => {
                control::line(py, info, line);
                Answer::Keep
            }
            None => Answer::Disable,
        }
    })
}

/// Instructions of code with breakpoints within lines.
unsafe extern "C" fn on_instruction(
    _: *mut PyObject,
    args: *const *mut PyObject,
    _: isize,
    _: *mut PyObject,
) -> *mut PyObject {
    answer(|py| {
        // SAFETY: INSTRUCTION gives the code and an offset, an exact int.
        let (code, at) = unsafe { (argument(args, 0), number(argument(args, 1))) };
        let info = codes::lookup(code);
        // SAFETY: the record of running code, under the GIL.
        if info.is_null() || !unsafe { &*info }.armed.iter().any(|it| it.spot == Spot::Instruction(at)) {
            return Answer::Disable;
        }
        control::instruction(py, info, at);
        Answer::Keep
    })
}

/// An offset or a line, which are C ints in the interpreter.
///
/// # Safety
/// `object` is an exact int.
unsafe fn number(object: *mut PyObject) -> u32 {
    // SAFETY: by the caller.
    unsafe { integer::value(object) }.map_or(u32::MAX, |number| number as u32)
}

/// The start of code that a breakpoint or a thread's exception wants to be told of. (Nothing asks for all starts: code is found
/// when it is about to run, by the audit hook. 3.12 loses the fused instructions of every code object that it gives an event,
/// for good, and its loops would be 6 % slower.)
unsafe extern "C" fn on_start(
    _: *mut PyObject,
    args: *const *mut PyObject,
    _: isize,
    _: *mut PyObject,
) -> *mut PyObject {
    answer(|py| {
        // SAFETY: PY_START gives the code and an offset.
        let info = codes::lookup(unsafe { argument(args, 0) });
        // SAFETY: the record of running code.
        if !info.is_null() && unsafe { (*info).thread_hook } {
            exceptions::thread_hook_begins(py);
        }
        // SAFETY: as above.
        if !info.is_null() && unsafe { (*info).task_hook } {
            exceptions::task_hook_begins(py);
        }
        control::function_begins(py, info);
        Answer::Keep
    })
}

unsafe extern "C" fn on_return(_: *mut PyObject, _: *const *mut PyObject, _: isize, _: *mut PyObject) -> *mut PyObject {
    answer(|py| {
        if !stop::is_stopper() {
            obey(py, step::on_return(py));
        }
        Answer::Keep
    })
}

unsafe extern "C" fn on_yield(
    _: *mut PyObject,
    args: *const *mut PyObject,
    _: isize,
    _: *mut PyObject,
) -> *mut PyObject {
    answer(|py| {
        if !stop::is_stopper() {
            // SAFETY: PY_YIELD gives the code, an offset and the value.
            let (code, value) = unsafe { (argument(args, 0), argument(args, 2)) };
            obey(py, step::on_yield(py, codes::lookup(code), value));
        }
        Answer::Keep
    })
}

unsafe extern "C" fn on_any_start(
    _: *mut PyObject,
    args: *const *mut PyObject,
    _: isize,
    _: *mut PyObject,
) -> *mut PyObject {
    answer(|py| {
        if step::watches_starts() && !stop::is_stopper() {
            // SAFETY: the event gives the code first.
            if let Ok(info) = codes::info_of(py, unsafe { argument(args, 0) }) {
                obey(py, step::on_start(py, info));
            }
        }
        Answer::Keep
    })
}

/// An exception, in each frame that it comes through.
unsafe extern "C" fn on_any_raise(
    _: *mut PyObject,
    args: *const *mut PyObject,
    _: isize,
    _: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: RAISE gives the code, an offset, which is an exact int, and the exception.
    let (code, at, value) = unsafe { (argument(args, 0), argument(args, 1), argument(args, 2)) };
    // SAFETY: as above.
    if !exceptions::watches_raises() || exceptions::is_of_no_concern(code, || unsafe { number(at) }, value) {
        return none();
    }
    answer(|py| {
        // SAFETY: as above; the traceback is the exception's own.
        unsafe {
            let traceback = Ref::steal(ffi::PyException_GetTraceback(value));
            let traceback = traceback.as_ref().map_or(std::ptr::null_mut(), Ref::as_ptr);
            if let Ok(info) = codes::info_of(py, code) {
                exceptions::raised(py, info, number(at), value, traceback);
            }
        }
        Answer::Keep
    })
}

unsafe extern "C" fn on_any_unwind(
    _: *mut PyObject,
    _: *const *mut PyObject,
    _: isize,
    _: *mut PyObject,
) -> *mut PyObject {
    answer(|py| {
        if step::active() && !stop::is_stopper() {
            step::on_unwind(py);
        }
        Answer::Keep
    })
}

fn obey(py: Python<'_>, verdict: Verdict) {
    control::obey(py, verdict);
}

/// Any line of any thread, while threads are to be frozen or one is to be paused. A frozen thread waits here without the
/// GIL, and may be ended by the interpreter when it takes the GIL back: above [`freeze::wait`] there is nothing to unwind.
unsafe extern "C" fn on_any_line(
    _: *mut PyObject,
    args: *const *mut PyObject,
    _: isize,
    _: *mut PyObject,
) -> *mut PyObject {
    if freeze::concerns_me() {
        freeze::wait();
    }
    if pause::wanted() {
        return answer(|py| {
            // SAFETY: LINE gives the code first.
            if let Ok(info) = codes::info_of(py, unsafe { argument(args, 0) }) {
                pause::on_line(py, info);
            }
            Answer::Keep
        });
    }
    none()
}
