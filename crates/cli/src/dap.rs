//! `ikpdb dap`: the Debug Adapter Protocol on standard input and output.

use std::process::ExitCode;

use clap::Args;

/// Options of `ikpdb dap`
#[derive(Args)]
pub(crate) struct Options {}

pub(crate) fn main(_options: Options) -> anyhow::Result<ExitCode> {
    anyhow::bail!("`ikpdb dap` is not built yet")
}
