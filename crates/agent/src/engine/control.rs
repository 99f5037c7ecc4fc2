//! What an event leads to, the same for `sys.monitoring` and the trace function.

use std::ffi::c_int;
use std::sync::atomic::Ordering;

use ikpdb_proto::{Event, dap};
use pyo3::ffi::PyObject;
use pyo3::prelude::*;

use super::breakpoints::Armed;
use super::codes::{self, CodeInfo};
use super::run_to;
use super::step::{self, Kind, Verdict};
use super::stop::{self, Came, Reason, What};
use crate::door::OUTBOX;

/// The current thread is about to execute a line.
pub(crate) fn line(py: Python<'_>, info: *mut CodeInfo, line: u32) {
    if stop::is_stopper() {
        return;
    }
    loop {
        let hits = hits(py, info, line);
        let came = if hits.is_empty() && run_to::reached(py, info, line) {
            stop::stop(py, What::new(Reason::Goto))
        } else {
            let verdict = if step::active() { step::on_line(py, info) } else { Verdict::Ignore };
            obey(py, verdict, hits)
        };
        if came == Came::Done {
            return;
        }
    }
}

/// Stops if a step or a breakpoint says so.
pub(crate) fn obey(py: Python<'_>, verdict: Verdict, hits: Vec<i32>) -> Came {
    let (kind, frame) = match verdict {
        Verdict::Ignore => (None, None),
        Verdict::Stop(kind) => (Some(kind), None),
        Verdict::StopInCaller(frame) => (Some(Kind::Out), Some(frame)),
    };
    let reason = match kind {
        _ if !hits.is_empty() => Reason::Breakpoint,
        Some(Kind::Entry) => Reason::Entry,
        Some(_) => Reason::Step,
        None => return Came::Done,
    };
    stop::stop(py, What { reason, frame, hits, ..What::new(reason) })
}

/// The breakpoints that stop at this line now.
fn hits(py: Python<'_>, info: *mut CodeInfo, line: u32) -> Vec<i32> {
    let mut hits = Vec::new();
    let mut index = 0;
    loop {
        // A condition runs code, and that may change the breakpoints: nothing is borrowed meanwhile.
        // SAFETY: the record of running code, under the GIL.
        let Some(armed) = unsafe { &*info }.armed.get(index).cloned() else { return hits };
        index += 1;
        if armed.line == line && holds(py, info, &armed) {
            hits.push(armed.breakpoint.id);
        }
    }
}

fn holds(py: Python<'_>, info: *const CodeInfo, armed: &Armed) -> bool {
    let Some(condition) = &armed.condition else { return true };
    // SAFETY: the record of running code.
    let code = unsafe { (*info).code };
    match condition.holds(py, code.cast()) {
        Ok(answer) => answer,
        Err(error) => {
            if !armed.breakpoint.complained.swap(true, Ordering::Relaxed) {
                complain(py, info, armed, &error);
            }
            // The error is ours to handle: the program must not see it.
            stop::forget_error(py, error);
            false
        }
    }
}

fn complain(py: Python<'_>, info: *const CodeInfo, armed: &Armed, error: &PyErr) {
    let (path, _) = codes::file_of(py, info);
    let condition = armed.breakpoint.condition.as_deref().unwrap_or_default();
    let text = format!(
        "The condition '{condition}' at line {} failed, so the breakpoint does not stop: {}\n",
        armed.line,
        one_line(py, error)
    );
    OUTBOX.send(Event::new(
        "output",
        &dap::OutputEvent {
            category: Some("important".to_owned()),
            output: text,
            source: Some(dap::Source { path: Some(path), ..dap::Source::default() }),
            line: Some(armed.line),
            ..dap::OutputEvent::default()
        },
    ));
    armed.breakpoint.tell_failure(format!("the condition failed: {}", one_line(py, error)));
}

/// An error as `Type: message`. Only errors of an evaluation come here: its message is what the user asked for.
pub(crate) fn one_line(py: Python<'_>, error: &PyErr) -> String {
    // pyo3's `to_string` would ask Python again, and print what an interrupt raises there.
    let kind = error.get_type(py).name().map_or_else(|_| "Exception".into(), |it| it.to_string_lossy().into_owned());
    let message = error.value(py).str().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
    if message.is_empty() { kind } else { format!("{kind}: {message}") }
}

/// Whether a code object is a coroutine's or an asynchronous generator's.
pub(crate) fn is_coroutine(py: Python<'_>, code: *mut PyObject) -> bool {
    const CO_COROUTINE: c_int = 0x80;
    const CO_ASYNC_GENERATOR: c_int = 0x200;
    // SAFETY: a live code object, by the callers.
    let code = unsafe { Bound::from_borrowed_ptr(py, code) };
    let flags = code.getattr("co_flags").and_then(|flags| flags.extract::<c_int>()).unwrap_or(0);
    flags & (CO_COROUTINE | CO_ASYNC_GENERATOR) != 0
}
