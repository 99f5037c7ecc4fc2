//! How a thread that is stopped goes on.

use pyo3::ffi::PyThreadState;

use super::step::Kind;
use super::threads::Thread;
use crate::capi::Ref;

/// How the program, or one thread, goes on.
#[derive(Debug)]
pub(crate) enum GoOn {
    /// To the next stop.
    Run(Who),
    /// By a step.
    Step(Step, Who),
    /// Not at all: it stands at another line now, which is shown.
    Jumped,
    /// Without a debugger.
    LetGo,
}

/// Who goes on.
#[derive(Clone, Debug)]
pub(crate) enum Who {
    /// Everybody.
    All,
    /// This thread; whoever else stands still goes on standing still.
    Only(Thread),
}

/// A step of a thread.
#[derive(Debug)]
pub(crate) struct Step {
    /// Which kind.
    pub(crate) kind: Kind,
    /// Whose.
    pub(crate) thread: *mut PyThreadState,
    /// From where, unless that is any line.
    pub(crate) frame: Option<Ref>,
    /// The instructions of the one call that is gone into.
    pub(crate) call: Option<Vec<u32>>,
    /// Into the library, too.
    pub(crate) anyway: bool,
    /// Where it ends when the function returns.
    pub(crate) landing: Landing,
}

/// Where a step ends that leaves a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Landing {
    /// At the line that called, at once.
    Caller,
    /// At the next line that begins in the caller.
    NextLine,
    /// Nowhere, and at no line of the function either: only what that calls is stopped in.
    Nowhere,
}

// SAFETY: used under the GIL only.
unsafe impl Send for Step {}

impl GoOn {
    /// Freely.
    pub(crate) fn run() -> Self {
        Self::Run(Who::All)
    }

    /// The one thread that goes on, if only one does.
    pub(crate) fn alone(&self) -> Option<&Thread> {
        match self {
            Self::Run(Who::Only(thread)) | Self::Step(_, Who::Only(thread)) => Some(thread),
            _ => None,
        }
    }
}
