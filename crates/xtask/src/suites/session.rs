//! A debug session as an editor has it: to a breakpoint with a condition, a look at the variables, on to the exit code.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ikpdb_specs::Adapter;
use serde_json::{Value, json};

use crate::shell;

/// How long any single answer may take.
const PATIENCE: Duration = Duration::from_secs(120);

const PROGRAM: &str = "\
import sys

def count(n):
    total = 0
    for i in range(n):
        total += i  # BP:loop
    return total

print(count(5))
sys.exit(7 if sys.argv[1:] == ['one', 'two words'] else 1)
";

/// Debugs a program in `folder` with the adapter that `command` starts. `python` is the interpreter to name, or none to
/// let the adapter find one; either way it must be one of this version.
pub(crate) fn debug(command: &mut Command, folder: &Path, python: Option<&Path>, version: &str) -> Result<()> {
    let path = folder.join("session.py");
    shell::write(&path, PROGRAM)?;
    let mut adapter = Adapter::start(command, PATIENCE)?;
    adapter.request("initialize", &json!({"adapterID": "ikpdb", "clientName": "xtask", "pathFormat": "path"}))?;
    let mut launch = json!({"program": path, "args": ["one", "two words"], "cwd": folder});
    if let Some(python) = python {
        launch["python"] = json!(python);
    }
    let launch = adapter.send("launch", &launch)?;
    adapter.event("initialized")?;
    let line = ikpdb_testkit::marked_line(PROGRAM, "loop");
    let breakpoints = json!([{"line": line, "condition": "i == 3"}]);
    let set = adapter.request("setBreakpoints", &json!({"source": {"path": path}, "breakpoints": breakpoints}))?;
    adapter.request("configurationDone", &json!({}))?;
    adapter.response(launch)?;

    let stopped = adapter.event("stopped").context("the program ran past its breakpoint")?;
    ensure!(stopped["reason"] == "breakpoint", "it stopped for another reason: {stopped}");
    ensure!(stopped["hitBreakpointIds"][0] == set["breakpoints"][0]["id"], "it stopped elsewhere: {stopped}");
    let thread = json!({"threadId": stopped["threadId"]});
    let stack = adapter.request("stackTrace", &thread)?;
    let frame = &stack["stackFrames"][0];
    ensure!(frame["name"] == "count" && frame["line"] == line, "it stands elsewhere: {frame}");
    let scopes = adapter.request("scopes", &json!({"frameId": frame["id"]}))?;
    let reference = &scopes["scopes"][0]["variablesReference"];
    let variables = adapter.request("variables", &json!({"variablesReference": reference}))?;
    for (name, expected) in [("i", "3"), ("n", "5"), ("total", "3")] {
        let value = value_of(&variables["variables"], name);
        ensure!(value == Some(expected), "`{name}` is {value:?}: {variables}");
    }
    let question = json!({"expression": "sys.version.split()[0]", "frameId": frame["id"], "context": "watch"});
    let answer = adapter.request("evaluate", &question)?;
    ensure!(answer["result"] == format!("'{version}'"), "the interpreter is another one: {answer}");

    adapter.request("continue", &thread)?;
    let exited = adapter.event("exited")?;
    ensure!(exited["exitCode"] == 7, "it ended in another way: {exited}");
    adapter.request("disconnect", &json!({}))?;
    Ok(())
}

fn value_of<'a>(variables: &'a Value, name: &str) -> Option<&'a str> {
    variables.as_array()?.iter().find(|variable| variable["name"] == name)?["value"].as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_found_by_its_name() {
        let variables = json!([{"name": "a", "value": "1"}, {"name": "b", "value": "2"}]);
        assert_eq!((value_of(&variables, "b"), value_of(&variables, "c")), (Some("2"), None));
    }

    #[test]
    fn an_adapter_that_says_nothing_of_the_kind_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let error = debug(&mut shell::program("true"), folder.path(), None, "3.12.1").unwrap_err();
        let chain = format!("{error:#}");
        assert!(chain.contains("the adapter ended") || chain.contains("the adapter is gone"), "{chain}");
    }
}
