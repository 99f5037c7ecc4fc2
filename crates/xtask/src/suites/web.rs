//! The web UI's tests by vitest: unit tests (`npm test`) and browser tests (`npm run e2e`), counted from its JSON report.

use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::{Outcome, Suite};
use crate::{shell, web};

const DEADLINE: Duration = Duration::from_secs(20 * 60);

/// Runs one npm script of the web folder whose runner is vitest.
pub(crate) fn run(suite: Suite, filter: Option<&str>) -> Outcome {
    let script = match suite {
        Suite::Browser => "e2e",
        _ => "test",
    };
    let report = shell::target().join(format!("{}-report.json", suite.name()));
    let ran = || -> Result<Outcome> {
        if report.exists() {
            std::fs::remove_file(&report)?;
        }
        let mut command = web::npm(&["run", "--silent", script, "--", "--reporter=default", "--reporter=json"]);
        command.arg(format!("--outputFile.json={}", report.display()));
        if let Some(filter) = filter {
            command.args(["-t", filter]);
        }
        command.env("IKPDB_TEST_SETUP", shell::target().join("test-setup.json"));
        command.env("NO_COLOR", "1").env("CI", "1");
        let (status, _) = shell::tee(&mut command, DEADLINE)?;
        let text = shell::read(&report).context("vitest wrote no report")?;
        count(&text, status.success(), filter.is_some())
    };
    ran().unwrap_or_else(|error| Outcome::broken(format!("npm run {script}: {error:#}")))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    test_results: Vec<File>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    name: String,
    status: String,
    assertion_results: Vec<Test>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Test {
    full_name: String,
    status: String,
}

fn count(report: &str, success: bool, filtered: bool) -> Result<Outcome> {
    let report: Report = serde_json::from_str(report).context("vitest's report is not understood")?;
    let mut outcome = Outcome::default();
    for file in report.test_results {
        let in_file = file.assertion_results.len();
        let failed_before = outcome.failed.len();
        for test in file.assertion_results {
            match test.status.as_str() {
                "passed" => outcome.passed += 1,
                "failed" => outcome.failed.push(test.full_name),
                // With a filter vitest reports all others as skipped.
                _ if filtered => {}
                _ => outcome.skipped.push(test.full_name),
            }
        }
        let failed_here = outcome.failed.len() > failed_before;
        if (file.status == "failed" && !failed_here) || (in_file == 0 && !filtered) {
            outcome.broken.push(format!("{} did not run", file.name));
        }
    }
    if !success && outcome.failed.is_empty() && outcome.broken.is_empty() {
        outcome.broken.push("vitest ended with an error, see above".to_owned());
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(status: &str, tests: &[(&str, &str)]) -> String {
        let tests: Vec<_> =
            tests.iter().map(|(name, status)| serde_json::json!({"fullName": name, "status": status})).collect();
        serde_json::json!({"testResults": [{"name": "a.test.ts", "status": status, "assertionResults": tests}]})
            .to_string()
    }

    #[test]
    fn tests_are_counted_by_their_status() {
        let text = report("failed", &[("a", "passed"), ("b", "failed"), ("c", "skipped"), ("d", "todo")]);
        let outcome = count(&text, false, false).unwrap();
        assert_eq!((outcome.passed, outcome.failed.len(), outcome.skipped.len()), (1, 1, 2));
        assert!(outcome.broken.is_empty());
    }

    #[test]
    fn a_file_that_could_not_be_loaded_is_broken() {
        assert_eq!(count(&report("failed", &[]), false, false).unwrap().broken.len(), 1);
        assert_eq!(count(&report("passed", &[("a", "passed")]), false, false).unwrap().broken.len(), 1);
    }
}
