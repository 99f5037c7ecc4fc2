//! What keeps programs fast: code without an event is the interpreter's own, byte for byte.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use support::{Debuggee, Launch, pythons};

const QUIET: &str = "\
import time
def quiet(a):
    if a:
        return 1  # BP:never
    b = a
    c = b
    return c  # BP:late
# The same code under another name has no breakpoint.
other = compile(open(__file__).read(), 'other', 'exec').co_consts
other = type(quiet)(next(it for it in other if getattr(it, 'co_name', '') == 'quiet'), globals())
def differing():
    return sum(x != y for x, y in zip(other.__code__._co_code_adaptive, quiet.__code__._co_code_adaptive))
for i in range(3):
    quiet(0)
    other(0)
end = time.monotonic() + 10
while differing() > 2 and time.monotonic() < end:
    time.sleep(0.01)
print(differing(), flush=True)
input()
quiet(0)
quiet(1)
";

#[test]
fn code_whose_breakpoint_is_not_hit_is_what_it_was() {
    for python in pythons().iter().filter(|python| python.minor() >= (3, 12)) {
        let launch = Launch { pipe_stdin: true, ..Launch::at("never") };
        let mut debuggee = Debuggee::launch(python, QUIET, launch);
        let differing: u32 = debuggee.printed().parse().unwrap();
        // One instruction has the event of the breakpoint, and the first one that of its start.
        assert!(differing <= 2, "{}: {differing} bytes differ", python.version);
        // Lines whose instructions were made fast again stop all the same.
        debuggee.set_breakpoints(&[("never".into(), None), ("late".into(), None)]);
        std::io::Write::write_all(&mut debuggee.stdin(), b"\n").unwrap();
        let stop = debuggee.stopped();
        assert_eq!(stop.line(), debuggee.line("late"), "{}", python.version);
        let stop = debuggee.go_and_stop("continue", stop.thread);
        assert_eq!(stop.line(), debuggee.line("never"), "{}", python.version);
        debuggee.go("continue", stop.thread);
        assert_eq!(debuggee.end().status.code(), Some(0), "{}", python.version);
    }
}

const AWAITING: &str = "\
import asyncio, dis, sys, time
async def wait(a):
    if a:  # BP:wait
        return 1  # BP:never
    await asyncio.sleep(0)
    async with asyncio.Lock():
        await asyncio.sleep(0)
    return 2  # BP:late
code = wait.__code__
sends = [it.offset for it in dis.get_instructions(code) if it.opname == 'SEND']
def marked():
    return [at for at in sends if code._co_code_adaptive[at] == marks]
# What stands on the line that is never reached marks a line event.
never = next(it.offset for it in dis.get_instructions(code) if it.positions.lineno == 4)
marks = code._co_code_adaptive[never]
assert marks != code.co_code[never]
for i in range(3):
    asyncio.run(wait(0))
end = time.monotonic() + 10
while marked() and time.monotonic() < end:
    time.sleep(0.01)
print(len(sends) >= 4, len(marked()), code._co_code_adaptive[never] == marks, flush=True)
input()
asyncio.run(wait(0))
asyncio.run(wait(1))
";

#[test]
fn an_await_in_code_with_a_breakpoint_costs_no_line_event() {
    for python in pythons().iter().filter(|python| python.minor() >= (3, 12)) {
        let launch = Launch { pipe_stdin: true, ..Launch::at("never") };
        let mut debuggee = Debuggee::launch(python, AWAITING, launch);
        assert_eq!(debuggee.printed(), "True 0 True", "{}", python.version);
        debuggee.set_breakpoints(&[("never".into(), None), ("late".into(), None)]);
        std::io::Write::write_all(&mut debuggee.stdin(), b"\n").unwrap();
        let mut stop = debuggee.stopped();
        assert_eq!(stop.line(), debuggee.line("late"), "{}", python.version);
        // Stepping is what it is elsewhere.
        debuggee.set_breakpoints(&[("wait".into(), None), ("never".into(), None)]);
        for marker in ["wait", "never"] {
            stop = debuggee.go_and_stop("continue", stop.thread);
            assert_eq!(stop.line(), debuggee.line(marker), "{}", python.version);
        }
        debuggee.go("continue", stop.thread);
        assert_eq!(debuggee.end().status.code(), Some(0), "{}", python.version);
    }
}
