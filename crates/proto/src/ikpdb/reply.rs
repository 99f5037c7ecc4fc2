//! What goes to a client: replies to its commands, and events.

use serde_json::{Value, json};

use super::{Command, Object, Unreadable};

/// The three lists that every message carries. Clients take them for granted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Messages {
    /// Shown in the client's console.
    pub info: Vec<String>,
    /// Shown as bubbles.
    pub warning: Vec<String>,
    /// Shown as a banner, for replies whose status is an error.
    pub error: Vec<String>,
}

impl Messages {
    fn put(self, message: &mut Object) {
        message.insert("info_messages".into(), self.info.into());
        message.insert("warning_messages".into(), self.warning.into());
        message.insert("error_messages".into(), self.error.into());
    }
}

/// What a command is answered with.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    result: Value,
    is_error: bool,
    /// What is told besides.
    pub messages: Messages,
}

impl Reply {
    /// It was carried out. The result is an object, or a list of breakpoints; clients look into it unasked, so `null` becomes `{}`.
    pub fn ok(result: Value) -> Self {
        let result = if result.is_null() { json!({}) } else { result };
        Self { result, is_error: false, messages: Messages::default() }
    }

    /// It was not.
    pub fn error(message: impl Into<String>) -> Self {
        let messages = Messages { error: vec![message.into()], ..Messages::default() };
        Self { result: json!({}), is_error: true, messages }
    }

    /// With something that clients look for, all the same.
    pub fn with_result(self, result: Value) -> Self {
        Self { result, ..self }
    }

    /// The message: the command itself without its arguments, and the answer.
    pub fn to(self, command: &Command) -> Object {
        self.echo(&command.whole)
    }

    fn echo(self, whole: &Object) -> Object {
        let mut message = whole.clone();
        message.insert("result".into(), self.result);
        message.insert("commandExecStatus".into(), if self.is_error { "error" } else { "ok" }.into());
        self.messages.put(&mut message);
        message
    }
}

impl Unreadable {
    /// The answer to it; `None` if it is not known whose answer it would be.
    pub fn answer(&self) -> Option<Object> {
        self.id()?;
        Some(Reply::error(format!("IKPdb error: this message cannot be read: {}.", self.reason)).echo(&self.known))
    }
}

/// Why the program stopped, if an exception did it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// Its type, with its module if that is not `builtins`.
    pub kind: String,
    /// Its text.
    pub info: String,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// `start`, `programBreak` or `programEnd`.
    pub command: String,
    /// A JSON object; `null` becomes `{}`.
    pub result: Value,
    /// Where the program stopped, the innermost frame first.
    pub frames: Vec<Value>,
    /// Why, if an exception did it.
    pub exception: Option<Exception>,
    /// The threads by their idents as text, where the program stopped.
    pub threads: Option<Object>,
    /// What is told besides.
    pub messages: Messages,
}

impl Event {
    /// An event without frames.
    pub fn new(command: &str, result: Value) -> Self {
        let command = command.to_owned();
        Self { command, result, frames: Vec::new(), exception: None, threads: None, messages: Messages::default() }
    }

    /// The message.
    pub fn message(self) -> Object {
        let exception = self.exception.map(|it| json!({"type": it.kind, "info": it.info}));
        let mut message = Object::new();
        message.insert("_id".into(), Value::Null);
        message.insert("command".into(), self.command.into());
        message.insert("result".into(), if self.result.is_null() { json!({}) } else { self.result });
        message.insert("commandExecStatus".into(), "ok".into());
        message.insert("frames".into(), self.frames.into());
        message.insert("exception".into(), exception.into());
        if let Some(threads) = self.threads {
            message.insert("threads".into(), threads.into());
        }
        self.messages.put(&mut message);
        message
    }
}

#[cfg(test)]
mod tests {
    use super::super::Reason;
    use super::*;

    fn command(value: Value) -> Command {
        Command::new(serde_json::from_value(value).unwrap()).unwrap()
    }

    #[test]
    fn a_reply_is_the_command_without_its_arguments_and_with_the_answer() {
        let asked = command(json!({"_id": 1, "command": "x", "args": {"a": 1}, "foo": "bar", "result": 5}));
        let mut reply = Reply::ok(json!([1]));
        reply.messages.info.push("told".into());
        assert_eq!(
            Value::Object(reply.to(&asked)),
            json!({"_id": 1, "command": "x", "foo": "bar", "result": [1], "commandExecStatus": "ok",
                "info_messages": ["told"], "warning_messages": [], "error_messages": []})
        );
    }

    #[test]
    fn a_reply_has_no_id_if_none_came_and_a_result_if_there_is_none() {
        let asked = command(json!({"command": "x"}));
        assert_eq!(
            Value::Object(Reply::ok(Value::Null).to(&asked)),
            json!({"command": "x", "result": {}, "commandExecStatus": "ok",
                "info_messages": [], "warning_messages": [], "error_messages": []})
        );
    }

    #[test]
    fn what_cannot_be_read_is_answered_if_it_has_an_id() {
        let known = |value: Value| serde_json::from_value(value).unwrap();
        let unreadable = Unreadable { reason: Reason::NoCommand, known: known(json!({"_id": "a", "foo": 1})) };
        assert_eq!(
            Value::Object(unreadable.answer().unwrap()),
            json!({"_id": "a", "foo": 1, "result": {}, "commandExecStatus": "error", "info_messages": [],
                "warning_messages": [], "error_messages": ["IKPdb error: this message cannot be read: it has no `command`."]})
        );
        for whose in [json!({}), json!({"_id": null})] {
            assert_eq!(Unreadable { reason: Reason::NoCommand, known: known(whose) }.answer(), None);
        }
    }

    #[test]
    fn an_event_has_all_keys_and_threads_where_there_are_some() {
        let end = Event::new("programEnd", json!({"exit_code": 3}));
        let expected = json!({"_id": null, "command": "programEnd", "result": {"exit_code": 3}, "commandExecStatus": "ok",
            "frames": [], "exception": null, "info_messages": [], "warning_messages": [], "error_messages": []});
        assert_eq!(Value::Object(end.clone().message()), expected);
        let exception = Some(Exception { kind: "ValueError".into(), info: "no".into() });
        let stop = Event { exception, threads: Some(Object::new()), frames: vec![json!({"id": 1})], ..end };
        let mut expected = expected;
        expected["exception"] = json!({"type": "ValueError", "info": "no"});
        expected["threads"] = json!({});
        expected["frames"] = json!([{"id": 1}]);
        assert_eq!(Value::Object(stop.message()), expected);
    }
}
