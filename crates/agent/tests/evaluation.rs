//! Evaluation while the program is stopped: what moves, what does not, what can be given up.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::counters::{COUNTING, Counters};
use support::interpreters::on_each_python;
use support::{Debuggee, Launch, pythons};

/// Two threads that count in shared memory, which the test reads natively.
const COUNTERS: &str = "\
for slot in range(2):
    threading.Thread(target=count, args=(slot,), daemon=True).start()
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

fn counters(python: &support::Python) -> (Debuggee, Counters) {
    let counters = Counters::new();
    let launch = Launch { args: vec![counters.path()], ..Launch::at("here") };
    let debuggee = Debuggee::launch(python, &[COUNTING, COUNTERS].concat(), launch);
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

/// Stops where its argument says: in the main thread, in another one, or nowhere, asleep.
const PLACES: &str = "\
import sys, threading, time
lock = threading.Lock()
def busy():
    while True:
        pass
# An interrupt may come between one attempt and the next: then the caller catches it.
def stubborn(depth=8):
    while not enough:
        try:
            if depth:
                stubborn(depth - 1)
            said or said.append(print('inside', flush=True))
            time.sleep(0.01)
        except BaseException:
            pass
enough, said = [], []
def stops():
    x = 1  # BP:here
    return x
if sys.argv[1] == 'main':
    stops()
elif sys.argv[1] == 'worker':
    thread = threading.Thread(target=stops)
    thread.start()
    thread.join()
else:
    print('sleeps', flush=True)
    time.sleep(60)
print('end')
";

/// A program that is stopped in one of those places.
fn stopped_in(python: &support::Python, place: &str) -> (Debuggee, support::Stopped) {
    let launch = Launch { args: vec![place.to_owned()], ..Launch::at("here") };
    let mut debuggee = Debuggee::launch(python, PLACES, launch);
    if place == "sleep" {
        assert_eq!(debuggee.printed(), "sleeps");
        wait_until_inside(debuggee.pid());
        debuggee.request("pause", json!({"threadId": 1}));
    }
    let stop = debuggee.stopped();
    (debuggee, stop)
}

/// Begins an evaluation; when this returns it is under way.
fn ask(debuggee: &mut Debuggee, stop: &support::Stopped, expression: &str) -> i64 {
    let begins = format!("[print('in', flush=True), {expression}]");
    let seq = debuggee.ask("evaluate", json!({"expression": begins, "frameId": stop.top()["id"], "context": "repl"}));
    while debuggee.printed() != "in" {}
    // Meanwhile threads and stack are answered.
    assert!(!answered_soon(debuggee, "threads", json!({}))["threads"].as_array().unwrap().is_empty());
    let stack = answered_soon(debuggee, "stackTrace", json!({"threadId": stop.thread, "levels": 20}));
    assert_eq!(stack["stackFrames"].as_array().unwrap(), &stop.frames, "{expression}");
    seq
}

fn answered_soon(debuggee: &mut Debuggee, command: &str, arguments: Value) -> Value {
    let begin = Instant::now();
    let body = debuggee.request(command, arguments);
    assert!(begin.elapsed() < Duration::from_secs(1), "{command} took {:?}", begin.elapsed());
    body
}

#[test]
fn an_evaluation_can_be_given_up() {
    on_each_python(|python, _| {
        for place in ["main", "worker", "sleep"] {
            let what = format!("{} {place}", python.version);
            let (mut debuggee, stop) = stopped_in(python, place);
            let mut expressions = vec!["busy()", "[None for _ in iter(int, 1)]"];
            if place == "main" {
                expressions.extend(["lock.acquire() and lock.acquire()", "time.sleep(60)"]);
            }
            for expression in expressions {
                let seq = ask(&mut debuggee, &stop, expression);
                let begin = Instant::now();
                debuggee.request("cancel", json!({"requestId": seq}));
                let refused = debuggee.answer(seq).unwrap_err();
                assert!(refused.contains("KeyboardInterrupt"), "{what} {expression}: {refused}");
                assert!(begin.elapsed() < Duration::from_secs(2), "{what} {expression}: {:?}", begin.elapsed());
            }
            assert_eq!(debuggee.evaluate("[i for i in range(2)]", stop.top()), "[0, 1]", "{what}");
            debuggee.go("continue", stop.thread);
            if place != "sleep" {
                let ended = debuggee.end();
                assert_eq!((ended.output.as_str(), ended.errors.as_str()), ("end", ""), "{what}");
            }
        }
    });
}

#[test]
fn an_evaluation_that_is_given_up_as_soon_as_it_is_asked_for_ends() {
    for python in pythons() {
        let (mut debuggee, stop) = stopped_in(&python, "main");
        for round in 0..30 {
            let endless = json!({"expression": "busy()", "frameId": stop.top()["id"], "context": "repl"});
            let seq = debuggee.ask("evaluate", endless);
            debuggee.ask("cancel", json!({"requestId": seq}));
            let answer = debuggee.answer(seq);
            assert!(answer.is_err(), "{} round {round}: {answer:?}", python.version);
        }
    }
}

/// Waits until all of the program's threads keep asleep, or until one has computed for a while.
fn wait_until_inside(pid: i32) {
    /// In the kernel's ticks, a hundredth of a second each.
    const A_WHILE: u64 = 5;
    /// A thread that is about to sleep may wait for the GIL first.
    const LOOKS: u32 = 100;
    let mut asleep = 0;
    let stat = |path: String| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.rsplit_once(')').map_or_else(Vec::new, |it| it.1.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    };
    let time = || stat(format!("/proc/{pid}/stat"))[11].parse::<u64>().unwrap();
    let (begin, before) = (Instant::now(), time());
    loop {
        let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
        let sleep = tasks.map(|it| it.path().to_str().unwrap().to_owned()).all(|task| {
            let is_ours = std::fs::read_to_string(format!("{task}/comm")).unwrap_or_default().starts_with("ikpdb-w");
            is_ours || stat(format!("{task}/stat")).first().is_none_or(|it| it == "S")
        });
        asleep = if sleep { asleep + 1 } else { 0 };
        if asleep >= LOOKS || time() >= before + A_WHILE {
            return;
        }
        assert!(begin.elapsed() < support::DEADLINE, "the program neither sleeps nor computes");
        std::thread::yield_now();
    }
}

#[test]
fn what_cannot_be_interrupted_is_said_and_the_rest_still_answers() {
    on_each_python(|python, _| {
        for (place, expression, expected) in [
            ("main", "sum(iter(int, 1))", "runs native code that cannot be interrupted"),
            ("worker", "sum(iter(int, 1))", "runs native code that cannot be interrupted"),
            ("sleep", "sum(iter(int, 1))", "runs native code that cannot be interrupted"),
            ("worker", "time.sleep(60)", "waits in native code that cannot be interrupted"),
            ("sleep", "time.sleep(60)", "waits in native code that cannot be interrupted"),
        ] {
            let what = format!("{} {place} {expression}", python.version);
            let (mut debuggee, stop) = stopped_in(python, place);
            let seq = ask(&mut debuggee, &stop, expression);
            wait_until_inside(debuggee.pid());
            debuggee.request("cancel", json!({"requestId": seq}));
            let start = debuggee.event_within("progressStart", Duration::from_secs(5));
            let start = start.unwrap_or_else(|| panic!("{what}: nothing is said, but {:?}", debuggee.answer(seq)));
            assert_eq!(start["requestId"], json!(seq), "{what}");
            let update = debuggee.event("progressUpdate");
            assert_eq!(update["progressId"], start["progressId"], "{what}");
            let message = update["message"].as_str().unwrap();
            assert!(message.contains(expected), "{what}: {message}");
            answered_soon(&mut debuggee, "threads", json!({}));
            let stack = answered_soon(&mut debuggee, "stackTrace", json!({"threadId": stop.thread, "levels": 20}));
            assert_eq!(stack["stackFrames"].as_array().unwrap(), &stop.frames, "{what}");
            answered_soon(&mut debuggee, "disconnect", json!({"terminateDebuggee": false}));
            // SAFETY: our own child. Without a handler of its own the program ends at once.
            unsafe { libc::kill(debuggee.pid(), libc::SIGTERM) };
            let ended = debuggee.end();
            assert_eq!(ended.status.code(), None, "{what}");
        }
    });
}

#[test]
fn an_evaluation_that_catches_the_interrupt_is_interrupted_again_on_demand() {
    on_each_python(|python, _| {
        let version = &python.version;
        let (mut debuggee, stop) = stopped_in(python, "main");
        let seq = ask(&mut debuggee, &stop, "stubborn()");
        // An interrupt that comes before that is not caught.
        assert_eq!(debuggee.printed(), "inside", "{version}");
        for _ in 0..2 {
            debuggee.request("cancel", json!({"requestId": seq}));
            let message = debuggee.event("progressUpdate")["message"].as_str().unwrap().to_owned();
            assert!(message.contains("the evaluation"), "{version}: {message}");
        }
        // What is asked of the program meanwhile waits its turn, and can be given up alone.
        let waits = debuggee.ask("scopes", json!({"frameId": stop.top()["id"]}));
        answered_soon(&mut debuggee, "threads", json!({}));
        debuggee.request("cancel", json!({"requestId": waits}));
        assert_eq!(debuggee.answer(waits).unwrap_err(), "given up", "{version}");
        answered_soon(&mut debuggee, "disconnect", json!({}));
        // SAFETY: our own child.
        unsafe { libc::kill(debuggee.pid(), libc::SIGKILL) };
    });
}

#[test]
fn a_disconnect_during_an_evaluation_is_answered_at_once_and_the_program_goes_on_when_it_comes_back() {
    on_each_python(|python, _| {
        for (expression, place) in
            [("sum(range(60_000_000))", "main"), ("time.sleep(1.5)", "worker"), ("busy()", "worker")]
        {
            let what = format!("{} {place} {expression}", python.version);
            let (mut debuggee, stop) = stopped_in(python, place);
            let seq = ask(&mut debuggee, &stop, expression);
            let waiting = debuggee.ask("evaluate", json!({"expression": "busy()", "frameId": stop.top()["id"]}));
            answered_soon(&mut debuggee, "disconnect", json!({"terminateDebuggee": false}));
            // Each is answered once; what had not begun is refused.
            assert!(debuggee.answer(seq).is_err(), "{what}");
            assert!(debuggee.answer(waiting).unwrap_err().contains("running"), "{what}");
            let ended = debuggee.end();
            assert_eq!(ended.seen(), (Some(0), "end", ""), "{what}");
        }
    });
}

#[test]
fn a_long_evaluation_is_said_to_be_running_after_five_seconds() {
    on_each_python(|python, _| {
        let version = &python.version;
        let (mut debuggee, stop) = stopped_in(python, "main");
        let begin = Instant::now();
        let seq = ask(&mut debuggee, &stop, "time.sleep(6)");
        let start = debuggee.event("progressStart");
        let after = begin.elapsed();
        assert!(after >= Duration::from_secs(5) && after < Duration::from_secs(6), "{version}: {after:?}");
        assert_eq!((&start["requestId"], &start["cancellable"]), (&json!(seq), &json!(true)), "{version}");
        let end = debuggee.event("progressEnd");
        assert_eq!(end["progressId"], start["progressId"], "{version}");
        assert!(debuggee.answer(seq).is_ok(), "{version}");
        assert!(debuggee.event_within("progressUpdate", Duration::from_millis(1)).is_none(), "{version}");
    });
}

#[test]
fn without_a_frame_the_names_are_those_of_the_main_module() {
    const PROGRAM: &str = "\
value = 1
def f():
    value = 2
    inner = 3  # BP:here
    return value + inner
print(f(), value, made)
";
    for python in pythons() {
        let version = &python.version;
        let mut debuggee = Debuggee::launch(&python, PROGRAM, Launch::at("here"));
        let stop = debuggee.stopped();
        let mut global = |expression: &str, context: &str| {
            debuggee
                .try_request("evaluate", json!({"expression": expression, "context": context}))
                .map(|body| body["result"].as_str().unwrap().to_owned())
        };
        assert_eq!(global("value", "repl").as_deref(), Ok("1"), "{version}");
        assert_eq!(global("value", "hover").as_deref(), Ok("1"), "{version}");
        assert_eq!(global("[value + i for i in range(2)]", "watch").as_deref(), Ok("[1, 2]"), "{version}");
        assert!(global("inner", "watch").unwrap_err().contains("NameError"), "{version}");
        assert_eq!(global("value = 10; made = 'here'", "repl").as_deref(), Ok(""), "{version}");
        assert_eq!(global("__name__", "repl").as_deref(), Ok("'__main__'"), "{version}");
        assert!(global("value = 11", "watch").is_err(), "{version}");
        debuggee.go("continue", stop.thread);
        assert_eq!(debuggee.end().output, "5 10 here", "{version}");
    }
}

#[test]
fn a_deep_stack_is_read_in_pages_also_during_an_evaluation() {
    const DEEP: &str = "\
import sys, threading, time
sys.setrecursionlimit(5000)
def down(n):
    if n:
        return down(n - 1)
    x = 1  # BP:here
    return x
def held():
    ready.set()
    release.wait()
ready, release = threading.Event(), threading.Event()
threading.Thread(target=held, daemon=True).start()
ready.wait()
down(999)
";
    for python in pythons() {
        let version = &python.version;
        let mut debuggee = Debuggee::launch(&python, DEEP, Launch::at("here"));
        let stop = debuggee.stopped();
        let pages = |debuggee: &mut Debuggee| {
            let mut frames = Vec::new();
            for start in (0..1100).step_by(100) {
                let page = debuggee
                    .request("stackTrace", json!({"threadId": stop.thread, "startFrame": start, "levels": 100}));
                let total = page["totalFrames"].as_u64().unwrap();
                frames.extend(page["stackFrames"].as_array().unwrap().clone());
                assert!(total > start || frames.len() as u64 == total, "{version}: {total} at {start}");
            }
            frames
        };
        let calm = pages(&mut debuggee);
        assert_eq!(calm.len(), 1001, "{version}");
        let mut ids: Vec<i64> = calm.iter().map(|it| it["id"].as_i64().unwrap()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 1001, "{version}: an id is there twice");
        assert_eq!(calm[1000]["name"], json!("<module>"), "{version}");

        let seq = debuggee.ask("evaluate", json!({"expression": "time.sleep(1)", "frameId": stop.top()["id"]}));
        assert_eq!(pages(&mut debuggee), calm, "{version}");
        let threads = debuggee.request("threads", json!({}));
        let other = threads["threads"].as_array().unwrap()[1]["id"].clone();
        let stack = debuggee.request("stackTrace", json!({"threadId": other}));
        let names: Vec<_> = stack["stackFrames"].as_array().unwrap().iter().map(|it| it["name"].clone()).collect();
        assert!(names.contains(&json!("held")), "{version}: {names:?}");
        assert!(!debuggee.has_answer(seq), "{version}: the pages came after the evaluation");
        assert!(debuggee.answer(seq).is_ok(), "{version}");
        let last = calm[999]["id"].clone();
        let body = debuggee.request("evaluate", json!({"expression": "n", "frameId": last}));
        assert_eq!(body["result"], json!("999"), "{version}");
    }
}

/// The listener's answers during an evaluation are those of this stop, whatever was published at an earlier one.
#[test]
fn what_is_told_during_an_evaluation_is_of_this_stop() {
    const TWO: &str = "\
import threading, time
class Slow:
    @property
    def value(self):
        time.sleep(0.7)
        return 1
def double(x):
    time.sleep(0.7)
    return x * 2
def first(slow, x):
    return x  # BP:first
def second(slow, x):
    return x  # BP:second
first(Slow(), 1)
second(Slow(), 2)
";
    on_each_python(|python, _| {
        let version = &python.version;
        let launch = Launch { breakpoints: vec![("first".into(), None), ("second".into(), None)], ..Launch::default() };
        let mut debuggee = Debuggee::launch(python, TWO, launch);
        let stop = debuggee.stopped();
        debuggee.evaluate("double(1)", stop.top());
        let stop = debuggee.go_and_stop("continue", stop.thread);
        assert_eq!(stop.function(), "second", "{version}");
        let scopes = debuggee.request("scopes", json!({"frameId": stop.top()["id"]}));
        let locals = scopes["scopes"][0]["variablesReference"].clone();
        let variables = debuggee.request("variables", json!({"variablesReference": locals}));
        let slow = variables["variables"][0]["variablesReference"].clone();
        let inside = debuggee.request("variables", json!({"variablesReference": slow}));
        let lazy = &inside["variables"].as_array().unwrap().iter().find(|it| it["name"] == "value").unwrap()["variablesReference"];
        for (command, arguments) in [
            ("variables", json!({"variablesReference": lazy})),
            ("setVariable", json!({"variablesReference": locals, "name": "x", "value": "double(x)"})),
            ("evaluate", json!({"expression": "double(x)", "frameId": stop.top()["id"]})),
        ] {
            let seq = debuggee.ask(command, arguments);
            let stack = answered_soon(&mut debuggee, "stackTrace", json!({"threadId": stop.thread, "levels": 20}));
            assert!(!debuggee.has_answer(seq), "{version} {command}: it was over too early");
            assert_eq!(stack["stackFrames"].as_array().unwrap(), &stop.frames, "{version} {command}");
            assert!(debuggee.answer(seq).is_ok(), "{version} {command}");
        }
    });
}

#[test]
fn when_an_evaluation_let_other_threads_run_their_stacks_are_walked_anew() {
    const PHASES: &str = "\
import threading, time
def before():
    here = 'before'
    inside.set()
    move.wait()
    return here
def after():
    arrived.set()
    forever.wait()
def work():
    before()
    after()
inside, move, arrived, forever = [threading.Event() for _ in range(4)]
threading.Thread(target=work, daemon=True).start()
inside.wait()
x = 1  # BP:here
";
    for python in pythons() {
        let version = &python.version;
        let mut debuggee = Debuggee::launch(&python, PHASES, Launch::at("here"));
        let stop = debuggee.stopped();
        let threads = debuggee.request("threads", json!({}));
        let other = threads["threads"].as_array().unwrap()[1]["id"].clone();
        let frame = |debuggee: &mut Debuggee, name: &str| {
            let stack = debuggee.request("stackTrace", json!({"threadId": other}));
            stack["stackFrames"].as_array().unwrap().iter().find(|it| it["name"] == name).cloned()
        };
        let old = frame(&mut debuggee, "before").unwrap();
        debuggee.evaluate("1", stop.top());
        assert_eq!(debuggee.evaluate("move.set() or arrived.wait()", stop.top()), "True", "{version}");
        assert!(frame(&mut debuggee, "before").is_none(), "{version}");
        assert!(frame(&mut debuggee, "after").is_some(), "{version}");
        let seq = ask(&mut debuggee, &stop, "time.sleep(0.5)");
        assert!(frame(&mut debuggee, "after").is_some(), "{version}");
        assert!(debuggee.answer(seq).is_ok(), "{version}");
        // A frame that was shown can still be asked.
        assert_eq!(debuggee.evaluate("here", &old), "'before'", "{version}");
    }
}

#[test]
fn other_threads_stand_still_while_a_variable_is_set_by_an_expression_that_calls_functions() {
    for python in pythons() {
        let (mut debuggee, counters) = counters(&python);
        let stop = debuggee.stopped();
        let scopes = debuggee.request("scopes", json!({"frameId": stop.top()["id"]}));
        let globals = scopes["scopes"][0]["variablesReference"].clone();
        let before = counters.read();
        for _ in 0..20 {
            let arguments = json!({"variablesReference": globals, "name": "x", "value": "double(1)"});
            assert_eq!(debuggee.request("setVariable", arguments)["value"], json!("2"), "{}", python.version);
        }
        let after = counters.read();
        for slot in 0..2 {
            assert!(after[slot] - before[slot] <= 1, "{}: {before:?} -> {after:?}", python.version);
        }
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
    for python in pythons() {
        let mut debuggee = Debuggee::launch(&python, "x = [1]  # BP:one\ny = 2\nz = 3\n", Launch::at("one"));
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
            assert!(refused.contains("earlier stop"), "{} {command}: {refused}", python.version);
        }
    }
}
