//! Renders `docs/support.md`: which behaviour holds on which interpreter, from the specifications and `tests/support.toml`.

use std::fmt::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};
use ikpdb_specs::Spec;

use crate::shell;
use crate::suites::support::Support;

/// The minor versions that are supported, all of them in the tests.
const VERSIONS: [&str; 5] = ["3.11", "3.12", "3.13", "3.14", "3.15"];

/// Where the page is.
pub(crate) fn path() -> PathBuf {
    shell::root().join("docs/support.md")
}

/// The page as it has to be.
pub(crate) fn current() -> Result<String> {
    let folder = shell::root().join("specs");
    let mut specs = Vec::new();
    for entry in std::fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|it| it == "spec") {
            let spec =
                Spec::parse(&shell::read(&path)?).map_err(|fault| anyhow::anyhow!("{}: {fault}", path.display()))?;
            specs.push((path.file_stem().unwrap_or_default().to_string_lossy().into_owned(), spec));
        }
    }
    specs.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(render(&specs, &Support::load()?))
}

fn render(specs: &[(String, Spec)], support: &Support) -> String {
    let mut page = String::from(
        "# What holds on which CPython\n\nWritten by `cargo xtask codegen` from the behaviour specifications in `specs/` and the reasons in \
         `tests/support.toml`; all of it is tested on every\ninterpreter. A number leads to the reason why something does not hold.\n\n",
    );
    let _ = writeln!(page, "| behaviour | {} |", VERSIONS.join(" | "));
    let _ = writeln!(page, "|---|{}", ":-:|".repeat(VERSIONS.len()));
    let mut reasons: Vec<String> = Vec::new();
    for (name, spec) in specs {
        let cells = VERSIONS.map(|version| match spec.exception(version) {
            None => "yes".to_owned(),
            Some(short) => {
                // What is skipped in the tests says more.
                let test = |skip: &str| skip.starts_with(&format!("specs {name}_on_{}", version.replace('.', "_")));
                let reason = support.reason_of(test).unwrap_or(short);
                let reason = format!("On {version}: {reason}.");
                let number = reasons.iter().position(|it| *it == reason).unwrap_or_else(|| {
                    reasons.push(reason);
                    reasons.len() - 1
                });
                format!("no ({})", number + 1)
            }
        });
        let _ = writeln!(page, "| {} | {} |", spec.title.replace('|', "\\|"), cells.join(" | "));
    }
    page.push('\n');
    for (number, reason) in reasons.iter().enumerate() {
        let _ = writeln!(page, "{}. {reason}", number + 1);
    }
    let others: Vec<String> = support
        .all()
        .filter(|(_, test, _)| !test.starts_with("specs "))
        .map(|(suite, test, why)| format!("* {suite}, `{test}`: {why}.\n"))
        .collect();
    if !others.is_empty() {
        let _ = write!(page, "\n## Further tests that are skipped\n\n{}", others.concat());
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_behaviour_that_does_not_hold_somewhere_has_a_reason_there() {
        let spec = |title: &str| Spec::parse(&format!("{title}\n=== app.py\nx = 1\n=== steps\nlaunch\n")).unwrap();
        let specs = [
            ("it_stops".to_owned(), spec("It stops.")),
            ("it_walks".to_owned(), spec("It walks.\nexcept: 3.11 it has no legs")),
            ("it_runs".to_owned(), spec("It runs.\nexcept: 3.11 it is lame")),
        ];
        let support = "[[skip]]\nsuite = 'rust'\ntest = 'specs it_walks_on_3_11_7'\nreason = 'it has no legs to walk with'\n\
                       [[skip]]\nsuite = 'web'\ntest = 'a page'\nreason = 'no screen'\n";
        let page = render(&specs, &Support::parse(support).unwrap());
        for line in [
            "| It stops. | yes | yes | yes | yes | yes |",
            "| It walks. | no (1) | yes | yes | yes | yes |",
            "| It runs. | no (2) | yes | yes | yes | yes |",
            "1. On 3.11: it has no legs to walk with.",
            "2. On 3.11: it is lame.",
            "* web, `a page`: no screen.",
        ] {
            assert!(page.lines().any(|it| it == line), "{line}\n{page}");
        }
    }
}
