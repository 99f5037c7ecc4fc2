//! The standard library's own tests, with and without the agent: with breakpoints that never hit in them and in what they test, each has
//! the same outcome.
//!
//! `IKPDB_TEST_ALL=1` runs every module on every interpreter that has the tests, the slow ones too, else each runs on one;
//! `IKPDB_TEST_MODULE=test_dis` only that one. Debian 12's own interpreter comes without most of the tests.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::library::{KNOWN, MODULES, SLOW, file_of, is_known, library};
use support::suites::Suite;
use support::{Python, pythons};

/// No module takes longer, on a busy machine either.
const PATIENCE: Duration = Duration::from_secs(180);

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

/// On 3.11, where what the program traces by goes through our own trace function.
const OF_TRACING: &str = "test_sys_settrace";

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

/// Every seventh line of a file, with a condition that is never true.
fn never(path: &Path) -> Value {
    let count = String::from_utf8_lossy(&std::fs::read(path).unwrap()).lines().count();
    let breakpoints: Vec<Value> =
        (1..=count).step_by(7).map(|line| json!({"line": line, "condition": "False"})).collect();
    json!({"source": {"path": path}, "breakpoints": breakpoints})
}

/// What differs in a module.
fn compare(python: &Python, library: &Path, module: &str) -> Vec<String> {
    let Some(file) = file_of(library, module) else { return Vec::new() };
    let begin = Instant::now();
    let mut suite = Suite::of_library(python, module);
    let (what, count, debuggee) = (suite.what.clone(), suite.count(), &mut suite.debuggee);
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
    faults.extend(suite.differences(PATIENCE, |test| is_known(KNOWN, python, test)));
    println!("{what}: {count} tests, {:?}", begin.elapsed());
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
                let traces = **module == OF_TRACING && is_old(python);
                all || one.is_some() || traces || able.get(at % able.len().max(1)) == Some(&which)
            });
            own.flat_map(|(_, module)| compare(python, folder, module)).collect::<Vec<_>>()
        };
        let threads: Vec<_> = (0..pythons.len()).map(|which| scope.spawn(move || run(which))).collect();
        threads.into_iter().flat_map(|it| it.join().unwrap()).collect()
    });
    assert!(faults.is_empty(), "{} differences:\n{}", faults.len(), faults.join("\n\n"));
}
