//! A program cannot tell that it is debugged: everything it can ask for is as natively, with each interpreter, each way to
//! start and each flag, but for a short list with a reason each.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use ikpdb_testkit::ikpdb_client::IkpdbClient;
use serde_json::json;
use support::seen::{forms, read, run, with_variables, write_forms};
use support::{Case, split};

type Minor = (u32, u32);

/// A fact that differs on interpreters from this minor version on.
struct Exception {
    fact: &'static str,
    from: Minor,
    reason: &'static str,
}

const fn always(fact: &'static str, reason: &'static str) -> Exception {
    Exception { fact, from: (3, 11), reason }
}

/// What differs, and why. Each must differ on each interpreter that it is for, and on no other.
const EXCEPTIONS: &[Exception] = &[
    always("descriptors", "the connection to the hub is one of those from 512 on; all others are as natively"),
    always("mappings", "the two libraries of the debugger are mapped: the kernel lists every file that is"),
    always("os threads", "the agent's listener is a thread of the process, though none that Python knows"),
    always("environ memory", "the memory of the two variables that were taken out is wiped, but stays, as zero bytes"),
    always("first breakpointhook", "breakpoint() stops in the debugger, though the hook looks like the first one"),
    Exception {
        fact: "monitoring tools",
        from: (3, 12),
        reason: "one tool id is taken and named, so that other tools do not take it, too",
    },
];

impl Exception {
    fn is_for(&self, fact: &str, minor: Minor) -> bool {
        self.fact == fact && self.from <= minor
    }
}

/// Runs both ways and compares; answers the facts that differed, each of them an exception.
fn compare(
    case: &Case,
    python: &Interpreter,
    flags: &[&str],
    form: &[String],
    variables: &[(&str, &str)],
) -> BTreeSet<String> {
    let executable = &python.executable;
    let what = format!("{} {} {:.60} {variables:?}", executable.display(), flags.join(" "), form.join(" "));
    let mut native = Command::new(executable);
    native.args(flags).args(form);
    let native = read(&run(case, native, variables), &what);
    let mut debugged = Command::new(case.path("bin/ikpdb"));
    debugged.args(["run", "--no-stop", "--"]).arg(executable).args(flags).args(form);
    case.hub.forget();
    let debugged = run(case, debugged, variables);
    case.hub.saw_one_debugged_run(&what);
    let (_, ours) = split(&debugged.stderr);
    assert!(ours.iter().all(|line| !line.contains("debugg")), "{what}: {ours:?}");
    let debugged = read(&debugged, &what);
    let differing = native.differing(&debugged);
    let unexpected: Vec<String> = differing
        .iter()
        .filter(|name| !EXCEPTIONS.iter().any(|exception| exception.is_for(name, python.minor)))
        .map(|name| format!("{name}:\n  natively {}\n  debugged {}", native.facts[name], debugged.facts[name]))
        .collect();
    assert!(unexpected.is_empty(), "{what}:\n{}", unexpected.join("\n"));
    assert_eq!(native.facts.len(), debugged.facts.len(), "{what}");
    assert_eq!(native.low_descriptors(), debugged.low_descriptors(), "{what}: the program's next one included");
    assert_eq!(native.stderr, debugged.stderr, "{what}");
    assert_eq!(native.code, debugged.code, "{what}");
    assert_eq!(native.environment_memory(), debugged.environment_memory(), "{what}");
    differing
}

struct Interpreter {
    executable: PathBuf,
    minor: Minor,
}

fn pythons() -> Vec<Interpreter> {
    let all = ikpdb_testkit::pythons().into_iter();
    all.map(|python| Interpreter { minor: python.minor(), executable: python.executable }).collect()
}

#[test]
fn nothing_shows_in_any_form_on_any_interpreter_but_the_exceptions() {
    let case = Case::debugged();
    write_forms(&case);
    for python in pythons() {
        let mut differing = BTreeSet::new();
        for form in forms(&case) {
            differing.extend(compare(&case, &python, &[], &form, &[]));
        }
        let of_this_version = EXCEPTIONS.iter().filter(|exception| exception.is_for(exception.fact, python.minor));
        let untrue: Vec<&str> =
            of_this_version.filter(|exception| !differing.contains(exception.fact)).map(|it| it.reason).collect();
        assert!(untrue.is_empty(), "{}: these do not differ: {untrue:?}", python.executable.display());
    }
}

#[test]
fn nothing_shows_to_a_program_that_a_client_of_the_original_debugs() {
    let case = Case::real();
    write_forms(&case);
    let own = support::compatible::variables(&case);
    let variables: Vec<(&str, &str)> = own.iter().map(|(name, value)| (*name, value.as_str())).collect();
    for python in pythons() {
        for form in forms(&case) {
            let what = format!("{} {:.60}", python.executable.display(), form.join(" "));
            let mut native = Command::new(&python.executable);
            native.args(&form);
            let native = read(&run(&case, native, &variables), &what);
            let mut debugged = Command::new(&python.executable);
            debugged.args(["-m", "ikpdb", support::compatible::ANY_PORT]).args(&form);
            let debugged = read(&run_for_client(with_variables(&case, debugged, &variables)), &what);
            let expected = |name: &String| EXCEPTIONS.iter().any(|exception| exception.is_for(name, python.minor));
            let unexpected: Vec<String> = native
                .differing(&debugged)
                .iter()
                .filter(|name| !expected(name))
                .map(|name| format!("{name}:\n  natively {}\n  debugged {}", native.facts[name], debugged.facts[name]))
                .collect();
            assert!(unexpected.is_empty(), "{what}:\n{}", unexpected.join("\n"));
            assert_eq!(native.facts.len(), debugged.facts.len(), "{what}");
            assert_eq!(native.low_descriptors(), debugged.low_descriptors(), "{what}: the program's next one included");
            assert_eq!(native.environment_memory(), debugged.environment_memory(), "{what}");
            assert_eq!((native.stderr, native.code), (debugged.stderr, debugged.code), "{what}");
        }
    }
}

/// Runs a program for a client that lets it run and hears of its end.
fn run_for_client(mut command: Command) -> Output {
    let mut program = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(program.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    let port: u16 = line.trim_end().rsplit_once(':').unwrap().1.parse().unwrap();
    let mut client = IkpdbClient::greeted(("127.0.0.1", port));
    client.result("runScript", &json!({}));
    let mut output = program.stdout.take().unwrap();
    let output = std::thread::spawn(move || {
        let mut all = Vec::new();
        output.read_to_end(&mut all).unwrap();
        all
    });
    // The program ends with an exception.
    client.stopped();
    client.go_to_end();
    drop(client);
    let mut said = Vec::new();
    stderr.read_to_end(&mut said).unwrap();
    Output { status: program.wait().unwrap(), stdout: output.join().unwrap(), stderr: said }
}

#[test]
fn nothing_shows_with_any_flag() {
    let case = Case::debugged();
    write_forms(&case);
    let here = case.workspace.display().to_string();
    let flags: [&[&str]; 9] =
        [&["-I"], &["-E"], &["-S"], &["-P"], &["-O"], &["-X", "dev"], &["-W", "error"], &["-B", "-s"], &["-u"]];
    for python in pythons() {
        for flags in flags {
            for form in forms(&case) {
                // The current folder is not on the path, so the package must be found in another way.
                let variables: &[(&str, &str)] = if flags == ["-P"] { &[("PYTHONPATH", &here)] } else { &[] };
                // Isolated, it is found where packages are installed: see the virtual environments.
                if form[0] == "-m" && flags == ["-I"] {
                    continue;
                }
                compare(&case, &python, flags, &form, variables);
            }
        }
    }
}

#[test]
fn nothing_shows_with_the_variables_of_python() {
    let case = Case::debugged();
    write_forms(&case);
    let here = case.workspace.display().to_string();
    let variables: [&[(&str, &str)]; 5] = [
        // The package is found by its folder's name: the current folder is not on the path.
        &[("PYTHONSAFEPATH", "1"), ("PYTHONPATH", &here)],
        &[("PYTHONPATH", "/somewhere"), ("PYTHONDONTWRITEBYTECODE", "1")],
        &[("PYTHONDEVMODE", "1"), ("PYTHONHASHSEED", "0")],
        &[("PYTHONBREAKPOINT", "0"), ("PYTHONFAULTHANDLER", "1")],
        &[("LD_PRELOAD", ""), ("LC_ALL", "C")],
    ];
    for python in pythons() {
        for (number, variables) in variables.iter().enumerate() {
            // How it is started matters for the path alone.
            let forms = forms(&case).into_iter().take(if number == 0 { usize::MAX } else { 1 });
            for form in forms {
                compare(&case, &python, &[], &form, variables);
            }
        }
    }
}

#[test]
fn nothing_shows_in_a_virtual_environment() {
    let case = Case::debugged();
    write_forms(&case);
    for (number, python) in pythons().into_iter().enumerate() {
        let folder = case.path(&format!("venv{number}"));
        let made =
            Command::new(&python.executable).args(["-m", "venv", "--without-pip"]).arg(&folder).status().unwrap();
        assert!(made.success(), "{} makes no virtual environment", python.executable.display());
        let python = Interpreter { executable: folder.join("bin/python"), minor: python.minor };
        for form in forms(&case) {
            compare(&case, &python, &[], &form, &[]);
        }
        let installed = folder.join(format!("lib/python{}.{}/site-packages/installed", python.minor.0, python.minor.1));
        std::fs::create_dir(&installed).unwrap();
        for name in ["__init__.py", "__main__.py"] {
            std::fs::copy(case.workspace.join("package").join(name), installed.join(name)).unwrap();
        }
        compare(&case, &python, &["-I"], &["-m".to_owned(), "installed".to_owned()], &[]);
    }
}
