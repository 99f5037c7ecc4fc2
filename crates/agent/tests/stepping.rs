//! Stopping and stepping, on every interpreter.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use support::{Debuggee, Launch, pythons};

const CALLS: &str = "\
def inner(x):
    y = x + 1  # BP:inner
    return y  # BP:inner-return

def outer(n):
    total = 0  # BP:outer
    for i in range(n):
        total += inner(i)  # BP:call
    return total  # BP:outer-return

result = outer(2)  # BP:main
print(result)  # BP:print
";

#[test]
fn a_program_stops_before_its_first_line() {
    for python in pythons() {
        let launch = Launch { stop_on_entry: true, ..Launch::default() };
        let mut debuggee = Debuggee::launch(&python, CALLS, launch);
        let stop = debuggee.stopped();
        assert_eq!(
            (stop.reason.as_str(), stop.line(), stop.function()),
            ("entry", 1, "<module>"),
            "{}",
            python.version
        );
        debuggee.go("continue", stop.thread);
        let ended = debuggee.end();
        assert_eq!(ended.seen(), (Some(0), "3", ""), "{}", python.version);
    }
}

#[test]
fn steps_go_over_into_and_out_of_calls() {
    for python in pythons() {
        let version = &python.version;
        let mut debuggee = Debuggee::launch(&python, CALLS, Launch::at("outer"));
        let mut stop = debuggee.stopped();
        assert_eq!((stop.reason.as_str(), stop.line()), ("breakpoint", debuggee.line("outer")), "{version}");
        stop = debuggee.go_and_stop("next", stop.thread);
        assert_eq!(stop.line(), debuggee.line("outer") + 1, "{version}");
        stop = debuggee.go_and_stop("next", stop.thread);
        assert_eq!(stop.line(), debuggee.line("call"), "{version}");
        stop = debuggee.go_and_stop("stepIn", stop.thread);
        assert_eq!(
            (stop.line(), stop.function(), stop.frames.len()),
            (debuggee.line("inner"), "inner", 3),
            "{version}"
        );
        stop = debuggee.go_and_stop("stepOut", stop.thread);
        assert_eq!((stop.line(), stop.function(), stop.frames.len()), (debuggee.line("call"), "outer", 2), "{version}");
        stop = debuggee.go_and_stop("next", stop.thread);
        assert_eq!(stop.line(), debuggee.line("outer") + 1, "{version}");
        stop = debuggee.go_and_stop("next", stop.thread);
        stop = debuggee.go_and_stop("next", stop.thread);
        stop = debuggee.go_and_stop("next", stop.thread);
        assert_eq!(stop.line(), debuggee.line("outer-return"), "{version}");
        stop = debuggee.go_and_stop("next", stop.thread);
        assert_eq!((stop.line(), stop.function()), (debuggee.line("main"), "<module>"), "{version}");
        stop = debuggee.go_and_stop("next", stop.thread);
        assert_eq!((stop.line(), stop.reason.as_str()), (debuggee.line("print"), "step"), "{version}");
        debuggee.go("next", stop.thread);
        assert_eq!(debuggee.end().output, "3", "{version}");
    }
}

/// The others stand still when a step begins; one that waits for them would wait for ever.
#[test]
fn a_step_over_a_call_that_waits_for_another_thread_completes() {
    const WAITS: &str = "\
import queue, threading
from concurrent.futures import ThreadPoolExecutor
def work():
    while (task := tasks.get()) != 'end':
        total = 0
        for n in range(1000):
            total += n
        answers.put(task)
def slow(n):
    for i in range(1000):
        n += 1
    return n
tasks, answers = queue.Queue(), queue.Queue()
event = threading.Event()
thread = threading.Thread(target=work)
thread.start()
pool = ThreadPoolExecutor(1)
tasks.put('one'); one = answers.get()  # BP:queue
future = pool.submit(slow, 1).result()  # BP:future
threading.Thread(target=event.set).start(); event.wait()  # BP:event
tasks.put('end'); thread.join()  # BP:join
pool.shutdown()  # BP:pool
print(one, future, event.is_set(), thread.is_alive())  # BP:end
";
    for python in pythons() {
        let version = &python.version;
        let mut debuggee = Debuggee::launch(&python, WAITS, Launch::at("queue"));
        let mut stop = debuggee.stopped();
        for marker in ["future", "event", "join", "pool", "end"] {
            stop = debuggee.go_and_stop("next", stop.thread);
            assert_eq!((stop.reason.as_str(), stop.line()), ("step", debuggee.line(marker)), "{version} {marker}");
        }
        debuggee.go("continue", stop.thread);
        let ended = debuggee.end();
        assert_eq!((ended.output.as_str(), ended.errors.as_str()), ("one 1001 True False", ""), "{version}");
    }
}
