//! A program that a signal suspended, and its runner with it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::World;
use serde_json::{Value, json};

#[test]
fn pages_hear_that_a_program_is_suspended_and_that_it_goes_on() {
    let mut world = World::new();
    let page = world.page();
    let program = world.program();
    assert_eq!(world.info(page, program.session)["suspended"], Value::Null);
    world.event(program.runner, "ikpdb/runnerSuspended", json!({"signal": "SIGTSTP"}));
    assert_eq!(world.info(page, program.session)["suspended"], "SIGTSTP");
    world.event(program.runner, "ikpdb/runnerResumed", Value::Null);
    assert_eq!(world.info(page, program.session)["suspended"], Value::Null);
}

#[test]
fn a_suspended_program_that_ends_is_not_suspended_any_more() {
    let mut world = World::new();
    let page = world.page();
    let program = world.program();
    world.event(program.runner, "ikpdb/runnerSuspended", json!({"signal": "SIGTSTP"}));
    world.event(
        program.runner,
        "ikpdb/runnerExited",
        json!({"signal": "SIGKILL", "signalNumber": 9, "durationMs": 1.0}),
    );
    let info = world.info(page, program.session);
    assert_eq!((&info["state"], &info["suspended"]), (&json!("ended"), &Value::Null), "{info}");
}
