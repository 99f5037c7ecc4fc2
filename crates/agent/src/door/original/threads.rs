//! The program's threads as the protocol tells of them: by the identifier that `threading` knows them by.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use ikpdb_proto::ThreadId;
use ikpdb_proto::ikpdb::Object;
use pyo3::Python;
use serde_json::json;

use crate::door::immediate::within_patience;
use crate::engine::threads;

/// The name of the thread of ours that the protocol tells of.
const LISTENER: &str = "IKPdbCommandLoop";

/// A thread of the program.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) id: ThreadId,
    pub(crate) ident: u64,
    pub(crate) name: String,
}

static LAST: Mutex<Vec<Known>> = Mutex::new(Vec::new());
/// The identifier of our thread.
static OWN: AtomicU64 = AtomicU64::new(0);

/// The calling thread is the one that serves the client.
pub(super) fn this_serves() {
    OWN.store(threads::this() as u64, Ordering::Relaxed);
}

/// Whether that is the thread that serves the client.
pub(crate) fn serves(ident: u64) -> bool {
    OWN.load(Ordering::Relaxed) == ident
}

/// All threads that have begun. As last seen if the GIL cannot be had. Needs no GIL.
pub(super) fn list() -> Vec<Known> {
    within_patience(|py| drop(look(py)));
    LAST.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// The same with the GIL.
pub(crate) fn look(py: Python<'_>) -> Vec<Known> {
    let known = threads::list(py)
        .into_iter()
        .filter_map(|it| Some(Known { id: it.id, ident: threads::ident(it.state)?, name: it.name }));
    let known: Vec<_> = known.collect();
    LAST.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&known);
    known
}

/// The calling thread.
pub(crate) fn this(py: Python<'_>) -> Known {
    let ident = threads::this() as u64;
    let found = look(py).into_iter().find(|it| it.ident == ident);
    found.unwrap_or(Known { id: threads::MAIN, ident, name: String::new() })
}

/// As the protocol says it.
pub(crate) fn describe(threads: &[Known], selected: Option<ThreadId>) -> Object {
    let own = OWN.load(Ordering::Relaxed);
    let row = |ident: u64, name: &str, is_debugger: bool, debugged: bool| {
        // The flag has two names: the original's and its sibling's for Python 3.
        let row = json!({
            "ident": ident,
            "name": name,
            "is_debugger": is_debugger,
            "debugged": debugged,
            "is_debugged": debugged,
        });
        (ident.to_string(), row)
    };
    let rows = threads.iter().map(|it| row(it.ident, &it.name, false, selected == Some(it.id)));
    rows.chain([row(own, LISTENER, true, false)]).collect()
}
