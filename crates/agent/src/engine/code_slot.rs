//! The slot of code objects that tells of their death, where nothing else does: on 3.11, or if the program has taken all watchers.
//!
//! A code object has as many slots as there were when one of them was written first, and the owner of each is called at its death, whether it
//! has written something or not. So the slots of the program's own, which come behind ours, are taken off again: who owns them is not
//! called for our sake.

use std::ffi::c_void;
use std::sync::atomic::{AtomicIsize, Ordering};

use pyo3::ffi;
use pyo3::prelude::*;

use super::codes::attribute;
use crate::capi;

/// Ours; negative if there is none.
static SLOT: AtomicIsize = AtomicIsize::new(-1);

/// Reserves the slot. `freed` is called with what was written, at the death of the code object.
pub(super) fn reserve(freed: capi::FreeFunction) {
    // SAFETY: the function lives as long as the process; the GIL is held. An exception is left by the interpreter's refusal of a watcher.
    let slot = unsafe {
        ffi::PyErr_Clear();
        (capi::py().request_code_extra_index)(freed)
    };
    SLOT.store(slot, Ordering::Relaxed);
}

/// Writes it, where there is one.
pub(super) fn write(code: &Bound<'_, PyAny>, value: *mut c_void) -> PyResult<()> {
    let slot = SLOT.load(Ordering::Relaxed);
    let Ok(index) = usize::try_from(slot) else { return Ok(()) };
    let slots = Slots::of(code)?;
    let before = slots.as_ref().map_or(0, Slots::count);
    // SAFETY: a live code object, our slot, the GIL.
    if unsafe { (capi::py().code_set_extra)(code.as_ptr(), slot, value) } != 0 {
        return Err(PyErr::fetch(code.py()));
    }
    if let Some(slots) = slots
        && before <= index
    {
        slots.leave(index, value);
    }
    Ok(())
}

/// Where a code object of 3.11 points to its slots: to their number, which they follow.
struct Slots(*const *mut *mut c_void);

impl Slots {
    fn of(code: &Bound<'_, PyAny>) -> PyResult<Option<Self>> {
        if capi::capi().version != (3, 11) {
            return Ok(None);
        }
        // It is the last field before the instructions, which are the variable part of the object.
        let size: usize = attribute(code.get_type().as_any(), c"__basicsize__")?.extract()?;
        Ok(Some(Self(code.as_ptr().cast::<u8>().wrapping_add(size).cast::<*mut *mut c_void>().wrapping_sub(1))))
    }

    fn table(&self) -> *mut *mut c_void {
        // SAFETY: a field of a code object that outlives this.
        unsafe { self.0.read() }
    }

    fn count(&self) -> usize {
        let table = self.table();
        // SAFETY: null, or the table, which begins with its length.
        if table.is_null() { 0 } else { unsafe { table.read() }.addr() }
    }

    /// Takes off those behind ours, which nobody has written yet.
    fn leave(&self, index: usize, ours: *mut c_void) {
        let table = self.table();
        // SAFETY: the table has our slot by now, and what was written there is looked at before anything is changed.
        unsafe {
            if self.count() > index && table.add(1 + index).read() == ours {
                table.cast::<usize>().write(index + 1);
            }
        }
    }
}
