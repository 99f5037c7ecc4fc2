//! What stopped threads are asked to do: requests and jobs, from the listener to the threads that stopped.
//!
//! Each stop has letters of its own and a semaphore that its thread waits on, which signal handlers may post as well. One stop at a
//! time may hold the whole program: its thread keeps the GIL, so it reads everybody's letters; the threads that are stopped by
//! themselves wait until it goes on. Nobody waits for a reader: while it is busy letters queue up, and when it goes on what is left
//! is refused, so that each request is answered exactly once. The queue is bounded by the hub, which waits for answers.

use std::collections::VecDeque;
use std::sync::{LazyLock, PoisonError};

use ikpdb_proto::{Request, StopPolicy, ThreadId};
use pyo3::Python;

use crate::engine::go_on::GoOn;
use crate::engine::stop::Stop;
use crate::sync::{Mutex, MutexGuard, Semaphore};

/// Work that needs the GIL.
pub(crate) type Job = Box<dyn FnOnce(Python<'_>) + Send>;

/// Carries out what a client of the original's protocol wants, and answers it: with the stop, or without one if that went on
/// first. `Some` if the stop goes on.
pub(crate) type Errand = Box<dyn FnOnce(Python<'_>, Option<&mut Stop>) -> Option<GoOn> + Send>;

/// The number of a stop, counted through the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StopId(pub(crate) u32);

/// One thing to do.
pub(crate) enum Letter<G> {
    /// A request, to be answered.
    Request(Request),
    /// The same from a client of the original's protocol.
    Errand {
        /// What to do.
        work: Errand,
        /// Whether it may run code of the program's.
        evaluates: bool,
    },
    /// Something of our own.
    Job(Job),
    /// Go on in this way: the stop that holds the program says so.
    GoOn(G),
    /// Go on, without a request: the hub is gone, or a signal asks for it.
    Release,
}

/// Whom a letter is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum To {
    /// The stop that holds the program, else the last one.
    Whoever,
    /// The stop with this number.
    Stop(StopId),
    /// The stop of this thread; the stop that holds the program may answer for any.
    Thread(ThreadId),
}

/// The letters of all stops. `G` is how one goes on.
pub(crate) struct Mailbox<G> {
    stops: Mutex<Vec<Open<G>>>,
    /// Semaphores that no stop uses now. They are never freed, as a signal handler may post one late.
    unused: Mutex<Vec<&'static Semaphore>>,
}

/// A stop that reads letters.
struct Open<G> {
    id: StopId,
    thread: ThreadId,
    /// Whether it holds the whole program.
    policy: StopPolicy,
    /// With the stop that each is for.
    letters: VecDeque<(StopId, Letter<G>)>,
    /// Those that wait until an evaluation elsewhere is over.
    put_off: VecDeque<(StopId, Letter<G>)>,
    arrived: &'static Semaphore,
}

/// The one mailbox.
pub(crate) static MAILBOX: LazyLock<Mailbox<GoOn>> = LazyLock::new(Mailbox::new);

fn holder<G>(stops: &[Open<G>]) -> Option<usize> {
    stops.iter().position(|it| it.policy == StopPolicy::All)
}

impl<G> Mailbox<G> {
    pub(crate) fn new() -> Self {
        Self { stops: Mutex::new(Vec::new()), unused: Mutex::new(Vec::new()) }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Open<G>>> {
        self.stops.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Accepts letters for a stop from now on. If it holds the program it gets those of all others. Its thread waits on the
    /// semaphore.
    pub(crate) fn open(&self, id: StopId, thread: ThreadId, policy: StopPolicy) -> &'static Semaphore {
        let unused = self.unused.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let arrived = unused.unwrap_or_else(|| Box::leak(Box::new(Semaphore::new())));
        let mut stops = self.lock();
        let mut letters = VecDeque::new();
        if policy == StopPolicy::All {
            for other in stops.iter_mut() {
                letters.append(&mut other.put_off);
                letters.append(&mut other.letters);
            }
        }
        if !letters.is_empty() {
            arrived.post();
        }
        stops.push(Open { id, thread, policy, letters, put_off: VecDeque::new(), arrived });
        arrived
    }

    /// A stop is over: accepts no more letters for it; returns those that nobody read. What it has of others' goes to them.
    pub(crate) fn close(&self, id: StopId) -> Vec<Letter<G>> {
        let mut stops = self.lock();
        let Some(at) = stops.iter().position(|it| it.id == id) else { return Vec::new() };
        let mut closed = stops.remove(at);
        let left: Vec<_> = closed.put_off.drain(..).chain(closed.letters.drain(..)).collect();
        self.unused.lock().unwrap_or_else(PoisonError::into_inner).push(closed.arrived);
        let mut own = Vec::new();
        for (to, letter) in left {
            match stops.iter_mut().find(|it| it.id == to) {
                Some(other) => other.letters.push_back((to, letter)),
                None => own.push(letter),
            }
        }
        if holder(&stops).is_none() {
            // They have waited for this.
            stops.iter().for_each(|it| it.arrived.post());
        }
        own
    }

    /// The stop that held the program does so no more, but stays stopped.
    pub(crate) fn let_others_run(&self, id: StopId) {
        let mut stops = self.lock();
        let Some(at) = stops.iter().position(|it| it.id == id) else { return };
        stops[at].policy = StopPolicy::Thread;
        for (to, letter) in std::mem::take(&mut stops[at].letters) {
            let at = stops.iter().position(|it| it.id == to).unwrap_or(at);
            stops[at].letters.push_back((to, letter));
        }
        stops.iter().for_each(|it| it.arrived.post());
    }

    /// Whether anything is stopped.
    pub(crate) fn is_open(&self) -> bool {
        !self.lock().is_empty()
    }

    /// Whether a stop holds the whole program. Changes under the GIL.
    pub(crate) fn is_held(&self) -> bool {
        holder(&self.lock()).is_some()
    }

    /// Puts a letter in, or gives it back if whoever it is for runs.
    pub(crate) fn put(&self, to: To, letter: Letter<G>) -> Result<(), Letter<G>> {
        let mut stops = self.lock();
        let holder = holder(&stops);
        let addressee = match to {
            To::Whoever => holder.or(stops.len().checked_sub(1)),
            To::Stop(id) => stops.iter().position(|it| it.id == id),
            To::Thread(thread) => stops.iter().position(|it| it.thread == thread).or(holder),
        };
        let Some(addressee) = addressee else { return Err(letter) };
        let id = stops[addressee].id;
        let reader = &mut stops[holder.unwrap_or(addressee)];
        reader.letters.push_back((id, letter));
        reader.arrived.post();
        Ok(())
    }

    /// Gives a job to the stop that holds the program, or gives it back.
    pub(crate) fn put_job(&self, job: Job) -> Result<(), Job> {
        let mut stops = self.lock();
        let Some(holder) = holder(&stops) else { return Err(job) };
        let holder = &mut stops[holder];
        holder.letters.push_back((holder.id, Letter::Job(job)));
        holder.arrived.post();
        Ok(())
    }

    /// Lets all that is stopped go on before anything else that waits is read. False if nothing is.
    pub(crate) fn release(&self) -> bool {
        let mut stops = self.lock();
        for stop in stops.iter_mut() {
            stop.letters.push_front((stop.id, Letter::Release));
            stop.arrived.post();
        }
        !stops.is_empty()
    }

    /// Lets all that is stopped but one go on.
    pub(crate) fn others_go_on(&self, id: StopId, freely: impl Fn() -> G) {
        for stop in self.lock().iter_mut().filter(|it| it.id != id) {
            stop.letters.push_back((stop.id, Letter::GoOn(freely())));
            stop.arrived.post();
        }
    }

    /// The stop of a thread, if it is stopped by itself.
    pub(crate) fn stop_of(&self, thread: ThreadId) -> Option<StopId> {
        self.lock().iter().find(|it| it.thread == thread).map(|it| it.id)
    }

    /// Takes a request out again that was not begun yet.
    pub(crate) fn withdraw(&self, seq: i64) -> Option<Request> {
        self.withdraw_all(|it| it.seq == seq).pop()
    }

    /// Takes those requests out again, in their order.
    pub(crate) fn withdraw_all(&self, which: impl Fn(&Request) -> bool) -> Vec<Request> {
        let mut withdrawn = Vec::new();
        for stop in self.lock().iter_mut() {
            for queue in [&mut stop.put_off, &mut stop.letters] {
                for (to, letter) in std::mem::take(queue) {
                    match letter {
                        Letter::Request(request) if which(&request) => withdrawn.push(request),
                        letter => queue.push_back((to, letter)),
                    }
                }
            }
        }
        withdrawn
    }

    /// The next letter that a stop has to read, and the stop that it is for.
    pub(crate) fn next(&self, id: StopId) -> Option<(StopId, Letter<G>)> {
        self.lock().iter_mut().find(|it| it.id == id)?.letters.pop_front()
    }

    /// Keeps a letter until [`Self::take_up`]: it needs an evaluation, and another one is under way.
    pub(crate) fn put_off(&self, reader: StopId, to: StopId, letter: Letter<G>) {
        if let Some(stop) = self.lock().iter_mut().find(|it| it.id == reader) {
            stop.put_off.push_back((to, letter));
        }
    }

    /// An evaluation is over: what was put off can be read again.
    pub(crate) fn take_up(&self) {
        for stop in self.lock().iter_mut().filter(|it| !it.put_off.is_empty()) {
            for letter in stop.put_off.drain(..).rev() {
                stop.letters.push_front(letter);
            }
            stop.arrived.post();
        }
    }

    /// Wakes whoever reads, without a letter.
    pub(crate) fn nudge(&self) {
        self.lock().iter().for_each(|it| it.arrived.post());
    }
}
