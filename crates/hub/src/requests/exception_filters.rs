//! `ikpdb/exceptionFilters`: the filters that all pages share. A session gets these and its editors'.

use ikpdb_proto::client::{self, ExceptionFilters};
use ikpdb_proto::dap::{Breakpoint, SetExceptionBreakpointsArguments, SetExceptionBreakpointsBody};
use ikpdb_proto::{Event, Failure, Request, Response, SessionId};

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
    pub(super) fn send_filters(&mut self, id: SessionId, filters: SetExceptionBreakpointsArguments, ask: Option<Ask>) {
        let Ok(session) = self.session(id) else { return };
        let Ok(agent) = session.agent() else { return };
        let request = Request::new("setExceptionBreakpoints", &filters);
        let sent = ask.as_ref().map(|_| filters.clone());
        session.filters = Some(filters);
        self.ask(agent, id, request, Purpose::Filters(ask.zip(sent)));
    }

    /// An agent has taken filters: an editor is told what became of its own, in its order.
    pub(crate) fn filters_answered(&mut self, ask: Ask, sent: &SetExceptionBreakpointsArguments, response: Response) {
        let Ok(SetExceptionBreakpointsBody { breakpoints: Some(made) }) = response.body() else {
            return self.relay(ask, response);
        };
        let Ok(own) = ask.request.arguments::<SetExceptionBreakpointsArguments>() else {
            return self.relay(ask, response);
        };
        fn options<T>(it: &Option<Vec<T>>) -> &[T] {
            it.as_deref().unwrap_or_default()
        }
        let (filters, with) = (&sent.filters, options(&sent.filter_options));
        let by_type = options(&sent.exception_options);
        let plain = own.filters.iter().map(|it| filters.iter().position(|sent| sent == it));
        let conditional = options(&own.filter_options)
            .iter()
            .map(|it| Some(filters.len() + with.iter().position(|sent| sent == it)?));
        let before = filters.len() + with.len();
        let typed =
            options(&own.exception_options).iter().map(|it| Some(before + by_type.iter().position(|sent| sent == it)?));
        let places = plain.chain(conditional).chain(typed);
        let breakpoints: Vec<Breakpoint> =
            places.map(|at| at.and_then(|at| made.get(at).cloned()).unwrap_or_default()).collect();
        self.answer(ask, Ok(Reply::body(&SetExceptionBreakpointsBody { breakpoints: Some(breakpoints) })));
    }

    /// What a session's backend is to be told: what pages chose and what its editors want, as far as it offers it.
    pub(super) fn filters(&self, id: SessionId) -> SetExceptionBreakpointsArguments {
        let mut union = SetExceptionBreakpointsArguments::default();
        let Some(session) = self.sessions.get(&id).filter(|session| !session.no_debug) else { return union };
        let editors: Vec<&SetExceptionBreakpointsArguments> = self
            .connections
            .values()
            .filter_map(|it| match &it.role {
                Role::Editor(editor) if editor.session == Some(id) => Some(&editor.filters),
                _ => None,
            })
            .collect();
        // A program that an editor launched stops where its editor says, not where pages once chose.
        let shared = if session.launched_by.is_some() { Vec::new() } else { self.shared_filters().active };
        union.filters = editors.iter().flat_map(|it| it.filters.iter()).cloned().chain(shared).collect();
        union.filters.sort_unstable();
        union.filters.dedup();
        let options = distinct(editors.iter().flat_map(|it| it.filter_options.iter().flatten()));
        let by_type = distinct(editors.iter().flat_map(|it| it.exception_options.iter().flatten()));
        let claims = |claim: Option<bool>| claim == Some(true);
        let capabilities = session.info.capabilities.as_ref();
        if let Some(offered) = capabilities.and_then(|it| it.exception_breakpoint_filters.as_deref()) {
            union.filters.retain(|filter| offered.iter().any(|it| it.filter == *filter));
        }
        if capabilities.is_some_and(|it| claims(it.supports_exception_filter_options)) && !options.is_empty() {
            union.filter_options = Some(options);
        }
        if capabilities.is_some_and(|it| claims(it.supports_exception_options)) && !by_type.is_empty() {
            union.exception_options = Some(by_type);
        }
        union
    }
}

/// Each of these once, in the order in which they come first.
fn distinct<'a, T: Clone + PartialEq + 'a>(all: impl Iterator<Item = &'a T>) -> Vec<T> {
    let mut found = Vec::new();
    for it in all {
        if !found.contains(it) {
            found.push(it.clone());
        }
    }
    found
}
