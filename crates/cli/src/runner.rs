//! `ikpdb runner --headless`: runs one program on a pseudo-terminal that only the hub's pages see.

use std::process::ExitCode;

use clap::Args;

/// Options of `ikpdb runner`.
#[derive(Args)]
pub(crate) struct Options {}

pub(crate) fn main(_options: Options) -> anyhow::Result<ExitCode> {
    anyhow::bail!("`ikpdb runner` is not built yet")
}
