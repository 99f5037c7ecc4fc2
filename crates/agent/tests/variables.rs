//! Variables on every interpreter: what is shown, in which pages, what can be set, and that nothing of the program's runs.

mod support;

use serde_json::{Value, json};
use support::variables::{child, children, expand, is_lazy, list, names, page, scope, scopes, set, shown};
use support::{Debuggee, Launch, pythons};

const HOSTILE: &str = include_str!("../../../tests/debuggees/variables_hostile.py");
const SCOPES: &str = include_str!("../../../tests/debuggees/variables_scopes.py");
const VALUES: &str = include_str!("../../../tests/debuggees/variables_values.py");

/// With containers of a million items.
fn large() -> Launch {
    Launch { args: vec!["large".to_owned()], ..Launch::at("values") }
}

#[test]
fn i16_looking_at_hostile_objects_runs_none_of_their_code() {
    for python in pythons() {
        let version = &python.version;
        let mut debuggee = Debuggee::launch(&python, HOSTILE, Launch::at("hostile"));
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
        let heard = shown(&mut debuggee, "'__str__' in CALLS", stop.top());
        assert_eq!(heard["result"], "True", "{}", python.version);
    }
}

#[test]
fn builtin_values_are_shown_as_python_shows_them() {
    let expressions = [
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
            let ours = shown(&mut debuggee, expression, stop.top())["result"].as_str().unwrap().to_owned();
            // The console shows what `repr` says.
            let theirs = debuggee.evaluate(expression, stop.top());
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
        ("deep", "[[[[[…]]]]]"),
        ("long_text[:5000]", "…' (5,000 characters)"),
        ("long_text", "…' (100,000,000 characters)"),
        ("numbers", "17, 18, 19, … 999,980 more]"),
        ("10**1001", "int, 3,326 bits"),
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
        let mut debuggee = Debuggee::launch(&python, VALUES, large());
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
        let mut debuggee = Debuggee::launch(&python, SCOPES, Launch::at("set"));
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

#[test]
fn containers_of_a_million_items_are_read_in_pages_from_any_start() {
    for python in pythons() {
        let version = &python.version;
        let mut debuggee = Debuggee::launch(&python, VALUES, large());
        let stop = debuggee.stopped();
        for (name, size) in [
            ("numbers", 1_000_000),
            ("frozen", 1_000_000),
            ("table", 1_000_000),
            ("gaps", 666_666),
            ("chosen", 1_000_000),
        ] {
            let container = shown(&mut debuggee, name, stop.top());
            assert_eq!(container["indexedVariables"], size, "{name} on {version}");
            for start in [0, size / 2, 1000, size - 2] {
                let found = page(&mut debuggee, &container, json!({"filter": "indexed", "start": start, "count": 3}));
                let expected: Vec<String> = (start..size.min(start + 3))
                    // What is left between the multiples of three.
                    .map(|at| if name == "gaps" { at / 2 * 3 + at % 2 + 1 } else { at })
                    .map(|it| it.to_string())
                    .collect();
                assert_eq!(names(&found), expected, "{name} on {version} from {start}");
                let key = &expected[0];
                match name {
                    "numbers" | "frozen" => assert_eq!(found[0]["evaluateName"], format!("{name}[{key}]"), "{version}"),
                    "table" | "gaps" => {
                        assert_eq!(found[0]["value"], format!("-{key}").replace("-0", "0"), "{version}")
                    }
                    _ => assert_eq!(found[0]["evaluateName"], Value::Null, "{version}"),
                }
            }
            assert_eq!(
                page(&mut debuggee, &container, json!({"start": size, "count": 10})).len(),
                0,
                "{name} on {version}"
            );
            // A client that knows no pages gets a bounded answer that leads on.
            let all = children(&mut debuggee, &container);
            assert_eq!(all.len(), 1001, "{name} on {version}");
            let more = children(&mut debuggee, &all[1000]);
            let first = if name == "gaps" { "1501" } else { "1000" };
            assert_eq!((more.len(), &more[0]["name"]), (1001, &json!(first)), "{name} on {version}");
        }
        let crowded = shown(&mut debuggee, "crowded", stop.top());
        assert_eq!(crowded["namedVariables"], 100_000, "{version}");
        let found = page(&mut debuggee, &crowded, json!({"filter": "named", "start": 99_998, "count": 10}));
        assert_eq!(names(&found), ["name_99998", "name_99999"], "{version}");
        assert_eq!(found[0]["evaluateName"], "crowded.name_99998", "{version}");
    }
}

#[test]
fn nested_values_are_expanded_to_any_depth() {
    for python in pythons() {
        let mut debuggee = Debuggee::launch(&python, VALUES, Launch::at("values"));
        let stop = debuggee.stopped();
        let mut level = shown(&mut debuggee, "deep", stop.top());
        for _ in 0..500 {
            level = child(&mut debuggee, &level, "0");
        }
        let name = level["evaluateName"].as_str().unwrap();
        assert_eq!(name, format!("deep{}", "[0]".repeat(500)), "{}", python.version);
        let mut turn = shown(&mut debuggee, "loop", stop.top());
        for _ in 0..10 {
            turn = child(&mut debuggee, &turn, "1");
        }
        assert_eq!(turn["value"], "[1, [...]]", "{}", python.version);
    }
}

#[test]
fn children_have_names_expressions_and_visibility() {
    for python in pythons() {
        let version = &python.version;
        let mut debuggee = Debuggee::launch(&python, VALUES, Launch::at("values"));
        let stop = debuggee.stopped();
        let keys = shown(&mut debuggee, "keys", stop.top());
        let found = children(&mut debuggee, &keys);
        let expected = [
            ("'a'", Some("keys['a']")),
            ("2", Some("keys[2]")),
            ("(1, 'x')", Some("keys[(1, 'x')]")),
            ("None", Some("keys[None]")),
            ("1.5", Some("keys[1.5]")),
            ("b'b'", Some("keys[b'b']")),
            ("True", Some("keys[True]")),
            ("<Colour.RED: 1>", None),
            ("<Thing public=1>", None),
            ("'it\"s'", Some("keys['it\"s']")),
        ];
        let pairs: Vec<_> =
            found.iter().map(|it| (it["name"].as_str().unwrap(), it["evaluateName"].as_str())).collect();
        assert_eq!(pairs, expected, "{version}");

        let thing = shown(&mut debuggee, "thing", stop.top());
        let found = children(&mut debuggee, &thing);
        let kinds: Vec<_> = found
            .iter()
            .map(|it| {
                let hint = &it["presentationHint"];
                (it["name"].as_str().unwrap(), hint["visibility"].as_str(), hint["kind"].as_str(), is_lazy(it))
            })
            .collect();
        assert_eq!(
            kinds,
            [
                ("public", None, None, false),
                ("_protected", Some("protected"), None, false),
                ("_Thing__private", Some("private"), None, false),
                ("twice", None, Some("property"), true),
                ("broken", None, Some("property"), true),
                ("class variables", None, Some("virtual"), false),
            ],
            "{version}"
        );
        let group = children(&mut debuggee, &found[5]);
        assert_eq!(names(&group), ["shared", "inherited", "method"], "{version}");

        // Properties run when they are opened, and not before.
        assert_eq!(shown(&mut debuggee, "opened", stop.top())["result"], "[]", "{version}");
        let twice = children(&mut debuggee, &found[3]);
        assert_eq!(
            (twice.len(), &twice[0]["value"], &twice[0]["evaluateName"]),
            (1, &json!("2"), &json!("thing.twice")),
            "{version}"
        );
        assert_eq!(shown(&mut debuggee, "opened", stop.top())["result"], "['twice']", "{version}");
        let broken = children(&mut debuggee, &found[4]);
        assert_eq!(broken[0]["value"], "LookupError: no such thing", "{version}");
        assert_eq!(broken[0]["presentationHint"]["attributes"], json!(["failedEvaluation"]), "{version}");

        let slots = shown(&mut debuggee, "slots", stop.top());
        assert_eq!(names(&children(&mut debuggee, &slots)), ["full"], "{version}");
        let pair = shown(&mut debuggee, "pair", stop.top());
        assert_eq!(child(&mut debuggee, &pair, "right")["evaluateName"], "pair.right", "{version}");
        let error = shown(&mut debuggee, "error", stop.top());
        assert_eq!(child(&mut debuggee, &error, "args")["value"], "('missing',)", "{version}");
        let compound = shown(&mut debuggee, "[1] + [2]", stop.top());
        assert_eq!(child(&mut debuggee, &compound, "1")["evaluateName"], "([1] + [2])[1]", "{version}");
    }
}

#[test]
fn children_of_objects_can_be_set_where_python_can_set_them() {
    for python in pythons() {
        let version = &python.version;
        let mut debuggee = Debuggee::launch(&python, VALUES, Launch::at("values"));
        let stop = debuggee.stopped();
        for (object, name, value, outcome) in [
            ("numbers", "1", "'one'", Ok("'one'")),
            ("numbers", "1000000", "1", Err("there is no '1000000' here")),
            ("queue", "0", "5", Ok("5")),
            ("keys", "'a'", "[len(keys)]", Ok("[10]")),
            ("keys", "<Thing public=1>", "90", Ok("90")),
            ("keys", "'none'", "1", Err("there is no ''none'' here")),
            ("frozen", "0", "1", Err("a tuple cannot be changed")),
            ("chosen", "0", "1", Err("a set cannot be changed")),
            ("pair", "left", "1", Err("a tuple cannot be changed")),
            ("proxy", "'a'", "1", Err("a mappingproxy cannot be changed")),
            ("loud", "0", "1", Err("IndexError: not here")),
            ("slots", "full", "2", Ok("2")),
            ("point", "x", "3", Ok("3")),
            ("thing", "twice", "14", Ok("14")),
            ("thing", "_Thing__private", "30", Ok("30")),
            ("thing", "broken", "1", Err("AttributeError: ")),
            ("Base", "inherited", "'set'", Ok("'set'")),
            ("error", "args", "5", Err("TypeError: 'int' object is not iterable")),
            ("numbers", "0", "1 / 0", Err("ZeroDivisionError: division by zero")),
        ] {
            let parent = shown(&mut debuggee, object, stop.top());
            let set = set(&mut debuggee, &parent, name, value);
            match (&set, outcome) {
                (Ok(body), Ok(expected)) => assert_eq!(body["value"], expected, "{object} {name} on {version}"),
                (Err(message), Err(expected)) => {
                    assert!(message.contains(expected), "{object} {name} on {version}: {message}")
                }
                (set, expected) => panic!("{object} {name} on {version}: {set:?} and not {expected:?}"),
            }
        }
        debuggee.go("continue", stop.thread);
        let ended = debuggee.end();
        let expected = "7 30 2 Point(x=3, y=2) [10] [0, 'one'] deque([5, 2]) set\nTrue";
        assert_eq!(ended.output, expected, "{version}: {}", ended.errors);
    }
}

#[test]
fn i07_references_end_with_their_stop_and_keep_nothing_alive() {
    for python in pythons() {
        let version = &python.version;
        let mut debuggee = Debuggee::launch(&python, VALUES, Launch::at("weak"));
        let stop = debuggee.stopped();
        let locals = scope(&mut debuggee, stop.top(), "Locals");
        let weak = child(&mut debuggee, &locals, "weak");
        assert_eq!(expand(&mut debuggee, &weak, 3), 8, "{version}");
        shown(&mut debuggee, "weak", stop.top());
        let next = debuggee.go_and_stop("next", stop.thread);
        let arguments = json!({"variablesReference": weak["variablesReference"]});
        let refused = debuggee.try_request("variables", arguments).unwrap_err();
        assert!(refused.contains("earlier stop"), "{version}: {refused}");
        let again = scope(&mut debuggee, next.top(), "Locals");
        assert!(again["variablesReference"].as_i64() > weak["variablesReference"].as_i64(), "{version}");
        let never = json!({"variablesReference": 2_000_000_000});
        let refused = debuggee.try_request("variables", never).unwrap_err();
        assert!(refused.contains("there is no variablesReference"), "{version}: {refused}");
        debuggee.go("continue", next.thread);
        let ended = debuggee.end();
        assert!(ended.output.ends_with("True"), "{version}: {} {}", ended.output, ended.errors);
    }
}
