//! Requests in every wrong form, made from a table of good ones, and what must be true of each answer. Used at both doors.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "test code; each test file uses its part"
)]

use ikpdb_proto::Response;
use serde_json::{Value, json};

/// A program that goes on until `over` is set, and ends in its own way.
pub const PROGRAM: &str = "\
import time
def work(n):
    value = n + 1  # BP:work
    return value
over = False
n = 0
while not over:
    n = work(n)
    time.sleep(0.001)
print('end')
raise SystemExit(3)
";

/// The longest refusal, in characters.
pub const LONGEST: usize = 1100;

/// What an argument has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// From -2^31 to 2^31-1.
    Int,
    /// From 0 to 2^32-1.
    Natural,
    /// From -2^63 to 2^63-1.
    Long,
    Text,
    Bool,
    List,
    Object,
}

/// An argument: where it stands, what it has to be, and whether the request makes no sense without it.
pub type Field = (&'static str, Kind, bool);

/// Every request that the agent has, in a good form: `$thread`, `$frame`, `$locals` and `$path` stand for what the stop has.
pub fn requests() -> Vec<(&'static str, Value, Vec<Field>)> {
    use Kind::{Bool, Int, List, Long, Natural, Object, Text};
    let thread = || json!({"threadId": "$thread"});
    let source = || json!({"path": "$path"});
    vec![
        ("initialize", json!({"adapterID": "ikpdb", "linesStartAt1": true}), vec![]),
        (
            "attach",
            json!({"stopOnEntry": false, "justMyCode": true}),
            vec![("/stopOnEntry", Bool, false), ("/justMyCode", Bool, false)],
        ),
        ("configurationDone", json!({}), vec![]),
        (
            "setBreakpoints",
            json!({"source": source(), "breakpoints": [{"line": 3, "column": 5, "condition": "n >= 0"}]}),
            vec![
                ("/source", Object, true),
                ("/source/path", Text, true),
                ("/breakpoints", List, false),
                ("/breakpoints/0", Object, true),
                ("/breakpoints/0/line", Natural, true),
                ("/breakpoints/0/column", Natural, false),
                ("/breakpoints/0/condition", Text, false),
            ],
        ),
        (
            "setFunctionBreakpoints",
            json!({"breakpoints": [{"name": "nothing.such", "condition": "n > 0", "hitCondition": "3"}]}),
            vec![
                ("/breakpoints", List, true),
                ("/breakpoints/0", Object, true),
                ("/breakpoints/0/name", Text, true),
                ("/breakpoints/0/condition", Text, false),
                ("/breakpoints/0/hitCondition", Text, false),
            ],
        ),
        (
            "breakpointLocations",
            json!({"source": source(), "line": 3, "endLine": 4, "column": 1, "endColumn": 80}),
            vec![
                ("/source", Object, true),
                ("/source/path", Text, true),
                ("/line", Natural, true),
                ("/endLine", Natural, false),
                ("/column", Natural, false),
                ("/endColumn", Natural, false),
            ],
        ),
        (
            "setExceptionBreakpoints",
            json!({"filters": ["uncaught"], "filterOptions": [{"filterId": "raised", "condition": "KeyError"}],
                   "exceptionOptions": [{"path": [{"names": ["KeyError"], "negate": false}], "breakMode": "never"}]}),
            vec![
                ("/filters", List, false),
                ("/filters/0", Text, true),
                ("/filterOptions", List, false),
                ("/filterOptions/0", Object, true),
                ("/filterOptions/0/filterId", Text, true),
                ("/filterOptions/0/condition", Text, false),
                ("/exceptionOptions", List, false),
                ("/exceptionOptions/0/breakMode", Text, true),
                ("/exceptionOptions/0/path", List, false),
                ("/exceptionOptions/0/path/0/names", List, true),
                ("/exceptionOptions/0/path/0/negate", Bool, false),
            ],
        ),
        ("terminateThreads", json!({"threadIds": []}), vec![("/threadIds", List, false)]),
        (
            "cancel",
            json!({"requestId": 1_000_000, "progressId": "evaluate-1000000"}),
            vec![("/requestId", Long, false), ("/progressId", Text, false)],
        ),
        ("threads", json!({}), vec![]),
        (
            "stackTrace",
            json!({"threadId": "$thread", "startFrame": 0, "levels": 2}),
            vec![("/threadId", Int, true), ("/startFrame", Natural, false), ("/levels", Natural, false)],
        ),
        ("scopes", json!({"frameId": "$frame"}), vec![("/frameId", Int, true)]),
        (
            "variables",
            json!({"variablesReference": "$locals", "filter": "named", "start": 0, "count": 1}),
            vec![
                ("/variablesReference", Int, true),
                ("/filter", Text, false),
                ("/start", Natural, false),
                ("/count", Natural, false),
            ],
        ),
        (
            "setVariable",
            json!({"variablesReference": "$locals", "name": "n", "value": "n"}),
            vec![("/variablesReference", Int, true), ("/name", Text, true), ("/value", Text, true)],
        ),
        (
            "evaluate",
            json!({"expression": "n", "frameId": "$frame", "context": "repl"}),
            vec![("/expression", Text, true), ("/frameId", Int, false), ("/context", Text, false)],
        ),
        ("exceptionInfo", thread(), vec![("/threadId", Int, true)]),
        (
            "source",
            json!({"source": {"path": "$path", "sourceReference": 0}, "sourceReference": 0}),
            vec![
                ("/source", Object, false),
                ("/source/path", Text, false),
                ("/source/sourceReference", Int, false),
                ("/sourceReference", Int, false),
            ],
        ),
        ("stepInTargets", json!({"frameId": "$frame"}), vec![("/frameId", Int, true)]),
        (
            "gotoTargets",
            json!({"source": source(), "line": 3}),
            vec![("/source", Object, true), ("/source/path", Text, true), ("/line", Natural, true)],
        ),
        (
            "goto",
            json!({"threadId": "$thread", "targetId": 4}),
            vec![("/threadId", Int, true), ("/targetId", Int, true)],
        ),
        ("continue", thread(), vec![("/threadId", Int, true), ("/singleThread", Bool, false)]),
        ("next", thread(), vec![("/threadId", Int, true)]),
        ("stepIn", thread(), vec![("/threadId", Int, true), ("/targetId", Int, false)]),
        ("stepOut", thread(), vec![("/threadId", Int, true)]),
        ("pause", thread(), vec![("/threadId", Int, false)]),
        (
            "ikpdb/runTo",
            json!({"threadId": "$thread", "source": source(), "line": 4}),
            vec![
                ("/threadId", Int, true),
                ("/source", Object, true),
                ("/source/path", Text, true),
                ("/line", Natural, true),
            ],
        ),
    ]
}

impl Kind {
    /// Whether a value is of this kind.
    fn takes(self, value: &Value) -> bool {
        match self {
            Self::Int => value.as_i64().is_some_and(|it| i32::try_from(it).is_ok()),
            Self::Natural => value.as_u64().is_some_and(|it| u32::try_from(it).is_ok()),
            Self::Long => value.is_i64(),
            Self::Text => value.is_string(),
            Self::Bool => value.is_boolean(),
            Self::List => value.is_array(),
            Self::Object => value.is_object(),
        }
    }
}

/// Values of every kind, the numbers at the limits among them.
pub fn values() -> Vec<Value> {
    let deep = |open: &str, close: &str| -> Value {
        serde_json::from_str(&format!("{}{}", open.repeat(100), close.repeat(100))).unwrap()
    };
    vec![
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(i32::MAX),
        json!(i32::MIN),
        json!(i64::from(i32::MAX) + 1),
        json!(u32::MAX),
        json!(i64::from(u32::MAX) + 1),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(1.5),
        json!(1e300),
        json!(""),
        json!("1"),
        json!("\0\u{1F600}\n'\"{x}"),
        json!("x".repeat(100_000)),
        json!([]),
        json!([null]),
        json!([1, "x", {}]),
        json!({}),
        json!({"x": 1}),
        deep("[", "]"),
    ]
}

/// What is wrong with an answer; every one of them is looked at before a test fails.
#[derive(Default)]
pub struct Faults(pub Vec<String>);

impl Faults {
    /// Holds an answer against what must be true of all; whether the request was carried out.
    pub fn look_at(&mut self, response: &Response, what: &str) -> bool {
        let body = response.body.as_ref().map_or(Value::Null, |it| serde_json::from_str(it.get()).unwrap());
        self.look(response.success, response.message.as_deref(), &body["error"]["id"], what)
    }

    /// The same for an answer in parts.
    pub fn look(&mut self, success: bool, message: Option<&str>, id: &Value, what: &str) -> bool {
        let message = message.unwrap_or_default();
        let length = message.chars().count();
        if !success && (message.trim().is_empty() || message.lines().count() != 1 || length > LONGEST) {
            self.0.push(format!("{what}: {length} characters: {message:.300?}"));
        }
        if !success && *id == 3 {
            self.0.push(format!("{what}: taken for a defect of ours: {message}"));
        }
        success
    }

    pub fn check(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.0.push(what());
        }
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(self.0.is_empty(), "{} faults:\n{}", self.0.len(), self.0[..self.0.len().min(40)].join("\n"));
        }
    }
}

/// Replaces or removes one place of the arguments.
fn mutate(valid: &Value, at: &str, new: Option<Value>) -> Value {
    let mut changed = valid.clone();
    let (parent, name) = at.rsplit_once('/').unwrap();
    let place = changed.pointer_mut(parent).unwrap();
    match (new, place) {
        (Some(new), Value::Object(fields)) => drop(fields.insert(name.to_owned(), new)),
        (Some(new), Value::Array(items)) => items[name.parse::<usize>().unwrap()] = new,
        (None, Value::Object(fields)) => drop(fields.remove(name)),
        (_, place) => panic!("{at}: nothing like it in {place}"),
    }
    changed
}

/// All wrong and odd forms of one request: what is changed, the arguments, and whether they must be refused for their form.
pub fn forms(valid: &Value, fields: &[Field]) -> Vec<(String, Value, bool)> {
    let mut forms = Vec::new();
    let has_required = fields.iter().any(|(at, _, required)| *required && at.matches('/').count() == 1);
    for whole in [json!(5), json!("x"), json!([]), json!(true), json!(null)] {
        let must = has_required || (!fields.is_empty() && !whole.is_null() && !whole.is_array());
        forms.push((format!("arguments {whole}"), whole, must));
    }
    forms.push(("no arguments".to_owned(), json!({}), has_required));
    for (at, kind, required) in fields {
        if !at.ends_with("/0") {
            forms.push((format!("without {at}"), mutate(valid, at, None), *required));
        }
        for value in values() {
            let must = !kind.takes(&value) && (*required || !value.is_null());
            let mut shown = value.to_string();
            shown.truncate(40);
            forms.push((format!("{at} = {shown}"), mutate(valid, at, Some(value)), must));
        }
    }
    forms
}

/// Those that let the program go on when they are right.
pub const RESUMING: [&str; 6] = ["continue", "next", "stepIn", "stepOut", "goto", "ikpdb/runTo"];

/// Puts ids in for their names.
pub fn fill(value: &Value, ids: &[(&str, Value)]) -> Value {
    match value {
        Value::String(text) => ids.iter().find(|it| it.0 == text).map_or_else(|| value.clone(), |it| it.1.clone()),
        Value::Array(items) => items.iter().map(|it| fill(it, ids)).collect(),
        Value::Object(fields) => fields.iter().map(|(name, it)| (name.clone(), fill(it, ids))).collect(),
        other => other.clone(),
    }
}
