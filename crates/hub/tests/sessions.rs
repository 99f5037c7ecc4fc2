//! How sessions begin, run, end and begin again.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{Program, World, name};
use ikpdb_hub::{Door, Input};
use ikpdb_proto::Failure;
use serde_json::{Value, json};

#[test]
fn a_program_is_configured_before_its_first_line() {
    let mut world = World::new();
    let page = world.page();
    world.call(page, None, "ikpdb/breakpoints/set", json!({"path": "/w/app.py", "line": 3}));
    let program = world.program();
    assert_eq!(world.info(page, program.session)["state"], "starting");
    let agent = world.agent(&program);
    let sent: Vec<_> = world.read(agent);
    assert_eq!(
        sent.iter().map(name).collect::<Vec<_>>(),
        ["setBreakpoints", "setExceptionBreakpoints", "configurationDone"]
    );
    assert_eq!(sent[0]["arguments"], json!({"source": {"path": "/w/app.py"}, "breakpoints": [{"line": 3}]}));
    assert_eq!(sent[1]["arguments"], json!({"filters": ["uncaught"]}));
    world.reply(agent, &sent[2], Value::Null);
    let info = world.info(page, program.session);
    assert_eq!((info["state"].as_str(), info["pid"].as_i64()), (Some("running"), Some(101)));
    assert_eq!(info["capabilities"]["supportsSetVariable"], true);
}

#[test]
fn the_agent_is_told_how_to_start() {
    let mut world = World::new();
    let program = world.program();
    let agent = world.open(Door::Unix);
    world.event(agent, "ikpdb/agentHello", World::agent_hello(&program));
    world.next_event(agent, "ikpdb/agentWelcome");
    let attach = world.next_request(agent, "attach");
    assert_eq!(
        attach["arguments"],
        json!({"stopOnEntry": true, "justMyCode": true, "stopPolicy": "all", "rules": [], "workspace": "/w"})
    );
    assert_eq!(world.next_request(agent, "initialize")["arguments"]["linesStartAt1"], true);
}

#[test]
fn exited_comes_after_the_last_output_and_terminated_last() {
    let mut world = World::new();
    let page = world.page();
    let (program, agent) = world.running();
    world.raw(page);
    world.event(program.runner, "output", json!({"category": "stdout", "output": "bye\n"}));
    world.exit(&program, 7);
    assert_eq!(world.names(page), ["output"], "the agent may still have something to say");
    world.event(agent, "output", json!({"category": "console", "output": "last words\n"}));
    world.close(agent);
    let all = world.read(page);
    let names: Vec<_> = all.iter().map(name).collect();
    assert_eq!(names, ["output", "exited", "terminated", "ikpdb/session", "ikpdb/breakpoints"]);
    assert_eq!(all[1]["body"], json!({"exitCode": 7}));
    assert_eq!(all[3]["body"]["state"], "ended");
    assert_eq!(all[3]["body"]["exit"], json!({"exitCode": 7, "durationMs": 5.0}));
}

#[test]
fn an_agent_that_hangs_holds_the_end_up_for_a_second_at_most() {
    let mut world = World::new();
    let page = world.page();
    let (program, agent) = world.running();
    world.exit(&program, 0);
    world.pass(999);
    assert_eq!(world.info(page, program.session)["state"], "running");
    world.pass(1);
    assert_eq!(world.info(page, program.session)["state"], "ended");
    assert!(world.closed.contains_key(&agent));
}

#[test]
fn how_a_program_ended_is_told_as_an_exit_code() {
    for (exited, code) in [
        (json!({"exitCode": 0, "durationMs": 1.0}), 0),
        (json!({"signal": "SIGSEGV", "signalNumber": 11, "durationMs": 1.0}), 139),
        (json!({"error": "no such interpreter", "durationMs": 0.0}), 1),
    ] {
        let mut world = World::new();
        let page = world.page();
        let program = world.program();
        world.event(program.runner, "ikpdb/runnerExited", exited);
        assert_eq!(world.next_event(page, "exited")["body"]["exitCode"], code);
    }
}

#[test]
fn a_program_whose_agent_is_lost_runs_on_undebugged_and_says_so() {
    let mut world = World::new();
    let page = world.page();
    let (program, agent) = world.running();
    world.stop(agent);
    world.close(agent);
    assert_eq!(world.info(page, program.session)["undebugged"], Value::Null, "as a rule it is just ending");
    world.pass(500);
    let info = world.info(page, program.session);
    assert_eq!((info["state"].as_str(), &info["stopped"]), (Some("running"), &Value::Null));
    assert!(info["undebugged"].as_str().unwrap().contains("lost"), "{info}");
    let refused = world.call(page, program.session, "stackTrace", json!({"threadId": 1}));
    assert!(refused["message"].as_str().unwrap().contains("not being debugged"), "{refused}");
    world.exit(&program, 3);
    assert_eq!(world.info(page, program.session)["state"], "ended");
}

#[test]
fn a_program_without_an_agent_is_undebugged_after_five_seconds_and_debugged_when_it_comes() {
    let mut world = World::new();
    let page = world.page();
    let program = world.program();
    world.pass(5_000);
    assert!(world.info(page, program.session)["undebugged"].is_string());
    world.agent(&program);
    assert_eq!(world.info(page, program.session)["undebugged"], Value::Null);
}

#[test]
fn a_session_whose_runner_is_lost_lives_as_long_as_its_agent() {
    let mut world = World::new();
    let page = world.page();
    let (program, agent) = world.running();
    world.close(program.runner);
    assert_eq!(world.info(page, program.session)["state"], "running");
    let refused = world.call(page, program.session, "terminate", json!({}));
    assert!(refused["message"].as_str().unwrap().contains("runner is gone"));
    world.close(agent);
    let info = world.info(page, program.session);
    assert_eq!(info["state"], "ended");
    assert!(info["exit"]["error"].as_str().unwrap().contains("runner was lost"), "{info}");
}

#[test]
fn terminate_is_sigterm_and_asked_again_sigkill() {
    let mut world = World::new();
    let page = world.page();
    let (program, _) = world.running();
    for signal in ["SIGTERM", "SIGKILL"] {
        let seq = world.ask(page, program.session, "terminate", json!({}));
        let request = world.next_request(program.runner, "ikpdb/runnerSignal");
        assert_eq!(request["arguments"], json!({"signal": signal}));
        world.reply(program.runner, &request, Value::Null);
        assert_eq!(world.response(page, seq)["success"], true);
    }
    world.pass(60_000);
    assert!(
        world.find_request(program.runner, "ikpdb/runnerSignal").is_none(),
        "nothing but a request makes it harder"
    );
}

#[test]
fn one_of_several_clients_leaves_and_the_last_one_lets_go() {
    let mut world = World::new();
    let (one, two) = (world.page(), world.page());
    let (program, agent) = world.running();
    assert_eq!(world.call(one, program.session, "disconnect", json!({}))["success"], true);
    assert!(world.find_request(agent, "disconnect").is_none());
    world.close(two);
    let seq = world.ask(one, program.session, "disconnect", json!({}));
    let request = world.next_request(agent, "disconnect");
    assert_eq!(request["arguments"], json!({"terminateDebuggee": false}));
    world.reply(agent, &request, Value::Null);
    world.close(agent);
    assert_eq!(world.response(one, seq)["success"], true);
    world.pass(500);
    assert_eq!(world.info(one, program.session)["undebugged"], "it was detached from");
}

/// Asks for a restart; answers the new session.
fn restart(world: &mut World, page: ikpdb_hub::ConnectionId, session: u32) -> u32 {
    let answer = world.call(page, session, "restart", json!({}));
    u32::try_from(answer["body"]["ikpdbSession"].as_u64().unwrap_or_else(|| panic!("{answer}"))).unwrap()
}

#[test]
fn a_restart_in_the_same_terminal_is_another_session() {
    let mut world = World::new();
    let page = world.page();
    let (program, agent) = world.running();
    let next = restart(&mut world, page, program.session);
    assert_ne!(next, program.session);
    let info = world.info(page, next);
    assert_eq!(
        (info["replaces"].as_u64(), info["state"].as_str()),
        (Some(u64::from(program.session)), Some("starting"))
    );
    assert_eq!(restart(&mut world, page, program.session), next, "a second request is the same restart");
    let request = world.next_request(program.runner, "ikpdb/runnerRestart");
    assert_eq!(request["arguments"]["session"], next);
    let secret = request["arguments"]["secret"].as_str().unwrap().to_owned();
    assert_ne!(secret, program.secret);
    world.event(program.runner, "output", json!({"category": "stdout", "output": "old"}));
    world.exit(&program, 143);
    world.reply(program.runner, &request, Value::Null);
    world.event(program.runner, "ikpdb/runnerStarted", json!({"pid": 202}));
    world.event(program.runner, "output", json!({"category": "stdout", "output": "new"}));
    world.close(agent);
    let snapshot = world.snapshot(page);
    assert_eq!(snapshot["sessions"].as_array().unwrap().len(), 1, "the replaced one is gone from the list");
    assert_eq!(snapshot["sessions"][0]["id"], next);
    assert_eq!(snapshot["sessions"][0]["pid"], 202);
    assert_eq!(snapshot["output"][next.to_string()][0]["output"], "new");
    assert_eq!(world.next_event(page, "ikpdb/sessionRemoved")["body"]["session"], program.session);
    let again = Program { session: next, secret, ..program };
    world.agent(&again);
}

#[test]
fn a_restart_of_an_ended_program_starts_a_runner_without_a_terminal() {
    let mut world = World::new();
    let page = world.page();
    let (program, agent) = world.running();
    world.exit(&program, 0);
    world.close(agent);
    world.close(program.runner);
    let next = restart(&mut world, page, program.session);
    let job = world.spawns.pop().unwrap();
    world.spawned(job, 555);
    let started = world.runner(World::runner_hello(555));
    assert_eq!(started.session, next);
    assert_eq!(world.snapshot(page)["sessions"].as_array().unwrap().len(), 1);
}

#[test]
fn a_restart_that_the_runner_did_not_live_to_see_starts_another_runner() {
    let mut world = World::new();
    let page = world.page();
    let (program, agent) = world.running();
    let next = restart(&mut world, page, program.session);
    // The program ended by itself at the same moment.
    world.exit(&program, 0);
    world.close(program.runner);
    world.close(agent);
    assert_eq!(world.spawns.len(), 1, "one, and only one");
    let job = world.spawns[0];
    world.spawned(job, 555);
    assert_eq!(world.runner(World::runner_hello(555)).session, next);
}

#[test]
fn a_restart_that_fails_says_why() {
    let mut world = World::new();
    let page = world.page();
    let (program, agent) = world.running();
    world.exit(&program, 0);
    world.close(agent);
    let next = restart(&mut world, page, program.session);
    let job = world.spawns.pop().unwrap();
    world.feed(Input::Spawned { job, result: Err(Failure::internal("no more processes")) });
    assert_eq!(world.info(page, next)["exit"]["error"], "no more processes");
    let next = restart(&mut world, page, next);
    let job = world.spawns.pop().unwrap();
    world.spawned(job, 556);
    world.pass(10_000);
    assert!(world.info(page, next)["exit"]["error"].as_str().unwrap().contains("runner did not come"));
}

#[test]
fn ten_ended_sessions_stay_in_the_list() {
    let mut world = World::new();
    let page = world.page();
    for _ in 0..12 {
        let program = world.program();
        world.exit(&program, 0);
    }
    let sessions = world.snapshot(page)["sessions"].clone();
    let ids: Vec<_> = sessions.as_array().unwrap().iter().map(|it| it["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, (3..=12).collect::<Vec<_>>());
}

#[test]
fn a_runner_and_a_stopped_agent_come_back_to_a_new_hub_in_either_order() {
    for agent_first in [true, false] {
        let mut world = World::new();
        let page = world.page();
        let old = Program { runner: ikpdb_hub::ConnectionId(0), session: 41, secret: "ab".repeat(32) };
        let mut hello = World::agent_hello(&old);
        hello["resume"] = json!({"configured": true, "stopped": {"reason": "step", "threadId": 1}});
        let mut runner_hello = World::runner_hello(100);
        runner_hello["resume"] = json!({"session": 41, "secret": old.secret, "pid": 101});
        let agent = world.open(Door::Unix);
        if agent_first {
            world.event(agent, "ikpdb/agentHello", hello.clone());
            assert!(world.raw(agent).is_empty(), "it waits for its runner");
        }
        let program = world.runner(runner_hello);
        assert_eq!((program.session, &program.secret), (1, &old.secret));
        if !agent_first {
            world.event(agent, "ikpdb/agentHello", hello);
        }
        assert_eq!(world.next_event(agent, "ikpdb/agentWelcome")["body"]["session"], 1);
        let info = world.info(page, 1);
        assert_eq!((info["state"].as_str(), &info["stopped"]["reason"]), (Some("stopped"), &json!("step")));
        assert_eq!(world.next_request(agent, "attach")["arguments"]["stopOnEntry"], false);
    }
}

#[test]
fn who_is_not_who_he_says_is_refused() {
    let mut world = World::new();
    let program = world.program();
    type Spoil<'a> = &'a dyn Fn(&mut Value);
    let tables: [(&str, Spoil); 5] = [
        ("a wrong secret", &|hello| hello["proof"] = "00".repeat(32).into()),
        ("another nonce", &|hello| hello["nonce"] = "ff".repeat(16).into()),
        ("another protocol", &|hello| hello["protocol"] = 99.into()),
        ("protocol 0", &|hello| hello["protocol"] = 0.into()),
        ("no pid", &|hello| drop(hello.as_object_mut().unwrap().remove("pid"))),
    ];
    for (what, spoil) in tables {
        let agent = world.open(Door::Unix);
        let mut hello = World::agent_hello(&program);
        spoil(&mut hello);
        world.event(agent, "ikpdb/agentHello", hello);
        assert_eq!(world.names(agent), ["ikpdb/agentRefused"], "{what}");
        assert!(world.closed.contains_key(&agent), "{what}");
    }
    let agent = world.agent(&program);
    let second = world.open(Door::Unix);
    world.event(second, "ikpdb/agentHello", World::agent_hello(&program));
    assert_eq!(world.names(second), ["ikpdb/agentRefused"], "a second one");
    assert!(!world.closed.contains_key(&agent));
    let mut hello = World::runner_hello(100);
    hello["protocol"] = 99.into();
    hello["build"] = "9.9".into();
    let runner = world.open(Door::Unix);
    let refused = world.call(runner, None, "ikpdb/runnerHello", hello);
    let message = refused["message"].as_str().unwrap();
    assert!(message.contains("9.9") && message.contains("1.2.3"), "names both builds: {message}");
    assert!(world.closed.contains_key(&runner));
}

#[test]
fn a_peer_that_says_nothing_or_nonsense_is_closed() {
    let mut world = World::new();
    let silent = world.open(Door::Unix);
    world.pass(1_999);
    assert!(!world.closed.contains_key(&silent));
    world.pass(1);
    assert!(world.closed.contains_key(&silent));
    for text in ["", "{", "[]", r#"{"seq":1,"type":"event","event":"x"}"#, &format!("\"{}\"", "x".repeat(5 << 20))] {
        let peer = world.open(Door::Unix);
        world.say(peer, text);
        assert!(world.closed.contains_key(&peer), "{}", &text[..text.len().min(40)]);
    }
    let long =
        format!(r#"{{"seq":1,"type":"event","event":"ikpdb/agentHello","body":{{"x":"{}"}}}}"#, "x".repeat(70_000));
    let peer = world.open(Door::Unix);
    world.say(peer, &long);
    assert!(world.closed.contains_key(&peer), "an agent's hello over 64 KB");
}

#[test]
fn the_hub_ends_itself_when_nobody_has_needed_it_for_a_while() {
    let mut world = World::new();
    world.feed(Input::Tick);
    world.pass(9_999);
    assert!(!world.exited);
    let page = world.page();
    world.pass(100_000);
    assert!(!world.exited, "a client is there");
    let (program, agent) = world.running();
    world.close(page);
    world.pass(100_000);
    assert!(!world.exited, "a program is there");
    world.exit(&program, 0);
    world.close(agent);
    world.close(program.runner);
    let visitor = world.open(Door::Web);
    world.pass(9_999);
    assert!(!world.exited);
    world.pass(1);
    assert!(world.exited, "somebody who does not prove himself counts for nothing");
    world.close(visitor);
}

#[test]
fn what_a_program_prints_too_fast_is_cut_in_the_middle_and_counted() {
    let mut world = World::new();
    let page = world.page();
    let (program, _) = world.running();
    let piece = "x".repeat(64 << 10);
    for _ in 0..200 {
        world.event(program.runner, "output", json!({"category": "stdout", "output": piece}));
    }
    world.event(program.runner, "output", json!({"category": "stdout", "output": "the end"}));
    world.pass(10_000);
    let outputs: Vec<_> = world.read(page).into_iter().filter(|it| it["event"] == "output").collect();
    let kept: usize = outputs.iter().map(|it| it["body"]["output"].as_str().unwrap().len()).sum();
    let dropped: f64 = outputs.iter().filter_map(|it| it["body"]["ikpdbDropped"].as_f64()).sum();
    assert!(dropped > 0.0);
    assert_eq!(kept + dropped as usize, 200 * piece.len() + 7);
    assert!(outputs.last().unwrap()["body"]["output"].as_str().unwrap().ends_with("the end"));
}
