//! Streams that are no terminal are the program's own, byte for byte; its end is ours.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::io::{BufRead, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Stdio};

use serde_json::json;
use support::{Case, split, stdout};

#[test]
fn bytes_pass_untouched_through_pipes_and_files() {
    let case = Case::new();
    let copy = "import sys\ndata = sys.stdin.buffer.read()\nsys.stdout.buffer.write(data)\nsys.stderr.buffer.write(data[::-1])";
    let bytes: Vec<u8> = (0..300_000_u32).flat_map(|number| number.to_le_bytes()).chain(*b"\r\n\x04\x03\xff").collect();
    let mut child =
        case.run(&["-c", copy]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let sent = bytes.clone();
    let writer = std::thread::spawn(move || stdin.write_all(&sent));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.stdout == bytes);
    let reversed: Vec<u8> = bytes.iter().rev().copied().collect();
    assert!(output.stderr.ends_with(&reversed));
    let streams = case.hub.hello(0)["streams"].clone();
    assert_eq!(
        streams,
        json!({"stdin": {"kind": "pipe"}, "stdout": {"kind": "pipe"}, "stderr": {"kind": "pipe"}, "attached": false})
    );
}

#[test]
fn the_hub_is_told_where_each_stream_goes() {
    let case = Case::new();
    let file = std::fs::File::create(case.path("out")).unwrap();
    let status =
        case.run(&["-c", "print(1)"]).stdin(Stdio::null()).stdout(file).stderr(Stdio::piped()).status().unwrap();
    assert!(status.success());
    let streams = case.hub.hello(0)["streams"].clone();
    assert_eq!(streams["stdin"], json!({"kind": "null"}));
    assert_eq!(streams["stdout"], json!({"kind": "file", "path": case.path("out")}));
    assert_eq!(std::fs::read_to_string(case.path("out")).unwrap(), "1\n");
    assert_eq!(case.hub.output(), "", "what goes elsewhere is not read");
}

#[test]
fn a_reader_that_leaves_ends_the_program_as_natively() {
    let case = Case::new();
    let many = "for n in range(10**9): print('line', n)";
    let mut child = case.run(&["-c", many]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 7];
    child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(&first, b"line 0\n");
    assert_eq!(output.status.code(), Some(1));
    assert!(split(&output.stderr).0.contains("BrokenPipeError"));
}

/// `ikpdb run` of an interpreter as it is installed, with the real agent and a hub of the case's own.
fn debugged(case: &Case, python: &ikpdb_testkit::Python) -> Command {
    let mut command = case.ikpdb();
    command.args(["run", "--no-stop", "--port", "0", "--python"]).arg(&python.executable);
    command
}

/// First line of a program that ends at once if it is not debugged.
const DEBUGGED: &str = "assert 'libikpdb_agent' in open('/proc/self/maps').read()\n";

#[test]
fn bytes_pass_untouched_through_the_pipes_of_a_program_that_is_really_debugged() {
    let text = format!(
        "{DEBUGGED}import sys, threading\n\
         def copy(data, to):\n    \
             for at in range(0, len(data), 997): to.buffer.write(data[at:at + 997])\n\
         data = sys.stdin.buffer.read()\n\
         both = [threading.Thread(target=copy, args=it) for it in ((data, sys.stdout), (data[::-1], sys.stderr))]\n\
         for it in both: it.start()\n\
         for it in both: it.join()\n"
    );
    let bytes: Vec<u8> = (0..300_000_u32).flat_map(|number| number.to_le_bytes()).chain(*b"\r\n\x04\x03\xff").collect();
    let reversed: Vec<u8> = bytes.iter().rev().copied().collect();
    for python in ikpdb_testkit::pythons() {
        let case = Case::real();
        let mut command = debugged(&case, &python);
        command.args(["-c", &text]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (mut stdin, sent) = (child.stdin.take().unwrap(), bytes.clone());
        let writer = std::thread::spawn(move || stdin.write_all(&sent));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", python.version);
        assert!(output.stdout == bytes, "{}", python.version);
        // Our own lines come before the program.
        let ours = output.stderr.strip_suffix(&reversed[..]).expect("what the program wrote, and nothing behind it");
        assert_eq!(split(ours).0, "", "{}", python.version);
        assert!(!String::from_utf8_lossy(ours).contains("not debugging"), "{}", python.version);
    }
}

/// Nobody looks on, so the failed program is held for the ten seconds in which somebody might come: all of them at once.
#[test]
fn a_debugged_program_whose_reader_leaves_after_a_line_ends_as_natively() {
    let text = "for n in range(10**9): print('line', n)";
    let pipeline = |mut program: Command, case: &Case| {
        program.args(["-c", text]);
        let mut shell = Command::new("bash");
        shell.args(["-c", "\"$@\" | head -1; exit ${PIPESTATUS[0]}", "bash"]);
        shell.arg(program.get_program()).args(program.get_args()).current_dir(&case.workspace);
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let started: Vec<_> = ikpdb_testkit::pythons()
        .into_iter()
        .map(|python| {
            let case = Case::real();
            let native = pipeline(Command::new(&python.executable), &case);
            let ours = pipeline(debugged(&case, &python), &case);
            (python, case, native, ours)
        })
        .collect();
    for (python, _case, native, ours) in started {
        let (native, ours) = (native.wait_with_output().unwrap(), ours.wait_with_output().unwrap());
        assert_eq!((native.status.code(), stdout(&native).as_str()), (Some(1), "line 0\n"), "{}", python.version);
        let (theirs, said) = split(&ours.stderr);
        assert_eq!((ours.status.code(), stdout(&ours)), (Some(1), stdout(&native)), "{}: {said:?}", python.version);
        assert_eq!(theirs, String::from_utf8_lossy(&native.stderr), "{}", python.version);
        assert!(theirs.contains("BrokenPipeError"), "{}: {theirs}", python.version);
        assert!(!said.concat().contains("not debugging"), "{}: {said:?}", python.version);
    }
}

#[test]
fn the_exit_code_is_the_programs() {
    let case = Case::new();
    for code in [0, 1, 2, 7, 127, 255] {
        let status = case.run(&["-c", &format!("raise SystemExit({code})")]).stderr(Stdio::null()).status().unwrap();
        assert_eq!(status.code(), Some(code));
    }
    let output = case.run(&["-c", "raise ValueError('x')"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(split(&output.stderr).0.ends_with("ValueError: x\n"));
}

#[test]
fn we_end_by_the_signal_that_ended_the_program() {
    let case = Case::new();
    for signal in [1, 2, 3, 6, 9, 11, 15] {
        let text = format!(
            "import os, signal; signal.signal({signal}, 0) if {signal} != 9 else 0; os.kill(os.getpid(), {signal})"
        );
        let status = case.run(&["-c", &text]).stderr(Stdio::null()).status().unwrap();
        assert_eq!(status.signal(), Some(signal));
    }
}

#[test]
fn signals_sent_to_us_end_the_program_and_us_alike() {
    for signal in [1, 2, 15] {
        let case = Case::new();
        let text = "import time\nprint('up', flush=True)\nwhile True: time.sleep(.05)";
        let mut child = case.run(&["-c", text]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut up = [0; 3];
        child.stdout.as_mut().unwrap().read_exact(&mut up).unwrap();
        // SAFETY: a plain call; the child is ours and has not been waited for.
        unsafe { libc::kill(child.id() as i32, signal) };
        assert_eq!(child.wait().unwrap().signal(), Some(signal));
    }
}

#[test]
fn a_signal_reaches_the_program_once_whether_it_was_sent_to_us_or_to_our_process_group() {
    let case = Case::new();
    let text = "import os, signal, time\n\
                for n in ('SIGUSR1', 'SIGTERM', 'SIGINT', 'SIGHUP'):\n    \
                signal.signal(getattr(signal, n), lambda s, f: os.write(1, signal.Signals(s).name.encode() + b'\\n'))\n\
                signal.signal(signal.SIGUSR2, lambda s, f: os._exit(7))\n\
                os.write(1, b'up\\n')\nwhile True: time.sleep(.05)";
    let natively = || {
        let mut command = Command::new(support::python().executable);
        command.args(["-c", text]);
        command
    };
    let seen = [natively(), case.run(&["-c", text])].map(|mut command| {
        let mut child =
            command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        assert_eq!(lines.next().unwrap(), "up");
        let pid = child.id() as i32;
        let mut seen = Vec::new();
        // The last one of each kind comes after one of the other, so that neither is remembered wrongly.
        for (target, signal) in [
            (-pid, libc::SIGTERM),
            (pid, libc::SIGTERM),
            (-pid, libc::SIGINT),
            (-pid, libc::SIGHUP),
            (pid, libc::SIGINT),
            (-pid, libc::SIGTERM),
            (pid, libc::SIGHUP),
        ] {
            // Twice a signal that makes its whole way: what came before it has been dealt with by then.
            for (target, signal) in [(target, signal), (pid, libc::SIGUSR1), (pid, libc::SIGUSR1)] {
                // SAFETY: a plain call; the child and its group are ours and have not been waited for.
                unsafe { libc::kill(target, signal) };
                seen.push(lines.next().unwrap());
            }
        }
        // SAFETY: as above.
        unsafe { libc::kill(pid, libc::SIGUSR2) };
        seen.extend(lines);
        assert_eq!(child.wait().unwrap().code(), Some(7));
        seen
    });
    assert_eq!(seen[1], seen[0]);
}

/// As `timeout` does: to its child, and then to the group.
#[test]
fn a_signal_sent_to_us_and_to_our_process_group_at_once_is_one_for_the_program() {
    let case = Case::new();
    let text = "import os, signal, time\n\
                for n in ('SIGUSR1', 'SIGTERM'):\n    \
                signal.signal(getattr(signal, n), lambda s, f: os.write(1, signal.Signals(s).name.encode() + b'\\n'))\n\
                signal.signal(signal.SIGUSR2, lambda s, f: os._exit(7))\n\
                os.write(1, b'up\\n')\nwhile True: time.sleep(.05)";
    let mut command = case.run(&["-c", text]);
    let mut child =
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert_eq!(lines.next().unwrap(), "up");
    let pid = child.id() as i32;
    // SAFETY: a plain call; the child and its group are ours and have not been waited for.
    let send = |target, signal| assert_eq!(unsafe { libc::kill(target, signal) }, 0);
    let mut terms = 0;
    for _ in 0..20 {
        send(pid, libc::SIGTERM);
        send(-pid, libc::SIGTERM);
        // What came before two that make the whole way one after the other has been dealt with.
        for _ in 0..2 {
            send(pid, libc::SIGUSR1);
            terms += lines.by_ref().take_while(|line| line != "SIGUSR1").count();
        }
    }
    send(pid, libc::SIGUSR2);
    assert_eq!(child.wait().unwrap().code(), Some(7));
    // This process may be kept from going on between the two.
    assert!((20..=28).contains(&terms), "{terms} for 20");
}

#[test]
fn the_process_that_watches_signals_is_gone_with_us_however_we_end() {
    for signal in [libc::SIGTERM, libc::SIGKILL] {
        let case = Case::new();
        let text = "import time\nprint('up', flush=True)\nwhile True: time.sleep(.05)";
        let mut child = case.run(&["-c", text]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut up = [0; 3];
        child.stdout.as_mut().unwrap().read_exact(&mut up).unwrap();
        let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", child.id())).unwrap();
        let children: Vec<&str> = children.split_whitespace().collect();
        assert_eq!(children.len(), 2, "the program and the other: {children:?}");
        // SAFETY: a plain call; the child is ours and has not been waited for.
        unsafe { libc::kill(child.id() as i32, signal) };
        assert_eq!(child.wait().unwrap().signal(), Some(signal));
        children.into_iter().for_each(support::gone);
    }
}

#[test]
fn a_killed_runner_leaves_no_program_behind() {
    let case = Case::new();
    let text = "import time\nprint('up', flush=True)\nwhile True: time.sleep(.05)";
    let mut child = case.run(&["-c", text]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut up = [0; 3];
    child.stdout.as_mut().unwrap().read_exact(&mut up).unwrap();
    let program = case.hub.event("ikpdb/runnerStarted")["pid"].to_string();
    child.kill().unwrap();
    child.wait().unwrap();
    support::gone(&program);
}

#[test]
fn what_the_caller_ignores_or_closes_is_so_for_the_program() {
    let case = Case::new();
    let text = "import os, signal\n\
                def open_(fd):\n    try: os.fstat(fd)\n    except OSError: return False\n    return True\n\
                print(signal.getsignal(signal.SIGHUP), signal.getsignal(signal.SIGUSR1), open_(0), open_(1), open_(2), open_(7), \
                signal.pthread_sigmask(0, []))";
    let python = support::python().executable;
    let ikpdb = case.path("bin/ikpdb");
    let run = |program: String| {
        let script = format!("trap '' HUP; exec 7</dev/null; {program} -c \"$TEXT\" <&- 2>&-");
        let mut command = Command::new("sh");
        command.args(["-c", &script]).current_dir(&case.workspace).envs(case.variables()).env("TEXT", text);
        stdout(&command.output().unwrap())
    };
    let native = run(python.display().to_string());
    assert!(native.contains("False True False True"), "{native}");
    assert_eq!(run(format!("{} run --no-stop --python {}", ikpdb.display(), python.display())), native);
}

#[test]
fn a_mask_of_the_caller_is_the_programs_mask() {
    let case = Case::new();
    let mut command = case.run(&["-c", "import signal; print(signal.pthread_sigmask(0, []))"]);
    // SAFETY: what is called is safe after a fork.
    unsafe {
        command.pre_exec(|| {
            let mut set: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&mut set);
            libc::sigaddset(&mut set, libc::SIGUSR2);
            libc::sigprocmask(libc::SIG_BLOCK, &set, std::ptr::null_mut());
            Ok(())
        });
    }
    assert!(stdout(&command.output().unwrap()).contains("SIGUSR2"));
}

#[test]
fn a_program_that_closes_its_streams_ends_as_it_wants() {
    let case = Case::new();
    let text = "import os\nfor fd in (0, 1, 2): os.close(fd)\nos._exit(5)";
    let output = case.run(&["-c", text]).output().unwrap();
    assert_eq!(output.status.code(), Some(5));
}

#[test]
fn the_return_waits_for_no_child_of_the_program() {
    let case = Case::new();
    let text = "import subprocess, sys\nsubprocess.Popen(['sleep', '30'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)";
    let before = std::time::Instant::now();
    assert!(case.run(&["-c", text]).stderr(Stdio::null()).status().unwrap().success());
    assert!(before.elapsed() < std::time::Duration::from_secs(15));
}

#[test]
fn a_hub_that_dies_or_stands_still_changes_neither_output_nor_exit_code() {
    for stuck in [true, false] {
        let case = Case::new();
        let go = case.path("go");
        let text = format!(
            "import os, time\nprint('up', flush=True)\nwhile not os.path.exists({go:?}): time.sleep(.01)\nprint('late')\nraise SystemExit(3)"
        );
        let mut child = case.run(&["-c", &text]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut up = [0; 3];
        child.stdout.as_mut().unwrap().read_exact(&mut up).unwrap();
        if stuck {
            case.hub.get_stuck();
        } else {
            case.hub.die(&case.place.socket);
        }
        std::fs::write(&go, "").unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(3), "late\n"));
        assert_eq!(split(&output.stderr).0, "");
    }
}
