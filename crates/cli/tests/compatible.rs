//! `python -m ikpdb`: it becomes the program, and the agent in that gets a door that listens.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use ikpdb_testkit::pythons;
use serde_json::json;
use support::compatible::{ANY_PORT, ikpdb, start, variables};
use support::{Case, python, split, stdout};

#[test]
fn the_door_listens_when_the_agent_starts_and_the_agent_is_told_all_options() {
    let text = "import json, os, socket\n\
        start = json.loads(open(os.environ['IKPDB_FIXTURE_LOG']).readline().partition(' ')[2])['ikpdb']\n\
        door = socket.socket(fileno=start['listener'])\n\
        print(start['address'], [door.getsockopt(socket.SOL_SOCKET, it) for it in (socket.SO_ACCEPTCONN, socket.SO_REUSEADDR)], flush=True)\n\
        door.accept()[0].sendall(b'here')\n";
    let case = Case::new();
    let here = case.workspace.to_str().unwrap();
    for python in pythons() {
        let mut program = ikpdb(&case, &python.executable, &[ANY_PORT, "-c", text]);
        let mut program = program.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(program.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let (address, rest) = line.split_once(' ').unwrap();
        assert_eq!(rest, "[1, 1]\n", "it listens, and may be opened again at once");
        let mut said = String::new();
        TcpStream::connect(address).unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(said, "here");
        assert!(program.wait().unwrap().success());
        let told = start(&case).unwrap();
        let mut expected = json!({
            "protocol": 1, "build": env!("CARGO_PKG_VERSION"),
            "ikpdb": {
                "listener": told["ikpdb"]["listener"], "address": address, "welcome": true, "stopAtEntry": false,
                "workingDirectory": here, "clientWorkingDirectory": "", "log": "", "safeValues": false,
                "allowAnyUser": false
            }
        });
        assert_eq!(told, expected);
        let options = [
            ANY_PORT,
            "-ik_w",
            "",
            "-ik_s",
            "1",
            "-ik_cwd=/srv",
            "-ik_ccwd",
            "/client",
            "-ik_l",
            "nBx",
            "--ikpdb-safe-values",
            "--ikpdb-allow-any-user",
            "-c",
            "pass",
        ];
        assert!(ikpdb(&case, &python.executable, &options).status().unwrap().success());
        let told = start(&case).unwrap();
        let of_the_door =
            [("listener", told["ikpdb"]["listener"].clone()), ("address", told["ikpdb"]["address"].clone())];
        let others = [
            ("welcome", json!(false)),
            ("stopAtEntry", json!(true)),
            ("workingDirectory", json!("/srv")),
            ("clientWorkingDirectory", json!("/client")),
            ("log", json!("nBx")),
            ("safeValues", json!(true)),
            ("allowAnyUser", json!(true)),
        ];
        for (name, value) in of_the_door.into_iter().chain(others) {
            expected["ikpdb"][name] = value;
        }
        assert_eq!(told, expected);
    }
}

#[test]
fn the_process_is_the_program_with_its_id_and_its_end() {
    let case = Case::new();
    for python in pythons() {
        for (end, code, signal) in [
            ("sys.exit(7)", Some(7), None),
            ("sys.exit('text')", Some(1), None),
            ("os._exit(9)", Some(9), None),
            ("os.kill(os.getpid(), 9)", None, Some(9)),
            ("1 / 0", Some(1), None),
        ] {
            let script = case.write("app.py", &format!("import os, sys\nprint(os.getpid(), flush=True)\n{end}\n"));
            let mut command = ikpdb(&case, &python.executable, &[ANY_PORT, script.to_str().unwrap()]);
            let process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            let pid = process.id();
            let output = process.wait_with_output().unwrap();
            assert_eq!(stdout(&output), format!("{pid}\n"));
            assert_eq!((output.status.code(), output.status.signal()), (code, signal), "{end}");
        }
    }
}

#[test]
fn a_program_that_others_import_ikpdb_for_is_started_by_the_function_as_well() {
    let case = Case::new();
    case.write("app.py", "import sys; print(sys.orig_argv[1:])\n");
    let text = format!("import ikpdb, sys; print('first'); sys.exit(ikpdb.main(['{ANY_PORT}', 'app.py', '-x']))");
    let mut command = Command::new(python().executable);
    command.args(["-B", "-c", &text]).current_dir(&case.workspace).envs(variables(&case)).envs(case.variables());
    assert_eq!(stdout(&command.output().unwrap()), "first\n['-B', 'app.py', '-x']\n");
    assert!(start(&case).is_some());
}

/// The one line of ours that such a run ends with, and its exit code.
fn refused(output: &Output) -> (Option<i32>, String) {
    let (theirs, ours) = split(&output.stderr);
    assert_eq!((theirs.as_str(), ours.len(), output.stdout.len()), ("", 1, 0), "{output:?}");
    (output.status.code(), ours[0].clone())
}

#[test]
fn a_place_where_nothing_can_listen_is_named_with_the_remedy() {
    let case = Case::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let cases: [(&[&str], &[&str]); 3] = [
        (&["-ik_p", &port], &[&port, "another program has that port", "--ikpdb-port"]),
        (&["-ik_a", "203.0.113.1", ANY_PORT], &["203.0.113.1", "does not have that address", "--ikpdb-address"]),
        (&["-ik_a", "no address", ANY_PORT], &["\"no address\"", "--ikpdb-address"]),
    ];
    for (options, words) in cases {
        let output = ikpdb(&case, &python().executable, options).args(["-c", "print('runs')"]).output().unwrap();
        let (code, line) = refused(&output);
        assert_eq!(code, Some(1), "{line}");
        assert!(words.iter().all(|word| line.contains(word)), "{line}");
        assert!(start(&case).is_none());
    }
}

#[test]
fn an_address_that_others_reach_is_warned_of_and_the_program_runs() {
    let case = Case::new();
    let output =
        ikpdb(&case, &python().executable, &["-ik_a=0.0.0.0", ANY_PORT, "-c", "print('runs')"]).output().unwrap();
    assert_eq!(stdout(&output), "runs\n");
    let (theirs, ours) = split(&output.stderr);
    assert_eq!((theirs.as_str(), ours.len()), ("", 1), "{output:?}");
    assert!(["WARNING", "0.0.0.0", "ssh -L", "ikpdb run"].iter().all(|word| ours[0].contains(word)), "{ours:?}");
}

#[test]
fn an_interpreter_that_cannot_be_debugged_is_refused_by_what_it_says_and_by_its_file() {
    let case = Case::new();
    let good = python().executable;
    let foreign = case.write("python", "no program");
    std::fs::set_permissions(&foreign, std::fs::Permissions::from_mode(0o755)).unwrap();
    let cases: [(&Path, &[&str], &[&str]); 4] = [
        (
            &good,
            &["--python-version=3.10.1", "--implementation=CPython"],
            &["3.10.1 is too old", "CPython 3.11 or newer"],
        ),
        (&good, &["--python-version=3.13.0", "--implementation=pypy"], &["pypy 3.13.0", "CPython 3.11 or newer"]),
        (&good, &["--python-version=3.13.0", "--implementation=CPython", "--free-threaded"], &["GIL"]),
        (&foreign, &["--python-version=3.13.0", "--implementation=CPython"], &["does not work as a Python"]),
    ];
    for (executable, known, words) in cases {
        let mut command = case.ikpdb();
        command.args(["compatible", "--port=0"]).args(known).arg("--python").arg(executable);
        let (code, line) = refused(&command.args(["--", "python", "-c", "pass"]).output().unwrap());
        assert_eq!(code, Some(2), "{line}");
        let named = executable.to_str().unwrap();
        assert!(words.iter().chain([&named, &"start ikpdb with"]).all(|word| line.contains(word)), "{line}");
    }
}

#[test]
fn an_installation_in_a_folder_with_blanks_works() {
    let case = Case::new();
    let odd = case.path("a b:c");
    std::fs::rename(case.path("bin"), &odd).unwrap();
    let mut command =
        ikpdb(&case, &python().executable, &[ANY_PORT, "-c", "import os; print(os.environ.get('LD_PRELOAD'))"]);
    let output = command.env("IKPDB_HUB", odd.join("ikpdb")).output().unwrap();
    assert_eq!((stdout(&output).as_str(), split(&output.stderr).0.as_str()), ("None\n", ""));
    assert!(start(&case).is_some());
}
