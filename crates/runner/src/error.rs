//! Why nothing could be run: what happened, and what to do.

use std::io;
use std::path::PathBuf;

/// Why nothing could be run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The target is not something to run.
    #[error("{0}")]
    Target(String),
    /// The interpreter is missing or unfit.
    #[error("{0}")]
    Python(String),
    /// The hub cannot be found, started or spoken to.
    #[error("{0}")]
    Hub(String),
    /// The hub hung up before it answered: it was about to end.
    #[error("the hub of this workspace hung up: {0}")]
    HungUp(io::Error),
    /// The hub does not take this run.
    #[error("the hub refuses this program: {reason}{}", .hub.map_or_else(String::new, |pid| format!(" (`kill {pid}` ends the hub; what runs, runs on)")))]
    Refused {
        /// In the hub's words.
        reason: String,
        /// Its process id, if it is another process.
        hub: Option<i32>,
    },
    /// There is no listening at the address.
    #[error("{0}")]
    Listen(String),
    /// The program could not be started.
    #[error("{} cannot be started in {}: {reason}", .executable.display(), .folder.display())]
    Start {
        /// What was executed.
        executable: PathBuf,
        /// The working directory.
        folder: PathBuf,
        /// The system's reason.
        reason: io::Error,
    },
    /// The system refused something that the runner needs.
    #[error("{0}: {1}")]
    System(&'static str, io::Error),
}
