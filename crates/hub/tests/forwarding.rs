//! What the hub does not interpret passes through it: unchanged, in order, answered once.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::World;
use ikpdb_hub::{Door, Input};
use serde_json::{Value, json};

#[test]
fn i12_unknown_requests_answers_and_events_pass_unchanged() {
    let mut world = World::new();
    let page = world.page();
    let (program, agent) = world.running();
    let odd = json!({"nested": [1, {"a": null, "ü": "\u{1F600}"}], "float": 1.5, "line": 7});
    let seq = world.ask(page, program.session, "someday/newRequest", odd.clone());
    let request = world.next_request(agent, "someday/newRequest");
    assert_eq!(request["arguments"], odd);
    world.reply(agent, &request, odd.clone());
    let answer = world.response(page, seq);
    assert_eq!((&answer["body"], &answer["command"]), (&odd, &json!("someday/newRequest")));
    world.event(agent, "someday/newEvent", odd.clone());
    world.event(program.runner, "someday/other", odd.clone());
    assert_eq!(world.next_event(page, "someday/newEvent")["body"], odd);
    assert_eq!(world.next_event(page, "someday/other")["body"], odd);
    world.event(agent, "stopped", json!({"reason": "someday", "threadId": 1, "extra": odd}));
    assert_eq!(world.next_event(page, "stopped")["body"]["extra"], odd);
}

#[test]
fn i12_a_body_passes_byte_for_byte() {
    let mut world = World::new();
    let page = world.page();
    let (_, agent) = world.running();
    let body = r#"{"b":1.0,"a":[ 1,  2 ],"c":1e3}"#;
    let text = format!(r#"{{"seq":10,"type":"event","event":"y","body":{body}}}"#);
    let outputs = world.hub.step(0, Input::Received { connection: agent, bytes: text.into() });
    let sent: Vec<_> = outputs
        .iter()
        .filter_map(|it| match it {
            ikpdb_hub::Output::Send { to, bytes } if *to == page => Some(String::from_utf8_lossy(bytes).into_owned()),
            _ => None,
        })
        .collect();
    assert!(sent[0].contains(body), "{}", sent[0]);
}

#[test]
fn i03_an_agent_cannot_tell_who_asks_and_only_who_asked_is_answered() {
    let mut world = World::new();
    let (one, two) = (world.page(), world.page());
    let (program, agent) = world.running();
    let first = world.ask(one, program.session, "threads", json!({}));
    let second = world.ask(two, program.session, "threads", json!({}));
    let mut requests = world.read(agent);
    let asked = requests.clone();
    assert_eq!(requests.len(), 2);
    assert_ne!(requests[0]["seq"], requests[1]["seq"]);
    for request in &mut requests {
        request.as_object_mut().unwrap().remove("seq");
    }
    assert_eq!(requests[0], requests[1]);
    world.reply(agent, &asked[1], json!({"threads": []}));
    assert_eq!(world.response(two, second)["success"], true);
    assert!(world.read(one).iter().all(|it| it["type"] != "response"), "the other one still waits");
    world.reply(agent, &asked[0], json!({"threads": []}));
    world.response(one, first);
}

#[test]
fn i04_answers_in_any_order_find_their_askers() {
    let mut world = World::new();
    let (one, two) = (world.page(), world.page());
    let (program, agent) = world.running();
    let first = world.ask(one, program.session, "evaluate", json!({"expression": "1"}));
    let second = world.ask(two, program.session, "evaluate", json!({"expression": "2"}));
    let requests: Vec<_> = world.read(agent);
    for request in requests.iter().rev() {
        world.reply(agent, request, json!({"result": request["arguments"]["expression"], "variablesReference": 0}));
        world.reply(agent, request, json!({"result": "a second answer", "variablesReference": 0}));
    }
    assert_eq!(world.response(one, first)["body"]["result"], "1");
    assert_eq!(world.response(two, second)["body"]["result"], "2");
    assert!(world.read(one).iter().chain(&world.read(two)).all(|it| it["type"] != "response"), "once");
}

#[test]
fn i04_what_an_agent_that_is_gone_was_asked_is_answered_with_a_failure() {
    let mut world = World::new();
    let page = world.page();
    let (program, agent) = world.running();
    let seqs = ["threads", "evaluate", "someday/unknown"].map(|it| world.ask(page, program.session, it, json!({})));
    world.close(agent);
    for seq in seqs {
        assert_eq!(world.response(page, seq)["success"], false);
    }
    let typed = world.ask(page, program.session, "ikpdb/terminal/input", json!({"data": "x"}));
    let terminate = world.ask(page, program.session, "terminate", json!({}));
    world.close(program.runner);
    assert_eq!(world.response(page, typed)["success"], false);
    assert_eq!(world.response(page, terminate)["success"], false);
}

#[test]
fn i05_messages_of_a_session_keep_their_order() {
    let mut world = World::new();
    let page = world.page();
    let (program, agent) = world.running();
    world.raw(page);
    world.stop(agent);
    let seq = world.ask(page, program.session, "continue", json!({"threadId": 1}));
    let request = world.next_request(agent, "continue");
    world.reply(agent, &request, json!({}));
    world.stop(agent);
    world.event(agent, "thread", json!({"reason": "started", "threadId": 2}));
    let all = world.read(page);
    let names: Vec<_> = all.iter().map(common::name).filter(|it| it != "ikpdb/session").collect();
    assert_eq!(names, ["stopped", "=continue", "continued", "stopped", "thread"]);
    assert_eq!(all.iter().find(|it| it["type"] == "response").unwrap()["request_seq"], seq);
}

#[test]
fn requests_that_nobody_can_carry_out_are_refused_at_once() {
    let mut world = World::new();
    let page = world.page();
    let started = world.program();
    let (ended, agent) = world.running();
    world.exit(&ended, 0);
    world.close(agent);
    for (session, command, why) in [
        (Some(started.session), "stackTrace", "still being started"),
        (Some(ended.session), "stackTrace", "has ended"),
        (Some(77), "stackTrace", "no session 77"),
        (None, "stackTrace", "not supported"),
        (None, "someday/unknown", "not supported"),
        (Some(ended.session), "launch", "not supported"),
        (Some(started.session), "ikpdb/greet", "still being started"),
    ] {
        let answer = world.call(page, session, command, json!({"threadId": 1}));
        assert_eq!(answer["success"], false, "{command}");
        assert!(answer["message"].as_str().unwrap().contains(why), "{command}: {answer}");
    }
}

#[test]
fn i08_what_a_session_does_not_claim_is_refused_by_the_hub() {
    let mut world = World::new();
    let page = world.page();
    let (program, agent) = world.running();
    for command in ["stepBack", "setFunctionBreakpoints", "setDataBreakpoints", "completions", "ikpdb/runTo"] {
        assert_eq!(world.call(page, program.session, command, json!({}))["success"], false, "{command}");
    }
    assert!(world.raw(agent).is_empty());
    world.event(agent, "capabilities", json!({"capabilities": {"supportsStepBack": true}}));
    world.ask(page, program.session, "stepBack", json!({"threadId": 1}));
    world.next_request(agent, "stepBack");
}

#[test]
fn cancel_and_progress_name_the_request_by_the_number_that_each_side_knows() {
    let mut world = World::new();
    let (one, two) = (world.page(), world.page());
    let (program, agent) = world.running();
    for _ in 0..5 {
        world.ask(two, None, "ikpdb/snapshot", json!({}));
    }
    let seq = world.ask(two, program.session, "evaluate", json!({"expression": "slow()"}));
    let request = world.next_request(agent, "evaluate");
    assert_ne!(request["seq"], seq);
    let start = json!({"progressId": "p", "title": "t", "requestId": request["seq"], "cancellable": true});
    world.event(agent, "progressStart", start);
    assert_eq!(world.next_event(two, "progressStart")["body"]["requestId"], seq);
    let of_another = world.next_event(one, "progressStart");
    assert_eq!((of_another["body"].get("requestId"), &of_another["body"]["progressId"]), (None, &json!("p")));
    let cancel = world.ask(two, program.session, "cancel", json!({"requestId": seq}));
    let passed = world.next_request(agent, "cancel");
    assert_eq!(passed["arguments"]["requestId"], request["seq"]);
    world.reply(agent, &passed, Value::Null);
    assert_eq!(world.response(two, cancel)["success"], true);
    assert_eq!(world.call(one, program.session, "cancel", json!({"requestId": seq}))["success"], true, "not its own");
    assert!(world.find_request(agent, "cancel").is_none());
}

#[test]
fn i04_a_reverse_request_is_refused_and_a_wrong_answer_is_dropped() {
    let mut world = World::new();
    let page = world.page();
    let (program, agent) = world.running();
    world.raw(page);
    for peer in [agent, program.runner] {
        let seq = world.ask(peer, None, "runInTerminal", json!({}));
        assert_eq!(world.response(peer, seq)["success"], false);
        world.reply(peer, &json!({"seq": 12345, "command": "x"}), Value::Null);
    }
    assert!(world.raw(page).is_empty());
}

#[test]
fn a_client_that_is_gone_is_not_answered_and_nobody_else_is() {
    let mut world = World::new();
    let (one, two) = (world.page(), world.page());
    let (program, agent) = world.running();
    world.ask(one, program.session, "threads", json!({}));
    let request = world.next_request(agent, "threads");
    world.close(one);
    world.raw(two);
    world.reply(agent, &request, json!({"threads": []}));
    assert!(world.raw(two).is_empty());
}

#[test]
fn that_a_program_goes_on_is_told_once_whether_or_not_its_agent_says_so() {
    for agent_says_so in [true, false] {
        let mut world = World::new();
        let (one, two) = (world.page(), world.page());
        let (program, agent) = world.running();
        world.stop(agent);
        world.ask(one, program.session, "next", json!({"threadId": 1}));
        let request = world.next_request(agent, "next");
        world.raw(two);
        world.reply(agent, &request, json!({}));
        if agent_says_so {
            world.event(agent, "continued", json!({"threadId": 1, "allThreadsContinued": true}));
        }
        world.stop(agent);
        let names = world.names(two);
        assert_eq!(names, ["continued", "ikpdb/session", "stopped", "ikpdb/session"], "{agent_says_so}");
        // Of its own accord: an evaluation that was detached from, a signal.
        world.event(agent, "continued", json!({"threadId": 1}));
        assert_eq!(world.names(two), ["continued", "ikpdb/session"]);
    }
}

#[test]
fn what_is_asked_during_the_agents_handshake_reaches_it() {
    let mut world = World::new();
    let page = world.page();
    let program = world.program();
    let agent = world.open(Door::Unix);
    world.event(agent, "ikpdb/agentHello", World::agent_hello(&program));
    world.ask(page, program.session, "stackTrace", json!({"threadId": 1}));
    let names = world.names(agent);
    assert_eq!(names, ["ikpdb/agentWelcome", "initialize", "attach", "stackTrace"]);
    world.call(page, None, "ikpdb/breakpoints/set", json!({"path": "/a.py", "line": 1}));
    assert!(world.raw(agent).is_empty(), "breakpoints come when it says that it takes them");
}
