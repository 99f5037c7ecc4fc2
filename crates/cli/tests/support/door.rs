//! A program under `python -m ikpdb`, and its client.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use ikpdb_testkit::Python;
use ikpdb_testkit::ikpdb_client::IkpdbClient;

use super::Case;
use super::compatible::{ANY_PORT, ikpdb};

const DEADLINE: Duration = Duration::from_secs(30);

/// A program that waits at its door, or runs.
pub struct Program {
    pub child: Child,
    pub port: u16,
    /// Standard error, line by line.
    errors: Receiver<String>,
    pub seen: Vec<String>,
}

impl Program {
    /// Starts `app.py` with this text; `options` are those of `python -m ikpdb`.
    pub fn start(case: &Case, python: &Python, text: &str, options: &[&str]) -> Self {
        case.write("app.py", text);
        let arguments: Vec<&str> = options.iter().copied().chain(["app.py"]).collect();
        Self::start_what(case, python, &arguments)
    }

    /// Starts `python -m ikpdb` with these arguments.
    pub fn start_what(case: &Case, python: &Python, arguments: &[&str]) -> Self {
        Self::start_in(case, python, &case.workspace, arguments)
    }

    /// The same in another folder.
    pub fn start_in(case: &Case, python: &Python, folder: &Path, arguments: &[&str]) -> Self {
        let arguments: Vec<&str> = [ANY_PORT].into_iter().chain(arguments.iter().copied()).collect();
        let mut command = ikpdb(case, &python.executable, &arguments);
        command.current_dir(folder);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (send, errors) = channel();
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        let mut program = Self { child, port: 0, errors, seen: Vec::new() };
        let line = program.says("IKPdb listening on ");
        program.port = line.rsplit_once(':').unwrap().1.parse().unwrap();
        program
    }

    /// Waits for a line of standard error that has this in it.
    pub fn says(&mut self, text: &str) -> String {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.errors.recv_timeout(left);
            let line = line.unwrap_or_else(|_| panic!("'{text}' was not said, but {:?}", self.seen));
            self.seen.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    /// A client that was greeted.
    pub fn client(&self) -> IkpdbClient {
        IkpdbClient::greeted(("127.0.0.1", self.port))
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: libc::c_int) {
        // SAFETY: a plain call; the process is ours and was not waited for.
        assert_eq!(unsafe { libc::kill(self.child.id() as libc::pid_t, signal) }, 0);
    }

    /// Waits until its main thread is in `time.sleep`.
    pub fn sleeps(&self) {
        let deadline = Instant::now() + DEADLINE;
        let asleep = format!("{} ", libc::SYS_clock_nanosleep);
        // The kernel tells nobody of it, so it is asked.
        let call = || std::fs::read_to_string(format!("/proc/{}/syscall", self.child.id())).unwrap();
        while !call().starts_with(&asleep) {
            assert!(Instant::now() < deadline, "it does not come to its sleep: {}", call());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Its exit code, or the signal that ended it as a negative number; `None` if it does not end by then.
    pub fn exit_code_by(&mut self, deadline: Instant) -> Option<i32> {
        use std::os::unix::process::ExitStatusExt;
        loop {
            // It closes standard error with its end, so nobody has to look again and again.
            match self.errors.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Timeout) => return None,
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        let status = self.child.wait().unwrap();
        status.code().or_else(|| status.signal().map(|it| -it))
    }

    /// Waits for the end: what it printed, and its exit code or the signal that ended it.
    pub fn ends(&mut self) -> (String, i32) {
        use std::os::unix::process::ExitStatusExt;
        let mut printed = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
        let status = self.child.wait().unwrap();
        self.seen.extend(self.errors.iter());
        (printed, status.code().or(status.signal()).unwrap())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
