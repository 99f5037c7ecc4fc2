//! `ikpdb run` and the real hub: found, started, joined, replaced when dead, and named when it cannot be.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::process::Output;

use support::{Case, split, stdout};

fn ran(output: &Output) -> Vec<String> {
    let (theirs, ours) = split(&output.stderr);
    assert_eq!((output.status.code(), stdout(output).as_str(), theirs.as_str()), (Some(4), "runs\n", ""), "{output:?}");
    ours
}

const RUNS: [&str; 2] = ["-c", "print('runs')\nraise SystemExit(4)"];

#[test]
fn the_first_program_starts_the_hub_and_the_second_joins_it() {
    let case = Case::real();
    let first = ran(&case.run(&RUNS).output().unwrap());
    let hub = case.hub_pid().unwrap();
    let second = ran(&case.run(&RUNS).output().unwrap());
    assert_eq!(case.hub_pid(), Some(hub));
    assert_eq!(first, second, "the same address");
    assert!(first.iter().all(|line| !line.contains("debugg")), "{first:?}");
}

#[test]
fn several_programs_at_once_start_one_hub() {
    let case = Case::real();
    let programs: Vec<_> = (0..4)
        .map(|_| {
            let mut command = case.run(&RUNS);
            std::thread::spawn(move || command.output().unwrap())
        })
        .collect();
    let lines: Vec<Vec<String>> = programs.into_iter().map(|program| ran(&program.join().unwrap())).collect();
    assert!(lines.windows(2).all(|pair| pair[0] == pair[1]), "{lines:?}");
}

#[test]
fn the_socket_and_lock_of_a_dead_hub_are_taken_over() {
    let case = Case::real();
    drop(UnixListener::bind(&case.place.socket).unwrap());
    assert!(case.place.socket.exists());
    std::fs::write(case.place.lock(), "1\n").unwrap();
    ran(&case.run(&RUNS).output().unwrap());
    let hub = case.hub_pid().unwrap();
    // SAFETY: a plain call; the hub is this case's own.
    unsafe { libc::kill(hub, libc::SIGKILL) };
    ran(&case.run(&RUNS).output().unwrap());
    assert_ne!(case.hub_pid(), Some(hub));
}

#[test]
fn a_port_that_is_taken_is_named() {
    let case = Case::real();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = case.run(&[&["--port", &port], &RUNS[..]].concat()).output().unwrap();
    let (theirs, ours) = split(&output.stderr);
    assert_eq!((output.status.code(), stdout(&output).as_str(), theirs.as_str()), (Some(2), "", ""));
    assert_eq!(ours.len(), 2, "{ours:?}");
    assert!(ours[1].contains(&port), "{ours:?}");
}

#[test]
fn a_wanted_port_is_given() {
    let case = Case::real();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let ours = ran(&case.run(&[&["--port", &free], &RUNS[..]].concat()).output().unwrap());
    assert!(ours.contains(&format!("ikpdb: open http://127.0.0.1:{free}/")), "{ours:?}");
    let again = ran(&case.run(&[&["--port", "15499"], &RUNS[..]].concat()).output().unwrap());
    assert!(again.concat().contains("already") && again.concat().contains(&free), "{again:?}");
}

/// In a network of its own, where nobody else has a port: others on this machine, and the tests beside this one, use them, too.
#[test]
fn without_a_wish_the_next_free_port_is_taken_and_a_full_row_is_named() {
    // Takes the ports named first, then runs the rest of the words.
    const TAKE: &str = "\
import fcntl, socket, struct, subprocess, sys
SIOCSIFFLAGS, UP_AND_RUNNING = 0x8914, 0x41
fcntl.ioctl(socket.socket(), SIOCSIFFLAGS, struct.pack('16sh14x', b'lo', UP_AND_RUNNING))
first, last = map(int, sys.argv[1:3])
taken = [socket.create_server(('127.0.0.1', port)) for port in range(first, last + 1)]
sys.exit(subprocess.run(sys.argv[3:]).returncode)
";
    let alone = |case: &Case, last: &str| {
        let program = case.run(&RUNS);
        let words = [program.get_program()].into_iter().chain(program.get_args());
        let mut unshared = std::process::Command::new("unshare");
        unshared.args(["--map-root-user", "--net"]).arg(support::python().executable);
        unshared.args(["-c", TAKE, "15480", last]).args(words).current_dir(&case.workspace);
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => unshared.env(name, value),
                None => unshared.env_remove(name),
            };
        }
        unshared.output().unwrap()
    };
    let possible = std::process::Command::new("unshare").args(["--map-root-user", "--net", "true"]).output();
    if !possible.is_ok_and(|output| output.status.success()) {
        // Some containers forbid it. The walk itself is tested where it is written, with other ports.
        return;
    }
    for (last, free) in [("15479", "15480"), ("15480", "15481"), ("15498", "15499")] {
        let case = Case::real();
        let ours = ran(&alone(&case, last));
        assert!(ours.contains(&format!("ikpdb: open http://127.0.0.1:{free}/")), "{ours:?}");
    }
    let case = Case::real();
    let output = alone(&case, "15499");
    let (theirs, ours) = split(&output.stderr);
    assert_eq!((output.status.code(), stdout(&output).as_str(), theirs.as_str()), (Some(2), "", ""), "{ours:?}");
    assert!(ours[1].contains("no port from 15480 to 15499 is free: name a free one with --port"), "{ours:?}");
    assert_eq!((ours.len(), case.hub_processes()), (2, vec![]), "{ours:?}");
}

#[test]
fn folders_that_cannot_be_written_do_not_stop_the_program() {
    let case = Case::real();
    for name in ["state", "cache"] {
        let blocked = case.path(&format!("blocked-{name}"));
        std::fs::write(&blocked, "").unwrap();
        let mut command = case.run(&RUNS);
        command.env(if name == "state" { "XDG_STATE_HOME" } else { "XDG_CACHE_HOME" }, &blocked);
        ran(&command.output().unwrap());
    }
}

#[test]
fn a_hub_that_cannot_be_reached_is_named() {
    let case = Case::real();
    // A folder in the socket's place: neither a hub nor a dead one.
    std::fs::create_dir(&case.place.socket).unwrap();
    std::fs::write(case.place.socket.join("file"), "").unwrap();
    let output = case.run(&RUNS).output().unwrap();
    let (theirs, ours) = split(&output.stderr);
    assert_eq!((output.status.code(), stdout(&output).as_str(), theirs.as_str()), (Some(2), "", ""), "{ours:?}");
    assert!(ours.last().unwrap().contains(case.place.socket.to_str().unwrap()), "{ours:?}");
}

#[test]
fn a_library_that_is_missing_is_named() {
    let case = Case::real();
    std::fs::remove_file(case.path("bin/libikpdb_preload.so")).unwrap();
    let output = case.run(&RUNS).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(split(&output.stderr).1.last().unwrap().contains("libikpdb_preload.so"));
}

#[test]
fn secrets_are_in_no_argument_variable_or_log_while_the_program_runs() {
    let case = Case::real();
    let text = "print(b'IKPDB_START' in open('/proc/self/environ', 'rb').read())";
    let output = case.run(&["-c", text]).output().unwrap();
    assert_eq!(stdout(&output), "False\n", "{output:?}");
    let shown = case.run(&["--no-browser", "-c", "pass"]).output().unwrap();
    let lines = split(&shown.stderr).1.concat();
    let secret = lines.split("secret=").nth(1).unwrap().trim().to_owned();
    assert!(secret.len() >= 32, "{lines}");
    for place in std::fs::read_dir("/proc").unwrap().flatten() {
        for name in ["cmdline", "environ"] {
            let text = std::fs::read(place.path().join(name)).unwrap_or_default();
            assert!(!String::from_utf8_lossy(&text).contains(&secret), "{} {name}", place.path().display());
        }
    }
    for entry in walk(&case.path("state")) {
        let mode = entry.metadata().unwrap().permissions().mode() & 0o077;
        let text = std::fs::read(&entry).unwrap_or_default();
        let is_log = entry.extension().is_some_and(|extension| extension == "log");
        let has_secret = String::from_utf8_lossy(&text).contains(&secret);
        assert!(!has_secret || (!is_log && mode == 0), "{}", entry.display());
    }
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() {
            files.extend(walk(&entry.path()));
        } else {
            files.push(entry.path());
        }
    }
    files
}
