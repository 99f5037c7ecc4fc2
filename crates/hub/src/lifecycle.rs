//! How a session goes: made, runs, stops, ends; and what happens when one of its two processes is lost.

use ikpdb_proto::client::{self, SessionExit, SessionInfo, SessionState};
use ikpdb_proto::dap::{ExitedEvent, OutputEvent, StoppedEvent};
use ikpdb_proto::runner::{RUNNER_SIGNAL, RunSpec, RunnerExited, RunnerSignal, Streams};
use ikpdb_proto::{Event, Failure, Request, SessionId, ThreadId};

use crate::forward::Purpose;
use crate::hub::{Hub, Reply};
use crate::output::{Brake, OutputLog, ours};
use crate::placing::Placing;
use crate::port::{ConnectionId, Mode};
use crate::session::{AgentLink, Ending, Session};
use crate::timers::Timer;

/// How long a started program's agent may take; then the session says that it is not debugged.
const AGENT_DUE_MS: u64 = 5_000;
/// How long after its agent a program is taken to run on.
const AGENT_LOST_MS: u64 = 500;
/// How long the agent's last messages are awaited after the program has ended.
const DRAIN_MS: u64 = 1_000;
/// How long a program that has lost its editor may take to end by itself.
const KILL_MS: u64 = 3_000;
/// How many children of a session are listed.
pub(crate) const CHILDREN: usize = 100;
/// How many ended sessions stay in the list.
const ENDED: usize = 10;

impl Hub {
    /// A new session, not yet told to anybody.
    pub(crate) fn new_session(&mut self, run: RunSpec, streams: Option<Streams>, secret: [u8; 32]) -> SessionId {
        self.counted.session += 1;
        let id = SessionId(self.counted.session);
        let restartable = matches!(self.config.mode, Mode::Shared { .. });
        let info = SessionInfo {
            id,
            name: run.name.clone(),
            type_: self.config.kind.clone(),
            state: SessionState::Starting,
            replaces: None,
            pid: None,
            python: Some(run.python.clone()),
            command: run.argv.clone(),
            cwd: run.cwd.clone(),
            started_at: self.config.started_at + self.now as f64,
            streams,
            capabilities: None,
            stopped: None,
            also_stopped: Vec::new(),
            options: run.options.clone(),
            waiting_for_input: false,
            suspended: None,
            exit: None,
            undebugged: None,
            restartable,
            children: Vec::new(),
        };
        let session = Session {
            info,
            run,
            secret,
            runner: None,
            agent: AgentLink::Awaited,
            capabilities: serde_json::Map::new(),
            placing: Placing::default(),
            filters: None,
            output: OutputLog::default(),
            brake: Brake::default(),
            ending: Ending::default(),
            launched_by: None,
            continued: Vec::new(),
            no_debug: false,
            unwatched_since: None,
        };
        self.sessions.insert(id, session);
        self.dirty.sessions.insert(id);
        id
    }

    /// The program was started.
    pub(crate) fn started(&mut self, id: SessionId, pid: u32) {
        let due = self.now + AGENT_DUE_MS;
        if let Ok(session) = self.session(id) {
            session.info.pid = Some(pid);
            self.timers.set(due, Timer::AgentDue(id));
            self.dirty.sessions.insert(id);
        }
    }

    /// The program runs.
    pub(crate) fn running(&mut self, id: SessionId) {
        if let Ok(session) = self.session(id)
            && session.is_live()
            && session.info.state != SessionState::Running
        {
            session.info.state = SessionState::Running;
            session.info.stopped = None;
            session.info.also_stopped.clear();
            self.dirty.sessions.insert(id);
        }
    }

    /// The program goes on, or only one of its threads does.
    pub(crate) fn went_on(&mut self, id: SessionId, only: Option<ThreadId>) {
        let Some(thread) = only else { return self.running(id) };
        let Ok(session) = self.session(id) else { return };
        session.info.also_stopped.retain(|it| it.thread_id != Some(thread));
        if session.info.stopped.as_ref().is_some_and(|it| it.thread_id == Some(thread)) {
            session.info.stopped = session.info.also_stopped.pop();
        }
        if session.info.stopped.is_none() {
            self.running(id);
        } else {
            self.dirty.sessions.insert(id);
        }
    }

    /// The program is stopped.
    pub(crate) fn stopped(&mut self, id: SessionId, stop: StoppedEvent) {
        if let Ok(session) = self.session(id)
            && session.is_live()
        {
            session.info.state = SessionState::Stopped;
            let others = &mut session.info.also_stopped;
            others.extend(session.info.stopped.take());
            others.retain(|it| it.thread_id != stop.thread_id);
            session.info.stopped = Some(stop);
            session.continued.clear();
            self.dirty.sessions.insert(id);
        }
    }

    /// The session's program runs on without us, for this reason.
    pub(crate) fn undebugged(&mut self, id: SessionId, why: &str) {
        let Ok(session) = self.session(id) else { return };
        if !session.is_live() || session.info.undebugged.as_deref() == Some(why) {
            return;
        }
        session.info.undebugged = Some(why.to_owned());
        session.placing = Placing::default();
        self.dirty.sessions.insert(id);
        self.running(id);
        self.wishes.touch();
        for editor in self.editors(id) {
            self.send(editor, None, Event::new("output", &ours(&format!("not debugged: {why}"))).into());
            self.editor_started(editor, Ok(Reply::Done));
        }
    }

    /// The agent of a started program should be here by now.
    pub(crate) fn agent_due(&mut self, id: SessionId) {
        let awaited = |session: &Session| session.agent == AgentLink::Awaited && session.ending.exited.is_none();
        if self.session(id).is_ok_and(|session| awaited(session)) {
            let seconds = AGENT_DUE_MS / 1000;
            self.undebugged(
                id,
                &format!("the agent has not come within {seconds} s; the program's stderr may say why"),
            );
        }
    }

    /// The agent's connection is gone.
    pub(crate) fn agent_gone(&mut self, id: SessionId, connection: ConnectionId) {
        let lost_at = self.now + AGENT_LOST_MS;
        let Ok(session) = self.session(id) else { return };
        if !matches!(session.agent, AgentLink::Joined(it, _) if it == connection) {
            return;
        }
        session.agent = AgentLink::Lost;
        let (exited, runner) = (session.ending.exited.is_some(), session.runner);
        let why = Failure::user("the program has ended, or its agent is gone");
        self.fail_pending(connection, &why);
        if exited {
            self.finish_session(id);
        } else if runner.is_none() {
            self.lost(id, "the runner was lost before the program ended; how it ended is not known");
        } else {
            // As a rule the program is just ending, and the runner is about to say so.
            self.timers.set(lost_at, Timer::AgentLost(id));
        }
    }

    /// The agent went, and the program did not.
    pub(crate) fn agent_lost(&mut self, id: SessionId) {
        let Ok(session) = self.session(id) else { return };
        if session.agent == AgentLink::Lost && session.ending.exited.is_none() {
            let detached = session.ending.detached;
            let why = if detached { "it was detached from" } else { "the connection to its agent was lost" };
            self.undebugged(id, why);
        }
    }

    /// The runner's connection is gone.
    pub(crate) fn runner_gone(&mut self, id: SessionId, next: Option<SessionId>, connection: ConnectionId) {
        self.fail_pending(connection, &Failure::user("the program's runner is gone"));
        if let Some(next) = next {
            self.restart_lost(next);
        }
        let Ok(session) = self.session(id) else { return };
        if session.runner != Some(connection) {
            return;
        }
        session.runner = None;
        session.info.waiting_for_input = false;
        session.info.suspended = None;
        if session.ending.exited.is_some() || !session.is_live() {
            return;
        }
        if session.info.pid.is_none() && session.info.replaces.is_some() {
            self.restart_lost(id);
        } else if matches!(session.agent, AgentLink::Joined(..)) {
            self.dirty.sessions.insert(id);
        } else {
            self.lost(id, "the runner was lost before the program ended; how it ended is not known");
        }
    }

    /// Nobody can say how it ended.
    pub(crate) fn lost(&mut self, id: SessionId, error: &str) {
        let now = self.config.started_at + self.now as f64;
        let Some(session) = self.sessions.get_mut(&id).filter(|it| it.is_live()) else { return };
        let duration_ms = now - session.info.started_at;
        session.ending.exited.get_or_insert(RunnerExited {
            exit_code: None,
            signal: None,
            signal_number: None,
            duration_ms,
            error: Some(error.to_owned()),
        });
        self.finish_session(id);
    }

    /// The runner says that the program has ended.
    pub(crate) fn exited(&mut self, id: SessionId, exited: RunnerExited) {
        let drained_at = self.now + DRAIN_MS;
        let Ok(session) = self.session(id) else { return };
        if !session.is_live() || session.ending.exited.is_some() {
            return;
        }
        session.ending.exited = Some(exited);
        // From here on it runs the successor, or nothing.
        session.runner = None;
        if matches!(session.agent, AgentLink::Joined(..)) {
            self.timers.set(drained_at, Timer::Drained(id));
        } else {
            self.finish_session(id);
        }
    }

    /// The agent had its time.
    pub(crate) fn drained(&mut self, id: SessionId) {
        let Ok(session) = self.session(id) else { return };
        if !session.is_live() {
            return;
        }
        if let AgentLink::Joined(agent, _) = session.agent {
            // Its connection is held open by somebody else, a forked child for one. This finishes the session, too.
            self.drop_connection(agent, "the program has ended");
        }
    }

    /// All is said: the session is over.
    fn finish_session(&mut self, id: SessionId) {
        self.release_output(id);
        let Ok(session) = self.session(id) else { return };
        let Some(exited) = session.ending.exited.clone() else { return };
        session.info.state = SessionState::Ended;
        session.info.stopped = None;
        session.info.undebugged = None;
        session.info.waiting_for_input = false;
        session.info.suspended = None;
        session.placing = Placing::default();
        session.info.exit = Some(SessionExit {
            exit_code: exited.exit_code,
            signal: exited.signal.clone(),
            duration_ms: exited.duration_ms,
            error: exited.error.clone(),
        });
        let waiting = std::mem::take(&mut session.ending.waiting);
        let agent = std::mem::replace(&mut session.agent, AgentLink::Lost);
        let failed = exited.error.as_deref().map(Failure::user);
        for editor in self.editors(id) {
            let started = failed.clone().map_or(Ok(Reply::Done), Err);
            self.editor_started(editor, started);
        }
        let exit_code = exited.exit_code.or(exited.signal_number.map(|number| 128 + number)).unwrap_or(1);
        self.emit(id, Event::new("exited", &ExitedEvent { exit_code }));
        self.emit(id, Event { seq: 0, event: "terminated".to_owned(), body: None });
        for ask in waiting {
            let asker = ask.from;
            self.answer(ask, Ok(Reply::Done));
            self.disconnected(asker);
        }
        if let AgentLink::Joined(agent, _) = agent {
            self.drop_connection(agent, "the program has ended");
        }
        self.wishes.touch();
        // Told before a successor is, and before it leaves the list.
        self.dirty.sessions.insert(id);
        self.settle_sessions();
        self.forget_ended();
    }

    /// Takes ended sessions out of the list: replaced ones, and the oldest when there are many.
    pub(crate) fn forget_ended(&mut self) {
        let ended: Vec<_> = self.sessions.iter().filter(|(_, it)| !it.is_live()).collect();
        let many = ended.len().saturating_sub(ENDED);
        let forgotten: Vec<_> = ended
            .iter()
            .enumerate()
            .filter(|(index, (_, session))| *index < many || session.ending.replaced_by.is_some())
            .map(|(_, (id, _))| **id)
            .collect();
        for id in forgotten {
            self.sessions.remove(&id);
            let removed = serde_json::json!({ "session": id });
            self.emit_to_pages(Some(id), Event::new(client::SESSION_REMOVED, &removed));
        }
    }

    /// Asks the program to end, because nobody is left who could: by SIGTERM, then by SIGKILL.
    pub(crate) fn end_program(&mut self, id: SessionId) {
        self.signal(id, "SIGTERM");
        self.timers.set(self.now + KILL_MS, Timer::Kill(id));
    }

    /// It had its time.
    pub(crate) fn kill(&mut self, id: SessionId) {
        if self.session(id).is_ok_and(|session| session.is_live() && session.ending.exited.is_none()) {
            self.signal(id, "SIGKILL");
        }
    }

    fn signal(&mut self, id: SessionId, signal: &str) {
        if let Ok(Some(runner)) = self.session(id).map(|session| session.runner) {
            let request = Request::new(RUNNER_SIGNAL, &RunnerSignal { signal: signal.to_owned() });
            self.ask(runner, id, request, Purpose::Signal(None));
        }
    }

    /// The program printed something.
    pub(crate) fn printed(&mut self, id: SessionId, event: Event) {
        let private = self.config.mode == Mode::Private;
        let now = self.now;
        let Ok(session) = self.session(id) else { return };
        let Ok(output) = event.body::<OutputEvent>() else {
            // Not what DAP calls output: passed on as it is.
            self.emit(id, event);
            return;
        };
        if private {
            // One editor, which is waited for instead.
            self.emit(id, event);
            return;
        }
        match session.brake.take(now, output) {
            Ok(output) => {
                session.output.push(&output);
                self.emit(id, event);
            }
            Err(at) => self.timers.set(at, Timer::Output(id)),
        }
    }

    /// Held output may go out.
    pub(crate) fn output_due(&mut self, id: SessionId) {
        let now = self.now;
        if let Ok(session) = self.session(id) {
            let held = session.brake.release(now);
            self.print_held(id, held);
        }
    }

    /// Held output goes out, all of it.
    fn release_output(&mut self, id: SessionId) {
        if let Ok(session) = self.session(id) {
            let held = session.brake.release_all();
            self.print_held(id, held);
        }
    }

    fn print_held(&mut self, id: SessionId, held: Vec<OutputEvent>) {
        for output in held {
            if let Ok(session) = self.session(id) {
                session.output.push(&output);
            }
            self.emit(id, Event::new("output", &output));
        }
    }
}
