//! `ikpdb/runTo`: go on, and stop before one line, once.

use ikpdb_proto::{Failure, dap};
use pyo3::Python;
use pyo3::ffi::PyThreadState;

use super::codes::{self, CodeInfo, Held};
use super::each_line::Cause;
use super::events::{self, Watch};
use super::files;
use super::gil_cell::GilCell;
use super::preloaded;
use crate::capi;

/// The request.
pub(crate) const COMMAND: &str = "ikpdb/runTo";

#[derive(Debug)]
struct Destination {
    line: u32,
    codes: Vec<Held>,
    /// The thread that is to come there, unless any may.
    only: Option<*mut PyThreadState>,
}

// SAFETY: used under the GIL only.
unsafe impl Send for Destination {}

static DESTINATION: GilCell<Option<Destination>> = GilCell::new(None);

/// Whether a line is run to.
pub(crate) fn active() -> bool {
    Cause::RunTo.is_there()
}

/// Watches the line.
pub(crate) fn begin(
    py: Python<'_>,
    arguments: &dap::RunToArguments,
    only: Option<*mut PyThreadState>,
) -> Result<(), Failure> {
    let given = arguments.source.path.as_deref().ok_or_else(|| Failure::client("a path is needed"))?;
    let files = preloaded::files_at(py, &files::real_path(given));
    let Some(line) = files.iter().filter_map(|id| files::line_from(*id, arguments.line)).min() else {
        let why = if files.is_empty() { "is not loaded" } else { "has no code at or after this line" };
        return Err(Failure::user(format!("{given} {why}")));
    };
    let all = files.into_iter().flat_map(|id| codes::codes_of(py, id));
    // SAFETY: each record is kept alive by its `Held`.
    let codes: Vec<Held> = all.filter(|held| unsafe { &*held.info }.lines.binary_search(&line).is_ok()).collect();
    for held in &codes {
        events::watch(py, held.info, Watch::LinesAndEnd);
    }
    let old = DESTINATION.with(py, |it| it.replace(Destination { line, codes, only }));
    drop(old);
    Cause::RunTo.set(true);
    events::update(py);
    Ok(())
}

/// Watches no line any more, if it was this thread that was to come there.
pub(crate) fn end(py: Python<'_>, only: Option<*mut PyThreadState>) {
    let ended = DESTINATION.with(py, |it| it.take_if(|it| only.is_none_or(|only| it.only.is_none_or(|it| it == only))));
    if let Some(destination) = ended {
        Cause::RunTo.set(false);
        for held in &destination.codes {
            events::watch(py, held.info, Watch::Nothing);
        }
        events::update(py);
    }
}

/// Whether this line is the one.
pub(crate) fn reached(py: Python<'_>, info: *mut CodeInfo, line: u32) -> bool {
    active()
        && DESTINATION.with(py, |it| {
            it.as_ref().is_some_and(|it| {
                it.line == line
                    && it.only.is_none_or(|only| only == capi::current_thread())
                    && it.codes.iter().any(|held| held.info == info)
            })
        })
}
