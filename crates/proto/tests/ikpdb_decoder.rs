//! What the decoder of IKPdb's first protocol makes of a stream, in whatever pieces it comes.

use ikpdb_proto::ikpdb::{Decoder, Incoming, MAGIC, PING};

/// A message with its length in UTF-16 units, as clients write it.
fn frame(body: &str) -> Vec<u8> {
    sized(body.encode_utf16().count(), body)
}

fn sized(length: impl std::fmt::Display, body: &str) -> Vec<u8> {
    format!("length={length}{MAGIC}{body}").into_bytes()
}

fn reconnect(id: u32) -> Vec<u8> {
    frame(&format!(r#"{{"_id": {id}, "command": "reconnect", "args": {{}}}}"#))
}

/// What came, in short.
fn told(incoming: Incoming) -> String {
    match incoming {
        Incoming::Command(command) => {
            let id = command.whole.get("_id").map_or("-".to_owned(), ToString::to_string);
            format!("{} {id}", command.command)
        }
        Incoming::Unreadable(why) => {
            format!("{}: {}", why.id().map_or("-".to_owned(), ToString::to_string), why.reason)
        }
        Incoming::Foreign(first) => format!("foreign {first}"),
    }
}

fn read_in_pieces(stream: &[u8], size: usize, limit: u64) -> Vec<String> {
    let mut decoder = Decoder::with_limit(limit);
    let mut seen = Vec::new();
    for piece in stream.chunks(size) {
        decoder.push(piece);
        seen.extend(decoder.by_ref().map(told));
    }
    seen
}

/// Reads a stream in pieces of all sizes, with a limit of 1000 characters.
fn read(stream: &[u8]) -> Vec<String> {
    let whole = read_in_pieces(stream, stream.len().max(1), 1000);
    for size in [1, 2, 3, 5, 7, 16, 30, 31, 64, 200] {
        assert_eq!(read_in_pieces(stream, size, 1000), whole, "in pieces of {size}");
    }
    whole
}

/// Reads a stream that comes after a valid message and before two others: both must be read.
fn read_between(stream: &[u8]) -> Vec<String> {
    let seen = read(&[&reconnect(100), stream, &reconnect(101), &reconnect(102)].concat());
    assert_eq!(seen[0], "reconnect 100");
    assert_eq!(seen[seen.len() - 2..], ["reconnect 101", "reconnect 102"], "{seen:?}");
    seen[1..seen.len() - 2].to_vec()
}

#[test]
fn several_messages_come_out_in_order_and_half_ones_wait() {
    let stream = [reconnect(1), reconnect(2), reconnect(3)].concat();
    assert_eq!(read(&stream), ["reconnect 1", "reconnect 2", "reconnect 3"]);
    assert_eq!(read(&stream[..stream.len() - 1]), ["reconnect 1", "reconnect 2"]);
}

#[test]
fn a_length_counts_utf16_units() {
    assert_eq!(read_between(&frame(r#"{"_id": 1, "command": "déjà 中"}"#)), ["déjà 中 1"]);
    assert_eq!(read_between(&frame(r#"{"_id": 1, "command": "😀😀😀"}"#)), ["😀😀😀 1"]);
    let mut decoder = Decoder::new();
    decoder.push(&frame(r#"{"_id": 1, "command": "é 😀"}"#));
    assert_eq!(decoder.next().map(told).as_deref(), Some("é 😀 1"), "it is read at once");
}

#[test]
fn a_length_that_counts_code_points_or_bytes_is_understood_at_once() {
    for body in [r#"{"_id": 1, "command": "déjà"}"#, r#"{"_id": 1, "command": "😀😀", "args": {"a": "é"}}"#] {
        for length in [body.len(), body.chars().count()] {
            let mut decoder = Decoder::new();
            decoder.push(&sized(length, body));
            assert!(matches!(decoder.next(), Some(Incoming::Command(_))), "{length} for {body}");
            assert_eq!(read_between(&sized(length, body)).len(), 1);
        }
    }
}

#[test]
fn only_a_message_or_the_ping_may_come_first() {
    assert_eq!(read(&[PING.as_bytes(), PING.as_bytes(), &reconnect(1)].concat()), ["reconnect 1"]);
    for (first, shown) in [
        ("POST / HTTP/1.1\r\n", "P"),
        ("garbage!!length=", "g"),
        ("Content-Length: 0", "Content-Length: "),
        ("Content-Length:0\r\n\r\nGET", "G"),
        ("\x16\x03\x01", "\\x16"),
        (" length=", " "),
        ("length=5 and so on, for long enough that nobody waits", "length=5 and so on, for long enough that"),
        ("length=length=", "length=length="),
    ] {
        let stream = [first.as_bytes(), &reconnect(1)].concat();
        let mut decoder = Decoder::new();
        let mut seen = Vec::new();
        for byte in &stream {
            decoder.push(&[*byte]);
            seen.extend(decoder.by_ref().map(told));
        }
        assert_eq!(seen, [format!("foreign {shown}")], "{first}");
        assert_eq!(read_in_pieces(&stream, stream.len(), 1000).len(), 1);
    }
}

#[test]
fn a_first_message_that_cannot_be_read_does_not_end_the_connection() {
    for first in [sized("abc", "{}"), sized(5, "{oops"), sized(2, "[]"), sized(9, "{}"), sized(2000, "{}")] {
        let seen = read(&[first, reconnect(1)].concat());
        assert_eq!((seen.len(), seen[1].as_str()), (2, "reconnect 1"), "{seen:?}");
    }
}

#[test]
fn what_stands_between_messages_is_skipped() {
    for junk in [
        "\n",
        "garbage",
        PING,
        "length",
        "length=",
        "length=53",
        "length=length=",
        "LLADpcdtbdpac",
        "f(length=1)",
        "é😀",
    ] {
        assert!(read_between(junk.as_bytes()).is_empty(), "{junk}");
    }
    assert!(read_between(&[0xff, 0xc3, 0x00, 0xf0, 0x9f]).is_empty());
}

#[test]
fn the_magic_code_and_whole_messages_in_a_body_do_not_matter() {
    let inner = r#"length=33LLADpcdtbdpac{\"_id\": 9, \"command\": \"x\"}"#;
    for text in [MAGIC, inner, "}length=5", r#"length=2LLADpcdtbdpac{}"#, r#"length=5LLADpcdtbdpac{"#] {
        let body = format!(r#"{{"_id": 1, "command": "evaluate", "args": {{"expression": "{text}"}}}}"#);
        assert_eq!(read_between(&frame(&body)), ["evaluate 1"], "{text}");
    }
}

#[test]
fn a_body_that_is_no_command_is_refused_with_its_id_and_the_next_message_is_read() {
    for (body, refused) in [
        ("[]", "-: its body is no JSON object"),
        ("12", "-: its body is no JSON object"),
        ("{}", "-: it has no `command`"),
        (r#"{"_id": 7}"#, "7: it has no `command`"),
        (r#"{"_id": "x", "command": null}"#, "\"x\": its `command` is no text"),
        (r#"{"_id": 7, "command": "x", "args": "y"}"#, "7: its `args` are no object"),
        (r#"{oops"#, "-: its body is no JSON: key must be a string at line 1 column 2"),
        (
            r#"{"_id": 7, "command": "x", "args": {"a": oops}}"#,
            "7: its body is no JSON: expected value at line 1 column 42",
        ),
        (r#"{"_id": 7, "a": "\ud800"}"#, "7: its body is no JSON: unexpected end of hex escape at line 1 column 24"),
        ("", "-: its body is no JSON: it is empty"),
    ] {
        assert_eq!(read_between(&frame(body)), [refused], "{body}");
    }
    assert_eq!(
        read_between(b"length=26LLADpcdtbdpac{\"_id\": 7, \"command\": \"\xff\"}"),
        ["7: its body is no JSON: invalid unicode code point at line 1 column 24"]
    );
}

#[test]
fn missing_and_null_arguments_are_none() {
    for body in [r#"{"command": "x", "_id": 1}"#, r#"{"command": "x", "_id": 1, "args": null}"#] {
        let mut decoder = Decoder::new();
        decoder.push(&frame(body));
        let Some(Incoming::Command(command)) = decoder.next() else { panic!("{body} is a command") };
        assert!(command.args.is_empty() && !command.whole.contains_key("args"));
    }
}

#[test]
fn a_length_that_is_no_number_is_refused_with_the_id_of_what_follows() {
    let body = r#"{"_id": 9, "command": "x", "args": {"a": "length=5"}}"#;
    for length in ["abc", "", "-5", "5 ", "٣", "99999999999"] {
        assert_eq!(read_between(&sized(length, body)), [format!("9: its length `{length}` is no number")]);
    }
    assert_eq!(read_between(&sized("x", "{oops")), ["-: its length `x` is no number"]);
    let long = format!(r#"{{"_id": 9, "a": "{}"}}"#, "b".repeat(5000));
    assert_eq!(read_between(&sized("x", &long)), ["9: its length `x` is no number"]);
}

#[test]
fn a_length_that_is_too_small_costs_its_own_message_only() {
    let seen = read_between(&sized(30, r#"{"_id": 5, "command": "evaluate", "args": {"length=": 1}}"#));
    assert!(matches!(&seen[..], [only] if only.starts_with("5: its body is no JSON: EOF")), "{seen:?}");
}

#[test]
fn a_length_that_is_too_great_is_noticed_when_the_next_message_begins() {
    let body = r#"{"_id": 5, "command": "evaluate"}"#;
    for more in [1, 4, 10, 40, 900] {
        let seen = read_between(&sized(body.len() + more, body));
        assert_eq!(seen, ["5: its length says more than its body has"], "{more} more");
    }
    let mut decoder = Decoder::new();
    decoder.push(&[sized(100_000, body), reconnect(1)].concat());
    assert_eq!(decoder.map(told).count(), 2, "nobody waits for the rest");
}

#[test]
fn a_broken_body_whose_length_is_too_great_gives_back_the_messages_that_it_took() {
    for length in [6, 10, 30, 60, 100] {
        let seen = read_between(&sized(length, "{oops"));
        assert!(matches!(&seen[..], [only] if only.starts_with("-: its body is no JSON")), "{length}: {seen:?}");
    }
}

#[test]
fn a_body_over_the_limit_is_refused_once_and_skipped() {
    let long = |text: &str| format!(r#"{{"_id": 5, "command": "evaluate", "args": {{"expression": "{text}"}}}}"#);
    for text in ["a".repeat(1000), "é".repeat(1001), "length=2LLADpcdtbdpac{}".repeat(200), "}length=5".repeat(200)] {
        let body = long(&text);
        let length = body.encode_utf16().count();
        let refused = format!("5: its body of {length} characters is over the limit of 1000");
        assert_eq!(read_between(&frame(&body)), [refused]);
    }
    let refused = "5: its body of 67108864 characters is over the limit of 1000";
    assert_eq!(read_between(&sized(64 << 20, r#"{"_id": 5, "command": "x"}"#)), [refused], "without its 64 MB");
    assert_eq!(read_between(&sized(64 << 20, "")), ["-: its body of 67108864 characters is over the limit of 1000"]);
}

#[test]
fn sixty_four_megabytes_are_skipped_without_being_kept() {
    let mut decoder = Decoder::new();
    let (head, piece) = (r#"{"_id": 5, "command": "evaluate", "a": ""#, vec![b'a'; 1 << 16]);
    decoder.push(&[reconnect(1), sized(64 << 20, head)].concat());
    let mut seen = Vec::new();
    let mut left = (64 << 20) - head.len();
    while left > 0 {
        decoder.push(&piece[..left.min(piece.len())]);
        left -= left.min(piece.len());
        seen.extend(decoder.by_ref().map(told));
        assert!(decoder.kept() <= 2 * piece.len(), "{} bytes are kept", decoder.kept());
    }
    decoder.push(&reconnect(2));
    seen.extend(decoder.by_ref().map(told));
    let refused = "5: its body of 67108864 characters is over the limit of 16777216";
    assert_eq!(seen, ["reconnect 1", refused, "reconnect 2"]);
}

#[test]
fn a_body_that_is_nested_too_deep_is_refused_with_its_id() {
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}"), ("[", "")] {
        let (open, close) = (open.repeat(10_000), close.repeat(10_000));
        let body = format!(r#"{{"_id": 5, "command": "evaluate", "args": {{"a": {open}1{close}}}}}"#);
        let stream = [reconnect(1), frame(&body), reconnect(2)].concat();
        let seen = read_in_pieces(&stream, 4096, 1 << 20);
        assert_eq!(seen, ["reconnect 1", "5: its body is nested too deep", "reconnect 2"]);
    }
}

#[test]
fn the_work_is_linear_in_the_bytes() {
    // Each of these would take hours if each header led to a look at all that follows.
    let headers = |body: &str| sized(900_000, body).repeat(20_000);
    for stream in
        [headers(""), headers("{"), headers("{}"), headers(r#"{"a":["#), headers(r#"{"a": ""#), headers("é😀")]
    {
        for size in [1 << 16, 100] {
            read_in_pieces(&stream, size, 1 << 20);
        }
    }
    for stream in [b"length=".repeat(300_000), sized("x", "{[").repeat(30_000), reconnect(1).repeat(30_000)] {
        for size in [1 << 20, 1] {
            read_in_pieces(&[reconnect(1), stream.clone()].concat(), size, 1 << 20);
        }
    }
}
