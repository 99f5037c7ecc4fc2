//! Who will take an exception that was just raised: told from the frames and the instructions of their handlers, before any of
//! them runs. Nothing of the program runs for it.
//!
//! What cannot be told counts as taken: native code between two frames, an `__exit__` that computes its answer, an `except` whose
//! types are not plain names.

use std::cell::Cell;
use std::sync::OnceLock;

use pyo3::ffi::{self, PyCodeObject, PyFrameObject, PyObject};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use super::handlers::{self, Entry, Handlers, Plan, Types};
use super::opcodes::{Op, Opcodes};
use super::quick::Outcomes;
use crate::capi::frame::RawFrame;
use crate::capi::{self, Ref, capi};
use crate::engine::codes::{self, CodeInfo, attribute};

/// What will become of an exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fate {
    /// Nothing can take it: it ends the thread.
    pub(super) uncaught: bool,
    /// It leaves the user's own code for the library's, or ends the thread.
    pub(super) leaves_user_code: bool,
}

impl Fate {
    const HANDLED: Self = Self { uncaught: false, leaves_user_code: false };
}

/// The handlers of one code object, and what is needed to read them.
#[derive(Debug)]
pub(crate) struct CodeHandlers {
    handlers: Handlers,
    /// How many locals, cells and free variables come before the stack of values.
    locals: usize,
    names: Ref,
    /// Whether this is `threading`'s own handler, behind which a thread ends.
    ends_thread: bool,
    /// Whether it keeps exceptions for whoever asks for the outcome: a worker of an executor does.
    carries: bool,
    outcomes: Outcomes,
}

impl CodeHandlers {
    /// What became of exceptions in it; `None` where more than its handlers decide.
    pub(super) fn outcomes(&self) -> Option<&Outcomes> {
        (!self.ends_thread && !self.carries).then_some(&self.outcomes)
    }
}

/// Functions of the library that keep what was raised for who asks: the end of the file's name, and the qualified name.
const CARRIERS: [(&str, &str); 4] = [
    ("/concurrent/futures/thread.py", "_WorkItem.run"),
    ("/concurrent/futures/thread.py", "WorkerContext.run"),
    ("/concurrent/futures/process.py", "_process_worker"),
    ("/multiprocessing/pool.py", "worker"),
];

/// A stack deeper than this is not walked: it counts as taken.
pub(super) const DEEPEST: usize = 5000;
/// So many handlers of one frame are followed.
const MOST_HANDLERS: usize = 50;
/// How deep generators of `with` statements are looked into.
const DEEPEST_WITH: usize = 3;

pub(in crate::engine) fn opcodes() -> Option<&'static Opcodes> {
    static OPCODES: OnceLock<Option<Opcodes>> = OnceLock::new();
    OPCODES.get_or_init(|| Opcodes::of(capi().version)).as_ref()
}

/// What will become of an exception that was raised in the current frame at an offset of its code. `to_the_end`: whether it
/// matters if it ends the thread, as opposed to leaving the user's own code.
pub(super) fn fate(
    py: Python<'_>,
    exception: &Bound<'_, PyAny>,
    code: *mut PyObject,
    offset: u32,
    to_the_end: bool,
) -> Fate {
    let Some(mut frame) = Standing::current(code.cast()) else { return Fate::HANDLED };
    let mut offset = offset;
    let mut left_user_code = false;
    let mut was_user = false;
    for _ in 0..DEEPEST {
        let Ok(info) = codes::info_of(py, frame.code().cast()) else { break };
        if info.is_null() {
            break;
        }
        // SAFETY: the record of code that a live frame runs, under the GIL.
        let user = unsafe { (*info).user };
        let Some(facts) = facts_of(py, info) else { break };
        if was_user && !user {
            if facts.carries {
                // It is kept for whoever asks for the outcome.
                break;
            }
            left_user_code = true;
            if !to_the_end {
                return Fate { uncaught: false, leaves_user_code: true };
            }
        }
        was_user = user;
        if facts.ends_thread {
            return Fate { uncaught: true, leaves_user_code: true };
        }
        let by_place = Cell::new(true);
        let leaves = leaves(py, exception, info, Some(&frame), offset, 0, &by_place);
        if by_place.get()
            && let Some(facts) = facts_of(py, info)
        {
            facts.outcomes.remember(offset, exception.as_ptr(), leaves);
        }
        if !leaves {
            break;
        }
        match frame.caller() {
            Next::Nobody => return Fate { uncaught: true, leaves_user_code: true },
            Next::Unknown => break,
            // SAFETY: as above.
            Next::Native(next) if unsafe { !(passes_through(&*info) || (*info).is_run && next.ends_thread(py)) } => {
                break;
            }
            Next::Python(next) | Next::Native(next) => frame = next,
        }
        let Some(at) = frame.offset() else { break };
        offset = at;
    }
    Fate { uncaught: false, leaves_user_code: left_user_code }
}

/// A frame of the stack: as the public interface gives it, and as the interpreter has it.
struct Standing {
    object: Ref,
    raw: RawFrame,
}

/// Who called a frame.
enum Next {
    Python(Standing),
    /// Native code, which this one called.
    Native(Standing),
    /// What began the thread.
    Nobody,
    Unknown,
}

impl Standing {
    fn current(code: *mut PyCodeObject) -> Option<Self> {
        let raw = RawFrame::current(code)?;
        // SAFETY: the running frame, under the GIL.
        let object = unsafe { Ref::borrow(capi::current_frame().cast()) };
        (capi::frame_code(object.as_ptr().cast()) == code).then_some(Self { object, raw })
    }

    fn frame(&self) -> *mut PyFrameObject {
        self.object.as_ptr().cast()
    }

    fn code(&self) -> *mut PyCodeObject {
        capi::frame_code(self.frame())
    }

    fn caller(&self) -> Next {
        // SAFETY: a live frame; a new reference or null.
        let Some(object) = (unsafe { Ref::steal((capi::py().frame_get_back)(self.frame()).cast()) }) else {
            return Next::Nobody;
        };
        let Some((raw, native)) = self.raw.caller(capi::frame_code(object.as_ptr().cast())) else {
            return Next::Unknown;
        };
        let next = Self { object, raw };
        if native { Next::Native(next) } else { Next::Python(next) }
    }

    /// Whether it is `threading`'s own frame, behind which a thread ends.
    fn ends_thread(&self, py: Python<'_>) -> bool {
        let info = codes::info_of(py, self.code().cast()).unwrap_or(std::ptr::null_mut());
        !info.is_null() && facts_of(py, info).is_some_and(|facts| facts.ends_thread)
    }

    /// Of the instruction that it executes.
    fn offset(&self) -> Option<u32> {
        // SAFETY: a live frame.
        let offset = u32::try_from(unsafe { (capi::py().frame_get_lasti)(self.frame()) }).ok()?;
        self.raw.learn(offset);
        Some(offset)
    }
}

/// Whether native code that called this passes exceptions on: what makes an object, and what runs a module.
pub(super) fn passes_through(info: &CodeInfo) -> bool {
    info.is_module || info.is_init
}

fn facts_of<'a>(py: Python<'_>, info: *mut CodeInfo) -> Option<&'a mut CodeHandlers> {
    // SAFETY: a living record under the GIL; nobody else refers to its handlers while one of these is used.
    let info = unsafe { &mut *info };
    if info.handlers.is_none() {
        info.handlers = read(py, info).ok().map(Box::new);
    }
    info.handlers.as_deref_mut()
}

fn read(py: Python<'_>, info: &CodeInfo) -> PyResult<CodeHandlers> {
    // SAFETY: the code object lives as long as its record.
    let code = unsafe { Bound::from_borrowed_ptr(py, info.code) };
    let table = attribute(&code, c"co_exceptiontable")?.cast_into::<PyBytes>()?;
    let list = |name| -> PyResult<Vec<String>> { attribute(&code, name)?.extract() };
    let (locals, cells, free) = (list(c"co_varnames")?, list(c"co_cellvars")?, list(c"co_freevars")?);
    let own_cells = cells.iter().filter(|name| !locals.contains(name)).count();
    let name: String = attribute(&code, c"co_qualname")?.extract()?;
    let (file, _) = codes::file_of(py, info);
    Ok(CodeHandlers {
        handlers: Handlers::new(table.as_bytes()),
        locals: locals.len() + own_cells + free.len(),
        names: attribute(&code, c"co_names")?.into(),
        carries: CARRIERS.iter().any(|(of, it)| name == *it && file.ends_with(of)),
        ends_thread: name == "Thread._bootstrap_inner" && file.ends_with("/threading.py"),
        outcomes: Outcomes::default(),
    })
}

/// Whether an exception leaves a frame that stands at an offset; without one that of a suspended generator, whose values are not
/// looked at. `by_place` becomes false if more than the offset and the type of the exception decides.
fn leaves(
    py: Python<'_>,
    exception: &Bound<'_, PyAny>,
    info: *mut CodeInfo,
    frame: Option<&Standing>,
    offset: u32,
    depth: usize,
    by_place: &Cell<bool>,
) -> bool {
    let Some(opcodes) = opcodes() else { return false };
    let mut offset = offset;
    for _ in 0..MOST_HANDLERS {
        let Some(facts) = facts_of(py, info) else { return false };
        let Some(entry) = facts.handlers.at(offset) else { return true };
        let plan = facts.handlers.plan(entry.target, || {
            // SAFETY: the code object lives as long as its record.
            let code = unsafe { Bound::from_borrowed_ptr(py, (*info).code) };
            let bytes = attribute(&code, c"co_code").and_then(|it| Ok(it.cast_into::<PyBytes>()?));
            bytes.map_or(Plan::Catches, |bytes| handlers::plan(opcodes, bytes.as_bytes(), entry.target))
        });
        let look = Look { py, exception, info, frame, entry, depth, by_place };
        match look.outcome(&plan) {
            // Only forward: what raises again in a loop is taken by it.
            Some(raised) if raised > entry.target || raised > offset => offset = raised,
            _ => return false,
        }
    }
    false
}

/// A look at one handler.
struct Look<'a, 'py> {
    py: Python<'py>,
    exception: &'a Bound<'py, PyAny>,
    info: *mut CodeInfo,
    frame: Option<&'a Standing>,
    entry: Entry,
    depth: usize,
    by_place: &'a Cell<bool>,
}

impl Look<'_, '_> {
    /// Where the exception is raised again; `None` if it may be taken.
    fn outcome(&self, plan: &Plan) -> Option<u32> {
        match plan {
            Plan::Catches => None,
            Plan::Passes(offset) => Some(*offset),
            Plan::Match { types, then, otherwise } => {
                let fits = self.fits(types)?;
                self.outcome(if fits { then } else { otherwise })
            }
            Plan::With { otherwise } => self.exit_says_no().then(|| self.outcome(otherwise)).flatten(),
        }
    }

    /// Whether the exception is of these types; `None` if that cannot be told.
    fn fits(&self, types: &Types) -> Option<bool> {
        match types {
            Types::Unknown => None,
            Types::Tuple(all) => {
                let mut any = false;
                for types in all {
                    any |= self.fits(types)?;
                }
                Some(any)
            }
            Types::Stop => {
                // SAFETY: static exception types; both are plain types, whose comparison runs no code.
                Some(unsafe { self.is_a(ffi::PyExc_StopIteration) || self.is_a(ffi::PyExc_StopAsyncIteration) })
            }
            Types::Global(_) | Types::Attribute(..) => self.is_one_of(self.resolve(types)?, 0),
        }
    }

    fn is_a(&self, class: *mut PyObject) -> bool {
        // SAFETY: live objects; the interpreter compares the types themselves, no `__subclasscheck__` is asked.
        unsafe { ffi::PyErr_GivenExceptionMatches(self.exception.as_ptr(), class) != 0 }
    }

    fn is_one_of(&self, object: *mut PyObject, depth: usize) -> Option<bool> {
        // SAFETY: a live object under the GIL; items are borrowed from the tuple.
        unsafe {
            if ffi::PyType_Check(object) != 0 {
                return Some(self.is_a(object));
            }
            if ffi::PyTuple_CheckExact(object) == 0 || depth > 10 {
                return None;
            }
            let mut any = false;
            for index in 0..ffi::PyTuple_Size(object) {
                any |= self.is_one_of(ffi::PyTuple_GetItem(object, index), depth + 1)?;
            }
            Some(any)
        }
    }

    /// What a name stands for; borrowed.
    fn resolve(&self, types: &Types) -> Option<*mut PyObject> {
        match types {
            Types::Global(index) => {
                let frame = self.frame?.frame();
                let name = self.name(*index)?;
                // SAFETY: a live frame, which keeps both; names are exact strings.
                unsafe {
                    let globals = Ref::steal((capi::py().frame_get_globals)(frame))?;
                    let builtins = Ref::steal((capi::py().frame_get_builtins)(frame))?;
                    let found = lookup(globals.as_ptr(), name);
                    let found = if found.is_null() { lookup(builtins.as_ptr(), name) } else { found };
                    (!found.is_null()).then_some(found)
                }
            }
            Types::Attribute(base, index) => {
                let base = self.resolve(base)?;
                let name = self.name(*index)?;
                // SAFETY: as above; only the namespace of a plain module is looked into.
                unsafe {
                    if ffi::Py_TYPE(base) != &raw mut ffi::PyModule_Type {
                        return None;
                    }
                    let found = lookup(ffi::PyModule_GetDict(base), name);
                    (!found.is_null()).then_some(found)
                }
            }
            Types::Tuple(_) | Types::Stop | Types::Unknown => None,
        }
    }

    fn name(&self, index: usize) -> Option<*mut PyObject> {
        let names = facts_of(self.py, self.info)?.names.as_ptr();
        // SAFETY: a tuple of strings; the item is borrowed from it.
        let name = unsafe { ffi::PyTuple_GetItem(names, index.cast_signed()) };
        if name.is_null() {
            // SAFETY: the error of an index beyond the end, ours to forget.
            unsafe { ffi::PyErr_Clear() };
            return None;
        }
        Some(name)
    }

    /// Whether the `__exit__` of a `with` is known not to take the exception.
    fn exit_says_no(&self) -> bool {
        self.by_place.set(false);
        let Some(frame) = self.frame else { return false };
        let Some(facts) = facts_of(self.py, self.info) else { return false };
        let locals = facts.locals;
        let at = |below: usize| {
            let index = (self.entry.depth as usize).checked_sub(below)?;
            frame.raw.stacked(locals, index)
        };
        // Bound up to 3.13; from 3.14 on the function lies below what it is called with.
        let (function, of) = if capi().version >= (3, 14) { (at(2), at(1)) } else { (at(1), None) };
        let Some(function) = function else { return false };
        // SAFETY: values of a live frame, kept by it while nothing runs.
        unsafe { self.never_takes(function, of) }
    }

    /// # Safety
    /// Live objects, under the GIL.
    unsafe fn never_takes(&self, function: *mut PyObject, of: Option<*mut PyObject>) -> bool {
        let py = self.py;
        // SAFETY: by the caller.
        let function = unsafe { Bound::from_borrowed_ptr(py, function) };
        let kind = function.get_type();
        let kind_name = kind.name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
        // SAFETY: by the caller.
        let given = of.map(|of| unsafe { Bound::from_borrowed_ptr(py, of) });
        match kind_name.as_str() {
            "builtin_function_or_method" | "method_descriptor" => {
                let owner = given.or_else(|| attribute(&function, c"__self__").ok());
                owner.is_some_and(|owner| is_plain_resource(&owner))
            }
            "method" => {
                let (Ok(inner), Ok(owner)) = (attribute(&function, c"__func__"), attribute(&function, c"__self__"))
                else {
                    return false;
                };
                self.function_never_takes(&inner, Some(&owner))
            }
            "function" => self.function_never_takes(&function, given.as_ref()),
            _ => false,
        }
    }

    fn function_never_takes(&self, function: &Bound<'_, PyAny>, of: Option<&Bound<'_, PyAny>>) -> bool {
        let Ok(code) = attribute(function, c"__code__") else { return false };
        if !codes::is_code(&code) {
            return false;
        }
        let text = |name| attribute(&code, name).and_then(|it| it.extract::<String>()).unwrap_or_default();
        let (name, file) = (text(c"co_qualname"), text(c"co_filename"));
        if name == "_GeneratorContextManager.__exit__" && file.ends_with("/contextlib.py") {
            return of.is_some_and(|of| self.generator_passes(of));
        }
        answers_nothing(self.py, &code).unwrap_or(false)
    }

    /// Whether the generator behind a `@contextmanager` lets the exception through that it would be thrown.
    fn generator_passes(&self, manager: &Bound<'_, PyAny>) -> bool {
        if self.depth >= DEEPEST_WITH {
            return false;
        }
        let Some(generator) = own_field(manager, "gen") else { return false };
        let frame = || -> PyResult<(*mut PyObject, i32)> {
            let frame = attribute(&generator, c"gi_frame")?;
            let code = attribute(&generator, c"gi_code")?;
            Ok((code.as_ptr(), attribute(&frame, c"f_lasti")?.extract()?))
        };
        let is_generator = generator.get_type().name().is_ok_and(|it| it.to_string_lossy() == "generator");
        let Some((code, at)) = is_generator.then(frame).and_then(Result::ok) else { return false };
        let Ok(info) = codes::info_of(self.py, code) else { return false };
        let (false, Ok(at)) = (info.is_null(), u32::try_from(at)) else { return false };
        leaves(self.py, self.exception, info, None, at, self.depth + 1, self.by_place)
    }
}

/// # Safety
/// Live objects under the GIL, `name` an exact string. The answer is borrowed, null if there is none.
unsafe fn lookup(namespace: *mut PyObject, name: *mut PyObject) -> *mut PyObject {
    // SAFETY: by the caller; of an exact dict nothing but its keys is asked, which are strings.
    unsafe {
        if namespace.is_null() || ffi::PyDict_CheckExact(namespace) == 0 {
            return std::ptr::null_mut();
        }
        let found = ffi::PyDict_GetItemWithError(namespace, name);
        if found.is_null() {
            ffi::PyErr_Clear();
        }
        found
    }
}

/// A field of an object's own dict; no attribute hook is asked.
fn own_field<'py>(object: &Bound<'py, PyAny>, name: &str) -> Option<Bound<'py, PyAny>> {
    let py = object.py();
    // SAFETY: the generic function, of a live object; a new reference or an error.
    let fields = unsafe {
        let fields = ffi::PyObject_GenericGetDict(object.as_ptr(), std::ptr::null_mut());
        Bound::from_owned_ptr_or_err(py, fields).ok()?
    };
    fields.cast::<pyo3::types::PyDict>().ok()?.get_item(name).ok()?
}

/// Whether an object is of a builtin type whose `__exit__` only lets go of something.
fn is_plain_resource(object: &Bound<'_, PyAny>) -> bool {
    const PLAIN: [(&str, &str); 12] = [
        ("_io", "TextIOWrapper"),
        ("_io", "BufferedReader"),
        ("_io", "BufferedWriter"),
        ("_io", "BufferedRandom"),
        ("_io", "FileIO"),
        ("_io", "BytesIO"),
        ("_io", "StringIO"),
        ("_thread", "lock"),
        ("_thread", "RLock"),
        ("builtins", "memoryview"),
        ("posix", "ScandirIterator"),
        ("mmap", "mmap"),
    ];
    let class = object.get_type();
    let (Ok(module), Ok(name)) = (class.module(), class.name()) else { return false };
    let (module, name) = (module.to_string_lossy(), name.to_string_lossy());
    PLAIN.iter().any(|(of, it)| module == *of && name == *it)
}

/// Whether a function answers None or False whenever it returns.
fn answers_nothing(py: Python<'_>, code: &Bound<'_, PyAny>) -> PyResult<bool> {
    let Some(opcodes) = opcodes() else { return Ok(false) };
    let bytes = attribute(code, c"co_code")?.cast_into::<PyBytes>()?;
    let constants = attribute(code, c"co_consts")?.cast_into::<PyTuple>()?;
    let nothing = |index: u32| {
        let constant = constants.get_item(index as usize);
        // SAFETY: addresses of objects that live as long as the interpreter.
        constant.is_ok_and(|it| it.is_none() || it.as_ptr() == unsafe { ffi::Py_False() })
    };
    const CO_YIELDS: i32 = 0x20 | 0x80 | 0x100 | 0x200;
    if attribute(code, c"co_flags")?.extract::<i32>()? & CO_YIELDS != 0 {
        return Ok(false);
    }
    let common = common_nothing(py);
    let (mut at, mut before) = (0, None);
    while let Some(it) = opcodes.at(bytes.as_bytes(), at) {
        if it.op == Op::Return {
            let good = match before {
                // The constant is in the instruction itself.
                _ if it.opcode != return_value() => nothing(it.argument),
                Some((Op::LoadConstant, _, argument)) => nothing(argument),
                Some((_, opcode, argument)) => common.contains(&(opcode, argument)),
                None => false,
            };
            if !good {
                return Ok(false);
            }
        }
        before = Some((it.op, it.opcode, it.argument));
        at = it.next;
    }
    Ok(true)
}

/// The number of the instruction that returns what lies on the stack.
fn return_value() -> u8 {
    match capi().version {
        (3, 11 | 12) => 83,
        (3, 13) => 36,
        (3, 14) => 35,
        _ => 33,
    }
}

/// The instructions that load None and False without a constant of the code's own (3.15).
fn common_nothing(py: Python<'_>) -> &'static [(u8, u32)] {
    static COMMON: OnceLock<Vec<(u8, u32)>> = OnceLock::new();
    COMMON.get_or_init(|| {
        let learn = |text: &str| -> PyResult<Vec<(u8, u32)>> {
            let code = py.import("builtins")?.getattr("compile")?.call1((text, "<ikpdb>", "eval"))?;
            let bytes = attribute(&code, c"co_code")?.cast_into::<PyBytes>()?;
            let opcodes = opcodes().ok_or_else(|| pyo3::exceptions::PyValueError::new_err("unknown instructions"))?;
            let (mut at, mut before, mut found) = (0, None, Vec::new());
            while let Some(it) = opcodes.at(bytes.as_bytes(), at) {
                if it.op == Op::Return && it.opcode == return_value() {
                    found.extend(before);
                }
                before = (it.op == Op::Other).then_some((it.opcode, it.argument));
                at = it.next;
            }
            Ok(found)
        };
        ["None", "False"].into_iter().flat_map(|text| learn(text).unwrap_or_default()).collect()
    })
}
