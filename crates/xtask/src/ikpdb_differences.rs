//! Renders `docs/ikpdb-differences.md`: what differs from IKPdb 1.3, from `tests/ikpdb/differences.toml`.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use ikpdb_testkit::ikpdb_transcript::{Differences, Entry, Fixed, Why};

use crate::shell;

/// Where the page is.
pub(crate) fn path() -> PathBuf {
    shell::root().join("docs/ikpdb-differences.md")
}

/// The page as it has to be.
pub(crate) fn current() -> Result<String> {
    let differences = Differences::load().map_err(anyhow::Error::msg)?;
    for fixed in differences.fixed() {
        exists(&fixed.test)?;
    }
    Ok(render(&differences))
}

/// Refuses a test that is not there, so that what is said to be shown is.
fn exists(test: &str) -> Result<()> {
    let (file, name) = test.split_once("::").with_context(|| format!("{test} is no file and function"))?;
    let text = shell::read(shell::root().join(file))?;
    let begins = |line: &str| ["fn ", "def "].iter().any(|it| line.trim_start().starts_with(&format!("{it}{name}(")));
    ensure!(text.lines().any(begins), "{file} has no test {name}, which tests/ikpdb/differences.toml names");
    Ok(())
}

fn render(differences: &Differences) -> String {
    let mut page = String::from(
        "# What differs from IKPdb 1.3\n\nWritten by `cargo xtask codegen` from `tests/ikpdb/differences.toml`. Sessions of the original, recorded on CPython 2.7.18, \
         lie in\n`tests/ikpdb/transcripts`; whoever replays them must find everything as it was recorded, but for ids, addresses, folders and the order of\n\
         variables, and for what stands here.\n",
    );
    for (why, title) in [
        (Why::Fix, "What the original does wrong"),
        (Why::Python3, "What is so in Python 3"),
        (Why::Free, "What no client depends on"),
    ] {
        let entries: Vec<&Entry> = differences.entries().iter().filter(|it| it.why == why).collect();
        if entries.is_empty() {
            continue;
        }
        let _ = write!(page, "\n## {title}\n\n| difference | sessions | where in the message |\n|---|---|---|\n");
        let mut told: BTreeSet<&str> = BTreeSet::new();
        for entry in &entries {
            if told.insert(&entry.reason) {
                let same: Vec<&Entry> = entries.iter().copied().filter(|it| it.reason == entry.reason).collect();
                let _ = writeln!(page, "{}", row(&same));
            }
        }
        if why == Why::Fix && !differences.fixed().is_empty() {
            page += "\nNo recorded session shows these done right; tests do.\n\n| difference | test |\n|---|---|\n";
            for Fixed { reason, test } in differences.fixed() {
                let (file, name) = test.split_once("::").unwrap_or((test, ""));
                let _ = writeln!(page, "| {}. | [{name}](../{file}) |", reason.replace('|', "\\|"));
            }
        }
    }
    page
}

fn row(entries: &[&Entry]) -> String {
    let reason = entries.first().map_or("", |it| it.reason.as_str());
    let everywhere = entries.iter().any(|it| it.transcript == "*");
    let sessions: BTreeSet<String> = if everywhere {
        ["all".to_owned()].into()
    } else {
        entries.iter().map(|it| format!("`{}`", it.transcript)).collect()
    };
    let paths: BTreeSet<String> = entries.iter().filter_map(|it| it.path()).map(|it| format!("`{it}`")).collect();
    let list = |items: BTreeSet<String>| items.into_iter().collect::<Vec<_>>().join(", ").replace('|', "\\|");
    format!("| {}. | {} | {} |", reason.replace('|', "\\|"), list(sessions), list(paths))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_a_row_with_its_sessions_and_places() {
        let table = r#"
[[difference]]
why = "fix"
reason = "A | is read"
at = [
  { transcript = "b", message = 5, change = "removed" },
  { transcript = "a", path = "result.x", ours = 1 },
  { transcript = "a", path = "result.x", ours = 2 },
]
[[fixed]]
reason = "A page runs nothing"
test = "crates/x/tests/y.rs::a_page_runs_nothing"
[[difference]]
why = "python3"
reason = "Text is text"
at = [{ path = "**.type", recorded = "unicode", ours = "str" }]
"#;
        let page = render(&Differences::parse(table).unwrap());
        for line in [
            "## What the original does wrong",
            "| A \\| is read. | `a`, `b` | `result.x` |",
            "| A page runs nothing. | [a_page_runs_nothing](../crates/x/tests/y.rs) |",
            "## What is so in Python 3",
            "| Text is text. | all | `**.type` |",
        ] {
            assert!(page.lines().any(|it| it == line), "{line}\n{page}");
        }
        assert!(!page.contains("no client depends on"));
    }
}
