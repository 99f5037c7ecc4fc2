//! What keeps a hub from starting, in words for the user.

use std::io;
use std::path::PathBuf;

/// What keeps a hub from starting or being found.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The socket.
    #[error("the hub's socket {path} cannot be made: {why}; name another folder in XDG_RUNTIME_DIR", path = .0.display(), why = .1)]
    Socket(PathBuf, io::Error),
    /// The lock.
    #[error("the hub's lock {path} cannot be taken: {why}; name another folder in XDG_RUNTIME_DIR", path = .0.display(), why = .1)]
    Lock(PathBuf, io::Error),
    /// A fixed port that somebody has.
    #[error("port {0} is in use: choose another with --port, or leave the choice to ikpdb by leaving it out")]
    PortInUse(u16),
    /// No port at all.
    #[error("no port from {0} to {1} is free: name a free one with --port")]
    NoPort(u16, u16),
    /// A port that cannot be had for another reason.
    #[error("port {0} cannot be listened on: {1}")]
    Port(u16, io::Error),
    /// Something that never fails on a sound system.
    #[error("{0}: {1}")]
    System(&'static str, io::Error),
}
