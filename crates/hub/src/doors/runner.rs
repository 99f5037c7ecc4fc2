//! The runner: it owns the program, and tells what it prints and how it ends.

use ikpdb_proto::proof::{hex, unhex};
use ikpdb_proto::runner::{
    RUNNER_EXITED, RUNNER_INPUT, RUNNER_RESIZED, RUNNER_RESUMED, RUNNER_STARTED, RUNNER_SUSPENDED, RunnerExited,
    RunnerHello, RunnerInput, RunnerStarted, RunnerSuspended, RunnerWelcome, TerminalSize,
};
use ikpdb_proto::{Event, Failure, SessionId};

use crate::connection::{Ask, Role, Runner};
use crate::hub::{Hub, Job, Reply, RunnerFor};
use crate::port::{ConnectionId, Mode};

impl Hub {
    /// A runner's first message.
    pub(super) fn runner_hello(&mut self, ask: &Ask) -> Result<(), Failure> {
        let hello: RunnerHello = ask.request.arguments()?;
        self.check_protocol(hello.protocol, "the runner", &hello.build)?;
        let started_by_us = self.runner_awaited(hello.pid);
        if started_by_us.is_none() && self.config.mode == Mode::Private {
            return Err(Failure::user("this hub belongs to one editor and takes no further programs"));
        }
        let mut pid = None;
        let id = match (started_by_us, &hello.resume) {
            (Some(RunnerFor::Session(id)), _) => {
                self.session(id)?.info.streams = Some(hello.streams);
                id
            }
            (started_by_us, None) => {
                let secret = self.secrets.draw();
                let id = self.new_session(hello.run, Some(hello.streams), secret);
                if let Some(RunnerFor::Editor(editor)) = started_by_us {
                    self.launched(editor, id);
                }
                id
            }
            (_, Some(resume)) => {
                let secret = unhex(&resume.secret).and_then(|bytes| bytes.try_into().ok());
                let secret = secret.ok_or_else(|| Failure::client("the secret is not 64 hex digits"))?;
                if self.sessions.values().any(|it| it.is_live() && it.secret == secret) {
                    return Err(Failure::client("this program's session is here already"));
                }
                pid = Some(resume.pid);
                self.new_session(hello.run, Some(hello.streams), secret)
            }
        };
        let session = self.session(id)?;
        session.runner = Some(ask.from);
        let secret = hex(&session.secret);
        self.dirty.sessions.insert(id);
        if let Some(it) = self.connections.get_mut(&ask.from) {
            it.role = Role::Runner(Runner { session: id, next: None });
        }
        let welcome = RunnerWelcome { session: id, secret, url: self.config.url.clone(), pages: self.counted.pages };
        self.answer(ask.clone(), Ok(Reply::body(&welcome)));
        if let Some(pid) = pid {
            self.started(id, pid);
            self.running(id);
            self.recall_agents();
        }
        Ok(())
    }

    /// Whom a runner with this process id was started for.
    fn runner_awaited(&mut self, pid: u32) -> Option<RunnerFor> {
        let (&job, whom) = self.jobs.iter().find_map(|(job, it)| match it {
            Job::Awaited(awaited, whom) if *awaited == pid => Some((job, *whom)),
            _ => None,
        })?;
        self.jobs.remove(&job);
        Some(whom)
    }

    /// A runner tells something.
    pub(super) fn runner_said(&mut self, connection: ConnectionId, event: Event) {
        let Some(Role::Runner(runner)) = self.connections.get(&connection).map(|it| &it.role) else { return };
        let id = runner.session;
        match event.event.as_str() {
            "output" => self.printed(id, event),
            RUNNER_STARTED => {
                if let Ok(started) = event.body::<RunnerStarted>() {
                    self.started(id, started.pid);
                }
            }
            RUNNER_EXITED => {
                if let Ok(exited) = event.body::<RunnerExited>() {
                    self.exited(id, exited);
                    self.begin_next(connection);
                }
            }
            RUNNER_RESIZED => {
                if let Ok(size) = event.body::<TerminalSize>() {
                    self.resized(id, size);
                }
            }
            RUNNER_INPUT => {
                if let Ok(input) = event.body::<RunnerInput>()
                    && let Ok(session) = self.session(id)
                {
                    session.info.waiting_for_input = input.waiting;
                    self.dirty.sessions.insert(id);
                }
            }
            RUNNER_SUSPENDED => {
                if let Ok(suspended) = event.body::<RunnerSuspended>() {
                    self.suspended(id, Some(suspended.signal));
                }
            }
            RUNNER_RESUMED => self.suspended(id, None),
            _ => self.emit(id, event),
        }
    }

    fn suspended(&mut self, id: SessionId, signal: Option<String>) {
        if let Ok(session) = self.session(id) {
            session.info.suspended = signal;
            self.dirty.sessions.insert(id);
        }
    }

    /// What the runner says from here on is about the successor of the session that has ended.
    fn begin_next(&mut self, connection: ConnectionId) {
        if let Some(Role::Runner(runner)) = self.connections.get_mut(&connection).map(|it| &mut it.role)
            && let Some(next) = runner.next.take()
        {
            runner.session = next;
        }
    }

    fn resized(&mut self, id: SessionId, size: TerminalSize) {
        if let Ok(session) = self.session(id)
            && let Some(streams) = &mut session.info.streams
        {
            streams.terminal = Some(size);
            self.dirty.sessions.insert(id);
        }
    }
}
