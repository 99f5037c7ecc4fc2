//! Recorded sessions of IKPdb 1.3 (`tests/ikpdb`), and what it takes to hold another implementation against them.
//!
//! A [`Transcript`] is a list of steps. A [`Replay`] says what to do next, takes what came, and compares it: what is equal but for ids,
//! addresses, thread idents and folders is equal. What differs must stand in the table of [`Differences`], which is the documentation of
//! the differences as well, and what stands there must differ. A replayer is a loop:
//!
//! ```text
//! let mut replay = Replay::new(&transcript, &differences, python, places);
//! while let Some(act) = replay.next_act() {
//!     match act {
//!         Act::Start(start) => …, start the program in `start.folder`, connect,
//!         Act::Send(object) => write the message, in one piece or byte by byte,
//!         Act::SendRaw(bytes) => write them,
//!         Act::Await => while !replay.has_come() { replay.take(read a message, or give up) },
//!         Act::Quiet(time) => for that long, replay.take(whatever comes),
//!         Act::Ending => replay.take(what comes), up to the end of the connection; replay.ended(whether it came),
//!         Act::SecondConnection | Act::Signal(_) | Act::Asleep | Act::Close => do it,
//!         Act::Exit => replay.exited(the process's exit code, None if it had to be killed),
//!     }
//! }
//! let outcome = replay.finish();
//! ```
//!
//! After all transcripts [`Differences::unused`] is asked with what each outcome has used.

mod bytes;
mod compare;
mod differences;
mod names;
mod outgoing;
mod path;
mod replay;
mod text;
mod transcript;

use std::path::PathBuf;

pub use differences::{Differences, Entry, Fixed, Why};
pub use outgoing::Start;
pub use replay::{Act, Difference, Outcome, Replay};
pub use text::Places;
pub use transcript::{Step, StepKind, Transcript};

/// A JSON object.
pub type Object = serde_json::Map<String, serde_json::Value>;

/// Where the recorded sessions and all that belongs to them are.
pub fn folder() -> PathBuf {
    crate::root().join("tests/ikpdb")
}
