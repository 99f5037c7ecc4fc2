//! `attach`: an editor joins a session that runs; a page is in all of them anyway.

use ikpdb_proto::client::SessionState;
use ikpdb_proto::{Event, Failure, SessionId};

use crate::connection::Ask;
use crate::hub::{Hub, Reply};

/// Which session.
#[derive(serde::Deserialize)]
struct Arguments {
    #[serde(rename = "ikpdbSession")]
    session: Option<SessionId>,
}

pub(super) fn attach(hub: &mut Hub, ask: &Ask) -> Result<Reply, Failure> {
    let arguments: Arguments = ask.request.arguments()?;
    if hub.editor(ask.from).is_none() {
        return Ok(Reply::Done);
    }
    let live: Vec<_> = hub.sessions.iter().filter(|(_, it)| it.is_live()).map(|(&id, _)| id).collect();
    let id = match (arguments.session, &live[..]) {
        (Some(id), live) if live.contains(&id) => id,
        (Some(id), _) => return Err(Failure::user(format!("no program runs as session {id}"))),
        (None, &[only]) => only,
        (None, &[]) => return Err(Failure::user("no program runs here: start one with 'ikpdb run'")),
        (None, several) => {
            let ids: Vec<_> = several.iter().map(ToString::to_string).collect();
            let ids = ids.join(", ");
            return Err(Failure::user(format!("several programs run: choose one by 'ikpdbSession' ({ids})")));
        }
    };
    let editor = hub.editor(ask.from).ok_or_else(|| Failure::unsupported("attach"))?;
    if editor.start.is_some() || editor.session.is_some() {
        return Err(Failure::client("there is a program already: one 'launch' or 'attach' a connection"));
    }
    editor.session = Some(id);
    editor.start = Some(ask.clone());
    editor.invited = true;
    hub.send(ask.from, None, Event { seq: 0, event: "initialized".to_owned(), body: None }.into());
    Ok(Reply::Later)
}

/// An editor that joined has configured everything: it is told what it missed.
pub(super) fn joined(hub: &mut Hub, ask: &Ask, id: SessionId) -> Result<(), Failure> {
    let info = &hub.session(id)?.info;
    if info.state == SessionState::Stopped {
        for stopped in info.also_stopped.clone().iter().chain(&info.stopped.clone()) {
            hub.send(ask.from, None, Event::new("stopped", stopped).into());
        }
    }
    Ok(())
}
