//! Programs that end in a hurry, fail while they fail, or run out of memory; and programs that stand still: never because of us, never
//! otherwise than without us.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::time::{Duration, Instant};

use serde_json::json;
use support::{Debuggee, Ended, Launch, Python, pythons};

fn without_addresses(text: &str) -> String {
    let mut pieces = text.trim_end().split("0x");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |done, piece| done + "0x_" + piece.trim_start_matches(|it: char| it.is_ascii_hexdigit()))
}

/// An end as it is compared.
fn plain(ended: &Ended) -> Ended {
    Ended { status: ended.status, output: without_addresses(&ended.output), errors: without_addresses(&ended.errors) }
}

/// Runs a program both ways, and compares; the reasons of its stops.
fn same(python: &Python, program: &str, argument: &str) -> Vec<String> {
    let (reasons, ended, native) = both(python, program, argument);
    assert_eq!(ended.seen(), native.seen(), "{} {argument}", python.version);
    reasons
}

/// Runs a program both ways, and lets it go on at every stop; the reasons of its stops, its end, and its end without us.
fn both(python: &Python, program: &str, argument: &str) -> (Vec<String>, Ended, Ended) {
    let args = vec![argument.to_owned()];
    let mut debuggee = Debuggee::begin(python, program, &Launch { args, patience_ms: 60_000, ..Launch::default() });
    let native = plain(&debuggee.natively(python, &[argument], Vec::new()));
    debuggee.request("attach", json!({}));
    debuggee.event("initialized");
    debuggee.request("setExceptionBreakpoints", json!({"filters": ["uncaught"]}));
    debuggee.request("configurationDone", json!({}));
    let mut reasons = Vec::new();
    while let Some(stop) = debuggee.event_until_end("stopped") {
        reasons.push(format!("{}: {}", stop["reason"].as_str().unwrap(), stop["text"].as_str().unwrap_or_default()));
        // As a client does it.
        let thread = &stop["threadId"];
        let stack = debuggee.try_request("stackTrace", json!({"threadId": thread, "levels": 20})).unwrap();
        if let Some(frame) = stack["stackFrames"].get(0) {
            let scopes = debuggee.request("scopes", json!({"frameId": frame["id"]}));
            debuggee.request("variables", json!({"variablesReference": scopes["scopes"][0]["variablesReference"]}));
        }
        let _ = debuggee.try_request("exceptionInfo", json!({"threadId": thread}));
        debuggee.ask("continue", json!({"threadId": thread}));
    }
    (reasons, plain(&debuggee.end()), native)
}

const HURRY: &str = "\
import os, sys, threading, time
def work():
    x = 41
    x += 1  # BP:work
    return x
go, over = threading.Event(), threading.Event()
if sys.argv[1] == 'other':
    threading.Thread(target=work, daemon=True).start()
    go.wait()
else:
    work()
print('out', flush=True)
os._exit(7)
";

#[test]
fn a_program_that_calls_exit_at_once_ends_at_once_whatever_is_in_flight() {
    for python in pythons() {
        let version = &python.version;
        // While another thread is stopped, in an evaluation that waits and in one that computes.
        for evaluation in [
            "[go.set(), time.sleep(60)]",
            "[go.set(), over.wait()]",
            "[go.set(), [time.sleep(0.01) for _ in iter(int, 1)]]",
        ] {
            let launch = Launch { args: vec!["other".into()], ..Launch::at("work") };
            let mut debuggee = Debuggee::launch(&python, HURRY, launch);
            let stop = debuggee.stopped();
            let begin = Instant::now();
            debuggee.ask("evaluate", json!({"expression": evaluation, "frameId": stop.top()["id"], "context": "repl"}));
            debuggee.ask("evaluate", json!({"expression": "x", "frameId": stop.top()["id"]}));
            debuggee.ask("threads", json!({}));
            let ended = debuggee.end();
            assert_eq!(ended.seen(), (Some(7), "out", ""), "{version} {evaluation}");
            assert!(begin.elapsed() < Duration::from_secs(15), "{version} {evaluation}: {:?}", begin.elapsed());
        }
        // In the evaluation itself, on the way to a step's end, and with requests on their way.
        for how in ["evaluate", "next", "continue", "pause"] {
            let mut debuggee =
                Debuggee::launch(&python, HURRY, Launch { args: vec!["main".into()], ..Launch::at("work") });
            let stop = debuggee.stopped();
            let thread = json!({"threadId": stop.thread});
            let expected = match how {
                "evaluate" => {
                    debuggee.ask(
                        "evaluate",
                        json!({"expression": "os._exit(9)", "frameId": stop.top()["id"], "context": "repl"}),
                    );
                    (Some(9), "", "")
                }
                "pause" => {
                    debuggee.ask("continue", thread);
                    debuggee.ask("threads", json!({}));
                    debuggee.ask("pause", json!({"threadId": 1}));
                    (Some(7), "out", "")
                }
                _ => {
                    debuggee.ask(how, thread);
                    (Some(7), "out", "")
                }
            };
            while let Some(stop) = debuggee.event_until_end("stopped") {
                debuggee.ask(if how == "next" { "next" } else { "continue" }, json!({"threadId": stop["threadId"]}));
            }
            let ended = debuggee.end();
            assert_eq!(ended.seen(), expected, "{version} {how}");
        }
    }
}

/// Development mode dumps tracebacks at fatal signals.
fn no_dumps() -> Vec<(String, String)> {
    vec![("PYTHONDEVMODE".into(), String::new())]
}

#[test]
fn a_stopped_program_that_is_killed_ends_at_once_as_it_would() {
    use std::os::unix::process::ExitStatusExt;
    for python in pythons() {
        for signal in [libc::SIGKILL, libc::SIGTERM, libc::SIGHUP, libc::SIGABRT, libc::SIGSEGV, libc::SIGUSR1] {
            let what = format!("{} signal {signal}", python.version);
            let mut debuggee = Debuggee::launch(
                &python,
                HURRY,
                Launch { args: vec!["main".into()], env: no_dumps(), ..Launch::at("work") },
            );
            let stop = debuggee.stopped();
            if signal == libc::SIGTERM {
                // In the middle of an evaluation, too.
                debuggee.ask(
                    "evaluate",
                    json!({"expression": "time.sleep(60)", "frameId": stop.top()["id"], "context": "repl"}),
                );
                debuggee.request("threads", json!({}));
            }
            // SAFETY: our own child.
            unsafe { libc::kill(debuggee.pid(), signal) };
            let ended = debuggee.end();
            assert_eq!(
                (ended.status.signal(), ended.output.as_str(), ended.errors.as_str()),
                (Some(signal), "", ""),
                "{what}"
            );
        }
    }
}

/// Hooks that fail, each in its way; and failures in the middle of others.
const HOOKS: &str = "\
import atexit, sys, threading
how = sys.argv[1]
def fail(*arguments):
    raise OSError('in the hook')
def leave(*arguments):
    sys.exit(5)
class Broken(Exception):
    def __str__(self): raise ValueError('no text')
    __repr__ = __str__
class Dying:
    def __del__(self): raise KeyError('in the end')
def thread(target):
    t = threading.Thread(target=target, name='own'); t.start(); t.join()
if how == 'excepthook': sys.excepthook = fail
if how == 'excepthook exits': sys.excepthook = leave
if how == 'excepthook is none': sys.excepthook = None
if how == 'excepthook is gone': del sys.excepthook
if how == 'thread': threading.excepthook = fail; thread(fail)
if how == 'thread exits': threading.excepthook = leave; thread(fail)
if how == 'thread and excepthook': threading.excepthook = fail; sys.excepthook = leave; thread(fail)
if how == 'unraisable': sys.unraisablehook = fail; Dying()
if how == 'unraisable exits': sys.unraisablehook = leave; Dying()
if how == 'unraisable is none': sys.unraisablehook = None; Dying()
if how == 'atexit': atexit.register(fail)
if how == 'atexit exits': atexit.register(leave)
if how == 'broken': raise Broken
if how == 'stderr is closed': sys.stderr.close()
if how == 'stderr is none': sys.stderr = None
if how == 'thread broken':
    def broken(): raise Broken
    thread(broken)
print('so far', flush=True)
if not how.startswith(('atexit', 'unraisable')): raise LookupError('at the end')
";

#[test]
fn a_program_whose_hooks_fail_ends_as_without_a_debugger() {
    let all = [
        "excepthook",
        "excepthook exits",
        "excepthook is none",
        "excepthook is gone",
        "thread",
        "thread exits",
        "thread and excepthook",
        "unraisable",
        "unraisable exits",
        "unraisable is none",
        "atexit",
        "atexit exits",
        "broken",
        "stderr is closed",
        "stderr is none",
        "thread broken",
    ];
    for python in pythons() {
        for how in all {
            let reasons = same(&python, HOOKS, how);
            let shown = !["unraisable", "unraisable exits", "unraisable is none", "atexit exits"].contains(&how);
            assert!(
                !shown || reasons.iter().any(|it| it.starts_with("exception")),
                "{} {how}: {reasons:?}",
                python.version
            );
        }
    }
}

/// Runs out of memory: at once with something large, or slowly until nothing is left.
const HUNGRY: &str = "\
import resource, sys
def limit(more):
    with open('/proc/self/statm') as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + more, resource.RLIM_INFINITY))
def large():
    return bytearray(1 << 34)
def slowly(size):
    kept = []
    while True:
        kept.append(bytearray(size))
def caught(f, *arguments):
    try:
        f(*arguments)
    except MemoryError as error:
        return type(error).__name__
how = sys.argv[1]
limit(100 << 20)
if how.startswith('large'):
    print([caught(large) for _ in range(10)], flush=True)
    large()
if how.startswith('slowly'):
    print([caught(slowly, 1 << 20) for _ in range(3)], flush=True)
    slowly(1 << 20)
if how == 'wholly':
    print([caught(slowly, 1000) for _ in range(3)], flush=True)
    slowly(1000)
";

/// How much of a traceback the interpreter can write then is chance, natively, too: it is looked at for its end, and for ours.
#[test]
fn a_program_that_runs_out_of_memory_fails_as_without_a_debugger() {
    for python in pythons() {
        // Under the debug allocator the interpreter comes to its end in other places each time, and takes minutes.
        let debug = std::env::var_os("PYTHONMALLOC").is_some();
        for how in if debug { &["large"][..] } else { &["large", "slowly", "wholly"] } {
            let how = *how;
            let (reasons, ended, native) = both(&python, HUNGRY, how);
            let what = format!("{} {how}: {}", python.version, ended.errors);
            assert_eq!((&ended.output, ended.status.code()), (&native.output, native.status.code()), "{what}");
            assert!(reasons.len() <= 1 && reasons.iter().all(|it| it.contains("MemoryError")), "{what} {reasons:?}");
            // Where there was memory for it, it was shown.
            assert!(how != "large" || reasons.len() == 1, "{what} {reasons:?}");
            assert!(
                !["ikpdb", "panicked", "memory allocation of"].iter().any(|it| ended.errors.contains(it)),
                "{what}"
            );
            assert!(how != "large" || ended.errors == native.errors, "{what}");
        }
    }
}

/// Processor time in the kernel's ticks, resident memory in pages, and threads.
fn used(pid: i32) -> (u64, u64, usize) {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let number = |at: usize| fields[at].parse::<u64>().unwrap();
    (number(11) + number(12), number(21), std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().count())
}

/// Nothing in a stop waits with a time limit: what could add up in an hour adds up in seconds.
#[test]
fn a_stopped_program_uses_no_processor_time_and_no_more_memory() {
    const THREADS: &str = "\
import threading, time
def count():
    while True: pass
for _ in range(2): threading.Thread(target=count, daemon=True).start()
time.sleep(0.05)
x = 1  # BP:here
print('end')
";
    let mut stopped: Vec<_> = pythons()
        .into_iter()
        .map(|python| {
            let mut debuggee = Debuggee::launch(&python, THREADS, Launch::at("here"));
            let stop = debuggee.stopped();
            // Once everything that a stop shows was looked at.
            debuggee.evaluate("[n for n in range(10)]", stop.top());
            debuggee.request("threads", json!({}));
            let before = used(debuggee.pid());
            (python, debuggee, stop, before)
        })
        .collect();
    let waits = Duration::from_secs(3);
    let begin = Instant::now();
    while begin.elapsed() < waits {
        // Nothing is waited for: the time itself is what is tested.
        std::thread::park_timeout(waits - begin.elapsed());
    }
    for (python, debuggee, stop, before) in &mut stopped {
        let after = used(debuggee.pid());
        let what = format!("{}: {before:?} -> {after:?}", python.version);
        assert!(after.0 - before.0 <= 3 && after.1 <= before.1 + 16 && after.2 == before.2, "{what}");
        assert_eq!(debuggee.evaluate("1 + 1", stop.top()), "2", "{what}");
        debuggee.go("continue", stop.thread);
    }
    for (python, debuggee, ..) in stopped {
        let ended = debuggee.end();
        assert_eq!((ended.status.code(), ended.output.as_str()), (Some(0), "end"), "{}", python.version);
    }
}
