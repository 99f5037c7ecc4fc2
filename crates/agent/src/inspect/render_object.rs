//! Instances of classes, exceptions, functions and what else the language is made of.

use pyo3::ffi;
use pyo3::prelude::*;

use super::data::{entries, find, text, tuple_item, tuple_size};
use super::line::counted;
use super::native::{
    Any, class_of, instance_dict, is_a, is_exactly, is_plain_text, own_attribute, read_descriptor, referents,
    small_int, take,
};
use super::render::{Inside, Renderer};
use super::types::{Facts, Kind, module_name, qualified_name, type_name};

/// The longest name that is shown inside a value.
const NAME: usize = 100;
/// The most frames of a traceback that are counted.
const FRAMES: usize = 10_000;

impl<'py> Renderer<'_, 'py> {
    /// `<module.Class name=value, …>`.
    pub(super) fn object(&mut self, facts: &Facts<'py>, value: &Any<'py>) {
        self.line.put("<");
        self.line.put(&facts.full_name());
        let most = self.limits.attributes_at(self.depth());
        match self.enter(value) {
            Inside::Shown => {
                let shown = self.attributes(facts, value, most);
                self.leave();
                self.line.put(if shown { ">" } else { " object>" });
            }
            Inside::Deep => self.line.put(" …>"),
            Inside::Cycle => self.line.put(" ...>"),
        }
    }

    /// Writes the first few attributes that are not private; false if there are none.
    fn attributes(&mut self, facts: &Facts<'py>, value: &Any<'py>, most: usize) -> bool {
        let mut shown = 0;
        let mut write = |it: &mut Self, name: &str, attribute: &Any<'py>| -> bool {
            if shown == most || it.line.is_full() {
                it.line.put(", …");
                return false;
            }
            it.line.put(if shown == 0 { " " } else { ", " });
            it.line.put(name);
            it.line.put("=");
            it.value(attribute);
            shown += 1;
            true
        };
        if let Some(dict) = instance_dict(value) {
            for (key, attribute) in entries(&dict, 0).filter(|(key, _)| is_plain_text(key)).take(10 * most) {
                let name = text(&key, NAME);
                if !name.starts_with('_') && !write(self, &name, &attribute) {
                    return true;
                }
            }
        }
        for (name, descriptor) in &facts.attributes().members {
            if !name.starts_with('_')
                && let Some(attribute) = read_descriptor(descriptor, value)
                && !write(self, name, &attribute)
            {
                return true;
            }
        }
        shown > 0
    }

    /// `Point(x=1, y=2)`, with the fields in the order of the class.
    pub(super) fn dataclass(&mut self, facts: &Facts<'py>, value: &Any<'py>) {
        self.line.put(&facts.qualified);
        self.line.put("(");
        let inside = self.enter(value);
        self.line.put(inside.mark());
        if inside == Inside::Shown {
            let dict = instance_dict(value);
            let fields: Vec<_> = facts
                .fields
                .iter()
                .filter_map(|name| {
                    let field =
                        dict.as_ref().and_then(|dict| find(dict, name)).or_else(|| facts.member(value, name))?;
                    Some((name, field))
                })
                .collect();
            self.items(fields.len(), usize::MAX, |it, index| {
                let (name, field) = &fields[index];
                it.line.put(&format!("{name}="));
                it.value(field);
            });
            self.leave();
        }
        self.line.put(")");
    }

    /// `ValueError('x')`.
    pub(super) fn exception(&mut self, facts: &Facts<'py>, value: &Any<'py>) {
        self.line.put(&facts.qualified);
        self.line.put("(");
        let inside = self.enter(value);
        self.line.put(inside.mark());
        if inside == Inside::Shown {
            if let Some(arguments) = arguments(facts, value) {
                self.items(tuple_size(&arguments), usize::MAX, |it, index| it.optional(tuple_item(&arguments, index)));
            }
            self.leave();
        }
        self.line.put(")");
    }

    /// `range(0, 10)`, `slice(None, 5, None)`.
    pub(super) fn bounds(&mut self, facts: &Facts<'py>, value: &Any<'py>) {
        let bounds: Vec<_> = ["start", "stop", "step"].iter().map(|name| own_attribute(value, name)).collect();
        let is_one = bounds[2].as_ref().and_then(small_int) == Some(1);
        self.line.put(&facts.name);
        self.line.put("(");
        let inside = self.enter(value);
        self.line.put(inside.mark());
        if inside == Inside::Shown {
            let shown = if facts.kind == Kind::Range && is_one { 2 } else { 3 };
            self.items(shown, usize::MAX, |it, index| it.optional(bounds[index].clone()));
            self.leave();
        }
        self.line.put(")");
    }

    /// `<cell: 1>`.
    pub(super) fn cell(&mut self, value: &Any<'py>) {
        self.line.put("<cell: ");
        match (own_attribute(value, "cell_contents"), self.enter(value)) {
            (Some(contents), Inside::Shown) => {
                self.value(&contents);
                self.leave();
            }
            (None, Inside::Shown) => {
                self.line.put("empty");
                self.leave();
            }
            (_, inside) => self.line.put(inside.mark()),
        }
        self.line.put(">");
    }

    /// Functions, classes, modules and their kin.
    pub(super) fn code_like(&mut self, facts: &Facts<'py>, value: &Any<'py>) {
        let shown = match facts.kind {
            Kind::Class => class(value),
            Kind::Module => match instance_dict(value).and_then(|it| find(&it, "__name__")) {
                Some(name) => format!("<module '{}'>", text(&name, NAME)),
                None => "<module>".to_owned(),
            },
            Kind::Function => format!("<function {}>", named(value, "__qualname__")),
            Kind::Method => match own_attribute(value, "__func__") {
                Some(function) => format!("<bound method {}>", named(&function, "__qualname__")),
                None => "<bound method>".to_owned(),
            },
            Kind::Builtin => {
                let what =
                    if facts.name == "builtin_function_or_method" { "built-in function" } else { facts.name.as_str() };
                format!("<{what} {}>", named(value, "__name__"))
            }
            Kind::Code => format!("<code {}, {}>", named(value, "co_name"), place(value, None)),
            Kind::Frame => frame(value),
            Kind::Traceback => {
                let next = |it: &Any<'py>| own_attribute(it, "tb_next").filter(|it| !it.is_none());
                let frames = std::iter::successors(Some(value.clone()), next).take(FRAMES).count();
                format!("<traceback, {}>", counted(frames, "frame"))
            }
            _ => generator(facts, value),
        };
        self.line.put(&shown);
    }
}

/// The arguments that an exception was made with.
pub(super) fn arguments<'py>(facts: &Facts<'py>, value: &Any<'py>) -> Option<Any<'py>> {
    facts.native(value, "args").filter(|it| is_a(it, &raw mut ffi::PyTuple_Type))
}

fn class(value: &Any<'_>) -> String {
    let (module, name) = (module_name(value), qualified_name(value));
    if module.is_empty() || module == "builtins" {
        format!("<class '{name}'>")
    } else {
        format!("<class '{module}.{name}'>")
    }
}

fn named(value: &Any<'_>, attribute: &str) -> String {
    match own_attribute(value, attribute) {
        Some(name) if super::native::is_text(&name) => text(&name, NAME),
        _ => type_name(&class_of(value)),
    }
}

/// `app.py:12`.
fn place(code: &Any<'_>, line: Option<i64>) -> String {
    let file = own_attribute(code, "co_filename").map(|it| text(&it, 1000)).unwrap_or_default();
    let line = line.or_else(|| small_int(&own_attribute(code, "co_firstlineno")?)).unwrap_or(0);
    format!("{}:{line}", file.rsplit('/').next().unwrap_or(&file))
}

fn frame(value: &Any<'_>) -> String {
    // SAFETY: a frame, exactly: its kind says so.
    let code = unsafe { take(value.py(), ffi::PyFrame_GetCode(value.as_ptr().cast()).cast()) };
    let line = own_attribute(value, "f_lineno").and_then(|it| small_int(&it));
    match code {
        Some(code) => format!("<frame {}, {}>", named(&code, "co_qualname"), place(&code, line)),
        None => "<frame>".to_owned(),
    }
}

fn generator(facts: &Facts<'_>, value: &Any<'_>) -> String {
    let prefix = match facts.name.as_str() {
        "coroutine" => "cr",
        "async_generator" => "ag",
        _ => "gi",
    };
    let is = |state: &str| {
        own_attribute(value, &format!("{prefix}_{state}"))
            .is_some_and(|it| is_exactly(&it, &raw mut ffi::PyBool_Type) && small_int(&it) == Some(1))
    };
    let state = if is("running") {
        "running"
    } else if is("suspended") {
        "suspended"
    } else if has_frame(value) {
        // 3.11 does not tell whether an async generator has begun.
        if prefix == "ag" && own_attribute(value, "ag_suspended").is_none() { "not finished" } else { "not started" }
    } else {
        "finished"
    };
    format!("<{} {}, {state}>", facts.name.replace('_', " "), named(value, "__qualname__"))
}

/// Whether a generator that is not running still has a frame. Asking for the frame itself would call audit hooks.
fn has_frame(value: &Any<'_>) -> bool {
    referents(value, 1000).iter().any(|it| type_name(&class_of(it)) == "function")
}
