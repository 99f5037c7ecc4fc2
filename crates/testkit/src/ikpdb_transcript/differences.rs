//! The table of what differs from the original: `tests/ikpdb/differences.toml`.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use super::compare::{Found, What, compare};
use super::names::Names;
use super::path::{Path, Pattern, glob};
use super::{Object, Places, StepKind, Transcript, folder};

/// Why something differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Why {
    /// The original is wrong there.
    Fix,
    /// The interpreter is another one.
    Python3,
    /// It does not matter to clients, and is easier so, or of more use.
    Free,
}

/// A place at which something differs.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Why.
    pub why: Why,
    /// Why, in a sentence without a stop.
    pub reason: String,
    /// Of which transcripts; may hold `*`.
    pub transcript: String,
    messages: Option<(u32, u32)>,
    pythons: (Option<u32>, Option<u32>),
    path: Option<(String, Pattern)>,
    recorded: Option<Value>,
    /// Whether it differs depends on who is faster.
    sometimes: bool,
    pub(super) change: Change,
}

/// What there is instead.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    /// This value; in a text `*` stands for what it stands for in `recorded`, or for anything if that is not given.
    To(Value),
    /// Any value of this type, or of the type that was recorded.
    Any(Option<Type>),
    Removed,
    /// This, if it is said what.
    Added(Option<Value>),
    /// The step is not done.
    Skipped,
    /// An event may come before this reply.
    Overtaken,
}

/// A type of JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    Number,
    Flag,
    Object,
    List,
    Null,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(default)]
    difference: Vec<Group>,
    #[serde(default)]
    fixed: Vec<Fixed>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    why: Why,
    reason: String,
    at: Vec<At>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct At {
    #[serde(default)]
    transcript: Option<String>,
    message: Option<toml::Value>,
    /// The first and the last minor version of Python 3.
    from: Option<u32>,
    to: Option<u32>,
    path: Option<String>,
    recorded: Option<toml::Value>,
    ours: Option<toml::Value>,
    change: Option<String>,
    #[serde(default)]
    sometimes: bool,
}

/// What the original does wrong that no recording shows done right.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fixed {
    /// What is right, in a sentence without a stop.
    pub reason: String,
    /// The test that shows it: a file of the repository, `::` and a function.
    pub test: String,
}

/// The table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Differences {
    entries: Vec<Entry>,
    fixed: Vec<Fixed>,
}

impl Differences {
    /// The table of the repository.
    pub fn load() -> Result<Self, String> {
        let path = folder().join("differences.toml");
        let text =
            std::fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        Self::parse(&text).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Reads a table.
    pub fn parse(text: &str) -> Result<Self, String> {
        let table: Table = toml::from_str(text).map_err(|error| error.to_string())?;
        let mut entries = Vec::new();
        for group in table.difference {
            for at in group.at {
                let shown = format!("{}, {:?}, {:?}", group.reason, at.transcript, at.path);
                let entry = entry(group.why, &group.reason, at).map_err(|error| format!("{shown}: {error}"))?;
                entries.push(entry);
            }
        }
        Ok(Self { entries, fixed: table.fixed })
    }

    /// All entries, in the order of the file.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What tests show, in the order of the file.
    pub fn fixed(&self) -> &[Fixed] {
        &self.fixed
    }

    /// The entries that were of no use although their version of Python 3 was among those that were run, each in one line.
    pub fn unused(&self, used: &BTreeSet<usize>, pythons: &[u32]) -> Vec<String> {
        let entries = self.entries.iter().enumerate();
        let is_due = |entry: &Entry| !entry.sometimes && pythons.iter().any(|it| entry.is_for(*it));
        let unused = entries.filter(|(number, entry)| !used.contains(number) && is_due(entry));
        unused.map(|(_, entry)| format!("{}: nothing differs there ({})", entry.place(), entry.reason)).collect()
    }

    /// The entries that speak of nothing that was recorded, each in one line.
    pub fn stale(&self, transcripts: &[Transcript]) -> Vec<String> {
        let stale = self.entries.iter().filter(|entry| !transcripts.iter().any(|it| entry.speaks_of(it)));
        stale.map(|entry| format!("{}: there is no such thing in the recordings", entry.place())).collect()
    }

    /// The entries of a step.
    pub(super) fn of<'a>(&'a self, step: Place<'a>) -> impl Iterator<Item = (usize, &'a Entry)> {
        self.entries.iter().enumerate().filter(move |(_, entry)| entry.is_at(step))
    }

    /// The entry that says so.
    pub(super) fn find(&self, step: Place<'_>, found: &Found) -> Option<usize> {
        self.of(step).find(|(_, entry)| entry.says(found)).map(|(number, _)| number)
    }

    /// The entries of a step that let values be what they are.
    pub(super) fn freeing<'a>(&'a self, step: Place<'a>) -> Vec<(usize, &'a Entry)> {
        self.of(step).filter(|(_, entry)| matches!(entry.change, Change::Any(_))).collect()
    }
}

/// A step of a transcript, under a version of Python 3.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) transcript: &'a str,
    pub(super) number: u32,
    pub(super) python: u32,
}

impl Entry {
    /// The entry's place: transcripts, numbers of steps, and path.
    pub fn place(&self) -> String {
        let numbers = match self.messages {
            None => String::new(),
            Some((from, to)) if from == to => format!(" {from}"),
            Some((from, to)) => format!(" {from}-{to}"),
        };
        format!("{}{numbers}{}", self.transcript, self.path().map(|it| format!(" {it}")).unwrap_or_default())
    }

    /// Where in the message; `None` for the message as a whole.
    pub fn path(&self) -> Option<&str> {
        self.path.as_ref().map(|(text, _)| text.as_str())
    }

    fn is_for(&self, python: u32) -> bool {
        self.pythons.0.is_none_or(|from| from <= python) && self.pythons.1.is_none_or(|to| python <= to)
    }

    fn is_at(&self, step: Place<'_>) -> bool {
        self.is_for(step.python)
            && glob(&self.transcript, step.transcript).is_some()
            && self.messages.is_none_or(|(from, to)| (from..=to).contains(&step.number))
    }

    fn is_of(&self, path: &Path) -> bool {
        self.path.as_ref().map_or(path.depth() == 0, |(_, pattern)| pattern.matches(path))
    }

    fn says(&self, found: &Found) -> bool {
        if !self.is_of(&found.path) {
            return false;
        }
        match (&self.change, &found.what) {
            (Change::To(ours), What::Changed { recorded, came }) => {
                leads_to(self.recorded.as_ref(), ours, recorded, came)
            }
            (Change::Removed, What::Removed(recorded)) => self.is_recorded(recorded),
            (Change::Added(None), What::Added(_)) | (Change::Overtaken, What::Overtaken) => true,
            (Change::Added(Some(ours)), What::Added(came)) => leads_to(None, ours, &Value::Null, came),
            _ => false,
        }
    }

    /// Whether two values may be what they are.
    pub(super) fn frees(&self, path: &Path, recorded: &Value, came: &Value) -> bool {
        let Change::Any(of) = self.change else { return false };
        let expected = of.unwrap_or_else(|| type_of(recorded));
        self.is_of(path) && type_of(came) == expected && self.is_recorded(recorded)
    }

    fn is_recorded(&self, value: &Value) -> bool {
        self.recorded.as_ref().is_none_or(|it| matches_value(it, value).is_some())
    }

    /// Whether something like this was recorded. What was added was not, so only its step is looked for.
    fn speaks_of(&self, transcript: &Transcript) -> bool {
        let is_added = matches!(self.change, Change::Added(_));
        transcript.steps.iter().any(|step| {
            let place = Place { transcript: &transcript.name, number: step.number, python: 0 };
            let here = Self { pythons: (None, None), ..self.clone() };
            here.is_at(place)
                && match (&step.kind, &self.path) {
                    (_, None) => true,
                    (StepKind::Receive(message), Some(_)) => is_added || self.is_within(message),
                    (StepKind::Exit(_), Some((path, _))) => path == "rc",
                    _ => false,
                }
        })
    }

    fn is_within(&self, message: &Object) -> bool {
        let places = Places::recorded();
        let mut found = false;
        let mut look = |path: &Path, recorded: &Value, _: &Value| {
            found |= self.is_of(path) && self.is_recorded(&places.strip_value(recorded));
            false
        };
        compare(message, message, &places, &mut Names::default(), &mut look);
        found
    }
}

/// Whether a value came that the table says.
fn leads_to(pattern: Option<&Value>, ours: &Value, recorded: &Value, came: &Value) -> bool {
    let Some(pattern) = pattern else { return matches_value(ours, came).is_some() };
    let Some(stars) = matches_value(pattern, recorded) else { return false };
    match (ours, came) {
        (Value::String(ours), Value::String(came)) => {
            let mut parts = ours.split('*');
            let first = parts.next().unwrap_or_default().to_owned();
            let mut stars = stars.into_iter();
            parts.fold(first, |text, part| text + stars.next().unwrap_or("*") + part) == *came
        }
        _ => ours == came,
    }
}

/// What the `*` of a text stand for; nothing for other values, if they are equal. A member that is a `*` and nothing else may be anything.
pub(super) fn matches_value<'a>(pattern: &Value, value: &'a Value) -> Option<Vec<&'a str>> {
    match (pattern, value) {
        (Value::String(pattern), Value::String(text)) => glob(pattern, text),
        (Value::Object(patterns), Value::Object(values)) if patterns.len() == values.len() => {
            let matches = |(key, it): (&String, &Value)| {
                values.get(key).is_some_and(|value| it == "*" || matches_value(it, value).is_some())
            };
            patterns.iter().all(matches).then(Vec::new)
        }
        (Value::Array(patterns), Value::Array(values)) if patterns.len() == values.len() => {
            patterns.iter().zip(values).all(|(it, value)| matches_value(it, value).is_some()).then(Vec::new)
        }
        _ => (pattern == value).then(Vec::new),
    }
}

fn type_of(value: &Value) -> Type {
    match value {
        Value::Null => Type::Null,
        Value::Bool(_) => Type::Flag,
        Value::Number(_) => Type::Number,
        Value::String(_) => Type::Text,
        Value::Array(_) => Type::List,
        Value::Object(_) => Type::Object,
    }
}

fn entry(why: Why, reason: &str, at: At) -> Result<Entry, String> {
    let json = |value: toml::Value| serde_json::to_value(value).map_err(|error| error.to_string());
    let ours = at.ours.map(json).transpose()?;
    let change = match (at.change.as_deref(), ours) {
        (None, Some(ours)) => Change::To(ours),
        (Some("null"), None) => Change::To(Value::Null),
        (Some("removed"), None) => Change::Removed,
        (Some("added"), ours) => Change::Added(ours),
        (Some("skipped"), None) if at.path.is_none() => Change::Skipped,
        (Some("overtaken"), None) if at.path.is_none() => Change::Overtaken,
        (Some("any"), None) => Change::Any(None),
        (Some("any text"), None) => Change::Any(Some(Type::Text)),
        (Some("any number"), None) => Change::Any(Some(Type::Number)),
        (Some("any object"), None) => Change::Any(Some(Type::Object)),
        (Some("any list"), None) => Change::Any(Some(Type::List)),
        _ => return Err("either `ours` or a `change` that is known says what there is instead".to_owned()),
    };
    let messages = match at.message {
        None => None,
        Some(toml::Value::Integer(number)) => u32::try_from(number).ok().map(|it| (it, it)),
        Some(toml::Value::String(range)) => {
            let numbers = range.split_once('-').and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
            Some(numbers.ok_or("`message` is a number, or two with a `-` between them")?)
        }
        Some(_) => return Err("`message` is a number, or two with a `-` between them".to_owned()),
    };
    let path = at.path.map(|text| Pattern::parse(&text).map(|pattern| (text, pattern))).transpose()?;
    if path.is_none() && messages.is_none() {
        return Err("a whole message has a number".to_owned());
    }
    Ok(Entry {
        why,
        reason: reason.trim_end_matches('.').to_owned(),
        transcript: at.transcript.unwrap_or_else(|| "*".to_owned()),
        messages,
        pythons: (at.from, at.to),
        path,
        recorded: at.recorded.map(json).transpose()?,
        sometimes: at.sometimes,
        change,
    })
}
