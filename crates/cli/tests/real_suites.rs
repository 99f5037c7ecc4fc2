//! The test suites of real projects, with and without the debugger: the same tests, the same outcomes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use ikpdb_testkit::{Python, pythons, source};
use support::Case;

/// Runs pytest's arguments in a project's folder, both ways at once, and compares.
fn compare(python: &Python, project: &str, arguments: &[&str], at_least: usize) {
    let folder = source(project);
    let case = Case::debugged_in(&folder);
    let interpreter = python.environment_python();
    let mut native = Command::new(&interpreter);
    let mut debugged = case.ikpdb();
    debugged.args(["run", "--no-stop", "--no-browser", "--python"]).arg(&interpreter);
    let runs = [("native", &mut native), ("debugged", &mut debugged)].map(|(name, command)| {
        command
            .args(["-m", "pytest", "-v", "-p", "no:cacheprovider"])
            .args(arguments)
            .current_dir(&folder)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PYTHONHASHSEED", "0")
            .env("HYPOTHESIS_STORAGE_DIRECTORY", case.path(name))
            .env("COLUMNS", "400")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        // Read at once: both print more than a pipe holds.
        std::thread::spawn(move || child.wait_with_output().unwrap())
    });
    let [native, debugged] = runs.map(|run| run.join().unwrap());
    let what = format!("{project} on {}", python.version);
    case.hub.saw_one_debugged_run(&what);
    // Thousands of exceptions, all of which pytest or the tests catch.
    assert!(case.hub.events("stopped").is_empty(), "{what}: {:?}", case.hub.events("stopped"));
    let (before, after) = (outcomes(&native.stdout), outcomes(&debugged.stdout));
    let printed = String::from_utf8_lossy(&debugged.stdout);
    assert!(before.len() >= at_least, "{what}: only {} tests ran\n{printed}", before.len());
    let differing: Vec<_> = before.iter().filter(|(id, outcome)| after.get(*id) != Some(outcome)).take(10).collect();
    assert!(differing.is_empty(), "{what}: {differing:?}\n{}", String::from_utf8_lossy(&debugged.stderr));
    assert_eq!(before.len(), after.len(), "{what}");
    assert_eq!(native.status.code(), debugged.status.code(), "{what}");
}

/// Outcomes by test id, from lines such as `tests/a.py::test_b[1] PASSED [ 10%]`.
fn outcomes(output: &[u8]) -> BTreeMap<String, String> {
    let text = String::from_utf8_lossy(output);
    let row = |line: &str| {
        let line = line.trim_end().trim_end_matches(']').rsplit_once(" [")?.0.trim_end().to_owned();
        // A reason in parentheses may follow: `SKIPPED (needs x)`.
        let words = ["PASSED", "FAILED", "SKIPPED", "XFAIL", "XPASS", "ERROR"];
        let at = words.iter().filter_map(|word| line.rfind(&format!(" {word}"))).max()?;
        let outcome = line[at + 1..].split_whitespace().next()?.to_owned();
        line[..at].contains("::").then(|| (line[..at].trim().to_owned(), outcome))
    };
    text.lines().filter_map(row).collect()
}

#[test]
fn the_suite_of_attrs_has_the_same_outcomes() {
    for python in pythons() {
        compare(&python, "attrs", &["--hypothesis-seed=0"], 1300);
    }
}

#[test]
fn the_suite_of_packaging_has_the_same_outcomes() {
    for python in pythons() {
        compare(&python, "packaging", &[], 60_000);
    }
}

#[test]
fn outcomes_are_read_from_what_pytest_prints() {
    let text = b"tests/a.py::test_b[x y - 1] PASSED   [  1%]\ntests/a.py::T::test_c SKIPPED (needs [x]) [ 10%]\nFAILED tests/a.py::test_d - x\n";
    let expected = [("tests/a.py::T::test_c", "SKIPPED"), ("tests/a.py::test_b[x y - 1]", "PASSED")];
    assert_eq!(outcomes(text), expected.map(|(id, outcome)| (id.to_owned(), outcome.to_owned())).into());
}
