//! Reads strings and containers by the C functions of their base types, so a subclass is read without asking it.
//!
//! Dicts are walked, not searched: a search could compare with a key of the user's.

use std::ffi::c_void;

use pyo3::ffi::{self, PyObject};

use super::native::{Any, Unary, class_of, hold, is_plain_text, is_text, slot, take};

type ReadItem = unsafe extern "C" fn(*mut PyObject, isize) -> *mut PyObject;
type Length = unsafe extern "C" fn(*mut PyObject) -> isize;

/// Characters of a str.
pub(super) fn text_length(text: &Any<'_>) -> usize {
    // SAFETY: a str, by the callers; a negative answer means that it is not.
    let length = unsafe { ffi::PyUnicode_GetLength(text.as_ptr()) };
    usize::try_from(length).unwrap_or_else(|_| clear_and_zero())
}

fn clear_and_zero() -> usize {
    // SAFETY: called with the GIL held.
    unsafe { ffi::PyErr_Clear() };
    0
}

/// The first `limit` code points of a str, surrogates included; the str is not copied.
pub(super) fn code_points<'a>(text: &'a Any<'_>, limit: usize) -> impl Iterator<Item = u32> + 'a {
    let length = text_length(text).min(limit);
    // SAFETY: the index is below the length of a str, which never changes.
    (0..length).map(|index| unsafe { ffi::PyUnicode_ReadChar(text.as_ptr(), index.cast_signed()) })
}

/// The first `limit` characters of a str; what is no character is replaced.
pub(super) fn text(value: &Any<'_>, limit: usize) -> String {
    if !is_text(value) {
        return String::new();
    }
    code_points(value, limit).map(|point| char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// Whether a str has exactly these characters.
pub(super) fn text_is(value: &Any<'_>, expected: &str) -> bool {
    // Bytes bound characters from above, so most comparisons end here.
    let length = text_length(value);
    length <= expected.len()
        && length == expected.chars().count()
        && code_points(value, length).eq(expected.chars().map(u32::from))
}

/// The pairs of a dict, in its own order, from a position that an earlier walk reported.
#[derive(Debug)]
pub(super) struct Entries<'a, 'py> {
    dict: &'a Any<'py>,
    /// Where the walk stands; opaque, but safe to keep: a stale one skips or repeats entries and no more.
    pub(super) position: isize,
}

/// Walks a dict, a subclass of it or a frozendict.
pub(super) fn entries<'a, 'py>(dict: &'a Any<'py>, position: isize) -> Entries<'a, 'py> {
    Entries { dict, position }
}

impl<'py> Iterator for Entries<'_, 'py> {
    type Item = (Any<'py>, Any<'py>);

    fn next(&mut self) -> Option<Self::Item> {
        let (key, value) = next_entry(self.dict, &mut self.position)?;
        let py = self.dict.py();
        // SAFETY: the dict holds both, and nothing ran since they were read.
        unsafe { Some((hold(py, key)?, hold(py, value)?)) }
    }
}

/// Moves past one entry; the pointers are the dict's.
fn next_entry(dict: &Any<'_>, position: &mut isize) -> Option<(*mut PyObject, *mut PyObject)> {
    let (mut key, mut value) = (std::ptr::null_mut(), std::ptr::null_mut());
    // SAFETY: for anything but a dict the function answers 0; it checks the position itself.
    let found = unsafe { ffi::PyDict_Next(dict.as_ptr(), &raw mut *position, &raw mut key, &raw mut value) };
    (found != 0).then_some((key, value))
}

/// Moves past `count` entries; answers how many there were.
pub(super) fn skip_entries(dict: &Any<'_>, position: &mut isize, count: usize) -> usize {
    (0..count).take_while(|_| next_entry(dict, position).is_some()).count()
}

/// How many entries a dict has.
pub(super) fn dict_size(dict: &Any<'_>) -> usize {
    // SAFETY: reads a field; -1 with an error if it is no dict.
    let size = unsafe { ffi::PyDict_Size(dict.as_ptr()) };
    usize::try_from(size).unwrap_or_else(|_| clear_and_zero())
}

/// The value at a key that is exactly a str and reads `name`.
pub(super) fn find<'py>(dict: &Any<'py>, name: &str) -> Option<Any<'py>> {
    find_entry(dict, name).map(|(_, value)| value)
}

/// As [`find`], with the key object.
pub(super) fn find_entry<'py>(dict: &Any<'py>, name: &str) -> Option<(Any<'py>, Any<'py>)> {
    entries(dict, 0).find(|(key, _)| is_plain_text(key) && text_is(key, name))
}

/// Items of a list.
pub(super) fn list_size(list: &Any<'_>) -> usize {
    // SAFETY: reads a field.
    usize::try_from(unsafe { ffi::PyList_Size(list.as_ptr()) }).unwrap_or_else(|_| clear_and_zero())
}

/// One item of a list; `None` beyond its end, or where it is still being filled.
pub(super) fn list_item<'py>(list: &Any<'py>, index: usize) -> Option<Any<'py>> {
    // SAFETY: the function checks the index; the list holds what it answers.
    unsafe {
        let item = ffi::PyList_GetItem(list.as_ptr(), index.cast_signed());
        if item.is_null() {
            ffi::PyErr_Clear();
        }
        hold(list.py(), item)
    }
}

/// Items of a tuple.
pub(super) fn tuple_size(tuple: &Any<'_>) -> usize {
    // SAFETY: reads a field.
    usize::try_from(unsafe { ffi::PyTuple_Size(tuple.as_ptr()) }).unwrap_or_else(|_| clear_and_zero())
}

/// One item of a tuple; `None` beyond its end, or where it is still being filled.
pub(super) fn tuple_item<'py>(tuple: &Any<'py>, index: usize) -> Option<Any<'py>> {
    // SAFETY: the function checks the index; the tuple holds what it answers.
    unsafe {
        let item = ffi::PyTuple_GetItem(tuple.as_ptr(), index.cast_signed());
        if item.is_null() {
            ffi::PyErr_Clear();
        }
        hold(tuple.py(), item)
    }
}

/// All items of a tuple.
pub(super) fn tuple_items<'a, 'py>(tuple: &'a Any<'py>) -> impl Iterator<Item = Any<'py>> + 'a {
    (0..tuple_size(tuple)).filter_map(|index| tuple_item(tuple, index))
}

/// Items of a sequence whose type `owner` is written in C and known to be harmless (deque, array).
pub(super) fn sequence_size(value: &Any<'_>, owner: &Any<'_>) -> usize {
    let Some(slot) = slot(owner, ffi::Py_sq_length) else { return 0 };
    // SAFETY: the slot of this name has this signature.
    let length = unsafe { std::mem::transmute::<*mut c_void, Length>(slot)(value.as_ptr()) };
    usize::try_from(length).unwrap_or_else(|_| clear_and_zero())
}

/// One item of such a sequence.
pub(super) fn sequence_item<'py>(value: &Any<'py>, owner: &Any<'py>, index: usize) -> Option<Any<'py>> {
    let slot = slot(owner, ffi::Py_sq_item)?;
    // SAFETY: the slot of this name has this signature, and it checks the index.
    unsafe {
        let item = std::mem::transmute::<*mut c_void, ReadItem>(slot)(value.as_ptr(), index.cast_signed());
        take(value.py(), item)
    }
}

/// Items of a set or frozenset.
pub(super) fn set_size(set: &Any<'_>) -> usize {
    // SAFETY: reads a field.
    usize::try_from(unsafe { ffi::PySet_Size(set.as_ptr()) }).unwrap_or_else(|_| clear_and_zero())
}

/// An iterator over a set, made by the C function of `set`, whatever its class says.
pub(super) fn set_iterator<'py>(set: &Any<'py>) -> Option<Any<'py>> {
    // SAFETY: a type that lives for ever; `set` and `frozenset` share the layout and the function.
    let slot = unsafe { ffi::PyType_GetSlot(&raw mut ffi::PySet_Type, ffi::Py_tp_iter) };
    if slot.is_null() {
        return None;
    }
    // SAFETY: the slot of this name has this signature.
    unsafe { take(set.py(), std::mem::transmute::<*mut c_void, Unary>(slot)(set.as_ptr())) }
}

/// The next item of such an iterator; `None` at its end, or if the set has changed.
pub(super) fn next_item<'py>(iterator: &Any<'py>) -> Option<Any<'py>> {
    let slot = slot(&class_of(iterator), ffi::Py_tp_iternext)?;
    // SAFETY: the slot of this name has this signature.
    unsafe { take(iterator.py(), std::mem::transmute::<*mut c_void, Unary>(slot)(iterator.as_ptr())) }
}
