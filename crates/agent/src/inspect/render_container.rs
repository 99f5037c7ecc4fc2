//! Lists, tuples, dicts, sets and what derives from them.

use pyo3::ffi;

use super::data::{
    dict_size, entries, list_item, list_size, next_item, sequence_item, sequence_size, set_iterator, set_size,
    tuple_item, tuple_size,
};
use super::native::{Any, class_address, is_a, referents};
use super::render::{Inside, Renderer};
use super::types::{Facts, Items, Kind};

/// How many items a container has.
pub(super) fn size(facts: &Facts<'_>, value: &Any<'_>) -> usize {
    match facts.items {
        Items::None => 0,
        Items::List => list_size(value),
        Items::Tuple => tuple_size(value),
        Items::Dict => dict_size(value),
        Items::Set => set_size(value),
        Items::Sequence => sequence_size(value, &facts.base),
    }
}

/// One item of a list, tuple or sequence.
pub(super) fn item<'py>(facts: &Facts<'py>, value: &Any<'py>, index: usize) -> Option<Any<'py>> {
    match facts.items {
        Items::List => list_item(value, index),
        Items::Tuple => tuple_item(value, index),
        Items::Sequence => sequence_item(value, &facts.base, index),
        Items::None | Items::Dict | Items::Set => None,
    }
}

impl<'py> Renderer<'_, 'py> {
    /// A list, deque or array.
    pub(super) fn sequence(&mut self, facts: &Facts<'py>, value: &Any<'py>) {
        let plain = class_address(value) == &raw mut ffi::PyList_Type;
        self.wrapped(facts, plain, |it| it.bracketed(facts, value, "[", "]"));
    }

    /// A tuple.
    pub(super) fn tuple(&mut self, facts: &Facts<'py>, value: &Any<'py>) {
        let plain = class_address(value) == &raw mut ffi::PyTuple_Type;
        let close = if tuple_size(value) == 1 { ",)" } else { ")" };
        self.wrapped(facts, plain, |it| it.bracketed(facts, value, "(", close));
    }

    /// A tuple whose items have names.
    pub(super) fn named_tuple(&mut self, facts: &Facts<'py>, value: &Any<'py>) {
        self.line.put(&facts.qualified);
        self.line.put("(");
        let inside = self.enter(value);
        self.line.put(inside.mark());
        if inside == Inside::Shown {
            self.items(tuple_size(value), usize::MAX, |it, index| {
                if let Some(name) = facts.fields.get(index) {
                    it.line.put(&format!("{name}="));
                }
                it.optional(item(facts, value, index));
            });
            self.leave();
        }
        self.line.put(")");
    }

    /// A dict.
    pub(super) fn dict(&mut self, facts: &Facts<'py>, value: &Any<'py>) {
        let plain = class_address(value) == &raw mut ffi::PyDict_Type;
        self.wrapped(facts, plain, |it| it.pairs(value));
    }

    /// A set or frozenset.
    pub(super) fn set(&mut self, facts: &Facts<'py>, value: &Any<'py>) {
        let size = set_size(value);
        let plain = class_address(value) == &raw mut ffi::PySet_Type && size > 0;
        self.wrapped(facts, plain, |it| {
            if size == 0 {
                return;
            }
            it.line.put("{");
            let inside = it.enter(value);
            it.line.put(inside.mark());
            if inside == Inside::Shown {
                let iterator = set_iterator(value);
                it.items(size, usize::MAX, |it, _| it.optional(iterator.as_ref().and_then(next_item)));
                it.leave();
            }
            it.line.put("}");
        });
    }

    /// A read-only view of a mapping: of a dict, as a rule.
    pub(super) fn proxy(&mut self, facts: &Facts<'py>, value: &Any<'py>) {
        let inner = referents(value, 1).pop();
        self.wrapped(facts, false, |it| it.optional(inner));
    }

    /// `{key: value, …}`.
    fn pairs(&mut self, dict: &Any<'py>) {
        self.line.put("{");
        let size = dict_size(dict);
        // An empty one has no inside to leave out.
        let inside = if size == 0 { Inside::Deep } else { self.enter(dict) };
        if size > 0 {
            self.line.put(inside.mark());
        }
        if inside == Inside::Shown {
            let mut entries = entries(dict, 0);
            self.items(size, usize::MAX, |it, _| match entries.next() {
                Some((key, value)) => {
                    it.value(&key);
                    it.line.put(": ");
                    it.value(&value);
                }
                None => it.line.put("…"),
            });
            self.leave();
        }
        self.line.put("}");
    }

    fn bracketed(&mut self, facts: &Facts<'py>, value: &Any<'py>, open: &str, close: &str) {
        self.line.put(open);
        let size = size(facts, value);
        let inside = if size == 0 { Inside::Deep } else { self.enter(value) };
        if size > 0 {
            self.line.put(inside.mark());
        }
        if inside == Inside::Shown {
            self.items(size, usize::MAX, |it, index| it.optional(item(facts, value, index)));
            self.leave();
        }
        self.line.put(close);
    }

    /// Writes an item that may be missing while its container is still being filled.
    pub(super) fn optional(&mut self, value: Option<Any<'py>>) {
        match value {
            Some(value) => self.value(&value),
            None => self.line.put("<nothing>"),
        }
    }

    /// Puts the name of the class around, unless the brackets say it already.
    fn wrapped(&mut self, facts: &Facts<'py>, plain: bool, write: impl FnOnce(&mut Self)) {
        if plain {
            return write(self);
        }
        self.line.put(&facts.qualified);
        self.line.put("(");
        write(self);
        self.line.put(")");
    }
}

/// Whether items of this value can be replaced.
pub(super) fn is_changeable(facts: &Facts<'_>, value: &Any<'_>) -> bool {
    match facts.items {
        Items::List | Items::Sequence => true,
        Items::Dict => facts.kind == Kind::Dict && is_a(value, &raw mut ffi::PyDict_Type),
        Items::None | Items::Tuple | Items::Set => false,
    }
}
