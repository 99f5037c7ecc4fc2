//! What can be read off the beginning of a text that is no whole JSON object: whose answer a refusal is.

use serde_json::Value;

use super::Object;
use super::extent::Brackets;

/// How much of a body that cannot be read is looked at, in bytes. Clients write these keys first.
pub(super) const WINDOW: usize = 1024;

/// The `_id` and `command` of the object that begins here, up to what cannot be read any more.
pub(super) fn glance(text: &[u8]) -> Object {
    let mut known = Object::new();
    let mut reader = Reader { rest: text };
    let mut go_on = reader.take(b'{').is_some();
    while go_on {
        go_on = reader.member(&mut known).is_some() && reader.take(b',').is_some();
    }
    known
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn member(&mut self, known: &mut Object) -> Option<()> {
        let key: String = serde_json::from_slice(self.string()?).ok()?;
        self.take(b':')?;
        let text = match self.peek()? {
            b'"' => self.string()?,
            b'{' | b'[' => {
                let end = Brackets::default().end(self.rest)?;
                self.cut(end);
                return Some(());
            }
            _ => self.scalar()?,
        };
        if key == "_id" || key == "command" {
            known.insert(key, serde_json::from_slice::<Value>(text).ok()?);
        }
        Some(())
    }

    fn string(&mut self) -> Option<&'a [u8]> {
        let mut escaped = false;
        let mut bytes = self.peek().filter(|it| *it == b'"').map(|_| self.rest.iter().enumerate().skip(1))?;
        let (end, _) = bytes.find(|(_, byte)| {
            let ends = !escaped && **byte == b'"';
            escaped = !escaped && **byte == b'\\';
            ends
        })?;
        Some(self.cut(end + 1))
    }

    /// A number, `true` and the like. At the end of the text it may go on.
    fn scalar(&mut self) -> Option<&'a [u8]> {
        let end = self.rest.iter().position(|it| it.is_ascii_whitespace() || matches!(it, b',' | b'}'))?;
        Some(self.cut(end))
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        self.peek().filter(|it| *it == byte)?;
        self.cut(1);
        Some(())
    }

    fn peek(&mut self) -> Option<u8> {
        self.rest = self.rest.trim_ascii_start();
        self.rest.first().copied()
    }

    fn cut(&mut self, end: usize) -> &'a [u8] {
        let (cut, rest) = self.rest.split_at(end);
        self.rest = rest;
        cut
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn id_and_command_are_read_up_to_what_cannot_be_read() {
        for (text, known) in [
            (r#"{"_id": 5, "command": "evaluate", "args": {oops"#, json!({"_id": 5, "command": "evaluate"})),
            (r#" { "args" : {"_id": 1, "x": ["]"]} , "_id":"a\"b"  }"#, json!({"_id": "a\"b"})),
            (r#"{"\u005fid": null, "command": 5}"#, json!({"_id": null, "command": 5})),
            (r#"{"_id": 12"#, json!({})),
            (r#"{"_id": 12 "command": "x"}"#, json!({"_id": 12})),
            (r#"{"_id": [1], "command": "x"}"#, json!({"command": "x"})),
            (r#"{"_id": 1, 'command': "x"}"#, json!({"_id": 1})),
            (r#"{"_id": 1x, "command": "x"}"#, json!({})),
            (r#"{"a": "\"#, json!({})),
            (r#"[{"_id": 1}]"#, json!({})),
            ("", json!({})),
        ] {
            assert_eq!(Value::Object(glance(text.as_bytes())), known, "{text}");
        }
    }
}
