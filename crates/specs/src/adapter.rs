//! A client of the Debug Adapter Protocol over a program's standard streams, for any adapter.
//!
//! One thread reads the adapter's messages into a channel and ends when the adapter closes its output.

use std::collections::{BTreeMap, VecDeque};
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use ikpdb_proto::framing::Decoder;
use serde_json::{Value, json};

use crate::Fault;

/// A running adapter.
pub struct Adapter {
    child: Child,
    /// How long any single answer may take.
    patience: Duration,
    stdin: ChildStdin,
    messages: mpsc::Receiver<(Instant, Value)>,
    /// When the last message that was looked at had come, before it was read as JSON.
    came: Instant,
    /// Events that came while something else was waited for.
    events: VecDeque<Value>,
    /// Responses that came while an event was waited for, by the number of their request.
    responses: BTreeMap<u64, Value>,
    seq: u64,
}

impl Adapter {
    /// Starts the adapter in a process group of its own, so that it can be ended with all that it started.
    pub fn start(command: &mut Command, patience: Duration) -> Result<Self, Fault> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|error| Fault(format!("cannot start {command:?}: {error}")))?;
        let stdin = child.stdin.take().ok_or_else(|| Fault("the adapter has no standard input".into()))?;
        let mut stdout = child.stdout.take().ok_or_else(|| Fault("the adapter has no standard output".into()))?;
        // Unbounded: an adapter sends a message for each request, and events; a bench run has some thousands.
        let (sender, messages) = mpsc::channel();
        std::thread::Builder::new().name("adapter-reader".into()).spawn(move || {
            let mut decoder = Decoder::new(64 << 20);
            let mut bytes = [0; 1 << 16];
            while let Ok(count @ 1..) = stdout.read(&mut bytes) {
                decoder.push(&bytes[..count]);
                while let Ok(Some(frame)) = decoder.next_frame() {
                    let came = Instant::now();
                    let Ok(message) = serde_json::from_slice(&frame) else { return };
                    if sender.send((came, message)).is_err() {
                        return;
                    }
                }
            }
        })?;
        let (events, responses) = (VecDeque::new(), BTreeMap::new());
        Ok(Self { child, patience, stdin, messages, came: Instant::now(), events, responses, seq: 0 })
    }

    /// Sends a request and returns its number.
    pub fn send(&mut self, command: &str, arguments: &Value) -> Result<u64, Fault> {
        self.seq += 1;
        let request = json!({"seq": self.seq, "type": "request", "command": command, "arguments": arguments});
        let body = request.to_string();
        let frame = format!("Content-Length: {}\r\n\r\n{body}", body.len());
        let gone = |error| Fault(format!("the adapter is gone at `{command}`: {error}"));
        self.stdin.write_all(frame.as_bytes()).map_err(gone)?;
        Ok(self.seq)
    }

    /// The answer to a request, good or bad: its body, or the adapter's words. Events on the way are kept.
    pub fn answer(&mut self, seq: u64) -> Result<Result<Value, String>, Fault> {
        let end = Instant::now() + self.patience;
        loop {
            if let Some(mut response) = self.responses.remove(&seq) {
                let good = response["success"] == true;
                let text = || response["message"].as_str().unwrap_or_default().to_owned();
                return Ok(if good { Ok(response["body"].take()) } else { Err(text()) });
            }
            let message = self.receive(end).map_err(|fault| Fault(format!("no response to request {seq}: {fault}")))?;
            self.keep(message);
        }
    }

    /// The body of the good response to a request.
    pub fn response(&mut self, seq: u64) -> Result<Value, Fault> {
        self.answer(seq)?.map_err(|text| Fault(format!("request {seq} failed: {text}")))
    }

    /// Sends a request and waits for its good response.
    pub fn request(&mut self, command: &str, arguments: &Value) -> Result<Value, Fault> {
        let seq = self.send(command, arguments)?;
        self.answer(seq)?.map_err(|text| Fault(format!("`{command}` failed: {text}")))
    }

    /// The body of the next event of this name. Others that come before it are dropped.
    pub fn event(&mut self, name: &str) -> Result<Value, Fault> {
        let end = Instant::now() + self.patience;
        loop {
            let mut event = self.next_event(end).map_err(|fault| Fault(format!("no event `{name}`: {fault}")))?;
            if event["event"] == name {
                return Ok(event["body"].take());
            }
            if event["event"] == "terminated" {
                return Err(Fault(format!("the program ended before the event `{name}`")));
            }
        }
    }

    /// The next event, whatever it is, until this moment.
    pub fn next_event(&mut self, end: Instant) -> Result<Value, Fault> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(event);
            }
            let message = self.receive(end)?;
            self.keep(message);
        }
    }

    /// When the last message had come, before it was read: reading a large one takes longer than getting it.
    pub fn came(&self) -> Instant {
        self.came
    }

    /// How long any single answer may take.
    pub fn patience(&self) -> Duration {
        self.patience
    }

    fn keep(&mut self, message: Value) {
        if message["type"] == "event" {
            self.events.push_back(message);
        } else if let Some(seq) = message["request_seq"].as_u64() {
            self.responses.insert(seq, message);
        }
    }

    fn receive(&mut self, end: Instant) -> Result<Value, Fault> {
        match self.messages.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok((came, message)) => {
                self.came = came;
                Ok(message)
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {
                Err(Fault(format!("nothing came for {} s", self.patience.as_secs())))
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => Err(Fault("the adapter ended".into())),
        }
    }
}

impl Drop for Adapter {
    fn drop(&mut self) {
        // What ends by itself after `disconnect` is gone by now or soon; what does not must not disturb the next run.
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
        let _ = self.child.wait();
    }
}
