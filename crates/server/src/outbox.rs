//! What one connection is still to be sent: bounded, so that a peer that does not read costs nobody but itself.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

/// How much may wait for one peer. When more comes, the peer is cut off; a page then comes back and asks the journal.
const BOUND: usize = 16 << 20;

/// Above this, a client that is waited for is waited for.
const MUCH: usize = 4 << 20;

/// The queue of one connection.
#[derive(Default)]
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    changed: Notify,
    taken: Notify,
}

#[derive(Default)]
struct Queue {
    items: VecDeque<Bytes>,
    waiting: usize,
    /// The one that was taken last is not written yet.
    writing: bool,
    /// No more comes; with the reason.
    closing: Option<String>,
}

/// What to do next for a peer.
pub(crate) enum Next {
    /// Send this.
    Send(Bytes),
    /// Close.
    Close(String),
}

/// The peer does not read.
pub(crate) struct Full;

impl Outbox {
    /// Adds a message. One message always fits, however large.
    pub(crate) fn push(&self, bytes: Bytes) -> Result<(), Full> {
        let mut queue = self.lock();
        if queue.closing.is_some() {
            return Ok(());
        }
        if !queue.items.is_empty() && queue.waiting + bytes.len() > BOUND {
            return Err(Full);
        }
        queue.waiting += bytes.len();
        queue.items.push_back(bytes);
        drop(queue);
        self.changed.notify_one();
        Ok(())
    }

    /// Nothing waits: a message may be written past the queue.
    pub(crate) fn is_empty(&self) -> bool {
        let queue = self.lock();
        queue.items.is_empty() && !queue.writing
    }

    /// Closes after what is waiting.
    pub(crate) fn close(&self, reason: String) {
        self.lock().closing.get_or_insert(reason);
        self.changed.notify_one();
        self.taken.notify_waiters();
    }

    /// Closes at once.
    pub(crate) fn abort(&self, reason: String) {
        let mut queue = self.lock();
        queue.items.clear();
        queue.waiting = 0;
        queue.closing = Some(reason);
        drop(queue);
        self.changed.notify_one();
        self.taken.notify_waiters();
    }

    /// Waits for what is next; what was taken before is written by now. One task at a time.
    pub(crate) async fn next(&self) -> Next {
        loop {
            {
                let mut queue = self.lock();
                queue.writing = false;
                if let Some(bytes) = queue.items.pop_front() {
                    queue.waiting -= bytes.len();
                    queue.writing = true;
                    self.taken.notify_waiters();
                    return Next::Send(bytes);
                }
                if let Some(reason) = &queue.closing {
                    return Next::Close(reason.clone());
                }
            }
            self.changed.notified().await;
        }
    }

    /// Waits until not much is waiting, or nothing will be taken any more.
    pub(crate) async fn roomy(&self) {
        loop {
            let taken = self.taken.notified();
            let roomy = {
                let queue = self.lock();
                queue.waiting <= MUCH || queue.closing.is_some()
            };
            if roomy {
                return;
            }
            taken.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_that_does_not_read_is_full_at_the_bound_but_takes_one_large_message() {
        let outbox = Outbox::default();
        assert!(outbox.push(vec![0; BOUND + 1].into()).is_ok());
        assert!(outbox.push(vec![0; 1].into()).is_err());
        let outbox = Outbox::default();
        for _ in 0..16 {
            assert!(outbox.push(vec![0; BOUND / 16].into()).is_ok());
        }
        assert!(outbox.push(vec![0; 1].into()).is_err());
    }
}
