//! Plays the client of a specification with an adapter.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::pattern::Names;
use crate::spec::{Expected, Step, What};
use crate::{Adapter, Fault, Spec};

/// No step takes longer, unless something is broken.
const PATIENCE: Duration = Duration::from_secs(30);

/// Who is held to the specification.
pub struct Subject {
    /// Starts the adapter.
    pub command: Command,
    /// What `launch` is told besides the program: the interpreter, for example.
    pub launch: Value,
}

/// Whether it holds.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It does.
    Holds,
    /// The adapter does not claim to be able to.
    Lacks(String),
}

/// Runs a specification in a folder of its own.
pub fn run(spec: &Spec, mut subject: Subject, folder: &Path) -> Result<Outcome, Fault> {
    for file in &spec.files {
        let path = folder.join(&file.name);
        std::fs::create_dir_all(path.parent().unwrap_or(folder))?;
        std::fs::write(path, &file.text)?;
    }
    let mut adapter = Adapter::start(&mut subject.command, PATIENCE)?;
    let initialize = json!({"adapterID": "specs", "clientID": "specs", "pathFormat": "path", "linesStartAt1": true,
        "columnsStartAt1": true, "supportsVariableType": true, "supportsProgressReporting": true});
    let capabilities = adapter.request("initialize", &initialize)?;
    for need in &spec.needs {
        let claimed = need.split('.').fold(&capabilities, |value, name| &value[name]);
        if claimed != &Value::Bool(true) {
            return Ok(Outcome::Lacks(need.clone()));
        }
    }
    let folder = folder.to_string_lossy();
    let names = Names { files: &spec.files, folder: &folder, bound: BTreeMap::new() };
    let mut client =
        Client { adapter, names, launch: subject.launch, launched: None, asked: BTreeMap::new(), seen: vec![] };
    for step in &spec.steps {
        client.take(step).map_err(|fault| Fault(format!("line {}: {fault}\n{}", step.line, client.history())))?;
    }
    let _ = client.adapter.request("disconnect", &json!({"terminateDebuggee": true}));
    Ok(Outcome::Holds)
}

struct Client<'a> {
    adapter: Adapter,
    names: Names<'a>,
    launch: Value,
    /// Number of the request that starts the program.
    launched: Option<u64>,
    asked: BTreeMap<String, u64>,
    /// Events, in their order; those that a step has used are gone.
    seen: Vec<Value>,
}

impl Client<'_> {
    fn take(&mut self, step: &Step) -> Result<(), Fault> {
        match &step.what {
            What::Launch(more) => self.launch(more),
            What::Start => {
                self.adapter.request("configurationDone", &json!({}))?;
                let launched = self.launched.take().ok_or_else(|| Fault("nothing was launched".into()))?;
                self.adapter.response(launched).map(drop)
            }
            What::Request { command, arguments, expected } => {
                let seq = self.adapter.send(command, &self.names.fill(arguments)?)?;
                self.answer(seq, expected)
            }
            What::Ask { name, command, arguments } => {
                let seq = self.adapter.send(command, &self.names.fill(arguments)?)?;
                self.asked.insert(name.clone(), seq);
                Ok(())
            }
            What::Answer { name, expected } => {
                let seq = self.asked.remove(name).ok_or_else(|| Fault(format!("nothing was asked as '{name}'")))?;
                self.answer(seq, expected)
            }
            What::Event { name, pattern } => {
                let body = self.event(name, |_| true)?;
                self.names.fit(pattern, &body)
            }
            What::Stop { reason, marker, function, pattern } => self.stop(reason, marker, function.as_deref(), pattern),
            What::Output { category, text } => self.output(category, text),
            What::End(code) => self.end(*code),
        }
    }

    fn launch(&mut self, more: &Value) -> Result<(), Fault> {
        let mut arguments = json!({"cwd": self.names.folder, "console": "internalConsole", "stopOnEntry": false});
        let main = self.names.files.first().map(|file| format!("{}/{}", self.names.folder, file.name));
        arguments["program"] = main.into();
        let more = self.names.fill(more)?;
        for fields in [&self.launch, &more] {
            for (name, value) in fields.as_object().into_iter().flatten() {
                arguments[name] = value.clone();
            }
        }
        self.launched = Some(self.adapter.send("launch", &arguments)?);
        self.event("initialized", |_| true).map(drop)
    }

    fn answer(&mut self, seq: u64, expected: &Expected) -> Result<(), Fault> {
        match (self.adapter.answer(seq)?, expected) {
            (Ok(body), Expected::Body(pattern)) => self.names.fit(pattern, &body),
            (Err(text), Expected::Refusal(part)) if text.contains(part) => Ok(()),
            (Ok(body), Expected::Refusal(part)) => Err(Fault(format!("not refused with '{part}', but {body}"))),
            (Err(text), _) => Err(Fault(format!("refused: {text}"))),
        }
    }

    /// The first event of this name that is wanted; others stay for later steps.
    fn event(&mut self, name: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value, Fault> {
        let is_it = |event: &Value| event["event"] == name && wanted(&event["body"]);
        let end = Instant::now() + self.adapter.patience();
        loop {
            if let Some(at) = self.seen.iter().position(is_it) {
                return Ok(self.seen.remove(at)["body"].take());
            }
            let event = self.adapter.next_event(end).map_err(|fault| Fault(format!("no event '{name}': {fault}")))?;
            let ended = event["event"] == "terminated" && name != "terminated";
            self.seen.push(event);
            if ended && !self.seen.iter().any(is_it) {
                return Err(Fault(format!("the program ended before the event '{name}'")));
            }
        }
    }

    fn stop(&mut self, reason: &str, marker: &str, function: Option<&str>, pattern: &Value) -> Result<(), Fault> {
        let (file, line) = self.names.line(marker)?;
        let path = format!("{}/{file}", self.names.folder);
        let stopped = self.event("stopped", |_| true)?;
        let thread = stopped["threadId"].clone();
        let stack = self.adapter.request("stackTrace", &json!({"threadId": thread, "startFrame": 0, "levels": 20}))?;
        let top = stack["stackFrames"][0].clone();
        let here = (&stopped["reason"], &top["source"]["path"], &top["line"]);
        if here != (&json!(reason), &json!(path), &json!(line)) {
            return Err(Fault(format!("wanted a stop '{reason}' at {path}:{line}, but it is {stopped}\nat {top}")));
        }
        let name = top["name"].as_str().unwrap_or_default();
        // Adapters qualify names or not.
        if let Some(function) = function.filter(|it| name != *it && !name.ends_with(&format!(".{it}"))) {
            return Err(Fault(format!("wanted a stop in {function}, but it is in {name}")));
        }
        self.names.fit(pattern, &stopped)?;
        for (name, value) in [("thread", thread), ("frame", top["id"].clone()), ("top", top), ("stopped", stopped)] {
            self.names.bound.insert(name.to_owned(), value);
        }
        self.names.bound.insert("frames".to_owned(), stack["stackFrames"].clone());
        Ok(())
    }

    fn output(&mut self, category: &str, text: &str) -> Result<(), Fault> {
        // The text may come in pieces.
        let mut all = String::new();
        while !all.contains(text) {
            let piece = self.event("output", |body| body["category"] == category);
            let piece = piece.map_err(|fault| Fault(format!("{fault}; '{text}' is not in '{all}'")))?;
            all.push_str(piece["output"].as_str().unwrap_or_default());
        }
        Ok(())
    }

    fn end(&mut self, code: i64) -> Result<(), Fault> {
        let exited = self.event("exited", |_| true)?;
        self.event("terminated", |_| true)?;
        if let Some(stopped) = self.seen.iter().find(|event| event["event"] == "stopped") {
            return Err(Fault(format!("it stopped once more: {stopped}")));
        }
        if exited["exitCode"] == code { Ok(()) } else { Err(Fault(format!("it ended otherwise: {exited}"))) }
    }

    fn history(&self) -> String {
        let events = self.seen.iter().map(|event| format!("  {event}\n"));
        format!("events that no step has used:\n{}", events.collect::<String>())
    }
}
