//! A program that has failed is held for whoever looks at it; while nobody does, it is let end after a while.

use ikpdb_proto::{Request, SessionId};

use crate::forward::Purpose;
use crate::hub::Hub;
use crate::session::AgentLink;
use crate::timers::Timer;

/// How long an exception that ends the program is held for somebody to look at it.
const UNWATCHED_MS: u64 = 10_000;

impl Hub {
    /// Starts to count for each failed program as soon as nobody looks at it: anew whenever the last client has left.
    pub(crate) fn settle_unwatched(&mut self) {
        let concerned = self.sessions.iter().filter(|(_, it)| it.failed().is_some() || it.unwatched_since.is_some());
        let ids: Vec<_> = concerned.map(|(&id, _)| id).collect();
        for id in ids {
            let (now, clients) = (self.now, self.clients(id));
            let Ok(session) = self.session(id) else { continue };
            if clients > 0 || session.failed().is_none() {
                session.unwatched_since = None;
            } else if session.unwatched_since.is_none() {
                session.unwatched_since = Some(now);
                self.timers.set(now + UNWATCHED_MS, Timer::Unwatched(id));
            }
        }
    }

    /// The wait is over, unless somebody came in between: the program ends anyway, so it is not kept from that.
    pub(crate) fn unwatched_due(&mut self, id: SessionId) {
        let (now, clients) = (self.now, self.clients(id));
        let Ok(session) = self.session(id) else { return };
        let waited = session.unwatched_since.is_some_and(|since| since + UNWATCHED_MS <= now);
        let (AgentLink::Joined(agent, _), Some(stop)) = (session.agent, session.failed()) else { return };
        if waited && clients == 0 {
            // Another thread may have failed as well: for that it is counted anew.
            let arguments = serde_json::json!({"threadId": stop.thread_id});
            self.ask(agent, id, Request::new("continue", &arguments), Purpose::Unwatched);
            if let Ok(session) = self.session(id) {
                session.unwatched_since = None;
            }
        }
    }
}
