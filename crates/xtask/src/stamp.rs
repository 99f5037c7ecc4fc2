//! Remembers what a result was made from, so that nothing is made twice.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::Result;

use crate::shell;

/// A hash over the names, sizes and times of files, or over text.
#[derive(Default)]
pub(crate) struct Stamp(DefaultHasher);

impl Stamp {
    /// Adds a text: a version, a command line.
    pub(crate) fn text(mut self, text: &str) -> Self {
        text.hash(&mut self.0);
        self
    }

    /// Adds a file, or everything in a folder. What is missing counts as missing.
    pub(crate) fn path(mut self, path: &Path) -> Self {
        self.add(path);
        self
    }

    fn add(&mut self, path: &Path) {
        path.hash(&mut self.0);
        let Ok(found) = std::fs::symlink_metadata(path) else { return };
        if found.is_dir() {
            for entry in sorted(path) {
                self.add(&entry);
            }
        } else {
            let time = found.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            (found.len(), time.map(|time| time.as_nanos())).hash(&mut self.0);
        }
    }

    /// Does the work unless `file` says that it was done with these inputs.
    pub(crate) fn unless_done(self, file: &Path, work: impl FnOnce() -> Result<()>) -> Result<()> {
        let now = format!("{:016x}", self.0.finish());
        if std::fs::read_to_string(file).is_ok_and(|then| then == now) {
            return Ok(());
        }
        work()?;
        if let Some(parent) = file.parent() {
            shell::folder(parent)?;
        }
        shell::write(file, now)
    }
}

/// Makes the next `unless_done` with this file do its work.
pub(crate) fn forget(file: &Path) -> Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_done_again_only_when_an_input_changed() {
        let folder = tempfile::tempdir().unwrap();
        let input = folder.path().join("src/deep/a.ts");
        std::fs::create_dir_all(input.parent().unwrap()).unwrap();
        std::fs::write(&input, "1").unwrap();
        let mut runs = 0;
        let mut make = || {
            let stamp = Stamp::default().path(&folder.path().join("src"));
            let work = || {
                runs += 1;
                Ok(())
            };
            stamp.unless_done(&folder.path().join("stamps/x"), work).unwrap();
            runs
        };
        assert_eq!((make(), make()), (1, 1));
        std::fs::write(&input, "22").unwrap();
        assert_eq!((make(), make()), (2, 2));
        std::fs::write(input.with_file_name("b.ts"), "").unwrap();
        assert_eq!(make(), 3);
    }

    #[test]
    fn work_that_failed_is_not_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x");
        assert!(Stamp::default().unless_done(&file, || anyhow::bail!("no")).is_err());
        assert!(!file.exists());
    }
}
