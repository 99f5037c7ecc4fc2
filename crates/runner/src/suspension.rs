//! The program is stopped by Ctrl-Z or a signal like it: so are we, and the hub hears of it; then both go on.

use std::time::{Duration, Instant};

use ikpdb_proto::Event;
use ikpdb_proto::runner::{RUNNER_RESUMED, RUNNER_SUSPENDED, RunnerSuspended};

use crate::ending::signal_name;
use crate::run::Runner;
use crate::running::{Process, Running};
use crate::terminal::Terminal;

/// How long the program may take to go on; the keeper says when it does.
const CONTINUING: Duration = Duration::from_millis(500);

/// How the program stands with its terminal's job control.
#[derive(Default)]
pub(crate) struct Suspension {
    /// The hub was told that the program is suspended.
    told: bool,
    /// The program was told to go on, and has not been heard to; until this instant.
    continuing: Option<Instant>,
}

impl Suspension {
    /// Whether keys and signals must wait: a Ctrl-Z that reached the program before it goes on would be lost, as going on
    /// takes back every stop that has not happened.
    pub(crate) fn holds_back(&mut self, now: Instant) -> bool {
        if self.continuing.is_some_and(|until| until <= now) {
            self.continuing = None;
        }
        self.continuing.is_some()
    }

    /// When that ends at the latest.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.continuing
    }

    /// Something was heard of the program.
    pub(crate) fn heard(&mut self) {
        self.continuing = None;
    }
}

impl Runner {
    /// The program was stopped, by Ctrl-Z for example: so are we, until the shell continues us.
    pub(crate) fn stop(&mut self, running: &mut Running, signal: i32) {
        self.move_output(running);
        self.flush_screen();
        // It used the terminal in the background, and the shell has brought us to the foreground since.
        let is_over = matches!(signal, libc::SIGTTIN | libc::SIGTTOU)
            && self.screen.terminal().is_some_and(Terminal::is_foreground);
        // Without a shell that could continue it, the system would not have stopped it either.
        let would_not_stop = self.screen.terminal().is_none() && signal != libc::SIGSTOP;
        if !is_over && !would_not_stop {
            // It may have gone on and stopped again so fast that only this was seen.
            if !std::mem::replace(&mut self.suspension.told, true) {
                let suspended = RunnerSuspended { signal: signal_name(signal) };
                self.link.outbox().push(Event::new(RUNNER_SUSPENDED, &suspended));
            }
            let Process::Kept(keeper) = &running.process else { return };
            if self.screen.terminal().is_none() {
                return;
            }
            // Now: while we are stopped nothing is sent.
            self.link.drain();
            self.screen.stop(signal, keeper);
            self.resumed();
        }
        if let (Some(console), Process::Kept(keeper)) = (&mut running.console, &running.process) {
            self.screen.update(console, keeper);
            self.follow_size(running);
        }
        running.resume();
        self.suspension.continuing = Some(Instant::now() + CONTINUING);
    }

    /// The program goes on.
    pub(crate) fn resumed(&mut self) {
        if std::mem::take(&mut self.suspension.told) {
            self.link.outbox().push(Event { seq: 0, event: RUNNER_RESUMED.to_owned(), body: None });
        }
    }
}
