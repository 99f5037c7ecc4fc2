//! Programs with further interpreters, which no stop holds: that is said.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use serde_json::json;
use support::{Debuggee, Launch, pythons};

const NOT_STOPPED: &str = "Other interpreters of this process may run on";

/// An interpreter with a GIL of its own that answers until it is told to end, by what the versions have for it.
const PROGRAM: &str = "\
import os, sys, threading
def alone():
    x = 1  # BP:alone
def beside():
    y = 2  # BP:beside
def by_itself():
    z = 3  # BP:by_itself
code = '''if True:
    import os, time
    while not os.path.exists('end'):
        if os.path.exists('ask'):
            os.remove('ask')
            os.write(1, b'runs on\\\\n')
        time.sleep(0.001)
'''
alone()
if sys.version_info >= (3, 14):
    from concurrent import interpreters
    other = interpreters.create()
    run, close = other.exec, other.close
else:
    if sys.version_info >= (3, 13): import _interpreters
    else: import _xxsubinterpreters as _interpreters
    other = _interpreters.create()
    run, close = lambda code: _interpreters.run_string(other, code), lambda: _interpreters.destroy(other)
thread = threading.Thread(target=run, args=(code,))
thread.start()
beside()
by_itself()
open('end', 'w').close()
thread.join()
close()
alone()
";

#[test]
fn a_stop_of_everybody_says_that_other_interpreters_run_on() {
    // Before 3.12 all interpreters share one GIL, and stand still with the rest.
    for python in pythons().into_iter().filter(|it| it.minor() >= (3, 12)) {
        let version = &python.version;
        let mut debuggee = Debuggee::launch(&python, PROGRAM, Launch { stop_on_entry: true, ..Launch::default() });
        let entry = debuggee.stopped();
        let breakpoints = json!([
            {"line": debuggee.line("alone")},
            {"line": debuggee.line("beside")},
            {"line": debuggee.line("by_itself"), "ikpdbStopPolicy": "thread"},
        ]);
        let path = debuggee.script.clone();
        debuggee.request("setBreakpoints", json!({"source": {"path": path}, "breakpoints": breakpoints}));
        for (function, says) in [("alone", false), ("beside", true), ("by_itself", false), ("alone", false)] {
            debuggee.request("continue", json!({"threadId": entry.thread}));
            let stop = debuggee.stopped();
            assert_eq!(stop.function(), function, "{version}");
            let description = stop.body["description"].as_str().unwrap();
            let said = if says { json!(NOT_STOPPED) } else { json!(null) };
            assert_eq!(stop.body["ikpdbNotStopped"], said, "{version} {function}");
            assert_eq!(description.ends_with(NOT_STOPPED), says, "{version} {function}: {description}");
            if says {
                // It does.
                std::fs::write(debuggee.folder().join("ask"), "").unwrap();
                assert_eq!(debuggee.printed(), "runs on", "{version}");
            }
        }
        debuggee.request("continue", json!({"threadId": entry.thread}));
        assert_eq!(debuggee.end().status.code(), Some(0), "{version}");
    }
}
