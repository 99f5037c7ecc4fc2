//! Goes through a recorded session with another implementation: says what to do, and compares what comes.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use super::compare::{Found, What, compare};
use super::differences::{Change, Place, matches_value};
use super::names::Names;
use super::outgoing::{Start, outgoing, outgoing_bytes};
use super::path::Path;
use super::{Differences, Object, Places, StepKind, Transcript};

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// Start the program, and connect.
    Start(Start),
    /// Send a message.
    Send(Object),
    /// Send a message, each byte by itself.
    SendBytewise(Object),
    /// Send these bytes.
    SendRaw(Vec<u8>),
    /// Send the program a signal, such as `TERM`.
    Signal(String),
    /// Wait until the program's main thread is in `time.sleep`.
    Asleep,
    /// Connect a second time; nothing is to come there.
    SecondConnection,
    /// Read until [`Replay::has_come`], or until it is too late.
    Await,
    /// Read for so long.
    Quiet(Duration),
    /// Read to the end of the connection, and say whether it has come.
    Ending,
    /// Close the connection.
    Close,
    /// Wait for the process to end, and say how it did.
    Exit,
}

/// Something that is not as it was recorded, and not in the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The transcript's name.
    pub transcript: String,
    /// The number of the step.
    pub number: u32,
    /// Where in the message; empty for the message as a whole.
    pub path: String,
    /// What it is.
    pub text: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {} {}: {}", self.transcript, self.number, self.path, self.text)
    }
}

/// What became of a replay.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// What is not in the table.
    pub differences: Vec<Difference>,
    /// The numbers of the entries of the table that were of use.
    pub used: BTreeSet<usize>,
}

/// A replay under way.
#[derive(Debug)]
pub struct Replay<'a> {
    transcript: &'a Transcript,
    differences: &'a Differences,
    /// The minor version of Python 3.
    python: u32,
    places: Places,
    /// The next step.
    next: usize,
    /// The number of the step under way.
    number: u32,
    /// What is still to come in this step.
    expected: VecDeque<Expected>,
    awaited: Option<Expected>,
    /// What was not to come in the quiet time that is over with the next act.
    unwanted: Option<String>,
    /// What came and was not awaited yet, with the step in which it did.
    early: Vec<(u32, Object)>,
    names: Names,
    outcome: Outcome,
}

#[derive(Clone, Debug)]
enum Expected {
    Recorded(Object),
    /// By the table.
    Ours(Object),
}

impl Expected {
    fn message(&self) -> &Object {
        match self {
            Self::Recorded(message) | Self::Ours(message) => message,
        }
    }

    /// Replies are told by their ids, and some have none. Events come in their order.
    fn is(&self, message: &Object) -> bool {
        self.message().get("_id") == message.get("_id")
    }
}

fn is_event(message: &Object) -> bool {
    message.get("_id").is_some_and(Value::is_null)
}

impl<'a> Replay<'a> {
    /// Begins, under a minor version of Python 3.
    pub fn new(transcript: &'a Transcript, differences: &'a Differences, python: u32, places: Places) -> Self {
        Self {
            transcript,
            differences,
            python,
            places,
            next: 0,
            number: 0,
            expected: VecDeque::new(),
            awaited: None,
            unwanted: None,
            early: Vec::new(),
            names: Names::default(),
            outcome: Outcome::default(),
        }
    }

    /// What to do next; `None` at the end.
    pub fn next_act(&mut self) -> Option<Act> {
        self.close_step();
        loop {
            if let Some(expected) = self.expected.pop_front() {
                self.awaited = Some(expected);
                return Some(Act::Await);
            }
            let transcript = self.transcript;
            let step = transcript.steps.get(self.next)?;
            self.next += 1;
            self.number = step.number;
            if self.is_changed(|it| matches!(it, Change::Skipped)) {
                continue;
            }
            let ours = self.ours();
            let act = match &step.kind {
                StepKind::Spawn { arguments, folder } => Some(Act::Start(Start::new(arguments, folder, &self.places))),
                StepKind::Send(message) => Some(Act::Send(outgoing(message, &self.names, &self.places))),
                StepKind::SendBytewise(message) => {
                    Some(Act::SendBytewise(outgoing(message, &self.names, &self.places)))
                }
                StepKind::SendRaw(bytes) => Some(Act::SendRaw(outgoing_bytes(bytes, &self.names))),
                StepKind::Signal(signal) => Some(Act::Signal(signal.clone())),
                StepKind::Asleep => Some(Act::Asleep),
                StepKind::SecondConnection => Some(Act::SecondConnection),
                StepKind::Receive(message) => {
                    if !self.is_changed(|it| matches!(it, Change::Removed)) {
                        self.expected.push_back(Expected::Recorded(message.clone()));
                    }
                    None
                }
                StepKind::Quiet { what, seconds } if ours.is_empty() => {
                    self.unwanted = Some(what.clone());
                    Some(Act::Quiet(Duration::from_secs_f64(*seconds)))
                }
                StepKind::Quiet { .. } | StepKind::Note(_) => None,
                StepKind::Ending => Some(Act::Ending),
                StepKind::Close => Some(Act::Close),
                StepKind::Exit(_) => Some(Act::Exit),
            };
            self.expected.extend(ours);
            if act.is_some() {
                return act;
            }
        }
    }

    /// Whether what is awaited has come, or nothing is.
    pub fn has_come(&mut self) -> bool {
        let Some(expected) = &self.awaited else { return true };
        let Some(at) = self.early.iter().position(|(_, message)| expected.is(message)) else { return false };
        let expected = expected.clone();
        self.awaited = None;
        let (_, message) = self.early.remove(at);
        if !is_event(&message) && self.early[..at].iter().any(|(_, earlier)| is_event(earlier)) {
            self.judge(Found { path: Path::default(), what: What::Overtaken });
        }
        match expected {
            Expected::Recorded(recorded) => self.compare(&recorded, &message),
            Expected::Ours(ours) => self.compare_with_table(&ours, &message),
        }
        true
    }

    /// Takes a message that came, at any time.
    pub fn take(&mut self, message: Object) {
        self.early.push((self.number, message));
    }

    /// Says whether the connection has ended, after [`Act::Ending`].
    pub fn ended(&mut self, whether: bool) {
        if !whether {
            self.judge(Found { path: Path::default(), what: What::Removed("the end of the connection".into()) });
        }
    }

    /// Says how the process ended, after [`Act::Exit`]: its code, a negative one for a signal, `None` if it did not end.
    pub fn exited(&mut self, code: Option<i32>) {
        let recorded = self.transcript.steps.iter().find_map(|step| match step.kind {
            StepKind::Exit(code) if step.number == self.number => Some(code),
            _ => None,
        });
        let text = |code: Option<i32>| code.map_or_else(|| Value::from("still running"), Value::from);
        let object = |code| Object::from_iter([("rc".to_owned(), text(code))]);
        self.compare(&object(recorded.flatten()), &object(code));
    }

    /// What became of it.
    pub fn finish(mut self) -> Outcome {
        self.close_step();
        for (number, message) in std::mem::take(&mut self.early) {
            self.number = number;
            self.judge(Found { path: Path::default(), what: What::Added(message.into()) });
        }
        self.outcome
    }

    fn place(&self) -> Place<'a> {
        Place { transcript: &self.transcript.name, number: self.number, python: self.python }
    }

    /// Reports what should have come and did not, and what came and should not have.
    fn close_step(&mut self) {
        if let Some(expected) = self.awaited.take() {
            let what = match expected {
                Expected::Recorded(message) => What::Removed(message.into()),
                Expected::Ours(message) => What::Removed(json!({"the table says": message})),
            };
            self.judge(Found { path: Path::default(), what });
        }
        if let Some(unwanted) = self.unwanted.take() {
            let is_unwanted = |message: &Object| message.get("command").and_then(Value::as_str) == Some(&unwanted);
            while let Some(at) = self.early.iter().position(|(_, message)| is_unwanted(message)) {
                let (_, message) = self.early.remove(at);
                self.judge(Found { path: Path::default(), what: What::Added(message.into()) });
            }
        }
    }

    /// Whether the table says so of the whole step.
    fn is_changed(&mut self, how: fn(&Change) -> bool) -> bool {
        let differences = self.differences;
        let mut entries = differences.of(self.place()).filter(|(_, it)| it.path().is_none() && how(&it.change));
        let found = entries.next().map(|(number, _)| number);
        self.outcome.used.extend(found);
        found.is_some()
    }

    /// What comes after this step by the table. What was not recorded has the number of the step before it, and belongs to it.
    fn ours(&mut self) -> Vec<Expected> {
        if self.transcript.steps.get(self.next).is_some_and(|it| it.number == self.number) {
            return Vec::new();
        }
        let differences = self.differences;
        let entries = differences.of(self.place()).filter(|(_, it)| it.path().is_none());
        let mut ours = Vec::new();
        for (number, entry) in entries {
            if let Change::Added(Some(Value::Object(message))) = &entry.change {
                ours.push(Expected::Ours(completed(message)));
                self.outcome.used.insert(number);
            }
        }
        ours
    }

    fn compare(&mut self, recorded: &Object, came: &Object) {
        if recorded.get("command").is_some_and(|it| it == "programBreak") {
            self.names.forget_stop();
        }
        let (differences, place) = (self.differences, self.place());
        let (freeing, used) = (differences.freeing(place), &mut self.outcome.used);
        let mut is_free = |path: &Path, recorded: &Value, came: &Value| {
            let entry = freeing.iter().find(|(_, entry)| entry.frees(path, recorded, came));
            used.extend(entry.map(|(number, _)| *number));
            entry.is_some()
        };
        let found = compare(recorded, came, &self.places, &mut self.names, &mut is_free);
        found.into_iter().for_each(|it| self.judge(it));
    }

    /// A message that the table tells of is told in short: what frames hold and which threads there are does not matter.
    fn compare_with_table(&mut self, ours: &Object, came: &Object) {
        let Value::Object(mut came) = self.places.strip_value(&came.clone().into()) else { return };
        came.remove("threads");
        let frames = came.get("frames").and_then(Value::as_array).filter(|it| !it.is_empty());
        if let Some(frames) = frames {
            let short: Value = frames.iter().map(in_short).collect();
            came.insert("frames".to_owned(), short);
        }
        let came = Value::Object(came);
        if matches_value(&ours.clone().into(), &came).is_none() {
            let what = What::Changed { recorded: json!({"the table says": ours}), came };
            self.report(&Found { path: Path::default(), what });
        }
    }

    fn judge(&mut self, found: Found) {
        match self.differences.find(self.place(), &found) {
            Some(entry) => drop(self.outcome.used.insert(entry)),
            None => self.report(&found),
        }
    }

    fn report(&mut self, found: &Found) {
        let text = match &found.what {
            What::Changed { recorded, came } => format!("{recorded} was recorded, {came} came"),
            What::Removed(recorded) => format!("{recorded} was recorded, nothing came"),
            What::Added(came) => format!("nothing was recorded, {came} came"),
            What::Overtaken => "an event came before this reply".to_owned(),
        };
        let (transcript, path) = (self.transcript.name.clone(), found.path.to_string());
        self.outcome.differences.push(Difference { transcript, number: self.number, path, text });
    }
}

/// `f() [MainThread] prog.py:3`
fn in_short(frame: &Value) -> Value {
    let text = |key: &str| frame[key].as_str().unwrap_or_default();
    format!("{} {}:{}", text("name"), text("file_path"), frame["line_number"]).into()
}

/// A message of the table with what all messages have.
fn completed(message: &Object) -> Object {
    let lists = ["info_messages", "warning_messages", "error_messages"];
    let mut all: Object = lists.iter().map(|it| ((*it).to_owned(), json!([]))).collect();
    all.insert("commandExecStatus".to_owned(), "ok".into());
    all.insert("result".to_owned(), json!({}));
    if !message.contains_key("_id") {
        all.insert("_id".to_owned(), Value::Null);
        all.insert("frames".to_owned(), json!([]));
        all.insert("exception".to_owned(), Value::Null);
    }
    all.extend(message.clone());
    all
}
