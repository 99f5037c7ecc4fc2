//! What is run: the exact arguments and variables, and the way they travel to the hub and back for a restart.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use ikpdb_proto::Options;
use ikpdb_proto::agent::PythonInfo;
use ikpdb_proto::runner::RunSpec;

/// A program with everything that it is started with.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    /// The interpreter, an absolute path.
    pub executable: PathBuf,
    /// Its arguments; the first is the name that it is called by.
    pub arguments: Vec<OsString>,
    /// The program's variables in their order, `NAME=value` each.
    pub environment: Vec<OsString>,
    /// Working directory, an absolute path.
    pub folder: PathBuf,
    /// What the user typed, short: "app.py", "-m flask".
    pub name: String,
    /// The interpreter.
    pub python: PythonInfo,
    /// Stop before the first line.
    pub stop_on_entry: bool,
    /// Where it listens for clients of the original IKPdb, too: a port of this machine.
    pub ikpdb_port: Option<u16>,
    /// How it is stopped and stepped through.
    pub options: Options,
}

impl Program {
    /// As the hub keeps it. What is not UTF-8 is replaced: only a restart without this runner notices.
    pub fn spec(&self) -> RunSpec {
        let text = |text: &OsStr| text.to_string_lossy().into_owned();
        let mut env = BTreeMap::new();
        for variable in &self.environment {
            if let Some((name, value)) = split_variable(variable) {
                // The first of two counts for `getenv`.
                env.entry(text(name)).or_insert_with(|| text(value));
            }
        }
        RunSpec {
            argv: self.arguments.iter().map(|argument| text(argument)).collect(),
            name: self.name.clone(),
            cwd: text(self.folder.as_os_str()),
            env,
            python: self.python.clone(),
            stop_on_entry: self.stop_on_entry,
            ikpdb_port: self.ikpdb_port,
            options: self.options.clone(),
        }
    }

    /// From what the hub kept.
    pub fn from_spec(spec: RunSpec) -> Self {
        let variable = |(name, value): (String, String)| OsString::from(format!("{name}={value}"));
        Self {
            executable: PathBuf::from(&spec.python.executable),
            arguments: spec.argv.into_iter().map(OsString::from).collect(),
            environment: spec.env.into_iter().map(variable).collect(),
            folder: PathBuf::from(spec.cwd),
            name: spec.name,
            python: spec.python,
            stop_on_entry: spec.stop_on_entry,
            ikpdb_port: spec.ikpdb_port,
            options: spec.options,
        }
    }
}

/// The variables of this process as they lie in memory: order, doubles and malformed ones included.
pub fn own_environment() -> Vec<OsString> {
    unsafe extern "C" {
        static environ: *const *const libc::c_char;
    }
    let mut variables = Vec::new();
    // SAFETY: an array of strings that ends in a null pointer; this process never changes it.
    unsafe {
        let mut entry = environ;
        while !entry.is_null() && !(*entry).is_null() {
            variables.push(OsString::from_vec(std::ffi::CStr::from_ptr(*entry).to_bytes().to_vec()));
            entry = entry.add(1);
        }
    }
    variables
}

/// Name and value of `NAME=value`.
pub(crate) fn split_variable(variable: &OsStr) -> Option<(&OsStr, &OsStr)> {
    let bytes = variable.as_bytes();
    let equals = bytes.iter().position(|byte| *byte == b'=')?;
    Some((OsStr::from_bytes(&bytes[..equals]), OsStr::from_bytes(&bytes[equals + 1..])))
}

/// Sets a variable in place, or adds it at the end.
pub fn set_variable(environment: &mut Vec<OsString>, name: &OsStr, value: &OsStr) {
    let mut variable = name.to_owned();
    variable.push("=");
    variable.push(value);
    match environment.iter_mut().find(|old| split_variable(old).is_some_and(|(known, _)| known == name)) {
        Some(old) => *old = variable,
        None => environment.push(variable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(list: &[&str]) -> Vec<OsString> {
        list.iter().map(OsString::from).collect()
    }

    #[test]
    fn a_program_survives_the_way_to_the_hub_and_back() {
        let program = Program {
            executable: "/usr/bin/python3".into(),
            arguments: texts(&["/usr/bin/python3", "a b.py", "--x"]),
            environment: texts(&["A=1", "B=x=y"]),
            folder: "/tmp".into(),
            name: "a b.py".into(),
            python: PythonInfo {
                version: "3.12.1".into(),
                implementation: "CPython".into(),
                executable: "/usr/bin/python3".into(),
                free_threaded: false,
            },
            stop_on_entry: true,
            ikpdb_port: Some(15470),
            options: Options::default(),
        };
        assert_eq!(Program::from_spec(program.spec()), program);
    }

    #[test]
    fn of_two_variables_of_one_name_the_first_counts() {
        let mut environment = texts(&["A=1", "A=2"]);
        set_variable(&mut environment, OsStr::new("A"), OsStr::new("3"));
        assert_eq!(environment, texts(&["A=3", "A=2"]));
    }
}
