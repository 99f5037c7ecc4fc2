//! Stops, steps, pauses, evaluations and the listener under a model checker: in whatever order threads run, every request is
//! answered once, everybody who was stopped goes on, nobody waits for ever, no pause and no step is lost, and what the debugger
//! leaves behind runs freely.
//!
//! The mailbox, the holder, the freezer and the pause are the real ones. What needs an interpreter is done here in the same order as
//! there; each part says which code it follows.

mod actor;
mod client;
mod ours;
mod reader;
mod sessions;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Mutex as Record;

use ikpdb_proto::{StopPolicy, ThreadId};
use shuttle::sync::{Condvar, Mutex};

use super::freezer::{Freezer, Why};
use super::holder::Holder;
use super::pause::Wish;
use super::what::Reason;
use crate::door::mailbox::{self, Mailbox, StopId};
use crate::sync::{AtomicBool, AtomicUsize, Semaphore};
use ours::Watchdog;

type Job = Box<dyn FnOnce(&World) + Send>;
type Letter = mailbox::Letter<GoOn, Job, Errand>;

/// What a client of the other door wants, by its number: the same as a request, but for whom it is answered by.
struct Errand(i64);

/// As [`super::go_on::GoOn`].
#[derive(Clone, Copy, Debug)]
enum GoOn {
    Run(Who),
    Step(ThreadId, Who),
    LetGo,
}

/// As [`super::go_on::Who`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    All,
    Only(ThreadId),
}

impl GoOn {
    fn alone(self) -> Option<ThreadId> {
        match self {
            Self::Run(Who::Only(thread)) | Self::Step(_, Who::Only(thread)) => Some(thread),
            _ => None,
        }
    }
}

/// What a request asks for, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ask {
    Stack(ThreadId),
    Evaluate,
    Continue(Whom),
    Next(Whom),
    Pause(ThreadId),
    Cancel(i64),
    Disconnect,
}

/// Which thread a request names, and whether only that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Whom {
    thread: ThreadId,
    only: bool,
}

/// What goes to the client.
#[derive(Clone, Debug)]
enum Message {
    Stopped {
        id: StopId,
        thread: ThreadId,
        policy: StopPolicy,
        reason: Reason,
    },
    Continued {
        id: StopId,
    },
    Answer {
        seq: i64,
        carried_out: bool,
    },
    /// A thread has no more lines.
    Ended(ThreadId),
}

/// What the stop code keeps of a stop.
struct Stop {
    id: StopId,
    policy: StopPolicy,
    thread: ThreadId,
}

/// What changes under the GIL only.
#[derive(Default)]
struct UnderGil {
    /// The steps under way, each with whom it stops.
    steps: Vec<(usize, StopPolicy)>,
    /// The stops that are open, but for what their reader looks at now.
    states: Vec<Stop>,
    /// Threads that are stopped.
    stopped: BTreeSet<usize>,
    /// Whether line events are asked for.
    events: bool,
    /// Who runs Python code.
    alive: BTreeSet<usize>,
    /// For the check: the steps of threads by their numbers. Each is taken out by the stop that ends it.
    stepping: BTreeMap<usize, usize>,
    step_count: usize,
    /// For the check: how often the user has picked who runs.
    picks: usize,
}

/// A program and its debugger.
struct World {
    /// Whom the session's stops stop.
    policy: StopPolicy,
    /// Whoever has it runs the program's code.
    gil: Mutex<()>,
    mailbox: Mailbox<GoOn, Job, Errand>,
    holder: Holder,
    freezer: Freezer,
    wish: Wish,
    under_gil: Record<UnderGil>,
    stops: AtomicUsize,
    debugging: AtomicBool,
    ending: AtomicBool,
    /// `seq` of the request that evaluates; 0 = none.
    running: AtomicUsize,
    /// Evaluations that have come to their end, or were interrupted.
    finished: (Mutex<BTreeSet<i64>>, Condvar),
    /// Threads whose stacks the listener knows.
    published: Record<BTreeSet<ThreadId>>,
    jobs: Record<VecDeque<Job>>,
    helper: Semaphore,
    watchdog: Watchdog,
    asks: Record<BTreeMap<i64, Ask>>,
    messages: Record<VecDeque<Message>>,
    /// Something may have come for the client.
    sent: Semaphore,
    /// Numbers of the requests that were answered, by whoever.
    answered: Record<Vec<i64>>,
    /// The main thread waits for this with all its lines behind it.
    end: Semaphore,
    over: AtomicBool,
}

impl World {
    fn new(policy: StopPolicy, threads: usize) -> Self {
        Self {
            policy,
            gil: Mutex::new(()),
            mailbox: Mailbox::new(),
            holder: Holder::new(),
            freezer: Freezer::new(),
            wish: Wish::new(),
            under_gil: Record::new(UnderGil { alive: (1..=threads).collect(), ..UnderGil::default() }),
            stops: AtomicUsize::new(0),
            debugging: AtomicBool::new(true),
            ending: AtomicBool::new(false),
            running: AtomicUsize::new(0),
            finished: (Mutex::new(BTreeSet::new()), Condvar::new()),
            published: Record::default(),
            jobs: Record::default(),
            helper: Semaphore::new(),
            watchdog: Watchdog::new(),
            asks: Record::default(),
            messages: Record::default(),
            sent: Semaphore::new(),
            answered: Record::default(),
            end: Semaphore::new(),
            over: AtomicBool::new(false),
        }
    }

    /// Works on what changes under the GIL. Runs nothing else.
    fn with<R>(&self, work: impl FnOnce(&mut UnderGil) -> R) -> R {
        work(&mut self.under_gil.lock().unwrap())
    }

    fn send(&self, message: Message) {
        if let Message::Answer { seq, .. } = message {
            self.answered.lock().unwrap().push(seq);
        }
        self.messages.lock().unwrap().push_back(message);
        self.sent.post();
    }

    fn answer(&self, seq: i64) {
        self.send(Message::Answer { seq, carried_out: true });
    }

    fn refuse(&self, seq: i64) {
        self.send(Message::Answer { seq, carried_out: false });
    }

    fn ask_of(&self, seq: i64) -> Ask {
        self.asks.lock().unwrap()[&seq]
    }

    /// `events::update`.
    fn update_events(&self) {
        let wanted = self.freezer.is_on() || self.wish.is_there();
        let wanted = wanted && self.debugging.load(ORDER);
        self.with(|it| it.events = wanted);
    }

    /// `gil::submit`.
    fn submit(&self, job: Job) {
        if let Err(job) = self.mailbox.put_job(job) {
            self.jobs.lock().unwrap().push_back(job);
            self.helper.post();
        }
    }

    /// `gil::run_jobs`.
    fn run_jobs(&self) {
        loop {
            let job = self.jobs.lock().unwrap().pop_front();
            let Some(job) = job else { return };
            job(self);
        }
    }

    /// `lifetime::let_go`.
    fn let_go(&self) {
        if self.debugging.swap(false, ORDER) {
            self.freezer.end();
            self.with(|it| it.events = false);
        }
    }

    /// `stop::end_for_good`.
    fn end_for_good(&self) {
        self.ending.store(true, ORDER);
        if self.mailbox.release() {
            if let Some(seq) = self.running() {
                self.watchdog.interrupt(seq);
            }
        } else {
            self.submit(Box::new(Self::let_go));
        }
    }

    /// `evaluation::running`.
    fn running(&self) -> Option<i64> {
        i64::try_from(self.running.load(ORDER)).ok().filter(|it| *it != 0)
    }

    /// `immediate::answer_what_waits`.
    fn answer_what_waits(&self) {
        if self.running().is_none() {
            return;
        }
        let held = self.mailbox.is_held();
        for request in self.mailbox.withdraw_all(|it| self.stack_is_known(self.ask_of(it.seq), held)) {
            self.answer(request.seq);
        }
    }

    /// `immediate::stack_is_known`.
    fn stack_is_known(&self, ask: Ask, held: bool) -> bool {
        matches!(ask, Ask::Stack(thread) if held || self.published.lock().unwrap().contains(&thread))
    }

    /// `freeze::end`.
    fn unfreeze(&self) {
        self.freezer.end();
        self.update_events();
    }

    /// `freeze::end_soon`.
    fn unfreeze_soon(&self, ended: Why) {
        if self.freezer.end_if(|why, _| why == ended) {
            self.submit(Box::new(Self::update_events));
        }
    }

    /// `pause::request`.
    fn pause(&self, thread: ThreadId) {
        if self.mailbox.pause_or(thread, || self.wish.ask(thread)) {
            return;
        }
        self.submit(Box::new(Self::update_events));
        self.helper.post();
    }

    /// The code of an evaluation has come to its end.
    fn finish(&self, seq: i64) {
        self.finished.0.lock().unwrap().insert(seq);
        self.finished.1.notify_all();
    }

    fn wait_for(&self, seq: i64) {
        let mut finished = self.finished.0.lock().unwrap();
        while !finished.contains(&seq) {
            finished = self.finished.1.wait(finished).unwrap();
        }
    }
}

const ORDER: std::sync::atomic::Ordering = std::sync::atomic::Ordering::SeqCst;
