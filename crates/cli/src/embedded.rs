//! Finds the agent and the preload library: unpacked from this binary into the user's cache, or beside a development build.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{StatVfsMountFlags, statvfs};
use rustix::process::geteuid;

mod files {
    include!(concat!(env!("OUT_DIR"), "/embedded_files.rs"));
}

const AGENT: &str = "libikpdb_agent.so";
const PRELOAD: &str = "libikpdb_preload.so";

/// What the build put into this binary.
pub(crate) struct Embedded {
    /// Hex digest over both files; names the folder in the cache.
    hash: &'static str,
    agent: &'static [u8],
    preload: &'static [u8],
}

/// Where the two libraries lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Libraries {
    /// The agent, loaded into the program's interpreter.
    pub(crate) agent: PathBuf,
    /// The library named in `LD_PRELOAD`.
    pub(crate) preload: PathBuf,
}

/// Why there are no libraries to use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LibrariesError {
    /// A development build without its siblings.
    #[error(
        "{0} is missing beside this development build of ikpdb; `cargo build -p ikpdb-agent -p ikpdb-preload` makes it"
    )]
    NotBuilt(PathBuf),
    /// The executable's own path is unknown.
    #[error("the path of the ikpdb executable cannot be found out: {0}")]
    Executable(io::Error),
    /// Each place that was tried, with the reason against it.
    #[error(
        "ikpdb found no folder for its libraries: {}; name a folder that is writable and not mounted noexec in XDG_CACHE_HOME",
        .0.iter().map(|(path, why)| format!("{}: {why}", path.display())).collect::<Vec<_>>().join("; ")
    )]
    NoFolder(Vec<(PathBuf, String)>),
}

/// The libraries that belong to this build. Unpacks them at the first call of a new build; safe to call from several
/// processes at once.
pub(crate) fn libraries() -> Result<Libraries, LibrariesError> {
    match &files::EMBEDDED {
        Some(embedded) => unpack(embedded, &places()),
        None => siblings(&executable().map_err(LibrariesError::Executable)?),
    }
}

/// Path of this executable, also after a newer build took its place.
fn executable() -> io::Result<PathBuf> {
    let path = std::env::current_exe()?;
    Ok(match path.to_str().and_then(|text| text.strip_suffix(" (deleted)")) {
        Some(text) => PathBuf::from(text),
        None => path,
    })
}

fn siblings(executable: &Path) -> Result<Libraries, LibrariesError> {
    let folder = executable.parent().unwrap_or(Path::new("/"));
    let file = |name| {
        let path = folder.join(name);
        if path.is_file() { Ok(path) } else { Err(LibrariesError::NotBuilt(path)) }
    };
    Ok(Libraries { agent: file(AGENT)?, preload: file(PRELOAD)? })
}

/// Folders to try, best first: the cache, the runtime directory, a folder of the user's own under /tmp.
fn places() -> Vec<PathBuf> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = variable("XDG_CACHE_HOME").or_else(|| variable("HOME").map(|home| home.join(".cache")));
    let mut places: Vec<PathBuf> =
        [cache, variable("XDG_RUNTIME_DIR")].into_iter().flatten().map(|path| path.join("ikpdb")).collect();
    places.push(PathBuf::from(format!("/tmp/ikpdb-{}", geteuid().as_raw())));
    places
}

fn unpack(embedded: &Embedded, places: &[PathBuf]) -> Result<Libraries, LibrariesError> {
    let mut reasons = Vec::new();
    for place in places {
        match unpack_at(embedded, place) {
            Ok(libraries) => return Ok(libraries),
            Err(why) => reasons.push((place.clone(), why)),
        }
    }
    Err(LibrariesError::NoFolder(reasons))
}

fn unpack_at(embedded: &Embedded, place: &Path) -> Result<Libraries, String> {
    private_folder(place)?;
    let folder = place.join(&embedded.hash[..16]);
    private_folder(&folder)?;
    let file_system = statvfs(&folder).map_err(|error| error.to_string())?;
    if file_system.f_flag.contains(StatVfsMountFlags::NOEXEC) {
        return Err("is mounted noexec".to_owned());
    }
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        put(&path, bytes).map(|()| path).map_err(|error| error.to_string())
    };
    Ok(Libraries { agent: file(AGENT, embedded.agent)?, preload: file(PRELOAD, embedded.preload)? })
}

/// Makes `folder`, or checks that the one there is ours alone: what lies in it is loaded as code.
fn private_folder(folder: &Path) -> Result<(), String> {
    match DirBuilder::new().recursive(false).mode(0o700).create(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let parent = folder.parent().ok_or("has no parent")?;
            DirBuilder::new().recursive(true).mode(0o700).create(parent).map_err(|error| error.to_string())?;
            return private_folder(folder);
        }
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error.to_string()),
        _ => {}
    }
    let found = fs::symlink_metadata(folder).map_err(|error| error.to_string())?;
    if !found.is_dir() {
        return Err("is not a folder".to_owned());
    }
    if found.uid() != geteuid().as_raw() {
        return Err("belongs to another user".to_owned());
    }
    if found.mode() & 0o022 != 0 {
        return Err("can be written by other users".to_owned());
    }
    if found.mode() & 0o077 != 0 {
        fs::set_permissions(folder, Permissions::from_mode(0o700)).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Puts the file there in one step: another process sees all of it or nothing. One that is there is used only if it holds
/// exactly this, as it is loaded as code.
fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if holds(path, bytes).unwrap_or(false) {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(Path::new("/"));
    let mut draft = tempfile::Builder::new().permissions(Permissions::from_mode(0o700)).tempfile_in(folder)?;
    draft.write_all(bytes)?;
    draft.persist(path)?;
    Ok(())
}

/// Whether the file is a plain one with this content. Reading a few megabytes that are in memory takes a millisecond or
/// two, less than any digest of them.
fn holds(path: &Path, bytes: &[u8]) -> io::Result<bool> {
    let found = fs::symlink_metadata(path)?;
    if !found.is_file() || found.len() != bytes.len() as u64 {
        return Ok(false);
    }
    let mut file = File::open(path)?;
    let mut chunk = vec![0; 256 << 10];
    let mut rest = bytes;
    while !rest.is_empty() {
        let count = file.read(&mut chunk)?;
        match rest.split_at_checked(count) {
            Some((wanted, behind)) if count > 0 && wanted == &chunk[..count] => rest = behind,
            _ => return Ok(false),
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: Embedded = Embedded { hash: "0123456789abcdef0123", agent: b"agent", preload: b"preload" };

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn the_libraries_are_unpacked_once_into_a_private_folder() {
        let home = tempfile::tempdir().unwrap();
        let place = home.path().join("cache/ikpdb");
        let first = unpack(&SAMPLE, std::slice::from_ref(&place)).unwrap();
        assert_eq!(fs::read(&first.agent).unwrap(), b"agent");
        assert_eq!(fs::read(&first.preload).unwrap(), b"preload");
        assert_eq!((mode(&place), mode(first.agent.parent().unwrap())), (0o700, 0o700));
        let written = fs::metadata(&first.agent).unwrap().ino();
        assert_eq!(unpack(&SAMPLE, &[place]).unwrap(), first);
        assert_eq!(fs::metadata(&first.agent).unwrap().ino(), written);
    }

    #[test]
    fn a_file_that_was_cut_short_is_written_again() {
        let home = tempfile::tempdir().unwrap();
        let libraries = unpack(&SAMPLE, &[home.path().join("ikpdb")]).unwrap();
        fs::write(&libraries.agent, b"age").unwrap();
        unpack(&SAMPLE, &[home.path().join("ikpdb")]).unwrap();
        assert_eq!(fs::read(&libraries.agent).unwrap(), b"agent");
    }

    #[test]
    fn a_file_of_the_right_length_with_other_content_is_never_loaded() {
        let home = tempfile::tempdir().unwrap();
        let bytes = |seed: u8| (0..700_000_u32).map(|at| (at % 251) as u8 ^ seed).collect::<Vec<u8>>();
        let agent: &'static [u8] = bytes(0).leak();
        let large = Embedded { agent, ..SAMPLE };
        let libraries = unpack(&large, &[home.path().join("ikpdb")]).unwrap();
        let damage = |at: usize| {
            let mut damaged = agent.to_vec();
            damaged[at] ^= 1;
            fs::write(&libraries.agent, damaged).unwrap();
        };
        for at in [0, 300_000, agent.len() - 1] {
            damage(at);
            unpack(&large, &[home.path().join("ikpdb")]).unwrap();
            assert!(fs::read(&libraries.agent).unwrap() == agent, "damaged at {at}");
        }
        fs::remove_file(&libraries.agent).unwrap();
        fs::write(home.path().join("elsewhere"), agent).unwrap();
        std::os::unix::fs::symlink(home.path().join("elsewhere"), &libraries.agent).unwrap();
        unpack(&large, &[home.path().join("ikpdb")]).unwrap();
        assert!(fs::symlink_metadata(&libraries.agent).unwrap().is_file(), "no link to somebody else's file");
    }

    /// A folder on a file system that is mounted noexec: one that is there, or one that root mounts for the test.
    struct Noexec {
        folder: PathBuf,
        mounted: bool,
        _home: tempfile::TempDir,
    }

    impl Noexec {
        fn find() -> Self {
            let home = tempfile::tempdir().unwrap();
            let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
            let there = mounts.lines().find_map(|line| {
                let mut words = line.split(' ').skip(1);
                let (place, options) = (words.next()?, words.nth(1)?);
                let noexec = options.split(',').any(|option| option == "noexec");
                noexec.then(|| tempfile::tempdir_in(place).ok()).flatten()
            });
            if let Some(there) = there {
                return Self { folder: there.path().to_owned(), mounted: false, _home: there };
            }
            let mut mount = std::process::Command::new("mount");
            mount.args(["-t", "tmpfs", "-o", "noexec,size=1m", "none"]).arg(home.path());
            assert!(mount.status().unwrap().success(), "nothing here is mounted noexec, and only root may mount it");
            Self { folder: home.path().to_owned(), mounted: true, _home: home }
        }
    }

    impl Drop for Noexec {
        fn drop(&mut self) {
            if self.mounted {
                let _ = std::process::Command::new("umount").arg(&self.folder).status();
            }
        }
    }

    #[test]
    fn a_place_that_is_mounted_noexec_is_passed_over_and_named() {
        let noexec = Noexec::find();
        let place = noexec.folder.join("ikpdb");
        let home = tempfile::tempdir().unwrap();
        let found = unpack(&SAMPLE, &[place.clone(), home.path().join("ikpdb")]).unwrap();
        assert!(found.agent.starts_with(home.path()));
        let message = unpack(&SAMPLE, &[place]).unwrap_err().to_string();
        assert!(message.contains("noexec") && message.contains("XDG_CACHE_HOME"), "{message}");
    }

    #[test]
    fn several_processes_may_unpack_at_once_and_leave_no_drafts() {
        let home = tempfile::tempdir().unwrap();
        let place = home.path().join("ikpdb");
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| unpack(&SAMPLE, std::slice::from_ref(&place)).map(|_| ()));
            }
        });
        let libraries = unpack(&SAMPLE, &[place]).unwrap();
        assert_eq!(fs::read_dir(libraries.agent.parent().unwrap()).unwrap().count(), 2);
    }

    #[test]
    fn an_unusable_place_is_passed_over_and_all_are_named_when_none_is_left() {
        let home = tempfile::tempdir().unwrap();
        let occupied = home.path().join("file");
        fs::write(&occupied, "").unwrap();
        let link = home.path().join("link");
        std::os::unix::fs::symlink(home.path(), &link).unwrap();
        let good = home.path().join("good");
        let found = unpack(&SAMPLE, &[occupied.join("ikpdb"), link.clone(), good.clone()]).unwrap();
        assert!(found.agent.starts_with(&good));
        let message = unpack(&SAMPLE, &[occupied.join("ikpdb"), link.clone()]).unwrap_err().to_string();
        assert!(message.contains(occupied.to_str().unwrap()) && message.contains(link.to_str().unwrap()), "{message}");
        assert!(message.contains("XDG_CACHE_HOME"), "{message}");
    }

    #[test]
    fn a_folder_that_others_may_read_is_closed_and_one_they_may_write_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let place = home.path().join("ikpdb");
        fs::create_dir(&place).unwrap();
        fs::set_permissions(&place, Permissions::from_mode(0o755)).unwrap();
        unpack(&SAMPLE, std::slice::from_ref(&place)).unwrap();
        assert_eq!(mode(&place), 0o700);
        fs::set_permissions(&place, Permissions::from_mode(0o775)).unwrap();
        let message = unpack(&SAMPLE, &[place]).unwrap_err().to_string();
        assert!(message.contains("can be written by other users"), "{message}");
    }

    #[test]
    fn a_development_build_names_the_library_that_is_missing() {
        let home = tempfile::tempdir().unwrap();
        let executable = home.path().join("ikpdb");
        fs::write(home.path().join(AGENT), "").unwrap();
        let message = siblings(&executable).unwrap_err().to_string();
        assert!(message.contains(PRELOAD) && message.contains("cargo build"), "{message}");
        fs::write(home.path().join(PRELOAD), "").unwrap();
        assert!(siblings(&executable).is_ok());
    }
}
