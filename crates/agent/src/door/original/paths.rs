//! The names of files: what a client calls them, and where they are.

use std::path::{Component, Path, PathBuf};

/// How names are mapped.
#[derive(Clone, Debug)]
pub(crate) struct Paths {
    /// The folder that the paths of the program begin with, absolute.
    working: PathBuf,
    /// The folder that the paths of the client begin with; empty for none.
    client: String,
}

impl Paths {
    /// `working` is absolute.
    pub(crate) fn new(working: &str, client: &str) -> Self {
        Self { working: normal(Path::new(working)), client: client.to_owned() }
    }

    /// The file that a client means, if there is one: a file below the working folder, or one that an import would find in one of
    /// these folders.
    pub(crate) fn inward(&self, name: &str, search: &[PathBuf]) -> Option<PathBuf> {
        let name = within(name, &self.client).map_or(name, |rest| rest.trim_start_matches('/'));
        let relative = name.trim_start_matches('/');
        if relative.is_empty() {
            return None;
        }
        let with_suffix = Path::new(name).extension().is_none().then(|| format!("{relative}.py"));
        let names = std::iter::once(relative.to_owned()).chain(with_suffix);
        let absolute = name.starts_with('/').then(|| PathBuf::from(name));
        let mut places: Vec<PathBuf> = absolute.into_iter().collect();
        for name in names {
            places.push(self.working.join(&name));
            places.extend(search.iter().map(|folder| self.working.join(folder).join(&name)));
            places.push(Path::new("/").join(&name));
        }
        places.into_iter().find(|it| is_file(it)).map(|it| self.canonic(&it))
    }

    /// What a client calls a file of the program.
    pub(crate) fn outward(&self, file: &str) -> String {
        if is_no_path(file) {
            return file.to_owned();
        }
        let Some(rest) = within(file, &self.working.to_string_lossy()) else { return file.to_owned() };
        let rest = rest.trim_start_matches('/');
        match self.client.as_str() {
            "" => rest.to_owned(),
            client => format!("{}/{rest}", client.trim_end_matches('/')),
        }
    }

    /// A path without `.` and `..`, absolute; names in angle brackets are none.
    pub(crate) fn canonic(&self, name: &Path) -> PathBuf {
        if is_no_path(&name.to_string_lossy()) { name.to_path_buf() } else { normal(&self.working.join(name)) }
    }
}

/// `<string>` and its like.
fn is_no_path(name: &str) -> bool {
    name.starts_with('<') && name.ends_with('>')
}

/// What follows a folder in a name that begins with it.
fn within<'a>(name: &'a str, folder: &str) -> Option<&'a str> {
    let folder = folder.trim_end_matches('/');
    if folder.is_empty() {
        return None;
    }
    name.strip_prefix(folder).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// As text says, without asking where links lead.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => drop(normal.pop()),
            Component::CurDir => {}
            other => normal.push(other),
        }
    }
    normal
}

/// A file, or a file inside an archive.
fn is_file(path: &Path) -> bool {
    path.is_file() || archive_of(path).is_some()
}

/// The archive that a path leads into.
pub(crate) fn archive_of(path: &Path) -> Option<PathBuf> {
    let archive = path.ancestors().skip(1).find(|it| it.exists())?;
    let is_archive = |file: &Path| {
        use std::io::Read;
        let mut begin = [0; 4];
        std::fs::File::open(file).and_then(|mut it| it.read_exact(&mut begin)).is_ok() && begin == *b"PK\x03\x04"
    };
    (archive.is_file() && is_archive(archive)).then(|| archive.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_where_the_original_says_and_where_it_would_have_to() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for name in ["srv/pkg/mod.py", "srv/prog.py", "srv2/other.py", "lib/os.py"] {
            std::fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
            std::fs::write(root.join(name), "").unwrap();
        }
        let at = |name: &str| root.join(name).to_string_lossy().into_owned();
        let search = [root.join("lib")];
        for (client, name, found) in [
            ("", "prog.py", Some("srv/prog.py")),
            ("", "/prog.py", Some("srv/prog.py")),
            ("", "prog", Some("srv/prog.py")),
            ("", "./pkg/../prog.py", Some("srv/prog.py")),
            ("", "pkg/mod", Some("srv/pkg/mod.py")),
            ("", "os.py", Some("lib/os.py")),
            ("", "os", Some("lib/os.py")),
            ("", "none.py", None),
            ("", "", None),
            ("/workspace/app", "/workspace/app/pkg/mod.py", Some("srv/pkg/mod.py")),
            ("/workspace/app/", "/workspace/app/prog.py", Some("srv/prog.py")),
            ("/workspace/app", "/workspace/app2/prog.py", None),
        ] {
            let paths = Paths::new(&at("srv"), client);
            assert_eq!(paths.inward(name, &search), found.map(|it| root.join(it)), "{client} {name}");
        }
        let paths = Paths::new(&at("srv"), "");
        assert_eq!(paths.inward(&at("srv2/other.py"), &search), Some(root.join("srv2/other.py")));
    }

    #[test]
    fn a_file_is_called_by_the_clients_folder_at_the_border_of_a_name() {
        for (working, client, file, called) in [
            ("/x/srv", "", "/x/srv/prog.py", "prog.py"),
            ("/x/srv/", "", "/x/srv/pkg/mod.py", "pkg/mod.py"),
            ("/x/srv", "", "/x/srv2/prog.py", "/x/srv2/prog.py"),
            ("/x/srv", "/workspace/app", "/x/srv/pkg/mod.py", "/workspace/app/pkg/mod.py"),
            ("/x/srv/", "/workspace/app/", "/x/srv/pkg/mod.py", "/workspace/app/pkg/mod.py"),
            ("/x/srv", "/workspace", "/usr/lib/python3/os.py", "/usr/lib/python3/os.py"),
            ("/x/srv", "/workspace", "<string>", "<string>"),
        ] {
            assert_eq!(Paths::new(working, client).outward(file), called, "{working} {client} {file}");
        }
    }

    #[test]
    fn a_member_of_an_archive_is_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::write(root.join("lib.egg"), b"PK\x03\x04rest").unwrap();
        std::fs::write(root.join("text.txt"), b"none").unwrap();
        let paths = Paths::new(&root.to_string_lossy(), "");
        assert_eq!(paths.inward("lib.egg/zmod.py", &[]), Some(root.join("lib.egg/zmod.py")));
        assert_eq!(paths.inward("text.txt/zmod.py", &[]), None);
    }
}
