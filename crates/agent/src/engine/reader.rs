//! The thread of a stop, as it reads what it is asked and does it.

use ikpdb_proto::{Failure, Request, StopPolicy};
use pyo3::prelude::*;

use super::freeze::{self, Why};
use super::go_on::{GoOn, Who};
use super::stop;
use super::threads::{self, Thread};
use super::{evaluation, events, pause, step};
use crate::door::mailbox::{Errand, Letter, MAILBOX, StopId};
use crate::door::{OUTBOX, immediate};
use crate::lifetime;
use crate::requests::{self, Outcome};
use crate::sync::Semaphore;

/// The thread that reads the letters of its stop, and of others while that holds the program.
pub(super) struct Reader {
    pub(super) id: StopId,
    pub(super) thread: Thread,
    /// The thread is shown where it waits: another one, of ours, reads.
    pub(super) is_elsewhere: bool,
}

impl Reader {
    /// Waits until something has come: with the GIL if this stop holds the program.
    pub(super) fn wait(&self, py: Python<'_>, arrived: &Semaphore) {
        // While the interpreter ends nobody but the thread that ends it gets the GIL again.
        if stop::holds() || lifetime::ends() {
            arrived.wait();
            return;
        }
        loop {
            lifetime::wait_outside(py, arrived);
            if !stop::is_on() {
                return;
            }
            // Another stop holds the program, and reads this one's letters; when it goes on, this one is woken.
        }
    }

    /// Does what has come.
    pub(super) fn read(&self, py: Python<'_>) -> Option<GoOn> {
        while !lifetime::forked()
            && let Some((to, letter)) = MAILBOX.next(self.id)
        {
            let go_on = match letter {
                Letter::Job(job) => {
                    job(py);
                    None
                }
                Letter::Release => Some(GoOn::LetGo),
                Letter::GoOn(go_on) => Some(go_on),
                Letter::Request(request) => self.answer(py, to, request),
                Letter::Errand { work, evaluates }
                    if evaluates && evaluation::running().is_some() && !stop::holds() =>
                {
                    if let Err(Letter::Errand { work, .. }) =
                        MAILBOX.put_off(self.id, to, Letter::Errand { work, evaluates })
                    {
                        drop(work(None));
                    }
                    None
                }
                Letter::Errand { work, .. } => self.carry_out(py, to, work),
            };
            if let Some(go_on) = go_on.and_then(|it| self.obey(py, to, it)) {
                return Some(go_on);
            }
        }
        // An evaluation has forked: in the child nobody is there who would let it go on.
        lifetime::forked().then_some(GoOn::LetGo)
    }

    /// Answers a request to a stop; `Some` if that goes on.
    fn answer(&self, py: Python<'_>, to: StopId, request: Request) -> Option<GoOn> {
        let Some(mut stop) = stop::take(py, to) else {
            OUTBOX.send(request.refuse(&Failure::running()));
            return None;
        };
        let work = || requests::carry_out(py, &mut stop, &request);
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        stop::keep(py, stop);
        match outcome {
            Ok(Ok(Outcome::Body(body))) => OUTBOX.send(request.answer(&body)),
            Ok(Ok(Outcome::GoOn(go_on, body))) => {
                if go_on.alone().is_some_and(|it| it.id != self.thread.id) && self.is_elsewhere {
                    let why = "the program was paused while it waits in native code: only all of it can go on";
                    OUTBOX.send(request.refuse(&Failure::user(why)));
                    return None;
                }
                OUTBOX.send(request.answer(&body));
                return Some(go_on);
            }
            Ok(Ok(Outcome::PutOff)) if stop::holds() => {
                let why = "another thread is in the middle of an evaluation; let the program go on first";
                OUTBOX.send(request.refuse(&Failure::user(why)));
            }
            Ok(Ok(Outcome::PutOff)) => {
                if let Err(Letter::Request(request)) = MAILBOX.put_off(self.id, to, Letter::Request(request)) {
                    OUTBOX.send(request.refuse(&immediate::given_up()));
                }
                if evaluation::running().is_none() {
                    MAILBOX.take_up();
                }
            }
            Ok(Err(failure)) => OUTBOX.send(request.refuse(&failure)),
            Err(_) => {
                let why = format!("the agent failed in '{}'", request.command);
                OUTBOX.send(request.refuse(&Failure::internal(why)));
            }
        }
        None
    }

    /// Does an errand; `Some` if the stop goes on.
    fn carry_out(&self, py: Python<'_>, to: StopId, work: Errand) -> Option<GoOn> {
        let mut stop = stop::take(py, to);
        let work = || work(stop.as_mut().map(|it| (py, it)));
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        if let Some(stop) = stop {
            stop::keep(py, stop);
        }
        outcome.unwrap_or_else(|_| {
            crate::log::line("the agent failed in a command of the IKPdb protocol");
            None
        })
    }

    /// What a stop is told to do: `Some` if this stop is to do it.
    fn obey(&self, py: Python<'_>, to: StopId, go_on: GoOn) -> Option<GoOn> {
        let other = go_on.alone().filter(|it| it.id != self.thread.id).cloned();
        match (other, go_on) {
            // Another thread goes on alone: this one stays as it is, and holds nobody else.
            (Some(other), go_on) => {
                let held = stop::holds();
                match (MAILBOX.stop_of(other.id), go_on) {
                    (Some(stop), go_on) => MAILBOX.lets_go_on(self.id, stop, go_on),
                    (None, go_on) => {
                        stop::tell_continued(other.id, false);
                        if let GoOn::Step(step, _) = go_on {
                            step::begin(py, step, StopPolicy::All);
                        }
                    }
                }
                let to_pause = MAILBOX.let_others_run(self.id);
                stop::give_way();
                if held {
                    freeze::all_but(py, &other);
                    events::update(py);
                }
                to_pause.into_iter().for_each(pause::ask);
                None
            }
            // The program goes on, and another thread that is stopped by itself makes a step.
            (None, GoOn::Step(step, _)) if to != self.id => {
                let only = threads::list(py).into_iter().find(|it| it.state == step.thread)?;
                MAILBOX.lets_go_on(self.id, to, GoOn::Step(step, Who::Only(only)));
                Some(GoOn::run())
            }
            (None, go_on) => {
                // Where the user has picked who runs, this thread is one of them from now on.
                if let Some(this) = go_on.alone()
                    && freeze::is_for(Why::Pick)
                {
                    freeze::all_but(py, this);
                }
                Some(go_on)
            }
        }
    }

    /// Where the program is, for the user.
    pub(super) fn place(&self, py: Python<'_>) -> String {
        let top = stop::top(py, self.id);
        let place = top.and_then(|frame| {
            let frame = frame.bind(py);
            let line: u32 = frame.getattr("f_lineno").ok()?.extract().ok()?;
            let file: String = frame.getattr("f_code").ok()?.getattr("co_filename").ok()?.extract().ok()?;
            Some(format!(" at {file}:{line}"))
        });
        place.unwrap_or_default()
    }
}
