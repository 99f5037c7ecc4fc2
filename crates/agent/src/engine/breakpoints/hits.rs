//! What happens when a place with breakpoints is reached.

use std::sync::atomic::Ordering;

use ikpdb_proto::{Event, dap};
use pyo3::prelude::*;

use super::condition::Condition;
use super::{Armed, Spot};
use crate::capi::frame::RawFrame;
use crate::door::{LOG, OUTBOX, original};
use crate::engine::codes::{self, CodeInfo};
use crate::engine::control::one_line;
use crate::engine::stop;

/// The breakpoints that stop here now. Log messages are printed.
pub(crate) fn reached(py: Python<'_>, info: *mut CodeInfo, spot: Spot) -> Vec<i32> {
    let mut hits = Vec::new();
    let mut index = 0;
    loop {
        // SAFETY: the record of running code, under the GIL; nothing of the program runs while it is borrowed.
        let info_now = unsafe { &*info };
        let Some(armed) = info_now.armed.get(index) else { return hits };
        index += 1;
        if armed.spot != spot {
            continue;
        }
        let natively = |it: &Condition| it.native.as_ref()?.holds(RawFrame::current(info_now.code.cast())?);
        let holds = armed.condition.as_deref().map_or(Some(true), natively);
        if holds == Some(false) || (holds == Some(true) && !armed.breakpoint.counts()) {
            continue;
        }
        // From here on code may run, and that may change the breakpoints: nothing is borrowed meanwhile.
        let (armed, code) = (armed.clone(), info_now.code);
        let reached = armed.ask(py, code, holds);
        match reached {
            Ok(true) => {
                if armed.breakpoint.wish.exact {
                    let (file, line) = armed.place(py, code);
                    original::log::say!(Breakpoints, Debug, "Breakpoint at {file}:{line} is reached");
                }
                hits.push(armed.breakpoint.id);
            }
            Ok(false) => {}
            Err(error) => {
                if !armed.breakpoint.complained.swap(true, Ordering::Relaxed) {
                    armed.complain(py, info, &error);
                }
                // The error is ours to handle: the program must not see it.
                stop::forget_error(py, error);
            }
        }
    }
}

impl Armed {
    /// Whether it stops, its condition being known or not. Prints its message.
    fn ask(&self, py: Python<'_>, code: *mut pyo3::ffi::PyObject, holds: Option<bool>) -> PyResult<bool> {
        if let (None, Some(condition)) = (holds, &self.condition)
            && !(condition.holds(py, code)? && self.breakpoint.counts())
        {
            return Ok(false);
        }
        let Some(message) = &self.message else { return Ok(true) };
        let text = message.text(py, code)?;
        LOG.push(self.breakpoint.id, &text, || self.place(py, code));
        Ok(false)
    }

    /// File and line, for what it prints.
    fn place(&self, py: Python<'_>, code: *mut pyo3::ffi::PyObject) -> (String, u32) {
        let file = codes::file_of(py, codes::lookup(code)).0;
        (file, super::lock(&self.breakpoint.placement).line.unwrap_or(1))
    }

    fn complain(&self, py: Python<'_>, info: *const CodeInfo, error: &PyErr) {
        let (path, _) = codes::file_of(py, info);
        let line = super::lock(&self.breakpoint.placement).line.unwrap_or(1);
        let error = one_line(py, error);
        let (text, short) = match (&self.message, &self.breakpoint.wish.condition) {
            (Some(_), None) => (
                format!("The log message at line {line} failed, so nothing is printed: {error}\n"),
                format!("the log message failed: {error}"),
            ),
            (_, condition) => (
                format!(
                    "The condition '{}' at line {line} failed, so the breakpoint does not stop: {error}\n",
                    condition.as_deref().unwrap_or_default()
                ),
                format!("the condition failed: {error}"),
            ),
        };
        if self.breakpoint.wish.exact {
            original::failed(&format!("The breakpoint at {path}:{line} does not stop: {short}"));
        }
        OUTBOX.send(Event::new(
            "output",
            &dap::OutputEvent {
                category: Some("important".to_owned()),
                output: text,
                source: Some(dap::Source { path: Some(path), ..dap::Source::default() }),
                line: Some(line),
                ..dap::OutputEvent::default()
            },
        ));
        self.breakpoint.tell_failure(short);
    }
}
