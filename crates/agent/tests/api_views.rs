//! The package `ikpdb` in a program that is debugged: what its classes show is what a client sees, and what they change it sees, too.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use ikpdb_testkit::ikpdb_client::{Break, IkpdbClient};
use serde_json::{Value, json};
use support::ikpdb::{Program, Setup};
use support::pythons;

/// What the programs begin with: `stop` shows its caller, the frame `shown`; `lines` are those with markers; `leave` leaves a value in a
/// file, which a client would get cut or with quotes.
const PRELUDE: &str = "\
import json, sys
import ikpdb
from ikpdb import IKBreakpoint
debugger = ikpdb.ikpdb
with open(__file__) as source:
    lines = {line.split('# BP:')[1].strip(): at for at, line in enumerate(source, 1) if '# BP:' in line}
def stop():
    global shown
    shown = sys._getframe(1)
    ikpdb.set_trace(shown)
def leave(value):
    with open(__file__ + '.left', 'w') as left:
        json.dump(value, left)
";

fn start(python: &ikpdb_testkit::Python, source: &str, setup: &Setup) -> (Program, IkpdbClient, Break) {
    let (program, mut client) = Program::run(python, &format!("{PRELUDE}{source}"), setup);
    let stop = client.stopped();
    (program, client, stop)
}

/// What an expression of the program's is, by JSON.
#[track_caller]
fn seen(client: &mut IkpdbClient, stop: &Break, expression: &str) -> Value {
    let answer = client.evaluate(&format!("leave({expression})"), stop.top());
    assert_eq!(answer, "None", "{expression}");
    let script = client.evaluate("__file__", stop.top());
    serde_json::from_str(&std::fs::read_to_string(format!("{}.left", script.trim_matches('\''))).unwrap()).unwrap()
}

#[test]
fn breakpoints_set_on_either_side_are_the_same_on_the_other() {
    let source = "\
def work(n):
    total = n  # BP:first
    total += 1  # BP:second
    return total  # BP:third
print(debugger.set_breakpoint(__file__, lines['first']))
print(debugger.set_breakpoint(__file__, 999), debugger.set_breakpoint('none.py', 1))
mine = IKBreakpoint(__file__, lines['second'], condition='n == 2')
print(mine.number, mine.condition, mine.enabled, IKBreakpoint.next_breakpoint_number)
for n in [1, 2]:
    work(n)
";
    for python in pythons() {
        let version = &python.version;
        let (program, mut client, stop) = start(&python, source, &Setup::default());
        let at = |marker: &str| program.line(marker);
        let script = program.script.to_str().unwrap();
        let view = "IKBreakpoint.get_breakpoints_list()";
        let row = |number: u32, marker: &str, condition: Value, enabled: bool| {
            json!({"breakpoint_number": number, "file_name": script, "line_number": at(marker), "condition": condition,
                "enabled": enabled})
        };
        assert_eq!(program.printed(), "(None, 0)");
        let none = stop_folder(script, "none.py");
        assert_eq!(
            program.printed(),
            format!("('Line {script}:999 does not exist.', None) ('Line {none}:1 does not exist.', None)")
        );
        assert_eq!(program.printed(), "1 n == 2 True 2");
        assert_eq!(stop.line(), at("first"), "{version}");
        let rows = json!([row(0, "first", json!(""), true), row(1, "second", json!("n == 2"), true)]);
        assert_eq!((client.result("getBreakpoints", &json!({})), seen(&mut client, &stop, view)), (rows.clone(), rows));

        client.result("setBreakpoint", &json!({"file_name": "app.py", "line_number": at("third"), "enabled": false}));
        client.result("changeBreakpointState", &json!({"breakpoint_number": 1, "enabled": false, "condition": null}));
        client.result("clearBreakpoint", &json!({"breakpoint_number": 0}));
        let rows = json!([row(1, "second", json!(null), false), row(2, "third", json!(null), false)]);
        assert_eq!((client.result("getBreakpoints", &json!({})), seen(&mut client, &stop, view)), (rows.clone(), rows));
        for (expression, value) in [
            ("[mine.number, mine.file_name, mine.line_number]", json!([1, script, at("second")])),
            ("[mine.condition, mine.enabled, mine.any_active_breakpoint]", json!([null, false, false])),
            ("[it and it.number for it in IKBreakpoint.breakpoints_by_number]", json!([null, 1, 2])),
            ("IKBreakpoint.breakpoints_by_number[1] == mine", json!(true)),
            (
                "[[*key, it.number] for key, it in IKBreakpoint.breakpoints_by_file_and_line.items()]",
                json!([[script, at("second"), 1], [script, at("third"), 2]]),
            ),
            ("IKBreakpoint.breakpoints_files", json!({script: [at("second"), at("third")]})),
            ("IKBreakpoint.update_active_breakpoint_flag()", json!(false)),
            ("debugger.clear_breakpoint(0)", json!("Found no breakpoint numbered: 0")),
            ("debugger.clear_breakpoint(99)", json!("Found no breakpoint numbered 99")),
            ("debugger.change_breakpoint_state(0, True)", json!("Found no breakpoint numbered 0")),
            ("debugger.change_breakpoint_state(-1, True)", json!("Found no breakpoint numbered: -1")),
            ("debugger.change_breakpoint_state(2, True, 'n == 2')", json!(null)),
        ] {
            assert_eq!(seen(&mut client, &stop, expression), value, "{version} {expression}");
        }
        for text in [
            "mine.enabled = True",
            "mine.condition = 'n > 1'",
            "kept = IKBreakpoint.backup_breakpoints_state()",
            "IKBreakpoint.disable_all_breakpoints()",
        ] {
            assert_eq!(client.evaluate(text, stop.top()), "None", "{version} {text}");
        }
        let rows = json!([row(1, "second", json!("n > 1"), false), row(2, "third", json!("n == 2"), false)]);
        assert_eq!(client.result("getBreakpoints", &json!({})), rows, "{version}");
        client.evaluate("IKBreakpoint.restore_breakpoints_state(kept)", stop.top());
        let rows = json!([row(1, "second", json!("n > 1"), true), row(2, "third", json!("n == 2"), true)]);
        assert_eq!(client.result("getBreakpoints", &json!({})), rows, "{version}");

        let stop = client.go_and_stop("resume");
        assert_eq!((stop.line(), client.evaluate("n", stop.top())), (at("second"), "2".to_owned()), "{version}");
        client.evaluate("mine.clear()", stop.top());
        assert_eq!(client.result("getBreakpoints", &json!({}))[0]["breakpoint_number"], 2);
        assert_eq!(seen(&mut client, &stop, "[mine.condition, repr(mine)]")[0], "n > 1");
        let refused = client.evaluate("mine.enabled = True", stop.top());
        assert_eq!(refused, "ValueError: the breakpoint numbered 1 was cleared", "{version}");
        assert_eq!(client.go_and_stop("resume").line(), at("third"), "{version}");
        client.go_to_end();
        assert_eq!(program.end().seen(), (Some(0), "", ""), "{version}");
    }
}

fn stop_folder(script: &str, name: &str) -> String {
    std::path::Path::new(script).with_file_name(name).to_str().unwrap().to_owned()
}

#[test]
fn the_breakpoint_that_stops_a_frame_is_found_by_its_condition() {
    let source = "\
def work(n):
    frame = sys._getframe()
    return [  # BP:first
        it and it.number for it in [
            IKBreakpoint.lookup_effective_breakpoint(__file__, lines[name], frame) for name in ['first', 'second']
        ]
    ] + [debugger.should_break_here(frame)]  # BP:second
stop()
for place, condition, enabled in [('first', 'n == 2', True), ('second', None, False), ('second', 'oops', True), ('second', ' ', True)]:
    IKBreakpoint(__file__, lines[place], condition, enabled)
debugger.change_breakpoint_state(0, True, 'n == 2 and n < 0')
print(work(1), work(2))
debugger.change_breakpoint_state(0, True, 'n == 2 and frame is not None')
IKBreakpoint.breakpoints_by_number[3].clear()
print(debugger.evaluate(None, 'work(2)', False, True))
";
    for python in pythons() {
        let (program, mut client, _) = start(&python, source, &Setup::default());
        client.result("resume", &json!({}));
        // The line of the call in the middle of which they are asked.
        for _ in 0..2 {
            let stop = client.stopped();
            assert_eq!(stop.line(), program.line("second"), "{}", python.version);
            client.result("resume", &json!({}));
        }
        client.event("programEnd");
        let printed = "[None, 3, True] [None, 3, True]\n('[0, None, False]', 'list')";
        assert_eq!(program.end().seen(), (Some(0), printed, ""), "{}", python.version);
    }
}

#[test]
fn frames_and_threads_are_those_of_the_stop() {
    let source = "\
import threading
class Bear:
    def __init__(self):
        self.name, self.paws = 'Baloo', [1, 2]
def work(bear, long=range(1000)):
    text, numbers = 'x' * 1000, list(long)
    stop()  # BP:stop
    return text
ready, over = threading.Event(), threading.Event()
other = threading.Thread(target=lambda: (ready.set(), over.wait()), name='Other')
other.start()
ready.wait()
work(Bear())
over.set()
";
    for python in pythons() {
        let version = &python.version;
        let (program, mut client, stop) = start(&python, source, &Setup::default());
        assert_eq!(stop.functions(), ["work", "<module>"], "{version}");
        let frames = seen(&mut client, &stop, "debugger.dump_frames(shown)");
        assert_eq!(frames, stop.0["frames"], "{version}");
        assert_eq!(seen(&mut client, &stop, "debugger.get_threads()"), stop.0["threads"], "{version}");
        for name in ["bear", "numbers", "text"] {
            let told = stop.top()["f_locals"].as_array().unwrap().iter();
            let told = told.clone().find(|it| it["name"].as_str().unwrap().trim_end_matches('*') == name).unwrap();
            let inside = client.result("getProperties", &json!({"id": told["id"]}));
            let view = format!("debugger.extract_object_properties({name}, True)");
            assert_eq!(seen(&mut client, &stop, &view), inside["properties"], "{version} {name}");
            let view = format!("debugger.extract_name_value_type('{name}', {name}, True)");
            let described = seen(&mut client, &stop, &view);
            assert_eq!((&described[0], &described[1]), (&told["name"], &told["value"]), "{version} {name}");
            let count = seen(&mut client, &stop, &format!("debugger.object_properties_count({name})"));
            assert_eq!(count, told["children_count"], "{version} {name}");
        }
        for (expression, value) in [
            (
                "debugger.extract_name_value_type('text', text)",
                json!(["text", format!("'{}'", "x".repeat(1000)), "str [1000]"]),
            ),
            ("debugger.extract_name_value_type(3, [1])", json!(["3", "[1]", "list"])),
            ("len(debugger.extract_object_properties([text])[0]['value'])", json!(1002)),
            (
                "[ikpdb.IKPdbRepr(it) for it in [1, {}, bear, None, int]]",
                json!(["int", "dict", "__main__.Bear", "NoneType", "type"]),
            ),
            ("debugger.set_debugged_thread(12)", json!({"result": null, "error": "No thread with ident:12."})),
            ("debugger.set_debugged_thread(-1)", json!({"result": null, "error": "No thread with ident:-1."})),
            (
                "debugger.set_debugged_thread([it for it, one in debugger.get_threads().items() if one['is_debugger']][0])",
                json!({"result": null, "error": "Cannot debug IKPdb tracer (sadly...)."}),
            ),
        ] {
            assert_eq!(seen(&mut client, &stop, expression), value, "{version} {expression}");
        }
        let selected = seen(&mut client, &stop, "debugger.set_debugged_thread(other.ident)");
        assert_eq!(selected["result"], client.result("getThreads", &json!({})), "{version}");
        let debugged = |threads: &Value| {
            let rows = threads.as_object().unwrap().values();
            rows.filter(|it| it["debugged"] == true).map(|it| it["name"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(debugged(&selected["result"]), ["Other"], "{version}");
        let none = seen(&mut client, &stop, "debugger.set_debugged_thread()");
        assert_eq!((debugged(&none["result"]), &none["error"]), (Vec::new(), &json!("")), "{version}");
        client.go_to_end();
        assert_eq!(program.end().seen(), (Some(0), "", ""), "{version}");
    }
}

#[test]
fn expressions_and_assignments_give_what_they_give_a_client() {
    let source = "\
def work(a, b):
    inner = lambda: b
    mine = debugger.dump_frames(sys._getframe())[0]['id']
    print(debugger.let_variable(mine, 'a', '40'), a, debugger.evaluate(mine, 'a + b'))
    stop()
    return a
outside = [1]
work(1, 2)
";
    for python in pythons() {
        let version = &python.version;
        let (program, mut client, stop) = start(&python, source, &Setup::default());
        assert_eq!(program.printed(), " 40 ('42', 'int')", "{version}");
        let told = "told = debugger.dump_frames(shown)";
        client.evaluate(told, stop.top());
        assert_eq!(seen(&mut client, &stop, "[it['id'] for it in told][:1]"), json!([stop.top()["id"]]), "{version}");
        for expression in [
            "1+1",
            "a + b",
            "outside",
            "'x' * 600",
            "[a] * 300",
            "zzz",
            "1/0",
            "c = a",
            "c",
            "import os",
            "exit(3)",
            "raise SystemExit(3)",
            "raise KeyError",
            "x +",
            "[it + a for it in outside]",
            "",
            "'<a> & b'",
            "inner()",
        ] {
            for is_global in [false, true] {
                let args = json!({"expression": expression, "frame": stop.top()["id"], "global": is_global, "disableBreak": true});
                let told = client.result("evaluate", &args);
                let is_global = if is_global { "True" } else { "False" };
                let text = serde_json::to_string(expression).unwrap();
                let call = format!("debugger.evaluate({}, {text}, {is_global}, True)", stop.top()["id"]);
                let value = seen(&mut client, &stop, &call);
                assert_eq!(value, json!([told["value"], told["type"]]), "{version} {expression} {is_global}");
            }
        }
        for (name, value) in [("a", "5"), ("outside", "[a]"), ("new*", "1"), ("a", "zzz"), ("1", "2")] {
            let args = json!({"frame": stop.top()["id"], "name": name, "value": value});
            let told = client.attempt("setVariable", &args);
            let name = name.trim_end_matches('*');
            let call = format!("debugger.let_variable({}, '{name}*', '{value}')", stop.top()["id"]);
            let said = seen(&mut client, &stop, &call);
            let expected = match told {
                Ok(_) => String::new(),
                Err(why) => why.split_once("failed with error: ").unwrap().1.to_owned(),
            };
            assert_eq!(said, expected, "{version} {name}={value}");
        }
        assert_eq!(client.evaluate("a, outside", stop.top()), "(5, [5])", "{version}");
        for wrong in ["5", "id(outside)", "-1", "1 << 70", "True"] {
            let refused = client.evaluate(&format!("debugger.evaluate({wrong}, '1')"), stop.top());
            assert!(refused.starts_with("ValueError: there is no frame "), "{version} {refused}");
            let refused = seen(&mut client, &stop, &format!("debugger.let_variable({wrong}, 'a', '1')"));
            assert!(refused.as_str().unwrap().starts_with("there is no frame "), "{version} {refused}");
        }
        // Its identifier means nothing any more, whatever is at that address.
        let refused = client.evaluate("debugger.reset() or debugger.evaluate(told[0]['id'], '1')", stop.top());
        assert!(refused.starts_with("ValueError: there is no frame "), "{version} {refused}");
        for wrong in ["debugger.dump_frames(5)", "debugger.setup_step_over(None)", "debugger.should_stop_here('x')"] {
            let refused = client.evaluate(wrong, stop.top());
            assert_eq!(refused, "TypeError: a frame is needed", "{version} {wrong}");
        }
        client.evaluate("debugger.CGI_ESCAPE_EVALUATE_OUTPUT = True", stop.top());
        assert_eq!(client.evaluate("'<a> & b'", stop.top()), "'&lt;a&gt; &amp; b'", "{version}");
        let flag = seen(&mut client, &stop, "[debugger.CGI_ESCAPE_EVALUATE_OUTPUT, debugger.evaluate(0, '\"<\"')[0]]");
        assert_eq!(flag, json!([true, "'&lt;'"]), "{version}");
        client.go_to_end();
        assert_eq!(program.end().seen(), (Some(0), "", ""), "{version}");
    }
}

#[test]
fn files_are_called_as_the_door_or_a_view_calls_them() {
    let source = "\
stop()
mine = ikpdb.IKPdb(working_directory=sys.argv[1], client_working_directory='/there')
for it in debugger, mine:
    inside = debugger.normalize_path_in('pkg/mod.py')
    print(it.normalize_path_out(__file__), it.normalize_path_out(inside), it.normalize_path_out('<string>'))
    print([it.normalize_path_in(name) for name in ['app.py', '/workspace/app.py', '/there/mod.py', 'nosuch.py']])
print(debugger.canonic('pkg/../app.py'), debugger.canonic('<string>'))
";
    for python in pythons() {
        let setup = Setup {
            client_working_directory: "/workspace".to_owned(),
            files: vec![("pkg/mod.py".to_owned(), String::new())],
            args: vec!["pkg".to_owned()],
            ..Setup::default()
        };
        let (program, mut client, stop) = start(&python, source, &setup);
        assert_eq!(stop.top()["file_path"], "/workspace/app.py", "{}", python.version);
        client.go_to_end();
        let script = program.script.to_str().unwrap().to_owned();
        let inside = stop_folder(&script, "pkg/mod.py");
        let printed = format!(
            "/workspace/app.py /workspace/pkg/mod.py <string>\n['{script}', '{script}', None, None]\n\
             {script} /there/mod.py <string>\n['{script}', None, '{inside}', None]\n{script} <string>"
        );
        assert_eq!(program.end().seen(), (Some(0), printed.as_str(), ""), "{}", python.version);
    }
}

#[test]
fn the_package_and_the_debugger_write_one_log() {
    let source = "\
ikpdb._logger.x_debug('%s of %s', 1, 2)
ikpdb._logger.b_debug('not this %s', 1)
ikpdb._logger.b_info('100 % sure')
debugger.dump_tracing_state('here')
ikpdb.IKPdbLogger.setup('B')
ikpdb._logger.b_debug('now %d', 'wrong')
ikpdb._logger.x_debug('no more')
stop()
";
    for python in pythons() {
        let setup = Setup { log: "x".to_owned(), ..Setup::default() };
        let (program, mut client, _) = start(&python, source, &setup);
        for (text, letter, level) in [
            ("1 of 2", "x", "DEBUG"),
            ("100 % sure", "b", "INFO"),
            ("here: {'", "x", "DEBUG"),
            ("now %d ('wrong',)", "b", "DEBUG"),
        ] {
            let line = program.logged(text);
            assert!(line.contains(&format!("[IKPdb-{letter}]")) && line.contains(level), "{} {line}", python.version);
        }
        client.result("setBreakpoint", &json!({"file_name": "app.py", "line_number": 1}));
        program.logged("Breakpoint 0 at ");
        client.go_to_end();
        assert_eq!(program.end().seen(), (Some(0), "", ""), "{}", python.version);
    }
}
