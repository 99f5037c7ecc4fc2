//! The doors of real runners and real agents, seen from between them and the hub: each message is one write, the first
//! ones are those that were fixed, and whoever is not the same user is turned away, on both sides.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod hub_support;

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::Output;
use std::sync::{Arc, Mutex};

use hub_support::{Home, Hub, PATIENCE, Wire};
use rustix::process::{Uid, geteuid};
use rustix::thread::set_thread_res_uid;
use serde_json::{Value, json};

/// What one side wrote at once.
#[derive(Clone)]
struct Piece {
    /// Which connection, in the order in which they came.
    connection: usize,
    from_hub: bool,
    bytes: Vec<u8>,
}

/// Stands where the hub's socket was and passes everything on, in the pieces in which it came.
#[derive(Clone, Default)]
struct Between {
    pieces: Arc<Mutex<Vec<Piece>>>,
}

impl Between {
    /// Takes the hub's place; `accepted` is called at each connection, before anything of it is passed on.
    fn stand(hub: &Hub, accepted: impl Fn(usize, &UnixListener) + Send + 'static) -> Self {
        let behind = hub.socket.with_extension("behind");
        std::fs::rename(&hub.socket, &behind).unwrap();
        let listener = UnixListener::bind(&hub.socket).unwrap();
        let between = Self::default();
        let passing = between.clone();
        // Ends with the test's process.
        std::thread::spawn(move || {
            for connection in 0.. {
                let Ok((client, _)) = listener.accept() else { return };
                accepted(connection, &listener);
                let Ok(hub) = UnixStream::connect(&behind) else { return };
                passing.pass(connection, true, hub.try_clone().unwrap(), client.try_clone().unwrap());
                passing.pass(connection, false, client, hub);
            }
        });
        between
    }

    fn pass(&self, connection: usize, from_hub: bool, mut from: UnixStream, mut to: UnixStream) {
        let pieces = self.pieces.clone();
        std::thread::spawn(move || {
            // More than any message of these tests: what is read at once is what was written since the last read.
            let mut chunk = vec![0; 1 << 20];
            while let Ok(count @ 1..) = from.read(&mut chunk) {
                let bytes = chunk[..count].to_vec();
                pieces.lock().unwrap().push(Piece { connection, from_hub, bytes });
                if to.write_all(&chunk[..count]).is_err() {
                    break;
                }
            }
            let _ = to.shutdown(std::net::Shutdown::Write);
        });
    }

    /// What one side wrote on the last connection whose peer said this first.
    fn written(&self, first: &str, from_hub: bool) -> Vec<Vec<u8>> {
        let pieces = self.pieces.lock().unwrap();
        let begins = |piece: &&Piece| !piece.from_hub && String::from_utf8_lossy(&piece.bytes).contains(first);
        let connection = pieces.iter().rfind(begins).unwrap_or_else(|| panic!("nobody said {first}")).connection;
        let of_it = pieces.iter().filter(|it| it.connection == connection && it.from_hub == from_hub);
        of_it.map(|it| it.bytes.clone()).collect()
    }
}

/// The messages in what was written at once; part of a message is none.
fn messages(piece: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(piece).expect("whole messages are UTF-8");
    let mut rest = text;
    let mut all = Vec::new();
    while !rest.is_empty() {
        let (head, body) = rest.split_once("\r\n\r\n").unwrap_or_else(|| panic!("half a header: {text}"));
        let length: usize = head.strip_prefix("Content-Length: ").unwrap_or_else(|| panic!("{text}")).parse().unwrap();
        let body = body.get(..length).unwrap_or_else(|| panic!("part of a message: {text}"));
        all.push(serde_json::from_str(body).unwrap());
        rest = &rest[head.len() + 4 + length..];
    }
    all
}

/// `ikpdb run` with its streams captured, to its end.
fn run(home: &Home, arguments: &[&str]) -> Output {
    for library in ["libikpdb_agent.so", "libikpdb_preload.so"] {
        ikpdb_testkit::built(library);
    }
    let python = ikpdb_testkit::pythons().pop().unwrap().executable;
    home.ikpdb().args(["run", "--python"]).arg(python).args(arguments).output().unwrap()
}

#[test]
fn i17_runner_agent_and_hub_write_each_message_at_once() {
    let home = Home::new();
    let hub = Hub::start(&home);
    let between = Between::stand(&hub, |_, _| {});
    let path = home.write("talk.py", "for i in range(40):\n    print('line', i, flush=True)\n    x = i\n");
    let mut tab = hub.tab();
    assert_eq!(run(&home, &["--no-stop", &path]).status.code(), Some(0));
    let first = tab.until("terminated")["session"].as_u64();
    // Once more, on a terminal of the runner's own: what is printed goes through it.
    let next = tab.call(first, "restart", json!({}))["ikpdbSession"].as_u64();
    tab.call(None, "ikpdb/breakpoints/set", json!({"path": path, "line": 1}));
    let mut stopped = tab.until("stopped");
    for _ in 0..80 {
        let thread = json!({"threadId": stopped["message"]["body"]["threadId"]});
        let stack = tab.call(next, "stackTrace", thread.clone());
        tab.call(next, "scopes", json!({"frameId": stack["stackFrames"][0]["id"]}));
        tab.call(next, "next", thread);
        stopped = tab.until("stopped");
    }
    tab.call(None, "ikpdb/breakpoints/activate", json!({"active": false}));
    tab.call(next, "continue", json!({"threadId": stopped["message"]["body"]["threadId"]}));
    tab.until("terminated");
    // What is asked waits for the answer, so each of these was read by itself; what is printed waits for nobody.
    for (peer, from_hub, least_messages, least_reads) in [
        ("ikpdb/agentHello", false, 320, 240),
        ("ikpdb/agentHello", true, 240, 240),
        ("ikpdb/runnerHello", false, 4, 2),
        ("ikpdb/runnerHello", true, 1, 1),
    ] {
        let pieces = between.written(peer, from_hub);
        let count: usize = pieces.iter().map(|piece| messages(piece).len()).sum();
        let enough = count >= least_messages && pieces.len() >= least_reads;
        assert!(enough, "{peer}: {count} messages in {} reads", pieces.len());
    }
}

/// What kinds of things a message is made of.
fn shape(value: &Value) -> Value {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) => "boolean".into(),
        Value::Number(_) => "number".into(),
        Value::String(_) => "string".into(),
        Value::Array(items) => items.iter().take(1).map(shape).collect(),
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), shape(value))).collect(),
    }
}

#[test]
fn what_a_real_agent_and_a_real_runner_say_first_is_what_was_fixed() {
    let home = Home::new();
    let hub = Hub::start(&home);
    let between = Between::stand(&hub, |_, _| {});
    assert_eq!(run(&home, &["--no-stop", "-c", "pass"]).status.code(), Some(0));
    for (first, file, content) in
        [("ikpdb/agentHello", "agent_hello", "body"), ("ikpdb/runnerHello", "runner_hello", "arguments")]
    {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../hub/tests/golden/{file}.json"));
        let mut golden: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let mut real = messages(&between.written(first, false)[0])[0][content].clone();
        for hello in [&mut golden, &mut real] {
            // The program's variables have names of their own.
            if let Some(variables) = hello.pointer_mut("/run/env") {
                assert!(variables.as_object().unwrap().values().all(Value::is_string));
                *variables = Value::Null;
            }
            for stream in ["stdin", "stdout", "stderr"] {
                if let Some(stream) = hello.pointer_mut(&format!("/streams/{stream}")) {
                    stream.as_object_mut().unwrap().retain(|name, _| name != "path");
                }
            }
        }
        assert_eq!(shape(&real), shape(&golden), "{first}");
        assert_eq!((&real["protocol"], &real["resume"]), (&golden["protocol"], &Value::Null));
    }
}

/// Does something as another user: on a thread of its own, as whom a thread acts is its own matter.
fn as_somebody_else<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let nobody = Uid::from_raw(65534);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            set_thread_res_uid(nobody, nobody, nobody).unwrap();
            work()
        });
        other.join().unwrap()
    })
}

/// Only root can be somebody else for a moment. Elsewhere these tests have nothing to say: the rest is file permissions.
fn may_be_somebody_else() -> bool {
    geteuid().is_root()
}

#[test]
fn the_hub_turns_other_users_away() {
    if !may_be_somebody_else() {
        return;
    }
    let home = Home::new();
    let hub = Hub::start(&home);
    let connect = || UnixStream::connect(&hub.socket);
    let refused = as_somebody_else(connect).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::PermissionDenied, "the folder is closed to them");
    // And if it were not, as in a container whose folders were opened to all:
    for folder in hub.socket.ancestors().take_while(|it| it.starts_with(home.path(""))) {
        let mode = if folder == hub.socket { 0o666 } else { 0o755 };
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let mut stranger = as_somebody_else(connect).unwrap();
    stranger.set_read_timeout(Some(PATIENCE)).unwrap();
    // The hub may have closed by now.
    let body = r#"{"seq":1,"type":"request","command":"ikpdb/openPage","arguments":{"lasting":true}}"#;
    let _ = stranger.write_all(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
    let mut answer = Vec::new();
    match stranger.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
    }
    assert!(answer.is_empty(), "{}", String::from_utf8_lossy(&answer));
    assert!(home.log().contains("turned away: user 65534 is not ours"), "{}", home.log());
    Wire::connect(&hub.socket).call("ikpdb/openPage", json!({"lasting": false}));
}

/// From here on, whoever connects sees another user behind the socket.
fn pass_to_somebody_else(listener: &UnixListener) {
    as_somebody_else(|| rustix::net::listen(listener, 16).unwrap());
}

#[test]
fn a_runner_starts_nothing_under_a_hub_of_another_user() {
    if !may_be_somebody_else() {
        return;
    }
    let home = Home::new();
    let hub = Hub::start(&home);
    std::fs::remove_file(&hub.socket).unwrap();
    let listener = UnixListener::bind(&hub.socket).unwrap();
    pass_to_somebody_else(&listener);
    let output = run(&home, &["--no-stop", "-c", "print('ran')"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(2), &b""[..]), "{said}");
    assert!(said.contains("another user listens on the hub's socket"), "{said}");
    // Not a byte was said to it.
    let (mut told, _) = listener.accept().unwrap();
    told.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut heard = Vec::new();
    told.read_to_end(&mut heard).unwrap();
    assert!(heard.is_empty(), "{}", String::from_utf8_lossy(&heard));
}

#[test]
fn an_agent_says_nothing_to_a_hub_of_another_user_and_its_program_runs() {
    if !may_be_somebody_else() {
        return;
    }
    let home = Home::new();
    let hub = Hub::start(&home);
    // The runner comes first, and still meets the user's own hub.
    let between = Between::stand(&hub, |connection, listener| {
        if connection == 0 {
            pass_to_somebody_else(listener);
        }
    });
    let output = run(&home, &["--no-stop", "-c", "print('ran')"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), &b"ran\n"[..]), "{said}");
    assert!(said.contains("the hub's socket belongs to another user"), "{said}");
    let pieces = between.pieces.lock().unwrap();
    let all: Vec<_> = pieces.iter().map(|piece| String::from_utf8_lossy(&piece.bytes).into_owned()).collect();
    assert!(all.iter().any(|it| it.contains("ikpdb/runnerHello")), "{all:?}");
    assert!(all.iter().all(|it| !it.contains("ikpdb/agentHello")), "{all:?}");
}
