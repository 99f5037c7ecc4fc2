//! Runs real interpreters under the agent and speaks raw DAP with it, in the place of the hub.
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    reason = "test code; each test file uses its part"
)]

pub mod counters;
pub mod ikpdb;
pub mod interpreters;
pub mod library;
pub mod programs;
pub mod reading;
pub mod suites;
pub mod variables;
pub mod walk;
pub mod wrong_requests;

use std::collections::VecDeque;
use std::io::{Read, Seek, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use ikpdb_proto::agent::{AGENT_HELLO, AGENT_WELCOME, AgentHello, AgentStart, AgentWelcome, HubStart};
use ikpdb_proto::framing::encode;
use ikpdb_proto::proof::{Role, check, prove};
use ikpdb_proto::{Event, Message, PROTOCOL, Request, Response, SessionId};
pub use ikpdb_testkit::{Python, marked_line};
pub use interpreters::pythons;
use reading::{Gate, read_messages};
use serde_json::{Value, json};

/// Nothing in a test takes longer, unless it is broken.
pub const DEADLINE: Duration = Duration::from_secs(20);

const SECRET: [u8; 32] = [5; 32];

/// A program under the agent.
pub struct Debuggee {
    child: Child,
    socket: UnixStream,
    messages: Receiver<Message>,
    gate: Gate,
    events: VecDeque<(String, Value)>,
    responses: Vec<Response>,
    seq: i64,
    folder: tempfile::TempDir,
    pub source: String,
    pub script: PathBuf,
    output: Receiver<String>,
    errors: Receiver<String>,
    pub hello: AgentHello,
    listener: Option<UnixListener>,
    /// Where the other door listens.
    pub door: Option<SocketAddr>,
}

/// How to start.
#[derive(Default)]
pub struct Launch {
    pub stop_on_entry: bool,
    pub library_too: bool,
    /// A stop stops the thread that comes to it, and no other.
    pub stop_one_thread: bool,
    pub interpreter_args: Vec<String>,
    /// What the interpreter is given in place of the script, such as `-m` and a module.
    pub target: Vec<String>,
    pub args: Vec<String>,
    pub env: Vec<(String, String)>,
    /// Breakpoints by marker, with conditions, in the script.
    pub breakpoints: Vec<(String, Option<String>)>,
    /// Further files beside the script.
    pub files: Vec<(String, String)>,
    pub pipe_stdin: bool,
    /// How long the first line waits for the configuration; 0 = as the product does.
    pub patience_ms: u32,
    /// Expect no more of the agent than its hello.
    pub greet_only: bool,
    /// With the door for clients of the original, too.
    pub door: bool,
}

impl Launch {
    pub fn at(marker: &str) -> Self {
        Self { breakpoints: vec![(marker.to_owned(), None)], ..Self::default() }
    }
}

impl Debuggee {
    /// Starts a program whose text is `source`.
    pub fn launch(python: &Python, source: &str, launch: Launch) -> Self {
        let mut debuggee = Self::begin(python, source, &launch);
        let stop_policy = if launch.stop_one_thread { "thread" } else { "all" };
        debuggee.request(
            "attach",
            json!({"stopOnEntry": launch.stop_on_entry, "justMyCode": !launch.library_too, "stopPolicy": stop_policy}),
        );
        debuggee.event("initialized");
        if !launch.breakpoints.is_empty() {
            debuggee.set_breakpoints(&launch.breakpoints);
        }
        debuggee.request("setExceptionBreakpoints", json!({"filters": ["uncaught"]}));
        debuggee.request("configurationDone", json!({}));
        debuggee
    }

    /// Starts a program and goes as far as `initialize`.
    pub fn begin(python: &Python, source: &str, launch: &Launch) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().canonicalize().unwrap().join("app.py");
        std::fs::write(&script, source).unwrap();
        for (name, text) in &launch.files {
            let path = script.with_file_name(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let listener = UnixListener::bind(folder.path().join("hub")).unwrap();
        let door = launch.door.then(|| TcpListener::bind("127.0.0.1:0").unwrap());
        let start = AgentStart {
            protocol: PROTOCOL,
            build: "test".into(),
            hub: Some(HubStart {
                socket: folder.path().join("hub").to_str().unwrap().into(),
                session: SessionId(7),
                secret: ikpdb_proto::proof::hex(&SECRET),
                patience_ms: if launch.patience_ms == 0 { 10_000 } else { launch.patience_ms },
            }),
            ikpdb: door.as_ref().map(|it| ikpdb::start_at(it, script.parent().unwrap())),
        };
        let agent = ikpdb_testkit::built("libikpdb_agent.so");
        let mut command = Command::new(&python.executable);
        command
            .args(&launch.interpreter_args)
            .args(if launch.target.is_empty() {
                vec![script.to_str().unwrap().to_owned()]
            } else {
                launch.target.clone()
            })
            .args(&launch.args)
            .current_dir(folder.path())
            .env_remove("PYTHONBREAKPOINT")
            .env("LD_PRELOAD", ikpdb_testkit::built("libikpdb_preload.so"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if launch.pipe_stdin {
            command.stdin(Stdio::piped());
        }
        for (name, value) in &launch.env {
            command.env(name, value);
        }
        let config = start_descriptor(&agent, &start);
        let descriptor = config.as_raw_fd();
        let of_door = door.as_ref().map(AsRawFd::as_raw_fd);
        command.env("IKPDB_START", "200");
        // SAFETY: `dup2` may be called between fork and exec.
        unsafe {
            command.pre_exec(move || {
                // The copy is inherited by exec; the original closes there.
                let copied = libc::dup2(descriptor, 200).min(of_door.map_or(0, |it| libc::dup2(it, ikpdb::LISTENER)));
                if copied < 0 { Err(std::io::Error::last_os_error()) } else { Ok(()) }
            });
        }
        let mut child = command.spawn().unwrap();
        drop(config);
        let output = read_lines(child.stdout.take().unwrap());
        let errors = read_lines(child.stderr.take().unwrap());
        let socket = accept(&listener, &mut child);
        let gate = Gate::default();
        let messages = read_messages(socket.try_clone().unwrap(), gate.clone());
        let hello = greet(&socket, &messages, &errors);
        let mut debuggee = Self {
            child,
            socket,
            messages,
            gate,
            events: VecDeque::new(),
            responses: Vec::new(),
            seq: 0,
            folder,
            source: source.to_owned(),
            script,
            output,
            errors,
            hello,
            listener: Some(listener),
            door: door.map(|it| it.local_addr().unwrap()),
        };
        if !launch.greet_only {
            debuggee.request("initialize", json!({"adapterID": "ikpdb", "clientID": "test"}));
        }
        debuggee
    }

    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    /// What keeps this side from reading what the agent sends.
    pub fn gate(&self) -> Gate {
        self.gate.clone()
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The same program in the same folder, run to its end without us.
    pub fn natively(&self, python: &Python, arguments: &[&str], env: Vec<(String, String)>) -> Ended {
        let output = Command::new(&python.executable)
            .arg(&self.script)
            .args(arguments)
            .current_dir(self.folder())
            .env_remove("PYTHONBREAKPOINT")
            .envs(env)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        Ended { status: output.status, output: text(&output.stdout), errors: text(&output.stderr) }
    }

    /// The line that carries `# BP:<marker>`.
    pub fn line(&self, marker: &str) -> u32 {
        marked_line(&self.source, marker)
    }

    /// Sets breakpoints by marker in the script; the answer's breakpoints.
    pub fn set_breakpoints(&mut self, wanted: &[(String, Option<String>)]) -> Vec<Value> {
        let list: Vec<Value> = wanted
            .iter()
            .map(|(marker, condition)| match condition {
                Some(condition) => json!({"line": self.line(marker), "condition": condition}),
                None => json!({"line": self.line(marker)}),
            })
            .collect();
        let path = self.script.to_str().unwrap().to_owned();
        let body = self.request("setBreakpoints", json!({"source": {"path": path}, "breakpoints": list}));
        body["breakpoints"].as_array().unwrap().clone()
    }

    fn send(&mut self, command: &str, arguments: &Value) -> i64 {
        self.seq += 1;
        let request = Request { seq: self.seq, ..Request::new(command, arguments) };
        // A program that has ended answers nothing: who waits for an answer notices.
        let _ = self.socket.write_all(&encode(&request.into()));
        self.seq
    }

    /// Sends a request whose answer is fetched later by [`Self::answer`].
    pub fn ask(&mut self, command: &str, arguments: Value) -> i64 {
        self.send(command, &arguments)
    }

    /// Sends bytes as they are.
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        let _ = self.socket.write_all(bytes);
    }

    /// Sends a text in a good frame.
    pub fn send_text(&mut self, text: &[u8]) {
        let mut frame = format!("Content-Length: {}\r\n\r\n", text.len()).into_bytes();
        frame.extend_from_slice(text);
        self.send_bytes(&frame);
    }

    /// The number that the next request will have, for one that a test writes itself.
    pub fn next_seq(&mut self) -> i64 {
        self.seq += 1;
        self.seq
    }

    /// Answers that nobody waited for: there should be none.
    pub fn unclaimed(&self) -> &[Response] {
        &self.responses
    }

    /// Sends a request and waits for its successful answer.
    #[track_caller]
    pub fn request(&mut self, command: &str, arguments: Value) -> Value {
        match self.try_request(command, arguments) {
            Ok(body) => body,
            Err(message) => panic!("'{command}' was refused: {message}\n{}", self.stderr_so_far()),
        }
    }

    /// Sends a request and waits for its answer.
    #[track_caller]
    pub fn try_request(&mut self, command: &str, arguments: Value) -> Result<Value, String> {
        let seq = self.send(command, &arguments);
        self.answer(seq)
    }

    /// Waits for the answer of a request.
    #[track_caller]
    pub fn answer(&mut self, seq: i64) -> Result<Value, String> {
        let response = self.response(seq);
        let body = response.body.as_ref().map_or(Value::Null, |raw| serde_json::from_str(raw.get()).unwrap());
        if response.success { Ok(body) } else { Err(response.message.unwrap_or_default()) }
    }

    /// Waits for the whole answer of a request.
    #[track_caller]
    pub fn response(&mut self, seq: i64) -> Response {
        loop {
            if let Some(at) = self.responses.iter().position(|response| response.request_seq == seq) {
                return self.responses.swap_remove(at);
            }
            match self.next(DEADLINE) {
                Some(Message::Response(response)) => self.responses.push(response),
                Some(Message::Event(event)) => self.keep(&event),
                Some(other) => panic!("unexpected {other:?}"),
                None => panic!("no answer to request {seq}\n{}", self.stderr_so_far()),
            }
        }
    }

    /// Whether the answer of a request has come already.
    pub fn has_answer(&mut self, seq: i64) -> bool {
        while let Ok(message) = self.messages.try_recv() {
            match message {
                Message::Response(response) => self.responses.push(response),
                Message::Event(event) => self.keep(&event),
                other => panic!("unexpected {other:?}"),
            }
        }
        self.responses.iter().any(|response| response.request_seq == seq)
    }

    fn keep(&mut self, event: &Event) {
        let body = event.body.as_ref().map_or(Value::Null, |raw| serde_json::from_str(raw.get()).unwrap());
        self.events.push_back((event.event.clone(), body));
    }

    fn next(&mut self, limit: Duration) -> Option<Message> {
        self.messages.recv_timeout(limit).ok()
    }

    /// Waits for an event; others before it stay for later.
    #[track_caller]
    pub fn event(&mut self, name: &str) -> Value {
        match self.event_within(name, DEADLINE) {
            Some(body) => body,
            None => panic!("no event '{name}'; there were {:?}\nstderr: {}", self.events, self.stderr_so_far()),
        }
    }

    /// As [`Self::event`], for so long.
    pub fn event_within(&mut self, name: &str, limit: Duration) -> Option<Value> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(at) = self.events.iter().position(|event| event.0 == name) {
                return self.events.remove(at).map(|event| event.1);
            }
            match self.next(deadline.saturating_duration_since(Instant::now())) {
                Some(Message::Event(event)) => self.keep(&event),
                Some(Message::Response(response)) => self.responses.push(response),
                Some(other) => panic!("unexpected {other:?}"),
                None => return None,
            }
        }
    }

    /// Waits for an event or for the end of the connection, whichever comes first.
    pub fn event_until_end(&mut self, name: &str) -> Option<Value> {
        self.event_within(name, DEADLINE)
    }

    /// Ends the connection, as a hub that is killed does.
    pub fn hang_up(&mut self) {
        self.socket.shutdown(std::net::Shutdown::Both).unwrap();
        let _ = std::fs::remove_file(self.folder.path().join("hub"));
        self.listener = None;
    }

    /// The hub is gone, and the next one is there at once: what the agent says to it.
    pub fn meet_the_next_hub(&mut self) -> Value {
        self.socket.shutdown(std::net::Shutdown::Both).unwrap();
        self.socket = accept(self.listener.as_ref().unwrap(), &mut self.child);
        self.messages = read_messages(self.socket.try_clone().unwrap(), self.gate.clone());
        self.hello = greet(&self.socket, &self.messages, &self.errors);
        serde_json::to_value(&self.hello).unwrap()
    }

    pub fn stdin(&mut self) -> std::process::ChildStdin {
        self.child.stdin.take().unwrap()
    }

    /// Waits for a line on standard error.
    #[track_caller]
    pub fn next_error(&self) -> String {
        self.errors.recv_timeout(DEADLINE).expect("nothing on standard error")
    }

    /// Waits for the next stop.
    #[track_caller]
    pub fn stopped(&mut self) -> Stopped {
        let body = self.event("stopped");
        self.describe(body)
    }

    /// The stack of a stop.
    #[track_caller]
    pub fn describe(&mut self, body: Value) -> Stopped {
        let thread = body["threadId"].as_i64().unwrap();
        let stack = self.request("stackTrace", json!({"threadId": thread, "levels": 20}));
        Stopped {
            reason: body["reason"].as_str().unwrap().to_owned(),
            thread,
            body,
            frames: stack["stackFrames"].as_array().unwrap().clone(),
        }
    }

    /// Lets the program go on.
    pub fn go(&mut self, command: &str, thread: i64) {
        self.request(command, json!({"threadId": thread}));
        self.event("continued");
    }

    /// Goes on and waits for the next stop.
    #[track_caller]
    pub fn go_and_stop(&mut self, command: &str, thread: i64) -> Stopped {
        self.go(command, thread);
        self.stopped()
    }

    /// Evaluates in a frame.
    #[track_caller]
    pub fn evaluate(&mut self, expression: &str, frame: &Value) -> String {
        let body =
            self.request("evaluate", json!({"expression": expression, "frameId": frame["id"], "context": "repl"}));
        body["result"].as_str().unwrap().to_owned()
    }

    /// Waits for a line of the program's output.
    #[track_caller]
    pub fn printed(&self) -> String {
        self.output.recv_timeout(DEADLINE).unwrap_or_else(|_| panic!("nothing printed\n{}", self.stderr_so_far()))
    }

    /// What the program wrote to standard error until now.
    pub fn stderr_so_far(&self) -> String {
        self.errors.try_iter().collect::<Vec<_>>().join("\n")
    }

    /// Waits for the program's end, and reads what it left in its folder.
    #[track_caller]
    pub fn end_and_read<T>(mut self, limit: Duration, read: impl FnOnce() -> T) -> (Ended, T) {
        (self.ended(limit), read())
    }

    /// Waits for the program's end; its status, output and errors, as far as not read before.
    #[track_caller]
    pub fn end(self) -> Ended {
        self.end_within(DEADLINE)
    }

    /// As [`Self::end`], for a program that takes longer.
    #[track_caller]
    pub fn end_within(mut self, limit: Duration) -> Ended {
        self.ended(limit)
    }

    #[track_caller]
    fn ended(&mut self, limit: Duration) -> Ended {
        let status = wait(&mut self.child, limit);
        Ended {
            status,
            output: self.output.iter().collect::<Vec<_>>().join("\n"),
            errors: self.errors.iter().collect::<Vec<_>>().join("\n"),
        }
    }
}

impl Drop for Debuggee {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A stop.
#[derive(Debug)]
pub struct Stopped {
    pub reason: String,
    pub thread: i64,
    pub body: Value,
    pub frames: Vec<Value>,
}

impl Stopped {
    pub fn line(&self) -> u32 {
        u32::try_from(self.frames[0]["line"].as_u64().unwrap()).unwrap()
    }

    pub fn function(&self) -> &str {
        self.frames[0]["name"].as_str().unwrap()
    }

    pub fn top(&self) -> &Value {
        &self.frames[0]
    }
}

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub output: String,
    pub errors: String,
}

impl Ended {
    /// Exit code (none after a signal), output and errors.
    pub fn seen(&self) -> (Option<i32>, &str, &str) {
        (self.status.code(), &self.output, &self.errors)
    }
}

fn wait(child: &mut Child, limit: Duration) -> ExitStatus {
    let (sender, receiver) = channel::<()>();
    let pid = i32::try_from(child.id()).unwrap();
    // The watcher only kills what takes too long, so that a hang is a failure and not a hung test.
    let watcher = std::thread::spawn(move || {
        if receiver.recv_timeout(limit).is_err_and(|error| error == RecvTimeoutError::Timeout) {
            // SAFETY: our own child, not yet waited for.
            unsafe { libc::kill(pid, libc::SIGKILL) };
            true
        } else {
            false
        }
    });
    let status = child.wait().unwrap();
    drop(sender);
    assert!(!watcher.join().unwrap(), "the program did not end");
    status
}

fn start_descriptor(agent: &Path, start: &AgentStart) -> std::fs::File {
    let mut file = tempfile::tempfile().unwrap();
    write!(file, "{}\n{}", agent.display(), serde_json::to_string(start).unwrap()).unwrap();
    file.rewind().unwrap();
    file
}

fn read_lines(stream: impl Read + Send + 'static) -> Receiver<String> {
    use std::io::BufRead;
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in std::io::BufReader::new(stream).lines() {
            let Ok(line) = line else { break };
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

fn accept(listener: &UnixListener, child: &mut Child) -> UnixStream {
    let mut poll = libc::pollfd { fd: listener.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one pollfd of our own.
    let ready = unsafe { libc::poll(&raw mut poll, 1, 10_000) };
    if ready != 1 {
        let _ = child.kill();
        let mut text = String::new();
        if let Some(errors) = child.stderr.as_mut() {
            let _ = errors.read_to_string(&mut text);
        }
        panic!("the agent did not connect: {text}");
    }
    listener.accept().unwrap().0
}

fn greet(socket: &UnixStream, messages: &Receiver<Message>, errors: &Receiver<String>) -> AgentHello {
    let Ok(Message::Event(event)) = messages.recv_timeout(DEADLINE) else {
        panic!("no hello: {}", errors.try_iter().collect::<Vec<_>>().join("\n"))
    };
    assert_eq!(event.event, AGENT_HELLO);
    let hello: AgentHello = event.body().unwrap();
    assert!(check(&SECRET, Role::Agent, &hello.nonce, "", &hello.proof));
    let welcome = AgentWelcome { session: hello.session, proof: prove(&SECRET, Role::Hub, &hello.nonce, "") };
    (&*socket).write_all(&encode(&Event::new(AGENT_WELCOME, &welcome).into())).unwrap();
    hello
}
