//! Holds `ikpdb dap` to every specification, on every interpreter.
//!
//! `IKPDB_SPEC_ADAPTER="python -m debugpy.adapter"` holds another adapter to them, to check the specifications themselves:
//! what it does not claim to do is skipped.

#![allow(clippy::unwrap_used, reason = "test code")]

use std::path::{Path, PathBuf};
use std::process::Command;

use ikpdb_specs::{Outcome, Spec, Subject, run};
use ikpdb_testkit::Python;
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::json;

fn main() {
    let mut arguments = Arguments::from_args();
    // Each session is several processes.
    arguments.test_threads.get_or_insert(2);
    let picked = std::env::var("IKPDB_TEST_PYTHON").unwrap_or_default();
    let pythons = ikpdb_testkit::pythons();
    let mut trials = Vec::new();
    for path in specs() {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let spec = match Spec::parse(&std::fs::read_to_string(&path).unwrap()) {
            Ok(spec) => spec,
            Err(fault) => {
                trials.push(Trial::test(name, move || Err(fault.to_string().into())));
                continue;
            }
        };
        for python in pythons.iter().filter(|it| it.version.starts_with(&picked)) {
            let skipped = spec.exception(&python.version).is_some();
            let (spec, python) = (spec.clone(), python.clone());
            let system = if python.system { "_of_the_system" } else { "" };
            let name = format!("{name}_on_{}{system}", python.version.replace('.', "_"));
            trials.push(Trial::test(name, move || hold(&spec, &python)).with_ignored_flag(skipped));
        }
    }
    assert!(!trials.is_empty(), "there are no specifications");
    libtest_mimic::run(&arguments, trials).exit();
}

fn specs() -> Vec<PathBuf> {
    let folder = std::fs::read_dir(ikpdb_testkit::root().join("specs")).unwrap();
    let mut paths: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|it| it == "spec"));
    paths.sort();
    paths
}

fn hold(spec: &Spec, python: &Python) -> Result<(), Failed> {
    let home = tempfile::Builder::new().prefix("ikpdb-spec-").tempdir()?;
    let path = home.path().canonicalize()?;
    for name in ["run", "state", "cache", "work/.git"] {
        std::fs::create_dir_all(path.join(name))?;
    }
    let other = std::env::var("IKPDB_SPEC_ADAPTER").ok();
    let subject = Subject { command: command(other.as_deref(), &path), launch: json!({"python": python.executable}) };
    match run(spec, subject, &path.join("work")) {
        Ok(Outcome::Holds) => Ok(()),
        Ok(Outcome::Lacks(_)) if other.is_some() => Ok(()),
        Ok(Outcome::Lacks(what)) => Err(format!("'{}' needs {what}, which is not claimed", spec.title).into()),
        Err(fault) => Err(format!("'{}' does not hold on {}: {fault}", spec.title, python.version).into()),
    }
}

fn command(other: Option<&str>, home: &Path) -> Command {
    let mut command = match other.map(|text| shlex::split(text).unwrap()) {
        Some(words) => {
            let mut command = Command::new(&words[0]);
            command.args(&words[1..]);
            command
        }
        None => {
            for library in ["libikpdb_agent.so", "libikpdb_preload.so"] {
                ikpdb_testkit::built(library);
            }
            let mut command = Command::new(ikpdb_testkit::built("ikpdb"));
            command.arg("dap");
            command
        }
    };
    command.current_dir(home.join("work"));
    for (name, folder) in [("XDG_RUNTIME_DIR", "run"), ("XDG_STATE_HOME", "state"), ("XDG_CACHE_HOME", "cache")] {
        command.env(name, home.join(folder));
    }
    for name in
        ["DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "SSH_CONNECTION", "SSH_TTY", "VIRTUAL_ENV", "PYTHONBREAKPOINT"]
    {
        command.env_remove(name);
    }
    command
}
