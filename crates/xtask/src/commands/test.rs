//! `cargo xtask test`: sets up what tests need, runs every suite, and ends with one line of counts.

use std::process::ExitCode;

use anyhow::Result;
use clap::ValueEnum;
use ikpdb_testkit::Python;

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
    let support = Support::load()?;
    shell::step("test set-up", setup::prepare)?;
    if arguments.prepare {
        return Ok(ExitCode::SUCCESS);
    }
    let suites = match arguments.suites.is_empty() {
        true => Suite::value_variants().to_vec(),
        false => arguments.suites.clone(),
    };
    let outcomes = run_suites(&suites, &arguments)?;
    Ok(report(&outcomes, &support, arguments.filter.is_some()))
}

fn run_suites(suites: &[Suite], arguments: &Arguments) -> Result<Vec<(Suite, Outcome)>> {
    let filter = arguments.filter.as_deref();
    let web_ready = match suites.iter().any(|suite| matches!(suite, Suite::Rust | Suite::Web | Suite::Browser)) {
        true => web::build(),
        false => Ok(()),
    };
    let needs_build = |suite: &Suite| matches!(suite, Suite::Rust | Suite::Devmode | Suite::Browser);
    let binaries = if suites.iter().any(needs_build) { rust::build() } else { Ok(Vec::new()) };
    let mut outcomes = Vec::new();
    for suite in suites {
        let outcome = shell::step(&format!("suite: {}", suite.name()), || {
            Ok(match (suite, &binaries, &web_ready) {
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
                    let agent: Vec<_> = binaries.iter().filter(|binary| binary.package == "agent").cloned().collect();
                    rust::run(&agent, filter, &[("PYTHONMALLOC", "debug"), ("PYTHONDEVMODE", "1")])
                }
            })
        })?;
        outcomes.push((*suite, outcome));
    }
    Ok(outcomes)
}

fn pythons(version: Option<&str>) -> Vec<Python> {
    let fits = |python: &Python| version.is_none_or(|version| python.version.starts_with(version));
    ikpdb_testkit::setup().pythons.into_iter().filter(fits).collect()
}

/// Prints what is wrong and the last line.
fn report(outcomes: &[(Suite, Outcome)], support: &Support, filtered: bool) -> ExitCode {
    let mut good = true;
    let mut total = (0, 0, 0);
    eprintln!();
    for (suite, outcome) in outcomes {
        let name = suite.name();
        for test in &outcome.failed {
            eprintln!("failed ({name}): {test}");
        }
        for test in &outcome.skipped {
            match support.reason(*suite, test) {
                Some(reason) => eprintln!("skipped ({name}): {test}: {reason}"),
                None => {
                    eprintln!("skipped ({name}): {test}: no reason in tests/support.toml");
                    good = false;
                }
            }
        }
        for why in &outcome.broken {
            eprintln!("did not run ({name}): {why}");
        }
        let ran = outcome.passed + outcome.failed.len() > 0;
        if !ran && !filtered && outcome.broken.is_empty() {
            eprintln!("did not run ({name}): no test was found");
        }
        good &= outcome.failed.is_empty() && outcome.broken.is_empty() && (ran || filtered);
        total.0 += outcome.passed;
        total.1 += outcome.failed.len();
        total.2 += outcome.skipped.len();
        eprintln!(
            "{name}: {} passed, {} failed, {} skipped",
            outcome.passed,
            outcome.failed.len(),
            outcome.skipped.len()
        );
    }
    if !filtered {
        let skipped: Vec<_> = outcomes.iter().map(|(suite, outcome)| (*suite, outcome.skipped.clone())).collect();
        for entry in support.stale(&skipped) {
            eprintln!("tests/support.toml: `{entry}` was not skipped; remove its entry");
            good = false;
        }
    }
    println!("{} passed, {} failed, {} skipped", total.0, total.1, total.2);
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
