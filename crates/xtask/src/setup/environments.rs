//! Virtual environments under `target/venvs`, with packages from the index.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use ikpdb_testkit::{Python, Setup};

use super::tools;
use crate::shell;
use crate::stamp::Stamp;

/// Arguments that every installation has.
const PIP: [&str; 2] = ["install", "-q"];

/// The environment of an interpreter with the packages of `tests/requirements.txt`.
pub(crate) fn for_tests(python: &Python) -> Result<PathBuf> {
    let requirements = shell::root().join("tests/requirements.txt");
    let packages = shell::read(&requirements)?;
    let name = Setup::environment_name(python);
    environment(&name, &python.executable, &packages, &["-r", &requirements.to_string_lossy()])
}

/// An environment `target/venvs/<name>`, made again when the interpreter or `what` changed; pip gets `arguments`.
pub(crate) fn environment(name: &str, python: &Path, what: &str, arguments: &[&str]) -> Result<PathBuf> {
    let folder = shell::target().join("venvs").join(name);
    Stamp::default().text(what).path(python).unless_done(&folder.join("stamp"), || {
        shell::step(&format!("virtual environment {name}"), || {
            // Without pip inside: the distribution's own Python has no ensurepip, and one pip serves all of them.
            let mut venv = shell::program(python);
            shell::output(venv.args(["-m", "venv", "--clear", "--without-pip"]).arg(&folder))?;
            let mut pip = tools::pip(&folder.join("bin/python"))?;
            let failed = || format!("packages for {name} could not be installed; is the package index reachable?");
            shell::output(pip.args(PIP).args(arguments)).with_context(failed).map(drop)
        })
    })?;
    Ok(folder)
}
