//! Generated files are current: they are generated once more and compared.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};

use super::Problem;
use crate::commands::codegen;
use crate::{api_reference, ikpdb_differences, shell, support_table};

pub(crate) fn check() -> Result<Vec<Problem>> {
    let fresh = shell::target().join("tidy/generated");
    if fresh.exists() {
        std::fs::remove_dir_all(&fresh)?;
    }
    codegen::export(&shell::folder(&fresh)?)?;
    let mut problems = compare(&texts(&shell::root().join(codegen::GENERATED))?, &texts(&fresh)?);
    problems.extend(page(&support_table::path(), &support_table::current()?));
    problems.extend(page(&ikpdb_differences::path(), &ikpdb_differences::current()?));
    problems.extend(page(&api_reference::path(), &api_reference::current()?));
    Ok(problems)
}

fn page(path: &Path, current: &str) -> Option<Problem> {
    let name = path.strip_prefix(shell::root()).unwrap_or(path).display();
    let is_current = std::fs::read_to_string(path).unwrap_or_default() == current;
    (!is_current).then(|| Problem::Error(format!("{name}: is not current; run `cargo xtask codegen`")))
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

    #[test]
    fn i14_a_page_that_is_not_what_it_is_made_of_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("page.md");
        assert!(page(&path, "text").is_some(), "it is missing");
        std::fs::write(&path, "text").unwrap();
        assert_eq!(page(&path, "text"), None);
        assert!(page(&path, "other text").is_some());
    }
}
