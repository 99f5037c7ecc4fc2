//! `cargo xtask tidy`: what the compiler and the linters do not check about this repository.

use std::process::ExitCode;

use anyhow::Result;

use crate::shell;
use crate::tidy::{self, Problem};

/// Check imports between crates and web folders, file sizes, generated files, addresses in the lock file, unsafe code, and invariants' tests
#[derive(clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(_: Arguments) -> Result<ExitCode> {
    let problems = shell::step("tidy", tidy::check)?;
    let (mut errors, mut warnings) = (0, 0);
    for problem in &problems {
        match problem {
            Problem::Error(text) => {
                errors += 1;
                eprintln!("error: {text}");
            }
            Problem::Warning(text) => {
                warnings += 1;
                eprintln!("warning: {text}");
            }
        }
    }
    eprintln!("tidy: {errors} errors, {warnings} warnings");
    Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
