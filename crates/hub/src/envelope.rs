//! The envelope of a page's messages: which session, which number in the journal.

use bytes::Bytes;
use ikpdb_proto::{Message, SessionId};
use serde::Deserialize;

/// A message of a page.
#[derive(Deserialize)]
pub(crate) struct Incoming {
    /// The session that it speaks to; absent or null for the hub itself.
    #[serde(default)]
    pub(crate) session: Option<SessionId>,
    /// What it says.
    pub(crate) message: Message,
}

impl Incoming {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}

/// The text of a message to a page.
pub(crate) fn wrap(session: Option<SessionId>, n: Option<u64>, message: &Message) -> Bytes {
    let body = message.to_json();
    let mut text = Vec::with_capacity(body.len() + 48);
    text.push(b'{');
    if let Some(session) = session {
        text.extend_from_slice(format!("\"session\":{session},").as_bytes());
    }
    if let Some(n) = n {
        text.extend_from_slice(format!("\"n\":{n},").as_bytes());
    }
    text.extend_from_slice(b"\"message\":");
    text.extend_from_slice(&body);
    text.push(b'}');
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ikpdb_proto::Event;
    use proptest::prelude::*;

    #[test]
    fn an_envelope_names_session_and_number_when_there_are_any() {
        let event = || Event { seq: 4, event: "x".into(), body: None }.into();
        let text = |session, n| String::from_utf8(wrap(session, n, &event()).to_vec()).unwrap();
        assert_eq!(
            text(Some(SessionId(3)), Some(118)),
            r#"{"session":3,"n":118,"message":{"seq":4,"type":"event","event":"x"}}"#
        );
        assert_eq!(text(None, None), r#"{"message":{"seq":4,"type":"event","event":"x"}}"#);
    }

    #[test]
    fn a_page_may_say_null_or_nothing_for_the_hub() {
        for text in [
            r#"{"session":null,"message":{"seq":1,"type":"request","command":"c"}}"#,
            r#"{"message":{"seq":1,"type":"request","command":"c"}}"#,
        ] {
            assert_eq!(Incoming::parse(text.as_bytes()).unwrap().session, None);
        }
        for text in ["", "[]", "{}", r#"{"session":-1,"message":{"seq":1,"type":"event","event":"c"}}"#] {
            assert!(Incoming::parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    /// JSON, and what is nearly so.
    fn texts() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(
            &[
                "{",
                "}",
                "[",
                "]",
                ",",
                ":",
                "null",
                "1",
                "-1",
                "4294967296",
                "1e9",
                "\"session\"",
                "\"message\"",
                "\"n\"",
                "\"seq\"",
                "\"type\"",
                "\"request\"",
                "\"command\"",
                "\"\\ud800\"",
                " ",
            ][..],
        );
        prop_oneof![prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat()), ".{0,60}"]
    }

    proptest! {
        #[test]
        fn whatever_a_page_says_is_an_envelope_or_refused(text in texts()) {
            if let Ok(incoming) = Incoming::parse(text.as_bytes()) {
                let again = Incoming::parse(&wrap(incoming.session, Some(1), &incoming.message)).unwrap();
                prop_assert_eq!(again.session, incoming.session);
                prop_assert_eq!(again.message.to_json(), incoming.message.to_json());
            }
        }

        #[test]
        fn session_and_message_come_through_unchanged(
            session in prop::option::of(any::<u32>()), seq in any::<i64>(), command in ".{0,20}", text in ".{0,20}"
        ) {
            let arguments = serde_json::json!({ text.clone(): [text, seq] });
            let request = ikpdb_proto::Request { seq, ..ikpdb_proto::Request::new(&command, &arguments) };
            let message = Message::from(request);
            let read = Incoming::parse(&wrap(session.map(SessionId), None, &message)).unwrap();
            prop_assert_eq!(read.session, session.map(SessionId));
            prop_assert_eq!(read.message.to_json(), message.to_json());
        }
    }
}
