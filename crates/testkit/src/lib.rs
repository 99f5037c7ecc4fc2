//! What tests of several crates need: the interpreters, their environments, the browser, the build, marked lines, and in
//! [`ikpdb_transcript`] the recorded sessions of IKPdb 1.3.
//!
//! `cargo xtask test` writes what it set up to `target/test-setup.json` and names that file in `IKPDB_TEST_SETUP`. Under plain
//! `cargo test` the last such file is used, else the places where the set-up would have put things are searched.
//! Everything here panics with a remedy when something is missing: a test that cannot run has failed.

pub mod ikpdb_client;
pub mod ikpdb_transcript;
mod probe;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use probe::{python_at, search_path};

/// Everything the tests were given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    /// The interpreters, oldest first.
    pub pythons: Vec<Python>,
    /// The browser.
    pub chromium: Option<PathBuf>,
    /// Folders of unpacked source distributions by project name, for their test suites.
    pub sources: BTreeMap<String, PathBuf>,
}

/// An interpreter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Python {
    /// Its version, such as `3.12.1`.
    pub version: String,
    /// The executable, no shim.
    pub executable: PathBuf,
    /// Whether it is the one that the system itself uses.
    pub system: bool,
    /// Its virtual environment with the packages of `tests/requirements.txt`.
    pub environment: Option<PathBuf>,
}

impl Python {
    /// Major and minor version, such as `(3, 12)`.
    pub fn minor(&self) -> (u32, u32) {
        let mut numbers = self.version.split('.').map(|part| part.parse().unwrap_or(0));
        (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
    }

    /// The executable of its virtual environment.
    pub fn environment_python(&self) -> PathBuf {
        match &self.environment {
            Some(folder) => folder.join("bin/python"),
            None => {
                panic!("Python {} has no virtual environment for tests; run `cargo xtask test --prepare`", self.version)
            }
        }
    }
}

/// What `cargo xtask test` prepared, or what a search finds.
pub fn setup() -> Setup {
    let named = std::env::var_os("IKPDB_TEST_SETUP").map(PathBuf::from);
    let path = named.clone().unwrap_or_else(|| target().join("test-setup.json"));
    match std::fs::read(&path) {
        Ok(text) => match serde_json::from_slice(&text) {
            Ok(setup) => setup,
            Err(error) => panic!("{} is not a test set-up ({error}); run `cargo xtask test --prepare`", path.display()),
        },
        Err(error) if named.is_some() => panic!("IKPDB_TEST_SETUP names {}: {error}", path.display()),
        Err(_) => probe::setup(&target()),
    }
}

/// All interpreters to test on, oldest first.
pub fn pythons() -> Vec<Python> {
    let pythons = setup().pythons;
    assert!(!pythons.is_empty(), "no CPython from 3.11 on was found; run `cargo xtask test --prepare`");
    pythons
}

/// One interpreter of a minor version, the one that is not the system's if there are two.
pub fn python(minor: (u32, u32)) -> Python {
    let mut found: Vec<Python> = setup().pythons.into_iter().filter(|python| python.minor() == minor).collect();
    found.sort_by_key(|python| python.system);
    match found.into_iter().next() {
        Some(python) => python,
        None => panic!("no CPython {}.{} was found; run `cargo xtask test --prepare`", minor.0, minor.1),
    }
}

/// The browser's executable.
pub fn chromium() -> PathBuf {
    setup().chromium.unwrap_or_else(|| panic!("no Chromium was found; run `cargo xtask test --prepare`"))
}

/// The unpacked source distribution of a project, its tests included.
pub fn source(project: &str) -> PathBuf {
    match setup().sources.remove(project) {
        Some(folder) => folder,
        None => panic!("the sources of {project} are not there; run `cargo xtask test --prepare`"),
    }
}

/// A file of the development build, `ikpdb` or `libikpdb_agent.so` for example.
pub fn built(name: &str) -> PathBuf {
    let path = target().join("debug").join(name);
    assert!(
        path.is_file(),
        "{} is not built; run `cargo build` (its default members are all that tests need)",
        path.display()
    );
    path
}

/// The repository's folder.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).map_or_else(|| here.to_path_buf(), Path::to_path_buf)
}

/// Cargo's target folder: everything that the automation writes lies in it.
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}

/// Where the set-up unpacks CPythons that come as packages: a tree as of a whole system, under Cargo's target folder.
pub fn unpacked(target: &Path) -> PathBuf {
    target.join("pythons/unpacked")
}

/// The folder of the programs in such a tree.
pub fn programs_of(tree: &Path) -> PathBuf {
    tree.join("usr/bin")
}

/// The 1-based number of the line that carries the comment `# BP:<name>`.
pub fn marked_line(source: &str, name: &str) -> u32 {
    let marker = format!("# BP:{name}");
    let carries = |line: &str| line.find(&marker).is_some_and(|at| !continues_name(&line[at + marker.len()..]));
    match source.lines().position(carries) {
        Some(index) => index as u32 + 1,
        None => panic!("no line is marked `{marker}`"),
    }
}

fn continues_name(rest: &str) -> bool {
    rest.chars().next().is_some_and(|next| next.is_alphanumeric() || next == '_' || next == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marked_line_is_found_by_its_whole_name() {
        let source = "x = 1\nwhile x:  # BP:loop-end\n    x -= 1  # BP:loop\n";
        assert_eq!((marked_line(source, "loop"), marked_line(source, "loop-end")), (3, 2));
    }

    #[test]
    #[should_panic(expected = "no line is marked `# BP:nowhere`")]
    fn a_missing_marker_is_named() {
        marked_line("x = 1\n", "nowhere");
    }

    #[test]
    fn the_minor_version_comes_from_the_full_one() {
        let python = Python { version: "3.15.0rc2".into(), executable: "/p".into(), system: false, environment: None };
        assert_eq!(python.minor(), (3, 15));
    }
}
