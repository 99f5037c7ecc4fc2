//! Who connects, how each kind of peer is met, and what happens when one goes.

mod agent;
mod editor;
mod page;
mod runner;
mod stranger;

use ikpdb_proto::agent::AGENT_HELLO;
use ikpdb_proto::{Failure, MAX_FIRST_MESSAGE, Message, PROTOCOL};

use crate::connection::{Ask, Role};
use crate::envelope::Incoming;
use crate::hub::Hub;
use crate::port::ConnectionId;

/// How long a peer at the unix socket may take to say who it is, in milliseconds.
pub(crate) const UNIX_MS: u64 = 2_000;
/// How long a page may take to prove itself, in milliseconds.
pub(crate) const WEB_MS: u64 = 10_000;
/// How long an agent waits for its runner to come back, in milliseconds.
pub(crate) const EARLY_AGENT_MS: u64 = 10_000;

/// What kind of peer a message comes from; the borrow of the connection ends with it.
enum From {
    Stranger,
    Control,
    Visitor,
    Page,
    Editor,
    Agent,
    Runner,
}

impl Hub {
    /// A whole message came.
    pub(crate) fn received(&mut self, connection: ConnectionId, bytes: &[u8]) {
        let from = match self.connections.get(&connection).map(|it| &it.role) {
            None => return,
            Some(Role::Stranger) => From::Stranger,
            Some(Role::Control) => From::Control,
            Some(Role::Visitor(_)) => From::Visitor,
            Some(Role::Page) => From::Page,
            Some(Role::Editor(_)) => From::Editor,
            Some(Role::Agent(_) | Role::EarlyAgent(_)) => From::Agent,
            Some(Role::Runner(_)) => From::Runner,
        };
        if matches!(from, From::Stranger | From::Visitor) && bytes.len() > MAX_FIRST_MESSAGE {
            // A runner's first message carries an environment, which may be larger.
            let environment = matches!(from, From::Stranger);
            if !environment || bytes.len() > MAX_FIRST_MESSAGE * 64 {
                return self.drop_connection(connection, "its first message is too long");
            }
        }
        if matches!(from, From::Visitor | From::Page) {
            return match (Incoming::parse(bytes), from) {
                (Err(error), _) => self.drop_connection(connection, not_a_message(&error)),
                (Ok(incoming), From::Visitor) => self.visitor_said(connection, incoming),
                (Ok(incoming), _) => self.page_said(connection, incoming),
            };
        }
        let message = match Message::parse(bytes) {
            Ok(message) => message,
            // Its frame was good, so what comes next can be read.
            Err(error) if matches!(from, From::Editor) => {
                self.send(connection, None, Message::about_unreadable(bytes, &error));
                return;
            }
            Err(error) => return self.drop_connection(connection, not_a_message(&error)),
        };
        match (from, message) {
            (From::Stranger, message) => self.stranger_said(connection, message),
            (From::Control, Message::Request(request)) => {
                let ask = Ask { from: connection, session: None, request };
                self.requested(ask);
            }
            (From::Editor, Message::Request(request)) => self.editor_asked(connection, request),
            (From::Agent | From::Runner, Message::Response(response)) => self.answered(connection, response),
            (From::Agent | From::Runner, Message::Request(request)) => self.refuse_reverse(connection, &request),
            (From::Agent, Message::Event(event)) => self.agent_said(connection, event),
            (From::Runner, Message::Event(event)) => self.runner_said(connection, event),
            // Nobody was asked anything, and an editor has no events: nothing to do.
            (From::Control | From::Editor | From::Visitor | From::Page, _) => {}
        }
    }

    /// A connection is gone.
    pub(crate) fn closed(&mut self, connection: ConnectionId) {
        let Some(gone) = self.connections.remove(&connection) else { return };
        match gone.role {
            Role::Agent(session) => self.agent_gone(session, connection),
            Role::Runner(runner) => self.runner_gone(runner.session, runner.next, connection),
            Role::Editor(editor) => self.editor_gone(connection, *editor),
            Role::Stranger | Role::Control | Role::Visitor(_) | Role::Page | Role::EarlyAgent(_) => {}
        }
    }

    /// A peer should have said who it is.
    pub(crate) fn introduction_due(&mut self, connection: ConnectionId) {
        match self.connections.get(&connection).map(|it| &it.role) {
            Some(Role::Stranger) => self.drop_connection(connection, "it did not say who it is in time"),
            Some(Role::Visitor(_)) => self.drop_connection(connection, "it did not prove itself in time"),
            Some(Role::EarlyAgent(_)) => self.refuse_agent(connection, "its runner has not come back to this hub"),
            _ => {}
        }
    }

    /// Whether we speak a peer's version.
    pub(crate) fn check_protocol(&self, protocol: u32, peer: &str, build: &str) -> Result<(), Failure> {
        if protocol == PROTOCOL || (protocol > 0 && protocol + 1 == PROTOCOL) {
            return Ok(());
        }
        let ours = &self.config.build;
        Err(Failure::user(format!(
            "{peer} is of build {build} (protocol {protocol}), the running hub of build {ours} (protocol {PROTOCOL}): \
             end what runs in this workspace and start again"
        )))
    }
}

/// Where a message is no message. Reasons are logged, so this quotes nothing of it.
fn not_a_message(error: &serde_json::Error) -> String {
    format!("not a message: wrong at line {}, column {}", error.line(), error.column())
}

/// Whether a first message at the unix socket is an agent's.
fn is_agent_hello(message: &Message) -> bool {
    matches!(message, Message::Event(event) if event.event == AGENT_HELLO)
}
