//! A client of the original IKPdb's protocol: what clients of it do, and no more.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

/// Nothing takes longer, unless it is broken.
const DEADLINE: Duration = Duration::from_secs(30);
const MAGIC: &[u8] = b"LLADpcdtbdpac";

/// What reading leads to.
#[derive(Clone, Debug, PartialEq)]
pub enum Came {
    /// A message.
    Message(Map<String, Value>),
    /// The end of the connection.
    End,
    /// Nothing in that time.
    Nothing,
}

/// A connection to a door.
pub struct IkpdbClient {
    stream: TcpStream,
    buffer: Vec<u8>,
    has_ended: bool,
    last_id: i64,
    /// What has come and nobody has asked for yet.
    events: VecDeque<Value>,
    replies: Vec<Value>,
}

impl Drop for IkpdbClient {
    /// Leaves now: closed is the socket only when the children have begun that other tests are just starting, which inherit it until then.
    fn drop(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }
}

impl IkpdbClient {
    /// Connects. The greeting is the first message to be read.
    pub fn connect(address: impl ToSocketAddrs) -> Self {
        Self::try_connect(address).expect("the door listens")
    }

    /// The same, where the program may have ended.
    pub fn try_connect(address: impl ToSocketAddrs) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        // What is written byte by byte shall arrive so.
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::new(),
            has_ended: false,
            last_id: 0,
            events: VecDeque::new(),
            replies: Vec::new(),
        })
    }

    /// Connects and reads the greeting.
    pub fn greeted(address: impl ToSocketAddrs) -> Self {
        let mut client = Self::connect(address);
        let greeting = client.read().expect("a greeting");
        assert_eq!(greeting["command"], "start");
        client
    }

    /// Sends bytes as they are.
    pub fn send_raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the door reads");
    }

    /// The bytes of a message.
    pub fn bytes(message: &Value) -> Vec<u8> {
        let body = message.to_string();
        // Clients of the original are JavaScript: they count UTF-16 units.
        let length = body.encode_utf16().count();
        [format!("length={length}").as_bytes(), MAGIC, body.as_bytes()].concat()
    }

    /// Sends a message as it is, if the other side is still there.
    pub fn offer(&mut self, message: &Value) -> std::io::Result<()> {
        self.stream.write_all(&Self::bytes(message))
    }

    /// Sends a command; its `_id`.
    pub fn send(&mut self, command: &str, args: &Value) -> i64 {
        self.last_id += 1;
        self.send_raw(&Self::bytes(&json!({"_id": self.last_id, "command": command, "args": args})));
        self.last_id
    }

    /// Waits for a reply. Events that come before are kept for [`Self::event`].
    #[track_caller]
    pub fn reply(&mut self, id: i64) -> Value {
        loop {
            if let Some(reply) = self.has_replied(id) {
                return reply;
            }
            let message = self.read().unwrap_or_else(|| panic!("no reply to command {id}: the connection ended"));
            match message["_id"] {
                Value::Null => self.events.push_back(message),
                _ => self.replies.push(message),
            }
        }
    }

    /// The reply to a command, if it has come before one that was waited for.
    pub fn has_replied(&mut self, id: i64) -> Option<Value> {
        let at = self.replies.iter().position(|it| it["_id"] == id)?;
        Some(self.replies.swap_remove(at))
    }

    /// Sends a command and waits for its reply.
    #[track_caller]
    pub fn ask(&mut self, command: &str, args: &Value) -> Value {
        let id = self.send(command, args);
        let reply = self.reply(id);
        assert_eq!(reply["command"], command);
        reply
    }

    /// The same: what is in its `result`, or its one message of an error.
    #[track_caller]
    pub fn attempt(&mut self, command: &str, args: &Value) -> Result<Value, String> {
        let reply = self.ask(command, args);
        match reply["commandExecStatus"].as_str() {
            Some("ok") => Ok(reply["result"].clone()),
            Some("error") => Err(reply["error_messages"][0].as_str().expect("an error is told").to_owned()),
            other => panic!("a reply is ok or an error, not {other:?}"),
        }
    }

    /// The same; the command must be carried out.
    #[track_caller]
    pub fn result(&mut self, command: &str, args: &Value) -> Value {
        self.attempt(command, args).unwrap_or_else(|why| panic!("'{command}' was refused: {why}"))
    }

    /// Waits for the next event, which must be this one.
    #[track_caller]
    pub fn event(&mut self, command: &str) -> Value {
        loop {
            if let Some(event) = self.events.pop_front() {
                assert_eq!(event["command"], command, "{event}");
                return event;
            }
            let message = self.read().unwrap_or_else(|| panic!("no {command}: the connection ended"));
            match message["_id"] {
                Value::Null => self.events.push_back(message),
                _ => self.replies.push(message),
            }
        }
    }

    /// Waits for the next stop.
    #[track_caller]
    pub fn stopped(&mut self) -> Break {
        Break(self.event("programBreak"))
    }

    /// Sends `resume` or a step, and waits for the next stop.
    #[track_caller]
    pub fn go_and_stop(&mut self, command: &str) -> Break {
        self.result(command, &json!({}));
        self.stopped()
    }

    /// Lets the program go on, and waits for its end; its exit code.
    #[track_caller]
    pub fn go_to_end(&mut self) -> Value {
        self.result("resume", &json!({}));
        self.event("programEnd")["result"]["exit_code"].clone()
    }

    /// Evaluates in a frame; the value.
    #[track_caller]
    pub fn evaluate(&mut self, expression: &str, frame: &Value) -> String {
        let args = json!({"expression": expression, "frame": frame["id"], "global": false, "disableBreak": true});
        self.result("evaluate", &args)["value"].as_str().expect("a stopped program has values").to_owned()
    }

    /// Ends the connection.
    pub fn hang_up(&mut self) {
        self.stream.shutdown(Shutdown::Both).expect("a connection");
    }

    /// Waits until so many messages have come, whole, and leaves them to be read: for who wants to know when.
    pub fn wait_for(&mut self, messages: usize) {
        while self.whole() < messages && !self.has_ended {
            let mut bytes = [0; 64 << 10];
            match self.stream.read(&mut bytes) {
                Ok(count @ 1..) => self.buffer.extend_from_slice(&bytes[..count]),
                _ => self.has_ended = true,
            }
        }
    }

    /// How many whole messages have come.
    fn whole(&self) -> usize {
        /// The longest header.
        const HEADER: usize = 40;
        let (mut count, mut at) = (0, 0);
        while let Some(begin) = self.buffer.get(at..)
            && let Some(end) = begin[..begin.len().min(HEADER)].windows(MAGIC.len()).position(|it| it == MAGIC)
        {
            let header = std::str::from_utf8(&begin[..end]).unwrap_or_default();
            let length: usize = header.strip_prefix("length=").and_then(|it| it.parse().ok()).unwrap_or(usize::MAX / 2);
            at += end + MAGIC.len() + length;
            count += usize::from(at <= self.buffer.len());
        }
        count
    }

    /// The next message; none at the end of the connection.
    pub fn read(&mut self) -> Option<Value> {
        match self.read_by(Instant::now() + DEADLINE) {
            Came::Message(message) => Some(message.into()),
            Came::End => None,
            Came::Nothing => panic!("nothing came; so far {:?}", String::from_utf8_lossy(&self.buffer)),
        }
    }

    /// What comes next, if it does by this time.
    pub fn read_by(&mut self, deadline: Instant) -> Came {
        loop {
            if let Some(message) = self.take() {
                return Came::Message(message);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if self.has_ended {
                return Came::End;
            }
            if left.is_zero() {
                return Came::Nothing;
            }
            self.stream.set_read_timeout(Some(left)).expect("a time that is not zero");
            let mut bytes = [0; 64 << 10];
            match self.stream.read(&mut bytes) {
                Ok(0) => self.has_ended = true,
                Ok(count) => self.buffer.extend_from_slice(&bytes[..count]),
                Err(error) => match error.kind() {
                    std::io::ErrorKind::WouldBlock | std::io::ErrorKind::Interrupted => {}
                    std::io::ErrorKind::ConnectionReset => self.has_ended = true,
                    _ => panic!("nothing came: {error}"),
                },
            }
        }
    }

    /// What has come of bytes that are no message; empty at the end of the connection.
    pub fn read_raw(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.stream.set_read_timeout(Some(DEADLINE)).expect("a time that is not zero");
        match self.stream.read_to_end(&mut bytes) {
            Err(error) if error.kind() != std::io::ErrorKind::ConnectionReset => panic!("it does not end: {error}"),
            _ => bytes,
        }
    }

    fn take(&mut self) -> Option<Map<String, Value>> {
        let at = self.buffer.windows(MAGIC.len()).position(|it| it == MAGIC)?;
        let header = std::str::from_utf8(&self.buffer[..at]).expect("an ASCII header");
        let length: usize = header.strip_prefix("length=").and_then(|it| it.parse().ok()).expect("a length");
        let (begin, end) = (at + MAGIC.len(), at + MAGIC.len() + length);
        let body = self.buffer.get(begin..end)?;
        assert!(body.is_ascii(), "messages are ASCII only");
        assert!(!body.windows(MAGIC.len()).any(|it| it == MAGIC), "clients take this for the end of a header");
        let message = serde_json::from_slice(body).expect("a JSON object");
        self.buffer.drain(..end);
        Some(message)
    }
}

/// A stop.
#[derive(Debug)]
pub struct Break(pub Value);

impl Break {
    /// The frames, the innermost first.
    pub fn frames(&self) -> &[Value] {
        self.0["frames"].as_array().expect("a stop has frames")
    }

    /// The frame that the program stopped in.
    pub fn top(&self) -> &Value {
        &self.frames()[0]
    }

    /// Its line.
    pub fn line(&self) -> u32 {
        u32::try_from(self.top()["line_number"].as_u64().expect("a frame has a line")).expect("a line")
    }

    /// What the frames are called, without their thread.
    pub fn functions(&self) -> Vec<&str> {
        self.frames().iter().filter_map(|it| it["name"].as_str()?.split("()").next()).collect()
    }
}
