//! Measures one row at a time: pairs of runs, native and debugged, next to each other in turn.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::callgrind;
use super::debuggee::{Debuggee, Starter};
use super::plan::{BUSY_THREADS, Debugger, Scenario, WORKLOADS, Workload, counts_instructions};
use super::results::{Instructions, Memory, OfPython, Ratio, Steps};
use super::statistics::{estimate, median, quantile};
use super::{latency, machine};

/// User CPU seconds that a run should take. Not less: the kernel knows user time in ticks of some milliseconds and divides
/// the exact sum by their proportion, which is rough for a moment.
const RUN: f64 = 0.4;
/// Steps that the latency stands on.
const STEPS: u32 = 200;
/// Pairs of runs that the memory stands on.
const MEMORY_PAIRS: usize = 5;

/// What to measure.
pub(crate) struct Selection {
    pub(crate) debuggers: Vec<Debugger>,
    pub(crate) workloads: Vec<String>,
    pub(crate) scenarios: Vec<Scenario>,
    pub(crate) pairs: usize,
    pub(crate) time: bool,
    pub(crate) instructions: bool,
    pub(crate) latency: bool,
}

/// Measures on one interpreter.
pub(crate) struct Bench<'a> {
    pub(crate) starter: &'a Starter,
    pub(crate) selection: &'a Selection,
    /// Units of a native run, by workload.
    units: BTreeMap<&'static str, u64>,
    /// Instructions of a native run, by workload.
    native_instructions: BTreeMap<&'static str, u64>,
}

impl<'a> Bench<'a> {
    pub(crate) fn new(starter: &'a Starter, selection: &'a Selection) -> Self {
        Self { starter, selection, units: BTreeMap::new(), native_instructions: BTreeMap::new() }
    }

    /// Measures what is selected, calling `save` after each row. A row that fails is said and left out.
    pub(crate) fn run(&mut self, results: &mut OfPython, save: &mut dyn FnMut(&OfPython) -> Result<()>) -> Vec<String> {
        let mut failures = Vec::new();
        let mut note = |label: String, done: Result<String>| match done {
            Ok(said) => eprintln!("    {label}: {said}"),
            Err(error) => {
                eprintln!("    {label}: FAILED: {error:#}");
                failures.push(format!("{label}: {error:#}"));
            }
        };
        let selection = self.selection;
        for debugger in &selection.debuggers {
            let name = debugger.name();
            if selection.latency && *debugger != Debugger::Callback {
                for (threads, label) in [(0, "next to stopped"), (BUSY_THREADS, "next to stopped, threads busy")] {
                    let done = self.steps(*debugger, threads).map(|steps| {
                        let said = format!("{:.3} ms", steps.median * 1e3);
                        let rows = if threads == 0 { &mut results.steps } else { &mut results.busy_steps };
                        rows.insert(name.to_owned(), steps);
                        said
                    });
                    note(format!("{name}, {label}"), done.and_then(|said| save(results).map(|()| said)));
                }
                match latency::measure(self.starter, *debugger) {
                    Ok(rows) => {
                        for (label, row) in &rows {
                            eprintln!("    {name}, {label}: {:.3} {}", row.median, row.unit);
                        }
                        results.answers.insert(name.to_owned(), rows);
                        note(format!("{name}, answers"), save(results).map(|()| "kept".to_owned()));
                    }
                    Err(error) => note(format!("{name}, answers"), Err(error)),
                }
                let done = self.memory(*debugger).map(|memory| {
                    let said = format!("{:.2} MB", memory.added / 1e6);
                    results.memory.insert(name.to_owned(), memory);
                    said
                });
                note(format!("{name}, memory added"), done.and_then(|said| save(results).map(|()| said)));
            }
            for workload in
                WORKLOADS.iter().filter(|workload| selection.workloads.iter().any(|name| name == workload.name))
            {
                for scenario in
                    selection.scenarios.iter().filter(|it| debugger.knows(**it) && it.applies(workload.name))
                {
                    let key = format!("{name}/{}/{}", workload.name, scenario.name());
                    if selection.time {
                        let done = self.ratio(*debugger, workload, *scenario).map(|row| {
                            let ratio = row.ratio;
                            results.time.insert(key.clone(), row);
                            format!("{:.3} [{:.3}, {:.3}]", ratio.median, ratio.low, ratio.high)
                        });
                        note(key.clone(), done.and_then(|said| save(results).map(|()| said)));
                    }
                    if selection.instructions && *debugger == Debugger::Ikpdb && counts_instructions(*scenario) {
                        let done = self.instructions(workload, *scenario).map(|row| {
                            let said = format!("{:.4}", row.ratio);
                            results.instructions.insert(key.clone(), row);
                            said
                        });
                        note(format!("{key}, instructions"), done.and_then(|said| save(results).map(|()| said)));
                    }
                }
            }
        }
        failures
    }

    fn ratio(&mut self, debugger: Debugger, workload: &'static Workload, scenario: Scenario) -> Result<Ratio> {
        let units = self.units(workload)?;
        let slower = self.debugged_units(debugger, workload, scenario, units)?;
        let mut ratios = Vec::new();
        for pair in 0..self.selection.pairs {
            let native = || accounted(|| self.native_run(workload, units));
            let debugged = || accounted(|| self.debugged_run(debugger, workload, scenario, slower));
            let (native, debugged) = if pair % 2 == 0 {
                let native = native()?;
                (native, debugged()?)
            } else {
                let debugged = debugged()?;
                (native()?, debugged)
            };
            ratios.push(debugged / native);
        }
        Ok(Ratio { date: machine::date(), ratio: estimate(&ratios) })
    }

    /// Seconds per unit of a native run.
    fn native_run(&self, workload: &Workload, units: u64) -> Result<f64> {
        let mut debuggee = self.starter.native(workload)?;
        let seconds = debuggee.measure(units)?;
        debuggee.end()?;
        Ok(seconds / units as f64)
    }

    /// Seconds per unit of a debugged run, which then has to stop on the breakpoint.
    fn debugged_run(&self, debugger: Debugger, workload: &Workload, scenario: Scenario, units: u64) -> Result<f64> {
        let mut debuggee = self.starter.debugged(debugger, workload, scenario)?;
        let seconds = measured(&mut debuggee, scenario, units)?;
        debuggee.prove(workload, scenario).context("it does not debug")?;
        debuggee.end()?;
        Ok(seconds / units as f64)
    }

    /// How many units make a native run.
    fn units(&mut self, workload: &'static Workload) -> Result<u64> {
        if let Some(units) = self.units.get(workload.name) {
            return Ok(*units);
        }
        let mut debuggee = self.starter.native(workload)?;
        let mut units = 16;
        let mut seconds = debuggee.measure(units)?;
        while seconds < RUN / 8.0 {
            units *= 4;
            seconds = debuggee.measure(units)?;
        }
        debuggee.end()?;
        let units = (units as f64 * RUN / seconds).ceil() as u64;
        self.units.insert(workload.name, units);
        Ok(units)
    }

    /// Fewer units for a debugged run that is much slower, so that a run takes about as long.
    fn debugged_units(&self, debugger: Debugger, workload: &Workload, scenario: Scenario, native: u64) -> Result<u64> {
        let mut debuggee = self.starter.debugged(debugger, workload, scenario)?;
        let few = (native / 100).max(1);
        let seconds = measured(&mut debuggee, scenario, few)? / few as f64;
        debuggee.end()?;
        let slower = seconds / (RUN / native as f64);
        Ok(if slower > 4.0 { ((native as f64 / slower).ceil() as u64).max(1) } else { native })
    }

    fn instructions(&mut self, workload: &Workload, scenario: Scenario) -> Result<Instructions> {
        let counted = |count: &dyn Fn() -> Result<u64>| -> Result<u64> {
            let mut counts = (0..workload.counts).map(|_| count()).collect::<Result<Vec<u64>>>()?;
            counts.sort_unstable();
            Ok(counts[counts.len() / 2])
        };
        let native = match self.native_instructions.get(workload.name) {
            Some(native) => *native,
            None => counted(&|| callgrind::native(self.starter, workload))?,
        };
        self.native_instructions.insert(workload.name, native);
        let debugged = counted(&|| callgrind::debugged(self.starter, workload, scenario))?;
        Ok(Instructions { date: machine::date(), ratio: debugged as f64 / native as f64 })
    }

    fn steps(&self, debugger: Debugger, busy_threads: u32) -> Result<Steps> {
        let mut debuggee = self.starter.debugged(debugger, &WORKLOADS[1], Scenario::S1)?;
        debuggee.keep_busy(busy_threads)?;
        let thread = debuggee.stop_in_driver("steps")?;
        debuggee.step(thread, 10)?;
        let mut seconds = debuggee.step(thread, STEPS)?;
        debuggee.end()?;
        Ok(Steps { date: machine::date(), median: median(&mut seconds), p99: Some(quantile(&mut seconds, 0.99)) })
    }

    fn memory(&self, debugger: Debugger) -> Result<Memory> {
        let workload = &WORKLOADS[0];
        let (mut native, mut debugged) = (Vec::new(), Vec::new());
        for _ in 0..MEMORY_PAIRS {
            let mut debuggee = self.starter.native(workload)?;
            debuggee.run(100)?;
            native.push(debuggee.private_dirty()? as f64);
            debuggee.end()?;
            let mut debuggee = self.starter.debugged(debugger, workload, Scenario::S2)?;
            debuggee.run(100)?;
            debugged.push(debuggee.private_dirty()? as f64);
            debuggee.prove(workload, Scenario::S2).context("it does not debug")?;
            debuggee.end()?;
        }
        Ok(Memory { date: machine::date(), added: median(&mut debugged) - median(&mut native) })
    }
}

fn measured(debuggee: &mut Debuggee, scenario: Scenario, units: u64) -> Result<f64> {
    if scenario == Scenario::S6 { debuggee.measure_over(units) } else { debuggee.measure(units) }
}

/// Runs again what the kernel accounted to the system as a whole: it goes by ticks, and may have seen none in the program.
fn accounted(run: impl Fn() -> Result<f64>) -> Result<f64> {
    for _ in 0..3 {
        let seconds = run()?;
        if seconds > 0.0 {
            return Ok(seconds);
        }
    }
    anyhow::bail!("it took no measurable time, three times")
}
