//! The release: the binary with everything inside, and the wheel around it.

mod embed;
mod platform;
mod wheel;

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::commands::run as debug_run;
use crate::{shell, web};

/// What was made.
pub(crate) struct Release {
    /// `target/dist/ikpdb`.
    pub(crate) binary: PathBuf,
    /// `target/dist/ikpdb-….whl`.
    pub(crate) wheel: PathBuf,
}

/// Makes both; quick when nothing changed.
pub(crate) fn build() -> Result<Release> {
    web::build()?;
    debug_run::libraries()?;
    let embedded = embed::prepare()?;
    shell::step("the binary (release; minutes when cold)", || {
        let mut command = shell::cargo(["build", "--release", "--package", "ikpdb"]);
        shell::run(command.env("IKPDB_EMBED_DIR", &embedded))
    })?;
    let dist = shell::folder(shell::target().join("dist"))?;
    let binary = dist.join("ikpdb");
    let built = shell::target().join("release/ikpdb");
    // A running binary cannot be written, only replaced.
    let draft = dist.join("ikpdb.draft");
    std::fs::copy(&built, &draft)
        .and_then(|_| std::fs::rename(&draft, &binary))
        .with_context(|| format!("cannot copy {} to {}", built.display(), binary.display()))?;
    let wheel = shell::step("the wheel", || wheel::pack(&binary, &dist))?;
    Ok(Release { binary, wheel })
}
