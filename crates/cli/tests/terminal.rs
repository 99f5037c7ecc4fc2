//! The program's terminal: as natively, with keys, signals, size, job control; given back however we end.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use serde_json::json;
use support::Case;
use support::terminal::Terminal;

fn case() -> (Case, Terminal) {
    let case = Case::new();
    let terminal = Terminal::new(&case);
    (case, terminal)
}

/// A signal that comes just before a sleep is handled behind it, so it sleeps for moments.
const SLEEP: &str = "import time\nprint('up')\nwhile True: time.sleep(.05)\n";

#[test]
fn the_program_has_the_terminals_size_and_follows_it() {
    let (case, terminal) = case();
    case.write(
        "size.py",
        "import os, signal\nprint('first', os.get_terminal_size().columns)\n\
         signal.signal(signal.SIGWINCH, lambda *a: print('now', os.get_terminal_size().columns))\ninput('ready')\n",
    );
    terminal.line("$RUN size.py");
    terminal.wait_for("ready");
    assert!(terminal.screen().contains("first 100"));
    terminal.resize(72, 20);
    terminal.wait_for("now 72");
    assert_eq!(case.hub.event("ikpdb/runnerResized"), json!({"columns": 72, "rows": 20}));
    let streams = case.hub.hello(0)["streams"].clone();
    assert_eq!(streams["stdin"], json!({"kind": "terminal"}));
    assert_eq!(streams["terminal"], json!({"columns": 100, "rows": 30}));
    terminal.keys(&["Enter"]);
}

#[test]
fn lines_are_typed_and_edited_in_the_terminal_and_from_the_page() {
    let (case, terminal) = case();
    case.write("ask.py", "print('hello', input('name? '))\nprint('bye', input('again? '))\nraise SystemExit(5)\n");
    terminal.line("$RUN ask.py; echo code $?");
    terminal.wait_for("name?");
    case.hub.wait_for("waiting", |message| (message["body"]["waiting"] == true).then_some(()));
    terminal.keys(&["-l", "Adx"]);
    terminal.keys(&["BSpace"]);
    terminal.line("a");
    terminal.wait_for("hello Ada");
    terminal.wait_for("again?");
    assert_eq!(case.hub.ask("ikpdb/runnerType", json!({"data": "page\r"}))["success"], true);
    terminal.wait_for_line("again? page");
    terminal.wait_for_line("bye page");
    terminal.wait_for_line("code 5");
    let output = case.hub.output();
    assert!(output.contains("name? Adx\u{8} \u{8}a\r\nhello Ada\r\n"), "{output:?}");
    assert_eq!(case.hub.events("output")[0]["ikpdbTerminal"], true);
    assert_eq!(case.hub.event("ikpdb/runnerExited")["exitCode"], 5);
}

#[test]
fn single_keys_reach_a_program_that_reads_them() {
    let (case, terminal) = case();
    case.write(
        "key.py",
        "import sys, tty, termios\nold = termios.tcgetattr(0)\ntty.setraw(0)\nprint('ready', end='', flush=True)\n\
         keys = [sys.stdin.buffer.raw.read(1) for _ in range(3)]\ntermios.tcsetattr(0, termios.TCSADRAIN, old)\nprint('keys', keys)\n",
    );
    terminal.line("$RUN key.py");
    terminal.wait_for("ready");
    terminal.keys(&["x", "C-c", "C-z"]);
    terminal.wait_for("keys [b'x', b'\\x03', b'\\x1a']");
}

#[test]
fn ctrl_c_interrupts_the_program_alone_and_the_shell_sees_it() {
    let (case, terminal) = case();
    case.write("sleep.py", SLEEP);
    terminal.line("$RUN sleep.py; echo code $?");
    terminal.wait_for_line("up");
    terminal.keys(&["C-c"]);
    let screen = terminal.wait_for("KeyboardInterrupt");
    assert_eq!(screen.matches("KeyboardInterrupt").count(), 1);
    // bash gives up the rest of the line when the command died of SIGINT, as natively.
    terminal.wait("prompt", |screen| screen.ends_with('#') || screen.ends_with('$'));
    terminal.line("echo then $?");
    terminal.wait_for_line("then 130");
    assert_eq!(case.hub.event("ikpdb/runnerExited")["signal"], "SIGINT");
}

#[test]
fn ctrl_c_reaches_the_script_that_runs_us_as_natively() {
    for (number, run) in ["$PYTHON", "$RUN"].into_iter().enumerate() {
        let (case, terminal) = case();
        case.write("sleep.py", SLEEP);
        case.write("script.sh", &format!("{run} sleep.py\necho went on\n"));
        terminal.line("sh script.sh");
        terminal.wait_for_line("up");
        terminal.keys(&["C-c"]);
        terminal.wait_for("KeyboardInterrupt");
        let screen = terminal.shell("true", number);
        assert!(!terminal.screen().contains("went on"), "{screen}");
    }
}

#[test]
fn ctrl_z_stops_the_job_and_fg_and_bg_continue_it() {
    let (case, terminal) = case();
    let before = terminal.modes(&case.path("before"));
    case.write("job.py", "import time\nprint('up')\nwhile True:\n    line = input()\n    print('got', line)\n");
    terminal.line("$RUN job.py");
    terminal.wait_for_line("up");
    terminal.keys(&["C-z"]);
    terminal.wait_for("Stopped");
    assert_eq!(terminal.modes(&case.path("stopped")), before);
    terminal.resize(90, 25);
    terminal.line("fg");
    terminal.wait_for("job.py");
    terminal.line("one");
    terminal.wait_for_line("got one");
    assert_eq!(case.hub.event("ikpdb/runnerResized")["columns"], 90);
    terminal.keys(&["C-z"]);
    terminal.wait("a second stop", |screen| screen.matches("Stopped").count() == 2);
    terminal.line("bg");
    // It reads in the background: the system stops it for that.
    terminal.wait("a third stop", |screen| {
        terminal.keys(&["Enter"]);
        screen.matches("Stopped").count() >= 3
    });
    terminal.line("fg");
    terminal.line("two");
    terminal.wait_for_line("got two");
    terminal.keys(&["C-d"]);
    terminal.wait_for("EOFError");
    assert_eq!(terminal.modes(&case.path("after")), before);
}

#[test]
fn a_program_started_in_the_background_writes_and_is_stopped_when_it_reads() {
    let (case, terminal) = case();
    case.write("back.py", "import time\nprint('up')\ntime.sleep(.3)\nprint('still')\nprint('got', input())\n");
    terminal.line("$RUN back.py &");
    terminal.wait_for_line("up");
    terminal.wait_for_line("still");
    // The shell says so at its next prompt.
    terminal.wait("a stop", |screen| {
        terminal.keys(&["Enter"]);
        screen.contains("Stopped")
    });
    terminal.line("fg");
    terminal.line("word");
    terminal.wait_for_line("got word");
}

#[test]
fn a_program_brought_to_the_foreground_while_it_runs_gets_the_keys() {
    let (case, terminal) = case();
    case.write(
        "back.py",
        "import os, time\nprint('up')\nwhile not os.path.exists('go'): time.sleep(.02)\nprint('got', input('say: '))\n",
    );
    terminal.line("$RUN back.py &");
    terminal.wait_for_line("up");
    terminal.line("fg");
    case.write("go", "");
    terminal.wait_for("say:");
    terminal.line("word");
    terminal.wait_for("got word");
}

#[test]
fn the_terminal_is_given_back_when_a_signal_ends_us() {
    for (signal, code) in [("TERM", 143), ("HUP", 129), ("KILL", 137), ("ABRT", 134)] {
        let (case, terminal) = case();
        let before = terminal.modes(&case.path("before"));
        case.write("sleep.py", "import os, time\nprint('up', os.getpid())\ntime.sleep(60)\n");
        // An interactive shell would mend the terminal itself.
        let after = case.path("after");
        case.write(
            "script.sh",
            &format!(
                // After SIGKILL it is another process that gives it back, a moment later.
                "$RUN sleep.py\necho code $?\nfor n in 1 2 3 4 5 6 7 8 9; do stty -g > {0}\n\
                 cmp -s {0} {1} && break; sleep .2; done\necho end\n",
                after.display(),
                case.path("before").display()
            ),
        );
        terminal.line("sh script.sh");
        terminal.wait("the start", |screen| screen.lines().any(|line| line.starts_with("up ")));
        let runner = case.hub.hello(0)["pid"].to_string();
        let program = case.hub.event("ikpdb/runnerStarted")["pid"].to_string();
        assert!(std::process::Command::new("kill").args([&format!("-{signal}"), &runner]).status().unwrap().success());
        terminal.wait_for(&format!("code {code}"));
        terminal.wait_for("end");
        assert_eq!(std::fs::read_to_string(&after).unwrap(), before, "SIG{signal}");
        support::gone(&program);
    }
}

#[test]
fn killing_the_hub_leaves_terminal_output_and_exit_code_as_they_are() {
    let (case, terminal) = case();
    let before = terminal.modes(&case.path("before"));
    case.write("ask.py", "print('hello', input('name? '))\nraise SystemExit(6)\n");
    terminal.line("$RUN ask.py; echo code $?");
    terminal.wait_for("name?");
    case.hub.die(&case.place.socket);
    terminal.line("Ada");
    terminal.wait_for_line("code 6");
    let screen = terminal.screen();
    assert!(screen.contains("\nname? Ada\nhello Ada\ncode 6"), "{screen}");
    assert_eq!(terminal.modes(&case.path("after")), before);
}

#[test]
fn signals_sent_to_us_reach_the_program() {
    let (case, terminal) = case();
    case.write(
        "signals.py",
        "import os, signal, time\nfor n in ('SIGUSR1', 'SIGUSR2', 'SIGTERM', 'SIGINT'):\n    \
         signal.signal(getattr(signal, n), lambda s, f: os.write(1, f'got {signal.Signals(s).name}\\n'.encode()))\n\
         os.write(1, b'up\\n')\nwhile True: time.sleep(.05)\n",
    );
    terminal.line("$RUN signals.py; echo code $?");
    terminal.wait_for_line("up");
    let runner = case.hub.hello(0)["pid"].to_string();
    for signal in ["USR1", "USR2", "TERM", "INT"] {
        assert!(std::process::Command::new("kill").args([&format!("-{signal}"), &runner]).status().unwrap().success());
        terminal.wait_for_line(&format!("got SIG{signal}"));
    }
    terminal.keys(&["C-c"]);
    terminal.wait("Ctrl-C", |screen| screen.matches("got SIGINT").count() == 2);
    terminal.keys(&["C-\\"]);
    terminal.wait_for_line("code 131");
}

#[test]
fn in_a_pipeline_the_terminal_stays_with_the_others_until_the_program_reads() {
    let (case, terminal) = case();
    let before = terminal.modes(&case.path("before"));
    case.write(
        "ask.py",
        "import sys\nprint('to the pipe')\nsys.stderr.write('name? ')\nname = input()\nprint('hello', name)\n",
    );
    terminal.line("$RUN ask.py | cat; echo code ${PIPESTATUS[0]}");
    terminal.wait_for("name?");
    case.hub.wait_for("waiting", |message| (message["body"]["waiting"] == true).then_some(()));
    terminal.line("Ada");
    // The echo of what is typed comes through us and the answer past us through the pipe: their order is not promised.
    terminal.wait_for("hello Ada");
    terminal.wait_for_line("code 0");
    assert_eq!(terminal.screen().matches("Ada").count(), 2, "typed once, shown once: {}", terminal.screen());
    assert_eq!(terminal.modes(&case.path("after")), before);
    let streams = case.hub.hello(0)["streams"].clone();
    assert_eq!((&streams["stdin"]["kind"], &streams["stdout"]["kind"]), (&json!("terminal"), &json!("pipe")));
}

#[test]
fn a_password_is_read_from_the_terminal_when_standard_input_is_none() {
    let (case, terminal) = case();
    case.write(
        "password.py",
        "import getpass, sys\nprint('read', sys.stdin.read().strip())\nprint('secret', getpass.getpass('word: '))\n",
    );
    case.write("file", "text\n");
    terminal.line("$RUN password.py < file");
    terminal.wait_for("word:");
    case.hub.wait_for("waiting", |message| (message["body"]["waiting"] == true).then_some(()));
    terminal.line("hush");
    let screen = terminal.wait_for_line("secret hush");
    assert!(screen.contains("read text") && screen.matches("hush").count() == 1, "{screen}");
}

#[test]
fn ctrl_c_and_ctrl_z_work_in_a_pipeline() {
    let (case, terminal) = case();
    case.write("sleep.py", "import sys, time\nsys.stderr.write('up\\n')\nwhile True: time.sleep(.05)\n");
    terminal.line("$RUN sleep.py | cat; echo code ${PIPESTATUS[0]}");
    terminal.wait_for_line("up");
    terminal.keys(&["C-z"]);
    terminal.wait_for("Stopped");
    terminal.line("fg");
    // Before that the key would be the shell's.
    case.hub.event("ikpdb/runnerResumed");
    terminal.keys(&["C-c"]);
    terminal.wait_for("KeyboardInterrupt");
}

#[test]
fn head_ends_the_program_as_natively() {
    let (case, terminal) = case();
    case.write("many.py", "for n in range(10**9): print('line', n)\n");
    terminal.line("$RUN many.py | head -1; echo code ${PIPESTATUS[0]}");
    terminal.wait_for_line("line 0");
    let screen = terminal.wait_for_line("code 1");
    assert!(screen.contains("BrokenPipeError"), "{screen}");
}

#[test]
fn the_shell_is_back_at_once_and_children_left_behind_still_write_to_the_terminal() {
    let (case, terminal) = case();
    let before = terminal.modes(&case.path("before"));
    case.write(
        "leave.py",
        "import os, subprocess, sys\nchild = \"import os, time\\nwhile not os.path.exists('go'): time.sleep(.02)\\nprint('from the child')\\nopen('end', 'w')\"\n\
         subprocess.Popen([sys.executable, '-c', child])\nprint('leaving')\n",
    );
    terminal.line("$RUN leave.py; echo code $?");
    terminal.wait_for_line("code 0");
    assert_eq!(terminal.modes(&case.path("after")), before);
    case.write("go", "");
    terminal.wait_for("from the child");
}

#[test]
fn without_a_shell_ctrl_z_does_nothing_as_natively() {
    let case = Case::new();
    case.write("ask.py", "print('hello', input('name? '))\ninput('end')\n");
    let terminal = Terminal::with(&case, "exec $RUN ask.py");
    terminal.wait_for("name?");
    terminal.keys(&["C-z"]);
    terminal.line("Ada");
    terminal.wait_for("hello");
    terminal.wait_for("Ada");
}

#[test]
fn a_restart_runs_the_program_again_in_the_same_terminal() {
    let (case, terminal) = case();
    case.write(
        "ask.py",
        "import os\nprint('run by', os.getpid())\nprint('hello', input('name? '))\nraise SystemExit(8)\n",
    );
    terminal.line("$RUN ask.py; echo code $?");
    terminal.wait_for("name?");
    let answer = case.hub.ask("ikpdb/runnerRestart", json!({"session": 2, "secret": "ff".repeat(32)}));
    assert_eq!(answer["success"], true);
    terminal.wait("the second run", |screen| screen.matches("name?").count() == 2);
    terminal.line("Ada");
    terminal.wait_for_line("hello Ada");
    terminal.wait_for_line("code 8");
}

#[test]
fn a_flood_of_lines_arrives_in_the_terminal_and_the_exit_code_is_the_programs() {
    let (case, terminal) = case();
    case.write("many.py", "for n in range(200_000): print('line', n)\nraise SystemExit(9)\n");
    terminal.line("$RUN many.py; echo code $?");
    terminal.wait_for_line("code 9");
    assert!(terminal.screen().contains("line 199999\ncode 9"));
}

#[test]
fn a_program_that_closes_its_streams_ends_with_its_own_exit_code() {
    let (case, terminal) = case();
    let before = terminal.modes(&case.path("before"));
    case.write("close.py", "import os\nos.write(1, b'up\\n')\nfor fd in (0, 1, 2): os.close(fd)\nos._exit(5)\n");
    terminal.line("$RUN close.py; echo code $?");
    let screen = terminal.wait_for_line("code 5");
    assert!(screen.contains("\nup\ncode 5"), "{screen}");
    assert_eq!(terminal.modes(&case.path("after")), before);
    assert_eq!(case.hub.event("ikpdb/runnerExited")["exitCode"], 5);
}

#[test]
fn without_a_display_the_address_with_its_secret_is_shown_on_the_terminal_and_in_no_file() {
    let (_case, terminal) = case();
    let said = terminal.shell("$RUN -c pass", 1);
    assert!(said.contains("ikpdb: open http://127.0.0.1:15480/#secret=lasting"), "{said}");
    let said = terminal.shell("$RUN -c pass 2> said; cat said", 2);
    assert!(said.contains("ikpdb: open http://127.0.0.1:15480/\n") && !said.contains("secret="), "{said}");
}

#[test]
fn a_pager_behind_the_program_has_the_keys() {
    // The second is not on every machine.
    for pager in ["more", "less"].into_iter().filter(|name| ikpdb_testkit::search_path(&[name]).is_some()) {
        for (text, code) in [
            // Has ended before the pager is asked for more.
            ("for n in range(2000): print('line', n)\nopen('written', 'w')", 0),
            // Runs on meanwhile, and never reads.
            (
                "import os, time\nfor n in range(2000): print('line', n)\nopen('written', 'w')\n\
                 while not os.path.exists('go'): time.sleep(.02)",
                0,
            ),
            // Writes on, to a pager that leaves.
            ("open('written', 'w')\nfor n in range(10**9): print('line', n)", 1),
        ] {
            page(pager, text, code);
        }
    }
}

fn page(pager: &str, text: &str, code: i32) {
    let (case, terminal) = case();
    let before = terminal.modes(&case.path("before"));
    case.write("many.py", text);
    // On the terminal's one screen, so that what it shows can be read behind it.
    terminal.line(&format!("export LESS=X; $RUN many.py 2> errors | {pager}; echo code ${{PIPESTATUS[0]}}"));
    terminal.wait_for_line("line 20");
    terminal.wait("end of the writing", |_| case.workspace.join("written").exists());
    terminal.keys(&["Space"]);
    terminal.wait_for_line("line 50");
    terminal.keys(&["q"]);
    case.write("go", "");
    let screen = terminal.wait_for_line(&format!("code {code}"));
    assert!(!screen.lines().any(|line| line == "line 1999"), "{pager} showed a part: {screen}");
    assert_eq!(terminal.modes(&case.path("after")), before, "{pager}");
    let errors = std::fs::read_to_string(case.workspace.join("errors")).unwrap();
    assert_eq!(errors.contains("BrokenPipeError"), code == 1, "{pager}: {errors}");
}

#[test]
fn pages_hear_that_the_program_is_suspended_before_the_shell_is_back_and_that_it_goes_on() {
    let (case, terminal) = case();
    case.write("job.py", "import time\nprint('up')\nwhile True: time.sleep(.05)\n");
    terminal.line("$RUN job.py");
    terminal.wait_for_line("up");
    for number in 1..=4 {
        terminal.keys(&["C-z"]);
        terminal.wait("a stop", |screen| screen.matches("Stopped").count() == number);
        // The runner stands still by now: what it has not sent will not come.
        case.hub.wait("news of the suspension", |messages| {
            let suspended = messages.iter().filter(|message| message["event"] == "ikpdb/runnerSuspended");
            (suspended.count() == number).then_some(())
        });
        assert_eq!(case.hub.event("ikpdb/runnerSuspended"), json!({"signal": "SIGTSTP"}));
        assert_eq!(case.hub.events("ikpdb/runnerResumed").len(), number - 1);
        terminal.line("fg");
        case.hub.wait("news that it goes on", |messages| {
            let resumed = messages.iter().filter(|message| message["event"] == "ikpdb/runnerResumed");
            (resumed.count() == number).then_some(())
        });
    }
    terminal.keys(&["C-c"]);
    terminal.wait_for("KeyboardInterrupt");
}
