//! Editors: the order that the Debug Adapter Protocol prescribes, and how one leaves.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{World, name};
use ikpdb_hub::{Door, Input};
use ikpdb_proto::Failure;
use serde_json::{Value, json};

#[test]
fn an_editor_configures_its_program_before_the_first_line_and_launch_is_answered_after() {
    let mut world = World::private();
    let (editor, _, agent) = world.launched();
    let names: Vec<_> = world.read(editor).iter().map(name).filter(|it| it != "output").collect();
    assert_eq!(names, ["initialized"], "and launch is not answered yet");
    assert!(world.find_request(agent, "configurationDone").is_none(), "the program waits for the editor");
    world.settle(agent);
    let set = json!({"source": {"path": "/w/app.py"}, "breakpoints": [{"line": 3}]});
    let set = world.ask(editor, None, "setBreakpoints", set);
    world.settle(agent);
    assert_eq!(world.response(editor, set)["body"]["breakpoints"][0]["verified"], true);
    let done = world.ask(editor, None, "configurationDone", json!({}));
    let request = world.next_request(agent, "configurationDone");
    world.reply(agent, &request, Value::Null);
    let names: Vec<_> = world.read(editor).iter().map(name).collect();
    assert_eq!(names, ["=configurationDone", "=launch"]);
    assert!(done > set);
}

#[test]
fn breakpoints_that_an_editor_sends_too_early_are_kept_for_the_agent() {
    let mut world = World::private();
    let editor = world.open(Door::Dap);
    world.call(editor, None, "initialize", json!({"adapterID": "ikpdb"}));
    let set = json!({"source": {"path": "/w/app.py"}, "breakpoints": [{"line": 3}]});
    let made = world.call(editor, None, "setBreakpoints", set)["body"]["breakpoints"].clone();
    assert_eq!(made[0]["verified"], false);
    world.ask(editor, None, "launch", json!({"program": "/w/app.py"}));
    let job = world.launches.pop().unwrap();
    world.spawned(job, 100);
    let program = world.program();
    let agent = world.agent(&program);
    assert_eq!(world.settle(agent)[0].1, [json!({"line": 3})]);
    let event = world.next_event(editor, "breakpoint");
    assert_eq!(event["body"]["breakpoint"]["id"], made[0]["id"], "verified after all: {event}");
    assert_eq!(event["body"]["breakpoint"]["verified"], true);
}

#[test]
fn an_editor_is_promised_what_the_agent_will_be_able_to_do() {
    let mut world = World::private();
    let editor = world.open(Door::Dap);
    let body = world.call(editor, None, "initialize", json!({"adapterID": "ikpdb"}))["body"].clone();
    for (capability, expected) in [
        ("supportsConfigurationDoneRequest", json!(true)),
        ("supportsTerminateRequest", json!(true)),
        ("supportTerminateDebuggee", json!(true)),
        ("supportsSetVariable", json!(true)),
        ("supportsRestartRequest", Value::Null),
        ("supportsStepBack", Value::Null),
    ] {
        assert_eq!(body[capability], expected, "{capability}");
    }
}

#[test]
fn a_program_that_cannot_be_started_fails_the_launch() {
    let mut world = World::private();
    let editor = world.open(Door::Dap);
    world.call(editor, None, "initialize", json!({"adapterID": "ikpdb"}));
    for wrong in [json!({}), json!({"program": "a", "module": "b"}), json!({"program": 7})] {
        assert_eq!(world.call(editor, None, "launch", wrong.clone())["success"], false, "{wrong}");
    }
    let launch = world.ask(editor, None, "launch", json!({"program": "/w/none.py"}));
    assert_eq!(world.call(editor, None, "launch", json!({"program": "x"}))["success"], false, "a second one");
    let job = world.launches.pop().unwrap();
    world.feed(Input::Spawned { job, result: Err(Failure::user("/w/none.py is not there")) });
    assert_eq!(world.response(editor, launch)["message"], "/w/none.py is not there");
    let again = world.ask(editor, None, "launch", json!({"program": "/w/app.py"}));
    let job = world.launches.pop().unwrap();
    world.spawned(job, 100);
    let program = world.runner(World::runner_hello(100));
    world.event(program.runner, "ikpdb/runnerExited", json!({"error": "exec failed", "durationMs": 0.0}));
    let names: Vec<_> = world.read(editor).iter().map(name).collect();
    assert_eq!(names, ["=launch", "exited", "terminated"]);
    assert!(again > launch);
}

#[test]
fn an_editor_hears_nothing_that_is_not_dap() {
    let mut world = World::private();
    let (editor, program, agent) = world.launched();
    world.settle(agent);
    world.ask(editor, None, "configurationDone", json!({}));
    let request = world.next_request(agent, "configurationDone");
    world.reply(agent, &request, Value::Null);
    world.stop(agent);
    world.exit(&program, 3);
    world.close(agent);
    for message in world.read(editor) {
        assert!(!message.to_string().contains("ikpdb/"), "{message}");
    }
}

#[test]
fn disconnect_ends_a_launched_program_and_is_answered_when_it_has_ended() {
    let mut world = World::private();
    let (editor, program, agent) = world.launched();
    world.raw(editor);
    let seq = world.ask(editor, None, "disconnect", json!({}));
    let request = world.next_request(program.runner, "ikpdb/runnerSignal");
    assert_eq!(request["arguments"]["signal"], "SIGTERM");
    world.reply(program.runner, &request, Value::Null);
    world.pass(3_000);
    let request = world.next_request(program.runner, "ikpdb/runnerSignal");
    assert_eq!(request["arguments"]["signal"], "SIGKILL", "it would not end");
    world.event(program.runner, "output", json!({"category": "stdout", "output": "last"}));
    world.event(
        program.runner,
        "ikpdb/runnerExited",
        json!({"signal": "SIGKILL", "signalNumber": 9, "durationMs": 1.0}),
    );
    world.close(agent);
    let all = world.read(editor);
    let names: Vec<_> = all.iter().map(name).collect();
    assert_eq!(names, ["output", "=launch", "exited", "terminated", "=disconnect"]);
    assert_eq!(all[2]["body"]["exitCode"], 137);
    assert_eq!(all[4]["request_seq"], seq);
}

#[test]
fn an_editor_may_leave_its_program_running() {
    let mut world = World::private();
    let (editor, program, agent) = world.launched();
    let seq = world.ask(editor, None, "disconnect", json!({"terminateDebuggee": false}));
    let request = world.next_request(agent, "disconnect");
    world.reply(agent, &request, Value::Null);
    assert_eq!(world.response(editor, seq)["success"], true);
    world.close(agent);
    world.close(editor);
    assert!(world.find_request(program.runner, "ikpdb/runnerSignal").is_none());
    assert!(!world.exited, "what it prints has to be read");
    world.exit(&program, 0);
    assert!(world.exited);
}

#[test]
fn an_editor_that_dies_takes_its_program_along() {
    let mut world = World::private();
    let (editor, program, agent) = world.launched();
    world.close(editor);
    assert_eq!(world.next_request(program.runner, "ikpdb/runnerSignal")["arguments"]["signal"], "SIGTERM");
    world.exit(&program, 0);
    world.close(agent);
    assert!(world.exited);
}

#[test]
fn after_the_end_disconnect_is_answered_and_all_is_over() {
    let mut world = World::private();
    let (editor, program, agent) = world.launched();
    world.exit(&program, 0);
    world.close(agent);
    assert!(!world.exited, "the editor has not left yet");
    assert_eq!(world.call(editor, None, "disconnect", json!({}))["success"], true);
    assert!(world.exited && world.closed.contains_key(&editor));
}

#[test]
fn no_debug_sets_nothing_and_stops_nowhere() {
    let mut world = World::private();
    let editor = world.open(Door::Dap);
    world.ask(editor, None, "launch", json!({"program": "/w/app.py", "noDebug": true}));
    let job = world.launches.pop().unwrap();
    world.spawned(job, 100);
    let program = world.program();
    let agent = world.open(Door::Unix);
    world.event(agent, "ikpdb/agentHello", World::agent_hello(&program));
    assert_eq!(world.next_request(agent, "attach")["arguments"]["stopOnEntry"], false);
    world.event(agent, "initialized", Value::Null);
    let set = json!({"source": {"path": "/w/app.py"}, "breakpoints": [{"line": 3}]});
    assert_eq!(world.call(editor, None, "setBreakpoints", set)["body"]["breakpoints"][0]["verified"], false);
    assert!(world.find_request(agent, "setBreakpoints").is_none());
}

#[test]
fn i09_an_editor_that_counts_from_0_says_and_hears_lines_from_0() {
    let mut world = World::new();
    let (_, agent) = world.running();
    let editor = world.open(Door::Dap);
    let about = json!({"adapterID": "x", "linesStartAt1": false, "columnsStartAt1": false});
    world.call(editor, None, "initialize", about);
    world.ask(editor, None, "attach", json!({}));
    let set = json!({"source": {"path": "/w/app.py"}, "breakpoints": [{"line": 4}]});
    let seq = world.ask(editor, None, "setBreakpoints", set);
    assert_eq!(world.settle(agent)[0].1[0]["line"], 5);
    assert_eq!(world.response(editor, seq)["body"]["breakpoints"][0]["line"], 4);
    let seq = world.ask(editor, None, "stackTrace", json!({"threadId": 1}));
    let request = world.next_request(agent, "stackTrace");
    world.reply(agent, &request, json!({"stackFrames": [{"id": 1, "name": "f", "line": 5, "column": 1}]}));
    let frame = world.response(editor, seq)["body"]["stackFrames"][0].clone();
    assert_eq!((&frame["line"], &frame["column"]), (&json!(4), &json!(0)));
}

#[test]
fn an_editor_that_joins_a_stopped_program_is_told_so() {
    let mut world = World::new();
    let (_, agent) = world.running();
    world.stop(agent);
    let editor = world.open(Door::Dap);
    world.ask(editor, None, "attach", json!({}));
    world.call(editor, None, "configurationDone", json!({}));
    let names: Vec<_> = world.read(editor).iter().map(name).collect();
    assert_eq!(names, ["initialized", "=attach", "stopped"]);
}

#[test]
fn an_editor_chooses_among_several_programs() {
    let mut world = World::new();
    let nothing = world.open(Door::Dap);
    let refused = world.call(nothing, None, "attach", json!({}));
    assert!(refused["message"].as_str().unwrap().contains("ikpdb run"), "{refused}");
    let (first, _) = world.running();
    let (second, agent) = world.running();
    let editor = world.open(Door::Dap);
    let refused = world.call(editor, None, "attach", json!({}));
    let ids = format!("({}, {})", first.session, second.session);
    assert!(refused["message"].as_str().unwrap().contains(&ids), "{refused}");
    assert_eq!(world.call(editor, None, "attach", json!({"ikpdbSession": 99}))["success"], false);
    world.ask(editor, None, "attach", json!({"ikpdbSession": second.session}));
    world.next_event(editor, "initialized");
    world.ask(editor, None, "threads", json!({}));
    world.next_request(agent, "threads");
}

#[test]
fn uris_are_refused_as_paths() {
    let mut world = World::private();
    let editor = world.open(Door::Dap);
    assert_eq!(world.call(editor, None, "initialize", json!({"pathFormat": "uri"}))["success"], false);
}

#[test]
fn a_console_that_we_do_not_have_is_said_and_the_program_starts_all_the_same() {
    for (console, said) in [(json!("integratedTerminal"), 1), (json!("internalConsole"), 0), (Value::Null, 0)] {
        let mut world = World::private();
        let editor = world.open(Door::Dap);
        world.ask(editor, None, "launch", json!({"program": "/w/app.py", "console": console}));
        assert_eq!(world.launches.len(), 1);
        let notes = world.read(editor);
        assert_eq!(notes.iter().filter(|it| it["event"] == "output").count(), said, "{console}");
    }
}

#[test]
fn progress_is_told_to_an_editor_that_shows_it_and_to_no_other() {
    for (shows, expected) in
        [(json!(true), vec!["progressStart", "progressEnd"]), (json!(false), vec![]), (Value::Null, vec![])]
    {
        let mut world = World::new();
        let (_, agent) = world.running();
        let editor = world.open(Door::Dap);
        world.call(editor, None, "initialize", json!({"adapterID": "ikpdb", "supportsProgressReporting": shows}));
        world.ask(editor, None, "attach", json!({}));
        world.call(editor, None, "configurationDone", json!({}));
        world.raw(editor);
        let seq = world.ask(editor, None, "evaluate", json!({"expression": "slow()"}));
        let request = world.next_request(agent, "evaluate");
        world.event(agent, "progressStart", json!({"progressId": "p", "title": "t", "requestId": request["seq"]}));
        world.event(agent, "progressEnd", json!({"progressId": "p"}));
        let heard = world.read(editor);
        assert_eq!(heard.iter().map(name).collect::<Vec<_>>(), expected, "{shows}");
        assert!(heard.iter().take(1).all(|it| it["body"]["requestId"] == seq), "{heard:?}");
    }
}
