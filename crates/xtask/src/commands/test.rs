//! `cargo xtask test`: sets up what tests need, runs every suite, and ends with one line of counts.

use std::process::ExitCode;

use anyhow::Result;
use clap::ValueEnum;
use ikpdb_testkit::Python;

use crate::suites::rust::TestBinary;
use crate::suites::support::Support;
use crate::suites::{Outcome, Suite, dist, python, rust, web as web_suite};
use crate::{setup, shell, web};

/// Set up what the tests need and run all of them, or some suites
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Suites to run; all by default
    suites: Vec<Suite>,

    /// Run only tests whose name contains this
    #[arg(long)]
    filter: Option<String>,

    /// Run the Python suite only on this version, such as 3.12
    #[arg(long)]
    python: Option<String>,

    /// Set up only, run nothing
    #[arg(long)]
    prepare: bool,
}

pub(crate) fn run(arguments: Arguments) -> Result<ExitCode> {
    let ready = Support::load().and_then(|support| {
        shell::step("test set-up", setup::prepare)?;
        Ok(support)
    });
    if arguments.prepare {
        return ready.map(|_| ExitCode::SUCCESS);
    }
    let suites = match arguments.suites.is_empty() {
        true => Suite::value_variants().to_vec(),
        false => arguments.suites.clone(),
    };
    let (support, outcomes) = match ready {
        Ok(support) => (support, run_suites(&suites, &arguments)),
        Err(error) => {
            eprintln!("xtask: {error:#}");
            (Support::default(), none_ran(&suites))
        }
    };
    let report = Report::new(&outcomes, &support, arguments.filter.is_some());
    eprintln!();
    for line in &report.lines {
        eprintln!("{line}");
    }
    println!("{}", report.counts);
    Ok(if report.good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Without the set-up no suite can run, and each of them has to be missed.
fn none_ran(suites: &[Suite]) -> Vec<(Suite, Outcome)> {
    suites.iter().map(|suite| (*suite, Outcome::broken("the set-up failed, see above"))).collect()
}

fn run_suites(suites: &[Suite], arguments: &Arguments) -> Vec<(Suite, Outcome)> {
    let filter = arguments.filter.as_deref();
    let web_ready = match suites.iter().any(|suite| matches!(suite, Suite::Rust | Suite::Web | Suite::Browser)) {
        true => web::build(),
        false => Ok(()),
    };
    let needs_build = |suite: &Suite| matches!(suite, Suite::Rust | Suite::Devmode | Suite::Jit | Suite::Browser);
    let binaries = if suites.iter().any(needs_build) { rust::build() } else { Ok(Vec::new()) };
    let run = |suite: Suite| match (suite, &binaries, &web_ready) {
        (Suite::Web | Suite::Browser, _, Err(error)) => Outcome::broken(format!("the web UI: {error:#}")),
        (Suite::Web, ..) => web_suite::run(Suite::Web, filter),
        (Suite::Python, ..) => python::run(&pythons(arguments.python.as_deref()), filter),
        (Suite::Dist, ..) => dist::run(&pythons(arguments.python.as_deref()), filter),
        (_, Err(error), _) => Outcome::broken(format!("{error:#}")),
        (Suite::Browser, ..) => web_suite::run(Suite::Browser, filter),
        (Suite::Rust, Ok(binaries), _) => {
            let mut outcome = rust::run(binaries, filter, &[]);
            outcome.add(rust::documentation(filter));
            outcome
        }
        (Suite::Devmode, Ok(binaries), _) => {
            let is_agents =
                |binary: &&TestBinary| binary.package == "agent" && !OUTCOMES_ONLY.contains(&binary.target.as_str());
            let agent: Vec<_> = binaries.iter().filter(is_agents).cloned().collect();
            rust::run(&agent, filter, &DEVMODE)
        }
        (Suite::Jit, Ok(binaries), _) => {
            let specs: Vec<_> = binaries.iter().filter(|it| it.target == "specs").cloned().collect();
            let setup = ikpdb_testkit::setup();
            let newest = setup.pythons.last().map_or("", |python| &python.version[..]);
            rust::run(&specs, filter, &[("PYTHON_JIT", "1"), ("IKPDB_TEST_PYTHON", newest)])
        }
    };
    let title = |suite: Suite| format!("suite: {}", suite.name());
    let outcome = |suite| shell::step(&title(suite), || Ok(run(suite)));
    suites
        .iter()
        .map(|suite| (*suite, outcome(*suite).unwrap_or_else(|error| Outcome::broken(error.to_string()))))
        .collect()
}

/// Tests of the agent that compare what whole suites and many programs come to, with the debugger and without: in development mode they
/// would say the same again, and take minutes.
const OUTCOMES_ONLY: [&str; 5] = ["library_suites", "stepping_suites", "with_others", "differential", "snapping"];

/// The environment of the second run of the agent's tests. The thousand short programs ran in the first.
const DEVMODE: [(&str, &str); 3] = [("PYTHONMALLOC", "debug"), ("PYTHONDEVMODE", "1"), ("IKPDB_SHORT_PROGRAMS", "20")];

fn pythons(version: Option<&str>) -> Vec<Python> {
    let fits = |python: &Python| version.is_none_or(|version| python.version.starts_with(version));
    ikpdb_testkit::setup().pythons.into_iter().filter(fits).collect()
}

/// What is said at the end.
struct Report {
    /// What is wrong, and a line for each suite.
    lines: Vec<String>,
    /// The last line.
    counts: String,
    /// Whether all is well.
    good: bool,
}

impl Report {
    /// With a filter a suite may have nothing to run, and skips are not compared with the list.
    fn new(outcomes: &[(Suite, Outcome)], support: &Support, filtered: bool) -> Self {
        let mut lines = Vec::new();
        let mut good = true;
        let mut total = (0, 0, 0);
        for (suite, outcome) in outcomes {
            let name = suite.name();
            lines.extend(outcome.failed.iter().map(|test| format!("failed ({name}): {test}")));
            for test in &outcome.skipped {
                let reason = support.reason(*suite, test);
                good &= reason.is_some();
                lines
                    .push(format!("skipped ({name}): {test}: {}", reason.unwrap_or("no reason in tests/support.toml")));
            }
            lines.extend(outcome.broken.iter().map(|why| format!("did not run ({name}): {why}")));
            let (passed, failed, skipped) = (outcome.passed, outcome.failed.len(), outcome.skipped.len());
            let ran = passed + failed > 0;
            if !ran && !filtered && outcome.broken.is_empty() {
                lines.push(format!("did not run ({name}): no test was found"));
            }
            good &= outcome.failed.is_empty() && outcome.broken.is_empty() && (ran || filtered);
            total = (total.0 + passed, total.1 + failed, total.2 + skipped);
            lines.push(format!("{name}: {passed} passed, {failed} failed, {skipped} skipped"));
        }
        if !filtered {
            let skipped: Vec<_> = outcomes.iter().map(|(suite, outcome)| (*suite, outcome.skipped.clone())).collect();
            let stale = support.stale(&skipped);
            good &= stale.is_empty();
            lines.extend(
                stale.iter().map(|entry| format!("tests/support.toml: `{entry}` was not skipped; remove its entry")),
            );
        }
        let counts = format!("{} passed, {} failed, {} skipped", total.0, total.1, total.2);
        Self { lines, counts, good }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(passed: usize, failed: &[&str], skipped: &[&str]) -> Outcome {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Outcome { passed, failed: names(failed), skipped: names(skipped), broken: Vec::new() }
    }

    const REASONS: &str = "[[skip]]\nsuite = 'rust'\ntest = 'hub slow'\nreason = 'needs a printer'\n";

    #[test]
    fn the_last_line_counts_and_the_exit_code_tells_whether_all_ran_and_passed() {
        use Suite::{Browser, Dist, Rust};
        type Row = (&'static str, Vec<(Suite, Outcome)>, &'static str, bool, &'static str, bool, &'static str);
        let broken = |why: &str| Outcome::broken(why);
        let mut died = outcome(3, &[], &[]);
        died.add(broken("hub: the tests did not run to their end"));
        let table: Vec<Row> = vec![
            // What, outcomes, support.toml, filtered → last line, good, and a line that must be there.
            (
                "all is well",
                vec![(Rust, outcome(3, &[], &[])), (Dist, outcome(2, &[], &[]))],
                "",
                false,
                "5 passed, 0 failed, 0 skipped",
                true,
                "dist: 2 passed, 0 failed, 0 skipped",
            ),
            (
                "a test failed",
                vec![(Rust, outcome(3, &["hub a"], &[])), (Dist, outcome(2, &[], &[]))],
                "",
                false,
                "5 passed, 1 failed, 0 skipped",
                false,
                "failed (rust): hub a",
            ),
            (
                "a suite did not run",
                vec![(Rust, outcome(3, &[], &[])), (Browser, broken("no Chromium"))],
                "",
                false,
                "3 passed, 0 failed, 0 skipped",
                false,
                "did not run (browser): no Chromium",
            ),
            (
                "a suite ran half",
                vec![(Rust, died)],
                "",
                false,
                "3 passed, 0 failed, 0 skipped",
                false,
                "did not run (rust): hub: the tests did not run to their end",
            ),
            (
                "a suite found nothing",
                vec![(Rust, outcome(0, &[], &[]))],
                "",
                false,
                "0 passed, 0 failed, 0 skipped",
                false,
                "did not run (rust): no test was found",
            ),
            (
                "a filter found nothing",
                vec![(Rust, outcome(0, &[], &[]))],
                "",
                true,
                "0 passed, 0 failed, 0 skipped",
                true,
                "rust: 0 passed, 0 failed, 0 skipped",
            ),
            (
                "a filter, and the suite did not run",
                vec![(Rust, broken("it did not build"))],
                "",
                true,
                "0 passed, 0 failed, 0 skipped",
                false,
                "did not run (rust): it did not build",
            ),
            (
                "a skip with a reason",
                vec![(Rust, outcome(3, &[], &["hub slow"]))],
                REASONS,
                false,
                "3 passed, 0 failed, 1 skipped",
                true,
                "skipped (rust): hub slow: needs a printer",
            ),
            (
                "a skip without a reason",
                vec![(Rust, outcome(3, &[], &["hub slow"]))],
                "",
                false,
                "3 passed, 0 failed, 1 skipped",
                false,
                "skipped (rust): hub slow: no reason in tests/support.toml",
            ),
            (
                "a reason of another suite",
                vec![(Dist, outcome(3, &[], &["hub slow"]))],
                REASONS,
                false,
                "3 passed, 0 failed, 1 skipped",
                false,
                "skipped (dist): hub slow: no reason in tests/support.toml",
            ),
            (
                "nothing but skips",
                vec![(Rust, outcome(0, &[], &["hub slow"]))],
                REASONS,
                false,
                "0 passed, 0 failed, 1 skipped",
                false,
                "did not run (rust): no test was found",
            ),
            (
                "a reason that is not needed any more",
                vec![(Rust, outcome(3, &[], &[]))],
                REASONS,
                false,
                "3 passed, 0 failed, 0 skipped",
                false,
                "tests/support.toml: `rust: hub slow` was not skipped; remove its entry",
            ),
            (
                "a filter leaves out what is skipped",
                vec![(Rust, outcome(3, &[], &[]))],
                REASONS,
                true,
                "3 passed, 0 failed, 0 skipped",
                true,
                "rust: 3 passed, 0 failed, 0 skipped",
            ),
            (
                "the set-up failed",
                none_ran(&[Rust, Dist]),
                "",
                false,
                "0 passed, 0 failed, 0 skipped",
                false,
                "did not run (dist): the set-up failed, see above",
            ),
            (
                "the set-up failed under a filter",
                none_ran(&[Rust]),
                "",
                true,
                "0 passed, 0 failed, 0 skipped",
                false,
                "did not run (rust): the set-up failed, see above",
            ),
        ];
        for (what, outcomes, support, filtered, counts, good, line) in table {
            let report = Report::new(&outcomes, &Support::parse(support).unwrap(), filtered);
            assert_eq!((report.counts.as_str(), report.good), (counts, good), "{what}: {:#?}", report.lines);
            assert!(report.lines.iter().any(|it| it == line), "{what}: no `{line}` in {:#?}", report.lines);
        }
    }
}
