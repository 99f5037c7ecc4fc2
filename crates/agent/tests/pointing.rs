//! What is shown of an expression that the user points at, and what is copied: the value whole, and no code run for it that
//! was not asked for.

mod support;

use serde_json::{Value, json};
use support::variables::{child, expand, scope, shown};
use support::{Debuggee, Launch, pythons};

const HOSTILE: &str = include_str!("../../../tests/debuggees/variables_hostile.py");
const SCOPES: &str = include_str!("../../../tests/debuggees/variables_scopes.py");
const VALUES: &str = include_str!("../../../tests/debuggees/variables_values.py");

#[test]
fn i16_pointing_at_hostile_objects_runs_none_of_their_code() {
    let mut expressions: Vec<String> = Vec::new();
    let names = [
        "plain",
        "slotted",
        "a_list",
        "a_tuple",
        "a_dict",
        "a_set",
        "a_frozen",
        "a_text",
        "some_bytes",
        "an_int",
        "a_float",
        "an_error",
        "odd",
        "keyed",
        "keys",
        "colour",
        "Plain",
        "Meta",
        "generator",
        "caught",
        "values",
    ];
    for name in names {
        for rest in [
            "",
            ".visible",
            ".prop",
            ".nothing",
            ".a",
            ".keys",
            ".__class__",
            ".__dict__",
            ".__doc__",
            ".__name__",
            ".args",
            ".name",
            ".value",
            ".gi_code",
            ".gi_frame",
            ".__traceback__",
            ".mro",
            "[0]",
            "['k']",
            "[colour]",
            "[keys]",
            "[plain]",
            "[-1]",
            "[an_int]",
            "[a_text]",
            "(1)",
            " + 1",
        ] {
            expressions.push(format!("{name}{rest}"));
        }
    }
    expressions.push("look.__code__".to_owned());
    for python in pythons() {
        let version = &python.version;
        let mut debuggee = Debuggee::launch(&python, HOSTILE, Launch::at("hostile"));
        let stop = debuggee.stopped();
        let globals = scope(&mut debuggee, stop.top(), "Globals");
        let before = child(&mut debuggee, &globals, "CALLS")["value"].clone();
        let mut shown = 0;
        for expression in &expressions {
            let arguments = json!({"expression": expression, "frameId": stop.top()["id"], "context": "hover"});
            if let Ok(value) = debuggee.try_request("evaluate", arguments) {
                shown += 1;
                if value["variablesReference"] != 0 {
                    expand(&mut debuggee, &value, 0);
                }
            }
            let after = child(&mut debuggee, &globals, "CALLS")["value"].clone();
            assert_eq!(after, before, "{expression} on {version}");
        }
        assert!(shown >= names.len(), "{version}: {shown}");
        debuggee.go("continue", stop.thread);
        let ended = debuggee.end();
        assert!(ended.status.success(), "{version}: {}", ended.errors);
    }
}

#[test]
fn pointing_at_an_expression_shows_what_python_would_find_or_says_that_code_would_run() {
    let found = [
        "thing",
        "thing.public",
        "thing._protected",
        "thing._Thing__private",
        "thing.shared",
        "thing.shared[0]",
        "thing.inherited",
        "thing.method",
        "thing.__class__",
        "Thing.inherited",
        "Thing.method",
        "Thing.twice",
        "Thing.__name__",
        "Base",
        "slots.full",
        "Slots.full",
        "point.x",
        "pair.left",
        "pair.right[0]",
        "pair[1]",
        "numbers[3]",
        "numbers[-1]",
        "numbers[thing.public]",
        "frozen[2]",
        "numbers.append",
        "table[5]",
        "table[-0]",
        "keys['a']",
        "keys[\"it\\\"s\"]",
        "keys[2]",
        "keys[1, 'x']",
        "keys[None]",
        "keys[True]",
        "queue[1]",
        "loud[0]",
        "long_text[0]",
        "Colour.RED",
        "Colour.RED.value",
        "Colour.RED.name",
        "Point",
        "error",
        "error.args",
        "error.args[0]",
        "sys.argv",
        "sys.maxsize",
        "collections.OrderedDict",
        "collections.OrderedDict.fromkeys",
        "crowded.name_5",
        "len",
        "int.from_bytes",
        "__name__",
        "opened",
    ];
    let refused = [
        ("thing.twice", "computed by code"),
        ("thing.broken", "computed by code"),
        ("thing.nothing", "'Thing' object has no attribute 'nothing'"),
        ("slots.empty", "'Slots' object has no attribute 'empty'"),
        ("Thing.nothing", "type object 'Thing' has no attribute 'nothing'"),
        ("sys.nothing", "no attribute"),
        ("nothing", "name 'nothing' is not defined"),
        ("numbers[10000000]", "index out of range"),
        ("numbers['a']", "the index must be an integer"),
        ("keys['zz']", "no such key"),
        ("keys[thing]", "compared by its own code"),
        ("thing[0]", "computed by its own code"),
        ("opened.append(1)", "would run code"),
        ("numbers[1:2]", "would run code"),
        ("opened + opened", "would run code"),
        ("", "would run code"),
    ];
    for python in pythons() {
        let version = &python.version;
        let mut debuggee = Debuggee::launch(&python, VALUES, Launch::at("values"));
        let stop = debuggee.stopped();
        let mut ask = |expression: &str, context: &str| {
            let arguments = json!({"expression": expression, "frameId": stop.top()["id"], "context": context});
            debuggee.try_request("evaluate", arguments)
        };
        for expression in found {
            let ours = ask(expression, "hover").unwrap_or_else(|why| panic!("{expression} on {version}: {why}"));
            let theirs = ask(expression, "watch").unwrap_or_else(|why| panic!("{expression} on {version}: {why}"));
            for part in ["result", "type", "namedVariables", "indexedVariables"] {
                assert_eq!(ours[part], theirs[part], "{part} of {expression} on {version}");
            }
        }
        for (expression, reason) in refused {
            let said = ask(expression, "hover").unwrap_err();
            assert!(said.contains(reason), "{expression} on {version}: {said}");
        }
        assert_eq!(ask("opened", "watch").unwrap()["result"], "[]", "{version}: a property was run");
    }
}

#[test]
fn names_of_closures_builtins_and_class_bodies_are_found_when_pointed_at() {
    for python in pythons() {
        let version = &python.version;
        let breakpoints = ["closure", "class"].map(|it| (it.to_owned(), None)).to_vec();
        let mut debuggee = Debuggee::launch(&python, SCOPES, Launch { breakpoints, ..Launch::default() });
        let stop = debuggee.stopped();
        let mut hover = |frame: &Value, expression: &str| {
            let arguments = json!({"expression": expression, "frameId": frame["id"], "context": "hover"});
            debuggee.request("evaluate", arguments)["type"].as_str().expect("a type").to_owned()
        };
        assert_eq!(hover(stop.top(), "attribute"), "int", "{version}");
        assert_eq!(hover(stop.top(), "threading.Thread"), "type", "{version}");
        let stop = debuggee.go_and_stop("continue", stop.thread);
        for (name, kind) in [("own", "str"), ("free", "str"), ("shared", "int"), ("len", "builtin_function_or_method")]
        {
            let arguments = json!({"expression": name, "frameId": stop.top()["id"], "context": "hover"});
            assert_eq!(debuggee.request("evaluate", arguments)["type"], kind, "{name} on {version}");
        }
    }
}

#[test]
fn a_value_for_the_clipboard_is_whole() {
    let same = [
        "list(range(1000))",
        "{str(n): {'list': [n] * 30, 'deep': [[[[[[[n]]]]]]]} for n in range(50)}",
        "'x' * 5000 + '\\n'",
        "[b'y' * 500, 'z' * 500]",
        "10**5000",
        "__import__('decimal').Decimal('1.' + '3' * 2000)",
        "(1,)",
        "collections.deque(range(100))",
        "None",
        "set()",
    ];
    for python in pythons() {
        let version = &python.version;
        let mut debuggee = Debuggee::launch(&python, VALUES, Launch::at("values"));
        let stop = debuggee.stopped();
        shown(&mut debuggee, "sys.set_int_max_str_digits(0)", stop.top());
        let mut whole = |expression: &str| {
            let arguments = json!({"expression": expression, "frameId": stop.top()["id"], "context": "clipboard"});
            debuggee.request("evaluate", arguments)["result"].as_str().expect("a result").to_owned()
        };
        let copies: Vec<String> = same.iter().map(|it| whole(it)).collect();
        let all = whole("types.SimpleNamespace(**{f'a{n}': n for n in range(50)})");
        assert!(all.contains("a49=49") && !all.contains('…'), "{version}: {all}");
        // What is too large is cut, and says so where it is.
        let text = whole("'x' * 3_000_000");
        assert!(text.len() < 1_100_000 && text.ends_with("…' (3,000,000 characters)"), "{version}: {}", text.len());
        let list = whole("['x' * 1000] * 5000");
        assert!(list.len() < 1_100_000 && list.ends_with(" more]"), "{version}: {}", list.len());
        let number = whole("1 << 1_000_000");
        assert_eq!(number, "int, 1,000,001 bits", "{version}");
        let nested = whole("deep");
        assert!(nested.contains('…') && nested.len() < 1000, "{version}: {nested}");
        for (expression, ours) in same.iter().zip(copies) {
            let theirs =
                if *expression == "None" { "None".to_owned() } else { debuggee.evaluate(expression, stop.top()) };
            assert_eq!(ours, theirs, "{expression} on {version}");
        }
    }
}
