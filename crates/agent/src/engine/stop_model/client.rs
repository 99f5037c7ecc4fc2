//! The listener, and a user who asks for this and that.

use std::collections::{BTreeMap, BTreeSet};

use ikpdb_proto::{Request, StopPolicy, ThreadId};
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread;

use super::actor::id_of;
use super::sessions::Program;
use super::{Ask, Errand, Letter, Message, ORDER, Whom, World};
use crate::door::mailbox::{StopId, To};
use crate::engine::what::Reason;

/// What the user does besides looking at stops and letting them go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Does {
    Evaluate,
    Step,
    /// Lets one thread go on alone.
    PickOne,
    Pause,
    Leave,
    /// Asks this and that by the other door.
    UseOtherDoor,
}

/// A stop as the user sees it.
struct Shown {
    id: StopId,
    thread: ThreadId,
    policy: StopPolicy,
    /// The requests that let it go on.
    told: BTreeSet<i64>,
    /// An evaluation that the user waits for.
    waits_for: Option<i64>,
}

impl Shown {
    /// Whether the user has something to do there.
    fn is_looked_at(&self) -> bool {
        self.told.is_empty() && self.waits_for.is_none()
    }
}

pub(super) struct Client<'w> {
    world: &'w World,
    does: &'static [Does],
    threads: usize,
    seq: i64,
    stops: Vec<Shown>,
    ended: BTreeSet<ThreadId>,
    /// Threads that were asked to pause and have not stopped since.
    pausing: BTreeSet<ThreadId>,
    /// A thread that was asked to pause has ended.
    pauses_others: bool,
    /// Of a stop of everybody it cannot be told whether it still holds them: a thread that is let go on while it does goes on alone.
    is_unsure: bool,
    unanswered: BTreeSet<i64>,
    /// Evaluations that end when a request is answered.
    ends_with: BTreeMap<i64, i64>,
    left: bool,
}

fn one_in(count: u32) -> bool {
    thread_rng().gen_range(0..count) == 0
}

impl<'w> Client<'w> {
    pub(super) fn new(world: &'w World, does: &'static [Does], program: Program) -> Self {
        let policies = program.iter().copied().flatten().flatten();
        let all = policies.clone().filter(|it| **it == StopPolicy::All).count();
        let is_unsure = does.contains(&Does::PickOne) || (all != 0 && all != policies.count());
        Self {
            world,
            does,
            threads: program.len(),
            seq: 0,
            stops: Vec::new(),
            ended: BTreeSet::new(),
            pausing: BTreeSet::new(),
            pauses_others: false,
            is_unsure,
            unanswered: BTreeSet::new(),
            ends_with: BTreeMap::new(),
            left: false,
        }
    }

    /// Until every thread has come to its end. The number of requests.
    pub(super) fn debug(&mut self) -> i64 {
        loop {
            let message = self.world.messages.lock().unwrap().pop_front();
            if let Some(message) = message {
                self.hear(message);
                self.act();
            } else if !self.left && self.stops.iter().any(Shown::is_looked_at) {
                self.look();
            } else if self.is_done() {
                return self.seq;
            } else if self.may_be_kept_waiting() && self.nothing_happens() {
                // Those who were picked may wait for those who stand still, or another one goes on than the user meant.
                if !self.is_done() {
                    self.stops.iter_mut().for_each(|it| it.told.clear());
                    self.ask(To::Whoever, Ask::Pause(self.some_thread()));
                }
            } else {
                self.world.sent.wait();
            }
        }
    }

    fn is_done(&self) -> bool {
        self.ended.len() == self.threads
            && self.stops.is_empty()
            && self.unanswered.is_empty()
            && (self.left || self.pausing.is_empty())
            // A stop that ends has read what it was sent, and the helper has nobody to wait for any more.
            && self.world.with(|it| it.stopped.is_empty())
            && !self.world.wish.is_there()
            && !self.world.mailbox.is_open()
            && self.world.messages.lock().unwrap().is_empty()
    }

    fn may_be_kept_waiting(&self) -> bool {
        !self.left && self.does(Does::PickOne)
    }

    fn nothing_happens(&self) -> bool {
        const LONG: usize = 200;
        (0..LONG).all(|_| {
            thread::yield_now();
            self.world.messages.lock().unwrap().is_empty()
        })
    }

    fn does(&self, what: Does) -> bool {
        self.does.contains(&what)
    }

    fn hear(&mut self, message: Message) {
        match message {
            Message::Stopped { id, thread, policy, reason } => {
                let was_wanted = !self.pausing.is_empty() || self.pauses_others || self.left || self.is_unsure;
                assert!(reason != Reason::Pause || was_wanted, "a pause leads to a second stop");
                self.pauses_others &= policy == StopPolicy::Thread;
                self.pausing.retain(|it| policy == StopPolicy::Thread && *it != thread);
                self.stops.push(Shown { id, thread, policy, told: BTreeSet::new(), waits_for: None });
            }
            Message::Continued { id } => self.stops.retain(|it| it.id != id),
            Message::Answer { seq, carried_out } => {
                assert!(self.unanswered.remove(&seq), "request {seq} is answered twice");
                self.stops.iter_mut().for_each(|it| it.waits_for = it.waits_for.filter(|it| *it != seq));
                if let Some(evaluation) = self.ends_with.remove(&seq)
                    && !self.left
                {
                    self.world.finish(evaluation);
                }
                if !carried_out {
                    if self.is_unsure {
                        // What was thought to go on did not.
                        self.pausing.clear();
                    }
                    self.stops.iter_mut().for_each(|it| {
                        it.told.remove(&seq);
                    });
                }
            }
            Message::Ended(thread) => {
                self.ended.insert(thread);
                for (seq, evaluation) in &self.ends_with {
                    if self.world.ask_of(*seq) == Ask::Stack(thread) {
                        self.world.finish(*evaluation);
                    }
                }
                // Another one may be paused in its place.
                self.pauses_others |= thread != id_of(1) && self.pausing.remove(&thread);
            }
        }
    }

    /// What comes into the user's mind at any time.
    fn act(&mut self) {
        if !self.left && self.does(Does::Pause) && one_in(6) {
            let thread = self.some_thread();
            if thread != id_of(1) && self.ended.contains(&thread) {
                return;
            }
            let mut waiting = self.stops.iter().filter(|it| it.told.is_empty());
            let stands = waiting.clone().any(|it| it.thread == thread && it.policy == StopPolicy::Thread);
            let all_stand = waiting.any(|it| it.policy == StopPolicy::All);
            if !stands && !all_stand {
                self.pausing.insert(thread);
            }
            self.ask(To::Whoever, Ask::Pause(thread));
        }
        if !self.left && self.does(Does::Leave) && one_in(8) {
            self.left = true;
            self.ask(To::Whoever, Ask::Disconnect);
        }
    }

    fn some_thread(&self) -> ThreadId {
        id_of(thread_rng().gen_range(1..=self.threads))
    }

    /// Looks at a stop, and lets something go on.
    fn look(&mut self) {
        let waiting: Vec<_> = self.stops.iter().filter(|it| it.is_looked_at()).collect();
        let &Shown { id, thread, policy, .. } = waiting[thread_rng().gen_range(0..waiting.len())];
        let to = To::Stop(id);
        if one_in(2) {
            self.ask(To::Thread(thread), Ask::Stack(thread));
        }
        if self.does(Does::Evaluate) && one_in(2) {
            let evaluation = self.ask(to, Ask::Evaluate);
            if one_in(2) {
                self.stops.iter_mut().filter(|it| it.id == id).for_each(|it| it.waits_for = Some(evaluation));
            }
            match thread_rng().gen_range(0..3) {
                0 => self.world.finish(evaluation),
                1 => drop(self.ask(to, Ask::Cancel(evaluation))),
                // The stack of one that may be gone is told of when the evaluation is over.
                _ if self.ended.contains(&thread) => self.world.finish(evaluation),
                _ => {
                    let seq = self.ask(To::Thread(thread), Ask::Stack(thread));
                    self.ends_with.insert(seq, evaluation);
                }
            }
        }
        if self.does(Does::UseOtherDoor) && one_in(2) {
            return self.look_by_other_door(id, thread, policy);
        }
        if self.stops.iter().any(|it| it.id == id && it.waits_for.is_some()) {
            return;
        }
        let whose = if self.does(Does::PickOne) && one_in(2) { self.some_thread() } else { thread };
        let whom = Whom { thread: whose, only: self.does(Does::PickOne) && one_in(2) };
        let go_on = if self.does(Does::Step) && one_in(2) { Ask::Next(whom) } else { Ask::Continue(whom) };
        let all = policy == StopPolicy::All && !whom.only;
        let next = self.seq + 1;
        for stop in self.stops.iter_mut().filter(|it| all || (it.id == id && whose == thread)) {
            stop.told.insert(next);
        }
        self.ask(To::Thread(whose), go_on);
        self.act();
    }

    /// As a client of the original's protocol does: it asks one stop, and lets that go on.
    fn look_by_other_door(&mut self, id: StopId, thread: ThreadId, policy: StopPolicy) {
        if one_in(2) {
            self.send_errand(id, Ask::Stack(thread));
        }
        if self.does(Does::Evaluate) && one_in(2) {
            let evaluation = self.send_errand(id, Ask::Evaluate);
            self.stops.iter_mut().filter(|it| it.id == id).for_each(|it| it.waits_for = Some(evaluation));
            // `commands::suspend`
            match self.world.running() == Some(evaluation) && one_in(2) {
                true => self.world.watchdog.interrupt(evaluation),
                false => self.world.finish(evaluation),
            }
        }
        if self.stops.iter().any(|it| it.id == id && it.waits_for.is_some()) {
            return;
        }
        let whom = Whom { thread, only: false };
        let go_on = if self.does(Does::Step) && one_in(2) { Ask::Next(whom) } else { Ask::Continue(whom) };
        let next = self.seq + 1;
        for stop in self.stops.iter_mut().filter(|it| policy == StopPolicy::All || it.id == id) {
            stop.told.insert(next);
        }
        self.send_errand(id, go_on);
        self.act();
    }

    /// `commands::ask_stop`, and `commands::go_on`.
    fn send_errand(&mut self, id: StopId, ask: Ask) -> i64 {
        self.seq += 1;
        let seq = self.seq;
        self.unanswered.insert(seq);
        self.world.asks.lock().unwrap().insert(seq, ask);
        let letter = Letter::Errand { work: Errand(seq), evaluates: matches!(ask, Ask::Stack(_) | Ask::Evaluate) };
        if let Err(Letter::Errand { work, .. }) = self.world.mailbox.put(To::Stop(id), letter) {
            self.world.refuse(work.0);
        }
        seq
    }

    /// `listener::handle`, and `immediate::answer`.
    fn ask(&mut self, to: To, ask: Ask) -> i64 {
        let world = self.world;
        self.seq += 1;
        let seq = self.seq;
        self.unanswered.insert(seq);
        world.asks.lock().unwrap().insert(seq, ask);
        let request = Request { seq, ..Request::new("model", &()) };
        match ask {
            Ask::Pause(thread) => {
                if world.debugging.load(ORDER) {
                    world.pause(thread);
                }
                world.answer(seq);
            }
            Ask::Cancel(given_up) => {
                if let Some(withdrawn) = world.mailbox.give_up(given_up) {
                    world.refuse(withdrawn.seq);
                } else {
                    world.watchdog.interrupt(given_up);
                }
                world.answer(seq);
            }
            Ask::Disconnect => {
                world.answer(seq);
                world.end_for_good();
            }
            Ask::Stack(_) if world.running().is_some() && world.stack_is_known(ask, world.mailbox.is_held()) => {
                world.answer(seq);
            }
            _ => {
                if let Err(Letter::Request(request)) = world.mailbox.put(to, Letter::Request(request)) {
                    world.refuse(request.seq);
                }
                world.answer_what_waits();
            }
        }
        seq
    }
}
