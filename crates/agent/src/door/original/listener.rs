//! The listener of the door: lets one client in at a time, reads what it says, and answers.
//!
//! A native thread without the GIL; it may wait a moment for a job that needs that. Nobody waits for it. It ends with the process.

use std::ffi::c_int;
use std::io::Read;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::FromRawFd;

use ikpdb_proto::ikpdb::{Decoder, Event, Incoming};
use serde_json::Value;

use super::{COMPATIBLE, Door, commands, ending, log, peer, threads};
use crate::door::line::Line;
use crate::engine::{evaluation, watchdog};
use crate::lifetime;

/// How long a connection is waited for to speak first, in milliseconds: who knows the protocol waits for the greeting.
const FIRST_WORD_MS: c_int = 20;

/// The listener before it runs.
pub(crate) struct Listener {
    pub(crate) door: &'static Door,
    line: Line<TcpListener>,
    /// Where SIGTERM is told.
    sigterm: c_int,
}

/// The client that is there.
struct Client {
    number: u32,
    line: Line<TcpStream>,
    decoder: Decoder,
    peer: SocketAddr,
    has_spoken: bool,
}

impl Listener {
    /// Takes over the descriptor that was inherited.
    pub(crate) fn new(door: &'static Door) -> Self {
        // SAFETY: it was opened for us alone, by who started the program, and is used by nobody else.
        let line = Line::new(unsafe { TcpListener::from_raw_fd(door.start.listener) });
        lifetime::owns(lifetime::Descriptor::Listener, line.descriptor());
        log::say!(General, Info, "IKPdb listening on {}", door.start.address);
        Self { door, line, sigterm: ending::watch_for_sigterm() }
    }

    /// The thread.
    pub(crate) fn listen_for_ever(self) {
        threads::this_serves();
        let mut client: Option<Client> = None;
        loop {
            let of_client = client.as_ref().map_or(-1, |it| it.line.descriptor());
            let mut waited = [self.line.descriptor(), of_client, self.sigterm].map(|fd| libc::pollfd {
                fd,
                events: libc::POLLIN,
                revents: 0,
            });
            // SAFETY: our own array.
            unsafe { libc::poll(waited.as_mut_ptr(), 3, -1) };
            if waited[2].revents & libc::POLLIN != 0 {
                self.door.tell_end(&ending::by_sigterm());
                ending::act_natively();
            }
            if !self.line.is_ours() {
                // The program has closed all descriptors. Who is there is served on.
                if client.is_none() {
                    return;
                }
                waited[0].revents = 0;
            }
            if waited[1].revents != 0 {
                client = client.and_then(|it| it.served(self.door));
            }
            if waited[0].revents != 0
                && let Ok((stream, peer)) = self.line.socket().and_then(TcpListener::accept)
            {
                // Who is there may have left right behind the last thing that it said.
                while client.as_ref().is_some_and(Client::is_heard) {
                    client = client.and_then(|it| it.served(self.door));
                }
                match &client {
                    Some(_) => self.refuse_second(stream, peer),
                    None => client = self.admit(stream, peer),
                }
            }
        }
    }

    fn is_welcome(&self, stream: &TcpStream, peer: SocketAddr) -> bool {
        if self.door.start.allow_any_user || !peer::is_local(peer) {
            return true;
        }
        let own = stream.local_addr();
        let is_ours = own.is_ok_and(|own| peer::is_ours(peer, own));
        if !is_ours {
            crate::log::line(&format!(
                "a connection from {peer} was refused: it is another user's; --ikpdb-allow-any-user lets it in"
            ));
        }
        is_ours
    }

    fn admit(&self, stream: TcpStream, peer: SocketAddr) -> Option<Client> {
        if !self.is_welcome(&stream, peer) {
            return None;
        }
        let _ = stream.set_nodelay(true);
        let writer = stream.try_clone().ok()?;
        let mut client =
            Client { number: 0, line: Line::new(stream), decoder: Decoder::new(), peer, has_spoken: false };
        // What speaks first is a browser, say: it is not even greeted.
        let mut waited = libc::pollfd { fd: client.line.descriptor(), events: libc::POLLIN, revents: 0 };
        // SAFETY: our own variable.
        let speaks = unsafe { libc::poll(&raw mut waited, 1, FIRST_WORD_MS) } > 0;
        if speaks && !client.read() {
            return None;
        }
        let first: Vec<Incoming> = client.decoder.by_ref().collect();
        if first.iter().any(|it| matches!(it, Incoming::Foreign(_))) {
            client.obey(self.door, first);
            return None;
        }
        let writer = Line::new(writer);
        lifetime::owns(lifetime::Descriptor::Reader, client.line.descriptor());
        lifetime::owns(lifetime::Descriptor::Writer, writer.descriptor());
        log::say!(General, Info, "Connected with {peer}");
        let greeting = self.door.start.welcome.then(greeting);
        client.number = self.door.sender.connect(writer, greeting.as_ref());
        client.obey(self.door, first);
        Some(client)
    }

    /// Says why, and closes.
    fn refuse_second(&self, mut stream: TcpStream, peer: SocketAddr) {
        use std::io::Write;
        if self.is_welcome(&stream, peer) {
            let mut event = Event::new("refused", Value::Null);
            event.messages.error.push("IKPdb error: another client is connected already.".to_owned());
            let _ = stream.set_nonblocking(true);
            let _ = stream.write_all(&ikpdb_proto::ikpdb::encode(&event.message()));
            let _ = stream.shutdown(Shutdown::Write);
            crate::log::line(&format!("a connection from {peer} was refused: another client is connected already"));
        }
    }
}

impl Client {
    /// Whether there is something to read, or the client has gone.
    fn is_heard(&self) -> bool {
        let mut waited = libc::pollfd { fd: self.line.descriptor(), events: libc::POLLIN, revents: 0 };
        // SAFETY: our own variable.
        unsafe { libc::poll(&raw mut waited, 1, 0) > 0 }
    }

    /// Reads what has come, and answers it; none if the client has gone or has to.
    fn served(mut self, door: &'static Door) -> Option<Self> {
        if self.serve(door) {
            return Some(self);
        }
        self.end(door);
        None
    }

    /// Reads what has come, and answers it. False if the client has gone or has to.
    fn serve(&mut self, door: &'static Door) -> bool {
        if !self.read() {
            return false;
        }
        let incoming = self.decoder.by_ref().collect();
        self.obey(door, incoming)
    }

    /// Reads what has come. False if the client has gone.
    fn read(&mut self) -> bool {
        let mut buffer = [0; 16 << 10];
        match self.line.socket().and_then(|mut it| it.read(&mut buffer)) {
            Ok(0) => false,
            Ok(count) => {
                self.decoder.push(&buffer[..count]);
                true
            }
            Err(error) => error.kind() == std::io::ErrorKind::Interrupted,
        }
    }

    /// Does what has come. False if that is not for us.
    fn obey(&mut self, door: &'static Door, incoming: Vec<Incoming>) -> bool {
        for incoming in incoming {
            match incoming {
                Incoming::Foreign(begin) => {
                    crate::log::line(&format!(
                        "the connection from {} was closed: it does not speak the protocol of IKPdb: {begin}",
                        self.peer
                    ));
                    return false;
                }
                Incoming::Unreadable(unreadable) => {
                    log::say!(Network, Error, "A message was passed over: {}", unreadable.reason);
                    if let Some(answer) = unreadable.answer() {
                        door.sender.send(self.number, &answer);
                    }
                }
                Incoming::Command(command) => {
                    if !std::mem::replace(&mut self.has_spoken, true) {
                        door.sender.is_known();
                    }
                    log::say!(Network, Debug, "Received {}", Value::Object(command.whole.clone()));
                    commands::carry_out(door, self.number, command);
                }
            }
        }
        true
    }

    /// The client is gone: what it has asked for and waits is given up.
    fn end(self, door: &Door) {
        log::say!(General, Info, "Disconnected from {}", self.peer);
        door.sender.disconnect();
        if evaluation::running() == Some(evaluation::UNASKED) {
            watchdog::interrupt(evaluation::UNASKED);
        }
        lifetime::owns(lifetime::Descriptor::Reader, -1);
        lifetime::owns(lifetime::Descriptor::Writer, -1);
    }
}

fn greeting() -> ikpdb_proto::ikpdb::Object {
    let mut event = Event::new("start", Value::Null);
    event.messages.info = ["Welcome to", "IKPdb", COMPATIBLE].map(str::to_owned).to_vec();
    event.message()
}
