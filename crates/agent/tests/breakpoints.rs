//! Source breakpoints, on every interpreter.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::io::Write;
use std::process::ChildStdin;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
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
            assert!(message.contains("not valid: "), "{} {condition}: {message}", python.version);
            assert!(!message.contains("<condition>"), "{} {condition}: {message}", python.version);
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

/// Calls that keep the GIL, one for each line that it reads; it prints when each of them began and ended. (`sum` over an iterator
/// that is written in C never lets another thread in.)
const KEEP: &str = "\
import itertools, sys, time, mine
count = 1_000_000
def keep(count):
    sum(itertools.repeat(1, count))
begin = time.perf_counter()
keep(count)
count = int(count * 0.5 / (time.perf_counter() - begin))
print('ready', flush=True)
for line in sys.stdin:
    print('keeps', flush=True)
    began = time.monotonic()
    keep(count)
    print(began, time.monotonic(), flush=True)
    if line == 'stop\\n':
        after = 1  # BP:after
";

/// The clock that `time.monotonic` shows.
fn monotonic() -> f64 {
    // SAFETY: plain data, filled in by the call.
    unsafe {
        let mut time: libc::timespec = std::mem::zeroed();
        libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time);
        time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
    }
}

/// Has one call made that keeps the GIL, and requests answered in it: the answers, how long they took, and whether the call was
/// under way all the time.
fn within_a_call(debuggee: &mut Debuggee, stdin: &mut ChildStdin, requests: &[Value]) -> (Vec<Value>, Duration, bool) {
    stdin.write_all(b"\n").unwrap();
    assert_eq!(debuggee.printed(), "keeps");
    // The call begins behind that line; whether this was late enough is seen below.
    assert!(debuggee.event_within("stopped", Duration::from_millis(20)).is_none());
    let (begin, sent) = (Instant::now(), monotonic());
    let asked: Vec<i64> = requests.iter().map(|it| debuggee.ask("setBreakpoints", it.clone())).collect();
    let answers = asked.into_iter().map(|seq| debuggee.answer(seq).unwrap()["breakpoints"][0].clone()).collect();
    let (took, answered) = (begin.elapsed(), monotonic());
    let times = debuggee.printed();
    let (began, returned) = times.split_once(' ').unwrap();
    let (began, returned): (f64, f64) = (began.parse().unwrap(), returned.parse().unwrap());
    (answers, took, began < sent && answered < returned)
}

/// As [`within_a_call`], until they took no longer than 50 ms. That is meant for a machine with nothing else to do, so the best of
/// ten counts.
fn within_50_ms(debuggee: &mut Debuggee, stdin: &mut ChildStdin, requests: &[Value], version: &str) -> Vec<Value> {
    assert_eq!(debuggee.printed(), "ready", "{version}");
    let mut times = Vec::new();
    for _ in 0..10 {
        let (answers, took, in_call) = within_a_call(debuggee, stdin, requests);
        if in_call && took < Duration::from_millis(50) {
            return answers;
        }
        times.push((took, in_call));
    }
    panic!("{version}: not within 50 ms, or not while the call was under way: {times:?}");
}

fn keeps(python: &support::Python) -> Debuggee {
    let files = vec![("mine.py".into(), "x = 1\n\n\ny = 2\n".into())];
    Debuggee::launch(python, KEEP, Launch { pipe_stdin: true, files, ..Launch::default() })
}

#[test]
fn set_breakpoints_is_answered_rightly_while_a_call_keeps_the_gil() {
    for python in pythons() {
        let mut debuggee = keeps(&python);
        let mut stdin = debuggee.stdin();
        let (path, after) = (debuggee.script.clone(), debuggee.line("after"));
        let wanted = [json!({"source": {"path": path}, "breakpoints": [{"line": after, "condition": "count > 0"}]})];
        let answer = within_50_ms(&mut debuggee, &mut stdin, &wanted, &python.version);
        assert_eq!((&answer[0]["verified"], &answer[0]["line"]), (&json!(true), &json!(after)), "{answer:?}");
        stdin.write_all(b"stop\n").unwrap();
        let stop = debuggee.stopped();
        assert_eq!(stop.line(), after, "{}", python.version);
    }
}

#[test]
fn ten_sources_at_once_are_answered_as_soon_as_one_while_a_call_keeps_the_gil() {
    for python in pythons() {
        let mut debuggee = keeps(&python);
        let mut stdin = debuggee.stdin();
        let names = ["mine.py", "1.py", "2.py", "3.py", "4.py", "5.py", "6.py", "7.py", "8.py", "9.py"];
        let path = |name| debuggee.script.with_file_name(name);
        let wanted = names.map(|name| json!({"source": {"path": path(name)}, "breakpoints": [{"line": 2}]}));
        let answers = within_50_ms(&mut debuggee, &mut stdin, &wanted, &python.version);
        let moved = (&answers[0]["verified"], &answers[0]["line"]);
        assert_eq!(moved, (&json!(true), &json!(4)), "{}: loaded, and no code there: {answers:?}", python.version);
        assert!(answers[0]["message"].as_str().unwrap().contains("moved"), "{answers:?}");
        for answer in &answers[1..] {
            assert_eq!(answer["verified"], json!(false), "{answer}");
            assert!(answer["message"].as_str().unwrap().contains("not been loaded"), "{answer}");
        }
    }
}

#[test]
fn a_condition_that_could_not_be_looked_at_in_time_is_told_of_later() {
    for python in pythons() {
        let mut debuggee = keeps(&python);
        let mut stdin = debuggee.stdin();
        assert_eq!(debuggee.printed(), "ready");
        let (path, after) = (debuggee.script.clone(), debuggee.line("after"));
        let answer = (1..=10).find_map(|round| {
            // Each time another one: what is known of a condition is remembered.
            let condition = "(".repeat(round);
            let wanted = json!({"source": {"path": path}, "breakpoints": [{"line": after, "condition": condition}]});
            let (answers, _, in_call) = within_a_call(&mut debuggee, &mut stdin, &[wanted]);
            // Asked just before the call begins it may have been looked at.
            let unseen = answers[0]["message"].as_str().is_some_and(|it| it.contains("condition is looked at"));
            (in_call && unseen).then(|| answers[0].clone())
        });
        let answer = answer.expect("an answer within the call that says that the condition was not looked at");
        assert_eq!(answer["verified"], json!(true), "{}: {answer}", python.version);
        let changed = loop {
            let changed = debuggee.event("breakpoint")["breakpoint"].clone();
            if changed["id"] == answer["id"] {
                break changed;
            }
        };
        assert_eq!(changed["verified"], json!(false), "{changed}");
        assert!(changed["message"].as_str().unwrap().contains("not valid"), "{changed}");
    }
}

#[test]
fn a_breakpoint_in_a_file_is_found_by_each_of_its_names() {
    const WHERE: &str = "import link\nlink.f()\n";
    for python in pythons() {
        for name in ["real/mine.py", "link.py"] {
            let files = vec![("real/mine.py".into(), "def f():\n    return 1\n".into())];
            let launch = Launch { files, stop_on_entry: true, ..Launch::default() };
            let mut debuggee = Debuggee::launch(&python, WHERE, launch);
            let stop = debuggee.stopped();
            let folder = debuggee.script.parent().unwrap().to_owned();
            std::os::unix::fs::symlink(folder.join("real/mine.py"), folder.join("link.py")).unwrap();
            let source = json!({"path": folder.join(name)});
            debuggee.request("setBreakpoints", json!({"source": source, "breakpoints": [{"line": 2}]}));
            let stop = debuggee.go_and_stop("continue", stop.thread);
            assert_eq!((stop.line(), stop.function()), (2, "f"), "{} {name}", python.version);
        }
    }
}

#[test]
fn a_breakpoint_keeps_its_id_while_it_stays() {
    for python in pythons() {
        let version = &python.version;
        let mut debuggee = Debuggee::launch(&python, LOOP, Launch { stop_on_entry: true, ..with_helper("done", None) });
        debuggee.stopped();
        let first = debuggee.set_breakpoints(&[("work".into(), None), ("loop".into(), None)]);
        let second = debuggee.set_breakpoints(&[("loop".into(), None), ("work".into(), Some("i == 1".into()))]);
        assert_eq!(first[1]["id"], second[0]["id"], "{version}");
        assert_ne!(first[0]["id"], second[1]["id"], "{version}");
    }
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
