//! What goes into a step and what comes out of it.

use bytes::Bytes;
use ikpdb_proto::Failure;
use ikpdb_proto::client::{FindFiles, ListFiles, ReadFile, Workspace};
use ikpdb_proto::dap::Capabilities;
use ikpdb_proto::runner::RunSpec;
use serde_json::value::RawValue;

use crate::saved::Saved;

/// A connection at one of the doors, numbered by whoever accepts it; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// A piece of work that somebody else does for the hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub u64);

/// Where a connection came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// The unix socket: its first message says whether it is an agent, a runner or a command of ours. Framed.
    Unix,
    /// A page's WebSocket. Messages in envelopes.
    Web,
    /// An editor that speaks the Debug Adapter Protocol. Framed.
    Dap,
}

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// Somebody connected.
    Opened {
        /// Who.
        connection: ConnectionId,
        /// Where.
        door: Door,
    },
    /// A whole message came: JSON text, without its frame.
    Received {
        /// From whom.
        connection: ConnectionId,
        /// The text.
        bytes: Bytes,
    },
    /// A connection is gone, from their side or ours.
    Closed {
        /// Which.
        connection: ConnectionId,
    },
    /// An [`Output::Spawn`] or [`Output::Launch`] was carried out; comes before anything that the new process says.
    Spawned {
        /// Which.
        job: JobId,
        /// Who will say hello, or why nobody will; a failure may still follow a success.
        result: Result<Spawned, Failure>,
    },
    /// An [`Output::Files`] was carried out.
    Files {
        /// Which.
        job: JobId,
        /// The body of the answer.
        result: Result<Box<RawValue>, Failure>,
    },
    /// An [`Output::Save`] failed.
    SaveFailed {
        /// What went wrong, where, and what to do.
        message: String,
    },
    /// Time has passed: the moment of the last [`Output::Wake`] has come.
    Tick,
}

/// A runner that was started.
#[derive(Clone, Debug)]
pub struct Spawned {
    /// The process id that it will name in its hello.
    pub pid: u32,
    /// The workspace that its program belongs to, where that was not known before.
    pub workspace: Option<Workspace>,
}

/// What to do, in this order.
#[derive(Debug)]
pub enum Output {
    /// Send this with one write: a frame at the unix and the DAP door, the text of one WebSocket message to a page.
    Send {
        /// To whom.
        to: ConnectionId,
        /// The bytes.
        bytes: Bytes,
    },
    /// Close a connection once everything sent to it before is written.
    Close {
        /// Which.
        connection: ConnectionId,
        /// Why, for the log and a page's close frame.
        reason: String,
    },
    /// Look at files of the workspace, then [`Input::Files`].
    Files {
        /// Its number.
        job: JobId,
        /// What to do.
        work: FileWork,
    },
    /// Write this so that a killed process finds the old or the new state, never a broken one.
    Save(Box<Saved>),
    /// Start a runner without a terminal of its own, then [`Input::Spawned`].
    Spawn {
        /// Its number.
        job: JobId,
        /// What it runs.
        run: Box<RunSpec>,
    },
    /// Start a program for an editor, then [`Input::Spawned`].
    Launch {
        /// Its number.
        job: JobId,
        /// The arguments of the editor's `launch`.
        arguments: Box<RawValue>,
    },
    /// Send [`Input::Tick`] at this time, in milliseconds; replaces the one before.
    Wake {
        /// When.
        at: u64,
    },
    /// Everything is over: end.
    Exit,
}

/// Work on files, inside the workspace only.
#[derive(Clone, Debug, PartialEq)]
pub enum FileWork {
    /// What is in a folder.
    List(ListFiles),
    /// A file's text.
    Read(ReadFile),
    /// Files by a few letters of their path.
    Find(FindFiles),
}

/// What a hub is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The hub of a workspace: many clients, many sessions. It ends itself when nobody has needed it for a while.
    Shared {
        /// For how long, in milliseconds.
        linger_ms: u64,
    },
    /// The hub inside `ikpdb dap`: one editor, one session. It ends when both are gone.
    Private,
}

/// What a hub is made with.
#[derive(Clone, Debug)]
pub struct Config {
    /// What it is for.
    pub mode: Mode,
    /// Our build, for refusals.
    pub build: String,
    /// Random, per start: names this journal.
    pub epoch: String,
    /// Random, per start: every secret and nonce of this hub is drawn from it.
    pub seed: [u8; 32],
    /// The lasting secret of the pages.
    pub secret: [u8; 32],
    /// The folder that is worked on.
    pub workspace: Workspace,
    /// When this hub started, in milliseconds since 1970; the times of [`crate::Hub::step`] count from there.
    pub started_at: f64,
    /// The address of the pages, without a secret: `http://127.0.0.1:15480/`; empty if there are none.
    pub url: String,
    /// Its port.
    pub port: u16,
    /// The kind of program that runners start here, as clients are told it.
    pub kind: String,
    /// What an editor is promised before its agent came to say it itself.
    pub promised: Capabilities,
    /// What an earlier hub left.
    pub saved: Saved,
}
