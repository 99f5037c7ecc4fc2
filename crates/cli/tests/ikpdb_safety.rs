//! Who is let in at the door for clients of the original IKPdb: whoever speaks its protocol, is of this user, and comes first.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;

use ikpdb_testkit::ikpdb_client::IkpdbClient;
use ikpdb_testkit::{chromium, pythons};
use serde_json::json;
use support::door::Program;
use support::{Case, python};

const RUNS: &str = "print('it runs')\n";

/// Serves one page of an origin of its own, and says when that has done what it wanted.
fn serve(page: String) -> (u16, std::sync::mpsc::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (send, done) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let count = stream.read(&mut request).unwrap_or(0);
            let request = String::from_utf8_lossy(&request[..count]).into_owned();
            let body = if request.starts_with("GET /page") { page.as_str() } else { "" };
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
            if request.starts_with("GET /done") && send.send(()).is_err() {
                return;
            }
        }
    });
    (port, done)
}

#[test]
fn a_web_page_of_another_origin_runs_nothing_and_takes_nobodys_place() {
    let case = Case::real();
    let mut program = Program::start(&case, &python(), RUNS, &[]);
    let message = |id: u32, command: &str, args: serde_json::Value| {
        let body = json!({"_id": id, "command": command, "args": args}).to_string();
        format!("length={}LLADpcdtbdpac{body}", body.len())
    };
    let condition = "__import__('os').system('touch it_ran')";
    let attack = message(1, "setBreakpoint", json!({"file_name": "app.py", "line_number": 1, "condition": condition}))
        + &message(2, "runScript", json!({}));
    // As a script does it, once with a body that begins with the protocol itself; as a form does it; and by a WebSocket.
    let page = format!(
        "<iframe name=f></iframe><form id=g target=f method=post enctype=text/plain action='http://127.0.0.1:{port}/'>\
         <input name=a></form><script>\
         const attack = {attack};\
         document.querySelector('input').value = attack;\
         (async () => {{\
           for (const body of [attack, '\\r\\n\\r\\n' + attack]) {{\
             await fetch('http://127.0.0.1:{port}/', {{method: 'POST', mode: 'no-cors', body}}).catch(() => null);\
           }}\
           await new Promise(next => {{ const s = new WebSocket('ws://127.0.0.1:{port}/'); s.onerror = s.onclose = next; }});\
           document.querySelector('form').submit();\
           document.querySelector('iframe').addEventListener('load', () => fetch('/done'));\
           setTimeout(() => fetch('/done'), 3000);\
         }})();</script>",
        port = program.port,
        attack = json!(attack),
    );
    let (port, done) = serve(page);
    let profile = tempfile::tempdir().unwrap();
    let mut browser = Command::new(chromium())
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("http://127.0.0.1:{port}/page"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let seen = done.recv_timeout(std::time::Duration::from_secs(60));
    program.says("does not speak the protocol of IKPdb: POST / HTTP/1.1");
    program.says("does not speak the protocol of IKPdb");
    browser.kill().unwrap();
    browser.wait().unwrap();
    seen.expect("the page did what it wanted");
    let mut client = program.client();
    assert_eq!(client.result("reconnect", &json!({}))["executionStatus"], "pending", "it has not been started");
    assert_eq!(client.result("getBreakpoints", &json!({})), json!([]));
    client.result("runScript", &json!({}));
    client.event("programEnd");
    drop(client);
    assert_eq!(program.ends(), ("it runs\n".to_owned(), 0));
    assert!(!case.path("work/it_ran").exists());
}

#[test]
fn another_user_of_this_machine_is_refused_unless_all_are_let_in() {
    // SAFETY: always allowed.
    if unsafe { libc::geteuid() } != 0 {
        eprintln!("skipped: only root can be another user");
        return;
    }
    const NOBODY: u32 = 65534;
    let case = Case::real();
    let connect_to = |address: IpAddr, port: u16| {
        let script = format!("exec 3<>/dev/tcp/{address}/{port} && head -c 7 <&3");
        let mut bash = Command::new("/bin/bash");
        let output = bash.args(["-c", &script]).current_dir("/").uid(NOBODY).gid(NOBODY).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let connect = |port| connect_to(Ipv4Addr::LOCALHOST.into(), port);
    let mut program = Program::start(&case, &python(), RUNS, &[]);
    assert_eq!(connect(program.port), "", "not even greeted");
    program.says("was refused: it is another user's; --ikpdb-allow-any-user lets it in");
    let mut client = program.client();
    client.result("runScript", &json!({}));
    client.event("programEnd");
    let program = Program::start(&case, &python(), RUNS, &["--ikpdb-allow-any-user"]);
    assert_eq!(connect(program.port), "length=");
    // By an address of this machine that others reach as well. There is none on a machine without a network.
    let route = UdpSocket::bind("0.0.0.0:0").and_then(|it| it.connect("203.0.113.1:9").map(|()| it));
    if let Ok(own) = route.and_then(|it| it.local_addr()) {
        let mut program = Program::start(&case, &python(), RUNS, &["--ikpdb-address=0.0.0.0"]);
        assert_eq!(connect_to(own.ip(), program.port), "", "{own}");
        program.says("was refused: it is another user's");
    }
}

#[test]
fn a_second_client_is_told_that_there_is_one_already() {
    let case = Case::real();
    for python in pythons() {
        let mut program = Program::start(&case, &python, RUNS, &[]);
        let mut first = program.client();
        first.result("reconnect", &json!({}));
        let mut second = IkpdbClient::connect(("127.0.0.1", program.port));
        let told = second.read().unwrap();
        assert_eq!(told["error_messages"], json!(["IKPdb error: another client is connected already."]));
        assert_eq!(second.read(), None);
        first.result("runScript", &json!({}));
        first.event("programEnd");
        drop(first);
        assert_eq!(program.ends().1, 0);
    }
}

#[test]
fn what_does_not_begin_with_the_protocol_is_closed_without_an_answer() {
    let case = Case::real();
    let mut program = Program::start(&case, &python(), RUNS, &[]);
    for begin in ["GET / HTTP/1.1\r\n\r\n", "garbage", "Content-Length:0\r\nHost", "{}", "lengthy"] {
        let mut stranger = IkpdbClient::connect(("127.0.0.1", program.port));
        stranger.send_raw(begin.as_bytes());
        assert_eq!(stranger.read_raw(), b"", "{begin:?}");
        program.says("does not speak the protocol of IKPdb");
    }
    // The one exception: what a reloaded page of Cloud9 sends first.
    let mut client = program.client();
    client.send_raw(b"Content-Length:0\r\n\r\n");
    assert_eq!(client.result("reconnect", &json!({}))["executionStatus"], "pending");
}

/// As the process between Cloud9 and the debugger does it: bytes in both directions; a page that comes takes the place of the one before, and
/// the connection to the debugger stays.
#[test]
fn a_proxy_that_passes_bytes_on_serves_one_page_after_the_other() {
    let case = Case::real();
    for python in pythons() {
        let text = "def f(n):\n    return n + 1\ntotal = f(1)\nprint(total)\n";
        let mut program = Program::start(&case, &python, text, &[]);
        let pages = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = pages.local_addr().unwrap().port();
        let to_debugger = TcpStream::connect(("127.0.0.1", program.port)).unwrap();
        std::thread::spawn(move || {
            let current = std::sync::Arc::new(std::sync::Mutex::new(Vec::<TcpStream>::new()));
            let (mut from, pages_now) = (to_debugger.try_clone().unwrap(), std::sync::Arc::clone(&current));
            let first = pages.accept().unwrap().0;
            current.lock().unwrap().push(first.try_clone().unwrap());
            std::thread::spawn(move || {
                let mut bytes = [0; 4096];
                while let Ok(count @ 1..) = from.read(&mut bytes) {
                    if let Some(page) = pages_now.lock().unwrap().last_mut() {
                        let _ = page.write_all(&bytes[..count]);
                    }
                }
                pages_now.lock().unwrap().clear();
            });
            let mut page = first;
            loop {
                let (mut to, mut bytes) = (to_debugger.try_clone().unwrap(), [0; 4096]);
                while let Ok(count @ 1..) = page.read(&mut bytes) {
                    to.write_all(&bytes[..count]).unwrap();
                }
                let Ok((next, _)) = pages.accept() else { return };
                current.lock().unwrap().push(next.try_clone().unwrap());
                page = next;
            }
        });
        let mut page = IkpdbClient::greeted(("127.0.0.1", port));
        page.result("setBreakpoint", &json!({"file_name": "app.py", "line_number": 2}));
        page.result("runScript", &json!({}));
        let stopped = page.event("programBreak");
        drop(page);
        let mut reloaded = IkpdbClient::connect(("127.0.0.1", port));
        assert_eq!(reloaded.result("getStatus", &json!({}))["executionStatus"], "stopped");
        let again = reloaded.event("programBreak");
        assert_eq!(again["frames"], stopped["frames"], "the stop is told again as it was");
        assert_eq!(reloaded.result("getBreakpoints", &json!({}))[0]["line_number"], 2);
        reloaded.result("resume", &json!({}));
        reloaded.event("programEnd");
        drop(reloaded);
        assert_eq!(program.ends(), ("2\n".to_owned(), 0));
    }
}
