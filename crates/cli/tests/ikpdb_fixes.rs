//! What the original IKPdb does wrong and no recorded session of it shows done right, and what they show in part: the rest of
//! `docs/ikpdb-differences.md` is in `ikpdb_conformance.rs`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::io::Read;

use ikpdb_testkit::ikpdb_client::IkpdbClient;
use ikpdb_testkit::{Python, pythons};
use serde_json::{Value, json};
use support::Case;
use support::door::Program;

/// Starts a program with breakpoints at lines with these marks, and lets it run.
fn run(case: &Case, python: &Python, text: &str, marks: &[&str]) -> (Program, IkpdbClient) {
    let program = Program::start(case, python, text, &[]);
    let mut client = program.client();
    for mark in marks {
        client.result("setBreakpoint", &json!({"file_name": "app.py", "line_number": line(text, mark)}));
    }
    client.result("runScript", &json!({}));
    (program, client)
}

/// The number of the line with a mark.
fn line(text: &str, mark: &str) -> usize {
    1 + text.lines().position(|it| it.ends_with(&format!("# {mark}"))).unwrap()
}

/// Function and line of each frame of a stop.
fn places(stop: &Value) -> Vec<(String, u64)> {
    let frames = stop["frames"].as_array().unwrap().iter();
    frames
        .map(|it| {
            let name = it["name"].as_str().unwrap().split("()").next().unwrap();
            (name.to_owned(), it["line_number"].as_u64().unwrap())
        })
        .collect()
}

/// A variable of a frame.
fn variable<'a>(frame: &'a Value, name: &str) -> &'a Value {
    frame["f_locals"].as_array().unwrap().iter().find(|it| it["name"] == name).unwrap()
}

/// The program ends so, for the client and as a process.
fn ends(mut program: Program, mut client: IkpdbClient, told: Value, code: i32) {
    assert_eq!(client.event("programEnd")["result"]["exit_code"], told);
    drop(client);
    assert_eq!(program.ends().1, code);
}

#[test]
fn the_next_client_takes_over_a_program_that_waits_or_is_stopped() {
    let text = "x = 1  # BP:x\nprint(x)\n";
    let case = Case::real();
    for python in pythons() {
        let mut program = Program::start(&case, &python, text, &[]);
        drop(program.client());
        program.says("Disconnected");
        let mut client = program.client();
        assert_eq!(client.result("reconnect", &json!({}))["executionStatus"], "pending");
        client.result("setBreakpoint", &json!({"file_name": "app.py", "line_number": line(text, "BP:x")}));
        client.result("runScript", &json!({}));
        let stopped = client.event("programBreak");
        drop(client);
        program.says("Disconnected");
        let mut client = program.client();
        assert_eq!(client.result("reconnect", &json!({}))["executionStatus"], "stopped");
        assert_eq!(places(&client.event("programBreak")), places(&stopped), "it is told of the stop");
        client.result("resume", &json!({}));
        ends(program, client, Value::Null, 0);
    }
}

#[test]
fn a_client_that_comes_right_behind_the_last_word_of_another_is_let_in() {
    let case = Case::real();
    for python in pythons() {
        let program = Program::start(&case, &python, "print(1)\n", &[]);
        for _ in 0..15 {
            let mut client = program.client();
            client.result("reconnect", &json!({}));
            client.send("getBreakpoints", &json!({}));
        }
    }
}

#[test]
fn a_thread_that_has_not_begun_is_not_listed() {
    let text = "import threading\nt = threading.Thread(target=print, name='Later')\nt.daemon = True  # BP:made\nt.start()\nt.join()\n";
    let case = Case::real();
    for python in pythons() {
        let (program, mut client) = run(&case, &python, text, &["BP:made"]);
        let stopped = client.event("programBreak");
        for threads in [stopped["threads"].clone(), client.result("getThreads", &json!({}))] {
            let mut names: Vec<&Value> = threads.as_object().unwrap().values().map(|it| &it["name"]).collect();
            names.sort_by_key(|it| it.as_str());
            assert_eq!(names, ["IKPdbCommandLoop", "MainThread"]);
        }
        client.result("resume", &json!({}));
        ends(program, client, Value::Null, 0);
    }
}

#[test]
fn an_exception_of_the_main_thread_is_shown_whichever_thread_is_debugged() {
    let text = "import threading, time\n\
        may_fail = False\n\
        def work():\n    \
            x = 1  # BP:work\n    \
            threading.Event().wait()\n\
        threading.Thread(target=work, daemon=True).start()\n\
        def fail():\n    \
            while not may_fail:\n        \
                time.sleep(0.005)\n    \
            raise ValueError('it fails')  # fails\n\
        fail()\n";
    let case = Case::real();
    for python in pythons() {
        let (program, mut client) = run(&case, &python, text, &["BP:work"]);
        let stopped = client.event("programBreak");
        assert_eq!(places(&stopped)[0], ("work".to_owned(), line(text, "BP:work") as u64));
        let frame = &stopped["frames"][0]["id"];
        client.result("setVariable", &json!({"frame": frame, "name": "may_fail", "value": "True"}));
        client.result("resume", &json!({}));
        let failed = client.event("programBreak");
        assert_eq!(failed["exception"], json!({"type": "ValueError", "info": "it fails"}));
        assert_eq!(places(&failed)[0], ("fail".to_owned(), line(text, "fails") as u64));
        client.result("resume", &json!({}));
        ends(program, client, json!(1), 1);
    }
}

#[test]
fn an_exception_is_shown_at_its_lines_also_when_the_last_breakpoint_is_gone() {
    let text = "def inner():  # BP:none\n    \
            x = 1  # BP:x\n    \
            y = 2\n    \
            raise KeyError('k')  # raises\n\
        def outer():\n    \
            z = 3\n    \
            inner()  # calls\n\
        w = 4\n\
        outer()  # begins\n";
    let case = Case::real();
    for python in pythons() {
        let (program, mut client) = run(&case, &python, text, &["BP:x"]);
        client.event("programBreak");
        client.result("changeBreakpointState", &json!({"breakpoint_number": 0, "enabled": false}));
        client.result("resume", &json!({}));
        let failed = client.event("programBreak");
        let expected = [("inner", "raises"), ("outer", "calls"), ("<module>", "begins")]
            .map(|(name, mark)| (name.to_owned(), line(text, mark) as u64));
        assert_eq!(places(&failed), expected);
        client.result("resume", &json!({}));
        ends(program, client, json!(1), 1);
    }
}

#[test]
fn ids_of_nothing_and_of_an_earlier_stop_are_refused_and_the_program_lives() {
    let text = "def f(held):\n    return held  # BP:f\nkept = [[1], [2]]\nf(kept[0])\nf(kept[1])\n";
    let case = Case::real();
    for python in pythons() {
        let (program, mut client) = run(&case, &python, text, &["BP:f"]);
        let frame = client.event("programBreak")["frames"][0].clone();
        let stale = variable(&frame, "held")["id"].clone();
        client.result("resume", &json!({}));
        client.event("programBreak");
        // The object is still there, but this stop has not told of it.
        for id in [json!(8), json!(-1), json!("text"), json!(1_u64 << 40), stale] {
            let reply = client.ask("getProperties", &json!({"id": id}));
            assert_eq!((&reply["commandExecStatus"], &reply["result"]), (&json!("error"), &json!({"properties": []})));
        }
        for (command, args) in [
            ("evaluate", json!({"expression": "1", "frame": 8, "global": false})),
            ("evaluate", json!({"expression": "1", "frame": "text", "global": false})),
            ("setVariable", json!({"frame": 1_u64 << 40, "name": "held", "value": "1"})),
        ] {
            let reply = client.ask(command, &args);
            assert_eq!(reply["commandExecStatus"], "error", "{reply}");
            assert!(reply["error_messages"][0].as_str().unwrap().contains("there is no frame"), "{reply}");
        }
        client.result("resume", &json!({}));
        ends(program, client, Value::Null, 0);
    }
}

#[test]
fn a_variable_whose_value_is_cut_is_set_by_the_name_that_it_is_shown_with() {
    let text = "def f():\n    big = 'x' * 600\n    n = len(big)  # BP:big\n    return n  # BP:n\nprint(f())\n";
    let case = Case::real();
    for python in pythons() {
        let (mut program, mut client) = run(&case, &python, text, &["BP:big", "BP:n"]);
        let frame = client.event("programBreak")["frames"][0].clone();
        assert_eq!(variable(&frame, "big*")["type"], "str [600]");
        client.result("setVariable", &json!({"frame": frame["id"], "name": "big*", "value": "'short'"}));
        client.result("resume", &json!({}));
        let frame = client.event("programBreak")["frames"][0].clone();
        assert_eq!(variable(&frame, "big")["value"], "'short'");
        client.result("resume", &json!({}));
        client.event("programEnd");
        drop(client);
        assert_eq!(program.ends(), ("5\n".to_owned(), 0));
    }
}

#[test]
fn a_large_dict_is_shown_in_part_and_says_so() {
    let text = "d = {i: i for i in range(6000)}\nx = 1  # BP:d\n";
    let case = Case::real();
    for python in pythons() {
        let (program, mut client) = run(&case, &python, text, &["BP:d"]);
        let frame = client.event("programBreak")["frames"][0].clone();
        let shown = variable(&frame, "d*");
        assert_eq!(shown["children_count"], 6000);
        let inside = client.result("getProperties", &json!({"id": shown["id"]}))["properties"].clone();
        let inside = inside.as_array().unwrap();
        assert_eq!(inside.len(), 5001);
        assert_eq!((&inside[4999]["name"], &inside[5000]["id"]), (&json!("4999"), &Value::Null));
        assert_eq!(inside[5000]["value"], "Truncated by ikpdb (don't hot change me !).");
        client.result("resume", &json!({}));
        ends(program, client, Value::Null, 0);
    }
}

#[test]
fn a_script_that_cannot_be_compiled_ends_when_the_client_has_seen_why() {
    let text = "x = 1\ny = = 2  # wrong\n";
    let case = Case::real();
    for python in pythons() {
        let (program, mut client) = run(&case, &python, text, &[]);
        let stopped = client.event("programBreak");
        assert_eq!(stopped["exception"], json!({"type": "SyntaxError", "info": "invalid syntax"}));
        assert_eq!(places(&stopped), [("<module>".to_owned(), line(text, "wrong") as u64)]);
        client.result("resume", &json!({}));
        ends(program, client, json!(1), 1);
    }
}

#[test]
fn a_file_is_known_by_every_path_that_leads_to_it() {
    let text = "x = 1\ny = 2  # BP:y\n";
    let case = Case::real();
    std::os::unix::fs::symlink(&case.workspace, case.path("link")).unwrap();
    for python in pythons() {
        let program = Program::start(&case, &python, text, &[]);
        let mut client = program.client();
        let through = case.path("link/app.py");
        client.result("setBreakpoint", &json!({"file_name": through, "line_number": line(text, "BP:y")}));
        client.result("runScript", &json!({}));
        assert_eq!(places(&client.event("programBreak")), [("<module>".to_owned(), line(text, "BP:y") as u64)]);
        client.result("resume", &json!({}));
        ends(program, client, Value::Null, 0);
    }
}

#[test]
fn what_shows_a_value_is_given_up_when_its_time_is_over_and_the_others_are_shown() {
    let text = "import time\n\
        class Computes:\n    \
            def __repr__(self):\n        \
                while True: pass\n\
        class Waits:\n    \
            def __repr__(self):\n        \
                time.sleep(100)\n\
        class Quick:\n    \
            def __repr__(self):\n        \
                return 'quick'\n\
        quick, a, b, number = Quick(), Computes(), Waits(), 7\n\
        x = 1  # BP:x\n";
    let case = Case::real();
    for python in pythons() {
        let (program, mut client) = run(&case, &python, text, &["BP:x"]);
        let frame = client.event("programBreak")["frames"][0].clone();
        // Behind what takes its time only that is sure to be shown which takes none: all values together have so long and no longer.
        for (name, class) in [("a*", "Computes"), ("b*", "Waits")] {
            let value = variable(&frame, name)["value"].as_str().unwrap();
            assert!(value.starts_with(&format!("<__main__.{class} object at 0x")), "{value}");
        }
        assert_eq!(variable(&frame, "quick")["value"], "quick");
        assert_eq!(variable(&frame, "number")["value"], "7");
        client.result("resume", &json!({}));
        ends(program, client, Value::Null, 0);
    }
}

#[test]
fn a_module_counts_no_children_and_lists_its_names_when_it_is_asked() {
    let text = "import sys\nx = 1  # BP:x\n";
    let case = Case::real();
    for python in pythons() {
        let (program, mut client) = run(&case, &python, text, &["BP:x"]);
        let frame = client.event("programBreak")["frames"][0].clone();
        let module = variable(&frame, "sys");
        assert_eq!((&module["type"], &module["children_count"]), (&json!("module"), &json!(0)));
        let inside = client.result("getProperties", &json!({"id": module["id"]}))["properties"].clone();
        let argv = inside.as_array().unwrap().iter().find(|it| it["name"] == "argv").unwrap();
        assert_eq!((&argv["type"], &argv["value"]), (&json!("list [1]"), &json!("['app.py']")));
        client.result("resume", &json!({}));
        ends(program, client, Value::Null, 0);
    }
}

#[test]
fn a_condition_that_fails_or_is_none_is_told_once_with_the_next_message() {
    let text = "for i in range(3):\n    a = i  # fails\n    b = i  # none\n    c = i\nd = 1  # end\n";
    let case = Case::real();
    for python in pythons() {
        let program = Program::start(&case, &python, text, &[]);
        let mut client = program.client();
        let mut set = |mark: &str, condition: Value| {
            let args = json!({"file_name": "app.py", "line_number": line(text, mark), "condition": condition});
            let reply = client.ask("setBreakpoint", &args);
            assert_eq!(reply["commandExecStatus"], "ok", "{reply}");
            reply["warning_messages"].clone()
        };
        let file = case.workspace.join("app.py").canonicalize().unwrap();
        let does_not_stop = |mark: &str, why: &str| {
            format!("The breakpoint at {}:{} does not stop: {why}", file.display(), line(text, mark))
        };
        assert_eq!(set("fails", json!("i > unknown")), json!([]));
        let refused = set("none", json!("i =="));
        assert!(
            refused[0].as_str().unwrap().starts_with(&does_not_stop("none", "the condition is not valid: ")),
            "{refused}"
        );
        assert_eq!(set("end", Value::Null), json!([]));
        client.result("runScript", &json!({}));
        let stopped = client.event("programBreak");
        assert_eq!(places(&stopped), [("<module>".to_owned(), line(text, "end") as u64)]);
        let why = does_not_stop("fails", "the condition failed: NameError: name 'unknown' is not defined");
        assert_eq!(stopped["warning_messages"], json!([why]));
        assert_eq!(client.ask("resume", &json!({}))["warning_messages"], json!([]));
        ends(program, client, Value::Null, 0);
    }
}

#[test]
fn each_letter_of_the_log_tells_what_it_is_about_and_else_only_the_beginning_and_the_end_are_told() {
    let text = "def f(n):\n    return n + 1  # BP:f\nprint(f(1))\n";
    let letters = [
        ("n", &["Received {", "Sending "][..]),
        ("b", &["Breakpoint 0 at ", "Breakpoint at ", "Breakpoint 0 becomes enabled=false", "Breakpoint 0 is cleared"]),
        ("e", &["Evaluating \"n\"", "It is of type int: 1", "Sets \"n\" to \"5\""]),
        ("x", &["The program begins", "MainThread is stopped", "MainThread goes on: resume"]),
        ("f", &["2 frames in ", "\"f() [MainThread]\" at \"app.py\":2"]),
        ("p", &["'app.py' of the client is '", "' is 'app.py' for the client"]),
        ("", &["IKPdb listening on ", "Connected with ", "Program terminated with no exit value."]),
    ];
    let case = Case::real();
    for python in pythons() {
        for (letter, told) in letters {
            let option = format!("--ikpdb-log={}", letter.to_uppercase());
            let mut program = Program::start(&case, &python, text, &[&option]);
            let mut client = program.client();
            client.result("setBreakpoint", &json!({"file_name": "app.py", "line_number": line(text, "BP:f")}));
            client.result("runScript", &json!({}));
            let frame = client.event("programBreak")["frames"][0]["id"].clone();
            client
                .result("evaluate", &json!({"expression": "n", "frame": frame, "global": false, "disableBreak": true}));
            client.result("setVariable", &json!({"frame": frame, "name": "n", "value": "5"}));
            client.result("changeBreakpointState", &json!({"breakpoint_number": 0}));
            client.result("clearBreakpoint", &json!({"breakpoint_number": 0}));
            client.result("resume", &json!({}));
            client.event("programEnd");
            drop(client);
            assert_eq!(program.ends(), ("6\n".to_owned(), 0));
            for text in told {
                let is_told = |line: &String| {
                    let domain = if letter.is_empty() { "g" } else { letter };
                    line.starts_with(&format!("\u{1b}[1m[IKPdb-{domain}]\u{1b}[0m "))
                        && line.contains(&format!(" - {text}"))
                        || (text.starts_with('\'') && line.contains(text))
                };
                assert!(program.seen.iter().any(is_told), "{letter} {text}: {:#?}", program.seen);
            }
            let others = program.seen.iter().filter(|line| !line.contains(&format!("[IKPdb-{letter}]")));
            let texts: Vec<&str> =
                others.map(|line| line.rsplit(" - ").next().unwrap().split(' ').next().unwrap()).collect();
            assert_eq!(texts, ["IKPdb", "Connected", "Program", "Disconnected"], "{letter}");
        }
    }
}

/// What the interpreter does for us in the code of `watched`: from 3.12 on the events and what is different from its twin's code, on
/// 3.11 whether a trace function runs.
const WATCHED: &str = "\
import ctypes, sys, threading, time
with open(__file__) as file: text = file.read()
def watched(n):
    m = n + 1  # BP:watched
    return m
twin = next(it for it in compile(text, 'twin', 'exec').co_consts if getattr(it, 'co_name', '') == 'watched')
twin = type(watched)(twin, globals())
def work():
    while True: time.sleep(0.001)
threading.Thread(target=work, daemon=True).start()
def traced():
    monitoring = getattr(sys, 'monitoring', None)
    if not monitoring:
        state = ctypes.pythonapi.PyThreadState_Get
        state.restype = ctypes.c_void_p
        return bool(ctypes.c_ubyte.from_address(ctypes.c_void_p.from_address(state() + 56).value).value)
    tools = [it for it in range(6) if monitoring.get_tool(it)]
    codes = [watched.__code__, traced.__code__, sys._getframe(1).f_code]
    lines = monitoring.events.LINE | monitoring.events.INSTRUCTION
    return any(monitoring.get_events(it) & lines or any(monitoring.get_local_events(it, code) for code in codes) for it in tools)
def differs():
    return getattr(sys, 'monitoring', None) and watched.__code__._co_code_adaptive != twin.__code__._co_code_adaptive
def settle():
    for i in range(3): watched(i); twin(i)
    end = time.monotonic() + 10
    while (traced() or differs()) and time.monotonic() < end: watched(1); twin(1)
    print('watched' if traced() or differs() else 'as it was', flush=True)
phase = 0
while phase == 0: watched(1)
settle()
while phase == 1: watched(1)
watched(2)
settle()
";

#[test]
fn without_an_enabled_breakpoint_nothing_is_watched_and_who_is_stopped_can_be_asked_all_the_same() {
    let case = Case::real();
    for python in pythons() {
        let (mut program, mut client) = run(&case, &python, WATCHED, &["BP:watched"]);
        let frame = client.event("programBreak")["frames"][0].clone();
        let args = json!({"expression": "bool(traced() or differs())", "frame": frame["id"], "global": false});
        // On 3.11 whatever is evaluated runs without its trace function.
        let watched = if python.minor() < (3, 12) { "False" } else { "True" };
        assert_eq!(client.result("evaluate", &args)["value"], watched, "{}", python.version);
        client.result("changeBreakpointState", &json!({"breakpoint_number": 0, "enabled": false}));
        answers(&mut client, &frame);
        client.result("setVariable", &json!({"frame": frame["id"], "name": "phase", "value": "1"}));
        client.result("resume", &json!({}));
        let mut printed = [0; 9];
        program.child.stdout.as_mut().unwrap().read_exact(&mut printed).unwrap();
        assert_eq!(&printed, b"as it was", "{}", python.version);
        // What stops again is there at once, wherever the program is meanwhile.
        client.result("suspend", &json!({}));
        let frame = client.event("programBreak")["frames"][0].clone();
        answers(&mut client, &frame);
        client.result("setVariable", &json!({"frame": frame["id"], "name": "phase", "value": "2"}));
        let args = json!({"file_name": "app.py", "line_number": line(WATCHED, "BP:watched")});
        client.result("setBreakpoint", &args);
        client.result("resume", &json!({}));
        let frame = client.event("programBreak")["frames"][0].clone();
        assert_eq!(frame["line_number"], line(WATCHED, "BP:watched"), "{}", python.version);
        client.result("clearBreakpoint", &json!({"breakpoint_number": 1}));
        answers(&mut client, &frame);
        client.result("resume", &json!({}));
        client.event("programEnd");
        drop(client);
        assert_eq!(program.ends(), ("\nas it was\n".to_owned(), 0), "{}", python.version);
    }
}

/// What asks about a stopped program is answered.
fn answers(client: &mut IkpdbClient, frame: &Value) {
    let args = json!({"expression": "phase + 40", "frame": frame["id"], "global": false, "disableBreak": true});
    let value = client.result("evaluate", &args)["value"].clone();
    assert!(["40", "41", "42"].iter().any(|it| value == *it), "{value}");
    let inside = client.result("getProperties", &json!({"id": variable(frame, "sys")["id"]}));
    assert!(inside["properties"].as_array().is_some_and(|it| !it.is_empty()), "{inside}");
}

#[test]
fn suspend_is_answered_before_the_program_stops_for_it() {
    let text = "n = 0\nwhile n >= 0:\n    n += 1\n";
    let case = Case::real();
    for python in pythons() {
        let (program, mut client) = run(&case, &python, text, &[]);
        for _ in 0..20 {
            let id = client.send("suspend", &json!({}));
            let reply = client.read().unwrap();
            assert_eq!(
                (&reply["_id"], &reply["result"]["executionStatus"]),
                (&json!(id), &json!("running")),
                "{reply}"
            );
            client.event("programBreak");
            client.result("resume", &json!({}));
        }
        client.result("suspend", &json!({}));
        let frame = client.event("programBreak")["frames"][0]["id"].clone();
        client.result("setVariable", &json!({"frame": frame, "name": "n", "value": "-5"}));
        client.result("resume", &json!({}));
        ends(program, client, Value::Null, 0);
    }
}

#[test]
fn what_is_evaluated_stops_nowhere_and_leaves_the_breakpoints_as_they_are() {
    let text = "def f(n):\n    return n + 1  # BP:f\nx = 1  # BP:x\nf(2)\n";
    let case = Case::real();
    for python in pythons() {
        let (program, mut client) = run(&case, &python, text, &["BP:f", "BP:x"]);
        let frame = client.event("programBreak")["frames"][0]["id"].clone();
        let before = client.result("getBreakpoints", &json!({}));
        for disable in [true, false] {
            let args = json!({"expression": "f(40)", "frame": frame, "global": false, "disableBreak": disable});
            assert_eq!(client.result("evaluate", &args)["value"], "41");
        }
        assert_eq!(client.result("getBreakpoints", &json!({})), before);
        client.result("resume", &json!({}));
        assert_eq!(places(&client.event("programBreak"))[0], ("f".to_owned(), line(text, "BP:f") as u64));
        client.result("resume", &json!({}));
        ends(program, client, Value::Null, 0);
    }
}

#[test]
fn what_the_program_asks_to_be_shown_is_shown_whichever_thread_is_debugged() {
    let text = "import ikpdb, threading\n\
        def work():\n    \
            ikpdb.set_trace()\n    \
            y = 2  # asked\n\
        x = 1  # BP:x\n\
        thread = threading.Thread(target=work, name='Other')\n\
        thread.start()\n\
        thread.join()\n";
    let case = Case::real();
    for python in pythons() {
        let (program, mut client) = run(&case, &python, text, &["BP:x"]);
        assert_eq!(client.event("programBreak")["frames"][0]["thread_name"], "MainThread");
        client.result("resume", &json!({}));
        let frame = client.event("programBreak")["frames"][0].clone();
        assert_eq!((&frame["thread_name"], &frame["line_number"]), (&json!("Other"), &json!(line(text, "asked") - 1)));
        client.result("resume", &json!({}));
        ends(program, client, Value::Null, 0);
    }
}
