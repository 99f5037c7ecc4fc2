//! The hub as a process: two tabs, a reload, a kill, a second hub, an end.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod hub_support;

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use hub_support::{Home, Hub, Tab, all};
use serde_json::{Value, json};

#[test]
fn i15_two_tabs_see_one_truth_and_a_reload_brings_it_back() {
    let home = Home::new();
    let hub = Hub::start(&home);
    let (mut one, mut two) = (hub.tab(), hub.tab());
    let (mut runner, welcome) = hub.runner();
    let session = welcome["session"].as_u64();
    let mut agent = hub.agent(&welcome);
    one.call(None, "ikpdb/breakpoints/set", json!({"path": "/a.py", "line": 3}));
    let set = agent.until("setBreakpoints");
    agent.reply(&set, json!({"breakpoints": [{"id": 1, "verified": true, "line": 3}]}));
    one.call(None, "ikpdb/watches", json!({"expressions": ["x"]}));
    runner.event("output", json!({"category": "stdout", "output": "hello\n", "ikpdbTerminal": true}));
    agent.event("stopped", json!({"reason": "breakpoint", "threadId": 1, "hitBreakpointIds": [1]}));
    let (seen_by_one, seen_by_two) = (one.up_to("stopped"), two.up_to("stopped"));
    let events = |all: Vec<Value>| all.into_iter().filter(|it| it["n"].is_u64()).collect::<Vec<_>>();
    let (seen_by_one, seen_by_two) = (events(seen_by_one), events(seen_by_two));
    // The first tab was there when the second came in.
    assert!(seen_by_one.ends_with(&seen_by_two), "the same events, the same numbers, the same order");
    let n = seen_by_two.last().unwrap()["n"].as_u64().unwrap();
    drop(two);
    // A reload: a new page, a snapshot.
    let mut reloaded = Tab::connect(hub.port);
    let welcome = reloaded.enter(&hub.secret, json!({}));
    let mut state = welcome["snapshot"].clone();
    let mut of_the_other = one.snapshot();
    for snapshot in [&mut state, &mut of_the_other] {
        snapshot.as_object_mut().unwrap().remove("n");
        snapshot.as_object_mut().unwrap().remove("pages");
    }
    assert_eq!(state, of_the_other);
    assert_eq!(state["sessions"][0]["stopped"]["reason"], "breakpoint");
    assert_eq!(state["output"]["1"][0]["output"], "hello\n");
    assert_eq!(state["watches"]["expressions"], json!(["x"]));
    // The line was lost for a moment: the missing events, no snapshot.
    agent.event("continued", json!({"threadId": 1}));
    one.until("continued");
    let mut back = Tab::connect(hub.port);
    let again = back.enter(&hub.secret, json!({"epoch": welcome["epoch"], "n": n}));
    assert_eq!(again.get("snapshot"), None);
    let missed = back.up_to("continued");
    assert_eq!(missed[0]["n"].as_u64(), Some(n + 1));
    assert_eq!(missed.last().unwrap()["session"].as_u64(), session);
}

#[test]
fn i12_unknown_requests_and_events_pass_between_tab_and_agent() {
    let home = Home::new();
    let hub = Hub::start(&home);
    let (_runner, welcome) = hub.runner();
    let mut agent = hub.agent(&welcome);
    let mut tab = hub.tab();
    let body = json!({"deep": [{"ü": null}], "n": 1.5});
    let seq = tab.ask(welcome["session"].as_u64(), "someday/new", body.clone());
    let request = agent.until("someday/new");
    assert_eq!(request["arguments"], body);
    agent.reply(&request, body.clone());
    assert_eq!(tab.response(seq)["body"], body);
    agent.event("someday/event", body.clone());
    assert_eq!(tab.until("someday/event")["message"]["body"], body);
}

#[test]
fn a_page_reads_files_of_the_workspace_and_no_others() {
    let home = Home::new();
    let path = home.write("pkg/mod.py", "x = 1\n");
    let hub = Hub::start(&home);
    let mut tab = hub.tab();
    let list = tab.call(None, "ikpdb/files/list", json!({"path": home.workspace()}));
    assert_eq!(list["entries"], json!([{"name": "pkg", "folder": true}]));
    assert_eq!(tab.call(None, "ikpdb/files/read", json!({"path": path}))["content"], "x = 1\n");
    assert_eq!(tab.call(None, "ikpdb/files/find", json!({"query": "mod", "limit": 5}))["paths"], json!([path]));
    let seq = tab.ask(None, "ikpdb/files/read", json!({"path": "/etc/passwd"}));
    let refused = tab.response(seq);
    assert_eq!(refused["success"], false);
    assert!(refused["message"].as_str().unwrap().contains("outside the workspace"), "{refused}");
}

#[test]
fn a_killed_hub_loses_no_breakpoint_and_its_socket_and_lock_are_taken_over() {
    let home = Home::new();
    let mut hub = Hub::start(&home);
    let mut tab = hub.tab();
    for line in 1..=20 {
        // Killed right after the last answer.
        tab.call(None, "ikpdb/breakpoints/set", json!({"path": "/a.py", "line": line}));
    }
    tab.call(None, "ikpdb/setting", json!({"scope": "user", "key": "theme", "value": "dark"}));
    hub.kill();
    assert!(hub.socket.exists(), "it had no time to tidy up");
    let hub = Hub::start(&home);
    let snapshot = hub.tab().snapshot();
    assert_eq!(snapshot["breakpoints"]["wishes"].as_array().unwrap().len(), 20);
    assert_eq!(snapshot["settings"][0]["value"], "dark");
}

#[test]
fn a_second_hub_of_the_workspace_just_ends_and_leaves_the_first_alone() {
    let home = Home::new();
    let hub = Hub::start(&home);
    let second = home.ikpdb().args(["hub", "--workspace"]).arg(home.workspace()).output().unwrap();
    assert!(second.status.success(), "{second:?}");
    assert!(second.stdout.is_empty());
    hub.tab();
}

#[test]
fn a_fixed_port_that_is_in_use_is_named_with_the_remedy() {
    let home = Home::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = home.ikpdb().args(["hub", "--port", &port, "--workspace"]).arg(home.workspace()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.contains(&port) && message.contains("--port"), "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
    assert!(home.find("run", ".sock").is_none(), "nothing is left behind");
}

#[test]
fn a_state_folder_that_cannot_be_written_is_said_and_the_hub_works() {
    let home = Home::new();
    // A file where the folder should be: even root cannot make a folder there.
    std::fs::remove_dir(home.path("state")).unwrap();
    std::fs::write(home.path("state"), "").unwrap();
    let hub = Hub::start(&home);
    let mut tab = hub.tab();
    tab.call(None, "ikpdb/breakpoints/set", json!({"path": "/a.py", "line": 1}));
    // What it said before the page came, then what it says now.
    for expected in ["XDG_STATE_HOME", "could not be written"] {
        let said = tab.until("output");
        assert!(said["message"]["body"]["output"].as_str().unwrap().contains(expected), "{said}");
    }
    assert!(home.log().contains("XDG_STATE_HOME"), "{}", home.log());
}

#[test]
fn the_hub_ends_by_itself_when_nobody_needs_it_and_tidies_up() {
    // Long enough to be met.
    let home = Home::new();
    let mut hub = Hub::start_with(&home, &["--port", "0", "--linger", "2"]);
    assert_eq!(hub.ended(), 0);
    assert!(!hub.socket.exists());
    assert!(home.log().contains("ended"), "{}", home.log());
}

#[test]
fn what_lies_on_disk_is_for_its_user_alone() {
    let home = Home::new();
    let hub = Hub::start(&home);
    hub.tab().call(None, "ikpdb/breakpoints/set", json!({"path": "/a.py", "line": 1}));
    for (folder, name) in [("run", ".sock"), ("run", ".lock"), ("state", "secret"), ("state", "workspace.json")] {
        let path = home.find(folder, name).unwrap_or_else(|| panic!("no {name}"));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
        let parent = std::fs::metadata(path.parent().unwrap()).unwrap();
        assert_eq!(parent.permissions().mode() & 0o777, 0o700, "{}", path.display());
    }
}

#[test]
fn open_prints_an_address_that_lets_a_page_in_and_says_when_there_is_no_hub() {
    let home = Home::new();
    let output = home.ikpdb().args(["open", "--no-browser"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("ikpdb run"), "{output:?}");
    let hub = Hub::start(&home);
    home.write("deep/inside/x.py", "");
    let output =
        home.ikpdb().current_dir(home.path("work/deep/inside")).args(["open", "--no-browser"]).output().unwrap();
    let url = String::from_utf8(output.stdout).unwrap();
    let (address, secret) = url.trim().split_once("#secret=").unwrap();
    assert_eq!(address, hub.url);
    Tab::connect(hub.port).enter(&ikpdb_proto::proof::unhex(secret).unwrap(), json!({}));
    // Into a file or a pipe goes no secret that nobody asked for.
    let output = home.ikpdb().arg("open").output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), hub.url.as_str());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("--no-browser") && !said.contains("secret="), "{said}");
}

#[test]
fn open_gives_the_browser_a_ticket_and_never_the_secret() {
    let home = Home::new();
    let hub = Hub::start(&home);
    let browser = home.path("browser");
    std::fs::write(
        &browser,
        format!("#!/bin/sh\nprintf %s \"$1\" > {0}/asked.new && mv {0}/asked.new {0}/asked\n", home.path("").display()),
    )
    .unwrap();
    std::fs::set_permissions(&browser, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut open = home.ikpdb().arg("open").env("BROWSER", &browser).stdout(Stdio::piped()).spawn().unwrap();
    let said = all(open.stdout.take());
    open.wait().unwrap();
    assert!(said.contains(&hub.url) && !said.contains('#'), "{said}");
    let deadline = std::time::Instant::now() + hub_support::PATIENCE;
    let asked = loop {
        match std::fs::read_to_string(home.path("asked")) {
            Ok(asked) => break asked,
            Err(_) => assert!(std::time::Instant::now() < deadline, "the browser was not asked"),
        }
        std::thread::yield_now();
    };
    assert!(asked.starts_with(&format!("{}#ticket=", hub.url)), "{asked}");
}

#[test]
fn a_page_that_does_not_read_is_cut_off_and_nobody_else_is() {
    let home = Home::new();
    let hub = Hub::start(&home);
    let sleeper = hub.tab();
    let mut awake = hub.tab();
    let (_runner, welcome) = hub.runner();
    let mut agent = hub.agent(&welcome);
    let text = "x".repeat(1 << 20);
    for i in 0..60 {
        // Not output, which is braked anyway.
        agent.event("someday/large", json!({"i": i, "text": text}));
        assert_eq!(awake.until("someday/large")["message"]["body"]["i"], i);
    }
    let deadline = std::time::Instant::now() + hub_support::PATIENCE;
    while !home.log().contains("cut off") {
        assert!(std::time::Instant::now() < deadline, "{}", home.log());
        std::thread::yield_now();
    }
    drop(sleeper);
    awake.snapshot();
}

#[test]
fn bytes_that_are_no_messages_close_their_own_connection_only() {
    let home = Home::new();
    let hub = Hub::start(&home);
    let mut tab = hub.tab();
    for bytes in [
        &b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"[..],
        b"Content-Length: 99999999999\r\n\r\n",
        b"Content-Length: 3\r\n\r\n{{{",
        b"\0\0\0\0",
    ] {
        let mut wire = hub.wire();
        wire.stream.write_all(bytes).unwrap();
        assert_eq!(wire.try_next(), None, "{}", String::from_utf8_lossy(bytes));
    }
    tab.snapshot();
}
