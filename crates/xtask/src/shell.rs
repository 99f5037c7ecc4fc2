//! Runs other programs: with progress on standard error, with their command line in the error, with a deadline.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

pub(crate) use ikpdb_testkit::{root, target};

/// Says what begins, does it, says how long it took.
pub(crate) fn step<T>(title: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    eprintln!("==> {title}");
    let start = Instant::now();
    let done = work()?;
    let seconds = start.elapsed().as_secs_f64();
    if seconds >= 1.0 {
        eprintln!("    done in {seconds:.1} s");
    }
    Ok(done)
}

/// A program in the repository's folder, without what `cargo run` added to the environment.
pub(crate) fn program(name: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(name);
    command.current_dir(root());
    for name in added_by_cargo() {
        command.env_remove(name);
    }
    if let Some(path) = library_path_without_cargo() {
        match path.is_empty() {
            true => command.env_remove("LD_LIBRARY_PATH"),
            false => command.env("LD_LIBRARY_PATH", path),
        };
    }
    command
}

/// The same for tests: with every signal as a shell in a terminal starts programs. A process in the background of a
/// script has SIGINT ignored, and tests of Ctrl-C would inherit that.
pub(crate) fn test_program(name: impl AsRef<OsStr>) -> Command {
    let mut command = program("env");
    command.arg("--default-signal").arg(name);
    command
}

/// Cargo, in the repository's folder.
pub(crate) fn cargo<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(arguments: I) -> Command {
    let mut command = program(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    command.args(arguments);
    command
}

fn added_by_cargo() -> impl Iterator<Item = OsString> {
    std::env::vars_os().map(|(name, _)| name).filter(|name| {
        let name = name.to_string_lossy();
        let cargos = name.starts_with("CARGO") && name != "CARGO_HOME" && name != "CARGO_TARGET_DIR";
        // The last two are set for every build by .cargo/config.toml, and again for the cargo that runs inside this one.
        cargos || name.starts_with("PYO3_") || name == "TS_RS_EXPORT_DIR"
    })
}

fn library_path_without_cargo() -> Option<OsString> {
    let path = std::env::var_os("LD_LIBRARY_PATH")?;
    let target = target();
    let kept = std::env::split_paths(&path)
        .filter(|folder| !folder.starts_with(&target) && !folder.to_string_lossy().contains("/toolchains/"));
    std::env::join_paths(kept).ok()
}

/// Runs it with our standard streams; an error unless it exits with 0.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| cannot_start(command))?;
    if !status.success() {
        bail!("{} ({status})", line(command));
    }
    Ok(())
}

/// Runs it and returns its standard output; its standard error is part of the error.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| cannot_start(command))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{} ({})\n{}", line(command), output.status, last_lines(&said, 30));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Shows its output as it comes and returns it too, standard output and standard error together. At the deadline the
/// program and everything that it started is ended.
pub(crate) fn tee(command: &mut Command, deadline: Duration) -> Result<(ExitStatus, String)> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| cannot_start(command))?;
    // Unbounded: the reader below takes everything at once, so it never holds more than a burst.
    let (sender, lines) = mpsc::channel();
    forward(child.stdout.take(), sender.clone());
    forward(child.stderr.take(), sender);
    let end = Instant::now() + deadline;
    let mut text = String::new();
    loop {
        match lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                eprintln!("{line}");
                text.push_str(&line);
                text.push('\n');
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                end_all(&mut child);
                bail!("{} was ended after {} s without coming to its end", line(command), deadline.as_secs());
            }
        }
    }
    Ok((child.wait().with_context(|| line(command))?, text))
}

fn forward<R: Read + Send + 'static>(stream: Option<R>, sender: mpsc::Sender<String>) {
    let Some(stream) = stream else { return };
    std::thread::spawn(move || {
        let mut reader = BufReader::new(stream);
        let mut bytes = Vec::new();
        while matches!(reader.read_until(b'\n', &mut bytes), Ok(1..)) {
            let line = String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\r']).to_owned();
            if sender.send(line).is_err() {
                return;
            }
            bytes.clear();
        }
    });
}

/// Ends the program and its descendants, those in sessions of their own too. It stays in our process group, so that Ctrl-C
/// in a terminal reaches all of them as well.
fn end_all(child: &mut Child) {
    let table = output(program("ps").args(["-e", "-o", "pid=,ppid="])).unwrap_or_default();
    let family = descendants(&table, child.id());
    let _ = Command::new("kill").arg("-KILL").args(family.iter().map(u32::to_string)).status();
    let _ = child.wait();
}

/// A process and all below it, from lines of process id and parent.
fn descendants(table: &str, ancestor: u32) -> Vec<u32> {
    let pairs: Vec<(u32, u32)> = table
        .lines()
        .filter_map(|line| {
            let mut numbers = line.split_whitespace().filter_map(|word| word.parse().ok());
            Some((numbers.next()?, numbers.next()?))
        })
        .collect();
    let mut family = vec![ancestor];
    let mut next = 0;
    while let Some(parent) = family.get(next).copied() {
        family.extend(pairs.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    family
}

/// The command as one would type it.
pub(crate) fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

fn cannot_start(command: &Command) -> String {
    format!("cannot start {}; is it installed?", command.get_program().to_string_lossy())
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

/// Makes the folder and those above it.
pub(crate) fn folder(path: impl AsRef<Path>) -> Result<PathBuf> {
    let path = path.as_ref();
    std::fs::create_dir_all(path).with_context(|| format!("cannot make the folder {}", path.display()))?;
    Ok(path.to_path_buf())
}

/// Reads a text file; the error names it.
pub(crate) fn read(path: impl AsRef<Path>) -> Result<String> {
    let path = path.as_ref();
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Writes a file; the error names it.
pub(crate) fn write(path: impl AsRef<Path>, text: impl AsRef<[u8]>) -> Result<()> {
    let path = path.as_ref();
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_takes_too_long_is_ended_with_all_that_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let script = format!("setsid sleep 1000 & echo $! > {}; echo started; wait", file.display());
        let mut command = program("sh");
        let ended = tee(command.args(["-c", &script]), Duration::from_secs(1));
        assert!(ended.unwrap_err().to_string().contains("was ended after 1 s"));
        let pid = std::fs::read_to_string(&file).unwrap();
        // The kernel takes a moment to end what was killed; the process may then wait for its parent to be noticed.
        let state = || std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
        let end = Instant::now() + Duration::from_secs(10);
        while !state().is_empty() && !state().contains(") Z ") {
            assert!(Instant::now() < end, "it still runs: {}", state());
            std::thread::yield_now();
        }
    }

    #[test]
    fn output_of_both_streams_comes_back_with_the_status() {
        let mut command = program("sh");
        let (status, text) =
            tee(command.args(["-c", "echo out; echo err >&2; exit 3"]), Duration::from_secs(10)).unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        assert_eq!((status.code(), lines), (Some(3), vec!["err", "out"]));
    }

    #[test]
    fn descendants_are_found_through_several_generations() {
        assert_eq!(descendants(" 10 1\n 11 10\n 12 11\n 13 1\n", 10), [10, 11, 12]);
    }
}
