//! `ikpdb run`: debugs a program in the browser.

use std::process::ExitCode;

use clap::Args;

/// Options of `ikpdb run`.
#[derive(Args)]
pub(crate) struct Options {}

pub(crate) fn main(_options: Options) -> anyhow::Result<ExitCode> {
    anyhow::bail!("`ikpdb run` is not built yet")
}
