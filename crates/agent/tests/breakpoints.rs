//! Source breakpoints, on every interpreter.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::time::{Duration, Instant};

use serde_json::json;
use support::{Debuggee, Launch, pythons};

const LOOP: &str = "\
import helper

def work(i):
    value = i * 2  # BP:work

    return value

for i in range(6):
    helper.twice(work(i))  # BP:loop
print('done')  # BP:done
";

const HELPER: &str = "\
def twice(x):
    return x + x  # BP:twice
";

fn with_helper(marker: &str, condition: Option<&str>) -> Launch {
    Launch {
        breakpoints: vec![(marker.to_owned(), condition.map(str::to_owned))],
        files: vec![("helper.py".into(), HELPER.into())],
        ..Launch::default()
    }
}

#[test]
fn a_condition_stops_when_it_is_true_and_only_then() {
    for python in pythons() {
        for (condition, function) in [
            ("i == 3", "work"),
            ("i >= 3 and i < 4", "work"),
            ("[j for j in range(i) if j == i - 1] == [2] and i == 3", "work"),
            ("(lambda q: q == i)(3)", "work"),
            ("str(i) == '3'", "work"),
            ("i is not None and i == 3", "work"),
        ] {
            let mut debuggee = Debuggee::launch(&python, LOOP, with_helper("work", Some(condition)));
            let stop = debuggee.stopped();
            assert_eq!(
                (stop.line(), stop.function()),
                (debuggee.line("work"), function),
                "{} {condition}",
                python.version
            );
            assert_eq!(debuggee.evaluate("i", stop.top()), "3", "{} {condition}", python.version);
            debuggee.go("continue", stop.thread);
            assert_eq!(debuggee.end().output, "done", "{} {condition}", python.version);
        }
        // In a module there are no fast locals.
        let mut debuggee = Debuggee::launch(&python, LOOP, with_helper("loop", Some("i == 4")));
        let stop = debuggee.stopped();
        assert_eq!(debuggee.evaluate("i", stop.top()), "4", "{}", python.version);
        debuggee.go("continue", stop.thread);
        assert_eq!(debuggee.end().output, "done", "{}", python.version);
    }
}

#[test]
fn a_condition_that_raises_stops_nothing_and_is_reported_once() {
    for python in pythons() {
        let mut debuggee = Debuggee::launch(&python, LOOP, with_helper("work", Some("i.nothing > 1")));
        let told = debuggee.event("output");
        let text = told["output"].as_str().unwrap();
        assert!(text.contains("AttributeError") && text.contains("i.nothing > 1"), "{}: {text}", python.version);
        let verified = debuggee.event("breakpoint");
        assert_eq!(verified["breakpoint"]["verified"], json!(true), "{verified}");
        let changed = debuggee.event("breakpoint");
        assert!(changed["breakpoint"]["message"].as_str().unwrap().contains("AttributeError"), "{changed}");
        assert!(debuggee.event_within("output", Duration::from_millis(100)).is_none());
        let ended = debuggee.end();
        assert_eq!((ended.output.as_str(), ended.errors.as_str()), ("done", ""), "{}", python.version);
    }
}

#[test]
fn a_condition_that_does_not_compile_is_refused_with_the_error() {
    for python in pythons() {
        let launch = Launch { stop_on_entry: true, ..with_helper("done", None) };
        let mut debuggee = Debuggee::launch(&python, LOOP, launch);
        let stop = debuggee.stopped();
        for condition in ["i ==", "x) or (y", "yield", "a = 1"] {
            let answer = debuggee.set_breakpoints(&[("work".into(), Some(condition.into()))]);
            assert_eq!(answer[0]["verified"], json!(false), "{} {condition}", python.version);
            let message = answer[0]["message"].as_str().unwrap();
            assert!(message.contains("not valid"), "{} {condition}: {message}", python.version);
        }
        debuggee.go("continue", stop.thread);
        assert_eq!(debuggee.end().output, "done", "{}", python.version);
    }
}

#[test]
fn a_breakpoint_without_code_moves_to_the_next_line_that_has_some() {
    for python in pythons() {
        let launch = Launch { stop_on_entry: true, ..with_helper("done", None) };
        let mut debuggee = Debuggee::launch(&python, LOOP, launch);
        let stop = debuggee.stopped();
        let path = debuggee.script.to_str().unwrap().to_owned();
        let blank = debuggee.line("work") + 1;
        let body = debuggee.request(
            "setBreakpoints",
            json!({"source": {"path": path}, "breakpoints": [{"line": blank}, {"line": 1000}]}),
        );
        assert_eq!(body["breakpoints"][0]["line"], json!(blank + 1), "{} {body}", python.version);
        assert_eq!(body["breakpoints"][0]["verified"], json!(true), "{}", python.version);
        assert!(body["breakpoints"][0]["message"].as_str().unwrap().contains("moved"), "{body}");
        assert_eq!(body["breakpoints"][1]["verified"], json!(false), "{body}");
        let stop = debuggee.go_and_stop("continue", stop.thread);
        assert_eq!(stop.line(), blank + 1, "{}", python.version);
    }
}

#[test]
fn a_breakpoint_in_a_file_that_is_imported_later_is_verified_then() {
    for python in pythons() {
        let mut debuggee = Debuggee::launch(&python, LOOP, Launch { stop_on_entry: true, ..with_helper("done", None) });
        let stop = debuggee.stopped();
        let path = debuggee.script.with_file_name("helper.py");
        debuggee.event("breakpoint");
        let arguments = json!({"source": {"path": path.to_str().unwrap()}, "breakpoints": [{"line": 2}]});
        let body = debuggee.request("setBreakpoints", arguments);
        assert_eq!(body["breakpoints"][0]["verified"], json!(false), "{}", python.version);
        debuggee.go("continue", stop.thread);
        let changed = debuggee.event("breakpoint");
        assert_eq!(changed["breakpoint"]["verified"], json!(true), "{changed}");
        let stop = debuggee.stopped();
        assert_eq!((stop.line(), stop.function()), (2, "twice"), "{}", python.version);
        assert_eq!(stop.body["hitBreakpointIds"][0], changed["breakpoint"]["id"]);
    }
}

#[test]
fn a_breakpoint_reaches_a_function_that_runs_already() {
    const SPIN: &str = "\
def spin():
    n = 0
    while n >= 0:
        n += 1
        m = n  # BP:spin
print('go', flush=True)
spin()
";
    for python in pythons() {
        let mut debuggee = Debuggee::launch(&python, SPIN, Launch::default());
        assert_eq!(debuggee.printed(), "go");
        let answer = debuggee.set_breakpoints(&[("spin".into(), None)]);
        assert_eq!(answer[0]["verified"], json!(true), "{}", python.version);
        let stop = debuggee.stopped();
        assert_eq!((stop.reason.as_str(), stop.line()), ("breakpoint", debuggee.line("spin")), "{}", python.version);
        debuggee.request("setBreakpoints", json!({"source": {"path": debuggee.script.to_str()}, "breakpoints": []}));
        debuggee.go("continue", stop.thread);
        assert!(debuggee.event_within("stopped", Duration::from_millis(200)).is_none(), "{}", python.version);
    }
}

#[test]
fn set_breakpoints_is_answered_while_a_call_keeps_the_gil() {
    // `sum` over a C iterator never lets another thread in.
    const KEEP: &str = "\
import itertools
print('go', flush=True)
sum(itertools.repeat(1, 300_000_000))
after = 1  # BP:after
print('end')
";
    for python in pythons() {
        let mut debuggee = Debuggee::launch(&python, KEEP, Launch::default());
        assert_eq!(debuggee.printed(), "go");
        let begin = Instant::now();
        let answer = debuggee.set_breakpoints(&[("after".into(), None)]);
        let took = begin.elapsed();
        // The limit is 50 ms; a loaded machine may add some.
        assert!(took < Duration::from_millis(400), "{}: {took:?}", python.version);
        assert_eq!(answer.len(), 1);
        let stop = debuggee.stopped();
        assert_eq!(stop.line(), debuggee.line("after"), "{}", python.version);
    }
}

#[test]
fn a_breakpoint_keeps_its_id_while_it_stays() {
    let python = &pythons()[0];
    let mut debuggee = Debuggee::launch(python, LOOP, Launch { stop_on_entry: true, ..with_helper("done", None) });
    debuggee.stopped();
    let first = debuggee.set_breakpoints(&[("work".into(), None), ("loop".into(), None)]);
    let second = debuggee.set_breakpoints(&[("loop".into(), None), ("work".into(), Some("i == 1".into()))]);
    assert_eq!(first[1]["id"], second[0]["id"]);
    assert_ne!(first[0]["id"], second[1]["id"]);
}

#[test]
fn breakpoint_in_the_program_stops_there() {
    const CALL: &str = "def f():\n    x = 1\n    breakpoint()\n    print('after', x)  # BP:after\nf()\n";
    for python in pythons() {
        let mut debuggee = Debuggee::launch(&python, CALL, Launch::default());
        let stop = debuggee.stopped();
        assert_eq!((stop.reason.as_str(), stop.line(), stop.function()), ("breakpoint", 3, "f"), "{}", python.version);
        let stop = debuggee.go_and_stop("next", stop.thread);
        assert_eq!(stop.line(), debuggee.line("after"), "{}", python.version);
        debuggee.go("continue", stop.thread);
        assert_eq!(debuggee.end().output, "after 1");
        // Its environment variable keeps its meaning.
        for (value, expected) in [("0", "after 1"), ("app_hook.hook", "hook ran\nafter 1")] {
            let launch = Launch {
                env: vec![("PYTHONBREAKPOINT".into(), value.into())],
                files: vec![("app_hook.py".into(), "def hook(): print('hook ran')\n".into())],
                ..Launch::default()
            };
            assert_eq!(Debuggee::launch(&python, CALL, launch).end().output, expected, "{}", python.version);
        }
    }
}
