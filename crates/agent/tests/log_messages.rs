//! Log messages that come faster than anybody reads them: the program does not wait, and what is missing is counted and told.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::io::Write;
use std::time::Instant;

use serde_json::json;
use support::{DEADLINE, Debuggee, Launch, Python, pythons};

/// Hits in a round; what they log is several times what the agent keeps.
const HITS: usize = 300_000;

const PROGRAM: &str = "\
import sys
def round(count):
    for n in range(count):
        x = n  # BP:hot
print('ready', flush=True)
for line in sys.stdin:
    round(int(line))
    print('over', flush=True)
";

fn begin(python: &Python) -> Debuggee {
    let mut debuggee = Debuggee::begin(python, PROGRAM, &Launch { pipe_stdin: true, ..Launch::default() });
    debuggee.request("attach", json!({}));
    debuggee.event("initialized");
    let message = format!("{{n}} {}", "x".repeat(40));
    let hot = json!([{"line": debuggee.line("hot"), "logMessage": message}]);
    debuggee.request("setBreakpoints", json!({"source": {"path": debuggee.script}, "breakpoints": hot}));
    debuggee.request("configurationDone", json!({}));
    assert_eq!(debuggee.printed(), "ready", "{}", python.version);
    debuggee
}

/// What arrives until it is as many as there were hits: the numbers, in their order, and how many are said to be missing.
fn received(debuggee: &mut Debuggee, hits: usize, version: &str) -> (Vec<usize>, usize) {
    let (mut numbers, mut missing, begin) = (Vec::new(), 0, Instant::now());
    while numbers.len() + missing < hits {
        assert!(begin.elapsed() < DEADLINE, "{version}: {} arrived and {missing} are missing of {hits}", numbers.len());
        let output = debuggee.event("output");
        let text = output["output"].as_str().unwrap();
        match output["category"].as_str().unwrap() {
            "console" => numbers.extend(text.lines().map(|it| it.split_once(' ').unwrap().0.parse::<usize>().unwrap())),
            "important" => {
                let (count, rest) = text.split_once(' ').unwrap();
                assert!(rest.starts_with("log messages are missing here"), "{version}: {text}");
                missing += count.parse::<usize>().unwrap();
            }
            other => panic!("{version}: {other}: {text}"),
        }
    }
    (numbers, missing)
}

#[test]
fn i11_a_hot_logpoint_that_nobody_reads_stalls_nothing_and_what_is_missing_is_counted() {
    for python in pythons() {
        let version = &python.version;
        let mut debuggee = begin(&python);
        let mut stdin = debuggee.stdin();
        let gate = debuggee.gate();
        let closed = gate.close();
        writeln!(stdin, "{HITS}").unwrap();
        // It comes to its end while nobody reads.
        assert_eq!(debuggee.printed(), "over", "{version}");
        drop(closed);
        let (numbers, missing) = received(&mut debuggee, HITS, version);
        assert_eq!(numbers.len() + missing, HITS, "{version}: more than there were");
        assert!(missing > 0 && !numbers.is_empty(), "{version}: {} arrived, {missing} are missing", numbers.len());
        assert!(numbers.is_sorted_by(|a, b| a < b), "{version}: not in their order, or twice");
        // Then there is room again.
        writeln!(stdin, "100").unwrap();
        assert_eq!(debuggee.printed(), "over", "{version}");
        assert_eq!(received(&mut debuggee, 100, version), ((0..100).collect(), 0), "{version}");
        drop(stdin);
        assert_eq!(debuggee.end().status.code(), Some(0), "{version}");
    }
}
