//! Steps through what real programs are made of: libraries, generators, coroutines, imports, exceptions, other threads.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::time::Duration;

use serde_json::json;
use support::{Debuggee, Launch, Stopped, pythons};

/// Steps and notes the place, as `function:marker` or `function:line`, until the program ends or `most` steps are done.
fn walk(debuggee: &mut Debuggee, mut stop: Stopped, command: &str, most: usize) -> Vec<String> {
    let mut places = Vec::new();
    for _ in 0..most {
        debuggee.go(command, stop.thread);
        let Some(body) = debuggee.event_within("stopped", Duration::from_secs(5)) else { break };
        stop = debuggee.describe(body);
        let path = stop.top()["source"]["path"].as_str().unwrap_or_default();
        let file = path.rsplit('/').next().unwrap_or_default();
        places.push(format!("{file}:{}:{}", stop.function().rsplit('.').next().unwrap(), stop.line()));
    }
    places
}

#[test]
fn steps_skip_the_library_and_come_back_from_it() {
    const SORT: &str = "\
import functools, json
def key(item):
    value = item['n']  # BP:key
    return value
class Encoder(json.JSONEncoder):
    def default(self, o):
        return 'x'  # BP:default
def run():
    items = sorted([{'n': 2}, {'n': 1}], key=key)
    text = json.dumps(object(), cls=Encoder)
    total = functools.reduce(lambda a, b: a + b['n'], items, 0)
    return text, total  # BP:end
run()  # BP:run
";
    for python in pythons() {
        let mut debuggee = Debuggee::launch(&python, SORT, Launch::at("run"));
        let stop = debuggee.stopped();
        let places = walk(&mut debuggee, stop, "stepIn", 18);
        let names: Vec<&str> = places.iter().map(|it| it.split(':').nth(1).unwrap()).collect();
        let library: Vec<&String> = places.iter().filter(|it| !it.starts_with("app.py")).collect();
        assert!(library.is_empty(), "{}: {places:?}", python.version);
        for wanted in ["run", "key", "default", "<lambda>"] {
            assert!(names.contains(&wanted), "{} lacks {wanted}: {places:?}", python.version);
        }
    }
}

#[test]
fn an_import_is_stepped_over_and_into_without_its_machinery() {
    const IMPORT: &str = "import json.tool  # BP:one\nimport mine\nx = mine.value\nprint(x)\n";
    for python in pythons() {
        let launch = Launch { files: vec![("mine.py".into(), "value = 5\nother = 6\n".into())], ..Launch::at("one") };
        let mut debuggee = Debuggee::launch(&python, IMPORT, launch);
        let stop = debuggee.stopped();
        let places = walk(&mut debuggee, stop, "stepIn", 5);
        let expected =
            ["app.py:<module>:2", "mine.py:<module>:1", "mine.py:<module>:2", "app.py:<module>:2", "app.py:<module>:3"];
        // The end of the module leads back to the import or, if nothing of that line is left to do, to the next one.
        let without_return: Vec<&str> = expected.iter().copied().take(3).chain(["app.py:<module>:3"]).collect();
        assert!(
            places.starts_with(&expected.map(str::to_owned)) || places[..4] == without_return[..],
            "{}: {places:?}",
            python.version
        );
    }
}

/// What nobody wants to step through, whatever was asked for.
fn is_machinery(place: &str) -> bool {
    ["_bootstrap.py", "_bootstrap_external.py", "zipimport.py", "<"].iter().any(|it| place.starts_with(it))
}

#[test]
fn without_just_my_code_steps_enter_the_library_but_never_the_machinery_of_imports() {
    const LIBRARY: &str = "\
import json
import mine  # BP:import
import mine_too, colorsys
text = json.dumps([1])  # BP:dumps
print(text)
";
    for python in pythons() {
        let version = &python.version;
        let files = vec![
            ("mine.py".into(), "value = 5\nfrom mine_too import other\n".into()),
            ("mine_too.py".into(), "other = 6\n".into()),
        ];
        let launch = Launch { library_too: true, files, ..Launch::at("import") };
        let mut debuggee = Debuggee::launch(&python, LIBRARY, launch);
        let mut stop = debuggee.stopped();
        let places = walk(&mut debuggee, stop, "stepIn", 60);
        let wrong: Vec<&String> = places.iter().filter(|it| is_machinery(it)).collect();
        assert!(wrong.is_empty(), "{version}: {wrong:?} in {places:?}");
        assert_eq!(places[..2], ["mine.py:<module>:1", "mine.py:<module>:2"], "{version}: {places:?}");
        let at = |wanted: &str| places.iter().position(|it| it.starts_with(wanted));
        let order = [at("mine_too.py:<module>:1"), at("colorsys.py:<module>:"), at("__init__.py:dumps:")];
        assert!(order.iter().all(Option::is_some) && order.is_sorted(), "{version}: {order:?} {places:?}");

        // Over, into and out of it; the way out of a module leads to the import.
        let launch = Launch { library_too: true, ..Launch::at("dumps") };
        let launch =
            Launch { files: vec![("mine.py".into(), String::new()), ("mine_too.py".into(), String::new())], ..launch };
        let mut debuggee = Debuggee::launch(&python, LIBRARY, launch);
        stop = debuggee.stopped();
        stop = debuggee.go_and_stop("stepIn", stop.thread);
        assert_eq!(stop.function(), "dumps", "{version}");
        assert!(stop.top()["source"]["path"].as_str().unwrap().ends_with("/json/__init__.py"), "{version}");
        stop = debuggee.go_and_stop("next", stop.thread);
        assert_eq!(stop.function(), "dumps", "{version}");
        stop = debuggee.go_and_stop("stepOut", stop.thread);
        assert_eq!((stop.function(), stop.line()), ("<module>", debuggee.line("dumps")), "{version}");
        debuggee.go("continue", stop.thread);
        assert_eq!(debuggee.end().output, "[1]", "{version}");
    }
}

#[test]
fn a_step_in_that_meets_no_visible_code_in_an_import_stops_at_the_next_line() {
    const IMPORTS: &str = "import colorsys  # BP:import\nimport colorsys\nimport sys, _thread\nfrom colorsys import rgb_to_hls\nprint('end')\n";
    for python in pythons() {
        for library_too in [false, true] {
            let launch = Launch { library_too, ..Launch::at("import") };
            let mut debuggee = Debuggee::launch(&python, IMPORTS, launch);
            let mut stop = debuggee.stopped();
            if library_too {
                // The first one is loaded.
                stop = debuggee.go_and_stop("stepIn", stop.thread);
                assert_eq!(stop.function(), "<module>", "{}", python.version);
                stop = debuggee.go_and_stop("stepOut", stop.thread);
                assert_eq!(stop.top()["source"]["name"], json!("app.py"), "{}", python.version);
            }
            let next = stop.line() + 1;
            let places = walk(&mut debuggee, stop, "stepIn", 5);
            let expected: Vec<String> = (next..=5).map(|line| format!("app.py:<module>:{line}")).collect();
            assert!(next <= 3 && places.starts_with(&expected), "{} {library_too}: {places:?}", python.version);
        }
    }
}

#[test]
fn a_step_stays_in_its_generator_and_coroutine() {
    const GENERATORS: &str = "\
import asyncio
def numbers():
    yield 1  # BP:gen
    yield 2
async def other():
    await asyncio.sleep(0.01)
    return 7
async def main():
    a = 1  # BP:co
    b = await other()
    c = a + b
    return c
total = 0
for n in numbers():
    total += n
print(asyncio.run(main()))
";
    for python in pythons() {
        let version = &python.version;
        let launch = Launch { breakpoints: vec![("gen".into(), None), ("co".into(), None)], ..Launch::default() };
        let mut debuggee = Debuggee::launch(&python, GENERATORS, launch);
        let stop = debuggee.stopped();
        let stop = debuggee.go_and_stop("next", stop.thread);
        assert_eq!((stop.function(), stop.line()), ("numbers", 4), "{version}");
        let stop = debuggee.go_and_stop("stepOut", stop.thread);
        assert_eq!((stop.function(), stop.line()), ("<module>", 14), "{version}");
        let stop = debuggee.go_and_stop("continue", stop.thread);
        assert_eq!(stop.function(), "main", "{version}");
        for line in [10, 11, 12] {
            let stop = debuggee.go_and_stop("next", stop.thread);
            assert_eq!((stop.function(), stop.line()), ("main", line), "{version}");
        }
        debuggee.go("continue", stop.thread);
        assert_eq!(debuggee.end().output, "8", "{version}");
    }
}

#[test]
fn a_step_over_a_raise_goes_to_the_handler() {
    const RAISE: &str = "\
def deep():
    raise KeyError('x')
def middle():
    deep()  # BP:middle
    print('never')
def top():
    try:
        middle()
    except KeyError:
        handled = True
    return handled
print(top())
";
    for python in pythons() {
        let version = &python.version;
        let mut debuggee = Debuggee::launch(&python, RAISE, Launch::at("middle"));
        let stop = debuggee.stopped();
        let stop = debuggee.go_and_stop("next", stop.thread);
        assert_eq!((stop.function(), stop.line()), ("top", 9), "{version}");
        let stop = debuggee.go_and_stop("next", stop.thread);
        assert_eq!((stop.function(), stop.line()), ("top", 10), "{version}");
        debuggee.go("continue", stop.thread);
        assert_eq!(debuggee.end().output, "True", "{version}");
    }
}

#[test]
fn a_step_belongs_to_its_thread() {
    const THREADS: &str = "\
import threading
def work(n):
    for i in range(2000):
        x = i
        y = x  # BP:work
        z = y
for n in range(4):
    threading.Thread(target=work, args=(n,)).start()
";
    for python in pythons() {
        let mut debuggee = Debuggee::launch(&python, THREADS, Launch::at("work"));
        let mut stop = debuggee.stopped();
        debuggee.set_breakpoints(&[]);
        let thread = stop.thread;
        for line in [6, 3, 4, 5, 6, 3, 4, 5] {
            stop = debuggee.go_and_stop("next", thread);
            assert_eq!((stop.thread, stop.line()), (thread, line), "{} {}", python.version, stop.body);
        }
        debuggee.go("continue", thread);
        assert_eq!(debuggee.end().status.code(), Some(0), "{}", python.version);
    }
}

#[test]
fn a_program_runs_to_a_line_once() {
    const LOOP: &str =
        "def f():\n    for i in range(5):\n        x = i  # BP:here\n    return x\nf()  # BP:call\nprint('end')\n";
    for python in pythons() {
        let mut debuggee = Debuggee::launch(&python, LOOP, Launch::at("call"));
        let stop = debuggee.stopped();
        let arguments = json!({"threadId": stop.thread, "source": {"path": debuggee.script.to_str()}, "line": 3});
        debuggee.request("ikpdb/runTo", arguments);
        let stop = debuggee.stopped();
        assert_eq!((stop.reason.as_str(), stop.line()), ("goto", 3), "{}", python.version);
        debuggee.go("continue", stop.thread);
        assert_eq!(debuggee.end().output, "end", "{}", python.version);
    }
}

#[test]
fn columns_are_utf16_units_of_the_expression() {
    const TEXT: &str = "def f():\n    return 1  # BP:here\nx = ['é漢😀', f()]\n";
    for python in pythons() {
        let mut debuggee = Debuggee::launch(&python, TEXT, Launch::at("here"));
        let stop = debuggee.stopped();
        let outer = &stop.frames[1];
        assert_eq!(
            (&outer["line"], &outer["column"], &outer["endColumn"]),
            (&json!(3), &json!(14), &json!(17)),
            "{}",
            python.version
        );
    }
}

#[test]
fn a_source_is_what_was_loaded_whatever_became_of_the_file() {
    const TEXT: &str = "import mine\nx = 1  # BP:here\n";
    for python in pythons() {
        let launch = Launch { files: vec![("mine.py".into(), "value = 5\n".into())], ..Launch::at("here") };
        let mut debuggee = Debuggee::launch(&python, TEXT, launch);
        debuggee.stopped();
        let path = debuggee.script.with_file_name("mine.py");
        std::fs::write(&path, "value = 6\n").unwrap();
        let body = debuggee.request("source", json!({"source": {"path": path.to_str()}, "sourceReference": 0}));
        assert_eq!(body["content"], json!("value = 5\n"), "{}", python.version);
        let loaded = ikpdb_proto::proof::digest(b"value = 5\n");
        assert_eq!(body["ikpdbHash"], json!(loaded), "{}", python.version);
        let refused = debuggee.try_request("source", json!({"source": {"path": "/etc/passwd"}, "sourceReference": 0}));
        assert!(refused.unwrap_err().contains("not loaded"), "{}", python.version);
    }
}
