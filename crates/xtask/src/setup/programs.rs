//! Chromium and tmux: from the distribution when we may install packages, else the command to type.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use ikpdb_testkit::search_path;

use crate::shell;

const CHROMIUM: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// What there is on this machine.
#[derive(Clone, Copy, Debug)]
struct Found {
    chromium: bool,
    tmux: bool,
    apt: bool,
    root: bool,
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
enum Plan {
    Nothing,
    /// Run this.
    Install(String),
    /// Tell the user to.
    Ask(String),
}

fn plan(found: Found) -> Plan {
    let mut packages = Vec::new();
    if !found.chromium {
        packages.extend(["chromium", "fonts-dejavu-core"]);
    }
    if !found.tmux {
        packages.push("tmux");
    }
    if packages.is_empty() {
        return Plan::Nothing;
    }
    let command = format!("apt-get install -y --no-install-recommends {}", packages.join(" "));
    match found.root && found.apt {
        true => Plan::Install(command),
        false => Plan::Ask(format!("the tests need {}; type: sudo {command}", packages.join(", "))),
    }
}

/// Makes both available; returns the browser.
pub(crate) fn chromium_and_tmux() -> Result<PathBuf> {
    let is_there = |names: &[&str]| search_path(names).is_some();
    let found = Found {
        chromium: is_there(&CHROMIUM),
        tmux: is_there(&["tmux"]),
        apt: is_there(&["apt-get"]),
        root: is_root(),
    };
    match plan(found) {
        Plan::Nothing => {}
        Plan::Install(command) => install(&command)?,
        Plan::Ask(line) => bail!(line),
    }
    search_path(&CHROMIUM).context("Chromium was installed but is not on PATH; add its folder to PATH")
}

fn install(command: &str) -> Result<()> {
    shell::step(command, || {
        shell::output(shell::program("apt-get").args(["-q", "update"]))?;
        let mut words = command.split(' ');
        let mut install = shell::program(words.next().unwrap_or("apt-get"));
        shell::output(install.args(words).env("DEBIAN_FRONTEND", "noninteractive")).map(drop)
    })
}

fn is_root() -> bool {
    shell::output(shell::program("id").arg("-u")).is_ok_and(|text| text.trim() == "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_installed_by_root_and_named_with_the_command_to_anybody_else() {
        const ALL: &str = "apt-get install -y --no-install-recommends chromium fonts-dejavu-core tmux";
        const BROWSER: &str = "apt-get install -y --no-install-recommends chromium fonts-dejavu-core";
        let install = |command: &str| Plan::Install(command.to_owned());
        let ask = |needs: &str, command: &str| Plan::Ask(format!("the tests need {needs}; type: sudo {command}"));
        let table = [
            // Chromium, tmux, apt-get, root.
            ([true, true, true, true], Plan::Nothing),
            ([true, true, false, false], Plan::Nothing),
            ([false, false, true, true], install(ALL)),
            ([false, true, true, true], install(BROWSER)),
            ([true, false, true, true], install("apt-get install -y --no-install-recommends tmux")),
            ([false, false, true, false], ask("chromium, fonts-dejavu-core, tmux", ALL)),
            ([false, true, true, false], ask("chromium, fonts-dejavu-core", BROWSER)),
            ([true, false, true, false], ask("tmux", "apt-get install -y --no-install-recommends tmux")),
            ([false, true, false, true], ask("chromium, fonts-dejavu-core", BROWSER)),
        ];
        for ([chromium, tmux, apt, root], expected) in table {
            let found = Found { chromium, tmux, apt, root };
            let plan = plan(found);
            assert_eq!(plan, expected, "{found:?}");
            assert!(!matches!(plan, Plan::Ask(line) if line.contains('\n')), "one line");
        }
    }
}
