//! A hub for tests: takes the runner, answers its greeting, lets agents go on, and writes everything down.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, reason = "part of tests")]

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use ikpdb_proto::framing::Decoder;
use ikpdb_proto::proof::{Role, prove, unhex};
use serde_json::{Value, json};

/// How long a test waits for anything.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// The secret of every session.
pub const SECRET: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

#[derive(Default)]
struct Seen {
    /// What runners said, in order.
    messages: Vec<Value>,
    /// Connections of runners, newest last.
    runners: Vec<UnixStream>,
    /// All connections.
    connections: Vec<UnixStream>,
    next_seq: i64,
    /// Read nothing more from runners.
    stuck: bool,
    /// Why runners are refused.
    refusal: Option<String>,
    /// Hang up on everybody when this comes.
    last: Option<String>,
}

/// The hub.
#[derive(Clone, Default)]
pub struct FakeHub {
    seen: Arc<(Mutex<Seen>, Condvar)>,
}

impl FakeHub {
    /// A hub with one connection; the other end is answered.
    pub fn pair() -> (Self, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let hub = Self::default();
        hub.serve(ours);
        (hub, theirs)
    }

    /// A hub that listens on a socket.
    pub fn listen(socket: &Path) -> Self {
        let hub = Self::default();
        let _ = std::fs::remove_file(socket);
        let listener = UnixListener::bind(socket).unwrap();
        let served = hub.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                served.serve(stream);
            }
        });
        hub
    }

    /// All connections end at once, as if the process had been killed. The socket file stays, nobody listens there.
    pub fn die(&self, socket: &Path) {
        // Nobody must get through to the thread that still accepts.
        std::fs::remove_file(socket).unwrap();
        let seen = self.seen.0.lock().unwrap();
        for stream in &seen.connections {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }

    /// Reads nothing any more.
    pub fn get_stuck(&self) {
        self.seen.0.lock().unwrap().stuck = true;
    }

    /// Takes no runner, for this reason.
    pub fn refuse(&self, reason: &str) {
        self.seen.0.lock().unwrap().refusal = Some(reason.to_owned());
    }

    /// All connections end when this request comes, and nobody listens any more, as if the process had been killed.
    pub fn die_at(&self, request: &str) {
        self.seen.0.lock().unwrap().last = Some(request.to_owned());
    }

    fn serve(&self, stream: UnixStream) {
        let hub = self.clone();
        self.seen.0.lock().unwrap().connections.push(stream.try_clone().unwrap());
        std::thread::spawn(move || {
            let mut decoder = Decoder::new(32 << 20);
            let mut buffer = vec![0; 1 << 16];
            let mut reader = stream.try_clone().unwrap();
            loop {
                if hub.seen.0.lock().unwrap().stuck {
                    // The connection stays open, nothing is read.
                    std::thread::park();
                }
                let Ok(count @ 1..) = reader.read(&mut buffer) else { return };
                decoder.push(&buffer[..count]);
                while let Some(text) = decoder.next_frame().unwrap() {
                    hub.take(&stream, serde_json::from_slice(&text).unwrap());
                }
            }
        });
    }

    fn take(&self, stream: &UnixStream, message: Value) {
        let (lock, changed) = &*self.seen;
        let name = message["command"].as_str().or(message["event"].as_str()).unwrap_or_default().to_owned();
        if lock.lock().unwrap().last.as_ref() == Some(&name) {
            let address = stream.local_addr().unwrap();
            self.die(address.as_pathname().unwrap());
            return;
        }
        match name.as_str() {
            "ikpdb/runnerHello" => {
                let mut seen = lock.lock().unwrap();
                if let Some(reason) = &seen.refusal {
                    let refusal = json!({
                        "seq": 1, "type": "response", "request_seq": message["seq"], "success": false,
                        "command": name, "message": reason,
                    });
                    return send(stream, &refusal);
                }
                seen.runners.push(stream.try_clone().unwrap());
                let session = seen.runners.len();
                let body = json!({"session": session, "secret": SECRET, "url": "http://127.0.0.1:15480/", "pages": 0});
                answer(stream, &message, &body);
            }
            "ikpdb/openPage" => {
                let secret = message["arguments"]["lasting"] == true;
                let fragment = if secret { "#secret=lasting" } else { "#ticket=once" };
                let url = format!("http://127.0.0.1:15480/{fragment}");
                answer(stream, &message, &json!({"url": url, "port": 15480}));
            }
            "ikpdb/agentHello" => {
                let nonce = message["body"]["nonce"].as_str().unwrap();
                let proof = prove(&unhex(SECRET).unwrap(), Role::Hub, nonce, "");
                let welcome = json!({"session": message["body"]["session"], "proof": proof});
                send(stream, &json!({"seq": 1, "type": "event", "event": "ikpdb/agentWelcome", "body": welcome}));
                let initialize = json!({"adapterID": "ikpdb", "linesStartAt1": true, "columnsStartAt1": true});
                request(stream, "initialize", &initialize);
                request(stream, "attach", &json!({"stopOnEntry": false}));
            }
            "initialized" => {
                request(stream, "setExceptionBreakpoints", &json!({"filters": ["uncaught"]}));
                request(stream, "configurationDone", &json!({}));
            }
            // Looked at, and on.
            "stopped" => request(stream, "continue", &json!({"threadId": message["body"]["threadId"]})),
            _ => {}
        }
        lock.lock().unwrap().messages.push(message);
        changed.notify_all();
    }

    /// Sends a request to the newest runner.
    pub fn request(&self, command: &str, arguments: Value) -> i64 {
        let mut seen = self.seen.0.lock().unwrap();
        seen.next_seq += 1;
        let seq = 100 + seen.next_seq;
        let stream = seen.runners.last().unwrap();
        send(stream, &json!({"seq": seq, "type": "request", "command": command, "arguments": arguments}));
        seq
    }

    /// Sends a request and waits for its response.
    pub fn ask(&self, command: &str, arguments: Value) -> Value {
        let seq = self.request(command, arguments);
        self.wait_for(&format!("the response of {command}"), |message| {
            (message["type"] == "response" && message["request_seq"] == seq).then(|| message.clone())
        })
    }

    /// The first message that the function accepts, now or later.
    pub fn wait_for<T>(&self, what: &str, accept: impl Fn(&Value) -> Option<T>) -> T {
        self.wait(what, |messages| messages.iter().find_map(&accept))
    }

    /// What the function makes of all messages, as soon as it is something.
    pub fn wait<T>(&self, what: &str, accept: impl Fn(&[Value]) -> Option<T>) -> T {
        let (lock, changed) = &*self.seen;
        let deadline = Instant::now() + PATIENCE;
        let mut seen = lock.lock().unwrap();
        loop {
            if let Some(found) = accept(&seen.messages) {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "no {what}; seen: {:#?}", seen.messages);
            seen = changed.wait_timeout(seen, left).unwrap().0;
        }
    }

    /// Forgets what was said so far.
    pub fn forget(&self) {
        self.seen.0.lock().unwrap().messages.clear();
    }

    /// Waits until the agent of one program was let go on; one it is, not more.
    pub fn saw_one_debugged_run(&self, what: &str) {
        let configured = |message: &&Value| message["command"] == "configurationDone" && message["success"] == true;
        self.wait(&format!("agent that is configured: {what}"), |messages| messages.iter().find(configured).map(drop));
        let seen = self.seen.0.lock().unwrap();
        let hellos = seen.messages.iter().filter(|message| message["event"] == "ikpdb/agentHello").count();
        assert_eq!((hellos, seen.messages.iter().filter(configured).count()), (1, 1), "{what}");
    }

    /// The body of an event, when it comes.
    pub fn event(&self, name: &str) -> Value {
        self.wait_for(&format!("event {name}"), |message| (message["event"] == name).then(|| message["body"].clone()))
    }

    /// The bodies of all events of this name so far.
    pub fn events(&self, name: &str) -> Vec<Value> {
        let seen = self.seen.0.lock().unwrap();
        seen.messages.iter().filter(|message| message["event"] == name).map(|message| message["body"].clone()).collect()
    }

    /// The greeting of the nth runner, from 0.
    pub fn hello(&self, number: usize) -> Value {
        self.wait("greeting", |messages| {
            let mut hellos = messages.iter().filter(|message| message["command"] == "ikpdb/runnerHello");
            hellos.nth(number).map(|message| message["arguments"].clone())
        })
    }

    /// Everything that the program wrote so far, as one text.
    pub fn output(&self) -> String {
        self.events("output").iter().filter_map(|body| body["output"].as_str().map(str::to_owned)).collect()
    }

    /// Waits until the program has written this.
    pub fn wait_for_output(&self, text: &str) {
        self.wait(&format!("output {text:?}"), |messages| {
            let all: String = messages.iter().filter_map(|message| message["body"]["output"].as_str()).collect();
            all.contains(text).then_some(())
        });
    }
}

fn request(stream: &UnixStream, command: &str, arguments: &Value) {
    send(stream, &json!({"seq": 7, "type": "request", "command": command, "arguments": arguments}));
}

fn answer(stream: &UnixStream, request: &Value, body: &Value) {
    send(
        stream,
        &json!({
            "seq": 1, "type": "response", "request_seq": request["seq"], "success": true,
            "command": request["command"], "body": body,
        }),
    );
}

fn send(mut stream: &UnixStream, message: &Value) {
    let text = message.to_string();
    // A peer that has gone needs no answer.
    let _ = stream.write_all(format!("Content-Length: {}\r\n\r\n{text}", text.len()).as_bytes());
}
