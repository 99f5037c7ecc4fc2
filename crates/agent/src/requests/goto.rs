//! `gotoTargets` and `goto`: another line of the function that is stopped is the next one.
//!
//! Only lines are offered at which it can go on ([`jumps`]). The interpreter moves a frame only while it tells of one of its lines, so it is done by the stopped thread itself, in the callback
//! in which it is stopped. No line event comes for the new place: the stop is told again.

use std::collections::BTreeSet;

use ikpdb_proto::{Failure, dap};
use pyo3::prelude::*;
use serde_json::Value;

use super::Outcome;
use crate::capi::{self, Ref};
use crate::engine::codes::{self, CodeInfo};
use crate::engine::control::one_line;
use crate::engine::go_on::GoOn;
use crate::engine::stop::Stop;
use crate::engine::{files, jumps};

/// The line at or after the wanted one, in the function that is stopped, if it can go on there.
pub(super) fn targets(
    py: Python<'_>,
    stop: &Stop,
    arguments: &dap::GotoTargetsArguments,
) -> Result<dap::GotoTargetsBody, Failure> {
    let frame = movable(stop)?;
    let given = arguments.source.path.as_deref().ok_or_else(|| Failure::client("a path is needed"))?;
    let path = files::real_path(given);
    let info = code_of(py, &frame)?;
    let line = info.lines.iter().copied().find(|line| *line >= arguments.line);
    let line = line.filter(|_| files::is_at(info.file, &path));
    let possible = |line: &u32| possible(py, &frame).map(|lines| lines.is_none_or(|lines| lines.contains(line)));
    let line = match line {
        Some(line) => possible(&line)?.then_some(line),
        None => None,
    };
    let targets = line.map(|line| dap::GotoTarget {
        id: i32::try_from(line).unwrap_or(i32::MAX),
        label: format!("line {line}"),
        line,
        column: None,
    });
    Ok(dap::GotoTargetsBody { targets: targets.into_iter().collect() })
}

/// Goes there.
pub(super) fn goto(py: Python<'_>, stop: &Stop, arguments: &dap::GotoArguments) -> Result<Outcome, Failure> {
    if arguments.thread_id != stop.thread.id {
        return Err(Failure::user("only the thread that has stopped can be moved"));
    }
    let frame = movable(stop)?;
    let (code, lines) = (code_of(py, &frame)?, possible(py, &frame)?);
    let line = arguments.target_id;
    let wanted = u32::try_from(line).ok().filter(|line| code.lines.contains(line));
    let is_possible = |line: &u32| lines.as_ref().is_none_or(|lines| lines.contains(line));
    if wanted.filter(is_possible).is_none() {
        return Err(Failure::user(format!(
            "the program cannot go on there: line {line} is no line of this function, or in a block that it would have to enter"
        )));
    }
    let moved = move_to(py, &frame, arguments.target_id);
    moved.map_err(|error| Failure::user(format!("the program cannot go on there: {}", one_line(py, &error))))?;
    Ok(Outcome::GoOn(GoOn::Jumped, Value::Null))
}

/// What is known of the code of a frame, which keeps it alive.
fn code_of<'a>(py: Python<'_>, frame: &'a Ref) -> Result<&'a CodeInfo, Failure> {
    let info = codes::info_of(py, capi::frame_code(frame.as_ptr().cast()).cast())
        .map_err(|error| Failure::internal(one_line(py, &error)))?;
    // SAFETY: the record of code that a live frame runs, under the GIL.
    Ok(unsafe { &*info })
}

fn possible(py: Python<'_>, frame: &Ref) -> Result<Option<BTreeSet<u32>>, Failure> {
    jumps::lines(py, frame).map_err(|error| Failure::internal(one_line(py, &error)))
}

fn move_to(py: Python<'_>, frame: &Ref, line: i32) -> PyResult<()> {
    let frame = frame.bind(py);
    // 3.11 wants the frame to have a trace function, which it never calls.
    let lacks_tracer = capi::capi().version < (3, 12) && frame.getattr("f_trace")?.is_none();
    if lacks_tracer {
        frame.setattr("f_trace", line)?;
    }
    let moved = frame.setattr("f_lineno", line);
    if lacks_tracer {
        frame.setattr("f_trace", py.None())?;
    }
    moved
}

/// The frame of the stopped thread, if it stands before a line.
fn movable(stop: &Stop) -> Result<Ref, Failure> {
    if !stop.before_a_line {
        return Err(Failure::user("only a program that has stopped before a line can be moved to another one"));
    }
    stop.stacks.top(&stop.thread).ok_or_else(|| Failure::user("the thread runs no Python code"))
}
