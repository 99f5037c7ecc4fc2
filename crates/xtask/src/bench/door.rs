//! How long answers take at the door for clients of the original IKPdb.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Stdio};
use std::time::Instant;

use anyhow::{Context, Result};
use ikpdb_testkit::ikpdb_client::IkpdbClient;
use ikpdb_testkit::root;
use serde_json::json;

use super::debuggee::Starter;
use crate::shell;

/// Times that a row stands on.
const TIMES: usize = 200;
/// Frames of the stop, and variables of all of them: 40 of each frame, the globals of the module among them.
const FRAMES: usize = 50;
const LOCALS: usize = 30;

/// A program that waits at its door.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Milliseconds of a command whose answer needs nothing of the program, and of a step to its `programBreak`.
pub(crate) fn measure(starter: &Starter) -> Result<(Vec<f64>, Vec<f64>)> {
    // The door prints its port only for people: a free one is found and given.
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let script = starter.folder.join("deep.py");
    let locals: String = (0..LOCALS).map(|index| format!("    v{index} = [n, 'text {index}', {index}.5]\n")).collect();
    let text = format!(
        "def f(n):\n{locals}    if n > 2:\n        return f(n - 1)\n    while True:\n        n += 1\n        n -= 1\nf({FRAMES})\n"
    );
    let line = i64::try_from(LOCALS + 5)?;
    std::fs::write(&script, text)?;
    let mut command = shell::program(&starter.python);
    command.args(["-m", "ikpdb", &format!("--ikpdb-port={port}")]).arg(&script).current_dir(&starter.folder);
    command
        .env("PYTHONPATH", root().join("python"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("IKPDB_HUB", &starter.ikpdb);
    command.envs(starter.variables.iter().map(|(name, value)| (name, value)));
    let mut child =
        command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().context("cannot start the interpreter")?;
    let mut stderr = BufReader::new(child.stderr.take().context("no standard error")?);
    let _program = Program(child);
    let mut said = String::new();
    while !said.contains("IKPdb listening on") {
        anyhow::ensure!(stderr.read_line(&mut said)? > 0, "the program did not begin: {said}");
    }
    let mut client = IkpdbClient::greeted(("127.0.0.1", port));
    client.result("setBreakpoint", &json!({"file_name": script, "line_number": line}));
    client.result("runScript", &json!({}));
    let stopped = client.event("programBreak");
    let frames = stopped["frames"].as_array().context("no frames")?;
    let variables: usize = frames.iter().filter_map(|it| Some(it["f_locals"].as_array()?.len())).sum();
    anyhow::ensure!(
        frames.len() == FRAMES && (1800..2300).contains(&variables),
        "{} frames with {variables} variables",
        frames.len()
    );
    let mut commands = Vec::new();
    let mut breaks = Vec::new();
    for _ in 0..TIMES {
        let begin = Instant::now();
        client.result("getBreakpoints", &json!({}));
        commands.push(begin.elapsed().as_secs_f64() * 1e3);
        let begin = Instant::now();
        client.send("stepOver", &json!({}));
        // The reply and the event. To read them is the client's time.
        client.wait_for(2);
        breaks.push(begin.elapsed().as_secs_f64() * 1e3);
        while client.read().context("the connection ended")?["command"] != "programBreak" {}
    }
    Ok((commands, breaks))
}
