//! Chromium and tmux: from the distribution when we may install packages, else the command to type.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use ikpdb_testkit::search_path;

use crate::shell;

const CHROMIUM: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// Makes both available; returns the browser.
pub(crate) fn chromium_and_tmux() -> Result<PathBuf> {
    let mut packages = Vec::new();
    if search_path(&CHROMIUM).is_none() {
        packages.extend(["chromium", "fonts-dejavu-core"]);
    }
    if search_path(&["tmux"]).is_none() {
        packages.push("tmux");
    }
    if !packages.is_empty() {
        install(&packages)?;
    }
    search_path(&CHROMIUM).context("Chromium was installed but is not on PATH; add its folder to PATH")
}

fn install(packages: &[&str]) -> Result<()> {
    let command = format!("apt-get install -y --no-install-recommends {}", packages.join(" "));
    if !is_root() || search_path(&["apt-get"]).is_none() {
        bail!("the tests need {}; type: sudo {command}", packages.join(", "));
    }
    shell::step(&command, || {
        shell::output(shell::program("apt-get").args(["-q", "update"]))?;
        let mut words = command.split(' ');
        let mut install = shell::program(words.next().unwrap_or("apt-get"));
        shell::output(install.args(words).env("DEBIAN_FRONTEND", "noninteractive")).map(drop)
    })
}

fn is_root() -> bool {
    shell::output(shell::program("id").arg("-u")).is_ok_and(|text| text.trim() == "0")
}
