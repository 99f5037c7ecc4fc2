//! How programs end and what they start: always as without a debugger.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::interpreters::on_each_python;
use support::{Debuggee, Launch, Python, Stopped, pythons};

/// Programs that end while a pause or a breakpoint is being asked for, half of them with a daemon thread that the debugger holds.
///
/// A thread is parked when it has had the GIL and met its next line while another was stopped or stepping; one that merely stands
/// still while the stopped thread keeps the GIL is not. Nothing that ends a program leaves it parked to the last: `continue` frees it at
/// once, a step after 20 ms or when the interpreter says that it ends. So the main thread ends by a step: the parked thread wakes up, and
/// asks for the GIL, in an interpreter that is going down.
#[test]
fn short_programs_end_as_ever_while_a_request_is_in_flight_and_a_daemon_thread_is_parked() {
    const SHORT: &str = "\
import sys, threading, time
n = 0
def work():
    global n
    while True:
        n += 1  # BP:work
def compute():
    end = time.perf_counter() + 0.01
    while time.perf_counter() < end:
        pass
if sys.argv[1] == 'thread':
    threading.Thread(target=work, daemon=True).start()
print('out', flush=True)  # BP:out
sys.exit(int(sys.argv[2]))
";
    let count = pythons().len();
    let rounds: usize = std::env::var("IKPDB_SHORT_PROGRAMS").ok().and_then(|it| it.parse().ok()).unwrap_or(1000);
    on_each_python(|python, number| {
        for round in (number..rounds).step_by(count) {
            // Each interpreter gets each combination.
            let turn = round / count;
            let (with_thread, pauses) = (turn.is_multiple_of(2), (turn / 2).is_multiple_of(2));
            let code = i32::try_from(turn % 5).unwrap();
            let what = format!("round {round}, {}, thread {with_thread}, pause {pauses}", python.version);
            let kind = if with_thread { "thread" } else { "plain" };
            let launch = if with_thread { Launch::at("out") } else { Launch::default() };
            let mut debuggee =
                Debuggee::launch(python, SHORT, Launch { args: vec![kind.to_owned(), code.to_string()], ..launch });
            let main = with_thread.then(|| {
                let stop = debuggee.stopped();
                park_the_other_thread(&mut debuggee, &stop, &what);
                debuggee.ask("next", json!({"threadId": stop.thread}));
                stop.thread
            });
            if pauses {
                debuggee.ask("pause", json!({"threadId": 1}));
            } else {
                let source = json!({"path": debuggee.script.to_str().unwrap()});
                let breakpoint = json!({"line": debuggee.line("work"), "condition": "n < 0"});
                debuggee.ask("setBreakpoints", json!({"source": source, "breakpoints": [breakpoint]}));
            }
            // The step and a pause that comes in time stop the program: it goes on, the main thread by further steps.
            while let Some(stop) = debuggee.event_until_end("stopped") {
                let step = main.is_some_and(|main| stop["threadId"] == main);
                debuggee.ask(if step { "next" } else { "continue" }, json!({"threadId": stop["threadId"]}));
            }
            let ended = debuggee.end();
            assert_eq!(ended.seen(), (Some(code), "out", ""), "{what}");
        }
    });
}

/// Evaluates until the other thread has had the GIL and is parked.
fn park_the_other_thread(debuggee: &mut Debuggee, stop: &Stopped, what: &str) {
    let asked = Instant::now();
    while !other_thread_is_parked(debuggee.pid()) {
        assert!(asked.elapsed() < support::DEADLINE, "{what}: the other thread is not parked");
        // Longer than the interpreter lets one thread keep the GIL while another one waits for it.
        debuggee.evaluate("compute()", stop.top());
    }
}

/// Whether the program's second thread waits without a time limit, as one that is parked does: who waits for the GIL looks up every
/// 5 ms.
fn other_thread_is_parked(pid: i32) -> bool {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let mut others = tasks.filter(|task| task.file_name().to_str() != Some(&pid.to_string())).filter(|task| {
        // The agent's own threads are named.
        std::fs::read_to_string(task.path().join("comm")).is_ok_and(|name| !name.starts_with("ikpdb-"))
    });
    let other = others.next().expect("the daemon thread");
    let call = std::fs::read_to_string(other.path().join("syscall")).unwrap();
    // Its number and arguments: of a futex the fourth is the time limit.
    let words: Vec<&str> = call.split_whitespace().collect();
    words[0] == libc::SYS_futex.to_string() && words[4] == "0x0"
}

/// An evaluation that waits lets the others run, the main thread to its end, too: the interpreter must not go down under it.
#[test]
fn a_program_that_ends_while_a_daemon_thread_is_stopped_waits_for_it() {
    const DAEMON: &str = "\
import atexit, sys, threading, time
def work():
    x = 41
    x += 1  # BP:work
go, ended = threading.Event(), threading.Event()
atexit.register(ended.set)
threading.Thread(target=work, daemon=True).start()
go.wait()
print('out', flush=True)
sys.exit(3)
";
    for python in pythons() {
        let version = &python.version;
        let mut debuggee = Debuggee::launch(&python, DAEMON, Launch::at("work"));
        let stop = debuggee.stopped();
        assert_eq!(debuggee.evaluate("[go.set(), ended.wait(10)][1]", stop.top()), "True", "{version}");
        // Time enough for the rest of the end, if nothing held it up.
        assert_eq!(debuggee.evaluate("[time.sleep(0.1), x][1]", stop.top()), "41", "{version}");
        assert_eq!(debuggee.evaluate("x + 1", stop.top()), "42", "{version}");
        debuggee.go("continue", stop.thread);
        let ended = debuggee.end();
        assert_eq!(ended.seen(), (Some(3), "out", ""), "{version}");
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
        assert_eq!(ended.seen(), (Some(0), "end", ""), "{}", python.version);
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
import signal, sys, time
def on_term(number, frame):
    print('got', signal.Signals(number).name, flush=True)
    sys.exit(5)
signal.signal(signal.SIGTERM, on_term)
x = 1  # BP:here
time.sleep(1000)
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
        assert_eq!(ended.seen(), (Some(0), "still here", ""), "{}", python.version);
    }
}

/// The names and kinds of what a message is made of.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), shape(value))).collect(),
        Value::Array(items) => items.iter().take(1).map(shape).collect(),
        Value::String(_) => "text".into(),
        Value::Number(_) => "number".into(),
        other => other.clone(),
    }
}

#[test]
fn an_agent_tells_the_next_hub_how_the_program_stands_as_it_was_fixed() {
    let golden = |name: &str| -> Value {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../hub/tests/golden/{name}.json"));
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    };
    for python in pythons() {
        let version = &python.version;
        let launch = Launch { pipe_stdin: true, ..Launch::at("here") };
        let mut debuggee = Debuggee::launch(&python, "x = 41  # BP:here\ninput()\nprint('end')\n", launch);
        let stop = debuggee.stopped();
        let options = json!({"justMyCode": true, "stopPolicy": "all", "rules": []});
        let hello = debuggee.meet_the_next_hub();
        assert_eq!(shape(&hello), shape(&golden("agent_hello_back_stopped")), "{version}");
        assert_eq!(hello["resume"], json!({"configured": true, "stopped": stop.body, "options": options}), "{version}");
        // It is the same stop: its frames are what they were.
        assert_eq!(debuggee.evaluate("1 + 1", stop.top()), "2", "{version}");
        debuggee.go("continue", stop.thread);
        let hello = debuggee.meet_the_next_hub();
        assert_eq!(shape(&hello), shape(&golden("agent_hello_back_running")), "{version}");
        debuggee.stdin().write_all(b"\n").unwrap();
        let ended = debuggee.end();
        assert_eq!((ended.status.code(), ended.output.as_str()), (Some(0), "end"), "{version}");
        // Said while it was stopped; while it runs nothing is.
        assert!(ended.errors.starts_with("ikpdb: the hub is gone while"), "{version}: {}", ended.errors);
        assert_eq!(ended.errors.lines().count(), 1, "{version}: {}", ended.errors);
    }
}

#[test]
fn a_stopped_program_whose_hub_is_gone_goes_on_after_a_while() {
    let goes_on = |python: &Python| {
        let version = &python.version;
        let mut debuggee = Debuggee::launch(python, "x = 1  # BP:here\nprint('end')\n", Launch::at("here"));
        debuggee.stopped();
        debuggee.hang_up();
        let said = debuggee.next_error();
        assert!(said.contains("hub is gone"), "{version}: {said}");
        let ended = debuggee.end();
        assert_eq!((ended.status.code(), ended.output.as_str()), (Some(0), "end"), "{version}");
    };
    // All at once: they only wait.
    std::thread::scope(|scope| {
        for python in pythons() {
            scope.spawn(move || goes_on(&python));
        }
    });
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
