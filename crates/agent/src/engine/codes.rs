//! The code objects that the interpreter knows, by file: found when a module is about to run, forgotten when they die.
//!
//! The records are found by the address of the code object, which the interpreter tells us the death of. Nothing is attached to the
//! code objects themselves, where that can be avoided: code with something attached cannot be shared with other interpreters (3.14).
//! All of this belongs to the thread that holds the GIL.

use std::collections::HashMap;
use std::ffi::{CStr, c_int, c_void};
use std::path::Path;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PyTuple};

use super::breakpoints::{self, Armed, Glance, Spot};
use super::code_slot;
use super::events::{self, Watch};
use super::exceptions;
use super::files::{self, FileId};
use super::gil_cell::GilCell;
use super::library::{self, Library};
use super::line_table::{self, Body};
use crate::capi::{self, Ref};
use crate::door::options;

/// What only who has the GIL may see of a file; the rest is in [`files`].
#[derive(Debug)]
pub(crate) struct File {
    /// `co_filename`.
    pub(crate) name: String,
    /// Whether it is the user's own, as opposed to the library's.
    pub(crate) user: bool,
    /// Whether it is the program's main file: that is the user's own wherever it lies.
    pub(crate) is_main: bool,
    /// The user's file as it was when its code was loaded.
    loaded: Option<Box<[u8]>>,
    /// Its living code objects.
    codes: Vec<*mut CodeInfo>,
    /// All of its code is known, as opposed to what ran before we came and was met since.
    whole: bool,
}

/// What we know of a code object.
#[derive(Debug)]
pub(crate) struct CodeInfo {
    /// The code object, alive as long as this is.
    pub(crate) code: *mut PyObject,
    /// Its file.
    pub(crate) file: FileId,
    /// Whether its file is the user's own.
    pub(crate) user: bool,
    /// Whether it is never shown as a place to stop: the import machinery's, or ours.
    pub(crate) machinery: bool,
    /// Whether it is the package's: its frames are shown nowhere.
    pub(crate) own: bool,
    /// Its local events now.
    pub(crate) events: c_int,
    /// What a step wants of it.
    pub(crate) watch: Watch,
    /// Whether it is the body of a module.
    pub(crate) is_module: bool,
    /// Whether it is what an object is made with.
    pub(crate) is_init: bool,
    /// Whether it may be what a thread runs. From 3.14 on `threading` calls that through native code, which passes exceptions on.
    pub(crate) is_run: bool,
    /// Its start is the report of a thread's uncaught exception.
    pub(crate) thread_hook: bool,
    /// Its start is the report of a task's.
    pub(crate) task_hook: bool,
    /// Whether it may wait inside an expression: coroutines do, and generators.
    pub(crate) awaits: bool,
    /// Whether it is a coroutine's or an asynchronous generator's.
    pub(crate) is_coroutine: bool,
    /// The breakpoints in it.
    pub(crate) armed: Vec<Armed>,
    /// What of it can be told at a glance.
    pub(crate) glances: Vec<Glance>,
    /// Its own executable lines, sorted.
    pub(crate) lines: Box<[u32]>,
    /// The line with which its body begins.
    pub(crate) entry_line: u32,
    /// What it is the body of.
    pub(crate) body: Body,
    /// Whether it is the inside of a comprehension or generator expression.
    pub(crate) is_inner: bool,
    /// Its handlers of exceptions, once one was looked at.
    pub(crate) handlers: Option<Box<exceptions::CodeHandlers>>,
    /// Instructions at which a line that has a breakpoint goes on after others.
    pub(crate) continuations: Box<[u32]>,
    /// Jumps back to the line that they come from, which has a breakpoint: offset and line.
    pub(crate) loops: Vec<(u32, u32)>,
    /// First line.
    pub(crate) first_line: u32,
}

#[derive(Debug, Default)]
struct Codes {
    /// As many and in the same order as in [`files`].
    files: Vec<File>,
    /// Bytes of files that are kept.
    kept: usize,
    library: Library,
}

// SAFETY: the raw pointers are used under the GIL only, which `GilCell` asks for.
unsafe impl Send for Codes {}

static CODES: GilCell<Option<Codes>> = GilCell::new(None);
/// The records by the address of their code object.
static RECORDS: GilCell<Option<HashMap<usize, Record>>> = GilCell::new(None);

#[derive(Clone, Copy, Debug)]
struct Record(*mut CodeInfo);

// SAFETY: used under the GIL only, which `GilCell` asks for.
unsafe impl Send for Record {}

/// Prepares the registry. Needs to be called once before the others.
pub(crate) fn start(py: Python<'_>) {
    RECORDS.with(py, |records| *records = Some(HashMap::new()));
    // SAFETY: the function has the signature that CPython calls, and lives as long as the process.
    let watched = capi::capi().optional.watch_codes.is_some_and(|watch| unsafe { watch(on_code) } >= 0);
    if !watched {
        code_slot::reserve(on_slot_freed);
    }
    let library = Library::find(py);
    CODES.with(py, |codes| *codes = Some(Codes { library, ..Codes::default() }));
}

fn with<R>(py: Python<'_>, work: impl FnOnce(&mut Codes) -> R) -> R {
    CODES.with(py, |codes| work(codes.as_mut().expect("the start prepares the registry")))
}

/// A code object that was looked up lately, and what we know of it.
struct Lately {
    code: AtomicPtr<PyObject>,
    info: AtomicPtr<CodeInfo>,
}

const LATELY: usize = 1024;
/// By a hash of the address: asking here is quicker than searching. Read and written by whoever has the GIL.
static LATELY_ASKED: [Lately; LATELY] =
    [const { Lately { code: AtomicPtr::new(null_mut()), info: AtomicPtr::new(null_mut()) } }; LATELY];

fn lately(code: *mut PyObject) -> &'static Lately {
    // Code objects have a few hundred bytes. (The low bits of the address must not stay in their places: the processor would take a write to
    // the code object for one to what is read here, and wait. That cost 5 % of a program.)
    &LATELY_ASKED[(code.addr() >> 5 ^ code.addr() >> 13) % LATELY]
}

/// What we know of `code`; null if nothing.
#[inline(always)]
pub(crate) fn lookup(code: *mut PyObject) -> *mut CodeInfo {
    let known = known_lately(code);
    if known.is_null() { ask(code, lately(code)) } else { known }
}

/// What we know of `code` if it was looked up lately, else null.
#[inline(always)]
pub(crate) fn known_lately(code: *mut PyObject) -> *mut CodeInfo {
    let lately = lately(code);
    if lately.code.load(Ordering::Relaxed) == code { lately.info.load(Ordering::Relaxed) } else { null_mut() }
}

#[cold]
#[inline(never)]
fn ask(code: *mut PyObject, lately: &Lately) -> *mut CodeInfo {
    // SAFETY: the GIL is held, by the callers.
    let py = unsafe { Python::assume_attached() };
    let found = RECORDS.with(py, |records| records.as_ref()?.get(&code.addr()).copied());
    let Some(Record(info)) = found else { return null_mut() };
    lately.info.store(info, Ordering::Relaxed);
    lately.code.store(code, Ordering::Relaxed);
    info
}

/// What we know of `code`, found out now if need be.
pub(crate) fn info_of(py: Python<'_>, code: *mut PyObject) -> PyResult<*mut CodeInfo> {
    let known = lookup(code);
    if !known.is_null() {
        return Ok(known);
    }
    // SAFETY: a live code object.
    let bound = unsafe { Bound::from_borrowed_ptr(py, code) };
    let mut files = Vec::new();
    register(py, &bound, &mut files)?;
    breakpoints::loaded(py, &files)?;
    Ok(lookup(code))
}

/// Registers a code object and all inside it; returns the files concerned.
pub(crate) fn register_tree(py: Python<'_>, root: &Bound<'_, PyAny>) -> PyResult<Vec<FileId>> {
    let mut files = Vec::new();
    let mut pending = vec![root.clone()];
    while let Some(code) = pending.pop() {
        register(py, &code, &mut files)?;
        let constants = attribute(&code, c"co_consts")?.cast_into::<PyTuple>()?;
        pending.extend(constants.iter().filter(is_code));
    }
    Ok(files)
}

/// An attribute by name. (pyo3's interned names give the GIL away while they are made.)
pub(crate) fn attribute<'py>(object: &Bound<'py, PyAny>, name: &CStr) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: a live object and a C string; a new reference or an error.
    unsafe { Bound::from_owned_ptr_or_err(object.py(), ffi::PyObject_GetAttrString(object.as_ptr(), name.as_ptr())) }
}

fn register(py: Python<'_>, code: &Bound<'_, PyAny>, files: &mut Vec<FileId>) -> PyResult<()> {
    if !lookup(code.as_ptr()).is_null() {
        return Ok(());
    }
    let name = attribute(code, c"co_filename")?;
    let name = name.cast::<PyString>()?.to_string_lossy();
    let first_line: u32 = attribute(code, c"co_firstlineno")?.extract::<i64>()?.try_into().unwrap_or(0);
    let flags: c_int = attribute(code, c"co_flags")?.extract()?;
    let table = attribute(code, c"co_linetable")?;
    const CO_OPTIMIZED: c_int = 1;
    /// Generator, coroutine, iterable coroutine, asynchronous generator.
    const CO_AWAITS: c_int = 0x20 | CO_COROUTINE;
    const CO_COROUTINE: c_int = 0x80 | 0x100 | 0x200;
    let table = table.cast::<PyBytes>()?.as_bytes();
    let own_name = attribute(code, c"co_name")?;
    let own_name = own_name.cast::<PyString>()?.to_string_lossy();
    let thread_hook = exceptions::is_thread_hook(&own_name, &name);
    let task_hook = exceptions::is_task_hook(&own_name, &name);
    let is_module = own_name == "<module>";
    let body = match flags & CO_OPTIMIZED {
        0 if is_module => Body::Module,
        0 => Body::Class,
        _ => Body::Function,
    };
    let lines = line_table::executable_lines(table, first_line, body);
    let entry_line = line_table::body_entries(table, first_line, body).find_map(|entry| entry.line);
    let is_inner = ["<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"].contains(&own_name.as_ref());
    let info = with(py, |codes| {
        let file = codes.file(&name);
        let entry = &mut codes.files[file.0];
        entry.whole |= is_module;
        files::add_lines(file, &lines, &line_table::spans(table, first_line));
        let info = Box::into_raw(Box::new(CodeInfo {
            code: code.as_ptr(),
            file,
            user: entry.user,
            machinery: library::is_machinery(&name),
            own: library::is_own(&name),
            is_module,
            is_init: own_name == "__init__" || own_name == "__new__",
            is_run: own_name == "run" && capi::capi().version >= (3, 14),
            events: 0,
            watch: Watch::Nothing,
            thread_hook,
            task_hook,
            awaits: flags & CO_AWAITS != 0,
            is_coroutine: flags & CO_COROUTINE != 0,
            armed: Vec::new(),
            glances: Vec::new(),
            lines: lines.into(),
            entry_line: entry_line.unwrap_or(first_line),
            body,
            is_inner,
            handlers: None,
            continuations: Box::default(),
            loops: Vec::new(),
            first_line,
        }));
        entry.codes.push(info);
        if !files.contains(&file) {
            files.push(file);
        }
        info
    });
    RECORDS.with(py, |records| records.get_or_insert_default().insert(code.as_ptr().addr(), Record(info)));
    if let Err(error) = code_slot::write(code, info.cast()) {
        forget(py, code.as_ptr());
        return Err(error);
    }
    if thread_hook || task_hook { events::refresh(py, info) } else { Ok(()) }
}

/// Called by the interpreter when a code object is made or dies.
unsafe extern "C" fn on_code(event: c_int, code: *mut PyObject) -> c_int {
    const DIES: c_int = 1;
    if event == DIES {
        // SAFETY: code objects die under the GIL.
        forget(unsafe { Python::assume_attached() }, code);
    }
    0
}

/// Called by the interpreter when a code object dies that has something in our slot.
unsafe extern "C" fn on_slot_freed(info: *mut c_void) {
    if !info.is_null() {
        // SAFETY: code objects die under the GIL; what is in the slot is the living record.
        unsafe { forget(Python::assume_attached(), (*info.cast::<CodeInfo>()).code) };
    }
}

/// A code object dies.
fn forget(py: Python<'_>, code: *mut PyObject) {
    let record = RECORDS.with(py, |records| records.as_mut()?.remove(&code.addr()));
    let Some(Record(info)) = record else { return };
    // SAFETY: the pointer came from `Box::into_raw` in `register`.
    let file = unsafe { (*info).file };
    let lately = lately(code);
    if lately.code.load(Ordering::Relaxed) == code {
        lately.code.store(null_mut(), Ordering::Relaxed);
    }
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        with(py, |codes| codes.files[file.0].codes.retain(|it| *it != info));
    }));
    let armed = arm(info, Vec::new());
    if !armed.is_empty() {
        events::armed_code_died();
    }
    // SAFETY: as above; the registry has let go of it.
    drop(unsafe { Box::from_raw(info) });
}

impl Codes {
    /// Keeps what a file holds, if there is room for it, in the place of what was kept of it before.
    fn keep(&mut self, id: FileId, bytes: Option<Vec<u8>>) {
        let before = self.files[id.0].loaded.take().map_or(0, |it| it.len());
        self.kept -= before;
        let loaded = bytes.filter(|bytes| self.kept + bytes.len() <= KEPT_BYTES).map(Vec::into_boxed_slice);
        self.kept += loaded.as_ref().map_or(0, |it| it.len());
        self.files[id.0].loaded = loaded;
    }

    fn file(&mut self, name: &str) -> FileId {
        let user = !self.library.owns(name);
        let id = files::id_of(name, !user);
        if id.0 == self.files.len() {
            let name = name.to_owned();
            self.files.push(File { name, user, is_main: false, loaded: None, codes: Vec::new(), whole: false });
        }
        id
    }
}

/// Reads one file's record.
pub(crate) fn file<R>(py: Python<'_>, id: FileId, work: impl FnOnce(&File) -> R) -> R {
    with(py, |codes| work(&codes.files[id.0]))
}

/// Whether all code of a file is known.
pub(crate) fn is_whole(py: Python<'_>, id: FileId) -> bool {
    with(py, |codes| codes.files[id.0].whole)
}

/// All code of a file was looked for.
pub(crate) fn set_whole(py: Python<'_>, id: FileId) {
    with(py, |codes| codes.files[id.0].whole = true);
}

/// Makes a file the user's own, wherever it lies: the program's main file is.
pub(crate) fn adopt(py: Python<'_>, id: FileId) {
    with(py, |codes| {
        let file = &mut codes.files[id.0];
        file.user = true;
        file.is_main = true;
        for info in &file.codes {
            // SAFETY: the registry holds living records only, and nobody else touches them while we have the GIL.
            unsafe { (**info).user = true };
        }
    });
}

/// Finds out anew which files are the user's own: the rules have changed.
pub(crate) fn apply_rules(py: Python<'_>) {
    let rules = options().now.rules.clone();
    with(py, |codes| {
        codes.library.rules = rules;
        for file in &mut codes.files {
            file.user = file.is_main || !codes.library.owns(&file.name);
            for info in &file.codes {
                // SAFETY: the registry holds living records only, and nobody else touches them while we have the GIL.
                unsafe { (**info).user = file.user };
            }
        }
    });
}

/// So many bytes of the user's files are kept in all. A project beyond that shows its files as they are on disk.
const KEPT_BYTES: usize = 8 << 20;

/// A module is about to run: what its file is now is what was loaded.
pub(crate) fn keep_contents(py: Python<'_>, files: &[FileId]) {
    for id in files {
        let name = with(py, |codes| {
            let file = &codes.files[id.0];
            (file.user && !file.name.starts_with('<')).then(|| file.name.clone())
        });
        let Some(name) = name else { continue };
        let bytes = std::fs::read(name).ok();
        with(py, |codes| codes.keep(*id, bytes));
    }
}

/// A user's file as it was loaded, by its path without symbolic links.
pub(crate) fn loaded_contents(py: Python<'_>, path: &Path) -> Option<Box<[u8]>> {
    let ids = files::at(path);
    with(py, |codes| ids.iter().find_map(|id| codes.files[id.0].loaded.clone()))
}

/// A record whose code object is kept alive meanwhile.
#[derive(Debug)]
pub(crate) struct Held {
    /// The record.
    pub(crate) info: *mut CodeInfo,
    _code: Ref,
}

// SAFETY: the record is used under the GIL only.
unsafe impl Send for Held {}

impl Held {
    /// Keeps the code object of a living record alive. Needs the GIL.
    pub(crate) fn new(info: *mut CodeInfo) -> Self {
        // SAFETY: the record is alive, so its code object is; the GIL is held.
        Self { info, _code: unsafe { Ref::borrow((*info).code) } }
    }
}

/// The living code objects of a file.
pub(crate) fn codes_of(py: Python<'_>, id: FileId) -> Vec<Held> {
    with(py, |codes| codes.files[id.0].codes.iter().copied().map(Held::new).collect())
}

/// All files that code was loaded from.
pub(crate) fn all_files(py: Python<'_>) -> Vec<FileId> {
    with(py, |codes| (0..codes.files.len()).map(FileId).collect())
}

/// Whether a function of a file has a breakpoint where it begins.
pub(crate) fn has_entries(py: Python<'_>, id: FileId) -> bool {
    // SAFETY: the registry holds living records only.
    let has = |info: &*mut CodeInfo| unsafe { &**info }.armed.iter().any(|it| it.spot == Spot::Entry);
    with(py, |codes| codes.files[id.0].codes.iter().any(has))
}

/// Whether a line of the inside of a comprehension is the line of the code around it: who wants to stop there means that, not each
/// round of the inside. (From 3.12 on most comprehensions have no code of their own.)
pub(crate) fn is_shadowed(py: Python<'_>, info: *const CodeInfo, line: u32) -> bool {
    // SAFETY: living records under the GIL, by the callers and by the registry.
    let own = unsafe { &*info };
    let around = |other: &*mut CodeInfo| {
        // SAFETY: as above.
        let other = unsafe { &**other };
        !other.is_inner && other.lines.binary_search(&line).is_ok()
    };
    own.is_inner && with(py, |codes| codes.files[own.file.0].codes.iter().any(around))
}

/// The living code objects of the user's own files that are wanted.
pub(crate) fn user_codes(py: Python<'_>, wanted: impl Fn(&CodeInfo) -> bool) -> Vec<Held> {
    with(py, |codes| {
        let files = codes.files.iter().filter(|file| file.user);
        let all = files.flat_map(|file| file.codes.iter().copied());
        // SAFETY: the registry holds living records only.
        all.filter(|info| wanted(unsafe { &**info })).map(Held::new).collect()
    })
}

/// Code objects with breakpoints. Changes under the GIL.
static ARMED: AtomicUsize = AtomicUsize::new(0);

/// Whether any code has breakpoints.
pub(crate) fn any_armed() -> bool {
    ARMED.load(Ordering::Relaxed) != 0
}

/// Puts breakpoints into a code object. Returns those that were there, to be dropped when nothing is borrowed.
pub(crate) fn arm(info: *mut CodeInfo, armed: Vec<Armed>) -> Vec<Armed> {
    // SAFETY: a living record under the GIL, by the callers.
    let info = unsafe { &mut *info };
    let count = ARMED.load(Ordering::Relaxed) + usize::from(!armed.is_empty()) - usize::from(!info.armed.is_empty());
    ARMED.store(count, Ordering::Relaxed);
    info.glances = Glance::all(&armed);
    std::mem::replace(&mut info.armed, armed)
}

/// All living code objects with events or breakpoints.
pub(crate) fn armed_codes(py: Python<'_>) -> Vec<Held> {
    with(py, |codes| {
        let all = codes.files.iter().flat_map(|file| file.codes.iter().copied());
        // SAFETY: the registry holds living records only.
        let armed = all.filter(|info| unsafe { (**info).events != 0 || !(**info).armed.is_empty() });
        armed.map(Held::new).collect()
    })
}

/// Whether an object is a code object.
pub(crate) fn is_code(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: a live object.
    unsafe { capi::is_code(object.as_ptr()) }
}

/// Whether a frame is the import machinery's, or ours.
pub(crate) fn is_machinery(frame: *mut ffi::PyFrameObject) -> bool {
    let info = lookup(capi::frame_code(frame).cast());
    // SAFETY: the record of code that a live frame runs, under the GIL.
    !info.is_null() && unsafe { (*info).machinery }
}

/// Whether a frame is ours: the package's, or that of a breakpoint's condition or message.
pub(crate) fn is_own(frame: *mut ffi::PyFrameObject) -> bool {
    let code: *mut PyObject = capi::frame_code(frame).cast();
    // SAFETY: as above.
    match unsafe { lookup(code).as_ref() } {
        Some(info) => info.own,
        None => {
            // SAFETY: called with the GIL, and with the code of a live frame.
            let code = unsafe { Bound::from_borrowed_ptr(Python::assume_attached(), code) };
            attribute(&code, c"co_filename").is_ok_and(|it| it.extract::<&str>().is_ok_and(|it| it == EXPRESSION_FILE))
        }
    }
}

/// The file that expressions of breakpoints are compiled for.
pub(crate) const EXPRESSION_FILE: &str = "<breakpoint>";

/// The name of a code object's file and whether it is the user's own.
pub(crate) fn file_of(py: Python<'_>, info: *const CodeInfo) -> (String, bool) {
    // SAFETY: a living record, by the callers.
    let (id, user) = unsafe { ((*info).file, (*info).user) };
    (file(py, id, |file| file.name.clone()), user)
}
