//! Pages: how one gets in, what it sees, and what it is told when it comes back.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{NONCE, SECRET, World};
use ikpdb_hub::{ConnectionId, Door, FileWork, Input};
use ikpdb_proto::proof::{Role, prove, seal, unhex};
use serde_json::{Value, json};

/// A ticket, as `ikpdb open` gets it: its two halves.
fn ticket(world: &mut World) -> (String, Vec<u8>) {
    let control = world.open(Door::Unix);
    let page = world.call(control, None, "ikpdb/openPage", json!({"lasting": false}));
    world.close(control);
    let url = page["body"]["url"].as_str().unwrap().to_owned();
    let (id, secret) = url.strip_prefix("http://127.0.0.1:15480/#ticket=").unwrap().split_once('.').unwrap();
    (id.to_owned(), unhex(secret).unwrap())
}

fn greet(world: &mut World, page: ConnectionId, ticket: Option<&str>) -> Value {
    world.call(page, None, "ikpdb/greet", json!({"protocol": 1, "nonce": NONCE, "ticket": ticket}))
}

fn hello(world: &mut World, page: ConnectionId, key: &[u8], theirs: &str) -> Value {
    world.call(page, None, "ikpdb/hello", json!({"proof": prove(key, Role::Client, NONCE, theirs)}))
}

#[test]
fn a_ticket_opens_one_page_and_brings_the_secret() {
    let mut world = World::new();
    let (id, key) = ticket(&mut world);
    let page = world.open(Door::Web);
    let challenge = greet(&mut world, page, Some(&id))["body"].clone();
    let theirs = challenge["nonce"].as_str().unwrap();
    assert_eq!(challenge["proof"], prove(&key, Role::Hub, NONCE, theirs), "the hub proves itself first");
    let welcome = hello(&mut world, page, &key, theirs)["body"].clone();
    let sealed: [u8; 32] = unhex(welcome["sealedSecret"].as_str().unwrap()).unwrap().try_into().unwrap();
    assert_eq!(seal(&key, NONCE, theirs, &sealed), SECRET);
    let second = world.open(Door::Web);
    let refused = greet(&mut world, second, Some(&id));
    assert!(refused["message"].as_str().unwrap().contains("ikpdb open"), "{refused}");
    assert!(world.closed.contains_key(&second));
}

#[test]
fn a_ticket_is_good_for_a_minute_and_two_that_race_open_one_page() {
    let mut world = World::new();
    let (id, key) = ticket(&mut world);
    let (one, two) = (world.open(Door::Web), world.open(Door::Web));
    let nonces =
        [one, two].map(|page| greet(&mut world, page, Some(&id))["body"]["nonce"].as_str().unwrap().to_owned());
    assert_eq!(hello(&mut world, one, &key, &nonces[0])["success"], true);
    assert_eq!(hello(&mut world, two, &key, &nonces[1])["success"], false);
    let (id, _) = ticket(&mut world);
    world.pass(60_000);
    let late = world.open(Door::Web);
    assert!(greet(&mut world, late, Some(&id))["message"].as_str().unwrap().contains("expired"));
}

#[test]
fn who_does_not_know_the_secret_gets_nothing() {
    let mut world = World::new();
    let right = |theirs: &str| prove(&SECRET, Role::Client, NONCE, theirs);
    type Proof<'a> = &'a dyn Fn(&str) -> Value;
    let table: [(&str, Proof); 6] = [
        ("none", &|_| Value::Null),
        ("empty", &|_| json!("")),
        ("of a wrong secret", &|theirs| json!(prove(&[8; 32], Role::Client, NONCE, theirs))),
        ("the hub's own", &|theirs| json!(prove(&SECRET, Role::Hub, NONCE, theirs))),
        ("of an agent", &|theirs| json!(prove(&SECRET, Role::Agent, NONCE, theirs))),
        ("of another challenge", &|_| json!(right("00112233"))),
    ];
    for (what, proof) in table {
        let page = world.open(Door::Web);
        let challenge = greet(&mut world, page, None)["body"].clone();
        let proof = proof(challenge["nonce"].as_str().unwrap());
        let answer = world.call(page, None, "ikpdb/hello", json!({"proof": proof}));
        assert_eq!((&answer["success"], answer["body"].get("snapshot")), (&json!(false), None), "{what}");
        assert!(world.closed.contains_key(&page), "{what}");
    }
    for command in ["ikpdb/snapshot", "ikpdb/hello", "ikpdb/breakpoints/set", "evaluate", "ikpdb/openPage"] {
        let page = world.open(Door::Web);
        assert_eq!(world.call(page, 1, command, json!({"proof": right("")}))["success"], false, "{command}");
        assert!(world.closed.contains_key(&page), "{command}");
    }
    let page = world.open(Door::Web);
    world.pass(10_000);
    assert!(world.closed.contains_key(&page), "silence");
    let page = world.open(Door::Web);
    let greeted = world.call(page, None, "ikpdb/greet", json!({"protocol": 1, "nonce": "short"}));
    assert_eq!(greeted["success"], false, "a nonce that can be guessed");
    let page = world.open(Door::Web);
    world.say(page, &format!(r#"{{"message":{{"seq":1,"type":"request","command":"{}"}}}}"#, "x".repeat(70_000)));
    assert!(world.closed.contains_key(&page), "a long first message");
}

#[test]
fn a_challenge_is_good_for_one_attempt() {
    let mut world = World::new();
    let page = world.page();
    let secret_twice = world.open(Door::Web);
    let challenge = greet(&mut world, secret_twice, None);
    let theirs = challenge["body"]["nonce"].as_str().unwrap().to_owned();
    assert_eq!(hello(&mut world, secret_twice, &SECRET, &theirs)["success"], true);
    let again = hello(&mut world, secret_twice, &SECRET, &theirs);
    assert_eq!(again["success"], false, "a page that is in has nothing to prove");
    assert!(!world.closed.contains_key(&page));
}

#[test]
fn only_a_command_of_ours_gets_an_address() {
    let mut world = World::new();
    let page = world.page();
    assert_eq!(world.call(page, None, "ikpdb/openPage", json!({"lasting": true}))["success"], false);
    let control = world.open(Door::Unix);
    let lasting = world.call(control, None, "ikpdb/openPage", json!({"lasting": true}));
    assert_eq!(lasting["body"]["url"], format!("http://127.0.0.1:15480/#secret={}", "09".repeat(32)));
}

/// The journal numbers of what a page was sent.
fn numbers(world: &mut World, page: ConnectionId) -> Vec<u64> {
    world.raw(page).iter().filter_map(|it| it["n"].as_u64()).collect()
}

#[test]
fn i15_a_page_that_comes_back_is_told_what_it_missed_and_nothing_twice() {
    let mut world = World::new();
    let (stays, leaves) = (world.page(), world.page());
    let (program, agent) = world.running();
    world.raw(stays);
    let before = numbers(&mut world, leaves);
    world.close(leaves);
    world.stop(agent);
    world.event(program.runner, "output", json!({"category": "stdout", "output": "x"}));
    let back = world.open(Door::Web);
    let welcome = world.enter(back, json!({"epoch": "epoch", "n": before.last()}));
    assert_eq!(welcome.get("snapshot"), None);
    let (missed, seen) = (world.raw(back), world.raw(stays));
    assert_eq!(missed, seen, "the same bytes, with the same numbers");
    let expected: Vec<u64> = (before.last().unwrap() + 1..).take(missed.len()).collect();
    assert_eq!(missed.iter().map(|it| it["n"].as_u64().unwrap()).collect::<Vec<_>>(), expected, "without gaps");
    assert!(missed.iter().any(|it| it["message"]["event"] == "stopped" && it["session"] == program.session));
}

#[test]
fn i15_a_page_that_was_away_too_long_or_knows_another_hub_gets_the_same_state_as_one_that_stayed() {
    for known in
        [json!({"epoch": "another", "n": 3}), json!({"epoch": "epoch", "n": 999}), json!({}), json!({"epoch": "epoch"})]
    {
        let mut world = World::new();
        let stays = world.page();
        let (program, agent) = world.running();
        world.call(stays, None, "ikpdb/breakpoints/set", json!({"path": "/w/a.py", "line": 2}));
        world.settle(agent);
        world.call(stays, None, "ikpdb/watches", json!({"expressions": ["x"]}));
        world.call(stays, None, "ikpdb/setting", json!({"scope": "user", "key": "theme", "value": "dark"}));
        world.event(program.runner, "output", json!({"category": "stdout", "output": "printed"}));
        world.stop(agent);
        let back = world.open(Door::Web);
        let welcome = world.enter(back, known.clone());
        let mut snapshot = welcome["snapshot"].clone();
        assert_eq!(snapshot["output"]["1"][0]["output"], "printed", "{known}");
        assert_eq!(snapshot["sessions"][0]["stopped"]["reason"], "breakpoint");
        let of_one_that_stayed = world.snapshot(stays);
        // The page itself has come in between.
        snapshot["n"] = of_one_that_stayed["n"].clone();
        snapshot["pages"] = of_one_that_stayed["pages"].clone();
        assert_eq!(snapshot, of_one_that_stayed, "{known}");
        let n = welcome["snapshot"]["n"].as_u64().unwrap();
        assert_eq!(numbers(&mut world, back), [n + 1], "the next number after the snapshot's is the next event");
    }
}

#[test]
fn two_pages_see_the_same_events_in_the_same_order() {
    let mut world = World::new();
    let (one, two) = (world.page(), world.page());
    world.raw(one);
    let (program, agent) = world.running();
    world.stop(agent);
    let seq = world.ask(one, program.session, "continue", json!({"threadId": 1}));
    let request = world.next_request(agent, "continue");
    world.reply(agent, &request, json!({"allThreadsContinued": true}));
    world.response(one, seq);
    world.exit(&program, 0);
    world.close(agent);
    let events = |all: Vec<Value>| all.into_iter().filter(|it| it["n"].is_u64()).collect::<Vec<_>>();
    let (one, two) = (events(world.raw(one)), events(world.raw(two)));
    assert_eq!(one, two);
    let names: Vec<_> = one.iter().map(|it| it["message"]["event"].as_str().unwrap()).collect();
    assert!(names.windows(2).any(|it| it == ["continued", "ikpdb/session"]), "who did not ask is told, too: {names:?}");
}

#[test]
fn how_many_pages_are_open_is_told() {
    let mut world = World::new();
    let one = world.page();
    let two = world.page();
    assert_eq!(world.next_event(one, "ikpdb/pages")["body"]["count"], 2);
    world.close(two);
    assert_eq!(world.next_event(one, "ikpdb/pages")["body"]["count"], 1);
    let program = world.open(Door::Unix);
    assert_eq!(world.call(program, None, "ikpdb/runnerHello", World::runner_hello(1))["body"]["pages"], 1);
}

#[test]
fn settings_are_told_kept_and_forgotten() {
    let mut world = World::new();
    let (one, two) = (world.page(), world.page());
    world.raw(two);
    let dark = json!({"scope": "user", "key": "theme", "value": {"name": "dark"}});
    world.call(one, None, "ikpdb/setting", dark.clone());
    assert_eq!(world.next_event(two, "ikpdb/setting")["body"], dark);
    assert_eq!(world.snapshot(two)["settings"], json!([dark]));
    world.call(one, None, "ikpdb/setting", json!({"scope": "user", "key": "theme", "value": null}));
    assert_eq!(world.snapshot(two)["settings"], json!([]));
    let long =
        world.call(one, None, "ikpdb/setting", json!({"scope": "user", "key": "x", "value": "y".repeat(300_000)}));
    assert_eq!(long["success"], false);
}

#[test]
fn files_are_looked_at_by_others_and_the_answer_finds_its_asker() {
    let mut world = World::new();
    let (one, two) = (world.page(), world.page());
    let first = world.ask(one, None, "ikpdb/files/list", json!({"path": "/w"}));
    let second = world.ask(two, None, "ikpdb/files/find", json!({"query": "a", "limit": 5}));
    assert!(matches!(&world.files[..], [(_, FileWork::List(_)), (_, FileWork::Find(_))]));
    let jobs: Vec<_> = world.files.drain(..).map(|(job, _)| job).collect();
    let body = |value: Value| Ok(serde_json::value::to_raw_value(&value).unwrap());
    world.feed(Input::Files { job: jobs[1], result: body(json!({"paths": []})) });
    world.feed(Input::Files { job: jobs[0], result: body(json!({"entries": [], "truncated": false})) });
    assert_eq!(world.response(one, first)["body"]["truncated"], false);
    assert_eq!(world.response(two, second)["body"]["paths"], json!([]));
    for _ in 0..40 {
        world.ask(one, None, "ikpdb/files/list", json!({"path": "/w"}));
    }
    assert_eq!(world.files.len(), 32, "not without end");
}

#[test]
fn what_is_typed_goes_to_the_terminal_of_the_program_if_it_has_one() {
    let mut world = World::new();
    let page = world.page();
    let program = world.program();
    let seq = world.ask(page, program.session, "ikpdb/terminal/input", json!({"data": "yes\r"}));
    let request = world.next_request(program.runner, "ikpdb/runnerType");
    assert_eq!(request["arguments"], json!({"data": "yes\r"}));
    world.reply(program.runner, &request, Value::Null);
    assert_eq!(world.response(page, seq)["command"], "ikpdb/terminal/input");
    world.event(program.runner, "ikpdb/runnerInput", json!({"waiting": true}));
    world.event(program.runner, "ikpdb/runnerResized", json!({"columns": 100, "rows": 30}));
    let info = world.info(page, program.session);
    assert_eq!((&info["waitingForInput"], &info["streams"]["terminal"]["columns"]), (&json!(true), &json!(100)));
    let mut hello = World::runner_hello(102);
    hello["streams"]["stdin"] = json!({"kind": "pipe"});
    let piped = world.runner(hello);
    let refused = world.call(page, piped.session, "ikpdb/terminal/input", json!({"data": "x"}));
    assert!(refused["message"].as_str().unwrap().contains("terminal"), "{refused}");
}

#[test]
fn a_failure_to_save_is_told_where_the_user_reads() {
    let mut world = World::new();
    let page = world.page();
    world.feed(Input::SaveFailed { message: "the disk is full".into() });
    let event = world.next_event(page, "output");
    assert_eq!(event["body"]["category"], "important");
    assert!(event["body"]["output"].as_str().unwrap().contains("the disk is full"));
}

/// What the hub said about itself, in the order in which this page heard it.
fn notices(world: &mut World, page: ConnectionId) -> Vec<String> {
    let said = world.read(page).into_iter().filter(|it| it["event"] == "output");
    said.map(|it| it["body"]["output"].as_str().unwrap().trim_end().to_owned()).collect()
}

#[test]
fn what_the_hub_said_about_itself_before_a_page_came_is_told_to_it_once() {
    let mut world = World::new();
    let fail = |world: &mut World, message: &str| world.feed(Input::SaveFailed { message: message.into() });
    fail(&mut world, "the folder cannot be written");
    fail(&mut world, "the disk is full");
    fail(&mut world, "the disk is full");
    let everything = ["ikpdb: the folder cannot be written", "ikpdb: the disk is full"];
    let page = world.open(Door::Web);
    let welcome = world.enter(page, json!({}));
    let first = world.raw(page);
    assert_eq!(first[0]["message"]["body"]["category"], "important");
    assert_eq!((first[0].get("n"), first[0].get("session")), (None, None), "they are no part of the journal");
    world.close(page);
    let table: [(&str, Value, &[&str]); 4] = [
        ("another page", json!({}), &everything),
        ("one that knows another hub", json!({"epoch": "another", "n": 3}), &everything),
        ("one that has heard all", json!({"epoch": "epoch", "n": welcome["snapshot"]["n"]}), &[]),
        // The second time is an event like all others, and in the journal.
        ("one that missed the last", json!({"epoch": "epoch", "n": 2}), &everything[1..]),
    ];
    for (what, known, expected) in table {
        let page = world.open(Door::Web);
        world.enter(page, known);
        assert_eq!(notices(&mut world, page), expected, "{what}");
        world.close(page);
    }
    for number in 0..100 {
        fail(&mut world, &format!("failure {number}"));
    }
    let page = world.open(Door::Web);
    world.enter(page, json!({}));
    let kept = notices(&mut world, page);
    assert_eq!((kept.len(), kept.last().unwrap().as_str()), (20, "ikpdb: failure 99"), "not without end");
}
