//! The door to the hub: one unix socket, a thread that reads, a thread that writes, and what can be answered without
//! the GIL.

pub(crate) mod immediate;
pub(crate) mod line;
pub(crate) mod listener;
pub(crate) mod log;
pub(crate) mod mailbox;
pub(crate) mod original;
pub(crate) mod outbox;
mod queue;

use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard, PoisonError};

use log::Log;
use outbox::Outbox;

/// Messages to the hub.
pub(crate) static OUTBOX: Outbox = Outbox::new();

/// What logpoints print.
pub(crate) static LOG: Log = Log::new();

/// What the hub asked for in `attach`.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Stop before the first line.
    pub(crate) stop_on_entry: bool,
    /// What may change while it runs.
    pub(crate) now: ikpdb_proto::Options,
}

/// The options; as the defaults until `attach`. Locked for moments only.
static OPTIONS: Mutex<Options> = Mutex::new(Options { stop_on_entry: false, now: ikpdb_proto::Options::new() });

/// The options.
pub(crate) fn options() -> MutexGuard<'static, Options> {
    OPTIONS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether `configurationDone` came.
pub(crate) static CONFIGURED: AtomicBool = AtomicBool::new(false);

/// Whether the hub ended the connection before `configurationDone`. No other one is looked for then: the program starts.
pub(crate) static HUB_IS_GONE: AtomicBool = AtomicBool::new(false);
