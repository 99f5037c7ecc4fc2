//! `configurationDone`: the program's first line may run.

use ikpdb_proto::client::SessionState;
use ikpdb_proto::{Failure, Request, Response, SessionId};

use super::{attach, session_of};
use crate::connection::Ask;
use crate::forward::Purpose;
use crate::hub::{Hub, Reply};
use crate::session::{AgentLink, Phase};

pub(super) fn configuration_done(hub: &mut Hub, ask: &Ask) -> Result<Reply, Failure> {
    let id = session_of(ask)?;
    let Some(editor) = hub.editor(ask.from) else { return Ok(Reply::Done) };
    if std::mem::replace(&mut editor.configured, true) {
        // Said again: it has been told everything already.
        return Ok(Reply::Done);
    }
    let session = hub.session(id)?;
    let gate = session.launched_by == Some(ask.from);
    if gate && matches!(session.agent, AgentLink::Joined(_, Phase::Configuring)) {
        hub.configuration_done(id, Some(ask.clone()));
        return Ok(Reply::Later);
    }
    if gate && session.agent == AgentLink::Awaited {
        // Before it was invited: the agent will not be held back.
        return Ok(Reply::Done);
    }
    hub.answer(ask.clone(), Ok(Reply::Done));
    hub.editor_started(ask.from, Ok(Reply::Done));
    attach::joined(hub, ask, id)?;
    Ok(Reply::Later)
}

impl Hub {
    /// Lets the program begin.
    pub(crate) fn configuration_done(&mut self, id: SessionId, ask: Option<Ask>) {
        let Ok(session) = self.session(id) else { return };
        let AgentLink::Joined(agent, _) = session.agent else { return };
        self.settle_breakpoints();
        self.settle_filters();
        let request = Request::new("configurationDone", &serde_json::json!({}));
        self.ask(agent, id, request, Purpose::ConfigurationDone(ask));
    }

    /// The agent has let it begin.
    pub(crate) fn configured(&mut self, id: SessionId, ask: Option<Ask>, response: Response) {
        if let Ok(session) = self.session(id) {
            if let AgentLink::Joined(agent, _) = session.agent {
                session.agent = AgentLink::Joined(agent, Phase::Ready);
            }
            if session.info.state == SessionState::Starting {
                self.running(id);
            }
        }
        if let Some(ask) = ask {
            let editor = ask.from;
            self.relay(ask, response);
            self.editor_started(editor, Ok(Reply::Done));
        } else if let Ok(Some(editor)) = self.session(id).map(|session| session.launched_by) {
            self.editor_started(editor, Ok(Reply::Done));
        }
    }
}
