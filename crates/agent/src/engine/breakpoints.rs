//! Source breakpoints: what the hub wants (`TABLE`, any thread), and what is armed in code objects (under the GIL).
//!
//! Where a breakpoint is, is known from the lines of the files (any thread). Only its condition needs the GIL to be looked at.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use ikpdb_proto::Event;
use ikpdb_proto::dap;
use pyo3::prelude::*;

use super::codes::{self, CodeInfo};
use super::condition::Condition;
use super::events;
use super::files::{self, FileId};
use crate::door::OUTBOX;
use crate::lifetime;

/// One breakpoint of the hub's.
#[derive(Debug)]
pub(crate) struct Breakpoint {
    /// Its id, for the hub.
    pub(crate) id: i32,
    /// The line that was asked for.
    requested: u32,
    /// Stops only when this is true.
    pub(crate) condition: Option<String>,
    /// What is wrong with the condition, if anything, once it was looked at.
    refused: OnceLock<Option<String>>,
    placement: Mutex<Placement>,
    /// What the hub was told last.
    announced: Mutex<Option<Placement>>,
    /// Whether its condition was reported as failing: that is said once.
    pub(crate) complained: AtomicBool,
}

/// Where a breakpoint is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Placement {
    verified: bool,
    line: u32,
    message: Option<String>,
    /// DAP's `reason`: `pending` or `failed`.
    reason: Option<&'static str>,
}

/// A breakpoint in a code object.
#[derive(Clone, Debug)]
pub(crate) struct Armed {
    /// The line it is on.
    pub(crate) line: u32,
    /// The breakpoint.
    pub(crate) breakpoint: Arc<Breakpoint>,
    /// Its condition for this code object.
    pub(crate) condition: Option<Arc<Condition>>,
}

#[derive(Debug)]
struct Source {
    /// As the hub named it.
    given: String,
    /// Without symbolic links.
    path: PathBuf,
    breakpoints: Vec<Arc<Breakpoint>>,
}

static TABLE: Mutex<Vec<Source>> = Mutex::new(Vec::new());
static NEXT_ID: AtomicI32 = AtomicI32::new(1);
static ANY: AtomicBool = AtomicBool::new(false);

fn table() -> MutexGuard<'static, Vec<Source>> {
    TABLE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether there is any breakpoint.
pub(crate) fn any() -> bool {
    ANY.load(Ordering::Relaxed)
}

/// Replaces the breakpoints of one source. What stays the same keeps its id. Needs no GIL; arming follows by [`arm`].
pub(crate) fn replace(given: &str, wanted: &[dap::SourceBreakpoint]) -> Vec<Arc<Breakpoint>> {
    let mut table = table();
    let at = table.iter().position(|source| source.given == given).unwrap_or_else(|| {
        let path = std::fs::canonicalize(given).unwrap_or_else(|_| PathBuf::from(given));
        table.push(Source { given: given.to_owned(), path, breakpoints: Vec::new() });
        table.len() - 1
    });
    let old = std::mem::take(&mut table[at].breakpoints);
    let mut reusable: Vec<Option<Arc<Breakpoint>>> = old.into_iter().map(Some).collect();
    let breakpoints: Vec<Arc<Breakpoint>> = wanted
        .iter()
        .map(|wish| {
            let condition = wish.condition.clone().filter(|text| !text.trim().is_empty());
            let same = |old: &Option<Arc<Breakpoint>>| {
                old.as_ref().is_some_and(|old| old.requested == wish.line && old.condition == condition)
            };
            reusable.iter().position(same).and_then(|index| reusable[index].take()).unwrap_or_else(|| {
                Arc::new(Breakpoint {
                    id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
                    requested: wish.line,
                    condition,
                    refused: OnceLock::new(),
                    placement: Mutex::new(Placement::pending(wish.line)),
                    announced: Mutex::new(None),
                    complained: AtomicBool::new(false),
                })
            })
        })
        .collect();
    table[at].breakpoints.clone_from(&breakpoints);
    let path = table[at].path.clone();
    ANY.store(table.iter().any(|source| !source.breakpoints.is_empty()), Ordering::Relaxed);
    drop(table);
    place(&breakpoints, &files::at(&path));
    breakpoints
}

/// Forgets all breakpoints. What is armed in code objects is taken away by [`events::stop`].
pub(crate) fn clear() {
    for source in table().iter_mut() {
        source.breakpoints.clear();
    }
    ANY.store(false, Ordering::Relaxed);
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

/// Places and arms the breakpoints of one source in all code that is loaded from it.
pub(crate) fn arm(py: Python<'_>, given: &str) -> PyResult<()> {
    let found = table()
        .iter()
        .find(|source| source.given == given)
        .map(|source| (source.path.clone(), source.breakpoints.clone()));
    let Some((path, breakpoints)) = found else { return Ok(()) };
    for breakpoint in &breakpoints {
        if let (Some(text), None) = (&breakpoint.condition, breakpoint.refused.get()) {
            let _ = breakpoint.refused.set(Condition::check(py, text).err());
        }
    }
    let files = files::at(&path);
    place(&breakpoints, &files);
    for file in files {
        for held in codes::codes_of(py, file) {
            arm_code(py, held.info, &breakpoints)?;
        }
    }
    tell_changes(&breakpoints);
    Ok(())
}

/// Code of these files was loaded: arms what is wanted there.
pub(crate) fn loaded(py: Python<'_>, files: &[FileId]) -> PyResult<()> {
    if !any() {
        return Ok(());
    }
    let wanted: Vec<(String, PathBuf)> = table()
        .iter()
        .filter(|source| !source.breakpoints.is_empty())
        .map(|source| (source.given.clone(), source.path.clone()))
        .collect();
    for (given, path) in wanted {
        if files.iter().any(|id| files::is_at(*id, &path)) {
            arm(py, &given)?;
        }
    }
    Ok(())
}

/// Says where the breakpoints of one path are. Needs no GIL.
fn place(breakpoints: &[Arc<Breakpoint>], files: &[FileId]) {
    for breakpoint in breakpoints {
        let line = files.iter().filter_map(|id| files::line_from(*id, breakpoint.requested)).min();
        *lock(&breakpoint.placement) = breakpoint.placed(line, files.is_empty());
    }
}

impl Placement {
    fn pending(line: u32) -> Self {
        Self {
            verified: false,
            line,
            message: Some("the file has not been loaded yet".to_owned()),
            reason: Some("pending"),
        }
    }
}

impl Breakpoint {
    fn placed(&self, line: Option<u32>, not_loaded: bool) -> Placement {
        let asked = self.requested;
        let failed =
            |message| Placement { verified: false, line: asked, message: Some(message), reason: Some("failed") };
        let refused = self.refused.get().and_then(Option::as_ref);
        match (refused, line) {
            _ if !lifetime::debugging() => failed("the program is not debugged any more".to_owned()),
            (Some(error), _) => failed(format!("the condition is not valid: {error}")),
            (None, _) if not_loaded => Placement::pending(asked),
            (None, None) => failed(format!("line {asked} has no code, and none follows it")),
            (None, Some(line)) => {
                let moved = (line != asked)
                    .then(|| format!("line {asked} has no code: moved to line {line}, the next one that has"));
                let unseen = (self.condition.is_some() && self.refused.get().is_none())
                    .then(|| "the condition is looked at as soon as the program leaves native code".to_owned());
                let said: Vec<String> = moved.into_iter().chain(unseen).collect();
                let message = (!said.is_empty()).then(|| said.join("; "));
                Placement { verified: true, line, message, reason: None }
            }
        }
    }

    /// Its condition failed while the program ran: the hub is told, the breakpoint stays.
    pub(crate) fn tell_failure(&self, message: String) {
        let placement = Placement { message: Some(message), ..lock(&self.placement).clone() };
        let breakpoint = self.describe(&placement);
        OUTBOX.send(Event::new("breakpoint", &dap::BreakpointEvent { reason: "changed".to_owned(), breakpoint }));
    }

    fn describe(&self, placement: &Placement) -> dap::Breakpoint {
        dap::Breakpoint {
            id: Some(self.id),
            verified: placement.verified,
            message: placement.message.clone(),
            line: Some(placement.line),
            reason: placement.reason.map(str::to_owned),
            ..dap::Breakpoint::default()
        }
    }
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

fn arm_code(py: Python<'_>, info: *mut CodeInfo, breakpoints: &[Arc<Breakpoint>]) -> PyResult<()> {
    let mut armed = Vec::new();
    for breakpoint in breakpoints {
        let placement = lock(&breakpoint.placement).clone();
        // SAFETY: the GIL is held, and the caller keeps the code object alive.
        let here = placement.verified && unsafe { &*info }.lines.binary_search(&placement.line).is_ok();
        if !here {
            continue;
        }
        let condition = match &breakpoint.condition {
            // SAFETY: as above.
            Some(text) => Some(Arc::new(Condition::compile(py, text, unsafe { (*info).code })?)),
            None => None,
        };
        armed.push(Armed { line: placement.line, breakpoint: Arc::clone(breakpoint), condition });
    }
    // SAFETY: as above.
    let changed = unsafe { !(*info).armed.is_empty() || !armed.is_empty() };
    if changed {
        // SAFETY: as above. The old records go outside the borrow: dropping a condition may run code.
        let old = unsafe { std::mem::replace(&mut (*info).armed, armed) };
        drop(old);
        events::refresh(py, info)?;
    }
    Ok(())
}
