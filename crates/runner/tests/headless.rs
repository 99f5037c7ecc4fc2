//! A program on a pseudo-terminal that the hub's pages alone see: what a restart without a runner does.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::time::{Duration, Instant};

use ikpdb_proto::runner::TerminalSize;
use ikpdb_runner::{Ending, Place};
use serde_json::json;
use support::{code, end, start};

const PLACE: Place = Place::Headless(TerminalSize { columns: 91, rows: 17 });

#[test]
fn it_has_the_pages_size_and_is_typed_into() {
    let text = "import os, sys\nprint(sys.stdin.isatty(), sys.stdout.isatty(), os.get_terminal_size())\n\
                print('hello', input('name? '), os.get_terminal_size().columns)";
    let (hub, runner) = start(code(text), PLACE);
    let streams = hub.hello(0)["streams"].clone();
    assert_eq!((&streams["attached"], &streams["terminal"]), (&json!(false), &json!({"columns": 91, "rows": 17})));
    hub.wait_for("waiting", |message| (message["body"]["waiting"] == true).then_some(()));
    assert_eq!(hub.ask("ikpdb/runnerResize", json!({"columns": 60, "rows": 10}))["success"], true);
    assert_eq!(hub.ask("ikpdb/runnerType", json!({"data": "Adá\r"}))["success"], true);
    assert_eq!(end(&hub, runner), Ending::Code(0));
    assert_eq!(hub.output(), "True True os.terminal_size(columns=91, lines=17)\r\nname? Adá\r\nhello Adá 60\r\n");
}

#[test]
fn keys_that_make_signals_do_so_and_nothing_stops_it_for_ever() {
    let text =
        "print('up')\ntry:\n    input()\nexcept KeyboardInterrupt:\n    print('interrupted')\nprint('got', input())";
    let (hub, runner) = start(code(text), PLACE);
    hub.wait_for_output("up\r\n");
    hub.wait_for("waiting", |message| (message["body"]["waiting"] == true).then_some(()));
    hub.request("ikpdb/runnerType", json!({"data": "\u{3}"}));
    hub.wait_for_output("interrupted");
    // Ctrl-Z: there is no shell that could continue it.
    hub.request("ikpdb/runnerType", json!({"data": "\u{1a}"}));
    hub.request("ikpdb/runnerType", json!({"data": "word\r"}));
    assert_eq!(end(&hub, runner), Ending::Code(0));
    assert!(hub.output().ends_with("got word\r\n"), "{:?}", hub.output());
}

#[test]
fn waiting_for_input_is_told_when_it_begins_and_when_it_ends() {
    for wait in [
        "input()",
        "import select, sys; select.select([sys.stdin], [], []); sys.stdin.readline()",
        "import select, sys; p = select.poll(); p.register(0, select.POLLIN); p.poll(); sys.stdin.readline()",
        "import selectors, sys; s = selectors.DefaultSelector(); s.register(0, 1); s.select(); sys.stdin.readline()",
        "import threading; t = threading.Thread(target=input); t.start(); t.join()",
        "import subprocess; subprocess.run(['head', '-1'])",
    ] {
        let text = format!("print('up')\n{wait}\nimport time\nwhile True: time.sleep(.05)");
        let (hub, runner) = start(code(&text), PLACE);
        hub.wait_for("waiting", |message| (message["body"]["waiting"] == true).then_some(()));
        hub.request("ikpdb/runnerType", json!({"data": "x\r"}));
        hub.wait_for("no longer waiting", |message| (message["body"]["waiting"] == false).then_some(()));
        hub.request("ikpdb/runnerSignal", json!({"signal": "SIGTERM"}));
        assert_eq!(end(&hub, runner), Ending::Signal(15), "{wait}");
    }
}

#[test]
fn a_program_that_somebody_stops_is_told_to_be_suspended_until_it_is_continued() {
    let (hub, runner) = start(code("import time\nprint('up')\nwhile True: time.sleep(.05)"), PLACE);
    hub.wait_for_output("up");
    let pid = hub.event("ikpdb/runnerStarted")["pid"].as_i64().unwrap();
    // SAFETY: plain calls; the program is this test's own.
    let send = |signal| unsafe { libc::kill(pid as i32, signal) };
    send(libc::SIGSTOP);
    assert_eq!(hub.event("ikpdb/runnerSuspended"), json!({"signal": "SIGSTOP"}));
    assert!(hub.events("ikpdb/runnerResumed").is_empty());
    send(libc::SIGCONT);
    hub.event("ikpdb/runnerResumed");
    send(libc::SIGTERM);
    assert_eq!(end(&hub, runner), Ending::Signal(15));
}

#[test]
fn a_stop_that_follows_at_once_on_a_continuation_is_not_lost() {
    let (hub, runner) = start(code("import time\nprint('up')\nwhile True: time.sleep(.05)"), PLACE);
    hub.wait_for_output("up");
    let pid = hub.event("ikpdb/runnerStarted")["pid"].as_i64().unwrap();
    // SAFETY: plain calls; the program is this test's own.
    let send = |signal| unsafe { libc::kill(pid as i32, signal) };
    let last = |name: &str| {
        hub.wait(&format!("{name} at last"), |messages| {
            let told = |message: &&serde_json::Value| {
                ["ikpdb/runnerSuspended", "ikpdb/runnerResumed"].iter().any(|name| message["event"] == *name)
            };
            messages.iter().rfind(told).filter(|message| message["event"] == name).map(drop)
        });
    };
    for round in 0..400 {
        send(libc::SIGSTOP);
        last("ikpdb/runnerSuspended");
        send(libc::SIGCONT);
        // Nothing to wait for: the moment, in which somebody is about to take note of the first, is what is varied.
        let moment = Instant::now() + Duration::from_micros(round / 2);
        while Instant::now() < moment {
            std::hint::spin_loop();
        }
        send(libc::SIGSTOP);
        last("ikpdb/runnerSuspended");
        send(libc::SIGCONT);
        last("ikpdb/runnerResumed");
    }
    send(libc::SIGTERM);
    assert_eq!(end(&hub, runner), Ending::Signal(15));
}

#[test]
fn a_busy_or_sleeping_program_does_not_wait_for_input() {
    let text = "import time\nprint('up')\ntime.sleep(.4)\nend = time.time() + .4\nwhile time.time() < end: pass";
    let (hub, runner) = start(code(text), PLACE);
    end(&hub, runner);
    assert!(hub.events("ikpdb/runnerInput").is_empty());
}

#[test]
fn a_flood_of_output_ends_with_the_program_and_is_counted() {
    let text = "import os\nblock = b'x' * 65536\nfor n in range(1600): os.write(1, block)\nprint('the end')";
    let (hub, runner) = start(code(text), PLACE);
    assert_eq!(end(&hub, runner), Ending::Code(0));
    let outputs = hub.events("output");
    let shown: usize = outputs.iter().map(|body| body["output"].as_str().unwrap().len()).sum();
    let dropped: f64 = outputs.iter().filter_map(|body| body["ikpdbDropped"].as_f64()).sum();
    assert_eq!(shown as f64 + dropped, (1600 * 65536 + "the end\r\n".len()) as f64);
    assert!(hub.output().ends_with("the end\r\n"));
}
