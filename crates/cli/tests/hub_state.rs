//! What outlives the hub, and what it says about itself, as a page meets it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod hub_support;

use hub_support::{Home, Hub, agent_hello};
use serde_json::json;

#[test]
fn filters_and_the_master_switch_outlive_a_killed_hub_and_the_next_program_is_told_so() {
    let home = Home::new();
    let mut hub = Hub::start(&home);
    let mut tab = hub.tab();
    tab.call(None, "ikpdb/breakpoints/set", json!({"path": "/a.py", "line": 3}));
    tab.call(None, "ikpdb/exceptionFilters", json!({"active": []}));
    tab.call(None, "ikpdb/breakpoints/activate", json!({"active": false}));
    hub.kill();
    let hub = Hub::start(&home);
    let mut tab = hub.tab();
    let snapshot = tab.snapshot();
    assert_eq!(snapshot["exceptionFilters"]["active"], json!([]));
    assert_eq!(snapshot["breakpoints"]["active"], false);
    assert_eq!(snapshot["breakpoints"]["wishes"][0]["enabled"], true, "its own switch is as it was");
    let (_runner, welcome) = hub.runner();
    let mut agent = hub.wire();
    agent.event("ikpdb/agentHello", agent_hello(&welcome));
    let filters = json!([{"filter": "uncaught", "label": "Uncaught", "default": true}]);
    for (command, answer) in [("initialize", json!({"exceptionBreakpointFilters": filters})), ("attach", json!({}))] {
        let request = agent.until(command);
        agent.reply(&request, answer);
    }
    agent.event("initialized", json!({}));
    let filters = agent.until("setExceptionBreakpoints");
    assert_eq!(filters["arguments"]["filters"], json!([]), "not what the agent suggests");
    agent.reply(&filters, json!({}));
    let next = loop {
        let next = agent.next();
        assert_ne!(next["command"], "setBreakpoints", "the switch is off");
        if next["command"] == "configurationDone" {
            break next;
        }
    };
    agent.reply(&next, json!({}));
    tab.call(None, "ikpdb/breakpoints/activate", json!({"active": true}));
    let set = agent.until("setBreakpoints");
    assert_eq!(set["arguments"]["breakpoints"], json!([{"line": 3}]));
}

#[test]
fn what_a_hub_complains_of_at_its_start_reaches_the_pages_that_come_later() {
    let home = Home::new();
    // A file where the folder should be: even root cannot make a folder there.
    std::fs::remove_dir(home.path("state")).unwrap();
    std::fs::write(home.path("state"), "").unwrap();
    let hub = Hub::start(&home);
    for page in ["the first", "the second"] {
        let said = hub.tab().until("output");
        assert_eq!((&said["session"], &said["message"]["body"]["category"]), (&json!(null), &json!("important")));
        let text = said["message"]["body"]["output"].as_str().unwrap();
        assert!(text.contains("cannot be written") && text.contains("XDG_STATE_HOME"), "{page}: {text}");
    }
}
