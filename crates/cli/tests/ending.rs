//! `ikpdb run` ends with its program, whatever its hub and its pages do, and what it ran can be run again.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod hub_support;
mod support;

use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hub_support::Tab;
use hub_support::program::session;
use serde_json::{Value, json};
use support::Case;
use support::pty::Pty;
use support::terminal::Terminal;

/// A page of the hub that a run in this case has started.
fn tab(case: &Case) -> Tab {
    let deadline = Instant::now() + hub_support::PATIENCE;
    while case.hub_pid().is_none() {
        assert!(Instant::now() < deadline, "no hub was started");
        std::thread::yield_now();
    }
    Tab::open(&case.place.socket)
}

/// Waits for a file and answers what it holds.
fn file(case: &Case, name: &str) -> String {
    let deadline = Instant::now() + hub_support::PATIENCE;
    loop {
        if let Ok(text) = std::fs::read_to_string(case.workspace.join(name)) {
            return text;
        }
        assert!(Instant::now() < deadline, "the program did not write {name}");
        std::thread::yield_now();
    }
}

/// Waits for `go`, writes this many megabytes to the terminal with threads that come and go meanwhile, and last of all
/// the time and how long it took.
fn flood(megabytes: usize) -> String {
    format!(
        "import os, threading, time\nopen('up.new', 'w').close()\nos.rename('up.new', 'up')\n\
         while not os.path.exists('go'): time.sleep(.005)\n\
         begin = time.perf_counter()\nline = b'x' * 99 + b'\\n'\n\
         for n in range({megabytes} * 16):\n    \
             thread = threading.Thread(target=len, args=('',)); thread.start(); thread.join()\n    \
             os.write(1, line * 625)\n\
         with open('end.new', 'w') as file: file.write(f'{{time.time()}} {{time.perf_counter() - begin}}')\n\
         os.rename('end.new', 'end')\nos._exit(3)\n"
    )
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

/// What the program wrote last: when it ended, and how many seconds it took.
fn times(case: &Case) -> (f64, f64) {
    let text = file(case, "end");
    let (ended, took) = text.split_once(' ').unwrap();
    (ended.parse().unwrap(), took.parse().unwrap())
}

#[test]
fn run_returns_with_the_program_although_a_page_reads_nothing() {
    let case = Case::real();
    case.write("flood.py", &flood(8));
    let pty = Pty::start(case.run(&["flood.py"]));
    let _unread = tab(&case);
    file(&case, "up");
    case.write("go", "");
    let (status, ..) = pty.end();
    let returned = now();
    assert_eq!(status.code(), Some(3));
    let late = returned - times(&case).0;
    assert!(late < 1.0, "returned {late:.3} s after the program's end");
}

/// How long the program took on a terminal, and how late the command returned after it.
fn flooded(stuck: bool) -> (f64, f64) {
    let case = Case::real();
    case.write("flood.py", &flood(24));
    let pty = Pty::start(case.run(&["flood.py"]));
    file(&case, "up");
    let hub = case.hub_pid().unwrap();
    if stuck {
        // SAFETY: a plain call; the hub is this case's own.
        unsafe { libc::kill(hub, libc::SIGSTOP) };
    }
    case.write("go", "");
    let (status, written, end) = pty.end();
    let returned = now();
    // SAFETY: as above.
    unsafe { libc::kill(hub, libc::SIGCONT) };
    assert_eq!(status.code(), Some(3), "{end}");
    // Each line has become a carriage return and a line feed; before them stand our own lines.
    assert!(written >= 24 * 16 * 625 * 101, "{written} bytes arrived");
    let (ended, took) = times(&case);
    (took, returned - ended)
}

#[test]
fn i10_a_hub_that_stands_still_holds_up_neither_the_program_on_a_terminal_nor_its_end() {
    // The machine's own pace is in both.
    let (reading, _) = flooded(false);
    let (stuck, late) = flooded(true);
    assert!(stuck < 1.5 * reading + 0.5, "{stuck:.2} s with a stuck hub, {reading:.2} s with one that reads");
    assert!(late < 1.0, "returned {late:.3} s after the program's end");
}

#[test]
fn a_page_hears_that_the_program_is_suspended_in_its_terminal_and_that_it_goes_on() {
    let case = Case::real();
    case.write("job.py", "import time\nprint('up')\nwhile True: time.sleep(.05)\n");
    let terminal = Terminal::new(&case);
    terminal.line("$RUN job.py");
    terminal.wait_for_line("up");
    let mut tab = tab(&case);
    let info = session(&mut tab, |it| it["state"] == "running");
    assert_eq!(info["suspended"], Value::Null);
    for _ in 0..2 {
        terminal.keys(&["C-z"]);
        assert_eq!(session(&mut tab, |it| it["suspended"].is_string())["suspended"], "SIGTSTP");
        terminal.line("fg");
        session(&mut tab, |it| it["suspended"].is_null());
    }
    terminal.keys(&["C-c"]);
    let ended = session(&mut tab, |it| it["state"] == "ended");
    assert_eq!(ended["suspended"], Value::Null);
}

const WHO: &str = "\
import json, os, sys
print('<<' + json.dumps({
    'argv': sys.argv, 'orig_argv': sys.orig_argv, 'executable': sys.executable, 'cwd': os.getcwd(), 'env': dict(os.environ),
    'flags': repr(sys.flags), 'dev': sys.flags.dev_mode, 'warnings': sys.warnoptions, 'xoptions': sys._xoptions, 'path': sys.path,
}) + '>>', flush=True)
";

/// What the program said of itself, from what the hub keeps of a session's output.
fn said(tab: &mut Tab, id: &Value) -> Value {
    let snapshot = tab.snapshot();
    let pieces = snapshot["output"][id.to_string()].as_array().unwrap().clone();
    let printed: String = pieces.iter().map(|it| it["output"].as_str().unwrap()).collect();
    let (_, rest) = printed.split_once("<<").unwrap();
    serde_json::from_str(rest.split_once(">>").unwrap().0).unwrap()
}

#[test]
fn a_restart_after_the_end_keeps_arguments_folder_variables_and_options_of_the_interpreter() {
    let case = Case::real();
    case.write("who.py", WHO);
    case.write("inner/readme", "");
    let mut command: Command = case.ikpdb();
    command.args(["run", "--no-stop", "--python"]).arg(support::python().executable);
    command.args([
        "--cwd",
        "inner",
        "--env",
        "KEY=a=b c",
        "--env",
        "EMPTY=",
        "--python-args",
        "-X dev -W error::UserWarning",
    ]);
    command.args(["who.py", "--flag", "two words", "", "ä*"]).env("GIVEN", "ö\n");
    let pty = Pty::start(command);
    let mut tab = tab(&case);
    let first = session(&mut tab, |it| it["state"] == "ended");
    let (status, ..) = pty.end();
    assert_eq!(status.code(), Some(0));
    let before = said(&mut tab, &first["id"]);
    assert_eq!(
        before["argv"].as_array().unwrap()[1..],
        json!(["--flag", "two words", "", "ä*"]).as_array().unwrap()[..]
    );
    assert_eq!(
        (&before["dev"], &before["env"]["KEY"], &before["env"]["EMPTY"]),
        (&json!(true), &json!("a=b c"), &json!(""))
    );
    assert_eq!(before["cwd"], case.workspace.join("inner").to_str().unwrap());
    let next = tab.call(first["id"].as_u64(), "restart", json!({}))["ikpdbSession"].clone();
    let second = session(&mut tab, |it| it["id"] == next && it["state"] == "ended");
    assert_eq!(second["exit"]["exitCode"], 0, "{second}");
    assert_eq!(said(&mut tab, &next), before);
    assert_eq!(
        (&second["command"], &second["cwd"], &second["name"]),
        (&first["command"], &first["cwd"], &first["name"])
    );
}

/// The most memory that a process had so far, in kilobytes.
fn peak(pid: impl std::fmt::Display) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_program_that_fills_the_terminal_costs_neither_runner_nor_hub_much_memory() {
    const MEGABYTES: usize = 40;
    let case = Case::real();
    let text = format!(
        "import os, time\nline = (b'x' * 99 + b'\\n') * 655\nfor n in range({MEGABYTES} * 16): os.write(1, line)\n\
         print('all is written', flush=True)\nwhile not os.path.exists('go'): time.sleep(.005)\nraise SystemExit(3)\n"
    );
    case.write("flood.py", &text);
    let pty = Pty::start(case.run(&["flood.py"]));
    let mut tab = tab(&case);
    session(&mut tab, |it| it["state"] == "running");
    pty.wait_for("all is written");
    let (runner, hub) = (peak(pty.child.id()), peak(case.hub_pid().unwrap()));
    case.write("go", "");
    let (status, written, _) = pty.end();
    assert_eq!(status.code(), Some(3));
    assert!(written > (MEGABYTES as u64) << 20, "{written}");
    // 4 MB wait for the hub at most; the hub keeps 16 MB for pages that come back, and for those that are there.
    assert!(runner < 48 << 10, "the runner had {runner} kB");
    assert!(hub < 160 << 10, "the hub had {hub} kB");
}

/// Program, runner, hub and the reader here need 50 s of processor time for it in a development build, half a minute on two processors.
#[test]
fn a_gigabyte_on_the_terminal_arrives_to_the_last_byte() {
    const LINES: u64 = (1 << 30) / 128;
    let case = Case::real();
    let text = format!(
        "import os, time\nlines = (b'x' * 127 + b'\\n') * 512\nfor n in range({LINES} // 512): os.write(1, lines)\n\
         print('all is written', flush=True)\nwhile not os.path.exists('go'): time.sleep(.005)\nraise SystemExit(3)\n"
    );
    case.write("flood.py", &text);
    let pty = Pty::start(case.run(&["--port", "0", "flood.py"]));
    pty.wait_so_long_for(Duration::from_secs(240), "all is written");
    let runner = peak(pty.child.id());
    case.write("go", "");
    let (status, written, end) = pty.end();
    assert_eq!(status.code(), Some(3));
    // The terminal makes two of each line's end. What else there is are our own few lines before it.
    let expected = LINES * 129 + "all is written\r\n".len() as u64;
    assert!((expected..expected + 1000).contains(&written), "{written} in place of {expected}");
    assert!(end.ends_with(&format!("{}\r\nall is written\r\n", "x".repeat(127))), "{}", &end[end.len() - 200..]);
    assert!(runner < 48 << 10, "the runner had {runner} kB");
}
