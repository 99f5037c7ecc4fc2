//! The door to the hub: one unix socket, a thread that reads, a thread that writes, and what can be answered without
//! the GIL.

pub(crate) mod immediate;
mod line;
pub(crate) mod listener;
pub(crate) mod log;
pub(crate) mod mailbox;
pub(crate) mod outbox;

use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

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
    /// Steps skip the library.
    pub(crate) just_my_code: bool,
}

/// The options; as the defaults until `attach`.
pub(crate) static OPTIONS: Mutex<Options> = Mutex::new(Options { stop_on_entry: false, just_my_code: true });

/// Whether `configurationDone` came.
pub(crate) static CONFIGURED: AtomicBool = AtomicBool::new(false);

/// Whether the hub ended the connection before `configurationDone`. No other one is looked for then: the program starts.
pub(crate) static HUB_IS_GONE: AtomicBool = AtomicBool::new(false);
