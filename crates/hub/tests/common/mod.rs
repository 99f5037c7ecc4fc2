//! A hub and everybody around it, driven step by step: what goes in, what comes out, no sockets, no clock.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, VecDeque};

use ikpdb_hub::{Config, ConnectionId, Door, FileWork, Hub, Input, JobId, Mode, Output, Saved, Spawned};
use ikpdb_proto::client::Workspace;
use ikpdb_proto::dap::{Capabilities, ExceptionBreakpointsFilter};
use ikpdb_proto::framing::Decoder;
use ikpdb_proto::proof::{Role, prove, unhex};
use serde_json::{Value, json};

pub(crate) const SECRET: [u8; 32] = [9; 32];
pub(crate) const NONCE: &str = "00112233445566778899aabbccddeeff";

/// The world around one hub.
pub(crate) struct World {
    pub(crate) hub: Hub,
    pub(crate) now: u64,
    last: u64,
    doors: BTreeMap<ConnectionId, Door>,
    mail: BTreeMap<ConnectionId, VecDeque<Value>>,
    seqs: BTreeMap<ConnectionId, i64>,
    pub(crate) closed: BTreeMap<ConnectionId, String>,
    pub(crate) files: Vec<(JobId, FileWork)>,
    pub(crate) spawns: Vec<JobId>,
    pub(crate) launches: Vec<JobId>,
    pub(crate) saves: Vec<Saved>,
    pub(crate) wake: Option<u64>,
    pub(crate) exited: bool,
}

/// A runner with its session.
#[derive(Clone)]
pub(crate) struct Program {
    pub(crate) runner: ConnectionId,
    pub(crate) session: u32,
    pub(crate) secret: String,
}

pub(crate) fn capabilities() -> Capabilities {
    Capabilities {
        supports_conditional_breakpoints: Some(true),
        supports_set_variable: Some(true),
        supports_cancel_request: Some(true),
        exception_breakpoint_filters: Some(vec![ExceptionBreakpointsFilter {
            filter: "uncaught".into(),
            label: "Uncaught".into(),
            description: None,
            default: Some(true),
            supports_condition: None,
            condition_description: None,
        }]),
        ..Default::default()
    }
}

pub(crate) fn config(mode: Mode) -> Config {
    Config {
        mode,
        build: "1.2.3".into(),
        epoch: "epoch".into(),
        seed: [7; 32],
        secret: SECRET,
        workspace: Workspace { path: "/w".into(), name: "w".into() },
        started_at: 1_000_000.0,
        url: "http://127.0.0.1:15480/".into(),
        port: 15480,
        kind: "python".into(),
        promised: capabilities(),
        saved: Saved::default(),
    }
}

pub(crate) fn python() -> Value {
    json!({"version": "3.13.0", "implementation": "CPython", "executable": "/usr/bin/python3", "freeThreaded": false})
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(config(Mode::Shared { linger_ms: 10_000 }))
    }

    pub(crate) fn private() -> Self {
        Self::with(config(Mode::Private))
    }

    pub(crate) fn with(config: Config) -> Self {
        Self {
            hub: Hub::new(config),
            now: 0,
            last: 0,
            doors: BTreeMap::new(),
            mail: BTreeMap::new(),
            seqs: BTreeMap::new(),
            closed: BTreeMap::new(),
            files: Vec::new(),
            spawns: Vec::new(),
            launches: Vec::new(),
            saves: Vec::new(),
            wake: None,
            exited: false,
        }
    }

    pub(crate) fn feed(&mut self, input: Input) {
        for output in self.hub.step(self.now, input) {
            match output {
                Output::Send { to, bytes } => {
                    let text = match self.doors[&to] {
                        Door::Web => bytes.to_vec(),
                        Door::Unix | Door::Dap => {
                            let mut decoder = Decoder::new(1 << 30);
                            decoder.push(&bytes);
                            let text = decoder.next_frame().unwrap().expect("one whole frame per send");
                            assert_eq!(decoder.next_frame(), Ok(None));
                            text
                        }
                    };
                    self.mail.entry(to).or_default().push_back(serde_json::from_slice(&text).unwrap());
                }
                Output::Close { connection, reason } => {
                    self.closed.insert(connection, reason);
                }
                Output::Files { job, work } => self.files.push((job, work)),
                Output::Save(saved) => self.saves.push(*saved),
                Output::Spawn { job, .. } => self.spawns.push(job),
                Output::Launch { job, .. } => self.launches.push(job),
                Output::Wake { at } => self.wake = Some(at),
                Output::Exit => self.exited = true,
            }
        }
    }

    /// Lets time pass, timer by timer.
    pub(crate) fn pass(&mut self, ms: u64) {
        let end = self.now + ms;
        while let Some(at) = self.wake.filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.wake = None;
            self.feed(Input::Tick);
        }
        self.now = end;
    }

    pub(crate) fn open(&mut self, door: Door) -> ConnectionId {
        self.last += 1;
        let connection = ConnectionId(self.last);
        self.doors.insert(connection, door);
        self.feed(Input::Opened { connection, door });
        connection
    }

    pub(crate) fn close(&mut self, connection: ConnectionId) {
        self.feed(Input::Closed { connection });
    }

    pub(crate) fn say(&mut self, connection: ConnectionId, text: &str) {
        self.feed(Input::Received { connection, bytes: text.to_owned().into() });
    }

    /// Sends a message in the way of the door; a page's message speaks to `session`.
    pub(crate) fn send(&mut self, connection: ConnectionId, session: Option<u32>, mut message: Value) -> i64 {
        let seq = self.seqs.entry(connection).or_default();
        *seq += 1;
        let seq = *seq;
        message["seq"] = seq.into();
        let text = match self.doors[&connection] {
            Door::Web => json!({"session": session, "message": message}),
            Door::Unix | Door::Dap => message,
        };
        self.say(connection, &text.to_string());
        seq
    }

    pub(crate) fn ask(
        &mut self,
        from: ConnectionId,
        session: impl Into<Option<u32>>,
        command: &str,
        arguments: Value,
    ) -> i64 {
        self.send(from, session.into(), json!({"type": "request", "command": command, "arguments": arguments}))
    }

    pub(crate) fn event(&mut self, from: ConnectionId, event: &str, body: Value) {
        self.send(from, None, json!({"type": "event", "event": event, "body": body}));
    }

    /// Answers a request that a peer was sent.
    pub(crate) fn reply(&mut self, from: ConnectionId, request: &Value, body: Value) {
        let message = json!({"type": "response", "request_seq": request["seq"], "success": true,
                             "command": request["command"], "body": body});
        self.send(from, None, message);
    }

    pub(crate) fn refuse(&mut self, from: ConnectionId, request: &Value, why: &str) {
        let message = json!({"type": "response", "request_seq": request["seq"], "success": false,
                             "command": request["command"], "message": why});
        self.send(from, None, message);
    }

    /// Everything that a connection was sent since the last time; of a page, with its envelopes.
    pub(crate) fn raw(&mut self, connection: ConnectionId) -> Vec<Value> {
        self.mail.remove(&connection).unwrap_or_default().into()
    }

    /// The same without envelopes.
    pub(crate) fn read(&mut self, connection: ConnectionId) -> Vec<Value> {
        let unwrap = |value: Value| {
            if value.get("message").is_some_and(Value::is_object) { value["message"].clone() } else { value }
        };
        self.raw(connection).into_iter().map(unwrap).collect()
    }

    /// Names of what a connection was sent, for the order: commands of requests, `=command` of responses, events.
    pub(crate) fn names(&mut self, connection: ConnectionId) -> Vec<String> {
        self.read(connection).iter().map(name).collect()
    }

    /// The response to a request; the rest of the mail stays.
    pub(crate) fn response(&mut self, connection: ConnectionId, seq: i64) -> Value {
        self.take(connection, &|it| it["type"] == "response" && it["request_seq"] == seq)
            .unwrap_or_else(|| panic!("no answer to request {seq}"))
    }

    /// Asks and takes the answer that comes at once.
    pub(crate) fn call(
        &mut self,
        from: ConnectionId,
        session: impl Into<Option<u32>>,
        command: &str,
        arguments: Value,
    ) -> Value {
        let seq = self.ask(from, session, command, arguments);
        self.response(from, seq)
    }

    /// The next event of this name; the rest of the mail stays.
    pub(crate) fn next_event(&mut self, connection: ConnectionId, event: &str) -> Value {
        self.take(connection, &|it| it["event"] == event).unwrap_or_else(|| panic!("no event {event}"))
    }

    /// The next request of this name that a peer was sent.
    pub(crate) fn next_request(&mut self, connection: ConnectionId, command: &str) -> Value {
        self.find_request(connection, command).unwrap_or_else(|| panic!("no request {command}"))
    }

    pub(crate) fn find_request(&mut self, connection: ConnectionId, command: &str) -> Option<Value> {
        self.take(connection, &|it| it["type"] == "request" && it["command"] == command)
    }

    fn take(&mut self, connection: ConnectionId, wanted: &dyn Fn(&Value) -> bool) -> Option<Value> {
        let mail = self.mail.get_mut(&connection)?;
        let inner = |it: &Value| it.get("message").filter(|it| it.is_object()).unwrap_or(it).clone();
        let at = mail.iter().position(|it| wanted(&inner(it)))?;
        mail.remove(at).map(|it| inner(&it))
    }

    /// A page that is in, with a clean mailbox.
    pub(crate) fn page(&mut self) -> ConnectionId {
        let page = self.open(Door::Web);
        self.enter(page, json!({}));
        self.raw(page);
        page
    }

    /// The handshake of a page; answers the welcome.
    pub(crate) fn enter(&mut self, page: ConnectionId, more: Value) -> Value {
        let challenge = self.call(page, None, "ikpdb/greet", json!({"protocol": 1, "nonce": NONCE}));
        let theirs = challenge["body"]["nonce"].as_str().expect("a challenge").to_owned();
        assert_eq!(challenge["body"]["proof"], prove(&SECRET, Role::Hub, NONCE, &theirs));
        let mut arguments = json!({"proof": prove(&SECRET, Role::Client, NONCE, &theirs)});
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.call(page, None, "ikpdb/hello", arguments)["body"].clone()
    }

    pub(crate) fn runner_hello(pid: u32) -> Value {
        json!({
            "protocol": 1, "build": "1.2.3", "pid": pid,
            "run": {"argv": ["/usr/bin/python3", "app.py"], "name": "app.py", "cwd": "/w", "env": {"A": "b"},
                    "python": python(), "stopOnEntry": true, "justMyCode": true, "stopPolicy": "all", "rules": []},
            "streams": {"stdin": {"kind": "terminal"}, "stdout": {"kind": "terminal"}, "stderr": {"kind": "terminal"},
                        "attached": true},
        })
    }

    /// A runner that has said hello and started its program.
    pub(crate) fn program(&mut self) -> Program {
        let program = self.runner(Self::runner_hello(100));
        self.event(program.runner, "ikpdb/runnerStarted", json!({"pid": 101}));
        program
    }

    pub(crate) fn runner(&mut self, hello: Value) -> Program {
        let runner = self.open(Door::Unix);
        let welcome = self.call(runner, None, "ikpdb/runnerHello", hello)["body"].clone();
        Program {
            runner,
            session: u32::try_from(welcome["session"].as_u64().expect("a welcome")).unwrap(),
            secret: welcome["secret"].as_str().unwrap().to_owned(),
        }
    }

    pub(crate) fn agent_hello(program: &Program) -> Value {
        let secret = unhex(&program.secret).unwrap();
        json!({
            "protocol": 1, "build": "1.2.3", "session": program.session, "nonce": NONCE,
            "proof": prove(&secret, Role::Agent, NONCE, ""), "pid": 101, "ppid": 100, "startTime": "5",
            "python": python(), "argv": ["python3", "app.py"], "cwd": "/w",
        })
    }

    /// An agent that has been welcomed and says that it takes breakpoints; what it was sent stays in its mailbox.
    pub(crate) fn agent(&mut self, program: &Program) -> ConnectionId {
        let agent = self.open(Door::Unix);
        self.event(agent, "ikpdb/agentHello", Self::agent_hello(program));
        self.next_event(agent, "ikpdb/agentWelcome");
        let initialize = self.next_request(agent, "initialize");
        self.reply(agent, &initialize, serde_json::to_value(capabilities()).unwrap());
        let attach = self.next_request(agent, "attach");
        self.reply(agent, &attach, Value::Null);
        self.event(agent, "initialized", Value::Null);
        agent
    }

    /// A program that runs under its agent; both mailboxes are clean.
    pub(crate) fn running(&mut self) -> (Program, ConnectionId) {
        let program = self.program();
        let agent = self.agent(&program);
        self.settle(agent);
        let done = self.next_request(agent, "configurationDone");
        self.reply(agent, &done, Value::Null);
        self.raw(agent);
        self.raw(program.runner);
        (program, agent)
    }

    /// Answers every `setBreakpoints` and `setExceptionBreakpoints` that waits, as an agent does; says what was set.
    pub(crate) fn settle(&mut self, agent: ConnectionId) -> Vec<(String, Vec<Value>)> {
        let mut all = Vec::new();
        while let Some(request) = self.find_request(agent, "setExceptionBreakpoints") {
            self.reply(agent, &request, Value::Null);
        }
        while let Some(request) = self.find_request(agent, "setBreakpoints") {
            let wanted = request["arguments"]["breakpoints"].as_array().unwrap().clone();
            let made: Vec<_> = wanted
                .iter()
                .map(|it| json!({"id": 1000 + it["line"].as_i64().unwrap(), "verified": true, "line": it["line"]}))
                .collect();
            self.reply(agent, &request, json!({"breakpoints": made}));
            all.push((request["arguments"]["source"]["path"].as_str().unwrap().to_owned(), wanted));
        }
        all
    }

    pub(crate) fn stop(&mut self, agent: ConnectionId) {
        self.event(agent, "stopped", json!({"reason": "breakpoint", "threadId": 1, "allThreadsStopped": true}));
    }

    pub(crate) fn exit(&mut self, program: &Program, code: i32) {
        self.event(program.runner, "ikpdb/runnerExited", json!({"exitCode": code, "durationMs": 5.0}));
    }

    pub(crate) fn spawned(&mut self, job: JobId, pid: u32) {
        self.feed(Input::Spawned { job, result: Ok(Spawned { pid, workspace: None }) });
    }

    /// An editor that has launched a program, up to the agent's `initialized`.
    pub(crate) fn launched(&mut self) -> (ConnectionId, Program, ConnectionId) {
        let editor = self.open(Door::Dap);
        self.call(editor, None, "initialize", json!({"adapterID": "ikpdb", "clientName": "Vim"}));
        self.ask(editor, None, "launch", json!({"program": "/w/app.py"}));
        let job = self.launches.pop().expect("a launch");
        self.spawned(job, 100);
        let program = self.program();
        let agent = self.agent(&program);
        (editor, program, agent)
    }

    pub(crate) fn snapshot(&mut self, page: ConnectionId) -> Value {
        self.call(page, None, "ikpdb/snapshot", json!({}))["body"].clone()
    }

    /// The state of a session as a page sees it.
    pub(crate) fn info(&mut self, page: ConnectionId, session: u32) -> Value {
        let sessions = self.snapshot(page)["sessions"].clone();
        sessions.as_array().unwrap().iter().find(|it| it["id"] == session).cloned().unwrap_or(Value::Null)
    }
}

pub(crate) fn name(message: &Value) -> String {
    match message["type"].as_str() {
        Some("event") => message["event"].as_str().unwrap().to_owned(),
        Some("response") => format!("={}", message["command"].as_str().unwrap()),
        _ => message["command"].as_str().unwrap().to_owned(),
    }
}
