//! What programs, clients and machines do to the door: it harms no program, and a program harms only its own debugging.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use ikpdb_testkit::ikpdb_client::IkpdbClient;
use ikpdb_testkit::{Python, marked_line, pythons};
use serde_json::{Value, json};
use support::Case;
use support::door::Program;

const DEADLINE: Duration = Duration::from_secs(20);

/// Starts `app.py`, with breakpoints at these marks, and lets it run.
fn run(case: &Case, python: &Python, text: &str, marks: &[&str], options: &[&str]) -> (Program, IkpdbClient) {
    let program = Program::start(case, python, text, options);
    let mut client = program.client();
    for mark in marks {
        client.result("setBreakpoint", &json!({"file_name": "app.py", "line_number": marked_line(text, mark)}));
    }
    client.result("runScript", &json!({}));
    (program, client)
}

/// Waits until the program has written this file.
fn wait_for_file(case: &Case, name: &str) {
    let deadline = Instant::now() + DEADLINE;
    while !case.workspace.join(name).exists() {
        assert!(Instant::now() < deadline, "the program does not come to write {name}");
        std::thread::yield_now();
    }
}

#[test]
fn a_daemon_that_closes_all_descriptors_runs_on_undebugged_with_its_own_numbers_and_ends_by_sigterm() {
    let text = "import os, signal, time\n\
        signal.signal(signal.SIGTERM, signal.SIG_DFL)\n\
        os.closerange(3, 4096)\n\
        held = [os.open('log', os.O_RDWR | os.O_CREAT), os.open('other', os.O_RDWR | os.O_CREAT)]\n\
        os.write(held[0], b'mine')\n\
        x = 1  # BP:x\n\
        with open('draft', 'w') as file: file.write(repr(held))\n\
        os.rename('draft', 'ready')\n\
        while True: time.sleep(0.01)\n";
    let case = Case::real();
    for python in pythons() {
        for handled in [true, false] {
            // Without the first line the handler is the one that tells of SIGTERM.
            let text = if handled {
                text.to_owned()
            } else {
                text.replacen("signal.signal", "(signal.signal", 1).replacen("SIG_DFL)", "SIG_DFL) if 0 else 0)", 1)
            };
            for name in ["ready", "log", "other"] {
                let _ = std::fs::remove_file(case.workspace.join(name));
            }
            let (mut program, client) = run(&case, &python, &text, &["x"], &[]);
            wait_for_file(&case, "ready");
            assert_eq!(std::fs::read_to_string(case.workspace.join("ready")).unwrap(), "[3, 4]", "{}", python.version);
            program.signal(libc::SIGTERM);
            assert_eq!(program.exit_code_by(Instant::now() + DEADLINE), Some(-libc::SIGTERM), "{}", python.version);
            let read = |name: &str| std::fs::read_to_string(case.workspace.join(name)).unwrap();
            assert_eq!((read("log"), read("other")), ("mine".to_owned(), String::new()), "{}", python.version);
            drop(client);
        }
    }
}

#[test]
fn a_program_that_has_no_descriptors_left_is_debugged_on_and_lets_others_in_when_it_has() {
    let text = "import os, resource\n\
        resource.setrlimit(resource.RLIMIT_NOFILE, (600, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))\n\
        held = []\n\
        try:\n    \
            while True: held.append(os.open('/dev/null', os.O_RDONLY))\n\
        except OSError: pass\n\
        x = 1  # BP:full\n\
        for it in held: os.close(it)\n\
        y = 2  # BP:free\n";
    let case = Case::real();
    for python in pythons() {
        let (mut program, mut client) = run(&case, &python, text, &["full", "free"], &[]);
        let stop = client.stopped();
        assert_eq!(stop.line(), marked_line(text, "full"));
        for _ in 0..20 {
            assert_eq!(client.evaluate("6 * 7", stop.top()), "42", "{}", python.version);
        }
        // It cannot even be accepted now.
        let waits = TcpStream::connect(("127.0.0.1", program.port)).unwrap();
        assert_eq!(client.go_and_stop("resume").line(), marked_line(text, "free"));
        drop(waits);
        drop(client);
        program.says("Disconnected");
        let mut client = program.client();
        client.result("reconnect", &json!({}));
        client.stopped();
        assert_eq!(client.go_to_end(), Value::Null);
        drop(client);
        assert_eq!(program.ends().1, 0);
    }
}

#[test]
fn a_client_that_leaves_with_a_reply_unread_keeps_no_other_out() {
    let text = "big = 'x' * 30_000_000\ny = 1  # BP:y\n";
    let case = Case::real();
    for python in pythons() {
        let (mut program, mut client) = run(&case, &python, text, &["y"], &[]);
        let frame = client.stopped().top()["id"].clone();
        drop(client);
        program.says("Disconnected");
        let mut stream = TcpStream::connect(("127.0.0.1", program.port)).unwrap();
        let args = json!({"expression": "big", "frame": null, "global": true, "disableBreak": true});
        stream.write_all(&IkpdbClient::bytes(&json!({"_id": 1, "command": "evaluate", "args": args}))).unwrap();
        let mut begin = [0; 4096];
        while !String::from_utf8_lossy(&begin).contains("xxxx") {
            assert_ne!(stream.read(&mut begin).unwrap(), 0);
        }
        // It still holds its end, and reads no more.
        stream.shutdown(Shutdown::Write).unwrap();
        program.says("Disconnected");
        let mut client = program.client();
        client.result("reconnect", &json!({}));
        assert_eq!(client.stopped().top()["id"], frame, "{}", python.version);
        assert_eq!(client.go_to_end(), Value::Null);
        drop((client, stream));
        assert_eq!(program.ends().1, 0);
    }
}

#[test]
fn who_says_nothing_keeps_nobody_out() {
    let case = Case::real();
    for python in pythons() {
        let mut program = Program::start(&case, &python, "print(1)\n", &[]);
        let mut silent = program.client();
        let mut client = program.client();
        client.result("reconnect", &json!({}));
        assert_eq!(silent.read(), None, "it is let go");
        client.result("runScript", &json!({}));
        client.event("programEnd");
        drop(client);
        assert_eq!(program.ends(), ("1\n".to_owned(), 0), "{}", python.version);
    }
}

#[test]
fn a_forked_child_holds_neither_the_connection_nor_the_port() {
    let text = "import os, time\n\
        if os.fork() == 0:\n    \
            while not os.path.exists('end'): time.sleep(0.01)\n    \
            os._exit(0)\n\
        print('parent')\n";
    let case = Case::real();
    for python in pythons() {
        let _ = std::fs::remove_file(case.workspace.join("end"));
        let (mut program, mut client) = run(&case, &python, text, &[], &[]);
        client.event("programEnd");
        assert_eq!(client.read(), None, "{}: the connection ends with the program", python.version);
        program.child.wait().unwrap();
        std::net::TcpListener::bind(("127.0.0.1", program.port)).unwrap();
        std::fs::write(case.workspace.join("end"), "").unwrap();
    }
}

#[test]
fn ctrl_c_and_sigterm_end_a_program_that_waits_for_its_client_and_tell_who_is_there() {
    let case = Case::real();
    for python in pythons() {
        for signal in [libc::SIGINT, libc::SIGTERM] {
            let mut alone = Program::start(&case, &python, "print(1)\n", &[]);
            alone.signal(signal);
            assert_eq!(alone.exit_code_by(Instant::now() + DEADLINE), Some(-signal), "{}", python.version);
            let mut program = Program::start(&case, &python, "print(1)\n", &[]);
            let mut client = program.client();
            client.result("reconnect", &json!({}));
            program.signal(signal);
            assert_eq!(client.event("programEnd")["result"]["exit_code"], 128 + signal, "{}", python.version);
            assert_eq!(program.exit_code_by(Instant::now() + DEADLINE), Some(-signal), "{}", python.version);
        }
    }
}

#[test]
fn each_frame_shows_its_locals_however_many_names_its_module_has() {
    let text = "for i in range(600): globals()[f'name_{i}'] = i\n\
        def turn(own):\n    \
            if own == 0:\n        \
                return 0  # BP:deep\n    \
            return turn(own - 1)\n\
        turn(60)\n\
        for i in range(200_000): globals()[f'more_{i}'] = i\n\
        y = 1  # BP:many\n";
    let case = Case::real();
    for python in pythons() {
        let (mut program, mut client) = run(&case, &python, text, &["deep", "many"], &[]);
        let stop = client.stopped();
        let named = |frame: &Value, name: &str| -> Option<Value> {
            frame["f_locals"].as_array().unwrap().iter().find(|it| it["name"] == name).map(|it| it["value"].clone())
        };
        assert_eq!(stop.frames().len(), 62);
        for (depth, frame) in stop.frames().iter().take(61).enumerate() {
            assert_eq!(named(frame, "own"), Some(json!(depth.to_string())), "{}", python.version);
            let rows = frame["f_locals"].as_array().unwrap();
            let is_cut = rows.last().unwrap()["value"] == "Truncated by ikpdb (don't hot change me !).";
            assert!(is_cut || named(frame, "name_599").is_some(), "what is left out is told of");
        }
        let stop = client.go_and_stop("resume");
        let rows = stop.top()["f_locals"].as_array().unwrap();
        assert_eq!(
            (rows.len(), rows[5000]["id"].clone(), rows[5000]["name"].clone()),
            (5001, Value::Null, json!("5000"))
        );
        assert_eq!(client.go_to_end(), Value::Null);
        drop(client);
        assert_eq!(program.ends().1, 0);
    }
}

#[test]
fn a_stack_that_is_shown_in_part_is_said_to_be() {
    let text = "def turn(n):\n    return turn(n + 1)\nturn(0)\n";
    let case = Case::real();
    for python in pythons() {
        let (program, mut client) = run(&case, &python, text, &[], &[]);
        let failed = client.stopped();
        assert_eq!(failed.frames().len(), 500);
        assert_eq!(failed.0["warning_messages"], json!(["The innermost 500 frames are shown; there are more."]));
        assert_eq!(client.go_to_end(), 1, "{}", python.version);
        drop(program);
    }
}

#[test]
fn a_relative_working_directory_is_meant_from_where_the_program_was_started() {
    let text = "x = 1  # BP:x\n";
    let case = Case::real();
    for python in pythons() {
        let (_program, mut client) = run(&case, &python, text, &["x"], &["--ikpdb-working-directory=."]);
        assert_eq!(client.stopped().top()["file_path"], "app.py", "{}", python.version);
        let file = client.result("getBreakpoints", &json!({}))[0]["file_name"].clone();
        assert_eq!(file, json!(case.workspace.join("app.py")), "{}", python.version);
        client.go_to_end();
    }
}

#[test]
fn exit_codes_are_told_as_json_has_them() {
    let text = "import enum, sys\nclass Code(enum.IntEnum):\n    FAILED = 3\nsys.exit(eval(sys.argv[1]))\n";
    let case = Case::real();
    for python in pythons() {
        for (code, told, status) in [
            ("Code.FAILED", json!(3), 3),
            ("True", json!(true), 1),
            ("1.5", json!(1.5), 1),
            ("[1, 'a', None]", json!([1, "a", null]), 1),
        ] {
            case.write("app.py", text);
            let mut program = Program::start_what(&case, &python, &["app.py", code]);
            let mut client = program.client();
            client.result("runScript", &json!({}));
            assert_eq!(client.event("programEnd")["result"]["exit_code"], told, "{} {code}", python.version);
            drop(client);
            assert_eq!(program.ends().1, status, "{} {code}", python.version);
        }
    }
}

#[test]
fn a_step_behind_post_mortem_goes_to_the_next_line() {
    let text = "import ikpdb, sys\n\
        def fail():\n    \
            try:\n        \
                1 / 0\n    \
            except ZeroDivisionError:\n        \
                ikpdb.post_mortem(exc_info=sys.exc_info())\n        \
                a = 1  # BP:next\n    \
            return a\n\
        fail()\n\
        b = 2  # BP:out\n";
    let case = Case::real();
    for python in pythons() {
        for (command, mark) in [("stepOver", "next"), ("stepInto", "next"), ("stepOut", "out")] {
            let (program, mut client) = run(&case, &python, text, &[], &[]);
            assert_eq!(client.stopped().0["exception"]["type"], "ZeroDivisionError");
            assert_eq!(client.go_and_stop(command).line(), marked_line(text, mark), "{} {command}", python.version);
            assert_eq!(client.go_to_end(), Value::Null);
            drop(program);
        }
    }
}

#[test]
fn what_waits_in_a_condition_is_shown_without_a_frame_of_ours() {
    let text = "import threading\n\
        event = threading.Event()\n\
        def waits():\n    \
            open('waits', 'w').close()\n    \
            event.wait()\n    \
            return False\n\
        x = 1  # condition\n\
        print('on')\n";
    let case = Case::real();
    for python in pythons() {
        let _ = std::fs::remove_file(case.workspace.join("waits"));
        let mut program = Program::start(&case, &python, text, &[]);
        let mut client = program.client();
        client.result(
            "setBreakpoint",
            &json!({"file_name": "app.py", "line_number": 7, "condition": "waits() or (lambda: 0)()"}),
        );
        client.result("runScript", &json!({}));
        wait_for_file(&case, "waits");
        client.result("suspend", &json!({}));
        let stop = client.stopped();
        let files: Vec<&Value> = stop.frames().iter().map(|it| &it["file_path"]).collect();
        assert!(!files.iter().any(|it| it.as_str().unwrap().contains("<breakpoint>")), "{}: {files:?}", python.version);
        client.result(
            "evaluate",
            &json!({"expression": "event.set()", "frame": null, "global": true, "disableBreak": true}),
        );
        assert_eq!(client.go_to_end(), Value::Null);
        drop(client);
        assert_eq!(program.ends(), ("on\n".to_owned(), 0), "{}", python.version);
    }
}

#[test]
fn a_program_that_fails_or_ends_while_nobody_is_there_does_so_as_ever() {
    let case = Case::real();
    for python in pythons() {
        for (end, code) in [("raise ValueError('alone')", 1), ("raise SystemExit(4)", 4), ("pass", 0)] {
            let _ = std::fs::remove_file(case.workspace.join("go"));
            let text = format!("import os, time\nwhile not os.path.exists('go'): time.sleep(0.01)\n{end}\n");
            let (mut program, client) = run(&case, &python, &text, &[], &[]);
            drop(client);
            program.says("Disconnected");
            std::fs::write(case.workspace.join("go"), "").unwrap();
            assert_eq!(program.exit_code_by(Instant::now() + DEADLINE), Some(code), "{} {end}", python.version);
            let failed = program.seen.iter().any(|line| line == "ValueError: alone");
            assert_eq!(failed, code == 1, "{}: {:?}", python.version, program.seen);
        }
    }
}
