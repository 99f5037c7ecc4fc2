//! The children of a reference, as DAP variables.

use std::collections::HashSet;
use std::ops::Range;

use ikpdb_proto::{Failure, dap};
use pyo3::ffi;
use pyo3::prelude::*;

use super::attributes::{Attribute, attributes, class_variables, count, is_code, visibility};
use super::handles::{Cursor, Handles, Place, What, keep};
use super::items::page;
use super::line::grouped;
use super::native::{Any, NoCollection, referents, take};
use super::paths;
use super::render::{line_of, line_within};
use super::render_container::size;
use super::scopes::{global_names, local_names};
use super::types::{Kind, Types};
use crate::capi::Ref;

/// How many children of each sort a reader gets who does not say how many.
const UNPAGED: usize = 1000;
/// The most that one page may have.
const LARGEST_PAGE: usize = 10_000;
/// The longest name of a dict's entry.
pub(super) const KEY: usize = 200;

/// Makes variables of values, and references for those with children.
pub(super) struct Describe<'a, 'py> {
    pub(super) handles: &'a mut Handles,
    pub(super) types: Types<'py>,
    pub(super) frame: Option<Any<'py>>,
}

impl<'py> Describe<'_, 'py> {
    /// A variable with this name and value.
    pub(super) fn variable(&mut self, name: String, value: &Any<'py>, path: Option<String>) -> dap::Variable {
        let facts = self.types.of(value);
        let (mut indexed, mut read_only) = (size(&facts, value), None);
        let mut content = value.clone();
        if facts.kind == Kind::MappingProxy
            && let Some(inner) = referents(value, 1).pop()
        {
            indexed = size(self.types.of(&inner).as_ref(), &inner);
            (content, read_only) = (inner, Some("a mappingproxy cannot be changed"));
        }
        let named = if read_only.is_some() { 0 } else { count(&mut self.types, value) };
        let kind = match facts.kind {
            Kind::Class => Some("class".to_owned()),
            kind if is_code(kind) => Some("method".to_owned()),
            _ => None,
        };
        let visibility = visibility(&name);
        let reference = if indexed + named > 0 {
            let mut place = Place::new(What::Value(keep(&content)), path.clone(), self.kept_frame());
            place.read_only = read_only;
            self.handles.add(place)
        } else {
            0
        };
        dap::Variable {
            name,
            value: line_of(&mut self.types, value),
            type_: Some(facts.name.clone()),
            presentation_hint: (kind.is_some() || visibility.is_some()).then(|| dap::VariablePresentationHint {
                kind,
                visibility,
                ..Default::default()
            }),
            evaluate_name: path,
            variables_reference: reference,
            named_variables: number(named),
            indexed_variables: number(indexed),
        }
    }

    /// A variable whose value needs code of the program: it is read when the user asks for it.
    fn lazy(&mut self, object: &Any<'py>, name: String, path: Option<String>) -> dap::Variable {
        let what = What::Lazy { object: keep(object), name: name.clone() };
        let frame = self.kept_frame();
        dap::Variable {
            value: "…".to_owned(),
            presentation_hint: Some(dap::VariablePresentationHint {
                kind: Some("property".to_owned()),
                visibility: visibility(&name),
                lazy: Some(true),
                ..Default::default()
            }),
            evaluate_name: path.clone(),
            variables_reference: self.handles.add(Place::new(what, path, frame)),
            name,
            ..Default::default()
        }
    }

    /// A row that is no variable of the program's but leads to more of them.
    fn group(&mut self, name: &str, value: String, what: What, path: Option<String>) -> dap::Variable {
        let frame = self.kept_frame();
        dap::Variable {
            name: name.to_owned(),
            value,
            presentation_hint: Some(dap::VariablePresentationHint {
                kind: Some("virtual".to_owned()),
                ..Default::default()
            }),
            variables_reference: self.handles.add(Place::new(what, path, frame)),
            ..Default::default()
        }
    }

    fn kept_frame(&self) -> Option<Ref> {
        self.frame.as_ref().map(keep)
    }
}

fn number(count: usize) -> Option<u32> {
    u32::try_from(count).ok().filter(|it| *it > 0)
}

/// What is asked of the numbered and of the named children; what is left over goes into a row of its own.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    indexed: Range<usize>,
    named: Range<usize>,
    say_rest: bool,
}

impl Wanted {
    /// The numbered children come first, the named ones count on after them.
    fn new(arguments: &dap::VariablesArguments, indexed: usize, named: usize) -> Self {
        let (indexed, named) = match arguments.filter.as_deref() {
            Some("indexed") => (indexed, 0),
            Some("named") => (0, named),
            _ => (indexed, named),
        };
        let start = as_usize(arguments.start.unwrap_or(0));
        let page = arguments.count.filter(|it| *it > 0).map(|it| as_usize(it).min(LARGEST_PAGE));
        let cut = |start: usize, count: usize, total: usize| start.min(total)..start.saturating_add(count).min(total);
        let beyond = start.saturating_sub(indexed);
        match page {
            Some(page) => {
                let first = cut(start, page, indexed);
                let left = page - first.len();
                Self { indexed: first, named: cut(beyond, left, named), say_rest: false }
            }
            None => Self { indexed: cut(start, UNPAGED, indexed), named: cut(beyond, UNPAGED, named), say_rest: true },
        }
    }
}

fn as_usize(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Answers `variables`.
pub(super) fn variables(
    py: Python<'_>,
    handles: &mut Handles,
    arguments: &dap::VariablesArguments,
) -> Result<Vec<dap::Variable>, Failure> {
    let place = handles.place(arguments.variables_reference)?;
    let (frame, path) = (place.frame(py), place.path.clone());
    if let What::Rest { of, start, named } = place.what {
        let rest = dap::VariablesArguments {
            variables_reference: of,
            filter: Some(if named { "named" } else { "indexed" }.to_owned()),
            start: Some(u32::try_from(start).unwrap_or(u32::MAX).saturating_add(arguments.start.unwrap_or(0))),
            count: arguments.count,
        };
        return variables(py, handles, &rest);
    }
    if let What::Lazy { object, name } = &place.what {
        let (object, name) = (object.bind(py), name.clone());
        // The user asked for it: this runs the program's code.
        let value = read_attribute(&object, &name);
        let _quiet = NoCollection::new(py);
        let mut describe = Describe { handles, types: Types::default(), frame };
        return Ok(vec![describe.computed(name, value, path)]);
    }
    let _quiet = NoCollection::new(py);
    let mut types = Types::default();
    let is_paged_in = |total: usize| {
        let end = arguments.start.unwrap_or(0).saturating_add(arguments.count.unwrap_or(0));
        arguments.filter.as_deref() == Some("indexed") || arguments.count.unwrap_or(0) > 0 && as_usize(end) <= total
    };
    let (object, indexed, names) = match &place.what {
        What::Locals => (None, 0, frame.as_ref().map(local_names).unwrap_or_default()),
        What::Globals => (None, 0, frame.as_ref().map(global_names).unwrap_or_default()),
        What::ClassVariables(object) => {
            let object = object.bind(py);
            (Some(object.clone()), 0, class_variables(&mut types, &object))
        }
        What::Value(object) => {
            let object = object.bind(py);
            let facts = types.of(&object);
            let indexed = size(&facts, &object);
            // A page of items only need not look at attributes.
            let names = if is_paged_in(indexed) { Vec::new() } else { attributes(&mut types, &object) };
            (Some(object), indexed, names)
        }
        What::Lazy { .. } | What::Rest { .. } => (None, 0, Vec::new()),
    };
    let wanted = Wanted::new(arguments, indexed, names.len());
    let is_scope = matches!(place.what, What::Locals | What::Globals);
    let is_class = matches!(place.what, What::ClassVariables(_));
    let reference = arguments.variables_reference;
    let mut describe = Describe { handles, types, frame };
    let mut rows = Vec::new();
    if let Some(object) = object.as_ref().filter(|_| !wanted.indexed.is_empty()) {
        describe.items(reference, object, path.as_deref(), wanted.indexed.clone(), &mut rows)?;
    }
    if wanted.say_rest && wanted.indexed.end < indexed && !wanted.indexed.is_empty() {
        rows.push(describe.rest(reference, wanted.indexed.end, indexed, false));
    }
    let total = names.len();
    let path = if is_class { path.map(|it| format!("type({it})")) } else { path };
    for attribute in names.into_iter().take(wanted.named.end).skip(wanted.named.start) {
        rows.push(describe.attribute(object.as_ref(), attribute, path.as_deref(), is_scope));
    }
    if wanted.say_rest && wanted.named.end < total && !wanted.named.is_empty() {
        rows.push(describe.rest(reference, wanted.named.end, total, true));
    }
    Ok(rows)
}

impl<'py> Describe<'_, 'py> {
    fn items(
        &mut self,
        reference: i32,
        object: &Any<'py>,
        path: Option<&str>,
        range: Range<usize>,
        rows: &mut Vec<dap::Variable>,
    ) -> Result<(), Failure> {
        let facts = self.types.of(object);
        let mut cursor = std::mem::replace(&mut self.handles.place_mut(reference)?.cursor, Cursor::Start);
        let items = page(&facts, object, &mut cursor, range.start, range.end);
        self.handles.place_mut(reference)?.cursor = cursor;
        let mut names = HashSet::new();
        for item in items {
            let (name, path) = match &item.key {
                Some(key) => {
                    let shown = line_within(&mut self.types, key, KEY);
                    let name = unique(shown, &mut names);
                    self.handles.place_mut(reference)?.remember(name.clone(), key);
                    (name, paths::entry(path, key))
                }
                None if facts.items == super::types::Items::Set => (item.index.to_string(), None),
                None => {
                    // The fields of a named tuple go by their names.
                    match facts.fields.get(item.index).filter(|_| facts.kind == Kind::NamedTuple) {
                        Some(name) => (name.clone(), paths::attribute(path, name)),
                        None => (item.index.to_string(), paths::index(path, item.index)),
                    }
                }
            };
            rows.push(self.variable(name, &item.value, path));
        }
        Ok(())
    }

    fn attribute(
        &mut self,
        object: Option<&Any<'py>>,
        attribute: Attribute<'py>,
        path: Option<&str>,
        is_scope: bool,
    ) -> dap::Variable {
        let name = attribute.name();
        let child =
            if is_scope { Some(name.clone()).filter(|it| paths::is_name(it)) } else { paths::attribute(path, &name) };
        match (attribute, object) {
            (Attribute::Keyed { value, .. } | Attribute::Named { value, .. }, _) => {
                let child = child.or_else(|| (is_scope && name == "locals()").then(|| name.clone()));
                self.variable(name, &value, child)
            }
            (Attribute::Lazy { .. }, Some(object)) => self.lazy(object, name, child),
            (Attribute::ClassVariables, Some(object)) => {
                self.group(&name, String::new(), What::ClassVariables(keep(object)), path.map(str::to_owned))
            }
            (Attribute::Lazy { .. } | Attribute::ClassVariables, None) => dap::Variable { name, ..Default::default() },
        }
    }

    fn rest(&mut self, of: i32, start: usize, total: usize, named: bool) -> dap::Variable {
        self.group("…", format!("{} more", grouped(total - start)), What::Rest { of, start, named }, None)
    }

    /// What came of reading an attribute of the program's.
    fn computed(&mut self, name: String, value: Result<Any<'py>, String>, path: Option<String>) -> dap::Variable {
        match value {
            Ok(value) => self.variable(name, &value, path),
            Err(message) => dap::Variable {
                name,
                value: message,
                presentation_hint: Some(dap::VariablePresentationHint {
                    attributes: Some(vec!["failedEvaluation".to_owned()]),
                    ..Default::default()
                }),
                ..Default::default()
            },
        }
    }
}

fn read_attribute<'py>(object: &Any<'py>, name: &str) -> Result<Any<'py>, String> {
    let py = object.py();
    let name = pyo3::types::PyString::new(py, name);
    // SAFETY: live objects; a new reference or an error.
    let value = unsafe { ffi::PyObject_GetAttr(object.as_ptr(), name.as_ptr()) };
    if value.is_null() {
        return Err(super::set::raised(py));
    }
    // SAFETY: a new reference, and no error: nothing is dropped.
    unsafe { take(py, value) }.ok_or_else(String::new)
}

/// `name`, with a number behind it if another child of the page has it already: keys that differ can look alike.
fn unique(name: String, names: &mut HashSet<String>) -> String {
    let mut unique = name.clone();
    let mut count = 1;
    while !names.insert(unique.clone()) {
        count += 1;
        unique = format!("{name} ({count})");
    }
    unique
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(filter: Option<&str>, start: Option<u32>, count: Option<u32>) -> Wanted {
        let filter = filter.map(str::to_owned);
        Wanted::new(&dap::VariablesArguments { variables_reference: 1, filter, start, count }, 2500, 30)
    }

    #[test]
    fn numbered_children_come_first_and_named_ones_count_on() {
        assert_eq!(wanted(None, Some(2490), Some(20)), Wanted { indexed: 2490..2500, named: 0..10, say_rest: false });
        assert_eq!(wanted(None, Some(2510), Some(100)), Wanted { indexed: 2500..2500, named: 10..30, say_rest: false });
        assert_eq!(wanted(Some("named"), Some(10), Some(5)), Wanted { indexed: 0..0, named: 10..15, say_rest: false });
        assert_eq!(wanted(Some("indexed"), Some(0), Some(5)), Wanted { indexed: 0..5, named: 0..0, say_rest: false });
    }

    #[test]
    fn a_reader_without_paging_gets_the_first_thousand_and_the_rest_as_a_row() {
        assert_eq!(wanted(None, None, None), Wanted { indexed: 0..1000, named: 0..30, say_rest: true });
        assert_eq!(
            wanted(Some("indexed"), Some(2000), Some(0)),
            Wanted { indexed: 2000..2500, named: 0..0, say_rest: true }
        );
    }

    #[test]
    fn a_page_beyond_the_end_is_empty() {
        assert_eq!(
            wanted(None, Some(u32::MAX), Some(u32::MAX)),
            Wanted { indexed: 2500..2500, named: 30..30, say_rest: false }
        );
    }

    #[test]
    fn children_that_look_alike_get_different_names() {
        let mut names = HashSet::new();
        assert_eq!(unique("a".to_owned(), &mut names), "a");
        assert_eq!(unique("a".to_owned(), &mut names), "a (2)");
        assert_eq!(unique("a".to_owned(), &mut names), "a (3)");
    }
}
