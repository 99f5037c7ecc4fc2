//! The recorded sessions of IKPdb 1.3, and the comparison of others with them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::VecDeque;

use ikpdb_testkit::ikpdb_transcript::{Act, Differences, Object, Outcome, Places, Replay, Step, StepKind, Transcript};
use serde_json::{Value, json};

/// Plays a transcript with what was recorded of it, after a change to each message that is read: in its place come those that are given.
fn play(
    transcript: &Transcript,
    differences: &Differences,
    places: Places,
    mut change: impl FnMut(u32, Object) -> Vec<Object>,
) -> Outcome {
    let mut messages: VecDeque<(u32, Object)> = VecDeque::new();
    for step in &transcript.steps {
        if let StepKind::Receive(message) = &step.kind {
            messages.extend(change(step.number, message.clone()).into_iter().map(|it| (step.number, it)));
        }
    }
    let code = transcript.steps.iter().find_map(|it| if let StepKind::Exit(code) = it.kind { code } else { None });
    let mut replay = Replay::new(transcript, differences, 12, places);
    while let Some(act) = replay.next_act() {
        match act {
            Act::Await => {
                // No more than what takes the place of one message.
                let number = messages.front().map(|(number, _)| *number);
                while !replay.has_come() && messages.front().map(|(number, _)| *number) == number {
                    let Some((_, message)) = messages.pop_front() else { break };
                    replay.take(message);
                }
            }
            Act::Ending => replay.ended(true),
            Act::Exit => {
                messages.drain(..).for_each(|(_, it)| replay.take(it));
                replay.exited(code);
            }
            _ => {}
        }
    }
    replay.finish()
}

fn same(_: u32, message: Object) -> Vec<Object> {
    vec![message]
}

/// Plays a transcript in which one message is changed; what differs.
fn changed(name: &str, at: u32, table: &str, change: impl Fn(&mut Value)) -> Vec<String> {
    let (transcript, table) = (Transcript::named(name), Differences::parse(table).unwrap());
    let outcome = play(&transcript, &table, Places::recorded(), |number, message| {
        let mut message = Value::Object(message);
        if number == at {
            change(&mut message);
        }
        vec![serde_json::from_value(message).unwrap()]
    });
    outcome.differences.iter().map(ToString::to_string).collect()
}

fn none() -> Differences {
    Differences::default()
}

/// Each number that is an address, in messages and their texts, becomes another one, and each folder too.
fn elsewhere(value: Value) -> Value {
    let text = |text: &str| {
        let mut result = String::new();
        for word in text.split_inclusive(|it: char| !it.is_ascii_alphanumeric()) {
            let (word, end) = word.split_at(word.trim_end_matches(|it: char| !it.is_ascii_alphanumeric()).len());
            let address =
                word.strip_prefix("0x").filter(|it| it.len() > 6).and_then(|it| u64::from_str_radix(it, 16).ok());
            let ident = word.parse::<u64>().ok().filter(|it| *it > 1 << 46 && *it < 1 << 47);
            match (address, ident) {
                (Some(address), _) => result.push_str(&format!("0x{:x}", address + 0x1000)),
                (_, Some(ident)) => result.push_str(&(ident + 64).to_string()),
                _ => result.push_str(word),
            }
            result.push_str(end);
        }
        result.replace("/srv/app", "/tmp/a/b").replace("/usr/lib/python2.7", "/opt/lib")
    };
    match value {
        Value::Number(number) if number.as_u64().is_some_and(|it| it > 1 << 40) => {
            (number.as_u64().unwrap() + 64).into()
        }
        Value::String(it) => text(&it).into(),
        Value::Array(values) => values.into_iter().rev().map(elsewhere).rev().collect(),
        Value::Object(values) => values.into_iter().map(|(key, value)| (text(&key), elsewhere(value))).collect(),
        other => other,
    }
}

#[test]
fn every_transcript_is_read_and_its_program_is_there() {
    let transcripts = Transcript::all();
    assert_eq!(transcripts.len(), 80);
    for Transcript { name, steps } in &transcripts {
        assert!(matches!(steps[0].kind, StepKind::Spawn { .. }), "{name}");
        assert!(matches!(steps.last(), Some(Step { kind: StepKind::Exit(_), .. })), "{name}");
    }
    for transcript in &transcripts {
        let table = none();
        let temporary = std::env::temp_dir();
        let places = Places { app: transcript.program(), library: temporary };
        let Some(Act::Start(start)) = Replay::new(transcript, &table, 12, places).next_act() else {
            panic!("{} begins with a start", transcript.name)
        };
        let script = start.folder.join(&start.script);
        assert!(script.is_file(), "{}: {}", transcript.name, script.display());
    }
}

#[test]
fn every_transcript_is_equal_to_itself_whatever_its_ids_folders_and_order() {
    for transcript in Transcript::all() {
        let outcome = play(&transcript, &none(), Places::recorded(), same);
        assert_eq!(outcome, Outcome::default());
        let places = Places { app: "/tmp/a/b".into(), library: "/opt/lib".into() };
        let outcome = play(&transcript, &none(), places, |_, message| {
            let mut message = elsewhere(message.into());
            for frame in message.get_mut("frames").and_then(Value::as_array_mut).into_iter().flatten() {
                // The order counts among variables of one name.
                let variables = frame["f_locals"].as_array_mut().unwrap();
                variables.sort_by_key(|it| it["name"].as_str().unwrap_or_default().to_owned());
            }
            vec![serde_json::from_value(message).unwrap()]
        });
        assert_eq!(outcome, Outcome::default());
    }
}

#[test]
fn each_change_is_one_difference_with_its_path() {
    let variable = |message: &mut Value, frame: usize, name: &str| -> usize {
        let variables = message["frames"][frame]["f_locals"].as_array().unwrap();
        variables.iter().position(|it| it["name"] == name).unwrap()
    };
    let at = |change: &dyn Fn(&mut Value)| changed("02-setvariable", 7, "", change);
    assert_eq!(
        at(&|it| it["frames"][1]["line_number"] = 8.into()),
        ["02-setvariable 7 frames[outer()].line_number: 7 was recorded, 8 came"]
    );
    assert_eq!(
        at(&|it| {
            let k = variable(it, 0, "k");
            it["frames"][0]["f_locals"][k]["value"] = "3".into();
        }),
        ["02-setvariable 7 frames[inner()].f_locals[k].value: \"2\" was recorded, \"3\" came"]
    );
    let missing = at(&|it| {
        let k = variable(it, 0, "k");
        it["frames"][0]["f_locals"].as_array_mut().unwrap().remove(k);
    });
    assert!(
        matches!(&missing[..], [one] if one.starts_with("02-setvariable 7 frames[inner()].f_locals[k]: {") && one.ends_with("was recorded, nothing came")),
        "{missing:?}"
    );
    let swapped = at(&|it| {
        let (n, outer) = (variable(it, 1, "n"), variable(it, 1, "outer"));
        it["frames"][1]["f_locals"][n]["id"] = it["frames"][1]["f_locals"][outer]["id"].clone();
    });
    assert!(
        matches!(&swapped[..], [one] if one.starts_with("02-setvariable 7 frames[outer()].f_locals[n].id: ")),
        "{swapped:?}"
    );
    let thread = at(&|it| {
        it["frames"][0]["thread"] =
            it["threads"].as_object().unwrap().values().find(|it| it["is_debugger"] == true).unwrap()["ident"].clone()
    });
    assert!(matches!(&thread[..], [one] if one.starts_with("02-setvariable 7 frames[inner()].thread: ")), "{thread:?}");
    assert_eq!(
        at(&|it| {
            it["threads"].as_object_mut().unwrap().retain(|_, it| it["is_debugger"] == false);
        })
        .len(),
        1
    );
    let text = at(&|it| {
        let f = variable(it, 2, "outer");
        it["frames"][2]["f_locals"][f]["value"] = "<function outer at 0x7fe46f139999>".into();
    });
    assert!(
        matches!(&text[..], [one] if one.starts_with("02-setvariable 7 frames[<module>()].f_locals[outer].value: ")),
        "{text:?}"
    );
    assert_eq!(
        at(&|it| it["error_messages"] = json!(["x"])),
        ["02-setvariable 7 error_messages[0]: nothing was recorded, \"x\" came"]
    );
    assert_eq!(at(&|it| it["frames"][2]["id"] = 0.into()).len(), 1, "0 is no id");
    assert_eq!(
        changed("01-basic", 6, "", |it| it["_id"] = 7777.into()).len(),
        2,
        "one reply is missing, the other nobody asked for"
    );
}

#[test]
fn a_difference_that_is_in_the_table_is_none_and_an_entry_of_no_use_is_reported() {
    let table = r#"
[[difference]]
why = "fix"
reason = "The line is another one"
at = [
  { transcript = "02-*", message = 7, path = "frames[0].line_number", ours = 5 },
  { path = "frames[*].f_locals[*].type", recorded = "str [*]", ours = "text of *" },
  { transcript = "02-setvariable", message = "7-12", path = "**.f_locals[x].value", change = "any" },
  { transcript = "02-setvariable", message = 23, path = "**.f_locals[x].value", change = "any" },
  { from = 13, path = "frames[7]", change = "removed" },
]
"#;
    let parsed = Differences::parse(table).unwrap();
    let change = |it: &mut Value| {
        it["frames"][0]["line_number"] = 5.into();
        for frame in it["frames"].as_array_mut().unwrap() {
            for variable in frame["f_locals"].as_array_mut().unwrap() {
                if let Some(length) = variable["type"].as_str().unwrap().strip_prefix("str [") {
                    variable["type"] = format!("text of {}", length.trim_end_matches(']')).into();
                }
            }
        }
    };
    assert_eq!(changed("02-setvariable", 7, table, change), [""; 0]);
    assert_eq!(changed("02-setvariable", 7, table, |it| it["frames"][0]["line_number"] = 6.into()).len(), 1);
    let outcome = play(&Transcript::named("02-setvariable"), &parsed, Places::recorded(), |number, message| {
        let mut message = Value::Object(message);
        if number == 7 {
            change(&mut message);
        }
        vec![serde_json::from_value(message).unwrap()]
    });
    assert_eq!(outcome.differences, []);
    let unused = ["02-setvariable 7-12 **.f_locals[x].value: nothing differs there (The line is another one)"];
    assert_eq!(parsed.unused(&outcome.used, &[12]), unused);
    assert_eq!(
        parsed.unused(&outcome.used, &[12, 13]).len(),
        2,
        "an entry for newer interpreters is of no use on none of them"
    );
    assert_eq!(parsed.stale(&Transcript::all()).len(), 2, "{:?}", parsed.stale(&Transcript::all()));
}

#[test]
fn an_entry_that_depends_on_who_is_faster_may_be_of_no_use() {
    let entry = |more: &str| {
        let place = "transcript = \"02-setvariable\", message = 7, path = \"frames[0].line_number\", ours = 5";
        format!("[[difference]]\nwhy = \"free\"\nreason = \"Time\"\nat = [{{ {place}{more} }}]\n")
    };
    let unused = |more| Differences::parse(&entry(more)).unwrap().unused(&[].into(), &[12]).len();
    assert_eq!((unused(""), unused(", sometimes = true")), (1, 0));
    let faster = |it: &mut Value| it["frames"][0]["line_number"] = 5.into();
    assert_eq!(changed("02-setvariable", 7, &entry(", sometimes = true"), faster), [""; 0]);
}

#[test]
fn what_the_recorder_did_without_writing_it_down_is_done_where_it_did_it() {
    let (transcript, table) = (Transcript::named("19c-sigint-running"), none());
    let mut replay = Replay::new(&transcript, &table, 12, Places::recorded());
    let acts: Vec<Act> = std::iter::from_fn(|| replay.next_act()).collect();
    let at = acts.iter().position(|it| *it == Act::Asleep).unwrap();
    assert_eq!(acts[at - 1..=at + 1], [Act::Await, Act::Asleep, Act::Signal("INT".to_owned())]);
}

#[test]
fn messages_that_do_not_come_and_others_that_do_are_in_the_table_too() {
    let table = r#"
[[difference]]
why = "fix"
reason = "The message is read"
at = [
  { transcript = "13b-wire-bytelength", message = 3, change = "added", ours = { _id = 510, command = "setBreakpoint", result = { breakpoint_number = "*" } } },
  { transcript = "13b-wire-bytelength", message = 5, change = "added", ours = { _id = 1, command = "reconnect", result = { executionStatus = "p*" } } },
  { transcript = "13b-wire-bytelength", message = 2, change = "removed" },
  { transcript = "13b-wire-bytelength", message = 6, change = "skipped" },
]
"#;
    let (transcript, table) = (Transcript::named("13b-wire-bytelength"), Differences::parse(table).unwrap());
    let answer = |answer: Value| -> Vec<Object> {
        let all = json!({"info_messages": [], "warning_messages": [], "error_messages": [], "commandExecStatus": "ok"});
        let mut all: Object = serde_json::from_value(all).unwrap();
        all.extend(serde_json::from_value::<Object>(answer).unwrap());
        vec![all]
    };
    let both = [
        json!({"_id": 510, "command": "setBreakpoint", "result": {"breakpoint_number": 0}}),
        json!({"_id": 1, "command": "reconnect", "result": {"executionStatus": "pending"}}),
    ];
    let right =
        play(&transcript, &table, Places::recorded(), |_, _| both.iter().flat_map(|it| answer(it.clone())).collect());
    assert_eq!(right.differences, []);
    assert_eq!(table.unused(&right.used, &[12]), [""; 0]);
    let wrong = play(&transcript, &table, Places::recorded(), |_, _| {
        answer(json!({"_id": 510, "command": "setBreakpoint", "result": {}}))
    });
    assert_eq!(wrong.differences.iter().map(|it| it.number).collect::<Vec<_>>(), [3, 5], "{:?}", wrong.differences);
    let more =
        play(&transcript, &none(), Places::recorded(), |_, message| [vec![message], answer(both[1].clone())].concat());
    assert_eq!(more.differences.len(), 1, "what nobody waits for is a difference: {:?}", more.differences);
}

#[test]
fn an_event_that_overtakes_the_reply_before_it_is_a_difference() {
    let transcript = Transcript::named("02-setvariable");
    let mut held = Vec::new();
    let outcome = play(&transcript, &none(), Places::recorded(), |number, message| match number {
        6 => {
            held.push(message);
            vec![]
        }
        7 => vec![message, held.remove(0)],
        _ => vec![message],
    });
    assert_eq!(
        outcome.differences.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["02-setvariable 6 : an event came before this reply"]
    );
}

#[test]
fn what_the_client_sends_has_the_ids_and_folders_of_the_replay() {
    let sent = |name: &str| -> Vec<Act> {
        let transcript = Transcript::named(name);
        let table = none();
        let places = Places { app: "/tmp/a/b".into(), library: "/opt/lib".into() };
        let mut messages = transcript.steps.iter().filter_map(|it| match &it.kind {
            StepKind::Receive(message) => Some(elsewhere(message.clone().into())),
            _ => None,
        });
        let mut replay = Replay::new(&transcript, &table, 12, places);
        let mut sent = Vec::new();
        while let Some(act) = replay.next_act() {
            while act == Act::Await && !replay.has_come() {
                let Some(message) = messages.next() else { break };
                replay.take(serde_json::from_value(message).unwrap());
            }
            sent.push(act);
        }
        sent
    };
    let frames: Vec<Value> = sent("02-setvariable")
        .iter()
        .filter_map(|it| if let Act::Send(message) = it { message["args"].get("frame").cloned() } else { None })
        .collect();
    assert_eq!(frames, [140619081581520_u64 + 64, 140619081413152 + 64]);
    let acts = sent("12c-paths-abs-script");
    let Act::Start(start) = &acts[0] else { panic!("{acts:?}") };
    assert_eq!(start.options, ["-ik_nvc", "--ikpdb-working-directory=/tmp/a/b/srv"]);
    assert_eq!((start.script.as_str(), start.arguments.len()), ("/tmp/a/b/srv/prog.py", 0));
    let acts = sent("13p-wire-charlength-bmp");
    let raw = acts
        .iter()
        .find_map(|it| if let Act::SendRaw(bytes) = it { Some(String::from_utf8_lossy(bytes)) } else { None });
    assert!(raw.as_deref().unwrap().contains(&format!("\"frame\": {}", 140713082764752_u64 + 64)), "{raw:?}");
    assert!(sent("13-wire").iter().any(|it| matches!(it, Act::SendBytewise(_))));
    assert!(sent("19-sigterm-running").contains(&Act::Signal("TERM".to_owned())));
}

#[test]
fn the_table_of_the_repository_speaks_of_what_was_recorded() {
    let table = Differences::load().unwrap();
    assert_eq!(table.stale(&Transcript::all()), [""; 0]);
}

#[test]
fn a_table_that_is_not_understood_is_refused() {
    for (entry, fault) in [
        (r#"{ path = "x" }"#, "`ours` or a `change`"),
        (r#"{ path = "x", change = "vanished" }"#, "`ours` or a `change`"),
        (r#"{ message = "a-b", change = "removed" }"#, "a number"),
        (r#"{ change = "removed" }"#, "a whole message has a number"),
        (r#"{ path = "x[", change = "any" }"#, "lacks a `]`"),
        (r#"{ paht = "x", change = "any" }"#, "paht"),
    ] {
        let text = format!("[[difference]]\nwhy = \"fix\"\nreason = \"r\"\nat = [{entry}]\n");
        let error = Differences::parse(&text).unwrap_err();
        assert!(error.contains(fault), "{entry}: {error}");
    }
}
