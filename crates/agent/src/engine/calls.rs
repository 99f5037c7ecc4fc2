//! The calls that a stopped line has still to make, for `stepInTargets`: each can be gone into past all others.

use ikpdb_proto::dap;
use pyo3::ffi::{self, PyFrameObject};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::breakpoints;
use super::codes::attribute;
use super::line_table;
use super::position::{Lines, utf16_column};
use super::python_text::top_level;
use crate::capi::{self, Ref};

/// A call in a line.
#[derive(Debug)]
pub(crate) struct Call {
    /// As clients name it, for this stop.
    pub(crate) id: i32,
    /// The units of the call's instructions.
    pub(crate) offsets: Vec<u32>,
    /// First column and that behind the last, in bytes.
    columns: (u32, u32),
    line: u32,
    end_line: u32,
}

/// The calls of a frame's line that are still to be made, in their order. A frame that is not about to execute its instruction is
/// in the middle of it: that call was made.
pub(crate) fn of(py: Python<'_>, frame: &Ref, about_to_execute: bool) -> PyResult<Vec<Call>> {
    let address: *mut PyFrameObject = frame.as_ptr().cast();
    // SAFETY: a live frame, whose code lives with it.
    let (code, at, line) = unsafe {
        let code = Bound::from_borrowed_ptr(py, capi::frame_code(address).cast());
        (code, (capi::py().frame_get_lasti)(address), ffi::PyFrame_GetLineNumber(address))
    };
    let (Ok(at), Ok(line)) = (u32::try_from(at), u32::try_from(line)) else { return Ok(Vec::new()) };
    let table = attribute(&code, c"co_linetable")?.cast_into::<PyBytes>()?;
    let bytes = attribute(&code, c"co_code")?.cast_into::<PyBytes>()?;
    let first_line: u32 = attribute(&code, c"co_firstlineno")?.extract()?;
    let mut calls: Vec<Call> = Vec::new();
    for entry in line_table::entries(table.as_bytes(), first_line) {
        let to_come = entry.start > at || (entry.start == at && about_to_execute);
        let Some(columns) = entry.columns.filter(|_| to_come && entry.line == Some(line)) else { continue };
        // While the call is under way the frame may stand at any of its units: the instruction or the room behind it.
        let offsets: Vec<u32> = (entry.start..entry.end).step_by(2).collect();
        let opcode = |offset: &u32| bytes.as_bytes().get(*offset as usize).copied().unwrap_or(0);
        if !offsets.iter().any(|offset| breakpoints::is_call(py, opcode(offset))) {
            continue;
        }
        // 3.11 has two instructions for a call.
        match calls.last_mut().filter(|last| last.columns == columns && last.end_line == entry.end_line) {
            Some(last) => last.offsets.extend(offsets),
            None => {
                let id = i32::try_from(entry.start).unwrap_or(i32::MAX - 1) + 1;
                calls.push(Call { id, offsets, columns, line, end_line: entry.end_line });
            }
        }
    }
    Ok(calls)
}

/// As DAP says it, by the text of the file.
pub(crate) fn describe(py: Python<'_>, file: &str, calls: &[Call]) -> Vec<dap::StepInTarget> {
    let lines = Lines::default().of_file(py, file);
    let text = |line: u32| lines.as_deref()?.get(usize::try_from(line).ok()?.checked_sub(1)?).map(String::as_str);
    let describe = |call: &Call| {
        let first = text(call.line);
        dap::StepInTarget {
            id: call.id,
            label: first.and_then(|it| label(it, call)).unwrap_or_else(|| format!("call on line {}", call.line)),
            line: Some(call.line),
            column: first.map(|it| utf16_column(it, call.columns.0)),
            end_line: Some(call.end_line),
            end_column: text(call.end_line).map(|it| utf16_column(it, call.columns.1)),
        }
    };
    calls.iter().map(describe).collect()
}

/// What is called, without its arguments: `self.items[0].run(…)`.
fn label(line: &str, call: &Call) -> Option<String> {
    let end = if call.end_line == call.line { call.columns.1 as usize } else { line.len() };
    let text = line.get(call.columns.0 as usize..end)?;
    Some(callee(text).map_or_else(|| text.to_owned(), |callee| format!("{}(…)", callee.trim())))
}

/// What stands before the bracket with which the arguments of a call begin.
fn callee(text: &str) -> Option<&str> {
    top_level(text).filter(|(_, next)| *next == '(').last().map(|(at, _)| &text[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_callee_of_a_call_is_what_stands_before_its_arguments() {
        for (text, expected) in [
            ("f(x)", Some("f")),
            ("a.b(c(d)).e(f, (g))", Some("a.b(c(d)).e")),
            ("table['(']()", Some("table['(']")),
            ("f(", Some("f")),
            ("name", None),
        ] {
            assert_eq!(callee(text), expected, "{text}");
        }
    }
}
