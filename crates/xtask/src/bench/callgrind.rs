//! Counts the instructions of the warm workload: the difference between a long and a short run under callgrind.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::debuggee::Starter;
use super::plan::{Debugger, Scenario, Workload};
use crate::shell;

/// Units of the short and of the long run. The start of the interpreter and of the agent is in both.
const SHORT: u64 = 200;
const LONG: u64 = 1000;

/// Instructions of the units between the two lengths, without a debugger.
pub(crate) fn native(starter: &Starter, workload: &Workload) -> Result<u64> {
    difference(starter, |file| {
        let output = format!("--callgrind-out-file={}", file.display());
        let mut debuggee = starter.native(workload, &["valgrind", "--quiet", "--tool=callgrind", &output])?;
        Ok(Box::new(move |units| {
            debuggee.run(units)?;
            debuggee.end()
        }))
    })
}

/// The same under our debugger.
pub(crate) fn debugged(starter: &Starter, workload: &'static Workload, scenario: Scenario) -> Result<u64> {
    difference(starter, |file| {
        let wrapped = Starter { python: wrapper(starter, file)?, ..starter.clone() };
        let mut debuggee = wrapped.debugged(Debugger::Ikpdb, workload, scenario)?;
        Ok(Box::new(move |units| {
            debuggee.run(units)?;
            let thread = debuggee.prove(workload, scenario).context("it does not debug")?;
            debuggee.go_on(thread)?;
            debuggee.leave()
        }))
    })
}

type Run = Box<dyn FnOnce(u64) -> Result<()>>;

fn difference(starter: &Starter, start: impl Fn(&Path) -> Result<Run>) -> Result<u64> {
    let count = |units| -> Result<u64> {
        let file = starter.folder.join("callgrind.out");
        let _ = std::fs::remove_file(&file);
        start(&file)?(units)?;
        total(&shell::read(&file).context("callgrind wrote no counts; is valgrind installed?")?)
    };
    let (short, long) = (count(SHORT)?, count(LONG)?);
    ensure!(long > short, "the long run has no more instructions than the short one");
    Ok(long - short)
}

/// A program that is the interpreter under callgrind.
fn wrapper(starter: &Starter, file: &Path) -> Result<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let path = starter.folder.join("python-under-callgrind");
    let text = format!(
        "#!/bin/sh\nexec valgrind --quiet --tool=callgrind '--callgrind-out-file={}' '{}' \"$@\"\n",
        file.display(),
        starter.python.display()
    );
    shell::write(&path, text)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
    Ok(path)
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
