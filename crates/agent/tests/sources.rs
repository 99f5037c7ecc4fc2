//! Sources without a file, which are fetched by their reference.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::io::Write;
use std::process::Command;

use serde_json::{Value, json};
use support::{Debuggee, Launch, Python, Stopped, pythons};

/// Fetches the source of a frame as a client does that was given no more than the frame.
fn fetch(debuggee: &mut Debuggee, frame: &Value) -> String {
    let source = &frame["source"];
    assert!(source["sourceReference"].as_i64().unwrap() > 0, "{source}");
    let arguments = json!({"source": source, "sourceReference": source["sourceReference"]});
    let body = debuggee.request("source", arguments);
    // Clients of the first version know the number only.
    let by_number = debuggee.request("source", json!({"sourceReference": source["sourceReference"]}));
    assert_eq!(body["content"], by_number["content"]);
    body["content"].as_str().unwrap().to_owned()
}

fn reference(stop: &Stopped, frame: usize) -> i64 {
    stop.frames[frame]["source"]["sourceReference"].as_i64().unwrap_or(0)
}

/// Makes a zip file of one module with this text in a folder of its own.
fn zip(python: &Python, name: &str, text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap().join("library.zip");
    let make = "import sys, zipfile; zipfile.ZipFile(sys.argv[1], 'w').writestr(*sys.argv[2:])";
    let made = Command::new(&python.executable).args(["-c", make]).arg(&path).args([name, text]).status();
    assert!(made.unwrap().success());
    (folder, path.to_str().unwrap().to_owned())
}

#[test]
fn a_zipped_module_is_fetched_by_its_reference_while_the_program_is_stopped_and_while_it_runs() {
    const ZIPPED: &str = "# \u{e9}\ndef call(it):\n    return it()\n";
    const MAIN: &str = "\
import sys
sys.path.insert(0, sys.argv[1])
import zipped
def here():
    return 1  # BP:here
zipped.call(here)
input()
";
    for python in pythons() {
        let version = &python.version;
        let (_folder, path) = zip(&python, "zipped.py", ZIPPED);
        let launch = Launch { args: vec![path.clone()], pipe_stdin: true, ..Launch::at("here") };
        let mut debuggee = Debuggee::launch(&python, MAIN, launch);
        let stop = debuggee.stopped();
        assert_eq!((stop.frames[1]["name"].as_str(), reference(&stop, 0)), (Some("call"), 0), "{version}");
        let source = &stop.frames[1]["source"];
        assert_eq!((&source["path"], &source["name"]), (&json!(format!("{path}/zipped.py")), &json!("zipped.py")));
        assert_eq!(fetch(&mut debuggee, &stop.frames[1]), ZIPPED, "{version}");
        // Asked in the moment in which it goes on, too.
        debuggee.ask("continue", json!({"threadId": stop.thread}));
        for _ in 0..20 {
            assert_eq!(fetch(&mut debuggee, &stop.frames[1]), ZIPPED, "{version}");
        }
        debuggee.event("continued");
        assert_eq!(fetch(&mut debuggee, &stop.frames[1]), ZIPPED, "{version}: while it runs");
        debuggee.stdin().write_all(b"\n").unwrap();
        assert_eq!(debuggee.end().errors, "", "{version}");
    }
}

#[test]
fn code_of_the_command_line_is_fetched_by_its_reference() {
    const CODE: &str = "def f():\n    breakpoint()\n    return 1\nf()\n";
    for python in pythons() {
        let launch = Launch { target: vec!["-c".into(), CODE.into()], ..Launch::default() };
        let mut debuggee = Debuggee::launch(&python, "", launch);
        let stop = debuggee.stopped();
        assert_eq!((stop.function(), stop.line()), ("f", 2), "{}", python.version);
        // The interpreter itself appends a line break to it, and 3.13 keeps it so.
        assert_eq!(fetch(&mut debuggee, stop.top()).trim_end(), CODE.trim_end(), "{}", python.version);
        assert_eq!(reference(&stop, 0), reference(&stop, 1), "{}: one source, one reference", python.version);
        debuggee.go("continue", stop.thread);
        assert_eq!(debuggee.end().errors, "", "{}", python.version);
    }
}

#[test]
fn a_frozen_module_is_the_file_of_the_library() {
    const FROZEN: &str = "\
import os
def on_error(error):
    return 1  # BP:here
print(os.walk.__code__.co_filename, os.__file__)
list(os.walk('/nonexistent', onerror=on_error))
";
    for python in pythons() {
        let version = &python.version;
        let mut debuggee = Debuggee::launch(&python, FROZEN, Launch { library_too: true, ..Launch::at("here") });
        let printed = debuggee.printed();
        let (name, file) = printed.split_once("> ").unwrap();
        assert_eq!(name, "<frozen os", "{version}");
        let stop = debuggee.stopped();
        let source = &stop.frames[1]["source"];
        assert!(stop.frames[1]["name"].as_str().unwrap().ends_with("walk"), "{version}: {:?}", stop.frames[1]);
        assert_eq!((&source["path"], reference(&stop, 1)), (&json!(file), 0), "{version}");
        let body = debuggee.request("source", json!({"source": source, "sourceReference": 0}));
        assert_eq!(body["content"], json!(std::fs::read_to_string(file).unwrap()), "{version}");
        debuggee.go("continue", stop.thread);
        assert_eq!(debuggee.end().errors, "", "{version}");
    }
}

#[test]
fn an_unknown_reference_is_refused_and_code_without_any_text_is_said_to_have_none() {
    const MADE: &str =
        "exec(compile('def f(it): return it()', '<made>', 'exec'))\ndef here():\n    return 1  # BP:here\nf(here)\n";
    for python in pythons() {
        let version = &python.version;
        let mut debuggee = Debuggee::launch(&python, MADE, Launch::at("here"));
        let stop = debuggee.stopped();
        let known = reference(&stop, 1);
        assert!(known > 0, "{version}: {:?}", stop.frames[1]);
        let mut refused = |reference: i64, source: Value| {
            let arguments = json!({"source": source, "sourceReference": reference});
            debuggee.try_request("source", arguments).unwrap_err()
        };
        assert!(refused(known, json!({})).contains("the source of <made> is not available"), "{version}");
        for unknown in [known + 1, 1 << 30, -1, 0] {
            assert!(
                refused(unknown, json!({})).contains("neither a path nor a known reference"),
                "{version} {unknown}"
            );
        }
        let named = json!({"path": "<made>", "sourceReference": known + 1});
        assert!(refused(known + 1, named).contains("<made> is not loaded"), "{version}");
        debuggee.go("continue", stop.thread);
        assert_eq!(debuggee.end().errors, "", "{version}");
    }
}
