//! Breakpoints on functions, by name: `func`, `Class.method`, `module:Class.method`. They stop where the function begins.
//!
//! A name fits a code object whose qualified name it is, or whose qualified name ends with it behind `<locals>.`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use ikpdb_proto::dap;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::breakpoint::{Found, Wish};
use super::{Breakpoint, Target, arm_files, lock, renewed, tell_changes};
use crate::engine::codes::{self, CodeInfo, attribute};
use crate::engine::files::{self, FileId};
use crate::engine::preloaded;

static TABLE: Mutex<Vec<Arc<Breakpoint>>> = Mutex::new(Vec::new());
static ANY: AtomicBool = AtomicBool::new(false);

/// Whether there is any.
pub(super) fn any() -> bool {
    ANY.load(Ordering::Relaxed)
}

/// Replaces all of them. Needs no GIL; arming follows by [`arm`].
pub(crate) fn replace(wanted: &[dap::FunctionBreakpoint]) -> Vec<Arc<Breakpoint>> {
    let mut table = lock(&TABLE);
    let breakpoints = renewed(std::mem::take(&mut *table), wanted.iter().map(Wish::at_function));
    table.clone_from(&breakpoints);
    ANY.store(!breakpoints.is_empty(), Ordering::Relaxed);
    breakpoints
}

pub(super) fn clear() {
    lock(&TABLE).clear();
    ANY.store(false, Ordering::Relaxed);
}

/// Finds and arms them in all code that is loaded, and takes away those that are not wanted any more.
pub(crate) fn arm(py: Python<'_>) -> PyResult<()> {
    let breakpoints = lock(&TABLE).clone();
    for breakpoint in &breakpoints {
        breakpoint.check(py);
        breakpoint.place(Found::NotLoaded);
    }
    for breakpoint in &breakpoints {
        let Target::Function(wanted) = &breakpoint.wish.target else { continue };
        let file = wanted.rsplit_once(':').map(|(module, _)| file_of_module(py, module).unwrap_or_default());
        if let Some(file) = file.filter(|it| !it.is_empty()) {
            // The module may have been imported before we came.
            let _ = preloaded::files_at(py, &files::real_path(file));
        }
    }
    let files = codes::all_files(py);
    find(py, &files, &breakpoints);
    let concerned: Vec<FileId> =
        files.into_iter().filter(|id| codes::has_entries(py, *id) || wants_file(py, *id)).collect();
    arm_files(py, &concerned)?;
    tell_changes(&breakpoints);
    Ok(())
}

/// Code of these files was loaded.
pub(super) fn loaded(py: Python<'_>, files: &[FileId]) {
    let breakpoints = lock(&TABLE).clone();
    let pending: Vec<Arc<Breakpoint>> =
        breakpoints.into_iter().filter(|breakpoint| !lock(&breakpoint.placement).verified).collect();
    find(py, files, &pending);
    tell_changes(&pending);
}

/// Places each breakpoint at the first function that it names.
fn find(py: Python<'_>, files: &[FileId], breakpoints: &[Arc<Breakpoint>]) {
    if breakpoints.is_empty() {
        return;
    }
    for id in files {
        for held in codes::codes_of(py, *id) {
            // SAFETY: kept alive by `held`, under the GIL.
            let info = unsafe { &*held.info };
            for breakpoint in breakpoints.iter().filter(|it| !lock(&it.placement).verified) {
                if names(py, breakpoint, info) {
                    let file = codes::file(py, *id, |file| file.name.clone());
                    breakpoint.place(Found::At { line: info.entry_line, column: None, file: Some(file) });
                }
            }
        }
    }
}

/// Whether any function of a file is wanted.
pub(super) fn wants_file(py: Python<'_>, id: FileId) -> bool {
    // SAFETY: kept alive by its `Held`, under the GIL.
    any() && codes::codes_of(py, id).iter().any(|held| !wanted_in(py, held.info).is_empty())
}

/// The breakpoints on a function.
pub(super) fn wanted_in(py: Python<'_>, info: *const CodeInfo) -> Vec<Arc<Breakpoint>> {
    if !any() {
        return Vec::new();
    }
    // SAFETY: a living record under the GIL, by the callers.
    let info = unsafe { &*info };
    let breakpoints = lock(&TABLE).clone();
    breakpoints.into_iter().filter(|it| lock(&it.placement).verified && names(py, it, info)).collect()
}

fn names(py: Python<'_>, breakpoint: &Breakpoint, info: &CodeInfo) -> bool {
    let Target::Function(wanted) = &breakpoint.wish.target else { return false };
    let (module, name) = match wanted.rsplit_once(':') {
        Some((module, name)) => (Some(module), name),
        None => (None, wanted.as_str()),
    };
    // SAFETY: the code object lives as long as its record.
    let code = unsafe { Bound::from_borrowed_ptr(py, info.code) };
    let Ok(qualified) = attribute(&code, c"co_qualname") else { return false };
    let Ok(qualified) = qualified.cast_into::<PyString>() else { return false };
    let qualified = qualified.to_string_lossy();
    let fits = qualified == name || qualified.strip_suffix(name).is_some_and(|before| before.ends_with("<locals>."));
    fits && !info.is_module && module.is_none_or(|module| is_of_module(py, info, module))
}

/// Whether a code object's file is the module's, which may be about to run.
fn is_of_module(py: Python<'_>, info: &CodeInfo, module: &str) -> bool {
    let file = codes::file(py, info.file, |file| file.name.clone());
    let of = file_of_module(py, module).unwrap_or_default();
    // Of what is frozen into the interpreter the names differ.
    !of.is_empty() && (of == file || files::is_at(info.file, &files::real_path(of)))
}

/// `__file__` of a module that is imported; empty if it is not, or has none.
fn file_of_module(py: Python<'_>, module: &str) -> PyResult<String> {
    let modules = py.import("sys")?.getattr("modules")?.cast_into::<PyDict>()?;
    let Some(module) = modules.get_item(module)? else { return Ok(String::new()) };
    // SAFETY: the generic function: no attribute hook of a module's runs.
    let fields = unsafe {
        let dict = pyo3::ffi::PyObject_GenericGetDict(module.as_ptr(), std::ptr::null_mut());
        Bound::from_owned_ptr_or_err(py, dict)?
    };
    fields.cast::<PyDict>()?.get_item("__file__")?.map_or(Ok(String::new()), |file| file.extract())
}
