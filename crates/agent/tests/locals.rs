//! Locals of every kind: what is listed and what decides conditions, both read natively, is what `locals()` has.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use support::variables::{children, scopes};
use support::{Debuggee, Launch, Stopped, pythons};

/// Each shape is gone through twice: looked at, then asked with conditions.
const SHAPES: &str = "\
import asyncio, json
def told(scope):
    return json.dumps({k: [type(v).__name__, repr(v) if type(v) in (int, float, str, bytes, bool, type(None)) else ''] for k, v in scope.items() if k.isidentifier()}).encode().hex()
def verdict(text, scope):
    try:
        return bool(eval(text, globals(), dict(scope)))
    except Exception:
        return None
def verdicts(texts, scope):
    return json.dumps({text: verdict(text, scope) for text in texts}).encode().hex()
class Odd:
    def __eq__(self, other): return True
    def __bool__(self): return False
    def __lt__(self, other): return 'yes'
class Text(str):
    def __eq__(self, other): return ''.join(self) != other
    __hash__ = str.__hash__
class Number(int):
    def __eq__(self, other): return int(self) != other
    __hash__ = int.__hash__
def values():
    none, yes, no = None, True, False
    zero, small, three, minus, large, huge, tiny = 0, 5, 3, -1, 2 ** 53, 10 ** 30, -10 ** 30
    half, nan, inf, minus_inf, minus_zero, three_point = 2.5, float('nan'), float('inf'), float('-inf'), -0.0, 3.0
    text, empty, odd_text, wide, null, long_text = 'text', '', 'té', '\\U0001F600', 'a\\0b', 'x' * 50
    raw, no_bytes, array = b'raw', b'', bytearray(b'x')
    pair, nothing, items, table, bag, frozen = (1, 2), (), [3], {'a': 1}, {3}, frozenset([3])
    odd, own_text, own_number, complex_ = Odd(), Text('text'), Number(3), 3+0j
    function, kind, module, ellipsis, view, span = values, Odd, json, ..., memoryview(b'x'), range(3)
    return None  # BP:values
def unbound():
    here = 3
    gone = 4
    del gone
    if here < 0: never = 5
    return None  # BP:unbound
def arguments(first, /, second=2, *rest, third, fourth='text', **more):
    return None  # BP:arguments
def cells(a, b='text'):
    c, d, late = 3, None, 5
    def inner(e=3):
        nonlocal d
        f = a + c
        g = 'text'
        return late if e < 0 else d  # BP:free
    del late
    inner()
    return None  # BP:cells
def handler():
    try:
        raise ValueError(3)
    except ValueError as error:
        three = 3  # BP:handler
    three = 'text'
    return None  # BP:behind
def generate(n=3):
    text = 'text'
    sent = yield n
    n = 2.5
    yield sent  # BP:generator
async def wait(n=3):
    text = 'text'
    await asyncio.sleep(0)
    n += 1
    return n  # BP:coroutine
def comprehension(n=3):
    text = 'text'
    return [
        i  # BP:comprehension
        for i in (3,) if n]
def body(n=3):
    class Made:
        text = 'text'
        three = n
        none = None  # BP:body
    return Made
def many():
    n = 3
    {many}
    return None  # BP:many
def drive():
    values(); unbound(); arguments(3, 2.5, 5, third=None, extra='text'); cells(3); handler()
    g = generate(); next(g); g.send(None)
    asyncio.run(wait()); comprehension(); body(); many()
for again in range(2):
    drive()
    three, text = 3, 'text'
    none = None  # BP:module
";

/// In the order in which they are come to.
const MARKERS: [&str; 13] = [
    "values",
    "unbound",
    "arguments",
    "free",
    "cells",
    "handler",
    "behind",
    "generator",
    "coroutine",
    "comprehension",
    "body",
    "many",
    "module",
];

/// Tests of one local, natively decided or not.
const TESTS: [&str; 18] = [
    "{}",
    "not {}",
    "{} is None",
    "{} is not None",
    "{} is True",
    "{} == 3",
    "{} != 3",
    "{} < 3",
    "{} >= -1",
    "{} == 2.5",
    "{} <= 3.0",
    "{} > 9007199254740992",
    "{} == 9007199254740992.0",
    "{} == 'text'",
    "{} != 'text'",
    "{} < 'u'",
    "{} == ''",
    "3 == {}",
];

/// What the program itself says of the innermost frame.
fn said(debuggee: &mut Debuggee, stop: &Stopped, expression: &str) -> Value {
    let arguments = json!({"expression": expression, "frameId": stop.top()["id"], "context": "clipboard"});
    let text = debuggee.request("evaluate", arguments)["result"].as_str().unwrap().to_owned();
    // In hex nothing is escaped.
    let bytes = ikpdb_proto::proof::unhex(text.trim_matches('\'')).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

/// A marker, the conditions that Python can tell there, and what it says of them.
type Asked = (&'static str, Vec<String>, Value);

#[test]
fn locals_of_every_kind_are_what_locals_says_listed_and_in_conditions() {
    let names: Vec<String> = (0..300).map(|n| format!("v{n} = {n}")).collect();
    let program = SHAPES.replace("{many}", &names.join("; "));
    for python in pythons() {
        let version = &python.version;
        let breakpoints = MARKERS.map(|it| (it.to_owned(), None)).to_vec();
        let mut debuggee = Debuggee::launch(&python, &program, Launch { breakpoints, ..Launch::default() });
        let mut stop = debuggee.stopped();
        let mut asked: Vec<Asked> = Vec::new();
        for (index, marker) in MARKERS.into_iter().enumerate() {
            if index > 0 {
                stop = debuggee.go_and_stop("continue", stop.thread);
            }
            assert_eq!(stop.line(), debuggee.line(marker), "{version} {marker}");
            asked.push(look(&mut debuggee, &stop, marker, &format!("{version} {marker}")));
        }
        // The second time, with all of them on each line.
        let conditions =
            |asked: &Asked| -> Vec<String> { asked.1.iter().cloned().chain(["True".to_owned()]).collect() };
        let of =
            |asked: &Asked| conditions(asked).into_iter().map(|it| (asked.0.to_owned(), Some(it))).collect::<Vec<_>>();
        let list: Vec<_> = asked.iter().flat_map(of).collect();
        let made = debuggee.set_breakpoints(&list);
        let ids: BTreeMap<i64, String> =
            made.iter().map(|it| it["id"].as_i64().unwrap()).zip(list.into_iter().map(|it| it.1.unwrap())).collect();
        for (marker, texts, verdicts) in &asked {
            stop = debuggee.go_and_stop("continue", stop.thread);
            assert_eq!(stop.line(), debuggee.line(marker), "{version} {marker}");
            let hit = stop.body["hitBreakpointIds"].as_array().unwrap().iter().map(|it| &ids[&it.as_i64().unwrap()]);
            let hit: BTreeSet<&String> = hit.filter(|it| *it != "True").collect();
            let expected: BTreeSet<&String> = texts.iter().filter(|text| verdicts[*text] == true).collect();
            let differing: Vec<_> = hit.symmetric_difference(&expected).collect();
            assert!(differing.is_empty(), "{version} {marker}: {differing:?}");
        }
        debuggee.go("continue", stop.thread);
        let ended = debuggee.end();
        assert_eq!((ended.status.code(), ended.errors.as_str()), (Some(0), ""), "{version}");
    }
}

/// Holds what is listed and pointed at against what the program says; the conditions to be asked here.
fn look(debuggee: &mut Debuggee, stop: &Stopped, marker: &'static str, what: &str) -> Asked {
    let truth = said(debuggee, stop, "told(locals())");
    let mut truth: BTreeMap<String, [String; 2]> = serde_json::from_value(truth).unwrap();
    if marker == "module" {
        truth.retain(|name, _| ["three", "text", "none"].contains(&name.as_str()));
    }
    let scope = scopes(debuggee, stop.top())[0].clone();
    let listed: BTreeMap<String, Value> =
        children(debuggee, &scope).into_iter().map(|it| (it["name"].as_str().unwrap().to_owned(), it)).collect();
    let is_name = |it: &&String| it.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let names: BTreeSet<_> = listed.keys().filter(is_name).collect();
    let expected: BTreeSet<_> = truth.keys().collect();
    match marker {
        // Others of its names are among them, or in groups.
        "module" | "body" => {
            assert!(expected.iter().all(|it| it.starts_with("__") || names.contains(*it)), "{what}: {names:?}")
        }
        _ => assert_eq!(names, expected, "{what}"),
    }
    for (name, [kind, repr]) in truth.iter().filter(|it| listed.contains_key(it.0)) {
        let variable = &listed[name];
        assert_eq!(variable["type"], kind.as_str(), "{what} {name}");
        if !repr.is_empty() {
            assert_eq!(variable["value"], repr.as_str(), "{what} {name}");
            let pointed = json!({"expression": name, "frameId": stop.top()["id"], "context": "hover"});
            assert_eq!(debuggee.request("evaluate", pointed)["result"], repr.as_str(), "{what} {name}");
        }
    }
    let some = truth.keys().filter(|it| marker != "many" || it.ends_with('7'));
    let texts: Vec<String> = some.flat_map(|name| TESTS.map(|test| test.replace("{}", name))).collect();
    let verdicts = said(debuggee, stop, &format!("verdicts({}, locals())", json!(texts)));
    let known = texts.into_iter().filter(|it| !verdicts[it].is_null()).collect();
    (marker, known, verdicts)
}
