//! `sys.monitoring` (3.12+), driven through its Python-level functions, with the numbers of events read by name.

use std::ffi::{CStr, c_int};
use std::sync::atomic::{AtomicI32, Ordering};

use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;

use super::Ref;
use super::builtin::{CallbackWithNames, called_directly};

/// One bit of each event that we use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Events {
    pub(crate) py_start: c_int,
    pub(crate) py_resume: c_int,
    pub(crate) py_return: c_int,
    pub(crate) py_yield: c_int,
    pub(crate) py_throw: c_int,
    pub(crate) py_unwind: c_int,
    pub(crate) line: c_int,
    pub(crate) jump: c_int,
    pub(crate) instruction: c_int,
    pub(crate) raise: c_int,
}

/// A claimed tool of `sys.monitoring`.
#[derive(Debug)]
pub(crate) struct Tool {
    id: c_int,
    monitoring: Ref,
    set_local_events: Ref,
    set_events: Ref,
    disable: Ref,
    global: AtomicI32,
    /// The events.
    pub(crate) events: Events,
}

impl Tool {
    /// Claims the first free id of `ids`.
    pub(crate) fn claim(py: Python<'_>, name: &str, ids: &[c_int]) -> PyResult<Self> {
        let monitoring = py.import("sys")?.getattr("monitoring")?;
        let id = ids
            .iter()
            .copied()
            .find(|id| monitoring.call_method1("use_tool_id", (*id, name)).is_ok())
            .ok_or_else(|| PyRuntimeError::new_err("all tool ids of sys.monitoring are in use"))?;
        let events = monitoring.getattr("events")?;
        let event = |name: &str| -> PyResult<c_int> { events.getattr(name)?.extract() };
        Ok(Self {
            id,
            events: Events {
                py_start: event("PY_START")?,
                py_resume: event("PY_RESUME")?,
                py_return: event("PY_RETURN")?,
                py_yield: event("PY_YIELD")?,
                py_throw: event("PY_THROW")?,
                py_unwind: event("PY_UNWIND")?,
                line: event("LINE")?,
                jump: event("JUMP")?,
                instruction: event("INSTRUCTION")?,
                raise: event("RAISE")?,
            },
            set_local_events: monitoring.getattr("set_local_events")?.into(),
            set_events: monitoring.getattr("set_events")?.into(),
            disable: monitoring.getattr("DISABLE")?.into(),
            global: AtomicI32::new(0),
            monitoring: monitoring.into(),
        })
    }

    /// Its id: of two tools the interpreter calls that with the higher one first.
    pub(crate) fn id(&self) -> c_int {
        self.id
    }

    /// Registers a callback for one event.
    pub(crate) fn register(
        &self,
        py: Python<'_>,
        event: c_int,
        name: &'static CStr,
        callback: CallbackWithNames,
    ) -> PyResult<()> {
        let function = called_directly(py, name, callback)?;
        self.monitoring.bind(py).call_method1("register_callback", (self.id, event, function))?;
        Ok(())
    }

    /// Sets the events of one code object. It reaches frames that run it already.
    pub(crate) fn set_local(&self, py: Python<'_>, code: *mut PyObject, events: c_int) -> PyResult<()> {
        // SAFETY: `code` is a live code object of the caller's.
        let code = unsafe { Bound::from_borrowed_ptr(py, code) };
        self.set_local_events.bind(py).call1((self.id, code, events)).map(drop)
    }

    /// Sets the global events.
    pub(crate) fn set_global(&self, py: Python<'_>, events: c_int) -> PyResult<()> {
        self.global.store(events, Ordering::Relaxed);
        self.set_events.bind(py).call1((self.id, events)).map(drop)
    }

    /// The global events now.
    pub(crate) fn global(&self) -> c_int {
        self.global.load(Ordering::Relaxed)
    }

    /// Sets the global events if they are others now: each change costs the interpreter a walk through its code.
    pub(crate) fn set_global_if_changed(&self, py: Python<'_>, events: c_int) -> PyResult<()> {
        if self.global() == events { Ok(()) } else { self.set_global(py, events) }
    }

    /// Lets events that were disabled come again, of all tools.
    pub(crate) fn restart_events(&self, py: Python<'_>) -> PyResult<()> {
        self.monitoring.bind(py).call_method0("restart_events").map(drop)
    }

    /// A new reference to `DISABLE`, the answer that ends an event at one place.
    pub(crate) fn disable(&self) -> *mut PyObject {
        // SAFETY: called in a callback, with the GIL; the tool keeps the object alive.
        unsafe { ffi::Py_NewRef(self.disable.as_ptr()) }
    }

    /// Takes all of the tool's global events and callbacks away and gives its id back. Local events are the caller's.
    pub(crate) fn release(&self, py: Python<'_>) -> PyResult<()> {
        self.set_global(py, 0)?;
        let monitoring = self.monitoring.bind(py);
        let events = self.events;
        for event in [
            events.py_start,
            events.py_resume,
            events.py_return,
            events.py_yield,
            events.py_throw,
            events.py_unwind,
            events.line,
            events.jump,
            events.instruction,
            events.raise,
        ] {
            monitoring.call_method1("register_callback", (self.id, event, py.None()))?;
        }
        monitoring.call_method1("free_tool_id", (self.id,)).map(drop)
    }
}
