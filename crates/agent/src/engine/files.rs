//! The files that code came from, with their lines: filled when code is found, readable without the GIL.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use super::library;

/// Index of a file; files are never forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FileId(pub(super) usize);

#[derive(Debug)]
struct File {
    /// `co_filename`.
    name: String,
    /// Whether it is an installed or a standard library's: those are looked for by their base name only.
    library: bool,
    /// Its path without symbolic links, once it was looked for and found.
    path: Option<PathBuf>,
    /// All lines at which a line event can come. (A list to be sorted anew with each function made the start 40 ms longer.)
    lines: BTreeSet<u32>,
}

#[derive(Default)]
struct Files {
    all: Vec<File>,
    by_name: HashMap<String, FileId>,
}

/// Locked for moments only, and never while something waits for the GIL or the file system.
static FILES: LazyLock<Mutex<Files>> = LazyLock::new(Mutex::default);

fn files() -> MutexGuard<'static, Files> {
    FILES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The file with this `co_filename`, made if it is new.
pub(crate) fn id_of(name: &str, library: bool) -> FileId {
    let mut files = files();
    if let Some(id) = files.by_name.get(name) {
        return *id;
    }
    let id = FileId(files.all.len());
    files.all.push(File { name: name.to_owned(), library, path: None, lines: BTreeSet::new() });
    files.by_name.insert(name.to_owned(), id);
    id
}

/// Code of a file was found: these are lines of it.
pub(crate) fn add_lines(id: FileId, new: &[u32]) {
    files().all[id.0].lines.extend(new);
}

/// The first line at or after `line` at which a line event can come.
pub(crate) fn line_from(id: FileId, line: u32) -> Option<u32> {
    files().all[id.0].lines.range(line..).next().copied()
}

/// The files whose path is `wanted`, which has no symbolic links. Theirs are resolved.
pub(crate) fn at(wanted: &Path) -> Vec<FileId> {
    let candidates: Vec<FileId> = {
        let files = files();
        let all = files.all.iter().enumerate();
        all.filter(|(_, file)| file.may_be(wanted)).map(|(index, _)| FileId(index)).collect()
    };
    candidates.into_iter().filter(|id| is_at(*id, wanted)).collect()
}

/// Whether the path of a file is `wanted`, which has no symbolic links. Its own are resolved.
pub(crate) fn is_at(id: FileId, wanted: &Path) -> bool {
    let name = {
        let files = files();
        let file = &files.all[id.0];
        if file.path.is_some() || !file.may_be(wanted) {
            return file.path.as_deref() == Some(wanted);
        }
        file.name.clone()
    };
    let Ok(path) = std::fs::canonicalize(name) else { return false };
    let is_it = path == wanted;
    files().all[id.0].path = Some(path);
    is_it
}

impl File {
    /// Whether it is worth a look at the file system. (A library's files are many.)
    fn may_be(&self, wanted: &Path) -> bool {
        match &self.path {
            Some(path) => path == wanted,
            None => {
                library::is_path(&self.name)
                    && (!self.library || Path::new(&self.name).file_name() == wanted.file_name())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_under_every_name_that_leads_to_it() {
        let folder = std::env::temp_dir().join(format!("ikpdb-files-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let folder = folder.canonicalize().unwrap();
        let (real, link) = (folder.join("real.py"), folder.join("link.py"));
        std::fs::write(&real, "").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let by_link = id_of(link.to_str().unwrap(), false);
        let by_name = id_of(real.to_str().unwrap(), false);
        assert_eq!(at(&real), [by_link, by_name]);
        assert_eq!(at(&folder.join("other.py")), []);
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(at(&real), [by_link, by_name], "a file that is gone since is known all the same");
    }

    #[test]
    fn the_lines_of_a_file_are_those_of_all_its_code() {
        let id = id_of("/nowhere/lines.py", false);
        add_lines(id, &[1, 9]);
        add_lines(id, &[4, 5]);
        add_lines(id, &[4]);
        let from = |line| line_from(id, line);
        assert_eq!((from(1), from(2), from(5), from(6), from(10)), (Some(1), Some(4), Some(5), Some(9), None));
    }
}
