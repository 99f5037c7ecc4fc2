//! `ikpdb/exceptionFilters`: the filters that all pages share. A session gets these and its editors'.

use ikpdb_proto::client::{self, ExceptionFilters};
use ikpdb_proto::dap::SetExceptionBreakpointsArguments;
use ikpdb_proto::{Event, Failure, Request, SessionId};

use crate::connection::{Ask, Role};
use crate::forward::Purpose;
use crate::hub::{Hub, Reply};

/// How many filters there may be.
const MANY: usize = 100;

pub(super) fn exception_filters(hub: &mut Hub, ask: &Ask) -> Result<Reply, Failure> {
    let filters: ExceptionFilters = ask.request.arguments()?;
    hub.choose_filters(filters)?;
    Ok(Reply::body(&hub.shared_filters()))
}

impl Hub {
    /// Pages choose filters.
    pub(super) fn choose_filters(&mut self, filters: ExceptionFilters) -> Result<(), Failure> {
        if filters.active.len() > MANY {
            return Err(Failure::client("too many filters"));
        }
        self.emit_to_pages(None, Event::new(client::EXCEPTION_FILTERS, &filters));
        self.saved.workspace.exception_filters = Some(filters);
        self.dirty.saved = true;
        self.dirty.filters = true;
        Ok(())
    }

    /// Tells every session whose filters changed.
    pub(crate) fn settle_filters(&mut self) {
        if !std::mem::take(&mut self.dirty.filters) {
            return;
        }
        let live: Vec<_> = self.sessions.iter().filter(|(_, it)| it.agent().is_ok()).map(|(&id, _)| id).collect();
        for id in live {
            let wanted = self.filters(id);
            if self.sessions.get(&id).is_some_and(|session| session.filters.as_ref() != Some(&wanted)) {
                self.send_filters(id, wanted, None);
            }
        }
    }

    /// Tells one session its filters.
    pub(super) fn send_filters(&mut self, id: SessionId, filters: Vec<String>, ask: Option<Ask>) {
        let Ok(session) = self.session(id) else { return };
        let Ok(agent) = session.agent() else { return };
        session.filters = Some(filters.clone());
        let request = Request::new("setExceptionBreakpoints", &SetExceptionBreakpointsArguments { filters });
        self.ask(agent, id, request, Purpose::Filters(ask));
    }

    /// What a session's backend is to be told: what pages chose and what its editors want, as far as it offers it.
    pub(super) fn filters(&self, id: SessionId) -> Vec<String> {
        let Some(session) = self.sessions.get(&id).filter(|session| !session.no_debug) else { return Vec::new() };
        let editors = self.connections.values().filter_map(|it| match &it.role {
            Role::Editor(editor) if editor.session == Some(id) => Some(editor.filters.iter()),
            _ => None,
        });
        // A program that an editor launched stops where its editor says, not where pages once chose.
        let shared = if session.launched_by.is_some() { Vec::new() } else { self.shared_filters().active };
        let mut filters: Vec<String> = editors.flatten().cloned().chain(shared).collect();
        filters.sort_unstable();
        filters.dedup();
        let offered = session.info.capabilities.as_ref().and_then(|it| it.exception_breakpoint_filters.as_deref());
        if let Some(offered) = offered {
            filters.retain(|filter| offered.iter().any(|it| it.filter == *filter));
        }
        filters
    }
}
