//! What the user wants to run, turned into the exact command line of the interpreter.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use ikpdb_proto::Options;

use crate::error::Error;
use crate::program::{Program, own_environment, set_variable};
use crate::python::{Finder, Interpreter, is_executable};
use crate::workspace::workspace_of;

/// The words of `ikpdb run`.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// What to run.
    pub target: Target,
    /// `--python`.
    pub python: Option<OsString>,
    /// Further options of the interpreter.
    pub python_arguments: Vec<OsString>,
    /// Working directory, if another one than ours.
    pub folder: Option<PathBuf>,
    /// Variables to set.
    pub variables: Vec<(OsString, OsString)>,
    /// Stop before the first line.
    pub stop_on_entry: bool,
    /// Listen for clients of the original IKPdb, too, at this port.
    pub ikpdb_port: Option<u16>,
    /// How it is stopped and stepped through.
    pub options: Options,
}

/// What to run, and its arguments.
#[derive(Clone, Debug)]
pub enum Target {
    /// A module and its arguments, as for `python -m`.
    Module(Vec<OsString>),
    /// Code and its arguments, as for `python -c`.
    Code(Vec<OsString>),
    /// A script, directory, zip file, console script or interpreter, and its arguments.
    Words(Vec<OsString>),
}

impl Default for Target {
    fn default() -> Self {
        Self::Words(Vec::new())
    }
}

/// What came out.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// What to start.
    pub program: Program,
    /// The folder that it belongs to.
    pub workspace: PathBuf,
}

/// How the interpreter is chosen.
enum Choice {
    /// As `--python` says, or the usual one.
    Usual,
    /// The user typed this one, by this name.
    Typed(PathBuf, OsString),
    /// The script belongs to this one; `--python` still wins.
    Owner(PathBuf),
}

/// The command line before the interpreter is known.
struct Line {
    choice: Choice,
    /// Everything behind the interpreter's own options.
    arguments: Vec<OsString>,
    name: String,
    /// The folder that says which workspace it is.
    home: PathBuf,
}

/// Finds out what is to be run, with what, and for which workspace.
pub fn resolve(wish: &Wish) -> Result<Resolved, Error> {
    let here =
        std::env::current_dir().map_err(|error| Error::Target(format!("the current folder is gone: {error}")))?;
    let folder = match &wish.folder {
        None => here.clone(),
        Some(folder) => {
            let folder = here.join(folder);
            if !folder.is_dir() {
                return Err(Error::Target(format!("--cwd names {}, which is no folder", folder.display())));
            }
            folder
        }
    };
    let place = Place { here: &here, folder: &folder, moved: wish.folder.is_some() };
    let line = match &wish.target {
        Target::Module(words) => place.flagged("-m", words, "a module")?,
        Target::Code(words) => place.flagged("-c", words, "code")?,
        Target::Words(words) => place.words(words, wish.python.as_deref())?,
    };
    let workspace = workspace_of(&line.home);
    let finder = Finder::new(&folder, &workspace);
    let interpreter = choose(&finder, &line.choice, wish.python.as_deref())?;
    let Interpreter { executable, called, info } = interpreter;
    let mut arguments = vec![called];
    arguments.extend(wish.python_arguments.iter().cloned());
    arguments.extend(line.arguments);
    let mut environment = own_environment();
    for (name, value) in &wish.variables {
        set_variable(&mut environment, name, value);
    }
    let program = Program {
        executable,
        arguments,
        environment,
        folder,
        name: line.name,
        python: info,
        stop_on_entry: wish.stop_on_entry,
        ikpdb_port: wish.ikpdb_port,
        options: wish.options.clone(),
    };
    Ok(Resolved { program, workspace })
}

fn choose(finder: &Finder, choice: &Choice, named: Option<&OsStr>) -> Result<Interpreter, Error> {
    match (choice, named) {
        (Choice::Typed(..), Some(_)) => {
            Err(Error::Target("an interpreter is given twice: with --python and before the script".to_owned()))
        }
        (Choice::Typed(path, typed), None) => {
            let mut found = finder.examine(path)?;
            // The program sees the name that was typed, unless that is a shim's.
            if found.executable == *path {
                found.called.clone_from(typed);
            }
            Ok(found)
        }
        (Choice::Owner(path), None) => finder.examine(path),
        (Choice::Owner(_) | Choice::Usual, named) => finder.find(named),
    }
}

/// Where words are looked up, and where the program will run.
struct Place<'a> {
    here: &'a Path,
    folder: &'a Path,
    moved: bool,
}

impl Place<'_> {
    fn flagged(&self, flag: &str, words: &[OsString], what: &str) -> Result<Line, Error> {
        let Some(first) = words.first() else { return Err(Error::Target(format!("{flag} needs {what}"))) };
        let name = if flag == "-m" { format!("-m {}", first.to_string_lossy()) } else { flag.to_owned() };
        let arguments = [OsString::from(flag)].into_iter().chain(words.iter().cloned()).collect();
        Ok(Line { choice: Choice::Usual, arguments, name, home: self.folder.to_path_buf() })
    }

    fn words(&self, words: &[OsString], named: Option<&OsStr>) -> Result<Line, Error> {
        let [first, rest @ ..] = words else {
            return Err(Error::Target("nothing to run; try `ikpdb run script.py` or `ikpdb run -m module`".to_owned()));
        };
        let path = self.here.join(first);
        let is_word = !first.as_bytes().contains(&b'/');
        let finder = Finder::new(self.folder, &workspace_of(self.folder));
        if is_interpreter_name(&path) {
            let found = if is_word { finder.on_path(first) } else { Some(path.clone()) };
            if let Some(found) = found.filter(|found| is_executable(found)) {
                return Ok(self.typed(found, first, rest));
            }
        }
        let is_program = path.join("__main__.py").is_file() || path.join("__main__.pyc").is_file();
        if path.is_file() || is_program {
            return self.script(first, &path, rest);
        }
        if is_word && let Some(script) = self.console_script(&finder, first, named) {
            return Ok(self.console(script, first, rest));
        }
        Err(Error::Target(self.missing(first, &path, is_word)))
    }

    fn missing(&self, first: &OsStr, path: &Path, is_word: bool) -> String {
        let shown = Path::new(first).display();
        if path.is_dir() {
            return format!("{shown} is a folder without a __main__.py; name the script in it, or a package with -m");
        }
        if path.exists() {
            return format!("{shown} is neither a file nor a folder");
        }
        if is_word && Path::new(first).extension().is_none() {
            return format!(
                "there is no script {shown} in {} and no Python command of this name on PATH; a module is run with -m",
                self.here.display()
            );
        }
        format!("there is no script {shown} (looked in {})", self.here.display())
    }

    fn script(&self, typed: &OsStr, path: &Path, rest: &[OsString]) -> Result<Line, Error> {
        let head = head_of(path);
        if head.starts_with(b"\x7fELF") {
            return Err(Error::Target(format!("{} is a compiled program, not a Python script", path.display())));
        }
        if path.is_file() && File::open(path).is_err() {
            return Err(Error::Target(format!("{} cannot be read", path.display())));
        }
        let folder = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
        let name = path.file_name().unwrap_or(typed).to_string_lossy().into_owned();
        let mut script = typed.to_owned();
        if self.moved && Path::new(typed).is_relative() {
            script = path.as_os_str().to_owned();
        } else if typed.as_bytes().first() == Some(&b'-') {
            script = OsString::from("./");
            script.push(typed);
        }
        let choice = owner_beside(path, &head).map_or(Choice::Usual, Choice::Owner);
        let home = if matches!(choice, Choice::Owner(_)) { self.folder } else { folder };
        let arguments = [script].into_iter().chain(rest.iter().cloned()).collect();
        Ok(Line { choice, arguments, name, home: home.to_path_buf() })
    }

    /// A script of this name with a Python shebang: beside the interpreter, or on the path.
    fn console_script(&self, finder: &Finder, name: &OsStr, named: Option<&OsStr>) -> Option<PathBuf> {
        let beside = finder.find(named).ok().and_then(|found| Some(found.executable.parent()?.join(name)));
        let candidates = beside.into_iter().chain(finder.on_path(name));
        candidates.filter(|path| is_executable(path)).find(|path| shebang(&head_of(path)).is_some())
    }

    fn console(&self, script: PathBuf, name: &OsStr, rest: &[OsString]) -> Line {
        let real = script.canonicalize().unwrap_or_else(|_| script.clone());
        let head = head_of(&script);
        let named_there = shebang(&head).filter(|python| python.is_absolute() && python.exists());
        let choice = owner_beside(&script, &head).or_else(|| owner_beside(&real, &head)).or(named_there);
        Line {
            choice: choice.map_or(Choice::Usual, Choice::Owner),
            arguments: [script.into_os_string()].into_iter().chain(rest.iter().cloned()).collect(),
            name: name.to_string_lossy().into_owned(),
            home: self.folder.to_path_buf(),
        }
    }

    /// `python3.12 -X dev app.py`: as typed. Its script says which workspace it is.
    fn typed(&self, interpreter: PathBuf, typed: &OsStr, rest: &[OsString]) -> Line {
        let (name, home) = match what_runs(rest) {
            Runs::Script(script) => {
                let path = self.folder.join(script);
                let name = path.file_name().unwrap_or(script).to_string_lossy().into_owned();
                let home = if path.is_dir() { path } else { path.parent().unwrap_or(&path).to_path_buf() };
                (name, home)
            }
            Runs::Module(module) => (format!("-m {}", module.to_string_lossy()), self.folder.to_path_buf()),
            Runs::Code => ("-c".to_owned(), self.folder.to_path_buf()),
            Runs::Nothing => (typed.to_string_lossy().into_owned(), self.folder.to_path_buf()),
        };
        Line { choice: Choice::Typed(interpreter, typed.to_owned()), arguments: rest.to_vec(), name, home }
    }
}

/// What the arguments of an interpreter make it run.
#[derive(Debug, PartialEq, Eq)]
enum Runs<'a> {
    Script(&'a OsStr),
    Module(&'a OsStr),
    Code,
    Nothing,
}

/// Reads an interpreter's arguments as CPython does.
fn what_runs(arguments: &[OsString]) -> Runs<'_> {
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let bytes = word.as_bytes();
        if bytes == b"--check-hash-based-pycs" {
            words.next();
        } else if bytes == b"-" {
            return Runs::Nothing;
        } else if !bytes.starts_with(b"-") {
            return Runs::Script(word);
        } else if !bytes.starts_with(b"--") {
            for (at, letter) in bytes.iter().enumerate().skip(1) {
                let attached = &bytes[at + 1..];
                match letter {
                    b'c' => return Runs::Code,
                    b'm' if attached.is_empty() => {
                        return words.next().map_or(Runs::Nothing, |module| Runs::Module(module));
                    }
                    b'm' => return Runs::Module(OsStr::from_bytes(attached)),
                    b'W' | b'X' => {
                        if attached.is_empty() {
                            words.next();
                        }
                        break;
                    }
                    _ => {}
                }
            }
        }
    }
    Runs::Nothing
}

/// "python", "python3", "python3.12", "pypy3".
fn is_interpreter_name(path: &Path) -> bool {
    let name = path.file_name().map(OsStr::to_string_lossy).unwrap_or_default();
    let rest = name.strip_prefix("python").or_else(|| name.strip_prefix("pypy"));
    rest.is_some_and(|rest| rest.trim_end_matches('t').chars().all(|next| next.is_ascii_digit() || next == '.'))
}

/// The first bytes of a file; none if it cannot be read.
fn head_of(path: &Path) -> Vec<u8> {
    let mut head = Vec::new();
    if let Ok(file) = File::open(path)
        && path.is_file()
    {
        let _ = file.take(512).read_to_end(&mut head);
    }
    head
}

/// The Python of a script's first line, also behind `env` and in the form for long paths.
fn shebang(head: &[u8]) -> Option<PathBuf> {
    let mut lines = head.split(|byte| *byte == b'\n');
    let mut words = words_of(lines.next()?.strip_prefix(b"#!")?);
    let mut program = words.next()?;
    if program.ends_with(b"/env") {
        program = words.find(|word| !word.starts_with(b"-"))?;
    } else if program.ends_with(b"/sh") {
        // '''exec' "/a long path/python" "$0" "$@"
        let line = lines.next()?.strip_prefix(b"'''exec' ")?;
        program = match line.strip_prefix(b"\"") {
            Some(quoted) => quoted.split(|byte| *byte == b'"').next()?,
            None => words_of(line).next()?,
        };
    }
    let path = PathBuf::from(OsStr::from_bytes(program));
    is_interpreter_name(&path).then_some(path)
}

fn words_of(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty())
}

/// The interpreter that a script lies beside and names in its first line: an installed script belongs to it.
fn owner_beside(script: &Path, head: &[u8]) -> Option<PathBuf> {
    let python = shebang(head)?;
    (python.is_absolute() && python.parent() == script.parent() && python.exists()).then_some(python)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<OsString> {
        text.split(' ').filter(|word| !word.is_empty()).map(OsString::from).collect()
    }

    #[test]
    fn the_arguments_of_an_interpreter_are_read_as_it_reads_them() {
        let cases = [
            ("app.py -m x", Runs::Script(OsStr::new("app.py"))),
            ("-X dev -W error app.py", Runs::Script(OsStr::new("app.py"))),
            ("-Xdev -Werror -IS app.py", Runs::Script(OsStr::new("app.py"))),
            ("-Im http.server 8000", Runs::Module(OsStr::new("http.server"))),
            ("-mhttp.server", Runs::Module(OsStr::new("http.server"))),
            ("-c pass x.py", Runs::Code),
            ("--check-hash-based-pycs always app.py", Runs::Script(OsStr::new("app.py"))),
            ("- x", Runs::Nothing),
            ("", Runs::Nothing),
            ("--version", Runs::Nothing),
        ];
        for (line, expected) in cases {
            assert_eq!(what_runs(&words(line)), expected, "{line}");
        }
    }

    #[test]
    fn interpreters_are_known_by_their_names() {
        for name in ["python", "python3", "/usr/bin/python3.12", "python3.13t", "pypy3.10"] {
            assert!(is_interpreter_name(Path::new(name)), "{name}");
        }
        for name in ["python.py", "pythonic", "app.py", "pytest", "python3-config", ""] {
            assert!(!is_interpreter_name(Path::new(name)), "{name}");
        }
    }

    #[test]
    fn a_shebang_names_python_in_each_of_its_forms() {
        let cases = [
            ("#!/usr/bin/python3\n", Some("/usr/bin/python3")),
            ("#! /usr/bin/python3 -s\n", Some("/usr/bin/python3")),
            ("#!/usr/bin/env python3\n", Some("python3")),
            ("#!/usr/bin/env -S python3 -X dev\n", Some("python3")),
            ("#!/bin/sh\n'''exec' \"/a b/python3\" \"$0\" \"$@\"\n", Some("/a b/python3")),
            ("#!/bin/sh\n'''exec' /a/python3 \"$0\" \"$@\"\n", Some("/a/python3")),
            ("#!/bin/sh\necho\n", None),
            ("print()\n", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(shebang(text.as_bytes()).as_deref(), expected.map(Path::new), "{text:?}");
        }
    }
}
