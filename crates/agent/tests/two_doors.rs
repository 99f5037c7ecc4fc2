//! A program that a hub and a client of the original debug at once.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use ikpdb_testkit::ikpdb_client::IkpdbClient;
use serde_json::json;

use support::{Debuggee, Launch, pythons};

const TEXT: &str = "\
import threading
def work(n):
    total = n + 1  # BP:hub
    total += 1  # BP:client
    return total
def run():
    for n in range(3):
        work(n)
threads = [threading.Thread(target=run, name=name) for name in ('first', 'second')]
for thread in threads:
    thread.start()
    thread.join()
print('done')
";

/// A program at both doors, configured by the hub, with its client.
fn both(python: &support::Python, launch: Launch) -> (Debuggee, IkpdbClient) {
    let mut hub = Debuggee::begin(python, TEXT, &Launch { door: true, ..launch });
    let client = IkpdbClient::greeted(hub.door.unwrap());
    hub.request("attach", json!({"stopPolicy": "all"}));
    hub.event("initialized");
    (hub, client)
}

fn set_by_client(hub: &Debuggee, client: &mut IkpdbClient, marker: &str) -> i64 {
    let wanted = json!({"file_name": "app.py", "line_number": hub.line(marker)});
    client.result("setBreakpoint", &wanted)["breakpoint_number"].as_i64().unwrap()
}

#[test]
fn each_door_is_told_of_stops_by_the_breakpoints_of_either_and_any_thread() {
    for python in pythons() {
        let (mut hub, mut client) = both(&python, Launch::default());
        hub.set_breakpoints(&[("hub".to_owned(), Some("n == 1".to_owned()))]);
        set_by_client(&hub, &mut client, "client");
        assert_eq!(client.result("reconnect", &json!({}))["executionStatus"], "pending");
        hub.request("configurationDone", json!({}));
        let (of_hub, of_client) = (hub.line("hub"), hub.line("client"));
        // The client's stops each time, the hub's once a thread; the selection of the first thread keeps nobody from stopping.
        let mut seen = Vec::new();
        for _ in 0..8 {
            let stopped = hub.stopped();
            let told = client.stopped();
            assert_eq!(stopped.line(), told.line(), "{}", python.version);
            seen.push(told.line());
            assert_eq!(client.result("reconnect", &json!({}))["executionStatus"], "stopped");
            if seen.len() % 2 == 0 {
                hub.go("continue", stopped.thread);
            } else {
                client.result("resume", &json!({}));
            }
        }
        let of_a_thread = [of_client, of_hub, of_client, of_client];
        assert_eq!(seen, [of_a_thread, of_a_thread].concat(), "{}", python.version);
        assert_eq!(client.event("programEnd")["result"]["exit_code"], json!(null));
        client.hang_up();
        assert_eq!(hub.end().output, "done");
    }
}

#[test]
fn neither_door_takes_the_others_breakpoints_away() {
    for python in pythons() {
        let (mut hub, mut client) = both(&python, Launch::default());
        hub.set_breakpoints(&[("hub".to_owned(), Some("n == 2".to_owned())), ("client".to_owned(), None)]);
        let number = set_by_client(&hub, &mut client, "client");
        // The hub has none at all now; the client's is still there.
        hub.set_breakpoints(&[]);
        hub.request("configurationDone", json!({}));
        assert_eq!(client.stopped().line(), hub.line("client"));
        let stopped = hub.stopped();
        hub.set_breakpoints(&[("client".to_owned(), Some("n == 2".to_owned()))]);
        client.result("clearBreakpoint", &json!({"breakpoint_number": number}));
        hub.go("continue", stopped.thread);
        let stopped = client.stopped();
        assert_eq!(client.evaluate("n", stopped.top()), "2", "{}", python.version);
        assert_eq!(client.result("getBreakpoints", &json!({})), json!([]));
    }
}

#[test]
fn the_client_goes_on_debugging_when_the_hub_leaves_and_by_its_own_rules() {
    for python in pythons() {
        let (mut hub, mut client) = both(&python, Launch::default());
        hub.set_breakpoints(&[("hub".to_owned(), None)]);
        hub.request("setExceptionBreakpoints", json!({"filters": ["raised"]}));
        set_by_client(&hub, &mut client, "client");
        hub.request("configurationDone", json!({}));
        hub.stopped();
        assert_eq!(client.stopped().line(), hub.line("hub"));
        hub.request("disconnect", json!({}));
        hub.hang_up();
        // Still stopped, and from now on only at the client's own, in the thread that was first.
        assert_eq!(client.result("getStatus", &json!({}))["executionStatus"], "stopped");
        assert_eq!(client.stopped().line(), hub.line("hub"), "it is told again");
        for _ in 0..3 {
            assert_eq!(client.go_and_stop("resume").line(), hub.line("client"), "{}", python.version);
        }
        // The first thread ends, is forgotten, and the next one counts.
        assert_eq!(client.go_and_stop("resume").0["frames"][0]["thread_name"], "second");
    }
}

#[test]
fn the_hub_goes_on_debugging_when_the_client_leaves() {
    for python in pythons() {
        let (mut hub, mut client) = both(&python, Launch::default());
        hub.set_breakpoints(&[("hub".to_owned(), None)]);
        // Whoever has said nothing yet is only greeted.
        client.result("reconnect", &json!({}));
        hub.request("configurationDone", json!({}));
        let stopped = hub.stopped();
        client.stopped();
        client.hang_up();
        assert_eq!(hub.evaluate("n", stopped.top()), "0");
        assert_eq!(hub.go_and_stop("continue", stopped.thread).line(), hub.line("hub"), "{}", python.version);
    }
}
