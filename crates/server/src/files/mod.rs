//! The workspace's files, and nothing outside it: a path is followed to its end before it is believed.

mod find;
mod list;
mod read;

use std::path::{Path, PathBuf};

use ikpdb_hub::FileWork;
use ikpdb_proto::Failure;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

/// The files of one workspace.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    /// Canonical.
    root: PathBuf,
}

impl Files {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Does one piece of work; may take as long as the disk does.
    pub(crate) fn work(&self, work: FileWork) -> Result<Box<RawValue>, Failure> {
        match work {
            FileWork::List(list) => self.list(&list).map(|it| raw(&it)),
            FileWork::Read(read) => self.read(&read).map(|it| raw(&it)),
            FileWork::Find(find) => self.find(&find).map(|it| raw(&it)),
        }
    }

    /// The real path, if it is inside.
    fn inside(&self, path: &str) -> Result<PathBuf, Failure> {
        let path = Path::new(path);
        if !path.is_absolute() {
            return Err(Failure::client("the path is not absolute"));
        }
        let outside = || {
            let (path, root) = (path.display(), self.root.display());
            Failure::user(format!("{path} is outside the workspace {root}"))
        };
        // Said without looking at the disk where that can be: whether a file outside exists is nobody's business.
        if !path.starts_with(&self.root) {
            return Err(outside());
        }
        match path.canonicalize() {
            Ok(real) if real.starts_with(&self.root) => Ok(real),
            Ok(_) => Err(outside()),
            Err(error) => Err(Failure::user(format!("{}: {error}", path.display()))),
        }
    }
}

fn raw(value: &impl Serialize) -> Box<RawValue> {
    to_raw_value(value).expect("wire types are plain data and always have a JSON form")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ikpdb_proto::client::{FileList, FileText, FindFiles, FoundFiles, ListFiles, ReadFile};
    use std::fs;

    struct Tree {
        folder: tempfile::TempDir,
        files: Files,
    }

    fn tree(paths: &[&str]) -> Tree {
        let folder = tempfile::tempdir().unwrap();
        for path in paths {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "text\n").unwrap();
        }
        let files = Files::new(folder.path().canonicalize().unwrap());
        Tree { folder, files }
    }

    impl Tree {
        fn path(&self, inner: &str) -> String {
            self.folder.path().canonicalize().unwrap().join(inner).to_str().unwrap().to_owned()
        }

        fn read(&self, path: &str) -> Result<FileText, Failure> {
            self.files.read(&ReadFile { path: path.to_owned() })
        }

        fn list(&self, path: &str) -> Result<FileList, Failure> {
            self.files.list(&ListFiles { path: path.to_owned() })
        }

        fn find(&self, query: &str) -> Vec<String> {
            let FoundFiles { paths } = self.files.find(&FindFiles { query: query.to_owned(), limit: 10 }).unwrap();
            let root = self.path("");
            paths.into_iter().map(|path| path.strip_prefix(&root).unwrap().to_owned()).collect()
        }
    }

    #[test]
    fn nothing_outside_the_workspace_is_read_or_listed() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret"), "s").unwrap();
        let tree = tree(&["a.py"]);
        std::os::unix::fs::symlink(outside.path(), tree.path("link")).unwrap();
        let out = outside.path().to_str().unwrap();
        for path in [
            "/etc/passwd".to_owned(),
            format!("{out}/secret"),
            tree.path("link/secret"),
            tree.path("../../etc/passwd"),
            "a.py".to_owned(),
            String::new(),
        ] {
            assert!(tree.read(&path).is_err(), "{path}");
        }
        assert!(tree.list(&tree.path("link")).is_err());
        assert!(tree.list("/").is_err());
        assert!(tree.find("secret").is_empty());
    }

    #[test]
    fn a_listing_has_folders_first_and_then_names() {
        let tree = tree(&["b.py", "a.py", "z/x.py", "B/x.py", ".git/config"]);
        let list = tree.list(&tree.path("")).unwrap();
        let names: Vec<_> = list.entries.iter().map(|it| (it.name.as_str(), it.folder)).collect();
        assert_eq!(names, [("B", true), ("z", true), ("a.py", false), ("b.py", false)]);
        assert!(!list.truncated);
    }

    #[test]
    fn a_text_comes_with_the_hash_of_its_bytes_and_what_is_none_is_refused() {
        let tree = tree(&["a.py"]);
        let text = tree.read(&tree.path("a.py")).unwrap();
        assert_eq!(text.content, "text\n");
        // sha256sum of "text\n"
        assert_eq!(text.hash, "b9e68e1bea3e5b19ca6b2f98b73a54b73daafaa250484902e09982e07a12e733");
        fs::write(tree.path("b.bin"), [0; 10]).unwrap();
        assert_eq!(tree.read(&tree.path("b.bin")).unwrap().refused.as_deref(), Some("not text"));
        fs::write(tree.path("big"), vec![b'x'; 12 << 20]).unwrap();
        assert_eq!(tree.read(&tree.path("big")).unwrap().refused.as_deref(), Some("12 MB: too large to show"));
        assert!(tree.read(&tree.path("")).is_err(), "a folder");
        assert!(tree.read(&tree.path("none.py")).is_err());
    }

    #[test]
    fn files_are_found_by_letters_in_order_and_ignored_ones_are_not() {
        let tree = tree(&[
            ".gitignore",
            "src/model/user_store.py",
            "src/use.py",
            "build/user_store.py",
            "node_modules/user_store.js",
            "sub/__pycache__/user_store.pyc",
            ".venv/lib/user_store.py",
        ]);
        fs::write(tree.path(".gitignore"), "build/\n").unwrap();
        assert_eq!(tree.find("ustore"), ["src/model/user_store.py"]);
        assert_eq!(tree.find("use.py").first().map(String::as_str), Some("src/use.py"));
        assert_eq!(tree.find("").len(), 3, "without letters: the first files there are");
        assert!(tree.find("nothing like it").is_empty());
    }
}
