//! What the original IKPdb does wrong and no recorded session of it shows done right, and what they show in part: the rest of
//! `docs/ikpdb-differences.md` is in `ikpdb_conformance.rs`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

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
