//! Random programs with and without the agent: with breakpoints that never hit on every line, and with steps through them. What they
//! print, their tracebacks, warnings, exit codes, and all that they can see of themselves is the same.
//!
//! `IKPDB_TEST_ALL=1` runs every program on every interpreter, else each runs on one; `IKPDB_TEST_PROGRAM=17` only that one.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use support::programs::program;
use support::{Debuggee, Launch, Python, pythons};

/// So many programs there are.
const PROGRAMS: u64 = 280;

/// All programs on a busy machine take no longer.
const PATIENCE: Duration = Duration::from_secs(180);

/// Runs the programs in its folder one after the other, each as `__main__`.
const DRIVER: &str = "\
import gc, glob, os, sys, traceback, warnings
warnings.simplefilter('always')
probe = object()
def counted(name):
    return sum(1 for it in gc.get_objects() if type(it).__name__ == name)
for path in sorted(glob.glob(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'p*.py'))):
    for stream in sys.stdout, sys.stderr:
        print('==', os.path.basename(path), file=stream, flush=True)
    space = {'__name__': '__main__', '__file__': path, 'probe': probe}
    with open(path) as file:
        code = compile(file.read(), path, 'exec')
    try:
        exec(code, space)
    except SystemExit as end:
        print('exit', end.code)
    except BaseException:
        traceback.print_exc()
    space.clear()
    del code
    gc.collect()
    print('left', sys.getrefcount(probe), counted('Thing'), sys.gettrace(), sys.getrecursionlimit(), gc.garbage)
";

/// Which programs an interpreter runs.
fn numbers(which: usize, of: usize) -> Vec<u64> {
    if let Ok(one) = std::env::var("IKPDB_TEST_PROGRAM") {
        return vec![one.parse().unwrap()];
    }
    let all = std::env::var_os("IKPDB_TEST_ALL").is_some();
    (0..PROGRAMS).filter(|number| all || (*number as usize) % of == which).collect()
}

fn variables() -> Vec<(String, String)> {
    [
        ("PYTHONHASHSEED", "0"),
        ("PYTHONUNBUFFERED", ""),
        ("PYTHONWARNINGS", "always"),
        ("NO_COLOR", "1"),
        ("PYTHONDONTWRITEBYTECODE", "1"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// The first differing line, and what stands around it.
fn difference(native: &str, debugged: &str) -> Option<String> {
    let (native, debugged): (Vec<&str>, Vec<&str>) = (native.lines().collect(), debugged.lines().collect());
    let at = (0..native.len().max(debugged.len())).find(|at| native.get(*at) != debugged.get(*at))?;
    let which =
        native[..at.min(native.len())].iter().rev().find(|it| it.starts_with("==")).copied().unwrap_or_default();
    let part = |lines: &[&str]| lines[at.saturating_sub(3).min(lines.len())..(at + 3).min(lines.len())].join("\n  ");
    Some(format!("{which}\n natively:\n  {}\n debugged:\n  {}", part(&native), part(&debugged)))
}

/// Starts the programs, natively and under the agent; what happens with the second is up to `drive`.
fn compare(python: &Python, numbers: &[u64], how: &str, drive: impl Fn(&mut Debuggee, &[(String, String)])) {
    let name = |number: &u64| format!("p{number:03}.py");
    let files: Vec<(String, String)> = numbers.iter().map(|it| (name(it), program(*it, python.minor().1))).collect();
    let launch = Launch { files: files.clone(), env: variables(), patience_ms: 120_000, ..Launch::default() };
    let mut debuggee = Debuggee::begin(python, DRIVER, &launch);
    let native = debuggee.natively(python, &[], variables());
    assert_eq!(native.status.code(), Some(0), "{} {how}: {}\n{}", python.version, native.output, native.errors);
    debuggee.request("attach", json!({}));
    debuggee.event("initialized");
    drive(&mut debuggee, &files);
    let ended = debuggee.end_within(PATIENCE);
    let what = format!("{} {how}", python.version);
    for (native, debugged) in [(&native.output, &ended.output), (&native.errors, &ended.errors)] {
        if let Some(difference) = difference(native, debugged.trim_end()) {
            panic!("{what}: {difference}");
        }
    }
    assert_eq!(native.status.code(), ended.status.code(), "{what}");
}

fn path(debuggee: &Debuggee, name: &str) -> String {
    debuggee.script.with_file_name(name).to_str().unwrap().to_owned()
}

/// Breakpoints on all lines of a program that never stop it, each in another way.
fn never(text: &str) -> Value {
    let lines = 1..=text.lines().count();
    let breakpoint = |line: usize| match line % 6 {
        0 => json!({"line": line, "condition": "False"}),
        1 => json!({"line": line, "condition": "a == -1"}),
        2 => json!({"line": line, "condition": "'no' in [str(x) for x in (1, 2)]"}),
        3 => json!({"line": line, "hitCondition": "1000000"}),
        4 => json!({"line": line, "column": 5, "condition": "len(sys.argv) > 50"}),
        _ => json!({"line": line, "condition": "a is b and a is not b"}),
    };
    lines.map(breakpoint).collect()
}

#[test]
fn programs_with_breakpoints_on_every_line_that_never_hit_are_what_they_were() {
    let pythons = pythons();
    for (which, python) in pythons.iter().enumerate() {
        compare(python, &numbers(which, pythons.len()), "with breakpoints", |debuggee, files| {
            for (name, text) in files {
                let source = json!({"path": path(debuggee, name)});
                debuggee.request("setBreakpoints", json!({"source": source, "breakpoints": never(text)}));
            }
            debuggee
                .request("setFunctionBreakpoints", json!({"breakpoints": [{"name": "depth", "condition": "n == -1"}]}));
            debuggee.request(
                "setExceptionBreakpoints",
                json!({"filters": ["uncaught"], "filterOptions": [{"filterId": "raised", "condition": "False"}]}),
            );
            debuggee.request("configurationDone", json!({}));
            // Nothing stops: neither a condition that is false nor one that cannot be evaluated, as it names what is not there yet.
            let stop = debuggee.event_within("stopped", PATIENCE);
            assert!(stop.is_none(), "{}: a breakpoint hit that never does: {stop:?}", python.version);
        });
    }
}

#[test]
fn programs_that_are_stepped_through_are_what_they_were() {
    const STEPS: usize = 60;
    let pythons = pythons();
    for (which, python) in pythons.iter().enumerate() {
        compare(python, &numbers(which, pythons.len()), "with steps", |debuggee, files| {
            for (name, text) in files {
                // Where what every program begins with is over.
                let line = text.lines().position(|it| it.starts_with("a, b, c")).unwrap() + 1;
                let source = json!({"path": path(debuggee, name)});
                debuggee.request("setBreakpoints", json!({"source": source, "breakpoints": [{"line": line}]}));
            }
            debuggee.request("setExceptionBreakpoints", json!({"filters": ["uncaught"]}));
            debuggee.request("configurationDone", json!({}));
            let mut steps = 0;
            while let Some(stop) = debuggee.event_within("stopped", PATIENCE) {
                let thread = &stop["threadId"];
                if stop["reason"] == "breakpoint" {
                    steps = 0;
                }
                steps += 1;
                // Now and then somebody looks.
                if steps % 10 == 1 {
                    let stack = debuggee.try_request("stackTrace", json!({"threadId": thread})).unwrap();
                    let frame = &stack["stackFrames"][0]["id"];
                    let scopes = debuggee.request("scopes", json!({"frameId": frame}));
                    for scope in scopes["scopes"].as_array().unwrap() {
                        debuggee.request("variables", json!({"variablesReference": scope["variablesReference"]}));
                    }
                    // It fails where the program has emptied its own namespace.
                    let watch = json!({"expression": "sum([1, 2])", "frameId": frame, "context": "watch"});
                    let _ = debuggee.try_request("evaluate", watch);
                }
                let command = match steps {
                    STEPS.. => "continue",
                    _ if steps % 13 == 0 => "stepOut",
                    _ if steps % 3 == 0 => "next",
                    _ => "stepIn",
                };
                debuggee.ask(command, json!({"threadId": thread}));
            }
        });
    }
}

#[test]
fn the_same_number_makes_the_same_program() {
    assert_eq!(program(7, 13), program(7, 13));
    assert_ne!(program(7, 13), program(8, 13));
    if let (Some(folder), Ok(number)) = (std::env::var_os("IKPDB_TEST_WRITE"), std::env::var("IKPDB_TEST_PROGRAM")) {
        let number = number.parse().unwrap();
        std::fs::write(std::path::Path::new(&folder).join(format!("p{number:03}.py")), program(number, 13)).unwrap();
        std::fs::write(std::path::Path::new(&folder).join("app.py"), DRIVER).unwrap();
    }
}
