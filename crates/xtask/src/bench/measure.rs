//! Measures one row at a time: pairs of runs, native and debugged, next to each other in turn.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::callgrind;
use super::debuggee::Starter;
use super::machine;
use super::plan::{Debugger, Scenario, WORKLOADS, Workload};
use super::results::{Instructions, Memory, OfPython, Ratio, Steps};
use super::statistics::{estimate, median, quantile};

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
            if selection.latency {
                let done = self.steps(*debugger).map(|steps| {
                    let said = format!("{:.3} ms", steps.median.median * 1e3);
                    results.steps.insert(name.to_owned(), steps);
                    said
                });
                note(format!("{name}, next to stopped"), done.and_then(|said| save(results).map(|()| said)));
                let done = self.memory(*debugger).map(|memory| {
                    let said = format!("{:.2} MB", memory.added() / 1e6);
                    results.memory.insert(name.to_owned(), memory);
                    said
                });
                note(format!("{name}, memory added"), done.and_then(|said| save(results).map(|()| said)));
            }
            for workload in
                WORKLOADS.iter().filter(|workload| selection.workloads.iter().any(|name| name == workload.name))
            {
                for scenario in &selection.scenarios {
                    let key = format!("{name}/{}/{}", workload.name, scenario.name());
                    if selection.time {
                        let done = self.ratio(*debugger, workload, *scenario).map(|row| {
                            let ratio = row.ratio;
                            results.time.insert(key.clone(), row);
                            format!("{:.3} [{:.3}, {:.3}]", ratio.median, ratio.low, ratio.high)
                        });
                        note(key.clone(), done.and_then(|said| save(results).map(|()| said)));
                    }
                    if selection.instructions && *debugger == Debugger::Ikpdb && *scenario != Scenario::S4 {
                        let done = self.instructions(workload, *scenario).map(|row| {
                            let said = format!("{:.4}", row.ratio());
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
            let (native, debugged) = if pair % 2 == 0 {
                let native = self.native_run(workload, units)?;
                (native, self.debugged_run(debugger, workload, scenario, slower)?)
            } else {
                let debugged = self.debugged_run(debugger, workload, scenario, slower)?;
                (self.native_run(workload, units)?, debugged)
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
        per_unit(seconds, units)
    }

    /// Seconds per unit of a debugged run, which then has to stop on the breakpoint.
    fn debugged_run(&self, debugger: Debugger, workload: &Workload, scenario: Scenario, units: u64) -> Result<f64> {
        let mut debuggee = self.starter.debugged(debugger, workload, scenario)?;
        let seconds = debuggee.measure(units)?;
        debuggee.prove(workload, scenario).context("it does not debug")?;
        debuggee.end()?;
        per_unit(seconds, units)
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
        let seconds = per_unit(debuggee.measure(few)?, few)?;
        debuggee.end()?;
        let slower = seconds / (RUN / native as f64);
        Ok(if slower > 4.0 { ((native as f64 / slower).ceil() as u64).max(1) } else { native })
    }

    fn instructions(&mut self, workload: &Workload, scenario: Scenario) -> Result<Instructions> {
        let native = match self.native_instructions.get(workload.name) {
            Some(native) => *native,
            None => callgrind::native(self.starter, workload)?,
        };
        self.native_instructions.insert(workload.name, native);
        let debugged = callgrind::debugged(self.starter, workload, scenario)?;
        Ok(Instructions { date: machine::date(), native, debugged })
    }

    fn steps(&self, debugger: Debugger) -> Result<Steps> {
        let mut debuggee = self.starter.debugged(debugger, &WORKLOADS[1], Scenario::S1)?;
        let thread = debuggee.stop_to_step()?;
        debuggee.step(thread, 10)?;
        let mut seconds = debuggee.step(thread, STEPS)?;
        debuggee.end()?;
        Ok(Steps { date: machine::date(), median: estimate(&seconds), p99: quantile(&mut seconds, 0.99) })
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
            debuggee.end()?;
        }
        Ok(Memory { date: machine::date(), native: median(&mut native), debugged: median(&mut debugged) })
    }
}

fn per_unit(seconds: f64, units: u64) -> Result<f64> {
    anyhow::ensure!(seconds > 0.0, "a run of {units} units took no measurable time");
    Ok(seconds / units as f64)
}
