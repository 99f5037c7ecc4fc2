//! What the hub does not interpret passes through it: unchanged, in order, answered once.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::World;
use ikpdb_hub::{ConnectionId, Door, Input};
use proptest::prelude::*;
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

/// One thing that may happen.
#[derive(Clone, Debug)]
enum Move {
    Ask(usize, usize),
    Answer(bool),
    Stop,
    Exit,
    Lose(bool),
    Pass(u64),
    Leave(usize),
    Text(String),
}

const COMMANDS: &[&str] = &[
    "threads",
    "continue",
    "evaluate",
    "setVariable",
    "stepBack",
    "cancel",
    "restart",
    "terminate",
    "disconnect",
    "initialize",
    "attach",
    "configurationDone",
    "setExceptionBreakpoints",
    "setBreakpoints",
    "launch",
    "ikpdb/snapshot",
    "ikpdb/setting",
    "ikpdb/breakpoints/set",
    "ikpdb/breakpoints/activate",
    "ikpdb/watches",
    "ikpdb/terminal/input",
    "ikpdb/unknown",
];

fn moves() -> impl Strategy<Value = Move> {
    prop_oneof![
        8 => (0..3usize, 0..COMMANDS.len()).prop_map(|(who, what)| Move::Ask(who, what)),
        6 => any::<bool>().prop_map(Move::Answer),
        2 => Just(Move::Stop),
        1 => Just(Move::Exit),
        1 => any::<bool>().prop_map(Move::Lose),
        2 => (0..20_000u64).prop_map(Move::Pass),
        1 => (0..3usize).prop_map(Move::Leave),
        1 => "[ -~]{0,40}".prop_map(Move::Text),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn i04_every_request_is_answered_exactly_once_whatever_happens(moves in prop::collection::vec(moves(), 1..60)) {
        let mut world = World::new();
        let pages = [world.page(), world.page()];
        let editor = world.open(Door::Dap);
        let clients = [pages[0], pages[1], editor];
        let (program, agent) = world.running();
        let mut asked: Vec<(ConnectionId, i64)> = Vec::new();
        let mut left: Vec<ConnectionId> = Vec::new();
        let mut waiting: Vec<(ConnectionId, Value)> = Vec::new();
        for one in moves {
            match one {
                Move::Ask(who, what) if !left.contains(&clients[who]) && !world.closed.contains_key(&clients[who]) => {
                    let arguments = json!({"threadId": 1, "expression": "x", "requestId": 3, "scope": "user", "key": "k",
                        "value": 1, "path": "/w/a.py", "line": 2, "active": true, "data": "x", "filters": [],
                        "expressions": [], "source": {"path": "/w/a.py"}, "breakpoints": [{"line": 4}]});
                    asked.push((clients[who], world.ask(clients[who], program.session, COMMANDS[what], arguments)));
                }
                Move::Answer(good) => {
                    if let Some((peer, request)) = waiting.pop() {
                        if good {
                            world.reply(peer, &request, json!({"breakpoints": []}));
                        } else {
                            world.refuse(peer, &request, "no");
                        }
                    }
                }
                Move::Stop => world.stop(agent),
                Move::Exit => world.exit(&program, 0),
                Move::Lose(agent_too) => world.close(if agent_too { agent } else { program.runner }),
                Move::Pass(ms) => world.pass(ms),
                Move::Leave(who) => {
                    world.close(clients[who]);
                    left.push(clients[who]);
                }
                Move::Text(text) => {
                    let stranger = world.open(Door::Unix);
                    world.say(stranger, &text);
                }
                Move::Ask(..) => {}
            }
            for peer in [agent, program.runner] {
                waiting.extend(world.read(peer).into_iter().filter(|it| it["type"] == "request").map(|it| (peer, it)));
            }
        }
        // Everybody goes who could still answer.
        world.close(agent);
        world.close(program.runner);
        world.pass(60_000);
        for job in std::mem::take(&mut world.spawns) {
            world.feed(Input::Spawned { job, result: Err(ikpdb_proto::Failure::internal("no")) });
        }
        for job in std::mem::take(&mut world.launches) {
            world.feed(Input::Spawned { job, result: Err(ikpdb_proto::Failure::internal("no")) });
        }
        for client in clients {
            let mine: Vec<i64> = asked.iter().filter(|(who, _)| *who == client).map(|(_, seq)| *seq).collect();
            let mut answered: Vec<i64> = world
                .read(client)
                .iter()
                .filter(|it| it["type"] == "response")
                .map(|it| it["request_seq"].as_i64().unwrap())
                .collect();
            answered.sort_unstable();
            let unique = answered.windows(2).all(|it| it[0] != it[1]);
            prop_assert!(unique, "answered twice: {answered:?}");
            // The greeting of a page is answered before the count begins; who left may have missed some.
            if !left.contains(&client) && !world.closed.contains_key(&client) {
                let attach_waits = |seq: &i64| client == editor && !answered.contains(seq);
                let missing: Vec<_> = mine.iter().filter(|seq| !answered.contains(seq)).collect();
                let allowed = missing.iter().all(|seq| attach_waits(seq)) && missing.len() <= 1;
                prop_assert!(missing.is_empty() || allowed, "not answered: {missing:?}");
            }
        }
    }
}
