//! `disconnect`: one of several clients leaves; the last one ends a program that it launched, or lets go of it.

use ikpdb_proto::dap::DisconnectArguments;
use ikpdb_proto::{Failure, Request};

use crate::connection::Ask;
use crate::forward::Purpose;
use crate::hub::{Hub, Reply};
use crate::port::ConnectionId;

pub(super) fn disconnect(hub: &mut Hub, ask: &Ask) -> Result<Reply, Failure> {
    let arguments: DisconnectArguments = ask.request.arguments()?;
    let session = ask.session.map(|id| (id, hub.clients(id)));
    if let Some(editor) = hub.editor(ask.from) {
        editor.leaving = Some(arguments.clone());
    } else if ask.session.is_none() {
        return Err(Failure::client("'disconnect' needs a session"));
    }
    let Some((id, clients)) = session else {
        return leave(hub, ask);
    };
    let session = hub.session(id)?;
    let launched = session.launched_by == Some(ask.from);
    if !session.is_live() {
        return leave(hub, ask);
    }
    match arguments.terminate_debuggee {
        Some(true) => {}
        None if launched && clients == 1 => {}
        _ if clients > 1 => return leave(hub, ask),
        _ => {
            // The last one lets go: the program runs on as if nobody had ever looked.
            let Ok(agent) = session.agent() else { return leave(hub, ask) };
            let detach = DisconnectArguments { terminate_debuggee: Some(false), ..Default::default() };
            hub.ask(agent, id, Request::new("disconnect", &detach), Purpose::Detach(ask.clone()));
            return Ok(Reply::Later);
        }
    }
    if session.runner.is_none() && session.ending.exited.is_none() {
        return Err(Failure::user("its runner is gone: end the program from a shell"));
    }
    // Answered when it is over, so that an editor which then ends us cuts off nothing.
    session.ending.asked = true;
    session.ending.waiting.push(ask.clone());
    hub.end_program(id);
    Ok(Reply::Later)
}

/// The program is not touched.
fn leave(hub: &mut Hub, ask: &Ask) -> Result<Reply, Failure> {
    hub.answer(ask.clone(), Ok(Reply::Done));
    hub.editor_started(ask.from, Err(Failure::client("cancelled by 'disconnect'")));
    hub.disconnected(ask.from);
    Ok(Reply::Later)
}

impl Hub {
    /// The `disconnect` of a client was answered: an editor's connection ends with it, a page stays.
    pub(crate) fn disconnected(&mut self, client: ConnectionId) {
        if self.editor(client).is_some() {
            self.drop_connection(client, "it disconnected");
        }
    }
}
