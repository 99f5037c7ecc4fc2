//! An editor that says wrong things to `ikpdb dap`: each gets one answer, and its session goes on as long as its bytes are frames.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod dap_support;
#[path = "../../agent/tests/support/wrong_requests.rs"]
mod wrong_requests;

use std::io::{Read, Write};
use std::process::Stdio;
use std::sync::mpsc::channel;

use dap_support::{Dap, Editor, Home, gone};
use serde_json::{Value, json};
use wrong_requests::{Faults, PROGRAM, fill, forms, requests};

/// Sends bytes as they are.
fn send(editor: &mut Editor, bytes: &[u8]) {
    editor.stdin.as_mut().unwrap().write_all(bytes).unwrap();
}

fn send_text(editor: &mut Editor, text: &[u8]) {
    send(editor, &[format!("Content-Length: {}\r\n\r\n", text.len()).as_bytes(), text].concat());
}

/// Asks, and holds the answer against what must be true of all; whether it was carried out.
fn ask(editor: &mut Editor, faults: &mut Faults, command: &str, arguments: Value, what: &str) -> bool {
    let seq = editor.ask(command, arguments);
    let answer = editor.response(seq);
    faults.look(answer["success"] == true, answer["message"].as_str(), &answer["body"]["error"]["id"], what)
}

/// Where the program has stopped.
fn ids(editor: &mut Editor, path: &str) -> Vec<(&'static str, Value)> {
    let thread = editor.event("stopped")["threadId"].clone();
    let frame = editor.call("stackTrace", json!({"threadId": thread, "levels": 1}))["stackFrames"][0]["id"].clone();
    let locals = editor.call("scopes", json!({"frameId": frame}))["scopes"][0]["variablesReference"].clone();
    vec![("$thread", thread), ("$frame", frame), ("$locals", locals), ("$path", path.into())]
}

#[test]
fn every_wrong_request_of_an_editor_gets_one_answer_and_its_session_goes_on() {
    let home = Home::new();
    let path = home.write("app.py", PROGRAM);
    let line = ikpdb_testkit::marked_line(PROGRAM, "work");
    // From 0 every position is counted anew, on the way in and on the way out.
    for from_1 in [true, false] {
        let mut faults = Faults::default();
        let mut editor = home.editor();
        editor.call("initialize", json!({"adapterID": "ikpdb", "linesStartAt1": from_1, "columnsStartAt1": from_1}));
        let nowhere: Vec<_> = ["$thread", "$frame", "$locals", "$path"].map(|it| (it, json!(1))).into();
        for (command, valid, fields) in requests() {
            if !["initialize", "configurationDone", "attach"].contains(&command) {
                for (form, arguments, _) in forms(&valid, &fields) {
                    ask(
                        &mut editor,
                        &mut faults,
                        command,
                        fill(&arguments, &nowhere),
                        &format!("early: {command} {form}"),
                    );
                }
            }
        }
        let launch = editor.ask("launch", json!({"program": path}));
        editor.event("initialized");
        let here = json!({"source": {"path": path}, "breakpoints": [{"line": if from_1 { line } else { line - 1 }}]});
        let none = json!({"source": {"path": path}, "breakpoints": []});
        editor.call("setBreakpoints", here.clone());
        editor.call("setFunctionBreakpoints", json!({"breakpoints": []}));
        editor.call("setExceptionBreakpoints", json!({"filters": ["uncaught"]}));
        editor.call("configurationDone", json!({}));
        editor.response(launch);
        let mut known = ids(&mut editor, &path);
        for (command, valid, fields) in requests() {
            if ["initialize", "attach"].contains(&command) {
                continue;
            }
            for (form, arguments, must) in forms(&valid, &fields) {
                let what = format!("from 1 {from_1}: {command} {form}");
                let done = ask(&mut editor, &mut faults, command, fill(&arguments, &known), &what);
                faults.check(!(done && must), || format!("{what}: was carried out"));
                if done && wrong_requests::RESUMING.contains(&command) {
                    known = ids(&mut editor, &path);
                }
                if command == "setBreakpoints" {
                    editor.call("setBreakpoints", here.clone());
                }
            }
        }
        for (command, arguments) in [
            ("someday/new", json!({})),
            ("", json!({})),
            ("scopes", json!({"frameId": 2_000_000_000})),
            ("launch", json!({"program": path})),
            ("attach", json!({})),
            ("initialize", json!({"linesStartAt1": 5})),
        ] {
            let done = ask(&mut editor, &mut faults, command, arguments, command);
            faults.check(!done, || format!("{command} was carried out"));
        }
        // What is no request at all.
        for text in [&b""[..], b"\xff", b"[]", b"{\"seq\":1}", "[".repeat(100_000).as_bytes()] {
            send_text(&mut editor, text);
            let said = editor.event("output");
            let said = said["output"].as_str().unwrap();
            assert!(said.starts_with("ikpdb: a message was ignored: ") && said.lines().count() == 1, "{said}");
        }
        send_text(&mut editor, b"{\"seq\":123456789,\"type\":\"request\"}");
        assert_eq!(editor.response(123_456_789)["success"], false);
        let long = format!("len('{}')", "x".repeat(10 << 20));
        let body = editor.call("evaluate", json!({"expression": long, "frameId": known[1].1, "context": "repl"}));
        assert_eq!(body["result"], (10 << 20).to_string());
        let many = |count: u32| -> Value {
            let list: Vec<Value> = (1..=count).map(|line| json!({"line": line, "condition": "n < 0"})).collect();
            json!({"source": {"path": path}, "breakpoints": list})
        };
        let made = editor.call("setBreakpoints", many(1_000));
        assert_eq!(made["breakpoints"].as_array().unwrap().len(), 1_000);
        let refused = editor.refusal("setBreakpoints", many(100_000));
        assert!(refused.contains("more than 20000 breakpoints"), "{refused}");
        editor.call("setBreakpoints", none);
        editor.call("setFunctionBreakpoints", json!({"breakpoints": []}));
        editor.call("setExceptionBreakpoints", json!({"filters": []}));
        editor.call("evaluate", json!({"expression": "over = True", "context": "repl"}));
        editor.call("continue", json!({"threadId": known[0].1}));
        assert_eq!(editor.exit(), 3);
        assert_eq!(editor.printed("stdout"), "end\n");
        let answers = editor
            .leave()
            .iter()
            .filter(|it| it["type"] == "response")
            .map(|it| it["request_seq"].as_i64())
            .collect::<Vec<_>>();
        let mut once = answers.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(answers.len(), once.len(), "each was answered once");
    }
}

#[test]
fn bytes_that_are_no_frame_end_the_adapter_and_its_program_with_one_line() {
    let home = Home::new();
    let path = home.write("wait.py", "import os, time\nprint(os.getpid(), flush=True)\nwhile True: time.sleep(1)\n");
    for stream in [
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        b"Content-Length: -1\r\n\r\n{}".to_vec(),
        b"Content-Length: 999999999\r\n\r\n".to_vec(),
        b"Content-Length: 2\r\n\r\n{\"seq\":1}".to_vec(),
        vec![0xff; 10 << 20],
    ] {
        let what = String::from_utf8_lossy(&stream[..stream.len().min(40)]).into_owned();
        let mut command = home.command();
        command.stderr(Stdio::piped());
        let mut editor = Editor::start(command);
        let mut stderr = editor.process.stderr.take().unwrap();
        let (sender, said) = channel();
        std::thread::spawn(move || {
            let mut text = String::new();
            let _ = stderr.read_to_string(&mut text);
            let _ = sender.send(text);
        });
        editor.launch(json!({"program": path}), &[]);
        let pid = editor.line().parse().unwrap();
        // It ends without reading the rest.
        let _ = editor.stdin.as_mut().unwrap().write_all(&stream);
        gone(pid);
        while editor.next().is_some() {}
        assert_eq!(editor.ended(), Some(0), "{what}");
        let said = said.recv_timeout(dap_support::PATIENCE).unwrap();
        assert!(said.starts_with("ikpdb: standard input: ") && said.lines().count() == 1, "{what}: {said}");
    }
}
