//! `ikpdb dap` with real programs: the order of messages, what a program sees, how it ends.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod dap_support;

use std::io::Write;

use dap_support::{Dap, Editor, Home, check, gone, lives, name, schema};
use rustix::pipe::{PipeFlags, pipe_with};
use serde_json::{Value, json};

const LOOP: &str = "\
def f(n):
    total = 0
    for i in range(n):
        total += i
    return total
print(f(3))
raise SystemExit(7)
";

#[test]
fn a_program_is_stopped_looked_at_stepped_and_ended_on_every_interpreter() {
    let home = Home::new();
    let path = home.write("loop.py", LOOP);
    for python in ikpdb_testkit::pythons() {
        let mut editor = home.editor();
        let made = editor.launch(
            json!({"program": path, "python": python.executable}),
            &[(&path, json!([{"line": 4, "condition": "i == 1"}]))],
        );
        assert_eq!(made[0][0]["line"], 4);
        let stopped = editor.event("stopped");
        assert_eq!((&stopped["reason"], &stopped["allThreadsStopped"]), (&json!("breakpoint"), &json!(true)));
        assert_eq!(stopped["hitBreakpointIds"], json!([made[0][0]["id"]]));
        let thread = stopped["threadId"].clone();
        let threads = editor.call("threads", json!({}));
        assert!(threads["threads"].as_array().unwrap().iter().any(|it| it["id"] == thread), "{threads}");
        let stack = editor.call("stackTrace", json!({"threadId": thread}))["stackFrames"].clone();
        assert_eq!((&stack[0]["name"], &stack[0]["line"], &stack[1]["line"]), (&json!("f"), &json!(4), &json!(6)));
        let scopes = editor.call("scopes", json!({"frameId": stack[0]["id"]}))["scopes"].clone();
        let reference = scopes[0]["variablesReference"].clone();
        let variables = editor.call("variables", json!({"variablesReference": reference}))["variables"].clone();
        let i = variables.as_array().unwrap().iter().find(|it| it["name"] == "i").unwrap().clone();
        assert_eq!(i["value"], "1", "{variables}");
        editor.call("setVariable", json!({"variablesReference": reference, "name": "total", "value": "40"}));
        let value =
            editor.call("evaluate", json!({"expression": "total + 2", "frameId": stack[0]["id"], "context": "watch"}));
        assert_eq!(value["result"], "42");
        editor.call("next", json!({"threadId": thread}));
        assert_eq!(editor.event("stopped")["reason"], "step");
        let stale = editor.refusal("variables", json!({"variablesReference": reference}));
        assert!(!stale.is_empty(), "i07: a reference of an earlier stop");
        editor.call("setBreakpoints", json!({"source": {"path": path}, "breakpoints": []}));
        editor.call("continue", json!({"threadId": thread}));
        assert_eq!(editor.exit(), 7, "Python {}", python.version);
        assert_eq!(editor.printed("stdout"), "43\n");
        let seen = editor.leave();
        let names: Vec<_> = seen.iter().map(name).collect();
        assert_eq!(names[0], "=initialize");
        assert_eq!(names[1], "initialized", "after launch was received, before anything else");
        let at =
            |wanted: &str| names.iter().position(|it| it == wanted).unwrap_or_else(|| panic!("no {wanted}: {names:?}"));
        assert!(at("=configurationDone") < at("=launch"));
        assert_eq!(names[names.len() - 3..], ["exited", "terminated", "=disconnect"]);
        assert!(!names.contains(&"capabilities".to_owned()), "what is promised at first is what the agent can do");
    }
}

#[test]
fn the_program_reads_nothing_and_all_that_it_prints_comes_as_events_before_exited() {
    let home = Home::new();
    let path = home.write(
        "streams.py",
        "import os, sys\n\
         print(repr(sys.stdin.read()), os.isatty(1), flush=True)\n\
         print('no newline at the end', end='', file=sys.stderr)\n\
         sys.stdout.buffer.write('ü€😀'.encode() * 20000)\n",
    );
    let mut editor = home.editor();
    editor.launch(json!({"program": path}), &[]);
    assert_eq!(editor.exit(), 0);
    assert_eq!(editor.printed("stdout"), format!("'' False\n{}", "ü€😀".repeat(20000)));
    assert_eq!(editor.printed("stderr"), "no newline at the end");
    let names: Vec<_> = editor.leave().iter().map(name).collect();
    let exited = names.iter().position(|it| it == "exited").unwrap();
    assert!(!names[exited..].contains(&"output".to_owned()), "{names:?}");
}

#[test]
fn a_module_code_arguments_folder_variables_and_interpreter_options_are_what_launch_says() {
    let home = Home::new();
    home.write("pkg/__init__.py", "");
    home.write("pkg/tool.py", "import sys; print(sys.argv[1:], __name__)");
    let report =
        "import os, sys; print(sys.argv, os.getcwd(), os.environ.get('A'), os.environ.get('B'), sys.flags.dev_mode)";
    let script = home.write("report.py", report);
    let work = home.path("work");
    let python = ikpdb_testkit::pythons().pop().unwrap().executable;
    let table = [
        (json!({"module": "pkg.tool", "args": ["x", "y z"]}), "['x', 'y z'] __main__\n".to_owned()),
        (json!({"code": "print(6 * 7)"}), "42\n".to_owned()),
        (
            json!({"program": script, "args": ["1"], "cwd": work.join("pkg"), "env": {"A": "a", "B": null}}),
            format!("['{script}', '1'] {} a None False\n", work.join("pkg").display()),
        ),
        (
            json!({"program": script, "python": [python, "-X", "dev"]}),
            format!("['{script}'] {} None b True\n", work.display()),
        ),
    ];
    for (arguments, expected) in table {
        let mut command = home.command();
        command.env("B", "b").env_remove("A");
        let mut editor = Editor::start(command);
        editor.launch(arguments.clone(), &[]);
        assert_eq!(editor.exit(), 0, "{arguments}: {}", editor.printed("stderr"));
        assert_eq!(editor.printed("stdout"), expected, "{arguments}");
        editor.leave();
    }
}

#[test]
fn without_just_my_code_steps_go_into_the_library_but_never_into_an_import() {
    let home = Home::new();
    home.write("mine.py", "value = 5\n");
    let path = home.write("app.py", "import json\nimport mine\ntext = json.dumps([1])\nprint(text)\n");
    let mut editor = home.editor();
    editor.launch(json!({"program": path, "justMyCode": false}), &[(&path, json!([{"line": 2}]))]);
    let thread = editor.event("stopped")["threadId"].clone();
    let mut places = Vec::new();
    for _ in 0..3 {
        editor.call("stepIn", json!({"threadId": thread}));
        editor.event("stopped");
        let stack = editor.call("stackTrace", json!({"threadId": thread, "levels": 1}))["stackFrames"].clone();
        let path = stack[0]["source"]["path"].as_str().unwrap();
        places.push(format!("{}:{}", path.rsplit('/').next().unwrap(), stack[0]["name"].as_str().unwrap()));
        if places.len() == 1 {
            // On to the call.
            editor.call(
                "setBreakpoints",
                json!({"source": {"path": home.path("work/app.py")}, "breakpoints": [{"line": 3}]}),
            );
            editor.call("continue", json!({"threadId": thread}));
            editor.event("stopped");
        }
    }
    assert_eq!(places, ["mine.py:<module>", "__init__.py:dumps", "__init__.py:dumps"]);
    editor.call("continue", json!({"threadId": thread}));
    assert_eq!(editor.exit(), 0);
    editor.leave();
}

#[test]
fn stop_on_entry_stops_at_the_first_line_of_the_program() {
    let home = Home::new();
    let path = home.write("two.py", "'''doc'''\nimport json\nprint('second')\n");
    let mut editor = home.editor();
    editor.launch(json!({"program": path, "stopOnEntry": true}), &[]);
    let stopped = editor.event("stopped");
    assert_eq!(stopped["reason"], "entry");
    let stack = editor.call("stackTrace", json!({"threadId": stopped["threadId"]}))["stackFrames"].clone();
    assert_eq!(stack[0]["source"]["path"], path.as_str());
    assert!(stack[0]["line"].as_u64().unwrap() <= 2, "{stack}");
    editor.call("continue", json!({"threadId": stopped["threadId"]}));
    assert_eq!(editor.exit(), 0);
    editor.leave();
}

#[test]
fn how_a_program_ends_is_its_exit_code() {
    let home = Home::new();
    for (code, expected) in [
        ("pass", 0),
        ("raise SystemExit(3)", 3),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", 137),
        ("import os; os._exit(9)", 9),
    ] {
        let mut editor = home.editor();
        editor.launch(json!({"code": code}), &[]);
        assert_eq!(editor.exit(), expected, "{code}");
        editor.leave();
    }
}

#[test]
fn an_uncaught_exception_stops_and_is_printed_once() {
    let home = Home::new();
    let path = home.write("wrong.py", "def f():\n    raise ValueError('bad')\nf()\n");
    let mut editor = home.editor();
    editor.launch(json!({"program": path}), &[]);
    let stopped = editor.event("stopped");
    assert_eq!(stopped["reason"], "exception");
    let info = editor.call("exceptionInfo", json!({"threadId": stopped["threadId"]}));
    assert!(info["exceptionId"].as_str().unwrap().contains("ValueError"), "{info}");
    editor.call("continue", json!({"threadId": stopped["threadId"]}));
    assert_eq!(editor.exit(), 1);
    assert_eq!(editor.printed("stderr").matches("ValueError: bad").count(), 1);
    editor.leave();
}

#[test]
fn a_program_that_cannot_be_started_fails_the_launch_with_one_line_and_nothing_hangs() {
    let home = Home::new();
    let path = home.write("fine.py", "");
    for (arguments, why) in [
        (json!({"program": "/nowhere/none.py"}), "/nowhere/none.py"),
        (json!({"program": path, "python": "/nowhere/python"}), "/nowhere/python"),
        (json!({"program": path, "cwd": "/nowhere"}), "/nowhere"),
        (json!({}), "'program'"),
        (json!({"program": path, "module": "x"}), "one of"),
        (json!({"program": 1}), "launch"),
    ] {
        let mut editor = home.editor();
        editor.initialize();
        let message = editor.refusal("launch", arguments.clone());
        assert!(message.contains(why) && message.lines().count() == 1, "{arguments}: {message}");
        editor.leave();
    }
}

#[test]
fn unknown_and_early_requests_are_answered() {
    let home = Home::new();
    let path = home.write("fine.py", "x = 1\n");
    let mut editor = home.editor();
    editor.initialize();
    for command in ["threads", "someday/new", "continue", "stepBack", "attach", "restart", "terminate"] {
        assert!(!editor.refusal(command, json!({})).is_empty(), "{command}");
    }
    let early = editor.call("setBreakpoints", json!({"source": {"path": path}, "breakpoints": [{"line": 1}]}));
    assert_eq!(early["breakpoints"][0]["verified"], false);
    let launch = editor.ask("launch", json!({"program": path}));
    editor.event("initialized");
    editor.call("configurationDone", json!({}));
    assert_eq!(editor.response(launch)["success"], true);
    let stopped = editor.event("stopped");
    assert_eq!(stopped["hitBreakpointIds"], json!([early["breakpoints"][0]["id"]]), "it was kept");
    for command in ["someday/new", "stepBack", "setDataBreakpoints"] {
        editor.refusal(command, json!({"threadId": 1, "breakpoints": []}));
    }
    editor.call("continue", json!({"threadId": stopped["threadId"]}));
    editor.exit();
    editor.leave();
}

/// A program that says its process id and waits; `trap` decides what it does about SIGTERM.
fn waiting(home: &Home, editor: &mut Editor, trap: &str) -> i64 {
    let text = format!("import os, signal, time\n{trap}\nprint(os.getpid(), flush=True)\nwhile True: time.sleep(1)\n");
    let path = home.write("wait.py", &text);
    editor.launch(json!({"program": path}), &[]);
    editor.line().parse().unwrap()
}

#[test]
fn disconnect_ends_a_launched_program_even_one_that_ignores_sigterm() {
    for (trap, code) in [("", 143), ("signal.signal(signal.SIGTERM, signal.SIG_IGN)", 137)] {
        let home = Home::new();
        let mut editor = home.editor();
        let pid = waiting(&home, &mut editor, trap);
        editor.call("disconnect", json!({}));
        assert!(!lives(pid), "answered when it has ended");
        assert_eq!(editor.exit(), code);
        while editor.next().is_some() {}
        assert_eq!(editor.ended(), Some(0));
    }
}

#[test]
fn disconnect_leaves_the_program_running_when_told_so() {
    let home = Home::new();
    let mut editor = home.editor();
    let pid = waiting(&home, &mut editor, "");
    editor.call("disconnect", json!({"terminateDebuggee": false}));
    assert!(lives(pid));
    assert!(editor.process.try_wait().unwrap().is_none(), "what it prints has to be read by somebody");
    std::process::Command::new("kill").arg(pid.to_string()).status().unwrap();
    gone(pid);
    assert_eq!(editor.ended(), Some(0));
}

#[test]
fn an_editor_that_is_gone_takes_its_program_along() {
    let home = Home::new();
    let mut editor = home.editor();
    let pid = waiting(&home, &mut editor, "");
    drop(editor.stdin.take());
    gone(pid);
    assert_eq!(editor.ended(), Some(0));
    let mut editor = home.editor();
    let pid = waiting(&home, &mut editor, "");
    std::process::Command::new("kill").arg(editor.process.id().to_string()).status().unwrap();
    gone(pid);
    assert_eq!(editor.ended(), Some(0));
    let left: Vec<_> = std::fs::read_dir(home.path("run/ikpdb")).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert!(left.iter().all(|it| !it.to_string_lossy().starts_with("dap-")), "{left:?}");
}

#[test]
fn terminate_asks_and_terminate_again_insists() {
    let home = Home::new();
    let mut editor = home.editor();
    let pid = waiting(&home, &mut editor, "signal.signal(signal.SIGTERM, lambda *_: print('asked', flush=True))");
    editor.call("terminate", json!({}));
    assert_eq!(editor.line(), "asked");
    assert!(lives(pid));
    editor.call("terminate", json!({}));
    assert_eq!(editor.exit(), 137);
    editor.leave();
}

#[test]
fn an_editor_that_reads_slowly_loses_nothing_uncounted_and_its_program_goes_on() {
    let home = Home::new();
    let size = 40 << 20;
    let path = home.write(
        "much.py",
        &format!("import sys\nfor _ in range({}): sys.stdout.write('x' * 1023 + '\\n')\n", size >> 10),
    );
    let mut editor = home.editor();
    editor.launch(json!({"program": path}), &[]);
    // Asked for in the middle of it, and answered: nothing is blocked for good.
    assert_eq!(editor.exit(), 0);
    let outputs = editor.seen.iter().filter(|it| it["event"] == "output");
    let count = |it: &Value| {
        it["body"]["output"].as_str().unwrap().len() as f64 + it["body"]["ikpdbDropped"].as_f64().unwrap_or(0.0)
    };
    assert_eq!(outputs.map(count).sum::<f64>(), f64::from(size));
    editor.leave();
}

#[test]
fn i09_an_editor_that_counts_lines_from_0_stops_where_it_means() {
    let home = Home::new();
    let path = home.write("loop.py", LOOP);
    let mut editor = home.editor();
    let about = json!({"adapterID": "ikpdb", "linesStartAt1": false, "columnsStartAt1": false});
    editor.call("initialize", about);
    let launch = editor.ask("launch", json!({"program": path}));
    editor.event("initialized");
    let made = editor.call("setBreakpoints", json!({"source": {"path": path}, "breakpoints": [{"line": 4}]}));
    assert_eq!(made["breakpoints"][0]["line"], 4);
    editor.call("configurationDone", json!({}));
    editor.response(launch);
    let thread = editor.event("stopped")["threadId"].clone();
    let stack = editor.call("stackTrace", json!({"threadId": thread}))["stackFrames"].clone();
    assert_eq!((&stack[0]["line"], &stack[1]["line"]), (&json!(4), &json!(5)), "'return' is the fifth line");
    editor.call("continue", json!({"threadId": thread}));
    editor.exit();
    editor.leave();
}

#[test]
fn i17_each_message_is_one_write() {
    let home = Home::new();
    // In this mode a pipe keeps what each write brought apart.
    let (reader, writer) = pipe_with(PipeFlags::DIRECT | PipeFlags::CLOEXEC).unwrap();
    let mut command = home.command();
    let mut process = command.stdin(std::process::Stdio::piped()).stdout(writer).spawn().unwrap();
    drop(command);
    let mut stdin = process.stdin.take().unwrap();
    for (seq, name) in [(1, "initialize"), (2, "threads"), (3, "someday/new"), (4, "disconnect")] {
        let body = json!({"seq": seq, "type": "request", "command": name, "arguments": {}}).to_string();
        stdin.write_all(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).unwrap();
    }
    let mut packets = Vec::new();
    let mut packet = [0; 8192];
    while let count @ 1.. = rustix::io::read(&reader, &mut packet).unwrap() {
        packets.push(String::from_utf8_lossy(&packet[..count]).into_owned());
    }
    process.wait().unwrap();
    assert_eq!(packets.len(), 4, "{packets:#?}");
    let schema = schema();
    for packet in packets {
        let (head, body) = packet.split_once("\r\n\r\n").unwrap();
        assert_eq!(head, format!("Content-Length: {}", body.len()));
        check(&schema, &serde_json::from_str(body).unwrap());
    }
}

#[test]
fn garbage_on_standard_input_ends_the_adapter_with_one_line() {
    let home = Home::new();
    let mut command = home.command();
    let mut process = command
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    process.stdin.take().unwrap().write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let output = process.wait_with_output().unwrap();
    assert!(output.stdout.is_empty());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("not a debug adapter message") && said.lines().count() == 1, "{said}");
}
