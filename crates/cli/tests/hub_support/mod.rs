//! A real hub and those who talk to it: pages over WebSockets, agents, runners and commands over the unix socket.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, reason = "part of tests")]

pub mod program;
pub mod tab;
pub mod wire;

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

pub use tab::Tab;
pub use wire::Wire;

/// How long anything may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Folders for one hub, and nobody else's.
pub struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("ikpdb-hub-").tempdir().unwrap();
        for name in ["run", "state", "cache", "work/.git"] {
            std::fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        Self { folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    pub fn workspace(&self) -> PathBuf {
        self.path("work")
    }

    pub fn write(&self, name: &str, text: &str) -> String {
        let path = self.workspace().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub fn ikpdb(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ikpdb"));
        command.current_dir(self.workspace());
        for (name, folder) in [("XDG_RUNTIME_DIR", "run"), ("XDG_STATE_HOME", "state"), ("XDG_CACHE_HOME", "cache")] {
            command.env(name, self.path(folder));
        }
        for name in ["DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "SSH_CONNECTION", "SSH_TTY", "VIRTUAL_ENV"] {
            command.env_remove(name);
        }
        command
    }

    /// The one file whose name ends so, anywhere below `folder`.
    pub fn find(&self, folder: &str, end: &str) -> Option<PathBuf> {
        fn walk(folder: &Path, end: &str) -> Option<PathBuf> {
            for entry in std::fs::read_dir(folder).ok()? {
                let path = entry.ok()?.path();
                let found = if path.is_dir() { walk(&path, end) } else { None };
                if let Some(found) = found.or_else(|| path.to_string_lossy().ends_with(end).then_some(path)) {
                    return Some(found);
                }
            }
            None
        }
        walk(&self.path(folder), end)
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("hub.log")).unwrap_or_default()
    }
}

/// A hub, ended when it is dropped.
pub struct Hub {
    pub process: Child,
    pub socket: PathBuf,
    pub url: String,
    pub port: u16,
    pub secret: Vec<u8>,
}

impl Hub {
    /// Starts a hub at a free port.
    pub fn start(home: &Home) -> Self {
        Self::start_with(home, &["--port", "0"])
    }

    pub fn start_with(home: &Home, options: &[&str]) -> Self {
        let log = File::options().create(true).append(true).open(home.path("hub.log")).unwrap();
        let mut process = home
            .ikpdb()
            .args(["hub", "--workspace"])
            .arg(home.workspace())
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n", "{}", home.log());
        let socket = home.find("run", ".sock").expect("a socket");
        let page = Wire::connect(&socket).call("ikpdb/openPage", json!({"lasting": true}));
        let (url, secret) = page["url"].as_str().unwrap().split_once("#secret=").unwrap();
        let port = u16::try_from(page["port"].as_u64().unwrap()).unwrap();
        let secret = ikpdb_proto::proof::unhex(secret).unwrap();
        Self { process, socket, url: url.to_owned(), port, secret }
    }

    pub fn wire(&self) -> Wire {
        Wire::connect(&self.socket)
    }

    /// A page that is in.
    pub fn tab(&self) -> Tab {
        let mut tab = Tab::connect(self.port);
        tab.enter(&self.secret, json!({}));
        tab
    }

    /// The public and the secret half of a ticket.
    pub fn ticket(&self) -> (String, Vec<u8>) {
        let page = self.wire().call("ikpdb/openPage", json!({"lasting": false}));
        let (_, ticket) = page["url"].as_str().unwrap().split_once("#ticket=").unwrap();
        let (id, secret) = ticket.split_once('.').unwrap();
        (id.to_owned(), ikpdb_proto::proof::unhex(secret).unwrap())
    }

    /// A fake runner that has started its program: the connection and the welcome.
    pub fn runner(&self) -> (Wire, Value) {
        let mut wire = self.wire();
        let welcome = wire.call("ikpdb/runnerHello", runner_hello());
        wire.event("ikpdb/runnerStarted", json!({"pid": 101}));
        (wire, welcome)
    }

    /// A fake agent that is configured: its program runs.
    pub fn agent(&self, welcome: &Value) -> Wire {
        let mut wire = self.wire();
        wire.event("ikpdb/agentHello", agent_hello(welcome));
        wire.until("ikpdb/agentWelcome");
        for command in ["initialize", "attach"] {
            let request = wire.until(command);
            wire.reply(&request, json!({"supportsSetVariable": true, "supportsConditionalBreakpoints": true}));
        }
        wire.event("initialized", Value::Null);
        loop {
            let request = wire.next();
            wire.reply(&request, json!({"breakpoints": []}));
            if request["command"] == "configurationDone" {
                return wire;
            }
        }
    }

    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Waits for the hub to end by itself.
    pub fn ended(&mut self) -> i32 {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status.code().unwrap_or(-1);
            }
            assert!(Instant::now() < deadline, "the hub did not end");
            std::thread::yield_now();
        }
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub fn python() -> Value {
    json!({"version": "3.13.0", "implementation": "CPython", "executable": "/usr/bin/python3", "freeThreaded": false})
}

pub fn runner_hello() -> Value {
    json!({
        "protocol": 1, "build": "0", "pid": 100,
        "run": {"argv": ["/usr/bin/python3", "app.py"], "name": "app.py", "cwd": "/", "env": {"TOKEN": "env-secret-4711"},
                "python": python(), "stopOnEntry": true, "justMyCode": true, "stopPolicy": "all", "rules": []},
        "streams": {"stdin": {"kind": "terminal"}, "stdout": {"kind": "terminal"}, "stderr": {"kind": "terminal"},
                    "attached": true},
    })
}

pub fn agent_hello(welcome: &Value) -> Value {
    use ikpdb_proto::proof::{Role, prove, unhex};
    let nonce = "00112233445566778899aabbccddeeff";
    let secret = unhex(welcome["secret"].as_str().unwrap()).unwrap();
    json!({
        "protocol": 1, "build": "0", "session": welcome["session"], "nonce": nonce,
        "proof": prove(&secret, Role::Agent, nonce, ""), "pid": 101, "ppid": 100, "startTime": "5", "python": python(),
        "argv": ["python3", "app.py"], "cwd": "/",
    })
}

/// What a process wrote to a pipe, to its end.
pub fn all(pipe: Option<impl Read>) -> String {
    let mut text = String::new();
    pipe.unwrap().read_to_string(&mut text).unwrap();
    text
}
