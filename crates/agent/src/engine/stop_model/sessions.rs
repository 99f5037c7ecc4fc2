//! What the model checker tries.

use std::sync::Arc;

use ikpdb_proto::StopPolicy::{self, All, Thread};
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, MaxSteps, Runner, thread};

use super::actor::Actor;
use super::client::{Client, Does};
use super::{ORDER, World};

/// The lines of the threads, each with its breakpoint.
pub(super) type Program = &'static [&'static [Option<StopPolicy>]];

/// One run of a program under the debugger.
fn session(policy: StopPolicy, program: Program, does: &'static [Does]) {
    let world = Arc::new(World::new(policy, program.len()));
    let spawn = |work: Box<dyn FnOnce(&World) + Send>| {
        let world = Arc::clone(&world);
        thread::spawn(move || work(&world))
    };
    let helper = spawn(Box::new(super::ours::help));
    let watchdog = spawn(Box::new(|world| world.watchdog.watch(world)));
    let threads: Vec<_> = program
        .iter()
        .zip(1..)
        .map(|(lines, me)| {
            spawn(Box::new(move |world| {
                let mut thread = Actor::new(world, me);
                lines.iter().for_each(|breakpoint| thread.line(*breakpoint));
                thread.end();
                if me == 1 {
                    // The main thread waits in native code for all others.
                    world.end.wait();
                }
                thread.vanish();
            }))
        })
        .collect();
    let mut client = Client::new(&world, does, program);
    let asked = client.debug();
    world.end.post();
    for thread in threads {
        thread.join().unwrap();
    }
    world.over.store(true, ORDER);
    world.helper.post();
    helper.join().unwrap();
    world.watchdog.end();
    watchdog.join().unwrap();
    world.run_jobs();
    assert!(!world.mailbox.is_open() && !world.holder.is_there(), "a stop is left behind");
    assert!(!world.wish.is_there(), "a pause is left behind");
    assert!(!world.freezer.is_on() && !world.with(|it| it.events), "threads are to stand still for nobody");
    assert_eq!(world.ending.load(ORDER), !world.debugging.load(ORDER), "the debugger leaves and lets go");
    let mut answered = world.answered.lock().unwrap().clone();
    answered.sort_unstable();
    assert_eq!(answered, (1..=asked).collect::<Vec<_>>(), "each request is answered once");
}

/// How many orders are tried, at random and by the other scheduler. `IKPDB_MODEL_ROUNDS` tries more.
const ROUNDS: usize = 600;

fn check(policy: StopPolicy, program: Program, does: &'static [Does]) {
    check_with(RandomScheduler::new(rounds()), policy, program, does);
    check_with(PctScheduler::new(3, rounds()), policy, program, does);
}

fn rounds() -> usize {
    std::env::var("IKPDB_MODEL_ROUNDS").ok().and_then(|it| it.parse().ok()).unwrap_or(ROUNDS)
}

fn check_with(scheduler: impl Scheduler + 'static, policy: StopPolicy, program: Program, does: &'static [Does]) {
    let mut config = Config::new();
    config.stack_size = 256 << 10;
    config.max_steps = MaxSteps::FailAfter(50_000);
    Runner::new(scheduler, config).run(move || session(policy, program, does));
}

const STOPS_ALL: &[Option<StopPolicy>] = &[Some(All), Some(All)];
const STOPS_ITSELF: &[Option<StopPolicy>] = &[Some(Thread), Some(Thread)];
const RUNS: &[Option<StopPolicy>] = &[None, None, None];
const MIXED: Program = &[&[Some(Thread), None], &[Some(All), None, Some(All)], &[None, Some(Thread), None]];

#[test]
fn stops_of_everybody_follow_each_other_and_every_request_is_answered() {
    check(All, &[STOPS_ALL, STOPS_ALL, STOPS_ALL], &[]);
}

#[test]
fn threads_that_stop_by_themselves_are_answered_each() {
    check(Thread, &[STOPS_ITSELF, STOPS_ITSELF, STOPS_ITSELF], &[]);
}

#[test]
fn stops_of_one_and_of_everybody_meet_and_nobody_waits_for_ever() {
    check(All, MIXED, &[]);
}

#[test]
fn a_pause_leads_to_one_stop_whatever_stops_and_goes_on_at_that_moment() {
    check(All, &[RUNS, STOPS_ALL, RUNS], &[Does::Pause]);
}

#[test]
fn each_thread_that_is_paused_by_itself_stops() {
    check(Thread, &[RUNS, STOPS_ITSELF, RUNS], &[Does::Pause]);
    check(Thread, MIXED, &[Does::Pause]);
}

#[test]
fn a_step_ends_in_one_stop_whoever_else_stops() {
    check(All, &[STOPS_ALL, RUNS, &[None, Some(All), None]], &[Does::Step]);
}

#[test]
fn threads_step_by_themselves() {
    check(Thread, MIXED, &[Does::Step]);
}

#[test]
fn evaluations_are_put_off_given_up_and_answered_and_others_stand_still_meanwhile() {
    check(All, MIXED, &[Does::Evaluate]);
    check(All, &[STOPS_ALL], &[Does::Evaluate]);
    check(Thread, &[STOPS_ITSELF, STOPS_ITSELF], &[Does::Evaluate]);
}

#[test]
fn one_thread_goes_on_alone_and_nobody_stands_still_for_ever() {
    check(All, MIXED, &[Does::PickOne, Does::Step]);
}

#[test]
fn whatever_is_under_way_ends_when_the_debugger_leaves() {
    check(All, MIXED, &[Does::Leave, Does::Evaluate, Does::Step, Does::PickOne, Does::Pause]);
    check(All, &[&[Some(All)], RUNS], &[Does::Leave]);
}

#[test]
fn whoever_asks_by_the_other_door_is_answered_once_too() {
    check(Thread, &[STOPS_ITSELF, STOPS_ITSELF], &[Does::UseOtherDoor, Does::Evaluate, Does::Step]);
    check(All, MIXED, &[Does::UseOtherDoor, Does::Evaluate, Does::Step, Does::Pause]);
}

#[test]
fn everything_at_once() {
    check(Thread, MIXED, &[Does::UseOtherDoor, Does::Evaluate, Does::Step, Does::PickOne, Does::Pause]);
    check(Thread, MIXED, &[Does::Evaluate, Does::Step, Does::PickOne, Does::Pause]);
}
