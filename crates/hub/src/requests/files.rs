//! `ikpdb/files/…`: the workspace's files; looking at them is the shell's work.

use ikpdb_proto::Failure;
use serde_json::value::RawValue;

use crate::connection::Ask;
use crate::hub::{Hub, Job, Reply};
use crate::port::{FileWork, JobId, Output};

/// How many of one client's requests may be under way.
const MANY: usize = 32;

pub(super) fn list(hub: &mut Hub, ask: &Ask) -> Result<Reply, Failure> {
    let work = FileWork::List(ask.request.arguments()?);
    start(hub, ask, work)
}

pub(super) fn read(hub: &mut Hub, ask: &Ask) -> Result<Reply, Failure> {
    let work = FileWork::Read(ask.request.arguments()?);
    start(hub, ask, work)
}

pub(super) fn find(hub: &mut Hub, ask: &Ask) -> Result<Reply, Failure> {
    let work = FileWork::Find(ask.request.arguments()?);
    start(hub, ask, work)
}

fn start(hub: &mut Hub, ask: &Ask, work: FileWork) -> Result<Reply, Failure> {
    let own = |job: &&Job| matches!(job, Job::Files(other) if other.from == ask.from);
    if hub.jobs.values().filter(own).count() >= MANY {
        return Err(Failure::client("too many requests for files at once"));
    }
    let job = hub.next_job();
    hub.jobs.insert(job, Job::Files(ask.clone()));
    hub.out.push(Output::Files { job, work });
    Ok(Reply::Later)
}

impl Hub {
    /// The work is done.
    pub(crate) fn files_done(&mut self, job: JobId, result: Result<Box<RawValue>, Failure>) {
        if let Some(Job::Files(ask)) = self.jobs.remove(&job) {
            self.answer(ask, result.map(Reply::Body));
        }
    }
}
