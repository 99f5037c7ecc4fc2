//! The files that code came from, with their lines: filled when code is found, readable without the GIL.

use std::collections::{BTreeSet, HashMap};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use super::library;

/// Index of a file; files are never forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FileId(pub(super) usize);

#[derive(Debug)]
struct File {
    /// `co_filename`; of a module that is frozen into the interpreter, the file of the library's that it was made from.
    name: String,
    /// Whether it is an installed or a standard library's: those are looked for by their base name only.
    library: bool,
    /// Its path without symbolic links, once it was looked for and found.
    path: Option<PathBuf>,
    /// All lines at which a line event can come. (A list to be sorted anew with each function made the start 40 ms longer.)
    lines: BTreeSet<u32>,
    /// First and last lines of what is written over several lines.
    spans: BTreeSet<(u32, u32)>,
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
    let on_disk = library::file_of_frozen(name).unwrap_or_else(|| name.to_owned());
    files.all.push(File { name: on_disk, library, path: None, lines: BTreeSet::new(), spans: BTreeSet::new() });
    files.by_name.insert(name.to_owned(), id);
    id
}

/// Code of a file was found: these are lines of it, and what stands on several of them.
pub(crate) fn add_lines(id: FileId, new: &[u32], spans: &[(u32, u32)]) {
    let mut files = files();
    files.all[id.0].lines.extend(new);
    files.all[id.0].spans.extend(spans);
}

/// The first line at or after `line` at which a line event can come.
pub(crate) fn line_from(id: FileId, line: u32) -> Option<u32> {
    files().all[id.0].lines.range(line..).next().copied()
}

/// The lines of a range at which a line event can come.
pub(crate) fn lines_in(id: FileId, lines: RangeInclusive<u32>) -> Vec<u32> {
    if lines.is_empty() { Vec::new() } else { files().all[id.0].lines.range(lines).copied().collect() }
}

/// The line for a breakpoint that is wanted at `line`: this one, else the next one that has code; at the end of what is written
/// over several lines, where that begins.
pub(crate) fn line_for(id: FileId, line: u32) -> Option<u32> {
    let files = files();
    let file = &files.all[id.0];
    let next = file.lines.range(line..).next().copied();
    if next == Some(line) {
        return next;
    }
    let around = file.spans.iter().filter(|(first, last)| *first < line && line <= *last);
    let innermost = around.min_by_key(|(first, last)| last - first);
    match innermost {
        Some((first, last)) if next.is_none_or(|next| next > *last) && file.lines.contains(first) => Some(*first),
        _ => next,
    }
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
    let Some(path) = canonical(Path::new(&name)) else { return false };
    let is_it = path == wanted;
    files().all[id.0].path = Some(path);
    is_it
}

/// A path without symbolic links, also of what is in a zip file. What does not exist stays as it is.
pub(crate) fn real_path(path: impl AsRef<Path>) -> PathBuf {
    canonical(path.as_ref()).unwrap_or_else(|| path.as_ref().to_owned())
}

fn canonical(path: &Path) -> Option<PathBuf> {
    let in_archive = |path: &Path| {
        let archive = path.ancestors().skip(1).find(|it| it.exists()).filter(|it| it.is_file())?;
        Some(std::fs::canonicalize(archive).ok()?.join(path.strip_prefix(archive).ok()?))
    };
    std::fs::canonicalize(path).ok().or_else(|| in_archive(path))
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
    fn a_file_in_an_archive_is_found_by_its_path_in_it() {
        let folder = std::env::temp_dir().join(format!("ikpdb-archive-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let folder = folder.canonicalize().unwrap();
        std::fs::write(folder.join("real.zip"), "").unwrap();
        std::os::unix::fs::symlink(folder.join("real.zip"), folder.join("link.zip")).unwrap();
        let id = id_of(folder.join("link.zip/pkg/inside.py").to_str().unwrap(), false);
        let (inside, nowhere) = (folder.join("real.zip/pkg/inside.py"), folder.join("none/pkg/inside.py"));
        assert_eq!(at(&real_path(folder.join("link.zip/pkg/inside.py"))), [id]);
        assert_eq!((at(&inside), real_path(&nowhere)), (vec![id], nowhere));
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn the_lines_of_a_file_are_those_of_all_its_code() {
        let id = id_of("/nowhere/lines.py", false);
        add_lines(id, &[1, 9], &[]);
        add_lines(id, &[4, 5], &[]);
        add_lines(id, &[4], &[]);
        let from = |line| line_from(id, line);
        assert_eq!((from(1), from(2), from(5), from(6), from(10)), (Some(1), Some(4), Some(5), Some(9), None));
        assert_eq!(lines_in(id, 2..=5), [4, 5]);
    }

    #[test]
    fn the_end_of_a_statement_leads_to_its_begin_and_its_inside_to_its_next_line() {
        // A call on lines 3 to 7 with code on 3 and 5, in a function from 2 to 9.
        let id = id_of("/nowhere/spans.py", false);
        add_lines(id, &[2, 3, 5, 9], &[(2, 9), (3, 7)]);
        let found: Vec<Option<u32>> = (1..=10).map(|line| line_for(id, line)).collect();
        let expected = [Some(2), Some(2), Some(3), Some(5), Some(5), Some(3), Some(3), Some(9), Some(9), None];
        assert_eq!(found, expected);
    }
}
