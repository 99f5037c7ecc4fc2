//! A program that says everything that it can see of how it was started, to be run natively and debugged.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::{Case, split};

/// The agent has its descriptors from here on, out of the program's way.
const FIRST_OWN_DESCRIPTOR: i32 = 512;

/// The program in each form, in the workspace of a case.
pub fn write_forms(case: &Case) {
    let source = std::fs::read_to_string(ikpdb_testkit::root().join("tests/debuggees/nothing_shows.py")).unwrap();
    case.write("script.py", &source);
    case.write("package/__init__.py", "");
    case.write("package/__main__.py", &source);
    case.write("folder/__main__.py", &source);
    let python = super::python().executable;
    let zip = "import sys, zipfile; zipfile.ZipFile('app.zip', 'w').write('script.py', '__main__.py')";
    assert!(Command::new(python).args(["-c", zip]).current_dir(&case.workspace).status().unwrap().success());
}

/// How the program may be given to the interpreter.
pub fn forms(case: &Case) -> Vec<Vec<String>> {
    let source = std::fs::read_to_string(case.workspace.join("script.py")).unwrap();
    let forms: [&[&str]; 5] = [
        &["script.py", "one", "two words"],
        &["-m", "package", "one"],
        &["-c", &source, "one"],
        &["folder", "one"],
        &["app.zip"],
    ];
    forms.into_iter().map(|form| form.iter().map(|word| (*word).to_owned()).collect()).collect()
}

/// What a run of it said.
pub struct Seen {
    pub facts: BTreeMap<String, Value>,
    /// Without our own lines.
    pub stderr: String,
    pub code: Option<i32>,
}

impl Seen {
    /// The facts that the other run has otherwise, or lacks.
    pub fn differing(&self, other: &Self) -> BTreeSet<String> {
        let mine = self.facts.iter().filter(|(name, value)| other.facts.get(*name) != Some(value));
        mine.map(|it| it.0.clone()).collect()
    }

    /// The descriptors that the program had for itself.
    pub fn low_descriptors(&self) -> Vec<i32> {
        let open = self.facts["descriptors"].as_array().unwrap().iter().map(|fd| fd.as_str().unwrap().parse().unwrap());
        open.filter(|fd| *fd < FIRST_OWN_DESCRIPTOR).collect()
    }

    /// The environment as it lies in memory, without what was wiped: that is zero.
    pub fn environment_memory(&self) -> Vec<&str> {
        let text = self.facts["environ memory"].as_str().unwrap();
        text.split('\0').filter(|variable| !variable.is_empty()).collect()
    }
}

/// Reads what a run said; addresses of objects are left out.
pub fn read(output: &Output, what: &str) -> Seen {
    let facts = serde_json::from_str(&without_addresses(&String::from_utf8_lossy(&output.stdout)))
        .unwrap_or_else(|error| panic!("{what}: {error}: {}", String::from_utf8_lossy(&output.stderr)));
    Seen { facts, stderr: without_addresses(&split(&output.stderr).0), code: output.status.code() }
}

/// An object's address is another one in each process.
fn without_addresses(text: &str) -> String {
    let mut parts = text.split("0x");
    let mut result = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        result.push_str("0x");
        result.push_str(part.trim_start_matches(|next: char| next.is_ascii_hexdigit()));
    }
    result
}

/// Runs a command in the workspace with these variables and few others.
pub fn run(case: &Case, command: Command, variables: &[(&str, &str)]) -> Output {
    with_variables(case, command, variables).output().unwrap()
}

/// The command as it is run.
pub fn with_variables(case: &Case, mut command: Command, variables: &[(&str, &str)]) -> Command {
    command.current_dir(&case.workspace).env_clear();
    for name in ["PATH", "HOME", "LANG"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.envs(case.variables()).envs(variables.iter().copied()).env("ODD", "a=b\nc");
    command.stdin(Stdio::null());
    command
}
