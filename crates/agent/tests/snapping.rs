//! Where breakpoints are moved to, for every line of real files and of random programs, held against the interpreter's own tables.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::{Value, json};
use support::programs::program;
use support::{Debuggee, Launch, pythons};

/// Imports modules, and tells of each its file and what the lines of its code are: those of instructions behind a function's begin, and
/// what is written over several lines.
const PROGRAM: &str = "\
import dis, importlib, json, sys
def codes(code):
    yield code
    for it in code.co_consts:
        if hasattr(it, 'co_code'):
            yield from codes(it)
def about(path):
    with open(path, encoding='utf-8') as file:
        text = file.read()
    lines, spans = set(), set()
    for code in codes(compile(text, path, 'exec', dont_inherit=True)):
        function = bool(code.co_flags & 2)
        begun = not function
        for it in dis.get_instructions(code):
            place = it.positions
            if begun and place.lineno:
                # What every class body has at its begin stands at no column of its line.
                of_class = not function and code.co_name != '<module>' and (place.col_offset, place.end_col_offset) == (0, 0)
                if not (of_class and place.lineno == code.co_firstlineno):
                    lines.add(place.lineno)
            if place.lineno and place.end_lineno and place.end_lineno > place.lineno:
                spans.add((place.lineno, place.end_lineno))
            begun = begun or it.opname == 'RESUME'
    return path, len(text.splitlines()), sorted(lines), sorted(spans)
def told(names):
    # Of what was imported before us, the module's own code is gone.
    modules = [importlib.import_module(name) for name in names if name not in sys.modules]
    return json.dumps([about(it.__file__) for it in modules if it.__spec__.origin != 'frozen'])
ready = True  # BP:ready
";

/// None of them is frozen into an interpreter. `IKPDB_TEST_ALL=1` takes all of them on every interpreter.
const MODULES: [&str; 30] = [
    "argparse",
    "ast",
    "asyncio.base_events",
    "collections",
    "configparser",
    "contextlib",
    "copy",
    "csv",
    "dataclasses",
    "difflib",
    "dis",
    "enum",
    "functools",
    "heapq",
    "inspect",
    "json.decoder",
    "logging",
    "pickle",
    "pprint",
    "queue",
    "random",
    "shutil",
    "statistics",
    "subprocess",
    "tempfile",
    "textwrap",
    "threading",
    "traceback",
    "typing",
    "unittest.case",
];

/// Path, count of lines, those with code, and first and last lines of what is written over several.
type Module = (String, u32, BTreeSet<u32>, Vec<(u32, u32)>);

/// The rule: the line itself if it has code, else the next one that has; at the end of what is written over several lines, where that
/// begins.
fn model(lines: &BTreeSet<u32>, spans: &[(u32, u32)], wanted: u32) -> Option<u32> {
    let next = lines.range(wanted..).next().copied();
    if next == Some(wanted) {
        return next;
    }
    let around = spans.iter().filter(|it| it.0 < wanted && wanted <= it.1);
    match around.min_by_key(|it| it.1 - it.0) {
        Some((first, last)) if lines.contains(first) && next.is_none_or(|next| next > *last) => Some(*first),
        _ => next,
    }
}

/// Where breakpoints at all lines of a file were put.
fn put(debuggee: &mut Debuggee, path: &str, lines: impl Iterator<Item = u32>) -> Vec<(u32, Option<u32>)> {
    let lines: Vec<u32> = lines.collect();
    let list: Vec<Value> = lines.iter().map(|line| json!({"line": line, "condition": "False"})).collect();
    let body = debuggee.request("setBreakpoints", json!({"source": {"path": path}, "breakpoints": list}));
    let made = body["breakpoints"].as_array().unwrap();
    let place = |it: &Value| (it["verified"] == true).then(|| u32::try_from(it["line"].as_u64().unwrap()).unwrap());
    assert_eq!(made.len(), lines.len(), "{path}");
    lines.into_iter().zip(made.iter().map(place)).collect()
}

#[test]
fn every_line_of_the_standard_library_leads_to_the_line_that_the_rule_says_and_that_to_itself() {
    let all = std::env::var_os("IKPDB_TEST_ALL").is_some();
    for (which, python) in pythons().into_iter().enumerate() {
        let version = &python.version;
        let mut debuggee = Debuggee::launch(&python, PROGRAM, Launch::at("ready"));
        let stop = debuggee.stopped();
        // Each interpreter takes a third of them.
        let own = MODULES.iter().enumerate().filter(|(at, _)| all || at % 3 == which % 3);
        let question = format!("print(told({}), flush=True)", json!(own.map(|it| it.1).collect::<Vec<_>>()));
        debuggee.evaluate(&question, stop.top());
        let told: Vec<Module> = serde_json::from_str(&debuggee.printed()).unwrap();
        assert!(told.len() > 3, "{version}: {}", told.len());
        for (path, count, lines, spans) in told {
            let found = put(&mut debuggee, &path, 0..=count + 5);
            for (wanted, found) in &found {
                assert_eq!(*found, model(&lines, &spans, *wanted), "{version} {path}:{wanted}");
            }
            let places: BTreeSet<u32> = found.iter().filter_map(|it| it.1).collect();
            for (wanted, found) in put(&mut debuggee, &path, places.into_iter()) {
                assert_eq!(found, Some(wanted), "{version} {path}");
            }
            put(&mut debuggee, &path, std::iter::empty());
        }
        debuggee.go("continue", stop.thread);
        assert_eq!(debuggee.end().errors, "", "{version}");
    }
}

/// Tells which lines of its first argument run, as a trace function sees them.
const TRACED: &str = "\
import json, sys, threading, warnings
warnings.simplefilter('ignore')
path, lines = sys.argv[1], set()
def trace(frame, event, argument):
    if frame.f_code.co_filename != path: return None
    if event == 'line': lines.add(frame.f_lineno)
    return trace
with open(path) as file: code = compile(file.read(), path, 'exec')
out, sys.stdout = sys.stdout, open('/dev/null', 'w')
threading.settrace(trace)
sys.settrace(trace)
try: exec(code, {'__name__': '__main__', '__file__': path, 'probe': object()})
except BaseException: pass
sys.settrace(None)
print(json.dumps(sorted(lines)), file=out)
";

#[test]
fn a_breakpoint_on_any_line_stops_there_if_it_runs_and_only_then() {
    let pythons = pythons();
    for (which, python) in pythons.iter().enumerate() {
        for number in 0..4 {
            // Without recursion to the limit, which ends the tracing, and without names that only the driver of such programs has.
            let text = program(1000 + 4 * which as u64 + number, python.minor().1)
                .replace("sys.getrefcount(probe)", "0")
                .replace("gc.get_referrers(probe)", "[]")
                .replace("depth())", "0)");
            let what = format!("{} program {number}", python.version);
            let mut debuggee = Debuggee::begin(
                python,
                &text,
                &Launch { env: vec![("PYTHONWARNINGS".into(), "ignore".into())], ..Launch::default() },
            );
            let traced = debuggee.folder().join("traced.py");
            std::fs::write(&traced, TRACED).unwrap();
            let output = Command::new(&python.executable).arg(&traced).arg(&debuggee.script).output().unwrap();
            let runs: BTreeSet<u32> = serde_json::from_slice(&output.stdout)
                .unwrap_or_else(|error| panic!("{what}: {error}: {}", String::from_utf8_lossy(&output.stderr)));
            debuggee.request("attach", json!({}));
            debuggee.event("initialized");
            let count = u32::try_from(text.lines().count()).unwrap();
            let list: Vec<Value> = (1..=count).map(|line| json!({"line": line, "hitCondition": "1"})).collect();
            let path = debuggee.script.to_str().unwrap().to_owned();
            let body = debuggee.request("setBreakpoints", json!({"source": {"path": path}, "breakpoints": list}));
            let wanted: BTreeMap<i64, u32> =
                body["breakpoints"].as_array().unwrap().iter().map(|it| it["id"].as_i64().unwrap()).zip(1..).collect();
            debuggee.request("setExceptionBreakpoints", json!({"filters": []}));
            debuggee.request("configurationDone", json!({}));
            let mut stopped = BTreeSet::new();
            while let Some(body) = debuggee.event_until_end("stopped") {
                let stop = debuggee.describe(body);
                let here = stop.line();
                let ids = stop.body["hitBreakpointIds"].as_array().unwrap();
                assert!(!ids.is_empty(), "{what}: {}", stop.body);
                stopped.extend(ids.iter().map(|it| wanted[&it.as_i64().unwrap()]).filter(|it| *it == here));
                assert!(stopped.contains(&here), "{what}: {here} {ids:?}");
                debuggee.ask("continue", json!({"threadId": stop.thread}));
            }
            let missed: Vec<_> =
                runs.difference(&stopped).map(|line| (*line, text.lines().nth(*line as usize - 1).unwrap())).collect();
            let invented: Vec<_> =
                stopped.difference(&runs).map(|line| (*line, text.lines().nth(*line as usize - 1).unwrap())).collect();
            assert!(missed.is_empty() && invented.is_empty(), "{what}: missed {missed:?}, invented {invented:?}");
            debuggee.end();
        }
    }
}
