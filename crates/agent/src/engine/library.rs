//! Which files are the library's and which are the user's own ("just my code").

use std::path::Path;
use std::sync::OnceLock;

use pyo3::prelude::*;

/// The folders of the standard library.
#[derive(Debug, Default)]
pub(crate) struct Library {
    folders: Vec<String>,
}

impl Library {
    /// Asks the interpreter where its library is.
    pub(crate) fn find(py: Python<'_>) -> Self {
        let mut folders = Vec::new();
        // `sys._stdlib_dir` is set by the start of the interpreter itself (3.10+); a build without a library has None.
        if let Ok(sys) = py.import("sys") {
            if let Ok(folder) = sys.getattr("_stdlib_dir").and_then(|it| it.extract::<String>()) {
                let _ = STANDARD.set(folder.clone());
                folders.push(with_slash(folder));
            }
            for name in ["base_prefix", "base_exec_prefix"] {
                if let Ok(prefix) = sys.getattr(name).and_then(|it| it.extract::<String>()) {
                    let version = py.version_info();
                    folders.push(format!("{prefix}/lib/python{}.{}/", version.major, version.minor));
                }
            }
        }
        folders.dedup();
        Self { folders }
    }

    /// Whether a file, by its `co_filename`, belongs to the library: standard, installed, or made at run time.
    pub(crate) fn owns(&self, name: &str) -> bool {
        !is_path(name)
            || name.contains("/site-packages/")
            || name.contains("/dist-packages/")
            || self.folders.iter().any(|folder| name.starts_with(folder.as_str()))
    }
}

static STANDARD: OnceLock<String> = OnceLock::new();

/// The file of the standard library's from which a frozen module was made, by its `co_filename`. The machinery that loads modules is never
/// a place to stop, so it has none.
pub(crate) fn file_of_frozen(name: &str) -> Option<String> {
    let module = name.strip_prefix("<frozen ")?.strip_suffix('>')?;
    let (folder, relative) = (STANDARD.get()?, module.replace('.', "/"));
    let files = [format!("{folder}/{relative}.py"), format!("{folder}/{relative}/__init__.py")];
    files.into_iter().find(|path| !is_machinery(name) && Path::new(path).is_file())
}

/// Whether a `co_filename` can be a path, as opposed to the name of something made at run time.
pub(crate) fn is_path(name: &str) -> bool {
    !name.starts_with('<')
}

/// Whether a file, by its `co_filename`, is the machinery that loads modules, or our own: steps and pauses never show it.
pub(crate) fn is_machinery(name: &str) -> bool {
    const MACHINERY: [&str; 4] =
        ["<frozen importlib._bootstrap>", "<frozen importlib._bootstrap_external>", "<frozen zipimport>", "<ikpdb>"];
    MACHINERY.contains(&name)
}

fn with_slash(mut folder: String) -> String {
    if !folder.ends_with('/') {
        folder.push('/');
    }
    folder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_installed_or_made_at_run_time_is_the_library() {
        let library = Library { folders: vec!["/usr/lib/python3.13/".into()] };
        for name in [
            "/usr/lib/python3.13/json/decoder.py",
            "<frozen importlib._bootstrap>",
            "<string>",
            "/v/lib/python3.13/site-packages/flask/app.py",
        ] {
            assert!(library.owns(name), "{name}");
        }
        for name in ["/home/me/app.py", "/home/me/io.py", "/usr/lib/python3.130/x.py", "app.py"] {
            assert!(!library.owns(name), "{name}");
        }
    }
}
