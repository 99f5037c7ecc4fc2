//! Asks an interpreter what it is, and remembers the answer as long as the file stays the same.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ikpdb_proto::agent::PythonInfo;
use serde::{Deserialize, Serialize};

use crate::sys;

/// How long an interpreter may take to start.
const PATIENCE: Duration = Duration::from_secs(20);
/// Where the answer begins: a wrapper may write something of its own.
const MARK: &str = "ikpdb-python:";

/// How it is asked: isolated. What is older than 3.4 does not know that option, and gets the nearest that it knows.
const MANNERS: [&[&str]; 2] = [&["-I", "-S"], &["-E", "-s", "-S"]];

/// Works on every Python from 2.7 on, imports nothing that is not there already.
const QUESTION: &str = r#"
import sys
try:
    name = {'cpython': 'CPython', 'pypy': 'PyPy', 'graalpy': 'GraalPy'}.get(sys.implementation.name, sys.implementation.name)
except AttributeError:
    name = 'CPython'
kind = {'alpha': 'a', 'beta': 'b', 'candidate': 'rc'}.get(sys.version_info[3])
version = '.'.join(str(n) for n in sys.version_info[:3]) + ('%s%d' % (kind, sys.version_info[4]) if kind else '')
free = 't' in getattr(sys, 'abiflags', '') and sys.version_info >= (3, 13)
sys.stdout.write('ikpdb-python:' + '\n'.join([version, name, str(int(free)), sys.executable]) + '\n')
"#;

/// Starts the interpreter and asks. The error is its own first line, or why it could not be started.
pub(super) fn ask(python: &Path, folder: &Path) -> Result<PythonInfo, String> {
    let [usual, old] = MANNERS;
    match ask_as(usual, python, folder)? {
        Ok(info) => Ok(info),
        // What is said to the usual question counts: one that fails for another reason fails again.
        Err(complaint) => ask_as(old, python, folder)?.map_err(|_| complaint),
    }
}

/// The answer, or what was said instead; the outer error is that there was neither.
fn ask_as(manner: &[&str], python: &Path, folder: &Path) -> Result<Result<PythonInfo, String>, String> {
    let mut child = Command::new(python)
        .args(manner)
        .args(["-c", QUESTION])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    let deadline = Instant::now() + PATIENCE;
    let output = match &mut child.stdout {
        Some(stdout) => read_until(stdout, deadline),
        None => None,
    };
    let Some(output) = output else {
        let _ = child.kill();
        let _ = child.wait();
        return Err(format!("it does not answer within {} seconds", PATIENCE.as_secs()));
    };
    let mut complaint = String::new();
    if let Some(stderr) = &mut child.stderr {
        let _ = stderr.take(64 << 10).read_to_string(&mut complaint);
    }
    let _ = child.wait();
    Ok(parse(&output).ok_or_else(|| {
        // The first one says what is wrong, those behind it are hints. It becomes a part of a sentence.
        let mut lines = complaint.lines().map(|line| line.trim().trim_end_matches('.'));
        lines.find(|line| !line.is_empty()).unwrap_or("it does not say what it is").to_owned()
    }))
}

/// Everything until the end of the stream; `None` if that does not come in time.
fn read_until(stream: &mut (impl Read + AsRawFd), deadline: Instant) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let mut fds = [libc::pollfd { fd: stream.as_raw_fd(), events: libc::POLLIN, revents: 0 }];
        sys::poll(&mut fds, Some(left)).ok()?;
        if fds[0].revents == 0 {
            if left.is_zero() {
                return None;
            }
            continue;
        }
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer).ok()? {
            0 => return Some(String::from_utf8_lossy(&bytes).into_owned()),
            count if bytes.len() < 64 << 10 => bytes.extend_from_slice(&buffer[..count]),
            _ => return None,
        }
    }
}

fn parse(output: &str) -> Option<PythonInfo> {
    let mut lines = output[output.find(MARK)? + MARK.len()..].lines();
    let version = lines.next()?.to_owned();
    let implementation = lines.next()?.to_owned();
    let free_threaded = lines.next()? == "1";
    let executable = lines.next()?.to_owned();
    Path::new(&executable).is_absolute().then_some(PythonInfo { version, implementation, executable, free_threaded })
}

/// One remembered answer.
#[derive(Serialize, Deserialize)]
struct Known {
    modified: (i64, i64),
    size: u64,
    info: PythonInfo,
}

/// Asks, unless the same file was asked before.
pub(super) fn cached(python: &Path, folder: &Path) -> Result<PythonInfo, String> {
    let about = fs::metadata(python).map_err(|error| error.to_string())?;
    let key = python.to_string_lossy().into_owned();
    let modified = (about.mtime(), about.mtime_nsec());
    let file = cache_file();
    let mut known = file.as_deref().map(read_cache).unwrap_or_default();
    if let Some(found) = known.get(&key)
        && found.modified == modified
        && found.size == about.len()
    {
        return Ok(found.info.clone());
    }
    let info = ask(python, folder)?;
    known.insert(key, Known { modified, size: about.len(), info: info.clone() });
    if let Some(file) = file {
        write_cache(&file, &known);
    }
    Ok(info)
}

fn cache_file() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")))?;
    Some(cache.join("ikpdb/interpreters.json"))
}

/// A file that cannot be read is one that says nothing.
fn read_cache(file: &Path) -> BTreeMap<String, Known> {
    fs::read(file).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
}

/// Only saves time: a cache that cannot be written is no error.
fn write_cache(file: &Path, known: &BTreeMap<String, Known>) {
    let Some(folder) = file.parent() else { return };
    let draft = folder.join(format!("interpreters.{}", std::process::id()));
    let Ok(text) = serde_json::to_vec(known) else { return };
    if fs::create_dir_all(folder).is_ok() && fs::write(&draft, text).is_ok() && fs::rename(&draft, file).is_err() {
        let _ = fs::remove_file(&draft);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn script(text: &str) -> tempfile::TempPath {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o755)).unwrap();
        file.into_temp_path()
    }

    #[test]
    fn every_interpreter_says_what_it_is() {
        for python in ikpdb_testkit::pythons() {
            let info = ask(&python.executable, Path::new("/")).unwrap();
            assert_eq!(info.version, python.version);
            assert_eq!((info.implementation.as_str(), info.free_threaded), ("CPython", false));
        }
    }

    #[test]
    fn the_words_of_a_shim_that_fails_are_passed_on() {
        let shim = script("#!/bin/sh\necho 'pyenv: python3.9: command not found' >&2\nexit 127\n");
        assert_eq!(ask(&shim, Path::new("/")).unwrap_err(), "pyenv: python3.9: command not found");
        let talkative = script("#!/bin/sh\nprintf '\\n  It is broken.\\n\\nNote: see the\\n manual.\\n' >&2\nexit 1\n");
        assert_eq!(ask(&talkative, Path::new("/")).unwrap_err(), "It is broken");
        let silent = script("#!/bin/sh\necho hello\n");
        assert_eq!(ask(&silent, Path::new("/")).unwrap_err(), "it does not say what it is");
    }

    #[test]
    fn an_interpreter_that_does_not_know_the_isolated_mode_is_asked_in_another_way() {
        let old = script(
            "#!/bin/sh\nif [ \"$1\" = -I ]; then echo 'Unknown option: -I' >&2; exit 2; fi\n\
             echo \"$1 $2 $3\" >&2; printf 'ikpdb-python:2.7.18\\nCPython\\n0\\n/usr/bin/python2.7\\n'\n",
        );
        assert_eq!(ask(&old, Path::new("/")).unwrap().version, "2.7.18");
    }

    #[test]
    fn an_answer_is_read_behind_a_wrappers_own_words() {
        let info = parse("welcome\nikpdb-python:3.12.1\nCPython\n0\n/usr/bin/python3\n").unwrap();
        assert_eq!((info.version.as_str(), info.executable.as_str()), ("3.12.1", "/usr/bin/python3"));
        assert!(parse("ikpdb-python:3.12.1\nCPython\n").is_none());
    }
}
