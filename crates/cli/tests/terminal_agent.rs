//! The user's terminal while the program is really debugged: keys and signals as natively, `pdb` as natively, and what Ctrl-C does
//! while the program is stopped.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod hub_support;
mod support;

use std::time::Instant;

use hub_support::Tab;
use ikpdb_testkit::{Python, marked_line};
use serde_json::{Value, json};
use support::Case;
use support::terminal::Terminal;

/// `sh run.sh app.py` debugs with this interpreter, from the first line on if `options` do not say otherwise.
fn script(case: &Case, python: &Python, options: &str) {
    let (ikpdb, python) = (case.path("bin/ikpdb"), python.executable.display());
    case.write("run.sh", &format!("exec {} run {options} --python {python} \"$@\"\n", ikpdb.display()));
    case.write("native.sh", &format!("exec {python} \"$@\"\n"));
}

fn prompt(terminal: &Terminal) -> String {
    terminal.wait("prompt", |screen| screen.ends_with('#') || screen.ends_with('$'))
}

/// The exit code that the shell saw last.
fn code(terminal: &Terminal, expected: i32) {
    prompt(terminal);
    terminal.line("echo then $?");
    terminal.wait_for_line(&format!("then {expected}"));
}

const SLEEP: &str = "import time\nprint('up')\ntime.sleep(600)\n";

#[test]
fn ctrl_c_ends_a_debugged_program_at_once() {
    for python in ikpdb_testkit::pythons() {
        let case = Case::debugged();
        let terminal = Terminal::new(&case);
        script(&case, &python, "--no-stop");
        case.write("sleep.py", SLEEP);
        terminal.line("sh run.sh sleep.py");
        terminal.wait_for_line("up");
        terminal.keys(&["C-c"]);
        let screen = prompt(&terminal);
        assert_eq!(screen.matches("KeyboardInterrupt").count(), 1, "{}: {screen}", python.version);
        code(&terminal, 130);
        assert_eq!(case.hub.event("ikpdb/runnerExited")["signal"], "SIGINT", "{}", python.version);
        case.hub.event("ikpdb/agentHello");
        assert_eq!(case.hub.events("stopped"), Vec::<Value>::new(), "{}: that is no failure", python.version);
    }
}

#[test]
fn ctrl_z_fg_and_signals_reach_a_debugged_program_as_natively() {
    let case = Case::debugged();
    let terminal = Terminal::new(&case);
    let before = terminal.modes(&case.path("before"));
    case.write("sleep.py", SLEEP);
    terminal.line("$RUN sleep.py");
    terminal.wait_for_line("up");
    terminal.keys(&["C-z"]);
    terminal.wait_for("Stopped");
    assert_eq!(terminal.modes(&case.path("stopped")), before);
    terminal.line("fg");
    terminal.wait("the job again", |screen| screen.matches("sleep.py").count() >= 3);
    terminal.keys(&["C-c"]);
    terminal.wait_for("KeyboardInterrupt");
    code(&terminal, 130);
    assert_eq!(terminal.modes(&case.path("after")), before);
    case.write(
        "signals.py",
        "import signal, time\nsignal.signal(signal.SIGUSR1, lambda s, f: print('got', signal.Signals(s).name))\n\
         print('ready')\nwhile True: time.sleep(600)\n",
    );
    terminal.line("$RUN signals.py");
    terminal.wait_for_line("ready");
    let runner = case.hub.hello(1)["pid"].to_string();
    for (signal, shown) in [("USR1", "got SIGUSR1"), ("TERM", "Terminated")] {
        assert!(std::process::Command::new("kill").args([&format!("-{signal}"), &runner]).status().unwrap().success());
        terminal.wait_for(shown);
    }
    code(&terminal, 143);
    assert_eq!(case.hub.events("ikpdb/agentHello").len(), 2);
    assert_eq!(case.hub.events("stopped"), Vec::<Value>::new());
}

/// A page of the hub that a run of this case has started.
fn page(case: &Case) -> Tab {
    let deadline = Instant::now() + hub_support::PATIENCE;
    while case.place.connect().is_err() {
        assert!(Instant::now() < deadline, "no hub was started");
        std::thread::yield_now();
    }
    Tab::open(&case.place.socket)
}

/// The session that is stopped at its first line: its id and thread.
fn at_entry(tab: &mut Tab) -> (Option<u64>, Value) {
    let stopped = |info: &Value| info["state"] == "stopped" && info["stopped"]["reason"] == "entry";
    let sessions = tab.snapshot()["sessions"].clone();
    let mut found = sessions.as_array().unwrap().iter().find(|it| stopped(it)).cloned();
    while found.is_none() {
        found = Some(tab.until("ikpdb/session")["message"]["body"].clone()).filter(stopped);
    }
    let info = found.unwrap();
    (info["id"].as_u64(), info["stopped"]["threadId"].clone())
}

#[test]
fn ctrl_c_while_stopped_says_where_and_a_second_one_ends_the_program() {
    for python in ikpdb_testkit::pythons() {
        let case = Case::real();
        let terminal = Terminal::new(&case);
        let before = terminal.modes(&case.path("before"));
        script(&case, &python, "--no-browser --port 0");
        let path = case.write("app.py", "x = 1\nprint('never')\n");
        terminal.line("sh run.sh app.py");
        at_entry(&mut page(&case));
        terminal.keys(&["C-c"]);
        let place = format!("stopped in the debugger at {}:1", path.canonicalize().unwrap().display());
        terminal.wait("the place", |screen| screen.replace('\n', "").contains(&place));
        terminal.keys(&["C-c"]);
        let screen = terminal.wait_for("KeyboardInterrupt");
        assert!(!screen.lines().any(|line| line == "never"), "{}: {screen}", python.version);
        code(&terminal, 130);
        assert_eq!(terminal.modes(&case.path("after")), before, "{}", python.version);
    }
}

const PDB: &str = "\
import pdb, sys
def f(x):
    y = x + 1  # BP:before
    pdb.set_trace()
    z = y * 2
    w = z + 1
    return w  # BP:after
print('result', f(20))
";

/// What the terminal shows of a program that `pdb` holds: `p x`, `n`, `c`.
fn with_pdb(terminal: &Terminal, command: &str, mut meanwhile: impl FnMut(&str)) -> Vec<String> {
    prompt(terminal);
    terminal.line(&format!("clear; {command}; echo code $?"));
    meanwhile("start");
    let prompts =
        |count: usize| move |screen: &str| screen.matches("(Pdb)").count() == count && screen.ends_with("(Pdb)");
    terminal.wait("pdb's prompt", prompts(1));
    terminal.line("p x");
    terminal.wait("the value", prompts(2));
    terminal.line("n");
    terminal.wait("the next line", prompts(3));
    terminal.line("c");
    meanwhile("continued");
    let screen = terminal.wait("the end", |screen| screen.lines().any(|line| line.starts_with("code ")));
    let shown = screen.lines().skip_while(|line| !line.starts_with('>'));
    shown.take_while(|line| !line.ends_with('$') && !line.ends_with('#')).map(str::to_owned).collect()
}

/// Runs a program with `pdb` in it natively and debugged, with breakpoints of ours before and after; the terminal shows the same.
fn pdb_as_natively(program: &str, variable: &str) {
    let (before, after) = (marked_line(program, "before"), marked_line(program, "after"));
    for python in ikpdb_testkit::pythons() {
        let case = Case::real();
        let terminal = Terminal::new(&case);
        script(&case, &python, "--no-browser --port 0");
        let path = case.write("app.py", program);
        let native = with_pdb(&terminal, &format!("{variable} sh native.sh app.py"), |_| {});
        let mut tab = None;
        let path = path.canonicalize().unwrap();
        let debugged = with_pdb(&terminal, &format!("{variable} sh run.sh app.py"), |when| {
            let line = if when == "start" { before } else { after };
            let (page, id, thread) = tab.get_or_insert_with(|| {
                let mut page = page(&case);
                let (id, thread) = at_entry(&mut page);
                for line in [before, after] {
                    page.call(None, "ikpdb/breakpoints/set", json!({"path": path, "line": line}));
                }
                page.call(id, "continue", json!({"threadId": thread}));
                (page, id, thread)
            });
            let stopped = loop {
                let stopped = page.until("stopped")["message"]["body"].clone();
                if stopped["reason"] != "entry" {
                    break stopped;
                }
            };
            assert_eq!(stopped["reason"], "breakpoint", "{}: {stopped}", python.version);
            let stack = page.call(*id, "stackTrace", json!({"threadId": thread}))["stackFrames"].clone();
            assert_eq!((&stack[0]["line"], &stack[0]["name"]), (&json!(line), &json!("f")), "{}", python.version);
            page.call(*id, "continue", json!({"threadId": thread}));
        });
        assert!(native.iter().any(|line| line == "20") && native.iter().any(|line| line == "result 43"), "{native:#?}");
        assert_eq!(debugged, native, "{}", python.version);
    }
}

#[test]
fn pdb_works_in_the_terminal_as_natively_and_breakpoints_before_and_after_it_stop() {
    pdb_as_natively(PDB, "");
}

#[test]
fn breakpoint_opens_the_debugger_that_pythonbreakpoint_names() {
    pdb_as_natively(&PDB.replace("pdb.set_trace()", "breakpoint()"), "PYTHONBREAKPOINT=pdb.set_trace");
}

#[test]
fn breakpoint_does_nothing_where_pythonbreakpoint_is_0() {
    for python in ikpdb_testkit::pythons() {
        let case = Case::debugged();
        let terminal = Terminal::new(&case);
        script(&case, &python, "--no-stop");
        case.write("app.py", &PDB.replace("pdb.set_trace()", "breakpoint()"));
        terminal.line("PYTHONBREAKPOINT=0 sh run.sh app.py; echo code $?");
        let screen = terminal.wait_for_line("code 0");
        assert!(screen.contains("\nresult 43\n") && !screen.contains("(Pdb)"), "{}: {screen}", python.version);
        case.hub.event("ikpdb/agentHello");
        assert_eq!(case.hub.events("stopped"), Vec::<Value>::new(), "{}", python.version);
    }
}
