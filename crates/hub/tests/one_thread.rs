//! Stops of single threads, and what else can be chosen while a program runs.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::World;
use serde_json::{Value, json};

fn stop(world: &mut World, agent: ikpdb_hub::ConnectionId, thread: i32, all: bool) {
    let body = json!({"reason": "breakpoint", "threadId": thread, "allThreadsStopped": all});
    world.event(agent, "stopped", body);
}

/// The threads of the stops that a session tells of, the one to be shown first.
fn stops(info: &Value) -> Vec<i64> {
    let others = info["alsoStopped"].as_array().unwrap().iter().rev();
    let all = Some(&info["stopped"]).filter(|it| !it.is_null()).into_iter().chain(others);
    all.map(|it| it["threadId"].as_i64().unwrap()).collect()
}

#[test]
fn threads_that_are_stopped_by_themselves_go_on_by_themselves() {
    let mut world = World::new();
    let page = world.page();
    let (program, agent) = world.running();
    for thread in [2, 3, 4] {
        stop(&mut world, agent, thread, false);
    }
    assert_eq!(stops(&world.info(page, program.session)), [4, 3, 2]);
    let mut go_on = |command: &str, thread: i32| {
        world.ask(page, program.session, command, json!({"threadId": thread}));
        let request = world.next_request(agent, command);
        let body = if command == "continue" { json!({"allThreadsContinued": false}) } else { json!({}) };
        world.raw(page);
        world.reply(agent, &request, body);
        world.event(agent, "continued", json!({"threadId": thread, "allThreadsContinued": false}));
        let continued: Vec<Value> = world.read(page).into_iter().filter(|it| it["event"] == "continued").collect();
        assert_eq!(continued.len(), 1, "it is told once: {continued:?}");
        assert_eq!(continued[0]["body"], json!({"threadId": thread, "allThreadsContinued": false}));
        let info = world.info(page, program.session);
        (info["state"].as_str().unwrap().to_owned(), stops(&info))
    };
    assert_eq!(go_on("continue", 3), ("stopped".into(), vec![4, 2]));
    assert_eq!(go_on("next", 4), ("stopped".into(), vec![2]));
    assert_eq!(go_on("continue", 2), ("running".into(), vec![]));
}

#[test]
fn who_joins_later_sees_all_that_is_stopped() {
    let mut world = World::new();
    let (program, agent) = world.running();
    stop(&mut world, agent, 2, false);
    stop(&mut world, agent, 1, true);
    let page = world.page();
    assert_eq!(stops(&world.info(page, program.session)), [1, 2]);
    // That everybody goes on is everybody.
    world.event(agent, "continued", json!({"threadId": 1, "allThreadsContinued": true}));
    assert!(stops(&world.info(page, program.session)).is_empty());
    assert_eq!(world.info(page, program.session)["state"], "running");
}

#[test]
fn options_that_were_changed_are_told_to_everybody() {
    let mut world = World::new();
    let (one, two) = (world.page(), world.page());
    let (program, agent) = world.running();
    world.ask(one, program.session, "ikpdb/options", json!({"stopPolicy": "thread"}));
    let request = world.next_request(agent, "ikpdb/options");
    assert_eq!(request["arguments"], json!({"stopPolicy": "thread"}));
    let options = json!({"justMyCode": false, "stopPolicy": "thread", "rules": [{"module": "json", "include": true}]});
    world.reply(agent, &request, options.clone());
    assert_eq!(world.info(two, program.session)["options"], options);
}

#[test]
fn a_breakpoint_says_whom_it_stops() {
    let mut world = World::new();
    let page = world.page();
    let place = json!({"path": "/w/app.py", "line": 3, "stopPolicy": "thread"});
    let wish = world.call(page, None, "ikpdb/breakpoints/set", place)["body"]["id"].clone();
    let (_, agent) = world.running();
    world.read(agent);
    let mut change = |to: &str| {
        world.call(page, None, "ikpdb/breakpoints/change", json!({"id": wish, "stopPolicy": to}));
        world.next_request(agent, "setBreakpoints")["arguments"]["breakpoints"].clone()
    };
    assert_eq!(change("all"), json!([{"line": 3, "ikpdbStopPolicy": "all"}]));
    assert_eq!(change("thread"), json!([{"line": 3, "ikpdbStopPolicy": "thread"}]));
    assert_eq!(change("session"), json!([{"line": 3}]));
}

#[test]
fn threads_that_have_failed_by_themselves_unseen_are_let_go_one_after_the_other() {
    let mut world = World::new();
    let (_, agent) = world.running();
    for thread in [2, 3] {
        let body =
            json!({"reason": "exception", "threadId": thread, "allThreadsStopped": false, "ikpdbUncaught": true});
        world.event(agent, "stopped", body);
    }
    // Another one is only stopped: nothing lets that go.
    stop(&mut world, agent, 4, false);
    for thread in [3, 2] {
        world.pass(10_000);
        let request = world.next_request(agent, "continue");
        assert_eq!(request["arguments"], json!({"threadId": thread}));
        world.reply(agent, &request, json!({"allThreadsContinued": false}));
        world.event(agent, "continued", json!({"threadId": thread, "allThreadsContinued": false}));
    }
    world.pass(100_000);
    assert!(world.read(agent).is_empty());
}
