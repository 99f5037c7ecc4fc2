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
pub(crate) type Errand = Box<dyn FnOnce(Option<(Python<'_>, &mut Stop)>) -> Option<GoOn> + Send>;

/// The number of a stop, counted through the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StopId(pub(crate) u32);

/// One thing to do.
pub(crate) enum Letter<G, J = Job, E = Errand> {
    /// A request, to be answered.
    Request(Request),
    /// The same from a client of the original's protocol.
    Errand {
        /// What to do.
        work: E,
        /// Whether it may run code of the program's. It does not while another evaluation is under way.
        evaluates: bool,
    },
    /// Something of our own.
    Job(J),
    /// Go on in this way: the stop that holds the program says so. Whoever else comes to hold it leaves this where it is.
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

/// The letters of all stops. `G` is how one goes on, `J` work of our own, `E` what a client of the original's protocol wants.
pub(crate) struct Mailbox<G, J = Job, E = Errand> {
    stops: Mutex<Stops<G, J, E>>,
    /// Semaphores that no stop uses now. They are never freed, as a signal handler may post one late.
    unused: Mutex<Vec<&'static Semaphore>>,
}

/// The stops that read letters.
struct Stops<G, J, E> {
    open: Vec<Open<G, J, E>>,
    /// Counts what comes in: pauses, and what lets stops go on.
    now: Time,
}

/// When something came in.
type Time = u64;

/// A stop that reads letters.
struct Open<G, J, E> {
    id: StopId,
    thread: ThreadId,
    /// Whether it holds the whole program.
    policy: StopPolicy,
    /// With the stop that each is for.
    letters: VecDeque<Addressed<G, J, E>>,
    /// Those that wait until an evaluation elsewhere is over.
    put_off: VecDeque<Addressed<G, J, E>>,
    /// When that came which it does now, or did last.
    read: Time,
    /// The pauses that were asked for while it is open, for which there is nothing to do as long as it is.
    pauses: Vec<(Time, ThreadId)>,
    /// The request that was read last.
    begun: Option<Begun>,
    arrived: &'static Semaphore,
}

/// A letter, and the stop that it is for.
struct Addressed<G, J, E> {
    to: StopId,
    /// When whoever wrote it had it in mind.
    time: Time,
    letter: Letter<G, J, E>,
}

/// What a stop that is over leaves.
pub(crate) struct Left<G, J = Job, E = Errand> {
    /// What nobody read.
    pub(crate) letters: Vec<Letter<G, J, E>>,
    pauses: Vec<(Time, ThreadId)>,
    read: Time,
}

impl<G, J, E> Left<G, J, E> {
    /// The threads that were to pause while it was open.
    pub(crate) fn pauses(&self) -> impl Iterator<Item = ThreadId> {
        self.pauses.iter().map(|it| it.1)
    }

    /// Those that were to pause after it was told to go on.
    pub(crate) fn late_pauses(&self) -> impl Iterator<Item = ThreadId> {
        self.pauses.iter().filter(|it| it.0 > self.read).map(|it| it.1)
    }
}

/// A request that was read, and may not be answered yet.
struct Begun {
    seq: i64,
    given_up: bool,
}

/// The one mailbox.
pub(crate) static MAILBOX: LazyLock<Mailbox<GoOn>> = LazyLock::new(Mailbox::new);

fn holder<G, J, E>(stops: &[Open<G, J, E>]) -> Option<usize> {
    stops.iter().position(|it| it.policy == StopPolicy::All)
}

impl<G, J, E> Mailbox<G, J, E> {
    pub(crate) fn new() -> Self {
        Self { stops: Mutex::new(Stops { open: Vec::new(), now: 0 }), unused: Mutex::new(Vec::new()) }
    }

    fn lock(&self) -> MutexGuard<'_, Stops<G, J, E>> {
        self.stops.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Accepts letters for a stop from now on. If it holds the program it gets those of all others. Its thread waits on the
    /// semaphore.
    pub(crate) fn open(&self, id: StopId, thread: ThreadId, policy: StopPolicy) -> &'static Semaphore {
        let unused = self.unused.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let arrived = unused.unwrap_or_else(|| Box::leak(Box::new(Semaphore::new())));
        let mut stops = self.lock();
        let read = stops.now;
        let mut letters = VecDeque::new();
        if policy == StopPolicy::All {
            for other in &mut stops.open {
                // Whoever was to pause has.
                other.pauses.clear();
                letters.append(&mut other.put_off);
                let (goes_on, read_here) = std::mem::take(&mut other.letters)
                    .into_iter()
                    .partition::<VecDeque<_>, _>(|it| matches!(it.letter, Letter::GoOn(_)));
                other.letters = goes_on;
                letters.extend(read_here);
            }
        }
        if !letters.is_empty() {
            arrived.post();
        }
        let (put_off, pauses) = (VecDeque::new(), Vec::new());
        stops.open.push(Open { id, thread, policy, letters, put_off, read, pauses, begun: None, arrived });
        arrived
    }

    /// A stop is over: accepts no more letters for it; returns those that nobody read. What it has of others' goes to them.
    pub(crate) fn close(&self, id: StopId) -> Left<G, J, E> {
        let stops = &mut self.lock().open;
        let mut left = Left { letters: Vec::new(), pauses: Vec::new(), read: 0 };
        let Some(at) = stops.iter().position(|it| it.id == id) else { return left };
        let mut closed = stops.remove(at);
        (left.pauses, left.read) = (closed.pauses, closed.read);
        self.unused.lock().unwrap_or_else(PoisonError::into_inner).push(closed.arrived);
        for unread in closed.put_off.drain(..).chain(closed.letters.drain(..)) {
            match stops.iter_mut().find(|it| it.id == unread.to) {
                Some(other) => other.letters.push_back(unread),
                None => left.letters.push(unread.letter),
            }
        }
        if holder(stops).is_none() {
            // They have waited for this.
            stops.iter().for_each(|it| it.arrived.post());
        }
        left
    }

    /// The stop that held the program does so no more, but stays stopped. Returns who else was to pause after it was told so.
    pub(crate) fn let_others_run(&self, id: StopId) -> Vec<ThreadId> {
        let stops = &mut self.lock().open;
        let Some(at) = stops.iter().position(|it| it.id == id) else { return Vec::new() };
        stops[at].policy = StopPolicy::Thread;
        let (read, own) = (stops[at].read, stops[at].thread);
        let late: Vec<_> = stops[at].pauses.extract_if(.., |it| it.0 > read && it.1 != own).collect();
        let mut running = Vec::new();
        for (time, thread) in late {
            match stops.iter_mut().find(|it| it.thread == thread) {
                Some(stop) => stop.pauses.push((time, thread)),
                None => running.push(thread),
            }
        }
        for unread in std::mem::take(&mut stops[at].letters) {
            let at = stops.iter().position(|it| it.id == unread.to).unwrap_or(at);
            stops[at].letters.push_back(unread);
        }
        stops.iter().for_each(|it| it.arrived.post());
        running
    }

    /// Whether anything is stopped.
    pub(crate) fn is_open(&self) -> bool {
        !self.lock().open.is_empty()
    }

    /// Whether a stop holds the whole program. Changes under the GIL.
    pub(crate) fn is_held(&self) -> bool {
        holder(&self.lock().open).is_some()
    }

    /// Puts a letter in, or gives it back if whoever it is for runs.
    pub(crate) fn put(&self, to: To, letter: Letter<G, J, E>) -> Result<(), Letter<G, J, E>> {
        let mut stops = self.lock();
        let Stops { open, now } = &mut *stops;
        let holder = holder(open);
        let addressee = match to {
            To::Whoever => holder.or(open.len().checked_sub(1)),
            To::Stop(id) => open.iter().position(|it| it.id == id),
            To::Thread(thread) => open.iter().position(|it| it.thread == thread).or(holder),
        };
        let Some(addressee) = addressee else { return Err(letter) };
        *now += 1;
        let to = open[addressee].id;
        let reader = &mut open[holder.unwrap_or(addressee)];
        reader.letters.push_back(Addressed { to, time: *now, letter });
        reader.arrived.post();
        Ok(())
    }

    /// A thread is to pause. If it is stopped there is nothing to do, unless it has been told to go on: then [`Left::late_pauses`] says so.
    /// If it runs does something else, before it can stop. True if it is stopped.
    pub(crate) fn pause_or(&self, thread: ThreadId, otherwise: impl FnOnce()) -> bool {
        let mut stops = self.lock();
        let Stops { open, now } = &mut *stops;
        let Some(at) = holder(open).or_else(|| open.iter().position(|it| it.thread == thread)) else {
            otherwise();
            return false;
        };
        *now += 1;
        let stop = &mut open[at];
        stop.pauses.push((*now, thread));
        stop.arrived.post();
        true
    }

    /// Gives a job to the stop that holds the program, or gives it back.
    pub(crate) fn put_job(&self, job: J) -> Result<(), J> {
        let mut stops = self.lock();
        let time = stops.now;
        let Some(holder) = holder(&stops.open) else { return Err(job) };
        let holder = &mut stops.open[holder];
        holder.letters.push_back(Addressed { to: holder.id, time, letter: Letter::Job(job) });
        holder.arrived.post();
        Ok(())
    }

    /// Lets all that is stopped go on before anything else that waits is read. False if nothing is.
    pub(crate) fn release(&self) -> bool {
        let stops = &mut self.lock().open;
        for stop in stops.iter_mut() {
            stop.letters.push_front(Addressed { to: stop.id, time: Time::MAX, letter: Letter::Release });
            stop.arrived.post();
        }
        !stops.is_empty()
    }

    /// What a stop does now lets another one go on: before what is still to be read for that, which came later.
    pub(crate) fn lets_go_on(&self, id: StopId, other: StopId, go_on: G) {
        let stops = &mut self.lock().open;
        let Some(time) = stops.iter().find(|it| it.id == id).map(|it| it.read) else { return };
        if let Some(stop) = stops.iter_mut().find(|it| it.id == other) {
            stop.letters.push_back(Addressed { to: other, time, letter: Letter::GoOn(go_on) });
            stop.arrived.post();
        }
    }

    /// What a stop does now lets all others go on. As above.
    pub(crate) fn others_go_on(&self, id: StopId, freely: impl Fn() -> G) {
        let stops = &mut self.lock().open;
        let Some(time) = stops.iter().find(|it| it.id == id).map(|it| it.read) else { return };
        for stop in stops.iter_mut().filter(|it| it.id != id) {
            stop.letters.push_back(Addressed { to: stop.id, time, letter: Letter::GoOn(freely()) });
            stop.arrived.post();
        }
    }

    /// The stop of a thread, if it is stopped by itself.
    pub(crate) fn stop_of(&self, thread: ThreadId) -> Option<StopId> {
        self.lock().open.iter().find(|it| it.thread == thread).map(|it| it.id)
    }

    /// Takes a request out again that is given up, if it was not begun yet; if it was, [`Self::is_given_up`] says so.
    pub(crate) fn give_up(&self, seq: i64) -> Option<Request> {
        let stops = &mut self.lock().open;
        for begun in stops.iter_mut().filter_map(|it| it.begun.as_mut()).filter(|it| it.seq == seq) {
            begun.given_up = true;
        }
        Self::take_out(stops, |it| it.seq == seq).pop()
    }

    /// Whether a request was given up after it had been begun.
    pub(crate) fn is_given_up(&self, seq: i64) -> bool {
        self.lock().open.iter().any(|it| it.begun.as_ref().is_some_and(|it| it.seq == seq && it.given_up))
    }

    /// Takes those requests out again, in their order.
    pub(crate) fn withdraw_all(&self, which: impl Fn(&Request) -> bool) -> Vec<Request> {
        Self::take_out(&mut self.lock().open, which)
    }

    fn take_out(stops: &mut [Open<G, J, E>], which: impl Fn(&Request) -> bool) -> Vec<Request> {
        let mut withdrawn = Vec::new();
        for stop in stops {
            for queue in [&mut stop.put_off, &mut stop.letters] {
                for Addressed { to, time, letter } in std::mem::take(queue) {
                    match letter {
                        Letter::Request(request) if which(&request) => withdrawn.push(request),
                        letter => queue.push_back(Addressed { to, time, letter }),
                    }
                }
            }
        }
        withdrawn
    }

    /// The next letter that a stop has to read, and the stop that it is for.
    pub(crate) fn next(&self, id: StopId) -> Option<(StopId, Letter<G, J, E>)> {
        let mut stops = self.lock();
        let now = stops.now;
        let stop = stops.open.iter_mut().find(|it| it.id == id)?;
        let next = stop.letters.pop_front();
        stop.read = next.as_ref().map_or(now, |it| it.time);
        stop.begun = match next.as_ref().map(|it| &it.letter) {
            Some(Letter::Request(request)) => Some(Begun { seq: request.seq, given_up: false }),
            _ => None,
        };
        next.map(|it| (it.to, it.letter))
    }

    /// Keeps a letter until [`Self::take_up`]: it needs an evaluation, and another one is under way. Gives a request back that was begun
    /// and given up meanwhile.
    pub(crate) fn put_off(&self, reader: StopId, to: StopId, letter: Letter<G, J, E>) -> Result<(), Letter<G, J, E>> {
        let stops = &mut self.lock().open;
        let Some(stop) = stops.iter_mut().find(|it| it.id == reader) else { return Err(letter) };
        if matches!(letter, Letter::Request(_)) && stop.begun.take().is_none_or(|it| it.given_up) {
            return Err(letter);
        }
        stop.put_off.push_back(Addressed { to, time: stop.read, letter });
        Ok(())
    }

    /// An evaluation is over: what was put off can be read again.
    pub(crate) fn take_up(&self) {
        for stop in self.lock().open.iter_mut().filter(|it| !it.put_off.is_empty()) {
            for letter in stop.put_off.drain(..).rev() {
                stop.letters.push_front(letter);
            }
            stop.arrived.post();
        }
    }

    /// Wakes whoever reads, without a letter.
    pub(crate) fn nudge(&self) {
        self.lock().open.iter().for_each(|it| it.arrived.post());
    }
}
