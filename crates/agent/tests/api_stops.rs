//! The package `ikpdb` in a program that is debugged: how the program stops itself.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use serde_json::{Value, json};
use support::ikpdb::{Program, Setup};
use support::{Debuggee, Launch, pythons};

#[test]
fn a_program_stops_itself_and_its_caller_or_a_frame_of_its_choice_is_shown() {
    let source = "\
import sys
import ikpdb
def inner():
    got = [ikpdb.set_trace()]  # BP:set
    got.append(ikpdb.set_trace(sys._getframe(1)))  # BP:other
    return got  # BP:after
def outer():
    return inner()  # BP:outer
print(outer())
try:
    ikpdb.set_trace(5)
except TypeError as error:
    print(error)
";
    for python in pythons() {
        let (program, mut client) = Program::run(&python, source, &Setup::default());
        let stop = client.stopped();
        assert_eq!(stop.functions(), ["inner", "outer", "<module>"], "{}", python.version);
        assert_eq!((stop.line(), &stop.0["exception"]), (program.line("set"), &json!(null)));
        // What runs in the package is stepped over, and nothing of it is shown.
        let stop = client.go_and_stop("stepInto");
        assert_eq!((stop.line(), stop.functions()[0]), (program.line("other"), "inner"), "{}", python.version);
        let stop = client.go_and_stop("stepInto");
        assert_eq!((stop.line(), stop.functions()), (program.line("outer"), vec!["outer", "<module>"]));
        assert_eq!(client.go_to_end(), json!(null));
        assert_eq!(program.end().seen(), (Some(0), "[None, None]\na frame is needed", ""));
    }
}

#[test]
fn nothing_of_the_package_is_shown_by_steps_suspensions_and_stops_inside_of_its_calls() {
    let source = "\
import sys
import ikpdb
debugger = ikpdb.ikpdb
def deep():
    return 1  # BP:deep
ikpdb.set_trace()
here = 1  # BP:here
debugger.get_threads()  # BP:call
debugger.setup_suspend()
value = 2  # BP:suspended
got = debugger.evaluate(None, 'deep()')
print(got)
import ikpdb.connection  # BP:import
done = 3  # BP:done
";
    for python in pythons() {
        let (program, mut client) = Program::run(&python, source, &Setup::default());
        let at = |marker: &str| program.line(marker);
        client.stopped();
        let name = program.script.to_str().unwrap();
        client.result("setBreakpoint", &json!({"file_name": name, "line_number": at("deep")}));
        client.result("setBreakpoint", &json!({"file_name": name, "line_number": at("import")}));
        for marker in ["here", "call"] {
            assert_eq!(client.go_and_stop("stepInto").line(), at(marker), "{}", python.version);
        }
        assert_eq!(client.go_and_stop("stepInto").line(), at("call") + 1, "{}", python.version);
        let stop = client.go_and_stop("resume");
        assert_eq!((stop.line(), stop.functions()), (at("suspended"), vec!["<module>"]), "{}", python.version);
        let stop = client.go_and_stop("resume");
        assert_eq!(stop.functions(), ["deep", "<module>", "<module>"], "{}", python.version);
        assert_eq!(stop.frames()[1]["file_path"], "<string>");
        assert_eq!(client.go_and_stop("resume").line(), at("import"), "{}", python.version);
        // The module is one of the package, but what it imports is the library's.
        let mut stop = client.go_and_stop("stepInto");
        while stop.line() != at("done") || stop.top()["file_path"] != "app.py" {
            let of_package = |it: &Value| it["file_path"].as_str().unwrap().contains("/ikpdb/");
            assert!(!stop.frames().iter().any(of_package), "{}: {:?}", python.version, stop.functions());
            stop = client.go_and_stop("stepOut");
        }
        client.go_to_end();
        assert_eq!(program.end().seen(), (Some(0), "('1', 'int')", ""));
    }
}

#[test]
fn what_an_exception_has_left_is_shown_by_the_exception_its_traceback_or_that_alone() {
    let source = "\
import sys
import ikpdb
def fail(n):
    return 1 // n  # BP:raised
def catch():
    got = []
    try:
        fail(0)
    except ZeroDivisionError as caught:
        error = caught
        got.append(ikpdb.post_mortem(exc_info=sys.exc_info()))
        got.append(ikpdb.post_mortem(sys.exc_info()[2]))
        got.append(ikpdb.post_mortem(sys.exc_info()[2].tb_next))
    try:
        raise KeyError('another')
    except KeyError as other:
        got.append(ikpdb.post_mortem(error.__traceback__))
        got.append(ikpdb.post_mortem(error.__traceback__, (KeyError, other, other.__traceback__)))
        got.append(ikpdb.post_mortem(exc_info=(ValueError, ValueError('new'), None)))  # BP:new
    return got + [ikpdb.post_mortem(), ikpdb.post_mortem(exc_info=(None, None, None))]
print(catch())
for wrong in [(5, None), (None, (int, 5, None))]:
    try:
        ikpdb.post_mortem(*wrong)
    except TypeError as error:
        print(error)
";
    let division = json!({"type": "ZeroDivisionError", "info": "division by zero"});
    for python in pythons() {
        let version = &python.version;
        let (program, mut client) = Program::run(&python, source, &Setup::default());
        let raised = vec!["fail", "catch", "<module>"];
        let mut stop = client.stopped();
        for how in ["exc_info", "traceback", "a part of the traceback"] {
            let info = stop.0["exception"]["info"].as_str().unwrap().to_owned();
            // 3.14 says it shorter.
            assert!(info.ends_with("by zero"), "{info}");
            assert_eq!(stop.0["exception"]["type"], division["type"], "{version} {how}");
            assert_eq!((stop.functions(), stop.line()), (raised.clone(), program.line("raised")), "{version} {how}");
            stop = client.go_and_stop("resume");
        }
        assert_eq!(stop.0["exception"], json!(null), "{version}");
        assert_eq!((stop.functions(), stop.line()), (raised.clone(), program.line("raised")), "{version}");
        let stop = client.go_and_stop("resume");
        assert_eq!(stop.0["exception"], json!({"type": "KeyError", "info": "'another'"}), "{version}");
        assert_eq!(stop.functions(), ["catch", "<module>"], "{version}");
        let stop = client.go_and_stop("resume");
        assert_eq!(stop.0["exception"], json!({"type": "ValueError", "info": "new"}), "{version}");
        assert_eq!((stop.functions(), stop.line()), (vec!["catch", "<module>"], program.line("new")), "{version}");
        assert_eq!(client.go_to_end(), json!(null));
        let missing = "'missing parameter trace_back or exc_info'";
        let printed = format!(
            "[{}{missing}, {missing}]\na traceback is needed, not 5\n\
             exc_info needs an exception in its middle, not 5",
            "None, ".repeat(6)
        );
        assert_eq!(program.end().seen(), (Some(0), printed.as_str(), ""), "{version}");
    }
}

#[test]
fn steps_and_suspensions_that_the_program_sets_up_stop_it_and_can_be_taken_back() {
    let source = "\
import sys
import ikpdb
debugger = ikpdb.ikpdb
def callee():
    return 1  # BP:callee
def run():
    frame = sys._getframe()
    debugger.setup_step_over(frame)
    callee()  # BP:over
    debugger.setup_step_into(frame); callee()
    debugger.setup_step_into(frame, pure=True)
    nothing = 2
    callee()
    debugger.setup_step_into(frame, pure=True)
    debugger.setup_resume()
    callee()
    debugger.setup_step_out(frame)
    return nothing
run()
here = 1  # BP:out
frame = sys._getframe()
debugger.setup_suspend()
here = 2  # BP:suspended
debugger.setup_step_over(frame); print(debugger.should_stop_here(frame), debugger.disable_tracing())
print(debugger.should_stop_here(frame), debugger.disable_tracing(), debugger.enable_tracing())
debugger.setup_suspend(); print(debugger.should_stop_here(frame)); debugger.reset()
print(debugger.should_stop_here(frame), debugger.command_loop())
def inner():
    frame = sys._getframe()
    outer = frame.f_back
    for step, name in [
        (debugger.setup_step_over, 'over'), (debugger.setup_step_into, 'into'), (debugger.setup_step_out, 'out'),
        (lambda it: debugger.setup_step_into(it, True), 'call'),
    ]:
        step(outer); print(name, debugger.should_stop_here(frame), debugger.should_stop_here(outer), end=';'); debugger.setup_resume()
inner()
def calls_nothing():
    debugger.setup_step_into(sys._getframe(), pure=True)
calls_nothing()
callee()
";
    for python in pythons() {
        let version = &python.version;
        let (program, mut client) = Program::run(&python, source, &Setup::default());
        for (marker, function) in [
            ("over", "run"),
            ("callee", "callee"),
            ("callee", "callee"),
            ("out", "<module>"),
            ("suspended", "<module>"),
        ] {
            let stop = client.stopped();
            assert_eq!((stop.line(), stop.functions()[0]), (program.line(marker), function), "{version} {marker}");
            client.result("resume", &json!({}));
        }
        assert_eq!(client.event("programEnd")["result"]["exit_code"], json!(null));
        let printed = "True True\nFalse False False\nTrue\nFalse None\n\
            over False True;into True True;out False False;call True False;";
        assert_eq!(program.end().seen(), (Some(0), printed, ""), "{version}");
    }
}

#[test]
fn a_breakpoint_stops_in_what_the_program_evaluates_unless_it_is_told_not_to() {
    let source = "\
import ikpdb
debugger = ikpdb.ikpdb
class Shown:
    def __repr__(self):
        return 'shown'  # BP:repr
def work():
    return Shown()  # BP:work
def start():
    for quietly in [True, False]:
        print(debugger.evaluate(None, 'work()', False, quietly), debugger.let_variable(None, 'x', 'work()'))
ikpdb.set_trace()
start()
";
    for python in pythons() {
        let version = &python.version;
        let (program, mut client) = Program::run(&python, source, &Setup::default());
        client.stopped();
        for marker in ["repr", "work"] {
            client.result("setBreakpoint", &json!({"file_name": "app.py", "line_number": program.line(marker)}));
        }
        let stop = client.go_and_stop("resume");
        assert_eq!(stop.functions(), ["work", "<module>", "start", "<module>"], "{version}");
        assert_eq!(program.printed(), "('shown', '__main__.Shown') ", "{version}");
        let stop = client.go_and_stop("resume");
        assert_eq!(stop.functions(), ["__repr__", "start", "<module>"], "{version}");
        client.go_to_end();
        assert_eq!(program.end().seen(), (Some(0), "('shown', '__main__.Shown') ", ""), "{version}");
    }
}

#[test]
fn the_debugger_is_there_once_and_not_in_a_forked_child() {
    let source = "\
import os, sys
import ikpdb
print(type(ikpdb.ikpdb), ikpdb.ikpdb is ikpdb.ikpdb, flush=True)
if os.fork() == 0:
    print(ikpdb.ikpdb, ikpdb.set_trace(), flush=True)
    try:
        ikpdb.IKBreakpoint(__file__, 1)
    except RuntimeError as error:
        print(error, flush=True)
    os._exit(0)
os.wait()
";
    for python in pythons() {
        let (program, mut client) = Program::run(&python, source, &Setup::default());
        assert_eq!(client.event("programEnd")["result"]["exit_code"], json!(null));
        let printed = "<class 'ikpdb.debugger.IKPdb'> True\n\
            None Error: IKPdb must be launched before calling ikpd.set_trace().\n\
            IKPdb is not launched: start the program by `python -m ikpdb`";
        assert_eq!(program.end().seen(), (Some(0), printed, ""), "{}", python.version);
    }
}

#[test]
fn the_program_ends_while_a_daemon_thread_is_in_the_package() {
    let source = "\
import threading, time
import ikpdb
begun = threading.Event()
class Slow:
    # While it dies the interpreter ends, and the thread comes to know.
    def __del__(self, sleep=time.sleep):
        sleep(0.2)
slow = Slow()
def work(evaluate=ikpdb.ikpdb.evaluate):
    begun.set()
    while True:
        evaluate(None, 'sum(range(1000))')
threading.Thread(target=work, daemon=True).start()
begun.wait()
";
    for python in pythons() {
        let (program, mut client) = Program::run(&python, source, &Setup::default());
        assert_eq!(client.event("programEnd")["result"]["exit_code"], json!(null));
        assert_eq!(program.end().seen(), (Some(0), "", ""), "{}", python.version);
    }
}

#[test]
fn a_program_that_the_hub_debugs_stops_itself_all_the_same() {
    let source = "\
import sys
import ikpdb
def work():
    ikpdb.set_trace()  # BP:set
    try:
        1 // 0  # BP:raised
    except ZeroDivisionError:
        ikpdb.post_mortem(exc_info=sys.exc_info())
work()
print(ikpdb.ikpdb)
ikpdb.IKBreakpoint('app.py', 1)  # BP:refused
";
    let root = ikpdb_testkit::root();
    for python in pythons() {
        let version = &python.version;
        let env =
            [("PYTHONPATH", root.join("python")), ("PYTHONPYCACHEPREFIX", ikpdb_testkit::target().join("pycache"))];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_str().unwrap().to_owned())).to_vec();
        let mut debuggee = Debuggee::launch(&python, source, Launch { env, ..Launch::default() });
        let stop = debuggee.stopped();
        assert_eq!((stop.line(), stop.function()), (debuggee.line("set"), "work"), "{version}");
        let stop = debuggee.go_and_stop("continue", stop.thread);
        assert_eq!((stop.reason.as_str(), stop.line()), ("exception", debuggee.line("raised")), "{version}");
        // What the package raises is shown where that was called.
        let stop = debuggee.go_and_stop("continue", stop.thread);
        assert_eq!((stop.reason.as_str(), stop.line()), ("exception", debuggee.line("refused")), "{version}");
        assert_eq!(stop.frames.len(), 1, "{version}");
        debuggee.go("continue", stop.thread);
        let ended = debuggee.end();
        assert_eq!((ended.status.code(), ended.output.as_str()), (Some(1), "None"), "{version}");
        assert!(ended.errors.contains("RuntimeError: IKPdb is not launched"), "{version} {}", ended.errors);
    }
}
