//! `restart`: the same command once more, as another session; in the same terminal if its runner still has one.

use ikpdb_proto::proof::hex;
use ikpdb_proto::runner::{RUNNER_RESTART, RunnerRestart};
use ikpdb_proto::{Failure, Request, Response, SessionId};
use serde_json::json;

use super::session_of;
use crate::connection::{Ask, Role};
use crate::forward::Purpose;
use crate::hub::{Hub, Job, Reply, RunnerFor};
use crate::port::{JobId, Output, Spawned};
use crate::timers::Timer;

/// How long a runner that was started may take to say hello, in milliseconds.
const RUNNER_DUE_MS: u64 = 10_000;

pub(super) fn restart(hub: &mut Hub, ask: &Ask) -> Result<Reply, Failure> {
    let id = session_of(ask)?;
    let session = hub.session(id)?;
    if !session.info.restartable {
        return Err(Failure::unsupported("restart"));
    }
    if let Some(next) = session.ending.replaced_by {
        // Somebody else was faster.
        return Ok(Reply::body(&json!({ "ikpdbSession": next })));
    }
    let run = session.run.clone();
    let streams = session.info.streams.clone();
    let running = session.is_live() && session.ending.exited.is_none();
    let (runner, alive) = (session.runner.filter(|_| running), session.is_live());
    if running && runner.is_none() {
        return Err(Failure::user("its runner is gone, and the program still runs: end it from a shell first"));
    }
    let secret = hub.secrets.draw();
    let next = hub.new_session(run, streams, secret);
    if let Ok(session) = hub.session(next) {
        session.info.replaces = Some(id);
        session.runner = runner;
    }
    if let Ok(session) = hub.session(id) {
        session.ending.replaced_by = Some(next);
    }
    match runner {
        Some(runner) => {
            if let Some(Role::Runner(runner)) = hub.connections.get_mut(&runner).map(|it| &mut it.role) {
                runner.next = Some(next);
            }
            let request = Request::new(RUNNER_RESTART, &RunnerRestart { session: next, secret: hex(&secret) });
            hub.ask(runner, next, request, Purpose::Restart);
        }
        None => hub.spawn_runner(next),
    }
    if !alive {
        hub.forget_ended();
    }
    Ok(Reply::body(&json!({ "ikpdbSession": next })))
}

impl Hub {
    /// Starts a runner of its own for a session that waits for one.
    pub(crate) fn spawn_runner(&mut self, id: SessionId) {
        let job = self.next_job();
        let Ok(session) = self.session(id) else { return };
        session.runner = None;
        let run = Box::new(session.run.clone());
        self.jobs.insert(job, Job::Spawn(id));
        self.timers.set(self.now + RUNNER_DUE_MS, Timer::RunnerDue(id));
        self.out.push(Output::Spawn { job, run });
    }

    /// The runner took the restart or refused it.
    pub(crate) fn restart_answered(&mut self, next: SessionId, response: &Response) {
        if !response.success {
            for connection in self.connections.values_mut() {
                if let Role::Runner(runner) = &mut connection.role
                    && runner.next == Some(next)
                {
                    runner.next = None;
                }
            }
            let why = response.message.as_deref().unwrap_or("no reason given");
            self.lost(next, &format!("the restart was refused: {why}"));
        }
    }

    /// The runner went before it had started the successor: another one takes its place.
    pub(crate) fn restart_lost(&mut self, next: SessionId) {
        let spawning = self.jobs.values().any(|job| match job {
            Job::Spawn(id) | Job::Awaited(_, RunnerFor::Session(id)) => *id == next,
            _ => false,
        });
        let waits = |session: &crate::session::Session| session.is_live() && session.info.pid.is_none();
        if !spawning && self.session(next).is_ok_and(|session| waits(session)) {
            self.spawn_runner(next);
        }
    }

    /// A runner or a program was started, or was not.
    pub(crate) fn spawned(&mut self, job: JobId, result: Result<Spawned, Failure>) {
        if let Ok(Spawned { workspace: Some(workspace), .. }) = &result {
            self.config.workspace = workspace.clone();
        }
        let result = result.map(|spawned| spawned.pid);
        let (whom, failed) = match (self.jobs.remove(&job), result) {
            (Some(Job::Spawn(id)), Ok(pid)) => (Some((pid, RunnerFor::Session(id))), None),
            (Some(Job::Launch(editor)), Ok(pid)) => (Some((pid, RunnerFor::Editor(editor))), None),
            (Some(job), Err(failure)) => (None, Some((job, failure))),
            _ => (None, None),
        };
        if let Some((pid, whom)) = whom {
            self.jobs.insert(job, Job::Awaited(pid, whom));
        }
        match failed {
            Some((Job::Spawn(id) | Job::Awaited(_, RunnerFor::Session(id)), failure)) => {
                self.lost(id, &failure.message)
            }
            Some((Job::Launch(editor) | Job::Awaited(_, RunnerFor::Editor(editor)), failure)) => {
                self.editor_started(editor, Err(failure));
            }
            _ => {}
        }
    }

    /// A runner that was started should be here.
    pub(crate) fn runner_due(&mut self, id: SessionId) {
        let job = self.jobs.iter().find_map(|(&job, it)| match it {
            Job::Awaited(_, RunnerFor::Session(it)) if *it == id => Some(job),
            _ => None,
        });
        if let Some(job) = job {
            self.jobs.remove(&job);
            self.lost(id, "the program could not be started again: its runner did not come");
        }
    }
}
