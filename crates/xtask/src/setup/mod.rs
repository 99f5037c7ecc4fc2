//! Sets up what the tests need and writes it down in `target/test-setup.json`, for `ikpdb-testkit`.

mod environments;
mod newer_pythons;
mod programs;
mod pythons;
mod sources;
mod tools;

use std::path::PathBuf;

use anyhow::{Context, Result};
use ikpdb_testkit::{Python, Setup};

use crate::shell;

pub(crate) use environments::environment;
pub(crate) use tools::{folder as tools_folder, pip};

/// Everything for all suites. Quick when it is there already.
pub(crate) fn prepare() -> Result<PathBuf> {
    let chromium = programs::chromium_and_tmux()?;
    let mut setup = Setup { pythons: interpreters()?, chromium: Some(chromium), ..Setup::default() };
    for python in &mut setup.pythons {
        python.environment = Some(environments::for_tests(python)?);
    }
    setup.sources = sources::all()?;
    let path = shell::target().join("test-setup.json");
    let text = serde_json::to_string_pretty(&setup).context("the set-up is plain data")?;
    shell::write(&path, text)?;
    Ok(path)
}

/// The interpreters only, oldest first.
pub(crate) fn interpreters() -> Result<Vec<Python>> {
    let mut setup = Setup { pythons: pythons::all()?, ..Setup::default() };
    setup.sort();
    Ok(setup.pythons)
}
