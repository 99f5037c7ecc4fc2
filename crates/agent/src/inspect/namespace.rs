//! The namespace of a frame, taken to evaluate in it or to read it, and the frame is left as it was.
//!
//! 3.11 and 3.12 keep one dict with the frame of a function and fill it anew at each request. What is in it lives as long as the frame does,
//! and the program may have it in its hands: `locals()` gave it. So it is put aside meanwhile, and of what was made instead only
//! names that are new are kept, as the interpreter itself would. From 3.13 on there is a proxy, which keeps nothing.

use std::collections::HashSet;
use std::ptr::null_mut;

use pyo3::ffi::{self, PyFrameObject, PyObject};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::data::{entries, text, text_is};
use super::locals::{is_optimized, names};
use super::native::{Any, hold, is_dict, is_text, take};
use crate::capi::frame::namespace_of;
use crate::capi::{self, Ref, capi};

/// The locals of a frame, until this is dropped.
#[derive(Debug)]
pub(crate) struct Namespace<'py> {
    frame: Any<'py>,
    locals: Any<'py>,
    /// What was put aside, if this frame has such a place.
    aside: Option<Aside<'py>>,
}

/// What a frame had in the place of its dict.
#[derive(Debug)]
struct Aside<'py> {
    kept: Option<Any<'py>>,
    /// If there was something: what the locals were at first.
    first: Option<Any<'py>>,
}

impl<'py> Namespace<'py> {
    /// That of a live frame.
    pub(crate) fn of(py: Python<'py>, frame: *mut PyFrameObject) -> PyResult<Self> {
        // SAFETY: a live frame, by the callers.
        let frame = unsafe { Bound::from_borrowed_ptr(py, frame.cast()) };
        let aside = slot(&frame).map(|slot| {
            // SAFETY: the slot of a live frame, under the GIL; it owns what is in it.
            let kept = unsafe { Bound::from_owned_ptr_or_opt(py, slot.replace(null_mut())) };
            if let Some(kept) = &kept {
                let fresh = PyDict::new(py);
                give(added(kept, &frame), &fresh);
                // SAFETY: as above; it was emptied here.
                unsafe { slot.write(fresh.into_ptr()) };
            }
            Aside { kept, first: None }
        });
        // SAFETY: a live frame; a new reference.
        let locals = unsafe { Bound::from_owned_ptr_or_err(py, (capi::py().frame_get_locals)(frame.as_ptr().cast())) };
        match locals {
            Ok(locals) => {
                let aside = aside.map(|it| Aside { first: it.kept.as_ref().and_then(|_| copy(&locals)), ..it });
                Ok(Self { frame, locals, aside })
            }
            Err(error) => {
                put_back(&frame, aside);
                Err(error)
            }
        }
    }

    /// The mapping.
    pub(crate) fn mapping(&self) -> &Any<'py> {
        &self.locals
    }

    /// Gives the frame what was changed: 3.13 and later have done it.
    pub(crate) fn write_back(&mut self) {
        let Some(write_back) = capi().optional.frame_locals_to_fast.filter(|_| capi().version < (3, 13)) else {
            return;
        };
        // SAFETY: a live frame, whose locals were fetched once.
        unsafe { write_back(self.frame.as_ptr().cast(), 0) };
        let Some(aside) = &mut self.aside else { return };
        let new = added(&self.locals, &self.frame);
        let Some(kept) = &aside.kept else {
            if !new.is_empty() {
                let kept = PyDict::new(self.frame.py());
                give(new, &kept);
                aside.kept = Some(kept.into_any());
            }
            return;
        };
        let gone = added(kept, &self.frame).into_iter().filter(|(key, _)| !new.iter().any(|it| it.0.is(key)));
        for (key, _) in gone.collect::<Vec<_>>() {
            // SAFETY: live objects; that there is no such key any more is no error here.
            unsafe {
                ffi::PyDict_DelItem(kept.as_ptr(), key.as_ptr());
                ffi::PyErr_Clear();
            }
        }
        give(new, kept);
        // What the user has changed is changed there, too: a tracer of the program's may be about to write all of it to the frame.
        if let Some(first) = &aside.first {
            let is_changed = |(key, value): &(Any<'py>, Any<'py>)| {
                item(first, key).is_some_and(|it| !it.is(value)) && item(kept, key).is_some()
            };
            give(entries(&self.locals, 0).filter(is_changed).collect(), kept);
        }
    }
}

impl Drop for Namespace<'_> {
    fn drop(&mut self) {
        put_back(&self.frame, self.aside.take());
    }
}

/// The frame has again what was put aside.
fn put_back(frame: &Any<'_>, aside: Option<Aside<'_>>) {
    // The place is asked for anew: what was evaluated may have ended a generator, whose frame moves then.
    if let (Some(aside), Some(slot)) = (aside, slot(frame)) {
        // SAFETY: the slot of a live frame, under the GIL; it owns what is in it.
        let made = unsafe { slot.replace(aside.kept.map_or(null_mut(), Bound::into_ptr)) };
        // SAFETY: as above; null or a dict that nothing else refers to by this reference.
        drop(unsafe { Ref::steal(made) });
    }
}

/// Where the frame of a function keeps its dict, if it has such a place.
fn slot(frame: &Any<'_>) -> Option<*mut *mut PyObject> {
    if capi().version >= (3, 13) {
        return None;
    }
    // SAFETY: a live frame.
    let code = unsafe { Bound::from_owned_ptr_or_opt(frame.py(), ffi::PyFrame_GetCode(frame.as_ptr().cast()).cast())? };
    // SAFETY: a live frame and its code.
    is_optimized(&code).then(|| unsafe { namespace_of(frame.as_ptr().cast(), code.as_ptr()) })?
}

/// What a dict of locals holds beyond the names that have a place in the frame.
fn added<'py>(dict: &Any<'py>, frame: &Any<'py>) -> Vec<(Any<'py>, Any<'py>)> {
    // SAFETY: a live frame; a new reference.
    let code = unsafe { Bound::from_owned_ptr_or_opt(dict.py(), ffi::PyFrame_GetCode(frame.as_ptr().cast()).cast()) };
    let (Some(code), true) = (code, is_dict(dict)) else { return Vec::new() };
    let own = names(&code);
    let addresses: HashSet<usize> = own.iter().map(|it| it.as_ptr().addr()).collect();
    let is_own = |key: &Any<'py>| {
        addresses.contains(&key.as_ptr().addr())
            || is_text(key) && own.iter().any(|it| text_is(it, &text(key, usize::MAX)))
    };
    entries(dict, 0).filter(|(key, _)| !is_own(key)).collect()
}

fn copy<'py>(dict: &Any<'py>) -> Option<Any<'py>> {
    // SAFETY: a live object; a new reference, or an error if it is no dict.
    unsafe { take(dict.py(), ffi::PyDict_Copy(dict.as_ptr())) }
}

fn item<'py>(dict: &Any<'py>, key: &Any<'py>) -> Option<Any<'py>> {
    // SAFETY: a live dict and a key; the answer is borrowed from the dict. A key that cannot be compared is not there.
    unsafe {
        let found = hold(dict.py(), ffi::PyDict_GetItemWithError(dict.as_ptr(), key.as_ptr()));
        ffi::PyErr_Clear();
        found
    }
}

fn give(entries: Vec<(Any<'_>, Any<'_>)>, dict: &Bound<'_, PyAny>) {
    for (key, value) in entries {
        // SAFETY: live objects. What cannot be written for want of memory is lost.
        unsafe {
            ffi::PyDict_SetItem(dict.as_ptr(), key.as_ptr(), value.as_ptr());
            ffi::PyErr_Clear();
        }
    }
}
