//! Holds every thread but one still while that one runs: during an evaluation and at the begin of a step.
//!
//! A stopped thread keeps the GIL, so nothing moves while it waits. The first Python function that it runs would give the
//! GIL away. So each other thread is parked at its next line, natively, without the GIL: by a line event everywhere, or
//! on 3.11 by the trace function.

use ikpdb_proto::StopPolicy;
use pyo3::Python;

pub(crate) use super::freezer::Why;
use super::freezer::{self, Freezer};
use super::threads::{self, Thread};
use super::{events, gil, stop, watchdog};
use crate::capi;

static FREEZER: Freezer = Freezer::new();

thread_local! {
    static EXEMPT: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Exempts the calling thread, one of ours, for ever.
pub(crate) fn exempt_me() {
    EXEMPT.with(|it| it.set(true));
}

/// Whether the calling thread is one of ours.
pub(crate) fn is_exempt() -> bool {
    EXEMPT.with(std::cell::Cell::get)
}

/// Freezes all threads but the given one (`pthread_self`).
pub(crate) fn begin(py: Python<'_>, why: Why, free: usize) {
    if FREEZER.begin(why, free) {
        events::update(py);
    }
}

/// Freezes all threads but one, besides those that were picked so before, until something stops or goes on, or they have ended.
pub(crate) fn all_but(py: Python<'_>, thread: &Thread) {
    let (Some(ident), Some(native)) = (threads::ident(thread.state), threads::native_id(thread.state)) else { return };
    if watchdog::alone(native, || FREEZER.pick(ident as usize)) {
        events::update(py);
    }
}

/// Whether threads are frozen for this reason. Needs no GIL.
pub(crate) fn is_for(why: Why) -> bool {
    FREEZER.is_for(why)
}

/// Lets all threads run. Needs no GIL; the events go at the next safe point.
pub(crate) fn release() {
    FREEZER.end();
}

/// As [`release`], and takes the events away with the GIL that the caller holds.
pub(crate) fn end(py: Python<'_>) {
    release();
    events::update(py);
}

/// The step of the calling thread has come to nothing: whoever stood still for it runs.
pub(crate) fn end_step(py: Python<'_>) {
    let me = threads::this();
    FREEZER.end_if(|why, free| matches!(why, Why::Step | Why::Pick) && free.contains(&me));
    events::update(py);
}

/// Lets all threads run if they are frozen for this reason. Needs no GIL: the events go when somebody has it.
pub(crate) fn end_soon(ended: Why) {
    if FREEZER.end_if(|why, _| why == ended) {
        gil::submit(Box::new(events::update));
    }
}

/// Lets all threads run because an evaluation, in a stop of this policy, waits for one of them: but not if another stop holds the
/// program. True if any was frozen. Needs no GIL.
pub(crate) fn end_for_evaluation(policy: StopPolicy) -> bool {
    let ended = FREEZER.end_if(|why, _| policy == StopPolicy::All || why != Why::Stop);
    if ended && policy == StopPolicy::Thread {
        // Where the evaluation holds the program they are frozen again after it.
        gil::submit(Box::new(events::update));
    }
    ended
}

/// In a forked child: nobody is frozen.
pub(crate) fn forget() {
    FREEZER.forget();
}

/// Whether threads are to be frozen.
pub(crate) fn wanted() -> bool {
    FREEZER.is_on()
}

/// Whether the calling thread has to stand still. One that is stopped by itself runs nothing but what the user asks of it.
pub(crate) fn concerns_me() -> bool {
    wanted() && FREEZER.concerns(threads::this()) && !is_exempt() && !stop::is_stopped()
}

/// Stands still until released, without the GIL. The interpreter may end the thread when it takes the GIL back, so nothing
/// with a destructor lives here.
pub(crate) fn wait() {
    // SAFETY: called in a callback, with the GIL.
    let thread = unsafe { (capi::py().save_thread)() };
    FREEZER.wait(threads::this());
    // SAFETY: the state that was saved above, on the same thread.
    unsafe { (capi::py().restore_thread)(thread) };
}

/// A thread without the GIL wants it before threads that are busy: they stand still at their next line until it has it.
#[derive(Debug)]
pub(crate) struct Hurry(freezer::Hurry);

impl Hurry {
    /// Asks whoever has the GIL. Needs none.
    pub(crate) fn begin() -> Self {
        let hurry = freezer::Hurry::of(threads::this());
        let asked = hurry.clone();
        gil::submit(Box::new(move |py| {
            if asked.begin(&FREEZER) {
                events::update(py);
            }
        }));
        Self(hurry)
    }

    /// The calling thread has the GIL.
    pub(crate) fn end(self, py: Python<'_>) {
        if self.0.end(&FREEZER) {
            events::update(py);
        }
    }
}
