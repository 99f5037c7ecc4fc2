//! The first message at the unix socket: it says what the peer is.

use ikpdb_proto::runner::RUNNER_HELLO;
use ikpdb_proto::{Failure, MAX_FIRST_MESSAGE, Message};

use super::is_agent_hello;
use crate::connection::{Ask, Role};
use crate::hub::Hub;
use crate::port::ConnectionId;

impl Hub {
    pub(super) fn stranger_said(&mut self, connection: ConnectionId, message: Message) {
        match message {
            message if is_agent_hello(&message) => {
                let Message::Event(event) = message else { return };
                match event.body {
                    Some(body) if body.get().len() > MAX_FIRST_MESSAGE => {
                        self.drop_connection(connection, "its first message is too long");
                    }
                    body => self.agent_hello(connection, &ikpdb_proto::Event { body, ..event }),
                }
            }
            Message::Request(request) => {
                let runner = request.command == RUNNER_HELLO;
                let ask = Ask { from: connection, session: None, request };
                if runner {
                    let refused = match self.runner_hello(&ask) {
                        Ok(()) => return,
                        Err(failure) => failure,
                    };
                    self.answer(ask, Err(refused));
                    return self.drop_connection(connection, "a runner was refused");
                }
                if let Some(it) = self.connections.get_mut(&connection) {
                    it.role = Role::Control;
                }
                self.requested(ask);
            }
            Message::Event(_) | Message::Response(_) => {
                let failure = Failure::client("its first message is neither a hello nor a request");
                self.drop_connection(connection, failure.message);
            }
        }
    }
}
