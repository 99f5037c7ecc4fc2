//! Conditions decide as Python does, whatever the values; and stops of many threads are neither lost nor doubled.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::{Debuggee, Launch, Python, pythons};

/// Tests of every native kind, and their neighbours that Python has to decide.
const CONDITIONS: [&str; 26] = [
    "x == 3",
    "x != 3",
    "x < 3",
    "x <= -2",
    "x > 9007199254740992",
    "x >= 9007199254740993",
    "x == 9223372036854775807",
    "x == 2.5",
    "x != 2.5",
    "x < 0.5",
    "x <= -0.0",
    "x > 2.5",
    "x >= 9007199254740993.0",
    "x == 'text'",
    "x != 'text'",
    "x < 'text'",
    "x >= 'é漢😀'",
    "x is None",
    "x is not None",
    "x is True",
    "x is not False",
    "x",
    "not x",
    "x == 3 or x == 4",
    "x == 1e300",
    "x in (3, 'text', None)",
];

const PROGRAM: &str = "\
import json, random, sys
class Sub(int): pass
class Floating(float): pass
class Text(str):
    def __eq__(self, other): return True
    def __lt__(self, other): return False
    __hash__ = str.__hash__
class Same:
    def __eq__(self, other): return True
    def __bool__(self): return False
class Odd:
    def __lt__(self, other): return 'yes'
    def __ge__(self, other): return []
    def __len__(self): return 0
conditions = json.loads(sys.argv[1])
chosen = random.Random(int(sys.argv[2]))
fixed = [None, True, False, 0, 1, 3, -2, 2**53, 2**53 + 1, -2**53 - 1, 2**63 - 1, 2**63, -2**63, 10**40, 0.0, -0.0, 2.5, 0.5, 1e300,
    float('nan'), float('inf'), -float('inf'), 9007199254740992.0, '', 'text', 'texts', 'é漢😀', '\\ud800', b'text', Sub(3), Sub(2**70),
    Floating(2.5), Text('other'), Same(), Odd(), [], [3], (), {}, 3 + 0j, ...]
def made():
    kind = chosen.randrange(6)
    if kind == 0: return chosen.randint(-5, 5)
    if kind == 1: return chosen.randint(-2**65, 2**65)
    if kind == 2: return chosen.choice([-1, 1]) * 2.0 ** chosen.randint(-60, 60)
    if kind == 3: return ''.join(chosen.choice('texé漢😀') for _ in range(chosen.randrange(6)))
    if kind == 4: return Sub(chosen.randint(-5, 5))
    return chosen.random() * 5
values = fixed + [made() for _ in range(200)]
expected = {condition: [] for condition in conditions}
def decide(condition, x):
    try: return bool(eval(condition))
    except TypeError: return False
def work(index, x):
    pass  # BP:alone
    return index  # BP:together
for index, x in enumerate(values):
    for condition in conditions:
        if decide(condition, x): expected[condition].append(index)
    work(index, x)
print(json.dumps(expected))
";

/// A breakpoint that is alone on its line is looked at in another way than several on one: each stands on a line of its own, made from
/// the one that is marked, and on one line with all others.
fn alone_and_together(program: &str, count: usize) -> String {
    let alone = program.lines().find(|line| line.ends_with("# BP:alone")).unwrap();
    let lines: Vec<String> = (0..count).map(|number| format!("{alone}{number}")).collect();
    program.replace(alone, &lines.join("\n"))
}

/// The lines of `number`: its own, and that of all.
fn lines_of(debuggee: &Debuggee, number: usize) -> [u32; 2] {
    [debuggee.line(&format!("alone{number}")), debuggee.line("together")]
}

#[test]
fn conditions_decide_as_python_does_for_values_of_all_kinds() {
    for (seed, python) in pythons().into_iter().enumerate() {
        let args = vec![serde_json::to_string(&CONDITIONS).unwrap(), seed.to_string()];
        let launch = Launch { args, stop_on_entry: true, ..Launch::default() };
        let mut debuggee = Debuggee::launch(&python, &alone_and_together(PROGRAM, CONDITIONS.len()), launch);
        let stop = debuggee.stopped();
        let path = debuggee.script.to_str().unwrap().to_owned();
        let breakpoints = |(number, condition): (usize, &&str)| {
            let log = format!("{number}:{{index}}");
            lines_of(&debuggee, number).map(|line| json!({"line": line, "condition": condition, "logMessage": log}))
        };
        let breakpoints: Vec<Value> = CONDITIONS.iter().enumerate().flat_map(breakpoints).collect();
        let set = debuggee.request("setBreakpoints", json!({"source": {"path": path}, "breakpoints": breakpoints}));
        assert!(set["breakpoints"].as_array().unwrap().iter().all(|it| it["verified"] == true), "{set}");
        debuggee.go("continue", stop.thread);
        let expected: BTreeMap<String, Vec<usize>> = serde_json::from_str(&debuggee.printed()).unwrap();
        let told = told(&mut debuggee);
        for (number, condition) in CONDITIONS.iter().enumerate() {
            let told = told.get(&number).map_or(&[][..], |it| it);
            assert_eq!(told, twice(&expected[*condition]), "{} {condition}, seed {seed}", python.version);
        }
    }
}

/// Each one, and again.
fn twice(indices: &[usize]) -> Vec<usize> {
    indices.iter().flat_map(|index| [*index, *index]).collect()
}

/// What logpoints printed as `number:index`, until the program's end: the indices, by number.
fn told(debuggee: &mut Debuggee) -> BTreeMap<usize, Vec<usize>> {
    let mut told: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    while let Some(output) = debuggee.event_until_end("output") {
        if output["category"] != "console" {
            continue;
        }
        for line in output["output"].as_str().unwrap().lines() {
            let (number, index) = line.split_once(':').unwrap();
            told.entry(number.parse().unwrap()).or_default().push(index.parse().unwrap());
        }
    }
    told
}

/// Hits are counted when the condition holds; which of them count is what Python says of their number.
#[test]
fn hit_conditions_pick_the_hits_that_python_would() {
    const LOOP: &str = "\
import json, sys
wanted = json.loads(sys.argv[1])
hits, expected = [0] * len(wanted), [[] for _ in wanted]
def run():
    for index in range(150):
        for number, (sign, count, condition) in enumerate(wanted):
            if not condition or eval(condition):
                hits[number] += 1
                test = f'{hits[number]} % {count} == 0' if sign == '%' else f'{hits[number]} {sign or \"==\"} {count}'
                if eval(test): expected[number].append(index)
        pass  # BP:alone
        pass  # BP:together
run()
print(json.dumps(expected))
";
    for (seed, python) in pythons().into_iter().enumerate() {
        let mut random = 12345 + u32::try_from(seed).unwrap();
        let mut below = |limit: u32| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (random >> 16) % limit
        };
        let wanted: Vec<(&str, u32, &str)> = (0..60)
            .map(|_| {
                let sign = ["", "==", ">", ">=", "<", "<=", "%"][below(7) as usize];
                (sign, 1 + below(60), ["", "index % 2", "index > 70"][below(3) as usize])
            })
            .collect();
        let launch =
            Launch { args: vec![serde_json::to_string(&wanted).unwrap()], stop_on_entry: true, ..Launch::default() };
        let mut debuggee = Debuggee::launch(&python, &alone_and_together(LOOP, wanted.len()), launch);
        let stop = debuggee.stopped();
        let breakpoints = |(number, (sign, count, condition)): (usize, &(&str, u32, &str))| {
            let log = format!("{number}:{{index}}");
            let hits = format!("{sign}{count}");
            lines_of(&debuggee, number)
                .map(|line| json!({"line": line, "condition": condition, "hitCondition": hits, "logMessage": log}))
        };
        let breakpoints: Vec<Value> = wanted.iter().enumerate().flat_map(breakpoints).collect();
        let path = debuggee.script.to_str().unwrap().to_owned();
        debuggee.request("setBreakpoints", json!({"source": {"path": path}, "breakpoints": breakpoints}));
        debuggee.go("continue", stop.thread);
        let expected: Vec<Vec<usize>> = serde_json::from_str(&debuggee.printed()).unwrap();
        let told = told(&mut debuggee);
        for (number, what) in wanted.iter().enumerate() {
            let told = told.get(&number).map_or(&[][..], |it| it);
            assert_eq!(told, twice(&expected[number]), "{} {what:?}", python.version);
        }
    }
}

/// A loop whose breakpoint lets the line pass by in every round: what is set there meanwhile, alone or beside others, stops.
#[test]
fn what_changes_while_its_line_passes_by_stops_from_then_on() {
    const LOOP: &str = "\
over = False
def work():
    i = 0
    while not over:
        i += 1  # BP:here
    return 'done'
print(work())
";
    for python in pythons() {
        let mut debuggee = Debuggee::launch(&python, LOOP, Launch::at("here"));
        let mut stop = debuggee.stopped();
        let (path, line) = (debuggee.script.to_str().unwrap().to_owned(), debuggee.line("here"));
        let never = json!({"line": line, "condition": "i == -1"});
        let mut before = 0;
        for wanted in [
            json!([{"line": line}]),
            json!([{"line": line, "condition": "i > 0"}]),
            json!([{"line": line, "condition": "str(i) > ''"}]),
            json!([{"line": line, "hitCondition": ">= 100"}]),
            json!([never, {"line": line, "condition": "i > 0"}]),
            json!([{"line": line, "hitCondition": ">= 100"}, never]),
            json!([never, {"line": line, "condition": "i > 0", "hitCondition": "%100"}]),
        ] {
            let arguments = |breakpoints: &Value| json!({"source": {"path": path}, "breakpoints": breakpoints});
            debuggee.request("setBreakpoints", arguments(&json!([never])));
            debuggee.go("continue", stop.thread);
            debuggee.request("setBreakpoints", arguments(&wanted));
            stop = debuggee.stopped();
            assert_eq!(stop.line(), line, "{} {wanted}", python.version);
            let i: i64 = debuggee.evaluate("i", stop.top()).parse().unwrap();
            assert!(i > before, "{} {wanted}: {i} after {before}", python.version);
            before = i;
        }
        debuggee.set_breakpoints(&[]);
        debuggee.evaluate("globals().update(over=True)", stop.top());
        debuggee.go("continue", stop.thread);
        assert_eq!(debuggee.end().output, "done", "{}", python.version);
    }
}

const THREADS: &str = "\
import random, threading, time
ran = []
def work(seed):
    chosen = random.Random(seed)
    for n in range(10):
        if chosen.random() < .5: time.sleep(chosen.random() / 1000)
        ran.append((seed, n))  # BP:here
threads = [threading.Thread(target=work, args=(seed,)) for seed in range(100)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(ran))
";

/// Once on each interpreter and for a minute on the newest, unless that is in its development mode; with `IKPDB_TEST_ALL` for a minute
/// on each.
#[test]
fn a_hundred_threads_stop_and_go_on_at_random_and_no_stop_is_lost_or_double() {
    const MINUTE: Duration = Duration::from_secs(60);
    let all = std::env::var_os("IKPDB_TEST_ALL").is_some();
    let minute_on = std::env::var_os("PYTHONDEVMODE").is_none().then(|| pythons().len() - 1);
    let pythons = pythons();
    let mut random = 12345_u32;
    for (at, python) in pythons.iter().enumerate() {
        let begin = Instant::now();
        stop_a_hundred_threads(python, &mut random);
        while (all || Some(at) == minute_on) && begin.elapsed() < MINUTE {
            stop_a_hundred_threads(python, &mut random);
        }
    }
}

fn stop_a_hundred_threads(python: &Python, random: &mut u32) {
    let mut debuggee = Debuggee::launch(python, THREADS, Launch::at("here"));
    let mut stops = BTreeMap::new();
    let (mut count, mut steps) = (0, false);
    while count < 1000 {
        let stop = debuggee.event("stopped");
        let thread = stop["threadId"].as_i64().unwrap();
        if stop["reason"] == json!("breakpoint") {
            *stops.entry(thread).or_insert(0) += 1;
            count += 1;
        } else {
            // Another thread may come to the breakpoint before the step is over, which ends it.
            assert_eq!((&stop["reason"], steps), (&json!("step"), true), "{} {count}", python.version);
        }
        *random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        steps = *random >> 16 & 3 == 0 && count < 1000;
        debuggee.go(if steps { "next" } else { "continue" }, thread);
    }
    assert_eq!(stops.len(), 100, "{}", python.version);
    assert!(stops.values().all(|count| *count == 10), "{}: {stops:?}", python.version);
    assert_eq!(debuggee.end().output, "1000", "{}", python.version);
}
