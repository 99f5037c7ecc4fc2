//! Lines of ours on standard error. The program comes first: a stream that takes none (a closed pipe, a full disk) must
//! not keep it from running.

use std::fmt::Display;
use std::io::Write;

/// Writes a line. With one `write`: nothing else on the stream gets in between.
pub(crate) fn say(line: impl Display) {
    let _ = std::io::stderr().write_all(format!("ikpdb: {line}\n").as_bytes());
}

/// Writes a line to what may be a terminal in raw mode.
pub(crate) fn say_raw(line: impl Display) {
    let _ = std::io::stderr().write_all(format!("ikpdb: {line}\r\n").as_bytes());
}
