//! Runs a program behind the door for clients of the original IKPdb, and is such a client.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use ikpdb_proto::PROTOCOL;
use ikpdb_proto::agent::{AgentStart, IkpdbStart};
use ikpdb_proto::ikpdb::{LENGTH, MAGIC};
use ikpdb_testkit::{Python, marked_line};
use serde_json::{Value, json};

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
        log: String::new(),
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
        door.log.clone_from(&setup.log);
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
        Self { child, folder, source: source.to_owned(), script, address, output, errors, log }
    }

    /// Starts it, connects, and lets it run.
    #[track_caller]
    pub fn run(python: &Python, source: &str, setup: &Setup) -> (Self, Client) {
        let program = Self::start(python, source, setup);
        let mut client = program.connect();
        client.request("runScript", json!({}));
        (program, client)
    }

    /// A client that has been greeted, if clients are.
    #[track_caller]
    pub fn connect(&self) -> Client {
        Client::new(TcpStream::connect(self.address).unwrap())
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

/// A client of the original IKPdb.
pub struct Client {
    stream: TcpStream,
    received: Receiver<Value>,
    events: VecDeque<Value>,
    replies: Vec<Value>,
    id: i64,
}

impl Client {
    pub fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        let received = read_messages(stream.try_clone().unwrap());
        Self { stream, received, events: VecDeque::new(), replies: Vec::new(), id: 0 }
    }

    /// Sends bytes as they are.
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        // A program that has ended reads nothing: who waits for an answer notices.
        let _ = self.stream.write_all(bytes);
    }

    /// Sends a command whose reply is fetched later by [`Self::reply`]; its `_id`.
    pub fn ask(&mut self, command: &str, args: Value) -> i64 {
        self.id += 1;
        self.send_bytes(&frame(&json!({"_id": self.id, "command": command, "args": args}).to_string()));
        self.id
    }

    /// Waits for a reply.
    #[track_caller]
    pub fn reply(&mut self, id: i64) -> Value {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(at) = self.replies.iter().position(|it| it["_id"] == id) {
                return self.replies.swap_remove(at);
            }
            assert!(self.read(deadline), "no reply to command {id}; there were {:?}", self.events);
        }
    }

    /// Sends a command and waits for the `result` of its reply, which is no error.
    #[track_caller]
    pub fn request(&mut self, command: &str, args: Value) -> Value {
        match self.try_request(command, args) {
            Ok(result) => result,
            Err(why) => panic!("'{command}' was refused: {why}"),
        }
    }

    /// Sends a command and waits for its result, or its one message of an error.
    #[track_caller]
    pub fn try_request(&mut self, command: &str, args: Value) -> Result<Value, String> {
        let id = self.ask(command, args);
        let reply = self.reply(id);
        assert_eq!(reply["command"], command);
        match reply["commandExecStatus"].as_str() {
            Some("ok") => Ok(reply["result"].clone()),
            Some("error") => Err(reply["error_messages"][0].as_str().unwrap().to_owned()),
            other => panic!("a reply is ok or an error, not {other:?}"),
        }
    }

    /// Waits for an event; others before it stay for later.
    #[track_caller]
    pub fn event(&mut self, name: &str) -> Value {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(at) = self.events.iter().position(|it| it["command"] == name) {
                return self.events.remove(at).unwrap();
            }
            assert!(self.read(deadline), "no event '{name}'; there were {:?}", self.events);
        }
    }

    /// Waits for the next `programBreak`.
    #[track_caller]
    pub fn stopped(&mut self) -> Break {
        Break(self.event("programBreak"))
    }

    /// Sends `resume` or a step, and waits for the next `programBreak`.
    #[track_caller]
    pub fn go_and_stop(&mut self, command: &str) -> Break {
        self.request(command, json!({}));
        self.stopped()
    }

    /// Lets the program go on, and waits for its end; its exit code.
    #[track_caller]
    pub fn go_to_end(&mut self) -> Value {
        self.request("resume", json!({}));
        self.event("programEnd")["result"]["exit_code"].clone()
    }

    /// Evaluates in a frame; the value.
    #[track_caller]
    pub fn evaluate(&mut self, expression: &str, frame: &Value) -> String {
        let args = json!({"expression": expression, "frame": frame["id"], "global": false, "disableBreak": true});
        self.request("evaluate", args)["value"].as_str().unwrap().to_owned()
    }

    /// Events that nobody has waited for.
    pub fn unclaimed(&mut self) -> Vec<Value> {
        while let Ok(message) = self.received.try_recv() {
            self.keep(message);
        }
        self.events.drain(..).collect()
    }

    /// Whether the connection ends within the deadline; what comes before is kept.
    pub fn is_closed(&mut self) -> bool {
        let deadline = Instant::now() + DEADLINE;
        while self.read(deadline) {}
        self.received.recv_timeout(Duration::ZERO) == Err(RecvTimeoutError::Disconnected)
    }

    /// Ends the connection.
    pub fn hang_up(&mut self) {
        self.stream.shutdown(std::net::Shutdown::Both).unwrap();
    }

    fn read(&mut self, deadline: Instant) -> bool {
        let message = self.received.recv_timeout(deadline.saturating_duration_since(Instant::now()));
        message.map(|it| self.keep(it)).is_ok()
    }

    fn keep(&mut self, message: Value) {
        match message["_id"] {
            Value::Null => self.events.push_back(message),
            _ => self.replies.push(message),
        }
    }
}

/// A stop.
#[derive(Debug)]
pub struct Break(pub Value);

impl Break {
    /// The frames, the innermost first.
    pub fn frames(&self) -> &[Value] {
        self.0["frames"].as_array().unwrap()
    }

    pub fn top(&self) -> &Value {
        &self.frames()[0]
    }

    pub fn line(&self) -> u32 {
        u32::try_from(self.top()["line_number"].as_u64().unwrap()).unwrap()
    }

    /// What the frames are called, without their thread.
    pub fn functions(&self) -> Vec<&str> {
        self.frames().iter().map(|it| it["name"].as_str().unwrap().split("()").next().unwrap()).collect()
    }
}

/// The bytes of a message, its length in UTF-16 units.
pub fn frame(body: &str) -> Vec<u8> {
    format!("{LENGTH}{}{MAGIC}{body}", body.encode_utf16().count()).into_bytes()
}

/// A thread of its own reads what the door sends, as fast as it comes.
fn read_messages(mut stream: TcpStream) -> Receiver<Value> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let (mut bytes, mut buffer) = (Vec::new(), vec![0; 64 << 10]);
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            bytes.extend_from_slice(&buffer[..count]);
            while let Some(message) = take_message(&mut bytes) {
                if sender.send(message).is_err() {
                    return;
                }
            }
        }
    });
    receiver
}

/// Takes the first message off bytes, if it is whole. The door sends ASCII only, so units are bytes.
fn take_message(bytes: &mut Vec<u8>) -> Option<Value> {
    let begin = bytes.windows(MAGIC.len()).position(|it| it == MAGIC.as_bytes())?;
    let length = std::str::from_utf8(&bytes[..begin]).unwrap().strip_prefix(LENGTH).expect("a message begins so");
    let (body, end) = (begin + MAGIC.len(), begin + MAGIC.len() + length.parse::<usize>().unwrap());
    let text = bytes.get(body..end)?;
    assert!(text.is_ascii(), "{}", String::from_utf8_lossy(text));
    let message = serde_json::from_slice(text).unwrap();
    bytes.drain(..end);
    Some(message)
}
