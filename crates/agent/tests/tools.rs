//! Programs that use `sys.monitoring` themselves, before us and after us (3.12+).

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use serde_json::json;
use support::{Debuggee, Launch, pythons};

/// Threads that reach a breakpoint, while one is stopped in an evaluation that needs the others; and lines for a tool.
const PROGRAM: &str = "\
import sys, threading, time
m = sys.monitoring
print('tools', *[i for i in range(6) if m.get_tool(i) is None])
lines = []
def line(code, number):
    if code.co_name == 'work': lines.append(number)
own = next(i for i in (1, 2, 0, 5) if m.get_tool(i) is None)
m.use_tool_id(own, 'program')
m.register_callback(own, m.events.LINE, line)
m.set_events(own, m.events.LINE)
counts = [0, 0]
def count(i):
    while not over:
        counts[i] += 1
over = False
threads = [threading.Thread(target=count, args=(i,)) for i in range(2)]
for t in threads: t.start()
def work(n):
    value = n * 2  # BP:work
    return value
for i in range(3): work(i)
over = True
for t in threads: t.join()
print(len(lines), sum(work(i) for i in range(3)), *[i for i in range(6) if m.get_tool(i) == 'taken'])
";

/// Takes tools before the program begins.
const TAKES: &str = "\
import sys
for i in {ids}:
    sys.monitoring.use_tool_id(i, 'taken')
";

#[test]
fn a_program_that_took_our_tools_before_us_or_uses_others_is_debugged_all_the_same() {
    for python in pythons().iter().filter(|python| python.minor() >= (3, 12)) {
        for (taken, left) in
            [("[]", "0 1 2 5"), ("[3]", "1 2 5"), ("[4]", "1 2 5"), ("[3, 4]", "1 2"), ("[0, 3]", "1 2")]
        {
            let what = format!("{} {taken}", python.version);
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("sitecustomize.py"), TAKES.replace("{ids}", taken)).unwrap();
            let env = vec![("PYTHONPATH".to_owned(), folder.path().to_str().unwrap().to_owned())];
            let mut debuggee = Debuggee::launch(python, PROGRAM, Launch { env, ..Launch::at("work") });
            assert_eq!(debuggee.printed(), format!("tools {left}"), "{what}");
            for n in 0..3 {
                let stop = debuggee.stopped();
                assert_eq!((stop.line(), stop.function()), (debuggee.line("work"), "work"), "{what}");
                // The others stand still, evaluations that call functions included.
                let counts = |debuggee: &mut Debuggee| -> Vec<i64> {
                    serde_json::from_str(&debuggee.evaluate("(lambda: list(counts))()", stop.top())).unwrap()
                };
                let before = counts(&mut debuggee);
                for _ in 0..20 {
                    assert_eq!(
                        debuggee.evaluate("sorted(range(100), key=lambda x: -x)[0] + n", stop.top()),
                        (99 + n).to_string()
                    );
                }
                // Each came to its next line, and no further.
                let after = counts(&mut debuggee);
                assert!(
                    after.iter().zip(&before).all(|(after, before)| after - before <= 1),
                    "{what}: {before:?} {after:?}"
                );
                let stop = debuggee.go_and_stop("next", stop.thread);
                assert_eq!(stop.line(), debuggee.line("work") + 1, "{what}");
                if n == 2 {
                    debuggee.request("setBreakpoints", json!({"source": {"path": debuggee.script}, "breakpoints": []}));
                }
                debuggee.go("continue", stop.thread);
            }
            let ended = debuggee.end();
            let taken = taken.trim_matches(['[', ']']).replace(',', "");
            let expected = format!("6 6 {taken}").trim_end().to_owned();
            assert_eq!((ended.output.as_str(), ended.errors.as_str()), (expected.as_str(), ""), "{what}");
        }
    }
}

#[test]
fn without_two_tools_the_program_runs_undebugged_and_says_so() {
    for python in pythons().iter().filter(|python| python.minor() >= (3, 12)) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("sitecustomize.py"), TAKES.replace("{ids}", "[0, 3, 4]")).unwrap();
        let env = vec![("PYTHONPATH".to_owned(), folder.path().to_str().unwrap().to_owned())];
        let ids = "import sys; print(*[i for i in range(6) if sys.monitoring.get_tool(i)])";
        let debuggee = Debuggee::begin(python, ids, &Launch { env, greet_only: true, ..Launch::default() });
        let ended = debuggee.end();
        assert_eq!(
            (ended.status.code(), ended.output.as_str()),
            (Some(0), "0 3 4"),
            "{}: the one is given back",
            python.version
        );
        assert!(ended.errors.contains("not debugging: all tool ids"), "{}: {}", python.version, ended.errors);
    }
}
