//! The door for clients of the original IKPdb: its protocol, on TCP, as it always was.
//!
//! A thin layer over the engine that the hub's door uses. Threads: the *listener* (accepts one client, reads, answers what needs no
//! stop; [`listener`]) and the *sender* (writes; [`sender`]). What a stopped thread has to do is given to it as an errand
//! ([`at_stop`]). Several threads may be stopped at once; the client is shown one, and its commands are about that one.

mod at_stop;
mod bounded;
pub(crate) mod breakpoints;
mod commands;
pub(crate) mod ending;
pub(crate) mod listener;
pub(crate) mod log;
mod paths;
mod peer;
mod sender;
pub(crate) mod threads;

use std::ffi::c_int;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use ikpdb_proto::StopPolicy;
use ikpdb_proto::ThreadId;
use ikpdb_proto::agent::IkpdbStart;
use ikpdb_proto::ikpdb::{Event, Messages};
use pyo3::prelude::*;
use serde_json::{Value, json};

use super::mailbox::{Letter, MAILBOX, StopId, To};
use super::{OUTBOX, options};
use crate::door::line::Mark;
use crate::engine::threads::Thread;
use crate::engine::what::{Reason, What};
pub(crate) use at_stop::{FRAMES, describe_frame};
use paths::Paths;
use sender::Sender;

/// The version of the original that this door is compatible with.
pub(crate) const COMPATIBLE: &str = "1.3";
/// How long the program waits to go on until the answer is written. Who does not read it in that time gets it when he does.
const GO_ON_PATIENCE: Duration = Duration::from_secs(1);
/// How long the end of the program waits until the client has got what was sent, and then for its last commands.
const END_PATIENCE: Duration = Duration::from_secs(2);
const LATE_COMMANDS: Duration = Duration::from_millis(300);
/// So many warnings wait for a message that takes them along.
const WARNINGS: usize = 20;

/// The door.
pub(crate) struct Door {
    pub(crate) start: IkpdbStart,
    paths: Paths,
    pub(crate) sender: Sender,
    /// The socket that listens.
    listens: OnceLock<Mark>,
    /// The C library tells of the end of the process.
    tells_at_exit: bool,
    state: Mutex<State>,
    /// The folders that imports look into, as last seen.
    search: Mutex<Vec<PathBuf>>,
}

struct State {
    status: Status,
    /// The thread that the client wants to debug; the first one that stops.
    selected: Option<ThreadId>,
    /// The threads that are stopped, in the order in which they were.
    stops: Vec<Halt>,
    /// The one that the client is shown, and which client was told of it.
    shown: Option<StopId>,
    told: Option<(StopId, u32)>,
    /// What is evaluated is escaped for HTML.
    escapes: bool,
    /// What the program ends with, once that is known.
    exit_code: Option<Value>,
    /// What the client is warned of with the next message.
    warnings: Vec<String>,
}

/// What the program does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// It waits for `runScript`.
    Pending,
    Running,
    Stopped,
    Terminated,
}

impl Status {
    /// As the protocol says it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Terminated => "terminated",
        }
    }
}

/// A thread that is stopped.
#[derive(Clone, Debug)]
pub(crate) struct Halt {
    id: StopId,
    thread: ThreadId,
    /// Before the first line.
    at_entry: bool,
}

static DOOR: OnceLock<Door> = OnceLock::new();

/// The door, if there is one.
pub(crate) fn door() -> Option<&'static Door> {
    DOOR.get()
}

/// Whether there is a client: what the program fails with is shown to somebody, and a program that fails alone ends.
pub(crate) fn has_client() -> bool {
    door().is_some_and(|it| it.sender.client().is_some())
}

/// Opens the door.
pub(crate) fn open(py: Python<'_>, start: IkpdbStart) -> &'static Door {
    log::set_up(start.log.as_deref());
    let paths = Paths::new(&start.working_directory, &start.client_working_directory);
    options().stop_on_entry = start.stop_at_entry;
    let door = DOOR.get_or_init(|| Door {
        start,
        paths,
        sender: Sender::new(),
        listens: OnceLock::new(),
        tells_at_exit: ending::at_exit(),
        state: Mutex::new(State {
            status: Status::Pending,
            selected: None,
            stops: Vec::new(),
            shown: None,
            told: None,
            escapes: false,
            exit_code: None,
            warnings: Vec::new(),
        }),
        search: Mutex::new(Vec::new()),
    });
    door.use_own_rules();
    // Whoever asks for the threads before the GIL can be had again knows of the main thread at least.
    drop(threads::look(py));
    door
}

/// The program begins: a client has said so, of this door or the hub's.
pub(crate) fn begins() {
    if let Some(door) = door() {
        let mut state = door.lock();
        if state.status == Status::Pending {
            state.status = Status::Running;
        }
    }
}

/// Whether a thread may stop here for the client. If the hub is there its rules count; what the program itself asks for always does.
pub(crate) fn admits(thread: impl Fn() -> ThreadId, what: &What, lives: impl Fn(ThreadId) -> bool) -> bool {
    let Some(door) = door() else { return true };
    let asked_by_program = what.reason == Reason::Breakpoint && what.hits.is_empty();
    if asked_by_program || what.exception.is_some() || OUTBOX.is_connected() {
        return true;
    }
    let thread = thread();
    door.live_selection(lives).is_none_or(|it| it == thread)
}

/// Whether anybody can come to a thread that stops. A program may close all descriptors: nobody would ever let it go on.
pub(crate) fn is_out_of_reach() -> bool {
    door().is_some_and(|door| {
        let listens = door.listens.get().is_some_and(|it| it.holds());
        !listens && !door.sender.reaches() && !OUTBOX.is_connected()
    })
}

/// A thread has stopped and reads its letters.
pub(crate) fn stopped(id: StopId, thread: &Thread, at_entry: bool) {
    let Some(door) = door() else { return };
    let halt = Halt { id, thread: thread.id, at_entry };
    log::say!(Execution, Debug, "{} is stopped", thread.name);
    let mut state = door.lock();
    state.stops.push(halt);
    if state.shown.is_none() {
        state.show(id);
        drop(state);
        door.tell_break();
    }
}

/// A stop is over.
pub(crate) fn continued(id: StopId) {
    let Some(door) = door() else { return };
    door.leave(id);
    let mut state = door.lock();
    if state.shown.is_none()
        && let Some(next) = state.stops.first().map(|it| it.id)
    {
        state.show(next);
        drop(state);
        door.tell_break();
    }
}

/// A condition or a log message of the client's failed: it is warned of that with the next message.
pub(crate) fn failed(why: &str) {
    let Some(door) = door() else { return };
    log::say!(Breakpoints, Warning, "{why}");
    let mut state = door.lock();
    if state.warnings.len() < WARNINGS {
        state.warnings.push(why.to_owned());
    }
}

/// A signal ends the program before it has begun.
pub(crate) fn interrupted(signal: c_int) {
    if let Some(door) = door() {
        door.tell_end(&Value::from(ending::BY_SIGNAL + signal), END_PATIENCE);
    }
}

/// The program ends with this code: that of the interpreter's main thread.
pub(crate) fn ends_with(exit_code: Value) {
    if let Some(door) = door() {
        door.lock().exit_code = Some(exit_code);
    }
}

/// The program has ended. If it has said with what, the client is told now, else when the process ends.
pub(crate) fn ended(py: Python<'_>) {
    let Some(door) = door() else { return };
    // The last look: from now on nobody gets the GIL.
    drop(threads::look(py));
    let said = door.lock().exit_code.take();
    let exit_code = match said {
        None if door.tells_at_exit => return,
        said => said.unwrap_or_default(),
    };
    // Threads that live on run on meanwhile, as they would.
    py.detach(|| door.end(&exit_code));
}

impl Door {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Without a hub a stop stops one thread, and steps go anywhere.
    pub(crate) fn use_own_rules(&self) {
        let mut options = options();
        options.now = ikpdb_proto::Options { just_my_code: false, stop_policy: StopPolicy::Thread, rules: Vec::new() };
    }

    pub(crate) fn status(&self) -> Status {
        self.lock().status
    }

    /// Tells the client that the program has ended, and serves it for a moment more.
    fn end(&self, exit_code: &Value) {
        if self.tell_end(exit_code, END_PATIENCE) {
            self.sender.wait_for_end(LATE_COMMANDS);
        }
    }

    /// Tells the client that the program has ended, once, and waits so long until it is written. True if there is a client.
    fn tell_end(&self, exit_code: &Value, patience: Duration) -> bool {
        let mut state = self.lock();
        if state.status == Status::Terminated {
            return false;
        }
        state.status = Status::Terminated;
        drop(state);
        match exit_code {
            Value::Null => log::say!(General, Info, "Program terminated with no exit value."),
            code => log::say!(General, Info, "Program terminated with exit value: {code}"),
        }
        let Some(client) = self.sender.client() else { return false };
        let mut event =
            Event::new("programEnd", json!({"exit_code": exit_code, "executionStatus": Status::Terminated.name()}));
        self.warn(&mut event.messages);
        self.sender.send(client, &event.message());
        self.sender.flush(patience);
        true
    }

    /// Adds what the client is to be warned of to a message.
    fn warn(&self, messages: &mut Messages) {
        messages.warning.append(&mut self.lock().warnings);
    }

    /// Whether what is evaluated is escaped for HTML.
    pub(crate) fn escapes(&self) -> bool {
        self.lock().escapes
    }

    /// Has what is evaluated escaped for HTML, or not.
    pub(crate) fn escape_html(&self, escapes: bool) {
        self.lock().escapes = escapes;
    }

    /// The thread that the client wants to debug; one that has ended is forgotten.
    pub(crate) fn live_selection(&self, lives: impl Fn(ThreadId) -> bool) -> Option<ThreadId> {
        let mut state = self.lock();
        state.selected = state.selected.filter(|it| lives(*it));
        state.selected
    }

    /// The thread that the client wants to debug, as far as is known.
    pub(crate) fn selected(&self) -> Option<ThreadId> {
        self.lock().selected
    }

    /// Selects a thread by its identifier, or none; why not, if it cannot be.
    pub(crate) fn select(&self, ident: Option<u64>, known: &[threads::Known]) -> Result<(), String> {
        let selected = match ident {
            None => None,
            Some(ident) if threads::serves(ident) => return Err("Cannot debug IKPdb tracer (sadly...).".to_owned()),
            Some(ident) => match known.iter().find(|it| it.ident == ident) {
                Some(found) => Some(found.id),
                None => return Err(format!("No thread with ident:{ident}.")),
            },
        };
        self.lock().selected = selected;
        Ok(())
    }

    /// The stop that the client is shown.
    fn shown(&self) -> Option<StopId> {
        self.lock().shown
    }

    /// A stop is about to be over: what the client says from now on is for a program that runs.
    fn leave(&self, id: StopId) {
        let mut state = self.lock();
        state.stops.retain(|it| it.id != id);
        if state.shown == Some(id) {
            state.shown = None;
            if state.status == Status::Stopped {
                state.status = Status::Running;
            }
        }
    }

    /// Lets the stop that is shown tell the client of itself.
    fn tell_break(&'static self) {
        self.tell_break_unless(|_| false);
    }

    /// The same unless the state says that it is not needed.
    fn tell_break_unless(&'static self, is_known: impl FnOnce(&State) -> bool) {
        let Some(client) = self.sender.client() else { return };
        let mut state = self.lock();
        let Some(halt) = state.shown.and_then(|id| state.stops.iter().find(|it| it.id == id)).cloned() else { return };
        if is_known(&state) {
            return;
        }
        state.told = Some((halt.id, client));
        drop(state);
        let to = To::Stop(halt.id);
        let work = at_stop::program_break(self, client, halt);
        let _ = MAILBOX.put(to, Letter::Errand { work, evaluates: true });
    }

    /// The same if this client was not told yet.
    fn tell_break_once(&'static self, client: u32) {
        self.tell_break_unless(|state| state.shown.is_none_or(|id| state.told == Some((id, client))));
    }
}

impl State {
    fn show(&mut self, id: StopId) {
        self.shown = Some(id);
        if self.status != Status::Terminated {
            self.status = Status::Stopped;
        }
        let thread = self.stops.iter().find(|it| it.id == id).map(|it| it.thread);
        self.selected = self.selected.or(thread);
    }
}
