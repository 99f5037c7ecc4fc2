//! Where pyenv keeps its interpreters, and which of them is meant by a shim that does not find one.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::{elf, installed, is_version, matches_version};

/// The interpreters of the version that the shim is named after, newest first. None if this is no shim, or one without a version:
/// which one `python3` is remains pyenv's choice.
pub(super) fn behind(shim: &Path, root: Option<&Path>) -> Vec<PathBuf> {
    let Some(name) = shim.file_name() else { return Vec::new() };
    let Some(minor) = minor_of(name) else { return Vec::new() };
    let Some(root) = root.filter(|root| is_shim(shim, root)) else { return Vec::new() };
    let mut found = installed(&root.join("versions"), name);
    // The others are environments and distributions. What is a script might be a shim again.
    found.retain(|path| {
        let folder = path.ancestors().nth(2).and_then(Path::file_name).unwrap_or_default();
        matches_version(&folder.to_string_lossy(), minor) && elf::is_elf(path)
    });
    found
}

/// "3.12" of "python3.12".
fn minor_of(name: &OsStr) -> Option<&str> {
    name.to_str()?.strip_prefix("python").filter(|rest| rest.contains('.') && is_version(OsStr::new(rest)))
}

/// One of pyenv's own, or a script that does the same.
fn is_shim(path: &Path, root: &Path) -> bool {
    let real = |folder: &Path| folder.canonicalize().ok();
    let shims = real(&root.join("shims"));
    (shims.is_some() && path.parent().and_then(real) == shims) || runs_pyenv(path)
}

fn runs_pyenv(path: &Path) -> bool {
    let mut head = Vec::new();
    if File::open(path).and_then(|file| file.take(4096).read_to_end(&mut head)).is_err() {
        return false;
    }
    let text = String::from_utf8_lossy(&head);
    let runs = |line: &str| {
        line.trim_start().starts_with("exec ") && (line.contains("pyenv\" exec ") || line.contains("pyenv exec "))
    };
    text.starts_with("#!") && text.lines().any(runs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn script(path: &Path, text: &str) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A root with these versions, each with a `python3.12` and a `python3` that are compiled programs.
    fn root(versions: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for version in versions {
            let folder = root.path().join("versions").join(version).join("bin");
            std::fs::create_dir_all(&folder).unwrap();
            for name in ["python3.12", "python3"] {
                symlink("/bin/true", folder.join(name)).unwrap();
            }
        }
        root
    }

    fn versions(found: &[PathBuf]) -> Vec<&str> {
        found.iter().map(|path| path.ancestors().nth(2).unwrap().file_name().unwrap().to_str().unwrap()).collect()
    }

    #[test]
    fn behind_a_shim_are_the_interpreters_of_its_version_newest_first() {
        let root = root(&["3.12.9", "3.12.10", "3.12.11rc1", "3.12.11", "3.1.2", "3.120.0", "my-environment"]);
        let shim = root.path().join("shims/python3.12");
        script(&shim, "#!/bin/sh\nexit 127\n");
        let found = behind(&shim, Some(root.path()));
        assert_eq!(versions(&found), ["3.12.11", "3.12.11rc1", "3.12.10", "3.12.9"]);
        assert!(behind(&shim, None).is_empty());
    }

    #[test]
    fn a_shim_without_a_version_is_left_to_pyenv() {
        let root = root(&["3.12.9"]);
        for name in ["python3", "python"] {
            let shim = root.path().join("shims").join(name);
            script(&shim, "#!/bin/sh\nexit 127\n");
            assert!(behind(&shim, Some(root.path())).is_empty(), "{name}");
        }
    }

    #[test]
    fn a_shim_elsewhere_is_known_by_what_it_runs() {
        let root = root(&["3.12.9"]);
        let other = root.path().join("elsewhere/python3.12");
        for (text, expected) in [
            ("#!/usr/bin/env bash\nset -e\nexec \"/opt/pyenv/libexec/pyenv\" exec \"$program\" \"$@\"\n", 1),
            ("#!/bin/sh\nexec pyenv exec python3.12 \"$@\"\n", 1),
            ("#!/bin/sh\n# not pyenv exec \nexit 1\n", 0),
            ("exec pyenv exec python3.12\n", 0),
        ] {
            script(&other, text);
            assert_eq!(behind(&other, Some(root.path())).len(), expected, "{text}");
        }
    }

    #[test]
    fn a_script_among_the_versions_is_no_answer() {
        let root = root(&[]);
        script(&root.path().join("versions/3.12.9/bin/python3.12"), "#!/bin/sh\nexec pyenv exec python3.12\n");
        let shim = root.path().join("shims/python3.12");
        script(&shim, "#!/bin/sh\nexit 127\n");
        assert!(behind(&shim, Some(root.path())).is_empty());
    }
}
