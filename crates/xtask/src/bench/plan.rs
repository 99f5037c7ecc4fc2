//! What is measured: workloads, scenarios, debuggers, and the targets.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::ValueEnum;
use serde_json::{Value, json};

use crate::shell;

/// A program's kind of work; its files are `bench/workloads/<module>*.py`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) module: &'static str,
    /// Runs behind a count of instructions. Threads take turns by the clock: no two runs of theirs are the same.
    pub(crate) counts: usize,
}

pub(crate) const WORKLOADS: [Workload; 6] = [
    Workload { name: "fib", module: "fib", counts: 1 },
    Workload { name: "loop", module: "loop", counts: 1 },
    Workload { name: "mods", module: "mods", counts: 1 },
    Workload { name: "exc", module: "exc", counts: 1 },
    Workload { name: "threads", module: "threads", counts: 7 },
    // `async` is a keyword: no module can be called so.
    Workload { name: "async", module: "tasks", counts: 1 },
];

/// Where breakpoints are while the workload runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Scenario {
    /// The debugger is attached, no breakpoint.
    S1,
    /// A breakpoint in a function of another file that is not called.
    S2,
    /// A breakpoint in the hot function, on a line that does not run.
    S3,
    /// A condition that is always false, on the hottest line.
    S4,
    /// A hit condition that is never reached, on the hottest line.
    S5,
    /// Stepping over all of the work.
    S6,
    /// Exceptions that nothing catches stop where they are raised.
    S7,
    /// Exceptions of one type stop where they are raised, caught or not; it does not occur.
    Raised,
    /// 10,000 breakpoints in files that do not run.
    Many,
    /// The debugger has left, after a stop on the hottest line.
    Left,
}

/// Breakpoints of [`Scenario::Many`].
pub(crate) const MANY: u32 = 10_000;

impl Scenario {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Scenario::S1 => "S1",
            Scenario::S2 => "S2",
            Scenario::S3 => "S3",
            Scenario::S4 => "S4",
            Scenario::S5 => "S5",
            Scenario::S6 => "S6",
            Scenario::S7 => "S7",
            Scenario::Raised => "raised",
            Scenario::Many => "many",
            Scenario::Left => "left",
        }
    }

    /// The breakpoint that is set while the workload runs.
    pub(crate) fn breakpoint(self, workload: &Workload) -> Result<Option<Place>> {
        Ok(match self {
            Scenario::S1 | Scenario::S7 | Scenario::Raised | Scenario::Many => None,
            Scenario::S2 => Some(place("cold", "cold")?),
            Scenario::S3 => Some(place(workload.module, "never")?),
            Scenario::S4 | Scenario::Left => Some(place(workload.module, "hot")?),
            Scenario::S5 => {
                let hot = place(workload.module, "hot")?;
                Some(Place { condition: None, hit_condition: Some("> 1000000000".to_owned()), ..hot })
            }
            Scenario::S6 => Some(place("driver", "over")?),
        })
    }

    /// What the driver is told, at the end, to come to the breakpoint.
    pub(crate) fn reach(self) -> &'static str {
        match self {
            Scenario::S1 | Scenario::S6 | Scenario::Many => "late",
            Scenario::S2 => "cold",
            Scenario::S3 => "never",
            Scenario::S4 | Scenario::S5 | Scenario::Left => "hot",
            Scenario::S7 => "uncaught",
            Scenario::Raised => "raised",
        }
    }

    /// Whether it says something of a workload.
    pub(crate) fn applies(self, workload: &str) -> bool {
        match self {
            Scenario::S7 | Scenario::Raised => workload == "exc",
            Scenario::S6 => workload == "fib",
            Scenario::Many => ["fib", "loop"].contains(&workload),
            // (What `fib` would do behind its hottest line takes for ever.)
            Scenario::Left => ["loop", "mods", "async"].contains(&workload),
            _ => true,
        }
    }

    /// What `setExceptionBreakpoints` is told.
    pub(crate) fn exceptions(self) -> Value {
        match self {
            Scenario::S7 => json!({"filters": ["uncaught"]}),
            Scenario::Raised => {
                let options = json!([{"filterId": "raised", "condition": "BenchError"}]);
                json!({"filters": [], "filterOptions": options})
            }
            _ => json!({"filters": []}),
        }
    }

    /// The largest ratio that is good enough for ours on 3.12 and newer, where there is a target. With a JIT, code with an event on a line
    /// is not compiled.
    pub(crate) fn target(self, workload: &str, with_jit: bool) -> Option<f64> {
        match (self, workload) {
            (Scenario::S4 | Scenario::S5, "fib") if with_jit => Some(3.2),
            (Scenario::S4 | Scenario::S5, "loop") if with_jit => Some(1.4),
            (Scenario::S4, "threads") if with_jit => Some(2.1),
            (Scenario::S4, _) if with_jit => None,
            (Scenario::S1 | Scenario::S2 | Scenario::Many | Scenario::Left, _) => Some(1.02),
            (Scenario::S3 | Scenario::S6, _) => Some(1.03),
            (Scenario::S4 | Scenario::S5, "fib") => Some(1.8),
            (Scenario::S4 | Scenario::S5, "loop") => Some(1.15),
            (Scenario::S4, "threads") => Some(1.45),
            (Scenario::S4, "async") => Some(1.35),
            (Scenario::S4, "exc") => Some(1.1),
            (Scenario::S4, "mods") => Some(1.2),
            (Scenario::S7, _) => Some(1.25),
            (Scenario::Raised, _) => Some(1.3),
            (Scenario::S4 | Scenario::S5, _) => None,
        }
    }
}

/// Whether a scenario has a row of instructions: those whose code is the interpreter's own.
pub(crate) fn counts_instructions(scenario: Scenario) -> bool {
    [Scenario::S1, Scenario::S2, Scenario::S3].contains(&scenario)
}

/// Instructions of S1 to S3 per instruction of the native run, at most.
pub(crate) const INSTRUCTIONS_TARGET: f64 = 1.01;
/// Behind the version of an interpreter whose JIT is on.
pub(crate) const WITH_JIT: &str = " with JIT";
/// Pairs behind a ratio, at least.
pub(crate) const PAIRS: usize = 15;
/// Threads that run beside the one that steps, in the row that says so.
pub(crate) const BUSY_THREADS: u32 = 4;
/// Median of `next` → `stopped`, in seconds.
pub(crate) const STEP_TARGET: f64 = 0.5e-3;
/// Memory added to the program, in bytes.
pub(crate) const MEMORY_TARGET: u64 = 3 << 20;

/// Who debugs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Debugger {
    /// This repository's `ikpdb dap`.
    Ikpdb,
    /// debugpy from the package index.
    Debugpy,
    /// No debugger: a callback of CPython's own on the hottest line, which does nothing. What a line costs at least.
    Callback,
}

impl Debugger {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Debugger::Ikpdb => "IKPdb",
            Debugger::Debugpy => "debugpy",
            Debugger::Callback => "callback",
        }
    }

    /// Whether it has this scenario.
    pub(crate) fn knows(self, scenario: Scenario) -> bool {
        self != Debugger::Callback || scenario == Scenario::S4
    }
}

/// A line to stop at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) file: PathBuf,
    pub(crate) line: u32,
    pub(crate) condition: Option<String>,
    pub(crate) hit_condition: Option<String>,
}

pub(crate) fn workloads_folder() -> PathBuf {
    shell::root().join("bench/workloads")
}

/// The line marked `# BP:<name>`, or `# BP:<name> if <condition>`, in the one file of the module that has it.
pub(crate) fn place(module: &str, name: &str) -> Result<Place> {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(workloads_folder())?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    entries.sort();
    for file in entries {
        let stem = file.file_name().and_then(|file| file.to_str()?.strip_suffix(".py")).unwrap_or_default();
        if stem != module && !stem.starts_with(&format!("{module}_")) {
            continue;
        }
        if let Some((line, condition)) = marked(&shell::read(&file)?, name) {
            return Ok(Place { file, line, condition, hit_condition: None });
        }
    }
    Err(anyhow::anyhow!("no line is marked `# BP:{name}`")).with_context(|| format!("bench/workloads/{module}*.py"))
}

fn marked(text: &str, name: &str) -> Option<(u32, Option<String>)> {
    text.lines().zip(1..).find_map(|(line, number)| {
        let marker = line.split_once("# BP:")?.1;
        let (marked, condition) = marker.split_once(" if ").map_or((marker, None), |(name, rest)| (name, Some(rest)));
        (marked.trim() == name).then(|| (number, condition.map(str::to_owned)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_workload_has_its_marked_lines_and_a_condition_on_the_hot_one() {
        for workload in &WORKLOADS {
            assert_eq!(place(workload.module, "never").unwrap().condition, None);
            assert!(place(workload.module, "hot").unwrap().condition.is_some());
        }
        for (module, name) in [("cold", "cold"), ("driver", "late"), ("driver", "steps"), ("driver", "raised")] {
            assert!(place(module, name).is_ok());
        }
        assert!(place("fib", "nowhere").is_err());
    }
}
