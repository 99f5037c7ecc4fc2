//! Runs a program behind the door for clients of the original IKPdb.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use ikpdb_proto::PROTOCOL;
use ikpdb_proto::agent::{AgentStart, IkpdbStart};
use ikpdb_testkit::ikpdb_client::IkpdbClient;
use ikpdb_testkit::{Python, marked_line};
use serde_json::json;

use super::{DEADLINE, Ended, read_lines, start_descriptor, wait};

/// Where the program inherits what it was started for, and where its door listens.
const START: i32 = 200;
pub const LISTENER: i32 = 201;

/// How a program is started.
#[derive(Default)]
pub struct Setup {
    pub args: Vec<String>,
    pub env: Vec<(String, String)>,
    /// Further files beside the script.
    pub files: Vec<(String, String)>,
    pub stop_at_entry: bool,
    /// Clients are not greeted.
    pub silent: bool,
    /// Where the program's paths begin; empty for the folder of the script.
    pub working_directory: String,
    pub client_working_directory: String,
    pub log: String,
    pub safe_values: bool,
}

/// A door as it is when nothing is said of it.
pub fn start_at(listener: &TcpListener, folder: &Path) -> IkpdbStart {
    IkpdbStart {
        listener: LISTENER,
        address: listener.local_addr().unwrap().to_string(),
        welcome: true,
        stop_at_entry: false,
        working_directory: folder.to_str().unwrap().to_owned(),
        client_working_directory: String::new(),
        log: Some(String::new()),
        safe_values: false,
        allow_any_user: false,
    }
}

/// A program behind the door.
pub struct Program {
    child: Child,
    folder: tempfile::TempDir,
    pub source: String,
    pub script: PathBuf,
    pub address: SocketAddr,
    greets: bool,
    output: Receiver<String>,
    errors: Receiver<String>,
    log: Receiver<String>,
}

impl Program {
    /// Starts a program whose text is `source`. It waits for `runScript`. The package can be imported.
    pub fn start(python: &Python, source: &str, setup: &Setup) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().canonicalize().unwrap().join("app.py");
        std::fs::write(&script, source).unwrap();
        for (name, text) in &setup.files {
            let path = script.with_file_name(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut door = start_at(&listener, script.parent().unwrap());
        door.welcome = !setup.silent;
        door.stop_at_entry = setup.stop_at_entry;
        if !setup.working_directory.is_empty() {
            door.working_directory.clone_from(&setup.working_directory);
        }
        door.client_working_directory.clone_from(&setup.client_working_directory);
        door.log = Some(setup.log.clone());
        door.safe_values = setup.safe_values;
        let start = AgentStart { protocol: PROTOCOL, build: "test".into(), hub: None, ikpdb: Some(door) };
        let config = start_descriptor(&ikpdb_testkit::built("libikpdb_agent.so"), &start);
        let inherited = [(config.as_raw_fd(), START), (listener.as_raw_fd(), LISTENER)];
        let mut command = Command::new(&python.executable);
        command
            .arg(&script)
            .args(&setup.args)
            .current_dir(script.parent().unwrap())
            .env_remove("PYTHONBREAKPOINT")
            .env("PYTHONPATH", ikpdb_testkit::root().join("python"))
            .env("PYTHONPYCACHEPREFIX", ikpdb_testkit::target().join("pycache"))
            .env("LD_PRELOAD", ikpdb_testkit::built("libikpdb_preload.so"))
            .env("IKPDB_START", START.to_string())
            .envs(setup.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // SAFETY: `dup2` may be called between fork and exec.
        unsafe {
            command.pre_exec(move || {
                // The copies are inherited by exec; the originals close there.
                let copied = inherited.iter().all(|(descriptor, to)| libc::dup2(*descriptor, *to) == *to);
                if copied { Ok(()) } else { Err(std::io::Error::last_os_error()) }
            });
        }
        let mut child = command.spawn().unwrap();
        let output = read_lines(child.stdout.take().unwrap());
        let (errors, log) = without_log(read_lines(child.stderr.take().unwrap()));
        Self { child, folder, source: source.to_owned(), script, address, greets: !setup.silent, output, errors, log }
    }

    /// Starts it, connects, and lets it run.
    #[track_caller]
    pub fn run(python: &Python, source: &str, setup: &Setup) -> (Self, IkpdbClient) {
        let program = Self::start(python, source, setup);
        let mut client = program.connect();
        client.result("runScript", &json!({}));
        (program, client)
    }

    /// A client that has been greeted, if clients are.
    #[track_caller]
    pub fn connect(&self) -> IkpdbClient {
        if self.greets { IkpdbClient::greeted(self.address) } else { IkpdbClient::connect(self.address) }
    }

    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The line that carries `# BP:<marker>`.
    pub fn line(&self, marker: &str) -> u32 {
        marked_line(&self.source, marker)
    }

    /// Waits for a line of the program's output.
    #[track_caller]
    pub fn printed(&self) -> String {
        self.output.recv_timeout(DEADLINE).unwrap_or_else(|_| panic!("nothing printed\n{}", self.stderr_so_far()))
    }

    /// Waits for a line of the log whose text begins so; the line.
    #[track_caller]
    pub fn logged(&self, text: &str) -> String {
        let mut seen = Vec::new();
        loop {
            let Ok(line) = self.log.recv_timeout(DEADLINE) else { panic!("no '{text}' in the log: {seen:#?}") };
            match line.split(" - ").nth(2) {
                Some(said) if said.starts_with(text) => return line,
                _ => seen.push(line),
            }
        }
    }

    /// Waits for a line on standard error that is none of the log.
    #[track_caller]
    pub fn next_error(&self) -> String {
        self.errors.recv_timeout(DEADLINE).expect("nothing on standard error")
    }

    /// What the program wrote to standard error until now, but for the log.
    pub fn stderr_so_far(&self) -> String {
        self.errors.try_iter().collect::<Vec<_>>().join("\n")
    }

    /// Waits for the program's end; its status, output and errors without the log, as far as not read before.
    #[track_caller]
    pub fn end(mut self) -> Ended {
        let status = wait(&mut self.child, DEADLINE);
        Ended {
            status,
            output: self.output.iter().collect::<Vec<_>>().join("\n"),
            errors: self.errors.iter().collect::<Vec<_>>().join("\n"),
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Lines of standard error, and beside them those of the log.
fn without_log(lines: Receiver<String>) -> (Receiver<String>, Receiver<String>) {
    let ((to_errors, errors), (to_log, log)) = (channel(), channel());
    std::thread::spawn(move || {
        for line in lines {
            let to = if line.starts_with("\x1b[1m[IKPdb-") { &to_log } else { &to_errors };
            let _ = to.send(line);
        }
    });
    (errors, log)
}
