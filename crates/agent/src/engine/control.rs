//! What an event leads to, the same for `sys.monitoring` and the trace function.

use ikpdb_proto::StopPolicy;
use pyo3::ffi::PyThreadState;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::breakpoints::{self, Spot};
use super::codes::{self, CodeInfo};
use super::each_line::{self, Cause};
use super::gil_cell::GilCell;
use super::step::{self, Kind, Verdict};
use super::stop::{self, Came};
use super::what::{Reason, What};
use super::{line_table, run_to};
use crate::capi::frame::RawFrame;
use crate::capi::{self, Ref};

/// What a line that begins is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Concern {
    /// It has no breakpoint.
    None,
    /// It has a breakpoint that does not stop now.
    PassesBy,
    /// It may stop.
    Matters,
}

/// What a line is to us, as can be told at a glance: the hottest path there is. Nothing here can panic or run code, and nothing that is
/// frequent calls anything. A hit that does not count is counted, if the line passes by.
#[inline(always)]
pub(crate) fn concern(info: &CodeInfo, line: u32, frame: impl FnOnce() -> Option<RawFrame>) -> Concern {
    if each_line::matters() {
        return Concern::Matters;
    }
    for glance in &info.glances {
        if glance.line == line {
            let passes_by = frame().is_some_and(|frame| glance.passes_by(info, frame));
            return if passes_by { Concern::PassesBy } else { Concern::Matters };
        }
    }
    if info.armed.iter().any(|it| it.spot == Spot::Line(line)) { Concern::Matters } else { Concern::None }
}

/// The current thread is about to execute a line.
pub(crate) fn line(py: Python<'_>, info: *mut CodeInfo, line: u32) {
    if stop::is_stopper() {
        return;
    }
    let entered = entered(py);
    let mut hits = if goes_on(info) { Vec::new() } else { breakpoints::reached(py, info, Spot::Line(line)) };
    loop {
        let came = if hits.is_empty() && entered.is_empty() && run_to::reached(py, info, line) {
            stop::stop(py, What::new(Reason::Goto))
        } else {
            let verdict = if step::active() { step::on_line(py, info) } else { Verdict::Ignore };
            let function = hits.is_empty() && !entered.is_empty();
            let all: Vec<i32> = entered.iter().chain(&hits).copied().collect();
            let policy = breakpoints::policy(info, &all);
            obey_hits(py, verdict, all, policy, if function { Reason::Function } else { Reason::Breakpoint })
        };
        if came == Came::Done {
            return;
        }
        // Another thread was stopped meanwhile: what was hit counts only if it is still wanted.
        // SAFETY: the record of running code, under the GIL.
        let armed = unsafe { &(*info).armed };
        hits.retain(|id| armed.iter().any(|it| it.breakpoint().id == *id));
    }
}

/// Whether the line goes on here, after others, as opposed to beginning.
fn goes_on(info: *const CodeInfo) -> bool {
    // SAFETY: the record of running code, under the GIL.
    let continuations = unsafe { &(*info).continuations };
    !continuations.is_empty() && {
        // SAFETY: the running frame.
        let at = unsafe { (capi::py().frame_get_lasti)(capi::current_frame()) };
        u32::try_from(at).is_ok_and(|at| continuations.contains(&at))
    }
}

/// The current thread is about to execute an instruction that has a breakpoint.
pub(crate) fn instruction(py: Python<'_>, info: *mut CodeInfo, offset: u32) {
    if stop::is_stopper() {
        return;
    }
    let hits = breakpoints::reached(py, info, Spot::Instruction(offset));
    let policy = breakpoints::policy(info, &hits);
    while obey_hits(py, Verdict::Ignore, hits.clone(), policy, Reason::Breakpoint) == Came::Waited {}
}

/// The line of a loop that jumps back to where it comes from, if that line has a breakpoint.
pub(crate) fn loops(py: Python<'_>, info: *mut CodeInfo, from: u32, to: u32) -> Option<u32> {
    if info.is_null() || to > from {
        return None;
    }
    // SAFETY: the record of running code, under the GIL.
    let info = unsafe { &mut *info };
    if let Some((_, line)) = info.loops.iter().find(|(offset, _)| *offset == from) {
        return Some(*line);
    }
    // SAFETY: its code object is running.
    let code = unsafe { Bound::from_borrowed_ptr(py, info.code) };
    let table = codes::attribute(&code, c"co_linetable").ok()?.cast_into::<PyBytes>().ok()?;
    let line = |offset| line_table::locate(table.as_bytes(), info.first_line, offset)?.line;
    let line = line(from).filter(|it| line(to) == Some(*it))?;
    let armed = info.armed.iter().any(|it| it.spot == Spot::Line(line));
    (armed && breakpoints::has_loop(py, info.file, line)).then(|| {
        info.loops.push((from, line));
        line
    })
}

/// A function that begins with a breakpoint in the current thread: its frame, and the breakpoints. It stops at its first line.
struct Entered {
    thread: *mut PyThreadState,
    frame: Ref,
    hits: Vec<i32>,
}

// SAFETY: used under the GIL only.
unsafe impl Send for Entered {}

static ENTERED: GilCell<Vec<Entered>> = GilCell::new(Vec::new());

/// A function begins, which may have breakpoints.
pub(crate) fn function_begins(py: Python<'_>, info: *mut CodeInfo) {
    // SAFETY: the record of running code, under the GIL.
    let wanted = !info.is_null() && unsafe { &*info }.armed.iter().any(|it| it.spot == Spot::Entry);
    if !wanted || stop::is_stopper() {
        return;
    }
    let hits = breakpoints::reached(py, info, Spot::Entry);
    if hits.is_empty() {
        return;
    }
    let thread = capi::current_thread();
    // SAFETY: the running frame.
    let frame = unsafe { Ref::borrow(capi::current_frame().cast()) };
    let old = ENTERED.with(py, |all| {
        let at = all.iter().position(|it| it.thread == thread);
        let old = at.map(|at| all.swap_remove(at));
        all.push(Entered { thread, frame, hits });
        old
    });
    drop(old);
    Cause::Entered.set(true);
}

/// The breakpoints of the function that the current frame has just begun.
fn entered(py: Python<'_>) -> Vec<i32> {
    if !Cause::Entered.is_there() {
        return Vec::new();
    }
    let (thread, frame) = (capi::current_thread(), capi::current_frame());
    let found = ENTERED.with(py, |all| {
        let at = all.iter().position(|it| it.thread == thread && it.frame.as_ptr() == frame.cast());
        let found = at.map(|at| all.swap_remove(at));
        Cause::Entered.set(!all.is_empty());
        found
    });
    found.map(|it| it.hits).unwrap_or_default()
}

/// Stops if a step says so.
pub(crate) fn obey(py: Python<'_>, verdict: Verdict) -> Came {
    obey_hits(py, verdict, Vec::new(), None, Reason::Breakpoint)
}

/// Stops if a step or a breakpoint says so. Breakpoints have a policy of their own.
fn obey_hits(
    py: Python<'_>,
    verdict: Verdict,
    hits: Vec<i32>,
    policy: Option<StopPolicy>,
    kind_of_hits: Reason,
) -> Came {
    let (kind, frame) = match verdict {
        Verdict::Ignore => (None, None),
        Verdict::Stop(kind) => (Some(kind), None),
        Verdict::StopInCaller(frame) => (Some(Kind::Out), Some(frame)),
    };
    let reason = match kind {
        _ if !hits.is_empty() => kind_of_hits,
        Some(Kind::Entry) => Reason::Entry,
        Some(_) => Reason::Step,
        None => return Came::Done,
    };
    let policy = if hits.is_empty() { step::policy(py) } else { policy };
    stop::stop(py, What { reason, frame, hits, policy, ..What::new(reason) })
}

/// An error as `Type: message`. Only errors of an evaluation come here: its message is what the user asked for.
pub(crate) fn one_line(py: Python<'_>, error: &PyErr) -> String {
    // pyo3's `to_string` would ask Python again, and print what an interrupt raises there.
    let kind = error.get_type(py).name().map_or_else(|_| "Exception".into(), |it| it.to_string_lossy().into_owned());
    let message = error.value(py).str().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
    if message.is_empty() { kind } else { format!("{kind}: {message}") }
}
