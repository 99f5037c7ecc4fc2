//! Renders any value as one bounded line, natively: which function shows which kind.

use pyo3::prelude::*;

use super::line::{LINE, Limits, Line, SHORT, TEXT, WHOLE, WHOLE_ROOM, grouped};
use super::native::{Any, is_text};
use super::render_number::{complex, float, int_within};
use super::render_text::{memory, quoted, quoted_bytes};
use super::types::{Kind, Types};

/// Renders `value` in a line of the usual length.
pub(super) fn line_of<'py>(types: &mut Types<'py>, value: &Any<'py>) -> String {
    if is_text(value) && types.of(value).kind == Kind::Text {
        return quoted(value, TEXT);
    }
    line_within(types, value, LINE)
}

/// Renders `value` in a line of about `room` characters.
pub(super) fn line_within<'py>(types: &mut Types<'py>, value: &Any<'py>, room: usize) -> String {
    write(types, value, room, &SHORT)
}

/// Renders `value` in full, as far as a clipboard takes it; what is cut all the same is said in its place.
pub(super) fn whole<'py>(types: &mut Types<'py>, value: &Any<'py>) -> String {
    write(types, value, WHOLE_ROOM, &WHOLE)
}

fn write<'py>(types: &mut Types<'py>, value: &Any<'py>, room: usize, limits: &'static Limits) -> String {
    let mut renderer = Renderer { types, line: Line::new(room, limits), limits, open: Vec::new() };
    renderer.value(value);
    renderer.line.finish()
}

/// Writes one line.
pub(super) struct Renderer<'a, 'py> {
    pub(super) types: &'a mut Types<'py>,
    pub(super) line: Line,
    /// How much is written.
    pub(super) limits: &'static Limits,
    /// The objects around the one that is being written.
    open: Vec<usize>,
}

/// Whether the inside of an object is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inside {
    /// Yes; [`Renderer::leave`] ends it.
    Shown,
    /// No: it is inside too much already.
    Deep,
    /// No: it is inside itself.
    Cycle,
}

impl Inside {
    /// What stands for an inside that is not shown.
    pub(super) fn mark(self) -> &'static str {
        match self {
            Self::Shown => "",
            Self::Deep => "…",
            Self::Cycle => "...",
        }
    }
}

impl<'py> Renderer<'_, 'py> {
    /// Writes a value of any kind.
    pub(super) fn value(&mut self, value: &Any<'py>) {
        let facts = self.types.of(value);
        let facts = facts.as_ref();
        match facts.kind {
            Kind::None => self.line.put("None"),
            Kind::Single => {
                self.line.put(if facts.name == "ellipsis" { "Ellipsis" } else { facts.name.trim_end_matches("Type") });
            }
            Kind::Bool => {
                self.line.put(if value.is(pyo3::types::PyBool::new(value.py(), true)) { "True" } else { "False" })
            }
            Kind::Int => self.line.put(&int_within(value, self.limits.bits)),
            Kind::Float => self.line.put(&float(value)),
            Kind::Complex => self.line.put(&complex(value)),
            Kind::Text => self.line.put(&quoted(value, self.text_room())),
            Kind::Bytes => self.line.put(&quoted_bytes(value, self.text_room())),
            Kind::ByteArray => {
                let bytes = quoted_bytes(value, self.text_room());
                self.line.put(&format!("bytearray({bytes})"));
            }
            Kind::MemoryView => self.line.put(&memory(value)),
            Kind::List | Kind::Deque | Kind::Array => self.sequence(facts, value),
            Kind::Tuple => self.tuple(facts, value),
            Kind::NamedTuple => self.named_tuple(facts, value),
            Kind::Dict => self.dict(facts, value),
            Kind::Set => self.set(facts, value),
            Kind::Exception => self.exception(facts, value),
            Kind::Dataclass => self.dataclass(facts, value),
            Kind::Object => self.object(facts, value),
            Kind::Range | Kind::Slice => self.bounds(facts, value),
            Kind::MappingProxy => self.proxy(facts, value),
            Kind::Cell => self.cell(value),
            Kind::Class
            | Kind::Module
            | Kind::Function
            | Kind::Method
            | Kind::Builtin
            | Kind::Code
            | Kind::Frame
            | Kind::Traceback
            | Kind::Generator => self.code_like(facts, value),
            Kind::DateTime
            | Kind::Date
            | Kind::Time
            | Kind::TimeDelta
            | Kind::TimeZone
            | Kind::Decimal
            | Kind::Pattern
            | Kind::NdArray
            | Kind::Enum
            | Kind::Fraction
            | Kind::Uuid
            | Kind::Path => self.library(facts, value),
        }
    }

    /// Begins the inside of an object.
    pub(super) fn enter(&mut self, value: &Any<'py>) -> Inside {
        let address = value.as_ptr().addr();
        if self.open.contains(&address) {
            Inside::Cycle
        } else if self.open.len() >= self.limits.depth {
            Inside::Deep
        } else {
            self.open.push(address);
            Inside::Shown
        }
    }

    /// Ends the inside of an object.
    pub(super) fn leave(&mut self) {
        self.open.pop();
    }

    /// How deep inside the line's value we are.
    pub(super) fn depth(&self) -> usize {
        self.open.len()
    }

    /// Writes what `write` writes for each of `count` items, commas between, and how many were left out.
    pub(super) fn items(&mut self, count: usize, most: usize, mut write: impl FnMut(&mut Self, usize)) {
        for index in 0..count {
            if index > 0 {
                self.line.put(", ");
            }
            if index == most.min(self.limits.items) || self.line.is_full() {
                self.line.put(&format!("… {} more", grouped(count - index)));
                return;
            }
            write(self, index);
        }
    }

    fn text_room(&self) -> usize {
        if self.open.is_empty() { self.line.room() } else { self.limits.inner_text.min(self.line.room().max(10)) }
    }
}
