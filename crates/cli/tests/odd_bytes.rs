//! What strangers may send to the doors that are open: whatever it is, it costs its own connection and nothing else.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod hub_support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use hub_support::{Home, Hub, PATIENCE};
use proptest::prelude::*;

/// Says something at the pages' door and no more; answers what came back until the hub closed.
fn say(port: u16, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // The hub may close before it has read everything.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(error) => {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{}", String::from_utf8_lossy(bytes))
        }
    }
    answer
}

fn status(answer: &[u8]) -> Option<u16> {
    String::from_utf8_lossy(answer).strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
}

/// A request for the WebSocket with these headers beside its own.
fn upgrade(port: u16, headers: &str) -> Vec<u8> {
    format!("GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{headers}\r\n").into_bytes()
}

const WEBSOCKET: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                         Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";

#[test]
fn odd_requests_are_refused_and_the_hub_goes_on() {
    let home = Home::new();
    let hub = Hub::start(&home);
    let mut tab = hub.tab();
    let own = format!("Host: 127.0.0.1:{}\r\n", hub.port);
    let many: String = (0..5000).map(|i| format!("X-{i}: y\r\n")).collect();
    let table: Vec<(&str, Vec<u8>)> = vec![
        ("no version", format!("GET /\r\n{own}\r\n").into()),
        ("another version", format!("GET / HTTP/9.9\r\n{own}\r\n").into()),
        ("no path", format!("GET  HTTP/1.1\r\n{own}\r\n").into()),
        ("a header without a name", format!("GET / HTTP/1.1\r\n{own}: x\r\n\r\n").into()),
        ("a zero byte in a header", format!("GET / HTTP/1.1\r\n{own}X: a\0b\r\n\r\n").into()),
        ("a name with a blank", format!("GET / HTTP/1.1\r\n{own}X Y: z\r\n\r\n").into()),
        ("a header of a megabyte", format!("GET / HTTP/1.1\r\n{own}X: {}\r\n\r\n", "x".repeat(1 << 20)).into()),
        ("a path of a megabyte", format!("GET /{} HTTP/1.1\r\n{own}\r\n", "x".repeat(1 << 20)).into()),
        ("5,000 headers", format!("GET / HTTP/1.1\r\n{own}{many}\r\n").into()),
        ("two lengths", format!("GET / HTTP/1.1\r\n{own}Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx").into()),
        ("a length below zero", format!("GET / HTTP/1.1\r\n{own}Content-Length: -1\r\n\r\n").into()),
        ("a chunk of no size", format!("POST / HTTP/1.1\r\n{own}Transfer-Encoding: chunked\r\n\r\nzz\r\n").into()),
        ("a host in Latin-1", b"GET / HTTP/1.1\r\nHost: \xff\xfe\r\n\r\n".to_vec()),
        ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec()),
        ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()),
        ("DAP", b"Content-Length: 2\r\n\r\n{}".to_vec()),
        ("no upgrade", upgrade(hub.port, "")),
        ("no key", upgrade(hub.port, "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n")),
        ("an old version of it", upgrade(hub.port, &WEBSOCKET.replace("13", "8"))),
        ("another protocol", upgrade(hub.port, &WEBSOCKET.replace("Upgrade: websocket", "Upgrade: h2c"))),
    ];
    for (what, bytes) in table {
        let answer = say(hub.port, &bytes);
        let refused = status(&answer).is_none_or(|status| (400..=599).contains(&status));
        assert!(refused, "{what}: {}", String::from_utf8_lossy(&answer));
    }
    tab.snapshot();
}

/// A frame of a WebSocket's client; masked, or not.
fn frame(first: u8, mask: bool, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    let bit = u8::from(mask) << 7;
    match payload.len() {
        length @ 0..=125 => bytes.push(bit | length as u8),
        length => {
            bytes.push(bit | 126);
            bytes.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
    }
    if mask {
        // A mask of zeros leaves the payload as it is.
        bytes.extend([0; 4]);
    }
    bytes.extend(payload);
    bytes
}

#[test]
fn odd_frames_close_their_own_socket() {
    let home = Home::new();
    let hub = Hub::start(&home);
    let mut tab = hub.tab();
    let text = |payload: &[u8]| frame(0x81, true, payload);
    let table: Vec<(&str, Vec<u8>)> = vec![
        ("no mask", frame(0x81, false, b"{}")),
        ("reserved bits", frame(0xf1, true, b"{}")),
        ("an unknown kind", frame(0x83, true, b"{}")),
        ("the rest of nothing", frame(0x80, true, b"{}")),
        ("a second beginning", [frame(0x01, true, b"{"), frame(0x01, true, b"{")].concat()),
        ("a ping in pieces", frame(0x09, true, b"x")),
        ("a ping that is too long", frame(0x89, true, &[b'x'; 200])),
        ("text that is no UTF-8", text(b"\xff\xfe")),
        ("bytes", frame(0x82, true, b"{}")),
        ("a frame of 8 EB", [&[0x81, 0xff][..], &[0x7f; 8], &[0; 4]].concat()),
        ("half a frame", vec![0x81]),
        ("a close frame of one byte", frame(0x88, true, b"x")),
        ("no message", text(b"{}")),
        ("deep JSON", text("[".repeat(60_000).as_bytes())),
        ("a number that is none", text(br#"{"message":{"seq":1e999,"type":"request","command":"x"}}"#)),
        ("an answer to nothing", text(br#"{"message":{"seq":1,"type":"response","request_seq":1,"success":true}}"#)),
    ];
    for (what, bytes) in table {
        let answer = say(hub.port, &[upgrade(hub.port, WEBSOCKET), bytes].concat());
        assert_eq!(status(&answer), Some(101), "{what}");
        assert!(!String::from_utf8_lossy(&answer).contains("\"success\":true"), "{what}");
    }
    tab.snapshot();
}

/// Bytes that look like something more often than not.
fn bytes(fragments: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(fragments).prop_map(|text| text.as_bytes().to_vec());
    let piece = prop_oneof![6 => known, 1 => prop::collection::vec(any::<u8>(), 0..20)];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

const OF_HTTP: &[&str] = &[
    "GET ",
    "HEAD ",
    "POST ",
    "/",
    "/ws",
    " HTTP/1.1\r\n",
    " HTTP/1.0\r\n",
    "Host: localhost\r\n",
    "Host: ",
    "Origin: null\r\n",
    "Content-Length: 5\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Expect: 100-continue\r\n",
    WEBSOCKET,
    "\r\n",
    "\n",
    ":",
    " ",
    "5\r\nhello\r\n",
    "0\r\n\r\n",
    "\u{81}",
    "%00",
];

const OF_DAP: &[&str] = &[
    "Content-Length: 2\r\n\r\n{}",
    "Content-Length: ",
    "5",
    "0",
    "\r\n",
    "\r\n\r\n",
    "{",
    "}",
    "[",
    "null",
    "\"seq\":1,",
    "Content-Length: 47\r\n\r\n{\"seq\":1,\"type\":\"request\",\"command\":\"threads\"}",
    "Content-Length: 59\r\n\r\n{\"seq\":1,\"type\":\"event\",\"event\":\"ikpdb/agentHello\",\"body\":{}}",
];

#[test]
fn whatever_bytes_come_the_hub_goes_on() {
    let home = Home::new();
    let hub = Hub::start(&home);
    let mut tab = hub.tab();
    proptest!(ProptestConfig::with_cases(200), |(http in bytes(OF_HTTP), dap in bytes(OF_DAP))| {
        let answer = say(hub.port, &http);
        prop_assert!(status(&answer).is_none_or(|status| status != 500), "{}", String::from_utf8_lossy(&answer));
        let mut stream = UnixStream::connect(&hub.socket).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let _ = stream.write_all(&dap);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut rest = Vec::new();
        // Closed it is in any case; a reset says so as well.
        let _ = stream.read_to_end(&mut rest);
    });
    tab.snapshot();
    assert!(!home.log().contains("defect"), "{}", home.log());
}

const OF_A_START: &[&str] =
    &["\n", "{", "}", "\"hub\":", "\"session\":", "\"secret\":", "\"00\"", ",", "1", "\"/nowhere\"", "\0", "ü"];

/// Starts a Python with the preload library and this for a start; answers what it printed and complained of.
fn start(python: &std::path::Path, number: &str, content: &[u8]) -> (Option<i32>, String, String) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), content).unwrap();
    let script = "exec 9<\"$1\"; exec env IKPDB_START=\"$2\" LD_PRELOAD=\"$3\" \"$4\" -c 'print(6 * 7)'";
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).arg(file.path()).arg(number);
    command.arg(ikpdb_testkit::built("libikpdb_preload.so")).arg(python).stdin(Stdio::null());
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// The program runs as if nothing had been there, with at most one line of ours.
fn runs_all_the_same(number: &str, content: &[u8]) {
    let python = ikpdb_testkit::pythons().pop().unwrap().executable;
    let (code, printed, complaint) = start(&python, number, content);
    let what = || format!("{number}: {}: {complaint}", String::from_utf8_lossy(content));
    assert_eq!((code, printed.as_str()), (Some(0), "42\n"), "{}", what());
    assert!(complaint.lines().count() <= 1 && complaint.lines().all(|line| line.starts_with("ikpdb: ")), "{}", what());
}

#[test]
fn a_start_that_is_none_costs_one_line_and_no_more() {
    let agent = ikpdb_testkit::built("libikpdb_agent.so").display().to_string();
    let good = format!(
        "{agent}\n{{\"protocol\":1,\"build\":\"x\",\"hub\":{{\"socket\":\"/nowhere\",\"session\":1,\"secret\":\"{}\",\"patienceMs\":10}}}}",
        "00".repeat(32)
    );
    for number in ["9", "", "x", "-1", "+9", "09", "9x", "99999999999999999999", "1000000", "3"] {
        runs_all_the_same(number, good.as_bytes());
    }
    let contents: Vec<Vec<u8>> = vec![
        vec![],
        b"\n".to_vec(),
        b"\0\0\0\n\0".to_vec(),
        b"/nowhere/agent.so\n{}".to_vec(),
        agent.clone().into_bytes(),
        format!("{agent}\n").into(),
        format!("{agent}\n{{").into(),
        format!("{agent}\n[]").into(),
        format!("{agent}\n{}", "[".repeat(60_000)).into(),
        format!("{agent}\n\u{fffd}\0").into(),
        good.replace("\"protocol\":1", "\"protocol\":99").into(),
        good.replace("00000000", "zzzzzzzz").into(),
        good.replace("/nowhere", &"x".repeat(300)).into(),
        [good.as_bytes(), &[b' '; 80_000]].concat(),
        "x".repeat(80_000).into(),
    ];
    for content in contents {
        runs_all_the_same("9", &content);
    }
}

#[test]
fn whatever_the_start_holds_the_program_runs() {
    let agent = ikpdb_testkit::built("libikpdb_agent.so").display().to_string();
    proptest!(ProptestConfig::with_cases(30), |(named in any::<bool>(), rest in bytes(OF_A_START))| {
        let first = if named { format!("{agent}\n") } else { String::new() };
        runs_all_the_same("9", &[first.into_bytes(), rest].concat());
    });
}
