//! `setBreakpoints` and `setFunctionBreakpoints` of an editor: they replace the editor's own wishes for a source or for
//! functions, and nobody else's.

use ikpdb_proto::dap::{
    Breakpoint, BreakpointEvent, FunctionBreakpoint, SetBreakpointsArguments, SetBreakpointsBody,
    SetFunctionBreakpointsArguments, SourceBreakpoint,
};
use ikpdb_proto::{Event, Failure, Request, Response, SessionId, WishId};

use super::session_of;
use crate::connection::Ask;
use crate::forward::Purpose;
use crate::hub::{Hub, Reply};
use crate::placing::Arranged;
use crate::port::ConnectionId;
use crate::wishes::FUNCTIONS;

pub(super) fn set_breakpoints(hub: &mut Hub, ask: &Ask) -> Result<Reply, Failure> {
    let arguments: SetBreakpointsArguments = ask.request.arguments()?;
    let path = arguments.source.path.filter(|path| !path.is_empty());
    let path = path.ok_or_else(|| Failure::user("breakpoints need a source with a path"))?;
    let wanted = arguments.breakpoints.unwrap_or_default();
    let owner = owner(hub, ask);
    let ids = hub.wishes.replace(ask.from, &owner, &path, &wanted)?;
    Ok(told(hub, ask, &path, ids))
}

/// `setFunctionBreakpoints` of an editor: as for a source.
pub(super) fn set_function_breakpoints(hub: &mut Hub, ask: &Ask) -> Result<Reply, Failure> {
    let arguments: SetFunctionBreakpointsArguments = ask.request.arguments()?;
    let owner = owner(hub, ask);
    let ids = hub.wishes.replace_functions(ask.from, &owner, &arguments.breakpoints)?;
    Ok(told(hub, ask, FUNCTIONS, ids))
}

fn owner(hub: &mut Hub, ask: &Ask) -> String {
    hub.editor(ask.from).map(|editor| editor.name().to_owned()).unwrap_or_default()
}

/// Answers an editor: what its session made of them, later; or that there is no program yet.
fn told(hub: &mut Hub, ask: &Ask, path: &str, ids: Vec<WishId>) -> Reply {
    let id = session_of(ask);
    let ready = id.clone().is_ok_and(|id| hub.session(id).is_ok_and(|it| it.agent().is_ok() && !it.no_debug));
    match id {
        Ok(id) if ready => {
            hub.send_breakpoints(id, path, Some((ask.clone(), ids)));
            Reply::Later
        }
        _ => {
            let waits = |id: &WishId| Breakpoint {
                id: i32::try_from(id.0).ok(),
                verified: false,
                message: Some("the program has not been started yet".to_owned()),
                line: hub.wishes.get(*id).map(|(wish, _)| wish.line).filter(|line| *line > 0),
                reason: Some("pending".to_owned()),
                ..Default::default()
            };
            Reply::body(&SetBreakpointsBody { breakpoints: ids.iter().map(waits).collect() })
        }
    }
}

impl Hub {
    /// Tells a session's agent the breakpoints of one source.
    pub(crate) fn send_breakpoints(&mut self, id: SessionId, path: &str, editor: Option<(Ask, Vec<WishId>)>) {
        let arranged = self.arranged(id, path);
        let Ok(session) = self.session(id) else { return };
        let Ok(agent) = session.agent() else { return };
        let (generation, breakpoints) = session.placing.sent(path, arranged);
        let request = if path == FUNCTIONS {
            let function = |(name, it): (Option<String>, SourceBreakpoint)| FunctionBreakpoint {
                name: name.unwrap_or_default(),
                condition: it.condition,
                hit_condition: it.hit_condition,
                ikpdb_stop_policy: it.ikpdb_stop_policy,
            };
            let breakpoints = breakpoints.into_iter().map(function).collect();
            Request::new("setFunctionBreakpoints", &SetFunctionBreakpointsArguments { breakpoints })
        } else {
            let arguments = SetBreakpointsArguments {
                source: ikpdb_proto::dap::Source { path: Some(path.to_owned()), ..Default::default() },
                breakpoints: Some(breakpoints.into_iter().map(|it| it.1).collect()),
                source_modified: None,
            };
            Request::new("setBreakpoints", &arguments)
        };
        let purpose = Purpose::Breakpoints { path: path.to_owned(), generation, editor };
        self.ask(agent, id, request, purpose);
    }

    /// What a session is to have for one source.
    fn arranged(&self, id: SessionId, path: &str) -> Arranged {
        match self.sessions.get(&id) {
            Some(session) if !session.no_debug => Arranged::new(self.wishes.union(path), &session.capabilities),
            _ => Arranged::default(),
        }
    }

    /// Tells every session what changed for it, and all clients that something changed.
    pub(crate) fn settle_breakpoints(&mut self) {
        if !self.wishes.take_changed() {
            return;
        }
        let live: Vec<_> = self.sessions.iter().filter(|(_, it)| it.agent().is_ok()).map(|(&id, _)| id).collect();
        for id in live {
            let Some(session) = self.sessions.get_mut(&id) else { continue };
            let mut paths: Vec<String> = session.placing.paths().map(str::to_owned).collect();
            paths.extend(self.wishes.paths().into_iter().map(str::to_owned));
            paths.sort_unstable();
            paths.dedup();
            for path in paths {
                let arranged = self.arranged(id, &path);
                let Some(session) = self.sessions.get_mut(&id) else { continue };
                if session.placing.differs(&path, &arranged) {
                    self.send_breakpoints(id, &path, None);
                } else {
                    session.placing.rename(&path, arranged);
                }
            }
        }
        let list = self.breakpoint_list();
        self.emit_to_pages(None, Event::new(ikpdb_proto::client::BREAKPOINTS, &list));
    }

    /// An agent answered `setBreakpoints`.
    pub(crate) fn breakpoints_answered(
        &mut self,
        id: SessionId,
        path: &str,
        generation: u64,
        editor: Option<(Ask, Vec<WishId>)>,
        response: Response,
    ) {
        let made = response.body::<SetBreakpointsBody>().map(|body| body.breakpoints);
        let Ok(session) = self.session(id) else { return };
        let changed = session.placing.answered(path, generation, made.clone().unwrap_or_default());
        self.wishes.touch();
        let asker = editor.as_ref().map(|(ask, _)| ask.from);
        self.tell_editors(id, changed, asker);
        let Some((ask, ids)) = editor else { return };
        if let Err(failure) = made {
            return self.answer(ask, Err(failure));
        }
        let Ok(session) = self.session(id) else { return };
        let made = session.placing.made(path);
        let own = |wish: &WishId| {
            let gone = Breakpoint { message: Some("it was changed since".to_owned()), ..Default::default() };
            let made = made.get(wish).map_or(gone, |it| Breakpoint::clone(it));
            Breakpoint { id: i32::try_from(wish.0).ok(), ..made }
        };
        let body = SetBreakpointsBody { breakpoints: ids.iter().map(own).collect() };
        self.answer(ask, Ok(Reply::body(&body)));
    }

    /// Tells editors what became of their breakpoints, under the ids that they know; not the one that is answered anyway.
    pub(crate) fn tell_editors(&mut self, id: SessionId, changed: Vec<WishId>, but: Option<ConnectionId>) {
        for wish in changed {
            let Some((wanted, Some(editor))) = self.wishes.get(wish) else { continue };
            let path = wanted.path.clone();
            let Some(made) = self.sessions.get(&id).and_then(|it| it.placing.made(&path).get(&wish).copied().cloned())
            else {
                continue;
            };
            let in_it = self.editor(editor).is_some_and(|it| it.session == Some(id));
            if in_it && Some(editor) != but {
                let breakpoint = Breakpoint { id: i32::try_from(wish.0).ok(), ..made };
                let event = BreakpointEvent { reason: "changed".to_owned(), breakpoint };
                self.send(editor, None, Event::new("breakpoint", &event).into());
            }
        }
    }
}
