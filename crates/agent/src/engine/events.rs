//! Which events the interpreter is asked for: those of breakpoints and steps on single code objects, those of a freeze, a
//! pause or a step-in everywhere. One place decides, for `sys.monitoring` (3.12+) and for the trace function (3.11).

use std::ffi::c_int;
use std::sync::OnceLock;

use pyo3::prelude::*;

use super::breakpoints::Spot;
use super::codes::{self, CodeInfo};
use super::{exceptions, freeze, hooks, monitor, pause, run_to, settled, step, stop, trace};
use crate::capi;
use crate::capi::monitoring::Tool;

/// The two tools of `sys.monitoring`.
#[derive(Debug)]
pub(crate) struct Tools {
    /// Breakpoints and steps: local events, DISABLE where nothing is wanted.
    pub(crate) code: Tool,
    /// Freeze, pause, step-in: global events, never DISABLE. Its id is higher, so it is called first.
    pub(crate) control: Tool,
}

static TOOLS: OnceLock<Tools> = OnceLock::new();

/// What a step wants of one code object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Watch {
    /// Nothing.
    Nothing,
    /// When it is left.
    End,
    /// Its lines, and when it is left.
    LinesAndEnd,
}

/// The tools; `None` on 3.11.
pub(crate) fn tools() -> Option<&'static Tools> {
    TOOLS.get()
}

/// Claims the tools on 3.12+.
pub(crate) fn start(py: Python<'_>) -> PyResult<()> {
    if capi::capi().version >= (3, 12) {
        let (code, control) = claim(py)?;
        let tools = TOOLS.get_or_init(|| Tools { code, control });
        monitor::register(py, tools)?;
    }
    Ok(())
}

/// Two ids, that of the control tool being the higher one: the interpreter calls the highest first.
fn claim(py: Python<'_>) -> PyResult<(Tool, Tool)> {
    // 3 and 4 are nobody's; 0 is the debuggers', which 3.14's pdb insists on; hardly anybody is an optimizer (5). Coverage and
    // profilers (1, 2) are left alone.
    const IDS: [c_int; 4] = [3, 4, 0, 5];
    let first = Tool::claim(py, "ikpdb", &IDS)?;
    match Tool::claim(py, "ikpdb", &IDS) {
        Ok(second) if second.id() > first.id() => Ok((first, second)),
        Ok(second) => Ok((second, first)),
        Err(error) => {
            first.release(py)?;
            Err(error)
        }
    }
}

/// Sets what a step wants of a code object.
pub(crate) fn watch(py: Python<'_>, info: *mut CodeInfo, watch: Watch) {
    // SAFETY: a living record under the GIL, by the callers.
    unsafe { (*info).watch = watch };
    // An error here is a dead interpreter's; the step then runs on.
    let _ = refresh(py, info);
}

/// Asks for what breakpoints and steps want of a code object. Lines that were disabled give events again.
pub(crate) fn refresh(py: Python<'_>, info: *mut CodeInfo) -> PyResult<()> {
    let Some(tools) = tools() else {
        trace::update(py);
        return Ok(());
    };
    let events = tools.code.events;
    let (code, before, watch, on_def_line, thread_hook, spots) = {
        // SAFETY: a living record under the GIL, by the callers.
        let info = unsafe { &*info };
        let spots = info.armed.iter().fold(0, |wanted, it| {
            wanted
                | match it.spot {
                    // One event a line, for a loop on one line too: its jumps tell of the further rounds.
                    Spot::Line(_) => events.line | events.jump,
                    Spot::Instruction(_) => events.instruction,
                    Spot::Entry => events.py_start | events.line,
                }
        });
        let on_def_line = info.armed.iter().any(|it| it.spot == Spot::Line(info.first_line));
        (info.code, info.events, info.watch, on_def_line, info.thread_hook || info.task_hook, spots)
    };
    let mut wanted: c_int = match watch {
        Watch::Nothing => 0,
        Watch::LinesAndEnd => events.line | events.py_return | events.py_yield,
        Watch::End => events.py_return | events.py_yield,
    };
    wanted |= spots;
    // From 3.13 on a body on the `def` line gives no line event unless its start is watched, too.
    if wanted & events.line != 0 && (on_def_line || watch == Watch::LinesAndEnd) && capi::capi().version >= (3, 13) {
        wanted |= events.py_start;
    }
    if thread_hook {
        wanted |= events.py_start;
    }
    // SAFETY: as above.
    unsafe {
        (*info).events = wanted;
        (*info).loops.clear();
    }
    if before != 0 {
        tools.code.set_local(py, code, 0)?;
    }
    if wanted != 0 {
        tools.code.set_local(py, code, wanted)?;
    } else if before != 0 {
        settled::touched(info);
    }
    Ok(())
}

/// Asks for the global events that are wanted now. While everybody stands still what is not wanted any more is left: each change costs the
/// interpreter a walk through all stacks, and the next step may want it again. Whoever lets a stopped program go on calls this.
pub(crate) fn update(py: Python<'_>) {
    let Some(tools) = tools() else {
        trace::update(py);
        return;
    };
    let events = tools.control.events;
    let mut wanted = 0;
    if freeze::wanted() || pause::wanted() {
        wanted |= events.line;
    }
    if step::active() {
        wanted |= events.py_unwind;
    }
    if exceptions::watches_raises() {
        wanted |= events.raise;
    }
    if step::watches_starts() {
        wanted |= events.py_start | events.py_resume | events.py_throw;
    }
    if stop::is_on() && freeze::wanted() {
        wanted |= tools.control.global();
    }
    // An error here is a dead interpreter's.
    let _ = tools.control.set_global_if_changed(py, wanted);
}

/// Takes every event away: nothing of ours is called any more.
pub(crate) fn stop(py: Python<'_>) {
    for held in codes::armed_codes(py) {
        // SAFETY: a living record under the GIL.
        unsafe {
            (*held.info).watch = Watch::Nothing;
            (*held.info).thread_hook = false;
            (*held.info).task_hook = false;
        }
        drop(codes::arm(held.info, Vec::new()));
        let _ = refresh(py, held.info);
    }
    match tools() {
        Some(tools) => {
            let _ = tools.code.release(py);
            let _ = tools.control.release(py);
        }
        None => trace::update(py),
    }
    hooks::remove(py);
}

/// Code with breakpoints is gone. Its events went with it; a trace function may be in vain now.
pub(crate) fn armed_code_died() {
    if tools().is_none() && !something_wanted() {
        trace::look_anew();
    }
}

/// The program has set or taken away a trace function of its own in this thread.
pub(crate) fn tracer_changed(py: Python<'_>) {
    match tools() {
        None => trace::tracer_changed(py),
        // 3.13 gives a new tracer no instruction events in code that has events already: pdb would stop a line late.
        Some(tools) if something_wanted() => drop(tools.code.restart_events(py)),
        Some(_) => {}
    }
}

/// Whether anything needs events: on 3.11, the trace function.
pub(crate) fn something_wanted() -> bool {
    codes::any_armed() || more_than_breakpoints()
}

/// Whether anything but breakpoints needs them.
pub(crate) fn more_than_breakpoints() -> bool {
    exceptions::watches_raises()
        || freeze::wanted()
        || step::active()
        || run_to::active()
        || pause::wanted()
        || trace::ends_any()
}
