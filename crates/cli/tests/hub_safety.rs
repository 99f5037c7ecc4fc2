//! Who is kept out of the hub: other pages, other names, who does not know the secret; and where secrets are not.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod hub_support;

use std::io::{Read, Write};
use std::net::TcpStream;

use hub_support::tab::NONCE;
use hub_support::{Home, Hub, PATIENCE, Tab};
use ikpdb_proto::proof::{Role, hex, prove};
use rustix::net::sockopt::tcp_nodelay;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use serde_json::json;

/// Sends a raw HTTP request; answers the whole response.
fn http(port: u16, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

fn get(port: u16, path: &str, headers: &str) -> String {
    http(port, &format!("GET {path} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n"))
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

#[test]
fn foreign_hosts_and_origins_are_refused_on_every_path() {
    let home = Home::new();
    let hub = Hub::start(&home);
    let port = hub.port;
    let own = format!("Host: 127.0.0.1:{port}\r\n");
    for path in ["/", "/ws", "/assets/x.js", "/nothing"] {
        for (headers, expected) in [
            ("Host: evil.example\r\n".to_owned(), "421"),
            (format!("Host: evil.example:{port}\r\n"), "421"),
            (format!("Host: 127.0.0.1.evil.example:{port}\r\n"), "421"),
            (format!("{own}Origin: http://evil.example\r\n"), "403"),
            (format!("{own}Origin: null\r\n"), "403"),
            (format!("{own}Origin: http://localhost:{port}\r\n"), "403"),
            (format!("{own}Origin: https://127.0.0.1:{port}\r\n"), "403"),
            (format!("{own}{own}"), "400"),
        ] {
            assert_eq!(status(&get(port, path, &headers)), expected, "{path} with {headers}");
        }
    }
    let forwarded = get(port, "/", "Host: localhost:9999\r\nOrigin: http://localhost:9999\r\n");
    assert_eq!(status(&forwarded), "200", "through ssh -L the port is another one");
    assert_eq!(status(&http(port, "GET / HTTP/1.0\r\n\r\n")), "400", "no Host at all");
}

#[test]
fn a_foreign_page_gets_no_websocket() {
    let home = Home::new();
    let hub = Hub::start(&home);
    let host = format!("127.0.0.1:{}", hub.port);
    for (host, origin, expected) in [
        (host.as_str(), Some("http://evil.example"), 403),
        (host.as_str(), Some("null"), 403),
        ("evil.example", Some("http://evil.example"), 421),
        ("evil.example", None, 421),
    ] {
        assert_eq!(Tab::connect_as(hub.port, host, origin).err(), Some(expected), "{host} {origin:?}");
    }
    let tool = Tab::connect_as(hub.port, &host, None);
    assert!(tool.is_ok(), "what is no browser sends no Origin, and has to prove itself like a page");
}

#[test]
fn http_has_no_effect_and_every_answer_carries_the_headers() {
    let home = Home::new();
    let hub = Hub::start(&home);
    let port = hub.port;
    let own = format!("Host: 127.0.0.1:{port}\r\n");
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let answer = http(port, &format!("{method} / HTTP/1.1\r\n{own}Connection: close\r\nContent-Length: 0\r\n\r\n"));
        assert_eq!(status(&answer), "405", "{method}");
    }
    for answer in [get(port, "/", &own), get(port, "/none", &own), get(port, "/", "Host: evil\r\n")] {
        let head = answer.split("\r\n\r\n").next().unwrap().to_ascii_lowercase();
        for header in [
            "content-security-policy: default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data: blob:; \
             font-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
            "cross-origin-opener-policy: same-origin",
            "cross-origin-resource-policy: same-origin",
        ] {
            assert!(head.contains(header), "{header} is missing in\n{head}");
        }
        assert!(!head.contains("unsafe"), "{head}");
    }
    for path in ["/../Cargo.toml", "/%2e%2e/Cargo.toml", "/..%2fCargo.toml", "//etc/passwd", "/assets/../../secret"] {
        assert_eq!(status(&get(port, path, &own)), "404", "{path}");
    }
}

#[test]
fn who_does_not_know_the_secret_is_shut_out_and_learns_nothing() {
    let home = Home::new();
    let hub = Hub::start(&home);
    for key in [&[0_u8; 32][..], b"", &hub.secret[..31]] {
        let mut tab = Tab::connect(hub.port);
        let challenge = tab.call(None, "ikpdb/greet", json!({"protocol": 1, "nonce": NONCE}));
        let theirs = challenge["nonce"].as_str().unwrap();
        let seq = tab.ask(None, "ikpdb/hello", json!({"proof": prove(key, Role::Client, NONCE, theirs)}));
        assert_eq!(tab.response(seq)["success"], false);
        assert_eq!(tab.try_next(), None, "closed");
    }
    for command in ["ikpdb/snapshot", "ikpdb/files/list", "ikpdb/hello", "evaluate"] {
        let mut tab = Tab::connect(hub.port);
        let seq = tab.ask(Some(1), command, json!({"path": home.workspace(), "proof": ""}));
        assert_eq!(tab.response(seq)["success"], false, "{command}");
        assert_eq!(tab.try_next(), None, "{command}");
    }
}

#[test]
fn a_used_ticket_names_the_way_to_a_new_one() {
    let home = Home::new();
    let hub = Hub::start(&home);
    let (id, key) = hub.ticket();
    let greet = json!({"protocol": 1, "nonce": NONCE, "ticket": id});
    let mut tab = Tab::connect(hub.port);
    let challenge = tab.call(None, "ikpdb/greet", greet.clone());
    let theirs = challenge["nonce"].as_str().unwrap();
    let welcome = tab.call(None, "ikpdb/hello", json!({"proof": prove(&key, Role::Client, NONCE, theirs)}));
    let sealed = ikpdb_proto::proof::unhex(welcome["sealedSecret"].as_str().unwrap()).unwrap();
    let sealed: [u8; 32] = sealed.try_into().unwrap();
    assert_eq!(ikpdb_proto::proof::seal(&key, NONCE, theirs, &sealed).to_vec(), hub.secret);
    let mut second = Tab::connect(hub.port);
    let seq = second.ask(None, "ikpdb/greet", greet);
    let refused = second.response(seq);
    assert!(refused["message"].as_str().unwrap().contains("ikpdb open"), "{refused}");
    assert_eq!(second.try_next(), None);
}

#[test]
fn an_agent_with_a_wrong_secret_is_refused() {
    let home = Home::new();
    let hub = Hub::start(&home);
    let (_runner, mut welcome) = hub.runner();
    welcome["secret"] = "00".repeat(32).into();
    let mut wire = hub.wire();
    wire.event("ikpdb/agentHello", hub_support::agent_hello(&welcome));
    assert_eq!(wire.next()["event"], "ikpdb/agentRefused");
    assert_eq!(wire.try_next(), None);
}

/// Everything that any process of ours shows to others, and everything that the hub logged.
fn exposed(home: &Home) -> Vec<(String, Vec<u8>)> {
    let mut all = vec![("the log".to_owned(), home.log().into_bytes())];
    for entry in std::fs::read_dir("/proc").unwrap() {
        let path = entry.unwrap().path();
        let number = path.file_name().is_some_and(|name| name.to_string_lossy().bytes().all(|it| it.is_ascii_digit()));
        if !number {
            continue;
        }
        for file in ["cmdline", "environ"] {
            let path = path.join(file);
            // Processes come and go.
            let text = std::fs::read(&path).unwrap_or_default();
            all.push((path.display().to_string(), text));
        }
    }
    all
}

#[test]
fn i13_secrets_are_in_no_log_no_command_line_and_no_environment() {
    let home = Home::new();
    let hub = Hub::start(&home);
    let (runner, welcome) = hub.runner();
    let agent = hub.agent(&welcome);
    let (id, key) = hub.ticket();
    let mut tab = hub.tab();
    tab.call(
        None,
        "ikpdb/breakpoints/set",
        json!({"path": "/a.py", "line": 1, "condition": "password == 'typed-4711'"}),
    );
    // Whatever goes wrong is logged; none of it may quote what was said.
    for text in [r#"{"message": "typed-4711"}"#, r#"{"session": "typed-4711"}"#] {
        let mut tab = Tab::connect(hub.port);
        tab.text(text);
        assert_eq!(tab.try_next(), None);
    }
    let mut liar = hub.wire();
    liar.ask("ikpdb/runnerHello", json!({"protocol": "typed-4711", "run": {"env": {"TOKEN": "env-secret-4711"}}}));
    while liar.try_next().is_some() {}
    let mut liar = hub.wire();
    liar.event("ikpdb/agentHello", json!({"protocol": "typed-4711"}));
    while liar.try_next().is_some() {}
    let mut guesser = Tab::connect(hub.port);
    guesser.ask(None, "ikpdb/greet", json!({"protocol": 1, "nonce": NONCE, "ticket": "typed-4711"}));
    while guesser.try_next().is_some() {}
    let secrets = [
        ("the pages' secret", hex(&hub.secret)),
        ("the agent's secret", welcome["secret"].as_str().unwrap().to_owned()),
        ("a ticket", id),
        ("a ticket's secret", hex(&key)),
        ("the program's environment", "env-secret-4711".to_owned()),
        ("what somebody typed", "typed-4711".to_owned()),
    ];
    for (place, text) in exposed(&home) {
        for (what, secret) in &secrets {
            let found = text.windows(secret.len()).any(|it| it == secret.as_bytes());
            assert!(!found, "{what} is in {place}");
        }
    }
    assert!(home.log().lines().count() > 3, "the log was written: {}", home.log());
    drop((runner, agent));
}

#[test]
fn the_port_is_open_on_this_machine_only() {
    let home = Home::new();
    let hub = Hub::start(&home);
    let listening = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let end = format!(":{:04X}", hub.port);
    let addresses: Vec<_> = listening
        .lines()
        .filter_map(|line| line.split_whitespace().nth(1))
        .filter(|local| local.ends_with(&end))
        .map(|local| local.split(':').next().unwrap_or_default().to_owned())
        .collect();
    assert!(!addresses.is_empty());
    assert!(addresses.iter().all(|address| address == "0100007F"), "{addresses:?}");
}

/// Whether a TCP socket of another process of ours sends at once; nothing for what is no TCP socket.
fn has_nodelay(pid: u32, fd: i32) -> Option<bool> {
    let process = pidfd_open(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), PidfdFlags::empty()).unwrap();
    let socket = pidfd_getfd(process, fd, PidfdGetfdFlags::empty()).ok()?;
    tcp_nodelay(socket).ok()
}

#[test]
fn i17_pages_are_sent_to_without_delay() {
    let home = Home::new();
    let hub = Hub::start(&home);
    let tabs = [hub.tab(), hub.tab()];
    let pid = hub.process.id();
    let mut found = Vec::new();
    for entry in std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap() {
        let fd: i32 = entry.unwrap().file_name().to_string_lossy().parse().unwrap();
        found.extend(has_nodelay(pid, fd));
    }
    // The one that listens sends nothing.
    assert_eq!(found.iter().filter(|nodelay| **nodelay).count(), tabs.len(), "{found:?}");
    assert_eq!(found.len(), tabs.len() + 1);
}
