//! What clients of the original's protocol may count on, whatever state the program is in and whenever they come and go.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;

use ikpdb_testkit::ikpdb_client::IkpdbClient;
use ikpdb_testkit::{Python, marked_line, pythons};
use serde_json::{Value, json};
use support::Case;
use support::door::Program;

/// Starts `app.py` and stops it at the line with this mark.
fn stopped_at(case: &Case, python: &Python, text: &str, mark: &str, options: &[&str]) -> (Program, IkpdbClient, Value) {
    let program = Program::start(case, python, text, options);
    let mut client = program.client();
    client.result("setBreakpoint", &json!({"file_name": "app.py", "line_number": marked_line(text, mark)}));
    client.result("runScript", &json!({}));
    let frame = client.stopped().top().clone();
    (program, client, frame)
}

fn shown<'a>(frame: &'a Value, name: &str) -> &'a str {
    let variables = frame["f_locals"].as_array().unwrap();
    variables.iter().find(|it| it["name"] == name).unwrap()["value"].as_str().unwrap()
}

/// Commands that are answered the same way in every state: with these results, or with an error.
fn of_any_state() -> Vec<(&'static str, Value, Option<Value>)> {
    let breakpoint = |line: Value| json!({"file_name": "app.py", "line_number": line});
    vec![
        ("setBreakpoint", breakpoint(json!(999)), None),
        ("setBreakpoint", breakpoint(json!("one")), None),
        ("setBreakpoint", json!({"file_name": ["app.py"], "line_number": 1}), None),
        ("changeBreakpointState", json!({"breakpoint_number": 99}), None),
        ("changeBreakpointState", json!({"breakpoint_number": null}), None),
        ("clearBreakpoint", json!({"breakpoint_number": -1}), None),
        ("clearBreakpoint", json!({}), None),
        ("getBreakpoints", json!({}), Some(json!([]))),
        ("getBreakpoints", Value::Null, Some(json!([]))),
        ("setDebuggedThread", json!({"ident": 1}), None),
        ("setDebuggedThread", json!({"ident": {}}), None),
        ("setDebuggedThread", json!({}), None),
        ("fly", json!({}), None),
        ("_InternalQuit", json!({}), None),
        ("", Value::Null, None),
    ]
}

/// The answers to what asks about variables while nothing is stopped.
fn of_no_stop() -> Vec<(&'static str, Value, Option<Value>)> {
    let nothing = || Some(json!({"value": null, "type": null}));
    vec![
        ("evaluate", json!({"expression": "1", "frame": null, "global": true, "disableBreak": true}), nothing()),
        ("evaluate", json!({}), nothing()),
        ("getProperties", json!({"id": 8}), nothing()),
        ("setVariable", json!({"frame": 8, "name": "a", "value": "1"}), nothing()),
    ]
}

fn of_status(commands: &[&'static str], status: &str) -> Vec<(&'static str, Value, Option<Value>)> {
    commands.iter().map(|it| (*it, json!({}), Some(json!({"executionStatus": status})))).collect()
}

/// Sends the commands in one piece, and holds the replies against what is expected of them.
fn all_are_answered(client: &mut IkpdbClient, state: &str, expected: &[(&'static str, Value, Option<Value>)]) {
    let asked: Vec<i64> = expected.iter().map(|(command, args, _)| client.send(command, args)).collect();
    for (id, (command, args, result)) in asked.into_iter().zip(expected) {
        let reply = client.reply(id);
        let said = format!("{state}: {command} {args} -> {reply}");
        assert_eq!(&reply["command"], command, "{said}");
        let lists =
            ["info_messages", "warning_messages", "error_messages"].map(|it| reply[it].as_array().unwrap().len());
        match result {
            Some(result) => assert_eq!(
                (&reply["commandExecStatus"], &reply["result"], lists[2]),
                (&json!("ok"), result, 0),
                "{said}"
            ),
            None => assert_eq!((&reply["commandExecStatus"], lists[2]), (&json!("error"), 1), "{said}"),
        }
        assert!(reply["result"].is_object() || reply["result"].is_array(), "{said}");
    }
}

const TURNS: &str = "\
n = 0
while n >= 0:
    n += 1
";
const STEPS: [&str; 4] = ["resume", "stepOver", "stepInto", "stepOut"];

#[test]
fn every_command_is_answered_in_every_state() {
    let case = Case::real();
    for python in pythons() {
        let program = Program::start(&case, &python, TURNS, &[]);
        let mut client = program.client();
        let mut pending =
            [of_any_state(), of_no_stop(), of_status(&STEPS, "running"), of_status(&["suspend"], "running")].concat();
        pending.extend(of_status(&["reconnect"], "pending"));
        pending.push(("getStatus", json!({}), Some(json!({}))));
        all_are_answered(&mut client, "pending", &pending);

        client.result("runScript", &json!({}));
        let running = ["runScript", "reconnect", "getStatus"];
        let running =
            [of_any_state(), of_no_stop(), of_status(&STEPS, "running"), of_status(&running, "running")].concat();
        all_are_answered(&mut client, "running", &running);

        client.result("suspend", &json!({}));
        let frame = client.stopped().top()["id"].clone();
        let in_frame =
            |expression: &str| json!({"expression": expression, "frame": frame, "global": false, "disableBreak": true});
        let mut stopped = [of_any_state(), of_status(&["suspend", "reconnect"], "stopped")].concat();
        stopped.extend(of_status(&["runScript"], "running"));
        stopped.push(("evaluate", in_frame("1 + 1"), Some(json!({"value": "2", "type": "int"}))));
        stopped.push((
            "evaluate",
            in_frame("zzz"),
            Some(json!({"value": "NameError: name 'zzz' is not defined", "type": "NameError"})),
        ));
        stopped.push(("evaluate", json!({"frame": frame}), None));
        stopped.push(("evaluate", json!({"expression": 1, "frame": frame}), None));
        stopped.push(("evaluate", json!({"expression": "1", "frame": 8}), None));
        stopped.push(("getProperties", json!({}), Some(json!({"properties": []}))));
        stopped.push(("getProperties", json!({"id": 8}), None));
        stopped.push(("setVariable", json!({"frame": frame, "name": "n"}), None));
        stopped.push(("setVariable", json!({"frame": frame, "name": "n", "value": "-5"}), Some(json!({}))));
        all_are_answered(&mut client, "stopped", &stopped);

        client.result("getThreads", &json!({}));
        client.result("resume", &json!({}));
        client.event("programEnd");
    }
}

#[test]
fn a_program_that_has_ended_answers_for_a_moment_more() {
    let case = Case::real();
    for python in pythons() {
        let expected =
            [of_any_state(), of_no_stop(), of_status(&["reconnect", "getStatus", "suspend"], "terminated")].concat();
        let mut program = Program::start(&case, &python, "print(1)\n", &[]);
        let mut client = program.client();
        client.result("runScript", &json!({}));
        client.event("programEnd");
        all_are_answered(&mut client, "terminated", &expected);
        drop(client);
        assert_eq!(program.ends(), ("1\n".to_owned(), 0), "{}", python.version);
    }
}

#[test]
fn the_greeting_comes_alone_also_when_the_program_is_stopped() {
    let text = "x = 1  # BP:x\n";
    let case = Case::real();
    for python in pythons() {
        let (mut program, client, _) = stopped_at(&case, &python, text, "x", &[]);
        drop(client);
        program.says("Disconnected");
        let mut stream = TcpStream::connect(("127.0.0.1", program.port)).unwrap();
        let mut first = [0; 4096];
        let count = stream.read(&mut first).unwrap();
        let first = std::str::from_utf8(&first[..count]).unwrap();
        let (header, body) = first.split_once("LLADpcdtbdpac").unwrap();
        assert_eq!(header.strip_prefix("length=").unwrap().parse::<usize>().unwrap(), body.len(), "{first}");
        let greeting: Value = serde_json::from_str(body).unwrap();
        let expected = (json!("start"), json!(["Welcome to", "IKPdb", "1.3"]));
        assert_eq!((&greeting["command"], &greeting["info_messages"]), (&expected.0, &expected.1));
        // Nothing follows until the client has said something.
        stream.write_all(&IkpdbClient::bytes(&json!({"_id": 1, "command": "getStatus", "args": {}}))).unwrap();
        let mut next = [0; 4096];
        let count = stream.read(&mut next).unwrap();
        assert!(String::from_utf8_lossy(&next[..count]).contains("\"getStatus\""), "{}", python.version);
    }
}

#[test]
fn safe_values_run_nothing_of_the_programs() {
    let text = "ran = []\n\
        class Loud:\n    \
            def __init__(self): self.inner = self\n    \
            def __repr__(self): ran.append('repr'); return 'loud'\n    \
            def __getattribute__(self, name): ran.append(name); return object.__getattribute__(self, name)\n    \
            def __len__(self): ran.append('len'); return 1\n    \
            def __eq__(self, other): ran.append('eq'); return True\n    \
            __hash__ = object.__hash__\n\
        class Text(str):\n    \
            def __repr__(self): ran.append('Text.__repr__'); return 'text'\n\
        class Fails(Exception):\n    \
            def __str__(self): ran.append('str'); return 'fails'\n\
        loud, text, number = Loud(), Text('abc'), 7\n\
        several = [loud, {'key': loud}]\n\
        ran.clear()\n\
        x = 1  # BP:x\n\
        print(ran)\n\
        raise Fails()\n";
    let case = Case::real();
    for python in pythons() {
        let (mut program, mut client, frame) = stopped_at(&case, &python, text, "x", &["--ikpdb-safe-values"]);
        assert!(shown(&frame, "loud*").starts_with("<__main__.Loud object at 0x"), "{frame}");
        assert_eq!(shown(&frame, "number"), "7");
        for (expression, begin) in [("loud", ""), ("[1, {'key': loud}]", "[1, {'key': ")] {
            let value = client.evaluate(expression, &frame);
            assert!(value.starts_with(&format!("{begin}<__main__.Loud object at 0x")), "{value}");
        }
        assert_eq!(client.evaluate("'é' * 600", &frame).chars().count(), 602);
        for name in ["loud*", "several*", "text*"] {
            let found = frame["f_locals"].as_array().unwrap().iter().find(|it| it["name"] == name);
            let found = found.unwrap_or_else(|| panic!("no {name} in {}", frame["f_locals"]));
            client.result("getProperties", &json!({"id": found["id"]}));
        }
        client.result("resume", &json!({}));
        let failed = client.event("programBreak");
        assert_eq!(failed["exception"]["type"], "__main__.Fails");
        client.result("resume", &json!({}));
        client.event("programEnd");
        drop(client);
        assert_eq!(program.ends(), ("[]\n".to_owned(), 1), "{}", python.version);
    }
}

#[test]
fn a_value_that_is_asked_for_has_a_second_and_an_evaluation_ends_when_it_is_told_to() {
    let text = "class Endless:\n    \
            def __repr__(self):\n        \
                while True: pass\n\
        def turn():\n    \
            while True: pass\n\
        endless = Endless()\n\
        held = [endless, 5]\n\
        x = 1  # BP:x\n\
        print('on')\n";
    let case = Case::real();
    for python in pythons() {
        let (mut program, mut client, frame) = stopped_at(&case, &python, text, "x", &[]);
        assert!(client.evaluate("endless", &frame).starts_with("<__main__.Endless object at 0x"), "{}", python.version);
        let held = frame["f_locals"].as_array().unwrap().iter().find(|it| it["name"] == "held*").unwrap()["id"].clone();
        let inside = client.result("getProperties", &json!({"id": held}))["properties"].clone();
        assert!(inside[0]["value"].as_str().unwrap().starts_with("<__main__.Endless object at 0x"), "{inside}");
        assert_eq!(inside[1]["value"], "5");
        for expression in ["turn()", "exec('while True: pass')"] {
            let args = json!({"expression": expression, "frame": frame["id"], "global": false});
            let endless = client.send("evaluate", &args);
            // It is answered at once, also while something is evaluated; an evaluation that has not begun yet is told again.
            let mut answered = None;
            while answered.is_none() {
                assert_eq!(client.result("suspend", &json!({}))["executionStatus"], "stopped");
                answered = client.has_replied(endless);
            }
            assert_eq!(answered.unwrap()["result"]["type"], "KeyboardInterrupt");
        }
        let child = "__import__('os').waitpid(p, 0)[1] if (p := __import__('os').fork()) else 'child'";
        assert_eq!(client.evaluate(child, &frame), "0", "{}: the child runs on and ends", python.version);
        client.result("resume", &json!({}));
        client.event("programEnd");
        drop(client);
        assert_eq!(program.ends(), ("on\non\n".to_owned(), 0), "{}: of the child and of the program", python.version);
    }
}

#[test]
fn clients_that_leave_at_any_moment_change_nothing() {
    let text = "n = 0\n\
        go_on = True\n\
        def work():\n    \
            global n\n    \
            n += 1  # BP:work\n\
        while go_on: work()\n\
        print('done')\n";
    let case = Case::real();
    for python in pythons() {
        let (mut program, client, _) = stopped_at(&case, &python, text, "work", &[]);
        drop(client);
        let mut bytes = Vec::new();
        for (command, args) in [
            ("getStatus", json!({})),
            ("evaluate", json!({"expression": "n * 2", "frame": null, "global": true, "disableBreak": true})),
            ("resume", json!({})),
            ("suspend", json!({})),
            ("stepOver", json!({})),
            ("getThreads", json!({})),
            ("stepInto", json!({})),
        ] {
            bytes.extend(IkpdbClient::bytes(&json!({"_id": 1, "command": command, "args": args})));
        }
        // Each says a little more than the one before, and leaves in the middle of a message.
        for end in (5..bytes.len()).step_by(bytes.len() / 40) {
            program.says("Disconnected");
            let mut client = program.client();
            client.send_raw(&bytes[..end]);
        }
        program.says("Disconnected");
        let mut client = program.client();
        client.result("clearBreakpoint", &json!({"breakpoint_number": 0}));
        let mut status = client.result("reconnect", &json!({}))["executionStatus"].clone();
        if status == "running" {
            client.result("suspend", &json!({}));
            status = json!("stopped");
        }
        assert_eq!(status, "stopped");
        client.stopped();
        let args = json!({"expression": "go_on = False", "frame": null, "global": true, "disableBreak": true});
        client.result("evaluate", &args);
        assert_eq!(client.go_to_end(), Value::Null);
        drop(client);
        assert_eq!(program.ends(), ("done\n".to_owned(), 0), "{}", python.version);
    }
}

#[test]
fn the_programs_own_handler_of_sigterm_runs_and_its_exit_code_is_told() {
    let text = "import signal, sys, time\n\
        print(signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT).__name__, flush=True)\n\
        def handle(number, frame):\n    \
            print('handled', number)\n    \
            sys.exit(7)\n\
        signal.signal(signal.SIGTERM, handle)\n\
        x = 1  # BP:x\n\
        while True: time.sleep(100)\n";
    let case = Case::real();
    for python in pythons() {
        let (mut program, mut client, _) = stopped_at(&case, &python, text, "x", &[]);
        client.result("resume", &json!({}));
        program.sleeps();
        program.signal(libc::SIGTERM);
        assert_eq!(client.event("programEnd")["result"]["exit_code"], 7, "{}", python.version);
        drop(client);
        let printed = "Handlers.SIG_DFL default_int_handler\nhandled 15\n".to_owned();
        let (output, code) = program.ends();
        assert_eq!((output.replace("0 default", "Handlers.SIG_DFL default"), code), (printed, 7), "{}", python.version);
    }
}
