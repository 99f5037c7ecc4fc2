//! Behaviour of a debugger, written down so that any debug adapter can be held to it: [`Spec`] reads a file of `specs/`,
//! [`run`] plays its client with an adapter. `specs/README.md` describes the files.

mod adapter;
mod pattern;
mod run;
mod spec;

pub use adapter::Adapter;
pub use run::{Outcome, Subject, run};
pub use spec::Spec;

/// What went wrong, in words.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Fault(pub String);

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}
