//! Which files are the library's and which are the user's own ("just my code").

use std::path::Path;
use std::sync::OnceLock;

use ikpdb_proto::options::CodeRule;
use pyo3::prelude::*;

use super::codes;

/// The folders of the standard library.
#[derive(Debug, Default)]
pub(crate) struct Library {
    folders: Vec<String>,
    /// What the user says of it.
    pub(crate) rules: Vec<CodeRule>,
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
        Self { folders, rules: Vec::new() }
    }

    /// Whether a file, by its `co_filename`, belongs to the library: the first rule that fits says so, else it is standard,
    /// installed, or made at run time.
    pub(crate) fn owns(&self, name: &str) -> bool {
        if let Some(rule) = self.rules.iter().find(|rule| fits(rule, name)) {
            return !rule.include;
        }
        !is_path(name)
            || is_own(name)
            || name.contains("/site-packages/")
            || name.contains("/dist-packages/")
            || self.folders.iter().any(|folder| name.starts_with(folder.as_str()))
    }
}

/// Whether a rule is about a file. Import machinery and code of ours are nobody's.
fn fits(rule: &CodeRule, name: &str) -> bool {
    if is_machinery(name) {
        return false;
    }
    let by_path = rule.path.as_ref().is_some_and(|pattern| {
        let pattern = pattern.trim_end_matches('/');
        matches(pattern, name) || matches(&format!("{pattern}/**"), name)
    });
    by_path || rule.module.as_ref().is_some_and(|module| is_of_module(module, name))
}

/// Whether a path fits a pattern: `?` is a character and `*` any number of them within a name, `**` any number at all.
fn matches(pattern: &str, text: &str) -> bool {
    let Some(at) = pattern.find(['*', '?']) else { return pattern == text };
    let (plain, special) = pattern.split_at(at);
    let Some(text) = text.strip_prefix(plain) else { return false };
    let ends = |rest: &str, within_a_name: bool| -> bool {
        let most = if within_a_name { text.find('/').unwrap_or(text.len()) } else { text.len() };
        text.char_indices()
            .map(|it| it.0)
            .chain([text.len()])
            .filter(|at| *at <= most)
            .any(|at| matches(rest, &text[at..]))
    };
    match special.strip_prefix("**") {
        // Any folders may be none.
        Some(rest) => ends(rest, false) || rest.strip_prefix('/').is_some_and(|rest| matches(rest, text)),
        None if special.starts_with('*') => ends(&special[1..], true),
        None => text.strip_prefix(|it| it != '/').is_some_and(|text| matches(&special[1..], text)),
    }
}

/// Whether a file holds a module of this name or one below it: its last folders have the parts of the name, and what is above them
/// is no package.
fn is_of_module(module: &str, name: &str) -> bool {
    let Some(path) = name.strip_suffix(".py") else {
        return name
            .strip_prefix("<frozen ")
            .and_then(|it| it.strip_suffix('>'))
            .is_some_and(|it| is_below(it, module));
    };
    let parts: Vec<&str> = module.split('.').collect();
    let names: Vec<&str> = path.split('/').collect();
    names
        .windows(parts.len())
        .enumerate()
        .any(|(at, window)| window == parts && !Path::new(&names[..at].join("/")).join("__init__.py").exists())
}

fn is_below(name: &str, module: &str) -> bool {
    name.strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
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
    MACHINERY.contains(&name) || is_own(name)
}

/// Whether a file, by its `co_filename`, is one of the package `ikpdb`, which a program calls to stop itself, say: it is known by a file
/// that lies beside, as a folder of that name may be anybody's.
pub(crate) fn is_own(name: &str) -> bool {
    if name == codes::EXPRESSION_FILE {
        return true;
    }
    let Some((folder, file)) = name.rsplit_once('/') else { return false };
    folder.ends_with("/ikpdb") && file.ends_with(".py") && Path::new(folder).join("_native.py").is_file()
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
        let library = Library { folders: vec!["/usr/lib/python3.13/".into()], rules: Vec::new() };
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

    #[test]
    fn the_first_rule_that_fits_decides() {
        let path = |path: &str, include| CodeRule { path: Some(path.into()), module: None, include };
        let module = |module: &str, include| CodeRule { path: None, module: Some(module.into()), include };
        let rules = vec![
            path("/v/**/flask/cli.py", false),
            module("flask", true),
            module("json.decoder", true),
            path("/home/me/generated", false),
            path("**/test_*.py", false),
        ];
        let library = Library { folders: vec!["/usr/lib/python3.13/".into()], rules };
        for name in [
            "/v/site-packages/flask/app.py",
            "/v/site-packages/flask/json/tag.py",
            "/usr/lib/python3.13/json/decoder.py",
        ] {
            assert!(!library.owns(name), "{name}");
        }
        for name in [
            "/v/lib/site-packages/flask/cli.py",
            "/v/site-packages/flask_login/utils.py",
            "/usr/lib/python3.13/json/encoder.py",
            "/home/me/generated/a/b.py",
            "/home/me/test_it.py",
            "<frozen importlib._bootstrap>",
        ] {
            assert!(library.owns(name), "{name}");
        }
        assert!(!library.owns("/home/me/generated.py"));
    }

    #[test]
    fn the_package_is_ours_wherever_it_lies_and_no_other_folder_of_its_name_is() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
        for name in ["real/ikpdb/_native.py", "real/ikpdb/__init__.py", "other/ikpdb/__init__.py", "real/ikpdb.py"] {
            std::fs::create_dir_all(Path::new(&at(name)).parent().unwrap()).unwrap();
            std::fs::write(at(name), "").unwrap();
        }
        assert!(is_machinery(&at("real/ikpdb/__init__.py")) && Library::default().owns(&at("real/ikpdb/__init__.py")));
        for name in ["other/ikpdb/__init__.py", "real/ikpdb.py", "real/ikpdb/sub/x.py"] {
            assert!(!is_own(&at(name)) && !Library::default().owns(&at(name)), "{name}");
        }
    }

    #[test]
    fn patterns_fit_whole_paths() {
        for (pattern, path) in
            [("/a/*.py", "/a/b.py"), ("/a/**", "/a/b/c.py"), ("/a/**/c.py", "/a/c.py"), ("/?/é*", "/a/éb")]
        {
            assert!(matches(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in
            [("/a/*.py", "/a/b/c.py"), ("/a", "/a/b"), ("/a/?", "/a/"), ("b.py", "/a/b.py"), ("/a?b", "/a/b")]
        {
            assert!(!matches(pattern, path), "{pattern} {path}");
        }
    }
}
