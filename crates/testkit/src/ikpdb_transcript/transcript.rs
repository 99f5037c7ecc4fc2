//! A recorded session: what was done and what came, line by line.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::{Object, bytes, folder};

/// A recorded session.
#[derive(Clone, Debug, PartialEq)]
pub struct Transcript {
    /// Its file's name without the ending, such as `01-basic`.
    pub name: String,
    /// What happened, in order.
    pub steps: Vec<Step>,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The number of its line in the file, from 1. What the recorder did without writing it down has that of the line before.
    pub number: u32,
    /// What it was.
    pub kind: StepKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum StepKind {
    /// The program was started: `ikpdb.py` with its arguments, in a folder.
    Spawn {
        /// All of them.
        arguments: Vec<String>,
        /// Where.
        folder: String,
    },
    /// The client sent a message.
    Send(Object),
    /// The client sent a message, each byte by itself.
    SendBytewise(Object),
    /// The client sent bytes.
    SendRaw(Vec<u8>),
    /// The program got a signal, such as `TERM`.
    Signal(String),
    /// The recorder waited for a moment, while the program came to its `time.sleep`.
    Asleep,
    /// A second client connected. It was never served.
    SecondConnection,
    /// The client got a message.
    Receive(Object),
    /// Something was waited for that did not come.
    Quiet {
        /// The command of the reply or event.
        what: String,
        /// For so long.
        seconds: f64,
    },
    /// The connection was closed by the other side.
    Ending,
    /// The client closed the connection.
    Close,
    /// The process ended with a code; or it did not.
    Exit(Option<i32>),
    /// A remark of the recorder's.
    Note(String),
}

#[derive(Deserialize)]
struct Line {
    dir: String,
    msg: Value,
}

/// What the recorder did without writing it down: `tests/ikpdb/unrecorded.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unrecorded {
    act: Vec<UnrecordedAct>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UnrecordedAct {
    transcript: String,
    after: u32,
    bytewise: Option<String>,
    signal: Option<String>,
    #[serde(default)]
    asleep: bool,
}

impl Transcript {
    /// All recorded sessions by name.
    pub fn all() -> Vec<Self> {
        let transcripts = folder().join("transcripts");
        let entries = std::fs::read_dir(&transcripts)
            .unwrap_or_else(|error| panic!("cannot list {}: {error}", transcripts.display()));
        let mut paths: Vec<PathBuf> = entries.filter_map(|it| it.ok().map(|it| it.path())).collect();
        paths.sort();
        paths.iter().filter(|it| it.extension().is_some_and(|it| it == "jsonl")).map(|it| Self::load(it)).collect()
    }

    /// One of them.
    pub fn named(name: &str) -> Self {
        Self::load(&folder().join("transcripts").join(format!("{name}.jsonl")))
    }

    fn load(path: &Path) -> Self {
        let read = |path: &Path| {
            std::fs::read_to_string(path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
        };
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let mut transcript = Self::parse(&name, &read(path)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let unrecorded: Unrecorded = toml::from_str(&read(&folder().join("unrecorded.toml")))
            .unwrap_or_else(|error| panic!("unrecorded.toml: {error}"));
        for act in unrecorded.act.into_iter().filter(|it| it.transcript == name) {
            transcript.insert(act).unwrap_or_else(|error| panic!("unrecorded.toml: {name}: {error}"));
        }
        transcript
    }

    /// Reads a session, without what was not recorded of it.
    pub fn parse(name: &str, text: &str) -> Result<Self, String> {
        let mut steps = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let kind = step(line).map_err(|error| format!("line {number}: {error}"))?;
            steps.push(Step { number, kind });
        }
        Ok(Self { name: name.to_owned(), steps })
    }

    fn insert(&mut self, act: UnrecordedAct) -> Result<(), String> {
        let kind = match (act.bytewise, act.signal, act.asleep) {
            (Some(message), None, false) => {
                StepKind::SendBytewise(serde_json::from_str(&message).map_err(|error| error.to_string())?)
            }
            (None, Some(signal), false) => StepKind::Signal(signal),
            (None, None, true) => StepKind::Asleep,
            _ => return Err("an act is either `bytewise`, or a `signal`, or `asleep`".to_owned()),
        };
        let at = self.steps.iter().position(|it| it.number > act.after).ok_or("there is no such line")?;
        self.steps.insert(at, Step { number: act.after, kind });
        Ok(())
    }

    /// The folder of the program that is debugged. Its content takes the place of what lay in `/srv/app`.
    pub fn program(&self) -> PathBuf {
        let name = match self.name.as_str() {
            name if name.starts_with("12") => "12-paths",
            "32-zip-source" => "32-zip",
            name => name,
        };
        folder().join("programs").join(name)
    }

    /// Copies the program into a folder that is there.
    pub fn copy_program(&self, to: &Path) -> std::io::Result<()> {
        copy(&self.program(), to)
    }
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            std::fs::create_dir_all(&target)?;
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

fn step(line: &str) -> Result<StepKind, String> {
    let Line { dir, msg } = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let object = |msg: Value| match msg {
        Value::Object(object) => Ok(object),
        _ => Err("the message is no object".to_owned()),
    };
    Ok(match dir.as_str() {
        "spawn" => {
            let mut words = serde_json::from_value::<Vec<String>>(msg["cmd"].clone()).map_err(|it| it.to_string())?;
            words.remove(0);
            StepKind::Spawn { arguments: words, folder: msg["cwd"].as_str().unwrap_or_default().to_owned() }
        }
        "client->ikpdb" => StepKind::Send(object(msg)?),
        "ikpdb->client" => StepKind::Receive(object(msg)?),
        "client-raw" => {
            StepKind::SendRaw(msg.as_str().and_then(bytes::parse).ok_or("this is no literal of Python bytes")?)
        }
        "second-connection" => StepKind::SecondConnection,
        "timeout" => quiet(msg.as_str().unwrap_or_default()).ok_or("it does not say what did not come")?,
        "eof" => StepKind::Ending,
        "client-close" => StepKind::Close,
        "process-exit" => StepKind::Exit(msg["rc"].as_i64().and_then(|it| i32::try_from(it).ok())),
        "recorder" | "cpu-ticks-1s-apart" | "cpu-ticks-after-disconnect" => StepKind::Note(msg.to_string()),
        other => return Err(format!("`{other}` is not known")),
    })
}

/// `no programBreak within 0.7s`, `no reply to evaluate within 1s`.
fn quiet(text: &str) -> Option<StepKind> {
    let (what, time) = text.strip_prefix("no ")?.split_once(" within ")?;
    let what = what.strip_prefix("reply to ").unwrap_or(what).to_owned();
    Some(StepKind::Quiet { what, seconds: time.strip_suffix('s')?.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_by_what_they_tell() {
        let text = r#"{"dir": "spawn", "msg": {"cmd": ["ikpdb.py", "-ik_p", "1", "prog.py"], "cwd": "/srv/app"}}
{"dir": "client-raw", "msg": "b'length=\\xff'"}
{"dir": "timeout", "msg": "no reply to evaluate within 1.5s"}
{"dir": "process-exit", "msg": {"rc": "still running after 2s", "output": ""}}
{"dir": "process-exit", "msg": {"rc": -11}}"#;
        let steps = Transcript::parse("x", text).unwrap().steps;
        let arguments = ["-ik_p", "1", "prog.py"].map(str::to_owned).to_vec();
        assert_eq!(steps[0].kind, StepKind::Spawn { arguments, folder: "/srv/app".into() });
        assert_eq!(steps[1].kind, StepKind::SendRaw(b"length=\xff".to_vec()));
        assert_eq!(steps[2].kind, StepKind::Quiet { what: "evaluate".into(), seconds: 1.5 });
        assert_eq!((&steps[3].kind, &steps[4].kind), (&StepKind::Exit(None), &StepKind::Exit(Some(-11))));
        assert_eq!(steps[4].number, 5);
    }

    #[test]
    fn a_line_that_is_not_understood_is_named() {
        let error = Transcript::parse("x", "{\"dir\": \"eof\", \"msg\": null}\n{\"dir\": \"dance\", \"msg\": null}");
        assert_eq!(error.unwrap_err(), "line 2: `dance` is not known");
    }
}
