//! Programs that run out of stack or memory: as without a debugger.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use serde_json::{Value, json};
use support::{Debuggee, Launch, pythons};

/// Says how deep it gets, in functions, generators and methods.
const DEPTHS: &str = "\
import sys
def depth(n=0):
    try:
        return depth(n + 1)  # BP:depth
    except RecursionError:
        return n
def generate(n=0):
    try:
        yield from generate(n + 1)  # BP:generate
    except RecursionError:
        yield n
class Deep:
    def __init__(self, n=0):
        self.n = n
    def __getattr__(self, name):
        try:
            return getattr(Deep(self.n + 1), name)  # BP:attribute
        except RecursionError:
            return self.n
def call(f):
    return max(map(f, [0]))
for limit in 100, 500, sys.getrecursionlimit():
    sys.setrecursionlimit(limit)
    print(limit, depth(), list(generate()), next(generate()), Deep().x, call(depth), sys.getrecursionlimit(), flush=True)  # BP:print
def endless(n):
    return endless(n + 1)  # BP:endless
endless(0)
";

#[test]
fn a_program_gets_as_deep_as_without_a_debugger_and_its_recursion_error_is_its_own() {
    for python in pythons() {
        let conditions = ["n == -1", "[n for n in (1, 2)] == []", "sys.getrecursionlimit() < 0", ""];
        for condition in conditions {
            let what = format!("{} {condition}", python.version);
            // On 3.11 code that is traced, by whomever, is not specialised, and such a call takes two levels instead of one.
            let attribute = if python.minor() >= (3, 12) { "Deep().x" } else { "0" };
            let program = DEPTHS.replace("Deep().x", attribute);
            let mut debuggee = Debuggee::begin(&python, &program, &Launch::default());
            let native = debuggee.natively(&python, &[], Vec::new());
            debuggee.request("attach", json!({}));
            debuggee.event("initialized");
            let markers =
                if condition.is_empty() { vec!["print"] } else { vec!["depth", "generate", "attribute", "endless"] };
            let wanted: Vec<_> = markers
                .iter()
                .map(|it| ((*it).to_owned(), (!condition.is_empty()).then(|| condition.to_owned())))
                .collect();
            debuggee.set_breakpoints(&wanted);
            debuggee.request("setExceptionBreakpoints", json!({"filters": ["uncaught"]}));
            debuggee.request("configurationDone", json!({}));
            let mut reasons: Vec<Value> = Vec::new();
            while let Some(stop) = debuggee.event_until_end("stopped") {
                reasons.push(stop["reason"].clone());
                if stop["reason"] == "exception" {
                    assert!(stop["text"].as_str().unwrap().contains("RecursionError"), "{what}: {stop}");
                    let stack = debuggee.request("stackTrace", json!({"threadId": 1, "levels": 5}));
                    assert_eq!(stack["stackFrames"][0]["name"], "endless", "{what}");
                    // Deep down there is room for what the user asks, or a refusal in words.
                    let _ = debuggee
                        .try_request("evaluate", json!({"expression": "n", "frameId": stack["stackFrames"][0]["id"]}));
                }
                debuggee.ask("continue", json!({"threadId": 1}));
            }
            let ended = debuggee.end();
            let expected = if condition.is_empty() {
                json!(["breakpoint", "breakpoint", "breakpoint", "exception"])
            } else {
                json!(["exception"])
            };
            assert_eq!(Value::from(reasons), expected, "{what}: {}", ended.errors);
            assert_eq!(ended.seen(), native.seen(), "{what}");
        }
    }
}
