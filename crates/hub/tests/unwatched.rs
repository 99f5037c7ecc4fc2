//! A program that has failed: held while somebody looks at it, let end when nobody does.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::World;
use serde_json::{Value, json};

fn failed() -> Value {
    json!({"reason": "exception", "threadId": 1, "ikpdbUncaught": true})
}

/// What happens around a program that has failed.
enum Happens {
    Joins,
    Leaves,
    /// So many milliseconds pass, and it is still held.
    Held(u64),
    /// So many milliseconds pass, and at the last of them, not before, it is let go.
    LetGo(u64),
}

#[test]
fn a_program_that_failed_is_let_end_ten_seconds_after_it_failed_or_the_last_client_left() {
    use Happens::{Held, Joins, Leaves, LetGo};
    let table: &[(&str, &[Happens])] = &[
        ("nobody ever comes", &[LetGo(10_000)]),
        ("somebody is there, for as long as it takes", &[Joins, Held(3_600_000)]),
        ("somebody comes in time", &[Held(9_999), Joins, Held(60_000)]),
        (
            "somebody comes and leaves before the time is over",
            &[Held(5_000), Joins, Held(1_000), Leaves, LetGo(10_000)],
        ),
        ("somebody is there when the time is over and leaves later", &[Joins, Held(10_500), Leaves, LetGo(10_000)]),
        ("a reload takes a moment", &[Joins, Held(60_000), Leaves, Held(9_999), Joins, Held(60_000)]),
        ("the first of two leaves", &[Joins, Joins, Leaves, Held(60_000), Leaves, LetGo(10_000)]),
        ("it is let go once", &[LetGo(10_000), Joins, Leaves, Held(60_000)]),
    ];
    for (what, happens) in table {
        let mut world = World::new();
        let (_, agent) = world.running();
        world.event(agent, "stopped", failed());
        let mut pages = Vec::new();
        for (step, one) in happens.iter().enumerate() {
            match one {
                Joins => pages.push(world.page()),
                Leaves => world.close(pages.pop().unwrap()),
                Held(ms) => {
                    world.pass(*ms);
                    assert!(world.names(agent).is_empty(), "{what}: step {step}");
                }
                LetGo(ms) => {
                    world.pass(ms - 1);
                    assert!(world.names(agent).is_empty(), "{what}: step {step}");
                    world.pass(1);
                    let request = world.next_request(agent, "continue");
                    assert_eq!(request["arguments"], json!({"threadId": 1}), "{what}: step {step}");
                    world.reply(agent, &request, Value::Null);
                    world.event(agent, "continued", json!({"threadId": 1}));
                }
            }
        }
    }
}

#[test]
fn a_program_that_failed_again_has_its_time_again() {
    let mut world = World::new();
    let (program, agent) = world.running();
    world.event(agent, "stopped", failed());
    world.pass(9_000);
    let page = world.page();
    let seq = world.ask(page, program.session, "continue", json!({"threadId": 1}));
    let request = world.next_request(agent, "continue");
    world.reply(agent, &request, Value::Null);
    world.response(page, seq);
    world.close(page);
    // Another thread of it fails.
    world.event(agent, "stopped", failed());
    world.pass(9_999);
    assert!(world.names(agent).is_empty());
    world.pass(1);
    world.next_request(agent, "continue");
}

#[test]
fn a_breakpoint_waits_for_as_long_as_it_takes() {
    let mut world = World::new();
    let (_, agent) = world.running();
    world.stop(agent);
    world.pass(3_600_000);
    assert!(world.names(agent).is_empty());
}

#[test]
fn a_failed_program_that_comes_back_to_a_new_hub_is_not_held_for_ever() {
    let mut world = World::new();
    let old = common::Program { runner: ikpdb_hub::ConnectionId(0), session: 41, secret: "ab".repeat(32) };
    let mut runner_hello = World::runner_hello(100);
    runner_hello["resume"] = json!({"session": 41, "secret": old.secret, "pid": 101});
    world.runner(runner_hello);
    let mut hello = World::agent_hello(&old);
    hello["resume"] = json!({"configured": true, "stopped": failed()});
    let agent = world.open(ikpdb_hub::Door::Unix);
    world.event(agent, "ikpdb/agentHello", hello);
    world.pass(10_000);
    world.next_request(agent, "continue");
}
