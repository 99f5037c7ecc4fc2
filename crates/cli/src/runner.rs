//! `ikpdb runner --headless`: runs one program on a pseudo-terminal that only the hub's pages see. The hub starts it for a
//! restart, with the program as JSON (`RunSpec`) on standard input.

use std::io::Read;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use ikpdb_proto::runner::{RunSpec, TerminalSize};
use ikpdb_runner::{Agent, Place, Program, Runner};

use crate::embedded::libraries;

/// Options of `ikpdb runner`.
#[derive(Args)]
pub(crate) struct Options {
    /// Without a terminal of its own
    #[arg(long, required = true)]
    headless: bool,

    /// The hub's socket
    #[arg(long, value_name = "PATH")]
    socket: PathBuf,

    /// Width of the terminal in characters
    #[arg(long, default_value_t = 80)]
    columns: u16,

    /// Height of the terminal in characters
    #[arg(long, default_value_t = 24)]
    rows: u16,
}

pub(crate) fn main(options: Options) -> anyhow::Result<ExitCode> {
    let Options { headless: _, socket, columns, rows } = options;
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("the program on standard input cannot be read")?;
    let spec: RunSpec = serde_json::from_str(&text).context("standard input holds no program")?;
    let libraries = libraries()?;
    let stream = UnixStream::connect(&socket).with_context(|| format!("there is no hub at {}", socket.display()))?;
    let agent = Agent::new(libraries.agent, &libraries.preload, socket.clone())
        .with_context(|| format!("{} cannot be preloaded", libraries.preload.display()))?;
    let place = Place::Headless(TerminalSize { columns, rows });
    let (runner, _) = Runner::greet(stream, Some(socket), Program::from_spec(spec), agent, place)?;
    runner.run()?.repeat()
}
