//! `cargo xtask bench`: measures ours, debugpy and the bare interpreter, and writes `docs/benchmarks.md`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::ValueEnum;
use ikpdb_testkit::Python;

use crate::bench::{
    Bench, Debugger, Results, Scenario, Selection, Starter, WITH_JIT, WORKLOADS, machine_line, missed, render, today,
    unmeasured,
};
use crate::{dist, setup, shell};

const DEBUGPY: &str = "debugpy==1.8.22";

/// Measure against debugpy and the bare interpreter; write docs/benchmarks.md
///
/// Results are kept in docs/benchmarks.json, to be committed with the page: a run of some rows leaves the others as they were.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Interpreters, such as 3.12 (the oldest of that minor version), or 3.15+jit; 3.12 and 3.13 by default
    #[arg(long, value_delimiter = ',', default_value = "3.12,3.13")]
    python: Vec<String>,

    /// Debuggers; both by default
    #[arg(long, value_delimiter = ',')]
    debugger: Vec<Debugger>,

    /// Workloads; all by default
    #[arg(long, value_delimiter = ',')]
    workload: Vec<String>,

    /// Scenarios; all by default
    #[arg(long, value_delimiter = ',')]
    scenario: Vec<Scenario>,

    /// Pairs of runs behind each ratio
    #[arg(long, default_value_t = 16)]
    pairs: usize,

    /// Parts: time, instructions, latency; all by default
    #[arg(long, value_delimiter = ',')]
    part: Vec<Part>,

    /// Another `ikpdb` binary than the release of this tree
    #[arg(long)]
    ikpdb: Option<PathBuf>,

    /// Only write the page from the results there are
    #[arg(long)]
    render: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    Time,
    Instructions,
    Latency,
}

pub(crate) fn run(arguments: Arguments) -> Result<ExitCode> {
    let mut results = Results::load(&Results::path())?;
    let mut failures = Vec::new();
    if !arguments.render {
        failures = measure(&arguments, &mut results)?;
    }
    keep(&results)?;
    for failure in &failures {
        eprintln!("failed: {failure}");
    }
    let mut good = failures.is_empty();
    for (version, python) in &results.pythons {
        for (said, rows) in [("missed", missed(version, python)), ("not measured", unmeasured(python))] {
            for row in rows {
                eprintln!("{said} on {version}: {row}");
                good = false;
            }
        }
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Writes the results and the page, which say the same at any time.
fn keep(results: &Results) -> Result<()> {
    results.save(&Results::path())?;
    shell::write(shell::root().join("docs/benchmarks.md"), render(results))
}

fn measure(arguments: &Arguments, results: &mut Results) -> Result<Vec<String>> {
    let all = |part| arguments.part.is_empty() || arguments.part.contains(&part);
    let selection = Selection {
        debuggers: or_all(&arguments.debugger, Debugger::value_variants()),
        workloads: or_all(&arguments.workload, &WORKLOADS.map(|workload| workload.name.to_owned())),
        scenarios: or_all(&arguments.scenario, Scenario::value_variants()),
        pairs: arguments.pairs,
        time: all(Part::Time),
        instructions: all(Part::Instructions),
        latency: all(Part::Latency),
    };
    let ikpdb = match &arguments.ikpdb {
        Some(path) => path.canonicalize().with_context(|| path.display().to_string())?,
        None if selection.debuggers.contains(&Debugger::Ikpdb) => dist::build()?.binary,
        None => PathBuf::new(),
    };
    let setup = setup::interpreters()?;
    let mut failures = Vec::new();
    for version in &arguments.python {
        let (version, jit) = version.strip_suffix("+jit").map_or((&version[..], false), |version| (version, true));
        let python = pick(&setup, version)?;
        let name = format!("debugpy-{}", python.version);
        let debugpy = setup::environment(&name, &python.executable, DEBUGPY, &[DEBUGPY])?.join("bin/python");
        let folder = shell::folder(shell::target().join("bench"))?;
        let variables = if jit { vec![("PYTHON_JIT", PathBuf::from("1"))] } else { Vec::new() };
        let starter = Starter { python: python.executable.clone(), ikpdb: ikpdb.clone(), debugpy, folder, variables };
        results.measured_on(&machine_line(), &today());
        let version = format!("{}{}", python.version, if jit { WITH_JIT } else { "" });
        eprintln!("==> CPython {version}");
        let mut of_python = results.pythons.remove(&version).unwrap_or_default();
        let mut bench = Bench::new(&starter, &selection);
        let kept = &mut *results;
        let found = bench.run(&mut of_python, &mut |rows| {
            kept.pythons.insert(version.clone(), rows.clone());
            keep(kept)
        });
        failures.extend(found.into_iter().map(|failure| format!("{version}: {failure}")));
        results.pythons.insert(version, of_python);
    }
    Ok(failures)
}

fn or_all<T: Clone>(chosen: &[T], all: &[T]) -> Vec<T> {
    if chosen.is_empty() { all.to_vec() } else { chosen.to_vec() }
}

fn pick<'a>(pythons: &'a [Python], version: &str) -> Result<&'a Python> {
    let fits = |python: &&Python| {
        !python.system && (python.version == version || python.version.starts_with(&format!("{version}.")))
    };
    pythons.iter().find(fits).with_context(|| format!("no CPython {version} is set up"))
}
