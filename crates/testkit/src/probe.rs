//! Finds interpreters and programs on this machine without setting anything up.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Python, Setup, programs_of, unpacked};

/// The oldest CPython that can be debugged.
const OLDEST: (u32, u32) = (3, 11);

/// What is there already: pyenv's versions, the unpacked ones, the system's, and their environments under `target`.
pub(crate) fn setup(target: &Path) -> Setup {
    let pyenv = std::env::var_os("PYENV_ROOT")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".pyenv")))
        .map(|root| entries(&root.join("versions")))
        .unwrap_or_default();
    let packaged = entries(&programs_of(&unpacked(target)));
    let mut candidates: Vec<(PathBuf, bool)> =
        pyenv.into_iter().map(|path| (path.join("bin/python3"), false)).collect();
    candidates.extend(packaged.into_iter().filter(|path| is_versioned(path)).map(|path| (path, false)));
    candidates.push((PathBuf::from("/usr/bin/python3"), true));
    let mut pythons: Vec<Python> = candidates
        .iter()
        .filter_map(|(path, system)| python_at(path, *system))
        .filter(|p| p.minor() >= OLDEST)
        .collect();
    for python in &mut pythons {
        let folder = target.join("venvs").join(environment_name(python));
        python.environment = folder.join("bin/python").exists().then_some(folder);
    }
    pythons.sort_by_key(|python| (sort_key(&python.version), python.system));
    let sources = entries(&target.join("test-sources"))
        .into_iter()
        .filter_map(|folder| {
            let name = folder.file_name()?.to_str()?.rsplit_once('-')?.0.to_owned();
            folder.is_dir().then_some((name, folder))
        })
        .collect();
    Setup { pythons, chromium: search_path(&["chromium", "chromium-browser", "google-chrome"]), sources }
}

/// Asks an executable whether it is a CPython, and which. `None` if it is not, or cannot be started.
pub fn python_at(executable: &Path, system: bool) -> Option<Python> {
    if !executable.is_file() {
        return None;
    }
    let question = "import platform; print(platform.python_implementation(), platform.python_version())";
    let answer = Command::new(executable).args(["-I", "-S", "-c", question]).output().ok()?;
    let answer = String::from_utf8(answer.stdout).ok()?;
    let version = answer.trim().strip_prefix("CPython ")?;
    Some(Python { version: version.to_owned(), executable: executable.to_owned(), system, environment: None })
}

/// The first of `names` on `PATH`.
pub fn search_path(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    names.iter().find_map(|name| folders.iter().map(|folder| folder.join(name)).find(|file| file.is_file()))
}

impl Setup {
    /// The folder name of an interpreter's environment under `target/venvs`.
    pub fn environment_name(python: &Python) -> String {
        environment_name(python)
    }

    /// Puts the interpreters in order, oldest first, the system's after its equals.
    pub fn sort(&mut self) {
        self.pythons.sort_by_key(|python| (sort_key(&python.version), python.system));
    }
}

fn environment_name(python: &Python) -> String {
    format!("{}{}", python.version, if python.system { "-system" } else { "" })
}

fn sort_key(version: &str) -> Vec<u32> {
    version.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

fn is_versioned(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.strip_prefix("python3.").is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths
}
