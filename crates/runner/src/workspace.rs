//! Which folder a program belongs to, and where the hub of that folder keeps its files.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use ikpdb_proto::proof::hex;
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::injected::can_be_preloaded;
use crate::sys;

/// What makes a folder a workspace.
const MARKS: &[&str] = &[".git", "pyproject.toml", ".vscode"];
/// The longest path of a unix socket; the kernel's limit is 108 with the final zero byte.
const LONGEST_SOCKET: usize = 107;

/// The nearest ancestor of `folder`, itself included, with `.git`, `pyproject.toml` or `.vscode`; else the folder.
pub fn workspace_of(folder: &Path) -> PathBuf {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
    let marked = folder.ancestors().find(|ancestor| MARKS.iter().any(|mark| ancestor.join(mark).exists()));
    marked.map_or_else(|| folder.clone(), Path::to_path_buf)
}

/// Where the hub of one workspace keeps its files and listens. There is one hub per user and workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubPlace {
    /// The folder that it serves.
    pub workspace: PathBuf,
    /// `$XDG_STATE_HOME/ikpdb/<hash>`: lock, log, breakpoints.
    pub state: PathBuf,
    /// The unix socket: `$XDG_RUNTIME_DIR/ikpdb/<hash>.sock`, else `/tmp/ikpdb-<uid>/<hash>.sock`.
    pub socket: PathBuf,
}

impl HubPlace {
    /// The place for this workspace, by the environment of this process. Makes the folders, private to the user.
    pub fn prepare(workspace: &Path) -> Result<Self, Error> {
        let own = last_resort();
        let state = variable("XDG_STATE_HOME")
            .or_else(|| Some(variable("HOME")?.join(".local/state")))
            .unwrap_or_else(|| own.clone());
        Self::at(workspace, &state.join("ikpdb"), runtime_folder(), &own)
    }

    /// The place with these folders: for state, for sockets if it can be used, for sockets otherwise.
    pub fn at(workspace: &Path, state: &Path, runtime: Option<PathBuf>, own: &Path) -> Result<Self, Error> {
        let name = hash(workspace);
        // The hub works without a state folder, and says so.
        let state = state.join(&name);
        let _ = private_folder(&state);
        let socket_in = |folder: &Path| folder.join(format!("{name}.sock"));
        let fits = |folder: &Path| socket_in(folder).as_os_str().len() <= LONGEST_SOCKET;
        let folder = own_folder(runtime, own, fits)?;
        Ok(Self { workspace: workspace.to_path_buf(), state, socket: socket_in(&folder) })
    }

    /// Held by the hub as long as it lives.
    pub fn lock(&self) -> PathBuf {
        self.socket.with_extension("lock")
    }

    /// What is lost because the state cannot be written, with the reason and the remedy; nothing if it can be.
    pub fn state_complaint(&self) -> Option<String> {
        let log = || OpenOptions::new().create(true).append(true).mode(0o600).open(self.log()).map(drop);
        let (path, error) = match private_folder(&self.state) {
            Err(error) => (self.state.clone(), error),
            Ok(()) => (self.log(), log().err()?),
        };
        Some(format!(
            "{} cannot be written ({error}): breakpoints and settings may be lost with the hub, and it has no log; name a \
             writable folder in XDG_STATE_HOME",
            path.display()
        ))
    }

    /// What the hub has to say.
    pub fn log(&self) -> PathBuf {
        self.state.join("hub.log")
    }

    /// Connects to the hub, if there is one.
    pub fn connect(&self) -> io::Result<UnixStream> {
        UnixStream::connect(&self.socket)
    }
}

/// A folder of the user's alone, for what belongs to no workspace, whose path `LD_PRELOAD` can hold.
pub fn preload_folder() -> Result<PathBuf, Error> {
    own_folder(runtime_folder(), &last_resort(), can_be_preloaded)
}

/// An absolute path that a variable of this process names.
fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute())
}

fn runtime_folder() -> Option<PathBuf> {
    variable("XDG_RUNTIME_DIR").map(|folder| folder.join("ikpdb"))
}

fn last_resort() -> PathBuf {
    PathBuf::from(format!("/tmp/ikpdb-{}", sys::user()))
}

/// The first of both that can be used, made private.
fn own_folder(runtime: Option<PathBuf>, own: &Path, fits: impl Fn(&Path) -> bool) -> Result<PathBuf, Error> {
    match runtime.filter(|folder| fits(folder)) {
        Some(folder) if private_folder(&folder).is_ok() => Ok(folder),
        _ => {
            private_folder(own).map_err(|reason| {
                Error::Hub(format!(
                    "ikpdb has no folder of its own: {}: {reason}; name a private one in XDG_RUNTIME_DIR",
                    own.display()
                ))
            })?;
            Ok(own.to_path_buf())
        }
    }
}

/// Names the workspace in paths: 16 hex digits.
fn hash(workspace: &Path) -> String {
    let digest = Sha256::digest(workspace.as_os_str().as_bytes());
    hex(&digest[..8])
}

/// Makes the folder, or checks that the one there is the user's alone.
fn private_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let found = fs::symlink_metadata(folder)?;
    if !found.is_dir() || found.uid() != sys::user() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it belongs to somebody else"));
    }
    if found.mode() & 0o077 != 0 {
        fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    }
    tempfile_possible(folder)
}

/// Whether a file can be made in the folder: asking for permissions does not know read-only file systems.
fn tempfile_possible(folder: &Path) -> io::Result<()> {
    let probe = folder.join(format!(".probe-{}", std::process::id()));
    fs::write(&probe, "")?;
    fs::remove_file(&probe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_marked_ancestor_is_the_workspace() {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().canonicalize().unwrap();
        let deep = root.join("a/b/c");
        fs::create_dir_all(&deep).unwrap();
        assert_eq!(workspace_of(&deep), deep);
        fs::write(root.join("a/pyproject.toml"), "").unwrap();
        assert_eq!(workspace_of(&deep), root.join("a"));
        fs::create_dir(root.join("a/b/.vscode")).unwrap();
        assert_eq!(workspace_of(&deep), root.join("a/b"));
        fs::create_dir(deep.join(".git")).unwrap();
        assert_eq!(workspace_of(&deep), deep);
    }

    #[test]
    fn each_workspace_has_its_own_private_place() {
        let home = tempfile::tempdir().unwrap();
        let runtime = home.path().join("run/ikpdb");
        let place = |workspace: &str| {
            HubPlace::at(Path::new(workspace), &home.path().join("state"), Some(runtime.clone()), Path::new("/tmp/x"))
                .unwrap()
        };
        let (one, other) = (place("/one"), place("/other"));
        assert_ne!(one.socket, other.socket);
        assert_ne!(one.state, other.state);
        assert_eq!(one, place("/one"));
        assert_eq!(fs::metadata(&runtime).unwrap().mode() & 0o777, 0o700);
        assert_eq!(fs::metadata(&one.state).unwrap().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_runtime_folder_that_is_missing_or_too_deep_is_replaced() {
        let home = tempfile::tempdir().unwrap();
        let own = home.path().join("own");
        let deep = home.path().join("x".repeat(120));
        for runtime in [None, Some(deep), Some(PathBuf::from("/proc/ikpdb"))] {
            let place = HubPlace::at(Path::new("/w"), &home.path().join("s"), runtime, &own).unwrap();
            assert!(place.socket.starts_with(&own));
        }
    }

    #[test]
    fn a_socket_folder_that_cannot_be_made_is_named_with_the_remedy() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("file");
        fs::write(&file, "").unwrap();
        let message = HubPlace::at(Path::new("/w"), &home.path().join("s"), None, &file).unwrap_err().to_string();
        assert!(message.contains(file.to_str().unwrap()) && message.contains("XDG_RUNTIME_DIR"), "{message}");
    }
}
