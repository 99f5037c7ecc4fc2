//! Framed messages over the unix socket.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use ikpdb_proto::framing::Decoder;
use serde_json::{Value, json};

use super::PATIENCE;

/// A connection to the unix socket.
pub struct Wire {
    pub stream: UnixStream,
    decoder: Decoder,
    /// Read on the way to something else.
    passed: VecDeque<Value>,
    seq: i64,
}

impl Wire {
    pub fn connect(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream, decoder: Decoder::new(1 << 30), passed: VecDeque::new(), seq: 0 }
    }

    pub fn send(&mut self, mut message: Value) -> i64 {
        self.seq += 1;
        message["seq"] = self.seq.into();
        let body = message.to_string();
        let frame = format!("Content-Length: {}\r\n\r\n{body}", body.len());
        self.stream.write_all(frame.as_bytes()).unwrap();
        self.seq
    }

    pub fn ask(&mut self, command: &str, arguments: Value) -> i64 {
        self.send(json!({"type": "request", "command": command, "arguments": arguments}))
    }

    pub fn event(&mut self, event: &str, body: Value) {
        self.send(json!({"type": "event", "event": event, "body": body}));
    }

    pub fn reply(&mut self, request: &Value, body: Value) {
        let (seq, command) = (&request["seq"], &request["command"]);
        self.send(json!({"type": "response", "request_seq": seq, "success": true, "command": command, "body": body}));
    }

    /// The next message; none if the hub closed.
    pub fn try_next(&mut self) -> Option<Value> {
        if let Some(message) = self.passed.pop_front() {
            return Some(message);
        }
        self.receive()
    }

    fn receive(&mut self) -> Option<Value> {
        let mut chunk = [0; 64 << 10];
        loop {
            if let Some(text) = self.decoder.next_frame().unwrap() {
                return Some(serde_json::from_slice(&text).unwrap());
            }
            match self.stream.read(&mut chunk) {
                Ok(0) => return None,
                Ok(count) => self.decoder.push(&chunk[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("nothing came: {error}"),
            }
        }
    }

    pub fn next(&mut self) -> Value {
        self.try_next().expect("the hub closed the connection")
    }

    /// The next message of this name (a command or an event); what comes before it stays for later.
    pub fn until(&mut self, name: &str) -> Value {
        let named = |it: &Value| it["type"] != "response" && (it["command"] == name || it["event"] == name);
        self.find(&named, name)
    }

    pub fn response(&mut self, seq: i64) -> Value {
        self.find(&|it: &Value| it["type"] == "response" && it["request_seq"] == seq, "a response")
    }

    fn find(&mut self, wanted: &dyn Fn(&Value) -> bool, what: &str) -> Value {
        if let Some(at) = self.passed.iter().position(wanted) {
            return self.passed.remove(at).unwrap();
        }
        loop {
            let message = self.receive().unwrap_or_else(|| panic!("the hub closed before {what}"));
            if wanted(&message) {
                return message;
            }
            self.passed.push_back(message);
        }
    }

    /// Asks and waits for a good answer.
    pub fn call(&mut self, command: &str, arguments: Value) -> Value {
        let seq = self.ask(command, arguments);
        let answer = self.response(seq);
        assert_eq!(answer["success"], true, "{answer}");
        answer["body"].clone()
    }
}
