//! A client of the Debug Adapter Protocol over a program's standard streams, for any adapter.
//!
//! One thread reads the adapter's messages into a channel and ends when the adapter closes its output.

use std::collections::{BTreeMap, VecDeque};
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use ikpdb_proto::framing::Decoder;
use serde_json::{Value, json};

/// How long any single answer may take. An adapter that traces every line needs tens of seconds.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A running adapter.
pub(crate) struct Adapter {
    child: Child,
    stdin: ChildStdin,
    messages: mpsc::Receiver<Value>,
    /// Events that came while something else was waited for.
    events: VecDeque<Value>,
    /// Responses that came while an event was waited for, by the number of their request.
    responses: BTreeMap<u64, Value>,
    seq: u64,
}

impl Adapter {
    /// Starts the adapter in a process group of its own, so that it can be ended with all that it started.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {}", crate::shell::line(command)))?;
        let stdin = child.stdin.take().context("the adapter has no standard input")?;
        let mut stdout = child.stdout.take().context("the adapter has no standard output")?;
        // Unbounded: an adapter sends a message for each request, and events; a bench run has some thousands.
        let (sender, messages) = mpsc::channel();
        std::thread::Builder::new().name("adapter-reader".into()).spawn(move || {
            let mut decoder = Decoder::new(64 << 20);
            let mut bytes = [0; 1 << 16];
            while let Ok(count @ 1..) = stdout.read(&mut bytes) {
                decoder.push(&bytes[..count]);
                while let Ok(Some(frame)) = decoder.next_frame() {
                    let Ok(message) = serde_json::from_slice(&frame) else { return };
                    if sender.send(message).is_err() {
                        return;
                    }
                }
            }
        })?;
        Ok(Self { child, stdin, messages, events: VecDeque::new(), responses: BTreeMap::new(), seq: 0 })
    }

    /// Sends a request and returns its number.
    pub(crate) fn send(&mut self, command: &str, arguments: &Value) -> Result<u64> {
        self.seq += 1;
        let request = json!({"seq": self.seq, "type": "request", "command": command, "arguments": arguments});
        let body = request.to_string();
        let frame = format!("Content-Length: {}\r\n\r\n{body}", body.len());
        self.stdin.write_all(frame.as_bytes()).with_context(|| format!("the adapter is gone at `{command}`"))?;
        Ok(self.seq)
    }

    /// The body of the response to a request. Events on the way are kept.
    pub(crate) fn response(&mut self, seq: u64) -> Result<Value> {
        let end = Instant::now() + PATIENCE;
        let mut response = loop {
            if let Some(response) = self.responses.remove(&seq) {
                break response;
            }
            let message = self.receive(end).with_context(|| format!("no response to request {seq}"))?;
            if message["type"] == "event" {
                self.events.push_back(message);
            } else {
                self.keep(message);
            }
        };
        ensure!(response["success"] == true, "`{}` failed: {}", response["command"], response["message"]);
        Ok(response["body"].take())
    }

    /// Sends a request and waits for its response.
    pub(crate) fn request(&mut self, command: &str, arguments: &Value) -> Result<Value> {
        let seq = self.send(command, arguments)?;
        self.response(seq)
    }

    /// The body of the next event of this name. Others that come before it are dropped.
    pub(crate) fn event(&mut self, name: &str) -> Result<Value> {
        while let Some(mut event) = self.events.pop_front() {
            if event["event"] == name {
                return Ok(event["body"].take());
            }
        }
        let end = Instant::now() + PATIENCE;
        loop {
            let mut message = self.receive(end).with_context(|| format!("no event `{name}`"))?;
            if message["type"] == "event" {
                if message["event"] == name {
                    return Ok(message["body"].take());
                }
                ensure!(message["event"] != "terminated", "the program ended before the event `{name}`");
            } else {
                self.keep(message);
            }
        }
    }

    fn keep(&mut self, message: Value) {
        if let Some(seq) = message["request_seq"].as_u64() {
            self.responses.insert(seq, message);
        }
    }

    fn receive(&mut self, end: Instant) -> Result<Value> {
        match self.messages.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(message) => Ok(message),
            Err(mpsc::RecvTimeoutError::Timeout) => bail!("nothing came for {} s", PATIENCE.as_secs()),
            Err(mpsc::RecvTimeoutError::Disconnected) => bail!("the adapter ended"),
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
