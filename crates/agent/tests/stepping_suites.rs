//! The tests of the standard library and those of a package, with and without the agent: stepped through here and there, each has the
//! same outcome. The steps look random and are the same each time.
//!
//! `IKPDB_TEST_ALL=1` steps through every module on every interpreter that has the tests; `IKPDB_TEST_MODULE=test_dis,test_csv` only through
//! those, whatever modules they are; `IKPDB_TEST_SEED=7` takes other steps.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::interpreters::two_at_a_time;
use support::library::{KNOWN, Known, MODULES, SLOW, SPECIALISED, file_of, is_known, library};
use support::suites::Suite;
use support::walk::{Plan, walk};
use support::{Python, pythons};

/// No suite takes longer, on a busy machine either.
const PATIENCE: Duration = Duration::from_secs(180);

/// Modules that are over soon: they are stepped through on every interpreter, others on one.
const SHORT: &[&str] = &[
    "test_bdb",
    "test_class",
    "test_code",
    "test_code_module",
    "test_contextlib",
    "test_contextlib_async",
    "test_coroutines",
    "test_decorators",
    "test_except_star",
    "test_exception_group",
    "test_generators",
    "test_listcomps",
    "test_named_expressions",
    "test_patma",
    "test_positional_only_arg",
    "test_raise",
    "test_scope",
    "test_super",
    "test_syntax",
    "test_sys_setprofile",
    "test_with",
    "test_yield_from",
];

/// Modules that take seconds and in which stepping meets nothing of its own: stepped through on request only.
const LONG: &[&str] = &["test_collections", "test_set", "test_typing", "test_weakref"];

/// Modules that cannot be stepped through: the begin of a version, the module, the reason.
const LEFT_OUT: &[Known] = &[
    (
        "",
        "test_monitoring",
        "each of its tests fails as long as any tool has asked for events everywhere, and a step asks for the ends of frames",
    ),
    (
        "3.15",
        "test_code",
        "it runs code that is none, and CPython 3.15 crashes if any tool has asked for the ends of frames then",
    ),
];

/// What differs besides, in code that is stepped through.
const KNOWN_OF_STEPS: &[Known] = &[
    ("", "test.test_dis.DisTests.test_binary_specialize", SPECIALISED),
    ("", "test.test_dis.DisTests.test_call_specialize", SPECIALISED),
    ("", "test.test_dis.DisTests.test_load_attr_specialize", SPECIALISED),
    ("", "test.test_dis.DisTests.test_super_instructions", SPECIALISED),
    ("", "test.test_dis.DisWithFileTests.test_binary_specialize", SPECIALISED),
    ("", "test.test_dis.DisWithFileTests.test_call_specialize", SPECIALISED),
    ("", "test.test_dis.DisWithFileTests.test_load_attr_specialize", SPECIALISED),
    ("", "test.test_dis.DisWithFileTests.test_super_instructions", SPECIALISED),
    (
        "3.12",
        "test.test_gc.GCTests.test_resurrection_does_not_block_cleanup_of_other_objects",
        "it counts objects, and one whose attributes were looked at has a dict of them from then on",
    ),
];

/// The number of the steps through a suite.
fn seed(what: &str) -> u64 {
    let base: u64 = std::env::var("IKPDB_TEST_SEED").map_or(1, |it| it.parse().unwrap());
    what.bytes().fold(base, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)))
}

/// Breakpoints in one file, as `setBreakpoints` takes them.
struct Places {
    path: PathBuf,
    breakpoints: Vec<Value>,
}

impl Places {
    /// At the line with this text: every so many times that it is reached.
    fn at(path: PathBuf, text: &str, every: usize) -> Self {
        let file = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        let line = file.lines().position(|it| it.trim() == text);
        let line = line.unwrap_or_else(|| panic!("{} has no line '{text}'", path.display())) + 1;
        Self { path, breakpoints: vec![json!({"line": line, "hitCondition": format!("%{every}")})] }
    }

    /// At lines all over the file, each time they are reached once more than twice.
    fn over(path: PathBuf, seed: u64) -> Self {
        const EVERY: usize = 40;
        let count = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).lines().count();
        let lines = (1 + seed as usize % EVERY..=count).step_by(EVERY);
        Self { path, breakpoints: lines.map(|line| json!({"line": line, "hitCondition": "%3"})).collect() }
    }
}

/// Steps through a suite, from its entry and from these places. What differs.
fn step_through(mut suite: Suite, seed: u64, all_places: &[Places], known: impl Fn(&str) -> bool) -> Vec<String> {
    let begin = Instant::now();
    let (what, count, debuggee) = (suite.what.clone(), suite.count(), &mut suite.debuggee);
    // Some stop only the thread that comes to a place.
    let policy = if seed.is_multiple_of(4) { "thread" } else { "all" };
    debuggee.request("attach", json!({"justMyCode": false, "stopOnEntry": true, "stopPolicy": policy}));
    debuggee.event("initialized");
    for places in all_places {
        let source = json!({"path": places.path});
        debuggee.request("setBreakpoints", json!({"source": source, "breakpoints": places.breakpoints}));
    }
    debuggee.request("setExceptionBreakpoints", json!({"filters": []}));
    debuggee.request("configurationDone", json!({}));
    let walked = walk(debuggee, Plan { seed, walks: 12, steps: 40 }, PATIENCE, |debuggee| {
        for places in all_places {
            debuggee.request("setBreakpoints", json!({"source": {"path": places.path}, "breakpoints": []}));
        }
    });
    let mut faults = suite.differences(PATIENCE, known);
    let said = format!("{what}: {count} tests, seed {seed}, {} walks, {} steps", walked.walks, walked.steps);
    println!("{said}, {:?}", begin.elapsed());
    if walked.hits == 0 {
        faults.push(format!("{said}: no place was reached"));
    }
    if !faults.is_empty() {
        faults.push(format!("{said}, among them {:?}", walked.places));
    }
    faults
}

/// What differs in a module of the standard library.
fn of_library(python: &Python, library: &Path, module: &str) -> Vec<String> {
    let Some(file) = file_of(library, module) else { return Vec::new() };
    let suite = Suite::of_library(python, module);
    let seed = seed(&suite.what);
    let case = library.join("unittest/case.py");
    let begins = Places::at(case, "self._callTestMethod(testMethod)", suite.count().div_ceil(8));
    step_through(suite, seed, &[begins, Places::over(file, seed)], |test| {
        is_known(KNOWN, python, test) || is_known(KNOWN_OF_STEPS, python, test)
    })
}

#[test]
fn the_tests_of_the_standard_library_that_are_stepped_through_have_the_same_outcomes() {
    let all = std::env::var_os("IKPDB_TEST_ALL").is_some();
    let named = std::env::var("IKPDB_TEST_MODULE").ok();
    let pythons: Vec<(Python, PathBuf)> =
        pythons().into_iter().filter_map(|python| library(&python).map(|folder| (python, folder))).collect();
    let mut modules: Vec<&str> = named.as_deref().map_or(MODULES.to_vec(), |it| it.split(',').collect());
    if all {
        modules.extend(SLOW);
    }
    let is_left_out = |python: &Python, module: &str| {
        LEFT_OUT.iter().any(|(version, it, _)| *it == module && python.version.starts_with(version))
    };
    let asked = all || named.is_some();
    modules.retain(|module| asked || !LONG.contains(module));
    let mut jobs = Vec::new();
    for (at, module) in modules.iter().enumerate() {
        for (which, (python, folder)) in pythons.iter().enumerate() {
            let is_wanted = asked || SHORT.contains(module) || at % pythons.len() == which;
            if is_wanted && !is_left_out(python, module) {
                jobs.push((python, folder, *module));
            }
        }
    }
    let faults = two_at_a_time(&jobs, |(python, folder, module)| of_library(python, folder, module)).concat();
    assert!(faults.is_empty(), "{} differences:\n{}", faults.len(), faults.join("\n\n"));
}

#[test]
fn the_suite_of_attrs_that_is_stepped_through_has_the_same_outcomes() {
    let folder = ikpdb_testkit::source("attrs");
    // Those that take no longer than a second: others make up hundreds of examples.
    let parts = ["dunders", "next_gen", "slots"];
    let faults = two_at_a_time(&pythons(), |python| {
        let mut arguments =
            ["-p", "no:cacheprovider", "-p", "no:terminal", "--hypothesis-seed=0", "-o"].map(str::to_owned).to_vec();
        // Without the option of the part that prints: it says how long everything took.
        arguments.push("addopts=--strict-markers --strict-config --import-mode=importlib".to_owned());
        arguments.extend(parts.map(|it| format!("{}/tests/test_{it}.py", folder.display())));
        let suite = Suite::of_pytest(python, "attrs", &arguments);
        let seed = seed(&suite.what);
        let packages = python.environment_python().with_file_name("..");
        let packages = packages.join(format!("lib/python3.{}/site-packages", python.minor().1)).canonicalize().unwrap();
        let begins = packages.join("_pytest/python.py");
        let begins = Places::at(begins, "result = testfunction(**testargs)", suite.count().div_ceil(8));
        let inside = Places::over(packages.join("attr/_make.py"), seed);
        step_through(suite, seed, &[begins, inside], |_| false)
    });
    let faults = faults.concat();
    assert!(faults.is_empty(), "{} differences:\n{}", faults.len(), faults.join("\n\n"));
}
