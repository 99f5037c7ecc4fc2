//! `terminate`: asks the program to end by SIGTERM; asked again, by SIGKILL.

use ikpdb_proto::runner::{RUNNER_SIGNAL, RunnerSignal};
use ikpdb_proto::{Failure, Request};

use super::session_of;
use crate::connection::Ask;
use crate::forward::Purpose;
use crate::hub::{Hub, Reply};

pub(super) fn terminate(hub: &mut Hub, ask: &Ask) -> Result<Reply, Failure> {
    let id = session_of(ask)?;
    let session = hub.session(id)?;
    if !session.is_live() || session.ending.exited.is_some() {
        return Ok(Reply::Done);
    }
    let runner = session.runner.ok_or_else(|| Failure::user("its runner is gone: end the program from a shell"))?;
    // A program may take its time to end cleanly, so nothing but a second request makes it harder.
    let again = std::mem::replace(&mut session.ending.asked, true);
    let signal = if again { "SIGKILL" } else { "SIGTERM" };
    let request = Request::new(RUNNER_SIGNAL, &RunnerSignal { signal: signal.to_owned() });
    hub.ask(runner, id, request, Purpose::Signal(Some(ask.clone())));
    Ok(Reply::Later)
}
