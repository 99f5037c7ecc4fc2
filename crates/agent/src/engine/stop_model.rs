//! The stops and the listener under a model checker: in whatever order threads run, every request is answered once, everybody who was
//! stopped goes on, and nobody waits for ever.

use std::sync::Arc;

use ikpdb_proto::{Request, StopPolicy, ThreadId};
use shuttle::sync::Mutex;
use shuttle::thread;

use super::holder::Holder;
use crate::door::mailbox::{Letter, Mailbox, StopId, To};
use crate::sync::Semaphore;

/// A program and its debugger.
struct World {
    /// Whoever has it runs the program's code.
    gil: Mutex<()>,
    mailbox: Mailbox<()>,
    holder: Holder,
    /// Stops that the listener has not heard of yet, and how many there were.
    told: Mutex<(Vec<StopId>, u32)>,
    heard: Semaphore,
    /// Numbers of the requests that were answered, by whoever.
    answered: Mutex<Vec<i64>>,
    answers: Semaphore,
}

impl World {
    fn answer(&self, letters: Vec<Letter<()>>) {
        for letter in letters {
            if let Letter::Request(request) = letter {
                self.answered.lock().unwrap().push(request.seq);
                self.answers.post();
            }
        }
    }

    /// A thread of the program stops, once, as `stop::stop` does it.
    fn stop(&self, me: usize, policy: StopPolicy) {
        let mut gil = Some(self.gil.lock().unwrap());
        while !self.holder.admits(me, policy) {
            drop(gil.take());
            self.holder.wait();
            gil = Some(self.gil.lock().unwrap());
        }
        let id = {
            let mut told = self.told.lock().unwrap();
            told.1 += 1;
            StopId(told.1)
        };
        let arrived = self.mailbox.open(id, ThreadId(i32::try_from(me).unwrap()), policy);
        self.told.lock().unwrap().0.push(id);
        self.heard.post();
        'stay: loop {
            if self.holder.is(me) {
                arrived.wait();
            } else {
                loop {
                    drop(gil.take());
                    arrived.wait();
                    gil = Some(self.gil.lock().unwrap());
                    if !self.holder.is_there() {
                        break;
                    }
                }
            }
            while let Some((_, letter)) = self.mailbox.next(id) {
                if let Letter::GoOn(()) = letter {
                    break 'stay;
                }
                self.answer(vec![letter]);
            }
        }
        if policy == StopPolicy::All {
            self.mailbox.others_go_on(id, || ());
        }
        self.answer(self.mailbox.close(id).letters);
        // What the stop had kept is let go: that may run code of the program's, and give the GIL away.
        drop(gil.take());
        thread::yield_now();
        let gil = self.gil.lock().unwrap();
        if self.holder.give_way(me) {
            self.mailbox.nudge();
        }
        drop(gil);
    }

    /// Asks each stop something, and whoever is there, and lets it go on. The numbers of the requests that were taken.
    fn listen(&self, stops: u32) -> Vec<i64> {
        let (mut seq, mut taken) = (0, Vec::new());
        for _ in 0..stops {
            self.heard.wait();
            let id = self.told.lock().unwrap().0.remove(0);
            for to in [To::Stop(id), To::Whoever, To::Thread(ThreadId(1))] {
                seq += 1;
                let request = Request { seq, ..Request::new("threads", &()) };
                if self.mailbox.put(to, Letter::Request(request)).is_ok() {
                    taken.push(seq);
                    // An editor asks one thing after the other, and lets the program go on when it has seen all.
                    self.answers.wait();
                }
            }
            let _ = self.mailbox.put(To::Stop(id), Letter::GoOn(()));
        }
        taken
    }
}

fn session(policies: &'static [StopPolicy]) {
    let world = Arc::new(World {
        gil: Mutex::new(()),
        mailbox: Mailbox::new(),
        holder: Holder::new(),
        told: Mutex::new((Vec::new(), 0)),
        heard: Semaphore::new(),
        answered: Mutex::new(Vec::new()),
        answers: Semaphore::new(),
    });
    let threads: Vec<_> = policies
        .iter()
        .zip(1..)
        .map(|(policy, me)| {
            let world = Arc::clone(&world);
            thread::spawn(move || {
                world.stop(me, *policy);
                world.stop(me, *policy);
            })
        })
        .collect();
    let taken = world.listen(2 * u32::try_from(policies.len()).unwrap());
    for thread in threads {
        thread.join().unwrap();
    }
    assert!(!world.mailbox.is_open() && !world.holder.is_there());
    let mut answered = world.answered.lock().unwrap().clone();
    answered.sort_unstable();
    assert_eq!(answered, taken, "each request that was taken is answered once");
}

const ROUNDS: usize = 3000;

#[test]
fn stops_of_everybody_follow_each_other_and_every_request_is_answered() {
    shuttle::check_random(|| session(&[StopPolicy::All, StopPolicy::All, StopPolicy::All]), ROUNDS);
}

#[test]
fn threads_that_stop_by_themselves_are_answered_each() {
    shuttle::check_random(|| session(&[StopPolicy::Thread, StopPolicy::Thread, StopPolicy::Thread]), ROUNDS);
}

#[test]
fn stops_of_one_and_of_everybody_meet_and_nobody_waits_for_ever() {
    let mixed = || session(&[StopPolicy::Thread, StopPolicy::All, StopPolicy::Thread]);
    shuttle::check_random(mixed, ROUNDS);
    shuttle::check_pct(mixed, ROUNDS, 3);
}
