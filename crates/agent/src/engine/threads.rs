//! The debuggee's threads: their ids for the hub, their names, their innermost frames.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};

use ikpdb_proto::{Failure, ThreadId, dap};
use pyo3::ffi::{self, PyThreadState};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::trace;
use crate::capi::{self, Ref};

/// A thread that has a Python thread state.
#[derive(Clone, Debug)]
pub(crate) struct Thread {
    /// Its id for the hub.
    pub(crate) id: ThreadId,
    /// Its state; alive while the GIL is held.
    pub(crate) state: *mut PyThreadState,
    /// Its name.
    pub(crate) name: String,
}

impl Thread {
    /// Its innermost frame.
    pub(crate) fn frame(&self) -> Option<Ref> {
        // SAFETY: under the GIL the state is alive; a new reference or null.
        unsafe { Ref::steal((capi::py().thread_get_frame)(self.state).cast()) }
    }

    /// Whether it runs Python code.
    pub(crate) fn has_frame(&self) -> bool {
        self.frame().is_some()
    }
}

// SAFETY: the pointer is used under the GIL only.
unsafe impl Send for Thread {}

/// `pthread_self` of the calling thread: what `threading` knows it by, too.
pub(crate) fn this() -> usize {
    // SAFETY: always allowed.
    unsafe { libc::pthread_self() as usize }
}

/// The kernel's id of the calling thread.
pub(crate) fn this_native() -> libc::pid_t {
    // SAFETY: always allowed.
    unsafe { libc::gettid() }
}

/// Whether the calling thread is the process's first one, which is Python's main thread.
pub(crate) fn is_main() -> bool {
    // SAFETY: always allowed.
    this_native() == unsafe { libc::getpid() }
}

static IDS: LazyLock<Mutex<HashMap<i64, ThreadId>>> = LazyLock::new(Mutex::default);
/// Where a thread state keeps its identifier; 0 = not known yet.
static IDENT_OFFSET: AtomicUsize = AtomicUsize::new(0);
/// What the listener answers while the GIL cannot be had.
static LAST: Mutex<Vec<dap::Thread>> = Mutex::new(Vec::new());

/// The main thread: the first one that is given an id, at the start.
pub(crate) const MAIN: ThreadId = ThreadId(1);

/// The id of a thread.
pub(crate) fn id_of(state: *mut PyThreadState) -> ThreadId {
    // SAFETY: a live state, under the GIL. The interpreter never gives this number to another thread.
    let unique = unsafe { ffi::PyThreadState_GetID(state) };
    let mut ids = IDS.lock().unwrap_or_else(PoisonError::into_inner);
    let next = ThreadId(i32::try_from(ids.len() + 1).unwrap_or(i32::MAX));
    *ids.entry(unique).or_insert(next)
}

/// Whether there is or was a thread with this id. Needs no GIL.
pub(crate) fn was_there(id: ThreadId) -> bool {
    let given = IDS.lock().unwrap_or_else(PoisonError::into_inner).len();
    usize::try_from(id.0).is_ok_and(|id| (1..=given).contains(&id))
}

/// Whether a thread is there now. Needs the GIL.
pub(crate) fn lives(id: ThreadId) -> bool {
    states().into_iter().any(|state| id_of(state) == id)
}

/// The answer to a request that names a thread which is not there.
pub(crate) fn no_such(id: ThreadId) -> Failure {
    Failure::client(format!("there is no thread {id}"))
}

/// The states of all threads, the newest first. Needs the GIL.
///
/// Under the GIL none is freed, but a native thread that enters the interpreter links its new state in front before it is
/// filled in. That takes a moment, without the GIL: it is awaited, because an empty state also hides those behind it.
pub(crate) fn states() -> Vec<*mut PyThreadState> {
    let mut states = Vec::new();
    // SAFETY: under the GIL; see above.
    let mut state = unsafe { (capi::py().thread_head)(capi::main_interpreter()) };
    while !state.is_null() {
        for _ in 0..MOST_SPINS {
            if is_filled_in(state) {
                break;
            }
            std::thread::yield_now();
        }
        if is_filled_in(state) {
            states.push(state);
        }
        // SAFETY: as above.
        state = unsafe { (capi::py().thread_next)(state) };
    }
    states
}

/// A state that takes longer to be filled in is left out.
const MOST_SPINS: u32 = 10_000;

/// Whether a thread state is filled in. 3.11 and 3.12 follow pointers in it; later versions can do with an empty one.
fn is_filled_in(state: *mut PyThreadState) -> bool {
    /// `_initialized` of 3.11, `_status.initialized` of 3.12.
    const INITIALIZED: usize = 24;
    // SAFETY: a linked state; the field is written by another thread, hence the atomic.
    let status = unsafe { &*state.cast::<u8>().add(INITIALIZED).cast::<AtomicU32>() };
    capi::capi().version >= (3, 13) || status.load(Ordering::Acquire) & 1 != 0
}

/// All threads, the main thread first.
pub(crate) fn list(py: Python<'_>) -> Vec<Thread> {
    let names = names(py);
    let mut threads: Vec<(*mut PyThreadState, u64)> =
        states().into_iter().map(|state| (state, ident(state).unwrap_or(0))).collect();
    // The list has the newest first: ids are counted from the oldest, which is the main thread.
    threads.reverse();
    let mut threads: Vec<Thread> = threads
        .into_iter()
        .filter(|(state, ident)| {
            // A state without a name and without a frame is a native thread's that only passes by: ours, for one. The main
            // thread has no frame while its last exception is reported.
            // SAFETY: a live state, under the GIL.
            id_of(*state) == MAIN
                || names.contains_key(ident)
                || unsafe { Ref::steal((capi::py().thread_get_frame)(*state).cast()) }.is_some()
        })
        .map(|(state, ident)| {
            let id = id_of(state);
            let name = names.get(&ident).cloned();
            let name =
                name.unwrap_or_else(|| if id == MAIN { "MainThread".to_owned() } else { format!("Thread-{id}") });
            Thread { id, state, name }
        })
        .collect();
    threads.sort_by_key(|thread| thread.id);
    let published = threads.iter().map(|it| dap::Thread { id: it.id, name: it.name.clone() }).collect();
    *LAST.lock().unwrap_or_else(PoisonError::into_inner) = published;
    threads
}

/// Lets `SystemExit` appear in these threads, or in all but the main one.
pub(crate) fn terminate(py: Python<'_>, wanted: Option<&[ThreadId]>) {
    let is_wanted = |thread: &Thread| wanted.map_or(thread.id != MAIN, |wanted| wanted.contains(&thread.id));
    let threads = list(py).into_iter().filter(is_wanted);
    if capi::capi().version < (3, 12) {
        trace::end_threads(py, threads.map(|it| it.id));
        return;
    }
    for ident in threads.filter_map(|thread| ident(thread.state)) {
        // SAFETY: the address of a static exception type.
        capi::set_async_exception(ident.cast_signed(), unsafe { ffi::PyExc_SystemExit });
    }
}

/// The threads of the last [`list`]. Needs no GIL.
pub(crate) fn last_known() -> Vec<dap::Thread> {
    LAST.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Names by identifier, read from `threading` without running anything.
fn names(py: Python<'_>) -> HashMap<u64, String> {
    let read = || -> PyResult<HashMap<u64, String>> {
        let modules = py.import("sys")?.getattr("modules")?;
        let Some(threading) = modules.cast::<PyDict>()?.get_item("threading")? else { return Ok(HashMap::new()) };
        let active = threading.getattr("_active")?.cast_into::<PyDict>()?;
        let mut names = HashMap::new();
        for (ident, thread) in active.iter() {
            // SAFETY: the generic function: no attribute hook of a subclass runs.
            let fields = unsafe {
                Bound::from_owned_ptr_or_err(py, ffi::PyObject_GenericGetDict(thread.as_ptr(), std::ptr::null_mut()))?
            };
            if let Some(name) = fields.cast::<PyDict>()?.get_item("_name")? {
                names.insert(ident.extract()?, name.cast::<PyString>()?.to_string_lossy().into_owned());
            }
        }
        Ok(names)
    };
    read().unwrap_or_default()
}

/// The kernel's ids of all threads with a state but the calling one. Needs the GIL.
pub(crate) fn native_ids() -> Vec<libc::pid_t> {
    let own = this_native();
    // It stands behind the identifier in every version.
    if native_id(capi::current_thread()) != Some(own) {
        return Vec::new();
    }
    states().into_iter().filter_map(native_id).filter(|id| *id != own).collect()
}

/// The kernel's id of a thread.
pub(super) fn native_id(state: *mut PyThreadState) -> Option<libc::pid_t> {
    ident(state)?;
    let offset = IDENT_OFFSET.load(Ordering::Relaxed) + size_of::<u64>();
    // SAFETY: a live state, which is longer than that.
    libc::pid_t::try_from(unsafe { state.cast::<u8>().add(offset).cast::<u64>().read() }).ok()
}

/// Whether a thread runs or waits for a processor, as opposed to waiting for anything else. Needs no GIL.
pub(crate) fn runs(native_id: libc::pid_t) -> bool {
    state_of(native_id) == Some('R')
}

/// The kernel's letter for what a thread does: `R` if it runs or waits for a processor. `None` once it has ended. Needs no GIL.
pub(super) fn state_of(native_id: libc::pid_t) -> Option<char> {
    let status = std::fs::read_to_string(format!("/proc/self/task/{native_id}/stat")).ok()?;
    // The state is the first field behind the name in parentheses, which may hold anything.
    status.rsplit_once(')')?.1.trim_start().chars().next()
}

/// `thread_id` of a thread state. Its place differs by version: it is found by looking for the current thread's own
/// identifier in the current thread's state, which is the same place in every other one.
pub(crate) fn ident(state: *mut PyThreadState) -> Option<u64> {
    let mut offset = IDENT_OFFSET.load(Ordering::Relaxed);
    if offset == 0 {
        let own = this() as u64;
        let current = capi::current_thread().cast::<u64>();
        // SAFETY: every version's thread state is longer than 32 words.
        let index = (1..32).find(|index| unsafe { current.add(*index).read() } == own)?;
        offset = index * size_of::<u64>();
        IDENT_OFFSET.store(offset, Ordering::Relaxed);
    }
    // SAFETY: a live state; the field was found above.
    Some(unsafe { state.cast::<u8>().add(offset).cast::<u64>().read() })
}
