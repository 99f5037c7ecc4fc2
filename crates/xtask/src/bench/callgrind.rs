//! Counts the instructions of the warm workload: the difference between a long and a short run under callgrind.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::debuggee::Starter;
use super::plan::{Debugger, Scenario, Workload};
use crate::shell;

/// Units of the short and of the long run. The start of the interpreter and of the agent is in both.
const SHORT: u64 = 200;
const LONG: u64 = 1000;

/// The name under which this program is an interpreter under callgrind. See [`stand_in`].
const STAND_IN: &str = "python-under-callgrind";
/// What the stand-in has to know: the interpreter, and the file for the counts.
const PYTHON: &str = "IKPDB_BENCH_PYTHON";
const COUNTS: &str = "IKPDB_BENCH_COUNTS";

/// Instructions of the units between the two lengths, without a debugger.
pub(crate) fn native(starter: &Starter, workload: &Workload) -> Result<u64> {
    difference(starter, |wrapped, units| {
        let mut debuggee = wrapped.native(workload)?;
        debuggee.run(units)?;
        debuggee.end()
    })
}

/// The same under our debugger.
pub(crate) fn debugged(starter: &Starter, workload: &Workload, scenario: Scenario) -> Result<u64> {
    difference(starter, |wrapped, units| {
        let mut debuggee = wrapped.debugged(Debugger::Ikpdb, workload, scenario)?;
        debuggee.run(units)?;
        let thread = debuggee.prove(workload, scenario).context("it does not debug")?;
        debuggee.go_on(thread)?;
        debuggee.leave()
    })
}

fn difference(starter: &Starter, run: impl Fn(&Starter, u64) -> Result<()>) -> Result<u64> {
    let file = starter.folder.join("callgrind.out");
    let stand_in = starter.folder.join(STAND_IN);
    let _ = std::fs::remove_file(&stand_in);
    std::fs::copy(std::env::current_exe()?, &stand_in).context("cannot copy this program")?;
    let variables = vec![(PYTHON, starter.python.clone()), (COUNTS, file.clone())];
    let wrapped = Starter { python: stand_in, variables, ..starter.clone() };
    let count = |units| -> Result<u64> {
        let _ = std::fs::remove_file(&file);
        run(&wrapped, units)?;
        total(&shell::read(&file).context("callgrind wrote no counts; is valgrind installed?")?)
    };
    let (short, long) = (count(SHORT)?, count(LONG)?);
    ensure!(long > short, "the long run has no more instructions than the short one");
    Ok(long - short)
}

/// If this process was started as the stand-in for an interpreter: becomes the interpreter, under callgrind if it is to run
/// the driver. An adapter looks at the interpreter that it is given and takes no script for one, but a program.
pub(crate) fn stand_in() -> Option<std::io::Error> {
    let mut arguments = std::env::args_os();
    let own = arguments.next()?;
    if Path::new(&own).file_name()? != STAND_IN {
        return None;
    }
    let (python, counts) = (std::env::var_os(PYTHON)?, std::env::var_os(COUNTS)?);
    let arguments: Vec<OsString> = arguments.collect();
    let runs_driver = arguments.iter().any(|argument| Path::new(argument).ends_with("driver.py"));
    let mut command = if runs_driver {
        let mut output = OsString::from("--callgrind-out-file=");
        output.push(counts);
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--quiet", "--tool=callgrind"]).arg(output).arg(python);
        valgrind
    } else {
        // Asked who it is, the interpreter answers with the name that it was called by.
        let mut command = Command::new(python);
        command.arg0(own);
        command
    };
    Some(command.args(arguments).exec())
}

fn total(text: &str) -> Result<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("totals:").or_else(|| line.strip_prefix("summary:")));
    line.context("callgrind's file has no total")?.trim().parse().context("callgrind's total is no number")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_read_from_callgrinds_file() {
        assert_eq!(total("version: 1\nsummary: 12345\nfn=(1)\n").unwrap(), 12345);
        assert_eq!(total("fn=(1)\ntotals: 99\n").unwrap(), 99);
        assert!(total("fn=(1)\n").is_err());
    }
}
