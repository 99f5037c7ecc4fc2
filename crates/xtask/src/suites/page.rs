//! The page of a running release, asked for as a browser does and compared with what was built.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

/// How long the start, or any single answer, may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Stands in the built page where the nonce of its styles belongs.
const NONCE: &str = "__CSP_NONCE__";

/// A program, ended with its debugger if a check fails half way.
struct Run(Child);

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a program that waits, by `command` (`ikpdb`), and compares the page and all its files with those in `built`.
pub(crate) fn check(mut command: Command, python: &Path, built: &Path) -> Result<()> {
    command.args(["run", "--no-browser", "--no-stop", "--port", "0", "--python"]).arg(python).args(["-c", "input()"]);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut run = Run(command.spawn().context("cannot start the command")?);
    let port = port(&mut run)?;
    let page = get(port, "/")?;
    let expected = std::fs::read_to_string(built.join("index.html"))?;
    let (before, _) = expected.split_once(NONCE).context("the built page has no place for a nonce")?;
    // 32 hex digits, made for each answer.
    let nonce = page.get(before.len()..before.len() + 32).context("the page is too short")?;
    let nonce = std::str::from_utf8(nonce).context("the page has no nonce")?;
    ensure!(page == expected.replace(NONCE, nonce).as_bytes(), "the page is not the built one");
    let mut files = 0;
    for entry in std::fs::read_dir(built.join("assets"))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // Those of the compressed ones are answers to other requests.
        if !name.ends_with(".br") && !name.ends_with(".gz") {
            let served = get(port, &format!("/assets/{name}"))?;
            ensure!(served == std::fs::read(&path)?, "{name} is not the built one");
            files += 1;
        }
    }
    ensure!(files >= 2, "only {files} files were built");
    run.0.stdin.take().context("the program's input is piped")?.write_all(b"\n")?;
    let status = run.0.wait()?;
    ensure!(status.success(), "the program ended with {status}");
    Ok(())
}

/// Where the command says that the page is.
fn port(run: &mut Run) -> Result<u16> {
    let lines = BufReader::new(run.0.stderr.take().context("standard error is piped")?).lines();
    // A bound of one: who reads takes line after line, and whoever writes waits.
    let (sender, said) = mpsc::sync_channel(1);
    std::thread::Builder::new().name("stderr".to_owned()).spawn(move || {
        for line in lines.map_while(Result::ok) {
            // What is said after the address is read as well, so that nobody has to wait.
            let _ = sender.send(line);
        }
    })?;
    let end = Instant::now() + PATIENCE;
    let mut before = String::new();
    loop {
        let line = said.recv_timeout(end.saturating_duration_since(Instant::now()));
        let line = line.with_context(|| format!("no address was printed: {before}"))?;
        let port = line.split_once("open http://127.0.0.1:").and_then(|(_, rest)| rest.split_once('/'));
        match port {
            Some((port, _)) => return Ok(port.parse()?),
            None => before.push_str(&line),
        }
    }
}

/// The body of a good answer, not compressed.
fn get(port: u16, path: &str) -> Result<Vec<u8>> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let at = answer.windows(4).position(|it| it == b"\r\n\r\n").with_context(|| format!("{path}: no answer"))?;
    let head = String::from_utf8_lossy(&answer[..at]).to_lowercase();
    ensure!(head.starts_with("http/1.1 200 ") && !head.contains("transfer-encoding"), "{path}: {head}");
    Ok(answer.split_off(at + 4))
}
