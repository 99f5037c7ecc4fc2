//! The protocol of IKPdb 1.x, as a second way to say what this crate says in DAP: `length=<N>LLADpcdtbdpac<JSON>`.
//!
//! Pure data, as the rest of the crate. [`Decoder`] makes commands of bytes in any pieces, [`Reply`] and [`Event`] are what goes back,
//! [`encode`] their bytes. `docs/ikpdb-differences.md` says where this differs from the original.

mod command;
mod decoder;
mod encode;
mod extent;
mod glance;
mod header;
mod parse;
mod reply;
mod text;

pub use command::{Command, Reason, Unreadable};
pub use decoder::{Decoder, Incoming};
pub use encode::encode;
pub use reply::{Event, Exception, Messages, Reply};

/// A JSON object.
pub type Object = serde_json::Map<String, serde_json::Value>;

/// What a message begins with.
pub const LENGTH: &str = "length=";

/// What stands between the length and the body.
pub const MAGIC: &str = "LLADpcdtbdpac";

/// What a reloaded page of Cloud9 sends when it joins a connection. It means nothing.
pub const PING: &str = "Content-Length:0\r\n\r\n";

/// The longest body that is read, in UTF-16 code units, which is what lengths count. Longer ones are refused and skipped. A command that
/// a client sends has some hundred.
pub const MAX_LENGTH: u64 = 16 << 20;
