//! The whole chain without a browser: `ikpdb run`, the hub that it starts, runner, agent, and a page on the wire.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod hub_support;

use std::io::Read;
use std::time::{Duration, Instant};

use hub_support::program::{id, run, session, socket, tab};
use hub_support::{Home, PATIENCE, all};
use ikpdb_testkit::ikpdb_client::IkpdbClient;
use serde_json::json;

const LOOP: &str = "\
import sys
total = 0
for i in range(3):
    total += i
print('total', total, flush=True)
sys.exit(7)
";

#[test]
fn a_program_is_debugged_from_its_first_line_to_its_exit_code_and_restarted_without_its_terminal() {
    let home = Home::new();
    let path = home.write("loop.py", LOOP);
    let mut program = run(&home, &["--port", "0", &path]);
    let mut tab = tab(&home);
    let info = session(&mut tab, |it| it["state"] == "stopped");
    assert_eq!((&info["stopped"]["reason"], &info["name"]), (&json!("entry"), &json!("loop.py")));
    assert_eq!(info["streams"]["stdout"]["kind"], "pipe");
    let thread = info["stopped"]["threadId"].clone();
    let set = json!({"path": path, "line": 4, "condition": "i == 2"});
    let wish = tab.call(None, "ikpdb/breakpoints/set", set);
    tab.call(id(&info), "continue", json!({"threadId": thread}));
    let stopped = loop {
        let stopped = tab.until("stopped")["message"]["body"].clone();
        if stopped["reason"] != "entry" {
            break stopped;
        }
    };
    assert_eq!(stopped["hitBreakpointIds"], json!([wish["id"]]));
    let stack = tab.call(id(&info), "stackTrace", json!({"threadId": thread}))["stackFrames"].clone();
    assert_eq!(stack[0]["line"], 4);
    let value =
        tab.call(id(&info), "evaluate", json!({"expression": "i", "frameId": stack[0]["id"], "context": "hover"}));
    assert_eq!(value["result"], "2");
    tab.call(id(&info), "continue", json!({"threadId": thread}));
    assert_eq!(tab.until("exited")["message"]["body"]["exitCode"], 7);
    tab.until("terminated");
    assert_eq!(program.0.wait().unwrap().code(), Some(7));
    assert_eq!(all(program.0.stdout.take()), "total 3\n");
    let ended = session(&mut tab, |it| it["state"] == "ended");
    assert_eq!(ended["exit"]["exitCode"], 7);
    // The same command once more: the terminal is gone, so it gets one of its own.
    let next = tab.call(id(&info), "restart", json!({}))["ikpdbSession"].clone();
    let again = session(&mut tab, |it| it["id"] == next && it["state"] == "stopped");
    assert_eq!((&again["replaces"], &again["stopped"]["reason"]), (&info["id"], &json!("entry")));
    assert_eq!(again["streams"]["stdout"]["kind"], "terminal");
    tab.call(None, "ikpdb/breakpoints/activate", json!({"active": false}));
    tab.call(id(&again), "continue", json!({"threadId": again["stopped"]["threadId"]}));
    let ended = session(&mut tab, |it| it["id"] == next && it["state"] == "ended");
    assert_eq!(ended["exit"]["exitCode"], 7);
    let snapshot = tab.snapshot();
    let printed: String = snapshot["output"][next.to_string()]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["output"].as_str().unwrap())
        .collect();
    assert_eq!(printed, "total 3\r\n", "as a terminal shows it");
    assert_eq!(snapshot["sessions"].as_array().unwrap().len(), 1, "the replaced one has left the list");
}

#[test]
fn a_second_run_is_a_second_session_of_the_same_hub() {
    let home = Home::new();
    let path = home.write("loop.py", LOOP);
    let mut first = run(&home, &["--port", "0", &path]);
    let mut tab = tab(&home);
    let one = session(&mut tab, |it| it["state"] == "stopped");
    let mut second = run(&home, &[&path]);
    let two = session(&mut tab, |it| it["state"] == "stopped" && it["id"] != one["id"]);
    for info in [&one, &two] {
        tab.call(id(info), "continue", json!({"threadId": info["stopped"]["threadId"]}));
    }
    assert_eq!([first.0.wait().unwrap().code(), second.0.wait().unwrap().code()], [Some(7), Some(7)]);
}

#[test]
fn a_restart_while_the_program_runs_keeps_its_runner() {
    let home = Home::new();
    let begun = home.path("begun");
    let text = format!(
        "import time\nprint('here', flush=True)\nopen({begun:?}, 'a').write('x')\nwhile True: time.sleep(0.1)\n"
    );
    let path = home.write("wait.py", &text);
    let times = |count: u64| {
        let deadline = Instant::now() + PATIENCE;
        while std::fs::metadata(&begun).map_or(0, |about| about.len()) < count {
            assert!(Instant::now() < deadline, "the program did not get there");
            std::thread::yield_now();
        }
    };
    let mut program = run(&home, &["--port", "0", "--no-stop", &path]);
    let mut tab = tab(&home);
    let one = session(&mut tab, |it| it["state"] == "running" && it["pid"].is_u64());
    times(1);
    let next = tab.call(id(&one), "restart", json!({}))["ikpdbSession"].clone();
    times(2);
    let two = session(&mut tab, |it| it["id"] == next && it["state"] == "running" && it["pid"].is_u64());
    assert_ne!(one["pid"], two["pid"]);
    assert!(program.0.try_wait().unwrap().is_none(), "the run in the terminal goes on with it");
    tab.call(id(&two), "terminate", json!({}));
    session(&mut tab, |it| it["id"] == next && it["state"] == "ended");
    program.0.wait().unwrap();
    let mut printed = String::new();
    program.0.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
    assert_eq!(printed.lines().count(), 2, "both wrote to the same stream: {printed}");
}

#[test]
fn a_killed_hub_harms_no_program_and_the_next_one_takes_it_back() {
    let home = Home::new();
    let gate = home.path("gate");
    let text = format!(
        "import os, time\nx = 41\nwhile not os.path.exists({gate:?}): time.sleep(0.01)\nprint('done')\nraise SystemExit(5)\n"
    );
    let path = home.write("wait.py", &text);
    let mut program = run(&home, &["--port", "0", "--no-stop", &path]);
    let mut first = tab(&home);
    session(&mut first, |it| it["state"] == "running" && it["pid"].is_u64());
    let lock = std::fs::read_to_string(home.find("run", ".lock").unwrap()).unwrap();
    std::process::Command::new("kill").args(["-9", lock.trim()]).status().unwrap();
    while first.try_next().is_some() {}
    let next = hub_support::Hub::start(&home);
    let mut tab = next.tab();
    let info = session(&mut tab, |it| it["state"] == "running" && it["capabilities"].is_object());
    assert_eq!(info["name"], "wait.py");
    tab.call(id(&info), "pause", json!({"threadId": 1}));
    let stopped = tab.until("stopped")["message"]["body"].clone();
    let stack = tab.call(id(&info), "stackTrace", json!({"threadId": stopped["threadId"]}))["stackFrames"].clone();
    let frame = stack.as_array().unwrap().last().unwrap()["id"].clone();
    let value = tab.call(id(&info), "evaluate", json!({"expression": "x + 1", "frameId": frame, "context": "repl"}));
    assert_eq!(value["result"], "42");
    tab.call(id(&info), "continue", json!({"threadId": stopped["threadId"]}));
    std::fs::write(&gate, "").unwrap();
    assert_eq!(program.0.wait().unwrap().code(), Some(5));
    assert_eq!(all(program.0.stdout.take()), "done\n");
}

#[test]
fn a_stopped_program_is_still_stopped_at_the_next_hub() {
    let home = Home::new();
    let path = home.write("loop.py", LOOP);
    let mut program = run(&home, &["--port", "0", &path]);
    let mut first = tab(&home);
    session(&mut first, |it| it["state"] == "stopped");
    first.call(None, "ikpdb/breakpoints/set", json!({"path": path, "line": 4, "condition": "i == 1"}));
    let lock = std::fs::read_to_string(home.find("run", ".lock").unwrap()).unwrap();
    std::process::Command::new("kill").args(["-9", lock.trim()]).status().unwrap();
    while first.try_next().is_some() {}
    let next = hub_support::Hub::start(&home);
    let mut tab = next.tab();
    let info = session(&mut tab, |it| it["state"] == "stopped" && it["capabilities"].is_object());
    assert_eq!(info["stopped"]["reason"], "entry");
    let thread = info["stopped"]["threadId"].clone();
    let stack = tab.call(id(&info), "stackTrace", json!({"threadId": thread}))["stackFrames"].clone();
    assert_eq!(stack[0]["source"]["path"], path.as_str());
    tab.call(id(&info), "continue", json!({"threadId": thread}));
    assert_eq!(tab.until("stopped")["message"]["body"]["reason"], "breakpoint", "the breakpoints came along");
    tab.call(id(&info), "continue", json!({"threadId": thread}));
    assert_eq!(program.0.wait().unwrap().code(), Some(7));
    assert_eq!(all(program.0.stdout.take()), "total 3\n");
}

#[test]
fn run_returns_with_the_program_and_the_hub_ends_ten_seconds_later() {
    let home = Home::new();
    let path = home.write("fine.py", "print('fine')\n");
    let began = Instant::now();
    let mut program = run(&home, &["--port", "0", "--no-stop", &path]);
    assert_eq!(program.0.wait().unwrap().code(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(9), "nobody is waited for");
    let socket = socket(&home);
    let deadline = Instant::now() + PATIENCE;
    while socket.exists() {
        assert!(Instant::now() < deadline, "the hub stays");
        std::thread::yield_now();
    }
    let log = std::fs::read_to_string(home.find("state", "hub.log").unwrap()).unwrap();
    assert!(log.contains("ended: nobody needs this hub"), "{log}");
}

#[test]
fn a_page_and_a_client_of_the_original_debug_one_program_and_its_restart() {
    let home = Home::new();
    let path = home.write("loop.py", LOOP);
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut program = run(&home, &["--port", "0", "--ikpdb-port", &port.to_string(), &path]);
    let mut tab = tab(&home);
    let info = session(&mut tab, |it| it["state"] == "stopped");
    let mut client = IkpdbClient::greeted(("127.0.0.1", port));
    assert_eq!(client.result("reconnect", &json!({}))["executionStatus"], "stopped");
    assert_eq!(client.stopped().line(), 1);
    client.result("setBreakpoint", &json!({"file_name": "loop.py", "line_number": 5}));
    tab.call(id(&info), "continue", json!({"threadId": info["stopped"]["threadId"]}));
    let stop = client.stopped();
    assert_eq!((stop.line(), client.evaluate("total", stop.top())), (5, "3".to_owned()));
    session(&mut tab, |it| it["state"] == "stopped" && it["stopped"]["reason"] == "breakpoint");
    assert_eq!(client.go_to_end(), 7);
    drop(client);
    assert_eq!(program.0.wait().unwrap().code(), Some(7));
    assert_eq!(
        (all(program.0.stdout.take()), all(program.0.stderr.take()).contains("IKPdb-g")),
        ("total 3\n".to_owned(), false)
    );
    session(&mut tab, |it| it["state"] == "ended");
    let next = tab.call(id(&info), "restart", json!({}))["ikpdbSession"].clone();
    let again = session(&mut tab, |it| it["id"] == next && it["state"] == "stopped");
    let mut client = IkpdbClient::greeted(("127.0.0.1", port));
    client.result("reconnect", &json!({}));
    client.stopped();
    tab.call(id(&again), "continue", json!({"threadId": again["stopped"]["threadId"]}));
    assert_eq!(client.event("programEnd")["result"]["exit_code"], 7);
    session(&mut tab, |it| it["id"] == next && it["state"] == "ended");
}

#[test]
fn a_port_for_clients_of_the_original_that_is_taken_is_named_with_the_remedy() {
    let home = Home::new();
    let path = home.write("loop.py", LOOP);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let mut program = run(&home, &["--port", "0", "--ikpdb-port", &port.to_string(), &path]);
    assert_eq!(program.0.wait().unwrap().code(), Some(2));
    let said = all(program.0.stderr.take());
    assert!(said.contains(&format!("cannot listen at 127.0.0.1:{port}")) && said.contains("--ikpdb-port"), "{said}");
}
