//! Breakpoints: what the hub wants (`TABLE`, any thread), and what is armed in code objects (under the GIL).
//!
//! Where a line is, is known from the lines of the files (any thread). Columns, functions and expressions need the GIL.

mod breakpoint;
mod condition;
mod expression;
mod functions;
mod glance;
mod hit_condition;
mod hits;
mod locations;
mod log_message;
mod native_condition;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ikpdb_proto::{Event, StopPolicy, dap};
use pyo3::prelude::*;

use super::codes::{self, CodeInfo};
use super::events;
use super::files::{self, FileId};
use super::{preloaded, stop};
use crate::door::OUTBOX;
pub(crate) use breakpoint::Breakpoint;
use breakpoint::{Found, Placement, Target, Wish};
use condition::Condition;
pub(crate) use expression::evaluate;
pub(crate) use functions::{arm as arm_functions, replace as replace_functions};
pub(crate) use glance::Glance;
pub(crate) use hits::reached;
pub(crate) use locations::{completes, has_loop, is_call, list as locations};
use log_message::LogMessage;

/// A breakpoint in a code object.
#[derive(Clone, Debug)]
pub(crate) struct Armed {
    /// Where it is.
    pub(crate) spot: Spot,
    breakpoint: Arc<Breakpoint>,
    /// Its condition for this code object.
    condition: Option<Arc<Condition>>,
    /// What it prints instead of stopping.
    message: Option<Arc<LogMessage>>,
}

impl Armed {
    /// Whose it is.
    pub(crate) fn breakpoint(&self) -> &Breakpoint {
        &self.breakpoint
    }
}

/// Whom breakpoints of a code object stop that are hit together: everybody, if one of them says so. `None` without any.
pub(crate) fn policy(info: *const CodeInfo, hits: &[i32]) -> Option<StopPolicy> {
    // SAFETY: the record of running code, under the GIL.
    let armed = unsafe { &(*info).armed };
    let of = |id: &i32| armed.iter().find(|it| it.breakpoint.id == *id).and_then(|it| it.breakpoint.wish.policy);
    let policies = hits.iter().map(|id| of(id).unwrap_or_else(stop::policy));
    policies.reduce(|one, other| if one == StopPolicy::All { one } else { other })
}

/// A place in a code object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spot {
    /// The begin of a line.
    Line(u32),
    /// An instruction, by its offset in bytes.
    Instruction(u32),
    /// The begin of the function.
    Entry,
}

impl Spot {
    fn line(self) -> Option<u32> {
        match self {
            Spot::Line(line) => Some(line),
            Spot::Instruction(_) | Spot::Entry => None,
        }
    }
}

/// Whose wishes breakpoints are: each door replaces its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The hub.
    Hub,
    /// The client of the original's protocol.
    Original,
}

#[derive(Debug)]
struct Source {
    owner: Owner,
    /// As its owner named it.
    given: String,
    /// Without symbolic links.
    path: PathBuf,
    breakpoints: Vec<Arc<Breakpoint>>,
}

static TABLE: Mutex<Vec<Source>> = Mutex::new(Vec::new());
static ANY: AtomicBool = AtomicBool::new(false);

fn table() -> MutexGuard<'static, Vec<Source>> {
    lock(&TABLE)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether there is any breakpoint.
fn any() -> bool {
    ANY.load(Ordering::Relaxed) || functions::any()
}

/// Replaces the hub's breakpoints of one source. What stays the same keeps its id and its hits. Needs no GIL; arming follows by
/// [`arm`].
pub(crate) fn replace(given: &str, wanted: &[dap::SourceBreakpoint]) -> Vec<Arc<Breakpoint>> {
    replace_wishes(Owner::Hub, given, wanted.iter().map(Wish::at_line))
}

/// The same for the client of the original's protocol: lines with their conditions. Where a line has no code nothing stops.
pub(crate) fn replace_exactly(given: &str, wanted: &[(u32, Option<String>)]) {
    replace_wishes(Owner::Original, given, wanted.iter().map(Wish::exactly_at_line));
}

fn replace_wishes(owner: Owner, given: &str, wishes: impl Iterator<Item = Wish>) -> Vec<Arc<Breakpoint>> {
    let mut table = table();
    let at = table.iter().position(|source| source.owner == owner && source.given == given).unwrap_or_else(|| {
        let path = files::real_path(given);
        table.push(Source { owner, given: given.to_owned(), path, breakpoints: Vec::new() });
        table.len() - 1
    });
    let breakpoints = renewed(std::mem::take(&mut table[at].breakpoints), wishes);
    table[at].breakpoints.clone_from(&breakpoints);
    let path = table[at].path.clone();
    ANY.store(table.iter().any(|source| !source.breakpoints.is_empty()), Ordering::Relaxed);
    drop(table);
    place(&breakpoints, &files::at(&path));
    breakpoints
}

/// A breakpoint for each wish: the old one where there was one.
fn renewed(old: Vec<Arc<Breakpoint>>, wishes: impl Iterator<Item = Wish>) -> Vec<Arc<Breakpoint>> {
    let mut old: Vec<Option<Arc<Breakpoint>>> = old.into_iter().map(Some).collect();
    let mut pick = |wish: &Wish| {
        let same = |it: &Option<Arc<Breakpoint>>| it.as_ref().is_some_and(|it| it.wish == *wish);
        old.iter().position(same).and_then(|index| old[index].take())
    };
    wishes.map(|wish| pick(&wish).unwrap_or_else(|| Breakpoint::new(wish))).collect()
}

/// Forgets all breakpoints. What is armed in code objects is taken away by [`events::stop`].
pub(crate) fn clear() {
    for source in table().iter_mut() {
        source.breakpoints.clear();
    }
    ANY.store(false, Ordering::Relaxed);
    functions::clear();
}

/// The hub wants none any more.
pub(crate) fn clear_hubs(py: Python<'_>) -> PyResult<()> {
    let of_hub = |it: &&Source| it.owner == Owner::Hub && !it.breakpoints.is_empty();
    let given: Vec<String> = table().iter().filter(of_hub).map(|it| it.given.clone()).collect();
    for given in given {
        replace(&given, &[]);
        arm(py, Owner::Hub, &given)?;
    }
    functions::replace(&[]);
    functions::arm(py)
}

/// An answer about breakpoints.
pub(crate) struct Told(Vec<Placement>);

/// What to answer about breakpoints. When it was sent, [`told`] has to be called.
pub(crate) fn answer(breakpoints: &[Arc<Breakpoint>]) -> (Vec<dap::Breakpoint>, Told) {
    let placements: Vec<Placement> = breakpoints.iter().map(|it| lock(&it.placement).clone()).collect();
    let described = breakpoints.iter().zip(&placements).map(|(breakpoint, it)| breakpoint.describe(it)).collect();
    (described, Told(placements))
}

/// The answer was sent. What has changed since it was made follows it: an event before the answer would speak of breakpoints
/// that the hub does not know yet.
pub(crate) fn told(breakpoints: &[Arc<Breakpoint>], told: Told) {
    for (breakpoint, placement) in breakpoints.iter().zip(told.0) {
        *lock(&breakpoint.announced) = Some(placement);
    }
    tell_changes(breakpoints);
}

fn tell_changes(breakpoints: &[Arc<Breakpoint>]) {
    for breakpoint in breakpoints {
        let mut announced = lock(&breakpoint.announced);
        let placement = lock(&breakpoint.placement).clone();
        if announced.as_ref().is_some_and(|told| *told != placement) {
            *announced = Some(placement.clone());
            let breakpoint = breakpoint.describe(&placement);
            OUTBOX.send(Event::new("breakpoint", &dap::BreakpointEvent { reason: "changed".to_owned(), breakpoint }));
        }
    }
}

/// Places and arms the breakpoints of one source in all code that is loaded from it.
pub(crate) fn arm(py: Python<'_>, owner: Owner, given: &str) -> PyResult<()> {
    let found = table()
        .iter()
        .find(|source| source.owner == owner && source.given == given)
        .map(|source| (source.path.clone(), source.breakpoints.clone()));
    let Some((path, breakpoints)) = found else { return Ok(()) };
    for breakpoint in &breakpoints {
        breakpoint.check(py);
        breakpoint.tell_refusal(given);
    }
    let files = preloaded::files_at(py, &path);
    place(&breakpoints, &files);
    arm_files(py, &files)?;
    tell_changes(&breakpoints);
    Ok(())
}

/// Code of these files was loaded: arms what is wanted there.
pub(crate) fn loaded(py: Python<'_>, files: &[FileId]) -> PyResult<()> {
    if functions::any() {
        functions::loaded(py, files);
    }
    if !any() {
        return Ok(());
    }
    let sources: Vec<PathBuf> =
        table().iter().filter(|it| !it.breakpoints.is_empty()).map(|it| it.path.clone()).collect();
    let wanted = |id: &FileId| sources.iter().any(|path| files::is_at(*id, path)) || functions::wants_file(py, *id);
    arm_files(py, &files.iter().copied().filter(wanted).collect::<Vec<_>>())
}

/// Arms everything that is wanted in files, of lines and of functions.
fn arm_files(py: Python<'_>, files: &[FileId]) -> PyResult<()> {
    let mut concerned = Vec::new();
    for id in files {
        let sources: Vec<(PathBuf, Vec<Arc<Breakpoint>>)> =
            table().iter().map(|source| (source.path.clone(), source.breakpoints.clone())).collect();
        let here = sources.into_iter().filter(|(path, _)| files::is_at(*id, path));
        let breakpoints: Vec<Arc<Breakpoint>> = here.flat_map(|(_, breakpoints)| breakpoints).collect();
        for breakpoint in &breakpoints {
            breakpoint.check(py);
        }
        place(&breakpoints, files);
        let columns = locations::placed(py, *id, &breakpoints);
        for held in codes::codes_of(py, *id) {
            arm_code(py, held.info, &breakpoints, &columns)?;
        }
        concerned.extend(breakpoints);
    }
    tell_changes(&concerned);
    Ok(())
}

/// Says where the breakpoints of one path are, to the line. Needs no GIL.
fn place(breakpoints: &[Arc<Breakpoint>], files: &[FileId]) {
    for breakpoint in breakpoints {
        let Target::Line { line, column } = breakpoint.wish.target else { continue };
        let found = match files.iter().filter_map(|id| files::line_for(*id, line)).min_by_key(|it| it.abs_diff(line)) {
            _ if files.is_empty() => Found::NotLoaded,
            None => Found::Nowhere,
            Some(at) if at != line && breakpoint.wish.exact => Found::Nowhere,
            Some(at) => Found::At { line: at, column: column.filter(|_| at == line), file: None },
        };
        breakpoint.place(found);
    }
}

fn arm_code(
    py: Python<'_>,
    info: *mut CodeInfo,
    breakpoints: &[Arc<Breakpoint>],
    columns: &locations::Columns,
) -> PyResult<()> {
    let mut armed = Vec::new();
    // SAFETY: the GIL is held, and the caller keeps the code object alive.
    let code = unsafe { (*info).code };
    let mut put = |breakpoint: &Arc<Breakpoint>, spot: Spot| -> PyResult<()> {
        let condition = match &breakpoint.wish.condition {
            Some(text) => Some(Arc::new(Condition::compile(py, text, code)?)),
            None => None,
        };
        let message = match &breakpoint.message {
            Some(template) => Some(Arc::new(LogMessage::compile(py, template, code)?)),
            None => None,
        };
        armed.push(Armed { spot, breakpoint: Arc::clone(breakpoint), condition, message });
        Ok(())
    };
    for breakpoint in breakpoints {
        let placement = lock(&breakpoint.placement).clone();
        let Some(line) = placement.line.filter(|_| placement.verified) else { continue };
        match columns.get(&breakpoint.id) {
            Some(spots) => {
                for (_, offset) in spots.iter().filter(|(place, _)| *place == info) {
                    put(breakpoint, Spot::Instruction(*offset))?;
                }
            }
            // SAFETY: as above.
            None if unsafe { &*info }.lines.binary_search(&line).is_ok() && !codes::is_shadowed(py, info, line) => {
                put(breakpoint, Spot::Line(line))?;
            }
            None => {}
        }
    }
    for breakpoint in functions::wanted_in(py, info) {
        put(&breakpoint, Spot::Entry)?;
    }
    let lines: Vec<u32> = armed.iter().filter_map(|it| it.spot.line()).collect();
    // SAFETY: as above.
    let continuations = locations::continuations(py, unsafe { &*info }, &lines).unwrap_or_default();
    // SAFETY: as above.
    unsafe { (*info).continuations = continuations };
    // SAFETY: as above.
    let changed = unsafe { !(*info).armed.is_empty() || !armed.is_empty() };
    if changed {
        // The old records go outside the borrow: dropping a condition may run code.
        drop(codes::arm(info, armed));
        events::refresh(py, info)?;
    }
    Ok(())
}
