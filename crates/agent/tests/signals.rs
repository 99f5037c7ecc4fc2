//! Signals: while the program runs they are the program's; while it is stopped they are not lost.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use serde_json::json;
use support::{Debuggee, Launch, pythons};

fn kill(debuggee: &Debuggee, signal: i32) {
    // SAFETY: our own child.
    assert_eq!(unsafe { libc::kill(debuggee.pid(), signal) }, 0);
}

/// Waits until the main thread sleeps in the kernel: a signal just before that is noticed after the sleep only, natively, too.
fn wait_until_it_sleeps(debuggee: &Debuggee) {
    let begin = Instant::now();
    let place = || std::fs::read_to_string(format!("/proc/{}/wchan", debuggee.pid())).unwrap_or_default();
    while !place().contains("nanosleep") {
        assert!(begin.elapsed() < support::DEADLINE, "it does not sleep but is in {}", place());
        std::thread::yield_now();
    }
}

#[test]
fn an_uncaught_keyboard_interrupt_is_no_failure_and_ends_the_program_at_once() {
    for python in pythons() {
        let by_signal = (None, Some(libc::SIGINT));
        // Of a subclass the interpreter ends with code 1 before 3.14.
        let of_subclass = if python.minor() < (3, 14) { (Some(1), None) } else { by_signal };
        for (text, shown, end) in [
            ("import time\nprint('up', flush=True)\ntime.sleep(100)\n", "KeyboardInterrupt", by_signal),
            ("class Mine(KeyboardInterrupt): pass\nprint('up', flush=True)\nraise Mine('x')\n", "Mine: x", of_subclass),
        ] {
            let mut debuggee = Debuggee::launch(&python, text, Launch::default());
            assert_eq!(debuggee.printed(), "up", "{}", python.version);
            if shown == "KeyboardInterrupt" {
                wait_until_it_sleeps(&debuggee);
                kill(&debuggee, libc::SIGINT);
            }
            assert!(debuggee.event_until_end("stopped").is_none(), "{} {shown}", python.version);
            let ended = debuggee.end();
            assert_eq!((ended.status.code(), ended.status.signal()), end, "{}: {}", python.version, ended.errors);
            assert_eq!(ended.errors.matches(shown).count(), 1, "{}: {}", python.version, ended.errors);
        }
        const THREAD: &str = "\
import threading
def work():
    raise KeyboardInterrupt('in thread')
t = threading.Thread(target=work)
t.start()
t.join()
print('end')
";
        let mut debuggee = Debuggee::launch(&python, THREAD, Launch::default());
        assert!(debuggee.event_until_end("stopped").is_none(), "{}", python.version);
        let ended = debuggee.end();
        assert_eq!((ended.status.code(), ended.output.as_str()), (Some(0), "end"), "{}", python.version);
        assert!(ended.errors.contains("in thread"), "{}: {}", python.version, ended.errors);
    }
}

const HANDLERS: &str = "\
import signal, sys
def on_signal(number, frame):
    print('got', signal.Signals(number).name, flush=True)
    sys.exit(5)
if len(sys.argv) > 1:
    signal.signal(getattr(signal, sys.argv[1]), on_signal)
x = 1  # BP:here
while True:
    x += 1
";

fn stopped(python: &support::Python, handled: &[&str]) -> Debuggee {
    let args = handled.iter().map(|it| (*it).to_owned()).collect();
    let mut debuggee = Debuggee::launch(python, HANDLERS, Launch { args, ..Launch::at("here") });
    debuggee.stopped();
    debuggee
}

#[test]
fn a_stopped_program_goes_on_to_its_handler_of_sigterm_and_sighup() {
    for python in pythons() {
        for (name, number) in [("SIGTERM", libc::SIGTERM), ("SIGHUP", libc::SIGHUP)] {
            let debuggee = stopped(&python, &[name]);
            kill(&debuggee, number);
            let ended = debuggee.end();
            let expected = (Some(5), format!("got {name}"));
            assert_eq!((ended.status.code(), ended.output), expected, "{}: {}", python.version, ended.errors);
        }
    }
}

#[test]
fn a_stopped_program_without_a_handler_ends_by_the_signal_at_once() {
    for python in pythons() {
        for number in [libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT] {
            let debuggee = stopped(&python, &[]);
            kill(&debuggee, number);
            let ended = debuggee.end();
            assert_eq!((ended.status.signal(), ended.errors.as_str()), (Some(number), ""), "{}", python.version);
        }
    }
}

#[test]
fn a_second_ctrl_c_after_a_while_is_a_first_one_again() {
    // What is tested is the time between them; it is no interpreter's business.
    let pythons = pythons();
    for python in [pythons.first().unwrap(), pythons.last().unwrap()] {
        let debuggee = stopped(python, &[]);
        for _ in 0..2 {
            kill(&debuggee, libc::SIGINT);
            let said = debuggee.next_error();
            assert!(said.contains("stopped in the debugger") && said.contains("app.py:7"), "{said}");
            std::thread::sleep(Duration::from_millis(2100));
        }
        kill(&debuggee, libc::SIGINT);
        debuggee.next_error();
        kill(&debuggee, libc::SIGINT);
        assert_eq!(debuggee.end().status.signal(), Some(libc::SIGINT), "{}", python.version);
    }
}

#[test]
fn after_the_second_ctrl_c_the_breakpoints_are_off() {
    const CATCHES: &str = "\
import sys
def step(i):
    return i + 1  # BP:here
def main():
    n = 0
    try:
        while True:
            n = step(n)
    except KeyboardInterrupt:
        print('interrupted', flush=True)
    for i in range(1000):
        n = step(n)
    print('end', n > 0)
main()
";
    for python in pythons() {
        let mut debuggee = Debuggee::launch(&python, CATCHES, Launch::at("here"));
        debuggee.stopped();
        kill(&debuggee, libc::SIGINT);
        debuggee.next_error();
        kill(&debuggee, libc::SIGINT);
        assert!(debuggee.event_until_end("stopped").is_none(), "{}", python.version);
        let ended = debuggee.end();
        assert_eq!(ended.seen(), (Some(0), "interrupted\nend True", ""), "{}", python.version);
    }
}

#[test]
fn a_hub_that_says_nothing_keeps_the_program_from_its_first_line_for_its_patience_only() {
    for python in pythons() {
        let launch = Launch { patience_ms: 300, ..Launch::default() };
        let debuggee = Debuggee::begin(&python, "print('first')\nx = 1  # BP:here\n", &launch);
        assert_eq!(debuggee.printed(), "first", "{}", python.version);
        let ended = debuggee.end();
        assert_eq!(ended.status.code(), Some(0), "{}", python.version);
        let lines: Vec<&str> = ended.errors.lines().collect();
        assert!(
            matches!(lines[..], [line] if line.contains("did not get ready in time")),
            "{}: {lines:?}",
            python.version
        );
    }
}

#[test]
fn a_hub_that_hangs_up_before_the_configuration_lets_the_program_start_at_once() {
    for python in pythons() {
        // It would wait for longer than any test does.
        let launch = Launch { patience_ms: 600_000, ..Launch::default() };
        let mut debuggee = Debuggee::begin(&python, "print('first')\nx = 1  # BP:here\n", &launch);
        debuggee.request("attach", json!({"stopOnEntry": true}));
        debuggee.event("initialized");
        debuggee.set_breakpoints(&[("here".into(), None)]);
        debuggee.hang_up();
        let ended = debuggee.end();
        assert_eq!((ended.status.code(), ended.output.as_str()), (Some(0), "first"), "{}", python.version);
        let lines: Vec<&str> = ended.errors.lines().collect();
        assert!(matches!(lines[..], [line] if line.contains("the hub is gone")), "{}: {lines:?}", python.version);
    }
}

#[test]
fn what_was_set_by_a_hub_that_came_too_late_is_not_said_to_work() {
    for python in pythons() {
        let version = &python.version;
        let launch = Launch { patience_ms: 100, pipe_stdin: true, ..Launch::default() };
        let mut debuggee = Debuggee::begin(&python, "print('first', flush=True)\ninput()  # BP:here\n", &launch);
        assert_eq!(debuggee.printed(), "first", "{version}");
        let answer = debuggee.set_breakpoints(&[("here".into(), None)]);
        assert_eq!(answer[0]["verified"], json!(false), "{version}: {answer:?}");
        assert!(answer[0]["message"].as_str().unwrap().contains("not debugged"), "{version}: {answer:?}");
        debuggee.stdin().write_all(b"\n").unwrap();
        assert_eq!(debuggee.end().status.code(), Some(0), "{version}");
    }
}
