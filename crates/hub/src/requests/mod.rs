//! The requests that the hub carries out or changes; one file for each or for each family. Everything else is passed on
//! to the session's agent, unknown requests included.

mod attach;
mod breakpoints;
mod configuration_done;
mod disconnect;
mod exception_filters;
mod files;
mod initialize;
mod launch;
mod open_page;
mod restart;
mod set_breakpoints;
mod set_exception_breakpoints;
mod setting;
mod snapshot;
mod terminal;
mod terminate;
mod watches;

use ikpdb_proto::Failure;
use ikpdb_proto::client;

use crate::connection::{Ask, Role};
use crate::hub::{Hub, Reply};

/// Carries out a request, or says why not, or keeps it and answers later.
type Handler = fn(&mut Hub, &Ask) -> Result<Reply, Failure>;

/// Who may ask.
#[derive(Clone, Copy)]
struct May {
    page: bool,
    editor: bool,
    control: bool,
}

const ALL: May = May { page: true, editor: true, control: true };
const IN_A_SESSION: May = May { page: true, editor: true, control: false };
const EDITOR: May = May { page: false, editor: true, control: false };
const CONTROL: May = May { page: false, editor: false, control: true };

/// Every request that is not simply passed on.
const TABLE: &[(&str, May, Handler)] = &[
    ("attach", IN_A_SESSION, attach::attach),
    ("cancel", IN_A_SESSION, Hub::cancel),
    ("configurationDone", IN_A_SESSION, configuration_done::configuration_done),
    ("disconnect", IN_A_SESSION, disconnect::disconnect),
    ("initialize", IN_A_SESSION, initialize::initialize),
    ("launch", EDITOR, launch::launch),
    ("restart", IN_A_SESSION, restart::restart),
    ("setBreakpoints", EDITOR, set_breakpoints::set_breakpoints),
    ("setFunctionBreakpoints", EDITOR, set_breakpoints::set_function_breakpoints),
    ("setExceptionBreakpoints", IN_A_SESSION, set_exception_breakpoints::set_exception_breakpoints),
    ("terminate", IN_A_SESSION, terminate::terminate),
    (client::BREAKPOINTS_SET, ALL, breakpoints::set),
    (client::BREAKPOINTS_CHANGE, ALL, breakpoints::change),
    (client::BREAKPOINTS_REMOVE, ALL, breakpoints::remove),
    (client::BREAKPOINTS_ACTIVATE, ALL, breakpoints::activate),
    (client::EXCEPTION_FILTERS, ALL, exception_filters::exception_filters),
    (client::FILES_FIND, ALL, files::find),
    (client::FILES_LIST, ALL, files::list),
    (client::FILES_READ, ALL, files::read),
    (client::OPEN_PAGE, CONTROL, open_page::open_page),
    (client::SETTING, ALL, setting::setting),
    (client::SNAPSHOT, ALL, snapshot::snapshot),
    (client::TERMINAL_INPUT, IN_A_SESSION, terminal::input),
    (client::TERMINAL_RESIZE, IN_A_SESSION, terminal::resize),
    (client::WATCHES, ALL, watches::watches),
];

impl Hub {
    /// A client asks.
    pub(crate) fn requested(&mut self, ask: Ask) {
        let result = self.carry_out(&ask);
        self.answer(ask, result);
    }

    fn carry_out(&mut self, ask: &Ask) -> Result<Reply, Failure> {
        let command = ask.request.command.as_str();
        let Some((_, may, handler)) = TABLE.iter().find(|(name, ..)| *name == command) else {
            return self.forward(ask);
        };
        let allowed = match self.connections.get(&ask.from).map(|it| &it.role) {
            Some(Role::Page) => may.page,
            Some(Role::Editor(_)) => may.editor,
            Some(Role::Control) => may.control,
            _ => false,
        };
        if allowed { handler(self, ask) } else { Err(Failure::unsupported(command)) }
    }
}

/// The session that a request speaks to.
fn session_of(ask: &Ask) -> Result<ikpdb_proto::SessionId, Failure> {
    let none = || Failure::client(format!("'{}' needs a session", ask.request.command));
    ask.session.ok_or_else(none)
}
