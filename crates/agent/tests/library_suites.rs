//! The standard library's own tests, with and without the agent: with breakpoints that never hit in them and in what they test, each has
//! the same outcome.
//!
//! `IKPDB_TEST_ALL=1` runs every module on every interpreter that has the tests, the slow ones too, else each runs on one;
//! `IKPDB_TEST_MODULE=test_dis` only that one. Debian 12's own interpreter comes without most of the tests.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::{Debuggee, Launch, Python, pythons};

/// No module takes longer, on a busy machine either.
const PATIENCE: Duration = Duration::from_secs(180);

/// Runs a test module and writes what became of each test.
const DRIVER: &str = "\
import json, sys, traceback, unittest, warnings
outcomes, why = {}, {}
class Result(unittest.TestResult):
    def note(self, test, outcome, error=None):
        name = test.id()
        outcomes.setdefault(name, []).append(outcome)
        if error: why.setdefault(name, []).append(''.join(traceback.format_exception(*error))[-3000:])
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
    with open(sys.argv[2], 'w') as file:
        json.dump([outcomes, why], file)
";

/// Modules that take seconds: run on request only.
const SLOW: &[&str] = &[
    "test_ast",
    "test_asyncio.test_tasks",
    "test_bytes",
    "test_compile",
    "test_fork1",
    "test_import",
    "test_itertools",
    "test_json",
    "test_queue",
    "test_threading",
];

/// Modules that compute much. On 3.11, where a breakpoint has all lines traced, they take up to a minute: there on request only.
const HEAVY: &[&str] = &[
    "test_dis",
    "test_enum",
    "test_exceptions",
    "test_gc",
    "test_re",
    "test_set",
    "test_sys",
    "test_traceback",
    "test_typing",
    "test_weakref",
];

const MODULES: &[&str] = &[
    "test_asyncgen",
    "test_bdb",
    "test_class",
    "test_code",
    "test_code_module",
    "test_collections",
    "test_context",
    "test_contextlib",
    "test_contextlib_async",
    "test_coroutines",
    "test_dataclasses",
    "test_decorators",
    "test_descr",
    "test_dict",
    "test_dis",
    "test_doctest",
    "test_enum",
    "test_except_star",
    "test_exception_group",
    "test_exceptions",
    "test_frame",
    "test_funcattrs",
    "test_functools",
    "test_gc",
    "test_generators",
    "test_genexps",
    "test_global",
    "test_grammar",
    "test_inspect",
    "test_iter",
    "test_linecache",
    "test_list",
    "test_listcomps",
    "test_monitoring",
    "test_named_expressions",
    "test_opcodes",
    "test_patma",
    "test_pdb",
    "test_peepholer",
    "test_positional_only_arg",
    "test_property",
    "test_raise",
    "test_re",
    "test_runpy",
    "test_scope",
    "test_set",
    "test_string",
    "test_super",
    "test_syntax",
    "test_sys",
    "test_sys_setprofile",
    "test_sys_settrace",
    "test_textwrap",
    "test_thread",
    "test_threading_local",
    "test_trace",
    "test_traceback",
    "test_tuple",
    "test_types",
    "test_typing",
    "test_unpack",
    "test_warnings",
    "test_weakref",
    "test_with",
    "test_yield_from",
];

/// What differs and has to, with the reason: a version, the begin of a test's name.
const KNOWN: &[(&str, &str, &str)] = &[
    ("", "test.test_dis.DisTests.test_loop_quicken", SPECIALISED),
    ("", "test.test_dis.DisWithFileTests.test_loop_quicken", SPECIALISED),
    ("3.12", "test.test_dis.DisTests.test_super_instructions", SPECIALISED),
    ("3.12", "test.test_dis.DisWithFileTests.test_super_instructions", SPECIALISED),
    ("3.14", "test.test_dis.DisTests.test_super_instructions", SPECIALISED),
    ("3.14", "test.test_dis.DisWithFileTests.test_super_instructions", SPECIALISED),
    ("3.15", "test.test_dis.DisTests.test_loop_with_conditional_at_end_is_quickened", SPECIALISED),
    ("3.15", "test.test_dis.DisWithFileTests.test_loop_with_conditional_at_end_is_quickened", SPECIALISED),
    ("3.11", "test.test_dis.DisTests.test_binary_specialize", SPECIALISED),
    ("3.11", "test.test_dis.DisTests.test_call_specialize", SPECIALISED),
    ("3.11", "test.test_dis.DisTests.test_load_attr_specialize", SPECIALISED),
    ("3.11", "test.test_dis.DisWithFileTests.test_binary_specialize", SPECIALISED),
    ("3.11", "test.test_dis.DisWithFileTests.test_call_specialize", SPECIALISED),
    ("3.11", "test.test_dis.DisWithFileTests.test_load_attr_specialize", SPECIALISED),
    (
        "",
        "test.test_monitoring.ExceptionMonitoringTest.test_implicit_stop_iteration",
        "the interpreter tells no tool of STOP_ITERATION in code of which any other has asked for the lines",
    ),
    ("3.14", "test.test_monitoring.TestBranchConsistency.test_async_for", OTHER_TOOL),
    ("3.15", "test.test_monitoring.TestBranchConsistency.test_async_for", OTHER_TOOL),
    ("3.15", "test.test_monitoring.TestDisable.test_disable_legal_events", OTHER_TOOL),
    ("3.1", "test.test_descr.ClassPropertiesAndMethods.test_slots", FRAME_OF_CONDITION),
    ("3.1", "test.test_gc.GCTests.test_heap_size", FRAME_OF_CONDITION),
    ("3.11", "test.test_frame.TestIncompleteFrameAreInvisible.test_sneaky_frame_object", FRAMES),
    ("3.11", "test.test_sys.SysModuleTest.test_refcount", FRAMES),
    (
        "3.11",
        "test.test_sys_settrace.TestEdgeCases.test_reentrancy",
        "it wants to be the only one that sets a trace function, and fails to",
    ),
];

const SPECIALISED: &str =
    "it looks at the instructions that the interpreter made for speed, and code with events has other ones";
const OTHER_TOOL: &str = "the interpreter tells of branches from other places, and once more, in code of which any other tool has asked for lines";
const FRAME_OF_CONDITION: &str =
    "it counts objects, and a function in which a condition was evaluated has a frame object from then on";
const FRAMES: &str = "code that is traced, by whomever, has a frame object from its begin, which holds a None";

/// Modules of the library that many of the tests run through.
const LIBRARY: &[&str] = &[
    "bdb.py",
    "contextlib.py",
    "functools.py",
    "unittest/case.py",
    "traceback.py",
    "dataclasses.py",
    "enum.py",
    "typing.py",
];

/// The folder of an interpreter's standard library, if it has its tests.
fn library(python: &Python) -> Option<PathBuf> {
    let question = "import os, sys; sys.stdout.write(os.path.dirname(os.__file__))";
    let output = Command::new(&python.executable).args(["-I", "-S", "-c", question]).output().unwrap();
    let folder = PathBuf::from(String::from_utf8(output.stdout).unwrap());
    folder.join("test/test_generators.py").exists().then_some(folder)
}

/// Where a test module's text is.
fn file_of(library: &Path, module: &str) -> Option<PathBuf> {
    let path = library.join("test").join(module.replace('.', "/"));
    [path.with_extension("py"), path.join("__init__.py")].into_iter().find(|it| it.exists())
}

fn read(path: &Path) -> [BTreeMap<String, Value>; 2] {
    let text = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap()
}

fn variables() -> Vec<(String, String)> {
    [("PYTHONHASHSEED", "0"), ("PYTHONDONTWRITEBYTECODE", "1"), ("COLUMNS", "80"), ("PYTHONUNBUFFERED", "")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

/// Every seventh line of a file, with a condition that is never true.
fn never(path: &Path) -> Value {
    let count = String::from_utf8_lossy(&std::fs::read(path).unwrap()).lines().count();
    let breakpoints: Vec<Value> =
        (1..=count).step_by(7).map(|line| json!({"line": line, "condition": "False"})).collect();
    json!({"source": {"path": path}, "breakpoints": breakpoints})
}

/// What differs in a module.
fn compare(python: &Python, library: &Path, module: &str) -> Vec<String> {
    let what = format!("{} {module}", python.version);
    let Some(file) = file_of(library, module) else { return Vec::new() };
    let begin = Instant::now();
    let launch = Launch {
        args: vec![module.to_owned(), "debugged.json".to_owned()],
        env: variables(),
        patience_ms: 180_000,
        ..Launch::default()
    };
    let mut debuggee = Debuggee::begin(python, DRIVER, &launch);
    let native = debuggee.natively(python, &[module, "native.json"], variables());
    let folder = debuggee.folder().to_owned();
    let [before, _] = read(&folder.join("native.json"));
    debuggee.request("attach", json!({"justMyCode": false}));
    debuggee.event("initialized");
    for path in std::iter::once(file).chain(LIBRARY.iter().map(|it| library.join(it)).filter(|it| it.exists())) {
        debuggee.request("setBreakpoints", never(&path));
    }
    debuggee.request("setExceptionBreakpoints", json!({"filters": []}));
    debuggee.request("configurationDone", json!({}));
    let mut faults = Vec::new();
    while let Some(stop) = debuggee.event_within("stopped", PATIENCE) {
        faults.push(format!("{what}: stopped: {stop}"));
        debuggee.ask("disconnect", json!({}));
    }
    let kept = folder.join("debugged.json");
    let (status, errors, after) = debuggee.end_and_read(PATIENCE, || kept.exists().then(|| read(&kept)));
    let Some([after, why]) = after else {
        faults.push(format!("{what}: ended early: {status:?}\n{errors}"));
        return faults;
    };
    if native.status.code() != status.code() {
        faults.push(format!("{what}: {:?} and {:?}", native.status, status));
    }
    for id in before.keys().chain(after.keys().filter(|id| !before.contains_key(*id))) {
        let known = KNOWN.iter().any(|(version, test, _)| python.version.starts_with(version) && id.starts_with(test));
        if before.get(id) != after.get(id) && !known {
            let why = why.get(id).map_or_else(String::new, |it| it[0].as_str().unwrap_or_default().to_owned());
            faults.push(format!("{what}: {id}: {:?} and {:?}\n{why}", before.get(id), after.get(id)));
        }
    }
    println!("{what}: {} tests, {:?}", before.len(), begin.elapsed());
    faults
}

#[test]
fn the_tests_of_the_standard_library_have_the_same_outcomes() {
    let all = std::env::var_os("IKPDB_TEST_ALL").is_some();
    let one = std::env::var("IKPDB_TEST_MODULE").ok();
    let pythons: Vec<(Python, PathBuf)> =
        pythons().into_iter().filter_map(|python| library(&python).map(|folder| (python, folder))).collect();
    let mut modules: Vec<&str> = MODULES.to_vec();
    if all || one.is_some() {
        modules.extend(SLOW);
    }
    modules.retain(|it| one.as_deref().is_none_or(|one| one == *it));
    let faults: Vec<String> = std::thread::scope(|scope| {
        let (pythons, modules, one) = (&pythons, &modules, &one);
        let run = |which: usize| {
            let (python, folder) = &pythons[which];
            let is_old = |python: &Python| python.minor() < (3, 12);
            let own = modules.iter().enumerate().filter(|(at, module)| {
                // Each runs on one of those that can.
                let able: Vec<usize> =
                    (0..pythons.len()).filter(|it| !(HEAVY.contains(module) && is_old(&pythons[*it].0))).collect();
                all || one.is_some() || able.get(at % able.len().max(1)) == Some(&which)
            });
            own.flat_map(|(_, module)| compare(python, folder, module)).collect::<Vec<_>>()
        };
        let threads: Vec<_> = (0..pythons.len()).map(|which| scope.spawn(move || run(which))).collect();
        threads.into_iter().flat_map(|it| it.join().unwrap()).collect()
    });
    assert!(faults.is_empty(), "{} differences:\n{}", faults.len(), faults.join("\n\n"));
}
