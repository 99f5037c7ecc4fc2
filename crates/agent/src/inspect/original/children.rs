//! What is inside of a value, and how its type is written.

use pyo3::ffi;

use super::super::data::{
    dict_size, entries, list_item, list_size, next_item, set_iterator, set_size, text, text_length, tuple_item,
    tuple_size,
};
use super::super::native::{Any, class_dict, class_of, instance_dict, is_a, is_class, is_exactly, is_text};
use super::super::types::{Kind, Types};
use super::repr::printed_name;

/// The most items of a list, tuple or set.
const ITEMS: usize = 256;
/// The most entries of a dict, and attributes of an object.
pub(super) const ENTRIES: usize = 5000;
const NAME: usize = 1000;

/// The name of a child.
pub(super) enum Name<'py> {
    /// A str.
    Text(String),
    /// Any other key of a dict.
    Key(Any<'py>),
}

/// What is inside of a value.
pub(super) struct Inside<'py> {
    pub(super) named: Vec<(Name<'py>, Any<'py>)>,
    /// The number of the first one that is left out.
    pub(super) cut_at: Option<usize>,
}

/// Lists what is inside of a value.
pub(super) fn inside<'py>(types: &mut Types<'py>, value: &Any<'py>) -> Inside<'py> {
    let (named, most, all) = if is_a(value, &raw mut ffi::PyDict_Type) {
        let named = entries(value, 0).take(ENTRIES).map(|(key, item)| (name_of(key), item)).collect();
        (named, ENTRIES, dict_size(value))
    } else if is_a(value, &raw mut ffi::PyList_Type) {
        (numbered((0..list_size(value)).map_while(|index| list_item(value, index))), ITEMS, list_size(value))
    } else if is_a(value, &raw mut ffi::PyTuple_Type) {
        (numbered((0..tuple_size(value)).map_while(|index| tuple_item(value, index))), ITEMS, tuple_size(value))
    } else if is_a(value, &raw mut ffi::PySet_Type) {
        let items = set_iterator(value).into_iter().flat_map(|it| std::iter::from_fn(move || next_item(&it)));
        (numbered(items), ITEMS, set_size(value))
    } else {
        let all = attributes(types, value);
        let count = all.len();
        (all.into_iter().take(ENTRIES).collect(), ENTRIES, count)
    };
    Inside { named, cut_at: (all > most).then_some(most) }
}

fn name_of(key: Any<'_>) -> Name<'_> {
    if is_text(&key) { Name::Text(text(&key, NAME)) } else { Name::Key(key) }
}

fn numbered<'py>(items: impl Iterator<Item = Any<'py>>) -> Vec<(Name<'py>, Any<'py>)> {
    items.take(ITEMS).enumerate().map(|(index, item)| (Name::Text(index.to_string()), item)).collect()
}

/// How many children a value has.
pub(super) fn count<'py>(types: &mut Types<'py>, value: &Any<'py>) -> usize {
    if is_a(value, &raw mut ffi::PyDict_Type) {
        dict_size(value)
    } else if is_a(value, &raw mut ffi::PyList_Type) {
        list_size(value)
    } else if is_a(value, &raw mut ffi::PyTuple_Type) {
        tuple_size(value)
    } else if is_a(value, &raw mut ffi::PySet_Type) {
        set_size(value)
    } else if is_leaf(types, value) {
        0
    } else {
        attributes(types, value).len()
    }
}

/// What is shown as one thing, whatever attributes it has. Who asks for them gets them all the same.
fn is_leaf<'py>(types: &mut Types<'py>, value: &Any<'py>) -> bool {
    matches!(
        types.of(value).kind,
        Kind::None
            | Kind::Bool
            | Kind::Int
            | Kind::Float
            | Kind::Complex
            | Kind::Text
            | Kind::Bytes
            | Kind::Module
            | Kind::Function
            | Kind::Method
            | Kind::Builtin
    )
}

/// The attributes in the dict of an object that are neither special nor code.
fn attributes<'py>(types: &mut Types<'py>, value: &Any<'py>) -> Vec<(Name<'py>, Any<'py>)> {
    let names = if is_class(value) { class_dict(value) } else { instance_dict(value) };
    let Some(names) = names else { return Vec::new() };
    let is_code = |types: &mut Types<'py>, item: &Any<'py>| {
        matches!(types.of(item).kind, Kind::Function | Kind::Method) || is_exactly(item, &raw mut ffi::PyModule_Type)
    };
    entries(&names, 0)
        .filter(|(key, item)| is_text(key) && !text(key, 2).starts_with("__") && !is_code(types, item))
        .map(|(key, item)| (name_of(key), item))
        .collect()
}

/// The type of a value as it is written: the length of a text, or how many children there are.
pub(super) fn type_text(value: &Any<'_>, count: usize) -> String {
    let name = printed_name(&class_of(value));
    if is_text(value) {
        return format!("{name} [{}]", text_length(value));
    }
    if count > 0 { format!("{name} [{count}]") } else { name }
}
