//! The beginning of `repr(value)`, as far as there is room, by C code alone where that can show it. What only other code
//! can show (a class with a `__repr__` of its own, a library's type) is asked for from whoever may run it.

use pyo3::ffi;
use pyo3::prelude::*;

use super::super::data::{
    dict_size, entries, find, list_item, list_size, next_item, set_iterator, set_size, text, tuple_item, tuple_size,
};
use super::super::native::{
    Any, class_dict, instance_dict, is_exactly, is_native, is_text, native_attribute, native_repr, own_attribute,
};
use super::super::render_text::{bytes_literal, literal};
use super::super::types::{Facts, Kind, Types, module_name, qualified_name};
use super::{Asked, Foreign};

/// So deep containers are shown inside each other: each level takes a few frames of the native stack.
const DEEPEST: usize = 40;
/// The longest name of a type, function or module.
const NAME: usize = 500;

/// A `repr` being written.
struct Repr<'a, 'py> {
    types: &'a mut Types<'py>,
    /// Runs what is not ours.
    foreign: &'a mut dyn Foreign<'py>,
    text: String,
    /// So many more characters fit.
    room: usize,
    /// Nothing that follows can be seen.
    full: bool,
    /// The containers that are being shown.
    inside: Vec<*mut ffi::PyObject>,
    /// Something could not be shown as it shows itself.
    stands_in: bool,
}

/// How a `repr` came out.
pub(super) struct Shown {
    /// At most as many characters as there was room for, and one more if there would be more.
    pub(super) text: String,
    /// Something in it is a stand-in.
    pub(super) stands_in: bool,
    /// The object's own code raised.
    pub(super) failed: bool,
}

/// The object's own code raised: so does the `repr` of what holds it.
struct Raised;

/// The `repr` of a value, at most `room` characters and one.
pub(super) fn repr<'py>(
    types: &mut Types<'py>,
    foreign: &mut dyn Foreign<'py>,
    value: &Any<'py>,
    room: usize,
) -> Shown {
    let mut repr =
        Repr { types, foreign, text: String::new(), room, full: false, inside: Vec::new(), stands_in: false };
    let failed = repr.value(value).is_err();
    Shown { text: repr.text, stands_in: repr.stands_in, failed }
}

impl<'py> Repr<'_, 'py> {
    fn put(&mut self, piece: &str) {
        for character in piece.chars() {
            if self.full {
                return;
            }
            self.text.push(character);
            // One more than there is room for says that it goes on.
            self.full = self.room == 0;
            self.room = self.room.saturating_sub(1);
        }
    }

    fn value(&mut self, value: &Any<'py>) -> Result<(), Raised> {
        if self.full {
            return Ok(());
        }
        let facts = self.types.of(value);
        let defines = |class: &&Any<'py>| class_dict(class).is_some_and(|it| find(&it, "__repr__").is_some());
        match facts.order().iter().find(defines) {
            Some(class) if is_exactly_object(class) => {
                self.address(value, &facts.class);
                Ok(())
            }
            Some(class) if is_native(class) && module_name(class) == "builtins" => self.native(value, &facts, class),
            _ => self.ask(value, &facts),
        }
    }

    /// A value that a builtin type shows.
    fn native(&mut self, value: &Any<'py>, facts: &Facts<'py>, shows: &Any<'py>) -> Result<(), Raised> {
        match facts.kind {
            Kind::Text => {
                let (literal, is_whole) = literal(value, self.room);
                self.put(&literal);
                if !is_whole {
                    self.put("'");
                }
            }
            Kind::Bytes | Kind::ByteArray => {
                let name = if facts.kind == Kind::ByteArray { "bytearray(" } else { "" };
                self.put(name);
                let (literal, is_whole) = bytes_literal(value, self.room);
                self.put(&literal);
                self.put(if !is_whole {
                    "'"
                } else if name.is_empty() {
                    ""
                } else {
                    ")"
                });
            }
            Kind::List | Kind::Tuple | Kind::NamedTuple | Kind::Set => return self.container(value, facts),
            Kind::Dict if shows.as_ptr().cast() == &raw mut ffi::PyDict_Type => return self.container(value, facts),
            Kind::None
            | Kind::Single
            | Kind::Bool
            | Kind::Int
            | Kind::Float
            | Kind::Complex
            | Kind::Builtin
            | Kind::Function
            | Kind::Code
            | Kind::Frame
            | Kind::Traceback
            | Kind::Generator
            | Kind::Cell => match native_repr(value, shows, self.room.saturating_add(1)) {
                Some(shown) => self.put(&shown),
                // More digits than Python converts, say.
                None => return Err(Raised),
            },
            Kind::Range if has_plain_bounds(value) => match native_repr(value, shows, self.room) {
                Some(shown) => self.put(&shown),
                None => return Err(Raised),
            },
            Kind::Method => return self.method(value),
            Kind::Class => {
                let shown = format!("<class '{}'>", printed_name(value));
                self.put(&shown);
            }
            Kind::Module => return self.module(value),
            Kind::Exception => return self.exception(value, facts),
            _ => return self.ask(value, facts),
        }
        Ok(())
    }

    /// Lists, tuples, dicts and sets, with their items.
    fn container(&mut self, value: &Any<'py>, facts: &Facts<'py>) -> Result<(), Raised> {
        let (open, close) = match facts.kind {
            Kind::List => ("[", "]"),
            Kind::Tuple | Kind::NamedTuple => ("(", ")"),
            _ => ("{", "}"),
        };
        let is_named =
            facts.kind == Kind::Set && (set_size(value) == 0 || !is_exactly(value, &raw mut ffi::PySet_Type));
        if self.inside.contains(&value.as_ptr()) || self.inside.len() >= DEEPEST {
            let shown = match facts.kind {
                Kind::Set => format!("{}(...)", facts.name),
                _ => format!("{open}...{close}"),
            };
            self.put(&shown);
            return Ok(());
        }
        self.inside.push(value.as_ptr());
        if is_named {
            self.put(&facts.name);
            self.put("(");
        }
        let outcome = if facts.kind == Kind::Set && set_size(value) == 0 {
            Ok(())
        } else {
            self.put(open);
            let outcome = self.items(value, facts);
            self.put(close);
            outcome
        };
        if is_named {
            self.put(")");
        }
        self.inside.pop();
        outcome
    }

    fn items(&mut self, value: &Any<'py>, facts: &Facts<'py>) -> Result<(), Raised> {
        let mut first = true;
        let mut separate = |it: &mut Self| {
            if !std::mem::take(&mut first) {
                it.put(", ");
            }
            !it.full
        };
        match facts.kind {
            Kind::Dict => {
                for (key, item) in entries(value, 0).take(dict_size(value)) {
                    if !separate(self) {
                        break;
                    }
                    self.value(&key)?;
                    self.put(": ");
                    self.value(&item)?;
                }
            }
            Kind::Set => {
                let Some(iterator) = set_iterator(value) else { return Ok(()) };
                while let Some(item) = next_item(&iterator) {
                    if !separate(self) {
                        break;
                    }
                    self.value(&item)?;
                }
            }
            _ => {
                let is_list = facts.kind == Kind::List;
                let size = if is_list { list_size(value) } else { tuple_size(value) };
                for index in 0..size {
                    let item = if is_list { list_item(value, index) } else { tuple_item(value, index) };
                    let Some(item) = item.filter(|_| separate(self)) else { break };
                    self.value(&item)?;
                }
                if !is_list && size == 1 {
                    self.put(",");
                }
            }
        }
        Ok(())
    }

    /// `<bound method Bear.roar of …>`.
    fn method(&mut self, value: &Any<'py>) -> Result<(), Raised> {
        let (Some(function), Some(object)) = (own_attribute(value, "__func__"), own_attribute(value, "__self__"))
        else {
            let facts = self.types.of(value);
            return self.ask(value, &facts);
        };
        let name = own_attribute(&function, "__qualname__").or_else(|| own_attribute(&function, "__name__"));
        let name = name.filter(is_text).map_or_else(|| "?".to_owned(), |it| text(&it, NAME));
        let shown = format!("<bound method {name} of ");
        self.put(&shown);
        self.value(&object)?;
        self.put(">");
        Ok(())
    }

    /// `<module 'os' from '…'>`: what `importlib` says, which is Python code.
    fn module(&mut self, value: &Any<'py>) -> Result<(), Raised> {
        let Some(names) = instance_dict(value) else { return Ok(()) };
        let spec = find(&names, "__spec__").filter(|it| !it.is_none());
        let own = spec.as_ref().and_then(instance_dict);
        let of_spec = |name: &str| own.as_ref().and_then(|it| find(it, name)).filter(|it| !it.is_none());
        let name = of_spec("name").or_else(|| find(&names, "__name__")).filter(is_text);
        let name = name.map_or_else(|| "?".to_owned(), |it| text(&it, NAME));
        let file = find(&names, "__file__").filter(is_text);
        let has_location = of_spec("_set_fileattr").is_some_and(|it| is_true(&it));
        let origin = of_spec("origin").filter(is_text);
        self.put("<module ");
        let quoted = super::super::render_text::quoted_str(&name);
        self.put(&quoted);
        match (spec, origin, file) {
            (Some(_), Some(origin), _) if has_location => self.from(&origin),
            (Some(_), Some(origin), _) => {
                let shown = format!(" ({})", text(&origin, NAME));
                self.put(&shown);
            }
            (None, _, Some(file)) => self.from(&file),
            (spec, _, _) => {
                let loader = match spec {
                    Some(_) => of_spec("loader"),
                    None => find(&names, "__loader__").filter(|it| !it.is_none()),
                };
                if let Some(loader) = loader {
                    self.put(" (");
                    self.value(&loader)?;
                    self.put(")");
                }
            }
        }
        self.put(">");
        Ok(())
    }

    fn from(&mut self, file: &Any<'py>) {
        self.put(" from ");
        let shown = literal(file, self.room).0;
        self.put(&shown);
    }

    /// `ValueError('x')`.
    fn exception(&mut self, value: &Any<'py>, facts: &Facts<'py>) -> Result<(), Raised> {
        let arguments = native_attribute(value, &facts.base, "args")
            .or_else(|| facts.native(value, "args"))
            .filter(|it| is_exactly(it, &raw mut ffi::PyTuple_Type));
        let Some(arguments) = arguments else { return self.ask(value, facts) };
        self.put(&facts.name);
        if tuple_size(&arguments) == 1
            && let Some(argument) = tuple_item(&arguments, 0)
        {
            self.put("(");
            self.value(&argument)?;
            self.put(")");
            return Ok(());
        }
        self.value(&arguments)
    }

    /// What `object` shows of everything.
    fn address(&mut self, value: &Any<'py>, class: &Any<'py>) {
        let shown = format!("<{} object at {:#x}>", printed_name(class), value.as_ptr().addr());
        self.put(&shown);
    }

    fn ask(&mut self, value: &Any<'py>, facts: &Facts<'py>) -> Result<(), Raised> {
        match self.foreign.repr(value) {
            Asked::Shown(shown) => self.put(&text(&shown, self.room.saturating_add(1))),
            Asked::Raised => return Err(Raised),
            Asked::NotRun => {
                self.stands_in = true;
                self.address(value, &facts.class);
            }
        }
        Ok(())
    }
}

/// The name of a type as `print` shows it: with its module, unless that is `builtins`.
pub(super) fn printed_name(class: &Any<'_>) -> String {
    match module_name(class).as_str() {
        "" | "builtins" => qualified_name(class),
        module => format!("{module}.{}", qualified_name(class)),
    }
}

fn is_true(value: &Any<'_>) -> bool {
    // SAFETY: the address of a static object.
    value.as_ptr() == unsafe { ffi::Py_True() }
}

fn is_exactly_object(class: &Any<'_>) -> bool {
    class.as_ptr().cast() == &raw mut ffi::PyBaseObject_Type
}

/// Whether the bounds of a range are plain numbers.
fn has_plain_bounds(range: &Any<'_>) -> bool {
    ["start", "stop", "step"]
        .iter()
        .all(|name| own_attribute(range, name).is_none_or(|it| is_exactly(&it, &raw mut ffi::PyLong_Type)))
}
