//! What the runner's tests share.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, reason = "part of tests")]

pub mod fake_hub;

use std::ffi::OsString;
use std::path::Path;
use std::thread::JoinHandle;

use fake_hub::FakeHub;
use ikpdb_proto::agent::PythonInfo;
use ikpdb_runner::{Agent, Ending, Error, Place, Program, Runner, own_environment};

/// `python -c code` with the newest interpreter.
pub fn code(code: &str) -> Program {
    program(&ikpdb_testkit::pythons().pop().unwrap(), &["-c", code])
}

/// The interpreter with these arguments.
pub fn program(python: &ikpdb_testkit::Python, arguments: &[&str]) -> Program {
    let executable = python.executable.clone();
    let called = executable.clone().into_os_string();
    Program {
        arguments: [called].into_iter().chain(arguments.iter().map(OsString::from)).collect(),
        environment: own_environment(),
        folder: "/tmp".into(),
        name: "test".into(),
        python: PythonInfo {
            version: python.version.clone(),
            implementation: "CPython".into(),
            executable: executable.to_string_lossy().into_owned(),
            free_threaded: false,
        },
        executable,
        stop_on_entry: false,
        ikpdb_port: None,
        options: ikpdb_proto::Options::default(),
    }
}

/// The agent that only looks on.
pub fn fixture_agent() -> Agent {
    agent(&ikpdb_testkit::built("examples/libfixture_agent.so"))
}

pub fn agent(library: &Path) -> Agent {
    let preload = ikpdb_testkit::built("libikpdb_preload.so");
    Agent::new(library.to_path_buf(), &preload, "/tmp/no-hub.sock".into()).unwrap()
}

/// Runs the program in a thread, its output captured.
pub fn start(program: Program, place: Place) -> (FakeHub, JoinHandle<Result<Ending, Error>>) {
    start_with(program, fixture_agent(), place)
}

pub fn start_with(program: Program, agent: Agent, place: Place) -> (FakeHub, JoinHandle<Result<Ending, Error>>) {
    let (hub, stream) = FakeHub::pair();
    let (runner, _) = Runner::greet(stream, None, program, agent, place).unwrap();
    (hub, std::thread::spawn(move || runner.run()))
}

/// Waits for the program's end; everything that the runner said has arrived.
pub fn end(hub: &FakeHub, runner: JoinHandle<Result<Ending, Error>>) -> Ending {
    let ending = runner.join().unwrap().unwrap();
    hub.event("ikpdb/runnerExited");
    ending
}

/// What the program writes without us.
pub fn run_natively(program: &Program) -> String {
    let mut command = std::process::Command::new(&program.executable);
    command.args(&program.arguments[1..]).current_dir(&program.folder).env_clear();
    for variable in &program.environment {
        let variable = variable.to_str().unwrap();
        let (name, value) = variable.split_once('=').unwrap();
        command.env(name, value);
    }
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}
