//! The scopes of a frame, and the names in each.

use ikpdb_proto::dap;
use pyo3::prelude::*;

use super::attributes::{Attribute, in_order};
use super::data::{dict_size, entries};
use super::handles::{Handles, Place, What, keep};
use super::locals::{self, Shape};
use super::native::{Any, is_text};

/// The scopes of `frame`: what users look for first comes first and is open.
pub(super) fn scopes(_py: Python<'_>, handles: &mut Handles, frame: &Any<'_>) -> Vec<dap::Scope> {
    let mut scopes = Vec::new();
    let mut add = |name: &str, hint: &str, what: What, count: usize, expensive: bool| {
        scopes.push(dap::Scope {
            name: name.to_owned(),
            presentation_hint: Some(hint.to_owned()),
            variables_reference: handles.add(Place::new(what, None, Some(keep(frame)))),
            named_variables: u32::try_from(count).ok(),
            indexed_variables: None,
            expensive,
        });
    };
    // At the top level of a module its globals are the only scope there is, and so no extra.
    let shape = locals::shape(frame);
    let is_module = matches!(shape, Shape::Module | Shape::ModuleComprehension);
    if !matches!(shape, Shape::Module) {
        add("Locals", "locals", What::Locals, local_names(frame).len(), false);
    }
    let globals = locals::globals(frame).map_or(0, |it| dict_size(&it));
    add("Globals", "globals", What::Globals, globals, !is_module);
    scopes
}

/// The local names of a frame.
pub(super) fn local_names<'py>(frame: &Any<'py>) -> Vec<Attribute<'py>> {
    match locals::shape(frame) {
        Shape::Foreign(namespace) => vec![Attribute::Named { name: "locals()".to_owned(), value: namespace }],
        Shape::Namespace(_) => in_order(keyed(locals::values(frame).into_iter())),
        // In the order of the code, which says more than the spelling does; but the iterator of a comprehension, `.0`, is
        // the interpreter's own.
        _ => {
            let mut names = locals::values(frame);
            names.sort_by_key(|(name, _)| super::data::code_points(name, 1).next() == Some(u32::from('.')));
            keyed(names.into_iter())
        }
    }
}

/// The global names of a frame: the module's own first, `__name__` and its like last.
pub(super) fn global_names<'py>(frame: &Any<'py>) -> Vec<Attribute<'py>> {
    let Some(globals) = locals::globals(frame) else { return Vec::new() };
    in_order(keyed(entries(&globals, 0).filter(|(key, _)| is_text(key))))
}

fn keyed<'py>(names: impl Iterator<Item = (Any<'py>, Any<'py>)>) -> Vec<Attribute<'py>> {
    names.map(|(key, value)| Attribute::Keyed { key, value }).collect()
}
