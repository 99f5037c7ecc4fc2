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

/// The median time from the request to the stop. What is said of it (2 ms if the program is busy, 10 ms on 3.11 or if every thread waits
/// in C) holds for a machine with nothing else to do; ten times that is taken for a hang. `--nocapture` shows the figures.
fn pauses_within(source: &str, limit: Duration) {
    for python in pythons() {
        let mut debuggee = Debuggee::launch(&python, source, Launch::default());
        assert_eq!(debuggee.printed(), "go");
        let mut times: Vec<Duration> = (0..20)
            .map(|_| {
                // Meanwhile the program is on its way again.
                assert!(debuggee.event_within("stopped", Duration::from_millis(30)).is_none(), "{}", python.version);
                let begin = Instant::now();
                debuggee.ask("pause", json!({"threadId": 1}));
                let stopped = debuggee.event("stopped");
                let took = begin.elapsed();
                assert_eq!(stopped["reason"], json!("pause"), "{}", python.version);
                debuggee.go("continue", stopped["threadId"].as_i64().unwrap());
                took
            })
            .collect();
        times.sort_unstable();
        println!("{}: median {:?}, longest {:?}", python.version, times[10], times[19]);
        assert!(times[10] < limit * 10, "{}: {times:?}", python.version);
    }
}

const BUSY: Duration = Duration::from_millis(10);
const WAITING: Duration = Duration::from_millis(10);

#[test]
fn a_busy_program_is_paused_soon() {
    pauses_within("print('go', flush=True)\nn = 0\nwhile True:\n    n += 1\n", BUSY);
}

#[test]
fn a_program_with_busy_threads_is_paused_soon() {
    pauses_within(
        "import threading\ndef work():\n    n = 0\n    while True:\n        n += 1\nfor i in range(4): threading.Thread(target=work, daemon=True).start()\nprint('go', flush=True)\nwork()\n",
        BUSY,
    );
}

#[test]
fn a_program_whose_threads_all_wait_is_paused_soon() {
    pauses_within(
        "import threading, time\nfor i in range(4): threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()\nprint('go', flush=True)\nthreading.Event().wait()\n",
        WAITING,
    );
}

#[test]
fn a_busy_program_is_paused_in_its_own_thread_at_a_line() {
    const BUSY_LOOP: &str = "\
import threading
def spin():
    n = 0
    while True:
        n += 1
print('go', flush=True)
spin()
";
    for python in pythons() {
        let mut debuggee = Debuggee::launch(&python, BUSY_LOOP, Launch::default());
        assert_eq!(debuggee.printed(), "go");
        for round in 0..20 {
            assert!(debuggee.event_within("stopped", Duration::from_millis(10)).is_none());
            let stop = pause_in(&mut debuggee, "spin");
            let own = debuggee.evaluate("threading.current_thread() is threading.main_thread()", stop.top());
            assert_eq!(own, "True", "{} round {round}", python.version);
            debuggee.go("continue", stop.thread);
        }
    }
}

#[test]
fn a_pause_right_behind_continue_stops_the_program_again() {
    const BUSY_LOOP: &str = "print('go', flush=True)\nn = 0\nwhile True:\n    n += 1\n";
    for python in pythons() {
        let mut debuggee = Debuggee::launch(&python, BUSY_LOOP, Launch::default());
        assert_eq!(debuggee.printed(), "go");
        debuggee.request("pause", json!({"threadId": 1}));
        let mut before = debuggee.event("stopped");
        for round in 0..20 {
            let continued = debuggee.ask("continue", json!({"threadId": 1}));
            let paused = debuggee.ask("pause", json!({"threadId": 1}));
            debuggee.answer(continued).unwrap();
            debuggee.answer(paused).unwrap();
            debuggee.event("continued");
            let stopped = debuggee.event("stopped");
            assert_eq!(stopped["reason"], json!("pause"), "{} round {round}", python.version);
            assert_ne!(stopped["ikpdbStop"], before["ikpdbStop"], "{} round {round}", python.version);
            before = stopped;
        }
    }
}
