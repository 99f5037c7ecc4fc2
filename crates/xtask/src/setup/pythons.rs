//! The interpreters to test on: pyenv's, newer ones of the distribution, and the system's own.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use ikpdb_testkit::{Python, python_at};

use super::newer_pythons;
use crate::shell;

/// Minor versions that pyenv must have, with the patch release that is asked for in the message when one is missing.
const REQUIRED: [(u32, &str); 3] = [(11, "3.11.7"), (12, "3.12.1"), (13, "3.13.0")];

/// All of them, in no order.
pub(crate) fn all() -> Result<Vec<Python>> {
    let versions = pyenv()?;
    let mut pythons = Vec::new();
    for (minor, release) in REQUIRED {
        pythons.push(pick(&versions, minor, release).with_context(|| missing(release))?);
    }
    for minor in newer_pythons::MINORS {
        let executable = newer_pythons::executable(minor)?;
        pythons.push(python_at(&executable, false).with_context(|| format!("{} does not run", executable.display()))?);
    }
    let system = python_at(Path::new("/usr/bin/python3"), true);
    match system {
        Some(python) if python.minor() >= (3, 11) => pythons.push(python),
        Some(python) => eprintln!("    /usr/bin/python3 is {}: older than 3.11, left out", python.version),
        None => eprintln!("    there is no /usr/bin/python3: left out"),
    }
    Ok(pythons)
}

/// The interpreter that runs the set-up's own tools.
pub(crate) fn for_tools() -> Result<PathBuf> {
    let versions = pyenv()?;
    let (minor, release) = REQUIRED[1];
    Ok(pick(&versions, minor, release).with_context(|| missing(release))?.executable)
}

fn missing(release: &str) -> String {
    format!("CPython {release} is not under {}; type: pyenv install {release}", pyenv_root().display())
}

/// The asked-for patch release if it is there, else the newest of its minor version.
fn pick(versions: &[Python], minor: u32, release: &str) -> Option<Python> {
    let mut fitting: Vec<&Python> = versions.iter().filter(|python| python.minor() == (3, minor)).collect();
    fitting.sort_by_key(|python| (python.version == release, patch(&python.version)));
    fitting.last().map(|python| (*python).clone())
}

fn patch(version: &str) -> u32 {
    version.rsplit('.').next().and_then(|patch| patch.parse().ok()).unwrap_or(0)
}

fn pyenv_root() -> PathBuf {
    let home = || std::env::home_dir().unwrap_or_default().join(".pyenv");
    std::env::var_os("PYENV_ROOT").map_or_else(home, PathBuf::from)
}

fn pyenv() -> Result<Vec<Python>> {
    let folder = pyenv_root().join("versions");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        bail!("there is no {}; install pyenv and type: pyenv install 3.11.7 3.12.1 3.13.0", folder.display());
    };
    let supported = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        REQUIRED.iter().any(|(minor, _)| name.starts_with(&format!("3.{minor}.")))
    };
    let folders = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(supported);
    Ok(folders.filter_map(|folder| python_at(&folder.join("bin/python3"), false)).collect())
}

/// Runs a line of Python, to see that an interpreter has what programs need.
pub(crate) fn check(executable: &Path, line: &str) -> Result<()> {
    shell::output(shell::program(executable).args(["-c", line])).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn python(version: &str) -> Python {
        Python { version: version.into(), executable: version.into(), system: false, environment: None }
    }

    #[test]
    fn the_asked_for_release_is_taken_and_else_the_newest_of_its_minor_version() {
        let versions = [python("3.12.9"), python("3.12.1"), python("3.12.10"), python("3.13.0")];
        assert_eq!(pick(&versions, 12, "3.12.1").unwrap().version, "3.12.1");
        assert_eq!(pick(&versions, 12, "3.12.4").unwrap().version, "3.12.10");
        assert_eq!(pick(&versions, 11, "3.11.7"), None);
    }
}
