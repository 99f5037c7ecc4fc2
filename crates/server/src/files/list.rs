//! What is in a folder.

use ikpdb_proto::Failure;
use ikpdb_proto::client::{FileEntry, FileList, ListFiles};

use super::Files;

/// How many entries are told.
const MANY: usize = 5_000;

impl Files {
    pub(super) fn list(&self, list: &ListFiles) -> Result<FileList, Failure> {
        let folder = self.inside(&list.path)?;
        let failed = |error: std::io::Error| Failure::user(format!("{}: {error}", folder.display()));
        let mut entries = Vec::new();
        let mut truncated = false;
        for entry in std::fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name == ".git" {
                continue;
            }
            if entries.len() == MANY {
                truncated = true;
                break;
            }
            // A link counts as what it leads to, if that can be seen.
            let folder = entry.path().is_dir();
            entries.push(FileEntry { name, folder });
        }
        entries.sort_by(|a, b| (!a.folder, &a.name).cmp(&(!b.folder, &b.name)));
        Ok(FileList { entries, truncated })
    }
}
