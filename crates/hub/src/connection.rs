//! Who is connected, and what each one is.

use ikpdb_proto::agent::AgentHello;
use ikpdb_proto::dap::{DisconnectArguments, InitializeArguments, SetExceptionBreakpointsArguments};
use ikpdb_proto::{Request, SessionId};

use crate::lines::Counting;
use crate::port::ConnectionId;

/// A connection.
pub(crate) struct Connection {
    /// What it is.
    pub(crate) role: Role,
    /// The number of the last message that it was sent.
    pub(crate) seq: i64,
}

/// What a connection is.
pub(crate) enum Role {
    /// At the unix socket, and has not said anything yet.
    Stranger,
    /// A command of ours, for a question or two.
    Control,
    /// A page that has not shown yet that it knows the secret.
    Visitor(Option<Greeted>),
    /// A page.
    Page,
    /// An editor.
    Editor(Box<Editor>),
    /// The agent of a session.
    Agent(SessionId),
    /// An agent that came back before its runner did.
    EarlyAgent(Box<AgentHello>),
    /// The runner of a session.
    Runner(Runner),
}

/// A page in its handshake.
pub(crate) struct Greeted {
    /// Its nonce.
    pub(crate) theirs: String,
    /// Ours.
    pub(crate) ours: String,
    /// Its ticket's public half.
    pub(crate) ticket: Option<String>,
    /// What both sides prove to know.
    pub(crate) key: [u8; 32],
}

/// A runner.
pub(crate) struct Runner {
    /// What it runs.
    pub(crate) session: SessionId,
    /// What it runs as soon as that has ended.
    pub(crate) next: Option<SessionId>,
}

/// An editor.
#[derive(Default)]
pub(crate) struct Editor {
    /// What it said about itself.
    pub(crate) about: InitializeArguments,
    /// How it counts lines.
    pub(crate) counting: Counting,
    /// The session that it is in.
    pub(crate) session: Option<SessionId>,
    /// Its `launch` or `attach`, until it has configured everything.
    pub(crate) start: Option<Ask>,
    /// Whether it was told that it may configure.
    pub(crate) invited: bool,
    /// Whether it has configured everything.
    pub(crate) configured: bool,
    /// The exception filters that it wants.
    pub(crate) filters: SetExceptionBreakpointsArguments,
    /// The request with which it left.
    pub(crate) leaving: Option<DisconnectArguments>,
}

impl Editor {
    /// Its name for people.
    pub(crate) fn name(&self) -> &str {
        self.about.client_name.as_deref().or(self.about.client_id.as_deref()).unwrap_or("an editor")
    }
}

/// A request that is waiting for its one answer.
#[derive(Clone, Debug)]
#[must_use = "every request is answered"]
pub(crate) struct Ask {
    /// Who asks.
    pub(crate) from: ConnectionId,
    /// Which session it speaks to.
    pub(crate) session: Option<SessionId>,
    /// What it asks.
    pub(crate) request: Request,
}
