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
        assert_eq!(
            (ended.status.code(), ended.output.as_str(), ended.errors.as_str()),
            (Some(0), "3", ""),
            "{}",
            python.version
        );
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
