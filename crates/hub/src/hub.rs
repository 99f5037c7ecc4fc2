//! The hub's state, and one step of it.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use ikpdb_proto::dap::OutputEvent;
use ikpdb_proto::framing::encode;
use ikpdb_proto::{Failure, Message, Response, SessionId};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::connection::{Ask, Connection, Editor, Role};
use crate::envelope::wrap;
use crate::forward::Pending;
use crate::journal::Journal;
use crate::port::{Config, ConnectionId, Door, Input, JobId, Output};
use crate::saved::Saved;
use crate::secrets::Secrets;
use crate::session::Session;
use crate::timers::{Timer, Timers};
use crate::wishes::Wishes;

/// The hub.
pub struct Hub {
    pub(crate) config: Config,
    pub(crate) now: u64,
    pub(crate) secrets: Secrets,
    pub(crate) connections: BTreeMap<ConnectionId, Connection>,
    pub(crate) sessions: BTreeMap<SessionId, Session>,
    pub(crate) wishes: Wishes,
    /// Filters, watches and settings; the breakpoints in it are filled in when it is written.
    pub(crate) saved: Saved,
    pub(crate) journal: Journal,
    pub(crate) timers: Timers,
    /// Requests of ours and of clients that agents and runners have not answered yet.
    pub(crate) pending: BTreeMap<(ConnectionId, i64), Pending>,
    pub(crate) jobs: BTreeMap<JobId, Job>,
    /// What to tell at the end of the step.
    pub(crate) dirty: Dirty,
    pub(crate) counted: Counted,
    /// What the hub had to say about itself, for pages that were not there yet.
    pub(crate) notices: Vec<OutputEvent>,
    pub(crate) out: Vec<Output>,
}

/// What changed during a step.
#[derive(Default)]
pub(crate) struct Dirty {
    pub(crate) sessions: BTreeSet<SessionId>,
    pub(crate) saved: bool,
    pub(crate) filters: bool,
}

/// What only ever counts up, and what is compared from step to step.
#[derive(Default)]
pub(crate) struct Counted {
    pub(crate) session: u32,
    pub(crate) job: u64,
    /// `seq` of messages to pages, which all share the journal.
    pub(crate) page_seq: i64,
    pub(crate) pages: u32,
    pub(crate) idle_since: Option<u64>,
    pub(crate) over: bool,
}

/// Work that is under way outside.
pub(crate) enum Job {
    /// Files are looked at.
    Files(Ask),
    /// A runner is started for this session, which waits for it.
    Spawn(SessionId),
    /// A program is started for this editor.
    Launch(ConnectionId),
    /// A started runner that has not said hello yet: its process id, and whom it is for.
    Awaited(u32, RunnerFor),
}

/// Whom a runner was started for.
#[derive(Clone, Copy)]
pub(crate) enum RunnerFor {
    /// For a session that waits for it.
    Session(SessionId),
    /// For an editor.
    Editor(ConnectionId),
}

/// How an interpreted request ends.
pub(crate) enum Reply {
    /// Carried out, nothing to say.
    Done,
    /// Carried out, with this body.
    Body(Box<RawValue>),
    /// The handler keeps the request and answers it in a later step.
    Later,
}

impl Reply {
    pub(crate) fn body(body: &impl Serialize) -> Self {
        Self::Body(to_raw_value(body).expect("wire types are plain data and always have a JSON form"))
    }
}

impl Hub {
    /// A hub that has seen nothing yet.
    pub fn new(config: Config) -> Self {
        let saved = config.saved.clone();
        Self {
            now: 0,
            secrets: Secrets::new(config.seed),
            connections: BTreeMap::new(),
            sessions: BTreeMap::new(),
            wishes: Wishes::restore(saved.workspace.active, &saved.workspace.breakpoints),
            saved,
            journal: Journal::default(),
            timers: Timers::default(),
            pending: BTreeMap::new(),
            jobs: BTreeMap::new(),
            dirty: Dirty::default(),
            counted: Counted::default(),
            notices: Vec::new(),
            out: Vec::new(),
            config,
        }
    }

    /// Takes what happened, says what to do. `now` is in milliseconds and never goes back.
    pub fn step(&mut self, now: u64, input: Input) -> Vec<Output> {
        self.now = self.now.max(now);
        match input {
            Input::Opened { connection, door } => self.opened(connection, door),
            Input::Received { connection, bytes } => self.received(connection, &bytes),
            Input::Closed { connection } => self.closed(connection),
            Input::Spawned { job, result } => self.spawned(job, result),
            Input::Files { job, result } => self.files_done(job, result),
            Input::SaveFailed { message } => self.tell(&message),
            Input::Tick => {}
        }
        while let Some(timer) = self.timers.due(self.now) {
            self.fire(timer);
        }
        self.settle();
        std::mem::take(&mut self.out)
    }

    fn opened(&mut self, connection: ConnectionId, door: Door) {
        let role = match door {
            Door::Unix => Role::Stranger,
            Door::Web => Role::Visitor(None),
            Door::Dap => Role::Editor(Box::<Editor>::default()),
        };
        match door {
            Door::Unix => self.timers.set(self.now + crate::doors::UNIX_MS, Timer::Introduction(connection)),
            Door::Web => self.timers.set(self.now + crate::doors::WEB_MS, Timer::Introduction(connection)),
            Door::Dap => {}
        }
        self.connections.insert(connection, Connection { role, seq: 0 });
    }

    /// Closes a connection from our side.
    pub(crate) fn drop_connection(&mut self, connection: ConnectionId, reason: impl Into<String>) {
        if self.connections.contains_key(&connection) {
            self.out.push(Output::Close { connection, reason: reason.into() });
            self.closed(connection);
        }
    }

    fn fire(&mut self, timer: Timer) {
        match timer {
            Timer::Introduction(connection) => self.introduction_due(connection),
            Timer::Drained(session) => self.drained(session),
            Timer::AgentDue(session) => self.agent_due(session),
            Timer::AgentLost(session) => self.agent_lost(session),
            Timer::Unwatched(session) => self.unwatched_due(session),
            Timer::Kill(session) => self.kill(session),
            Timer::RunnerDue(session) => self.runner_due(session),
            Timer::Output(session) => self.output_due(session),
            Timer::Idle => self.idle_due(),
        }
    }

    /// What a step leaves to be done once, whatever happened in it.
    fn settle(&mut self) {
        self.settle_breakpoints();
        self.settle_filters();
        self.settle_sessions();
        self.settle_pages();
        if std::mem::take(&mut self.dirty.saved) {
            let mut saved = self.saved.clone();
            saved.workspace.active = self.wishes.active;
            saved.workspace.breakpoints = self.wishes.shared();
            // What is told to a client is on disk before: a hub that is killed after an answer has lost nothing.
            self.out.insert(0, Output::Save(Box::new(saved)));
        }
        self.settle_unwatched();
        self.settle_idle();
        if let Some(at) = self.timers.announce() {
            self.out.push(Output::Wake { at });
        }
    }

    /// A session, or why there is none.
    pub(crate) fn session(&mut self, id: SessionId) -> Result<&mut Session, Failure> {
        self.sessions.get_mut(&id).ok_or_else(|| Failure::client(format!("there is no session {id}")))
    }

    /// The number of the next job.
    pub(crate) fn next_job(&mut self) -> JobId {
        self.counted.job += 1;
        JobId(self.counted.job)
    }

    /// Sends a message to one connection in the way of its door; the answer is its `seq`.
    pub(crate) fn send(&mut self, to: ConnectionId, session: Option<SessionId>, message: Message) -> i64 {
        let Some(connection) = self.connections.get_mut(&to) else { return 0 };
        let (seq, bytes): (i64, Bytes) = match &connection.role {
            Role::Page | Role::Visitor(_) => {
                self.counted.page_seq += 1;
                let seq = self.counted.page_seq;
                (seq, wrap(session, None, &message.with_seq(seq)))
            }
            role => {
                connection.seq += 1;
                let message = match role {
                    Role::Editor(editor) => editor.counting.outward(message),
                    _ => message,
                };
                (connection.seq, encode(&message.with_seq(connection.seq)).into())
            }
        };
        self.out.push(Output::Send { to, bytes });
        seq
    }

    /// Answers a request.
    pub(crate) fn answer(&mut self, ask: Ask, result: Result<Reply, Failure>) {
        let response = match result {
            Ok(Reply::Later) => return,
            Ok(Reply::Done) => ask.request.done(),
            Ok(Reply::Body(body)) => Response { body: Some(body), ..ask.request.done() },
            Err(failure) => ask.request.refuse(&failure),
        };
        self.send(ask.from, ask.session, response.into());
    }

    /// Passes on the answer that somebody else gave.
    pub(crate) fn relay(&mut self, ask: Ask, response: Response) {
        let response = Response { request_seq: ask.request.seq, command: ask.request.command, ..response };
        self.send(ask.from, ask.session, response.into());
    }
}
