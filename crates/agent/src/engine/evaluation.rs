//! Code that runs on the stopped thread because the user asked for it: the others are held, it can be interrupted, and the
//! listener knows that it is under way.

use std::ffi::c_long;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use pyo3::Python;
use pyo3::ffi;

use super::{freeze, watchdog};

/// `seq` of the request that is being carried out; 0 = none.
static RUNNING: AtomicI64 = AtomicI64::new(0);
/// `threading` identifier of the thread that runs it.
static IDENT: AtomicU64 = AtomicU64::new(0);

/// An evaluation under way.
#[must_use]
pub(crate) struct Evaluation {
    ident: u64,
}

/// The request that runs now, if any. Needs no GIL.
pub(crate) fn running() -> Option<i64> {
    match RUNNING.load(Ordering::Relaxed) {
        0 => None,
        seq => Some(seq),
    }
}

/// The thread that runs it.
pub(crate) fn ident() -> c_long {
    IDENT.load(Ordering::Relaxed).cast_signed()
}

impl Evaluation {
    /// Begins one for a request.
    pub(crate) fn begin(py: Python<'_>, seq: i64) -> Self {
        // SAFETY: always allowed.
        let this = unsafe { libc::pthread_self() };
        freeze::begin(py, this as usize);
        IDENT.store(this, Ordering::Relaxed);
        RUNNING.store(seq, Ordering::Relaxed);
        watchdog::evaluation_begins(seq);
        Self { ident: this }
    }

    /// Ends it. True if other threads had to be let run for it.
    pub(crate) fn end(self, py: Python<'_>) -> bool {
        let outcome = watchdog::evaluation_ends();
        RUNNING.store(0, Ordering::Relaxed);
        if outcome.interrupted {
            self.absorb_interrupt(py);
        }
        if outcome.others_ran {
            freeze::begin(py, self.ident as usize);
        }
        outcome.others_ran
    }

    /// An interrupt that came too late must not reach the program: it is raised here, in code of ours. (Taking it back with
    /// `PyThreadState_SetAsyncExc` leaves 3.11 with a breaker set that nothing clears, and a traced program hangs.)
    fn absorb_interrupt(&self, _py: Python<'_>) {
        for _ in 0..ABSORBING_RUNS {
            // SAFETY: the GIL is held; the text and the dict are ours.
            unsafe {
                let names = ffi::PyDict_New();
                let value =
                    ffi::Py_CompileString(c"[0 for _ in (0, 0)]".as_ptr(), c"<ikpdb>".as_ptr(), ffi::Py_eval_input);
                if !names.is_null() && !value.is_null() {
                    ffi::Py_XDECREF(ffi::PyEval_EvalCode(value, names, names));
                }
                ffi::Py_XDECREF(value);
                ffi::Py_XDECREF(names);
                ffi::PyErr_Clear();
            }
        }
    }
}

/// Each run raises at most one interrupt; the ladder sends at most four.
const ABSORBING_RUNS: u32 = 5;
