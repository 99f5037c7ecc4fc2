//! Values as clients of the original IKPdb expect them: a name, a type that counts, and a `repr` cut to a length.

mod children;
mod frames;
mod repr;

use std::collections::HashMap;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyBool;
use serde_json::{Value, json};

use super::data::{find, list_item, list_size, text, text_is, tuple_item, tuple_size};
use super::locals;
use super::native::{Any, NoCollection, class_dict, class_of, is_a, is_exactly, is_native, is_text, small_int};
use super::render;
use super::types::{Kind, Types};
use crate::capi::Ref;

/// The most characters of a value.
const VALUE: usize = 487;
/// So many characters of a value that was asked for, where it is shown without running anything.
const KNOWN: usize = 10_000_000;
/// What follows a value that was cut.
const CUT: &str = " ... (truncated by ikpdb)";
/// What is shown of a value whose own code raises.
const FAILED: &str = "Error while extracting value";
/// How deep data is told of as data, and how many items of it.
const DEEPEST_DATA: usize = 10;
const MOST_DATA: usize = 100;
/// The longest name of a variable.
const NAME: usize = 1000;

/// What became of a `repr` that is not ours.
pub(crate) enum Asked<'py> {
    /// A str.
    Shown(Bound<'py, PyAny>),
    /// It raised.
    Raised,
    /// It was not run, or not to its end.
    NotRun,
}

/// Runs code of the program's, within bounds.
pub(crate) trait Foreign<'py> {
    /// `repr(value)`.
    fn repr(&mut self, value: &Bound<'py, PyAny>) -> Asked<'py>;

    /// `str(value)`.
    fn str(&mut self, value: &Bound<'py, PyAny>) -> Asked<'py>;
}

/// The objects that clients were told of during one stop, by address: what a client names is looked up here, never taken for an
/// address. They are held until the program goes on.
#[derive(Default)]
pub(crate) struct Addresses(HashMap<u64, Ref>);

impl Addresses {
    /// Holds an object; its address.
    pub(crate) fn add(&mut self, value: &Bound<'_, PyAny>) -> u64 {
        let address = value.as_ptr().addr() as u64;
        self.0.entry(address).or_insert_with(|| Ref::from(value.clone()));
        address
    }

    /// The object with an address, if a client was told of it.
    pub(crate) fn get<'py>(&self, py: Python<'py>, address: u64) -> Option<Bound<'py, PyAny>> {
        self.0.get(&address).map(|it| it.bind(py))
    }
}

/// Describes variables to a client.
pub(crate) struct Variables<'a, 'py> {
    pub(crate) addresses: &'a mut Addresses,
    pub(crate) foreign: &'a mut dyn Foreign<'py>,
    types: Types<'py>,
    /// Values are not cut.
    whole: bool,
}

impl<'a, 'py> Variables<'a, 'py> {
    pub(crate) fn new(addresses: &'a mut Addresses, foreign: &'a mut dyn Foreign<'py>) -> Self {
        Self { addresses, foreign, types: Types::default(), whole: false }
    }

    /// The same, which leaves values as long as they are: their own `repr`.
    pub(crate) fn whole(self) -> Self {
        Self { whole: true, ..self }
    }

    /// What is inside of an object.
    pub(crate) fn inside(&mut self, object: &Bound<'py, PyAny>) -> Vec<Value> {
        let inside = children::inside(&mut self.types, object);
        let mut variables = Vec::with_capacity(inside.named.len());
        for (name, value) in &inside.named {
            let name = match name {
                children::Name::Text(name) => name.clone(),
                children::Name::Key(key) => self.shown(key).0,
            };
            variables.push(self.variable(name, value));
        }
        if let Some(next) = inside.cut_at {
            variables.push(frames::cut_row(next));
        }
        variables
    }

    fn variable(&mut self, mut name: String, value: &Any<'py>) -> Value {
        let (shown, is_marked) = self.shown(value);
        if is_marked {
            name.push('*');
        }
        let count = children::count(&mut self.types, value);
        json!({
            "id": self.addresses.add(value),
            "name": name,
            "type": children::type_text(value, count),
            "value": shown,
            "children_count": count,
        })
    }

    /// A value, cut, and whether it is not what `repr` would give.
    pub(crate) fn shown(&mut self, value: &Any<'py>) -> (String, bool) {
        if self.whole {
            return match self.foreign.repr(value) {
                Asked::Shown(shown) => (text(&shown, usize::MAX), false),
                Asked::Raised => (FAILED.to_owned(), false),
                Asked::NotRun => (address(value), true),
            };
        }
        let shown = repr::repr(&mut self.types, self.foreign, value, VALUE);
        if shown.failed {
            return (FAILED.to_owned(), false);
        }
        match shown.text.char_indices().nth(VALUE) {
            Some((end, _)) => (format!("{}{CUT}", &shown.text[..end]), true),
            None => (shown.text, shown.stands_in),
        }
    }
}

/// The type of a value without what is in it, but with the length of a text.
pub(crate) fn plain_type_text(value: &Bound<'_, PyAny>) -> String {
    let _quiet = NoCollection::new(value.py());
    children::type_text(value, 0)
}

/// The name of the type of a value, with its module.
pub(crate) fn type_name(value: &Bound<'_, PyAny>) -> String {
    let _quiet = NoCollection::new(value.py());
    repr::printed_name(&class_of(value))
}

/// The text of an exception whose class writes one with code of its own; none of others, or if that fails.
pub(crate) fn own_text<'py>(foreign: &mut dyn Foreign<'py>, exception: &Bound<'py, PyAny>) -> Option<String> {
    let is_own = {
        let _quiet = NoCollection::new(exception.py());
        let facts = Types::default().of(exception);
        let writes = |class: &&Any<'_>| class_dict(class).is_some_and(|it| find(&it, "__str__").is_some());
        facts.order().iter().find(writes).is_some_and(|class| !is_native(class))
    };
    match is_own.then(|| foreign.str(exception)) {
        Some(Asked::Shown(shown)) => Some(text(&shown, usize::MAX)),
        _ => None,
    }
}

/// A value as JSON says it, as far as it is plain data; what is none is told as its text.
pub(crate) fn as_json(value: &Bound<'_, PyAny>) -> Value {
    let _quiet = NoCollection::new(value.py());
    plain(value, DEEPEST_DATA)
}

fn plain(value: &Any<'_>, depth: usize) -> Value {
    let line = || Value::from(render::line_of(&mut Types::default(), value));
    if value.is_none() {
        return Value::Null;
    }
    if is_exactly(value, &raw mut ffi::PyBool_Type) {
        return Value::from(value.is(PyBool::new(value.py(), true)));
    }
    if let Some(number) = small_int(value) {
        return Value::from(number);
    }
    if is_text(value) {
        return Value::from(text(value, usize::MAX));
    }
    if is_a(value, &raw mut ffi::PyFloat_Type) {
        // SAFETY: a float or derived from it, so nothing of its class is called.
        let number = unsafe { ffi::PyFloat_AsDouble(value.as_ptr()) };
        // JSON has no infinity.
        return serde_json::Number::from_f64(number).map_or_else(line, Value::Number);
    }
    if depth == 0 {
        return line();
    }
    let inside = |all: Vec<Any<'_>>| Value::Array(all.iter().map(|it| plain(it, depth - 1)).collect());
    if is_exactly(value, &raw mut ffi::PyList_Type) && list_size(value) <= MOST_DATA {
        inside((0..list_size(value)).map_while(|at| list_item(value, at)).collect())
    } else if is_exactly(value, &raw mut ffi::PyTuple_Type) && tuple_size(value) <= MOST_DATA {
        inside((0..tuple_size(value)).map_while(|at| tuple_item(value, at)).collect())
    } else {
        line()
    }
}

/// Whether a value is a frame.
pub(crate) fn is_frame(value: &Bound<'_, PyAny>) -> bool {
    Types::default().of(value).kind == Kind::Frame
}

/// What stands for a value that cannot show itself.
pub(crate) fn address(value: &Bound<'_, PyAny>) -> String {
    format!("<{} object at {:#x}>", type_name(value), value.as_ptr().addr())
}

/// Whether a name is one of a frame's globals and none of its locals.
pub(crate) fn is_global_only(frame: &Bound<'_, PyAny>, name: &str) -> bool {
    let _quiet = NoCollection::new(frame.py());
    let is_local = locals::values(frame).iter().any(|(it, _)| text_is(it, name));
    !is_local && locals::globals(frame).is_some_and(|it| find(&it, name).is_some())
}

/// How many children a value has.
pub(crate) fn children_count(value: &Bound<'_, PyAny>) -> usize {
    let _quiet = NoCollection::new(value.py());
    children::count(&mut Types::default(), value)
}

/// What `repr` gives as far as C code alone can tell it; the rest is asked for from `foreign`, or has a stand-in.
pub(crate) fn known_repr<'py>(foreign: &mut dyn Foreign<'py>, value: &Bound<'py, PyAny>) -> String {
    let shown = repr::repr(&mut Types::default(), foreign, value, KNOWN);
    if shown.failed { FAILED.to_owned() } else { shown.text }
}
