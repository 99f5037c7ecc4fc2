//! `cargo xtask run`: builds what is needed and becomes `ikpdb run …`.

use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::stamp::{self, Stamp};
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
    cargo_step("the command", &["--package", "ikpdb"], &[shell::target().join("debug/ikpdb")])?;
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
    let files = LIBRARIES.map(|name| shell::target().join("release").join(name));
    let arguments = ["--release", "--package", "ikpdb-agent", "--package", "ikpdb-preload"];
    cargo_step("the agent, optimised", &arguments, &files)
}

/// Builds with cargo: as a step with cargo's own progress if anything was edited since the last time. Else cargo only
/// looks whether it agrees, and has nothing to say.
fn cargo_step(title: &str, arguments: &[&str], made: &[PathBuf]) -> Result<()> {
    let build = |more: &[&str]| {
        let arguments = ["build"].iter().chain(arguments).chain(more);
        shell::run(&mut shell::cargo(arguments)).with_context(|| format!("{title}: cargo could not build it"))
    };
    let mut edited = Stamp::default().text(&arguments.join(" "));
    for name in ["crates", "Cargo.toml", "Cargo.lock", ".cargo"] {
        edited = edited.path(&shell::root().join(name));
    }
    let done = shell::target().join("stamps").join(title.replace([' ', ','], "-"));
    if !made.iter().all(|file| file.is_file()) {
        stamp::forget(&done)?;
    }
    let mut said = false;
    edited.unless_done(&done, || {
        said = true;
        shell::step(title, || build(&[]))
    })?;
    if said { Ok(()) } else { build(&["--quiet"]) }
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
