//! What is no message at the agent's door: it is told in one line, and the program runs on undisturbed.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::io::Write;

use serde_json::json;
use support::{Debuggee, Launch, pythons};

const PROGRAM: &str = "\
x = 41
x = x  # BP:here
input()
print(x)
raise SystemExit(3)
";

/// Texts in good frames. `{seq}` stands for the number that an answer has to have; without it the text is told of by an event.
fn texts() -> Vec<Vec<u8>> {
    let deep = 100_000;
    let (open, close) = ("[".repeat(deep), "]".repeat(deep));
    let request = |rest: &str| format!(r#"{{"seq":{{seq}},"type":"request",{rest}}}"#);
    let mut texts: Vec<Vec<u8>> = [
        "",
        "{",
        "}",
        "[]",
        "5",
        "null",
        "\"x\"",
        "{\"seq\":1}",
        "{\"type\":\"request\"}",
        "\0",
        "{\"seq\":\"1\",\"type\":\"request\"}",
        r#"{"seq":1e400,"type":"request","command":"threads"}"#,
        r#"{"seq":1,"seq":2,"type":"request","command":"threads"}"#,
        r#"{"seq":1,"type":"reply","command":"threads"}"#,
        &open,
        &format!("{open}{close}"),
        &"{\"a\":".repeat(deep),
        &request("\"nothing\":1"),
        &request("\"command\":5"),
        &request("\"command\":null"),
        &request("\"command\":[\"threads\"]"),
        &request(&format!(r#""command":"evaluate","arguments":{{"expression":{open}{close}}}"#)),
        &request(&format!(
            r#""command":"evaluate","arguments":{}1{}"#,
            "{\"expression\":".repeat(deep),
            "}".repeat(deep)
        )),
        &request(r#""command":"evaluate","arguments":{"expression":"\ud800"}"#),
        &request(r#""command":"evaluate","arguments":{"expression":"1","expression":"2"}"#),
        &request(r#""command":"\ud800""#),
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    texts.push(b"\xff\xfe{\0}\0".to_vec());
    texts.push(b"{\"seq\":1,\"type\":\"request\",\"command\":\"\xff\"}".to_vec());
    texts.push(vec![b' '; 10 << 20]);
    texts
}

#[test]
fn a_frame_without_a_message_is_told_in_one_line_and_the_session_goes_on() {
    for python in pythons() {
        let version = &python.version;
        let launch = Launch { pipe_stdin: true, ..Launch::at("here") };
        let mut debuggee = Debuggee::launch(&python, PROGRAM, launch);
        let stop = debuggee.stopped();
        for stopped in [true, false] {
            for text in texts() {
                let shown = String::from_utf8_lossy(&text[..text.len().min(60)]).into_owned();
                let what = format!("{version} {shown}");
                let asks = text.windows(5).any(|it| it == b"{seq}");
                if asks {
                    let seq = debuggee.next_seq();
                    let text = String::from_utf8(text).unwrap().replacen("{seq}", &seq.to_string(), 1);
                    debuggee.send_text(text.as_bytes());
                    let refused = debuggee.answer(seq).expect_err(&what);
                    assert!(!refused.is_empty() && refused.lines().count() == 1, "{what}: {refused}");
                } else {
                    debuggee.send_text(&text);
                    let output = debuggee.event("output");
                    let said = output["output"].as_str().unwrap();
                    assert!(
                        said.starts_with("ikpdb: a message was ignored: ") && said.ends_with('\n'),
                        "{what}: {said}"
                    );
                    assert_eq!(said.lines().count(), 1, "{what}: {said}");
                }
            }
            // Nobody asked the agent anything that this answers, and it has no use for events: no word.
            debuggee.send_text(br#"{"seq":1,"type":"response","request_seq":5,"success":true,"command":"x"}"#);
            debuggee.send_text(br#"{"seq":1,"type":"event","event":"x"}"#);
            debuggee.request("threads", json!({}));
            if stopped {
                assert_eq!(debuggee.evaluate("x", stop.top()), "41", "{version}");
                debuggee.go("continue", stop.thread);
            }
        }
        assert!(debuggee.unclaimed().is_empty(), "{version}: {:?}", debuggee.unclaimed());
        assert!(debuggee.event_within("output", std::time::Duration::from_millis(1)).is_none(), "{version}");
        debuggee.stdin().write_all(b"\n").unwrap();
        let ended = debuggee.end();
        assert_eq!(ended.seen(), (Some(3), "41", ""), "{version}");
    }
}

#[test]
fn after_bytes_that_are_no_frame_the_connection_is_given_up_and_made_anew() {
    let streams: Vec<Vec<u8>> = vec![
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        b"Content-Length: -5\r\n\r\n".to_vec(),
        b"Content-Length: 99999999\r\n\r\n".to_vec(),
        b"Content-Length: 99999999999999999999\r\n\r\n".to_vec(),
        // Shorter than what follows.
        b"Content-Length: 2\r\n\r\n{\"seq\":1}".to_vec(),
        b"\xff\xfe\0\0".to_vec(),
        // A header that does not end.
        [b"Content-Length: ".to_vec(), vec![b'1'; 10 << 20]].concat(),
        vec![b'C'; 10 << 20],
    ];
    for (number, python) in pythons().iter().enumerate() {
        for (which, stream) in streams.iter().enumerate() {
            // The stream is not the interpreter's business: each interpreter gets some of them.
            if which % 4 != number % 4 {
                continue;
            }
            let what = format!("{} {}", python.version, String::from_utf8_lossy(&stream[..stream.len().min(60)]));
            let launch = Launch { pipe_stdin: true, ..Launch::at("here") };
            let mut debuggee = Debuggee::launch(python, PROGRAM, launch);
            let stop = debuggee.stopped();
            debuggee.send_bytes(stream);
            let said = debuggee.next_error();
            assert!(said.starts_with("ikpdb: the connection to the hub is given up: "), "{what}: {said}");
            debuggee.meet_the_next_hub();
            assert_eq!(debuggee.evaluate("x", stop.top()), "41", "{what}");
            debuggee.go("continue", stop.thread);
            debuggee.send_bytes(stream);
            // What was said of the stop that waited comes first, if there was time for it.
            let said =
                std::iter::repeat_with(|| debuggee.next_error()).find(|it| !it.contains("hub is gone while")).unwrap();
            assert!(said.starts_with("ikpdb: the connection to the hub is given up: "), "{what}: {said}");
            debuggee.meet_the_next_hub();
            debuggee.request("threads", json!({}));
            debuggee.stdin().write_all(b"\n").unwrap();
            let ended = debuggee.end();
            assert_eq!(ended.seen(), (Some(3), "41", ""), "{what}");
        }
    }
}

#[test]
fn half_a_message_before_the_end_of_the_connection_is_no_message() {
    for python in pythons() {
        let version = &python.version;
        let launch = Launch { pipe_stdin: true, ..Launch::at("here") };
        let mut debuggee = Debuggee::launch(&python, PROGRAM, launch);
        let stop = debuggee.stopped();
        let text = json!({"seq": 1, "type": "request", "command": "continue", "arguments": {"threadId": stop.thread}})
            .to_string();
        debuggee.send_bytes(format!("Content-Length: {}\r\n\r\n{}", text.len() + 1, text).as_bytes());
        debuggee.meet_the_next_hub();
        assert_eq!(debuggee.evaluate("x", stop.top()), "41", "{version}: it is stopped as before");
        debuggee.go("continue", stop.thread);
        debuggee.stdin().write_all(b"\n").unwrap();
        let ended = debuggee.end();
        assert_eq!((ended.status.code(), ended.output.as_str()), (Some(3), "41"), "{version}");
        assert!(ended.errors.lines().all(|it| it.contains("hub is gone while")), "{version}: {}", ended.errors);
    }
}
