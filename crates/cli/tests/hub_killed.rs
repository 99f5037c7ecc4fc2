//! A hub that is killed, at whatever moment, leaves the program's output, exit code and terminal as they are.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use support::terminal::Terminal;
use support::{Case, python, split, stdout};

#[test]
fn a_hub_that_dies_before_it_opens_the_page_costs_one_line() {
    let case = Case::new();
    case.hub.die_at("ikpdb/openPage");
    let output = case.run(&["-c", "print('runs')\nraise SystemExit(4)"]).output().unwrap();
    let (theirs, ours) = split(&output.stderr);
    assert_eq!((output.status.code(), stdout(&output).as_str(), theirs.as_str()), (Some(4), "runs\n", ""), "{ours:?}");
    assert_eq!(ours.len(), 2, "{ours:?}");
    assert!(ours[1].contains("the program runs") && ours[1].contains("ikpdb open"), "{ours:?}");
}

const STEADY: &str = "\
import sys, time
for n in range(40):
    print('line', n, flush=True)
    sys.stderr.write(f'error {n}\\n')
    time.sleep(.015)
raise SystemExit(9)
";

/// Moments after the start of the command, spread over its first second: start of the hub, greeting, page, start of the
/// program, agent's greeting and configuration, the program's run and its end.
fn moments() -> impl Iterator<Item = Duration> {
    (0..40).map(|number| Duration::from_millis(25 * number))
}

#[test]
fn killed_at_any_moment_it_changes_neither_output_nor_exit_code() {
    let native = Command::new(python().executable).args(["-c", STEADY]).output().unwrap();
    let killed = Mutex::new(0);
    let left = Mutex::new(moments());
    let next = || left.lock().unwrap().next();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(moment) = next() {
                    *killed.lock().unwrap() += usize::from(killed_at(moment, &native));
                }
            });
        }
    });
    let killed = killed.into_inner().unwrap();
    assert!(killed >= 20, "only {killed} hubs were there to be killed");
}

/// Runs the program, kills its hub at this moment, compares; whether there was a hub.
fn killed_at(moment: Duration, native: &std::process::Output) -> bool {
    let case = Case::real();
    let began = Instant::now();
    let child = case
        .run(&["-c", STEADY])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // Nothing to wait for: the moment is what is varied.
    std::thread::sleep(moment);
    let hubs = case.kill_hubs();
    let output = child.wait_with_output().unwrap();
    let (theirs, ours) = split(&output.stderr);
    let what = format!("killed after {moment:?}: {ours:?}");
    assert_eq!(output.status.code(), native.status.code(), "{what}");
    assert_eq!(stdout(&output), stdout(native), "{what}");
    assert_eq!(theirs, String::from_utf8_lossy(&native.stderr), "{what}");
    // The start waits ten seconds for a hub that is there and silent; not for one that is gone.
    assert!(began.elapsed() < Duration::from_secs(9), "{:?} {what}", began.elapsed());
    hubs > 0
}

#[test]
fn killed_at_any_moment_it_leaves_the_terminal_as_it_is() {
    for moment in [60, 150, 300, 500, 800].map(Duration::from_millis) {
        let case = Case::real();
        let terminal = Terminal::new(&case);
        let before = terminal.modes(&case.path("before"));
        case.write(
            "flood.py",
            "for n in range(30_000): print('line', n)\nprint('hello', input('name? '))\nraise SystemExit(6)\n",
        );
        terminal.line("$RUN flood.py; echo code $?");
        // Nothing to wait for: the moment is what is varied.
        std::thread::sleep(moment);
        case.kill_hubs();
        terminal.wait_for("name?");
        terminal.line("Ada");
        let screen = terminal.wait_for_line("code 6");
        assert!(screen.contains("line 29998\nline 29999\nname? Ada\nhello Ada\ncode 6"), "{moment:?}: {screen}");
        assert_eq!(terminal.modes(&case.path("after")), before, "{moment:?}");
    }
}
