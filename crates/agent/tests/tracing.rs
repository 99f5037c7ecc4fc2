//! Trace functions: ours on 3.11, which is there only while something needs it, on all threads; and those of programs that trace
//! themselves.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::io::Write;
use std::process::ChildStdin;
use std::time::Instant;

use serde_json::json;
use support::{DEADLINE, Debuggee, Launch, Python, pythons};

fn python_311() -> Vec<Python> {
    pythons().into_iter().filter(|python| python.minor() == (3, 11)).collect()
}

/// Prints, for each line that it reads, how many threads with Python frames there are and how many of them have a trace function:
/// read out of their states, so that nothing is run for it that a trace function would see.
const LOOKS: &str = "\
import ctypes, sys, threading, _thread
api = ctypes.pythonapi
for name in ('PyInterpreterState_Main', 'PyInterpreterState_ThreadHead', 'PyThreadState_Next'):
    getattr(api, name).restype = ctypes.c_void_p
def traced():
    frames = sys._current_frames()
    state = api.PyInterpreterState_ThreadHead(ctypes.c_void_p(api.PyInterpreterState_Main()))
    functions = []
    while state:
        ident = ctypes.c_ulong.from_address(state + 152).value
        if ident in frames:
            functions.append(bool(ctypes.c_void_p.from_address(state + 72).value))
        state = api.PyThreadState_Next(ctypes.c_void_p(state))
    return '%d of %d' % (sum(functions), len(functions))
def wait(lock):
    begun.release()
    lock.acquire()
    inside = 1  # BP:inside
    done.release()
    over.acquire()
begun, done, over = threading.Semaphore(0), threading.Semaphore(0), threading.Semaphore(0)
locks = []
def start(how):
    lock = _thread.allocate_lock()
    lock.acquire()
    locks.append(lock)
    if how == 'thread':
        threading.Thread(target=wait, args=(lock,), daemon=True).start()
    else:
        _thread.start_new_thread(wait, (lock,))
    begun.acquire()
state = api.PyThreadState_Get
state.restype = ctypes.c_void_p
assert ctypes.c_ulong.from_address(state() + 152).value == threading.get_ident()
start('thread'); start('raw')
print('up', flush=True)
for line in sys.stdin:
    word = line.strip()
    if word == 'look':
        print(traced(), flush=True)
    elif word == 'run':
        for lock in locks: lock.release()
        for lock in locks: done.acquire()
        locks.clear()
        print('ran', flush=True)
    elif word == 'load':
        loaded = {}
        exec(compile(open('loaded.py').read(), 'loaded.py', 'exec'), loaded)
        print(loaded['function'](), flush=True)
    elif word == 'unload':
        loaded.clear()
        print('gone', flush=True)
    else:
        start(word)
        print('started', flush=True)
";

/// The program that looks, when its threads are there.
fn looking(python: &Python) -> (Debuggee, ChildStdin) {
    let mut debuggee = Debuggee::launch(python, LOOKS, Launch { pipe_stdin: true, ..Launch::default() });
    assert_eq!(debuggee.printed(), "up");
    let stdin = debuggee.stdin();
    (debuggee, stdin)
}

/// What the program says to a word.
fn say(debuggee: &Debuggee, stdin: &mut ChildStdin, word: &str) -> String {
    stdin.write_all(format!("{word}\n").as_bytes()).unwrap();
    debuggee.printed()
}

/// Looks until the answer is this one: arming and disarming follow the answer of `setBreakpoints` if the GIL is not to be had.
#[track_caller]
fn becomes(debuggee: &Debuggee, stdin: &mut ChildStdin, expected: &str) {
    let begin = Instant::now();
    loop {
        let seen = say(debuggee, stdin, "look");
        if seen == expected {
            return;
        }
        assert!(begin.elapsed() < DEADLINE, "{seen} instead of {expected}");
    }
}

#[test]
fn the_trace_function_is_there_only_while_it_is_needed_and_then_on_every_thread() {
    for python in python_311() {
        let (mut debuggee, mut stdin) = looking(&python);
        assert_eq!(say(&debuggee, &mut stdin, "look"), "0 of 3", "{}", python.version);
        debuggee.set_breakpoints(&[("inside".into(), None)]);
        becomes(&debuggee, &mut stdin, "3 of 3");
        // Threads that start now have it from their beginning, by whatever they are started.
        for (how, expected) in [("thread", "4 of 4"), ("raw", "5 of 5")] {
            assert_eq!(say(&debuggee, &mut stdin, how), "started");
            assert_eq!(say(&debuggee, &mut stdin, "look"), expected, "{} {how}", python.version);
        }
        stdin.write_all(b"run\n").unwrap();
        let mut threads = Vec::new();
        for _ in 0..4 {
            let stop = debuggee.stopped();
            assert_eq!((stop.line(), stop.function()), (debuggee.line("inside"), "wait"), "{}", python.version);
            threads.push(stop.thread);
            debuggee.go("continue", stop.thread);
        }
        assert_eq!(debuggee.printed(), "ran");
        threads.sort_unstable();
        threads.dedup();
        assert_eq!(threads.len(), 4, "{}: each thread stops once", python.version);
        debuggee.set_breakpoints(&[]);
        becomes(&debuggee, &mut stdin, "0 of 5");
        // And it comes back.
        debuggee.set_breakpoints(&[("inside".into(), None)]);
        becomes(&debuggee, &mut stdin, "5 of 5");
        debuggee.request("disconnect", json!({}));
        becomes(&debuggee, &mut stdin, "0 of 5");
        drop(stdin);
        assert_eq!(debuggee.end().status.code(), Some(0), "{}", python.version);
    }
}

#[test]
fn a_breakpoint_in_a_file_whose_code_is_not_there_costs_nothing() {
    for python in python_311() {
        let (mut debuggee, mut stdin) = looking(&python);
        let file = debuggee.folder().join("loaded.py");
        std::fs::write(&file, "def function():\n    return 'loaded'\n").unwrap();
        let source = json!({"source": {"path": file}, "breakpoints": [{"line": 2}]});
        debuggee.request("setBreakpoints", source);
        for round in 0..2 {
            becomes(&debuggee, &mut stdin, "0 of 3");
            stdin.write_all(b"load\n").unwrap();
            let stop = debuggee.stopped();
            assert_eq!(stop.function(), "function", "{} {round}", python.version);
            debuggee.go("continue", stop.thread);
            assert_eq!(debuggee.printed(), "loaded");
            becomes(&debuggee, &mut stdin, "3 of 3");
            assert_eq!(say(&debuggee, &mut stdin, "unload"), "gone");
        }
        becomes(&debuggee, &mut stdin, "0 of 3");
        drop(stdin);
        assert_eq!(debuggee.end().status.code(), Some(0), "{}", python.version);
    }
}

#[test]
fn builtins_that_tell_us_something_are_the_interpreters_own_to_look_at() {
    const LOOKS_AT: &str = "\
import _thread, sys, threading, types
for f in (sys.settrace, sys.exc_info, _thread.start_new_thread):
    print(type(f).__name__, f.__name__, f.__qualname__, f.__module__, repr(f.__self__), f.__text_signature__, bool(f.__doc__))
print(getattr(threading, '_start_new_thread', None) is _thread.start_new_thread, threading.excepthook is _thread._excepthook)
for wrong in (lambda: sys.settrace(), lambda: _thread.start_new_thread(1), lambda: _thread.start_new_thread(print, 5)):
    try: wrong()
    except TypeError as error: print(error)
";
    for python in pythons() {
        let debuggee = Debuggee::launch(&python, LOOKS_AT, Launch::default());
        let output = debuggee.end().output;
        let native = std::process::Command::new(&python.executable).args(["-c", LOOKS_AT]).output().unwrap();
        assert_eq!(output, String::from_utf8(native.stdout).unwrap().trim_end(), "{}", python.version);
    }
}

#[test]
fn breakpoints_work_while_a_program_traces_itself_and_when_it_stops_doing_so() {
    const TRACES: &str = "\
import ctypes, sys, threading, time
seen = []
ctypes.pythonapi.PyThreadState_Get.restype = ctypes.c_void_p
def is_traced():
    return bool(ctypes.c_void_p.from_address(ctypes.pythonapi.PyThreadState_Get() + 72).value)
def tracer(frame, event, arg):
    if frame.f_code.co_name == 'traced':
        seen.append(event)
    return tracer
def traced(n):
    value = n  # BP:traced
    return value
def own(stop_tracing):
    before = 1  # BP:before
    sys.settrace(tracer)
    traced(1)
    assert sys.gettrace() is tracer
    stop_tracing()
    # What is not done by sys.settrace is seen a moment later.
    end = time.monotonic() + 10
    while stop_tracing is not by_settrace and sys.version_info < (3, 12) and not is_traced() and time.monotonic() < end:
        time.sleep(0.001)
    after = 2  # BP:after
    traced(2)
def fail(frame, event, arg):
    raise RuntimeError('tracer')
def by_error():
    sys.settrace(fail)
    sys.settrace(fail)
    try: traced(3)
    except RuntimeError: pass
def by_settrace():
    sys.settrace(None)
def natively():
    ctypes.pythonapi.PyEval_SetTrace(None, None)
def work():
    own(by_settrace)
    own(natively)
    own(by_error)
if sys.argv[1] == 'main':
    work()
else:
    t = threading.Thread(target=work)
    t.start()
    t.join()
print(seen, sys.gettrace())
";
    for python in pythons() {
        for where_ in ["main", "thread"] {
            let markers = ["before", "after", "traced"].map(|it| (it.to_owned(), None));
            let launch = Launch { args: vec![where_.into()], breakpoints: markers.into(), ..Launch::default() };
            let mut debuggee = Debuggee::launch(&python, TRACES, launch);
            let [before, after, traced] = ["before", "after", "traced"].map(|it| debuggee.line(it));
            // An error of the tracer comes before the line is reached.
            for (round, expected) in [before, traced, after, traced].repeat(3).into_iter().enumerate() {
                let stop = debuggee.stopped();
                assert_eq!(stop.line(), expected, "{} {where_} {round}", python.version);
                debuggee.go("continue", stop.thread);
            }
            let ended = debuggee.end();
            let expected = "['call', 'line', 'line', 'return', 'call', 'line', 'line', 'return', 'call', 'line', 'line', 'return'] None";
            assert_eq!(ended.output, expected, "{} {where_}: {}", python.version, ended.errors);
        }
    }
}

#[test]
fn i18_after_detach_the_programs_trace_function_is_where_it_was() {
    const TRACES: &str = "\
import ctypes, sys, threading, time
ctypes.pythonapi.PyThreadState_Get.restype = ctypes.c_void_p
def function():
    return ctypes.c_void_p.from_address(ctypes.pythonapi.PyThreadState_Get() + 72).value
seen = []
def tracer(frame, event, arg):
    if frame.f_code.co_name == 'traced': seen.append(event)
    return tracer
def traced():
    return 1  # BP:traced
sys.settrace(tracer)
own = function()
print('ready', flush=True)
input()
traced()
input()
end = time.monotonic() + 10
while function() != own and time.monotonic() < end: time.sleep(0.001)
traced()
print(function() == own, sys.gettrace() is tracer, seen)
";
    for python in python_311() {
        let launch = Launch { pipe_stdin: true, ..Launch::default() };
        let mut debuggee = Debuggee::launch(&python, TRACES, launch);
        let mut stdin = debuggee.stdin();
        assert_eq!(debuggee.printed(), "ready");
        debuggee.set_breakpoints(&[("traced".into(), None)]);
        stdin.write_all(b"\n").unwrap();
        assert_eq!(debuggee.stopped().line(), debuggee.line("traced"), "{}", python.version);
        debuggee.request("disconnect", json!({}));
        stdin.write_all(b"\n").unwrap();
        let ended = debuggee.end();
        let events = "['call', 'line', 'return', 'call', 'line', 'return']";
        assert_eq!(ended.output, format!("True True {events}"), "{} {}", python.version, ended.errors);
    }
}
