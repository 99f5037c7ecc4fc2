//! Wrong requests at the agent's door: each gets one clear answer, and the program and its session go on.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::io::Write;

use serde_json::{Value, json};
use support::interpreters::on_each_python;
use support::wrong_requests::{Faults, LONGEST, PROGRAM, RESUMING, fill, forms, requests};
use support::{Debuggee, Launch, Python, Stopped, pythons};

/// A stop, and the ids that belong to it.
struct Here {
    stop: Stopped,
    locals: Value,
    path: String,
}

impl Here {
    /// Starts the program as far as its function.
    fn begin(python: &Python, launch: Launch) -> (Debuggee, Self) {
        let mut debuggee = Debuggee::launch(python, PROGRAM, launch);
        let stop = debuggee.stopped();
        let here = Self::of(&mut debuggee, stop);
        (debuggee, here)
    }

    fn of(debuggee: &mut Debuggee, stop: Stopped) -> Self {
        let scopes = debuggee.request("scopes", json!({"frameId": stop.top()["id"]}));
        let locals = scopes["scopes"][0]["variablesReference"].clone();
        Self { stop, locals, path: debuggee.script.to_str().unwrap().to_owned() }
    }

    /// Puts the ids in.
    fn fill(&self, value: &Value) -> Value {
        let (thread, frame) = (self.stop.thread.into(), self.stop.top()["id"].clone());
        let ids = [
            ("$thread", thread),
            ("$frame", frame),
            ("$locals", self.locals.clone()),
            ("$path", self.path.clone().into()),
        ];
        fill(value, &ids)
    }
}

#[test]
fn every_wrong_request_to_a_stopped_program_gets_one_answer_and_the_session_goes_on() {
    for python in pythons() {
        let version = &python.version;
        let mut faults = Faults::default();
        let (mut debuggee, mut here) = Here::begin(&python, Launch::at("work"));
        for (command, valid, fields) in requests() {
            for (form, arguments, must) in forms(&valid, &fields) {
                let what = format!("{version} {command} {form}");
                let seq = debuggee.ask(command, here.fill(&arguments));
                let response = debuggee.response(seq);
                let done = faults.look_at(&response, &what);
                faults.check(!(done && must), || format!("{what}: was carried out"));
                if done && RESUMING.contains(&command) {
                    if command == "ikpdb/runTo" {
                        debuggee.event("continued");
                    }
                    let stop = debuggee.stopped();
                    here = Here::of(&mut debuggee, stop);
                }
                if command == "setBreakpoints" {
                    debuggee.set_breakpoints(&[("work".to_owned(), None)]);
                }
            }
            let result = debuggee.evaluate("1 + 1", here.stop.top());
            assert_eq!(result, "2", "{version}: after {command}");
        }
        ends_as_ever(debuggee, &here.stop, version);
    }
}

/// The program is let go to its end.
fn ends_as_ever(mut debuggee: Debuggee, stop: &Stopped, what: &str) {
    assert!(debuggee.unclaimed().is_empty(), "{what}: {:?}", debuggee.unclaimed());
    debuggee.request("setFunctionBreakpoints", json!({"breakpoints": []}));
    debuggee.set_breakpoints(&[]);
    debuggee.request("setExceptionBreakpoints", json!({"filters": []}));
    debuggee.request("evaluate", json!({"expression": "over = True", "context": "repl"}));
    debuggee.request("continue", json!({"threadId": stop.thread}));
    let ended = debuggee.end();
    assert_eq!(ended.seen(), (Some(3), "end", ""), "{what}");
}

/// What is refused while the program runs, and what is answered as ever.
#[test]
fn every_wrong_request_to_a_running_program_gets_one_answer_and_the_session_goes_on() {
    const NEEDS_A_STOP: [&str; 13] = [
        "scopes",
        "variables",
        "setVariable",
        "evaluate",
        "exceptionInfo",
        "stackTrace",
        "stepInTargets",
        "gotoTargets",
        "goto",
        "continue",
        "next",
        "stepIn",
        "stepOut",
    ];
    for python in pythons() {
        let version = &python.version;
        let mut faults = Faults::default();
        let (mut debuggee, here) = Here::begin(&python, Launch::at("work"));
        debuggee.set_breakpoints(&[]);
        debuggee.go("continue", here.stop.thread);
        for (command, valid, fields) in requests() {
            for (form, arguments, must) in
                forms(&valid, &fields).into_iter().chain([("as ever".to_owned(), valid.clone(), false)])
            {
                let what = format!("{version} running: {command} {form}");
                let seq = debuggee.ask(command, here.fill(&arguments));
                let response = debuggee.response(seq);
                let done = faults.look_at(&response, &what);
                let needs = NEEDS_A_STOP.contains(&command) || command == "ikpdb/runTo";
                faults.check(!(done && (must || needs)), || format!("{what}: was carried out"));
                if needs {
                    let message = response.message.unwrap();
                    faults.check(message.contains("running"), || format!("{what}: {message}"));
                }
                if command == "setBreakpoints" {
                    // It may have been a good one: then the program stops.
                    debuggee.set_breakpoints(&[]);
                }
                if done && ["setBreakpoints", "pause"].contains(&command) {
                    while let Some(body) = debuggee.event_within(
                        "stopped",
                        std::time::Duration::from_millis(if command == "pause" { 20_000 } else { 1 }),
                    ) {
                        debuggee.go("continue", body["threadId"].as_i64().unwrap());
                        if command == "pause" {
                            break;
                        }
                    }
                }
            }
        }
        debuggee.request("pause", json!({"threadId": here.stop.thread}));
        let stop = debuggee.stopped();
        assert_eq!(debuggee.evaluate("1 + 1", stop.top()), "2", "{version}");
        ends_as_ever(debuggee, &stop, version);
    }
}

#[test]
fn ids_of_an_earlier_stop_and_of_nothing_are_refused_in_words() {
    for python in pythons() {
        let version = &python.version;
        let mut faults = Faults::default();
        let (mut debuggee, old) = Here::begin(&python, Launch::at("work"));
        let stop = debuggee.go_and_stop("continue", old.stop.thread);
        let here = Here::of(&mut debuggee, stop);
        let (frame, thread) = (&old.stop.top()["id"], here.stop.thread);
        let stale = [
            ("scopes", json!({"frameId": frame})),
            ("evaluate", json!({"expression": "1", "frameId": frame})),
            ("stepInTargets", json!({"frameId": frame})),
            ("variables", json!({"variablesReference": old.locals})),
            ("setVariable", json!({"variablesReference": old.locals, "name": "n", "value": "1"})),
        ];
        for (command, arguments) in stale {
            let refused = debuggee.try_request(command, arguments).unwrap_err();
            assert!(refused.contains("belongs to an earlier stop"), "{version} {command}: {refused}");
        }
        let unknown = [
            ("scopes", json!({"frameId": 2_000_000_000}), "no frame"),
            ("variables", json!({"variablesReference": 2_000_000_000}), "no "),
            ("stackTrace", json!({"threadId": 77}), "no thread 77"),
            ("continue", json!({"threadId": 77}), "no thread 77"),
            ("next", json!({"threadId": 77}), "no thread 77"),
            ("stepIn", json!({"threadId": 77}), "no thread 77"),
            ("stepIn", json!({"threadId": thread, "targetId": 77}), "no call 77"),
            ("stepOut", json!({"threadId": 77}), "no thread 77"),
            ("exceptionInfo", json!({"threadId": 77}), "no thread 77"),
            ("goto", json!({"threadId": 77, "targetId": 4}), "thread"),
            ("goto", json!({"threadId": thread, "targetId": 1_000_000}), "cannot go on there"),
            ("ikpdb/runTo", json!({"threadId": 77, "source": {"path": here.path}, "line": 4}), "no thread 77"),
            ("terminateThreads", json!({"threadIds": [77]}), "no thread 77"),
            ("source", json!({"source": {"sourceReference": 77}, "sourceReference": 77}), "nor a known reference"),
            ("someday/new", json!({}), "'someday/new' is not supported"),
            ("", json!({}), "not supported"),
            (&"x".repeat(1 << 20), json!({}), "is not supported"),
        ];
        for (command, arguments, words) in unknown {
            let refused = debuggee.try_request(command, arguments).err().unwrap_or_default();
            let command = &command[..command.len().min(20)];
            let holds = refused.contains(words) && refused.len() <= LONGEST;
            faults.check(holds, || format!("{version} {command}: {refused:.1200}"));
        }
        assert_eq!(debuggee.evaluate("n", here.stop.top()), "1", "{version}: nothing has gone on");
        ends_as_ever(debuggee, &here.stop, version);
    }
}

#[test]
fn while_an_evaluation_runs_everything_else_waits_for_it_or_is_answered_at_once() {
    for python in pythons() {
        let version = &python.version;
        let mut faults = Faults::default();
        let (mut debuggee, here) = Here::begin(&python, Launch { pipe_stdin: true, ..Launch::at("work") });
        let frame = here.stop.top()["id"].clone();
        let reading = json!({"expression": "input()", "frameId": frame, "context": "repl"});
        let first = debuggee.ask("evaluate", reading);
        let mut asked = Vec::new();
        for (command, valid, _) in requests() {
            if !RESUMING.contains(&command) && !["setBreakpoints", "configurationDone"].contains(&command) {
                asked.push((command, debuggee.ask(command, here.fill(&valid))));
            }
        }
        let second = debuggee.ask("evaluate", json!({"expression": "n + 1", "frameId": frame, "context": "repl"}));
        // All of that is asked before the evaluation can end.
        debuggee.stdin().write_all(b"read\n").unwrap();
        assert_eq!(debuggee.answer(first).unwrap()["result"], "'read'", "{version}");
        for (command, seq) in asked {
            let answer = debuggee.response(seq);
            let done = faults.look_at(&answer, command);
            assert!(done || command == "exceptionInfo", "{version} {command}: {:?}", answer.message);
        }
        assert_eq!(debuggee.answer(second).unwrap()["result"], "1", "{version}");
        ends_as_ever(debuggee, &here.stop, version);
    }
}

#[test]
fn what_is_very_large_is_answered() {
    on_each_python(|python, _| {
        let version = &python.version;
        let mut faults = Faults::default();
        let (mut debuggee, here) = Here::begin(python, Launch::at("work"));
        let frame = here.stop.top()["id"].clone();
        let mut evaluate = |expression: String| {
            let arguments = json!({"expression": expression, "frameId": frame, "context": "repl"});
            let seq = debuggee.ask("evaluate", arguments);
            let response = debuggee.response(seq);
            faults.look_at(&response, version).then(|| response.body.unwrap().get().len())
        };
        // A text of 10 MB: the answer is cut, and says so.
        assert!(evaluate(format!("'{}'", "x".repeat(10 << 20))).is_some_and(|it| it < 1 << 20), "{version}");
        assert!(evaluate(format!("len('{}')", "é".repeat(5 << 20))).is_some(), "{version}");
        for refused in [
            "(".repeat(10 << 20),
            "x y".repeat(3 << 20),
            format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000)),
            format!("1{}", " if 1 else 1".repeat(200_000)),
            "not ".repeat(200_000) + "1",
        ] {
            assert_eq!(evaluate(refused.clone()), None, "{version} {}", &refused[..10]);
        }
        // Whatever becomes of it, the interpreter survives it.
        evaluate(format!("1{}", "+1".repeat(300_000)));
        evaluate(format!("[{}]", "1,".repeat(1 << 20)));
        // Many breakpoints, good and bad.
        let many: Vec<Value> = (0..100_000).map(|line| json!({"line": line, "condition": "n < 0"})).collect();
        let source = json!({"path": here.path});
        let body = debuggee.request("setBreakpoints", json!({"source": source, "breakpoints": many}));
        let made = body["breakpoints"].as_array().unwrap();
        assert_eq!(made.len(), 100_000, "{version}");
        let mut ids: Vec<_> = made.iter().map(|it| it["id"].as_i64().unwrap()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 100_000, "{version}");
        let functions: Vec<Value> = (0..20_000).map(|n| json!({"name": format!("f{n}")})).collect();
        let body = debuggee.request("setFunctionBreakpoints", json!({"breakpoints": functions}));
        assert_eq!(body["breakpoints"].as_array().unwrap().len(), 20_000, "{version}");
        debuggee.set_breakpoints(&[("work".to_owned(), None)]);
        let stop = debuggee.go_and_stop("continue", here.stop.thread);
        assert_eq!(stop.function(), "work", "{version}");
        ends_as_ever(debuggee, &stop, version);
    });
}
