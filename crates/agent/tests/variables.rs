//! Variables on every interpreter: what is shown, in which pages, what can be set, and that nothing of the program's runs.

mod support;

use serde_json::{Value, json};
use support::{Debuggee, Launch, pythons};

const HOSTILE: &str = include_str!("../../../tests/debuggees/variables_hostile.py");
const SCOPES: &str = include_str!("../../../tests/debuggees/variables_scopes.py");
const VALUES: &str = include_str!("../../../tests/debuggees/variables_values.py");

/// With these CPython checks its memory and its own rules.
fn checked(launch: Launch) -> Launch {
    let env = [("PYTHONMALLOC", "debug"), ("PYTHONDEVMODE", "1")];
    Launch { env: env.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(), ..launch }
}

fn scopes(debuggee: &mut Debuggee, frame: &Value) -> Vec<Value> {
    list(&debuggee.request("scopes", json!({"frameId": frame["id"]}))["scopes"])
}

fn scope(debuggee: &mut Debuggee, frame: &Value, name: &str) -> Value {
    let scopes = scopes(debuggee, frame);
    scopes.iter().find(|it| it["name"] == name).unwrap_or_else(|| panic!("no scope {name} in {scopes:?}")).clone()
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().unwrap().clone()
}

fn children(debuggee: &mut Debuggee, parent: &Value) -> Vec<Value> {
    page(debuggee, parent, json!({}))
}

fn page(debuggee: &mut Debuggee, parent: &Value, mut arguments: Value) -> Vec<Value> {
    arguments["variablesReference"] = parent["variablesReference"].clone();
    list(&debuggee.request("variables", arguments)["variables"])
}

#[track_caller]
fn child(debuggee: &mut Debuggee, parent: &Value, name: &str) -> Value {
    let children = children(debuggee, parent);
    let names = names(&children);
    children.into_iter().find(|it| it["name"] == name).unwrap_or_else(|| panic!("no {name} among {names:?}"))
}

fn names(variables: &[Value]) -> Vec<String> {
    variables.iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect()
}

fn is_lazy(variable: &Value) -> bool {
    variable["presentationHint"]["lazy"] == true
}

#[track_caller]
fn shown(debuggee: &mut Debuggee, expression: &str, frame: &Value) -> Value {
    debuggee.request("evaluate", json!({"expression": expression, "frameId": frame["id"], "context": "watch"}))
}

fn set(debuggee: &mut Debuggee, parent: &Value, name: &str, value: &str) -> Result<Value, String> {
    let arguments = json!({"variablesReference": parent["variablesReference"], "name": name, "value": value});
    debuggee.try_request("setVariable", arguments)
}

/// Expands everything below `parent`, so deep, but what only the program's code could tell; answers how much it was.
fn expand(debuggee: &mut Debuggee, parent: &Value, depth: u32) -> usize {
    let children = children(debuggee, parent);
    let mut count = children.len();
    for child in children {
        if depth > 0 && child["variablesReference"] != 0 && !is_lazy(&child) && child["name"] != "__builtins__" {
            count += expand(debuggee, &child, depth - 1);
        }
    }
    count
}

#[test]
fn i16_looking_at_hostile_objects_runs_none_of_their_code() {
    for python in pythons() {
        let version = &python.version;
        let mut debuggee = Debuggee::launch(&python, HOSTILE, checked(Launch::at("hostile")));
        let stop = debuggee.stopped();
        let globals = scope(&mut debuggee, stop.top(), "Globals");
        let before = child(&mut debuggee, &globals, "CALLS")["value"].clone();
        let mut count = 0;
        for scope in scopes(&mut debuggee, stop.top()) {
            count += expand(&mut debuggee, &scope, 3);
        }
        assert!(count > 2000, "{version}: {count}");
        assert_eq!(child(&mut debuggee, &globals, "CALLS")["value"], before, "{version}");
        assert!(!before.as_str().unwrap().contains("__getattr__"), "{version}: {before}");
        debuggee.go("continue", stop.thread);
        let ended = debuggee.end();
        assert!(ended.status.success(), "{version}: {}", ended.errors);
    }
}

#[test]
fn the_hostile_objects_would_have_been_heard() {
    for python in pythons() {
        let mut debuggee = Debuggee::launch(&python, HOSTILE, Launch::at("hostile"));
        let stop = debuggee.stopped();
        let _ = debuggee.try_request(
            "evaluate",
            json!({"expression": "str(plain)", "frameId": stop.top()["id"], "context": "watch"}),
        );
        let globals = scope(&mut debuggee, stop.top(), "Globals");
        let calls = child(&mut debuggee, &globals, "CALLS")["value"].clone();
        assert!(calls.as_str().unwrap().contains("'__str__'"), "{}: {calls}", python.version);
    }
}

#[test]
fn builtin_values_are_shown_as_python_shows_them() {
    let expressions = [
        "None",
        "True",
        "0",
        "-5",
        "10**30",
        "-10**999",
        "1.0",
        "1e100",
        "1e16",
        "123456789.125",
        "5e-324",
        "-0.0",
        "float('nan')",
        "float('-inf')",
        "1+2j",
        "2j",
        "-0j",
        "complex(-0.0, 1)",
        "complex(1, float('nan'))",
        "'abc'",
        "\"it's\"",
        "'a\"\\'b'",
        "'\\n\\t\\r\\x00\\x7f\\x85\\xa0é\\u202e\\ud800\\u0301\\U0001f600\\U000e0001'",
        "''",
        "b'ab\\x00\\xff\\'\\n'",
        "bytearray(b'x')",
        "[]",
        "[1, 'a']",
        "()",
        "(1,)",
        "(1, 2)",
        "{}",
        "{'a': 1, 2: [1]}",
        "{1}",
        "set()",
        "frozenset({1})",
        "frozenset()",
        "range(3)",
        "range(0, 10, 2)",
        "slice(1, None)",
        "int",
        "...",
        "NotImplemented",
        "KeyError('k')",
        "OSError(2, 'no')",
        "ValueError()",
        "__import__('datetime').datetime(2024, 1, 2, 3, 4)",
        "__import__('datetime').datetime(2024, 1, 2, 3, 4, 5, 6, tzinfo=__import__('datetime').timezone.utc)",
        "__import__('datetime').datetime(2024, 1, 2, fold=1)",
        "__import__('datetime').date(2024, 1, 2)",
        "__import__('datetime').time(1, 2)",
        "__import__('datetime').time(1, 2, 3, 4)",
        "__import__('datetime').timedelta(-1, 2, 3)",
        "__import__('datetime').timedelta(0)",
        "__import__('decimal').Decimal('1.50')",
        "__import__('decimal').Decimal('-Infinity')",
        "__import__('fractions').Fraction(-1, 3)",
        "__import__('uuid').UUID(int=5)",
        "__import__('pathlib').Path('/a') / 'b'",
        "__import__('pathlib').Path('x/y')",
        "__import__('pathlib').Path()",
        "__import__('pathlib').PureWindowsPath('c:/a')",
        "__import__('re').compile('a+')",
        "Colour.RED",
        "point",
        "pair",
        "queue",
        "(1, [2, {3: (4,)}])",
    ];
    for python in pythons() {
        let mut debuggee = Debuggee::launch(&python, VALUES, Launch::at("values"));
        let stop = debuggee.stopped();
        for expression in expressions {
            let ours = shown(&mut debuggee, expression, stop.top())["result"].clone();
            let theirs = shown(
                &mut debuggee,
                &format!("repr({expression}).encode('utf-8', 'backslashreplace').hex()"),
                stop.top(),
            );
            let theirs = theirs["result"].as_str().unwrap().trim_matches('\'').to_owned();
            let bytes: Vec<u8> =
                (0..theirs.len()).step_by(2).map(|at| u8::from_str_radix(&theirs[at..at + 2], 16).unwrap()).collect();
            let (ours, theirs) = (ours.as_str().unwrap(), String::from_utf8(bytes).unwrap());
            // Windows paths are shown with their own separators, and a None that is python's default for the console.
            assert_eq!(ours, theirs, "{expression} on {}", python.version);
        }
    }
}

#[test]
fn other_values_are_shown_in_one_short_line() {
    let expected = [
        ("thing", "<Thing public=1>"),
        ("slots", "<Slots full=1>"),
        ("loop", "[1, [...]]"),
        ("deep", "[[[[…]]]]"),
        ("long_text[:5000]", "…' (5,000 characters)"),
        ("long_text", "…' (100,000,000 characters)"),
        ("numbers", "17, 18, 19, … 999,980 more]"),
        ("10**1000", "int, 3,322 bits"),
        ("10**100000", "int, 332,193 bits"),
        ("Thing", "<class '__main__.Thing'>"),
        ("thing.method", "<bound method Base.method>"),
        ("len", "<built-in function len>"),
        ("collections", "<module 'collections'>"),
        ("memoryview(b'abc')", "<memory, 3 bytes, format 'B'>"),
        ("(lambda: (yield))()", "<generator <lambda>, not started>"),
        ("collections.Counter('aab')", "Counter({'a': 2, 'b': 1})"),
        ("collections.defaultdict(int, a=1)", "defaultdict({'a': 1})"),
        ("loud", "Loud([1])"),
        ("proxy", "mappingproxy({'a': 1})"),
        ("types.SimpleNamespace(a=1)", "<types.SimpleNamespace a=1>"),
        ("ExceptionGroup('g', [ValueError(1)])", "ExceptionGroup('g', [ValueError(1)])"),
    ];
    for python in pythons() {
        let mut debuggee = Debuggee::launch(&python, VALUES, Launch::at("values"));
        let stop = debuggee.stopped();
        // The least that Python allows to be set; ours must not depend on it.
        shown(&mut debuggee, "__import__('sys').set_int_max_str_digits(640)", stop.top());
        for (expression, expected) in expected {
            let result = shown(&mut debuggee, expression, stop.top())["result"].as_str().unwrap().to_owned();
            let is_part = expected.starts_with('…') || expected.ends_with("more]");
            assert!(
                if is_part { result.ends_with(expected) } else { result == expected },
                "{expression} on {}: {result}",
                python.version
            );
            assert!(result.chars().count() < 1100, "{expression} on {}", python.version);
        }
    }
}

#[test]
fn the_scopes_of_functions_classes_and_modules_have_their_names() {
    for python in pythons() {
        let version = &python.version;
        let markers = ["function", "closure", "class", "module"];
        let breakpoints = markers.map(|it| (it.to_owned(), None)).to_vec();
        let mut debuggee = Debuggee::launch(&python, SCOPES, Launch { breakpoints, ..Launch::default() });

        let stop = debuggee.stopped();
        assert_eq!(stop.line(), debuggee.line("class"), "{version}");
        let locals = scope(&mut debuggee, stop.top(), "Locals");
        assert_eq!(names(&children(&mut debuggee, &locals))[..2], ["attribute", "__module__"], "{version}");
        assert_eq!(scope(&mut debuggee, stop.top(), "Globals")["expensive"], true, "{version}");

        let stop = debuggee.go_and_stop("continue", stop.thread);
        let locals = scope(&mut debuggee, stop.top(), "Locals");
        let mut found = children(&mut debuggee, &locals);
        assert_eq!(names(&found)[..5], ["first", "second", "key", "rest", "options"], "{version}");
        let mut rest = names(&found).split_off(5);
        rest.sort();
        assert_eq!(rest, ["inner", "local", "outer_name"], "{version}: what is not bound is not there");
        assert_eq!(locals["namedVariables"], 8, "{version}");
        let local = found.iter_mut().find(|it| it["name"] == "local").unwrap().take();
        assert_eq!(
            (&local["value"], &local["type"], &local["evaluateName"]),
            (&json!("[1]"), &json!("list"), &json!("local"))
        );

        let stop = debuggee.go_and_stop("continue", stop.thread);
        let locals = scope(&mut debuggee, stop.top(), "Locals");
        assert_eq!(names(&children(&mut debuggee, &locals)), ["own", "free"], "{version}");

        // The comprehension on the last line has a frame of its own before 3.12.
        let mut stop = debuggee.go_and_stop("continue", stop.thread);
        if stop.function() != "<module>" {
            stop = debuggee.go_and_stop("continue", stop.thread);
        }
        let scopes = scopes(&mut debuggee, stop.top());
        assert_eq!(
            (scopes.len(), &scopes[0]["name"], &scopes[0]["expensive"]),
            (1, &json!("Globals"), &json!(false)),
            "{version}"
        );
        let globals = names(&children(&mut debuggee, &scopes[0]));
        assert_eq!(globals[..2], ["threading", "shared"], "{version}");
        assert!(globals.last().unwrap().starts_with("__"), "{version}: {globals:?}");
    }
}

#[test]
fn variables_of_any_frame_and_thread_can_be_set() {
    for python in pythons() {
        let version = &python.version;
        let mut debuggee = Debuggee::launch(&python, SCOPES, checked(Launch::at("set")));
        let stop = debuggee.stopped();
        let locals = scope(&mut debuggee, stop.top(), "Locals");
        let body = set(&mut debuggee, &locals, "number", "number + cell").unwrap();
        assert_eq!((&body["value"], &body["type"]), (&json!("11"), &json!("int")), "{version}");
        set(&mut debuggee, &locals, "cell", "[number]").unwrap();
        set(&mut debuggee, &locals, "argument", "'changed'").unwrap();
        assert_eq!(child(&mut debuggee, &locals, "cell")["value"], "[11]", "{version}");

        // What is wrong is said, and changes nothing.
        for (name, expression, message) in [
            ("number", "1 / 0", "ZeroDivisionError: division by zero"),
            ("number", "nothing", "NameError: name 'nothing' is not defined"),
            ("number", "(", "SyntaxError"),
            ("missing", "1", "there is no 'missing' here"),
        ] {
            let refused = set(&mut debuggee, &locals, name, expression).unwrap_err();
            assert!(refused.contains(message), "{version}: {refused}");
        }
        assert_eq!(child(&mut debuggee, &locals, "number")["value"], "11", "{version}");

        let caller = scope(&mut debuggee, &stop.frames[1], "Locals");
        set(&mut debuggee, &caller, "caller_local", "caller_local + 1").unwrap();
        let globals = scope(&mut debuggee, stop.top(), "Globals");
        set(&mut debuggee, &globals, "shared", "number").unwrap();
        set(&mut debuggee, &globals, "caller", "'global'").unwrap();

        // A thread that waits inside C code, below frames of the library.
        let threads = list(&debuggee.request("threads", json!({}))["threads"]);
        let held = threads.iter().find(|it| it["name"] == "held").unwrap()["id"].clone();
        let frames = list(&debuggee.request("stackTrace", json!({"threadId": held}))["stackFrames"]);
        let frame = frames.iter().find(|it| it["name"] == "held").unwrap();
        let theirs = scope(&mut debuggee, frame, "Locals");
        set(&mut debuggee, &theirs, "value", "'after'").unwrap();
        set(&mut debuggee, &theirs, "cell", "2").unwrap();

        debuggee.go("continue", stop.thread);
        let ended = debuggee.end();
        let expected = "changed 11 [11] [11] [('after', 2, 2)] 11\n2 global";
        assert_eq!((ended.output.as_str(), ended.errors.as_str()), (expected, ""), "{version}");
    }
}
