//! Uncaught exceptions: shown after the fact, and reported by the program as ever.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use serde_json::json;
use support::{Debuggee, Launch, pythons};

const FAILS: &str = "\
def fail(n):
    local = n + 1
    raise ValueError(f'bad {n}')  # BP:raise

def caller():
    try:
        {}['key']
    except KeyError as error:
        fail(41)  # BP:call

caller()  # BP:main
";

#[test]
fn an_uncaught_exception_stops_with_frames_and_locals_alive() {
    for python in pythons() {
        let version = &python.version;
        let mut debuggee = Debuggee::launch(&python, FAILS, Launch::default());
        let stop = debuggee.stopped();
        assert_eq!(
            (stop.reason.as_str(), stop.line(), stop.function()),
            ("exception", debuggee.line("raise"), "fail"),
            "{version}"
        );
        assert_eq!(stop.body["text"], json!("ValueError: bad 41"), "{version}");
        let lines: Vec<u64> = stop.frames.iter().map(|it| it["line"].as_u64().unwrap()).collect();
        assert_eq!(lines, ["raise", "call", "main"].map(|it| u64::from(debuggee.line(it))), "{version}");
        assert_eq!(debuggee.evaluate("local", stop.top()), "42", "{version}");
        let info = debuggee.request("exceptionInfo", json!({"threadId": stop.thread}));
        assert_eq!(info["exceptionId"], json!("ValueError"), "{version}");
        assert_eq!(info["description"], json!("bad 41"), "{version}");
        assert_eq!(info["details"]["innerException"][0]["fullTypeName"], json!("KeyError"), "{version}");
        assert_eq!(info["details"]["ikpdbRelation"], json!("context"), "{version}");
        debuggee.go("continue", stop.thread);
        let ended = debuggee.end();
        assert_eq!(ended.status.code(), Some(1), "{version}");
        assert_eq!(ended.errors.matches("ValueError: bad 41").count(), 1, "{version}: {}", ended.errors);
    }
}

#[test]
fn an_uncaught_exception_of_a_thread_stops_too() {
    const THREAD: &str = "\
import threading
def work():
    inside = 5
    raise RuntimeError('in thread')  # BP:raise
t = threading.Thread(target=work, name='worker')
t.start()
t.join()
print('main goes on')
";
    for python in pythons() {
        let version = &python.version;
        let mut debuggee = Debuggee::launch(&python, THREAD, Launch::default());
        let stop = debuggee.stopped();
        assert_eq!(
            (stop.reason.as_str(), stop.line(), stop.function()),
            ("exception", debuggee.line("raise"), "work"),
            "{version}"
        );
        assert_eq!(debuggee.evaluate("inside", stop.top()), "5", "{version}");
        let threads = debuggee.request("threads", json!({}));
        let names: Vec<&str> =
            threads["threads"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["MainThread", "worker"], "{version}");
        debuggee.go("continue", stop.thread);
        let ended = debuggee.end();
        assert_eq!((ended.status.code(), ended.output.as_str()), (Some(0), "main goes on"), "{version}");
        assert_eq!(ended.errors.matches("RuntimeError: in thread").count(), 1, "{version}: {}", ended.errors);
    }
}

#[test]
fn the_end_by_sys_exit_is_no_exception() {
    for python in pythons() {
        for (text, code) in
            [("import sys\nsys.exit(7)\n", 7), ("raise SystemExit('bye')\n", 1), ("import os\nos._exit(9)\n", 9)]
        {
            let ended = Debuggee::launch(&python, text, Launch::default()).end();
            assert_eq!(ended.status.code(), Some(code), "{}", python.version);
        }
    }
}

#[test]
fn a_syntax_error_is_shown() {
    for python in pythons() {
        let mut debuggee =
            Debuggee::launch(&python, "x = 1\nprint 'hello'\n", Launch { stop_on_entry: true, ..Launch::default() });
        let stop = debuggee.event("stopped");
        assert_eq!(stop["reason"], json!("exception"), "{}", python.version);
        assert!(stop["text"].as_str().unwrap().starts_with("SyntaxError"), "{stop}");
        let stack = debuggee.request("stackTrace", json!({"threadId": stop["threadId"]}));
        let top = &stack["stackFrames"][0];
        assert_eq!(top["line"], json!(2), "{stack}");
        assert_eq!(top["source"]["path"], json!(debuggee.script.to_str().unwrap()), "{stack}");
        debuggee.go("continue", stop["threadId"].as_i64().unwrap());
        let ended = debuggee.end();
        assert_eq!(ended.status.code(), Some(1));
        assert_eq!(ended.errors.matches("SyntaxError").count(), 1, "{}", ended.errors);
    }
}
