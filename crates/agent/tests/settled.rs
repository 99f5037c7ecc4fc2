//! Code that was specialised before it got a breakpoint: its instructions are mended when the events have settled, and keep what they
//! remember.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::time::Instant;

use serde_json::json;
use support::{Debuggee, Launch, pythons};

/// Every kind of instruction that remembers something, each in front of every instruction that 3.12 fuses with the one before.
const REMEMBERS: &str = "\
import sys
class Thing:
    number = 3
    def __init__(self): self.own = 4
    def method(self, x=1): return x
    @property
    def prop(self): return 5
def generate():
    yield from range(3)
def add(x, y=2): return x + y
thing, where, table = Thing(), [5, 6, 7], {'a': 8}
def work(cls, thing, a, b):
    r = cls.number  # BP:work
    s = cls.method
    t = thing.own
    u = thing.method(2)
    v = thing.prop
    w = add(a)
    x = add(a, b)
    y = cls()
    z = where[1]
    q = table['a']
    p = len(where)
    o = a + b
    n = a < b
    m, l = where[0], where[2]
    k = sys.maxsize
    j = isinstance(thing, cls)
    i = str(a)
    for h in generate():
        g = h
    e, f = (a, b)
    thing.own = t
    where[1] = z
    return s(thing), cls.number, r, u, thing.own, v, w, x, type(y) is cls, q, p, o, n, m + l, k > 0, j, i, g, e + f, y.own
expected = work(Thing, thing, 1, 2)
for _ in range(200): assert work(Thing, thing, 1, 2) == expected
print('specialised', flush=True)
sys.stdin.readline()
for _ in range(200): assert work(Thing, thing, 1, 2) == expected
print('mended', flush=True)
sys.stdin.readline()
for _ in range(200): assert work(Thing, thing, 1, 2) == expected
print(expected)
";

#[test]
fn specialised_code_that_gets_a_breakpoint_does_what_it_did() {
    use std::io::Write;
    for python in pythons() {
        let version = &python.version;
        let launch = Launch { pipe_stdin: true, ..Launch::default() };
        let mut debuggee = Debuggee::launch(&python, REMEMBERS, launch);
        let mut stdin = debuggee.stdin();
        assert_eq!(debuggee.printed(), "specialised", "{version}");
        let path = debuggee.script.clone();
        let count = REMEMBERS.lines().count();
        let set = |debuggee: &mut Debuggee, every: usize, condition: &str| {
            let list: Vec<_> =
                (1..=count).step_by(every).map(|line| json!({"line": line, "condition": condition})).collect();
            debuggee.request("setBreakpoints", json!({"source": {"path": path}, "breakpoints": list}));
            // What is mended is mended by the helper thread, in its turn: this waits for a later one.
            let begin = Instant::now();
            while debuggee.try_request("breakpointLocations", json!({"source": {"path": path}, "line": 1})).is_err() {
                assert!(begin.elapsed() < support::DEADLINE, "{version}: nothing can be looked up");
            }
        };
        for every in [7, 1, 3] {
            set(&mut debuggee, every, "False");
            set(&mut debuggee, 1000, "False");
        }
        set(&mut debuggee, 5, "False");
        stdin.write_all(b"\n").unwrap();
        assert_eq!(debuggee.printed(), "mended", "{version}");
        set(&mut debuggee, 1, "a == 5");
        set(&mut debuggee, 1000, "False");
        stdin.write_all(b"\n").unwrap();
        let ended = debuggee.end();
        assert_eq!(ended.status.code(), Some(0), "{version}: {:?} {}", ended.status, ended.errors);
        assert!(ended.output.starts_with('('), "{version}: {}", ended.output);
    }
}
