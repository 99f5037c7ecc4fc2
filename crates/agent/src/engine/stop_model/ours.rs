//! The agent's own threads: the helper, and the watchdog, to which any time may have passed.

use ikpdb_proto::StopPolicy;
use shuttle::sync::{Condvar, Mutex};
use shuttle::thread;

use super::super::freezer::{Freezer, Why};
use super::super::what::Reason;
use super::actor::{Actor, HELPER, What, id_of};
use super::{ORDER, World};

/// `gil::help_for_ever`.
pub(super) fn help(world: &World) {
    let mut helper = Actor::new(world, HELPER);
    loop {
        world.helper.wait();
        with_gil(&mut helper, |helper| helper.world.run_jobs());
        while let Some(number) = world.wish.number() {
            // A thread that runs may come to a line first.
            for _ in 0..3 {
                thread::yield_now();
            }
            with_gil(&mut helper, |helper| {
                world.run_jobs();
                if world.wish.number() == Some(number) {
                    stop_waiting_program(helper);
                }
            });
        }
        if world.over.load(ORDER) && !world.wish.is_there() {
            return;
        }
    }
}

fn with_gil<'w>(helper: &mut Actor<'w>, work: impl FnOnce(&mut Actor<'w>)) {
    helper.take_gil();
    work(helper);
    helper.give_gil();
}

/// `pause::stop_waiting_program`.
fn stop_waiting_program(helper: &mut Actor<'_>) {
    let world = helper.world;
    if !world.debugging.load(ORDER) {
        world.wish.fulfil(None);
        world.sent.post();
        return;
    }
    let mut running: Vec<usize> = world.with(|it| it.alive.iter().copied().collect());
    running.retain(|it| world.mailbox.stop_of(id_of(*it)).is_none());
    let asked = running.iter().find(|it| world.wish.is_for(id_of(**it)));
    let shown = asked.or(running.first()).copied();
    if shown.is_some() {
        helper.stop(What { reason: Reason::Pause, policy: StopPolicy::All, of: shown });
    } else if world.wish.fulfil(None) {
        world.update_events();
        world.sent.post();
    }
}

/// `watchdog::Evaluation`.
struct Evaluation {
    seq: i64,
    policy: StopPolicy,
    others_ran: bool,
    interrupt: bool,
}

/// `watchdog::State`.
#[derive(Default)]
struct State {
    step: bool,
    evaluation: Option<Evaluation>,
    alone: Vec<usize>,
    /// Something has happened since the last look.
    look: bool,
    over: bool,
}

/// The watchdog.
pub(super) struct Watchdog {
    state: Mutex<State>,
    wake: Condvar,
}

impl Watchdog {
    pub(super) fn new() -> Self {
        Self { state: Mutex::new(State::default()), wake: Condvar::new() }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock().unwrap();
        change(&mut state);
        state.look = true;
        self.wake.notify_one();
    }

    /// It looks all the time.
    pub(super) fn look(&self) {
        self.change(|_| ());
    }

    pub(super) fn end(&self) {
        self.change(|it| it.over = true);
    }

    pub(super) fn step_begins(&self) {
        self.change(|it| it.step = true);
    }

    pub(super) fn step_ends(&self) {
        self.state.lock().unwrap().step = false;
    }

    pub(super) fn alone(&self, freezer: &Freezer, thread: usize) -> bool {
        let mut has_begun = false;
        self.change(|it| {
            if !freezer.is_for(Why::Pick) {
                it.alone.clear();
            }
            it.alone.push(thread);
            has_begun = freezer.pick(thread);
        });
        has_begun
    }

    pub(super) fn evaluation_begins(&self, seq: i64, policy: StopPolicy) {
        self.change(|it| it.evaluation = Some(Evaluation { seq, policy, others_ran: false, interrupt: false }));
    }

    /// Whether others had to be let run.
    pub(super) fn evaluation_ends(&self) -> bool {
        let mut state = self.state.lock().unwrap();
        state.evaluation.take().is_some_and(|it| it.others_ran)
    }

    pub(super) fn others_ran(&self) -> bool {
        self.state.lock().unwrap().evaluation.as_ref().is_some_and(|it| it.others_ran)
    }

    pub(super) fn interrupt(&self, seq: i64) {
        self.change(|it| it.evaluation.iter_mut().filter(|it| it.seq == seq).for_each(|it| it.interrupt = true));
    }

    /// `watchdog::watch_for_ever`.
    pub(super) fn watch(&self, world: &World) {
        loop {
            let mut state = self.state.lock().unwrap();
            while !state.look {
                if state.over {
                    return;
                }
                state = self.wake.wait(state).unwrap();
            }
            state.look = false;
            drop(state);
            // A look, or the next one: at some time it is too long.
            thread::yield_now();
            let mut state = self.state.lock().unwrap();
            if !state.alone.is_empty() {
                state.alone.retain(|thread| world.with(|it| it.alive.contains(thread)));
                if state.alone.is_empty() {
                    world.unfreeze_soon(Why::Pick);
                } else if !world.freezer.is_for(Why::Pick) {
                    state.alone.clear();
                }
            }
            if std::mem::take(&mut state.step) {
                world.unfreeze_soon(Why::Step);
            }
            if let Some(evaluation) = &mut state.evaluation {
                look_at(world, evaluation);
            }
        }
    }
}

/// `watchdog::look_at`. The evaluation is blocked, and given up already, if the user gives it up.
fn look_at(world: &World, evaluation: &mut Evaluation) {
    // `freeze::end_for_evaluation`
    let policy = evaluation.policy;
    if world.freezer.is_on() && world.freezer.end_if(|why, _| policy == StopPolicy::All || why != Why::Stop) {
        evaluation.others_ran = true;
        if policy == StopPolicy::Thread {
            world.submit(Box::new(World::update_events));
        }
    }
    if evaluation.interrupt {
        world.finish(evaluation.seq);
    }
}
