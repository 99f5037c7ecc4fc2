//! One debuggee: its runner, its agent, and what is known about it.

use ikpdb_proto::client::{SessionInfo, SessionState};
use ikpdb_proto::dap::{SetExceptionBreakpointsArguments, StoppedEvent};
use ikpdb_proto::runner::{RunSpec, RunnerExited};
use ikpdb_proto::{Failure, Options, SessionId, ThreadId};
use serde_json::{Map, Value};

use crate::connection::Ask;
use crate::output::{Brake, OutputLog};
use crate::placing::Placing;
use crate::port::ConnectionId;

/// A session.
pub(crate) struct Session {
    /// What clients see of it.
    pub(crate) info: SessionInfo,
    /// What is run, for a restart.
    pub(crate) run: RunSpec,
    /// Its agent's secret.
    pub(crate) secret: [u8; 32],
    /// Who runs it.
    pub(crate) runner: Option<ConnectionId>,
    /// Who debugs it.
    pub(crate) agent: AgentLink,
    /// What the agent said that it can do, as it said it.
    pub(crate) capabilities: Map<String, Value>,
    /// What the agent made of the breakpoints.
    pub(crate) placing: Placing,
    /// The exception filters that the agent was told.
    pub(crate) filters: Option<SetExceptionBreakpointsArguments>,
    /// What it printed.
    pub(crate) output: OutputLog,
    /// Holds back what it prints too fast.
    pub(crate) brake: Brake,
    /// How it comes to its end.
    pub(crate) ending: Ending,
    /// Who launched it, if an editor did.
    pub(crate) launched_by: Option<ConnectionId>,
    /// Clients were told that it goes on before the agent said so.
    pub(crate) continued: Vec<Option<ThreadId>>,
    /// Nothing stops: `noDebug`.
    pub(crate) no_debug: bool,
    /// Since when its program, which has failed, is held for nobody.
    pub(crate) unwatched_since: Option<u64>,
}

/// The agent of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AgentLink {
    /// Not here yet.
    Awaited,
    /// Here.
    Joined(ConnectionId, Phase),
    /// Gone.
    Lost,
}

/// How far the handshake with an agent is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// `initialize` or `attach` is on its way.
    Greeting,
    /// It takes breakpoints; `configurationDone` is still to come.
    Configuring,
    /// The program runs or is stopped.
    Ready,
}

/// How a session comes to its end.
#[derive(Default)]
pub(crate) struct Ending {
    /// It was asked to end by a signal.
    pub(crate) asked: bool,
    /// It was detached from on purpose.
    pub(crate) detached: bool,
    /// The program has ended; the agent's last messages are awaited.
    pub(crate) exited: Option<RunnerExited>,
    /// Its successor.
    pub(crate) replaced_by: Option<SessionId>,
    /// Who is answered when it is over.
    pub(crate) waiting: Vec<Ask>,
}

impl Session {
    /// How it is stopped and stepped through from now on; a restart keeps it.
    pub(crate) fn set_options(&mut self, options: Options) {
        self.run.options = options.clone();
        self.info.options = options;
    }

    /// Whether a thread is stopped, and the others are not because of it.
    pub(crate) fn stands_by_itself(&self, thread: ThreadId) -> bool {
        self.stops().any(|it| it.thread_id == Some(thread) && it.all_threads_stopped == Some(false))
    }

    /// The stops of its threads, the last one first.
    fn stops(&self) -> impl Iterator<Item = &StoppedEvent> {
        self.info.stopped.iter().chain(self.info.also_stopped.iter().rev())
    }

    /// Whether its program may still run.
    pub(crate) fn is_live(&self) -> bool {
        self.info.state != SessionState::Ended
    }

    /// The stop of a program, or of a thread, that has failed: it ends as soon as it is let go.
    pub(crate) fn failed(&self) -> Option<&StoppedEvent> {
        self.stops().find(|stop| stop.ikpdb_uncaught == Some(true))
    }

    /// The agent, if it takes breakpoints.
    pub(crate) fn agent(&self) -> Result<ConnectionId, Failure> {
        match self.joined()? {
            (agent, Phase::Configuring | Phase::Ready) => Ok(agent),
            (_, Phase::Greeting) => Err(Failure::user("the program is still being started")),
        }
    }

    /// The agent, if it is here. It answers in order, so what is asked during the handshake is answered after it.
    pub(crate) fn joined(&self) -> Result<(ConnectionId, Phase), Failure> {
        match self.agent {
            AgentLink::Joined(agent, phase) => Ok((agent, phase)),
            _ if !self.is_live() => Err(Failure::user("the program has ended")),
            AgentLink::Awaited if self.info.undebugged.is_none() => {
                Err(Failure::user("the program is still being started"))
            }
            _ => Err(Failure::user(format!(
                "the program is not being debugged: {}",
                self.info.undebugged.as_deref().unwrap_or("its agent is gone")
            ))),
        }
    }
}
