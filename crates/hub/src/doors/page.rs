//! Pages: the handshake in which both sides prove that they know the secret, then requests.

use ikpdb_proto::client::{Challenge, GREET, Greet, HELLO, Hello, Welcome};
use ikpdb_proto::proof::{Role as Prover, check, hex, prove, seal};
use ikpdb_proto::{Event, Failure, Message, PROTOCOL};

use crate::connection::{Ask, Greeted, Role};
use crate::envelope::Incoming;
use crate::hub::{Hub, Reply};
use crate::port::{ConnectionId, Output};
use crate::secrets::BadTicket;

impl Hub {
    /// A page that is in speaks.
    pub(super) fn page_said(&mut self, connection: ConnectionId, incoming: Incoming) {
        // We ask pages nothing, and they have no events: only requests are for us.
        if let Message::Request(request) = incoming.message {
            let ask = Ask { from: connection, session: incoming.session, request };
            self.requested(ask);
        }
    }

    /// A page that is not in yet speaks.
    pub(super) fn visitor_said(&mut self, connection: ConnectionId, incoming: Incoming) {
        let Message::Request(request) = incoming.message else {
            return self.drop_connection(connection, "it spoke before it had proved itself");
        };
        let ask = Ask { from: connection, session: None, request };
        let result = match ask.request.command.as_str() {
            GREET => self.greet(&ask),
            HELLO => self.hello(&ask),
            _ => Err(Failure::client("prove first that you know the secret: ikpdb/greet, then ikpdb/hello")),
        };
        let refused = result.is_err();
        self.answer(ask, result);
        if refused {
            // The answer says why; reasons are logged, and this one might quote the message.
            self.drop_connection(connection, "the page did not prove itself");
        }
    }

    /// The hub proves itself first.
    fn greet(&mut self, ask: &Ask) -> Result<Reply, Failure> {
        let greet: Greet = ask.request.arguments()?;
        let protocol = greet.protocol.min(PROTOCOL);
        self.check_protocol(protocol, "the page", "another version")?;
        if !(32..=256).contains(&greet.nonce.len()) {
            return Err(Failure::client("the nonce must have at least 16 bytes in hex"));
        }
        let key = match &greet.ticket {
            None => self.config.secret,
            Some(id) => self.secrets.look(id, self.now).map_err(ticket_failure)?,
        };
        let nonce = hex(&self.secrets.draw());
        let proof = prove(&key, Prover::Hub, &greet.nonce, &nonce);
        let greeted = Greeted { theirs: greet.nonce, ours: nonce.clone(), ticket: greet.ticket, key };
        if let Some(it) = self.connections.get_mut(&ask.from) {
            it.role = Role::Visitor(Some(greeted));
        }
        Ok(Reply::body(&Challenge { protocol, build: self.config.build.clone(), nonce, proof }))
    }

    /// Then the page does, and is in.
    fn hello(&mut self, ask: &Ask) -> Result<Reply, Failure> {
        let hello: Hello = ask.request.arguments()?;
        // Taken out: each challenge is good for one attempt.
        let greeted = match self.connections.get_mut(&ask.from).map(|it| &mut it.role) {
            Some(Role::Visitor(greeted)) => greeted.take(),
            _ => None,
        };
        let greeted = greeted.ok_or_else(|| Failure::client("ikpdb/greet comes first"))?;
        if !check(&greeted.key, Prover::Client, &greeted.theirs, &greeted.ours, &hello.proof) {
            return Err(Failure::user("the secret is wrong: open the page anew with 'ikpdb open'"));
        }
        let mut sealed_secret = None;
        if let Some(ticket) = &greeted.ticket {
            self.secrets.spend(ticket, self.now).map_err(ticket_failure)?;
            let sealed = seal(&greeted.key, &greeted.theirs, &greeted.ours, &self.config.secret);
            sealed_secret = Some(hex(&sealed));
        }
        let missed: Option<Vec<_>> = match hello.n {
            Some(n) if hello.epoch.as_deref() == Some(&self.config.epoch) => {
                self.journal.since(n).map(|missed| missed.cloned().collect())
            }
            _ => None,
        };
        let snapshot = if missed.is_some() { None } else { Some(self.snapshot()) };
        // Who has the journal has heard them.
        let notices = if missed.is_some() { Vec::new() } else { self.notices.clone() };
        let welcome = Welcome { epoch: self.config.epoch.clone(), sealed_secret, snapshot };
        self.answer(ask.clone(), Ok(Reply::body(&welcome)));
        for bytes in missed.into_iter().flatten() {
            self.out.push(Output::Send { to: ask.from, bytes });
        }
        for notice in notices {
            self.send(ask.from, None, Event::new("output", &notice).into());
        }
        if let Some(it) = self.connections.get_mut(&ask.from) {
            it.role = Role::Page;
        }
        Ok(Reply::Later)
    }
}

fn ticket_failure(bad: BadTicket) -> Failure {
    let what = match bad {
        BadTicket::Used => "this link was used before: it opens one page, once",
        BadTicket::Expired => "this link has expired: it is good for a minute",
        BadTicket::Unknown => "this link is not of the hub that runs now",
    };
    Failure::user(format!("{what}. Type 'ikpdb open' for a new one"))
}
