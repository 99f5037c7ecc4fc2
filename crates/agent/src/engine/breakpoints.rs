//! Source breakpoints: what the hub wants (`TABLE`, any thread), and what is armed in code objects (under the GIL).

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ikpdb_proto::Event;
use ikpdb_proto::dap;
use pyo3::prelude::*;

use super::codes::{self, CodeInfo, FileId};
use super::condition::Condition;
use super::events;
use crate::door::OUTBOX;

/// One breakpoint of the hub's.
#[derive(Debug)]
pub(crate) struct Breakpoint {
    /// Its id, for the hub.
    pub(crate) id: i32,
    /// The line that was asked for.
    requested: u32,
    /// Stops only when this is true.
    pub(crate) condition: Option<String>,
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
                    placement: Mutex::new(Placement::pending(wish.line)),
                    announced: Mutex::new(None),
                    complained: AtomicBool::new(false),
                })
            })
        })
        .collect();
    table[at].breakpoints.clone_from(&breakpoints);
    ANY.store(table.iter().any(|source| !source.breakpoints.is_empty()), Ordering::Relaxed);
    breakpoints
}

/// Forgets all breakpoints. What is armed in code objects is taken away by [`events::stop`].
pub(crate) fn clear() {
    for source in table().iter_mut() {
        source.breakpoints.clear();
    }
    ANY.store(false, Ordering::Relaxed);
}

/// What to answer about breakpoints, and note that it was told.
pub(crate) fn announce(breakpoints: &[Arc<Breakpoint>]) -> Vec<dap::Breakpoint> {
    breakpoints
        .iter()
        .map(|breakpoint| {
            let placement = lock(&breakpoint.placement).clone();
            *lock(&breakpoint.announced) = Some(placement.clone());
            breakpoint.describe(&placement)
        })
        .collect()
}

/// Places and arms the breakpoints of one source in all code that is loaded from it.
pub(crate) fn arm(py: Python<'_>, given: &str) -> PyResult<()> {
    let found = table()
        .iter()
        .find(|source| source.given == given)
        .map(|source| (source.path.clone(), source.breakpoints.clone()));
    let Some((path, breakpoints)) = found else { return Ok(()) };
    let files = codes::files_at(py, &path);
    place(py, &breakpoints, &files);
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
        let same_name =
            |id: &FileId| codes::file(py, *id, |file| Path::new(&file.name).file_name() == path.file_name());
        if files.iter().any(same_name) && codes::files_at(py, &path).iter().any(|id| files.contains(id)) {
            arm(py, &given)?;
        }
    }
    Ok(())
}

fn place(py: Python<'_>, breakpoints: &[Arc<Breakpoint>], files: &[FileId]) {
    let lines: Vec<Vec<u32>> = files.iter().map(|id| codes::file(py, *id, |file| file.lines.clone())).collect();
    for breakpoint in breakpoints {
        let next = |lines: &Vec<u32>| lines.iter().copied().find(|line| *line >= breakpoint.requested);
        let line = lines.iter().filter_map(next).min();
        let refused = breakpoint.condition.as_deref().and_then(|text| Condition::check(py, text).err());
        *lock(&breakpoint.placement) = breakpoint.placed(line, files.is_empty(), refused);
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
    fn placed(&self, line: Option<u32>, not_loaded: bool, refused: Option<String>) -> Placement {
        let asked = self.requested;
        let failed =
            |message| Placement { verified: false, line: asked, message: Some(message), reason: Some("failed") };
        match (refused, line) {
            (Some(error), _) => failed(format!("the condition is not valid: {error}")),
            (None, _) if not_loaded => Placement::pending(asked),
            (None, None) => failed(format!("line {asked} has no code, and none follows it")),
            (None, Some(line)) => Placement {
                verified: true,
                line,
                message: (line != asked)
                    .then(|| format!("line {asked} has no code: moved to line {line}, the next one that has")),
                reason: None,
            },
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
        let placement = lock(&breakpoint.placement).clone();
        let mut announced = lock(&breakpoint.announced);
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
