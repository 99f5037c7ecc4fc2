//! A thread that runs Python code: its lines, its stops, and how it goes on. `stop.rs`, mostly.

use ikpdb_proto::{Request, StopPolicy, ThreadId};
use shuttle::sync::MutexGuard;
use shuttle::thread;

use super::super::freezer::Why;
use super::super::stop::Came;
use super::super::what::Reason;
use super::{Errand, GoOn, Letter, Message, ORDER, Stop, Who, World};
use crate::door::mailbox::StopId;

/// The helper's number among the threads, which are counted from one.
pub(super) const HELPER: usize = 99;

/// A thread.
pub(super) struct Actor<'w> {
    pub(super) world: &'w World,
    pub(super) me: usize,
    gil: Option<MutexGuard<'w, ()>>,
}

/// What a stop shows.
#[derive(Clone, Copy)]
pub(super) struct What {
    pub(super) reason: Reason,
    pub(super) policy: StopPolicy,
    /// The thread to show, if not the current one.
    pub(super) of: Option<usize>,
}

pub(super) fn id_of(thread: usize) -> ThreadId {
    ThreadId(i32::try_from(thread).unwrap())
}

pub(super) fn number_of(thread: ThreadId) -> usize {
    usize::try_from(thread.0).unwrap()
}

impl<'w> Actor<'w> {
    pub(super) fn new(world: &'w World, me: usize) -> Self {
        Self { world, me, gil: None }
    }

    pub(super) fn take_gil(&mut self) {
        self.gil = Some(self.world.gil.lock().unwrap());
    }

    pub(super) fn give_gil(&mut self) {
        self.gil = None;
    }

    pub(super) fn without_gil(&mut self, work: impl FnOnce(&World)) {
        self.give_gil();
        work(self.world);
        self.take_gil();
    }

    /// `freeze::wait`.
    fn stand_still(&mut self) {
        let me = self.me;
        self.without_gil(|world| world.freezer.wait(me));
    }

    fn is_stopper(&self) -> bool {
        self.world.with(|it| it.stopped.contains(&self.me))
    }

    pub(super) fn holds(&self) -> bool {
        self.world.holder.is(self.me)
    }

    /// `freeze::begin`.
    pub(super) fn freeze(&self) {
        if self.world.freezer.begin(Why::Stop, self.me) {
            self.world.update_events();
        }
        self.world.watchdog.look();
    }

    /// `freeze::all_but`.
    pub(super) fn freeze_all_but(&self, thread: ThreadId) {
        let thread = number_of(thread);
        self.world.with(|it| it.picks += 1);
        if self.world.watchdog.alone(&self.world.freezer, thread) {
            self.world.update_events();
        }
    }

    /// `freeze::concerns_me`.
    fn is_to_stand_still(&self) -> bool {
        let freezer = &self.world.freezer;
        freezer.is_on() && freezer.concerns(self.me) && self.me != HELPER && !self.is_stopper()
    }

    /// A line, with a breakpoint or without: `monitor::on_any_line`, then `control::line`.
    pub(super) fn line(&mut self, breakpoint: Option<StopPolicy>) {
        let world = self.world;
        self.take_gil();
        world.run_jobs();
        if world.with(|it| it.events) {
            if self.is_to_stand_still() {
                self.stand_still();
            } else {
                self.check_that_it_may_run();
            }
            if world.wish.is_there() {
                self.pause();
            }
        }
        let begun = world.with(|it| it.stepping.get(&self.me).copied());
        loop {
            let step = world.with(|it| it.steps.iter().find(|it| it.0 == self.me).map(|it| it.1));
            let breakpoint = breakpoint.filter(|_| world.debugging.load(ORDER));
            let (reason, policy) = match (breakpoint, step) {
                (Some(policy), _) => (Reason::Breakpoint, policy),
                (None, Some(policy)) => (Reason::Step, policy),
                (None, None) => break,
            };
            if self.stop(What { reason, policy, of: None }) == Came::Done {
                break;
            }
        }
        let is_lost = begun.is_some() && world.with(|it| it.stepping.get(&self.me).copied()) == begun;
        assert!(!is_lost || !world.debugging.load(ORDER), "a step has come to a line and is lost");
        self.give_gil();
    }

    /// `pause::on_line`.
    fn pause(&mut self) {
        let policy = self.world.policy;
        if !self.is_stopper() && (policy == StopPolicy::All || self.world.wish.is_for(id_of(self.me))) {
            self.stop(What { reason: Reason::Pause, policy, of: None });
        }
    }

    /// The thread has no more lines: `step::leave`.
    pub(super) fn end(&mut self) {
        self.take_gil();
        if self.world.with(|it| it.steps.iter().any(|it| it.0 == self.me)) {
            self.end_steps(Some(self.me));
            // `freeze::end_step`
            let freezer = &self.world.freezer;
            freezer.end_if(|why, free| matches!(why, Why::Step | Why::Pick) && free.contains(&self.me));
            self.world.update_events();
        }
        self.world.send(Message::Ended(id_of(self.me)));
        self.give_gil();
    }

    /// Its state is gone.
    pub(super) fn vanish(&mut self) {
        self.take_gil();
        self.world.with(|it| it.alive.remove(&self.me));
        self.give_gil();
        self.world.watchdog.look();
    }

    /// `step::end`.
    fn end_steps(&self, only: Option<usize>) {
        self.world.with(|it| {
            it.steps.retain(|step| only.is_some_and(|only| only != step.0));
        });
    }

    /// `stop::stop`.
    pub(super) fn stop(&mut self, what: What) -> Came {
        let (world, policy) = (self.world, what.policy);
        if !world.debugging.load(ORDER) || self.is_stopper() {
            return Came::Done;
        }
        if !world.holder.admits(self.me, policy) {
            self.without_gil(|world| world.holder.wait());
            return Came::Waited;
        }
        world.with(|it| it.stopped.insert(self.me));
        if policy == StopPolicy::All {
            world.watchdog.step_ends();
            self.freeze();
        }
        let only = (policy == StopPolicy::Thread).then_some(self.me);
        self.end_steps(only);
        let (go_on, picks) = self.stay(what);
        world.with(|it| it.stopped.remove(&self.me));
        world.sent.post();
        if world.holder.give_way(self.me) {
            world.mailbox.nudge();
        }
        let alone = go_on.alone() == Some(id_of(self.me));
        self.go(if world.ending.load(ORDER) { GoOn::LetGo } else { go_on }, policy);
        if self.is_to_stand_still() {
            let is_told = alone && world.freezer.is_for(Why::Pick) && world.with(|it| it.picks) == picks;
            assert!(!is_told, "the user lets a thread go on, and it stands still");
            self.stand_still();
        }
        Came::Done
    }

    /// `stop::go`.
    fn go(&mut self, go_on: GoOn, policy: StopPolicy) {
        let decides = policy == StopPolicy::All && !self.world.holder.is_there();
        match go_on {
            GoOn::Run(_) if !decides => {}
            GoOn::Run(Who::All) => self.world.unfreeze(),
            GoOn::Run(Who::Only(thread)) => self.freeze_all_but(thread),
            GoOn::Step(thread, who) => {
                self.begin_step(thread, policy);
                match who {
                    _ if !decides => {}
                    Who::Only(thread) => self.freeze_all_but(thread),
                    Who::All => {
                        // `watchdog::step_begins`
                        if self.world.freezer.begin(Why::Step, number_of(thread)) {
                            self.world.update_events();
                        }
                        self.world.watchdog.step_begins();
                    }
                }
            }
            GoOn::LetGo => {
                self.world.unfreeze();
                self.world.let_go();
            }
        }
    }

    /// `step::begin`.
    pub(super) fn begin_step(&self, thread: ThreadId, policy: StopPolicy) {
        let thread = number_of(thread);
        self.end_steps(Some(thread));
        let debugging = self.world.debugging.load(ORDER);
        self.world.with(|it| {
            it.steps.push((thread, policy));
            if it.alive.contains(&thread) && debugging {
                it.step_count += 1;
                it.stepping.insert(thread, it.step_count);
            }
        });
    }

    /// `stop::stay`. How often the user had picked who runs when it ends, too.
    fn stay(&mut self, what: What) -> (GoOn, usize) {
        let (world, policy) = (self.world, what.policy);
        let shown = id_of(what.of.unwrap_or(self.me));
        let id = StopId(u32::try_from(world.stops.fetch_add(1, ORDER) + 1).unwrap());
        world.with(|it| {
            it.states.push(Stop { id, policy, thread: shown });
            it.stepping.retain(|it, _| policy == StopPolicy::Thread && *it != self.me);
        });
        let arrived = world.mailbox.open(id, shown, policy);
        if world.ending.load(ORDER) {
            world.mailbox.release();
        }
        // `pause::fulfilled`
        if world.wish.is_there() && world.wish.fulfil((policy == StopPolicy::Thread).then_some(shown)) {
            world.update_events();
        }
        world.send(Message::Stopped { id, thread: shown, policy, reason: what.reason });
        let go_on = loop {
            self.wait(arrived);
            if let Some(go_on) = self.read(id, shown) {
                break go_on;
            }
        };
        let picks = world.with(|it| it.picks);
        let all = self.holds();
        world.published.lock().unwrap().retain(|it| !all && *it != shown);
        if policy == StopPolicy::All && go_on.alone().is_none() {
            world.mailbox.others_go_on(id, || GoOn::Run(Who::All));
        }
        let left = world.mailbox.close(id);
        world.send(Message::Continued { id });
        left.late_pauses().for_each(|it| world.pause(it));
        for letter in left.letters {
            match letter {
                Letter::Request(Request { seq, .. }) | Letter::Errand { work: Errand(seq), .. } => world.refuse(seq),
                Letter::Job(job) => job(world),
                Letter::GoOn(_) | Letter::Release => {}
            }
        }
        world.with(|it| it.states.retain(|it| it.id != id));
        // What the stop had kept is let go: that may run code of the program's, and give the GIL away.
        self.without_gil(|_| thread::yield_now());
        world.run_jobs();
        (go_on, picks)
    }

    /// While a stop holds the program nobody comes to a new line, unless an evaluation has to wait for others.
    fn check_that_it_may_run(&self) {
        let world = self.world;
        if world.holder.is_there() && !world.ending.load(ORDER) {
            assert!(world.watchdog.others_ran(), "a stop holds the program, and another thread runs");
        }
    }
}
