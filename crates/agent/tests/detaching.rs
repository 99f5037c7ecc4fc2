//! I18: after the debugger has left, nothing is asked of the interpreter, and code objects are what they would be without it, however
//! they had events.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::io::Write;
use std::time::{Duration, Instant};

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

#[test]
fn i18_after_detach_the_interpreter_is_asked_for_nothing_and_code_is_what_it_was() {
    const CHECK: &str = "\
import ctypes, sys, threading, time
def make():
    def f(a):
        b = a  # BP:here
        c = b
        return c
    return f
f = make()
# The same code under another name has no breakpoint.
with open(__file__) as file: text = file.read()
other = next(it for it in compile(text, 'other', 'exec').co_consts if getattr(it, 'co_name', '') == 'make')
other = type(f)(next(it for it in other.co_consts if getattr(it, 'co_name', '') == 'f'), globals())
stop = threading.Event()
def work():
    while not stop.is_set():
        f(1); time.sleep(0.001)
thread = threading.Thread(target=work)
thread.start()
f(1)
input()
stop.set()
thread.join()
for i in range(50): f(1); other(1)
monitoring = getattr(sys, 'monitoring', None)
if monitoring:
    codes = [f.__code__, make.__code__, work.__code__, sys._getframe().f_code, threading.Thread.start.__code__,
             threading._make_invoke_excepthook().__code__]
    for i in range(6):
        monitoring.use_tool_id(i, 'check')
        events = [monitoring.get_events(i), *(monitoring.get_local_events(i, code) for code in codes)]
        callbacks = [monitoring.register_callback(i, event, None) for name, event in vars(monitoring.events).items() if event and name != 'NO_EVENTS' and not name.startswith('_') and event & (event - 1) == 0]
        if any(events) or any(callbacks): print(i, events, callbacks)
        monitoring.free_tool_id(i)
else:
    state = ctypes.pythonapi.PyThreadState_Get
    state.restype = ctypes.c_void_p
    print(ctypes.c_void_p.from_address(state() + 72).value)
def differing():
    return [at for at, (x, y) in enumerate(zip(other.__code__._co_code_adaptive, f.__code__._co_code_adaptive)) if x != y]
end = time.monotonic() + 10
while differing() and time.monotonic() < end: time.sleep(0.01)
print(differing(), sys.gettrace(), sys.getprofile(), threading.gettrace())
";
    for python in pythons() {
        let launch = Launch { pipe_stdin: true, ..Launch::at("here") };
        let mut debuggee = Debuggee::launch(&python, CHECK, launch);
        // A step is under way in the thread, the others are frozen, a breakpoint is armed.
        let stop = debuggee.stopped();
        let stop = debuggee.go_and_stop("next", stop.thread);
        debuggee.go("stepOut", stop.thread);
        debuggee.stopped();
        debuggee.request("disconnect", json!({}));
        debuggee.stdin().write_all(b"\n").unwrap();
        let ended = debuggee.end();
        let expected = if python.minor() >= (3, 12) { "[] None None None" } else { "None\n[] None None None" };
        assert_eq!((ended.output.as_str(), ended.errors.as_str()), (expected, ""), "{}", python.version);
    }
}

#[test]
fn i18_a_disconnect_right_behind_continue_leaves_nothing_behind() {
    const CHECK: &str = "\
import ctypes, sys, time
def f():
    x = 1  # BP:here
f()
monitoring = getattr(sys, 'monitoring', None)
state = ctypes.pythonapi.PyThreadState_Get
state.restype = ctypes.c_void_p
def debugged():
    if monitoring: return any(monitoring.get_tool(i) == 'ikpdb' for i in range(6))
    return ctypes.c_void_p.from_address(state() + 72).value is not None
end = time.monotonic() + 5
while debugged() and time.monotonic() < end: time.sleep(0.001)
print(debugged())
";
    for python in pythons() {
        for round in 0..10 {
            let mut debuggee = Debuggee::launch(&python, CHECK, Launch::at("here"));
            let stop = debuggee.stopped();
            debuggee.ask("continue", json!({"threadId": stop.thread}));
            debuggee.ask("disconnect", json!({}));
            let ended = debuggee.end();
            assert_eq!(ended.seen(), (Some(0), "False", ""), "{} round {round}", python.version);
        }
    }
}

#[test]
fn i18_a_pause_that_the_debugger_does_not_wait_for_keeps_nobody_busy() {
    const SLEEPS: &str = "import time\nprint('go', flush=True)\ntime.sleep(1000)\n";
    for python in pythons() {
        let mut debuggee = Debuggee::launch(&python, SLEEPS, Launch::default());
        assert_eq!(debuggee.printed(), "go");
        debuggee.ask("pause", json!({"threadId": 1}));
        debuggee.request("disconnect", json!({}));
        let begin = Instant::now();
        let mut before = wakes_of_helper(debuggee.pid());
        // Not a wait for anything: whoever is busy is seen to be within that time.
        loop {
            std::thread::park_timeout(Duration::from_millis(100));
            let now = wakes_of_helper(debuggee.pid());
            if now == before {
                break;
            }
            before = now;
            assert!(begin.elapsed() < support::DEADLINE, "{}: the helper is busy for ever", python.version);
        }
    }
}

/// How often the helper has waited for something.
fn wakes_of_helper(pid: i32) -> u64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let read = |task: &std::path::Path, name: &str| std::fs::read_to_string(task.join(name)).unwrap_or_default();
    let helper = tasks.flatten().map(|it| it.path()).find(|it| read(it, "comm").trim_end() == "ikpdb-helper").unwrap();
    let status = read(&helper, "status");
    let line = status.lines().find_map(|it| it.strip_prefix("voluntary_ctxt_switches:")).unwrap();
    line.trim().parse().unwrap()
}
