//! Owns one program: its terminal, process group, signals, exit status, and restarts. Small, synchronous, and it
//! survives the hub.
//!
//! [`Runner`] is the whole of it. Around it stands what `ikpdb run` needs to know before: what the user wants
//! to run, with which interpreter, for which hub ([`workspace`]), and how that is found or started ([`hub`]).
//!
//! A program under the other door of the agent has neither hub nor runner ([`in_place`]).
//!
//! Towards the hub the order is: `ikpdb/runnerHello`, `ikpdb/runnerStarted`, `output`…, `ikpdb/runnerExited`. At
//! `ikpdb/runnerRestart` the old program's `runnerExited` comes first, then the response; what follows the response is
//! about the new session.

mod console;
pub mod detached;
mod ending;
mod error;
pub mod hub;
mod image;
pub mod in_place;
mod inherited;
mod injected;
mod keeper;
mod link;
mod outbox;
mod program;
pub mod python;
mod requests;
mod run;
mod running;
mod signals;
mod streams;
mod suspension;
mod sys;
pub mod target;
mod terminal;
mod waiting;
mod witness;
pub mod workspace;

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use ikpdb_proto::PROTOCOL;
use ikpdb_proto::runner::{RunnerHello, RunnerWelcome, StreamKind, Streams, TerminalSize};

pub use ending::Ending;
pub use error::Error;
pub use injected::Injected;
pub use program::{Program, own_environment, set_variable};
pub use running::Agent;

use crate::workspace::HubPlace;

/// The build that this runner belongs to, as told to the hub and in messages.
pub const BUILD: &str = env!("CARGO_PKG_VERSION");

/// How many hubs are tried: one that ends may be followed by one that another program has just started.
const ATTEMPTS: u32 = 4;

/// Where the program's streams go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Where ours go. Those that are terminals become one pseudo-terminal; the others are inherited untouched. This
    /// process's signals are taken over: for the main thread of a process that does nothing else.
    Own,
    /// A pseudo-terminal of this size, seen by the hub alone. Signals are taken over, too.
    Headless(TerminalSize),
    /// Two pipes, and `/dev/null` to read. Touches nothing of this process; the thread must live until [`run`] returns.
    Captured,
}

/// A program that the hub knows of and that is about to run.
pub struct Runner {
    program: Program,
    agent: Agent,
    setting: running::Setting,
    link: link::Link,
}

impl Runner {
    /// Finds the hub of this place, or starts one with `executable`, and introduces this run to it. A hub that is just
    /// ending is replaced by the next.
    pub fn meet(
        place: &HubPlace,
        executable: &Path,
        port: Option<u16>,
        program: &Program,
        agent: &Agent,
    ) -> Result<(Self, RunnerWelcome), Error> {
        let mut left = ATTEMPTS;
        loop {
            left -= 1;
            let met = hub::find_or_start(place, executable, port).and_then(|stream| {
                Self::greet(stream, Some(place.socket.clone()), program.clone(), agent.clone(), Place::Own)
            });
            match met {
                Err(Error::HungUp(_)) if left > 0 => {}
                other => return other,
            }
        }
    }

    /// Introduces this run to the hub at the other end of `stream`. `socket` is where a hub may appear again later.
    pub fn greet(
        stream: UnixStream,
        socket: Option<PathBuf>,
        program: Program,
        agent: Agent,
        place: Place,
    ) -> Result<(Self, RunnerWelcome), Error> {
        let (setting, streams) = match place {
            Place::Own => {
                let found = streams::Found::look();
                let streams = found.describe();
                (running::Setting::Own(found), streams)
            }
            Place::Headless(size) => (running::Setting::Headless(size), all(StreamKind::Terminal, Some(size))),
            Place::Captured => (running::Setting::Captured, all(StreamKind::Captured, None)),
        };
        let hello = RunnerHello {
            protocol: PROTOCOL,
            build: BUILD.to_owned(),
            pid: std::process::id(),
            run: program.spec(),
            streams,
            resume: None,
        };
        let (link, welcome) = link::Link::greet(stream, socket, hello)?;
        Ok((Self { program, agent, setting, link }, welcome))
    }

    /// Runs the program to its end, restarts included.
    pub fn run(self) -> Result<Ending, Error> {
        run::Runner::new(self.program, self.agent, self.setting, self.link)?.run()
    }
}

fn all(kind: StreamKind, terminal: Option<TerminalSize>) -> Streams {
    let stdin = if kind == StreamKind::Captured { StreamKind::Null } else { kind.clone() };
    Streams { stdin, stdout: kind.clone(), stderr: kind, terminal, attached: false }
}
