//! The numbered children of a container, from any start, without walking to it where that can be helped.

use super::data::{dict_size, entries, next_item, set_iterator, skip_entries};
use super::handles::{Cursor, keep};
use super::native::Any;
use super::render_container::{item, size};
use super::types::{Facts, Items};

/// How far apart the remembered positions in a dict with gaps are.
pub(super) const STRIDE: usize = 1000;

/// A numbered child; dicts have keys.
#[derive(Debug)]
pub(super) struct Item<'py> {
    pub(super) index: usize,
    pub(super) key: Option<Any<'py>>,
    pub(super) value: Any<'py>,
}

/// The items `start..end` of a container.
pub(super) fn page<'py>(
    facts: &Facts<'py>,
    value: &Any<'py>,
    cursor: &mut Cursor,
    start: usize,
    end: usize,
) -> Vec<Item<'py>> {
    let end = end.min(size(facts, value));
    if start >= end {
        return Vec::new();
    }
    match facts.items {
        Items::None => Vec::new(),
        Items::List | Items::Tuple | Items::Sequence => (start..end)
            .filter_map(|index| Some(Item { index, key: None, value: item(facts, value, index)? }))
            .collect(),
        Items::Dict => {
            let position = position(value, cursor, start);
            entries(value, position)
                .take(end - start)
                .enumerate()
                .map(|(offset, (key, value))| Item { index: start + offset, key: Some(key), value })
                .collect()
        }
        Items::Set => set_page(value, cursor, start, end),
    }
}

/// Where the entry with number `index` is.
fn position(dict: &Any<'_>, cursor: &mut Cursor, index: usize) -> isize {
    let size = dict_size(dict);
    // Nothing behind as many places as there are entries: no gaps, and the position is the number.
    if index == 0 || entries(dict, size.cast_signed()).next().is_none() {
        return index.cast_signed();
    }
    if !matches!(cursor, Cursor::Dict { size: known, .. } if *known == size) {
        *cursor = Cursor::Dict { size, marks: vec![0] };
    }
    let Cursor::Dict { marks, .. } = cursor else { return 0 };
    while marks.len() <= index / STRIDE {
        let mut position = marks.last().copied().unwrap_or(0);
        skip_entries(dict, &mut position, STRIDE);
        marks.push(position);
    }
    let mut position = marks[index / STRIDE];
    skip_entries(dict, &mut position, index % STRIDE);
    position
}

fn set_page<'py>(set: &Any<'py>, cursor: &mut Cursor, start: usize, end: usize) -> Vec<Item<'py>> {
    let py = set.py();
    let (iterator, mut given) = match cursor {
        Cursor::Set { iterator, given } if *given <= start => (iterator.bind(py), *given),
        _ => match set_iterator(set) {
            Some(iterator) => (iterator, 0),
            None => return Vec::new(),
        },
    };
    while given < start && next_item(&iterator).is_some() {
        given += 1;
    }
    let mut items = Vec::new();
    while given < end {
        let Some(value) = next_item(&iterator) else { break };
        items.push(Item { index: given, key: None, value });
        given += 1;
    }
    *cursor = Cursor::Set { iterator: keep(&iterator), given };
    items
}
