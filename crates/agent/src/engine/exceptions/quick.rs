//! Knows most exceptions by their type and by where they were seen before: nothing is to stop at them, which is told here without
//! looking at handlers again.
//!
//! Only "nothing is to stop" is ever the answer; everything else is left to [`super::walk`]. So what is remembered of a handler may be
//! out of date, when the program gives another meaning to the name of an exception type: an exception that escapes then is shown where
//! it is reported.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicUsize, Ordering};

use pyo3::ffi::{self, PyObject};

use super::walk;
use crate::capi::frame::RawFrame;
use crate::engine::codes;

/// A rule is about these exceptions where they are raised, and in each frame of the user's that they come to.
pub(super) const RAISED: u8 = 1;
/// A rule is about those of them that nothing takes.
pub(super) const LATER: u8 = 2;
/// A rule is about those of them that leave the user's own code.
pub(super) const USER_UNHANDLED: u8 = 4;

/// An exception type, which is held, and what the rules want of it.
struct Class {
    address: AtomicUsize,
    wants: AtomicU8,
}

const CLASSES: usize = 256;
/// By a hash of the address. Written and read by whoever has the GIL.
static KNOWN: [Class; CLASSES] = [const { Class { address: AtomicUsize::new(0), wants: AtomicU8::new(0) } }; CLASSES];
/// Counts how often the types were let go of: what was remembered of one is of another one since.
static GENERATION: AtomicU32 = AtomicU32::new(0);
/// An exception was settled where it was raised and may still be reported: each new one is looked at, which may be at its address.
static SETTLED: AtomicBool = AtomicBool::new(false);

fn slot(class: usize) -> &'static Class {
    // The golden ratio spreads addresses, whose lowest bits are equal.
    let hash = (class as u64 >> 4).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    &KNOWN[(hash >> 56) as usize]
}

/// Forgets the types: who held them is about to let them go.
pub(super) fn forget() {
    for class in &KNOWN {
        class.address.store(0, Ordering::Relaxed);
    }
    GENERATION.fetch_add(1, Ordering::Relaxed);
}

/// What the rules want of a type, which is held until [`forget`] is called.
pub(super) fn learn(class: *mut ffi::PyTypeObject, wants: u8) {
    let slot = slot(class.addr());
    slot.wants.store(wants, Ordering::Relaxed);
    slot.address.store(class.addr(), Ordering::Relaxed);
}

/// Whether there are exceptions that were settled and may still be reported.
pub(super) fn set_settled(any: bool) {
    SETTLED.store(any, Ordering::Relaxed);
}

/// Whether nothing is to stop at an exception in the running frame, if that is known. `code` gives an event at `offset`.
pub(crate) fn is_of_no_concern(code: *mut PyObject, offset: impl FnOnce() -> u32, value: *mut PyObject) -> bool {
    if SETTLED.load(Ordering::Relaxed) {
        return false;
    }
    // SAFETY: a live exception.
    let class = unsafe { ffi::Py_TYPE(value) }.addr();
    let known = slot(class);
    if known.address.load(Ordering::Relaxed) != class {
        return false;
    }
    let wants = known.wants.load(Ordering::Relaxed);
    if wants & RAISED != 0 {
        return false;
    }
    // SAFETY: a live exception under the GIL. The others were looked at where they were raised.
    wants == 0 || !unsafe { super::is_new(value) } || is_taken(code, offset(), class, wants & USER_UNHANDLED != 0)
}

/// What became of exceptions in one code object, as far as it depends on where they come from and on their type only.
#[derive(Debug, Default)]
pub(super) struct Outcomes {
    all: Vec<Outcome>,
    /// Which one is replaced next.
    next: usize,
}

#[derive(Clone, Copy, Debug)]
struct Outcome {
    offset: u32,
    generation: u32,
    class: usize,
    leaves: bool,
}

/// So many are remembered of one code object.
const MOST_OUTCOMES: usize = 16;

impl Outcomes {
    fn of(&self, offset: u32, class: usize) -> Option<bool> {
        let generation = GENERATION.load(Ordering::Relaxed);
        let is = |it: &&Outcome| it.offset == offset && it.class == class && it.generation == generation;
        self.all.iter().find(is).map(|it| it.leaves)
    }

    /// Remembers whether an exception that came to an offset leaves.
    pub(super) fn remember(&mut self, offset: u32, value: *mut PyObject, leaves: bool) {
        // SAFETY: a live exception.
        let class = unsafe { ffi::Py_TYPE(value) }.addr();
        let is_held = slot(class).address.load(Ordering::Relaxed) == class;
        if !is_held || self.of(offset, class).is_some() {
            return;
        }
        let outcome = Outcome { offset, generation: GENERATION.load(Ordering::Relaxed), class, leaves };
        if self.all.len() < MOST_OUTCOMES {
            self.all.push(outcome);
        } else {
            self.all[self.next] = outcome;
            self.next = (self.next + 1) % MOST_OUTCOMES;
        }
    }
}

/// Whether it is known of all frames up to one that takes the exception what becomes of it there.
fn is_taken(code: *mut PyObject, offset: u32, class: usize, leaving_matters: bool) -> bool {
    let Some(mut frame) = RawFrame::current(code.cast()) else { return false };
    let (mut code, mut offset, mut was_user) = (code, offset, false);
    for _ in 0..walk::DEEPEST {
        let info = codes::lookup(code);
        // SAFETY: the record of code that a live frame runs, under the GIL.
        let info = unsafe { info.as_ref() };
        if let Some(info) = info {
            if leaving_matters && was_user && !info.user {
                return false;
            }
            was_user = info.user;
            match info.handlers.as_ref().and_then(|handlers| handlers.outcomes()?.of(offset, class)) {
                Some(true) => {}
                Some(false) => return true,
                None => return false,
            }
        } else if leaving_matters {
            return false;
        }
        // Code that is not known is the interpreter's own; one that is taken for it would take the exception, too, or pass it on.
        let Some((next, native)) = frame.python_caller() else { return false };
        if native && info.is_some_and(|info| !walk::passes_through(info) && !info.is_run) {
            return true;
        }
        let (Some(next_code), Some(at)) = (next.code(), next.offset()) else { return false };
        (frame, code, offset) = (next, next_code.cast(), at);
    }
    false
}
