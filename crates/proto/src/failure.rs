//! Why a request was refused, in words for the user, with the side that can do something about it.

use serde::{Deserialize, Serialize};

/// Who can do something about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Blame {
    /// The user: a wrong expression, a file that is not there. Shown where it was typed.
    User,
    /// The client: a message that is not of the protocol, an id that has gone stale.
    Client,
    /// Us. Reported as a defect.
    Internal,
}

/// A refused request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// Who can do something about it.
    pub blame: Blame,
    /// What happened, where, and what to do.
    pub message: String,
}

impl Failure {
    /// A failure that the user can mend.
    pub fn user(message: impl Into<String>) -> Self {
        Self { blame: Blame::User, message: message.into() }
    }

    /// A failure of the client: a malformed or outdated message.
    pub fn client(message: impl Into<String>) -> Self {
        Self { blame: Blame::Client, message: message.into() }
    }

    /// A defect of ours.
    pub fn internal(message: impl Into<String>) -> Self {
        Self { blame: Blame::Internal, message: message.into() }
    }

    /// The answer to a request whose reference belongs to an earlier stop.
    pub fn stale(what: &str) -> Self {
        Self::client(format!("{what} belongs to an earlier stop: the program has run since"))
    }

    /// The answer to a request that this side does not know or cannot do.
    pub fn unsupported(command: &str) -> Self {
        Self::client(format!("'{command}' is not supported"))
    }

    /// The answer to a request that needs a stopped program.
    pub fn running() -> Self {
        Self::client("the program is running: this needs a stopped program")
    }
}
