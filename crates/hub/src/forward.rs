//! Requests on their way to an agent or a runner and answers on their way back: each asked once, answered once.

use ikpdb_proto::agent::OPTIONS;
use ikpdb_proto::client::SessionState;
use ikpdb_proto::dap::{
    CancelArguments, ContinueBody, ContinuedEvent, SetExceptionBreakpointsArguments, ThreadArguments,
};
use ikpdb_proto::{Event, Failure, Message, Options, Request, Response, SessionId, ThreadId};

use crate::capabilities;
use crate::connection::{Ask, Role};
use crate::hub::{Hub, Reply};
use crate::port::ConnectionId;
use crate::session::Phase;

/// A request that an agent or a runner has not answered yet.
pub(crate) struct Pending {
    /// The session that it belongs to.
    pub(crate) session: SessionId,
    /// What the answer is for.
    pub(crate) purpose: Purpose,
}

/// What an answer is for.
pub(crate) enum Purpose {
    /// For the client that asked.
    Client(Ask),
    /// Of the handshake: what the agent can do.
    Initialize,
    /// Of the handshake: the agent takes breakpoints.
    Attach,
    /// What became of a source's breakpoints.
    Breakpoints {
        /// The source.
        path: String,
        /// Which of several that are on their way.
        generation: u64,
        /// The editor's request behind it, and its wishes in its order.
        editor: Option<(Ask, Vec<ikpdb_proto::WishId>)>,
    },
    /// The filters were taken.
    Filters(Option<(Ask, SetExceptionBreakpointsArguments)>),
    /// The program starts.
    ConfigurationDone(Option<Ask>),
    /// A signal was sent.
    Signal(Option<Ask>),
    /// The runner will start this session's successor.
    Restart,
    /// The agent lets go of the program.
    Detach(Ask),
    /// Nobody looks at a program that has failed: it may end.
    Unwatched,
}

/// Requests that make a stopped program run when they succeed.
const RESUMING: &[&str] = &["continue", "next", "stepIn", "stepOut", "stepBack", "reverseContinue", "ikpdb/runTo"];

impl Hub {
    /// Sends a request of ours, or a client's in its name.
    pub(crate) fn ask(&mut self, to: ConnectionId, session: SessionId, request: Request, purpose: Purpose) {
        let seq = self.send(to, None, request.into());
        self.pending.insert((to, seq), Pending { session, purpose });
    }

    /// Passes a request on to the session's agent.
    pub(crate) fn forward(&mut self, ask: &Ask) -> Result<Reply, Failure> {
        let id = ask.session.ok_or_else(|| Failure::unsupported(&ask.request.command))?;
        let session = self.session(id)?;
        let (agent, phase) = session.joined()?;
        // Before it has said what it can do, it answers for itself.
        if phase != Phase::Greeting {
            capabilities::check(&ask.request.command, &session.capabilities)?;
        }
        let request = Request { seq: 0, ..ask.request.clone() };
        self.ask(agent, id, request, Purpose::Client(ask.clone()));
        Ok(Reply::Later)
    }

    /// `cancel`: the request to give up has another number at the agent.
    pub(crate) fn cancel(&mut self, ask: &Ask) -> Result<Reply, Failure> {
        let arguments: CancelArguments = ask.request.arguments()?;
        let Some(wanted) = arguments.request_id else { return self.forward(ask) };
        let theirs = self.pending.iter().find_map(|(&(_, seq), pending)| match &pending.purpose {
            Purpose::Client(asked) if asked.from == ask.from && asked.request.seq == wanted => Some(seq),
            _ => None,
        });
        // Not there: it was answered in the meantime, and there is nothing to give up.
        let Some(seq) = theirs else { return Ok(Reply::Done) };
        let arguments = CancelArguments { request_id: Some(seq), ..arguments };
        let request = Request { seq: ask.request.seq, ..Request::new("cancel", &arguments) };
        let original = ask.clone();
        self.forward(&Ask { request, ..original })
    }

    /// An agent or a runner answered.
    pub(crate) fn answered(&mut self, from: ConnectionId, response: Response) {
        // An answer to nothing is dropped: there is nobody to give it to.
        let Some(pending) = self.pending.remove(&(from, response.request_seq)) else { return };
        let id = pending.session;
        match pending.purpose {
            Purpose::Client(ask) => self.client_answered(id, ask, response),
            Purpose::Initialize => self.agent_initialized(id, from, &response),
            Purpose::Attach => self.agent_attached(from, &response),
            Purpose::Breakpoints { path, generation, editor } => {
                self.breakpoints_answered(id, &path, generation, editor, response);
            }
            Purpose::Filters(Some((ask, sent))) => self.filters_answered(ask, &sent, response),
            Purpose::Signal(Some(ask)) => self.relay(ask, response),
            Purpose::Filters(None) | Purpose::Signal(None) | Purpose::Unwatched => {}
            Purpose::ConfigurationDone(ask) => self.configured(id, ask, response),
            Purpose::Restart => self.restart_answered(id, &response),
            Purpose::Detach(ask) => {
                if let Ok(session) = self.session(id) {
                    session.ending.detached = response.success;
                }
                let (asker, left) = (ask.from, response.success);
                self.relay(ask, response);
                if left {
                    self.disconnected(asker);
                }
            }
        }
    }

    fn client_answered(&mut self, id: SessionId, ask: Ask, response: Response) {
        let resumed = response.success && RESUMING.contains(&ask.request.command.as_str());
        let asker = ask.from;
        let asked = ask.request.arguments::<ThreadArguments>();
        let says_all = response.body::<ContinueBody>().ok().and_then(|it| it.all_threads_continued);
        if response.success && ask.request.command == OPTIONS {
            self.options_changed(id, &response);
        }
        self.relay(ask, response);
        if !resumed {
            return;
        }
        let Ok(session) = self.session(id) else { return };
        if session.info.state != SessionState::Stopped {
            return;
        }
        let shown = session.info.stopped.as_ref().and_then(|it| it.thread_id);
        let asked_for = asked.as_ref().ok().map(|it| it.thread_id);
        let thread_id = asked_for.or(shown).unwrap_or(ThreadId(1));
        let single = asked.is_ok_and(|it| it.single_thread == Some(true));
        let all = says_all.unwrap_or(!single && !session.stands_by_itself(thread_id));
        let only = (!all).then_some(thread_id);
        session.continued.push(only);
        self.went_on(id, only);
        // Everybody else has to hear it too; an editor that asked knows it from the answer.
        let event = Event::new("continued", &ContinuedEvent { thread_id, all_threads_continued: Some(all) });
        let except = self.connections.get(&asker).is_some_and(|it| matches!(it.role, Role::Editor(_)));
        self.emit_but(id, event, except.then_some(asker));
    }

    /// A restart keeps them.
    fn options_changed(&mut self, id: SessionId, response: &Response) {
        let (Ok(session), Ok(options)) = (self.session(id), response.body::<Options>()) else { return };
        session.set_options(options);
        self.dirty.sessions.insert(id);
    }

    /// Answers everything that a peer which is gone will never answer.
    pub(crate) fn fail_pending(&mut self, peer: ConnectionId, why: &Failure) {
        let seqs: Vec<_> = self.pending.range((peer, i64::MIN)..=(peer, i64::MAX)).map(|(&key, _)| key).collect();
        for key in seqs {
            let Some(pending) = self.pending.remove(&key) else { continue };
            match pending.purpose {
                Purpose::Client(ask)
                | Purpose::Filters(Some((ask, _)))
                | Purpose::ConfigurationDone(Some(ask))
                | Purpose::Signal(Some(ask))
                | Purpose::Breakpoints { editor: Some((ask, _)), .. } => self.answer(ask, Err(why.clone())),
                // It went because it was told to.
                Purpose::Detach(ask) => {
                    if let Ok(session) = self.session(pending.session) {
                        session.ending.detached = true;
                    }
                    let asker = ask.from;
                    self.answer(ask, Ok(Reply::Done));
                    self.disconnected(asker);
                }
                Purpose::Restart => self.restart_lost(pending.session),
                Purpose::Initialize
                | Purpose::Attach
                | Purpose::Filters(None)
                | Purpose::ConfigurationDone(None)
                | Purpose::Signal(None)
                | Purpose::Unwatched
                | Purpose::Breakpoints { editor: None, .. } => {}
            }
        }
    }

    /// The client that sent the request which an agent knows by this number.
    pub(crate) fn asker(&self, agent: ConnectionId, seq: i64) -> Option<&Ask> {
        match &self.pending.get(&(agent, seq))?.purpose {
            Purpose::Client(ask) => Some(ask),
            _ => None,
        }
    }

    /// A reverse request: none is carried out, each is answered.
    pub(crate) fn refuse_reverse(&mut self, from: ConnectionId, request: &Request) {
        let response = request.refuse(&Failure::unsupported(&request.command));
        self.send(from, None, Message::Response(response));
    }
}
