//! Code that runs on the stopped thread because the user asked for it: the others are held, it can be interrupted, and the
//! listener knows that it is under way.

use std::ffi::{c_char, c_int, c_long, c_void};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use ikpdb_proto::StopPolicy;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::freeze::{self, Why};
use super::stop::{self, Stop};
use super::watchdog::{self, Limit};
use super::{interrupt, threads};
use crate::capi::{self, Ref};
use crate::door::mailbox::MAILBOX;
use crate::door::{OUTBOX, immediate};

/// `seq` of the request that is being carried out; 0 = none.
static RUNNING: AtomicI64 = AtomicI64::new(0);
/// Counts evaluations, so that nothing meant for one reaches the next.
static COUNT: AtomicU64 = AtomicU64::new(0);
/// Number of the one that runs; 0 = none. Changes under the GIL.
static NUMBER: AtomicU64 = AtomicU64::new(0);
/// `threading` identifier of the thread that runs it.
static IDENT: AtomicU64 = AtomicU64::new(0);
static IN_MAIN: AtomicBool = AtomicBool::new(false);

/// An evaluation under way.
#[must_use]
pub(crate) struct Evaluation {
    ident: usize,
}

/// How an evaluation went.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    /// Other threads had to be let run for it.
    pub(crate) others_ran: bool,
    /// It was given up, by the user or because its time was over.
    pub(crate) given_up: bool,
}

/// The `seq` of what no DAP request asked for.
pub(crate) const UNASKED: i64 = -1;

/// The request that runs now, if any. Needs no GIL.
pub(crate) fn running() -> Option<i64> {
    match RUNNING.load(Ordering::Relaxed) {
        0 => None,
        seq => Some(seq),
    }
}

/// The number of the evaluation that runs now, if any. Needs no GIL, but stays true only while that is held.
pub(super) fn number() -> Option<u64> {
    match NUMBER.load(Ordering::Relaxed) {
        0 => None,
        number => Some(number),
    }
}

/// The thread that runs it.
pub(super) fn ident() -> c_long {
    IDENT.load(Ordering::Relaxed).cast_signed()
}

/// Whether that is the main thread.
pub(super) fn is_in_main() -> bool {
    IN_MAIN.load(Ordering::Relaxed)
}

impl Evaluation {
    /// Begins one for a request: from here on the listener answers from what the stop has published. After `limit` it is given up.
    pub(crate) fn begin(py: Python<'_>, stop: &mut Stop, seq: i64, limit: Option<Limit>) -> Self {
        if OUTBOX.is_connected() {
            stop.publish(py);
        }
        let this = threads::this();
        if stop::holds() {
            freeze::begin(py, Why::Stop, this);
        }
        IDENT.store(this as u64, Ordering::Relaxed);
        IN_MAIN.store(threads::is_main(), Ordering::Relaxed);
        let number = COUNT.fetch_add(1, Ordering::Relaxed) + 1;
        interrupt::let_kicks_through(true);
        let policy = if stop::holds() { StopPolicy::All } else { StopPolicy::Thread };
        watchdog::evaluation_begins(seq, number, policy, limit);
        NUMBER.store(number, Ordering::Relaxed);
        RUNNING.store(seq, Ordering::Relaxed);
        immediate::answer_what_waits();
        if stop::is_ending() || MAILBOX.is_given_up(seq) {
            // Whoever waits for the end of the stop, or gave the request up, came a moment too early to see this evaluation.
            watchdog::interrupt(seq);
        }
        Self { ident: this }
    }

    /// Goes on with something else, for which there is so much time from now on. False if it was given up: then it is to be ended.
    pub(crate) fn goes_on(&self, limit: Limit) -> bool {
        watchdog::evaluation_goes_on(limit)
    }

    /// Ends it.
    pub(crate) fn end(self, py: Python<'_>, stop: &mut Stop) -> Ended {
        let outcome = watchdog::evaluation_ends();
        interrupt::let_kicks_through(false);
        NUMBER.store(0, Ordering::Relaxed);
        RUNNING.store(0, Ordering::Relaxed);
        if outcome.interrupted {
            interrupt::absorb(py);
            forget_interrupt(py);
        }
        if outcome.others_ran && stop::holds() {
            freeze::begin(py, Why::Stop, self.ident);
            stop.others_moved();
        }
        MAILBOX.take_up();
        Ended { others_ran: outcome.others_ran, given_up: outcome.interrupted }
    }
}

/// The interpreter remembers a KeyboardInterrupt that has left code which was run as text, and ends the process by SIGINT for it, unless
/// more is run so.
fn forget_interrupt(py: Python<'_>) {
    type Run = unsafe extern "C" fn(
        *const c_char,
        c_int,
        *mut ffi::PyObject,
        *mut ffi::PyObject,
        *mut c_void,
    ) -> *mut ffi::PyObject;
    /// The grammar's start symbol for a file.
    const FILE: c_int = 257;
    let Some(run) = capi::data_symbol(c"PyRun_StringFlags") else { return };
    let names = PyDict::new(py);
    // SAFETY: a function of the interpreter by its name, whose signature the type repeats, with live objects; it answers a new reference
    // or an error.
    let outcome = unsafe {
        let run = std::mem::transmute::<*mut c_void, Run>(run);
        Ref::steal(run(c"".as_ptr(), FILE, names.as_ptr(), names.as_ptr(), std::ptr::null_mut()))
    };
    if outcome.is_none() {
        // SAFETY: under the GIL.
        unsafe { ffi::PyErr_Clear() };
    }
}
