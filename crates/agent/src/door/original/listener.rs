//! The listener of the door: lets one client in at a time, reads what it says, and answers.
//!
//! A native thread without the GIL; it may wait a moment for a job that needs that. Nobody waits for it. It ends with the process.

use std::ffi::c_int;
use std::io::Read;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::FromRawFd;

use ikpdb_proto::ikpdb::{Decoder, Event, Incoming};
use serde_json::Value;

use super::{COMPATIBLE, Door, commands, log, peer, threads};
use crate::door::line::Line;
use crate::engine::{evaluation, watchdog};

/// How long a connection is waited for to speak first, in milliseconds: who knows the protocol waits for the greeting.
const FIRST_WORD_MS: c_int = 20;

/// How long nobody is let in after there was no descriptor left, in milliseconds; and between two looks whether a client that has not
/// read has done so.
const LATER_MS: c_int = 100;
/// A client whose machine is gone is noticed after a minute without an answer and ten more questions, in seconds.
const SILENCE: c_int = 60;
const BETWEEN_QUESTIONS: c_int = 10;
const QUESTIONS: c_int = 10;

/// The listener before it runs.
pub(crate) struct Listener {
    pub(crate) door: &'static Door,
    line: Line<TcpListener>,
    /// Whose clients are let in.
    user: peer::User,
}

/// The client that is there.
struct Client {
    number: u32,
    line: Line<TcpStream>,
    decoder: Decoder,
    peer: SocketAddr,
    has_spoken: bool,
}

/// Somebody who is let in.
struct Visitor {
    client: Client,
    writer: Line<TcpStream>,
    /// What it has said already.
    first: Vec<Incoming>,
}

impl Listener {
    /// Takes over the descriptor that was inherited.
    pub(crate) fn new(door: &'static Door) -> Self {
        // SAFETY: it was opened for us alone, by who started the program, and is used by nobody else.
        let line = Line::new(unsafe { TcpListener::from_raw_fd(door.start.listener) });
        // Who knocks may be gone again when the door is opened.
        let _ = line.socket().and_then(|it| it.set_nonblocking(true));
        let _ = door.listens.set(line.mark());
        log::say!(General, Info, "IKPdb listening on {}", door.start.address);
        Self { door, line, user: peer::User::of_this_process() }
    }

    /// The thread.
    pub(crate) fn listen_for_ever(self) {
        threads::this_serves();
        let mut client: Option<Client> = None;
        let mut has_no_room = false;
        loop {
            if !self.line.is_ours() && client.is_none() {
                // The program has closed all descriptors.
                return;
            }
            let does_not_read = self.door.sender.is_full();
            let listener = if has_no_room || !self.line.is_ours() { -1 } else { self.line.descriptor() };
            let of_client = client.as_ref().filter(|_| !does_not_read).map_or(-1, |it| it.line.descriptor());
            let mut waited = [listener, of_client].map(|fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 });
            let patience = if has_no_room || does_not_read { LATER_MS } else { -1 };
            // SAFETY: our own array.
            unsafe { libc::poll(waited.as_mut_ptr(), 2, patience) };
            has_no_room = false;
            if waited[1].revents != 0 {
                client = client.and_then(|it| it.served(self.door));
            }
            if waited[0].revents != 0 {
                match self.line.socket().and_then(TcpListener::accept) {
                    Ok((stream, peer)) => client = self.knocks(client, stream, peer),
                    Err(error) => has_no_room = error.kind() != std::io::ErrorKind::WouldBlock,
                }
            }
        }
    }

    /// Somebody has come; who is the client from now on.
    fn knocks(&self, mut client: Option<Client>, stream: TcpStream, peer: SocketAddr) -> Option<Client> {
        // Who is there may have left right behind the last thing that it said, and that comes a moment later.
        while client.as_ref().is_some_and(|it| it.is_heard(FIRST_WORD_MS)) {
            client = client.and_then(|it| it.served(self.door));
        }
        match client {
            Some(client) if client.has_spoken => {
                self.refuse_second(stream, peer);
                Some(client)
            }
            // Who has said nothing since it came may be a browser that connects in advance: it keeps nobody out.
            silent => match self.admit(stream, peer) {
                None => silent,
                Some(visitor) => {
                    if let Some(silent) = silent {
                        silent.end(self.door);
                    }
                    Some(self.greet(visitor))
                }
            },
        }
    }

    fn is_welcome(&self, stream: &TcpStream, peer: SocketAddr) -> bool {
        let whose = || stream.local_addr().map_or(peer::Whose::Unknown, |own| peer::whose(peer, own));
        let why = match self.door.start.allow_any_user {
            true => return true,
            false => match whose() {
                peer::Whose::Users(user) if self.user.is(user) => return true,
                peer::Whose::AnotherMachines => return true,
                peer::Whose::Users(_) => "it is another user's",
                peer::Whose::Unknown => "it cannot be told whose it is",
            },
        };
        crate::log::line(&format!("a connection from {peer} was refused: {why}; --ikpdb-allow-any-user lets it in"));
        false
    }

    /// Looks at who has come. None if it is not let in.
    fn admit(&self, stream: TcpStream, peer: SocketAddr) -> Option<Visitor> {
        if !self.is_welcome(&stream, peer) {
            return None;
        }
        let _ = stream.set_nodelay(true);
        keep_alive(&stream);
        let mut client =
            Client { number: 0, line: Line::new(stream), decoder: Decoder::new(), peer, has_spoken: false };
        // What speaks first is a browser, say: it is not even greeted.
        if client.is_heard(FIRST_WORD_MS) && !client.read() {
            return None;
        }
        let first: Vec<Incoming> = client.decoder.by_ref().collect();
        if first.iter().any(|it| matches!(it, Incoming::Foreign(_))) {
            client.obey(self.door, first);
            return None;
        }
        let writer = client.line.duplicate()?;
        Some(Visitor { client, writer, first })
    }

    /// It is the client from now on.
    fn greet(&self, visitor: Visitor) -> Client {
        let Visitor { mut client, writer, first } = visitor;
        log::say!(General, Info, "Connected with {}", client.peer);
        let greeting = self.door.start.welcome.then(greeting);
        client.number = self.door.sender.connect(writer, greeting.as_ref());
        client.obey(self.door, first);
        client
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
    /// Whether there is something to read within so many milliseconds, or the client has gone.
    fn is_heard(&self, patience: c_int) -> bool {
        let mut waited = libc::pollfd { fd: self.line.descriptor(), events: libc::POLLIN, revents: 0 };
        // SAFETY: our own variable.
        unsafe { libc::poll(&raw mut waited, 1, patience) > 0 }
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
                    log::say!(
                        Network,
                        Debug,
                        "Received {} {}",
                        Value::Object(command.whole.clone()),
                        Value::Object(command.args.clone())
                    );
                    commands::carry_out(door, self.number, command);
                }
            }
        }
        true
    }

    /// The client is gone: what is being evaluated for it is given up. What it has said besides is done, as in any other case.
    fn end(self, door: &Door) {
        log::say!(General, Info, "Disconnected from {}", self.peer);
        door.sender.disconnect();
        if evaluation::running() == Some(evaluation::UNASKED) {
            watchdog::interrupt(evaluation::UNASKED);
        }
    }
}

/// Has the kernel ask now and then whether the other machine is still there.
fn keep_alive(stream: &TcpStream) {
    use std::os::fd::AsRawFd;
    let options = [
        (libc::SOL_SOCKET, libc::SO_KEEPALIVE, 1),
        (libc::IPPROTO_TCP, libc::TCP_KEEPIDLE, SILENCE),
        (libc::IPPROTO_TCP, libc::TCP_KEEPINTVL, BETWEEN_QUESTIONS),
        (libc::IPPROTO_TCP, libc::TCP_KEEPCNT, QUESTIONS),
    ];
    for (level, name, value) in options {
        // SAFETY: our own socket and variable. Without the option the connection works as well.
        unsafe {
            libc::setsockopt(stream.as_raw_fd(), level, name, (&raw const value).cast(), size_of::<c_int>() as u32)
        };
    }
}

fn greeting() -> ikpdb_proto::ikpdb::Object {
    let mut event = Event::new("start", Value::Null);
    event.messages.info = ["Welcome to", "IKPdb", COMPATIBLE].map(str::to_owned).to_vec();
    event.message()
}
