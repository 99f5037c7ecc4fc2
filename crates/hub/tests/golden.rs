//! Messages that are fixed from the first version on, as they stand on the wire. To change one on purpose: delete its file, run
//! the tests, look at what they wrote.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::path::PathBuf;

use common::{NONCE, Program, SECRET, World};
use ikpdb_hub::{ConnectionId, Door};
use ikpdb_proto::agent::AgentResume;
use ikpdb_proto::client::{GREET, Greet, HELLO, Hello};
use ikpdb_proto::proof::{Role, prove};
use ikpdb_proto::{Message, Options, Request, ThreadId, dap};
use serde::Serialize;
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

/// A request as a page sends it.
fn of_page(seq: i64, command: &str, arguments: &impl Serialize) -> Value {
    let message = Message::from(Request { seq, ..Request::new(command, arguments) });
    json!({"message": message})
}

#[test]
fn what_a_page_says_first_stays_as_it_is_and_lets_it_in() {
    let mut world = World::new();
    let page = world.open(Door::Web);
    let greet = Greet { protocol: 1, nonce: NONCE.into(), ticket: None };
    let greet = of_page(1, GREET, &greet);
    golden("greet", &greet);
    world.say(page, &greet.to_string());
    let theirs = world.read(page)[0]["body"]["nonce"].as_str().unwrap().to_owned();
    // A page that comes back names what it saw last; a new one leaves that out.
    let proof = prove(&SECRET, Role::Client, NONCE, &theirs);
    let hello = of_page(2, HELLO, &Hello { proof: proof.clone(), epoch: Some("epoch".into()), n: Some(0) });
    golden("hello", &hello);
    golden("hello_new", &of_page(2, HELLO, &Hello { proof, epoch: None, n: None }));
    world.say(page, &hello.to_string());
    assert_eq!(world.read(page)[0]["success"], true);
    let ticket = Greet { protocol: 1, nonce: NONCE.into(), ticket: Some("00ff".into()) };
    golden("greet_with_ticket", &of_page(1, GREET, &ticket));
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
    // Both hellos are compared with those of a real runner and a real agent in the tests of the command.
    golden("runner_hello", &World::runner_hello(100));
    world.ask(runner, None, "ikpdb/runnerHello", World::runner_hello(100));
    let welcome = world.raw(runner).remove(0);
    golden("runner_welcome", &welcome);
    let program = Program { runner, session: 1, secret: welcome["body"]["secret"].as_str().unwrap().to_owned() };
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

#[test]
fn what_an_agent_says_when_it_comes_back_stays_as_it_is_and_lets_it_in() {
    let stopped = dap::StoppedEvent {
        reason: "breakpoint".to_owned(),
        description: Some("Stopped on a breakpoint".to_owned()),
        thread_id: Some(ThreadId(1)),
        all_threads_stopped: Some(true),
        hit_breakpoint_ids: Some(vec![3]),
        ikpdb_stop: Some(2),
        ..dap::StoppedEvent::default()
    };
    // As real agents say it: compared in the tests of the agent.
    for (file, state, stopped) in
        [("agent_hello_back_stopped", "stopped", Some(stopped)), ("agent_hello_back_running", "running", None)]
    {
        let mut world = World::new();
        let page = world.page();
        let old = Program { runner: ConnectionId(0), session: 41, secret: "ab".repeat(32) };
        let mut runner = World::runner_hello(100);
        runner["resume"] = json!({"session": old.session, "secret": old.secret, "pid": 101});
        let program = world.runner(runner);
        let mut hello = World::agent_hello(&old);
        hello["resume"] = serde_json::to_value(AgentResume {
            configured: true,
            stopped,
            also_stopped: None,
            options: Some(Options::default()),
        })
        .unwrap();
        golden(file, &hello);
        let agent = world.open(Door::Unix);
        world.event(agent, "ikpdb/agentHello", hello);
        assert_eq!(world.next_event(agent, "ikpdb/agentWelcome")["body"]["session"], program.session);
        assert_eq!(world.info(page, program.session)["state"], state);
    }
}
