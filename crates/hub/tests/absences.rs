//! What the hub core does without: its other invariants are absences.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs") {
            found.push(path);
        }
    }
}

/// The lines of the crate's own code, without its tests and comments.
fn code() -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let mut lines = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let own = text.split("#[cfg(test)]").next().unwrap_or_default();
        let code = own.lines().filter(|line| !line.trim_start().starts_with("//"));
        lines.extend(code.map(|line| (file.clone(), line.to_owned())));
    }
    assert!(lines.len() > 1000, "the sources were not found");
    lines
}

#[test]
fn i02_the_hub_core_is_synchronous_and_asks_no_clock_and_no_socket() {
    for word in [
        "async ",
        ".await",
        "tokio",
        "std::net",
        "std::fs",
        "std::io",
        "std::thread",
        "std::process",
        "Instant",
        "SystemTime",
    ] {
        let found: Vec<_> = code().into_iter().filter(|(_, line)| line.contains(word)).collect();
        assert!(found.is_empty(), "{word}: {found:?}");
    }
}

#[test]
fn i02_the_hub_core_names_no_backend() {
    for word in ["\"python\"", "\"node\"", "\"gdb\"", "\"php\"", "debugpy"] {
        let found: Vec<_> = code().into_iter().filter(|(_, line)| line.contains(word)).collect();
        assert!(found.is_empty(), "{word}: {found:?}");
    }
}

#[test]
fn i02_the_hub_core_depends_on_the_protocol_and_on_data_only() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let dependencies = manifest.split("[dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
    let names: Vec<_> =
        dependencies.lines().filter_map(|line| line.split(['.', ' ']).next()).filter(|it| !it.is_empty()).collect();
    assert_eq!(names, ["bytes", "ikpdb-proto", "serde", "serde_json"]);
}
