//! The loop that owns one program from its start to its end, restarts included.

use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use ikpdb_proto::runner::{
    RUNNER_EXITED, RUNNER_INPUT, RUNNER_RESIZED, RUNNER_STARTED, RunnerExited, RunnerInput, RunnerStarted,
};
use ikpdb_proto::{Event, Failure, Request, SessionId};

use crate::console::{Keys, Screen};
use crate::ending::Ending;
use crate::error::Error;
use crate::keeper::Report;
use crate::link::Link;
use crate::outbox::Origin;
use crate::program::Program;
use crate::running::{Agent, Order, Process, Running, Setting};
use crate::signals::{Mask, Received, Sender, Signals};
use crate::streams::Found;
use crate::suspension::Suspension;
use crate::sys;
use crate::witness::Witness;

/// How long a program may take to end at a restart before it is killed.
const GRACE: Duration = Duration::from_secs(3);
/// How often the hub gets a message while the program writes without a pause: 3 MB/s, more than anybody reads.
const FLOODED_TURN: Duration = Duration::from_millis(20);
/// Output of the ended program that is still read, at most: children of it may go on writing for ever.
const LAST_OUTPUT: usize = 1 << 20;

/// A restart that waits for the program's end.
struct Restart {
    request: Request,
    session: SessionId,
    secret: String,
    kill_at: Instant,
}

pub(crate) struct Runner {
    pub(crate) program: Program,
    pub(crate) agent: Agent,
    pub(crate) setting: Setting,
    pub(crate) screen: Screen,
    pub(crate) signals: Option<Signals>,
    pub(crate) mask: Mask,
    /// Where the program is in our process group: says which signals it got itself.
    witness: Option<Witness>,
    pub(crate) link: Link,
    /// Keepers of earlier programs, to be taken off the process table.
    pub(crate) old_keepers: Vec<Process>,
    restart: Option<Restart>,
    pub(crate) suspension: Suspension,
    /// When the hub gets its turn although the program writes without a pause.
    next_turn: Instant,
    /// For reading output.
    buffer: Vec<u8>,
}

impl Runner {
    pub(crate) fn new(program: Program, agent: Agent, setting: Setting, link: Link) -> Result<Self, Error> {
        let screen = match &setting {
            Setting::Own(found) => screen(found).map_err(|error| Error::System("the terminal", error))?,
            Setting::Headless(_) | Setting::Captured => Screen::none(),
        };
        let signals = match &setting {
            Setting::Own(found) => Some(Signals::take(found.terminal().is_some())),
            Setting::Headless(_) => Some(Signals::take(true)),
            // We are a thread of somebody else's process.
            Setting::Captured => None,
        };
        let signals = signals.transpose().map_err(|error| Error::System("signals", error))?;
        let mask = signals.as_ref().map_or_else(Mask::now, Signals::before);
        let witness = match &setting {
            Setting::Own(found) if found.terminal().is_none() => Some(Witness::start()),
            Setting::Own(_) | Setting::Headless(_) | Setting::Captured => None,
        };
        let witness = witness.transpose().map_err(|error| Error::System("signals", error))?;
        Ok(Self {
            program,
            agent,
            setting,
            screen,
            signals,
            mask,
            witness,
            link,
            old_keepers: Vec::new(),
            restart: None,
            suspension: Suspension::default(),
            next_turn: Instant::now(),
            buffer: vec![0; 64 << 10],
        })
    }

    /// Runs the program, and again at each restart; answers how the last one ended.
    pub(crate) fn run(mut self) -> Result<Ending, Error> {
        loop {
            let mut running = match self.start() {
                Ok(running) => running,
                Err(error) => {
                    self.tell_failure(&error);
                    self.link.drain();
                    return Err(error);
                }
            };
            let ending = self.attend(&mut running)?;
            self.read_rest(&mut running);
            let exited = ending.event(running.started.elapsed());
            self.link.outbox().push(Event::new(RUNNER_EXITED, &exited));
            self.flush_screen();
            if let Process::Kept(keeper) = &running.process {
                keeper.release();
            }
            let Some(restart) = self.restart.take() else {
                self.link.drain();
                return Ok(ending);
            };
            self.link.outbox().push(restart.request.done());
            self.link.set_session(restart.session, restart.secret);
            self.old_keepers.push(running.process);
        }
    }

    fn start(&mut self) -> Result<Running, Error> {
        let order = Order {
            program: &self.program,
            agent: &self.agent,
            session: self.link.session(),
            secret: self.link.secret(),
            setting: &self.setting,
            mask: self.mask,
        };
        let mut running = Running::start(&order, &self.screen)?;
        let pid = u32::try_from(running.pid).unwrap_or_default();
        self.link.outbox().push(Event::new(RUNNER_STARTED, &RunnerStarted { pid }));
        if let (Process::Kept(keeper), Some(console)) = (&running.process, &mut running.console) {
            self.screen.update(console, keeper);
        }
        Ok(running)
    }

    fn tell_failure(&mut self, error: &Error) {
        let exited = RunnerExited {
            exit_code: None,
            signal: None,
            signal_number: None,
            duration_ms: 0.0,
            error: Some(error.to_string()),
        };
        self.link.outbox().push(Event::new(RUNNER_EXITED, &exited));
    }

    /// Serves the program until it has ended.
    fn attend(&mut self, running: &mut Running) -> Result<Ending, Error> {
        loop {
            let held_back = self.suspension.holds_back(Instant::now());
            self.wait(running, held_back)?;
            if !held_back {
                self.take_signals(running);
            }
            if let Some(ending) = self.take_reports(running)? {
                return Ok(ending);
            }
            let flooded = self.move_output(running);
            if let Some(console) = &mut running.console {
                if !held_back {
                    self.screen.read_keys(console);
                }
                console.flush();
            }
            self.screen.flush();
            self.look(running);
            self.turn_to_hub(running, flooded);
            if self.restart.as_ref().is_some_and(|restart| Instant::now() >= restart.kill_at) {
                running.signal(libc::SIGKILL);
            }
        }
    }

    /// Speaks with the hub. While output keeps coming the program goes first: each message takes as long to make as
    /// many to read, and a hub that takes everything would be served before it otherwise.
    fn turn_to_hub(&mut self, running: &mut Running, flooded: bool) {
        let now = Instant::now();
        if flooded && now < self.next_turn {
            return;
        }
        self.next_turn = now + FLOODED_TURN;
        for request in self.link.turn(Some(running.pid)) {
            self.serve(running, &request);
        }
    }

    /// Waits until anything happens, keys and signals left aside if they are held back.
    fn wait(&self, running: &Running, held_back: bool) -> Result<(), Error> {
        let room = self.screen.has_room();
        let mut fds = Vec::with_capacity(8);
        let mut add = |(fd, events)| fds.push(libc::pollfd { fd, events, revents: 0 });
        add((running.watch(), libc::POLLIN));
        if let Some(signals) = self.signals.as_ref().filter(|_| !held_back) {
            add((signals.descriptor(), libc::POLLIN));
        }
        running.captured.iter().for_each(|(_, end)| add((end.as_raw_fd(), libc::POLLIN)));
        running.console.as_ref().and_then(|console| console.interest(room)).into_iter().for_each(&mut add);
        self.screen.interest(running.console.as_ref().filter(|_| !held_back)).into_iter().for_each(&mut add);
        self.link.interest().into_iter().for_each(&mut add);
        let now = Instant::now();
        let deadlines = [
            self.link.deadline(),
            self.suspension.deadline(),
            self.screen.deadline(now),
            running.console.as_ref().map(|console| console.deadline()),
            self.restart.as_ref().map(|restart| restart.kill_at.max(now + Duration::from_millis(50))),
        ];
        let timeout = deadlines.into_iter().flatten().min().map(|next| next.saturating_duration_since(now));
        sys::poll(&mut fds, timeout).map_err(|error| Error::System("waiting for the program", error))
    }

    fn take_reports(&mut self, running: &mut Running) -> Result<Option<Ending>, Error> {
        // A child of ours has one thing to tell, and asking for it waits.
        if let Process::Plain(_) = running.process {
            let mut fds = [libc::pollfd { fd: running.watch(), events: libc::POLLIN, revents: 0 }];
            sys::poll(&mut fds, Some(Duration::ZERO))
                .map_err(|error| Error::System("waiting for the program", error))?;
            if fds[0].revents == 0 {
                return Ok(None);
            }
        }
        while let Some(report) = running.report()? {
            self.suspension.heard();
            match report {
                Report::Ended(code, status) => return Ok(Some(Ending::from_wait(code, status))),
                Report::Stopped(signal) => self.stop(running, signal),
                Report::Continued => self.resumed(),
                Report::Started(_) => {}
            }
        }
        Ok(None)
    }

    fn take_signals(&mut self, running: &mut Running) {
        loop {
            // All that are there, before any of them is dealt with: the witness may be asked for milliseconds.
            let received: Vec<Received> = std::iter::from_fn(|| self.signals.as_ref()?.next()).collect();
            if received.is_empty() {
                return;
            }
            let came = Instant::now();
            for received in received {
                self.take_signal(running, received, came);
            }
        }
    }

    fn take_signal(&mut self, running: &mut Running, Received { signal, sender }: Received, came: Instant) {
        let sent_to_all =
            signal != libc::SIGCHLD && self.witness.as_mut().is_some_and(|witness| witness.saw(signal, came));
        match (signal, &mut running.console) {
            (libc::SIGCHLD, _) => self.reap(),
            (libc::SIGWINCH, Some(_)) => self.follow_size(running),
            (libc::SIGTTIN | libc::SIGTTOU, _) => {}
            (libc::SIGCONT, Some(console)) => {
                if let Process::Kept(keeper) = &running.process {
                    self.screen.update(console, keeper);
                }
                self.follow_size(running);
                running.resume();
            }
            (libc::SIGHUP, Some(_)) => {
                running.signal_group(libc::SIGHUP);
                running.resume();
            }
            (_, Some(console)) if sender == Sender::Terminal => console.signal_foreground(signal),
            // In one group with the program: it got the signal itself.
            (_, None) if sent_to_all || sender == Sender::Terminal => {}
            _ => running.signal(signal),
        }
    }

    fn reap(&mut self) {
        self.old_keepers.retain(|process| match process {
            Process::Kept(keeper) => !keeper.reap(),
            Process::Plain(_) => false,
        });
    }

    pub(crate) fn follow_size(&mut self, running: &Running) {
        let (Some(console), Some(terminal)) = (&running.console, self.screen.terminal()) else { return };
        console.follow_size(terminal);
        if let Some(size) = terminal.size() {
            self.link.outbox().push(Event::new(RUNNER_RESIZED, &size));
        }
    }

    /// Takes what the program has written: to the terminal first, then to the hub. True if there was any.
    pub(crate) fn move_output(&mut self, running: &mut Running) -> bool {
        // Kept, as clearing it each time would cost more than reading.
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut any = false;
        if let Some(console) = running.console.as_mut().filter(|_| self.screen.has_room()) {
            let bytes = console.read(&mut buffer);
            any |= !bytes.is_empty();
            self.screen.show(bytes);
            self.link.outbox().push_output(Origin::Terminal, bytes);
        }
        running.captured.retain(|(origin, end)| match sys::read(end.as_raw_fd(), &mut buffer) {
            Ok(0) => false,
            Ok(count) => {
                any = true;
                self.link.outbox().push_output(*origin, &buffer[..count]);
                true
            }
            Err(error) => error.kind() == std::io::ErrorKind::WouldBlock,
        });
        self.buffer = buffer;
        any
    }

    /// Everything that the ended program has written.
    fn read_rest(&mut self, running: &mut Running) {
        let end = LAST_OUTPUT / (4 << 10);
        for _ in 0..end {
            if !self.move_output(running) {
                if !self.screen.has_unshown() {
                    break;
                }
                self.flush_screen();
            }
        }
        self.link.outbox().finish_output();
    }

    /// Waits until the terminal has taken everything, unless a signal ends us first.
    pub(crate) fn flush_screen(&mut self) {
        self.screen.flush();
        while self.screen.has_unshown() {
            let mut fds = Vec::with_capacity(2);
            let shown = self.screen.interest(None).map(|(fd, _)| (fd, libc::POLLOUT));
            let signals = self.signals.as_ref().map(|signals| (signals.descriptor(), libc::POLLIN));
            for (fd, events) in shown.into_iter().chain(signals) {
                fds.push(libc::pollfd { fd, events, revents: 0 });
            }
            if sys::poll(&mut fds, None).is_err() {
                return;
            }
            self.screen.flush();
            let ends = |signal| matches!(signal, libc::SIGINT | libc::SIGTERM | libc::SIGHUP | libc::SIGQUIT);
            while let Some(received) = self.signals.as_ref().and_then(Signals::next) {
                if ends(received.signal) {
                    return;
                }
            }
        }
    }

    /// Looks who has the terminal and what the program waits for.
    fn look(&mut self, running: &mut Running) {
        let (Some(console), Process::Kept(keeper)) = (&mut running.console, &running.process) else { return };
        let now = Instant::now();
        let due = now >= console.deadline();
        if let Some(waiting) = console.look(running.pid, now) {
            self.link.outbox().push(Event::new(RUNNER_INPUT, &RunnerInput { waiting }));
        }
        if due || !self.screen.in_foreground() {
            self.screen.update(console, keeper);
        }
    }

    /// Asks the program to end, so that it can be started again.
    pub(crate) fn begin_restart(
        &mut self,
        running: &Running,
        request: &Request,
        session: SessionId,
        secret: String,
    ) -> Result<(), Failure> {
        if self.restart.is_some() {
            return Err(Failure::user("the program is being restarted already"));
        }
        running.signal(libc::SIGTERM);
        running.resume();
        self.restart = Some(Restart { request: request.clone(), session, secret, kill_at: Instant::now() + GRACE });
        Ok(())
    }
}

fn screen(found: &Found) -> std::io::Result<Screen> {
    let Some(terminal) = found.terminal() else { return Ok(Screen::none()) };
    Screen::open(terminal, if found.all_terminal() { Keys::All } else { Keys::WhileWaiting })
}
