//! Everything that was recorded of IKPdb 1.3 (`tests/ikpdb`), done again with `python -m ikpdb` on every interpreter: what a client gets is what
//! it got then, but for what stands in `tests/ikpdb/differences.toml`.
//!
//! `IKPDB_TRANSCRIPTS=08` replays those whose names begin so, and does not look for entries of the table that are of no use.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use ikpdb_testkit::ikpdb_client::{Came, IkpdbClient};
use ikpdb_testkit::ikpdb_transcript::{Act, Differences, Outcome, Places, Replay, Transcript};
use ikpdb_testkit::{Python, pythons};
use serde_json::json;
use support::Case;
use support::door::Program;

/// How long what has to come may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long nothing has to come where nothing came. Recorded were up to 5 s; what comes later than this is found all the same, as it then comes
/// between what does come, or behind the last of it.
const QUIET: Duration = Duration::from_millis(400);
/// So many programs run at once for each processor: most of them wait most of the time.
const CROWD: usize = 3;
/// What differs is replayed again, alone: some of what was recorded depends on how soon a thread begins, or came in the 0.3 s that a program has
/// ended and still answers, which a crowd may take from it.
const AGAIN: usize = 2;
/// At most one in so many replays may differ in the crowd.
const FEW: usize = 20;

/// A transcript on an interpreter.
struct Job<'a> {
    transcript: &'a Transcript,
    python: &'a Python,
    library: &'a Path,
    /// A folder for its program.
    folder: PathBuf,
}

#[test]
fn clients_of_the_original_get_what_they_got_from_it() {
    let case = Case::real();
    let differences = Differences::load().unwrap();
    let wanted = std::env::var("IKPDB_TRANSCRIPTS").ok();
    let mut transcripts = Transcript::all();
    transcripts.retain(|it| wanted.as_ref().is_none_or(|begin| it.name.starts_with(begin)));
    let pythons = pythons();
    let libraries: Vec<PathBuf> = pythons.iter().map(|it| library_of(&it.executable)).collect();
    let mut jobs = Vec::new();
    for transcript in &transcripts {
        for (python, library) in pythons.iter().zip(&libraries) {
            let folder = case.path(&format!("{}/{}/app", python.version, transcript.name));
            jobs.push(Job { transcript, python, library, folder });
        }
    }
    let mut outcomes = in_a_crowd(jobs, |job| replay(&case, &differences, job));
    let mut unsteady = BTreeSet::new();
    for (job, outcome) in &mut outcomes {
        for again in 0..AGAIN {
            if !outcome.differences.is_empty() {
                unsteady.insert(format!("{} on {}", job.transcript.name, job.python.version));
                job.folder = case.path(&format!("{}/{}/{again}/app", job.python.version, job.transcript.name));
                *outcome = replay(&case, &differences, job);
            }
        }
    }

    eprintln!("replayed alone: {unsteady:?}");
    let mut found: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    let mut used = BTreeSet::new();
    for (job, outcome) in &outcomes {
        used.extend(&outcome.used);
        for difference in &outcome.differences {
            found.entry(difference.to_string()).or_default().insert(&job.python.version);
        }
    }
    let mut wrong: Vec<String> = found.iter().map(|(text, pythons)| format!("{text}\n    {pythons:?}")).collect();
    if wanted.is_none() {
        let minors: Vec<u32> = pythons.iter().map(|it| it.minor().1).collect();
        wrong.extend(differences.unused(&used, &minors));
    }
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
    // What goes wrong now and then for another reason than the crowd does so in many sessions.
    assert!(unsteady.len() <= outcomes.len() / FEW, "these differ now and then: {unsteady:?}");
}

/// Does all jobs, several at once.
fn in_a_crowd<J: Send, O: Send>(jobs: Vec<J>, work: impl Fn(&J) -> O + Sync) -> Vec<(J, O)> {
    let crowd = std::thread::available_parallelism().map_or(1, usize::from) * CROWD;
    let (jobs, done) = (Mutex::new(jobs.into_iter()), Mutex::new(Vec::new()));
    let next = || jobs.lock().unwrap().next();
    std::thread::scope(|scope| {
        for _ in 0..crowd {
            scope.spawn(|| {
                while let Some(job) = next() {
                    let outcome = work(&job);
                    done.lock().unwrap().push((job, outcome));
                }
            });
        }
    });
    done.into_inner().unwrap()
}

/// The folder of an interpreter's `os.py`.
fn library_of(python: &Path) -> PathBuf {
    let output = Command::new(python).args(["-c", "import os; print(os.path.dirname(os.__file__))"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim_end().into()
}

/// A replay under way.
struct Session<'a> {
    replay: Replay<'a>,
    program: Option<Program>,
    client: Option<IkpdbClient>,
    /// Who came second, and waits for nothing.
    second: Option<IkpdbClient>,
}

fn replay(case: &Case, differences: &Differences, job: &Job<'_>) -> Outcome {
    std::fs::create_dir_all(&job.folder).unwrap();
    job.transcript.copy_program(&job.folder).unwrap();
    let places = Places { app: job.folder.clone(), library: job.library.to_owned() };
    let replay = Replay::new(job.transcript, differences, job.python.minor().1, places);
    let mut session = Session { replay, program: None, client: None, second: None };
    while let Some(act) = session.replay.next_act() {
        if !session.goes_on(case, job, act) {
            break;
        }
    }
    let outcome = session.replay.finish();
    if let Some(program) = session.program.as_ref().filter(|_| !outcome.differences.is_empty()) {
        eprintln!("{} on {} said {:#?}", job.transcript.name, job.python.version, program.seen);
    }
    outcome
}

impl Session<'_> {
    /// Does it. False if what has to come does not: what follows would only be late, too.
    fn goes_on(&mut self, case: &Case, job: &Job<'_>, act: Act) -> bool {
        match act {
            Act::Start(start) => {
                let words = start.options.iter().chain([&start.script]).chain(&start.arguments);
                let words: Vec<&str> = words.map(String::as_str).collect();
                let program = Program::start_in(case, job.python, &start.folder, &words);
                self.client = Some(IkpdbClient::connect(("127.0.0.1", program.port)));
                self.program = Some(program);
            }
            // A connection that has ended is found by reading.
            Act::Send(message) => drop(self.client().offer(&message.into())),
            Act::SendBytewise(message) => {
                IkpdbClient::bytes(&message.into()).iter().for_each(|it| self.client().send_raw(&[*it]));
            }
            Act::SendRaw(bytes) => self.client().send_raw(&bytes),
            Act::Signal(name) => self.program().signal(if name == "INT" { libc::SIGINT } else { libc::SIGTERM }),
            Act::Asleep => self.program().sleeps(),
            Act::SecondConnection => self.second = Some(self.connect().unwrap()),
            Act::Await => {
                let deadline = Instant::now() + PATIENCE;
                while !self.replay.has_come() {
                    match self.client().read_by(deadline) {
                        Came::Message(message) => self.replay.take(message),
                        Came::End => break,
                        Came::Nothing => return false,
                    }
                }
            }
            Act::Quiet(time) => drop(self.read_for(time.min(QUIET))),
            Act::Ending => {
                let ends = self.read_for(PATIENCE) == Came::End;
                self.replay.ended(ends);
                return ends;
            }
            Act::Close => self.client = None,
            Act::Exit => {
                let waits = self.waits_for_clients();
                let code = if waits { None } else { self.program().exit_code_by(Instant::now() + PATIENCE) };
                self.replay.exited(code);
            }
        }
        true
    }

    fn client(&mut self) -> &mut IkpdbClient {
        self.client.as_mut().unwrap()
    }

    fn program(&mut self) -> &mut Program {
        self.program.as_mut().unwrap()
    }

    fn connect(&mut self) -> std::io::Result<IkpdbClient> {
        IkpdbClient::try_connect(("127.0.0.1", self.program().port))
    }

    /// Takes what comes for so long, or up to the end of the connection.
    fn read_for(&mut self, time: Duration) -> Came {
        let deadline = Instant::now() + time;
        loop {
            match self.client().read_by(deadline) {
                Came::Message(message) => self.replay.take(message),
                other => return other,
            }
        }
    }

    /// Whether the program waits for what a client says: then it does not end, and nobody has to see for how long.
    fn waits_for_clients(&mut self) -> bool {
        // Another client's messages are not those of the recording.
        let is_recorded = self.client.is_some();
        let Ok(mut client) = self.client.take().map_or_else(|| self.connect(), Ok) else { return false };
        let question = json!({"_id": "does it wait?", "command": "reconnect", "args": {}});
        if client.offer(&question).is_err() {
            return false;
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            match client.read_by(deadline) {
                Came::Message(reply) if reply.get("_id") == question.get("_id") => {
                    return ["pending", "stopped"].iter().any(|it| reply["result"]["executionStatus"] == **it);
                }
                Came::Message(message) if is_recorded => self.replay.take(message),
                Came::Message(_) => {}
                Came::End | Came::Nothing => return false,
            }
        }
    }
}
