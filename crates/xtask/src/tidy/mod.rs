//! The rules of this repository that are checked by machine, one file per kind of rule.

mod crates;
mod files;
mod generated;
mod invariants;
mod licences;
mod source;
mod web;

use anyhow::Result;

/// Something to mend, with the file it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// Fails the check.
    Error(String),
    /// Is shown.
    Warning(String),
}

/// Everything that is wrong.
pub(crate) fn check() -> Result<Vec<Problem>> {
    let files = source::files()?;
    let mut problems = crates::check(&crates::metadata()?);
    problems.extend(crates::check_sources(&files));
    problems.extend(files::check(&files));
    problems.extend(web::check(&files));
    problems.extend(invariants::check(&files));
    problems.extend(licences::check()?);
    problems.extend(generated::check()?);
    Ok(problems)
}
