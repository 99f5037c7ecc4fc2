//! Programs that `ikpdb run` starts, and the hub that the first of them starts.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use serde_json::Value;

use super::{Home, PATIENCE, Tab};

/// `ikpdb run`, ended with its program when a test fails half way.
pub struct Run(pub Child);

impl Drop for Run {
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            let _ = Command::new("kill").arg(self.0.id().to_string()).status();
            let _ = self.0.wait();
        }
    }
}

/// `ikpdb run` with the newest interpreter, its streams captured.
pub fn run(home: &Home, arguments: &[&str]) -> Run {
    let python = ikpdb_testkit::pythons().pop().unwrap().executable;
    let mut command = home.ikpdb();
    command.args(["run", "--python"]).arg(python).args(arguments);
    start(command)
}

/// Starts a command with its streams captured.
pub fn start(mut command: Command) -> Run {
    for library in ["libikpdb_agent.so", "libikpdb_preload.so"] {
        ikpdb_testkit::built(library);
    }
    Run(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
}

/// Waits for the hub that a run starts.
pub fn socket(home: &Home) -> PathBuf {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(socket) = home.find("run", ".sock").filter(|it| std::os::unix::net::UnixStream::connect(it).is_ok())
        {
            return socket;
        }
        assert!(Instant::now() < deadline, "no hub was started");
        std::thread::yield_now();
    }
}

/// A page of the hub that serves this home.
pub fn tab(home: &Home) -> Tab {
    Tab::open(&socket(home))
}

/// Waits until a session satisfies something, by the events that tell of it.
pub fn session(tab: &mut Tab, wanted: impl Fn(&Value) -> bool) -> Value {
    let snapshot = tab.snapshot();
    let found = snapshot["sessions"].as_array().unwrap().iter().find(|it| wanted(it)).cloned();
    found.unwrap_or_else(|| {
        loop {
            let info = tab.until("ikpdb/session")["message"]["body"].clone();
            if wanted(&info) {
                return info;
            }
        }
    })
}

pub fn id(info: &Value) -> Option<u64> {
    info["id"].as_u64()
}
