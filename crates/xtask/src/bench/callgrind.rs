//! Counts the instructions of the warm workload: the difference between a long and a short run under callgrind.

use std::collections::HashSet;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

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
/// CPython's allocator, whose own instructions are left out on both sides: what it takes to free an object depends on where in its
/// arena the object lies, so anything that is mapped into the process changes the count. (*threads* without a debugger, 3.13.0,
/// took 1.0 % more with its memory moved by 768 KiB than with it moved by 128 KiB, all of it in `_PyObject_Free`.)
const ALLOCATOR: [&str; 10] = [
    "_PyObject_Malloc",
    "_PyObject_Calloc",
    "_PyObject_Realloc",
    "_PyObject_Free",
    "PyObject_Malloc",
    "PyObject_Calloc",
    "PyObject_Realloc",
    "PyObject_Free",
    "pymalloc_alloc",
    "pymalloc_free",
];

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
    let stand_in = made_stand_in(starter)?;
    let mut variables = starter.variables.clone();
    variables.extend([(PYTHON, starter.python.clone()), (COUNTS, file.clone())]);
    let wrapped = Starter { python: stand_in, variables, ..starter.clone() };
    let count = |units| -> Result<u64> {
        let _ = std::fs::remove_file(&file);
        run(&wrapped, units)?;
        counted(&shell::read(&file).context("callgrind wrote no counts; is valgrind installed?")?)
    };
    let (short, long) = (count(SHORT)?, count(LONG)?);
    ensure!(long > short, "the long run has no more instructions than the short one");
    Ok(long - short)
}

/// Puts the stand-in beside a library as the interpreter's own is: what is relocatable looks for that beside itself.
fn made_stand_in(starter: &Starter) -> Result<PathBuf> {
    let home = starter.python.ancestors().nth(2).context("the interpreter is in no folder")?;
    let folder = starter.folder.join("stand-in");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(folder.join("bin"))?;
    std::os::unix::fs::symlink(home.join("lib"), folder.join("lib"))?;
    let stand_in = folder.join("bin").join(STAND_IN);
    std::fs::copy(std::env::current_exe()?, &stand_in).context("cannot copy this program")?;
    Ok(stand_in)
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
        // Without it a busy thread keeps all others from running, for seconds.
        valgrind.args(["--quiet", "--tool=callgrind", "--fair-sched=yes"]).arg(output).arg(python);
        valgrind
    } else {
        // Asked who it is, the interpreter answers with the name that it was called by.
        let mut command = Command::new(python);
        command.arg0(own);
        command
    };
    Some(command.args(arguments).exec())
}

/// The instructions of all functions but [`ALLOCATOR`]'s.
fn counted(text: &str) -> Result<u64> {
    // A function has its name once; afterwards it is named by its number in parentheses.
    let mut allocator = HashSet::new();
    let (mut in_allocator, mut is_call, mut total) = (false, false, None);
    for line in text.lines() {
        let name = |rest: &str| -> Option<(String, Option<String>)> {
            let (number, name) = rest.strip_prefix('(')?.split_once(')')?;
            Some((number.to_owned(), name.trim().split('\'').next().filter(|it| !it.is_empty()).map(str::to_owned)))
        };
        if let Some(rest) = line.strip_prefix("fn=").or_else(|| line.strip_prefix("cfn=")) {
            let Some((number, name)) = name(rest) else { bail!("callgrind names a function as '{rest}'") };
            if name.is_some_and(|name| ALLOCATOR.contains(&name.as_str())) {
                allocator.insert(number.clone());
            }
            if line.starts_with("fn=") {
                in_allocator = allocator.contains(&number);
            }
        } else if line.starts_with("calls=") {
            // The next line has what the called function took.
            is_call = true;
        } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first))
            && !std::mem::take(&mut is_call)
            && !in_allocator
        {
            let cost = line.split_whitespace().nth(1).unwrap_or("0");
            *total.get_or_insert(0) += cost.parse::<u64>().with_context(|| format!("no count: '{line}'"))?;
        }
    }
    total.context("callgrind's file has no counts")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_are_counted_once_and_those_of_the_allocator_not_at_all() {
        let text = "version: 1\nevents: Ir\n\nfl=(1) a.c\nfn=(1) work\n10 5\ncfn=(2) _PyObject_Free\ncalls=3 7 \n11 900\n+1 7\n\n\
                    fn=(2)\n7 300\n\nfn=(3) _PyObject_Malloc'2\n* 40\n\nfn=(1)\n12 1\ntotals: 353\n";
        assert_eq!(counted(text).unwrap(), 13);
        assert!(counted("events: Ir\n").is_err());
        assert!(counted("fn=work\n1 2\n").is_err());
    }
}
