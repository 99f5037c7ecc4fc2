//! Pausing programs that run and programs that wait.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::time::{Duration, Instant};

use serde_json::json;
use support::{Debuggee, Launch, Stopped, pythons};

/// Pauses until the function is on the stack and has its marker: the program may not have come so far at first.
fn pause_in(debuggee: &mut Debuggee, function: &str) -> Stopped {
    let begin = Instant::now();
    loop {
        debuggee.request("pause", json!({"threadId": 1}));
        let stop = debuggee.stopped();
        let inside = stop.frames.iter().find(|it| it["name"] == json!(function)).cloned();
        let locals = inside.map(|frame| debuggee.evaluate("sorted(locals())", &frame));
        if locals.is_some_and(|it| it != "[]") {
            return stop;
        }
        assert!(begin.elapsed() < support::DEADLINE, "{function} is not reached: {:?}", stop.frames);
        debuggee.go("continue", stop.thread);
    }
}

fn pause_and_continue(source: &str, function: &str) {
    for python in pythons() {
        let mut debuggee = Debuggee::launch(&python, source, Launch::default());
        assert_eq!(debuggee.printed(), "go");
        for round in 0..3 {
            let stop = pause_in(&mut debuggee, function);
            assert_eq!(stop.reason, "pause", "{} round {round}", python.version);
            let user = stop.frames.iter().find(|it| it["name"] == json!(function)).unwrap().clone();
            assert_eq!(debuggee.evaluate("marker + 1", &user), "8", "{}", python.version);
            debuggee.go("continue", stop.thread);
        }
        assert!(debuggee.event_within("stopped", Duration::from_millis(100)).is_none());
    }
}

#[test]
fn a_busy_loop_is_paused() {
    pause_and_continue(
        "def spin():\n    marker = 7\n    n = 0\n    while True:\n        n += 1\nprint('go', flush=True)\nspin()\n",
        "spin",
    );
}

#[test]
fn a_program_that_sleeps_is_paused() {
    pause_and_continue(
        "import time\ndef rest():\n    marker = 7\n    time.sleep(1000)\nprint('go', flush=True)\nrest()\n",
        "rest",
    );
}

#[test]
fn a_program_that_waits_for_a_lock_is_paused() {
    pause_and_continue(
        "import threading\nlock = threading.Lock()\ndef wait():\n    marker = 7\n    lock.acquire()\nlock.acquire()\nprint('go', flush=True)\nwait()\n",
        "wait",
    );
}

#[test]
fn a_program_whose_threads_are_busy_while_main_joins_is_paused() {
    pause_and_continue(
        "import threading\ndef work():\n    marker = 7\n    n = 0\n    while True:\n        n += 1\nts = [threading.Thread(target=work, daemon=True) for _ in range(4)]\n[t.start() for t in ts]\nprint('go', flush=True)\nts[0].join()\n",
        "work",
    );
}

#[test]
fn a_paused_wait_goes_on_stepping_in_its_frame() {
    const WAIT: &str = "import time\ndef rest():\n    marker = 0; time.sleep(0.4)\n    x = 1\n    return x\nprint('go', flush=True)\nrest()\nprint('end')\n";
    for python in pythons() {
        let mut debuggee = Debuggee::launch(&python, WAIT, Launch::default());
        assert_eq!(debuggee.printed(), "go");
        let stop = pause_in(&mut debuggee, "rest");
        assert_eq!((stop.line(), stop.function()), (3, "rest"), "{}", python.version);
        let stop = debuggee.go_and_stop("next", stop.thread);
        assert_eq!((stop.reason.as_str(), stop.line()), ("step", 4), "{}", python.version);
        debuggee.go("continue", stop.thread);
        assert_eq!(debuggee.end().output, "end");
    }
}
