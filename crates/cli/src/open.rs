//! `ikpdb open`: opens the page of the hub that serves this workspace.

use std::process::ExitCode;

use clap::Args;

/// Options of `ikpdb open`
#[derive(Args)]
pub(crate) struct Options {}

pub(crate) fn main(_options: Options) -> anyhow::Result<ExitCode> {
    anyhow::bail!("`ikpdb open` is not built yet")
}
