//! A program under `python -m ikpdb`, and its client.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
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
        let arguments: Vec<&str> = [ANY_PORT].into_iter().chain(arguments.iter().copied()).collect();
        let mut command = ikpdb(case, &python.executable, &arguments);
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
