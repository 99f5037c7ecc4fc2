//! Which interpreter runs the program, and whether it can be debugged.

mod elf;
mod probe;
mod pyenv;

use std::cmp::Reverse;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use ikpdb_proto::agent::PythonInfo;

use crate::error::Error;

/// The oldest version that the agent works with.
const OLDEST: (u32, u32) = (3, 11);

/// An interpreter that the agent works with.
#[derive(Clone, Debug, PartialEq)]
pub struct Interpreter {
    /// What is executed; no shim.
    pub executable: PathBuf,
    /// What it is called by, its first argument.
    pub called: OsString,
    /// What it says of itself.
    pub info: PythonInfo,
}

/// Finds interpreters as the user's shell would.
#[derive(Clone, Debug)]
pub struct Finder {
    /// Where the program will run: shims look there for the version.
    pub folder: PathBuf,
    /// Its `.venv` and `venv` are looked at.
    pub workspace: PathBuf,
    /// `PATH`.
    pub path: OsString,
    /// `VIRTUAL_ENV`.
    pub virtual_env: Option<PathBuf>,
    /// `HOME`: uv keeps its interpreters below it.
    pub home: Option<PathBuf>,
    /// `PYENV_ROOT`, or where pyenv is without it: its interpreters are below.
    pub pyenv: Option<PathBuf>,
}

impl Finder {
    /// With the variables of this process.
    pub fn new(folder: &Path, workspace: &Path) -> Self {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let home = variable("HOME").map(PathBuf::from);
        let pyenv = variable("PYENV_ROOT").map(PathBuf::from);
        Self {
            folder: folder.to_path_buf(),
            workspace: workspace.to_path_buf(),
            path: variable("PATH").unwrap_or_default(),
            virtual_env: variable("VIRTUAL_ENV").map(PathBuf::from),
            pyenv: pyenv.or_else(|| Some(home.as_ref()?.join(".pyenv"))),
            home,
        }
    }

    /// The interpreter that the user named, or the one of the virtual environment, the workspace, the path.
    pub fn find(&self, named: Option<&OsStr>) -> Result<Interpreter, Error> {
        if let Some(named) = named {
            return self.named(named);
        }
        if let Some(folder) = &self.virtual_env {
            return self.in_environment(folder).unwrap_or_else(|| {
                Err(Error::Python(format!(
                    "VIRTUAL_ENV names {}, which has no bin/python; unset it or name an interpreter with --python",
                    folder.display()
                )))
            });
        }
        for name in [".venv", "venv"] {
            if let Some(found) = self.in_environment(&self.workspace.join(name)) {
                return found;
            }
        }
        match ["python3", "python"].into_iter().find_map(|name| self.on_path(OsStr::new(name))) {
            Some(executable) => self.examine(&executable),
            None => Err(Error::Python(
                "there is no python3 on PATH and no virtual environment here; name an interpreter with --python PATH"
                    .to_owned(),
            )),
        }
    }

    /// The interpreter of a virtual environment, if the folder is one.
    fn in_environment(&self, folder: &Path) -> Option<Result<Interpreter, Error>> {
        let python = folder.join("bin/python");
        python.exists().then(|| self.examine(&self.absolute(&python)))
    }

    /// What `--python` says: a path, a version, a name on the path.
    fn named(&self, named: &OsStr) -> Result<Interpreter, Error> {
        if is_version(named) {
            return self.of_version(&named.to_string_lossy());
        }
        let path = Path::new(named);
        if named.as_bytes().contains(&b'/') {
            let path = self.absolute(path);
            return match self.in_environment(&path) {
                Some(found) => found,
                None => self.examine(&path),
            };
        }
        match self.on_path(named) {
            Some(executable) => self.examine(&executable),
            None => Err(Error::Python(format!(
                "there is no {} on PATH; name an interpreter with --python PATH or --python 3.12",
                path.display()
            ))),
        }
    }

    fn of_version(&self, version: &str) -> Result<Interpreter, Error> {
        let minor = version.split('.').take(2).collect::<Vec<_>>().join(".");
        let name = OsString::from(format!("python{minor}"));
        let environments =
            self.virtual_env.iter().cloned().chain([".venv", "venv"].map(|name| self.workspace.join(name)));
        let mut candidates: Vec<PathBuf> = environments.map(|folder| folder.join("bin/python")).collect();
        candidates.extend(self.all_on_path(&name));
        if let Some(pyenv) = &self.pyenv {
            candidates.extend(installed(&pyenv.join("versions"), &name));
        }
        if let Some(home) = &self.home {
            candidates.extend(installed(&home.join(".local/share/uv/python"), &name));
        }
        let mut refused = None;
        for candidate in candidates.into_iter().filter(|candidate| candidate.exists()) {
            match self.examine(&self.absolute(&candidate)) {
                Ok(found) if matches_version(&found.info.version, version) => return Ok(found),
                Ok(_) => {}
                // A shim of a version that is not chosen here; the last candidate is the thing itself.
                Err(error) => refused = Some(error),
            }
        }
        Err(refused.unwrap_or_else(|| {
            Error::Python(format!(
                "there is no Python {version} on PATH, from pyenv or from uv; name one with --python PATH"
            ))
        }))
    }

    /// The first executable of this name on the path.
    pub fn on_path(&self, name: &OsStr) -> Option<PathBuf> {
        self.all_on_path(name).next()
    }

    fn all_on_path(&self, name: &OsStr) -> impl Iterator<Item = PathBuf> {
        let folders: Vec<PathBuf> = std::env::split_paths(&self.path).collect();
        let name = name.to_owned();
        let base = self.folder.clone();
        folders.into_iter().map(move |folder| base.join(folder).join(&name)).filter(|path| is_executable(path))
    }

    fn absolute(&self, path: &Path) -> PathBuf {
        std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
    }

    /// Looks at the interpreter at this path: a shim is asked for the real one.
    pub fn examine(&self, path: &Path) -> Result<Interpreter, Error> {
        let refuse = |reason: String| Err(Error::Python(reason));
        let shown = path.display();
        if !path.exists() {
            return refuse(format!(
                "there is no Python at {shown}; name an interpreter with --python PATH or --python 3.12"
            ));
        }
        if !is_executable(path) {
            return refuse(format!("{shown} is not an executable file; name an interpreter with --python PATH"));
        }
        let (executable, called) = if elf::is_elf(path) {
            (path.to_path_buf(), path.as_os_str().to_owned())
        } else {
            // pyenv, asdf or a wrapper: what it starts says where it lies.
            let found = match probe::ask(path, &self.folder) {
                Ok(found) => found,
                Err(reason) => {
                    return self.behind_shim(path).unwrap_or_else(|| Err(unusable(path, &reason, Remedy::NameIt)));
                }
            };
            if let Some(unfit) = unfit(&found) {
                return Err(unfit.refuse(path, Remedy::NameIt));
            }
            let real = PathBuf::from(found.executable);
            (real.clone(), real.into_os_string())
        };
        look_at(&executable, Remedy::NameIt)?;
        let mut info = probe::cached(&executable, &self.folder)
            .map_err(|reason| unusable(&executable, &reason, Remedy::NameIt))?;
        // What is executed counts: a symbolic link in a virtual environment is not what it leads to.
        info.executable = executable.to_string_lossy().into_owned();
        match unfit(&info) {
            Some(unfit) => Err(unfit.refuse(&executable, Remedy::NameIt)),
            None => Ok(Interpreter { executable, called, info }),
        }
    }

    /// What a pyenv shim stands for that does not work itself, because its version is not chosen in this folder: the newest that
    /// can be debugged, else why the newest cannot. `None` if this is no such shim or nothing is installed.
    fn behind_shim(&self, path: &Path) -> Option<Result<Interpreter, Error>> {
        let installed = pyenv::behind(path, self.pyenv.as_deref());
        // Compiled programs all: nothing leads back here.
        let mut results = installed.iter().map(|python| self.examine(&self.absolute(python)));
        let newest = results.next()?;
        Some(newest.or_else(|error| results.find_map(Result::ok).ok_or(error)))
    }
}

/// Looks at the interpreter that started us and has said what it is: its file is read, and nothing is run.
pub fn examine_own(executable: &Path, info: &PythonInfo) -> Result<(), Error> {
    look_at(executable, Remedy::StartWithIt)?;
    unfit(info).map_or(Ok(()), |unfit| Err(unfit.refuse(executable, Remedy::StartWithIt)))
}

/// Looks at the file of an interpreter.
fn look_at(executable: &Path, remedy: Remedy) -> Result<(), Error> {
    match elf::about(executable) {
        Ok(about) => about.unfit().map_or(Ok(()), |unfit| Err(unfit.refuse(executable, remedy))),
        Err(error) => Err(unusable(executable, &error.to_string(), remedy)),
    }
}

fn unusable(path: &Path, reason: &str, remedy: Remedy) -> Error {
    let remedy = remedy.text(FIT);
    Error::Python(format!("{} does not work as a Python interpreter: {reason}; {remedy}", path.display()))
}

/// Why an interpreter cannot be debugged, and what can be.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Unfit {
    reason: String,
    instead: &'static str,
}

/// What can be debugged.
const FIT: &str = "CPython 3.11 or newer";

/// How the user chooses another interpreter.
#[derive(Clone, Copy)]
enum Remedy {
    /// With our option.
    NameIt,
    /// It is the one that we are started with.
    StartWithIt,
}

impl Remedy {
    fn text(self, instead: &str) -> String {
        match self {
            Self::NameIt => format!("name {instead} with --python"),
            Self::StartWithIt => format!("start ikpdb with {instead}"),
        }
    }
}

impl Unfit {
    fn refuse(&self, path: &Path, remedy: Remedy) -> Error {
        Error::Python(format!("{}: {}; {}", path.display(), self.reason, remedy.text(self.instead)))
    }
}

/// Why this interpreter cannot be debugged.
fn unfit(info: &PythonInfo) -> Option<Unfit> {
    let version = &info.version;
    if info.implementation != "CPython" {
        let reason = format!("this is {} {version}, and ikpdb debugs CPython", info.implementation);
        return Some(Unfit { reason, instead: FIT });
    }
    if minor_version(version) < OLDEST {
        return Some(Unfit { reason: format!("Python {version} is too old"), instead: FIT });
    }
    if info.free_threaded {
        let reason = format!("Python {version} is built without the GIL, which ikpdb does not support yet");
        return Some(Unfit { reason, instead: "a build with the GIL" });
    }
    None
}

fn minor_version(version: &str) -> (u32, u32) {
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// "3.12" is 3.12.1; "3.1" is not.
fn matches_version(version: &str, wanted: &str) -> bool {
    version.strip_prefix(wanted).is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_digit()))
}

fn is_version(text: &OsStr) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_digit) && bytes.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
}

/// Interpreters below the folders of a version manager, newest first.
fn installed(versions: &Path, name: &OsStr) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(versions).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.path().join("bin").join(name)).collect();
    found.retain(|path| is_executable(path));
    found.sort_by_cached_key(|path| {
        let folder = path.ancestors().nth(2).and_then(Path::file_name).unwrap_or_default();
        Reverse(age(&folder.to_string_lossy()))
    });
    found
}

/// Orders the names of versions, "3.12.1" and uv's "cpython-3.12.1-linux-x86_64-gnu": 3.12.10 is newer than 3.12.9, and a release than
/// its candidates. What is named otherwise comes before all of them.
fn age(name: &str) -> (Vec<u32>, bool, String) {
    let version = name.strip_prefix("cpython-").unwrap_or(name);
    let end = version.find(|next: char| !next.is_ascii_digit() && next != '.').unwrap_or(version.len());
    let (numbers, rest) = version.split_at(end);
    let released = !["a", "b", "rc"].iter().any(|stage| rest.starts_with(stage));
    (numbers.split('.').filter_map(|number| number.parse().ok()).collect(), released, name.to_owned())
}

/// Whether the file can be executed by somebody.
pub(crate) fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(version: &str, implementation: &str, free_threaded: bool) -> PythonInfo {
        PythonInfo {
            version: version.into(),
            implementation: implementation.into(),
            executable: "/x/python".into(),
            free_threaded,
        }
    }

    #[test]
    fn an_unfit_interpreter_is_refused_with_the_reason_and_the_remedy() {
        assert_eq!(unfit(&info("3.11.0", "CPython", false)), None);
        assert_eq!(unfit(&info("3.15.0b1", "CPython", false)), None);
        for (info, word) in [
            (info("3.10.13", "CPython", false), "too old"),
            (info("2.7.18", "CPython", false), "too old"),
            (info("3.11.9", "PyPy", false), "PyPy"),
            (info("3.13.0", "CPython", true), "GIL"),
        ] {
            let unfit = unfit(&info).unwrap();
            let said = |remedy| unfit.refuse(Path::new("/x/python"), remedy).to_string();
            let (named, started) = (said(Remedy::NameIt), said(Remedy::StartWithIt));
            assert!(named.contains(word) && named.contains("--python"), "{named}");
            assert!(started.contains(word) && started.contains("start ikpdb with"), "{started}");
        }
    }

    #[test]
    fn a_version_matches_itself_and_its_patches() {
        assert!(matches_version("3.12.1", "3.12"));
        assert!(matches_version("3.12.1", "3.12.1"));
        assert!(matches_version("3.15.0b2", "3.15.0"));
        assert!(!matches_version("3.12.1", "3.1"));
        assert!(!matches_version("3.12.10", "3.12.1"));
    }

    #[test]
    fn versions_are_ordered_by_their_numbers() {
        let mut names =
            ["3.12.9", "cpython-3.12.8-linux-x86_64-gnu", "3.13.0", "3.13.0rc1", "3.12.10", "work", "3.12-dev"];
        names.sort_by_key(|name| age(name));
        assert_eq!(
            names,
            ["work", "3.12-dev", "cpython-3.12.8-linux-x86_64-gnu", "3.12.9", "3.12.10", "3.13.0rc1", "3.13.0"]
        );
    }

    #[test]
    fn versions_are_told_from_names_and_paths() {
        assert!(is_version(OsStr::new("3.12")));
        assert!(!is_version(OsStr::new("python3.12")));
        assert!(!is_version(OsStr::new("./3.12")));
        assert!(!is_version(OsStr::new("")));
    }
}
