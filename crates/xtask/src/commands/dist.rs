//! `cargo xtask dist`: one release binary and one wheel under `target/dist`.

use std::process::ExitCode;

use anyhow::Result;

use crate::dist;

/// Build the release: target/dist/ikpdb (the UI and the agent inside) and target/dist/ikpdb-*.whl
#[derive(clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(_: Arguments) -> Result<ExitCode> {
    let release = dist::build()?;
    println!("{}\n{}", release.binary.display(), release.wheel.display());
    Ok(ExitCode::SUCCESS)
}
