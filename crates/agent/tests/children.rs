//! What the user is told of the program's children, which are not debugged.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use support::{Debuggee, Launch, pythons};

/// What is told of a child, until it satisfies something.
fn told(debuggee: &mut Debuggee, wanted: impl Fn(u64, &str) -> bool) -> (u64, String) {
    loop {
        let told = debuggee.event("ikpdb/child");
        let (pid, hint) = (told["pid"].as_u64().unwrap(), told["hint"].as_str().unwrap().to_owned());
        if wanted(pid, &hint) {
            return (pid, hint);
        }
    }
}

#[test]
fn a_child_is_told_of_as_what_it_becomes_however_long_that_takes() {
    // A reloader's child: a copy of the program first, which is seen as such for a while.
    const RELOADS: &str = "\
import os, sys, time
pid = os.fork()
if pid == 0:
    time.sleep(float(sys.argv[1]))
    os.environ['WERKZEUG_RUN_MAIN'] = 'true'
    os.execv(sys.executable, [sys.executable, '-c', 'import time; time.sleep(600)'])
print(pid, flush=True)
input()
os.kill(pid, 9)
os.waitpid(pid, 0)
";
    for python in pythons() {
        for delay in ["0", "0.15", "1"] {
            let launch = Launch { args: vec![delay.into()], pipe_stdin: true, ..Launch::default() };
            let mut debuggee = Debuggee::launch(&python, RELOADS, launch);
            let pid: u64 = debuggee.printed().parse().unwrap();
            let (of, hint) = told(&mut debuggee, |_, hint| delay != "1" || hint.contains("--no-reload"));
            assert_eq!(of, pid, "{} {delay}", python.version);
            assert!(hint.contains("--no-reload"), "{} {delay}: {hint}", python.version);
            std::io::Write::write_all(&mut debuggee.stdin(), b"\n").unwrap();
            assert!(debuggee.event_until_end("ikpdb/child").is_none(), "{} {delay}: once", python.version);
        }
    }
}

#[test]
fn a_child_that_lives_shortly_late_in_the_round_of_another_is_told_of() {
    // Looks follow an announcement in growing distances: without looks of its own the second one falls between two.
    const TWO: &str = "\
import subprocess, sys, time
first = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE)
time.sleep(1)
second = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(0.5)'])
print(first.pid, second.pid, flush=True)
second.wait()
input()
first.communicate(b'')
";
    for python in pythons() {
        let mut debuggee = Debuggee::launch(&python, TWO, Launch { pipe_stdin: true, ..Launch::default() });
        let printed = debuggee.printed();
        let mut pids: Vec<u64> = printed.split(' ').map(|it| it.parse().unwrap()).collect();
        // The system's numbers begin anew at some point: the second child's may be the smaller one.
        pids.sort_unstable();
        let mut seen = [told(&mut debuggee, |_, _| true).0, told(&mut debuggee, |_, _| true).0];
        seen.sort_unstable();
        assert_eq!(seen[..], pids, "{}", python.version);
        std::io::Write::write_all(&mut debuggee.stdin(), b"\n").unwrap();
        debuggee.end();
    }
}

#[test]
fn a_copy_that_stays_one_is_told_of_and_what_is_no_python_is_not() {
    const COPIES: &str = "\
import os, subprocess, time
pid = os.fork()
if pid == 0:
    time.sleep(600)
    os._exit(0)
print(pid, flush=True)
other = subprocess.Popen(['/bin/sleep', '30'])
input()
other.kill()
other.wait()
os.kill(pid, 9)
os.waitpid(pid, 0)
";
    for python in pythons() {
        let mut debuggee = Debuggee::launch(&python, COPIES, Launch { pipe_stdin: true, ..Launch::default() });
        let pid: u64 = debuggee.printed().parse().unwrap();
        let (of, hint) = told(&mut debuggee, |_, _| true);
        assert_eq!((of, hint.as_str()), (pid, "child processes run undebugged"), "{}", python.version);
        std::io::Write::write_all(&mut debuggee.stdin(), b"\n").unwrap();
        assert!(debuggee.event_until_end("ikpdb/child").is_none(), "{}: once", python.version);
    }
}
