//! Source distributions whose own test suites are run with and without the debugger, under `target/test-sources`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::{pythons, tools};
use crate::shell;
use crate::stamp::Stamp;

/// Project and version: the same as in `tests/requirements.txt`.
const PROJECTS: [&str; 2] = ["attrs", "packaging"];

/// The unpacked folders by project.
pub(crate) fn all() -> Result<BTreeMap<String, PathBuf>> {
    PROJECTS.iter().map(|project| Ok(((*project).to_owned(), source(project)?))).collect()
}

fn source(project: &str) -> Result<PathBuf> {
    let requirements = shell::read(shell::root().join("tests/requirements.txt"))?;
    let pin = requirements
        .lines()
        .find(|line| line.starts_with(&format!("{project}==")))
        .with_context(|| format!("tests/requirements.txt does not pin {project}"))?;
    let folder = shell::target().join("test-sources");
    let unpacked = folder.join(pin.replace("==", "-"));
    Stamp::default().text(pin).unless_done(&unpacked.join(".stamp"), || {
        shell::step(&format!("sources of {pin}"), || {
            let downloads = shell::folder(folder.join("downloads"))?;
            let mut pip = tools::pip(&pythons::for_tools()?)?;
            pip.args(["download", "-q", "--no-deps", "--no-binary", project, "--dest"]).arg(&downloads).arg(pin);
            shell::output(&mut pip)?;
            let archive = downloads.join(format!("{}.tar.gz", pin.replace("==", "-")));
            shell::output(shell::program("tar").arg("-xzf").arg(&archive).arg("-C").arg(&folder)).map(drop)
        })
    })?;
    Ok(unpacked)
}
