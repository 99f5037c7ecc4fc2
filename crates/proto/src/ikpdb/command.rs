//! What a client says: a command, or something that cannot be read as one.

use serde_json::Value;

use super::Object;

/// A command.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// The object that came, without its `args`. The reply is this object with more in it.
    pub whole: Object,
    /// What is asked for.
    pub command: String,
    /// With what; empty if the object had none, or `null`.
    pub args: Object,
}

impl Command {
    /// Reads a command off a JSON object.
    pub fn new(mut whole: Object) -> Result<Self, Unreadable> {
        let args = whole.remove("args");
        let reason = match (whole.get("command"), args) {
            (Some(Value::String(command)), None | Some(Value::Null)) => {
                return Ok(Self { command: command.clone(), whole, args: Object::new() });
            }
            (Some(Value::String(command)), Some(Value::Object(args))) => {
                return Ok(Self { command: command.clone(), whole, args });
            }
            (Some(Value::String(_)), Some(_)) => Reason::ArgsNoObject,
            (Some(_), _) => Reason::CommandNoText,
            (None, _) => Reason::NoCommand,
        };
        Err(Unreadable { reason, known: whole })
    }

    /// An argument that is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.args.get(name)?.as_str()
    }

    /// An argument that is a whole number.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.args.get(name)?.as_i64()
    }

    /// An argument that is true or false.
    pub fn flag(&self, name: &str) -> Option<bool> {
        self.args.get(name)?.as_bool()
    }
}

/// A message that is no command. Nothing of it is done; the messages after it are read.
#[derive(Clone, Debug, PartialEq)]
pub struct Unreadable {
    /// What is wrong with it.
    pub reason: Reason,
    /// What could be read of it, to be echoed: all keys but `args` of a JSON object, of anything else at most `_id` and `command`.
    pub known: Object,
}

impl Unreadable {
    /// Its `_id`, if it has one that an answer can carry.
    pub fn id(&self) -> Option<&Value> {
        self.known.get("_id").filter(|it| !it.is_null())
    }
}

/// Why a message is no command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// Between `length=` and the magic code stands something else than a number.
    #[error("its length `{0}` is no number")]
    Length(String),
    /// The body is longer than the limit. It is skipped.
    #[error("its body of {0} characters is over the limit of {1}")]
    TooLong(u64, u64),
    /// The body ends before its length says so.
    #[error("its length says more than its body has")]
    LengthTooGreat,
    /// The body is not JSON, however its length is counted.
    #[error("its body is no JSON: {0}")]
    NoJson(String),
    /// Nested deeper than is read.
    #[error("its body is nested too deep")]
    TooDeep,
    /// Some other JSON value.
    #[error("its body is no JSON object")]
    NoObject,
    /// An object without the key.
    #[error("it has no `command`")]
    NoCommand,
    /// A `command` of another type.
    #[error("its `command` is no text")]
    CommandNoText,
    /// `args` of another type.
    #[error("its `args` are no object")]
    ArgsNoObject,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Object {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn missing_and_null_arguments_are_none() {
        for whole in [json!({"_id": 1, "command": "x"}), json!({"_id": 1, "command": "x", "args": null})] {
            let command = Command::new(object(whole)).unwrap();
            assert_eq!((command.command.as_str(), command.args.len()), ("x", 0));
            assert_eq!(Value::Object(command.whole), json!({"_id": 1, "command": "x"}));
        }
    }

    #[test]
    fn arguments_are_read_by_name_and_type() {
        let args = json!({"name": "a", "line": 3, "on": false, "none": null});
        let command = Command::new(object(json!({"command": "x", "args": args}))).unwrap();
        assert_eq!(
            (command.text("name"), command.number("line"), command.flag("on")),
            (Some("a"), Some(3), Some(false))
        );
        assert_eq!((command.text("none"), command.number("name"), command.flag("no")), (None, None, None));
    }

    #[test]
    fn what_is_no_command_says_why_and_keeps_what_can_be_echoed() {
        for (whole, reason) in [
            (json!({"_id": 1, "args": {"a": 1}}), Reason::NoCommand),
            (json!({"_id": 1, "command": 5}), Reason::CommandNoText),
            (json!({"_id": 1, "command": "x", "args": [1], "extra": 2}), Reason::ArgsNoObject),
        ] {
            let unreadable = Command::new(object(whole.clone())).unwrap_err();
            let mut known = object(whole);
            known.remove("args");
            assert_eq!((unreadable.id(), &unreadable.reason), (Some(&json!(1)), &reason));
            assert_eq!(unreadable.known, known);
        }
        assert_eq!(Command::new(object(json!({"_id": null}))).unwrap_err().id(), None);
    }
}
