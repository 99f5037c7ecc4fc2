//! Editors: one session each, the order that DAP prescribes for its start, and how one leaves.

use ikpdb_proto::dap::LaunchArguments;
use ikpdb_proto::{Event, Failure, Request, SessionId};

use crate::connection::{Ask, Editor, Role};
use crate::hub::{Hub, Reply};
use crate::port::{ConnectionId, Mode};
use crate::session::{AgentLink, Phase};

impl Hub {
    /// An editor asks, in its own way of counting lines.
    pub(super) fn editor_asked(&mut self, connection: ConnectionId, request: Request) {
        let Some(editor) = self.editor(connection) else { return };
        let request = editor.counting.inward(request);
        let ask = Ask { from: connection, session: editor.session, request };
        self.requested(ask);
    }

    /// An editor.
    pub(crate) fn editor(&mut self, connection: ConnectionId) -> Option<&mut Editor> {
        match self.connections.get_mut(&connection).map(|it| &mut it.role) {
            Some(Role::Editor(editor)) => Some(editor),
            _ => None,
        }
    }

    /// The program that an editor launched has its session.
    pub(super) fn launched(&mut self, connection: ConnectionId, id: SessionId) {
        let mut no_debug = false;
        if let Some(editor) = self.editor(connection) {
            editor.session = Some(id);
            let arguments = editor.start.as_ref().and_then(|ask| ask.request.arguments::<LaunchArguments>().ok());
            no_debug = arguments.and_then(|it| it.no_debug).unwrap_or(false);
        }
        if let Ok(session) = self.session(id) {
            session.launched_by = Some(connection);
            session.no_debug = no_debug;
        }
    }

    /// Tells an editor that it may configure; false if it is gone or has done so.
    pub(super) fn invite(&mut self, connection: ConnectionId) -> bool {
        let Some(editor) = self.editor(connection) else { return false };
        if editor.configured {
            return false;
        }
        if !std::mem::replace(&mut editor.invited, true) {
            self.send(connection, None, Event { seq: 0, event: "initialized".to_owned(), body: None }.into());
        }
        true
    }

    /// Answers an editor's `launch` or `attach`, once.
    pub(crate) fn editor_started(&mut self, connection: ConnectionId, result: Result<Reply, Failure>) {
        if let Some(ask) = self.editor(connection).and_then(|editor| editor.start.take()) {
            self.answer(ask, result);
        }
    }

    /// An editor is gone, its breakpoints with it.
    pub(super) fn editor_gone(&mut self, connection: ConnectionId, editor: Editor) {
        self.wishes.leave(connection);
        self.dirty.filters = true;
        let Some(id) = editor.session else { return };
        let Ok(session) = self.session(id) else { return };
        let launched = session.launched_by == Some(connection);
        let configuring = matches!(session.agent, AgentLink::Joined(_, Phase::Configuring));
        let keep = editor.leaving.as_ref().and_then(|it| it.terminate_debuggee) == Some(false);
        if !session.is_live() || session.ending.detached {
            return;
        }
        if launched && !keep && (self.config.mode == Mode::Private || self.clients(id) == 0) {
            self.end_program(id);
        } else if launched && configuring {
            // Nobody else will let the program begin.
            self.configuration_done(id, None);
        }
    }
}
