//! Where code comes from: files, and what has no file (frozen and zipped modules, `-c`), which the hub fetches by reference.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{LazyLock, Mutex, PoisonError};

use ikpdb_proto::proof::digest;
use ikpdb_proto::{Failure, dap};
use pyo3::prelude::*;

use super::{codes, files, library};

/// References of sources without a file. They last for the whole session.
static REFERENCES: LazyLock<Mutex<References>> = LazyLock::new(Mutex::default);

#[derive(Default)]
struct References {
    by_name: HashMap<String, i32>,
    /// File name and module of each reference, the first one being 1.
    sources: Vec<(String, Option<String>)>,
    /// File names that were looked up on disk: the path to show.
    on_disk: HashMap<String, Option<String>>,
}

/// Describes the file of a code object to the hub.
pub(crate) fn describe(file: &str, module: Option<&str>) -> dap::Source {
    let mut references = REFERENCES.lock().unwrap_or_else(PoisonError::into_inner);
    let known = references.on_disk.get(file).cloned();
    let path = known.unwrap_or_else(|| {
        let path = find(file);
        references.on_disk.insert(file.to_owned(), path.clone());
        path
    });
    if let Some(path) = path {
        let name = Path::new(&path).file_name().map(|it| it.to_string_lossy().into_owned());
        return dap::Source { name, path: Some(path), ..dap::Source::default() };
    }
    let next = i32::try_from(references.sources.len() + 1).unwrap_or(i32::MAX);
    let reference = *references.by_name.entry(file.to_owned()).or_insert(next);
    if reference == next {
        references.sources.push((file.to_owned(), module.map(str::to_owned)));
    }
    dap::Source {
        name: Some(Path::new(file).file_name().map_or(file, |it| it.to_str().unwrap_or(file)).to_owned()),
        path: Some(file.to_owned()),
        source_reference: Some(reference),
        ..dap::Source::default()
    }
}

/// The path on disk of a code object's file.
fn find(file: &str) -> Option<String> {
    if file.starts_with("<frozen ") {
        // Frozen modules are compiled into the interpreter; their source is the library's.
        return library::file_of_frozen(file);
    }
    let path = std::path::absolute(file).ok()?;
    path.is_file().then(|| path.to_string_lossy().into_owned())
}

/// `source`: the text of a file or reference.
pub(crate) fn fetch(py: Python<'_>, arguments: &dap::SourceArguments) -> Result<dap::SourceBody, Failure> {
    let source = arguments.source.clone().unwrap_or_default();
    let reference = source.source_reference.filter(|it| *it > 0).unwrap_or(arguments.source_reference);
    let known = {
        let references = REFERENCES.lock().unwrap_or_else(PoisonError::into_inner);
        let index = usize::try_from(reference).ok().and_then(|it| it.checked_sub(1));
        index.and_then(|index| references.sources.get(index).cloned())
    };
    if let Some((file, module)) = known {
        return text_of_module(py, &file, module.as_deref())
            .map(|content| dap::SourceBody { content, mime_type: Some("text/x-python".to_owned()), ikpdb_hash: None })
            .ok_or_else(|| Failure::user(format!("the source of {file} is not available")));
    }
    let path = source.path.ok_or_else(|| Failure::client("neither a path nor a known reference"))?;
    if !loaded(&path) {
        return Err(Failure::user(format!("{path} is not loaded by the program")));
    }
    // What runs is what was loaded, whatever became of the file since.
    let loaded = codes::loaded_contents(py, &files::real_path(&path));
    let bytes = match &loaded {
        Some(bytes) => bytes.to_vec(),
        None => std::fs::read(&path).map_err(|error| Failure::user(format!("{path}: {error}")))?,
    };
    Ok(dap::SourceBody {
        content: String::from_utf8_lossy(&bytes).into_owned(),
        mime_type: Some("text/x-python".to_owned()),
        ikpdb_hash: loaded.map(|bytes| digest(&bytes)),
    })
}

/// Only files that the program runs code from are read for a client: not any path of a stranger's.
fn loaded(path: &str) -> bool {
    let shown = REFERENCES.lock().unwrap_or_else(PoisonError::into_inner);
    if shown.on_disk.values().flatten().any(|it| it == path) {
        return true;
    }
    drop(shown);
    !files::at(&files::real_path(path)).is_empty()
}

/// The text that the interpreter itself would show in a traceback.
fn text_of_module(py: Python<'_>, file: &str, module: Option<&str>) -> Option<String> {
    let lines = |py: Python<'_>| -> PyResult<String> {
        let cache = py.import("linecache")?;
        let lines: Vec<String> = cache.call_method1("getlines", (file,))?.extract()?;
        Ok(lines.concat())
    };
    if let Some(text) = lines(py).ok().filter(|text| !text.is_empty()) {
        return Some(text);
    }
    // Code that a module has made while it ran is in its namespace, but not in its file.
    let loaded = |py: Python<'_>, module: &str| -> PyResult<Option<String>> {
        let module = py.import("sys")?.getattr("modules")?.get_item(module)?;
        let (name, loader) = (module.getattr("__name__")?, module.getattr("__loader__")?);
        let is_its_file = || module.getattr("__file__").is_ok_and(|it| it.eq(file).unwrap_or(false));
        let is_of_its_code = || loader.call_method1("get_code", (&name,))?.getattr("co_filename")?.eq(file);
        if !is_its_file() && !is_of_its_code()? {
            return Ok(None);
        }
        loader.call_method1("get_source", (&name,))?.extract()
    };
    if let Some(text) = module.and_then(|module| loaded(py, module).ok().flatten()) {
        return Some(text);
    }
    // `python -c`: the code stands in the interpreter's own arguments.
    let arguments: Vec<String> = py.import("sys").ok()?.getattr("orig_argv").ok()?.extract().ok()?;
    let at = arguments.iter().position(|it| it == "-c")?;
    (file == "<string>").then(|| arguments.get(at + 1).cloned()).flatten()
}
