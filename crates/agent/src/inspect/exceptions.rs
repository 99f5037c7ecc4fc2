//! Exceptions and tracebacks, read without asking them: no `__str__`, no attribute hook and no audit hook is called.

use pyo3::ffi;
use pyo3::prelude::*;

use super::data::{find, list_item, list_size, text, text_length, tuple_item, tuple_items, tuple_size};
use super::line::TEXT;
use super::native::{
    Any, class_dict, class_of, instance_dict, is_a, is_exactly, is_native, is_plain_text, is_text, native_module,
    own_attribute, referents, slot, small_int, take,
};
use super::render::line_of;
use super::render_object::arguments;
use super::types::{Facts, Kind, Types, module_name, qualified_name, type_name};

/// The longest message of an exception that is described.
const MESSAGE: usize = 10_000;
/// The most frames of a traceback.
const FRAMES: usize = 100_000;
/// The most notes of an exception, and the most exceptions of a group.
const MOST: usize = 100;

/// What there is to say of an exception.
#[derive(Debug)]
pub(crate) struct Exception {
    /// Name of its type, qualified.
    pub(crate) name: String,
    /// The same with its module, but for builtin ones.
    pub(crate) full_name: String,
    /// As a traceback ends: name as it is printed, message.
    pub(crate) line: String,
    /// Its message.
    pub(crate) message: String,
    /// The notes that were added to it.
    pub(crate) notes: Vec<String>,
}

/// How an exception came to have another one inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    /// `raise … from`
    Cause,
    /// It was raised while the other one was handled.
    Context,
}

/// Where a file could not be compiled.
#[derive(Clone, Debug)]
pub(crate) struct SyntaxError {
    /// What is wrong.
    pub(crate) message: String,
    /// The file.
    pub(crate) path: Option<String>,
    /// The line.
    pub(crate) line: u32,
    /// The text of the line.
    pub(crate) text: Option<String>,
    /// The column of the error in it, in characters from 1; 0 if not known.
    pub(crate) column: usize,
}

/// Where a frame is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FramePlace {
    /// `co_filename`.
    pub(crate) file: String,
    /// `co_name`.
    pub(crate) name: String,
    /// `co_qualname`.
    pub(crate) qualified: String,
}

/// `ValueError: the message`, as the last line of a traceback.
pub(super) fn line<'py>(types: &mut Types<'py>, exception: &Any<'py>) -> String {
    let name = types.of(exception).full_name();
    joined(&name, &message(types, exception, TEXT))
}

fn joined(name: &str, message: &str) -> String {
    if message.is_empty() { name.to_owned() } else { format!("{name}: {message}") }
}

/// The names of its type and of that one's bases, each alone and with its module.
pub(super) fn type_names(exception: &Any<'_>) -> Vec<(String, String)> {
    let facts = Types::default().of(exception);
    let names = facts.order().iter().map(|class| {
        let (name, module) = (qualified_name(class), module_name(class));
        let full = if module.is_empty() { name.clone() } else { format!("{module}.{name}") };
        (name, full)
    });
    names.collect()
}

/// The `code` of a `SystemExit`: 1 where it is no number, none where there is none.
pub(super) fn exit_code(exception: &Any<'_>) -> Option<i64> {
    let facts = Types::default().of(exception);
    let code = facts.native(exception, "code").filter(|it| !it.is_none())?;
    Some(small_int(&code).unwrap_or(1))
}

/// All that is known of it.
pub(super) fn describe<'py>(types: &mut Types<'py>, exception: &Any<'py>) -> Exception {
    let facts = types.of(exception);
    let message = message(types, exception, MESSAGE);
    let in_module = |module: &str| format!("{module}.{}", facts.qualified);
    Exception {
        name: facts.qualified.clone(),
        full_name: match facts.module.as_str() {
            "" | "builtins" => facts.qualified.clone(),
            module => in_module(module),
        },
        line: joined(&facts.full_name(), &message),
        message,
        notes: notes(exception),
    }
}

/// What the interpreter would say of it, where that is for its own code to say; else its arguments.
fn message<'py>(types: &mut Types<'py>, exception: &Any<'py>, limit: usize) -> String {
    let facts = types.of(exception);
    let owner = facts.order().iter().find(|class| class_dict(class).is_some_and(|it| find(&it, "__str__").is_some()));
    let owner = owner.filter(|it| is_native(it) && native_module(it) == "builtins");
    let field = |name: &str| facts.native(exception, name).filter(|it| !it.is_none());
    let own = match owner.map(type_name).as_deref() {
        // As a traceback ends: file and line stand above it.
        Some("SyntaxError") => field("msg").map(|it| shown(types, &it, limit)),
        Some("ImportError") => field("msg").filter(is_plain_text).map(|it| shown(types, &it, limit)),
        Some("OSError") => match (field("errno"), field("strerror")) {
            (number, reason) if field("filename").is_some() => {
                let [number, reason] =
                    [number, reason].map(|it| it.map_or("None".to_owned(), |it| shown(types, &it, limit)));
                let names: Vec<_> =
                    ["filename", "filename2"].iter().filter_map(|it| field(it)).map(|it| line_of(types, &it)).collect();
                Some(format!("[Errno {number}] {reason}: {}", names.join(" -> ")))
            }
            (Some(number), Some(reason)) => {
                Some(format!("[Errno {}] {}", shown(types, &number, limit), shown(types, &reason, limit)))
            }
            _ => None,
        },
        Some("BaseExceptionGroup") => field("message").map(|it| {
            let count = members(exception).len();
            format!("{} ({count} sub-exception{})", shown(types, &it, limit), if count == 1 { "" } else { "s" })
        }),
        Some("UnicodeDecodeError" | "UnicodeEncodeError" | "UnicodeTranslateError") => {
            owner.and_then(|owner| by_the_codec(owner, exception, &field))
        }
        _ => None,
    };
    own.unwrap_or_else(|| by_arguments(types, &facts, exception, limit))
}

/// As `str` shows a builtin value.
fn shown<'py>(types: &mut Types<'py>, value: &Any<'py>, limit: usize) -> String {
    if is_text(value) { cut(value, limit) } else { line_of(types, value) }
}

/// A text, cut and said so.
fn cut(value: &Any<'_>, limit: usize) -> String {
    let mut shown = text(value, limit);
    if text_length(value) > limit {
        shown.push('…');
    }
    shown
}

fn by_arguments<'py>(types: &mut Types<'py>, facts: &Facts<'py>, exception: &Any<'py>, limit: usize) -> String {
    let Some(arguments) = arguments(facts, exception) else { return String::new() };
    match tuple_size(&arguments) {
        0 => String::new(),
        // As `KeyError` itself does, so that a missing key of '' can be seen.
        1 => match tuple_item(&arguments, 0) {
            Some(only) if is_text(&only) && !is_key_error(facts) => cut(&only, limit),
            Some(only) => line_of(types, &only),
            None => String::new(),
        },
        _ => line_of(types, &arguments),
    }
}

fn is_key_error(facts: &Facts<'_>) -> bool {
    facts.order().iter().any(|it| is_native(it) && type_name(it) == "KeyError" && native_module(it) == "builtins")
}

/// `'utf-8' codec can't decode byte 0xff in position 0: …`, by the C function that says it, if its fields are builtin.
fn by_the_codec<'py>(
    owner: &Any<'py>,
    exception: &Any<'py>,
    field: &dyn Fn(&str) -> Option<Any<'py>>,
) -> Option<String> {
    let is_plain = |it: &Any<'_>| is_plain_text(it) || is_exactly(it, &raw mut ffi::PyBytes_Type);
    if !["object", "reason"].iter().all(|name| field(name).is_some_and(|it| is_plain(&it)))
        || field("encoding").is_some_and(|it| !is_plain_text(&it))
    {
        return None;
    }
    let function = slot(owner, ffi::Py_tp_str)?;
    // SAFETY: the slot of this name has this signature; the fields that it shows are exact strings.
    let shown = unsafe {
        let function = std::mem::transmute::<*mut std::ffi::c_void, super::native::Unary>(function);
        take(exception.py(), function(exception.as_ptr()))?
    };
    is_text(&shown).then(|| text(&shown, MESSAGE))
}

/// The notes that were added to an exception: they are printed below it.
fn notes(exception: &Any<'_>) -> Vec<String> {
    let Some(list) = instance_dict(exception).and_then(|dict| find(&dict, "__notes__")) else { return Vec::new() };
    if !is_exactly(&list, &raw mut ffi::PyList_Type) {
        return Vec::new();
    }
    let count = list_size(&list).min(MOST);
    (0..count).filter_map(|index| list_item(&list, index)).filter(is_text).map(|it| cut(&it, MESSAGE)).collect()
}

/// An attribute that `BaseException` or another type in C gives to exceptions.
fn field<'py>(exception: &Any<'py>, name: &str) -> Option<Any<'py>> {
    Types::default().of(exception).native(exception, name).filter(|it| !it.is_none())
}

fn is_exception(value: &Any<'_>) -> bool {
    super::native::has_flag(value, ffi::Py_TPFLAGS_BASE_EXC_SUBCLASS)
}

/// The exception inside.
pub(super) fn inner<'py>(exception: &Any<'py>) -> Option<(Any<'py>, Relation)> {
    let link = |name: &str| field(exception, name).filter(is_exception);
    if let Some(cause) = link("__cause__") {
        return Some((cause, Relation::Cause));
    }
    let suppressed = field(exception, "__suppress_context__").and_then(|it| small_int(&it)).is_some_and(|it| it != 0);
    if suppressed { None } else { link("__context__").map(|it| (it, Relation::Context)) }
}

/// The exceptions of a group.
pub(super) fn members<'py>(exception: &Any<'py>) -> Vec<Any<'py>> {
    let is_group = |class: &Any<'py>| is_native(class) && type_name(class) == "BaseExceptionGroup";
    if !Types::default().of(exception).order().iter().any(is_group) {
        return Vec::new();
    }
    let Some(all) = field(exception, "exceptions").filter(|it| is_a(it, &raw mut ffi::PyTuple_Type)) else {
        return Vec::new();
    };
    tuple_items(&all).filter(is_exception).collect()
}

/// The frames of an exception's traceback with their lines, outermost first.
pub(super) fn traceback<'py>(exception: &Any<'py>) -> Vec<(Any<'py>, u32)> {
    field(exception, "__traceback__").map_or_else(Vec::new, traceback_from)
}

/// The same from a traceback on; none if it is something else.
pub(super) fn traceback_from(first: Any<'_>) -> Vec<(Any<'_>, u32)> {
    let mut frames = Vec::new();
    let mut next = Some(first);
    while let Some(traceback) = next.take().filter(|_| frames.len() < FRAMES) {
        if !is_builtin(&traceback, "traceback") {
            break;
        }
        let line = own_attribute(&traceback, "tb_lineno").and_then(|it| small_int(&it));
        // Its attribute `tb_frame` would tell audit hooks.
        for part in referents(&traceback, 2) {
            if is_builtin(&part, "frame") {
                frames.push((part, line.and_then(|it| u32::try_from(it).ok()).unwrap_or(1)));
            } else if is_builtin(&part, "traceback") {
                next = Some(part);
            }
        }
    }
    frames
}

fn is_builtin(value: &Any<'_>, name: &str) -> bool {
    let class = class_of(value);
    is_native(&class) && type_name(&class) == name && native_module(&class) == "builtins"
}

/// What a `SyntaxError` says of its place.
pub(super) fn syntax_error(exception: &Any<'_>) -> Option<SyntaxError> {
    let facts = Types::default().of(exception);
    let is_syntax = |class: &Any<'_>| is_native(class) && type_name(class) == "SyntaxError";
    if facts.kind != Kind::Exception || !facts.order().iter().any(is_syntax) {
        return None;
    }
    let field = |name: &str| facts.native(exception, name).filter(|it| !it.is_none());
    let words = |name: &str| field(name).filter(is_text).map(|it| text(&it, MESSAGE));
    let number = |name: &str| field(name).and_then(|it| small_int(&it));
    Some(SyntaxError {
        message: words("msg").unwrap_or_default(),
        path: words("filename"),
        line: number("lineno").and_then(|it| u32::try_from(it).ok()).unwrap_or(1),
        text: words("text"),
        column: number("offset").and_then(|it| usize::try_from(it).ok()).unwrap_or(0),
    })
}

/// File and function of a frame.
pub(super) fn place(frame: &Any<'_>) -> Option<FramePlace> {
    if !is_builtin(frame, "frame") {
        return None;
    }
    // SAFETY: a frame, exactly; a new reference.
    let code = unsafe { take(frame.py(), ffi::PyFrame_GetCode(frame.as_ptr().cast()).cast()) }?;
    let words = |name: &str| own_attribute(&code, name).map(|it| text(&it, MESSAGE)).unwrap_or_default();
    Some(FramePlace { file: words("co_filename"), name: words("co_name"), qualified: words("co_qualname") })
}
