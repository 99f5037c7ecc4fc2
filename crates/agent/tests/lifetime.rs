//! How programs end and what they start: always as without a debugger.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::json;
use support::{Debuggee, Launch, pythons};

/// Programs that end while requests are in flight, half of them with a daemon thread that the debugger parked or that is
/// waiting in C.
#[test]
fn short_programs_end_as_ever_while_requests_are_in_flight() {
    const SHORT: &str = "\
import sys, threading, time
def work():
    n = 0
    while True:
        n += 1  # BP:work
if sys.argv[1] == 'thread':
    threading.Thread(target=work, daemon=True).start()
print('out', flush=True)
sys.exit(int(sys.argv[2]))
";
    let pythons = pythons();
    let rounds: usize = std::env::var("IKPDB_SHORT_PROGRAMS").ok().and_then(|it| it.parse().ok()).unwrap_or(1000);
    for round in 0..rounds {
        let python = &pythons[round % pythons.len()];
        let kind = if round % 2 == 0 { "thread" } else { "plain" };
        let code = i32::try_from(round % 5).unwrap();
        let launch = Launch { args: vec![kind.to_owned(), code.to_string()], ..Launch::default() };
        let mut debuggee = Debuggee::launch(python, SHORT, launch);
        match round % 3 {
            0 => drop(debuggee.ask("pause", json!({"threadId": 1}))),
            1 => {
                let source = json!({"path": debuggee.script.to_str().unwrap()});
                let line = debuggee.line("work");
                debuggee.ask(
                    "setBreakpoints",
                    json!({"source": source, "breakpoints": [{"line": line, "condition": "n < 0"}]}),
                );
            }
            _ => {
                debuggee.ask("threads", json!({}));
            }
        }
        // If the pause came in time the program is stopped: it goes on.
        if let Some(stop) = debuggee.event_until_end("stopped") {
            debuggee.ask("continue", json!({"threadId": stop["threadId"]}));
        }
        let ended = debuggee.end();
        let what = format!("round {round}, {} {kind}", python.version);
        assert_eq!(
            (ended.status.code(), ended.output.as_str(), ended.errors.as_str()),
            (Some(code), "out", ""),
            "{what}"
        );
    }
}

#[test]
fn after_disconnect_the_program_runs_on_undebugged() {
    for python in pythons() {
        let mut debuggee =
            Debuggee::launch(&python, "for i in range(3):\n    x = i  # BP:loop\nprint('end')\n", Launch::at("loop"));
        debuggee.stopped();
        debuggee.request("disconnect", json!({}));
        let ended = debuggee.end();
        assert_eq!(
            (ended.status.code(), ended.output.as_str(), ended.errors.as_str()),
            (Some(0), "end", ""),
            "{}",
            python.version
        );
    }
}

/// Children run breakpoint lines of the parent, and notice nothing.
#[test]
fn children_notice_nothing() {
    const CHILDREN: &str = "\
import multiprocessing, os, subprocess, sys, threading
def shared(x):
    return x * 2  # BP:shared
def in_child(queue):
    queue.put(shared(21))
def main():
    pid = os.fork()
    if pid == 0:
        os._exit(shared(4))
    print('fork', os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    for method in ('fork', 'spawn', 'forkserver'):
        context = multiprocessing.get_context(method)
        queue = context.Queue()
        process = context.Process(target=in_child, args=(queue,))
        process.start()
        print(method, queue.get(timeout=30))
        process.join()
    done = subprocess.run([sys.executable, '-c', 'import os, sys; print(sorted(k for k in os.environ if k == \"IKPDB_START\" or k == \"LD_PRELOAD\"), sys.gettrace())'], capture_output=True, text=True)
    print('subprocess', done.stdout.strip(), done.stderr)
    shared(1)
if __name__ == '__main__':
    main()
";
    for python in pythons() {
        let mut debuggee = Debuggee::launch(&python, CHILDREN, Launch::at("shared"));
        let stop = debuggee.stopped();
        assert_eq!(stop.function(), "shared", "{}", python.version);
        let child = debuggee.event("ikpdb/child");
        assert!(child["pid"].as_u64().unwrap() > 1, "{child}");
        debuggee.go("continue", stop.thread);
        let ended = debuggee.end();
        let expected = "fork 8\nfork 42\nspawn 42\nforkserver 42\nsubprocess [] None ";
        assert_eq!(
            (ended.status.code(), ended.output.trim_end()),
            (Some(0), expected.trim_end()),
            "{}: {}",
            python.version,
            ended.errors
        );
        assert_eq!(ended.errors, "", "{}", python.version);
    }
}

#[test]
fn a_fork_in_a_thread_while_another_is_stopped_works() {
    const FORK: &str = "\
import os, threading, time
reader, writer = os.pipe()
def forker():
    go.wait()
    pid = os.fork()
    if pid == 0:
        os.read(reader, 1)
        os._exit(work(1))
    print('child', os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
def work(n):
    return n + 4  # BP:work
go = threading.Event()
t = threading.Thread(target=forker)
t.start()
work(0)
os.write(writer, b'x')
t.join()
print('end')
";
    for python in pythons() {
        let version = &python.version;
        let mut debuggee = Debuggee::launch(&python, FORK, Launch::at("work"));
        let stop = debuggee.stopped();
        assert_eq!(children_of(debuggee.pid()), 0, "{version}");
        // Only an evaluation that waits lets the other thread run: the fork happens in it, while this one is stopped.
        let asked = Instant::now();
        while children_of(debuggee.pid()) == 0 {
            assert!(asked.elapsed() < Duration::from_secs(10), "{version}: there is no child");
            debuggee.evaluate("[go.set(), time.sleep(0.05), n]", stop.top());
        }
        assert_eq!(debuggee.evaluate("n", stop.top()), "0", "{version}: it is stopped as before");
        assert!(debuggee.event_within("continued", Duration::from_millis(1)).is_none(), "{version}");
        debuggee.go("continue", stop.thread);
        let ended = debuggee.end();
        assert_eq!(
            (ended.status.code(), ended.output.as_str()),
            (Some(0), "child 5\nend"),
            "{version}: {}",
            ended.errors
        );
    }
}

/// How many children the threads of a process have.
fn children_of(pid: i32) -> usize {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let lists = tasks.flatten().filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    lists.map(|list| list.split_whitespace().count()).sum()
}

#[test]
fn signals_reach_a_stopped_program() {
    const HANDLERS: &str = "\
import signal, sys
def on_term(number, frame):
    print('got', signal.Signals(number).name, flush=True)
    sys.exit(5)
signal.signal(signal.SIGTERM, on_term)
x = 1  # BP:here
while True:
    x += 1
";
    for python in pythons() {
        let mut debuggee = Debuggee::launch(&python, HANDLERS, Launch::at("here"));
        debuggee.stopped();
        kill(debuggee.pid(), libc::SIGTERM);
        let ended = debuggee.end();
        assert_eq!((ended.status.code(), ended.output.as_str()), (Some(5), "got SIGTERM"), "{}", python.version);

        let mut debuggee = Debuggee::launch(&python, HANDLERS, Launch::at("here"));
        debuggee.stopped();
        kill(debuggee.pid(), libc::SIGINT);
        let said = debuggee.next_error();
        assert!(said.contains("stopped in the debugger") && said.contains("app.py:6"), "{said}");
        kill(debuggee.pid(), libc::SIGINT);
        let ended = debuggee.end();
        assert!(ended.errors.contains("KeyboardInterrupt"), "{}: {}", python.version, ended.errors);
        assert_eq!(ended.status.code(), None, "{}: a Ctrl-C ends Python by the signal", python.version);
    }
}

#[test]
fn a_program_whose_hub_is_gone_goes_on() {
    for python in pythons() {
        // While it runs: nothing is said, nothing changes.
        let mut debuggee =
            Debuggee::launch(&python, "print(input())\n", Launch { pipe_stdin: true, ..Launch::default() });
        debuggee.hang_up();
        debuggee.stdin().write_all(b"still here\n").unwrap();
        let ended = debuggee.end();
        assert_eq!(
            (ended.status.code(), ended.output.as_str(), ended.errors.as_str()),
            (Some(0), "still here", ""),
            "{}",
            python.version
        );
    }
}

#[test]
fn a_stopped_program_whose_hub_is_gone_goes_on_after_a_while() {
    let python = &pythons()[0];
    let mut debuggee = Debuggee::launch(python, "x = 1  # BP:here\nprint('end')\n", Launch::at("here"));
    debuggee.stopped();
    debuggee.hang_up();
    let said = debuggee.next_error();
    assert!(said.contains("hub is gone"), "{said}");
    let ended = debuggee.end();
    assert_eq!((ended.status.code(), ended.output.as_str()), (Some(0), "end"));
}

#[test]
fn a_program_that_closes_all_descriptors_goes_on() {
    const CLOSES: &str = "\
import os
os.closerange(3, 4096)
files = [os.open('file%d' % i, os.O_RDWR | os.O_CREAT) for i in range(600)]
for i in range(3):
    x = i  # BP:loop
for f in files: os.close(f)
print([open('file%d' % i, 'rb').read() for i in range(600)] == [b''] * 600)
";
    for python in pythons() {
        let mut debuggee = Debuggee::launch(&python, CLOSES, Launch::default());
        let _ = debuggee.ask("threads", json!({}));
        let _ = debuggee.event_within("nothing", Duration::from_millis(1));
        let ended = debuggee.end();
        assert_eq!(
            (ended.status.code(), ended.output.as_str()),
            (Some(0), "True"),
            "{}: {}",
            python.version,
            ended.errors
        );
    }
}

fn kill(pid: i32, signal: i32) {
    // SAFETY: our own child.
    unsafe { libc::kill(pid, signal) };
}
