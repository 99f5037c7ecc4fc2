//! When the hub ends itself.

use crate::connection::Role;
use crate::hub::Hub;
use crate::port::{Mode, Output};
use crate::timers::Timer;

impl Hub {
    /// Whether anybody needs the hub: a program that may run, or a client that is let in.
    fn needed(&self) -> bool {
        let client = |role: &Role| match (self.config.mode, role) {
            (_, Role::Stranger | Role::Visitor(_) | Role::EarlyAgent(_)) => false,
            (Mode::Private, role) => matches!(role, Role::Editor(_)),
            (Mode::Shared { .. }, _) => true,
        };
        self.sessions.values().any(|session| session.is_live()) || self.connections.values().any(|it| client(&it.role))
    }

    /// Starts to wait for the end as soon as nobody needs the hub.
    pub(crate) fn settle_idle(&mut self) {
        if self.needed() {
            self.counted.idle_since = None;
            return;
        }
        match self.config.mode {
            Mode::Private => self.finish(),
            Mode::Shared { linger_ms } => {
                if self.counted.idle_since.is_none() {
                    self.counted.idle_since = Some(self.now);
                    self.timers.set(self.now + linger_ms, Timer::Idle);
                }
            }
        }
    }

    /// The wait is over, unless somebody came in between.
    pub(crate) fn idle_due(&mut self) {
        if let Mode::Shared { linger_ms } = self.config.mode
            && self.counted.idle_since.is_some_and(|since| since + linger_ms <= self.now)
        {
            self.finish();
        }
    }

    fn finish(&mut self) {
        if !std::mem::replace(&mut self.counted.over, true) {
            self.out.push(Output::Exit);
        }
    }
}
