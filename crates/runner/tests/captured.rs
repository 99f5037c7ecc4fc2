//! A program whose streams are captured: what `ikpdb dap` does, inside a process of its own kind.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::time::{Duration, Instant};

use ikpdb_runner::{Ending, Place};
use serde_json::json;
use support::{code, end, start};

#[test]
fn output_comes_whole_and_in_order_before_the_end() {
    let text =
        "import sys\nfor n in range(3000): print('línea', n)\nprint('bad', file=sys.stderr)\nraise SystemExit(7)";
    let (hub, runner) = start(code(text), Place::Captured);
    assert_eq!(end(&hub, runner), Ending::Code(7));
    let exited = hub.event("ikpdb/runnerExited");
    assert_eq!((&exited["exitCode"], &exited["signal"]), (&json!(7), &json!(null)));
    assert!(exited["durationMs"].as_f64().unwrap() > 0.0);
    let stdout: String = (0..3000).map(|n| format!("línea {n}\n")).collect();
    let of = |category: &str| -> String {
        let events = hub.events("output");
        events.iter().filter(|body| body["category"] == category).filter_map(|body| body["output"].as_str()).collect()
    };
    assert_eq!(of("stdout"), stdout);
    assert_eq!(of("stderr"), "bad\n");
    let last = hub.wait("messages", |messages| messages.last().cloned());
    assert_eq!(last["event"], "ikpdb/runnerExited", "nothing comes after the end");
}

#[test]
fn a_program_ended_by_a_signal_is_told_so() {
    let (hub, runner) = start(code("import os; os.kill(os.getpid(), 11)"), Place::Captured);
    assert_eq!(end(&hub, runner), Ending::Signal(11));
    assert_eq!(hub.event("ikpdb/runnerExited")["signal"], "SIGSEGV");
}

#[test]
fn the_program_reads_nothing_and_has_the_mask_and_dispositions_of_a_fresh_process() {
    let text = "import signal, sys\nprint([sys.stdin.read(), signal.pthread_sigmask(0, []), \
                signal.getsignal(signal.SIGPIPE) is signal.SIG_IGN, signal.getsignal(signal.SIGCHLD).name])";
    let (hub, runner) = start(code(text), Place::Captured);
    end(&hub, runner);
    assert_eq!(hub.output(), "['', set(), True, 'SIG_DFL']\n");
}

#[test]
fn the_hub_can_send_signals_and_is_told_what_cannot_be_done() {
    let (hub, runner) = start(code("print('up', flush=True)\nimport time\ntime.sleep(60)"), Place::Captured);
    hub.wait_for_output("up\n");
    assert_eq!(hub.ask("ikpdb/runnerType", json!({"data": "x"}))["success"], false);
    assert_eq!(hub.ask("ikpdb/runnerSignal", json!({"signal": "SIGNONE"}))["success"], false);
    assert_eq!(hub.ask("ikpdb/unheardOf", json!({}))["success"], false);
    assert_eq!(hub.ask("ikpdb/runnerSignal", json!({"signal": "SIGTERM"}))["success"], true);
    assert_eq!(end(&hub, runner), Ending::Signal(15));
}

#[test]
fn a_restart_ends_the_old_program_before_it_answers_and_starts_the_new_one_after() {
    let (hub, runner) = start(code("print('up', flush=True)\nimport time\ntime.sleep(60)"), Place::Captured);
    hub.wait_for_output("up\n");
    let answer = hub.ask("ikpdb/runnerRestart", json!({"session": 9, "secret": "ff".repeat(32)}));
    assert_eq!(answer["success"], true);
    hub.wait("the second start", |messages| {
        (messages.iter().filter(|message| message["event"] == "ikpdb/runnerStarted").count() == 2).then_some(())
    });
    hub.wait_for_output("up\nup\n");
    assert_eq!(hub.ask("ikpdb/runnerSignal", json!({"signal": "SIGKILL"}))["success"], true);
    assert_eq!(end(&hub, runner), Ending::Signal(9));
    let order: Vec<String> = hub.wait("all", |messages| {
        let names = messages.iter().filter_map(|message| {
            let name = message["event"].as_str().or(message["command"].as_str())?;
            name.starts_with("ikpdb/runner").then(|| name.trim_start_matches("ikpdb/runner").to_owned())
        });
        let names: Vec<String> = names.collect();
        (names.iter().filter(|name| *name == "Exited").count() == 2).then_some(names)
    });
    assert_eq!(order, ["Hello", "Started", "Exited", "Restart", "Started", "Signal", "Exited"]);
}

#[test]
fn a_program_that_ignores_the_request_to_end_is_killed_at_a_restart() {
    let text = "import signal, time\nsignal.signal(15, signal.SIG_IGN)\nprint('up', flush=True)\ntime.sleep(60)";
    let (hub, runner) = start(code(text), Place::Captured);
    hub.wait_for_output("up\n");
    let before = Instant::now();
    assert_eq!(hub.ask("ikpdb/runnerRestart", json!({"session": 2, "secret": "ff".repeat(32)}))["success"], true);
    assert!(before.elapsed() < Duration::from_secs(10));
    assert_eq!(hub.event("ikpdb/runnerExited")["signal"], "SIGKILL");
    hub.wait_for_output("up\nup\n");
    hub.request("ikpdb/runnerSignal", json!({"signal": "SIGKILL"}));
    end(&hub, runner);
}

#[test]
fn i10_a_hub_that_reads_nothing_slows_no_program() {
    let text = "import sys\nline = 'x' * 999 + '\\n'\nfor n in range(100_000): sys.stdout.write(line)";
    let native = {
        let python = ikpdb_testkit::pythons().pop().unwrap().executable;
        let before = Instant::now();
        let output = std::process::Command::new(python).args(["-c", text]).output().unwrap();
        assert_eq!(output.stdout.len(), 100_000_000);
        before.elapsed()
    };
    let (hub, runner) = start(code(text), Place::Captured);
    hub.event("ikpdb/runnerStarted");
    hub.get_stuck();
    let before = Instant::now();
    assert_eq!(runner.join().unwrap().unwrap(), Ending::Code(0));
    let taken = before.elapsed();
    // What it may cost: the wait for the hub at the end, and a second copy of each byte.
    assert!(taken < native * 4 + Duration::from_secs(3), "{taken:?} against {native:?} natively");
}

#[test]
fn i11_output_that_was_dropped_is_counted_and_the_sum_is_what_was_written() {
    let text = "import sys\nline = 'x' * 999 + '\\n'\nfor n in range(100_000): sys.stdout.write(line)";
    let (hub, runner) = start(code(text), Place::Captured);
    end(&hub, runner);
    hub.event("ikpdb/runnerExited");
    let outputs = hub.events("output");
    let shown: usize = outputs.iter().map(|body| body["output"].as_str().unwrap().len()).sum();
    let dropped: f64 = outputs.iter().filter_map(|body| body["ikpdbDropped"].as_f64()).sum();
    assert_eq!(shown as f64 + dropped, 100_000_000.0);
}

#[test]
fn children_that_keep_the_pipes_do_not_hold_up_the_end() {
    let text = "import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', 'import time; time.sleep(30)'])\nprint('done')";
    let before = Instant::now();
    let (hub, runner) = start(code(text), Place::Captured);
    assert_eq!(end(&hub, runner), Ending::Code(0));
    assert!(before.elapsed() < Duration::from_secs(15));
    assert_eq!(hub.output(), "done\n");
}

#[test]
fn a_program_that_cannot_be_started_is_an_error_here_and_at_the_hub() {
    let mut program = code("");
    program.executable = "/nonexistent/python".into();
    let (hub, runner) = start(program, Place::Captured);
    let message = runner.join().unwrap().unwrap_err().to_string();
    assert!(message.contains("/nonexistent/python") && message.contains("No such file"), "{message}");
    assert_eq!(hub.event("ikpdb/runnerExited")["error"], message);
}

#[test]
fn a_hub_that_dies_does_not_touch_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("hub.sock");
    let hub = support::fake_hub::FakeHub::listen(&socket);
    let stream = std::os::unix::net::UnixStream::connect(&socket).unwrap();
    let done = folder.path().join("done");
    let text = format!(
        "import os, time\nprint('up', flush=True)\nwhile not os.path.exists({done:?}): time.sleep(.01)\nprint('late')\nraise SystemExit(3)"
    );
    let (runner, _) = ikpdb_runner::Runner::greet(
        stream,
        Some(socket.clone()),
        code(&text),
        support::fixture_agent(),
        Place::Captured,
    )
    .unwrap();
    let runner = std::thread::spawn(move || runner.run());
    hub.wait_for_output("up\n");
    hub.die(&socket);
    let next = support::fake_hub::FakeHub::listen(&socket);
    let resume = next.hello(0)["resume"].clone();
    assert_eq!((&resume["session"], &resume["secret"]), (&json!(1), &json!(support::fake_hub::SECRET)));
    assert_eq!(resume["pid"], hub.event("ikpdb/runnerStarted")["pid"]);
    std::fs::write(&done, "").unwrap();
    assert_eq!(runner.join().unwrap().unwrap(), Ending::Code(3));
    next.wait_for_output("late");
    assert_eq!(next.event("ikpdb/runnerExited")["exitCode"], 3);
}

#[test]
fn a_hub_that_hangs_up_is_named() {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    drop(ours);
    let result = ikpdb_runner::Runner::greet(theirs, None, code(""), support::fixture_agent(), Place::Captured);
    let message = result.err().unwrap().to_string();
    assert!(message.contains("hung up"), "{message}");
}
