//! The parsers that take bytes from strangers: whatever comes, in whatever pieces.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use ikpdb_proto::framing::{Decoder, FramingError, encode};
use ikpdb_proto::{Event, Message, Request};
use proptest::prelude::*;
use serde_json::{Value, json};

const LIMIT: usize = 200;

/// Bytes that look like frames more often than not.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(
        &[
            "Content-Length:",
            "Content-Length: ",
            "2",
            "0",
            "199",
            "201",
            "999999999",
            "\r\n\r\n",
            "\r\n",
            "{}",
            " ",
            "\n",
        ][..],
    );
    let frame = "[ -~]{0,60}".prop_map(|text| format!("Content-Length: {}\r\n\r\n{text}", text.len()).into_bytes());
    let piece = prop_oneof![
        4 => frame,
        4 => known.prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..40),
    ];
    prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

/// What a decoder makes of a stream that comes in pieces that end at these places.
fn decode(stream: &[u8], cuts: &[usize]) -> (Vec<Vec<u8>>, Option<FramingError>) {
    let mut cuts: Vec<_> = cuts.iter().map(|cut| cut % (stream.len() + 1)).chain([0, stream.len()]).collect();
    cuts.sort_unstable();
    let mut decoder = Decoder::new(LIMIT);
    let mut frames = Vec::new();
    for piece in cuts.windows(2) {
        decoder.push(&stream[piece[0]..piece[1]]);
        loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
    }
    (frames, None)
}

/// Any JSON object.
fn body() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from)
    ];
    let tree = leaf.prop_recursive(3, 16, 4, |inner| prop::collection::vec(inner, 0..4).prop_map(Value::from));
    prop::collection::btree_map(".{0,6}", tree, 0..4).prop_map(|fields| json!(fields))
}

/// Any message that we send.
fn message() -> impl Strategy<Value = Message> {
    let name = "[a-z/]{1,12}";
    prop_oneof![
        (name, body()).prop_map(|(name, body)| Event::new(&name, &body).into()),
        (name, body()).prop_map(|(name, body)| Request::new(&name, &body).into()),
        (name, body()).prop_map(|(name, body)| Request::new(&name, &json!({})).answer(&body).into()),
        (name, ".{0,20}").prop_map(|(name, why)| {
            Request::new(&name, &json!({})).refuse(&ikpdb_proto::Failure::user(why)).into()
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn frames_and_faults_are_the_same_however_the_bytes_come(
        stream in stream(), cuts in prop::collection::vec(any::<usize>(), 0..12)
    ) {
        let whole = decode(&stream, &[]);
        prop_assert_eq!(&decode(&stream, &cuts), &whole);
        prop_assert!(whole.0.iter().all(|frame| frame.len() <= LIMIT));
        let each: Vec<_> = (0..stream.len()).collect();
        prop_assert_eq!(decode(&stream, &each), whole);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn what_was_written_is_read_again_byte_for_byte(
        messages in prop::collection::vec(message(), 0..6), size in 1..400usize
    ) {
        let stream: Vec<u8> = messages.iter().flat_map(encode).collect();
        let mut decoder = Decoder::new(1 << 20);
        let mut read = Vec::new();
        for piece in stream.chunks(size) {
            decoder.push(piece);
            while let Some(text) = decoder.next_frame().unwrap() {
                read.push(Message::parse(&text).unwrap().to_json());
            }
        }
        prop_assert_eq!(read, messages.iter().map(Message::to_json).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_no_message_is_refused_and_never_more(text in prop_oneof![".{0,80}", "[\\[\\]{}\",:0-9a-z_]{0,80}"]) {
        if let Ok(message) = Message::parse(text.as_bytes()) {
            prop_assert!(Message::parse(&message.to_json()).is_ok());
        }
    }
}
