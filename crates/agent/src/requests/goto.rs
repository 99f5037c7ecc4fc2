//! `gotoTargets` and `goto`: another line of the function that is stopped is the next one.
//!
//! The interpreter moves a frame only while it tells of one of its lines, so it is done by the stopped thread itself, in the callback
//! in which it is stopped. No line event comes for the new place: the stop is told again.

use ikpdb_proto::{Failure, dap};
use pyo3::prelude::*;
use serde_json::Value;

use super::Outcome;
use crate::capi::{self, Ref};
use crate::engine::control::one_line;
use crate::engine::go_on::GoOn;
use crate::engine::stop::Stop;
use crate::engine::{codes, files};

/// The line at or after the wanted one, in the function that is stopped.
pub(super) fn targets(
    py: Python<'_>,
    stop: &Stop,
    arguments: &dap::GotoTargetsArguments,
) -> Result<dap::GotoTargetsBody, Failure> {
    let frame = movable(stop)?;
    let info = codes::info_of(py, capi::frame_code(frame.as_ptr().cast()).cast())
        .map_err(|error| Failure::internal(one_line(py, &error)))?;
    let given = arguments.source.path.as_deref().ok_or_else(|| Failure::client("a path is needed"))?;
    let path = std::fs::canonicalize(given).unwrap_or_else(|_| given.into());
    // SAFETY: the record of code that a live frame runs, under the GIL.
    let info = unsafe { &*info };
    let line = info.lines.iter().copied().find(|line| *line >= arguments.line);
    let targets = line.filter(|_| files::is_at(info.file, &path)).map(|line| dap::GotoTarget {
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
    let moved = move_to(py, &frame, arguments.target_id);
    moved.map_err(|error| Failure::user(format!("the program cannot go on there: {}", one_line(py, &error))))?;
    Ok(Outcome::GoOn(GoOn::Jumped, Value::Null))
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
