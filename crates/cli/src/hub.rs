//! `ikpdb hub`: the process that joins programs and pages.

use std::process::ExitCode;

use clap::Args;

/// Options of `ikpdb hub`
#[derive(Args)]
pub(crate) struct Options {}

pub(crate) fn main(_options: Options) -> anyhow::Result<ExitCode> {
    anyhow::bail!("`ikpdb hub` is not built yet")
}
