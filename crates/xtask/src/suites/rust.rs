//! The crates' tests: built once, then each test executable is run here, so that two suites can share them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::Outcome;
use crate::shell;

/// One test executable is ended after this time: far above what any needs.
const DEADLINE: Duration = Duration::from_secs(20 * 60);

/// A test executable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TestBinary {
    pub(crate) package: String,
    pub(crate) target: String,
    folder: PathBuf,
    executable: PathBuf,
}

/// Builds what the tests start (the command, the agent, the preload library) and the tests.
pub(crate) fn build() -> Result<Vec<TestBinary>> {
    shell::step("cargo build (command, agent, preload library)", || shell::run(&mut shell::cargo(["build"])))?;
    shell::step("cargo build (tests)", || {
        let arguments = ["test", "--workspace", "--no-run", "--message-format", "json-render-diagnostics"];
        let mut command = shell::cargo(arguments);
        let output = command.stderr(std::process::Stdio::inherit()).output().context("cannot start cargo")?;
        anyhow::ensure!(output.status.success(), "the tests did not build");
        binaries(&String::from_utf8_lossy(&output.stdout))
    })
}

#[derive(Deserialize)]
struct Artifact {
    manifest_path: PathBuf,
    target: Target,
    profile: Profile,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

fn binaries(messages: &str) -> Result<Vec<TestBinary>> {
    let mut binaries = Vec::new();
    for line in messages.lines().filter(|line| line.starts_with(r#"{"reason":"compiler-artifact""#)) {
        let artifact: Artifact = serde_json::from_str(line).context("cargo's message is not understood")?;
        let Some(executable) = artifact.executable.filter(|_| artifact.profile.test) else { continue };
        let folder = artifact.manifest_path.parent().unwrap_or(Path::new("/")).to_path_buf();
        let package = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        binaries.push(TestBinary { package, target: artifact.target.name, folder, executable });
    }
    binaries.sort_by(|a, b| (&a.package, &a.target).cmp(&(&b.package, &b.target)));
    Ok(binaries)
}

/// Runs test executables with further variables in their environment.
pub(crate) fn run(binaries: &[TestBinary], filter: Option<&str>, variables: &[(&str, &str)]) -> Outcome {
    let mut outcome = Outcome::default();
    // Many wait for programs, which leaves room for one more.
    let threads = std::thread::available_parallelism().map_or(1, |it| it.get()) + 1;
    for binary in binaries {
        eprintln!("--> {} {}", binary.package, binary.target);
        let mut command = shell::test_program(&binary.executable);
        command.current_dir(&binary.folder).env("CARGO_MANIFEST_DIR", &binary.folder).args(["--color", "never"]);
        command.args(filter).envs(variables.iter().copied());
        command.env("IKPDB_TEST_SETUP", shell::target().join("test-setup.json"));
        command.env("RUST_TEST_THREADS", threads.to_string());
        outcome.add(match shell::tee(&mut command, DEADLINE) {
            Ok((status, text)) => count(&binary.package, &text, status.success()),
            Err(error) => Outcome::broken(format!("{} {}: {error:#}", binary.package, binary.target)),
        });
    }
    outcome
}

/// The examples in the documentation of the libraries.
pub(crate) fn documentation(filter: Option<&str>) -> Outcome {
    let mut command = shell::cargo(["test", "--workspace", "--doc", "--no-fail-fast", "--color", "never"]);
    if let Some(filter) = filter {
        command.args(["--", filter]);
    }
    match shell::tee(&mut command, DEADLINE) {
        // A library without an example prints a result of zero tests; one that does not compile prints none.
        Ok((status, text)) => count("documentation", &text, status.success()),
        Err(error) => Outcome::broken(format!("documentation: {error:#}")),
    }
}

/// Reads what libtest printed: `test name ... ok`, and `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
fn count(package: &str, text: &str, success: bool) -> Outcome {
    let mut outcome = Outcome::default();
    let mut results = 0;
    let mut counted_failures = 0;
    for line in text.lines() {
        if let Some(result) = line.strip_prefix("test result: ") {
            results += 1;
            outcome.passed += number(result, "passed");
            counted_failures += number(result, "failed");
        } else if let Some((name, verdict)) = line.strip_prefix("test ").and_then(|test| test.split_once(" ... ")) {
            let name = format!("{package} {}", name.trim_end().trim_end_matches(" - should panic"));
            if verdict.starts_with("FAILED") {
                outcome.failed.push(name);
            } else if verdict.starts_with("ignored") {
                outcome.skipped.push(name);
            }
        }
    }
    // A test that wrote to the real standard output while it ran may hide its own line, never the count.
    for index in outcome.failed.len()..counted_failures {
        outcome.failed.push(format!("{package} (failed test {} of those, see its output above)", index + 1));
    }
    if results == 0 || (!success && counted_failures == 0) {
        outcome.broken.push(format!("{package}: the tests did not run to their end"));
    }
    outcome
}

fn number(result: &str, what: &str) -> usize {
    let part = result.split(['.', ';']).find_map(|part| part.trim().strip_suffix(what)?.trim().parse().ok());
    part.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\nrunning 3 tests\ntest a::b ... ok\ntest a::panics - should panic ... ok\n\
        test a::slow    ... ignored, needs a printer\n\n\
        test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";

    #[test]
    fn passed_and_ignored_tests_are_counted_and_named() {
        let outcome = count("hub", GOOD, true);
        assert_eq!(outcome, Outcome { passed: 2, skipped: vec!["hub a::slow".into()], ..Outcome::default() });
    }

    #[test]
    fn a_failed_test_is_named_and_counted_once() {
        let text =
            "test a ... FAILED\ntest result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out\n";
        let outcome = count("hub", text, false);
        assert_eq!(outcome, Outcome { failed: vec!["hub a".into()], ..Outcome::default() });
    }

    #[test]
    fn a_failure_whose_line_was_lost_still_counts() {
        let text = "test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out\n";
        assert_eq!(count("hub", text, false).failed.len(), 2);
    }

    #[test]
    fn an_executable_that_died_has_not_run() {
        assert_eq!(count("hub", "running 3 tests\ntest a ... ok\n", false).broken.len(), 1);
        assert_eq!(count("hub", "", true).broken.len(), 1);
        assert_eq!(count("hub", GOOD, false).broken.len(), 1);
    }

    #[test]
    fn only_test_executables_are_taken_from_cargos_messages() {
        let message = |test: bool, executable: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","manifest_path":"/r/crates/hub/Cargo.toml","target":{{"name":"x"}},"profile":{{"test":{test}}},"executable":{executable}}}"#
            )
        };
        let text = [message(true, "\"/t/x-1\""), message(false, "\"/t/x\""), message(true, "null")].join("\n");
        let found = binaries(&text).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].package.as_str(), found[0].executable.to_str()), ("hub", Some("/t/x-1")));
    }
}
