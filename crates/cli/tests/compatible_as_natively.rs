//! A program that `python -m ikpdb` became is as natively, whatever it is asked.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use ikpdb_testkit::{Python, pythons, root};
use support::compatible::{ANY_PORT, ikpdb, start, variables};
use support::seen::{forms, read, run, write_forms};
use support::{Case, python, stdout};

/// What differs from a native run, and why.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("descriptors", "the door is one of those from 512 on; all others are as natively"),
    ("mappings", "the two libraries of the debugger are mapped: the kernel lists every file that is"),
    ("environ memory", "the memory of the two variables that were taken out is wiped, but stays, as zero bytes"),
];

/// Runs both ways and compares. The flags stand before `-m ikpdb`.
fn compare(case: &Case, python: &Path, flags: &[&str], form: &[String], more: &[(&str, &str)]) {
    let what = format!("{} {} {:.60} {more:?}", python.display(), flags.join(" "), form.join(" "));
    let own = variables(case);
    let all: Vec<(&str, &str)> =
        own.iter().map(|(name, value)| (*name, value.as_str())).chain(more.iter().copied()).collect();
    let command = |before: &[&str]| {
        let mut command = Command::new(python);
        command.args(flags).args(before).args(form);
        run(case, command, &all)
    };
    let native = read(&command(&[]), &what);
    let debugged = read(&command(&["-m", "ikpdb", ANY_PORT]), &what);
    assert!(start(case).is_some(), "{what}: the agent was not loaded");
    let unexpected: Vec<String> = native
        .differing(&debugged)
        .iter()
        .filter(|name| !EXCEPTIONS.iter().any(|(exception, _)| exception == name))
        .map(|name| format!("{name}:\n  natively {}\n  debugged {}", native.facts[name], debugged.facts[name]))
        .collect();
    assert!(unexpected.is_empty(), "{what}:\n{}", unexpected.join("\n"));
    assert_eq!(native.facts.len(), debugged.facts.len(), "{what}");
    assert_eq!(native.low_descriptors(), debugged.low_descriptors(), "{what}: the program's next one included");
    assert_eq!(native.environment_memory(), debugged.environment_memory(), "{what}");
    assert_eq!((native.stderr, native.code), (debugged.stderr, debugged.code), "{what}");
}

#[test]
fn the_program_is_as_natively_in_any_form_on_any_interpreter() {
    let case = Case::new();
    write_forms(&case);
    for python in pythons() {
        for form in forms(&case) {
            compare(&case, &python.executable, &[], &form, &[]);
        }
    }
}

#[test]
fn options_of_the_interpreter_before_ours_are_handed_on() {
    let case = Case::new();
    write_forms(&case);
    let flags: [&[&str]; 6] =
        [&["-X", "dev"], &["-Xutf8=0", "-W", "error", "-Wdefault"], &["-OBu"], &["-s", "-S"], &["-P"], &["-bb", "-q"]];
    for python in pythons() {
        for flags in flags {
            compare(&case, &python.executable, flags, &forms(&case)[0], &[]);
        }
    }
}

#[test]
fn the_variables_are_those_of_the_start_also_where_python_sets_its_own() {
    let case = Case::new();
    write_forms(&case);
    // In the C locale Python sets LC_CTYPE, and uses UTF-8 because it was not set.
    let variables: [&[(&str, &str)]; 4] = [
        &[("LANG", "C")],
        &[("LC_ALL", "C")],
        &[("LC_CTYPE", "POSIX"), ("LD_PRELOAD", "")],
        &[("PYTHONSAFEPATH", "1")],
    ];
    for python in pythons() {
        for variables in variables {
            compare(&case, &python.executable, &[], &forms(&case)[0], variables);
        }
    }
}

#[test]
fn a_virtual_environment_stays_one_and_isolated_mode_works_with_what_is_installed_there() {
    let case = Case::new();
    write_forms(&case);
    for (number, Python { executable, version, .. }) in pythons().into_iter().enumerate() {
        let folder = case.path(&format!("venv{number}"));
        let made = Command::new(&executable).args(["-m", "venv", "--without-pip"]).arg(&folder).status().unwrap();
        assert!(made.success(), "{version} makes no virtual environment");
        let library = std::fs::read_dir(folder.join("lib")).unwrap().next().unwrap().unwrap().path();
        std::os::unix::fs::symlink(root().join("python/ikpdb"), library.join("site-packages/ikpdb")).unwrap();
        for flags in [&[][..], &["-I"], &["-E"]] {
            compare(&case, &folder.join("bin/python"), flags, &forms(&case)[0], &[]);
        }
        // Attached to other letters, and found on the path.
        let text = "import sys; print(sys.orig_argv, sys.executable, sys.flags.isolated)";
        let mut command = Command::new("python");
        command.args(["-Imikpdb", ANY_PORT, "-c", text]).envs(variables(&case)).envs(case.variables());
        command.env("PATH", folder.join("bin"));
        let expected =
            format!("['python', '-I', '-c', {text:?}] {} 1\n", folder.join("bin/python").display()).replace('"', "'");
        assert_eq!(stdout(&command.output().unwrap()), expected);
    }
}

#[test]
fn the_name_that_the_interpreter_is_called_by_stays_whatever_it_is() {
    let case = Case::new();
    let wrapper = case.write("wrapper", "#!/bin/sh\nexit 9\n");
    std::fs::set_permissions(&wrapper, std::fs::Permissions::from_mode(0o755)).unwrap();
    let text = "import sys; print(sys.orig_argv, sys.executable, sys.prefix)";
    for python in pythons() {
        for name in ["no-such-name", "./wrapper", wrapper.to_str().unwrap()] {
            let said = [&[][..], &["-m", "ikpdb", ANY_PORT]].map(|before| {
                let mut command = Command::new(&python.executable);
                command.arg0(name).args(before).args(["-c", text]).current_dir(&case.workspace);
                command.envs(case.variables()).envs(variables(&case));
                // Called by another name it may not find its own library.
                let home = python.executable.ancestors().nth(2).unwrap();
                command.env("PYTHONHOME", home);
                let output = command.output().unwrap();
                assert!(output.status.success(), "{name} {before:?}: {output:?}");
                stdout(&output)
            });
            assert_eq!(said[0], said[1]);
            assert!(start(&case).is_some(), "{name}");
        }
    }
}

/// Signals, streams and the name of the process as the program has them, written to the file that is its last argument.
const SIGNALS_AND_STREAMS: &str = "\
import os
streams = [fd for fd in (0, 1, 2) if os.path.exists(f'/proc/self/fd/{fd}')]
import signal, sys
status = [line for line in open('/proc/self/status') if line.startswith(('SigBlk', 'SigIgn', 'SigCgt'))]
handlers = {number: repr(signal.getsignal(number)) for number in signal.valid_signals()}
with open(sys.argv[-1], 'w') as file:
    print(open('/proc/self/comm').read(), streams, sys.stdin, sys.stdout, sys.stderr, handlers, *status, file=file, sep='\\n')
";

#[test]
fn signals_that_are_ignored_or_blocked_and_streams_that_are_closed_stay_so() {
    let case = Case::new();
    case.write("app.py", SIGNALS_AND_STREAMS);
    const USUAL: &[libc::c_int] = &[libc::SIGUSR1, libc::SIGINT, libc::SIGHUP, libc::SIGPIPE, libc::SIGCHLD];
    let situations: [(&'static [libc::c_int], &'static [libc::c_int]); 6] =
        [(&[], &[]), (USUAL, &[]), (&[], &[0]), (&[], &[1]), (&[], &[2]), (&[], &[0, 1, 2])];
    for python in pythons() {
        for (ignored, closed) in situations {
            let mut seen = Vec::new();
            for before in [&[][..], &["-m", "ikpdb", ANY_PORT]] {
                let mut command = Command::new(&python.executable);
                command.args(before).args(["app.py", "said"]).current_dir(&case.workspace).stdin(Stdio::null());
                command.envs(case.variables()).envs(variables(&case));
                // SAFETY: plain calls that may be made after a fork.
                unsafe {
                    command.pre_exec(move || {
                        let mut set: libc::sigset_t = std::mem::zeroed();
                        libc::sigaddset(&mut set, libc::SIGUSR2);
                        libc::sigprocmask(libc::SIG_BLOCK, &set, std::ptr::null_mut());
                        for &signal in ignored {
                            libc::signal(signal, libc::SIG_IGN);
                        }
                        for &stream in closed {
                            libc::close(stream);
                        }
                        Ok(())
                    });
                }
                let output = command.output().unwrap();
                assert!(output.status.success(), "{before:?}: {output:?}");
                seen.push(std::fs::read_to_string(case.workspace.join("said")).unwrap());
                std::fs::remove_file(case.workspace.join("said")).unwrap();
            }
            assert_eq!(seen[0], seen[1], "{ignored:?} {closed:?} {}", python.version);
        }
        assert!(start(&case).is_some());
    }
}

#[test]
fn names_and_arguments_that_are_no_text_reach_the_program_as_they_are() {
    let case = Case::new();
    let name = OsStr::from_bytes(b"\xff \xc3\xa9.py");
    std::fs::write(case.workspace.join(name), "import os, sys\nprint(list(map(os.fsencode, sys.orig_argv[1:])))\n")
        .unwrap();
    let arguments: Vec<OsString> = [&b"\xfe\n"[..], b"", b"--", b"-ik_p"].map(|it| OsStr::from_bytes(it).into()).into();
    for python in pythons() {
        for locale in ["C.UTF-8", "C"] {
            let mut command = ikpdb(&case, &python.executable, &[ANY_PORT]);
            let output = command.arg(name).args(&arguments).env("LC_ALL", locale).output().unwrap();
            let expected = "[b'\\xff \\xc3\\xa9.py', b'\\xfe\\n', b'', b'--', b'-ik_p']\n";
            assert_eq!(stdout(&output), expected, "{output:?}");
        }
    }
    let mut absent = ikpdb(&case, &python().executable, &[]);
    let output = absent.arg(OsStr::from_bytes(b"\xfd.py")).output().unwrap();
    assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(1), "Error: '\\xfd.py' does not exist.\n"));
}
