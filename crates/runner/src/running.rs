//! One run of the program: started, read from, signalled, ended.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};
use std::time::Instant;

use ikpdb_proto::SessionId;
use ikpdb_proto::agent::{HubStart, IkpdbStart};
use ikpdb_proto::runner::TerminalSize;

use crate::console::{Console, Screen};
use crate::error::Error;
use crate::image::{Child, Image, Plan, Stream};
use crate::in_place::Door;
use crate::injected::Injected;
use crate::keeper::{Keeper, Report};
use crate::outbox::Origin;
use crate::program::Program;
use crate::signals::Mask;
use crate::streams::Found;
use crate::sys;

/// How long the program waits for the hub before it runs undebugged, in milliseconds.
const PATIENCE_MS: u32 = 10_000;
/// Where clients of the original IKPdb come from: this machine.
const LOOPBACK: &str = "127.0.0.1";

/// The libraries that go into the program, and whom the agent calls.
#[derive(Clone, Debug)]
pub struct Agent {
    libraries: Injected,
    /// The hub's socket.
    hub: PathBuf,
}

impl Agent {
    /// For the hub at this socket, in a folder that is private.
    pub fn new(agent: PathBuf, preload: &Path, hub: PathBuf) -> io::Result<Self> {
        let folder = || Ok(hub.parent().unwrap_or(Path::new("/tmp")).to_path_buf());
        Ok(Self { libraries: Injected::new(agent, preload, folder)?, hub })
    }

    /// The descriptor that the preload library reads.
    fn start(&self, session: SessionId, secret: &str, ikpdb: Option<IkpdbStart>) -> io::Result<OwnedFd> {
        let hub = HubStart {
            socket: self.hub.to_string_lossy().into_owned(),
            session,
            secret: secret.to_owned(),
            patience_ms: PATIENCE_MS,
        };
        self.libraries.start(Some(hub), ikpdb)
    }
}

/// How the program's streams are set up.
pub(crate) enum Setting {
    /// As ours; those that are terminals become one pseudo-terminal.
    Own(Found),
    /// All three on a pseudo-terminal of this size.
    Headless(TerminalSize),
    /// Two pipes, and nothing to read.
    Captured,
}

/// Who watches the program.
pub(crate) enum Process {
    /// It has a pseudo-terminal.
    Kept(Keeper),
    /// It is our child.
    Plain(Child),
}

/// What to start.
pub(crate) struct Order<'a> {
    pub(crate) program: &'a Program,
    pub(crate) agent: &'a Agent,
    pub(crate) session: SessionId,
    pub(crate) secret: &'a str,
    pub(crate) setting: &'a Setting,
    pub(crate) mask: Mask,
}

/// The program as it runs.
pub(crate) struct Running {
    pub(crate) pid: i32,
    pub(crate) process: Process,
    /// Names the process for signals.
    descriptor: OwnedFd,
    pub(crate) console: Option<Console>,
    /// Read ends of captured streams.
    pub(crate) captured: Vec<(Origin, OwnedFd)>,
    pub(crate) started: Instant,
}

impl Running {
    pub(crate) fn start(order: &Order<'_>, screen: &Screen) -> Result<Self, Error> {
        let program = order.program;
        let door = program.ikpdb_port.map(|port| Door::open(LOOPBACK, port)).transpose()?;
        Self::try_start(order, screen, door).map_err(|reason| Error::Start {
            executable: program.executable.clone(),
            folder: program.folder.clone(),
            reason,
        })
    }

    fn try_start(order: &Order<'_>, screen: &Screen, door: Option<Door>) -> io::Result<Self> {
        let ikpdb = door.as_ref().map(|it| it.beside_a_hub(order.program));
        let start = order.agent.start(order.session, order.secret, ikpdb)?;
        let environment = order.agent.libraries.environment(&order.program.environment, start.as_raw_fd());
        let plan = |streams| {
            Image::new(Plan {
                executable: order.program.executable.as_os_str(),
                folder: Some(order.program.folder.as_os_str()),
                arguments: &order.program.arguments,
                environment: &environment,
                streams,
                kept: std::iter::once(start).chain(door.map(Door::into_descriptor)).collect(),
                mask: order.mask,
            })
        };
        match order.setting {
            Setting::Captured => Self::captured(plan),
            Setting::Own(found) if found.terminal().is_none() => {
                let streams = [0, 1, 2].map(|stream| found.as_inherited(stream));
                Self::plain(&plan(streams)?, Vec::new())
            }
            Setting::Own(found) => Self::on_terminal(
                plan,
                screen,
                |stream| found.is_terminal(stream),
                |stream| found.as_inherited(stream),
                None,
            ),
            Setting::Headless(size) => Self::on_terminal(plan, screen, |_| true, |_| Stream::Inherited, Some(*size)),
        }
    }

    fn captured(plan: impl FnOnce([Stream; 3]) -> io::Result<Image>) -> io::Result<Self> {
        let nothing = std::fs::File::open("/dev/null")?;
        let (stdout, stdout_end) = sys::pipe()?;
        let (stderr, stderr_end) = sys::pipe()?;
        for end in [&stdout, &stderr] {
            sys::set_nonblocking(end.as_raw_fd())?;
        }
        let streams = [Stream::Given(nothing.into()), Stream::Given(stdout_end), Stream::Given(stderr_end)];
        // The image owns the program's ends and is dropped behind the start: else the pipes would never end.
        Self::plain(&plan(streams)?, vec![(Origin::Stdout, stdout), (Origin::Stderr, stderr)])
    }

    fn plain(image: &Image, captured: Vec<(Origin, OwnedFd)>) -> io::Result<Self> {
        let started = Instant::now();
        let child = image.spawn()?;
        let descriptor = sys::duplicate(child.process().as_raw_fd())?;
        Ok(Self { pid: child.pid, process: Process::Plain(child), descriptor, console: None, captured, started })
    }

    fn on_terminal(
        plan: impl FnOnce([Stream; 3]) -> io::Result<Image>,
        screen: &Screen,
        is_terminal: impl Fn(usize) -> bool,
        other: impl Fn(usize) -> Stream,
        size: Option<TerminalSize>,
    ) -> io::Result<Self> {
        let terminal = sys::open_pseudo_terminal()?;
        if let Some(real) = screen.terminal() {
            sys::set_terminal_modes(terminal.slave.as_raw_fd(), &real.modes()?)?;
        }
        if let Some(size) = size.or_else(|| screen.terminal()?.size()) {
            sys::set_window_size(terminal.slave.as_raw_fd(), size)?;
        }
        let mut streams = [Stream::Inherited, Stream::Inherited, Stream::Inherited];
        for (number, stream) in streams.iter_mut().enumerate() {
            *stream = if is_terminal(number) {
                Stream::Given(sys::duplicate(terminal.slave.as_raw_fd())?)
            } else {
                other(number)
            };
        }
        let image = plan(streams)?;
        let started = Instant::now();
        let real = screen.terminal().map(|real| real.fd());
        let (keeper, pid) = Keeper::start(&image, &terminal, real, screen.in_foreground())?;
        let descriptor = sys::process_descriptor(pid)?;
        // From here on the program and the keeper alone have the other side, so that its end is seen.
        drop(image);
        drop(terminal.slave);
        let console = Console::new(terminal.master, terminal.name.to_string_lossy().into_owned())?;
        Ok(Self {
            pid,
            process: Process::Kept(keeper),
            descriptor,
            console: Some(console),
            captured: Vec::new(),
            started,
        })
    }

    /// Sends a signal to the program. One that has ended needs none.
    pub(crate) fn signal(&self, signal: i32) {
        let _ = sys::signal_process(self.descriptor.as_fd(), signal);
    }

    /// Lets a stopped program go on.
    pub(crate) fn resume(&self) {
        match &self.process {
            Process::Kept(keeper) => keeper.continue_program(),
            Process::Plain(_) => self.signal(libc::SIGCONT),
        }
    }

    /// Sends a signal to the program's whole group, where it has one of its own.
    pub(crate) fn signal_group(&self, signal: i32) {
        match self.process {
            // SAFETY: a plain call; the keeper holds the number until we return, so the group is still the program's.
            Process::Kept(_) => unsafe {
                libc::killpg(self.pid, signal);
            },
            Process::Plain(_) => self.signal(signal),
        }
    }

    /// The descriptor that says that something happened to the program.
    pub(crate) fn watch(&self) -> RawFd {
        match &self.process {
            Process::Kept(keeper) => keeper.socket(),
            Process::Plain(child) => child.process().as_raw_fd(),
        }
    }

    /// What happened to the program, as said by [`Running::watch`].
    pub(crate) fn report(&self) -> Result<Option<Report>, Error> {
        match &self.process {
            Process::Kept(keeper) => keeper.next_report().map_err(|error| Error::System("the program was lost", error)),
            Process::Plain(child) => Ok(child.wait().map(|(code, status)| Report::Ended(code, status))),
        }
    }
}
