//! The listener: connects to the hub, reads what it asks, answers what needs no GIL, and passes the rest on.
//!
//! A thread of its own, native. It may block on its socket and, for a moment, on a job that needs the GIL; nobody waits for
//! it. It ends with the process. When the hub is gone it looks for it again: a stopped program waits ten seconds for it, a
//! running one runs on.

use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ikpdb_proto::agent::{
    AGENT_HELLO, AGENT_REFUSED, AGENT_WELCOME, AgentHello, AgentRefused, AgentResume, AgentWelcome, HubStart,
    PythonInfo,
};
use ikpdb_proto::framing::Decoder;
use ikpdb_proto::proof::{Role, check, hex, prove, unhex};
use ikpdb_proto::{Event, MAX_FIRST_MESSAGE, MAX_MESSAGE, Message, PROTOCOL, Request, ThreadId};
use pyo3::prelude::*;

use super::line::Line;
use super::mailbox::{Letter, MAILBOX, To};
use super::{CONFIGURED, HUB_IS_GONE, OUTBOX, immediate, original};
use crate::engine::ids::{self, Owner};
use crate::engine::stop;
use crate::log;

/// How long a hub may take to answer the hello.
const WELCOME_PATIENCE: Duration = Duration::from_secs(5);
/// How long a stopped program waits for a hub to come back.
const STOPPED_PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks for a hub: while somebody waits, and while the program runs anyway.
const LOOK_SOON: Duration = Duration::from_millis(100);
const LOOK_LATER: Duration = Duration::from_secs(1);
/// A connection to the hub, and what is needed to make the next one.
pub(crate) struct Connection {
    start: HubStart,
    hello: AgentHello,
    line: Line<UnixStream>,
    decoder: Decoder,
    /// Whether the other side has shown that it is the hub.
    welcome: bool,
}

impl Connection {
    /// Connects to the hub and introduces the agent.
    pub(crate) fn open(py: Python<'_>, start: &HubStart, build: &str) -> Result<Self, String> {
        let hello = introduce(py, start, build).map_err(|error| error.value(py).to_string())?;
        let start = start.clone();
        py.detach(|| Self::connect(start, hello))
    }

    fn connect(start: HubStart, mut hello: AgentHello) -> Result<Self, String> {
        let socket =
            UnixStream::connect(&start.socket).map_err(|error| format!("the hub at {}: {error}", start.socket))?;
        let line = Line::new(socket);
        let socket = line.socket().map_err(|error| error.to_string())?;
        check_peer(socket)?;
        hello.nonce = nonce()?;
        let secret = unhex(&start.secret).ok_or("the secret in the start is not hex")?;
        hello.proof = prove(&secret, Role::Agent, &hello.nonce, "");
        socket.set_read_timeout(Some(WELCOME_PATIENCE)).map_err(|error| error.to_string())?;
        write(socket, &Event::new(AGENT_HELLO, &hello).into())?;
        let mut connection = Self { start, hello, line, decoder: Decoder::new(MAX_FIRST_MESSAGE), welcome: false };
        let Some(Message::Event(answer)) = connection.next()? else {
            return Err("the hub closed the connection".to_owned());
        };
        match answer.event.as_str() {
            AGENT_WELCOME => {
                let welcome: AgentWelcome = answer.body().map_err(|failure| failure.message)?;
                if !check(&secret, Role::Hub, &connection.hello.nonce, "", &welcome.proof) {
                    return Err("what answers is not the hub that started this program".to_owned());
                }
                connection.start.session = welcome.session;
                connection.hello.session = welcome.session;
            }
            AGENT_REFUSED => {
                let refused: AgentRefused = answer.body().map_err(|failure| failure.message)?;
                return Err(refused.reason);
            }
            other => return Err(format!("the hub answered with '{other}'")),
        }
        connection.welcome = true;
        connection.decoder.set_limit(MAX_MESSAGE);
        connection.line.socket().and_then(|socket| socket.set_read_timeout(None)).map_err(|error| error.to_string())?;
        connection.use_it()?;
        Ok(connection)
    }

    fn use_it(&self) -> Result<(), String> {
        OUTBOX.connect(self.line.duplicate().ok_or("there is no room for another descriptor")?);
        Ok(())
    }

    /// The next message; `None` at the end of the stream.
    fn next(&mut self) -> Result<Option<Message>, Broken> {
        let mut buffer = [0; 16 << 10];
        loop {
            if let Some(text) = self.decoder.next_frame().map_err(|error| Broken::Said(error.to_string()))? {
                match Message::parse(&text) {
                    Ok(message) => return Ok(Some(message)),
                    Err(error) if self.welcome => OUTBOX.send(Message::about_unreadable(&text, &error)),
                    Err(error) => return Err(Broken::Said(format!("a message is not readable: {error}"))),
                }
                continue;
            }
            match self.line.socket().and_then(|mut socket| socket.read(&mut buffer)) {
                Ok(0) => return Ok(None),
                Ok(count) => self.decoder.push(&buffer[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => return Err(Broken::Line),
            }
        }
    }
}

/// Why nothing more can be read.
enum Broken {
    /// The socket is gone.
    Line,
    /// What was said cannot be read.
    Said(String),
}

impl From<Broken> for String {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Line => "the connection broke".to_owned(),
            Broken::Said(error) => error,
        }
    }
}

/// The thread.
pub(crate) fn listen_for_ever(mut connection: Connection) {
    loop {
        loop {
            match connection.next() {
                Ok(Some(Message::Request(request))) => handle(request),
                Ok(Some(Message::Response(_) | Message::Event(_))) => {}
                Ok(None) | Err(Broken::Line) => break,
                Err(Broken::Said(error)) => {
                    log::line(&format!("the connection to the hub is given up: {error}"));
                    break;
                }
            }
        }
        OUTBOX.disconnect();
        if !CONFIGURED.load(Ordering::Acquire) {
            HUB_IS_GONE.store(true, Ordering::Release);
            MAILBOX.nudge();
            return;
        }
        match reconnect(connection) {
            Some(next) => connection = next,
            None => return,
        }
    }
}

/// Answers a request, or passes it to the stopped thread.
fn handle(request: Request) {
    let Some(request) = immediate::answer(request) else { return };
    let to = addressee(&request);
    if let Err(Letter::Request(request)) = MAILBOX.put(to, Letter::Request(request)) {
        OUTBOX.send(request.refuse(&ikpdb_proto::Failure::running()));
    }
    immediate::answer_what_waits();
}

/// Which stop a request is about, by the frame, list of variables or thread that it names.
fn addressee(request: &Request) -> To {
    /// What is of another type is refused by whoever reads the request.
    #[derive(Default, serde::Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Named {
        frame_id: serde_json::Value,
        variables_reference: serde_json::Value,
        thread_id: serde_json::Value,
    }
    let named: Named = request.arguments().unwrap_or_default();
    let id = |value: &serde_json::Value| value.as_i64().and_then(|it| i32::try_from(it).ok());
    let owner = id(&named.frame_id).or_else(|| id(&named.variables_reference)).map(ids::owner);
    match (owner, id(&named.thread_id)) {
        (Some(Owner::Stop(stop)), _) => To::Stop(stop),
        (None, Some(thread)) => To::Thread(ThreadId(thread)),
        _ => To::Whoever,
    }
}

/// The hub is gone: looks for the next one.
fn reconnect(old: Connection) -> Option<Connection> {
    let Connection { start, hello, line, .. } = old;
    drop(line);
    let gone = Instant::now();
    let mut said = false;
    loop {
        let waits = MAILBOX.is_open();
        if waits && !said && !stop::told().is_empty() && original::door().is_none() {
            said = true;
            log::line(
                "the hub is gone while the program is stopped; it goes on undebugged if no hub comes within 10 s",
            );
        }
        let mut told = stop::told();
        let resume = AgentResume {
            configured: CONFIGURED.load(Ordering::Acquire),
            stopped: told.pop(),
            also_stopped: Some(told).filter(|it| !it.is_empty()),
            options: Some(super::options().now.clone()),
        };
        let hello = AgentHello { resume: Some(resume), ..hello.clone() };
        if let Ok(connection) = Connection::connect(start.clone(), hello) {
            return Some(connection);
        }
        if waits && gone.elapsed() >= STOPPED_PATIENCE {
            stop::hub_leaves();
            if said {
                log::line("no hub came; the program goes on undebugged");
            }
            return None;
        }
        // Not a wait for anything of ours: a hub may come or not.
        std::thread::park_timeout(if waits { LOOK_SOON } else { LOOK_LATER });
    }
}

fn introduce(py: Python<'_>, start: &HubStart, build: &str) -> PyResult<AgentHello> {
    let sys = py.import("sys")?;
    let version = py.version_info();
    let implementation: String = sys.getattr("implementation")?.getattr("name")?.extract()?;
    Ok(AgentHello {
        protocol: PROTOCOL,
        build: build.to_owned(),
        session: start.session,
        proof: String::new(),
        nonce: String::new(),
        pid: std::process::id(),
        ppid: std::os::unix::process::parent_id(),
        start_time: start_time(),
        python: PythonInfo {
            version: format!("{}.{}.{}", version.major, version.minor, version.patch),
            implementation: if implementation == "cpython" { "CPython".to_owned() } else { implementation },
            executable: sys.getattr("executable")?.extract::<Option<String>>()?.unwrap_or_default(),
            free_threaded: false,
        },
        argv: sys.getattr("orig_argv")?.extract()?,
        cwd: std::env::current_dir().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default(),
        resume: None,
    })
}

/// Field 22 of `/proc/self/stat`: with the pid it names a process for ever.
fn start_time() -> String {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The second field is the command in parentheses, and may hold anything.
    let after = text.rsplit_once(')').map_or("", |it| it.1);
    after.split_whitespace().nth(19).unwrap_or_default().to_owned()
}

fn nonce() -> Result<String, String> {
    let mut bytes = [0; 16];
    // SAFETY: fills our own buffer.
    let got = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
    if got == 16 { Ok(hex(&bytes)) } else { Err("the system gives no random numbers".to_owned()) }
}

/// The other side must be the same user, or root.
fn check_peer(socket: &UnixStream) -> Result<(), String> {
    // SAFETY: plain data, filled in by the call.
    let mut peer: libc::ucred = unsafe { std::mem::zeroed() };
    let mut length = libc::socklen_t::try_from(size_of::<libc::ucred>()).unwrap_or(0);
    // SAFETY: our own socket and variables of the right size.
    let failed = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut peer).cast(),
            &raw mut length,
        )
    };
    // SAFETY: always allowed.
    let own = unsafe { libc::geteuid() };
    if failed == 0 && (peer.uid == own || peer.uid == 0) {
        Ok(())
    } else {
        Err("the hub's socket belongs to another user".to_owned())
    }
}

fn write(socket: &UnixStream, message: &Message) -> Result<(), String> {
    use std::io::Write;
    let mut socket = socket;
    socket.write_all(&ikpdb_proto::framing::encode(&message.clone().with_seq(1))).map_err(|error| error.to_string())
}
