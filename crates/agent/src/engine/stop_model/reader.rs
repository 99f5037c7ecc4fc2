//! A stopped thread that reads letters: `Reader` of `stop.rs`, what it carries out, and evaluations.

use ikpdb_proto::{Request, StopPolicy, ThreadId};

use super::super::freezer::{Hurry, Why};
use super::actor::{Actor, HELPER, id_of, number_of};
use super::{Ask, Errand, GoOn, Letter, ORDER, Stop, Who, Whom};
use crate::door::mailbox::StopId;
use crate::sync::Semaphore;

impl Actor<'_> {
    /// `Reader::wait`.
    pub(super) fn wait(&mut self, arrived: &Semaphore) {
        if self.holds() {
            arrived.wait();
            return;
        }
        loop {
            // `lifetime::wait_outside`
            self.give_gil();
            arrived.wait();
            let hurry = Hurry::of(self.me);
            let asked = hurry.clone();
            self.world.submit(Box::new(move |world| {
                if asked.begin(&world.freezer) {
                    world.update_events();
                }
            }));
            self.take_gil();
            if hurry.end(&self.world.freezer) {
                self.world.update_events();
            }
            if !self.world.holder.is_there() {
                return;
            }
        }
    }

    /// `Reader::read`.
    pub(super) fn read(&mut self, id: StopId, shown: ThreadId) -> Option<GoOn> {
        let world = self.world;
        while let Some((to, letter)) = world.mailbox.next(id) {
            self.check_that_others_stand_still();
            let go_on = match letter {
                Letter::Job(job) => {
                    job(world);
                    None
                }
                Letter::Release => Some(GoOn::LetGo),
                Letter::GoOn(go_on) => {
                    assert_eq!(to, id, "a stop ends because another one is to");
                    Some(go_on)
                }
                Letter::Request(request) => self.answer(id, to, shown, request),
                Letter::Errand { work, evaluates } if evaluates && world.running().is_some() && !self.holds() => {
                    if let Err(Letter::Errand { work, .. }) =
                        world.mailbox.put_off(id, to, Letter::Errand { work, evaluates })
                    {
                        world.refuse(work.0);
                    }
                    None
                }
                Letter::Errand { work, .. } => self.carry_out(to, shown, work),
            };
            if let Some(go_on) = go_on.and_then(|it| self.obey(id, to, shown, it)) {
                return Some(go_on);
            }
        }
        None
    }

    /// `Reader::answer`, and `requests::carry_out`.
    fn answer(&mut self, id: StopId, to: StopId, shown: ThreadId, request: Request) -> Option<GoOn> {
        let world = self.world;
        let Some(stop) = self.take(to) else {
            world.refuse(request.seq);
            return None;
        };
        let who = |whom: Whom| {
            let only = stop.policy == StopPolicy::Thread || whom.only;
            if only { Who::Only(whom.thread) } else { Who::All }
        };
        let ask = world.ask_of(request.seq);
        let is_put_off = ask == Ask::Evaluate && world.running().is_some();
        let lets_all_go_on = |whom: Whom| who(whom) == Who::All && whom.thread == stop.thread;
        if let Ask::Continue(whom) | Ask::Next(whom) = ask
            && !(matches!(ask, Ask::Continue(_)) && lets_all_go_on(whom))
            && !world.with(|it| it.alive.contains(&number_of(whom.thread)))
        {
            // There is no such thread.
            world.with(|it| it.states.push(stop));
            world.refuse(request.seq);
            return None;
        }
        let go_on = match ask {
            Ask::Evaluate if !is_put_off => {
                self.evaluate(request.seq, shown);
                None
            }
            Ask::Continue(whom) => Some(GoOn::Run(who(whom))),
            Ask::Next(whom) => Some(GoOn::Step(whom.thread, who(whom))),
            _ => None,
        };
        world.with(|it| it.states.push(stop));
        // Only all of a program that was paused where it waits can go on.
        let is_elsewhere = self.me == HELPER && go_on.and_then(GoOn::alone).is_some_and(|it| it != shown);
        if is_elsewhere || (is_put_off && self.holds()) {
            world.refuse(request.seq);
            return None;
        }
        if is_put_off {
            if let Err(Letter::Request(request)) = world.mailbox.put_off(id, to, Letter::Request(request)) {
                world.refuse(request.seq);
            }
            if world.running().is_none() {
                world.mailbox.take_up();
            }
            return None;
        }
        world.answer(request.seq);
        go_on
    }

    /// `stop::take`.
    fn take(&self, to: StopId) -> Option<Stop> {
        self.world.with(|it| {
            let at = it.states.iter().position(|it| it.id == to)?;
            Some(it.states.swap_remove(at))
        })
    }

    /// `Reader::carry_out`, and the errands of `at_stop.rs`.
    fn carry_out(&mut self, to: StopId, shown: ThreadId, Errand(seq): Errand) -> Option<GoOn> {
        let world = self.world;
        let Some(stop) = self.take(to) else {
            world.refuse(seq);
            return None;
        };
        let who = if stop.policy == StopPolicy::Thread { Who::Only(stop.thread) } else { Who::All };
        let go_on = match world.ask_of(seq) {
            Ask::Evaluate if world.running().is_some() => {
                world.with(|it| it.states.push(stop));
                world.refuse(seq);
                return None;
            }
            Ask::Evaluate => {
                self.evaluate(seq, shown);
                None
            }
            Ask::Continue(_) => Some(GoOn::Run(who)),
            Ask::Next(_) => Some(GoOn::Step(stop.thread, who)),
            _ => None,
        };
        world.with(|it| it.states.push(stop));
        world.answer(seq);
        go_on
    }

    /// `Reader::obey`.
    fn obey(&mut self, id: StopId, to: StopId, shown: ThreadId, go_on: GoOn) -> Option<GoOn> {
        let world = self.world;
        let other = go_on.alone().filter(|it| *it != shown);
        match (other, go_on) {
            (Some(other), go_on) => {
                let held = self.holds();
                match (world.mailbox.stop_of(other), go_on) {
                    (Some(stop), go_on) => world.mailbox.lets_go_on(id, stop, go_on),
                    (None, GoOn::Step(thread, _)) => self.begin_step(thread, StopPolicy::All),
                    (None, _) => {}
                }
                let to_pause = world.mailbox.let_others_run(id);
                if world.holder.give_way(self.me) {
                    world.mailbox.nudge();
                }
                if held {
                    self.freeze_all_but(other);
                }
                to_pause.into_iter().for_each(|it| world.pause(it));
                None
            }
            (None, GoOn::Step(thread, _)) if to != id => {
                world.mailbox.lets_go_on(id, to, GoOn::Step(thread, Who::Only(thread)));
                Some(GoOn::Run(Who::All))
            }
            (None, go_on) => {
                if let Some(this) = go_on.alone()
                    && world.freezer.is_for(Why::Pick)
                {
                    self.freeze_all_but(this);
                }
                Some(go_on)
            }
        }
    }

    /// `Evaluation::begin`, what it runs, and `Evaluation::end`.
    fn evaluate(&mut self, seq: i64, shown: ThreadId) {
        let world = self.world;
        let holds = self.holds();
        let known = world.with(|it| it.alive.iter().map(|it| id_of(*it)).filter(|it| holds || *it == shown).collect());
        world.published.lock().unwrap().extend::<Vec<_>>(known);
        if self.holds() {
            self.freeze();
        }
        let policy = if holds { StopPolicy::All } else { StopPolicy::Thread };
        world.watchdog.evaluation_begins(seq, policy);
        world.running.store(usize::try_from(seq).unwrap(), ORDER);
        world.answer_what_waits();
        if world.ending.load(ORDER) || world.mailbox.is_given_up(seq) {
            world.watchdog.interrupt(seq);
        }
        self.without_gil(|world| world.wait_for(seq));
        let others_ran = world.watchdog.evaluation_ends();
        world.running.store(0, ORDER);
        if others_ran && self.holds() {
            self.freeze();
        }
        world.mailbox.take_up();
    }

    /// While a stop holds the program and does what it is asked, all others stand still.
    fn check_that_others_stand_still(&self) {
        let world = self.world;
        if self.holds() && !world.ending.load(ORDER) {
            assert!(world.freezer.is_on(), "a stop holds the program, and the others do not stand still");
        }
    }
}
