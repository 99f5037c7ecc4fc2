//! Modules that were imported before we came: what the interpreter and `site` need, and what the environment has them load. Nobody
//! told us of their code, so it is looked for when somebody wants to stop in one of their files.

use std::ffi::{c_int, c_void};
use std::path::Path;

use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::codes::{self, attribute};
use super::files::{self, FileId};
use super::stop::forget_error;
use crate::capi::{self, Ref};

/// The files whose path is `wanted`, which has no symbolic links, with all their code.
pub(crate) fn files_at(py: Python<'_>, wanted: &Path) -> Vec<FileId> {
    let known = files::at(wanted);
    if (!known.is_empty() && known.iter().all(|id| codes::is_whole(py, *id))) || !is_imported(py, wanted) {
        return known;
    }
    if let Err(error) = register_functions(py, wanted) {
        forget_error(py, error);
    }
    let found = files::at(wanted);
    for id in &found {
        codes::set_whole(py, *id);
    }
    found
}

/// Whether a module of this path is imported, by its `__file__`. Only dicts are looked at: none of the user's code runs.
fn is_imported(py: Python<'_>, wanted: &Path) -> bool {
    let is_it = |module: &Bound<'_, PyAny>| {
        // SAFETY: a live object; of a module the dict, borrowed.
        let space = unsafe {
            if ffi::PyModule_Check(module.as_ptr()) == 0 {
                return false;
            }
            Bound::from_borrowed_ptr(py, ffi::PyModule_GetDict(module.as_ptr()))
        };
        let file = space.cast::<PyDict>().ok().and_then(|space| space.get_item("__file__").ok().flatten());
        let Some(file) = file.as_ref().and_then(|it| it.cast::<PyString>().ok()) else { return false };
        let file = file.to_string_lossy();
        Path::new(file.as_ref()).file_name() == wanted.file_name() && files::real_path(file.as_ref()) == wanted
    };
    let modules = py.import("sys").and_then(|sys| sys.getattr("modules"));
    let modules = modules.ok().and_then(|it| it.cast_into::<PyDict>().ok());
    modules.is_some_and(|modules| modules.values().iter().any(|module| is_it(&module)))
}

/// Registers the code of all functions whose file may be the wanted one.
fn register_functions(py: Python<'_>, wanted: &Path) -> PyResult<()> {
    for function in functions(py)? {
        let code = attribute(&function.bind(py), c"__code__")?;
        let name = attribute(&code, c"co_filename")?;
        let name = name.cast::<PyString>()?.to_string_lossy();
        let may_be = name.starts_with("<frozen ") || Path::new(name.as_ref()).file_name() == wanted.file_name();
        if may_be && codes::lookup(code.as_ptr()).is_null() {
            codes::register_tree(py, &code)?;
        }
    }
    Ok(())
}

/// All functions that there are. (The garbage collector knows them, wherever they are kept.)
fn functions(py: Python<'_>) -> PyResult<Vec<Ref>> {
    let Some(function_type) = capi::data_symbol(c"PyFunction_Type") else { return Ok(Vec::new()) };
    if let Some(visit) = capi::capi().optional.visit_objects {
        let mut search = Search { function_type, found: Vec::new() };
        // SAFETY: the callback has the signature that is called, and its data lives here.
        unsafe { visit(on_object, (&raw mut search).cast()) };
        return Ok(search.found);
    }
    let objects = py.import("gc")?.getattr("get_objects")?.call0()?;
    let is_function = |it: &Bound<'_, PyAny>| it.get_type_ptr().cast::<c_void>() == function_type;
    // SAFETY: live objects.
    objects
        .try_iter()?
        .filter(|it| it.as_ref().is_ok_and(is_function))
        .map(|it| Ok(unsafe { Ref::borrow(it?.as_ptr()) }))
        .collect()
}

struct Search {
    function_type: *mut c_void,
    found: Vec<Ref>,
}

/// Called for each object that the garbage collector knows. Goes on as long as the answer is not 0.
unsafe extern "C" fn on_object(object: *mut PyObject, search: *mut c_void) -> c_int {
    // SAFETY: a live object, and the data that was given above.
    unsafe {
        let search = &mut *search.cast::<Search>();
        if ffi::Py_TYPE(object).cast::<c_void>() == search.function_type {
            search.found.push(Ref::borrow(object));
        }
    }
    1
}
