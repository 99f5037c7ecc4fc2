//! The ids of frames and lists of variables: counted through all stops, each known to be of one of them. One of an earlier stop
//! is refused, never taken for another.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::door::mailbox::StopId;

struct Ids {
    next: i32,
    /// What the stops that are open have been given, in runs: one stop alone takes them one after the other.
    runs: Vec<Run>,
}

struct Run {
    first: i32,
    end: i32,
    stop: StopId,
}

/// Whose an id is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// A stop that is open.
    Stop(StopId),
    /// One that is over.
    Earlier,
    /// Nobody's: it was never given out.
    Nobody,
}

static IDS: Mutex<Ids> = Mutex::new(Ids { next: 1, runs: Vec::new() });

fn lock() -> MutexGuard<'static, Ids> {
    IDS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The next id; `None` when there are none left.
pub(crate) fn take(stop: StopId) -> Option<i32> {
    let mut ids = lock();
    let id = ids.next;
    ids.next = id.checked_add(1)?;
    match ids.runs.last_mut() {
        Some(run) if run.stop == stop => run.end = id + 1,
        _ => ids.runs.push(Run { first: id, end: id + 1, stop }),
    }
    Some(id)
}

/// Whose an id is. Needs no GIL.
pub(crate) fn owner(id: i32) -> Owner {
    let ids = lock();
    match ids.runs.iter().find(|run| (run.first..run.end).contains(&id)) {
        Some(run) => Owner::Stop(run.stop),
        None if (1..ids.next).contains(&id) => Owner::Earlier,
        None => Owner::Nobody,
    }
}

/// A stop is over.
pub(crate) fn forget(stop: StopId) {
    lock().runs.retain(|run| run.stop != stop);
}
