//! Why every line matters, whatever breakpoints it has. The reasons are bits of one word: each line event asks for all of them.

use std::sync::atomic::{AtomicU8, Ordering};

/// A reason.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(crate) enum Cause {
    /// A step is under way.
    Step = 1,
    /// A line is run to.
    RunTo = 2,
    /// A function with a breakpoint has begun: it stops at its first line.
    Entered = 4,
}

/// Those that there are. Changes under the GIL.
static CAUSES: AtomicU8 = AtomicU8::new(0);

/// Whether there is any.
#[inline(always)]
pub(crate) fn matters() -> bool {
    CAUSES.load(Ordering::Relaxed) != 0
}

impl Cause {
    /// Whether it is there.
    pub(crate) fn is_there(self) -> bool {
        CAUSES.load(Ordering::Relaxed) & self as u8 != 0
    }

    /// Notes whether it is there.
    pub(crate) fn set(self, is_there: bool) {
        let others = CAUSES.load(Ordering::Relaxed) & !(self as u8);
        CAUSES.store(if is_there { others | self as u8 } else { others }, Ordering::Relaxed);
    }
}
