//! Who stands still while others run, and why: whoever ends that ends only what is his.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use crate::sync::{AtomicBool, AtomicU8, Condvar, Mutex, MutexGuard};

/// Why threads stand still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// A stop holds the program.
    Stop,
    /// A step has begun. It is for a moment.
    Step,
    /// The user has picked who runs, until something stops or goes on.
    Pick,
    /// A thread without the GIL wants it.
    Hurry,
}

/// Who stands still. Threads are known by their `pthread_self`. Begins and changes under the GIL; ends without it, too.
pub(crate) struct Freezer {
    frozen: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    why: Why,
    /// Who may run.
    free: Vec<usize>,
}

impl Freezer {
    /// Nobody.
    pub(crate) const fn new() -> Self {
        Self {
            frozen: AtomicBool::new(false),
            state: Mutex::new(State { why: Why::Stop, free: Vec::new() }),
            changed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether threads are to stand still.
    pub(crate) fn is_on(&self) -> bool {
        self.frozen.load(Ordering::Relaxed)
    }

    /// Whether they are for this reason.
    pub(crate) fn is_for(&self, why: Why) -> bool {
        let state = self.lock();
        self.is_on() && state.why == why
    }

    /// All but this thread stand still. True if nobody did before.
    pub(crate) fn begin(&self, why: Why, free: usize) -> bool {
        let mut state = self.lock();
        *state = State { why, free: vec![free] };
        // It may be one of those that stand still.
        self.changed.notify_all();
        !self.frozen.swap(true, Ordering::Relaxed)
    }

    /// All but this thread and those that were picked before it. True if nobody did before.
    pub(crate) fn pick(&self, thread: usize) -> bool {
        let mut state = self.lock();
        if !self.is_on() || state.why != Why::Pick {
            *state = State { why: Why::Pick, free: Vec::new() };
        }
        state.free.push(thread);
        self.changed.notify_all();
        !self.frozen.swap(true, Ordering::Relaxed)
    }

    /// Lets all run.
    pub(crate) fn end(&self) -> bool {
        self.end_if(|_, _| true)
    }

    /// Lets all run, if they stand still for such a reason and such threads. True if they did.
    pub(crate) fn end_if(&self, which: impl FnOnce(Why, &[usize]) -> bool) -> bool {
        // Under the lock, so that no thread misses it between its look and its wait.
        let state = self.lock();
        let ends = self.is_on() && which(state.why, &state.free);
        if ends {
            self.frozen.store(false, Ordering::Relaxed);
            self.changed.notify_all();
        }
        ends
    }

    /// In a forked child: nobody stands still. Takes no lock: the thread that had it may not be there.
    pub(crate) fn forget(&self) {
        self.frozen.store(false, Ordering::Relaxed);
    }

    /// Whether a thread has to stand still.
    pub(crate) fn concerns(&self, thread: usize) -> bool {
        self.is_on() && !self.lock().free.contains(&thread)
    }

    /// Waits until a thread has to stand still no more. To be called without the GIL.
    pub(crate) fn wait(&self, thread: usize) {
        let mut state = self.lock();
        while self.is_on() && !state.free.contains(&thread) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// A thread without the GIL wants it before threads that are busy: they stand still at their next line until it has it.
#[derive(Clone, Debug)]
pub(crate) struct Hurry {
    state: Arc<AtomicU8>,
    thread: usize,
}

const WANTED: u8 = 0;
const FROZE: u8 = 1;
const OVER: u8 = 2;

impl Hurry {
    /// It wants it.
    pub(crate) fn of(thread: usize) -> Self {
        Self { state: Arc::new(AtomicU8::new(WANTED)), thread }
    }

    /// Whoever has the GIL lets all others stand still, unless they do already. True if they are to.
    pub(crate) fn begin(&self, freezer: &Freezer) -> bool {
        let is_wanted = || self.state.compare_exchange(WANTED, FROZE, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        !freezer.is_on() && is_wanted() && freezer.begin(Why::Hurry, self.thread)
    }

    /// The thread has the GIL. True if others stood still for it.
    pub(crate) fn end(self, freezer: &Freezer) -> bool {
        // By now they may do so for a stop.
        let froze = self.state.swap(OVER, Ordering::Relaxed) == FROZE;
        froze && freezer.end_if(|why, free| why == Why::Hurry && free == [self.thread])
    }
}
