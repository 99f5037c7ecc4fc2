//! What threads that stop and the listener meet on: the standard library's, or in unit tests a model's, which tries the orders in
//! which threads can run.

#[cfg(not(test))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicUsize};
#[cfg(not(test))]
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};

#[cfg(test)]
pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicUsize};
#[cfg(test)]
pub(crate) use shuttle::sync::{Condvar, Mutex, MutexGuard};

#[cfg(not(test))]
pub(crate) use crate::semaphore::Semaphore;
#[cfg(test)]
pub(crate) use model::Semaphore;

#[cfg(test)]
mod model {
    use super::{Condvar, Mutex};

    /// As [`crate::semaphore::Semaphore`].
    #[derive(Debug)]
    pub(crate) struct Semaphore {
        posts: Mutex<u32>,
        posted: Condvar,
    }

    impl Semaphore {
        pub(crate) fn new() -> Self {
            Self { posts: Mutex::new(0), posted: Condvar::new() }
        }

        pub(crate) fn post(&self) {
            *self.posts.lock().unwrap() += 1;
            self.posted.notify_one();
        }

        pub(crate) fn wait(&self) -> bool {
            let mut posts = self.posts.lock().unwrap();
            while *posts == 0 {
                posts = self.posted.wait(posts).unwrap();
            }
            *posts -= 1;
            true
        }

        /// A model has no clock.
        pub(crate) fn wait_for(&self, _: std::time::Duration) -> bool {
            self.wait()
        }
    }
}
