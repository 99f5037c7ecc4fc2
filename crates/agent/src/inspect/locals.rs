//! The local names of a frame, read and written, on every version.
//!
//! Up to 3.12 the locals of a function are read from and written to a dict, see [`Namespace`]; from 3.13 on there is a proxy that reads and
//! writes through.

use std::sync::OnceLock;

use ikpdb_proto::Failure;
use pyo3::ffi::{self, PyFrameObject, PyObject};
use pyo3::prelude::*;

use super::data::{entries, find, text, text_is, tuple_items};
use super::namespace::Namespace;
use super::native::{Any, class_of, is_dict, is_exactly, is_native, is_text, own_attribute, small_int, take};
use super::types::type_name;
use crate::capi::{self, capi};

type GetVar = unsafe extern "C" fn(*mut PyFrameObject, *mut PyObject) -> *mut PyObject;

/// A code object whose locals have fixed places: a function.
const OPTIMIZED: i64 = 1;

/// What kind of locals a frame has.
#[derive(Debug)]
pub(super) enum Shape<'py> {
    /// A function: names in fixed places.
    Function,
    /// A module: the locals are the globals.
    Module,
    /// A module inside a comprehension that has names of its own (3.12+).
    ModuleComprehension,
    /// A class body, or code run with a dict of locals.
    Namespace(Any<'py>),
    /// A class body whose metaclass gave it something that only its own code can read.
    Foreign(Any<'py>),
}

/// The kind of locals of `frame`.
pub(super) fn shape<'py>(frame: &Any<'py>) -> Shape<'py> {
    let code = code(frame);
    if code.as_ref().is_some_and(is_optimized) {
        return Shape::Function;
    }
    let (Some(locals), Some(globals)) = (locals(frame), globals(frame)) else { return Shape::Function };
    if locals.is(&globals) {
        return Shape::Module;
    }
    let is_module = code
        .and_then(|it| own_attribute(&it, "co_name"))
        .is_some_and(|name| is_text(&name) && text_is(&name, "<module>"));
    // A module whose locals are not its globals: a comprehension's names are among them, or it was run by `exec` so.
    let may_have_own = is_module && capi().version >= (3, 12);
    if may_have_own && (is_proxy(&locals) || !fast(frame).is_empty()) {
        Shape::ModuleComprehension
    } else if is_dict(&locals) || is_proxy(&locals) {
        Shape::Namespace(locals)
    } else {
        Shape::Foreign(locals)
    }
}

/// The globals of a frame.
pub(super) fn globals<'py>(frame: &Any<'py>) -> Option<Any<'py>> {
    // SAFETY: a live frame; a new reference.
    unsafe { take(frame.py(), (capi::py().frame_get_globals)(frame.as_ptr().cast())) }
}

/// The name of the module whose globals they are.
pub(super) fn module_name(frame: &Any<'_>) -> Option<String> {
    /// The longest name that is shown.
    const NAME: usize = 1000;
    find(&globals(frame)?, "__name__").filter(is_text).map(|it| text(&it, NAME))
}

/// The bound local names of a frame with their values: arguments first, then the others, then those of outer functions.
pub(super) fn values<'py>(frame: &Any<'py>) -> Vec<(Any<'py>, Any<'py>)> {
    match shape(frame) {
        Shape::Function => fast(frame),
        Shape::ModuleComprehension => {
            let own = code(frame).map(|code| names(&code)).unwrap_or_default();
            let is_own = |name: &Any<'py>| own.iter().any(|it| it.is(name) || text_is(it, &text(name, usize::MAX)));
            fast(frame).into_iter().filter(|(name, _)| is_own(name)).collect()
        }
        Shape::Namespace(dict) if is_dict(&dict) => entries(&dict, 0).filter(|(name, _)| is_text(name)).collect(),
        Shape::Namespace(proxy) => proxy_items(&proxy),
        Shape::Module | Shape::Foreign(_) => Vec::new(),
    }
}

/// Gives a local name of a frame a value.
pub(super) fn set(frame: &Any<'_>, name: &Any<'_>, value: &Any<'_>) -> Result<(), Failure> {
    let shape = shape(frame);
    // The interpreter takes such a write and drops it: a module's or class's names may hide the comprehension's.
    let is_dropped = match &shape {
        Shape::ModuleComprehension => true,
        Shape::Namespace(names) => is_proxy(names) || capi().version == (3, 12) && runs_comprehension(frame),
        Shape::Function | Shape::Module | Shape::Foreign(_) => false,
    };
    if is_dropped {
        return Err(Failure::user("Python cannot change the variable of a comprehension outside of functions"));
    }
    // One dict, one write, and back to the frame at once: the next request for the dict would undo it.
    let failed = || Failure::user(super::set::raised(frame.py()));
    let mut namespace = Namespace::of(frame.py(), frame.as_ptr().cast()).map_err(|error| {
        error.restore(frame.py());
        failed()
    })?;
    let locals = namespace.mapping();
    // SAFETY: live objects.
    let outcome = unsafe {
        if is_exactly(locals, &raw mut ffi::PyDict_Type) {
            ffi::PyDict_SetItem(locals.as_ptr(), name.as_ptr(), value.as_ptr())
        } else {
            ffi::PyObject_SetItem(locals.as_ptr(), name.as_ptr(), value.as_ptr())
        }
    };
    if outcome != 0 {
        return Err(failed());
    }
    if matches!(shape, Shape::Function) {
        namespace.write_back();
    }
    Ok(())
}

/// The locals as the interpreter gives them.
fn locals<'py>(frame: &Any<'py>) -> Option<Any<'py>> {
    // SAFETY: a live frame; a new reference.
    unsafe { take(frame.py(), (capi::py().frame_get_locals)(frame.as_ptr().cast())) }
}

fn code<'py>(frame: &Any<'py>) -> Option<Any<'py>> {
    // SAFETY: a live frame; a new reference.
    unsafe { take(frame.py(), ffi::PyFrame_GetCode(frame.as_ptr().cast()).cast()) }
}

pub(super) fn is_optimized(code: &Any<'_>) -> bool {
    own_attribute(code, "co_flags").and_then(|it| small_int(&it)).is_some_and(|flags| flags & OPTIMIZED != 0)
}

/// The bound names that have fixed places in the frame.
fn fast<'py>(frame: &Any<'py>) -> Vec<(Any<'py>, Any<'py>)> {
    let version = capi().version;
    if version >= (3, 13) {
        return locals(frame).filter(is_proxy).map(|it| proxy_items(&it)).unwrap_or_default();
    }
    let names = code(frame).map(|code| names(&code)).unwrap_or_default();
    if version == (3, 12)
        && let Some(get) = get_var()
    {
        // Leaves the frame's dict, which the program may have in its hands, as it is.
        return names
            .into_iter()
            .filter_map(|name| {
                // SAFETY: a live frame and a str; a new reference, or an error for a name that is not bound.
                let value = unsafe { take(frame.py(), get(frame.as_ptr().cast(), name.as_ptr())) };
                value.map(|value| (name, value))
            })
            .collect();
    }
    let Ok(namespace) = Namespace::of(frame.py(), frame.as_ptr().cast()) else { return Vec::new() };
    let dict = namespace.mapping();
    if !is_dict(dict) {
        return Vec::new();
    }
    let mut bound: Vec<_> = entries(dict, 0).filter(|(name, _)| is_text(name)).collect();
    // In the order of the code; what the program itself put into the dict comes last.
    bound.sort_by_key(|(name, _)| names.iter().position(|it| it.is(name)).unwrap_or(usize::MAX));
    bound
}

/// Whether a class body is inside a comprehension: nothing else gives it names in fixed places of its own.
fn runs_comprehension(frame: &Any<'_>) -> bool {
    let own = code(frame).and_then(|code| own_attribute(&code, "co_varnames"));
    let own: Vec<_> = own.iter().flat_map(tuple_items).collect();
    !own.is_empty() && fast(frame).iter().any(|(name, _)| own.iter().any(|it| it.is(name)))
}

fn get_var() -> Option<GetVar> {
    static GET_VAR: OnceLock<Option<GetVar>> = OnceLock::new();
    *GET_VAR.get_or_init(|| {
        // SAFETY: the symbol is the named CPython function, whose signature the type repeats.
        capi::data_symbol(c"PyFrame_GetVar")
            .map(|it| unsafe { std::mem::transmute::<*mut std::ffi::c_void, GetVar>(it) })
    })
}

/// Arguments and other locals, cells, free variables; each once.
pub(super) fn names<'py>(code: &Any<'py>) -> Vec<Any<'py>> {
    let mut names: Vec<Any<'py>> = Vec::new();
    for kind in ["co_varnames", "co_cellvars", "co_freevars"] {
        let Some(tuple) = own_attribute(code, kind) else { continue };
        let known = names.len();
        for name in tuple_items(&tuple) {
            // An argument that an inner function uses stands in both lists, as one object.
            if !names[..known].iter().any(|it| it.is(&name)) {
                names.push(name);
            }
        }
    }
    names
}

fn is_proxy(locals: &Any<'_>) -> bool {
    let class = class_of(locals);
    is_native(&class) && type_name(&class) == "FrameLocalsProxy"
}

fn proxy_items<'py>(proxy: &Any<'py>) -> Vec<(Any<'py>, Any<'py>)> {
    // SAFETY: the proxy's own function in C makes a list of pairs.
    let Some(items) = (unsafe { take(proxy.py(), ffi::PyMapping_Items(proxy.as_ptr())) }) else { return Vec::new() };
    (0..super::data::list_size(&items))
        .filter_map(|index| {
            let pair = super::data::list_item(&items, index)?;
            let name = super::data::tuple_item(&pair, 0).filter(is_text)?;
            Some((name, super::data::tuple_item(&pair, 1)?))
        })
        .collect()
}
