//! What the command's tests share: an installed `ikpdb` with a hub of the test's own, and a terminal.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, reason = "part of tests")]

#[path = "../../../runner/tests/support/fake_hub.rs"]
pub mod fake_hub;
pub mod terminal;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use fake_hub::FakeHub;
use ikpdb_runner::workspace::HubPlace;
use ikpdb_testkit::{Python, built, pythons};

/// An `ikpdb` with its libraries in a folder of its own, a workspace, and a hub that serves it.
pub struct Case {
    pub folder: tempfile::TempDir,
    pub workspace: PathBuf,
    pub place: HubPlace,
    pub hub: FakeHub,
}

impl Case {
    pub fn new() -> Self {
        Self::with_agent(&agent())
    }

    pub fn with_agent(agent: &Path) -> Self {
        let folder = tempfile::Builder::new().prefix("ikpdb-test-").tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for name in ["bin", "run", "state", "cache", "work/.git"] {
            std::fs::create_dir_all(root.join(name)).unwrap();
        }
        install(&built("ikpdb"), &root.join("bin/ikpdb"));
        install(agent, &root.join("bin/libikpdb_agent.so"));
        install(&built("libikpdb_preload.so"), &root.join("bin/libikpdb_preload.so"));
        let workspace = root.join("work");
        let place = HubPlace::at(
            &workspace,
            &root.join("state/ikpdb"),
            Some(root.join("run/ikpdb")),
            Path::new("/nonexistent"),
        )
        .unwrap();
        let hub = FakeHub::listen(&place.socket);
        Self { folder, workspace, place, hub }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    /// A file of the workspace.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.workspace.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Variables that keep everything in the case's folder.
    pub fn variables(&self) -> Vec<(&'static str, PathBuf)> {
        vec![
            ("XDG_RUNTIME_DIR", self.path("run")),
            ("XDG_STATE_HOME", self.path("state")),
            ("XDG_CACHE_HOME", self.path("cache")),
        ]
    }

    /// `ikpdb` in the workspace.
    pub fn ikpdb(&self) -> Command {
        let mut command = Command::new(self.path("bin/ikpdb"));
        command.current_dir(&self.workspace).envs(self.variables()).env_remove("VIRTUAL_ENV");
        for name in ["DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "SSH_CONNECTION", "SSH_TTY"] {
            command.env_remove(name);
        }
        command
    }

    /// `ikpdb run` with the newest interpreter.
    pub fn run(&self, arguments: &[&str]) -> Command {
        let mut command = self.ikpdb();
        command.args(["run", "--no-stop", "--python"]).arg(&python().executable).args(arguments);
        command
    }
}

/// The newest interpreter.
pub fn python() -> Python {
    pythons().pop().unwrap()
}

/// The agent of this build, or one that only looks on where `IKPDB_TEST_AGENT` says so: then nothing but the start is tested.
pub fn agent() -> PathBuf {
    match std::env::var_os("IKPDB_TEST_AGENT") {
        Some(path) => PathBuf::from(path),
        None => built("libikpdb_agent.so"),
    }
}

/// The agent that only looks on.
pub fn fixture_agent() -> PathBuf {
    built("examples/libfixture_agent.so")
}

fn install(from: &Path, to: &Path) {
    if std::fs::hard_link(from, to).is_err() {
        std::fs::copy(from, to).unwrap();
    }
}

/// Standard error without our own lines, and those.
pub fn split(stderr: &[u8]) -> (String, Vec<String>) {
    let text = String::from_utf8_lossy(stderr);
    let (ours, theirs): (Vec<&str>, Vec<&str>) =
        text.split_inclusive('\n').partition(|line| line.starts_with("ikpdb: "));
    (theirs.concat(), ours.into_iter().map(|line| line.trim_end().to_owned()).collect())
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}
