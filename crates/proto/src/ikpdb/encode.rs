//! The bytes of a message, as Python's `json.dumps` wrote them: ASCII only, so that bytes, characters and UTF-16 units are the same.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use super::header::find;
use super::{LENGTH, MAGIC, Object};

/// The bytes of one message, to be written with one `write`.
pub fn encode(message: &Object) -> Vec<u8> {
    let mut body = Vec::new();
    let written = message.serialize(&mut Serializer::with_formatter(&mut body, Python));
    written.expect("keys are texts, and writing to memory does not fail");
    let body = without_magic(&body);
    let mut frame = format!("{LENGTH}{}{MAGIC}", body.len()).into_bytes();
    frame.extend_from_slice(&body);
    frame
}

/// The original and its clients split at the magic code wherever it stands. It has letters only, so it can stand nowhere in JSON but in
/// a string and begins in no escape: its first letter can be written as one.
fn without_magic(mut body: &[u8]) -> Vec<u8> {
    let (first, others) = MAGIC.split_at(1);
    let mut written = Vec::with_capacity(body.len());
    while let Some(at) = find(body, MAGIC.as_bytes()) {
        written.extend_from_slice(&body[..at]);
        written.extend_from_slice(format!("\\u{:04x}{others}", u32::from(first.as_bytes()[0])).as_bytes());
        body = &body[at + MAGIC.len()..];
    }
    written.extend_from_slice(body);
    written
}

struct Python;

impl Formatter for Python {
    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        writer.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        writer.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(|it: char| !(' '..='~').contains(&it)) {
            writer.write_all(&rest.as_bytes()[..at])?;
            rest = &rest[at..];
            let character = rest.chars().next().unwrap_or_default();
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = &rest[character.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn encoded(value: Value) -> String {
        let Value::Object(object) = value else { panic!("a message is an object") };
        String::from_utf8(encode(&object)).unwrap()
    }

    #[test]
    fn separators_are_those_of_python() {
        assert_eq!(
            encoded(json!({"a": [1, "x", [], {}], "b": null, "c": {"d": true, "e": 1.5}})),
            r#"length=62LLADpcdtbdpac{"a": [1, "x", [], {}], "b": null, "c": {"d": true, "e": 1.5}}"#
        );
        assert_eq!(encoded(json!({})), "length=2LLADpcdtbdpac{}");
    }

    #[test]
    fn what_is_not_ascii_is_escaped_as_python_does() {
        assert_eq!(
            encoded(json!({"é": "中😀\u{7f}\0\u{1f}\n\r\t\u{8}\u{c}\"\\/~ "})),
            r#"length=67LLADpcdtbdpac{"\u00e9": "\u4e2d\ud83d\ude00\u007f\u0000\u001f\n\r\t\b\f\"\\/~ "}"#
        );
    }

    #[test]
    fn the_magic_code_stands_in_no_body_and_is_read_as_it_was() {
        for text in
            ["LLADpcdtbdpac", "LLLADpcdtbdpac", "\\LLADpcdtbdpac", "LLADpcdtbdpacLLADpcdtbdpac", "éLLADpcdtbdpac\n"]
        {
            let message = json!({ text: text });
            let bytes = encoded(message.clone());
            let (head, body) = bytes.split_once(MAGIC).unwrap();
            assert_eq!(head, format!("length={}", body.len()));
            assert!(!body.contains(MAGIC) && body.contains("\\u004cLADpcdtbdpac"), "{body}");
            assert_eq!(serde_json::from_str::<Value>(body).unwrap(), message);
        }
    }
}
