//! What a stop shows, and the event that tells of it.

use ikpdb_proto::{StopPolicy, dap};

use super::threads::Thread;
use crate::capi::{self, Ref};
use crate::door::mailbox::StopId;

/// Why the program stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Before its first line.
    Entry,
    /// A breakpoint, or `breakpoint()` in the program.
    Breakpoint,
    /// A breakpoint on the function that begins.
    Function,
    /// A step is done.
    Step,
    /// The user asked.
    Pause,
    /// An exception.
    Exception,
    /// The line that the user asked to run to.
    Goto,
}

/// What there is to show.
#[derive(Debug)]
pub(crate) struct What {
    /// Why.
    pub(crate) reason: Reason,
    /// The frame to show on top, if not the current one.
    pub(crate) frame: Option<Ref>,
    /// The breakpoints that were hit.
    pub(crate) hits: Vec<i32>,
    /// The thread to show, if not the current one.
    pub(crate) of: Option<Thread>,
    /// The exception.
    pub(crate) exception: Option<Exception>,
    /// More words for the user.
    pub(crate) description: Option<String>,
    /// Who stops with it, if that is not what the session says.
    pub(crate) policy: Option<StopPolicy>,
}

/// An exception that ends a thread.
#[derive(Debug)]
pub(crate) struct Exception {
    /// The exception object.
    pub(crate) value: Ref,
    /// Its frames with their lines, innermost first, if it has left them already.
    pub(crate) frames: Option<Vec<(Ref, u32)>>,
    /// `Type: message`, for the user.
    pub(crate) text: String,
    /// Of a syntax error: where.
    pub(crate) not_compiled: Option<dap::Place>,
    /// Why it is shown.
    pub(crate) mode: BreakMode,
}

/// Why an exception is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BreakMode {
    /// All are.
    Always,
    /// The user's own code does not catch it.
    UserUnhandled,
    /// Nothing does.
    Unhandled,
}

impl BreakMode {
    /// DAP's word.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::UserUnhandled => "userUnhandled",
            Self::Unhandled => "unhandled",
        }
    }
}

/// The exception of a stop.
#[derive(Debug)]
pub(crate) struct Shown {
    /// The exception object.
    pub(crate) value: Ref,
    /// Why it is shown.
    pub(crate) mode: BreakMode,
    /// It has left its frames: the thread has no next line.
    pub(crate) unwound: bool,
}

impl What {
    pub(crate) fn new(reason: Reason) -> Self {
        Self { reason, frame: None, hits: Vec::new(), of: None, exception: None, description: None, policy: None }
    }
}

/// What a stop of everybody does not stop, in words for the user.
const OTHERS_RUN: &str = "Other interpreters of this process may run on";

/// The event.
pub(super) fn stopped_event(what: &What, id: StopId, thread: &Thread, policy: StopPolicy) -> dap::StoppedEvent {
    let (reason, description) = match what.reason {
        Reason::Entry => ("entry", "Stopped before the first line"),
        Reason::Breakpoint => ("breakpoint", "Stopped on a breakpoint"),
        Reason::Function => ("function breakpoint", "Stopped where a function begins"),
        Reason::Step => ("step", "Stopped after a step"),
        Reason::Pause => ("pause", "Paused"),
        Reason::Exception => ("exception", "Stopped on an exception that nothing has caught"),
        Reason::Goto => ("goto", "Ran to this line"),
    };
    let not_stopped = (policy == StopPolicy::All && capi::others_may_run()).then_some(OTHERS_RUN);
    let description = what.description.as_deref().unwrap_or(description);
    dap::StoppedEvent {
        reason: reason.to_owned(),
        // An editor shows this, and knows nothing of what else there is.
        description: Some(not_stopped.map_or_else(|| description.to_owned(), |it| format!("{description}. {it}"))),
        thread_id: Some(thread.id),
        text: what.exception.as_ref().map(|it| it.text.clone()),
        all_threads_stopped: Some(policy == StopPolicy::All),
        hit_breakpoint_ids: (!what.hits.is_empty()).then(|| what.hits.clone()),
        ikpdb_stop: Some(id.0),
        ikpdb_not_stopped: not_stopped.map(str::to_owned),
        ikpdb_uncaught: what.exception.as_ref().and_then(|it| (it.mode == BreakMode::Unhandled).then_some(true)),
        ikpdb_unwound: what.exception.as_ref().and_then(|it| it.frames.is_some().then_some(true)),
    }
}
