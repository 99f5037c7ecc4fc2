//! What is on disk: lock, secret, breakpoints and settings. Every file is 0600 and replaced as a whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use ikpdb_hub::Saved;
use ikpdb_proto::client::Setting;
use ikpdb_proto::proof::{hex, unhex};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Error;

/// How long a hub that is just ending may hold the lock.
const LOCK_PATIENCE: Duration = Duration::from_secs(3);

/// The state of one workspace.
pub(crate) struct State {
    workspace_file: PathBuf,
    user_file: PathBuf,
    written_user: Vec<Setting>,
}

impl State {
    /// Reads what an earlier hub left in this folder, and says what could not be read or will not be written.
    pub(crate) fn open(folder: &Path) -> (Self, Saved, Vec<String>) {
        let mut complaints = Vec::new();
        if let Err(error) = prepare(folder) {
            let folder = folder.display();
            complaints.push(format!(
                "{folder} cannot be written ({error}): breakpoints and settings are kept until the hub ends; \
                 name a writable folder in XDG_STATE_HOME"
            ));
        }
        let workspace_file = folder.join("workspace.json");
        // Beside the folders of all workspaces.
        let user_file = folder.parent().unwrap_or(folder).join("settings.json");
        let saved =
            Saved { workspace: read(&workspace_file, &mut complaints), user: read(&user_file, &mut complaints) };
        (Self { workspace_file, user_file, written_user: saved.user.clone() }, saved, complaints)
    }

    /// Writes it all down, or says what went wrong and what to do.
    pub(crate) fn save(&mut self, saved: &Saved) -> Result<(), String> {
        let failed = |path: &Path, error: io::Error| {
            let path = path.display();
            format!("{path} could not be written ({error}): breakpoints and settings are kept until the hub ends")
        };
        write(&self.workspace_file, &saved.workspace).map_err(|error| failed(&self.workspace_file, error))?;
        if self.written_user != saved.user {
            // Hubs of other workspaces write here too: only what changed in this one is put into what is there now.
            let there: Vec<Setting> = read(&self.user_file, &mut Vec::new());
            let merged = merge(there, &self.written_user, &saved.user);
            write(&self.user_file, &merged).map_err(|error| failed(&self.user_file, error))?;
            self.written_user.clone_from(&saved.user);
        }
        Ok(())
    }
}

/// What is there, with the changes that lead from `before` to `after`.
fn merge(mut there: Vec<Setting>, before: &[Setting], after: &[Setting]) -> Vec<Setting> {
    there.retain(|it| {
        let gone = before.iter().any(|old| old.key == it.key) && !after.iter().any(|new| new.key == it.key);
        let replaced = after.iter().any(|new| new.key == it.key && !before.contains(new));
        !gone && !replaced
    });
    there.extend(after.iter().filter(|new| !before.contains(new)).cloned());
    there.sort_by(|a, b| a.key.cmp(&b.key));
    there
}

fn prepare(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    // Asking for permissions does not know read-only file systems.
    tempfile::tempfile_in(folder).map(drop)
}

/// The lasting secret of the pages, made at the first start; where it cannot be kept, it lasts as long as this hub.
pub(crate) fn secret(folder: &Path) -> Result<[u8; 32], Error> {
    let path = folder.join("secret");
    if let Some(secret) = fs::read_to_string(&path).ok().and_then(|text| unhex(text.trim())?.try_into().ok()) {
        return Ok(secret);
    }
    let secret = random()?;
    if let Err(error) = replace(&path, hex(&secret).as_bytes()) {
        tracing::warn!("{} could not be written: {error}", path.display());
    }
    Ok(secret)
}

/// 32 bytes that nobody can guess.
pub(crate) fn random() -> Result<[u8; 32], Error> {
    let mut bytes = [0; 32];
    let failed = |error: getrandom::Error| io::Error::other(error.to_string());
    getrandom::fill(&mut bytes).map_err(|error| Error::System("the system has no random numbers", failed(error)))?;
    Ok(bytes)
}

/// Takes the lock of the workspace's hub; `None` if another hub has it and keeps it. The kernel lets go of it however
/// we end.
pub(crate) fn lock(path: &Path) -> Result<Option<File>, Error> {
    let failed = |error: io::Error| Error::Lock(path.to_owned(), error);
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(false).mode(0o600).open(path).map_err(failed)?;
    let waiting = file.try_clone().map_err(failed)?;
    let (done, locked) = mpsc::sync_channel(1);
    let wait = move || drop(done.send(waiting.lock()));
    // Ends with the lock or with the process: the other hub may be just ending, and only then it is worth a wait.
    std::thread::Builder::new().name("lock".to_owned()).spawn(wait).map_err(failed)?;
    match locked.recv_timeout(LOCK_PATIENCE) {
        Ok(result) => result.map_err(failed)?,
        Err(_) => return Ok(None),
    }
    file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(failed)?;
    Ok(Some(file))
}

/// What a file says; what is not readable is set aside, and said.
fn read<T: DeserializeOwned + Default>(path: &Path, complaints: &mut Vec<String>) -> T {
    let text = match fs::read(path) {
        Ok(text) => text,
        // That there is no folder for it is said where it is made.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return T::default();
        }
        Err(error) => {
            complaints.push(format!("{} cannot be read: {error}", path.display()));
            return T::default();
        }
    };
    serde_json::from_slice(&text).unwrap_or_else(|_| {
        let aside = path.with_extension("json.broken");
        let _ = fs::rename(path, &aside);
        complaints.push(format!("{} is broken; it was set aside as {}", path.display(), aside.display()));
        T::default()
    })
}

fn write(path: &Path, value: &impl Serialize) -> io::Result<()> {
    replace(path, &serde_json::to_vec_pretty(value)?)
}

/// Replaces a file as a whole: a reader, or a killed writer, finds the old or the new one.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    // Made with 0600.
    let made = tempfile::Builder::new().prefix(".new-").tempfile_in(folder);
    // The error's own words hold a name that is another each time.
    let mut file = made.map_err(|error| io::Error::from(error.kind()))?;
    file.write_all(bytes)?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ikpdb_proto::client::SettingScope;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_was_saved_is_there_at_the_next_start() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("state/hash");
        let (mut state, mut saved, complaints) = State::open(&folder);
        assert_eq!((&saved, complaints.len()), (&Saved::default(), 0));
        saved.workspace.active = false;
        saved.user.push(Setting { scope: SettingScope::User, key: "theme".into(), value: "dark".into() });
        state.save(&saved).unwrap();
        let (_, again, _) = State::open(&folder);
        assert_eq!(again, saved);
        let (_, other, _) = State::open(&root.path().join("state/other"));
        assert_eq!((other.user, other.workspace.active), (saved.user, true), "the user's own is for all workspaces");
    }

    #[test]
    fn the_users_settings_of_two_workspaces_do_not_overwrite_each_other() {
        let root = tempfile::tempdir().unwrap();
        let open = |name: &str| State::open(&root.path().join(name));
        let setting =
            |key: &str, value: &str| Setting { scope: SettingScope::User, key: key.into(), value: value.into() };
        let (mut one, mut saved_by_one, _) = open("one");
        let (mut two, mut saved_by_two, _) = open("two");
        saved_by_one.user = vec![setting("keys", "vi"), setting("theme", "dark")];
        one.save(&saved_by_one).unwrap();
        saved_by_two.user = vec![setting("theme", "light"), setting("zoom", "2")];
        two.save(&saved_by_two).unwrap();
        saved_by_one.user.remove(0);
        one.save(&saved_by_one).unwrap();
        assert_eq!(open("three").1.user, [setting("theme", "light"), setting("zoom", "2")]);
    }

    #[test]
    fn a_broken_file_is_set_aside_and_said() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("workspace.json"), "{").unwrap();
        let (_, saved, complaints) = State::open(root.path());
        assert_eq!(saved, Saved::default());
        assert!(complaints[0].contains("set aside"), "{complaints:?}");
        assert!(root.path().join("workspace.json.broken").exists());
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_said_with_the_remedy() {
        let (mut state, saved, complaints) = State::open(Path::new("/proc/ikpdb/hash"));
        assert!(complaints[0].contains("XDG_STATE_HOME"), "{complaints:?}");
        let said = state.save(&saved).unwrap_err();
        assert!(said.contains("/proc/ikpdb/hash"), "{said}");
        assert_eq!(state.save(&saved).unwrap_err(), said, "in the same words, or it is told at every change");
        assert!(secret(Path::new("/proc/ikpdb/hash")).is_ok(), "it works all the same");
    }

    #[test]
    fn a_file_in_the_place_of_the_folder_is_said_once() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let (_, saved, complaints) = State::open(&file.path().join("ikpdb/hash"));
        assert_eq!((saved, complaints.len()), (Saved::default(), 1), "{complaints:?}");
        assert!(complaints[0].contains("XDG_STATE_HOME"), "{complaints:?}");
    }

    #[test]
    fn the_secret_is_ours_alone_and_stays() {
        let root = tempfile::tempdir().unwrap();
        let first = secret(root.path()).unwrap();
        assert_eq!(secret(root.path()).unwrap(), first);
        let about = fs::metadata(root.path().join("secret")).unwrap();
        assert_eq!(about.permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn the_lock_is_held_by_one_and_free_when_that_one_is_gone() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("lock");
        let held = lock(&path).unwrap().unwrap();
        assert!(lock(&path).unwrap().is_none());
        drop(held);
        assert!(lock(&path).unwrap().is_some());
    }
}
