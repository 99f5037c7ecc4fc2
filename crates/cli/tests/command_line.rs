//! What `ikpdb run` takes, and what it says when it cannot: one line that names the thing and the remedy.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use support::{Case, python, split, stdout};

/// What the program sees of itself.
const SHOW: &str = "import sys, os\nprint(sys.argv, sys.orig_argv[1:], os.getcwd(), os.environ.get('EXTRA'))\n";

fn hello(case: &Case, number: usize) -> Value {
    case.hub.hello(number)["run"].clone()
}

#[test]
fn every_kind_of_target_runs_with_its_arguments() {
    let case = Case::new();
    case.write("show.py", SHOW);
    case.write("package/__init__.py", "");
    case.write("package/__main__.py", SHOW);
    let here = case.workspace.display().to_string();
    let script = case.workspace.join("show.py").display().to_string();
    let main = case.workspace.join("package/__main__.py").display().to_string();
    let show = SHOW.to_owned();
    let cases: Vec<(Vec<&str>, String, &str)> = vec![
        (vec!["show.py", "-m", "x"], format!("['show.py', '-m', 'x'] ['show.py', '-m', 'x'] {here} None\n"), "show.py"),
        (vec!["--", "show.py"], format!("['show.py'] ['show.py'] {here} None\n"), "show.py"),
        (
            vec![&script, "--port", "1"],
            format!("['{script}', '--port', '1'] ['{script}', '--port', '1'] {here} None\n"),
            "show.py",
        ),
        (
            vec!["-m", "package", "--help", "--", "-c"],
            format!("['{main}', '--help', '--', '-c'] ['-m', 'package', '--help', '--', '-c'] {here} None\n"),
            "-m package",
        ),
        (vec!["package"], format!("['package'] ['package'] {here} None\n"), "package"),
        (vec!["-c", &show, "-q"], String::new(), "-c"),
        (
            vec!["--python-args", "-X dev -W 'ignore'", "--env", "EXTRA=a=b", "--cwd", "package", "show.py"],
            format!("['{script}'] ['-X', 'dev', '-W', 'ignore', '{script}'] {here}/package a=b\n"),
            "show.py",
        ),
    ];
    for (number, (arguments, expected, name)) in cases.into_iter().enumerate() {
        let output = case.run(&arguments).output().unwrap();
        let text = stdout(&output);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(text.starts_with(&expected), "{arguments:?}: {text}");
        assert_eq!(hello(&case, number)["name"], name);
    }
}

#[test]
fn options_are_told_to_the_hub() {
    let case = Case::new();
    let python = python().executable;
    let run = |arguments: &[&str]| {
        let mut command = case.ikpdb();
        command.arg("run").arg("--python").arg(&python).args(arguments).args(["-c", "pass"]);
        assert!(command.output().unwrap().status.success());
    };
    run(&[]);
    run(&["--no-stop", "--no-just-my-code"]);
    assert_eq!(
        (&hello(&case, 0)["stopOnEntry"], &hello(&case, 0)["justMyCode"]),
        (&Value::Bool(true), &Value::Bool(true))
    );
    assert_eq!(
        (&hello(&case, 1)["stopOnEntry"], &hello(&case, 1)["justMyCode"]),
        (&Value::Bool(false), &Value::Bool(false))
    );
    assert_eq!(hello(&case, 0)["python"]["executable"], python.to_str().unwrap());
}

#[test]
fn a_typed_interpreter_is_taken_as_it_is_with_its_options() {
    let case = Case::new();
    case.write("show.py", SHOW);
    for python in ikpdb_testkit::pythons() {
        let mut command = case.ikpdb();
        command
            .args(["run", "--no-stop", "--"])
            .arg(&python.executable)
            .args(["-X", "dev", "-W", "error", "show.py", "a"]);
        let output = command.output().unwrap();
        assert!(stdout(&output).contains("['-X', 'dev', '-W', 'error', 'show.py', 'a']"), "{output:?}");
        assert!(split(&output.stderr).1[0].contains(&python.version), "{output:?}");
    }
}

#[test]
fn a_console_script_runs_with_the_interpreter_that_it_belongs_to() {
    let case = Case::new();
    let folder = case.path("tools/bin");
    std::fs::create_dir_all(&folder).unwrap();
    let made = Command::new(python().executable).args(["-m", "venv", "--without-pip"]).arg(case.path("tools")).status();
    assert!(made.unwrap().success());
    let script = folder.join("my-tool");
    std::fs::write(&script, format!("#!{}/python\n{SHOW}print(sys.prefix)\n", folder.display())).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = case.ikpdb();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    command.args(["run", "--no-stop", "my-tool", "-q"]).env("PATH", path);
    let output = command.output().unwrap();
    let text = stdout(&output);
    assert!(text.starts_with(&format!("['{}', '-q']", script.display())), "{output:?}");
    assert!(text.ends_with(&format!("{}\n", case.path("tools").display())), "{text}");
    assert_eq!(hello(&case, 0)["name"], "my-tool");
}

#[test]
fn the_interpreter_is_the_one_of_the_environment_then_of_the_workspace_then_of_the_path() {
    let case = Case::new();
    let venv = |name: &str| {
        let folder = case.path(name);
        let made = Command::new(python().executable).args(["-m", "venv", "--without-pip"]).arg(&folder).status();
        assert!(made.unwrap().success());
        folder.join("bin/python").display().to_string()
    };
    let said = |command: &mut Command| {
        split(&command.args(["run", "--no-stop", "-c", "pass"]).output().unwrap().stderr).1[0].clone()
    };
    let on_path = case.path("path");
    std::fs::create_dir(&on_path).unwrap();
    std::os::unix::fs::symlink(python().executable, on_path.join("python3")).unwrap();
    let path = on_path.display().to_string();
    assert!(said(case.ikpdb().env("PATH", &path)).ends_with("path/python3"));
    // Where nothing is called python3, as in an environment of conda's or an image of somebody's.
    std::fs::rename(on_path.join("python3"), on_path.join("python")).unwrap();
    assert!(said(case.ikpdb().env("PATH", &path)).ends_with("path/python"));
    for name in ["work/venv", "work/.venv"] {
        let workspace = venv(name);
        assert!(said(case.ikpdb().env("PATH", &path)).ends_with(&workspace), "{name}");
    }
    let active = venv("active");
    assert!(said(case.ikpdb().env("VIRTUAL_ENV", case.path("active"))).ends_with(&active));
}

#[test]
fn a_shim_is_asked_for_the_interpreter_behind_it() {
    let case = Case::new();
    let shims = case.path("shims");
    std::fs::create_dir(&shims).unwrap();
    let real = python().executable;
    let shim = shims.join("python3");
    std::fs::write(&shim, format!("#!/bin/sh\nexec {} \"$@\"\n", real.display())).unwrap();
    std::fs::set_permissions(&shim, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", shims.display());
    for arguments in [
        vec!["-c", "import sys; print(sys.orig_argv[0])"],
        vec!["--", "python3", "-c", "import sys; print(sys.orig_argv[0])"],
    ] {
        let output = case.ikpdb().args(["run", "--no-stop"]).args(&arguments).env("PATH", &path).output().unwrap();
        assert_eq!(stdout(&output), format!("{}\n", real.display()), "{output:?}");
    }
}

/// A root of pyenv with a shim that finds no version chosen, and says so as pyenv does.
fn pyenv_with_nothing_chosen(case: &Case, name: &str) -> PathBuf {
    let root = case.path("pyenv");
    let shim = root.join("shims").join(name);
    std::fs::create_dir_all(root.join("shims")).unwrap();
    let text = format!(
        "#!/bin/sh\ncat >&2 <<'END'\npyenv: {name}: command not found\n\n\
         The `{name}' command exists in these Python versions:\n  3.12.1\n\n\
         Note: See 'pyenv help global' for tips on allowing both\n      Python versions to be found at the same time.\n\
         END\nexit 127\n"
    );
    std::fs::write(&shim, text).unwrap();
    std::fs::set_permissions(&shim, std::fs::Permissions::from_mode(0o755)).unwrap();
    root
}

/// `ikpdb run` where pyenv is in an unusual place.
fn run_with_pyenv(case: &Case, root: &Path, arguments: &[&str]) -> Command {
    let mut command = case.ikpdb();
    let path = format!("{}:/usr/bin:/bin", root.join("shims").display());
    command.args(["run", "--no-stop"]).args(arguments).env("PATH", path).env("PYENV_ROOT", root);
    command.env("HOME", case.path("home"));
    command
}

#[test]
fn a_pyenv_shim_whose_version_is_not_chosen_stands_for_the_newest_installed_one() {
    let case = Case::new();
    let root = pyenv_with_nothing_chosen(&case, "python3.12");
    let folder = root.join("versions/3.12.1/bin");
    std::fs::create_dir_all(&folder).unwrap();
    let python = folder.join("python3.12");
    std::os::unix::fs::symlink(ikpdb_testkit::python((3, 12)).executable, &python).unwrap();
    let show = "import sys; print(sys.orig_argv[0], *sys.version_info[:2])";
    for arguments in [
        vec!["--python", "3.12", "-c", show],
        vec!["--python", "python3.12", "-c", show],
        vec!["--", "python3.12", "-c", show],
    ] {
        let output = run_with_pyenv(&case, &root, &arguments).output().unwrap();
        assert_eq!(stdout(&output), format!("{} 3 12\n", python.display()), "{arguments:?}: {output:?}");
    }
}

#[test]
fn a_pyenv_shim_with_nothing_behind_it_is_refused_in_the_first_words_of_pyenv() {
    let case = Case::new();
    let root = pyenv_with_nothing_chosen(&case, "python3.19");
    let expected = format!(
        "ikpdb: {} does not work as a Python interpreter: pyenv: python3.19: command not found; name CPython 3.11 or newer with --python",
        root.join("shims/python3.19").display()
    );
    for arguments in [
        ["--python", "3.19", "-c", "pass"],
        ["--python", "python3.19", "-c", "pass"],
        ["--", "python3.19", "-c", "pass"],
    ] {
        assert_eq!(refused(run_with_pyenv(&case, &root, &arguments)), expected, "{arguments:?}");
    }
}

/// Runs, and answers the one line that it said.
fn refused(mut command: Command) -> String {
    let output: Output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert_eq!(stdout(&output), "");
    let lines: Vec<&str> = text.lines().collect();
    let last = lines.last().unwrap();
    assert!(last.starts_with("ikpdb: ") && !text.contains("panicked"), "{text}");
    assert!(lines.len() == 1 || (lines.len() == 2 && lines[0].starts_with("ikpdb: Python ")), "one line: {text}");
    (*last).to_owned()
}

#[test]
fn a_target_that_is_none_is_named() {
    let case = Case::new();
    case.write("empty/readme.txt", "");
    case.write("secret.py", "");
    for (arguments, words) in [
        (vec!["missing.py"], vec!["missing.py", "no script"]),
        (vec!["no/such/thing"], vec!["no/such/thing", "no script"]),
        (vec!["notacommand"], vec!["notacommand", "-m"]),
        (vec!["empty"], vec!["empty", "__main__.py"]),
        (vec!["/bin/ls"], vec!["/bin/ls", "compiled program"]),
        (vec!["--cwd", "nowhere", "secret.py"], vec!["--cwd", "nowhere"]),
        (vec!["--python-args", "'open", "secret.py"], vec!["--python-args", "quote"]),
        (vec![], vec!["nothing to run"]),
    ] {
        let line = refused(case.run(&arguments));
        assert!(words.iter().all(|word| line.contains(word)), "{arguments:?}: {line}");
    }
}

/// Refused, in one line that has all these words, and the remedy.
fn refused_python(case: &Case, python: &Path, words: &[&str]) {
    let mut command = case.ikpdb();
    command.args(["run", "--python"]).arg(python).args(["-c", "pass"]);
    let line = refused(command);
    assert!(words.iter().all(|word| line.contains(word)) && line.contains("--python"), "{words:?}: {line}");
}

/// An executable file of the case.
fn executable(case: &Case, name: &str, content: &[u8]) -> PathBuf {
    let path = case.path(name);
    std::fs::write(&path, content).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn what_is_no_interpreter_is_refused_with_the_reason_and_the_remedy() {
    let case = Case::new();
    let broken = executable(&case, "broken", b"#!/bin/sh\necho 'no such version' >&2\nexit 1\n");
    let text = case.write("text", "hello");
    for (python, words) in [
        (Path::new("/nonexistent/python"), &["no Python at /nonexistent/python"][..]),
        (&broken, &["broken", "does not work as a Python interpreter", "no such version", "3.11"]),
        (&text, &["not an executable"]),
        (Path::new("/bin/true"), &["/bin/true", "it does not say what it is", "3.11"]),
        (Path::new("9.99"), &["no Python 9.99"]),
        (Path::new("pythonless"), &["no pythonless on PATH"]),
    ] {
        refused_python(&case, python, words);
    }
    let mut command = case.ikpdb();
    command.args(["run", "-c", "pass"]).env("VIRTUAL_ENV", "/nonexistent");
    assert!(refused(command).contains("VIRTUAL_ENV"));
    let mut command = case.ikpdb();
    command.args(["run", "-c", "pass"]).env("PATH", "/nonexistent");
    assert!(refused(command).contains("--python PATH"));
}

/// A script that answers like an interpreter that says this of itself.
fn answering(version: &str, implementation: &str, free_threaded: u8) -> String {
    format!("printf 'ikpdb-python:{version}\\n{implementation}\\n{free_threaded}\\n/opt/python\\n'\n")
}

#[test]
fn an_interpreter_that_cannot_be_debugged_is_named_with_its_version_and_the_remedy() {
    let case = Case::new();
    let cases = [
        (answering("3.10.13", "CPython", 0), &["Python 3.10.13 is too old", "3.11 or newer"][..]),
        (answering("3.11.9", "PyPy", 0), &["PyPy 3.11.9", "debugs CPython"]),
        (answering("3.12.8", "GraalPy", 0), &["GraalPy 3.12.8", "debugs CPython"]),
        (answering("3.13.0", "CPython", 1), &["3.13.0", "without the GIL"]),
        // 2.7 knows no isolated mode, and says so in these words.
        (
            format!(
                "if [ \"$1\" = -I ]; then echo 'Unknown option: -I' >&2; echo \"Try \\`python -h'\" >&2; exit 2; fi\n{}",
                answering("2.7.18", "CPython", 0)
            ),
            &["Python 2.7.18 is too old", "3.11 or newer"],
        ),
    ];
    for (answer, words) in cases {
        refused_python(&case, &executable(&case, "wrapper", format!("#!/bin/sh\n{answer}").as_bytes()), words);
    }
}

/// Those of pyenv's on this machine that are too old: executable and version.
fn old_interpreters() -> Vec<(PathBuf, String)> {
    let root = std::env::var_os("PYENV_ROOT").map(PathBuf::from);
    let root = root.unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap()).join(".pyenv"));
    let versions = std::fs::read_dir(root.join("versions")).into_iter().flatten().flatten();
    let old = versions.filter_map(|folder| {
        let version = folder.file_name().into_string().ok()?;
        let numbers: Vec<u32> = version.split('.').map_while(|number| number.parse().ok()).collect();
        (numbers.len() == 3 && numbers < vec![3, 11]).then(|| (folder.path().join("bin/python"), version))
    });
    old.filter(|(python, _)| python.exists()).collect()
}

/// What the machine lacks is played by the scripts of the tests around.
#[test]
fn a_real_old_interpreter_is_refused_and_starts_nothing() {
    let case = Case::new();
    let began = case.path("began");
    let code = format!("open({began:?}, 'w')");
    for (python, version) in old_interpreters() {
        let python = python.to_str().unwrap();
        let minor = &version[..version.rfind('.').unwrap()];
        for words in
            [&["--python", python, "-c", &code][..], &["--python", minor, "-c", &code], &["--", python, "-c", &code]]
        {
            let mut command = case.ikpdb();
            command.arg("run").args(words);
            let line = refused(command);
            let expected = format!("Python {version} is too old; name CPython 3.11 or newer with --python");
            assert!(line.ends_with(&expected), "{words:?}: {line}");
        }
        assert!(!began.exists(), "{version}");
    }
    assert_eq!(case.hub.events("ikpdb/runnerStarted"), Vec::<Value>::new());
}

#[test]
fn an_old_interpreter_is_still_too_old_when_it_was_asked_before() {
    let case = Case::new();
    // Any program for this machine: it is not asked again.
    let python = executable(&case, "python3.10", &std::fs::read("/bin/true").unwrap());
    let about = std::fs::metadata(&python).unwrap();
    let known = json!({python.to_str().unwrap(): {
        "modified": [about.mtime(), about.mtime_nsec()], "size": about.len(),
        "info": {"version": "3.10.13", "implementation": "CPython", "executable": python, "freeThreaded": false},
    }});
    std::fs::create_dir_all(case.path("cache/ikpdb")).unwrap();
    std::fs::write(case.path("cache/ikpdb/interpreters.json"), known.to_string()).unwrap();
    refused_python(&case, &python, &["python3.10", "Python 3.10.13 is too old", "3.11 or newer"]);
}

/// The headers of a program: of this class (1 is 32 bits, 2 is 64), with one program header of this type and content.
fn elf(class: u8, kind: u32, content: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x7fELF".to_vec();
    bytes.extend([class, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    bytes.extend([2_u16, 62].map(u16::to_le_bytes).concat());
    bytes.extend(1_u32.to_le_bytes());
    bytes.extend([0_u64, 64, 0].map(u64::to_le_bytes).concat());
    bytes.extend(0_u32.to_le_bytes());
    bytes.extend([64_u16, 56, 1, 64, 0, 0].map(u16::to_le_bytes).concat());
    bytes.extend([kind, 4].map(u32::to_le_bytes).concat());
    let length = content.len() as u64;
    bytes.extend([120, 0, 0, length, length, 1].map(u64::to_le_bytes).concat());
    bytes.extend(content);
    bytes
}

#[test]
fn an_interpreter_that_nothing_of_ours_can_be_loaded_into_is_named_with_the_reason_and_the_remedy() {
    let case = Case::new();
    const LOAD: u32 = 1;
    const INTERPRETER: u32 = 3;
    for (name, content, word) in [
        ("narrow", elf(1, LOAD, b""), "32-bit"),
        ("static", elf(2, LOAD, b""), "linked statically"),
        ("musl", elf(2, INTERPRETER, b"/lib/ld-musl-x86_64.so.1\0"), "musl"),
        ("cut-short", b"\x7fELF\x02".to_vec(), "does not work as a Python interpreter"),
    ] {
        refused_python(&case, &executable(&case, name, &content), &[name, word]);
    }
}

#[test]
fn a_hub_of_another_build_is_named_with_both_builds_and_how_to_end_it() {
    let case = Case::new();
    case.hub.refuse("the runner is of build 0.1.0 (protocol 1), the running hub of build 9.9.9 (protocol 9): end it");
    let line = refused(case.run(&["-c", "pass"]));
    // The hub of this case is a thread of this process.
    let how = format!("`kill {}`", std::process::id());
    assert!(["0.1.0", "9.9.9", &how].iter().all(|word| line.contains(word)), "{line}");
}

#[test]
fn a_state_folder_that_cannot_be_written_is_named_once_with_the_remedy() {
    for blocked in ["folder", "log"] {
        let case = Case::new();
        let state = case.path("state/ikpdb");
        let name = case.place.state.file_name().unwrap();
        let expected = if blocked == "folder" {
            std::fs::remove_dir_all(&state).unwrap();
            std::fs::write(&state, "").unwrap();
            state.join(name)
        } else {
            std::fs::create_dir_all(case.place.log()).unwrap();
            case.place.log()
        };
        let output = case.run(&["-c", "print('runs')"]).output().unwrap();
        assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(0), "runs\n"));
        let (theirs, ours) = split(&output.stderr);
        let said: Vec<&String> = ours.iter().filter(|line| line.contains("XDG_STATE_HOME")).collect();
        assert!(said.len() == 1 && theirs.is_empty(), "{ours:?} {theirs}");
        assert!(said[0].contains(&format!("{} cannot be written", expected.display())), "{ours:?}");
    }
    let case = Case::new();
    let output = case.run(&["-c", "pass"]).output().unwrap();
    assert!(!String::from_utf8_lossy(&output.stderr).contains("XDG_STATE_HOME"));
}

#[test]
fn a_standard_error_that_takes_nothing_keeps_no_program_from_running() {
    let case = Case::new();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = case.run(&["-c", "print('runs')"]).stderr(full).output().unwrap();
    assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(0), "runs\n"));
    // Whoever read it has left: natively nobody would have noticed.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = case.run(&["-c", "print('runs')"]).stderr(writer).output().unwrap();
    assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(0), "runs\n"));
}

#[test]
fn the_address_is_printed_with_its_secret_only_where_it_was_asked_for() {
    let case = Case::new();
    let lines = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = case.run(&[arguments, &["-c", "pass"]].concat());
        split(&command.envs(variables.iter().copied()).output().unwrap().stderr).1
    };
    let plain = lines(&[], &[]);
    assert!(plain.contains(&"ikpdb: open http://127.0.0.1:15480/".to_owned()), "{plain:?}");
    assert!(!plain.concat().contains("secret=") && plain.concat().contains("ikpdb open"), "{plain:?}");
    let asked = lines(&["--no-browser"], &[]);
    assert!(asked.contains(&"ikpdb: open http://127.0.0.1:15480/#secret=lasting".to_owned()), "{asked:?}");
    let remote = lines(&[], &[("SSH_CONNECTION", "10.0.0.9 5 10.0.0.1 22"), ("USER", "ada"), ("DISPLAY", ":0")]);
    assert!(remote.concat().contains("ssh -L 15480:127.0.0.1:15480 ada@10.0.0.1"), "{remote:?}");
}

#[test]
fn the_browser_is_opened_with_a_ticket_and_a_failure_is_said() {
    let case = Case::new();
    let opened = case.path("opened");
    let browser = case
        .write("browser", &format!("#!/bin/sh\necho \"$1\" > {0}.new; mv {0}.new {0}; exit $CODE\n", opened.display()));
    std::fs::set_permissions(&browser, std::fs::Permissions::from_mode(0o755)).unwrap();
    for code in ["0", "3"] {
        let _ = std::fs::remove_file(&opened);
        let text = format!("import os, time\nwhile not os.path.exists({opened:?}): time.sleep(.01)\ntime.sleep(.3)");
        let mut command = case.run(&["-c", &text]);
        let output = command.env("BROWSER", &browser).env("CODE", code).output().unwrap();
        assert_eq!(std::fs::read_to_string(&opened).unwrap(), "http://127.0.0.1:15480/#ticket=once\n");
        let ours = split(&output.stderr).1.concat();
        assert!(ours.contains("opens in the browser") && !ours.contains("ticket"), "{ours}");
        assert_eq!(ours.contains("cannot be opened"), code == "3", "{ours}");
    }
}

#[test]
fn over_ssh_no_browser_is_started() {
    let case = Case::new();
    let opened = case.path("opened");
    let leaves_a_trace = executable(&case, "browser", format!("#!/bin/sh\n: > {}\n", opened.display()).as_bytes());
    // One that is not there cannot be started, which is said at once: so it shows for certain whether that was tried.
    let missing = case.path("no-browser");
    let tried = |ssh: Option<(&str, &str)>, browser: &Path| {
        let commands = [case.run(&["-c", "pass"]), {
            let mut command = case.ikpdb();
            command.arg("open");
            command
        }];
        commands.map(|mut command| {
            command.env("BROWSER", browser).env("DISPLAY", ":0").envs(ssh);
            let output = command.output().unwrap();
            let all = stdout(&output) + &split(&output.stderr).1.concat();
            assert!(ssh.is_none() || all.contains("ssh -L 15480:127.0.0.1:15480"), "{all}");
            all.contains("cannot be opened") || all.contains("opens in the browser")
        })
    };
    assert_eq!(tried(None, &missing), [true, true]);
    for ssh in [("SSH_CONNECTION", "10.0.0.9 5 10.0.0.1 22"), ("SSH_TTY", "/dev/pts/9")] {
        assert_eq!(tried(Some(ssh), &missing), [false, false], "{ssh:?}");
        assert_eq!(tried(Some(ssh), &leaves_a_trace), [false, false], "{ssh:?}");
    }
    assert!(!opened.exists());
}

#[test]
fn help_shows_examples() {
    let case = Case::new();
    let output = case.ikpdb().args(["run", "--help"]).output().unwrap();
    let text = stdout(&output);
    for words in ["Examples:", "ikpdb run -m http.server", "--no-just-my-code", "15480"] {
        assert!(text.contains(words), "{text}");
    }
}
