//! Renders `docs/benchmarks.md`.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::latency;
use super::plan::WITH_JIT;
use super::plan::{
    Debugger, INSTRUCTIONS_TARGET, MEMORY_TARGET, PAIRS, STEP_TARGET, Scenario, WORKLOADS, counts_instructions,
};
use super::results::{OfPython, Ratio, Results};

/// The columns of the tables by workload.
const SCENARIOS: [Scenario; 5] = [Scenario::S1, Scenario::S2, Scenario::S3, Scenario::S4, Scenario::S5];
/// Those that say something of one or two workloads, with the words for them.
const FURTHER: [(Scenario, &str); 5] = [
    (Scenario::Many, "10,000 breakpoints in files that do not run"),
    (Scenario::Left, "the debugger has left, after a stop on the hottest line"),
    (Scenario::S6, "S6: stepping over all of the work"),
    (Scenario::S7, "S7: uncaught exceptions stop where they are raised"),
    (Scenario::Raised, "raised exceptions stop, of a type that does not occur"),
];
const DEBUGGERS: [Debugger; 2] = [Debugger::Ikpdb, Debugger::Debugpy];

const INTRODUCTION: &str = "# Benchmarks

`cargo xtask bench` measures and writes this page. Figures hold beside each other, on the machine that is named, and nowhere else.

* **Workloads** (`bench/workloads/`): *fib* recursive calls; *loop* a `while` loop over floats; *mods* small functions in several modules, with
  dicts and lists; *exc* exceptions raised and caught; *threads* eight threads; *async* generators and asyncio tasks.
* **Scenarios**: *S1* the debugger is attached, no breakpoint. *S2* a breakpoint in a function of another file that is not called. *S3* a
  breakpoint in the hot function, on a line that does not run. *S4* a condition that is always false, on the hottest line.
  *S5* a hit condition that is never reached, on the hottest line. Further ones are named where they stand.
* **A callback that does nothing**: no debugger; CPython reports the line of S4 to a function of its own that returns at once. No debugger
  that lets CPython report lines is faster.
* **Ratio**: user CPU time of the program, measured inside it by `getrusage` after a warm-up, over that of the same interpreter without a debugger. Each
  ratio is the median over interleaved pairs of runs (native, debugged, debugged, native, …), each run a fresh process, with its 95 % bootstrap
  interval in brackets.
* **Instructions**: those of the warm workload under callgrind, by the difference of two lengths, over the native ones. (*threads*: the
  median of seven runs each, as threads take turns by the clock.) Those of CPython's own allocator are left out on both sides: they
  depend on where memory happens to lie, by 1 % of *threads* without any debugger.
* **Every run proves that it debugs**: after the measurement the program is led to the breakpoint and has to stop there.
* **Dates**: rows are measured one by one. A table names the days of its oldest and its newest row, and the page all machines with their days.
";

/// The page.
pub(crate) fn render(results: &Results) -> String {
    let mut page = INTRODUCTION.to_owned();
    machines(&mut page, results);
    for (version, python) in &results.pythons {
        let _ = writeln!(page, "\n## CPython {version}");
        for debugger in DEBUGGERS {
            times(&mut page, debugger, python);
        }
        floor(&mut page, python);
        instructions(&mut page, python);
        steps_and_memory(&mut page, python);
        answers(&mut page, python);
        for (said, rows) in [("Targets missed", missed(version, python)), ("Not measured", unmeasured(python))] {
            if !rows.is_empty() {
                let _ = writeln!(page, "\n{said}: {}.", rows.join("; "));
            }
        }
    }
    page
}

fn machines(page: &mut String, results: &Results) {
    let mut all: Vec<_> = results.machines.iter().collect();
    all.sort_by_key(|(_, days)| days.first.clone());
    let said: Vec<String> = match all.as_slice() {
        [(machine, _)] => vec![(*machine).clone()],
        _ => all.iter().map(|(name, days)| format!("{name} ({})", dates([&days.first[..], &days.last[..]]))).collect(),
    };
    let _ = writeln!(page, "\nMachine: {}.", said.join("; "));
}

/// "2026-01-02", or "2026-01-02 to 2026-02-03".
fn dates<'a>(all: impl IntoIterator<Item = &'a str>) -> String {
    let all: BTreeSet<&str> = all.into_iter().collect();
    match (all.first(), all.last()) {
        (Some(first), Some(last)) if first != last => format!("{first} to {last}"),
        (first, _) => first.copied().unwrap_or_default().to_owned(),
    }
}

fn times(page: &mut String, debugger: Debugger, python: &OfPython) {
    let prefix = format!("{}/", debugger.name());
    let rows = || python.time.iter().filter(|(key, _)| key.starts_with(&prefix)).map(|(_, row)| row);
    let Some(pairs) = rows().map(|row| row.ratio.count).min() else { return };
    let date = dates(rows().map(|row| &row.date[..]));
    let name = debugger.name();
    let _ = writeln!(page, "\n{name}, user CPU time, native = 1.00 ({pairs} pairs or more, {date})\n");
    table(page, |key| {
        python.time.get(&format!("{prefix}{key}")).map(|row| {
            let ratio = row.ratio;
            let digits = if ratio.median < 10.0 { 2 } else { 0 };
            format!("{:.digits$} [{:.digits$}, {:.digits$}]", ratio.median, ratio.low, ratio.high)
        })
    });
    let mut further = String::new();
    for (scenario, words) in FURTHER {
        for workload in WORKLOADS.iter().filter(|it| scenario.applies(it.name)) {
            if let Some(row) = python.time.get(&format!("{prefix}{}/{}", workload.name, scenario.name())) {
                let ratio = row.ratio;
                let (name, middle, low, high) = (workload.name, ratio.median, ratio.low, ratio.high);
                let _ = writeln!(further, "| {words} | {name} | {middle:.2} [{low:.2}, {high:.2}] |");
            }
        }
    }
    if !further.is_empty() {
        let _ = write!(page, "\n| scenario | workload | ratio |\n|---|---|---|\n{further}");
    }
}

/// What S4 costs at least, with any debugger that is told of lines by CPython.
fn floor(page: &mut String, python: &OfPython) {
    let rows: Vec<_> = WORKLOADS
        .iter()
        .filter_map(|workload| {
            let key = format!("{}/{}/{}", Debugger::Callback.name(), workload.name, Scenario::S4.name());
            Some((workload.name, python.time.get(&key)?))
        })
        .collect();
    if rows.is_empty() {
        return;
    }
    let date = dates(rows.iter().map(|(_, row)| &row.date[..]));
    let _ = writeln!(page, "\nNo debugger, a callback that does nothing on the line of S4, native = 1.00 ({date})\n");
    let _ = writeln!(page, "| workload | ratio |\n|---|---|");
    for (name, Ratio { ratio, .. }) in rows {
        let _ = writeln!(page, "| {name} | {:.2} [{:.2}, {:.2}] |", ratio.median, ratio.low, ratio.high);
    }
}

fn answers(page: &mut String, python: &OfPython) {
    let of = |debugger: Debugger, name: &str| python.answers.get(debugger.name())?.get(name);
    let all = || python.answers.values().flat_map(|rows| rows.values());
    if all().next().is_none() {
        return;
    }
    let date = dates(all().map(|row| &row.date[..]));
    let _ = writeln!(page, "\nAnswers, median and 99 % ({date})\n\n| | IKPdb | debugpy |\n|---|---|---|");
    for name in latency::names() {
        let cells = DEBUGGERS.map(|debugger| {
            of(debugger, name).map_or_else(
                || "-".to_owned(),
                |row| match row.p99 {
                    Some(p99) => format!("{:.2} {}, {p99:.2}", row.median, row.unit),
                    None if row.unit == "ms" => format!("{:.2} ms", row.median),
                    None => format!("{:.0} {}", row.median, row.unit),
                },
            )
        });
        let _ = writeln!(page, "| {name} | {} | {} |", cells[0], cells[1]);
    }
}

fn instructions(page: &mut String, python: &OfPython) {
    if python.instructions.is_empty() {
        return;
    }
    let date = dates(python.instructions.values().map(|row| &row.date[..]));
    let _ = writeln!(page, "\nIKPdb, instructions under callgrind, native = 1.0000 ({date})\n");
    table(page, |key| python.instructions.get(&format!("IKPdb/{key}")).map(|row| format!("{:.4}", row.ratio)));
}

fn table(page: &mut String, cell: impl Fn(&str) -> Option<String>) {
    let _ = writeln!(page, "| workload | S1 | S2 | S3 | S4 | S5 |\n|---|---|---|---|---|---|");
    for workload in &WORKLOADS {
        let cells: Vec<String> = SCENARIOS
            .iter()
            .map(|scenario| cell(&format!("{}/{}", workload.name, scenario.name())).unwrap_or_else(|| "-".to_owned()))
            .collect();
        if cells.iter().any(|cell| cell != "-") {
            let _ = writeln!(page, "| {} | {} |", workload.name, cells.join(" | "));
        }
    }
}

fn steps_and_memory(page: &mut String, python: &OfPython) {
    if python.steps.is_empty() && python.memory.is_empty() {
        return;
    }
    let steps = python.steps.values().chain(python.busy_steps.values()).map(|row| &row.date[..]);
    let date = dates(steps.chain(python.memory.values().map(|row| &row.date[..])));
    let _ = writeln!(page, "\nSteps and memory ({date})\n\n| | IKPdb | debugpy |\n|---|---|---|");
    let mut row = |label: &str, cell: &dyn Fn(&str) -> Option<String>| {
        let cells = DEBUGGERS.map(|debugger| cell(debugger.name()).unwrap_or_else(|| "-".to_owned()));
        let _ = writeln!(page, "| {label} | {} | {} |", cells[0], cells[1]);
    };
    row("`next` to `stopped`, median", &|name| Some(format!("{:.2} ms", python.steps.get(name)?.median * 1e3)));
    row("`next` to `stopped`, 99 %", &|name| Some(format!("{:.2} ms", python.steps.get(name)?.p99? * 1e3)));
    row("the same with four busy threads, median", &|name| {
        Some(format!("{:.2} ms", python.busy_steps.get(name)?.median * 1e3))
    });
    row("memory added to the program (`Private_Dirty`)", &|name| {
        Some(format!("{:.1} MB", python.memory.get(name)?.added / 1e6))
    });
}

/// The rows of ours that a target needs and that were not measured, or on too few pairs.
pub(crate) fn unmeasured(python: &OfPython) -> Vec<String> {
    let mut unmeasured = Vec::new();
    let ours = Debugger::Ikpdb.name();
    for workload in &WORKLOADS {
        for scenario in all_scenarios().filter(|it| it.applies(workload.name)) {
            let key = format!("{ours}/{}/{}", workload.name, scenario.name());
            match python.time.get(&key).map(|row| row.ratio.count) {
                None => unmeasured.push(format!("{} {} time", workload.name, scenario.name())),
                Some(count) if count < PAIRS => {
                    unmeasured.push(format!("{} {} time: {count} pairs of {PAIRS}", workload.name, scenario.name()));
                }
                Some(_) => {}
            }
            if counts_instructions(scenario) && !python.instructions.contains_key(&key) {
                unmeasured.push(format!("{} {} instructions", workload.name, scenario.name()));
            }
        }
    }
    if !python.steps.contains_key(ours) {
        unmeasured.push("`next` to `stopped`".to_owned());
    }
    let answers = python.answers.get(ours);
    unmeasured.extend(
        latency::names().filter(|name| !answers.is_some_and(|rows| rows.contains_key(*name))).map(str::to_owned),
    );
    if !python.memory.contains_key(ours) {
        unmeasured.push("memory added".to_owned());
    }
    unmeasured
}

fn all_scenarios() -> impl Iterator<Item = Scenario> {
    SCENARIOS.into_iter().chain(FURTHER.map(|it| it.0))
}

/// The targets that ours does not hold.
pub(crate) fn missed(version: &str, python: &OfPython) -> Vec<String> {
    let is_old = version.starts_with("3.11.");
    let mut missed = Vec::new();
    let measured = |name: &str| python.answers.get(Debugger::Ikpdb.name())?.get(name);
    for row in &latency::ROWS {
        let target = if is_old { row.target_311 } else { row.target };
        if measured(row.name).is_some_and(|answer| answer.median > target) {
            missed.push(format!("{} <= {target} ms", row.name));
        }
    }
    if measured(latency::LOGPOINTS).is_some_and(|answer| answer.median < latency::LOGPOINTS_TARGET) {
        missed.push(format!("{} >= {} a second", latency::LOGPOINTS, latency::LOGPOINTS_TARGET));
    }
    for workload in &WORKLOADS {
        for scenario in all_scenarios() {
            let key = format!("IKPdb/{}/{}", workload.name, scenario.name());
            let peer =
                || Some(python.time.get(&format!("debugpy/{}/{}", workload.name, scenario.name()))?.ratio.median);
            let target = match scenario {
                // Without `sys.monitoring` what has a breakpoint is traced, natively: that has to be faster than the other's.
                Scenario::S1 | Scenario::S7 if is_old => Some(1.02),
                _ if is_old => peer(),
                _ => scenario.target(workload.name, version.ends_with(WITH_JIT)),
            };
            let low = python.time.get(&key).map(|row| row.ratio.low);
            if let (Some(target), Some(low)) = (target, low)
                && low > target
            {
                missed.push(format!("{} {} time <= {target:.2}", workload.name, scenario.name()));
            }
            if !is_old && python.instructions.get(&key).is_some_and(|row| row.ratio > INSTRUCTIONS_TARGET) {
                missed.push(format!("{} {} instructions <= {INSTRUCTIONS_TARGET}", workload.name, scenario.name()));
            }
        }
    }
    let ours = Debugger::Ikpdb.name();
    if python.steps.get(ours).is_some_and(|steps| steps.median > STEP_TARGET) {
        missed.push(format!("`next` to `stopped` <= {} ms", STEP_TARGET * 1e3));
    }
    if python.memory.get(ours).is_some_and(|memory| memory.added > MEMORY_TARGET as f64) {
        missed.push(format!("memory added <= {} MB", MEMORY_TARGET >> 20));
    }
    missed
}

#[cfg(test)]
mod tests {
    use super::super::results::{Answer, Instructions, Memory, Steps};
    use super::super::statistics::Estimate;
    use super::*;

    fn with(key: &str, median: f64, low: f64) -> OfPython {
        let mut python = OfPython::default();
        let ratio = Estimate { median, low, high: median + 0.01, count: 15 };
        python.time.insert(key.to_owned(), Ratio { date: "2026-01-02".into(), ratio });
        python
    }

    #[test]
    fn a_target_holds_if_the_lower_end_of_the_interval_is_within_it() {
        assert!(missed("3.12.1", &with("IKPdb/fib/S1", 1.03, 1.01)).is_empty());
        assert_eq!(missed("3.12.1", &with("IKPdb/fib/S1", 1.05, 1.04)), ["fib S1 time <= 1.02"]);
        assert!(missed("3.12.1", &with("IKPdb/exc/S5", 9.0, 8.0)).is_empty(), "there is no target for it");
        assert!(missed("3.11.7", &with("IKPdb/fib/S3", 9.0, 8.0)).is_empty(), "there is nothing to hold it against");
        assert_eq!(missed("3.11.7", &with("IKPdb/fib/S1", 1.05, 1.04)), ["fib S1 time <= 1.02"]);
        let mut both = with("IKPdb/fib/S3", 9.0, 8.0);
        both.time.extend(with("debugpy/fib/S3", 7.0, 6.9).time);
        assert_eq!(missed("3.11.7", &both), ["fib S3 time <= 7.00"]);
        assert!(missed("3.12.1", &with("debugpy/fib/S3", 130.0, 120.0)).is_empty());
    }

    #[test]
    fn what_was_not_measured_or_on_few_pairs_is_named() {
        let rows = unmeasured(&OfPython::default());
        assert!(
            rows.contains(&"fib S1 time".to_owned()) && rows.contains(&"async S3 instructions".to_owned()),
            "{rows:?}"
        );
        assert!(
            rows.contains(&"memory added".to_owned()) && !rows.contains(&"fib S4 instructions".to_owned()),
            "{rows:?}"
        );
        let mut few = with("IKPdb/fib/S1", 1.0, 1.0);
        assert!(!unmeasured(&few).iter().any(|row| row.starts_with("fib S1 time")));
        few.time.get_mut("IKPdb/fib/S1").unwrap().ratio.count = 4;
        assert!(unmeasured(&few).contains(&"fib S1 time: 4 pairs of 15".to_owned()));
    }

    #[test]
    fn the_page_shows_what_was_measured_and_leaves_out_what_was_not() {
        let mut results = Results::default();
        results.measured_on("A machine", "2026-01-02");
        results.pythons.insert("3.12.1".into(), with("IKPdb/fib/S3", 1.004, 0.998));
        let page = render(&results);
        assert!(page.contains("Machine: A machine."));
        assert!(page.contains("## CPython 3.12.1"));
        assert!(page.contains("| fib | - | - | 1.00 [1.00, 1.01] | - | - |"), "{page}");
        assert!(!page.contains("debugpy, user CPU time"));
    }

    #[test]
    fn what_a_line_costs_at_least_stands_beside_what_it_costs_with_a_debugger() {
        let mut results = Results::default();
        results.pythons.insert("3.12.1".into(), with("callback/exc/S4", 1.12, 1.11));
        assert!(missed("3.12.1", &results.pythons["3.12.1"]).is_empty());
        assert!(render(&results).contains("| exc | 1.12 [1.11, 1.13] |"));
    }

    #[test]
    fn answers_are_shown_and_held_against_their_targets() {
        let answer = |median, unit: &str| Answer { date: "2026-01-02".into(), median, p99: None, unit: unit.into() };
        let mut python = with("IKPdb/fib/S6", 1.01, 1.0);
        let rows = python.answers.entry("IKPdb".into()).or_default();
        rows.insert("scopes".into(), answer(0.31, "ms"));
        rows.insert("pause, one thread busy".into(), answer(9.0, "ms"));
        rows.insert(latency::LOGPOINTS.into(), answer(499_000.0, "a second"));
        let too_few = "logpoint in a hot loop >= 500000 a second";
        assert_eq!(missed("3.12.1", &python), ["scopes <= 0.3 ms", "pause, one thread busy <= 2 ms", too_few]);
        assert_eq!(missed("3.11.7", &python), ["scopes <= 0.3 ms", too_few]);
        let mut results = Results::default();
        results.pythons.insert("3.12.1".into(), python);
        let page = render(&results);
        for said in [
            "| scopes | 0.31 ms | - |",
            "| 499000 a second | - |",
            "| S6: stepping over all of the work | fib | 1.01 [",
        ] {
            assert!(page.contains(said), "{said}: {page}");
        }
    }

    #[test]
    fn every_table_has_the_days_of_all_its_rows_and_every_machine_its_own() {
        let mut results = Results::default();
        results.measured_on("One", "2026-01-02");
        results.measured_on("Another", "2026-03-04");
        let mut python = with("IKPdb/fib/S1", 1.0, 1.0);
        let days = ["2026-01-03", "2026-01-02", "2026-03-04"];
        for (scenario, date) in ["S1", "S2", "S3"].into_iter().zip(days) {
            let row = Instructions { date: date.to_owned(), ratio: 1.0 };
            python.instructions.insert(format!("IKPdb/fib/{scenario}"), row);
        }
        let step = |date: &str| Steps { date: date.to_owned(), median: 1e-3, p99: Some(2e-3) };
        python.steps.insert("IKPdb".into(), step(days[0]));
        python.busy_steps.insert("debugpy".into(), step(days[1]));
        python.memory.insert("IKPdb".into(), Memory { date: days[0].to_owned(), added: 1e6 });
        results.pythons.insert("3.12.1".into(), python);
        let page = render(&results);
        for said in [
            "Machine: One (2026-01-02); Another (2026-03-04).",
            "native = 1.00 (15 pairs or more, 2026-01-02)",
            "native = 1.0000 (2026-01-02 to 2026-03-04)",
            "Steps and memory (2026-01-02 to 2026-01-03)",
        ] {
            assert!(page.contains(said), "{said}: {page}");
        }
    }

    #[test]
    fn the_page_in_the_repository_is_what_the_results_beside_it_say() {
        let results = Results::load(&Results::path()).unwrap();
        assert!(!results.pythons.is_empty());
        let page = std::fs::read_to_string(crate::shell::root().join("docs/benchmarks.md")).unwrap();
        assert!(page == render(&results), "`cargo xtask bench --render` writes it");
    }
}
