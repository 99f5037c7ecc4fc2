//! A program that fails while no page is open: it is held for a while for somebody to look at it, then ends as it would
//! have alone.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::process::Stdio;
use std::time::{Duration, Instant};

use support::{Case, fake_hub, split, stdout};

#[test]
fn a_failure_that_nobody_looks_at_returns_after_ten_seconds_with_its_traceback_and_code() {
    let case = Case::real();
    let text = "def f():\n    raise ValueError('nobody sees this')\nprint('before', flush=True)\nf()\n";
    let script = case.write("fails.py", text);
    let pythons = ikpdb_testkit::pythons();
    // All at once: each of them only waits.
    let began = Instant::now();
    let running: Vec<_> = pythons
        .iter()
        .map(|python| {
            let mut command = case.ikpdb();
            command.args(["run", "--no-stop", "--python"]).arg(&python.executable).arg(&script);
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for (child, python) in running.into_iter().zip(&pythons) {
        let output = child.wait_with_output().unwrap();
        let took = began.elapsed();
        let (theirs, ours) = split(&output.stderr);
        assert_eq!(
            (output.status.code(), stdout(&output).as_str()),
            (Some(1), "before\n"),
            "{}: {ours:?}",
            python.version
        );
        assert!(theirs.starts_with("Traceback (most recent call last):\n"), "{}: {theirs}", python.version);
        assert_eq!(theirs.matches("ValueError: nobody sees this").count(), 1, "{}: {theirs}", python.version);
        let held = Duration::from_secs(10);
        assert!(took >= held && took < held + fake_hub::PATIENCE, "{}: {took:?}", python.version);
    }
}
