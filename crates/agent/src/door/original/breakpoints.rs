//! The client's breakpoints: numbered from 0, by file and line. The engine gets those that are enabled, file by file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::Python;
use serde_json::{Value, json};

use super::paths::archive_of;
use crate::door::immediate::within_patience;
use crate::engine::breakpoints::{self, Owner};
use crate::engine::stop;

/// A breakpoint as the client set it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Breakpoint {
    /// The file.
    pub(crate) file: PathBuf,
    /// From 1.
    pub(crate) line: u32,
    /// Python text; `None` if the client gave none.
    pub(crate) condition: Option<String>,
    /// Whether it stops.
    pub(crate) enabled: bool,
}

/// All that were ever set: a number is never used again.
#[derive(Debug)]
struct Table {
    by_number: BTreeMap<u32, Breakpoint>,
    next: u32,
}

static TABLE: Mutex<Table> = Mutex::new(Table { by_number: BTreeMap::new(), next: 0 });

fn lock() -> MutexGuard<'static, Table> {
    TABLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why a number names no breakpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// There was none.
    Never,
    /// It was cleared.
    Cleared,
}

impl Table {
    fn missing(&self, number: i64) -> Missing {
        if (0..i64::from(self.next)).contains(&number) { Missing::Cleared } else { Missing::Never }
    }

    fn find(&mut self, number: i64) -> Result<&mut Breakpoint, Missing> {
        let missing = self.missing(number);
        u32::try_from(number).ok().and_then(|it| self.by_number.get_mut(&it)).ok_or(missing)
    }
}

/// Adds one; its number. With the GIL it counts at once, without it after a moment.
pub(crate) fn set(py: Option<Python<'_>>, breakpoint: Breakpoint) -> u32 {
    let mut table = lock();
    let number = table.next;
    table.next += 1;
    let file = breakpoint.file.clone();
    table.by_number.insert(number, breakpoint);
    drop(table);
    arm(py, &file);
    number
}

/// Changes one: both at once, as the client says it.
pub(crate) fn change(
    py: Option<Python<'_>>,
    number: i64,
    enabled: bool,
    condition: Option<String>,
) -> Result<(), Missing> {
    let mut table = lock();
    let breakpoint = table.find(number)?;
    (breakpoint.enabled, breakpoint.condition) = (enabled, condition);
    let file = breakpoint.file.clone();
    drop(table);
    arm(py, &file);
    Ok(())
}

/// Takes one away.
pub(crate) fn clear(py: Option<Python<'_>>, number: i64) -> Result<(), Missing> {
    let mut table = lock();
    let file = table.find(number)?.file.clone();
    table.by_number.retain(|it, _| i64::from(*it) != number);
    drop(table);
    arm(py, &file);
    Ok(())
}

/// All, in the order of their numbers.
pub(crate) fn all() -> Vec<(u32, Breakpoint)> {
    lock().by_number.iter().map(|(number, breakpoint)| (*number, breakpoint.clone())).collect()
}

/// The next number.
pub(crate) fn next_number() -> u32 {
    lock().next
}

/// All, as the client is told.
pub(crate) fn describe() -> Value {
    let describe = |(number, it): (u32, Breakpoint)| {
        json!({
            "breakpoint_number": number,
            "file_name": it.file.to_string_lossy(),
            "line_number": it.line,
            "condition": it.condition,
            "enabled": it.enabled,
        })
    };
    all().into_iter().map(describe).collect()
}

/// Gives the engine those of a file that are enabled.
fn arm(py: Option<Python<'_>>, file: &Path) {
    let given = file.to_string_lossy().into_owned();
    // Kept until the engine has them: the program may change what the client changes, and what is told last has to be what is known last.
    let table = lock();
    let of_file = table.by_number.values().filter(|it| it.file == file && it.enabled);
    let wanted: Vec<(u32, Option<String>)> = of_file.map(|it| (it.line, it.condition.clone())).collect();
    breakpoints::replace_exactly(&given, &wanted);
    drop(table);
    let arm = move |py: Python<'_>| {
        if let Err(error) = Python::attach(|py| breakpoints::arm(py, Owner::Original, &given)) {
            stop::forget_error(py, error);
        }
    };
    match py {
        Some(py) => arm(py),
        None => drop(within_patience(arm)),
    }
}

/// Whether a file has a line. Of a member of an archive only the program knows.
pub(crate) fn has_line(file: &Path, line: i64) -> bool {
    if line < 1 {
        return false;
    }
    if archive_of(file).is_some() {
        return true;
    }
    let Ok(text) = std::fs::read(file) else { return false };
    let ends = text.iter().filter(|it| **it == b'\n').count() + usize::from(text.last().is_some_and(|it| *it != b'\n'));
    usize::try_from(line).is_ok_and(|line| line <= ends)
}
