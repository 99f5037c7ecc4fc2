//! The connection to the hub: never blocks the program, survives the hub, and comes back when a hub is there again.

use std::io::{self, Read};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ikpdb_proto::framing::{Decoder, encode};
use ikpdb_proto::runner::{RUNNER_HELLO, RunnerHello, RunnerResume, RunnerWelcome};
use ikpdb_proto::{MAX_MESSAGE, Message, Request, SessionId};

use crate::error::Error;
use crate::outbox::{Item, Outbox};
use crate::sys;

/// How long the hub may take to answer the first message.
const GREETING: Duration = Duration::from_secs(10);
/// The first pause between two attempts to find a hub again, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// At the end: how long a hub may take nothing of what is left, and how long it may take for all of it.
const LAST_STALL: Duration = Duration::from_millis(300);
const LAST_FLUSH: Duration = Duration::from_secs(2);

/// No limit to the messages of one turn.
const ALL: usize = usize::MAX;

/// A connection with what is half read and half written.
struct Connection {
    stream: UnixStream,
    decoder: Decoder,
    next_seq: i64,
    /// What is being written: the item, its bytes, how many are out.
    current: Option<(Item, Vec<u8>, usize)>,
}

impl Connection {
    fn new(stream: UnixStream) -> io::Result<Self> {
        let peer = sys::peer(stream.as_raw_fd())?.uid;
        if peer != sys::user() && peer != 0 {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "another user listens on the hub's socket"));
        }
        stream.set_nonblocking(true)?;
        Ok(Self { stream, decoder: Decoder::new(MAX_MESSAGE), next_seq: 1, current: None })
    }

    /// Writes what the hub takes now, `most` messages at most.
    fn flush(&mut self, outbox: &mut Outbox, mut most: usize) -> io::Result<()> {
        loop {
            if self.current.is_none() {
                if most == 0 {
                    return Ok(());
                }
                most -= 1;
                let Some(item) = outbox.pop() else { return Ok(()) };
                let frame = encode(&item.message().with_seq(self.next_seq));
                self.next_seq += 1;
                self.current = Some((item, frame, 0));
            }
            let Some((_, frame, written)) = &mut self.current else { return Ok(()) };
            match sys::send(self.stream.as_raw_fd(), &frame[*written..]) {
                Ok(count) => *written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
            if *written == frame.len() {
                self.current = None;
            }
        }
    }

    /// Reads what the hub has sent.
    fn receive(&mut self) -> io::Result<Vec<Message>> {
        let mut messages = Vec::new();
        let mut buffer = [0; 16 << 10];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => self.decoder.push(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        while let Some(text) = self.decoder.next_frame().map_err(io::Error::other)? {
            messages.push(Message::parse(&text).map_err(io::Error::other)?);
        }
        Ok(messages)
    }

    fn poll(&self, events: i16, timeout: Duration) -> io::Result<()> {
        let mut fds = [libc::pollfd { fd: self.stream.as_raw_fd(), events, revents: 0 }];
        sys::poll(&mut fds, Some(timeout))
    }
}

/// How we stand with the hub.
enum State {
    Connected(Connection),
    /// Found again; it has not answered yet.
    Greeting(Connection, Instant),
    /// Gone; tried again at this instant.
    Gone(Instant, Duration),
    /// It does not want us.
    Refused,
}

/// The runner's connection to the hub.
pub(crate) struct Link {
    state: State,
    outbox: Outbox,
    /// Where a hub may appear again; none for one that lives and dies with us.
    socket: Option<PathBuf>,
    hello: RunnerHello,
    session: SessionId,
    secret: String,
}

impl Link {
    /// Introduces the runner on a fresh connection and waits for the answer. `socket` is tried when the connection is lost.
    pub(crate) fn greet(
        stream: UnixStream,
        socket: Option<PathBuf>,
        hello: RunnerHello,
    ) -> Result<(Self, RunnerWelcome), Error> {
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                Error::HungUp(error)
            }
            _ => Error::Hub(format!("the hub of this workspace does not answer: {error}")),
        };
        let mut connection = Connection::new(stream).map_err(failed)?;
        let mut outbox = Outbox::default();
        outbox.push(Request::new(RUNNER_HELLO, &hello));
        let deadline = Instant::now() + GREETING;
        let welcome = loop {
            connection.flush(&mut outbox, ALL).map_err(failed)?;
            let answer = connection.receive().map_err(failed)?.into_iter().find_map(welcome_of);
            if let Some(welcome) = answer {
                let hub = sys::peer(connection.stream.as_raw_fd()).ok().map(|peer| peer.pid);
                let hub = hub.filter(|pid| u32::try_from(*pid).is_ok_and(|pid| pid > 0 && pid != std::process::id()));
                break welcome.map_err(|reason| Error::Refused { reason, hub })?;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(failed(io::ErrorKind::TimedOut.into()));
            }
            let writes = if connection.current.is_some() { libc::POLLOUT } else { 0 };
            connection.poll(libc::POLLIN | writes, left).map_err(failed)?;
        };
        let link = Self {
            state: State::Connected(connection),
            outbox,
            socket,
            hello,
            session: welcome.session,
            secret: welcome.secret.clone(),
        };
        Ok((link, welcome))
    }

    /// The session of the program.
    pub(crate) fn session(&self) -> SessionId {
        self.session
    }

    /// The secret of the program's agent.
    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }

    /// Another session, after a restart.
    pub(crate) fn set_session(&mut self, session: SessionId, secret: String) {
        self.session = session;
        self.secret = secret;
    }

    /// What is to be sent.
    pub(crate) fn outbox(&mut self) -> &mut Outbox {
        &mut self.outbox
    }

    /// Descriptor and events to wait for.
    pub(crate) fn interest(&self) -> Option<(RawFd, i16)> {
        let (connection, may_write) = match &self.state {
            State::Connected(connection) => (connection, !self.outbox.is_empty()),
            State::Greeting(connection, _) => (connection, false),
            State::Gone(..) | State::Refused => return None,
        };
        let writes = may_write || connection.current.is_some();
        Some((connection.stream.as_raw_fd(), libc::POLLIN | if writes { libc::POLLOUT } else { 0 }))
    }

    /// When [`Link::turn`] is to be called without an event.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Gone(next, _) if self.socket.is_some() => Some(*next),
            State::Greeting(_, until) => Some(*until),
            _ => None,
        }
    }

    /// Sends one message, receives, looks for a hub again. `pid` is the program's, if it runs. Answers the hub's requests.
    pub(crate) fn turn(&mut self, pid: Option<i32>) -> Vec<Request> {
        match self.try_turn(pid) {
            Ok(requests) => requests,
            Err(_) => {
                self.lose();
                Vec::new()
            }
        }
    }

    fn try_turn(&mut self, pid: Option<i32>) -> io::Result<Vec<Request>> {
        match &mut self.state {
            State::Connected(connection) => {
                let messages = connection.receive()?;
                // One message: its text takes as long to make as many pieces of output to read.
                connection.flush(&mut self.outbox, 1)?;
                let requests = messages.into_iter().filter_map(|message| match message {
                    Message::Request(request) => Some(request),
                    Message::Response(_) | Message::Event(_) => None,
                });
                Ok(requests.collect())
            }
            State::Greeting(connection, until) => {
                let until = *until;
                // The greeting alone: output comes after the answer.
                connection.flush(&mut Outbox::default(), ALL)?;
                match connection.receive()?.into_iter().find_map(welcome_of) {
                    None if Instant::now() < until => {}
                    None => return Err(io::ErrorKind::TimedOut.into()),
                    Some(Err(_)) => self.state = State::Refused,
                    Some(Ok(welcome)) => {
                        self.session = welcome.session;
                        self.secret = welcome.secret;
                        if let State::Greeting(connection, _) = std::mem::replace(&mut self.state, State::Refused) {
                            self.state = State::Connected(connection);
                        }
                    }
                }
                Ok(Vec::new())
            }
            State::Gone(next, _) if Instant::now() >= *next => {
                if let (Some(socket), Some(pid)) = (self.socket.clone(), pid) {
                    self.find_again(&socket, pid)?;
                }
                Ok(Vec::new())
            }
            State::Gone(..) | State::Refused => Ok(Vec::new()),
        }
    }

    fn find_again(&mut self, socket: &Path, pid: i32) -> io::Result<()> {
        let mut connection = Connection::new(UnixStream::connect(socket)?)?;
        let pid = u32::try_from(pid).unwrap_or_default();
        self.hello.resume = Some(RunnerResume { session: self.session, secret: self.secret.clone(), pid });
        let mut greeting = Outbox::default();
        greeting.push(Request::new(RUNNER_HELLO, &self.hello));
        connection.flush(&mut greeting, ALL)?;
        self.state = State::Greeting(connection, Instant::now() + GREETING);
        Ok(())
    }

    fn lose(&mut self) {
        let pause = match std::mem::replace(&mut self.state, State::Refused) {
            State::Connected(connection) => {
                if let Some((item, ..)) = connection.current {
                    self.outbox.put_back(item);
                }
                self.outbox.keep_output_only();
                FIRST_PAUSE
            }
            State::Gone(_, pause) => (pause * 2).min(LONGEST_PAUSE),
            State::Greeting(..) | State::Refused => LONGEST_PAUSE,
        };
        self.state = State::Gone(Instant::now() + pause, pause);
    }

    /// Sends what is left, as long as the hub takes it: neither the program's end nor the user's shell is held up by a hub
    /// that stands still.
    pub(crate) fn drain(&mut self) {
        let end = Instant::now() + LAST_FLUSH;
        // One that was just found again is about to answer.
        if let State::Greeting(connection, _) = &self.state {
            let writes = if connection.current.is_some() { libc::POLLOUT } else { 0 };
            if connection.poll(libc::POLLIN | writes, LAST_STALL).is_ok() {
                self.turn(None);
            }
        }
        while let State::Connected(connection) = &mut self.state {
            if connection.flush(&mut self.outbox, ALL).is_err() {
                return;
            }
            let Some((_, _, before)) = connection.current else { return };
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || connection.poll(libc::POLLOUT, left.min(LAST_STALL)).is_err() {
                return;
            }
            let session_before = (connection.next_seq, before);
            if connection.flush(&mut self.outbox, ALL).is_err() {
                return;
            }
            match connection.current {
                Some((_, _, now)) if (connection.next_seq, now) == session_before => return,
                _ => {}
            }
        }
    }
}

/// The answer to our greeting, if this message is one: a welcome, or why there is none.
fn welcome_of(message: Message) -> Option<Result<RunnerWelcome, String>> {
    match message {
        Message::Response(response) if response.command == RUNNER_HELLO => {
            Some(response.body().map_err(|failure| failure.message))
        }
        _ => None,
    }
}
