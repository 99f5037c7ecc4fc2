//! Evaluation while the program is stopped: what moves, what does not, what can be given up.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::time::{Duration, Instant};

use serde_json::json;
use support::{Debuggee, Launch, pythons};

/// Two threads that count in shared memory, which the test reads natively.
const COUNTERS: &str = "\
import mmap, sys, threading, time
file = open(sys.argv[1], 'r+b')
shared = mmap.mmap(file.fileno(), 16)
view = memoryview(shared).cast('Q')
def count(slot):
    while True:
        view[slot] += 1
def double(x):
    total = 0
    for i in range(50):
        total += i
    return x * 2
for slot in range(2):
    threading.Thread(target=count, args=(slot,), daemon=True).start()
lock = threading.Lock()
def waits():
    box = []
    threading.Thread(target=lambda: box.append(1), daemon=True).start()
    while not box:
        time.sleep(0.001)
    return box
print('go', flush=True)
while True:
    time.sleep(0.001)
    x = 21
    y = x  # BP:here
";

fn counters(python: &support::Python) -> (Debuggee, memory::Counters) {
    let counters = memory::Counters::new();
    let launch = Launch { args: vec![counters.path()], ..Launch::at("here") };
    let debuggee = Debuggee::launch(python, COUNTERS, launch);
    assert_eq!(debuggee.printed(), "go");
    (debuggee, counters)
}

#[test]
fn other_threads_stand_still_while_functions_are_evaluated() {
    for python in pythons() {
        let (mut debuggee, counters) = counters(&python);
        let stop = debuggee.stopped();
        let before = counters.read();
        for _ in 0..100 {
            assert_eq!(debuggee.evaluate("double(21)", stop.top()), "42");
        }
        let after = counters.read();
        for slot in 0..2 {
            assert!(after[slot] - before[slot] <= 1, "{}: {before:?} -> {after:?}", python.version);
        }
        debuggee.set_breakpoints(&[]);
        debuggee.go("continue", stop.thread);
        counters.wait_for_progress();
    }
}

#[test]
fn an_evaluation_that_needs_another_thread_gets_it_and_says_so() {
    for python in pythons() {
        let (mut debuggee, counters) = counters(&python);
        let stop = debuggee.stopped();
        let body = debuggee
            .request("evaluate", json!({"expression": "waits()", "frameId": stop.top()["id"], "context": "repl"}));
        assert_eq!(body["result"], json!("[1]"), "{}", python.version);
        assert_eq!(body["ikpdbOthersRan"], json!(true), "{}", python.version);
        // Frozen again afterwards.
        debuggee.evaluate("double(1)", stop.top());
        let before = counters.read();
        debuggee.evaluate("double(1)", stop.top());
        let after = counters.read();
        assert!(after[0] - before[0] <= 1 && after[1] - before[1] <= 1, "{}: {before:?} -> {after:?}", python.version);
    }
}

#[test]
fn an_evaluation_can_be_given_up() {
    for python in pythons() {
        let (mut debuggee, _counters) = counters(&python);
        let stop = debuggee.stopped();
        for expression in ["[None for _ in iter(int, 1)]", "lock.acquire() and lock.acquire()", "time.sleep(3)"] {
            let arguments = json!({"expression": expression, "frameId": stop.top()["id"], "context": "repl"});
            let seq = debuggee.ask("evaluate", arguments);
            // Meanwhile threads and stack are answered.
            let threads = debuggee.request("threads", json!({}));
            assert!(threads["threads"].as_array().unwrap().len() >= 3, "{}", python.version);
            let stack = debuggee.request("stackTrace", json!({"threadId": stop.thread}));
            assert_eq!(stack["stackFrames"][0]["line"], json!(stop.line()), "{}", python.version);
            let begin = Instant::now();
            debuggee.request("cancel", json!({"requestId": seq}));
            let refused = debuggee.answer(seq).unwrap_err();
            assert!(refused.contains("KeyboardInterrupt"), "{} {expression}: {refused}", python.version);
            assert!(begin.elapsed() < Duration::from_secs(4), "{} {expression}", python.version);
        }
        assert_ne!(debuggee.evaluate("x or 1", stop.top()), "");
        debuggee.go("continue", stop.thread);
        let stop = debuggee.stopped();
        assert_eq!(stop.reason, "breakpoint", "{}", python.version);
        assert_eq!(debuggee.stderr_so_far(), "", "{}", python.version);
    }
}

#[test]
fn an_evaluation_does_not_end_the_program_or_stop_at_breakpoints() {
    const PROGRAM: &str = "\
def f(n):
    return n + 1  # BP:f
x = 5  # BP:here
print('end', x)
";
    for python in pythons() {
        let launch = Launch { breakpoints: vec![("here".into(), None), ("f".into(), None)], ..Launch::default() };
        let mut debuggee = Debuggee::launch(&python, PROGRAM, launch);
        let stop = debuggee.stopped();
        assert_eq!(debuggee.evaluate("f(1)", stop.top()), "2", "{}", python.version);
        for expression in
            ["exit()", "__import__('sys').exit(3)", "raise SystemExit(4)", "raise KeyboardInterrupt", "1/0"]
        {
            let arguments = json!({"expression": expression, "frameId": stop.top()["id"], "context": "repl"});
            assert!(debuggee.try_request("evaluate", arguments).is_err(), "{} {expression}", python.version);
        }
        debuggee.go("continue", stop.thread);
        let ended = debuggee.end();
        assert_eq!((ended.status.code(), ended.output.as_str()), (Some(0), "end 5"), "{}", python.version);
    }
}

#[test]
fn statements_change_locals_and_comprehensions_see_them() {
    const PROGRAM: &str = "\
def f(a, b):
    c = a + b
    cell = [1]
    def inner():
        return c, cell
    d = 0  # BP:here
    return a, b, c, d, inner()
print(f(1, 2))
";
    for python in pythons() {
        let version = &python.version;
        let mut debuggee = Debuggee::launch(&python, PROGRAM, Launch::at("here"));
        let stop = debuggee.stopped();
        let top = stop.top().clone();
        assert_eq!(debuggee.evaluate("[a + i for i in range(b)]", &top), "[1, 2]", "{version}");
        assert_eq!(debuggee.evaluate("sum(i * a for i in range(c))", &top), "3", "{version}");
        assert_eq!(debuggee.evaluate("a = 10", &top), "", "{version}");
        assert_eq!(debuggee.evaluate("c = 30; b += 5", &top), "", "{version}");
        assert_eq!(debuggee.evaluate("a, b, c", &top), "(10, 7, 30)", "{version}");
        assert_eq!(debuggee.evaluate("None", &top), "", "{version}");
        debuggee.go("continue", stop.thread);
        assert_eq!(debuggee.end().output, "(10, 7, 30, 0, (30, [1]))", "{version}");
    }
}

#[test]
fn what_belongs_to_an_earlier_stop_is_refused_as_stale() {
    let python = &pythons()[0];
    let mut debuggee = Debuggee::launch(python, "x = [1]  # BP:one\ny = 2\nz = 3\n", Launch::at("one"));
    let first = debuggee.stopped();
    let scopes = debuggee.request("scopes", json!({"frameId": first.top()["id"]}));
    let reference = scopes["scopes"][0]["variablesReference"].clone();
    debuggee.request("variables", json!({"variablesReference": reference}));
    debuggee.go_and_stop("next", first.thread);
    for (command, arguments) in [
        ("scopes", json!({"frameId": first.top()["id"]})),
        ("variables", json!({"variablesReference": reference})),
        ("evaluate", json!({"expression": "1", "frameId": first.top()["id"]})),
    ] {
        let refused = debuggee.try_request(command, arguments).unwrap_err();
        assert!(refused.contains("earlier stop"), "{command}: {refused}");
    }
}

mod memory {
    use std::os::unix::fs::FileExt;
    use std::time::Instant;

    /// Two counters in a file that the debuggee maps.
    pub(crate) struct Counters(tempfile::NamedTempFile);

    impl Counters {
        pub(crate) fn new() -> Self {
            let file = tempfile::NamedTempFile::new().unwrap();
            file.as_file().set_len(16).unwrap();
            Self(file)
        }

        pub(crate) fn path(&self) -> String {
            self.0.path().to_str().unwrap().to_owned()
        }

        pub(crate) fn read(&self) -> [u64; 2] {
            let mut bytes = [0; 16];
            self.0.as_file().read_exact_at(&mut bytes, 0).unwrap();
            [0, 8].map(|at| u64::from_ne_bytes(bytes[at..at + 8].try_into().unwrap()))
        }

        pub(crate) fn wait_for_progress(&self) {
            let before = self.read();
            let begin = Instant::now();
            while self.read().iter().zip(before).any(|(now, before)| *now <= before) {
                assert!(begin.elapsed() < super::support::DEADLINE, "a thread does not go on");
                std::thread::yield_now();
            }
        }
    }
}
