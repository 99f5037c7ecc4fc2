//! Generated files are current: they are generated once more and compared.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};

use super::Problem;
use crate::commands::codegen;
use crate::{shell, support_table};

pub(crate) fn check() -> Result<Vec<Problem>> {
    let fresh = shell::target().join("tidy/generated");
    if fresh.exists() {
        std::fs::remove_dir_all(&fresh)?;
    }
    codegen::export(&shell::folder(&fresh)?)?;
    let mut problems = compare(&texts(&shell::root().join(codegen::GENERATED))?, &texts(&fresh)?);
    if std::fs::read_to_string(support_table::path()).unwrap_or_default() != support_table::current()? {
        problems.push(Problem::Error("docs/support.md: is not current; run `cargo xtask codegen`".to_owned()));
    }
    Ok(problems)
}

fn texts(folder: &Path) -> Result<BTreeMap<String, String>> {
    let mut texts = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).with_context(|| format!("cannot list {}", next.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
                texts.insert(name, shell::read(&path)?);
            }
        }
    }
    Ok(texts)
}

fn compare(present: &BTreeMap<String, String>, fresh: &BTreeMap<String, String>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut report = |name: &str, what: &str| {
        problems.push(Problem::Error(format!("{}/{name}: {what}; run `cargo xtask codegen`", codegen::GENERATED)));
    };
    for (name, text) in fresh {
        match present.get(name) {
            None => report(name, "is missing"),
            Some(there) if there != text => report(name, "is not current"),
            Some(_) => {}
        }
    }
    for name in present.keys().filter(|name| !fresh.contains_key(*name)) {
        report(name, "is generated from nothing");
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i14_a_generated_file_that_is_missing_changed_or_left_over_is_found() {
        let files = |entries: &[(&str, &str)]| -> BTreeMap<String, String> {
            entries.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
        };
        let fresh = files(&[("A.ts", "a"), ("B.ts", "b"), ("C.ts", "c")]);
        assert_eq!(compare(&fresh, &fresh), []);
        assert_eq!(compare(&files(&[("A.ts", "old"), ("C.ts", "c"), ("D.ts", "d")]), &fresh).len(), 3);
    }
}
