//! An editor, as far as `ikpdb dap` can tell. Every message that it is sent is held against the protocol's schema.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, reason = "part of tests")]

#[path = "../hub_support/mod.rs"]
mod hub_support;

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use ikpdb_proto::framing::Decoder;
use serde_json::{Value, json};

pub use hub_support::Home;

/// How long anything may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// What `ikpdb dap` may send.
pub fn schema() -> jsonschema::Validator {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dap_schema.json")).unwrap();
    jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap()
}

/// Holds a message against the schema.
pub fn check(schema: &jsonschema::Validator, message: &Value) {
    let faults: Vec<_> = schema.iter_errors(message).map(|it| format!("{} at {}", it, it.instance_path())).collect();
    assert!(faults.is_empty(), "{message:#} is not of the protocol: {faults:#?}");
}

/// What an editor starts in a folder of its own.
pub trait Dap {
    /// The adapter, not started yet.
    fn command(&self) -> Command;
    fn editor(&self) -> Editor;
}

impl Dap for Home {
    fn command(&self) -> Command {
        for library in ["libikpdb_agent.so", "libikpdb_preload.so"] {
            ikpdb_testkit::built(library);
        }
        let mut command = self.ikpdb();
        command.arg("dap");
        command
    }

    fn editor(&self) -> Editor {
        Editor::start(self.command())
    }
}

/// An editor with its adapter.
pub struct Editor {
    pub process: Child,
    pub stdin: Option<ChildStdin>,
    messages: Receiver<Value>,
    passed: VecDeque<Value>,
    seq: i64,
    /// Everything that came, in order.
    pub seen: Vec<Value>,
}

impl Editor {
    pub fn start(mut command: Command) -> Self {
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let stdin = process.stdin.take();
        let mut stdout = process.stdout.take().unwrap();
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            let mut decoder = Decoder::new(1 << 30);
            let mut chunk = vec![0; 64 << 10];
            while let Ok(count @ 1..) = stdout.read(&mut chunk) {
                decoder.push(&chunk[..count]);
                // What is no frame would be something of ours that does not belong on standard output.
                while let Some(text) = decoder.next_frame().expect("nothing but DAP on standard output") {
                    if sender.send(serde_json::from_slice(&text).unwrap()).is_err() {
                        return;
                    }
                }
            }
        });
        Self { process, stdin, messages, passed: VecDeque::new(), seq: 0, seen: Vec::new() }
    }

    pub fn ask(&mut self, command: &str, arguments: Value) -> i64 {
        self.seq += 1;
        let message = json!({"seq": self.seq, "type": "request", "command": command, "arguments": arguments});
        let body = message.to_string();
        let frame = format!("Content-Length: {}\r\n\r\n{body}", body.len());
        self.stdin.as_mut().unwrap().write_all(frame.as_bytes()).unwrap();
        self.seq
    }

    /// The next message; none when the adapter has ended.
    pub fn next(&mut self) -> Option<Value> {
        if let Some(message) = self.passed.pop_front() {
            return Some(message);
        }
        self.receive()
    }

    fn receive(&mut self) -> Option<Value> {
        match self.messages.recv_timeout(PATIENCE) {
            Ok(message) => {
                self.seen.push(message.clone());
                Some(message)
            }
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("nothing came; so far: {:#?}", self.seen),
        }
    }

    fn find(&mut self, what: &str, wanted: &dyn Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.passed.iter().position(wanted) {
            return self.passed.remove(at).unwrap();
        }
        loop {
            let message = self.receive().unwrap_or_else(|| panic!("no {what}; so far: {:#?}", self.seen));
            if wanted(&message) {
                return message;
            }
            self.passed.push_back(message);
        }
    }

    pub fn event(&mut self, name: &str) -> Value {
        self.find(name, &|it| it["event"] == name)["body"].clone()
    }

    /// The whole response.
    pub fn response(&mut self, seq: i64) -> Value {
        self.find("response", &|it| it["type"] == "response" && it["request_seq"] == seq)
    }

    /// The body of a good answer.
    pub fn call(&mut self, command: &str, arguments: Value) -> Value {
        let seq = self.ask(command, arguments);
        let answer = self.response(seq);
        assert_eq!(answer["success"], true, "{answer}");
        answer["body"].clone()
    }

    /// Why a request is refused.
    pub fn refusal(&mut self, command: &str, arguments: Value) -> String {
        let seq = self.ask(command, arguments);
        let answer = self.response(seq);
        assert_eq!(answer["success"], false, "{answer}");
        answer["message"].as_str().unwrap().to_owned()
    }

    pub fn initialize(&mut self) -> Value {
        let about = json!({"adapterID": "ikpdb", "clientName": "test", "pathFormat": "path", "supportsProgressReporting": true});
        self.call("initialize", about)
    }

    /// Initializes, launches, sets these breakpoints and lets the program begin.
    pub fn launch(&mut self, arguments: Value, breakpoints: &[(&str, Value)]) -> Vec<Value> {
        self.initialize();
        let launch = self.ask("launch", arguments);
        self.event("initialized");
        let mut made = Vec::new();
        for (path, list) in breakpoints {
            let body = self.call("setBreakpoints", json!({"source": {"path": path}, "breakpoints": list}));
            made.push(body["breakpoints"].clone());
        }
        self.call("setExceptionBreakpoints", json!({"filters": ["uncaught"]}));
        self.call("configurationDone", json!({}));
        let launched = self.response(launch);
        assert_eq!(launched["success"], true, "{launched}");
        made
    }

    /// What the program printed on a stream, up to here.
    pub fn printed(&self, category: &str) -> String {
        let outputs = self.seen.iter().filter(|it| it["event"] == "output" && it["body"]["category"] == category);
        outputs.filter_map(|it| it["body"]["output"].as_str()).collect()
    }

    /// The next line that the program prints; it may come in pieces.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        while !line.ends_with('\n') {
            line.push_str(self.event("output")["output"].as_str().unwrap());
        }
        line.trim_end().to_owned()
    }

    /// Waits for the end of the program: its exit code.
    pub fn exit(&mut self) -> i64 {
        let code = self.event("exited")["exitCode"].as_i64().unwrap();
        self.event("terminated");
        code
    }

    /// Leaves after the program's end.
    pub fn leave(mut self) -> Vec<Value> {
        self.call("disconnect", json!({}));
        while self.next().is_some() {}
        assert_eq!(self.ended(), Some(0));
        self.seen.clone()
    }

    fn check(&self) {
        let schema = schema();
        for message in &self.seen {
            check(&schema, message);
        }
        let seqs: Vec<_> = self.seen.iter().map(|it| it["seq"].as_i64().unwrap()).collect();
        assert!(seqs.is_sorted() && seqs.windows(2).all(|it| it[0] != it[1]), "{seqs:?}");
    }

    /// Waits for the adapter's end.
    pub fn ended(&mut self) -> Option<i32> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "the adapter did not end; so far: {:#?}", self.seen);
            std::thread::yield_now();
        }
    }
}

/// Every test ends with a look at all that it was sent.
impl Drop for Editor {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        while let Ok(message) = self.messages.recv_timeout(PATIENCE) {
            self.seen.push(message);
        }
        // A test that has failed already has said why.
        if !std::thread::panicking() {
            self.check();
        }
    }
}

pub fn name(message: &Value) -> String {
    match message["type"].as_str() {
        Some("event") => message["event"].as_str().unwrap().to_owned(),
        _ => format!("={}", message["command"].as_str().unwrap()),
    }
}

/// Whether a process is there and is no zombie.
pub fn lives(pid: i64) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or_default().trim_start().starts_with('Z'))
}

/// Waits until a process is gone.
pub fn gone(pid: i64) {
    let deadline = Instant::now() + PATIENCE;
    while lives(pid) {
        assert!(Instant::now() < deadline, "process {pid} still runs");
        std::thread::yield_now();
    }
}
