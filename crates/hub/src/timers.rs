//! Moments that the hub waits for. A timer that is no longer needed fires into nothing: whoever handles it looks first.

use std::collections::BTreeSet;

use ikpdb_proto::SessionId;

use crate::port::ConnectionId;

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// A peer must have said who it is.
    Introduction(ConnectionId),
    /// A session's program has ended: its agent had time enough to send the rest.
    Drained(SessionId),
    /// The agent of a started program should be here.
    AgentDue(SessionId),
    /// The agent went away, and the program has not ended since.
    AgentLost(SessionId),
    /// A program that has failed was shown to nobody for a while.
    Unwatched(SessionId),
    /// The program was asked to end and has not.
    Kill(SessionId),
    /// A runner that was started should be here.
    RunnerDue(SessionId),
    /// Output that was held back may go out.
    Output(SessionId),
    /// Nobody has needed the hub for a while.
    Idle,
}

/// All timers that are set.
#[derive(Default)]
pub(crate) struct Timers {
    set: BTreeSet<(u64, Timer)>,
    /// The moment that was asked for last.
    announced: Option<u64>,
}

impl Timers {
    /// Waits until `at`.
    pub(crate) fn set(&mut self, at: u64, timer: Timer) {
        self.set.insert((at, timer));
    }

    /// The next timer that is due.
    pub(crate) fn due(&mut self, now: u64) -> Option<Timer> {
        let &(at, timer) = self.set.first()?;
        if at > now {
            return None;
        }
        self.set.pop_first();
        self.announced = None;
        Some(timer)
    }

    /// The moment to be woken, if it has to be said anew.
    pub(crate) fn announce(&mut self) -> Option<u64> {
        let first = self.set.first()?.0;
        if self.announced == Some(first) {
            return None;
        }
        self.announced = Some(first);
        Some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_fire_in_order_and_only_when_due() {
        let mut timers = Timers::default();
        timers.set(20, Timer::Idle);
        timers.set(10, Timer::Drained(SessionId(1)));
        assert_eq!(timers.announce(), Some(10));
        assert_eq!(timers.announce(), None, "said once");
        assert_eq!(timers.due(9), None);
        assert_eq!(timers.due(30), Some(Timer::Drained(SessionId(1))));
        assert_eq!(timers.announce(), Some(20));
        assert_eq!(timers.due(30), Some(Timer::Idle));
        assert_eq!(timers.due(30), None);
    }
}
