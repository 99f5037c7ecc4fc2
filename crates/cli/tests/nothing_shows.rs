//! A program cannot tell that it is debugged: everything it can ask for is as natively, with each interpreter, each way to
//! start and each flag, but for a short list with a reason each.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use support::{Case, split};

/// The connection to the hub has its descriptors from here on, out of the program's way.
const FIRST_OWN_DESCRIPTOR: i32 = 512;

/// What differs, and why. Beside these, descriptors from 512 on: the connection to the hub is one.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("mappings", "the two libraries of the debugger are mapped: the kernel lists every file that is"),
    ("os threads", "the agent's listener is a thread of the process, though none that Python knows"),
    ("environ memory", "the memory of the two variables that were taken out is wiped, but stays, as zero bytes"),
    ("monitoring tools", "one tool id is taken and named, so that other tools do not take it, too"),
    ("excepthook", "uncaught errors stop in the debugger: the hook in place is a builtin that calls the previous one"),
    ("threading excepthook", "the same for threads"),
    ("unraisablehook", "the same for errors that cannot be raised"),
    ("breakpointhook", "breakpoint() stops in the debugger"),
];

/// The program in each form, in the workspace of a case.
fn write_forms(case: &Case) {
    let source = std::fs::read_to_string(ikpdb_testkit::root().join("tests/debuggees/nothing_shows.py")).unwrap();
    case.write("script.py", &source);
    case.write("package/__init__.py", "");
    case.write("package/__main__.py", &source);
    case.write("folder/__main__.py", &source);
    let python = support::python().executable;
    let zip = "import sys, zipfile; zipfile.ZipFile('app.zip', 'w').write('script.py', '__main__.py')";
    assert!(Command::new(python).args(["-c", zip]).current_dir(&case.workspace).status().unwrap().success());
}

/// How the program may be given to the interpreter.
fn forms(case: &Case) -> Vec<Vec<String>> {
    let source = std::fs::read_to_string(case.workspace.join("script.py")).unwrap();
    let forms: [&[&str]; 5] = [
        &["script.py", "one", "two words"],
        &["-m", "package", "one"],
        &["-c", &source, "one"],
        &["folder", "one"],
        &["app.zip"],
    ];
    forms.into_iter().map(|form| form.iter().map(|word| (*word).to_owned()).collect()).collect()
}

struct Seen {
    facts: BTreeMap<String, Value>,
    stderr: String,
    code: Option<i32>,
}

fn read(output: &Output, what: &str) -> Seen {
    let facts = serde_json::from_str(&without_addresses(&String::from_utf8_lossy(&output.stdout)))
        .unwrap_or_else(|error| panic!("{what}: {error}: {}", String::from_utf8_lossy(&output.stderr)));
    Seen { facts, stderr: without_addresses(&split(&output.stderr).0), code: output.status.code() }
}

/// An object's address is another one in each process.
fn without_addresses(text: &str) -> String {
    let mut parts = text.split("0x");
    let mut result = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        result.push_str("0x");
        result.push_str(part.trim_start_matches(|next: char| next.is_ascii_hexdigit()));
    }
    result
}

fn run(case: &Case, mut command: Command, variables: &[(&str, &str)]) -> Output {
    command.current_dir(&case.workspace).env_clear();
    for name in ["PATH", "HOME", "LANG"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.envs(case.variables()).envs(variables.iter().copied()).env("ODD", "a=b\nc");
    command.stdin(Stdio::null()).output().unwrap()
}

/// Runs both ways and compares.
fn compare(case: &Case, python: &Path, flags: &[&str], form: &[String], variables: &[(&str, &str)]) {
    let what = format!("{} {} {:.60}", python.display(), flags.join(" "), form.join(" "));
    let mut native = Command::new(python);
    native.args(flags).args(form);
    let native = read(&run(case, native, variables), &what);
    let mut debugged = Command::new(case.path("bin/ikpdb"));
    debugged.args(["run", "--no-stop", "--"]).arg(python).args(flags).args(form);
    let debugged = run(case, debugged, variables);
    let (_, ours) = split(&debugged.stderr);
    assert!(ours.iter().all(|line| !line.contains("undebugged")), "{what}: {ours:?}");
    let debugged = read(&debugged, &what);
    let mut differences = Vec::new();
    for (name, value) in &native.facts {
        let mut other = debugged.facts[name].clone();
        if name == "descriptors" {
            // See the exceptions: all others are as natively, the program's next one included.
            let open = other.as_array_mut().unwrap();
            open.retain(|fd| fd.as_str().unwrap().parse::<i32>().unwrap() < FIRST_OWN_DESCRIPTOR);
        }
        let other = &other;
        if value != other && !EXCEPTIONS.iter().any(|(exception, _)| exception == name) {
            differences.push(format!("{name}:\n  natively {value}\n  debugged {other}"));
        }
    }
    assert!(differences.is_empty(), "{what}:\n{}", differences.join("\n"));
    assert_eq!(native.stderr, debugged.stderr, "{what}");
    assert_eq!(native.code, debugged.code, "{what}");
    // The memory of what was taken out is zero.
    let memory = |seen: &Seen| -> Vec<String> {
        let text = seen.facts["environ memory"].as_str().unwrap();
        text.split('\0').filter(|variable| !variable.is_empty()).map(str::to_owned).collect()
    };
    assert_eq!(memory(&native), memory(&debugged), "{what}");
}

fn pythons() -> Vec<PathBuf> {
    ikpdb_testkit::pythons().into_iter().map(|python| python.executable).collect()
}

#[test]
fn nothing_shows_in_any_form_on_any_interpreter() {
    let case = Case::debugged();
    write_forms(&case);
    for python in pythons() {
        for form in forms(&case) {
            compare(&case, &python, &[], &form, &[]);
        }
    }
}

#[test]
fn nothing_shows_with_any_flag() {
    let case = Case::debugged();
    write_forms(&case);
    let flags: [&[&str]; 9] =
        [&["-I"], &["-E"], &["-S"], &["-P"], &["-O"], &["-X", "dev"], &["-W", "error"], &["-B", "-s"], &["-u"]];
    for python in pythons() {
        for flags in flags {
            for form in forms(&case) {
                // Isolated, the current folder is not on the path: natively no module is found either.
                if form[0] == "-m" && matches!(flags, ["-I" | "-P"]) {
                    continue;
                }
                compare(&case, &python, flags, &form, &[]);
            }
        }
    }
}

#[test]
fn nothing_shows_with_the_variables_of_python() {
    let case = Case::debugged();
    write_forms(&case);
    let variables: [&[(&str, &str)]; 5] = [
        &[("PYTHONSAFEPATH", "1")],
        &[("PYTHONPATH", "/somewhere"), ("PYTHONDONTWRITEBYTECODE", "1")],
        &[("PYTHONDEVMODE", "1"), ("PYTHONHASHSEED", "0")],
        &[("PYTHONBREAKPOINT", "0"), ("PYTHONFAULTHANDLER", "1")],
        &[("LD_PRELOAD", ""), ("LC_ALL", "C")],
    ];
    for python in pythons() {
        for variables in variables {
            compare(&case, &python, &[], &forms(&case)[0], variables);
        }
    }
}

#[test]
fn nothing_shows_in_a_virtual_environment() {
    let case = Case::debugged();
    write_forms(&case);
    for (number, python) in pythons().iter().enumerate() {
        let folder = case.path(&format!("venv{number}"));
        let made = Command::new(python).args(["-m", "venv", "--without-pip"]).arg(&folder).status().unwrap();
        assert!(made.success(), "{} makes no virtual environment", python.display());
        for form in forms(&case) {
            compare(&case, &folder.join("bin/python"), &[], &form, &[]);
        }
    }
}
