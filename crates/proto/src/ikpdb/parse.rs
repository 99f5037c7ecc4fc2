//! What a body is, once it has been cut out of the stream.

use serde_json::{Deserializer, Value};

use super::glance::{WINDOW, glance};
use super::{Command, Reason, Unreadable};

/// What a body is.
#[derive(Debug)]
pub(super) enum Parsed {
    /// A command.
    Command(Command),
    /// It is whole, but no command.
    Whole(Unreadable),
    /// So much of it is whole; something else stands behind.
    Longer(Unreadable, usize),
    /// It may be whole, but is not looked through to the end.
    Deep(Unreadable),
    /// It ends too early.
    Cut(Unreadable),
    /// More of it would not mend it.
    Broken(Unreadable),
}

/// Reads a body.
pub(super) fn parse(body: &[u8]) -> Parsed {
    let mut values = Deserializer::from_slice(body).into_iter::<Value>();
    let first = values.next();
    let used = values.byte_offset();
    let read = match first {
        Some(Ok(Value::Object(whole))) => Command::new(whole),
        Some(Ok(_)) => Err(Unreadable { reason: Reason::NoObject, known: Default::default() }),
        Some(Err(error)) if error.is_eof() => return Parsed::Cut(no_json(error.to_string(), body)),
        Some(Err(error)) if error.to_string().starts_with("recursion limit exceeded") => {
            return Parsed::Deep(Unreadable { reason: Reason::TooDeep, known: glance(body) });
        }
        Some(Err(error)) => return Parsed::Broken(no_json(error.to_string(), body)),
        None => return Parsed::Cut(no_json("it is empty".to_owned(), body)),
    };
    if body[used..].trim_ascii().is_empty() {
        return read.map_or_else(Parsed::Whole, Parsed::Command);
    }
    let known = read.map_or_else(|it| it.known, |it| it.whole);
    Parsed::Longer(Unreadable { reason: Reason::LengthTooGreat, known }, used)
}

fn no_json(why: String, body: &[u8]) -> Unreadable {
    Unreadable { reason: Reason::NoJson(why), known: glance(&body[..body.len().min(WINDOW)]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_told_apart_by_what_could_mend_it() {
        assert!(matches!(parse(br#" {"command": "x"} "#), Parsed::Command(_)));
        assert!(matches!(parse(b"[]"), Parsed::Whole(Unreadable { reason: Reason::NoObject, .. })));
        assert!(matches!(parse(b"{}"), Parsed::Whole(Unreadable { reason: Reason::NoCommand, .. })));
        assert!(matches!(parse(b"{} x"), Parsed::Longer(Unreadable { reason: Reason::LengthTooGreat, .. }, 2)));
        for cut in [&br#"{"command": "x"#[..], br#"{"command""#, b" ", b""] {
            assert!(matches!(parse(cut), Parsed::Cut(_)));
        }
        for broken in [&b"{oops"[..], b"\xff", b"{\"\xff\": 1}", br#"{"a": "\ud800"}"#] {
            assert!(matches!(parse(broken), Parsed::Broken(_)), "{}", String::from_utf8_lossy(broken));
        }
    }

    #[test]
    fn what_is_nested_too_deep_is_told_from_what_is_no_json() {
        let text = format!(r#"{{"args": {{"a": {}{}}}, "_id": 7}}"#, "[".repeat(10_000), "]".repeat(10_000));
        let Parsed::Deep(unreadable) = parse(text.as_bytes()) else { panic!("this is nested too deep") };
        assert_eq!((unreadable.id(), &unreadable.reason), (Some(&Value::from(7)), &Reason::TooDeep));
    }
}
