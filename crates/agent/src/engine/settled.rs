//! Code whose events have settled gets back what they cost it: fused instructions (3.12) and plain `await`s.
//!
//! Whoever changes the events of a code object says so; a moment later, on the helper thread, its instructions are mended in
//! place, a byte each. An instruction that may still give an event is never touched.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use super::breakpoints::Spot;
use super::codes::{self, CodeInfo, Held, attribute};
use super::{awaits, fused, gil};
use crate::capi::capi;

static DIRTY: Mutex<Vec<Held>> = Mutex::new(Vec::new());
static WANTED: AtomicBool = AtomicBool::new(false);

/// The events of a code object have changed. Needs the GIL.
pub(crate) fn touched(info: *mut CodeInfo) {
    // SAFETY: a living record under the GIL, by the callers.
    if !can_be_mended(unsafe { &*info }) {
        return;
    }
    let mut dirty = DIRTY.lock().unwrap_or_else(PoisonError::into_inner);
    if !dirty.iter().any(|held| held.info == info) {
        dirty.push(Held::new(info));
    }
    drop(dirty);
    if !WANTED.swap(true, Ordering::Relaxed) {
        gil::wake_helper();
    }
}

/// The program goes on after others were frozen, which asked all code for its lines.
pub(crate) fn touch_user_code(py: Python<'_>) {
    for held in codes::user_codes(py, can_be_mended) {
        touched(held.info);
    }
}

/// From 3.13 on only code that has events of its own and awaits something has anything to get back.
fn can_be_mended(info: &CodeInfo) -> bool {
    match capi().version {
        (3, 11) => false,
        (3, 12) => true,
        _ => info.awaits && info.events != 0 && !info.armed.iter().any(|it| matches!(it.spot, Spot::Instruction(_))),
    }
}

/// Whether there is something to do.
pub(crate) fn wanted() -> bool {
    WANTED.load(Ordering::Relaxed)
}

/// Mends what was touched.
pub(crate) fn run(_py: Python<'_>) {
    WANTED.store(false, Ordering::Relaxed);
    let dirty = std::mem::take(&mut *DIRTY.lock().unwrap_or_else(PoisonError::into_inner));
    for held in dirty {
        // An error leaves the code as it is: slower, and right.
        let _ = Python::attach(|py| mend(py, held.info).ok());
        drop(held);
    }
}

fn mend(py: Python<'_>, info: *const CodeInfo) -> PyResult<()> {
    // SAFETY: a living record under the GIL.
    let info = unsafe { &*info };
    // SAFETY: its code object lives as long.
    let code = unsafe { Bound::from_borrowed_ptr(py, info.code) };
    let mut instructions = Instructions::of(&code)?;
    if info.awaits && info.events != 0 {
        awaits::calm(py, &code, &mut instructions)?;
    }
    if capi().version == (3, 12) {
        fused::fuse(py, &mut instructions);
    }
    Ok(())
}

/// The instructions of a code object: a byte each, followed by its argument and, in some, by counters.
pub(super) struct Instructions<'py> {
    /// Without any event or specialisation, the counters 0.
    base: Bound<'py, PyBytes>,
    /// As they are executed.
    live: *mut u8,
}

impl<'py> Instructions<'py> {
    /// Those of a code object that outlives this.
    pub(super) fn of(code: &Bound<'py, PyAny>) -> PyResult<Self> {
        let base = attribute(code, c"co_code")?.cast_into::<PyBytes>()?;
        // They are the variable part of the object.
        let offset: usize = attribute(code.get_type().as_any(), c"__basicsize__")?.extract()?;
        Ok(Self { base, live: code.as_ptr().cast::<u8>().wrapping_add(offset) })
    }

    pub(super) fn base(&self) -> &[u8] {
        self.base.as_bytes()
    }

    pub(super) fn live(&self) -> &[u8] {
        // SAFETY: as for `both`.
        unsafe { std::slice::from_raw_parts(self.live, self.base().len()) }
    }

    /// Both, to change what is executed.
    pub(super) fn both(&mut self) -> (&[u8], &mut [u8]) {
        // SAFETY: as many bytes as `co_code` has, at the offset that `probe` has checked; `'py` says that the GIL is held, so no
        // thread runs them, and nothing else refers to them.
        let live = unsafe { std::slice::from_raw_parts_mut(self.live, self.base.as_bytes().len()) };
        (self.base.as_bytes(), live)
    }
}

/// The code object of the function `probe` in this source. An error if the instructions are not where they are looked for.
pub(super) fn probe<'py>(py: Python<'py>, source: &str) -> PyResult<Bound<'py, PyAny>> {
    let names = PyDict::new(py);
    let builtins = py.import("builtins")?;
    let module = builtins.getattr("compile")?.call1((source, "<ikpdb>", "exec"))?;
    builtins.getattr("exec")?.call1((module, &names))?;
    let code = names.as_any().get_item("probe")?.getattr("__code__")?;
    let live = attribute(&code, c"_co_code_adaptive")?;
    if Instructions::of(&code)?.live() != live.cast::<PyBytes>()?.as_bytes() {
        return Err(PyValueError::new_err("the instructions of a code object are not where they were looked for"));
    }
    Ok(code)
}
