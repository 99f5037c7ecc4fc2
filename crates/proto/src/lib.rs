//! The messages of IKPdb: DAP is the one vocabulary, everything of ours has the prefix `ikpdb/`.
//!
//! Pure data: no I/O, no threads, no clock. [`message`] is the envelope, [`framing`] its bytes, [`dap`] the standard
//! types, [`options`] what can be chosen at any time, [`agent`], [`runner`] and [`client`] what is said at the three doors of the hub, [`proof`] how both sides show
//! that they know a secret without sending it. [`ikpdb`] is the protocol of IKPdb 1.x, for its clients. Lines and columns are 1-based; columns count UTF-16 code units.

/// Derives what every wire type has: JSON in camelCase without nulls, and its TypeScript twin under the feature `ts`.
macro_rules! wire {
    ($($item:item)*) => {
        $(
            #[serde_with::skip_serializing_none]
            #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
            #[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export, optional_fields))]
            #[serde(rename_all = "camelCase")]
            $item
        )*
    };
}

pub mod agent;
pub mod client;
pub mod dap;
mod failure;
pub mod framing;
mod ids;
pub mod ikpdb;
pub mod message;
pub mod options;
pub mod proof;
pub mod runner;

pub use failure::{Blame, Failure};
pub use ids::{SessionId, ThreadId, WishId};
pub use message::{Event, Message, Request, Response};
pub use options::{Options, StopPolicy};

/// The version of everything in this crate that crosses a process border. A hub serves this one and the one before.
pub const PROTOCOL: u32 = 1;

/// The largest message anybody accepts, in bytes. A source file or a page of variables is far below it.
pub const MAX_MESSAGE: usize = 32 << 20;

/// The largest first message of a connection that has not shown yet that it knows the secret, in bytes.
pub const MAX_FIRST_MESSAGE: usize = 64 << 10;
