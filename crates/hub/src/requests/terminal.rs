//! `ikpdb/terminal/…`: the program's terminal belongs to its runner.

use ikpdb_proto::runner::{RUNNER_RESIZE, RUNNER_TYPE, RunnerType, StreamKind, TerminalSize};
use ikpdb_proto::{Failure, Request};

use super::session_of;
use crate::connection::Ask;
use crate::forward::Purpose;
use crate::hub::{Hub, Reply};

pub(super) fn input(hub: &mut Hub, ask: &Ask) -> Result<Reply, Failure> {
    let typed: RunnerType = ask.request.arguments()?;
    let streams = hub.session(session_of(ask)?)?.info.streams.as_ref();
    if streams.is_some_and(|streams| streams.stdin != StreamKind::Terminal) {
        return Err(Failure::user("the program's input does not come from a terminal: nothing can be typed here"));
    }
    pass(hub, ask, Request::new(RUNNER_TYPE, &typed))
}

pub(super) fn resize(hub: &mut Hub, ask: &Ask) -> Result<Reply, Failure> {
    let size: TerminalSize = ask.request.arguments()?;
    pass(hub, ask, Request::new(RUNNER_RESIZE, &size))
}

fn pass(hub: &mut Hub, ask: &Ask, request: Request) -> Result<Reply, Failure> {
    let id = session_of(ask)?;
    let session = hub.session(id)?;
    if !session.is_live() {
        return Err(Failure::user("the program has ended"));
    }
    let runner = session.runner.ok_or_else(|| Failure::user("the program's runner is gone"))?;
    hub.ask(runner, id, request, Purpose::Client(ask.clone()));
    Ok(Reply::Later)
}
