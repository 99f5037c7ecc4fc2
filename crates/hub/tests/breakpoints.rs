//! Breakpoints of several people on one program.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{World, config};
use ikpdb_hub::{ConnectionId, Door, Mode};
use serde_json::{Value, json};

const PATH: &str = "/w/app.py";

fn set(world: &mut World, page: ConnectionId, arguments: Value) -> Value {
    let mut wish = json!({"path": PATH});
    wish.as_object_mut().unwrap().extend(arguments.as_object().unwrap().clone());
    world.call(page, None, "ikpdb/breakpoints/set", wish)["body"].clone()
}

/// An editor that has joined the one program.
fn editor(world: &mut World, name: &str) -> ConnectionId {
    let editor = world.open(Door::Dap);
    world.call(editor, None, "initialize", json!({"adapterID": "ikpdb", "clientName": name}));
    let attach = world.ask(editor, None, "attach", json!({}));
    world.next_event(editor, "initialized");
    world.call(editor, None, "configurationDone", json!({}));
    world.response(editor, attach);
    editor
}

/// An editor sends its list; the answer is what it was told.
fn send_list(world: &mut World, editor: ConnectionId, agent: ConnectionId, lines: &[u32]) -> Vec<Value> {
    let breakpoints: Vec<_> = lines.iter().map(|line| json!({"line": line})).collect();
    let seq = world.ask(editor, None, "setBreakpoints", json!({"source": {"path": PATH}, "breakpoints": breakpoints}));
    world.settle(agent);
    world.response(editor, seq)["body"]["breakpoints"].as_array().unwrap().clone()
}

/// The lines that the hub has, by owner ("" for the shared list).
fn wishes(world: &mut World, page: ConnectionId) -> Vec<(u64, String)> {
    let list = world.snapshot(page)["breakpoints"]["wishes"].clone();
    let row = |it: &Value| (it["line"].as_u64().unwrap(), it["owner"].as_str().unwrap_or_default().to_owned());
    list.as_array().unwrap().iter().map(row).collect()
}

/// What the agent was told last for the file: line and condition.
fn told(world: &mut World, agent: ConnectionId) -> Option<Vec<(u64, String)>> {
    let row = |it: &Value| (it["line"].as_u64().unwrap(), it["condition"].as_str().unwrap_or_default().to_owned());
    world.settle(agent).pop().map(|(_, list)| list.iter().map(row).collect())
}

fn plain(lines: &[u64]) -> Option<Vec<(u64, String)>> {
    Some(lines.iter().map(|line| (*line, String::new())).collect())
}

#[test]
fn a_breakpoint_set_by_one_client_reaches_all() {
    let mut world = World::new();
    let (one, two) = (world.page(), world.page());
    let (program, agent) = world.running();
    world.raw(two);
    let wish = set(&mut world, one, json!({"line": 5, "text": "x = 1"}));
    assert_eq!(told(&mut world, agent), plain(&[5]));
    let first = world.next_event(two, "ikpdb/breakpoints");
    assert_eq!(first["body"]["wishes"][0]["id"], wish["id"]);
    let second = world.next_event(two, "ikpdb/breakpoints");
    let placed = &second["body"]["wishes"][0]["placed"][program.session.to_string()];
    assert_eq!(placed, &json!({"verified": true, "line": 5}));
}

#[test]
fn i06_an_editor_that_joins_with_an_empty_list_takes_nothing_away() {
    let mut world = World::new();
    let page = world.page();
    let (_, agent) = world.running();
    set(&mut world, page, json!({"line": 5}));
    told(&mut world, agent);
    let editor = editor(&mut world, "Vim");
    assert!(send_list(&mut world, editor, agent, &[]).is_empty());
    assert_eq!(wishes(&mut world, page), [(5, String::new())]);
}

#[test]
fn i06_an_editor_with_a_stale_list_adds_its_own_and_changes_nobody_elses() {
    let mut world = World::new();
    let page = world.page();
    let (_, agent) = world.running();
    let kept = set(&mut world, page, json!({"line": 5, "enabled": false}));
    let gone = set(&mut world, page, json!({"line": 9}));
    world.call(page, None, "ikpdb/breakpoints/remove", json!({"ids": [gone["id"]]}));
    told(&mut world, agent);
    let editor = editor(&mut world, "Vim");
    let made = send_list(&mut world, editor, agent, &[5, 9]);
    assert_eq!(made.iter().map(|it| it["line"].as_u64().unwrap()).collect::<Vec<_>>(), [5, 9]);
    assert_eq!(wishes(&mut world, page), [(5, String::new()), (5, "Vim".into()), (9, "Vim".into())]);
    let shared = &world.snapshot(page)["breakpoints"]["wishes"][0];
    assert_eq!((&shared["id"], &shared["enabled"]), (&kept["id"], &json!(false)));
}

#[test]
fn i06_two_editors_replace_only_their_own_lists() {
    let mut world = World::new();
    let page = world.page();
    let (_, agent) = world.running();
    let (vim, code) = (editor(&mut world, "Vim"), editor(&mut world, "Code"));
    let of_vim = send_list(&mut world, vim, agent, &[3, 4]);
    let of_code = send_list(&mut world, code, agent, &[4]);
    assert_ne!(of_vim[1]["id"], of_code[0]["id"], "each has ids of its own");
    send_list(&mut world, vim, agent, &[7]);
    assert_eq!(wishes(&mut world, page), [(4, "Code".into()), (7, "Vim".into())]);
    send_list(&mut world, code, agent, &[]);
    assert_eq!(wishes(&mut world, page), [(7, "Vim".into())]);
}

#[test]
fn i06_an_editor_that_dies_takes_its_breakpoints_along() {
    let mut world = World::new();
    let page = world.page();
    let (_, agent) = world.running();
    set(&mut world, page, json!({"line": 5}));
    let vim = editor(&mut world, "Vim");
    send_list(&mut world, vim, agent, &[5, 8]);
    world.close(vim);
    assert_eq!(told(&mut world, agent), plain(&[5]));
    assert_eq!(wishes(&mut world, page), [(5, String::new())]);
}

#[test]
fn two_conditions_on_one_line_are_one_breakpoint_that_stops_for_either() {
    let mut world = World::new();
    let page = world.page();
    let (_, agent) = world.running();
    let wish = set(&mut world, page, json!({"line": 5, "condition": "a"}));
    assert_eq!(told(&mut world, agent), Some(vec![(5, "a".into())]));
    let vim = editor(&mut world, "Vim");
    let seq = world.ask(
        vim,
        None,
        "setBreakpoints",
        json!({"source": {"path": PATH}, "breakpoints": [{"line": 5, "condition": "b"}]}),
    );
    assert_eq!(told(&mut world, agent), Some(vec![(5, "(a\n) or (b\n)".into())]));
    let own = world.response(vim, seq)["body"]["breakpoints"][0]["id"].clone();
    // A stop names the wishes of both, under the ids that clients know.
    world.event(agent, "stopped", json!({"reason": "breakpoint", "threadId": 1, "hitBreakpointIds": [1005]}));
    assert_eq!(world.next_event(vim, "stopped")["body"]["hitBreakpointIds"], json!([wish["id"], own]));
    // An unconditional one wins; when it goes, the conditions count again.
    world.call(page, None, "ikpdb/breakpoints/change", json!({"id": wish["id"], "condition": ""}));
    assert_eq!(told(&mut world, agent), plain(&[5]));
    world.call(page, None, "ikpdb/breakpoints/remove", json!({"ids": [wish["id"]]}));
    assert_eq!(told(&mut world, agent), Some(vec![(5, "b".into())]));
}

#[test]
fn the_master_switch_takes_all_away_and_brings_back_what_is_enabled() {
    let mut world = World::new();
    let page = world.page();
    let (_, agent) = world.running();
    set(&mut world, page, json!({"line": 5}));
    set(&mut world, page, json!({"line": 6, "enabled": false}));
    told(&mut world, agent);
    world.call(page, None, "ikpdb/breakpoints/activate", json!({"active": false}));
    assert_eq!(told(&mut world, agent), plain(&[]));
    assert_eq!(world.snapshot(page)["breakpoints"]["active"], false);
    world.call(page, None, "ikpdb/breakpoints/activate", json!({"active": true}));
    assert_eq!(told(&mut world, agent), plain(&[5]));
}

#[test]
fn an_agent_is_told_only_what_changed_for_it() {
    let mut world = World::new();
    let page = world.page();
    let (_, agent) = world.running();
    set(&mut world, page, json!({"line": 5}));
    told(&mut world, agent);
    let vim = editor(&mut world, "Vim");
    send_list(&mut world, vim, agent, &[5]);
    world.raw(agent);
    set(&mut world, page, json!({"path": "/w/other.py", "line": 1}));
    let sent = world.settle(agent);
    assert_eq!(sent.iter().map(|it| it.0.as_str()).collect::<Vec<_>>(), ["/w/other.py"]);
    world.close(vim);
    assert!(told(&mut world, agent).is_none(), "the same breakpoint for one wish less");
}

#[test]
fn a_change_by_the_agent_reaches_the_list_and_the_editor_under_its_own_id() {
    let mut world = World::new();
    let page = world.page();
    let (program, agent) = world.running();
    let vim = editor(&mut world, "Vim");
    let made = send_list(&mut world, vim, agent, &[5]);
    let moved = json!({"id": 1005, "verified": true, "line": 6, "message": "moved"});
    world.event(agent, "breakpoint", json!({"reason": "changed", "breakpoint": moved}));
    let event = world.next_event(vim, "breakpoint");
    assert_eq!(event["body"]["breakpoint"]["id"], made[0]["id"]);
    assert_eq!(event["body"]["breakpoint"]["line"], 6);
    let placed = world.snapshot(page)["breakpoints"]["wishes"][0]["placed"][program.session.to_string()].clone();
    assert_eq!(placed, json!({"verified": true, "line": 6, "message": "moved"}));
}

#[test]
fn every_session_gets_the_list_and_says_what_it_made_of_it() {
    let mut world = World::new();
    let page = world.page();
    let (first, agent) = world.running();
    set(&mut world, page, json!({"line": 5}));
    told(&mut world, agent);
    let (second, other) = world.running();
    assert_ne!(first.session, second.session);
    let placed = world.snapshot(page)["breakpoints"]["wishes"][0]["placed"].clone();
    assert_eq!(placed.as_object().unwrap().len(), 2);
    world.exit(&second, 0);
    world.close(other);
    let placed = world.snapshot(page)["breakpoints"]["wishes"][0]["placed"].clone();
    assert_eq!(placed.as_object().unwrap().len(), 1, "an ended session has none");
}

#[test]
fn i08_a_logpoint_for_an_agent_without_them_is_not_told_and_says_so() {
    let mut world = World::new();
    let page = world.page();
    let (program, agent) = world.running();
    set(&mut world, page, json!({"line": 5, "logMessage": "hi"}));
    assert!(told(&mut world, agent).is_none());
    let placed = world.snapshot(page)["breakpoints"]["wishes"][0]["placed"][program.session.to_string()].clone();
    assert_eq!((&placed["verified"], &placed["message"]), (&json!(false), &json!("logpoints are not supported here")));
}

#[test]
fn the_shared_list_outlives_the_hub_and_is_written_before_it_is_answered() {
    let mut world = World::new();
    let page = world.page();
    let (_, agent) = world.running();
    let wish = set(&mut world, page, json!({"line": 5, "condition": "x > 1"}));
    let vim = editor(&mut world, "Vim");
    send_list(&mut world, vim, agent, &[8]);
    world.call(page, None, "ikpdb/watches", json!({"expressions": ["a", "b"]}));
    world.call(page, None, "ikpdb/exceptionFilters", json!({"active": []}));
    world.call(page, None, "ikpdb/breakpoints/activate", json!({"active": false}));
    let saved = world.saves.pop().unwrap();
    let mut again = World::with(ikpdb_hub::Config { saved, ..config(Mode::Shared { linger_ms: 1 }) });
    let page = again.page();
    let snapshot = again.snapshot(page);
    assert_eq!(
        snapshot["breakpoints"]["wishes"],
        json!([
            {"id": wish["id"], "path": PATH, "line": 5, "enabled": true, "condition": "x > 1", "placed": {}}
        ])
    );
    assert_eq!(snapshot["watches"]["expressions"], json!(["a", "b"]));
    assert_eq!(snapshot["exceptionFilters"]["active"], json!([]), "not what the agent suggests");
    assert_eq!(snapshot["breakpoints"]["active"], false);
    let program = again.program();
    let agent = again.agent(&program);
    assert_eq!(again.next_request(agent, "setExceptionBreakpoints")["arguments"]["filters"], json!([]));
    assert!(again.settle(agent).is_empty(), "the master switch is off");
    again.call(page, None, "ikpdb/breakpoints/activate", json!({"active": true}));
    let set = again.settle(agent);
    assert_eq!(set, [(PATH.to_owned(), vec![json!({"line": 5, "condition": "x > 1"})])], "each kept its own switch");
}

#[test]
fn a_page_does_not_own_a_list() {
    let mut world = World::new();
    let page = world.page();
    let (program, agent) = world.running();
    let refused =
        world.call(page, program.session, "setBreakpoints", json!({"source": {"path": PATH}, "breakpoints": []}));
    assert_eq!(refused["success"], false);
    assert!(told(&mut world, agent).is_none());
}

#[test]
fn filters_of_pages_are_shared_and_those_of_an_editor_its_own() {
    let mut world = World::new();
    let page = world.page();
    let (_, agent) = world.running();
    assert_eq!(world.snapshot(page)["exceptionFilters"]["active"], json!(["uncaught"]), "as the agent suggests");
    world.call(page, None, "ikpdb/exceptionFilters", json!({"active": []}));
    assert_eq!(world.next_request(agent, "setExceptionBreakpoints")["arguments"]["filters"], json!([]));
    assert_eq!(world.next_event(page, "ikpdb/exceptionFilters")["body"]["active"], json!([]));
    let vim = editor(&mut world, "Vim");
    let seq = world.ask(vim, None, "setExceptionBreakpoints", json!({"filters": ["uncaught", "unheard-of"]}));
    let request = world.next_request(agent, "setExceptionBreakpoints");
    assert_eq!(request["arguments"]["filters"], json!(["uncaught"]), "only what it offers");
    world.reply(agent, &request, Value::Null);
    assert_eq!(world.response(vim, seq)["success"], true);
    world.close(vim);
    assert_eq!(world.next_request(agent, "setExceptionBreakpoints")["arguments"]["filters"], json!([]));
}
