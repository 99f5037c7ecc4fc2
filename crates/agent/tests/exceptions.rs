//! Uncaught exceptions: shown after the fact, and reported by the program as ever.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use serde_json::json;
use support::{Debuggee, Launch, pythons};

const FAILS: &str = "\
def fail(n):
    local = n + 1
    raise ValueError(f'bad {n}')  # BP:raise

def caller():
    try:
        {}['key']
    except KeyError as error:
        fail(41)  # BP:call

caller()  # BP:main
";

#[test]
fn an_uncaught_exception_stops_with_frames_and_locals_alive() {
    for python in pythons() {
        let version = &python.version;
        let mut debuggee = Debuggee::launch(&python, FAILS, Launch::default());
        let stop = debuggee.stopped();
        assert_eq!(
            (stop.reason.as_str(), stop.line(), stop.function()),
            ("exception", debuggee.line("raise"), "fail"),
            "{version}"
        );
        assert_eq!(stop.body["text"], json!("ValueError: bad 41"), "{version}");
        let lines: Vec<u64> = stop.frames.iter().map(|it| it["line"].as_u64().unwrap()).collect();
        assert_eq!(lines, ["raise", "call", "main"].map(|it| u64::from(debuggee.line(it))), "{version}");
        assert_eq!(debuggee.evaluate("local", stop.top()), "42", "{version}");
        let info = debuggee.request("exceptionInfo", json!({"threadId": stop.thread}));
        assert_eq!(info["exceptionId"], json!("ValueError"), "{version}");
        assert_eq!(info["description"], json!("bad 41"), "{version}");
        assert_eq!(info["details"]["innerException"][0]["fullTypeName"], json!("KeyError"), "{version}");
        assert_eq!(info["details"]["ikpdbRelation"], json!("context"), "{version}");
        debuggee.go("continue", stop.thread);
        let ended = debuggee.end();
        assert_eq!(ended.status.code(), Some(1), "{version}");
        assert_eq!(ended.errors.matches("ValueError: bad 41").count(), 1, "{version}: {}", ended.errors);
    }
}

#[test]
fn an_uncaught_exception_of_a_thread_stops_too() {
    const THREAD: &str = "\
import threading
def work():
    inside = 5
    raise RuntimeError('in thread')  # BP:raise
t = threading.Thread(target=work, name='worker')
t.start()
t.join()
print('main goes on')
";
    for python in pythons() {
        let version = &python.version;
        let mut debuggee = Debuggee::launch(&python, THREAD, Launch::default());
        let stop = debuggee.stopped();
        assert_eq!(
            (stop.reason.as_str(), stop.line(), stop.function()),
            ("exception", debuggee.line("raise"), "work"),
            "{version}"
        );
        assert_eq!(debuggee.evaluate("inside", stop.top()), "5", "{version}");
        let threads = debuggee.request("threads", json!({}));
        let names: Vec<&str> =
            threads["threads"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["MainThread", "worker"], "{version}");
        debuggee.go("continue", stop.thread);
        let ended = debuggee.end();
        assert_eq!((ended.status.code(), ended.output.as_str()), (Some(0), "main goes on"), "{version}");
        assert_eq!(ended.errors.matches("RuntimeError: in thread").count(), 1, "{version}: {}", ended.errors);
    }
}

/// Whatever is asked of an exception whose every method hangs is answered, and none of them was called.
#[test]
fn i16_looking_at_a_hostile_exception_runs_none_of_its_code() {
    const HOSTILE: &str = "\
import os, sys
CALLS = []
def hangs(name):
    def method(*args, **kwargs):
        if armed:
            CALLS.append(name)
            while True:
                pass
        return object.__getattribute__(*args) if name == '__getattribute__' else name
    return method
armed = False
names = '__str__ __repr__ __getattribute__ __getattr__ __bool__ __eq__ __hash__ __len__ __iter__ __format__'.split()
class Meta(type):
    pass
Plain = Meta('Plain', (), {name: hangs(name) for name in names})
Hostile = Meta('Hostile', (Exception,), {name: hangs(name) for name in names} | {'__module__': 'hostile'})
Silent = Meta('Silent', (OSError,), {'__str__': hangs('__str__')})
for name in '__getattribute__ __repr__ __str__ __instancecheck__ __getattr__'.split():
    setattr(Meta, name, hangs('Meta.' + name))
class Text(str):
    __str__ = __repr__ = hangs('Text')
def hook(kind, value, traceback):
    global armed
    armed = False
    sys.stdout.write(repr(CALLS))
    sys.stdout.flush()
    os._exit(3)
def audit(event, args):
    if armed and event == 'object.__getattr__':
        CALLS.append(event)
sys.excepthook = hook
sys.addaudithook(audit)
def fail():
    global armed
    error = Hostile('wrong', Plain())
    cause = Silent(2, Text('gone'))
    cause.filename = Plain()
    Exception.__setattr__(error, '__notes__', [Text('a note'), Plain()])
    armed = True
    raise error from cause  # BP:raise
fail()
";
    for python in pythons() {
        let version = &python.version;
        let mut debuggee = Debuggee::launch(&python, HOSTILE, Launch::default());
        let stop = debuggee.stopped();
        assert_eq!((stop.reason.as_str(), stop.line()), ("exception", debuggee.line("raise")), "{version}");
        let text = stop.body["text"].as_str().unwrap();
        assert!(text.starts_with("hostile.Hostile: ('wrong', "), "{version}: {text}");
        let info = debuggee.request("exceptionInfo", json!({"threadId": stop.thread}));
        assert_eq!(info["exceptionId"], json!("hostile.Hostile"), "{version}");
        assert_eq!(info["details"]["ikpdbRelation"], json!("cause"), "{version}");
        let cause = &info["details"]["innerException"][0];
        assert_eq!(cause["typeName"], json!("Silent"), "{version}");
        assert!(cause["message"].as_str().unwrap().contains("gone"), "{version}: {cause}");
        let traceback = info["details"]["stackTrace"].as_str().unwrap();
        assert!(traceback.contains("in fail\n    raise error from cause"), "{version}: {traceback}");
        assert!(traceback.contains("\na note\n"), "{version}: {traceback}");
        debuggee.go("continue", stop.thread);
        let ended = debuggee.end();
        assert_eq!((ended.status.code(), ended.output.as_str()), (Some(3), "[]"), "{version}: {}", ended.errors);
    }
}

/// What is said of an exception of the interpreter's own is what the interpreter prints, but for the marks below lines.
#[test]
fn the_traceback_is_the_one_that_python_prints() {
    const BEGIN: &str = "\
import os, sys, traceback
def hook(kind, value, tb):
    print(''.join(traceback.format_exception(value)), flush=True)
sys.excepthook = hook
";
    for python in pythons() {
        let version = &python.version;
        for program in [
            "def f(x):\n    return 1 / x\ndef g():\n    try:\n        f(0)\n    except ZeroDivisionError as error:\n        raise ValueError('no', 3) from error\ng()\n",
            "try:\n    {}['key']\nexcept KeyError:\n    raise LookupError()\n",
            "try:\n    {}['key']\nexcept KeyError:\n    raise LookupError('x') from None\n",
            "{}['a\\nb']\n",
            "open('/nowhere/at/all')\n",
            "os.rename('/nowhere/a', '/nowhere/b')\n",
            "raise OSError(5, 'broken')\n",
            "raise OSError('only words')\n",
            "import nothing_like_this\n",
            "b'\\xff'.decode()\n",
            "'\\ud800'.encode()\n",
            "error = ValueError('with notes')\nerror.add_note('one')\nerror.add_note('two\\nlines')\nraise error\n",
            "def down(n):\n    return down(n + 1)\ndown(0)\n",
            "def down(n):\n    return down(n - 1) if n else 1 / n\ndown(4)\n",
            "def down(n):\n    return down(n - 1) if n else 1 / n\ndown(3)\n",
            "eval('1 / 0')\n",
            "class Own(Exception):\n    pass\nraise Own('mine')\n",
            "class Own(Exception):\n    class Inner(Exception):\n        pass\nraise Own.Inner([1, 2])\n",
            "raise ValueError\n",
            "raise AssertionError(('a', None))\n",
        ] {
            let source = format!("{BEGIN}{program}");
            let mut debuggee = Debuggee::launch(&python, &source, Launch::default());
            let stop = debuggee.stopped();
            let info = debuggee.request("exceptionInfo", json!({"threadId": stop.thread}));
            let ours = info["details"]["stackTrace"].as_str().unwrap().trim_end().to_owned();
            debuggee.go("continue", stop.thread);
            let printed = debuggee.end().output;
            let is_mark = |line: &&str| !line.trim().is_empty() && line.trim().chars().all(|it| "^~".contains(it));
            let theirs: Vec<&str> = printed.trim_end().lines().filter(|it| !is_mark(it)).collect();
            assert_eq!(ours, theirs.join("\n"), "{version}: {program}");
            let last = ours.lines().find(|it| stop.body["text"].as_str().unwrap().starts_with(it));
            assert!(last.is_some(), "{version}: {} {ours}", stop.body["text"]);
        }
    }
}

#[test]
fn a_group_of_exceptions_is_told_with_its_members() {
    const GROUP: &str = "\
def fail(n):
    raise ValueError(n)
errors = []
for n in range(3):
    try:
        fail(n)
    except ValueError as error:
        errors.append(error)
raise ExceptionGroup('several', errors + [ExceptionGroup('inner', [KeyError('k')])])
";
    for python in pythons() {
        let version = &python.version;
        let mut debuggee = Debuggee::launch(&python, GROUP, Launch::default());
        let stop = debuggee.stopped();
        assert_eq!(stop.body["text"], json!("ExceptionGroup: several (4 sub-exceptions)"), "{version}");
        let info = debuggee.request("exceptionInfo", json!({"threadId": stop.thread}));
        let traceback = info["details"]["stackTrace"].as_str().unwrap();
        for part in [
            "  | ValueError: 2\n",
            "  | ExceptionGroup: inner (1 sub-exception)\n",
            "  |   | KeyError: 'k'\n",
            "in fail",
        ] {
            assert!(traceback.contains(part), "{version}: {traceback}");
        }
    }
}

#[test]
fn python_2_code_is_named_as_such() {
    for python in pythons() {
        let version = &python.version;
        // From 3.14 on this one is no error of syntax any more.
        let parenthesized = ["3.11", "3.12", "3.13"].iter().any(|it| version.starts_with(it));
        let programs = [
            "print \"x\"\n",
            "if True:\n    print 'a' % 1, 'b'\n",
            "exec \"x\"\n",
            "x = `1`\n",
            "raise A, \"x\"\n",
            "x = 1 <> 2\n",
            "x = 0777\n",
            "x = ur\"a\"\n",
            "x = 10L\n",
            "def f(a, (b, c)):\n    pass\n",
            "try:\n    pass\nexcept A, e:\n    pass\n",
        ];
        for program in programs.iter().filter(|it| parenthesized || !it.contains("except")) {
            let mut debuggee = Debuggee::launch(&python, program, Launch::default());
            let stop = debuggee.event("stopped");
            let hint = "this looks like Python 2 code; IKPdb debugs CPython 3.11 and newer";
            for part in ["text", "description"] {
                assert!(stop[part].as_str().unwrap().contains(hint), "{version} {program}: {stop}");
            }
            let info = debuggee.request("exceptionInfo", json!({"threadId": stop["threadId"]}));
            assert!(info["description"].as_str().unwrap().contains(hint), "{version} {program}: {info}");
        }
        for program in ["x = = 1\n", "x = (1\n", "  x = 1\n", "def f(:\n    pass\n"] {
            let mut debuggee = Debuggee::launch(&python, program, Launch::default());
            let stop = debuggee.event("stopped");
            assert!(!stop.to_string().contains("Python 2"), "{version} {program}: {stop}");
            assert_eq!(stop["description"], json!("The file could not be compiled"), "{version}");
        }
    }
}

#[test]
fn the_end_by_sys_exit_is_no_exception() {
    for python in pythons() {
        for (text, code) in
            [("import sys\nsys.exit(7)\n", 7), ("raise SystemExit('bye')\n", 1), ("import os\nos._exit(9)\n", 9)]
        {
            let ended = Debuggee::launch(&python, text, Launch::default()).end();
            assert_eq!(ended.status.code(), Some(code), "{}", python.version);
        }
    }
}

#[test]
fn a_syntax_error_is_shown() {
    for python in pythons() {
        let mut debuggee =
            Debuggee::launch(&python, "x = 1\nprint 'hello'\n", Launch { stop_on_entry: true, ..Launch::default() });
        let stop = debuggee.event("stopped");
        assert_eq!(stop["reason"], json!("exception"), "{}", python.version);
        assert!(stop["text"].as_str().unwrap().starts_with("SyntaxError"), "{stop}");
        let stack = debuggee.request("stackTrace", json!({"threadId": stop["threadId"]}));
        let top = &stack["stackFrames"][0];
        assert_eq!(top["line"], json!(2), "{stack}");
        assert_eq!(top["source"]["path"], json!(debuggee.script.to_str().unwrap()), "{stack}");
        debuggee.go("continue", stop["threadId"].as_i64().unwrap());
        let ended = debuggee.end();
        assert_eq!(ended.status.code(), Some(1));
        assert_eq!(ended.errors.matches("SyntaxError").count(), 1, "{}", ended.errors);
    }
}
