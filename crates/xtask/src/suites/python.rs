//! The Python package's tests, by `unittest`, on every interpreter.

use std::time::Duration;

use ikpdb_testkit::Python;

use super::Outcome;
use crate::shell;

const DEADLINE: Duration = Duration::from_secs(5 * 60);

/// Runs the tests in `python/tests` on one interpreter after the other.
pub(crate) fn run(pythons: &[Python], filter: Option<&str>) -> Outcome {
    let mut outcome = Outcome::default();
    for python in pythons {
        let label = format!("{}{}", python.version, if python.system { " (system)" } else { "" });
        eprintln!("--> Python {label}");
        let mut command = shell::test_program(&python.executable);
        command.args(["-W", "error", "-m", "unittest", "discover", "-v", "-s", "tests"]);
        if let Some(filter) = filter {
            command.args(["-k", filter]);
        }
        command.current_dir(shell::root().join("python"));
        command.env("PYTHONPYCACHEPREFIX", shell::target().join("pycache")).env("IKPDB_HUB", built_command());
        outcome.add(match shell::tee(&mut command, DEADLINE) {
            Ok((status, text)) => count(&label, &text, status.success(), filter.is_some()),
            Err(error) => Outcome::broken(format!("Python {label}: {error:#}")),
        });
    }
    outcome
}

fn built_command() -> std::path::PathBuf {
    shell::target().join("debug/ikpdb")
}

/// Reads what unittest printed: `name (module.Class.name) ... ok`, `Ran 3 tests in 0.1s`.
fn count(label: &str, text: &str, success: bool, filtered: bool) -> Outcome {
    let mut outcome = Outcome::default();
    let mut ran = None;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("Ran ") {
            ran = rest.split(' ').next().and_then(|number| number.parse::<usize>().ok());
        } else if let Some((name, verdict)) = line.rsplit_once(" ... ") {
            let name = format!("{label} {}", name.split(' ').next().unwrap_or(name));
            match verdict.split(' ').next() {
                Some("skipped" | "expected") => outcome.skipped.push(name),
                Some("FAIL" | "ERROR" | "unexpected") => outcome.failed.push(name),
                _ => {}
            }
        }
    }
    match ran {
        Some(1..) => {}
        // From 3.12 on unittest ends with an error when it found no test.
        Some(0) if filtered => return outcome,
        _ => outcome.broken.push(format!("Python {label}: no test ran")),
    }
    if !success && outcome.failed.is_empty() && outcome.broken.is_empty() {
        outcome.failed.push(format!("{label} (see above)"));
    }
    outcome.passed = ran.unwrap_or(0).saturating_sub(outcome.failed.len() + outcome.skipped.len());
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_are_counted_and_named() {
        let text = "test_a (m.T.test_a) ... ok\ntest_b (m.T.test_b)\nWhat it does. ... skipped 'no'\n\
            test_c (m.T.test_c) ... FAIL\n\nRan 3 tests in 0.1s\n\nFAILED (failures=1, skipped=1)\n";
        let outcome = count("3.12.1", text, false, false);
        assert_eq!((outcome.passed, outcome.failed.len(), outcome.skipped.len()), (1, 1, 1));
        assert_eq!(outcome.failed, ["3.12.1 test_c"]);
        assert!(outcome.broken.is_empty());
    }

    #[test]
    fn no_tests_and_a_crash_are_not_a_run() {
        assert_eq!(count("3.12.1", "Ran 0 tests in 0.0s\n\nNO TESTS RAN\n", false, false).broken.len(), 1);
        assert_eq!(count("3.12.1", "Fatal Python error\n", false, true).broken.len(), 1);
        assert!(count("3.12.1", "Ran 0 tests in 0.0s\n", true, true).broken.is_empty());
    }
}
