//! I18: after the debugger has left, code objects are what they would be without it, however they had events.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::io::Write;

use serde_json::json;
use support::{Debuggee, Launch, pythons};

/// Functions with each kind of event, and twins of theirs under another file's name, which have none. Both do the same.
const TWINS: &str = "\
import asyncio, dis, json, sys, time
def line(a):
    b = a  # BP:line
    return b
def columns(a):
    return abs(a) + abs(a)  # BP:columns
def loop(n):
    for i in range(n): n += i  # BP:loop
    return n
def entered(a):
    return a
def logged(a):
    a += 1  # BP:logged
    return a
def generate(n):
    for i in range(n):
        yield i  # BP:yield
def over_generator(n):
    return list(generate(n))
async def wait(a):
    await asyncio.sleep(0)
    return a  # BP:wait
def over_coroutine(a):
    coroutine = wait(a)
    try:
        while True: coroutine.send(None)
    except StopIteration as stop:
        return stop.value
def caller(a):
    called(a)
    return a
def called(a):
    return a  # BP:called
def evaluated(a):
    c = a  # BP:evaluated
    return c
def fails(a):
    try:
        raise KeyError(a)
    except KeyError:
        return a
if __name__ == '__main__':
    with open(__file__) as file:
        twins = {'__name__': 'twins', '__builtins__': __builtins__}
        exec(compile(file.read(), 'twins', 'exec'), twins)
    names = [name for name, it in list(globals().items()) if hasattr(it, '__code__')]
    callables = [name for name in names if name not in ('generate', 'wait', 'called')]
    def run(times):
        for _ in range(times):
            for name in callables:
                globals()[name](3)
                twins[name](3)
    run(1)
    print('ran', flush=True)
    input()
    run(100)
    def instructions(function):
        return [it.opname for it in dis.get_instructions(function.__code__, adaptive=True)]
    def differing():
        return {name: [instructions(globals()[name]), instructions(twins[name])]
                for name in names if instructions(globals()[name]) != instructions(twins[name])}
    end = time.monotonic() + 10
    while differing() and time.monotonic() < end: time.sleep(0.01)
    print(json.dumps(differing()), [name for name in names if getattr(sys, 'monitoring', None) and
        any(sys.monitoring.get_local_events(tool, globals()[name].__code__) for tool in range(6) if sys.monitoring.get_tool(tool))])
";

#[test]
fn i18_after_detach_code_with_each_kind_of_event_is_what_it_was() {
    for python in pythons() {
        let version = &python.version;
        let mut debuggee =
            Debuggee::launch(&python, TWINS, Launch { pipe_stdin: true, stop_on_entry: true, ..Launch::default() });
        let entry = debuggee.stopped();
        let path = debuggee.script.clone();
        let at = |marker: &str| json!({"line": debuggee.line(marker)});
        let mut breakpoints: Vec<_> =
            ["line", "loop", "yield", "wait", "called", "evaluated"].into_iter().map(at).collect();
        let text = "    return abs(a) + abs(a)";
        let second = text.rfind("abs").unwrap() + 1;
        breakpoints.push(json!({"line": debuggee.line("columns"), "column": second}));
        breakpoints.push(json!({"line": debuggee.line("logged"), "logMessage": "{a}", "condition": "str(a) == '3'"}));
        debuggee.request("setBreakpoints", json!({"source": {"path": path}, "breakpoints": breakpoints}));
        debuggee.request("setFunctionBreakpoints", json!({"breakpoints": [{"name": "entered"}]}));
        debuggee.request("setExceptionBreakpoints", json!({"filters": ["uncaught", "raised", "userUnhandled"]}));
        debuggee.go("continue", entry.thread);
        let mut seen = Vec::new();
        let mut last = None;
        while last.as_deref() != Some("fails") {
            let stop = debuggee.stopped();
            seen.push(stop.function().to_owned());
            last = Some(stop.function().to_owned());
            match stop.function() {
                "evaluated" => assert_eq!(debuggee.evaluate("str(a)", stop.top()), "'3'", "{version}"),
                // Its caller is watched, too.
                "called" => {
                    debuggee.go_and_stop("stepOut", stop.thread);
                }
                _ => {}
            }
            if stop.function() != "fails" {
                debuggee.go("continue", stop.thread);
            }
        }
        seen.dedup();
        let expected = ["line", "columns", "loop", "entered", "generate", "wait", "called", "evaluated", "fails"];
        assert_eq!(seen, expected, "{version}");
        debuggee.request("disconnect", json!({}));
        debuggee.stdin().write_all(b"\n").unwrap();
        let ended = debuggee.end();
        assert_eq!((ended.output.as_str(), ended.errors.as_str()), ("ran\n{} []", ""), "{version}");
    }
}
