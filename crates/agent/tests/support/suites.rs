//! A suite of tests that runs twice, natively and debugged: what became of each test, and what the program is at its end.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "test code; each test file uses its part")]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use ikpdb_testkit::Python;
use serde::Deserialize;
use serde_json::Value;

use super::{Debuggee, Ended, Launch};

/// Notes what becomes of each test, and at the end what the program can see of itself.
const NOTES: &str = "\
import json, sys, traceback
outcomes, why = {}, {}
def note(name, outcome, error=''):
    outcomes.setdefault(name, []).append(outcome)
    if error: why.setdefault(name, []).append(error[-3000:])
def finish(path):
    import gc, os, re, signal, threading, warnings
    show = lambda it: re.sub('0x[0-9a-f]+', '0x', repr(it))
    state = {
        'trace and profile functions': show([sys.gettrace(), sys.getprofile(), threading.gettrace()]),
        'hooks': show([sys.excepthook, sys.unraisablehook, threading.excepthook, sys.displayhook, sys.breakpointhook]),
        'limits': [sys.getrecursionlimit(), sys.getswitchinterval()],
        'filters of warnings': show(warnings.filters),
        'modules': sorted(sys.modules),
        'path': show([sys.path, sys.meta_path, sys.path_hooks]),
        'threads': sorted(type(it).__name__ for it in threading.enumerate()),
        'signals': [show(signal.getsignal(it)) for it in sorted(signal.valid_signals())],
        'environment': sorted(os.environ.items()),
        'collector': [gc.isenabled(), gc.get_threshold(), gc.get_freeze_count(), len(gc.callbacks), show(gc.garbage)],
    }
    with open(path, 'w') as file:
        json.dump({'outcomes': outcomes, 'why': why, 'state': state}, file)
";

/// Runs one test module of the standard library.
const UNITTEST: &str = "\
import unittest, warnings
class Result(unittest.TestResult):
    def note(self, test, outcome, error=None):
        note(test.id(), outcome, ''.join(traceback.format_exception(*error)) if error else '')
    def addSuccess(self, test): self.note(test, 'ok')
    def addFailure(self, test, error): self.note(test, 'failed', error)
    def addError(self, test, error): self.note(test, 'error', error)
    def addSkip(self, test, reason): self.note(test, 'skipped')
    def addExpectedFailure(self, test, error): self.note(test, 'failed as expected')
    def addUnexpectedSuccess(self, test): self.note(test, 'unexpected success')
    def addSubTest(self, test, part, error):
        if error: self.note(test, 'part failed', error)
if __name__ == '__main__':
    if sys.argv[1] == 'test_monitoring':
        # The tools that are free under a debugger, in both runs.
        import test.test_monitoring as module
        module.TEST_TOOL, module.TEST_TOOL2, module.TEST_TOOL3 = 0, 1, 2
    suite = unittest.defaultTestLoader.loadTestsFromName('test.' + sys.argv[1])
    suite.run(Result())
    finish(sys.argv[2])
";

/// Runs what pytest makes of its arguments.
const PYTEST: &str = "\
import pytest
class Recorder:
    def pytest_runtest_logreport(self, report):
        note(report.nodeid, [report.when, report.outcome], report.longreprtext if report.failed else '')
if __name__ == '__main__':
    code = pytest.main(sys.argv[2:], plugins=[Recorder()])
    finish(sys.argv[1])
    sys.exit(code)
";

/// What a run has written down.
#[derive(Deserialize)]
struct Report {
    outcomes: BTreeMap<String, Value>,
    why: BTreeMap<String, Vec<String>>,
    state: BTreeMap<String, Value>,
}

/// A suite that has run natively, and waits for the debugger's wishes.
pub struct Suite {
    pub debuggee: Debuggee,
    /// Version of the interpreter and name of the suite.
    pub what: String,
    name: String,
    native: Report,
    ended: Ended,
}

impl Suite {
    /// A test module of the standard library.
    pub fn of_library(python: &Python, module: &str) -> Self {
        let arguments = |report: &str| vec![module.to_owned(), report.to_owned()];
        Self::begin(python, module, &[NOTES, UNITTEST].concat(), arguments)
    }

    /// What pytest finds by these arguments.
    pub fn of_pytest(python: &Python, name: &str, arguments: &[String]) -> Self {
        let python = Python { executable: python.environment_python(), ..python.clone() };
        let arguments = |report: &str| [&[report.to_owned()], arguments].concat();
        Self::begin(&python, name, &[NOTES, PYTEST].concat(), arguments)
    }

    fn begin(python: &Python, name: &str, driver: &str, arguments: impl Fn(&str) -> Vec<String>) -> Self {
        let what = format!("{} {name}", python.version);
        let launch =
            Launch { args: arguments("debugged.json"), env: variables(), patience_ms: 180_000, ..Launch::default() };
        let debuggee = Debuggee::begin(python, driver, &launch);
        let natively = arguments("native.json");
        let natively: Vec<&str> = natively.iter().map(String::as_str).collect();
        let ended = debuggee.natively(python, &natively, variables());
        let native = read(&debuggee.folder().join("native.json"));
        let native = native.unwrap_or_else(|| panic!("{what} cannot run: {}{}", ended.output, ended.errors));
        Self { debuggee, what, name: name.to_owned(), native, ended }
    }

    /// How many tests ran natively.
    pub fn count(&self) -> usize {
        self.native.outcomes.len()
    }

    /// Waits for the end of the debugged run. What differs.
    pub fn differences(self, limit: Duration, is_known: impl Fn(&str) -> bool) -> Vec<String> {
        let Self { debuggee, what, name, native, ended } = self;
        let path = debuggee.folder().join("debugged.json");
        let (after, debugged) = debuggee.end_and_read(limit, || read(&path));
        let Some(debugged) = debugged else {
            return vec![format!("{what}: ended early: {:?}\n{}", after.status, after.errors)];
        };
        let mut faults = Vec::new();
        if ended.status.code() != after.status.code() {
            faults.push(format!("{what}: {:?} and {:?}", ended.status, after.status));
        }
        let pairs = [(&native.outcomes, &debugged.outcomes), (&native.state, &debugged.state)];
        for (before, after) in pairs {
            for id in before.keys().chain(after.keys().filter(|id| !before.contains_key(*id))) {
                if before.get(id) != after.get(id) && !is_known(id) {
                    let why = debugged.why.get(id).map_or("", |it| it[0].as_str());
                    faults.push(format!("{what}: {id}: {:?} and {:?}\n{why}", before.get(id), after.get(id)));
                }
            }
        }
        for (stream, before, after) in
            [("output", &ended.output, &after.output), ("errors", &ended.errors, &after.errors)]
        {
            let (before, after) = (timeless(before), timeless(after));
            if before != after && !is_known(&format!("{stream} of {name}")) {
                faults.push(format!("{what}: {stream}:\n{before}\n--- and\n{after}\n---"));
            }
        }
        faults
    }
}

/// What was printed, without that it took long: asyncio tells so in debug mode.
fn timeless(text: &str) -> String {
    let is_about_time = |line: &&str| line.starts_with("Executing <") && line.ends_with(" seconds");
    text.lines().filter(|line| !is_about_time(line)).collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

fn read(path: &Path) -> Option<Report> {
    let text = std::fs::read(path).ok()?;
    Some(serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

fn variables() -> Vec<(String, String)> {
    [("PYTHONHASHSEED", "0"), ("PYTHONDONTWRITEBYTECODE", "1"), ("COLUMNS", "80"), ("PYTHONUNBUFFERED", "")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}
