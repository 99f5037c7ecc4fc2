//! Each kind of target: where it stops first, and that it runs as it is.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod hub_support;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use hub_support::program::{id, session, start, tab};
use hub_support::{Home, all};
use ikpdb_testkit::{Python, marked_line};
use serde_json::{Value, json};

/// The first line that runs is neither the first one of the file nor the first one with text.
const MAIN: &str = "\
# A comment.

import sys  # BP:first
print(sys.argv[1:], __name__)
sys.exit(5)
";

/// An executable script of this interpreter.
fn console_script(folder: &Path, name: &str, python: &Python) -> PathBuf {
    std::fs::create_dir_all(folder).unwrap();
    let path = folder.join(name);
    std::fs::write(&path, format!("#!{}\n{MAIN}", python.executable.display())).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// `app.zip` in the workspace, with this as its main module.
fn zip(home: &Home, main: &str) {
    let make = "import sys, zipfile; zipfile.ZipFile('app.zip', 'w').writestr('__main__.py', sys.argv[1])";
    let python = ikpdb_testkit::pythons().pop().unwrap().executable;
    let made = Command::new(python).args(["-c", make, main]).current_dir(home.workspace()).status();
    assert!(made.unwrap().success());
}

/// `ikpdb run` with an interpreter, or with the one that the target belongs to, and more folders on PATH.
fn command(home: &Home, python: Option<&Python>, path: &Path, options: &[&str], target: &[&str]) -> Command {
    let mut command = home.ikpdb();
    command.arg("run").args(options).env("PATH", format!("{}:{}", path.display(), std::env::var("PATH").unwrap()));
    if let Some(python) = python {
        command.arg("--python").arg(&python.executable);
    }
    command.args(target);
    command
}

#[test]
fn each_kind_of_target_stops_at_its_own_first_line() {
    let home = Home::new();
    home.write("package/__init__.py", "x = 1\n");
    let module = home.write("package/__main__.py", MAIN);
    let folder = home.write("folder/__main__.py", MAIN);
    let script = home.write("script.py", MAIN);
    zip(&home, MAIN);
    let zipped = home.path("work/app.zip/__main__.py").display().to_string();
    let first = marked_line(MAIN, "first");
    let mut tab = None;
    let mut seen: Vec<Value> = Vec::new();
    for python in ikpdb_testkit::pythons() {
        let bin = home.path(&format!("bin-{}", python.version));
        let tool = console_script(&bin, "my-tool", &python).display().to_string();
        // How it is given, its file, and by how much its first line is further down.
        let cases: [(&[&str], &str, u32); 6] = [
            (&["script.py"], &script, 0),
            (&["-m", "package"], &module, 0),
            (&["-c", MAIN], "<string>", 0),
            (&["folder"], &folder, 0),
            (&["app.zip"], &zipped, 0),
            (&["my-tool"], &tool, 1),
        ];
        for (target, file, further) in cases {
            let what = format!("{} {}", python.version, target[0]);
            let words = [target, &["one"]].concat();
            // A console script brings its interpreter.
            let named = (further == 0).then_some(&python);
            let options: &[&str] = if tab.is_none() { &["--port", "0"] } else { &[] };
            let mut program = start(command(&home, named, &bin, options, &words));
            let tab = tab.get_or_insert_with(|| hub_support::program::tab(&home));
            let info = session(tab, |it| it["state"] == "stopped" && !seen.contains(&it["id"]));
            seen.push(info["id"].clone());
            assert_eq!(info["stopped"]["reason"], "entry", "{what}");
            assert_eq!(info["python"]["version"], json!(python.version), "{what}");
            let thread = json!({"threadId": info["stopped"]["threadId"]});
            let stack = tab.call(id(&info), "stackTrace", thread.clone())["stackFrames"].clone();
            let top = &stack[0];
            let place = (&top["source"]["path"], &top["line"], &top["name"]);
            assert_eq!(place, (&json!(file), &json!(first + further), &json!("<module>")), "{what}");
            let reference = top["source"]["sourceReference"].as_i64().unwrap_or(0);
            assert_eq!(reference > 0, !Path::new(file).is_file(), "{what}: {top}");
            if reference > 0 {
                let source = json!({"source": top["source"], "sourceReference": reference});
                let text = tab.call(id(&info), "source", source)["content"].as_str().unwrap().to_owned();
                assert_eq!(text.trim_end(), MAIN.trim_end(), "{what}");
            }
            tab.call(id(&info), "continue", thread);
            assert_eq!(program.0.wait().unwrap().code(), Some(5), "{what}");
            assert_eq!(all(program.0.stdout.take()), "['one'] __main__\n", "{what}");
        }
    }
}

#[test]
fn a_zip_file_runs_as_it_is() {
    let home = Home::new();
    zip(&home, MAIN);
    for python in ikpdb_testkit::pythons() {
        let mut command =
            command(&home, Some(&python), &home.path("bin"), &["--port", "0", "--no-stop"], &["app.zip", "-x"]);
        let output = command.stdin(Stdio::null()).output().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        assert_eq!((output.status.code(), &*printed), (Some(5), "['-x'] __main__\n"), "{}: {output:?}", python.version);
    }
}

#[test]
fn pytest_is_debugged_by_its_name() {
    const TEST: &str = "\
def test_sum():
    total = sum([20, 22])
    assert total == 42  # BP:assert
";
    for python in ikpdb_testkit::pythons() {
        let version = &python.version;
        let home = Home::new();
        let path = home.write("test_one.py", TEST);
        let bin = python.environment_python().parent().unwrap().to_owned();
        let mut program =
            start(command(&home, None, &bin, &["--port", "0"], &["pytest", "-q", "-p", "no:cacheprovider"]));
        let mut tab = tab(&home);
        let info = session(&mut tab, |it| it["state"] == "stopped");
        assert_eq!((&info["stopped"]["reason"], &info["name"]), (&json!("entry"), &json!("pytest")), "{version}");
        let thread = json!({"threadId": info["stopped"]["threadId"]});
        let stack = tab.call(id(&info), "stackTrace", thread.clone())["stackFrames"].clone();
        assert_eq!(stack[0]["source"]["path"], json!(bin.join("pytest")), "{version}");
        tab.call(None, "ikpdb/breakpoints/set", json!({"path": path, "line": marked_line(TEST, "assert")}));
        tab.call(id(&info), "continue", thread.clone());
        let hit = session(&mut tab, |it| it["state"] == "stopped" && it["stopped"]["reason"] == "breakpoint");
        assert_eq!(hit["id"], info["id"], "{version}");
        let stack = tab.call(id(&info), "stackTrace", thread.clone())["stackFrames"].clone();
        let total = json!({"expression": "total", "frameId": stack[0]["id"], "context": "hover"});
        assert_eq!(tab.call(id(&info), "evaluate", total)["result"], "42", "{version}");
        tab.call(id(&info), "continue", thread);
        assert_eq!(program.0.wait().unwrap().code(), Some(0), "{version}");
        let printed = all(program.0.stdout.take());
        assert!(printed.contains("1 passed"), "{version}: {printed}");
    }
}
