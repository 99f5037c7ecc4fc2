//! What the pages about the door for clients of the original show is so: each example is run.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use ikpdb_testkit::ikpdb_client::IkpdbClient;
use ikpdb_testkit::{Python, pythons};
use serde_json::{Map, Value, json};
use support::door::Program;
use support::pages::{blocks, example, filled, fits};
use support::{Case, python};

const GUIDE: &str = "ikpdb/integration.md";

#[test]
fn every_message_of_the_protocol_page_is_sent_and_comes_as_it_stands_there() {
    let case = Case::real();
    let all = blocks("ikpdb/protocol.md");
    let (_, _, program) = all.iter().find(|it| it.1 == "python").unwrap();
    let lines: Vec<&str> = all.iter().filter(|it| it.1 == "ikpdb").flat_map(|it| it.2.lines()).collect();
    assert!(lines.len() > 25);
    for python in pythons() {
        let mut started = Program::start(&case, &python, program, &[]);
        let mut client = IkpdbClient::connect(("127.0.0.1", started.port));
        let mut names = Map::new();
        for line in &lines {
            let (direction, message) = line.split_once(' ').unwrap();
            let said: Value = serde_json::from_str(message).unwrap();
            if direction == ">" {
                let body = filled(&said, &names).to_string();
                client.send_raw(format!("length={}LLADpcdtbdpac{body}", body.len()).as_bytes());
            } else {
                let is = client.read().unwrap();
                assert!(fits(&said, &is, &mut names), "{}: the page says\n{said}\nbut it is\n{is}", python.version);
            }
        }
        drop(client);
        assert_eq!(started.ends(), ("40\n".to_owned(), 0));
    }
}

/// The number of the line with this in it.
fn line_of(text: &str, part: &str) -> usize {
    1 + text.lines().position(|it| it.contains(part)).unwrap()
}

/// Starts what a page shows in place of its own script.
fn start(case: &Case, python: &Python, name: &str, before: &[&str]) -> (Program, String) {
    let (file, text) = example(GUIDE, name);
    case.write(&file, &text);
    (Program::start_what(case, python, before), text)
}

/// Runs a server's example; `arguments` start it at a port. Its view of `/price/2` stops at the breakpoint.
fn a_view_stops(name: &str, file: &str, arguments: impl Fn(u16) -> Vec<String>) {
    let case = Case::real();
    for python in pythons() {
        let python = Python { executable: python.environment_python(), ..python };
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let arguments = arguments(port);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let (program, text) = start(&case, &python, name, &arguments);
        let mut client = program.client();
        client.result("setBreakpoint", &json!({"file_name": file, "line_number": line_of(&text, "# the breakpoint")}));
        client.result("runScript", &json!({}));
        let ask = move || {
            let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
            let mut stream = loop {
                match TcpStream::connect(("127.0.0.1", port)) {
                    Ok(stream) => break stream,
                    Err(_) if std::time::Instant::now() < deadline => std::thread::yield_now(),
                    Err(error) => panic!("the server does not listen: {error}"),
                }
            };
            stream.write_all(b"GET /price/2 HTTP/1.0\r\n\r\n").unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        };
        let browser = std::thread::spawn(ask);
        let frame = client.stopped().top().clone();
        assert!(frame["name"].as_str().unwrap().starts_with("price() ["), "{frame}");
        assert_eq!(client.evaluate("count", &frame), "2");
        client.result("resume", &json!({}));
        let answer = browser.join().unwrap();
        assert!(answer.ends_with("\r\n\r\n6"), "{} {answer}", python.version);
    }
}

fn owned<const N: usize>(arguments: [&str; N]) -> Vec<String> {
    arguments.map(str::to_owned).into()
}

#[test]
fn a_view_of_django_stops_as_the_page_says() {
    a_view_stops("django", "manage.py", |port| owned(["manage.py", "runserver", "--noreload", &port.to_string()]));
}

#[test]
fn a_view_of_flask_stops_as_the_page_says() {
    let flask = ["-m", "flask", "--app", "shop", "run", "--no-reload", "--no-debugger", "--port"];
    a_view_stops("flask", "shop.py", |port| [owned(flask), vec![port.to_string()]].concat());
}

#[test]
fn a_test_of_pytest_stops_as_the_page_says() {
    let case = Case::real();
    for python in pythons() {
        let python = Python { executable: python.environment_python(), ..python };
        let arguments = ["-m", "pytest", "-s", "-p", "no:cacheprovider", "test_shop.py"];
        let (mut program, text) = start(&case, &python, "pytest", &arguments);
        let mut client = program.client();
        client.result(
            "setBreakpoint",
            &json!({"file_name": "test_shop.py", "line_number": line_of(&text, "# the breakpoint")}),
        );
        client.result("runScript", &json!({}));
        assert_eq!(client.event("programBreak")["frames"][0]["name"], "test_price() [MainThread]");
        client.result("resume", &json!({}));
        client.event("programEnd");
        drop(client);
        let (printed, code) = program.ends();
        assert!(printed.contains("1 passed") && code == 0, "{printed}");
    }
}

#[test]
fn an_exception_is_shown_from_an_except_block_and_the_program_goes_on() {
    let case = Case::real();
    for python in pythons() {
        let (mut program, _) = start(&case, &python, "except", &["app.py"]);
        let mut client = program.client();
        client.result("runScript", &json!({}));
        let stopped = client.event("programBreak");
        assert_eq!(stopped["exception"]["type"], "TypeError");
        assert_eq!(stopped["frames"][0]["name"], "price() [MainThread]");
        client.result("resume", &json!({}));
        client.event("programEnd");
        drop(client);
        assert_eq!(program.ends(), ("it goes on\n".to_owned(), 0));
    }
}

#[test]
fn set_trace_stops_at_its_line_and_without_a_debugger_does_nothing() {
    let case = Case::real();
    for python in pythons() {
        let (mut program, text) = start(&case, &python, "set_trace", &["app.py"]);
        let mut client = program.client();
        client.result("runScript", &json!({}));
        let stopped = client.event("programBreak");
        assert_eq!(stopped["frames"][0]["line_number"], line_of(&text, "set_trace()"));
        client.result("resume", &json!({}));
        client.event("programEnd");
        drop(client);
        assert_eq!(program.ends(), ("6\n".to_owned(), 0));
        let path = ikpdb_testkit::root().join("python");
        let mut alone = Command::new(&python.executable);
        let alone = alone.arg("app.py").current_dir(&case.workspace).env("PYTHONPATH", path).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&alone.stdout), "6\n");
    }
}

#[test]
fn a_table_of_debuggers_takes_it_in_as_it_is() {
    let case = Case::real();
    for python in pythons() {
        let (mut program, _) = start(&case, &python, "table", &["app.py"]);
        let mut client = program.client();
        client.result("runScript", &json!({}));
        let stopped = client.event("programBreak");
        assert_eq!(stopped["exception"], json!({"type": "ZeroDivisionError", "info": "division by zero"}));
        assert_eq!(stopped["frames"][0]["name"], "serve() [MainThread]");
        client.result("resume", &json!({}));
        client.event("programEnd");
        drop(client);
        assert_eq!(program.ends(), ("None\n".to_owned(), 0));
    }
}

#[test]
fn the_client_of_the_page_sees_where_a_program_stops() {
    let case = Case::real();
    let (file, text) = example(GUIDE, "client");
    case.write(&file, &text);
    let python = python();
    let mut program = Program::start(&case, &python, "total = 1\ntotal += 1\n", &[]);
    let mut client = Command::new(&python.executable);
    let output = client.args([&file, &program.port.to_string()]).current_dir(&case.workspace).output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "<module>() [MainThread] 2\nexit code None\n",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(program.ends().1, 0);
}
