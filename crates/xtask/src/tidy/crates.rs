//! Which crate may import which: the table of ARCHITECTURE.md. A new edge is a change of its own, made here as well.

use anyhow::{Context, Result};
use serde::Deserialize;

use super::Problem;
use super::source::SourceFile;
use crate::shell;

/// What one crate may use.
struct Rule {
    name: &'static str,
    /// Crates of this workspace.
    ours: &'static [&'static str],
    foreign: Foreign,
    /// What its product code must not name, with the reason.
    words: &'static [Words],
}

type Words = &'static [(&'static str, &'static str)];

enum Foreign {
    Any,
    Except(&'static [&'static str]),
    Only(&'static [&'static str]),
}

/// Runtimes for asynchronous code, and what comes with them.
const ASYNC: &[&str] = &["async-std", "axum", "futures", "futures-util", "hyper", "smol", "tokio", "tokio-tungstenite"];

const NO_IO: Words = &[
    ("std::fs", "does no I/O"),
    ("std::net", "does no I/O"),
    ("std::os::unix::net", "does no I/O"),
    ("std::process", "starts nothing"),
    ("std::thread", "has no threads"),
];

const SYNCHRONOUS: Words = &[("async fn", "is synchronous")];

const NO_CLOCK: Words =
    &[("Instant::now", "has no clock: time is an input"), ("SystemTime::now", "has no clock: time is an input")];

const RULES: &[Rule] = &[
    Rule {
        name: "ikpdb-proto",
        ours: &[],
        foreign: Foreign::Only(&["hmac", "serde", "serde_json", "serde_with", "sha2", "subtle", "thiserror", "ts-rs"]),
        words: &[NO_IO, SYNCHRONOUS],
    },
    Rule {
        name: "ikpdb-hub",
        ours: &["ikpdb-proto"],
        foreign: Foreign::Only(&["bytes", "serde", "serde_json", "thiserror"]),
        words: &[NO_IO, SYNCHRONOUS, NO_CLOCK],
    },
    Rule { name: "ikpdb-server", ours: &["ikpdb-hub", "ikpdb-proto"], foreign: Foreign::Except(&["pyo3"]), words: &[] },
    Rule { name: "ikpdb-runner", ours: &["ikpdb-proto"], foreign: Foreign::Except(ASYNC), words: &[SYNCHRONOUS] },
    Rule { name: "ikpdb-agent", ours: &["ikpdb-proto"], foreign: Foreign::Except(ASYNC), words: &[SYNCHRONOUS] },
    Rule { name: "ikpdb-preload", ours: &[], foreign: Foreign::Only(&["libc"]), words: &[] },
    Rule {
        name: "ikpdb",
        ours: &["ikpdb-hub", "ikpdb-proto", "ikpdb-runner", "ikpdb-server"],
        foreign: Foreign::Except(&["pyo3"]),
        words: &[],
    },
    Rule { name: "ikpdb-testkit", ours: &[], foreign: Foreign::Any, words: &[] },
    Rule { name: "ikpdb-specs", ours: &["ikpdb-proto"], foreign: Foreign::Except(ASYNC), words: &[SYNCHRONOUS] },
    Rule {
        name: "xtask",
        ours: &["ikpdb-proto", "ikpdb-specs", "ikpdb-testkit"],
        foreign: Foreign::Except(ASYNC),
        words: &[],
    },
];

/// Crates that may hold unsafe code.
const UNSAFE: [&str; 3] = ["agent", "preload", "runner"];

#[derive(Deserialize)]
pub(crate) struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// `None` for a normal one, `dev` or `build`.
    kind: Option<String>,
}

pub(crate) fn metadata() -> Result<Metadata> {
    let text = shell::output(&mut shell::cargo(["metadata", "--no-deps", "--format-version", "1"]))?;
    serde_json::from_str(&text).context("cargo's metadata is not understood")
}

/// Checks the dependencies named in the manifests. Tests may import what they like, of ours too.
pub(crate) fn check(metadata: &Metadata) -> Vec<Problem> {
    let ours: Vec<&str> = metadata.packages.iter().map(|package| package.name.as_str()).collect();
    let mut problems = Vec::new();
    for package in &metadata.packages {
        let Some(rule) = RULES.iter().find(|rule| rule.name == package.name) else {
            problems.push(Problem::Error(format!("{}: no row in tidy's table of imports", package.name)));
            continue;
        };
        let product = package.dependencies.iter().filter(|dependency| dependency.kind.as_deref() != Some("dev"));
        for dependency in product.map(|dependency| dependency.name.as_str()) {
            let allowed = match (ours.contains(&dependency), &rule.foreign) {
                (true, _) => rule.ours.contains(&dependency),
                (false, Foreign::Any) => true,
                (false, Foreign::Except(never)) => !never.contains(&dependency),
                (false, Foreign::Only(only)) => only.contains(&dependency),
            };
            if !allowed {
                problems.push(Problem::Error(format!("{} must not import {dependency}", rule.name)));
            }
        }
    }
    problems
}

/// Checks what Rust sources name.
pub(crate) fn check_sources(files: &[SourceFile]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for file in files.iter().filter(|file| file.has_extension(&["rs"])) {
        let Some(folder) = file.path.strip_prefix("crates/").and_then(|rest| rest.split('/').next()) else { continue };
        let in_src = file.path.starts_with(&format!("crates/{folder}/src/"));
        if in_src && !file.text.starts_with("//!") && !file.text.starts_with("#![") {
            problems.push(Problem::Error(format!("{}: does not open with a sentence of purpose (`//! …`)", file.path)));
        }
        if !UNSAFE.contains(&folder) && file.path != "crates/xtask/src/tidy/crates.rs" {
            for (number, line) in file.text.lines().enumerate() {
                if has_unsafe(line) {
                    let allowed = UNSAFE.join(", ");
                    let text = format!("{}:{}: unsafe code outside {allowed}", file.path, number + 1);
                    // A test may have to ask the system what the product never asks.
                    let kind = if in_src { Problem::Error } else { Problem::Warning };
                    problems.push(kind(text));
                }
            }
        }
        if !in_src {
            continue;
        }
        let name = if folder == "cli" { "ikpdb".to_owned() } else { format!("ikpdb-{folder}") };
        let words = RULES.iter().find(|rule| rule.name == name).map_or(&[][..], |rule| rule.words);
        for (number, line) in file.product_lines() {
            for (word, reason) in words.iter().copied().flatten().filter(|(word, _)| line.contains(word)) {
                problems.push(Problem::Error(format!("{}:{number}: `{word}`, but {name} {reason}", file.path)));
            }
        }
        if folder == "server" {
            problems.extend(request_names_in_match(file));
        }
    }
    problems
}

fn has_unsafe(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or(line);
    let mut words = code.split(|next: char| !next.is_alphanumeric() && next != '_');
    words.any(|word| word == "unsafe") && !code.contains("\"unsafe")
}

/// The server turns sockets into inputs; what a request means is decided in the hub.
fn request_names_in_match(file: &SourceFile) -> Vec<Problem> {
    let is_arm = |line: &str| {
        let Some((pattern, _)) = line.split_once("=>") else { return false };
        REQUESTS.iter().any(|request| pattern.contains(&format!("\"{request}\"")))
    };
    let found = file.product_lines().filter(|(_, line)| is_arm(line));
    let text = |number| format!("{}:{number}: a match on a request's name belongs into the hub", file.path);
    found.map(|(number, _)| Problem::Error(text(number))).collect()
}

const REQUESTS: [&str; 14] = [
    "attach",
    "configurationDone",
    "continue",
    "disconnect",
    "evaluate",
    "initialize",
    "launch",
    "next",
    "restart",
    "setBreakpoints",
    "setExceptionBreakpoints",
    "stackTrace",
    "terminate",
    "variables",
];

#[cfg(test)]
mod tests {
    use super::super::source::file;
    use super::*;

    fn metadata(name: &str, dependencies: &[(&str, Option<&str>)]) -> Metadata {
        let dependency = |(name, kind): &(&str, Option<&str>)| Dependency {
            name: (*name).to_owned(),
            kind: kind.map(str::to_owned),
        };
        let package = |name: &str, dependencies| Package { name: name.to_owned(), dependencies };
        let tested = package(name, dependencies.iter().map(dependency).collect());
        Metadata { packages: vec![tested, package("ikpdb-server", vec![]), package("ikpdb-testkit", vec![])] }
    }

    #[test]
    fn i01_the_protocol_crate_may_import_nothing_that_does_io() {
        assert_eq!(check(&metadata("ikpdb-proto", &[("tokio", None)])).len(), 1);
        assert_eq!(check(&metadata("ikpdb-proto", &[("serde", None)])), []);
        let io = file("crates/proto/src/lib.rs", "//! X.\nuse std::fs::File;\n");
        assert_eq!(check_sources(&[io]).len(), 1);
    }

    #[test]
    fn i01_i02_the_real_crates_keep_to_the_table() {
        assert_eq!(check(&super::metadata().unwrap()), []);
        let files = super::super::source::files().unwrap();
        let pure = files
            .into_iter()
            .filter(|file| file.path.starts_with("crates/proto/src/") || file.path.starts_with("crates/hub/src/"));
        let pure: Vec<_> = pure.collect();
        assert!(pure.len() > 10, "the sources were found");
        assert_eq!(check_sources(&pure), []);
    }

    #[test]
    fn i02_the_hub_imports_no_runtime_and_asks_no_clock() {
        assert_eq!(check(&metadata("ikpdb-hub", &[("tokio", None), ("ikpdb-server", None)])).len(), 2);
        let clock = file("crates/hub/src/hub.rs", "//! X.\nlet now = Instant::now();\n");
        assert_eq!(check_sources(&[clock]).len(), 1);
        let test = file("crates/hub/src/hub.rs", "//! X.\n#[cfg(test)]\nmod tests { Instant::now() }\n");
        assert_eq!(check_sources(&[test]), []);
    }

    #[test]
    fn tests_may_import_what_they_need_and_unknown_crates_are_named() {
        assert_eq!(check(&metadata("ikpdb-hub", &[("ikpdb-testkit", Some("dev"))])), []);
        assert_eq!(check(&metadata("ikpdb-novel", &[])).len(), 1);
    }

    #[test]
    fn unsafe_code_is_found_outside_its_crates_only() {
        let code = "//! X.\nlet x = unsafe { y };\n// unsafe is a word\n#![deny(unsafe_op_in_unsafe_fn)]\n";
        assert_eq!(check_sources(&[file("crates/cli/src/run.rs", code)]).len(), 1);
        assert_eq!(check_sources(&[file("crates/agent/src/run.rs", code)]), []);
        let in_test = check_sources(&[file("crates/cli/tests/run.rs", code)]);
        assert!(matches!(in_test[..], [Problem::Warning(_)]), "{in_test:?}");
    }

    #[test]
    fn a_match_on_request_names_is_found_in_the_server() {
        let arm = file("crates/server/src/ws.rs", "//! X.\n    \"next\" | \"continue\" => go(),\n");
        assert_eq!(check_sources(&[arm]).len(), 1);
        let other = file("crates/server/src/ws.rs", "//! X.\n    let x = \"next\";\n");
        assert_eq!(check_sources(&[other]), []);
    }
}
