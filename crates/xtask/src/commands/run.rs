//! `cargo xtask run`: builds what is needed and becomes `ikpdb run …`.

use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::{shell, web};

/// Build what is needed and debug a program in the browser: `cargo xtask run examples/debug_me.py`
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Arguments {
    /// Everything after `run` is given to `ikpdb run` as it is; `--help` too
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

pub(crate) fn run(arguments: Arguments) -> Result<ExitCode> {
    let ikpdb = build()?;
    let mut command = shell::program(&ikpdb);
    // The program's paths are relative to where the user stands.
    command.current_dir(std::env::current_dir()?).arg("run").args(arguments.arguments);
    let error = command.exec();
    Err(error).with_context(|| format!("cannot start {}", ikpdb.display()))
}

/// The libraries that run inside the program.
pub(crate) const LIBRARIES: [&str; 2] = ["libikpdb_agent.so", "libikpdb_preload.so"];

/// Builds the command quickly and the agent optimised, and puts them side by side, where the command looks for them.
pub(crate) fn build() -> Result<PathBuf> {
    web::build()?;
    libraries()?;
    shell::run(&mut shell::cargo(["build", "--quiet", "--package", "ikpdb"])).context("the command did not build")?;
    let folder = shell::folder(shell::target().join("run"))?;
    for library in LIBRARIES {
        place(&shell::target().join("release").join(library), &folder.join(library))?;
    }
    let ikpdb = folder.join("ikpdb");
    place(&shell::target().join("debug/ikpdb"), &ikpdb)?;
    Ok(ikpdb)
}

/// Builds the agent and the preload library, optimised.
pub(crate) fn libraries() -> Result<()> {
    let fresh = LIBRARIES.iter().all(|name| shell::target().join("release").join(name).is_file());
    if !fresh {
        eprintln!("==> the agent, optimised (once; about half a minute)");
    }
    let arguments = ["build", "--quiet", "--release", "--package", "ikpdb-agent", "--package", "ikpdb-preload"];
    shell::run(&mut shell::cargo(arguments)).context("the agent did not build")
}

/// Makes `to` the same file as `from` (a hard link, as cargo itself does), or a copy on file systems without links.
fn place(from: &Path, to: &Path) -> Result<()> {
    let identity = |path| std::fs::metadata(path).map(|found| (found.dev(), found.ino())).ok();
    if identity(from).is_some() && identity(from) == identity(to) {
        return Ok(());
    }
    // What runs from the old file keeps it; a new run gets the new one.
    let draft = to.with_extension("draft");
    let _ = std::fs::remove_file(&draft);
    std::fs::hard_link(from, &draft)
        .or_else(|_| std::fs::copy(from, &draft).map(drop))
        .and_then(|()| std::fs::rename(&draft, to))
        .with_context(|| format!("cannot put {} to {}", from.display(), to.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_built_file_is_placed_once_and_again_when_it_was_built_anew() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("built"), folder.path().join("placed"));
        std::fs::write(&from, "1").unwrap();
        place(&from, &to).unwrap();
        place(&from, &to).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "no draft is left");
        std::fs::remove_file(&from).unwrap();
        std::fs::write(&from, "2").unwrap();
        place(&from, &to).unwrap();
        assert_eq!(std::fs::read(&to).unwrap(), b"2");
    }
}
