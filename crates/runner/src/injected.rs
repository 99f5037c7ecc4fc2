//! What goes into the program: the two libraries, and the descriptor that tells them whom to debug for.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use ikpdb_proto::PROTOCOL;
use ikpdb_proto::agent::{AgentStart, HubStart, IkpdbStart, START_DESCRIPTOR};
use ikpdb_proto::proof::hex;
use sha2::{Digest, Sha256};

use crate::program::{set_variable, split_variable};
use crate::{BUILD, sys};

/// The libraries that go into the program.
#[derive(Clone, Debug)]
pub struct Injected {
    agent: PathBuf,
    /// The library that loads the agent, by a path that `LD_PRELOAD` can hold.
    preload: PathBuf,
}

impl Injected {
    /// With a path for the preload library that `LD_PRELOAD` can hold: a blank or colon ends an entry there, so such a
    /// path gets a link in a folder that is private. It is asked for only then.
    pub fn new(
        agent: PathBuf,
        preload: &Path,
        private_folder: impl FnOnce() -> io::Result<PathBuf>,
    ) -> io::Result<Self> {
        if can_be_preloaded(preload) {
            return Ok(Self { agent, preload: preload.to_path_buf() });
        }
        let folder = private_folder()?;
        let digest = Sha256::digest(preload.as_os_str().as_encoded_bytes());
        let link = folder.join(format!("preload-{}.so", hex(&digest[..8])));
        if std::fs::read_link(&link).ok().as_deref() != Some(preload) {
            let draft = folder.join(format!("preload-{}.new", std::process::id()));
            std::os::unix::fs::symlink(preload, &draft)?;
            std::fs::rename(&draft, &link)?;
        }
        Ok(Self { agent, preload: link })
    }

    /// The descriptor that the preload library reads: whom the agent debugs for, a hub that it calls, clients of the original IKPdb that
    /// come to it, or both.
    pub(crate) fn start(&self, hub: Option<HubStart>, ikpdb: Option<IkpdbStart>) -> io::Result<OwnedFd> {
        let start = AgentStart { protocol: PROTOCOL, build: BUILD.to_owned(), hub, ikpdb };
        let mut content = self.agent.as_os_str().as_encoded_bytes().to_vec();
        content.push(b'\n');
        content.extend(serde_json::to_vec(&start).map_err(io::Error::other)?);
        sys::memory_file(&content)
    }

    /// The environment that the dynamic linker and the preload library see, with the descriptor of the start. The library
    /// takes out again what this adds, and relies on its form: our entry first in `LD_PRELOAD`, and a colon only if the
    /// variable was there before.
    pub(crate) fn environment(&self, environment: &[OsString], start: i32) -> Vec<OsString> {
        let mut all: Vec<OsString> = environment
            .iter()
            .filter(|variable| split_variable(variable).is_none_or(|(name, _)| name != START_DESCRIPTOR))
            .cloned()
            .collect();
        let mut value = self.preload.as_os_str().to_owned();
        let before = all.iter().filter_map(|variable| split_variable(variable)).find(|(name, _)| *name == "LD_PRELOAD");
        if let Some((_, before)) = before {
            value.push(":");
            value.push(before);
        }
        set_variable(&mut all, OsStr::new("LD_PRELOAD"), &value);
        all.push(OsString::from(format!("{START_DESCRIPTOR}={start}")));
        all
    }
}

/// Whether `LD_PRELOAD` can hold this path.
pub(crate) fn can_be_preloaded(path: &Path) -> bool {
    let bytes = path.as_os_str().as_encoded_bytes();
    !bytes.iter().any(|byte| matches!(byte, b' ' | b':' | b'$' | b'\t' | b'\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(list: &[&str]) -> Vec<OsString> {
        list.iter().map(OsString::from).collect()
    }

    #[test]
    fn our_preload_entry_comes_first_and_in_the_place_of_the_users() {
        let injected = Injected { agent: "/x/a.so".into(), preload: "/x/p.so".into() };
        let cases: &[(&[&str], &[&str])] = &[
            (&["A=1"], &["A=1", "LD_PRELOAD=/x/p.so", "IKPDB_START=7"]),
            (&["LD_PRELOAD=u.so", "A=1"], &["LD_PRELOAD=/x/p.so:u.so", "A=1", "IKPDB_START=7"]),
            (&["LD_PRELOAD=", "A=1"], &["LD_PRELOAD=/x/p.so:", "A=1", "IKPDB_START=7"]),
            (&["IKPDB_START=3", "odd"], &["odd", "LD_PRELOAD=/x/p.so", "IKPDB_START=7"]),
        ];
        for (before, after) in cases {
            assert_eq!(injected.environment(&texts(before), 7), texts(after));
        }
    }

    #[test]
    fn a_folder_for_a_link_is_asked_for_only_if_the_path_needs_one() {
        let home = tempfile::tempdir().unwrap();
        let plain = Injected::new("/x/a.so".into(), Path::new("/x/p.so"), || Err(io::Error::other("asked"))).unwrap();
        assert_eq!(plain.preload, Path::new("/x/p.so"));
        let odd = Path::new("/a b/p.so");
        for _ in 0..2 {
            let linked = Injected::new("/x/a.so".into(), odd, || Ok(home.path().to_path_buf())).unwrap();
            assert_eq!(std::fs::read_link(&linked.preload).unwrap(), odd);
        }
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1);
    }
}
