//! Where a stopped program can go on: what is offered works, what is not is refused, and the program is unharmed.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::collections::BTreeSet;

use serde_json::json;
use support::{Debuggee, Launch, pythons};

const SAMPLE: &str = "\
import contextlib
def sample(n):
    total = 0  # BP:plain
    for i in range(2):
        total += i  # BP:loop
        for j in (1, 2):
            total += j  # BP:inner
            if total > 100:
                break
        else:
            total += 1
    while total < 5:
        total += 1
    with contextlib.nullcontext(3) as three:
        total += three  # BP:with
        with contextlib.nullcontext(4), contextlib.nullcontext(5) as five:
            total += five
    try:
        total += 1  # BP:try
        if n:
            raise ValueError(n)
    except (ValueError, KeyError) as error:
        total += 2  # BP:handler
        for k in range(1):
            total += k  # BP:handlerloop
        del error
    except OSError:
        total += 3
    else:
        total += 4
    finally:
        total += 5  # BP:finally
        for k in range(2):
            total += k
    total = sum([
        total,
        max(1,
            n),  # BP:call
        3,
    ])
    match n:
        case 0:
            total += 1
        case [a, b]:
            total += a
        case _:
            total += 2  # BP:match
    text = [
        str(i)
        for i in range(3)
        if i
    ]
    for i in [total,
              1]:
        for j in 'ab':
            with contextlib.suppress(KeyError):
                try:
                    total += 1
                finally:
                    total += 2  # BP:deep
    def inside():
        return text
    return total, inside  # BP:return
def generate():
    for i in range(3):
        yield i  # BP:yield
        try:
            yield from [1]
        finally:
            pass
    return 1
async def wait():
    async def one():
        yield 1
    async with contextlib.nullcontext():
        async for i in one():
            a = i  # BP:async
    b = 1
    return b
def run(coroutine):
    try:
        coroutine.send(None)
    except StopIteration:
        pass
for n in range(2000):
    for call in (lambda: sample(n % 2), lambda: list(generate()), lambda: run(wait())):
        try:
            call()
        except BaseException as error:
            pass
print('end')
";

#[test]
fn lines_that_are_offered_work_and_others_are_refused() {
    const MARKERS: [&str; 14] = [
        "plain",
        "loop",
        "inner",
        "with",
        "try",
        "handler",
        "handlerloop",
        "finally",
        "call",
        "match",
        "deep",
        "return",
        "yield",
        "async",
    ];
    for python in pythons() {
        let version = &python.version;
        let mut debuggee = Debuggee::launch(&python, SAMPLE, Launch::at("plain"));
        let mut stop = debuggee.stopped();
        let lines: Vec<u32> = (1..=u32::try_from(SAMPLE.lines().count()).unwrap()).collect();
        for marker in MARKERS {
            debuggee.set_breakpoints(&[(marker.to_owned(), None)]);
            stop = debuggee.go_and_stop("continue", stop.thread);
            let source = json!({"path": debuggee.script.to_str()});
            let here = stop.line();
            let offered = |debuggee: &mut Debuggee| -> BTreeSet<u32> {
                let mut found = BTreeSet::new();
                for line in &lines {
                    let body = debuggee.request("gotoTargets", json!({"source": source, "line": line}));
                    let target = &body["targets"][0]["line"];
                    found.extend(target.as_u64().filter(|it| it == &u64::from(*line)).map(|it| it as u32));
                }
                found
            };
            let possible = offered(&mut debuggee);
            assert!(possible.contains(&here), "{version} {marker}: {possible:?}");
            for line in lines.iter().filter(|line| !possible.contains(line)) {
                let arguments = json!({"threadId": stop.thread, "targetId": line});
                let refused = debuggee.try_request("goto", arguments).unwrap_err();
                assert!(refused.contains("cannot go on there"), "{version} {marker} {line}: {refused}");
            }
            for line in &possible {
                // The breakpoint is reached again, in this call or in a later one.
                let arguments = json!({"threadId": stop.thread, "targetId": line});
                let gone = debuggee.try_request("goto", arguments);
                assert_eq!(gone, Ok(serde_json::Value::Null), "{version} {marker} {line}");
                let jumped = debuggee.stopped();
                assert_eq!((jumped.reason.as_str(), jumped.line()), ("goto", *line), "{version} {marker}");
                stop = debuggee.go_and_stop("continue", stop.thread);
                assert_eq!((stop.reason.as_str(), stop.line()), ("breakpoint", here), "{version} {marker} {line}");
            }
        }
        debuggee.set_breakpoints(&[]);
        debuggee.go("continue", stop.thread);
        let ended = debuggee.end();
        assert_eq!((ended.output.as_str(), ended.status.code()), ("end", Some(0)), "{version} {}", ended.errors);
    }
}
