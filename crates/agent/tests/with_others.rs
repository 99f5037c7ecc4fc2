//! coverage.py and pdb in a program that is debugged: what they say is what they say without us.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::json;
use support::{Debuggee, Launch, Python, marked_line, pythons};

const COVERED: &str = "\
import threading
def choose(n):
    if n > 2:  # BP:choose
        return 'many'
    elif n < 0:
        return 'none'  # BP:never
    for i in range(n):
        if i == 1:
            break  # BP:break
    else:
        return 'few'
    return 'some'  # BP:some
def generate():
    yield 1  # BP:generate
    yield 2
class Made:
    def used(self): return 1
    def unused(self): return 2
def fails():
    try:
        raise ValueError(1)
    except ValueError:
        return [x for x in (1, 2, 3) if x > 1]  # BP:handler
    finally:
        done = True
print([choose(n) for n in range(4)], list(generate()), Made().used(), fails())
thread = threading.Thread(target=choose, args=(2,))
thread.start()
thread.join()
";

/// In place of the interpreter, the one of its environment, which has the packages.
fn with_packages(python: &Python) -> Python {
    Python { executable: python.environment_python(), ..python.clone() }
}

fn coverage(python: &Python, debuggee: &Debuggee, core: &str, arguments: &[&str]) -> String {
    let output = Command::new(&python.executable)
        .args(["-m", "coverage"])
        .args(arguments)
        .current_dir(debuggee.folder())
        .env("COVERAGE_CORE", core)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{} {arguments:?}: {}", python.version, String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn coverage_covers_the_same_with_breakpoints_that_hit_and_that_never_do() {
    for python in pythons().iter().map(with_packages) {
        let cores: &[(&str, &str)] = match python.minor() {
            (3, 11) => &[("ctrace", "--branch"), ("pytrace", "")],
            (3, 12 | 13) => &[("ctrace", "--branch"), ("pytrace", ""), ("sysmon", "")],
            _ => &[("ctrace", "--branch"), ("pytrace", ""), ("sysmon", "--branch"), ("sysmon", "")],
        };
        for (core, branch) in cores {
            let what = format!("{} {core} {branch}", python.version);
            let options = |file: &str| -> Vec<String> {
                let all = ["-m", "coverage", "run", branch, "--data-file", file, "--include=covered.py", "covered.py"];
                all.iter().filter(|it| !it.is_empty()).map(|it| (*it).to_owned()).collect()
            };
            let launch = Launch {
                target: options("debugged"),
                env: vec![("COVERAGE_CORE".into(), (*core).into())],
                files: vec![("covered.py".into(), COVERED.into())],
                patience_ms: 60_000,
                ..Launch::default()
            };
            let mut debuggee = Debuggee::begin(&python, "", &launch);
            let native: Vec<String> = options("native").split_off(2);
            coverage(&python, &debuggee, core, &native.iter().map(String::as_str).collect::<Vec<_>>());
            let report = coverage(&python, &debuggee, core, &["report", "--data-file=native", "--show-missing"]);
            debuggee.request("attach", json!({}));
            debuggee.event("initialized");
            let path = debuggee.script.with_file_name("covered.py");
            let list: Vec<_> = ["choose", "never", "break", "some", "generate", "handler"]
                .iter()
                .map(|it| json!({"line": marked_line(COVERED, it)}))
                .chain((1..40).map(|line| json!({"line": line, "condition": "False"})))
                .collect();
            debuggee.request("setBreakpoints", json!({"source": {"path": path}, "breakpoints": list}));
            debuggee.request("configurationDone", json!({}));
            let mut stops = 0;
            while let Some(stop) = debuggee.event_until_end("stopped") {
                stops += 1;
                // Steps take other events than breakpoints.
                let command = if stops % 3 == 0 && stops < 20 { "next" } else { "continue" };
                debuggee.ask(command, json!({"threadId": stop["threadId"]}));
            }
            assert!(stops > 5, "{what}: {stops} stops");
            let after = coverage_after(&python, debuggee, core);
            assert_eq!(after, report, "{what}");
            assert!(report.contains('%'), "{what}: {report}");
        }
    }
}

/// Waits for the end: what is covered.
fn coverage_after(python: &Python, debuggee: Debuggee, core: &str) -> String {
    let folder = debuggee.folder().to_owned();
    let (ended, report) = debuggee.end_and_read(support::DEADLINE, || {
        let mut command = Command::new(&python.executable);
        command.args(["-m", "coverage", "report", "--data-file=debugged", "--show-missing"]).current_dir(&folder);
        let output = command.env("COVERAGE_CORE", core).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    });
    // 3.12 warns when a tracer in Python sees a frame whose `f_locals` somebody has read within a comprehension of a module: a condition does.
    let is_known =
        |line: &str| line.contains("assigning None to unbound local") || line.starts_with("  print([choose(n)");
    let said: Vec<&str> =
        ended.errors.lines().filter(|it| !(python.minor() == (3, 12) && core == "pytrace" && is_known(it))).collect();
    assert_eq!((ended.status.code(), said), (Some(0), Vec::new()), "{} {core}", python.version);
    report
}

const WITH_PDB: &str = "\
def work(n):
    total = 0  # BP:work
    for i in range(n):  # BP:head
        total += i  # BP:loop
    return total
def main():
    x = 1
    __import__('pdb').set_trace()
    y = work(3)  # BP:call
    z = work(2)
    return x + y + z
print(main())  # BP:main
print(work(2))
";

/// What is typed: steps, looks, breakpoints of pdb's own.
const TYPED: &str = "n\np x\ns\ns\nn\nn\np total\nw\nr\nn\nb work\nc\np n\nu\np y\nd\ncl 1\nc\n";

/// Breakpoints of ours in a program that is debugged with pdb, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ours {
    None,
    NeverHit,
    Hit,
}

/// Goes on at every stop until the program ends, at breakpoints with `next`: reason, line, and what `total` is at a breakpoint.
fn stop_and_step(debuggee: &mut Debuggee) -> Vec<(String, u32, String)> {
    let mut stops = Vec::new();
    while let Some(body) = debuggee.event_until_end("stopped") {
        let stop = debuggee.describe(body);
        let is_breakpoint = stop.reason == "breakpoint";
        let knows_total = is_breakpoint && stop.function() == "work";
        let total =
            if knows_total { debuggee.evaluate("total + len([n for n in ()])", stop.top()) } else { String::new() };
        debuggee.ask(if is_breakpoint { "next" } else { "continue" }, json!({"threadId": stop.thread}));
        stops.push((stop.reason.clone(), stop.line(), total));
    }
    stops
}

#[test]
fn pdb_in_a_debugged_program_says_what_it_always_says() {
    for python in pythons() {
        for (how, target) in [("set_trace", vec![]), ("module", vec!["-m", "pdb", "app.py"])] {
            for ours in [Ours::None, Ours::NeverHit, Ours::Hit] {
                let what = format!("{} {how} {ours:?}", python.version);
                let typed = if how == "module" { format!("b main\nc\n{TYPED}c\nq\n") } else { TYPED.to_owned() };
                let launch = Launch {
                    target: target.iter().map(|it| (*it).to_owned()).collect(),
                    pipe_stdin: true,
                    patience_ms: 60_000,
                    env: vec![("NO_COLOR".into(), "1".into())],
                    ..Launch::default()
                };
                let mut debuggee = Debuggee::begin(&python, WITH_PDB, &launch);
                let mut command = Command::new(&python.executable);
                match how {
                    "module" => command.args(&target),
                    _ => command.arg(&debuggee.script),
                };
                command.current_dir(debuggee.folder()).env("NO_COLOR", "1").env_remove("PYTHONBREAKPOINT");
                let mut native =
                    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
                native.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
                let native = native.wait_with_output().unwrap();
                debuggee.request("attach", json!({}));
                debuggee.event("initialized");
                let all = ["work", "loop", "call", "main"];
                match ours {
                    Ours::None => Vec::new(),
                    Ours::NeverHit => {
                        debuggee.set_breakpoints(&all.map(|it| (it.to_owned(), Some("False".to_owned()))))
                    }
                    Ours::Hit => debuggee.set_breakpoints(&["call", "loop"].map(|it| (it.to_owned(), None))),
                };
                debuggee.request("configurationDone", json!({}));
                debuggee.stdin().write_all(typed.as_bytes()).unwrap();
                let stops = stop_and_step(&mut debuggee);
                let [call, at_loop, head] = ["call", "loop", "head"].map(|it| debuggee.line(it));
                let round = |total: &'static str| [("breakpoint", at_loop, total), ("step", head, "")];
                let expected: Vec<(&str, u32, &str)> = match (ours, how) {
                    (Ours::None | Ours::NeverHit, _) => Vec::new(),
                    (Ours::Hit, _) => {
                        // From a module pdb is left before the last call.
                        let totals =
                            ["0", "0", "1", "0", "0", "0", "0"].into_iter().take(if how == "module" { 5 } else { 7 });
                        std::iter::once(("breakpoint", call, "")).chain(totals.flat_map(round)).collect()
                    }
                };
                let stops: Vec<_> = stops.iter().map(|it| (it.0.as_str(), it.1, it.2.as_str())).collect();
                assert_eq!(stops, expected, "{what}");
                let ended = debuggee.end();
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
                assert_eq!(ended.output.trim_end(), text(&native.stdout), "{what}");
                assert_eq!(ended.errors.trim_end(), text(&native.stderr), "{what}");
                assert_eq!(ended.status.code(), native.status.code(), "{what}");
            }
        }
    }
}
