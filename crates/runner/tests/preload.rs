//! The preload library in real processes: Python, programs that start Python, programs that are none.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::path::Path;

use ikpdb_runner::{Ending, Place, Program, set_variable};
use support::{agent, end, fixture_agent, program, run_natively, start, start_with};

/// With every interpreter: the environment, descriptors and memory of the environment as natively, and what the agent saw.
#[test]
fn the_agent_is_loaded_at_the_first_line_and_leaves_no_trace_in_the_environment() {
    let text = "import os\nprint(sorted(os.environ), os.environ.get('LD_PRELOAD'), sorted(os.listdir('/proc/self/fd')))\n\
                print(b'IKPDB_START' in open('/proc/self/environ', 'rb').read())";
    for python in ikpdb_testkit::pythons() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let mut program = program(&python, &["-c", text]);
        set(&mut program, "IKPDB_FIXTURE_LOG", log.to_str().unwrap());
        let native = run_natively(&program);
        let (hub, runner) = start(program, Place::Captured);
        assert_eq!(end(&hub, runner), Ending::Code(0));
        assert_eq!(hub.output(), native, "{}", python.version);
        let log = std::fs::read_to_string(&log).unwrap();
        assert!(log.starts_with("start {\"protocol\":1,"), "{log}");
        assert!(log.contains("\"session\":1") && log.contains("\"patienceMs\":10000"), "{log}");
        assert!(log.contains("\ncompile\n") && log.contains("\nexec\n"), "later events reach the agent: {log}");
        assert!(!log.contains("\nimport\nimport\nimport\nimport\nimport\n"), "not before site: {log}");
    }
}

fn set(program: &mut Program, name: &str, value: &str) {
    set_variable(&mut program.environment, name.as_ref(), value.as_ref());
}

#[test]
fn the_users_own_preloaded_libraries_stay_as_they_were() {
    let text = "import os; print(repr(os.environ.get('LD_PRELOAD')))";
    let python = ikpdb_testkit::python((3, 11));
    let library = ["/lib/x86_64-linux-gnu/libm.so.6", "/lib/aarch64-linux-gnu/libm.so.6", "/lib64/libm.so.6"]
        .into_iter()
        .find(|path| Path::new(path).exists())
        .unwrap();
    for value in ["", library] {
        let mut program = program(&python, &["-c", text]);
        set(&mut program, "LD_PRELOAD", value);
        let (hub, runner) = start(program, Place::Captured);
        end(&hub, runner);
        assert_eq!(hub.output(), format!("'{value}'\n"));
    }
}

#[test]
fn a_wrapper_that_executes_python_hands_everything_on_and_children_get_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let python = ikpdb_testkit::pythons().pop().unwrap();
    let text = "import subprocess, sys\nchild = [sys.executable, '-c', 'import os; print(os.listdir(\"/proc/self/fd\"), os.environ.get(\"LD_PRELOAD\"))']\n\
                subprocess.run(child, close_fds=False)";
    let mut program = program(&python, &[]);
    let wrapper = "/bin/true; exec \"$0\" -c \"$1\"";
    let executable = python.executable.to_str().unwrap().to_owned();
    program.executable = "/bin/sh".into();
    program.arguments = ["sh", "-c", wrapper, &executable, text].map(Into::into).to_vec();
    set(&mut program, "IKPDB_FIXTURE_LOG", log.to_str().unwrap());
    let native = run_natively(&program);
    let (hub, runner) = start(program, Place::Captured);
    assert_eq!(end(&hub, runner), Ending::Code(0));
    assert_eq!(hub.output(), native);
    let log = std::fs::read_to_string(&log).unwrap();
    assert_eq!(log.matches("start {").count(), 1, "the child is not debugged: {log}");
}

#[test]
fn an_agent_that_cannot_be_loaded_costs_one_line_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.so");
    std::fs::write(&text, "this is no library").unwrap();
    let preload = ikpdb_testkit::built("libikpdb_preload.so");
    for (library, reason) in [
        (text.as_path(), "text.so"),
        (Path::new("/nonexistent/agent.so"), "/nonexistent/agent.so"),
        (&preload, "is not an agent"),
    ] {
        for python in ikpdb_testkit::pythons() {
            // One write: the line must not be torn by ours on another stream.
            let program = program(&python, &["-c", "import os\nos.write(1, b'runs\\n')\nraise SystemExit(4)"]);
            let (hub, runner) = start_with(program, agent(library), Place::Captured);
            assert_eq!(end(&hub, runner), Ending::Code(4));
            let output = hub.output();
            assert!(output.contains("runs\n"), "{output}");
            let ours: Vec<&str> = output.lines().filter(|line| line.starts_with("ikpdb: ")).collect();
            assert_eq!(ours.len(), 1, "{output}");
            assert!(ours[0].contains(reason) && ours[0].ends_with("; the program runs undebugged"), "{output}");
        }
    }
}

#[test]
fn a_library_folder_with_blanks_and_colons_works() {
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join("a b:c");
    std::fs::create_dir(&odd).unwrap();
    let preload = odd.join("libikpdb_preload.so");
    std::fs::copy(ikpdb_testkit::built("libikpdb_preload.so"), &preload).unwrap();
    let library = ikpdb_testkit::built("examples/libfixture_agent.so");
    let agent = ikpdb_runner::Agent::new(library, &preload, folder.path().join("hub.sock")).unwrap();
    let log = folder.path().join("log");
    let python = ikpdb_testkit::pythons().pop().unwrap();
    let mut program = program(&python, &["-c", "import os; print(os.environ.get('LD_PRELOAD'))"]);
    set(&mut program, "IKPDB_FIXTURE_LOG", log.to_str().unwrap());
    let (hub, runner) = start_with(program, agent, Place::Captured);
    end(&hub, runner);
    assert_eq!(hub.output(), "None\n");
    assert!(log.exists(), "the agent was loaded");
}

/// The command has looked before it starts a program; a wrapper script may execute another interpreter than it names.
#[test]
fn an_interpreter_behind_a_wrapper_that_cannot_take_the_agent_is_named_and_runs() {
    for (stand_in, reason) in [
        ("fixture_old_python", "Python 3.11 or newer is needed"),
        ("fixture_free_threaded", "free-threaded Python is not supported"),
    ] {
        let mut program = support::code("");
        program.executable = "/bin/echo".into();
        program.arguments = ["echo", "runs"].map(Into::into).to_vec();
        let library = ikpdb_testkit::built(&format!("examples/lib{stand_in}.so"));
        set(&mut program, "LD_PRELOAD", library.to_str().unwrap());
        let (hub, runner) = start_with(program, fixture_agent(), Place::Captured);
        assert_eq!(end(&hub, runner), Ending::Code(0));
        let expected = format!("ikpdb: {reason}; the program runs undebugged\n");
        let lines = hub.events("output").into_iter().map(|body| body["output"].as_str().unwrap().to_owned());
        let mut lines: Vec<String> = lines.collect();
        lines.sort();
        assert_eq!(lines, [expected, "runs\n".to_owned()], "{stand_in}");
    }
}
