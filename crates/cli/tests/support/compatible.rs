//! `python -m ikpdb` of this build, and what the agent was told by it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ikpdb_testkit::root;
use serde_json::Value;

use super::Case;

/// Variables that make this build the one that `python -m ikpdb` finds, in native runs, too.
pub fn variables(case: &Case) -> Vec<(&'static str, String)> {
    let text = |path: PathBuf| path.to_str().unwrap().to_owned();
    vec![
        ("PYTHONPATH", text(root().join("python"))),
        ("PYTHONDONTWRITEBYTECODE", "1".to_owned()),
        ("IKPDB_HUB", text(case.path("bin/ikpdb"))),
        ("IKPDB_FIXTURE_LOG", text(log(case))),
    ]
}

/// Where the agent that only looks on writes what it sees.
pub fn log(case: &Case) -> PathBuf {
    case.path("log")
}

/// What the agent was started with; nothing is left of it.
pub fn start(case: &Case) -> Option<Value> {
    let text = std::fs::read_to_string(log(case)).ok()?;
    std::fs::remove_file(log(case)).unwrap();
    let first = text.lines().next().unwrap();
    Some(serde_json::from_str(first.strip_prefix("start ").unwrap()).unwrap())
}

/// Options that are in the way of nobody.
pub const ANY_PORT: &str = "--ikpdb-port=0";

/// `python -m ikpdb` with these arguments, in the workspace.
pub fn ikpdb(case: &Case, python: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(python);
    command.args(["-m", "ikpdb"]).args(arguments).current_dir(&case.workspace);
    command.envs(case.variables()).envs(variables(case)).stdin(Stdio::null());
    command
}
