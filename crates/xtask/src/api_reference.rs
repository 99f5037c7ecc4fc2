//! Renders `docs/ikpdb/api.md`: the functions and classes of the package, from its sources.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::shell;

/// Reads the sources without importing them.
const READER: &str = include_str!("api_reference.py");

/// Where the page is.
pub(crate) fn path() -> PathBuf {
    shell::root().join("docs/ikpdb/api.md")
}

/// The page as it has to be.
pub(crate) fn current() -> Result<String> {
    // The oldest, whose way to write a signature is one way.
    let python = ikpdb_testkit::setup().pythons.into_iter().next().context("no CPython was found")?;
    let mut command = shell::program(&python.executable);
    let page = shell::output(command.args(["-c", READER]).arg(shell::root().join("python/ikpdb")))?;
    Ok(format!("{}\n", page.trim_end()))
}
