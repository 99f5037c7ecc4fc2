//! The envelope: requests, responses and events, as DAP has them. Bodies stay unparsed until somebody needs them.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::dap::OutputEvent;
use crate::failure::{Blame, Failure};

/// Any message.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub enum Message {
    /// Asks for something; answered exactly once.
    Request(Request),
    /// Answers one request.
    Response(Response),
    /// Tells something nobody asked for.
    Event(Event),
}

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    /// Number of this message among those of its sender.
    pub seq: i64,
    /// What is asked for.
    pub command: String,
    /// JSON object, or nothing.
    pub arguments: Option<Box<RawValue>>,
}

/// The answer to a request.
#[derive(Clone, Debug)]
pub struct Response {
    /// Number of this message among those of its sender.
    pub seq: i64,
    /// `seq` of the request.
    pub request_seq: i64,
    /// Whether the request was carried out.
    pub success: bool,
    /// The request's command.
    pub command: String,
    /// If it was not: one line for the user.
    pub message: Option<String>,
    /// JSON object, or nothing.
    pub body: Option<Box<RawValue>>,
}

/// An event.
#[derive(Clone, Debug)]
pub struct Event {
    /// Number of this message among those of its sender.
    pub seq: i64,
    /// What happened.
    pub event: String,
    /// JSON object, or nothing.
    pub body: Option<Box<RawValue>>,
}

impl Message {
    /// Reads one message.
    pub fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    /// What to tell a peer whose message cannot be read: an answer if it can be told what was asked, else one line as output. Its next
    /// message begins where its frame says, so nothing else is lost.
    pub fn about_unreadable(bytes: &[u8], error: &serde_json::Error) -> Self {
        #[derive(Deserialize)]
        struct Asked {
            seq: i64,
            #[serde(rename = "type")]
            kind: Kind,
            #[serde(default)]
            command: Option<Box<RawValue>>,
        }
        let failure = Failure::client(format!("this is no message of the protocol: {error}"));
        match serde_json::from_slice::<Asked>(bytes) {
            Ok(Asked { seq, kind: Kind::Request, command }) => {
                let command = command.and_then(|it| serde_json::from_str(it.get()).ok()).unwrap_or_default();
                Request { seq, command, arguments: None }.refuse(&failure).into()
            }
            _ => {
                let output = format!("ikpdb: a message was ignored: {}\n", one_line(&failure.message));
                Event::new("output", &OutputEvent { category: Some("important".into()), output, ..Default::default() })
                    .into()
            }
        }
    }

    /// The JSON text.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a message is plain data and always has a JSON form")
    }

    /// The same message with another number.
    pub fn with_seq(mut self, seq: i64) -> Self {
        match &mut self {
            Self::Request(it) => it.seq = seq,
            Self::Response(it) => it.seq = seq,
            Self::Event(it) => it.seq = seq,
        }
        self
    }
}

fn raw(value: &impl Serialize) -> Box<RawValue> {
    to_raw_value(value).expect("wire types are plain data and always have a JSON form")
}

fn read<T: DeserializeOwned>(what: &str, raw: Option<&RawValue>) -> Result<T, Failure> {
    serde_json::from_str(raw.map_or("{}", RawValue::get)).map_err(|error| Failure::client(format!("{what}: {error}")))
}

impl Request {
    /// A request. Its number is given when it is sent.
    pub fn new(command: &str, arguments: &impl Serialize) -> Self {
        Self { seq: 0, command: command.to_owned(), arguments: Some(raw(arguments)) }
    }

    /// The typed arguments; missing ones read as an empty object.
    pub fn arguments<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        read(&format!("arguments of '{}'", self.command), self.arguments.as_deref())
    }

    /// The answer of a request that was carried out.
    pub fn answer(&self, body: &impl Serialize) -> Response {
        Response { body: Some(raw(body)), ..self.done() }
    }

    /// The answer of a request that was carried out and has nothing to say.
    pub fn done(&self) -> Response {
        Response {
            seq: 0,
            request_seq: self.seq,
            success: true,
            command: self.command.clone(),
            message: None,
            body: None,
        }
    }

    /// The answer of a request that was refused.
    pub fn refuse(&self, failure: &Failure) -> Response {
        /// DAP's `ErrorResponse` body.
        #[derive(Serialize)]
        struct Body<'a> {
            error: Error<'a>,
        }
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Error<'a> {
            id: u32,
            format: &'a str,
            show_user: bool,
        }
        let id = match failure.blame {
            Blame::User => 1,
            Blame::Client => 2,
            Blame::Internal => 3,
        };
        let message = one_line(&failure.message);
        // Braces in `format` are placeholders in DAP: the message has none to fill, so they are written apart.
        let format = message.replace('{', "{ ").replace('}', " }");
        let error = Error { id, format: &format, show_user: failure.blame != Blame::Client };
        Response {
            success: false,
            message: Some(message.into_owned()),
            body: Some(raw(&Body { error })),
            ..self.done()
        }
    }
}

/// What a request got wrong may be quoted, have any length and anything in it: the words before and behind it stay.
fn one_line(message: &str) -> Cow<'_, str> {
    const LONGEST: usize = 1000;
    if message.contains(char::is_control) {
        let escape = |it: char| if it.is_control() { it.escape_default().to_string() } else { it.to_string() };
        return one_line(&message.chars().map(escape).collect::<String>()).into_owned().into();
    }
    let count = message.chars().count();
    if count <= LONGEST {
        return message.into();
    }
    let head: String = message.chars().take(LONGEST * 3 / 4).collect();
    let tail: String = message.chars().skip(count - LONGEST / 4).collect();
    format!("{head} … {tail}").into()
}

impl Response {
    /// The typed body, or why there is none.
    pub fn body<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        if self.success {
            read(&format!("body of '{}'", self.command), self.body.as_deref())
        } else {
            Err(Failure::user(self.message.clone().unwrap_or_else(|| format!("'{}' failed", self.command))))
        }
    }
}

impl Event {
    /// An event. Its number is given when it is sent.
    pub fn new(event: &str, body: &impl Serialize) -> Self {
        Self { seq: 0, event: event.to_owned(), body: Some(raw(body)) }
    }

    /// The typed body; a missing one reads as an empty object.
    pub fn body<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        read(&format!("body of event '{}'", self.event), self.body.as_deref())
    }
}

/// How a message lies on the wire. `RawValue` cannot live in a tagged enum, hence one flat record.
#[derive(Serialize, Deserialize)]
struct Wire {
    #[serde(default)]
    seq: i64,
    #[serde(rename = "type")]
    kind: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request_seq: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    success: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    command: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    event: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    arguments: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<Box<RawValue>>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Request,
    Response,
    Event,
}

impl TryFrom<Wire> for Message {
    type Error = &'static str;

    fn try_from(wire: Wire) -> Result<Self, Self::Error> {
        Ok(match wire.kind {
            Kind::Request => Self::Request(Request {
                seq: wire.seq,
                command: wire.command.ok_or("a request without `command`")?,
                arguments: wire.arguments,
            }),
            Kind::Response => Self::Response(Response {
                seq: wire.seq,
                request_seq: wire.request_seq.ok_or("a response without `request_seq`")?,
                success: wire.success.ok_or("a response without `success`")?,
                command: wire.command.unwrap_or_default(),
                message: wire.message,
                body: wire.body,
            }),
            Kind::Event => Self::Event(Event {
                seq: wire.seq,
                event: wire.event.ok_or("an event without `event`")?,
                body: wire.body,
            }),
        })
    }
}

impl From<Message> for Wire {
    fn from(message: Message) -> Self {
        let blank = Self {
            seq: 0,
            kind: Kind::Event,
            request_seq: None,
            success: None,
            command: None,
            event: None,
            message: None,
            arguments: None,
            body: None,
        };
        match message {
            Message::Request(it) => {
                Self { seq: it.seq, kind: Kind::Request, command: Some(it.command), arguments: it.arguments, ..blank }
            }
            Message::Response(it) => Self {
                seq: it.seq,
                kind: Kind::Response,
                request_seq: Some(it.request_seq),
                success: Some(it.success),
                command: Some(it.command),
                message: it.message,
                body: it.body,
                ..blank
            },
            Message::Event(it) => Self { seq: it.seq, event: Some(it.event), body: it.body, ..blank },
        }
    }
}

impl From<Request> for Message {
    fn from(it: Request) -> Self {
        Self::Request(it)
    }
}

impl From<Response> for Message {
    fn from(it: Response) -> Self {
        Self::Response(it)
    }
}

impl From<Event> for Message {
    fn from(it: Event) -> Self {
        Self::Event(it)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_passes_through_byte_for_byte() {
        let text = br#"{"seq":7,"type":"event","event":"x/unknown","body":{"b":1.0,"a":[ 1,  2 ]}}"#;
        let message = Message::parse(text).unwrap();
        assert_eq!(String::from_utf8(message.to_json()).unwrap(), String::from_utf8(text.to_vec()).unwrap());
    }

    #[test]
    fn a_refusal_that_quotes_something_long_or_odd_is_one_line_all_the_same() {
        let request = Request { seq: 3, command: "x".into(), arguments: None };
        let refusal = request.refuse(&Failure::client(format!("'{}' is not supported", "é".repeat(1 << 20))));
        let message = refusal.message.unwrap();
        assert!(message.starts_with("'éé") && message.ends_with("é' is not supported"), "{message}");
        assert_eq!(message.chars().count(), 1003);
        assert!(refusal.body.unwrap().get().len() < 3000);
        let refusal = request.refuse(&Failure::client("there is no 'a\nb\0' here"));
        assert_eq!(refusal.message.as_deref(), Some("there is no 'a\\nb\\u{0}' here"));
    }

    #[test]
    fn who_sends_what_is_no_message_is_told_so_as_an_answer_if_it_asked_something() {
        let about = |text: &[u8]| Message::about_unreadable(text, &Message::parse(text).unwrap_err());
        for text in [r#"{"seq":7,"type":"request"}"#, r#"{"seq":7,"type":"request","command":[]}"#] {
            let Message::Response(answer) = about(text.as_bytes()) else { panic!("{text}") };
            assert_eq!((answer.request_seq, answer.success), (7, false), "{text}");
        }
        for text in [&b"\xff"[..], b"", b"[]", b"{\"seq\":7}", b"{\"seq\":\"7\",\"type\":\"request\"}"] {
            let Message::Event(event) = about(text) else { panic!("{text:?}") };
            let output: OutputEvent = event.body().unwrap();
            assert!(output.output.ends_with('\n') && output.output.lines().count() == 1, "{output:?}");
        }
    }

    #[test]
    fn a_message_without_its_mark_is_refused() {
        for text in [
            r#"{"seq":1,"type":"request"}"#,
            r#"{"seq":1,"type":"response","success":true}"#,
            r#"{"seq":1,"type":"event"}"#,
            r#"{"seq":1}"#,
            r#"[]"#,
            "",
        ] {
            assert!(Message::parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_refusal_says_why_and_keeps_braces_apart_for_dap() {
        let request = Request { seq: 3, command: "evaluate".into(), arguments: None };
        let refusal = request.refuse(&Failure::user("f\"{x}\" does not compile"));
        assert!(!refusal.success);
        assert_eq!(refusal.message.as_deref(), Some("f\"{x}\" does not compile"));
        let body = refusal.body.unwrap().get().to_owned();
        assert!(body.contains(r#""showUser":true"#) && body.contains("{ x }"), "{body}");
    }
}
