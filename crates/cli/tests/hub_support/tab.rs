//! A page, as far as the wire can tell.

use std::collections::VecDeque;
use std::net::TcpStream;
use std::path::Path;

use ikpdb_proto::proof::{Role, prove};
use serde_json::{Value, json};
use tungstenite::client::IntoClientRequest;
use tungstenite::http::HeaderValue;
use tungstenite::{Message, WebSocket};

use super::{PATIENCE, Wire};

pub const NONCE: &str = "ffeeddccbbaa99887766554433221100";

/// A WebSocket to the hub.
pub struct Tab {
    socket: WebSocket<TcpStream>,
    passed: VecDeque<Value>,
    seq: i64,
}

impl Tab {
    /// A page of the hub behind this socket, let in by the secret that it gives for one.
    pub fn open(socket: &Path) -> Self {
        let page = Wire::connect(socket).call("ikpdb/openPage", json!({"lasting": true}));
        let (_, secret) = page["url"].as_str().unwrap().split_once("#secret=").unwrap();
        let mut tab = Self::connect(u16::try_from(page["port"].as_u64().unwrap()).unwrap());
        tab.enter(&ikpdb_proto::proof::unhex(secret).unwrap(), json!({}));
        tab
    }

    pub fn connect(port: u16) -> Self {
        Self::connect_as(port, &format!("127.0.0.1:{port}"), Some(&format!("http://127.0.0.1:{port}")))
            .unwrap_or_else(|status| panic!("the hub answered {status}"))
    }

    /// Connects with these headers; the error is the HTTP status.
    pub fn connect_as(port: u16, host: &str, origin: Option<&str>) -> Result<Self, u16> {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut request = format!("ws://127.0.0.1:{port}/ws").into_client_request().unwrap();
        request.headers_mut().insert("host", HeaderValue::from_str(host).unwrap());
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", HeaderValue::from_str(origin).unwrap());
        }
        match tungstenite::client(request, stream) {
            Ok((socket, _)) => Ok(Self { socket, passed: VecDeque::new(), seq: 0 }),
            Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(answer))) => {
                Err(answer.status().as_u16())
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// The handshake with the secret; answers the welcome.
    pub fn enter(&mut self, secret: &[u8], more: Value) -> Value {
        let challenge = self.call(None, "ikpdb/greet", json!({"protocol": 1, "nonce": NONCE}));
        let theirs = challenge["nonce"].as_str().unwrap().to_owned();
        assert_eq!(challenge["proof"], prove(secret, Role::Hub, NONCE, &theirs), "the hub proves itself");
        let mut arguments = json!({"proof": prove(secret, Role::Client, NONCE, &theirs)});
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.call(None, "ikpdb/hello", arguments)
    }

    pub fn ask(&mut self, session: Option<u64>, command: &str, arguments: Value) -> i64 {
        self.seq += 1;
        let message = json!({"seq": self.seq, "type": "request", "command": command, "arguments": arguments});
        self.text(&json!({"session": session, "message": message}).to_string());
        self.seq
    }

    pub fn text(&mut self, text: &str) {
        // A hub that has closed is noticed when it is read.
        let _ = self.socket.send(Message::text(text));
    }

    /// The next envelope; none if the hub closed.
    pub fn try_next(&mut self) -> Option<Value> {
        if let Some(envelope) = self.passed.pop_front() {
            return Some(envelope);
        }
        self.receive()
    }

    fn receive(&mut self) -> Option<Value> {
        loop {
            match self.socket.read() {
                Ok(Message::Text(text)) => return Some(serde_json::from_str(&text).unwrap()),
                Ok(Message::Close(_)) | Err(tungstenite::Error::ConnectionClosed | tungstenite::Error::Protocol(_)) => {
                    return None;
                }
                Err(tungstenite::Error::Io(error))
                    if !matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) =>
                {
                    return None;
                }
                Ok(_) => {}
                Err(error) => panic!("nothing came: {error}"),
            }
        }
    }

    /// The next event of this name, in its envelope; what comes before it stays for later.
    pub fn until(&mut self, event: &str) -> Value {
        self.find(&|it: &Value| it["message"]["event"] == event, event)
    }

    /// The whole response, successful or not.
    pub fn response(&mut self, seq: i64) -> Value {
        self.find(&|it: &Value| it["message"]["request_seq"] == seq, "a response")["message"].clone()
    }

    fn find(&mut self, wanted: &dyn Fn(&Value) -> bool, what: &str) -> Value {
        if let Some(at) = self.passed.iter().position(wanted) {
            return self.passed.remove(at).unwrap();
        }
        loop {
            let envelope = self.receive().unwrap_or_else(|| panic!("the hub closed before {what}"));
            if wanted(&envelope) {
                return envelope;
            }
            self.passed.push_back(envelope);
        }
    }

    /// Asks and waits for a good answer.
    pub fn call(&mut self, session: Option<u64>, command: &str, arguments: Value) -> Value {
        let seq = self.ask(session, command, arguments);
        let answer = self.response(seq);
        assert_eq!(answer["success"], true, "{answer}");
        answer["body"].clone()
    }

    pub fn snapshot(&mut self) -> Value {
        self.call(None, "ikpdb/snapshot", json!({}))
    }

    /// Everything up to and with an event of this name.
    pub fn up_to(&mut self, event: &str) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            let envelope = self.try_next().unwrap_or_else(|| panic!("the hub closed before {event}"));
            let found = envelope["message"]["event"] == event;
            all.push(envelope);
            if found {
                return all;
            }
        }
    }
}
