//! Messages that are fixed from the first version on, as they stand on the wire. To change one on purpose: delete its file, run
//! the tests, look at what they wrote.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::path::PathBuf;

use common::{NONCE, World};
use ikpdb_hub::Door;
use serde_json::{Value, json};

/// Compares a message with the one in its file.
fn golden(name: &str, message: &Value) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{name}.json"));
    let text = serde_json::to_string_pretty(message).unwrap() + "\n";
    match std::fs::read_to_string(&path) {
        Ok(expected) => assert_eq!(text, expected, "{name} differs from its golden file"),
        Err(_) => {
            std::fs::write(&path, text).unwrap();
            panic!("{name} had no golden file; it was written: look at it and run again");
        }
    }
}

#[test]
fn the_handshake_of_a_page_stays_as_it_is() {
    let mut world = World::new();
    let page = world.open(Door::Web);
    world.ask(page, None, "ikpdb/greet", json!({"protocol": 1, "nonce": NONCE}));
    let challenge = world.raw(page).remove(0);
    golden("challenge", &challenge);
    let other = world.open(Door::Web);
    let seq = world.ask(other, None, "ikpdb/hello", json!({"proof": ""}));
    assert_eq!(seq, 1);
    golden("hello_refused", &world.raw(other).remove(0));
    let page = world.open(Door::Web);
    golden("welcome", &world.enter(page, json!({})));
    world.close(page);
    let page = world.open(Door::Web);
    golden("welcome_resumed", &world.enter(page, json!({"epoch": "epoch", "n": 0})));
}

#[test]
fn the_snapshot_stays_as_it_is() {
    let mut world = World::new();
    let page = world.page();
    let (program, agent) = world.running();
    world.call(page, None, "ikpdb/breakpoints/set", json!({"path": "/w/a.py", "line": 2, "condition": "x"}));
    world.settle(agent);
    world.event(program.runner, "output", json!({"category": "stdout", "output": "printed\n", "ikpdbTerminal": true}));
    world.event(agent, "ikpdb/child", json!({"pid": 7, "command": ["python3"], "hint": "h"}));
    world.stop(agent);
    golden("snapshot", &world.snapshot(page));
}

#[test]
fn the_envelope_of_events_stays_as_it_is() {
    let mut world = World::new();
    let page = world.page();
    let (program, agent) = world.running();
    world.raw(page);
    world.stop(agent);
    let events = world.raw(page);
    golden("stopped", &events[0]);
    golden("session", &events[1]);
    world.exit(&program, 0);
    world.close(agent);
    let events = world.raw(page);
    golden("exited", &events[0]);
    golden("terminated", &events[1]);
    world.call(page, None, "ikpdb/breakpoints/set", json!({"path": "/w/a.py", "line": 2}));
    golden("breakpoints", &world.raw(page)[0]);
}

#[test]
fn the_doors_of_agents_and_runners_stay_as_they_are() {
    let mut world = World::new();
    let runner = world.open(Door::Unix);
    world.ask(runner, None, "ikpdb/runnerHello", World::runner_hello(100));
    let welcome = world.raw(runner).remove(0);
    golden("runner_welcome", &welcome);
    let program =
        common::Program { runner, session: 1, secret: welcome["body"]["secret"].as_str().unwrap().to_owned() };
    let agent = world.open(Door::Unix);
    let hello = World::agent_hello(&program);
    golden("agent_hello", &hello);
    world.event(agent, "ikpdb/agentHello", hello);
    let sent = world.raw(agent);
    golden("agent_welcome", &sent[0]);
    golden("agent_initialize", &sent[1]);
    golden("agent_attach", &sent[2]);
    let stranger = world.open(Door::Unix);
    let mut hello = World::agent_hello(&program);
    hello["protocol"] = 9.into();
    world.event(stranger, "ikpdb/agentHello", hello);
    golden("agent_refused", &world.raw(stranger)[0]);
}
