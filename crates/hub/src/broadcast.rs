//! Events to clients: numbered and kept in the journal for pages, plain for the editors of a session.

use ikpdb_proto::client::{self, BreakpointList, ExceptionFilters, Pages, SettingScope, Snapshot};
use ikpdb_proto::{Event, Message, SessionId};

use crate::connection::{Editor, Role};
use crate::envelope::wrap;
use crate::hub::Hub;
use crate::output::ours;
use crate::port::{ConnectionId, Output};

/// How many notices about the hub itself are kept for pages that come in later; the oldest goes first.
const NOTICES: usize = 20;

impl Hub {
    /// Tells all pages.
    pub(crate) fn emit_to_pages(&mut self, session: Option<SessionId>, event: Event) {
        self.counted.page_seq += 1;
        let message = Message::Event(event).with_seq(self.counted.page_seq);
        let bytes = self.journal.push(|n| wrap(session, Some(n), &message));
        for (&to, connection) in &self.connections {
            if matches!(connection.role, Role::Page) {
                self.out.push(Output::Send { to, bytes: bytes.clone() });
            }
        }
    }

    /// Tells everybody who looks at a session.
    pub(crate) fn emit(&mut self, session: SessionId, event: Event) {
        self.emit_but(session, event, None);
    }

    /// The same, but for one editor.
    pub(crate) fn emit_but(&mut self, session: SessionId, event: Event, except: Option<ConnectionId>) {
        for editor in self.editors(session) {
            if Some(editor) != except && self.wants(editor, &event) {
                self.send(editor, None, event.clone().into());
            }
        }
        self.emit_to_pages(Some(session), event);
    }

    /// The same, but one client gets a form of its own, under the same number.
    pub(crate) fn emit_personal(&mut self, session: SessionId, event: Event, own: Event, client: ConnectionId) {
        for editor in self.editors(session) {
            let event = if editor == client { &own } else { &event };
            if self.wants(editor, event) {
                self.send(editor, None, event.clone().into());
            }
        }
        let before = self.out.len();
        self.emit_to_pages(Some(session), event);
        let message = Message::Event(own).with_seq(self.counted.page_seq);
        let personal = wrap(Some(session), Some(self.journal.last()), &message);
        for output in &mut self.out[before..] {
            if let Output::Send { to, bytes } = output
                && *to == client
            {
                *bytes = personal.clone();
            }
        }
    }

    /// Whether an editor is told this: progress is for those who said that they show it.
    fn wants(&mut self, editor: ConnectionId, event: &Event) -> bool {
        let shows = |editor: &mut Editor| editor.about.supports_progress_reporting == Some(true);
        !event.event.starts_with("progress") || self.editor(editor).is_some_and(shows)
    }

    /// The editors that are in a session.
    pub(crate) fn editors(&self, session: SessionId) -> Vec<ConnectionId> {
        let in_it = |role: &Role| matches!(role, Role::Editor(editor) if editor.session == Some(session));
        self.connections.iter().filter(|(_, it)| in_it(&it.role)).map(|(&id, _)| id).collect()
    }

    /// How many clients look at a session.
    pub(crate) fn clients(&self, session: SessionId) -> usize {
        let pages = self.connections.values().filter(|it| matches!(it.role, Role::Page)).count();
        pages + self.editors(session).len()
    }

    /// Tells something about the hub itself, where the user reads; who comes in later is told, too.
    pub(crate) fn tell(&mut self, message: &str) {
        let event = ours(message);
        // A disk that stays full says the same at every change.
        self.notices.retain(|it| *it != event);
        self.notices.push(event.clone());
        let many = self.notices.len().saturating_sub(NOTICES);
        self.notices.drain(..many);
        self.emit_to_pages(None, Event::new("output", &event));
    }

    /// The shared list as clients see it.
    pub(crate) fn breakpoint_list(&self) -> BreakpointList {
        let live: Vec<_> = self
            .sessions
            .iter()
            .filter(|(_, session)| session.is_live())
            .map(|(&id, session)| (id, session.placing.placements()))
            .collect();
        let mut wishes: Vec<_> = self.wishes.all().cloned().collect();
        for wish in &mut wishes {
            let placed = live.iter().filter_map(|(id, made)| Some((*id, made.get(&wish.id)?.clone())));
            wish.placed = placed.collect();
        }
        BreakpointList { active: self.wishes.active, wishes }
    }

    /// The filters that pages chose, or those that the backend would choose.
    pub(crate) fn shared_filters(&self) -> ExceptionFilters {
        let chosen = self.saved.workspace.exception_filters.clone();
        chosen.unwrap_or_else(|| {
            let offered = self.config.promised.exception_breakpoint_filters.iter().flatten();
            let defaults = offered.filter(|it| it.default == Some(true)).map(|it| it.filter.clone());
            ExceptionFilters { active: defaults.collect() }
        })
    }

    /// All state that pages share.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let mut sessions: Vec<_> = self.sessions.values().map(|session| session.info.clone()).collect();
        sessions.sort_by_key(|info| info.id);
        Snapshot {
            n: self.journal.last(),
            workspace: self.config.workspace.clone(),
            sessions,
            output: self.sessions.iter().map(|(&id, session)| (id, session.output.all())).collect(),
            breakpoints: self.breakpoint_list(),
            exception_filters: self.shared_filters(),
            watches: self.saved.workspace.watches.clone(),
            settings: self.saved.settings(),
            pages: self.counted.pages,
        }
    }

    /// Tells how many pages are open, if that changed.
    pub(crate) fn settle_pages(&mut self) {
        let count = self.connections.values().filter(|it| matches!(it.role, Role::Page)).count();
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        if count != self.counted.pages {
            self.counted.pages = count;
            self.emit_to_pages(None, Event::new(client::PAGES, &Pages { count }));
        }
    }

    /// Tells what changed about sessions.
    pub(crate) fn settle_sessions(&mut self) {
        for id in std::mem::take(&mut self.dirty.sessions) {
            if let Some(session) = self.sessions.get(&id) {
                let event = Event::new(client::SESSION, &session.info);
                self.emit_to_pages(Some(id), event);
            }
        }
    }

    /// Whether a setting's name may be used.
    pub(crate) fn setting_fits(&self, scope: SettingScope, key: &str, size: usize) -> bool {
        const SETTINGS: usize = 500;
        const SIZE: usize = 256 << 10;
        let list = match scope {
            SettingScope::User => &self.saved.user,
            SettingScope::Workspace => &self.saved.workspace.settings,
        };
        size <= SIZE && key.len() <= 200 && (list.len() < SETTINGS || list.iter().any(|it| it.key == key))
    }
}
