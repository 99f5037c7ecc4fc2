//! Whom a stop stops stands still: during quick steps, while lazy variables are asked, and after an evaluation that had to let the
//! others run.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::time::{Duration, Instant};

use serde_json::json;
use support::counters::{COUNTING, Counters};
use support::variables::{child, is_lazy, scope};
use support::{Debuggee, Launch, Python, Stopped, pythons};

/// For so long the others stand still during a step, by the design.
const STEP_FREEZE: Duration = Duration::from_millis(20);

/// Two threads that count in shared memory, and some that wait to be needed.
const PROGRAM: &str = "\
import asyncio, concurrent.futures, queue
def others_count():
    last = view[0] + 1, view[1] + 1
    while view[0] <= last[0] or view[1] <= last[1]:
        pass
    return True
class Lazy:
    @property
    def quick(self):
        return double(21)
    @property
    def waits(self):
        return filled('of a property')
lock, held, wanted, filler, loop = threading.Lock(), threading.Event(), threading.Event(), queue.Queue(), asyncio.new_event_loop()
def hold():
    with lock:
        held.set()
        wanted.wait()
        time.sleep(0)
def fill():
    while True:
        item, answers = filler.get()
        answers.put(item)
def filled(item):
    answers = queue.Queue()
    filler.put((item, answers))
    return answers.get(timeout=10)
async def later(x):
    await asyncio.sleep(0)
    return double(x)
def in_loop(x):
    return asyncio.run_coroutine_threadsafe(later(x), loop).result(10)
pool = concurrent.futures.ThreadPoolExecutor(1)
pool.submit(int).result()
for work in hold, fill, loop.run_forever:
    threading.Thread(target=work, daemon=True).start()
held.wait()
for slot in range(2):
    threading.Thread(target=count, args=(slot,), daemon=True).start()
def main(lazy):
    others_count()
    x = 1  # BP:here
    for _ in range(20):
        x = double(x)
        x = double(1)
    others_count()  # BP:long
    filled(1)  # BP:waits
    return x  # BP:back
main(Lazy())
";

fn begin(python: &Python, marker: &str) -> (Debuggee, Counters, Stopped) {
    let counters = Counters::new();
    let launch = Launch { args: vec![counters.path()], ..Launch::at(marker) };
    let mut debuggee = Debuggee::launch(python, &[COUNTING, PROGRAM].concat(), launch);
    let stop = debuggee.stopped();
    (debuggee, counters, stop)
}

/// Evaluates something that would let the others run. What was under way comes to the end of its line, but no further.
#[track_caller]
fn stand_still(debuggee: &mut Debuggee, counters: &Counters, stop: &Stopped, what: &str) {
    let before = counters.read();
    for _ in 0..10 {
        assert_eq!(debuggee.evaluate("double(21)", stop.top()), "42", "{what}");
    }
    let after = counters.read();
    assert!(after.iter().zip(before).all(|(after, before)| after - before <= 1), "{what}: {before:?} -> {after:?}");
}

#[test]
fn others_stand_still_during_quick_steps() {
    for python in pythons() {
        let version = &python.version;
        let (mut debuggee, counters, mut stop) = begin(&python, "here");
        stand_still(&mut debuggee, &counters, &stop, version);
        let long = debuggee.line("long");
        let (mut quick, mut before) = (0, counters.read());
        while stop.line() != long {
            let asked = Instant::now();
            stop = debuggee.go_and_stop("next", stop.thread);
            let (after, took) = (counters.read(), asked.elapsed());
            assert_eq!((stop.reason.as_str(), stop.function()), ("step", "main"), "{version}");
            // On a machine that is busy a step may take too long.
            if took < STEP_FREEZE {
                quick += 1;
                // Whoever was within a line may end it, once in all these steps.
                let line = stop.line();
                let still = after.iter().zip(before).all(|(after, before)| after - before <= 1);
                assert!(still, "{version}: {before:?} -> {after:?} within {took:?} at {line}");
            } else {
                stand_still(&mut debuggee, &counters, &stop, version);
                before = counters.read();
            }
        }
        assert!(quick > 5, "{version}: {quick} steps were quick enough to be seen");
    }
}

#[test]
fn others_run_during_steps_that_take_long_or_wait_for_them() {
    for python in pythons() {
        let version = &python.version;
        let (mut debuggee, counters, stop) = begin(&python, "long");
        stand_still(&mut debuggee, &counters, &stop, version);
        let (before, asked) = (counters.read(), Instant::now());
        let stop = debuggee.go_and_stop("next", stop.thread);
        let (after, took) = (counters.read(), asked.elapsed());
        assert_eq!(stop.line(), debuggee.line("waits"), "{version}");
        assert!(after[0] > before[0] && after[1] > before[1], "{version}: {before:?} -> {after:?}");
        assert!(took >= STEP_FREEZE, "{version}: others ran after {took:?}");
        stand_still(&mut debuggee, &counters, &stop, version);
        let stop = debuggee.go_and_stop("next", stop.thread);
        assert_eq!(stop.line(), debuggee.line("back"), "{version}");
        stand_still(&mut debuggee, &counters, &stop, version);
    }
}

#[test]
fn others_stand_still_while_lazy_variables_are_asked() {
    for python in pythons() {
        let version = &python.version;
        let (mut debuggee, counters, stop) = begin(&python, "here");
        let locals = scope(&mut debuggee, stop.top(), "Locals");
        let lazy = child(&mut debuggee, &locals, "lazy");
        let before = counters.read();
        for _ in 0..20 {
            let quick = child(&mut debuggee, &lazy, "quick");
            assert!(is_lazy(&quick), "{version}: {quick}");
            let asked = debuggee.request("variables", json!({"variablesReference": quick["variablesReference"]}));
            assert_eq!(asked["variables"][0]["value"], "42", "{version}: {asked}");
        }
        let after = counters.read();
        assert!(
            after.iter().zip(before).all(|(after, before)| after - before <= 1),
            "{version}: {before:?} -> {after:?}"
        );
        // One that needs another thread gets it, and nobody runs on afterwards.
        let waits = child(&mut debuggee, &lazy, "waits");
        let asked = debuggee.request("variables", json!({"variablesReference": waits["variablesReference"]}));
        assert_eq!(asked["variables"][0]["value"], "'of a property'", "{version}: {asked}");
        stand_still(&mut debuggee, &counters, &stop, version);
    }
}

#[test]
fn others_stand_still_again_after_an_evaluation_that_needed_them() {
    for python in pythons() {
        let (mut debuggee, counters, stop) = begin(&python, "here");
        for (expression, result) in [
            ("wanted.set() or lock.acquire(timeout=10)", "True"),
            ("filled(3)", "3"),
            ("pool.submit(double, 4).result(10)", "8"),
            ("in_loop(5)", "10"),
        ] {
            let what = format!("{} {expression}", python.version);
            let arguments = json!({"expression": expression, "frameId": stop.top()["id"], "context": "repl"});
            let body = debuggee.request("evaluate", arguments);
            assert_eq!((&body["result"], &body["ikpdbOthersRan"]), (&json!(result), &json!(true)), "{what}");
            stand_still(&mut debuggee, &counters, &stop, &what);
            let arguments = json!({"expression": "double(1)", "frameId": stop.top()["id"], "context": "repl"});
            let body = debuggee.request("evaluate", arguments);
            assert_eq!((&body["result"], &body["ikpdbOthersRan"]), (&json!("2"), &json!(null)), "{what}");
        }
        debuggee.set_breakpoints(&[]);
        debuggee.go("continue", stop.thread);
        counters.wait_for_progress();
    }
}

#[test]
fn others_stand_still_while_another_thread_than_the_one_that_stopped_steps() {
    const TWO_STEP: &str = "\
there = set()
def work():
    there.add(threading.get_ident())
    while len(there) < 2: pass
    while True:
        a = double(1)  # BP:here
        b = double(2)
threading.Thread(target=work, daemon=True, name='other').start()
for slot in range(2):
    threading.Thread(target=count, args=(slot,), daemon=True).start()
while view[0] == 0 or view[1] == 0: pass
work()
";
    for python in pythons() {
        let version = &python.version;
        let counters = Counters::new();
        let launch = Launch { args: vec![counters.path()], ..Launch::at("here") };
        let mut debuggee = Debuggee::launch(&python, &[COUNTING, TWO_STEP].concat(), launch);
        let stop = debuggee.stopped();
        let threads = debuggee.request("threads", json!({}));
        let named = |name: &str| threads["threads"].as_array().unwrap().iter().find(|it| it["name"] == name).unwrap();
        let [main, other] = ["MainThread", "other"].map(|name| named(name)["id"].as_i64().unwrap());
        let (first, second) = if stop.thread == main { (other, main) } else { (main, other) };
        debuggee.set_breakpoints(&[]);
        stand_still(&mut debuggee, &counters, &stop, version);
        let (mut quick, mut before) = (0, counters.read());
        for thread in [first, second].into_iter().cycle().take(40) {
            let asked = Instant::now();
            let stop = debuggee.go_and_stop("next", thread);
            let (after, took) = (counters.read(), asked.elapsed());
            assert_eq!((stop.reason.as_str(), stop.thread), ("step", thread), "{version}");
            if took < STEP_FREEZE {
                quick += 1;
                let still = after.iter().zip(before).all(|(after, before)| after - before <= 1);
                assert!(still, "{version}: {before:?} -> {after:?} within {took:?}");
            }
            stand_still(&mut debuggee, &counters, &stop, version);
            before = counters.read();
        }
        assert!(quick > 5, "{version}: {quick} steps were quick enough to be seen");
    }
}
