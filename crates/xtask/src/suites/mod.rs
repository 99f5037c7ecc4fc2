//! The test suites; each says what its own runner counted.

pub(crate) mod dist;
mod page;
pub(crate) mod python;
pub(crate) mod rust;
mod session;
pub(crate) mod support;
pub(crate) mod web;

use clap::ValueEnum;

/// A suite, as one names it to `cargo xtask test`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Suite {
    /// The crates' tests, unit and integration, and the examples in their documentation.
    Rust,
    /// The agent's tests once more, with Python's debug allocator and development mode.
    Devmode,
    /// The behaviour specifications once more, with the JIT of the newest interpreter.
    Jit,
    /// The Python package's tests on every interpreter.
    Python,
    /// The web UI's unit tests.
    Web,
    /// The UI in a real browser.
    Browser,
    /// The release binary and the wheel, installed as a user would.
    Dist,
}

impl Suite {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Suite::Rust => "rust",
            Suite::Devmode => "devmode",
            Suite::Jit => "jit",
            Suite::Python => "python",
            Suite::Web => "web",
            Suite::Browser => "browser",
            Suite::Dist => "dist",
        }
    }
}

/// What a runner counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) passed: usize,
    /// Names of tests that failed.
    pub(crate) failed: Vec<String>,
    /// Names of tests that were skipped.
    pub(crate) skipped: Vec<String>,
    /// Why the suite, or a part of it, did not run to its end.
    pub(crate) broken: Vec<String>,
}

impl Outcome {
    pub(crate) fn add(&mut self, other: Outcome) {
        self.passed += other.passed;
        self.failed.extend(other.failed);
        self.skipped.extend(other.skipped);
        self.broken.extend(other.broken);
    }

    pub(crate) fn broken(why: impl Into<String>) -> Self {
        Self { broken: vec![why.into()], ..Self::default() }
    }
}
