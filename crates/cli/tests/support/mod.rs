//! What the command's tests share: an installed `ikpdb` with a hub of the test's own, and a terminal.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, reason = "part of tests")]

pub mod compatible;
pub mod door;
#[path = "../../../runner/tests/support/fake_hub.rs"]
pub mod fake_hub;
pub mod pages;
pub mod pty;
pub mod seen;
pub mod terminal;

use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use fake_hub::FakeHub;
use ikpdb_runner::workspace::{HubPlace, workspace_of};
use ikpdb_testkit::{Python, built, pythons};

/// An `ikpdb` with its libraries in a folder of its own, a workspace, and a hub that serves it.
pub struct Case {
    pub folder: tempfile::TempDir,
    pub workspace: PathBuf,
    pub place: HubPlace,
    pub hub: FakeHub,
}

impl Case {
    /// With a hub that only writes down, and an agent that only looks on.
    pub fn new() -> Self {
        let mut case = Self::with_agent(&built("examples/libfixture_agent.so"));
        case.hub = FakeHub::listen(&case.place.socket);
        case
    }

    /// With a hub that only writes down and lets go on, and the real agent.
    pub fn debugged() -> Self {
        let mut case = Self::real();
        case.hub = FakeHub::listen(&case.place.socket);
        case
    }

    /// The same, for programs that are run in this folder, outside of the case's workspace.
    pub fn debugged_in(folder: &Path) -> Self {
        let mut case = Self::real();
        case.place = place_in(&case.path(""), &workspace_of(folder));
        case.hub = FakeHub::listen(&case.place.socket);
        case
    }

    /// As installed: the first program starts the hub.
    pub fn real() -> Self {
        Self::with_agent(&built("libikpdb_agent.so"))
    }

    fn with_agent(agent: &Path) -> Self {
        let folder = tempfile::Builder::new().prefix("ikpdb-test-").tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for name in ["bin", "run", "state", "cache", "work/.git"] {
            std::fs::create_dir_all(root.join(name)).unwrap();
        }
        install(&built("ikpdb"), &root.join("bin/ikpdb"));
        install(agent, &root.join("bin/libikpdb_agent.so"));
        install(&built("libikpdb_preload.so"), &root.join("bin/libikpdb_preload.so"));
        let workspace = root.join("work");
        let place = place_in(&root, &workspace);
        Self { folder, workspace, place, hub: FakeHub::default() }
    }

    /// Process id of the real hub, if it lives.
    pub fn hub_pid(&self) -> Option<libc::pid_t> {
        let stream = self.place.connect().ok()?;
        // SAFETY: the record is as long as is said, and the kernel fills it.
        let pid = unsafe {
            let mut peer: libc::ucred = std::mem::zeroed();
            let mut length = size_of::<libc::ucred>() as libc::socklen_t;
            let record = (&raw mut peer).cast();
            let fd = stream.as_raw_fd();
            assert_eq!(libc::getsockopt(fd, libc::SOL_SOCKET, libc::SO_PEERCRED, record, &mut length), 0);
            peer.pid
        };
        u32::try_from(pid).ok().filter(|pid| *pid != std::process::id()).map(|_| pid)
    }

    /// Process ids of all hubs of this case's workspace, also of one that does not listen yet.
    pub fn hub_processes(&self) -> Vec<libc::pid_t> {
        let wanted = format!("hub\0--workspace\0{}\0", self.workspace.display());
        let is_hub = |pid: &libc::pid_t| {
            std::fs::read(format!("/proc/{pid}/cmdline"))
                .is_ok_and(|text| String::from_utf8_lossy(&text).contains(&wanted))
        };
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(is_hub).collect()
    }

    /// Ends all hubs of this case at once; how many there were.
    pub fn kill_hubs(&self) -> usize {
        let hubs = self.hub_processes();
        for &hub in &hubs {
            // SAFETY: a plain call; the hub is this case's own.
            unsafe { libc::kill(hub, libc::SIGKILL) };
        }
        hubs.len()
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

impl Drop for Case {
    fn drop(&mut self) {
        if let Some(pid) = self.hub_pid() {
            // SAFETY: a plain call; the hub is this case's own.
            unsafe { libc::kill(pid, libc::SIGTERM) };
        }
    }
}

/// Where the hub of a workspace is, by the variables of the case in this folder.
fn place_in(root: &Path, workspace: &Path) -> HubPlace {
    let runtime = root.join("run/ikpdb");
    HubPlace::at(workspace, &root.join("state/ikpdb"), Some(runtime), Path::new("/nonexistent")).unwrap()
}

/// The newest interpreter.
pub fn python() -> Python {
    pythons().pop().unwrap()
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
        text.split_inclusive('\n').partition(|line| line.starts_with("ikpdb: ") || line.starts_with("\x1b[1m[IKPdb-"));
    (theirs.concat(), ours.into_iter().map(|line| line.trim_end().to_owned()).collect())
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Waits until the process has ended.
pub fn gone(pid: &str) {
    let deadline = Instant::now() + fake_hub::PATIENCE;
    let lives = || {
        let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        !status.is_empty() && !status.contains(") Z ")
    };
    while lives() {
        assert!(Instant::now() < deadline, "process {pid} is left");
        std::thread::sleep(Duration::from_millis(20));
    }
}
