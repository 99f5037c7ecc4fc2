//! `cargo xtask web`: the web UI's packages and bundle.

use std::process::ExitCode;

use anyhow::Result;

use crate::web;

/// Install the web UI's packages and build its bundle, if anything changed
#[derive(clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(_: Arguments) -> Result<ExitCode> {
    web::build()?;
    Ok(ExitCode::SUCCESS)
}
