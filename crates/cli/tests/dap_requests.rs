//! Every request that an editor can make of a Python program, in one session on each interpreter; and what holds the
//! answers against the protocol.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod dap_support;

use dap_support::{Dap, Editor, Home, check, name, schema};
use ikpdb_testkit::marked_line;
use serde_json::{Value, json};

const PROGRAM: &str = "\
import time

def inner(x):
    y = x * 2  # BP:inner
    return y

def outer(n):
    total = inner(n)  # BP:call
    many = list(range(1000))  # BP:after
    return total  # BP:return

done = False
print(outer(21), flush=True)
while not done:
    time.sleep(0.001)
raise ValueError('at the end')
";

/// An editor in the middle of a session.
struct Session {
    editor: Editor,
    path: String,
    thread: Value,
}

impl Session {
    fn line(&self, marker: &str) -> u32 {
        marked_line(PROGRAM, marker)
    }

    /// Lets the program go on in this way, to the next stop.
    fn go(&mut self, command: &str, more: Value, reason: &str) -> Value {
        let mut arguments = json!({"threadId": self.thread});
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.editor.call(command, arguments);
        self.stopped(reason)
    }

    /// The next stop: the topmost frame.
    fn stopped(&mut self, reason: &str) -> Value {
        let stopped = self.editor.event("stopped");
        assert_eq!(stopped["reason"], reason, "{stopped}");
        self.thread = stopped["threadId"].clone();
        self.top()
    }

    fn top(&mut self) -> Value {
        let arguments = json!({"threadId": self.thread, "startFrame": 0, "levels": 1});
        let stack = self.editor.call("stackTrace", arguments);
        assert_eq!(stack["stackFrames"].as_array().unwrap().len(), 1, "{stack}");
        stack["stackFrames"][0].clone()
    }

    fn evaluate(&mut self, expression: &str, frame: &Value, context: &str) -> Value {
        let arguments = json!({"expression": expression, "frameId": frame["id"], "context": context});
        self.editor.call("evaluate", arguments)
    }
}

fn place(frame: &Value) -> (&str, u64) {
    (frame["name"].as_str().unwrap(), frame["line"].as_u64().unwrap())
}

/// What can be looked at while the program is stopped in `outer`.
fn look_around(session: &mut Session, frame: &Value) {
    let editor = &mut session.editor;
    let threads = editor.call("threads", json!({}));
    assert!(threads["threads"].as_array().unwrap().iter().any(|it| it["id"] == session.thread), "{threads}");
    let scopes = editor.call("scopes", json!({"frameId": frame["id"]}))["scopes"].clone();
    let variables = |editor: &mut Editor, scope: usize| {
        editor.call("variables", json!({"variablesReference": scopes[scope]["variablesReference"]}))["variables"]
            .clone()
    };
    let locals = variables(editor, 0);
    let find = |list: &Value, name: &str| {
        list.as_array()
            .unwrap()
            .iter()
            .find(|it| it["name"] == name)
            .cloned()
            .unwrap_or_else(|| panic!("no {name}: {list}"))
    };
    assert_eq!(find(&locals, "total")["value"], "42");
    let many = find(&locals, "many");
    assert_eq!(many["indexedVariables"], 1000);
    let page = json!({"variablesReference": many["variablesReference"], "filter": "indexed", "start": 500, "count": 3});
    let page = editor.call("variables", page)["variables"].clone();
    let values: Vec<_> = page.as_array().unwrap().iter().map(|it| it["value"].as_str().unwrap()).collect();
    assert_eq!(values, ["500", "501", "502"]);
    let set = json!({"variablesReference": scopes[0]["variablesReference"], "name": "total", "value": "n + 2"});
    assert_eq!(editor.call("setVariable", set)["value"], "23");
    assert!(editor.refusal("exceptionInfo", json!({"threadId": session.thread})).lines().count() == 1);
    let source = json!({"source": {"path": session.path}, "sourceReference": 0});
    assert_eq!(editor.call("source", source)["content"], PROGRAM);
    look_at_places(session, frame);
    assert_eq!(session.evaluate("total", frame, "hover")["result"], "23");
    for context in ["watch", "repl", "clipboard", "variables"] {
        assert_eq!(session.evaluate("total * 2", frame, context)["result"], "46", "{context}");
    }
    session.evaluate("import math\ntotal = math.floor(1.5)", frame, "repl");
    let wrong = json!({"expression": "1 / 0", "frameId": frame["id"], "context": "repl"});
    assert!(session.editor.refusal("evaluate", wrong).contains("ZeroDivisionError"));
}

/// Where the program can be stopped, gone into and moved to.
fn look_at_places(session: &mut Session, frame: &Value) {
    let (source, call) = (json!({"path": session.path}), session.line("call"));
    let editor = &mut session.editor;
    let arguments = json!({"source": source, "line": call, "endLine": call + 1});
    let places = editor.call("breakpointLocations", arguments)["breakpoints"].clone();
    assert_eq!((&places[0]["line"], &places[1]["column"]), (&json!(call), &json!(13)), "{places}");
    assert_eq!(editor.call("stepInTargets", json!({"frameId": frame["id"]}))["targets"], json!([]));
    let targets = editor.call("gotoTargets", json!({"source": source, "line": call}))["targets"].clone();
    assert_eq!(targets[0]["line"], json!(call), "{targets}");
    let functions = json!({"breakpoints": [{"name": "inner"}, {"name": "nobody"}]});
    let made = editor.call("setFunctionBreakpoints", functions)["breakpoints"].clone();
    assert_eq!((&made[0]["verified"], &made[1]["verified"]), (&json!(true), &json!(false)), "{made}");
    editor.call("setFunctionBreakpoints", json!({"breakpoints": []}));
    let raised = json!({"filterId": "raised", "condition": "KeyError"});
    let filters = json!({"filters": ["uncaught"], "filterOptions": [raised, {"filterId": "odd"}]});
    let made = editor.call("setExceptionBreakpoints", filters)["breakpoints"].clone();
    let verified: Vec<_> = made.as_array().unwrap().iter().map(|it| it["verified"].clone()).collect();
    assert_eq!(verified, [json!(true), json!(true), json!(false)], "{made}");
    editor.call("setExceptionBreakpoints", json!({"filters": ["uncaught"]}));
    editor.call("terminateThreads", json!({"threadIds": []}));
}

/// Evaluations of 6 s, and of much longer ones that are given up in both ways.
fn take_long(session: &mut Session, frame: &Value) {
    let ask = |session: &mut Session, seconds: u32| {
        let expression = format!("__import__('time').sleep({seconds}) or {seconds}");
        let arguments = json!({"expression": expression, "frameId": frame["id"], "context": "repl"});
        session.editor.ask("evaluate", arguments)
    };
    let seq = ask(session, 6);
    let start = session.editor.event("progressStart");
    assert_eq!((&start["requestId"], &start["cancellable"]), (&json!(seq), &json!(true)), "{start}");
    // Meanwhile it can still be looked at.
    session.editor.call("threads", json!({}));
    let stack = session.editor.call("stackTrace", json!({"threadId": session.thread}));
    assert_eq!(stack["stackFrames"][0]["line"], frame["line"]);
    assert_eq!(session.editor.event("progressEnd")["progressId"], start["progressId"]);
    assert_eq!(session.editor.response(seq)["body"]["result"], "6");
    let by_number = ask(session, 600);
    // Answered while it runs, so it has begun.
    session.editor.call("threads", json!({}));
    session.editor.call("cancel", json!({"requestId": by_number}));
    assert_eq!(session.editor.response(by_number)["success"], false);
    let by_progress = ask(session, 600);
    let start = session.editor.event("progressStart");
    session.editor.call("cancel", json!({"progressId": start["progressId"]}));
    assert_eq!(session.editor.event("progressEnd")["progressId"], start["progressId"]);
    assert_eq!(session.editor.response(by_progress)["success"], false);
}

fn whole_session(home: &Home, python: &ikpdb_testkit::Python) {
    let path = home.write(&format!("every-{}-{}.py", python.version, python.system), PROGRAM);
    let mut editor = home.editor();
    let launch =
        json!({"program": path, "python": python.executable, "stopOnEntry": true, "console": "internalConsole"});
    editor.launch(launch, &[(&path, json!([{"line": marked_line(PROGRAM, "call")}]))]);
    let mut session = Session { editor, path: path.clone(), thread: Value::Null };
    session.stopped("entry");
    let call = session.go("continue", json!({}), "breakpoint");
    assert_eq!(place(&call), ("outer", session.line("call").into()));
    let inner = session.go("stepIn", json!({}), "step");
    assert_eq!(place(&inner), ("inner", session.line("inner").into()));
    let out = session.go("stepOut", json!({}), "step");
    assert_eq!(out["name"], "outer", "{out}");
    let mut frame = out;
    while place(&frame).1 != u64::from(session.line("after")) {
        frame = session.go("next", json!({"granularity": "line"}), "step");
        assert_eq!(frame["name"], "outer");
    }
    let to = json!({"source": {"path": path}, "line": session.line("return")});
    let arguments = json!({"threadId": session.thread, "source": to["source"], "line": to["line"]});
    session.editor.call("ikpdb/runTo", arguments);
    let stopped = session.editor.event("stopped");
    session.thread = stopped["threadId"].clone();
    let frame = session.top();
    assert_eq!(place(&frame), ("outer", session.line("return").into()), "{stopped}");
    look_around(&mut session, &frame);
    take_long(&mut session, &frame);
    session.editor.call("setBreakpoints", json!({"source": {"path": path}, "breakpoints": []}));
    session.editor.call("continue", json!({"threadId": session.thread}));
    assert_eq!(session.editor.line(), "1", "what was assigned last");
    session.editor.call("pause", json!({"threadId": session.thread}));
    let paused = session.stopped("pause");
    session.evaluate("done = True", &paused, "repl");
    session.go("continue", json!({}), "exception");
    let info = session.editor.call("exceptionInfo", json!({"threadId": session.thread}));
    assert!(info["description"].as_str().unwrap().contains("at the end"), "{info}");
    session.editor.call("setExceptionBreakpoints", json!({"filters": []}));
    for command in ["stepBack", "restartFrame", "goto", "restart", "someday/new"] {
        session.editor.refusal(command, json!({"threadId": session.thread}));
    }
    session.editor.call("continue", json!({"threadId": session.thread}));
    assert_eq!(session.editor.exit(), 1, "Python {}", python.version);
    let complaints = session.editor.printed("important");
    assert_eq!(complaints, "", "the console is the one that there is");
    let names: Vec<_> = session.editor.leave().iter().map(name).collect();
    let count = |wanted: &str| names.iter().filter(|it| *it == wanted).count();
    assert_eq!((count("progressStart"), count("progressEnd")), (2, 2));
}

#[test]
fn one_session_makes_every_request_and_hears_only_what_the_protocol_has() {
    let home = Home::new();
    // Most of the time goes by in evaluations that sleep.
    let pythons = ikpdb_testkit::pythons();
    std::thread::scope(|scope| {
        for python in &pythons {
            let home = &home;
            scope.spawn(move || whole_session(home, python));
        }
    });
}

#[test]
fn a_message_that_is_not_of_the_protocol_is_noticed() {
    let schema = schema();
    let event = |name: &str, body: Value| json!({"seq": 1, "type": "event", "event": name, "body": body});
    let answer = |command: &str, body: Value| json!({"seq": 1, "type": "response", "request_seq": 1, "success": true, "command": command, "body": body});
    let good = [
        event("stopped", json!({"reason": "step", "threadId": 1, "ikpdbUnwound": true})),
        event("ikpdb/child", json!({"anything": 1})),
        answer("continue", json!({"allThreadsContinued": true})),
        json!({"seq": 1, "type": "event", "event": "initialized"}),
        json!({"seq": 1, "type": "response", "request_seq": 1, "success": false, "command": "x", "message": "no"}),
    ];
    for message in &good {
        check(&schema, message);
    }
    let bad = [
        event("stopped", json!({"threadId": 1})),
        event("stopped", json!({"reason": "step", "threadId": 0})),
        event("stopped", json!({"reason": "step", "thread": 1})),
        event("stopped", json!({"reason": "step", "threadId": 4_000_000_000_u32})),
        event("stoped", json!({"reason": "step"})),
        event("output", json!({"output": "x", "category": "error"})),
        event("output", json!({"category": "stdout"})),
        event("progressStart", json!({"progressId": 1, "title": "x"})),
        answer("variables", json!({"variables": [{"name": "x", "value": 1, "variablesReference": 0}]})),
        answer("variables", json!({"variables": [{"name": "x", "value": "1", "variablesReference": -1}]})),
        answer("variables", json!({})),
        answer("exceptionInfo", json!({"exceptionId": "x", "breakMode": "sometimes"})),
        answer("initialize", json!({"supportsEverything": true})),
        answer("someday/new", json!({})),
        json!({"seq": 1, "type": "response", "request_seq": 1, "success": false, "command": "x"}),
        json!({"seq": 1, "type": "response", "success": true, "command": "next"}),
        json!({"seq": 0, "type": "event", "event": "initialized"}),
        json!({"seq": 1, "type": "request", "command": "runInTerminal"}),
        json!({"seq": 1, "type": "event", "event": "initialized", "session": 1}),
    ];
    for message in &bad {
        assert!(!schema.is_valid(message), "{message}");
    }
}
