//! A semaphore that a signal handler may post.

use std::cell::UnsafeCell;
use std::time::Duration;

/// A counting semaphore of the C library. It is created once and lives as long as the process.
#[derive(Debug)]
pub(crate) struct Semaphore(Box<UnsafeCell<libc::sem_t>>);

// SAFETY: the C library's semaphores are made for use by many threads.
unsafe impl Send for Semaphore {}
// SAFETY: as above.
unsafe impl Sync for Semaphore {}

impl Semaphore {
    pub(crate) fn new() -> Self {
        // SAFETY: all-zero bytes are storage for `sem_init`, which makes them a semaphore; the box never moves it.
        unsafe {
            let cell = Box::new(UnsafeCell::new(std::mem::zeroed()));
            libc::sem_init(cell.get(), 0, 0);
            Self(cell)
        }
    }

    /// Lets one waiter go on. Safe in a signal handler.
    pub(crate) fn post(&self) {
        // SAFETY: initialised by `new`.
        unsafe { libc::sem_post(self.0.get()) };
    }

    /// Waits for a post. True if it came, false if a signal was handled instead.
    pub(crate) fn wait(&self) -> bool {
        // SAFETY: initialised by `new`.
        unsafe { libc::sem_wait(self.0.get()) == 0 }
    }

    /// Waits for a post, at most so long. True if it came.
    pub(crate) fn wait_for(&self, limit: Duration) -> bool {
        // SAFETY: plain data, filled in by the call below.
        let mut deadline: libc::timespec = unsafe { std::mem::zeroed() };
        // SAFETY: writes to our own variable. `sem_timedwait` wants the real-time clock.
        unsafe { libc::clock_gettime(libc::CLOCK_REALTIME, &raw mut deadline) };
        let nanos = deadline.tv_nsec + i64::from(limit.subsec_nanos());
        deadline.tv_sec += i64::try_from(limit.as_secs()).unwrap_or(3600) + nanos / 1_000_000_000;
        deadline.tv_nsec = nanos % 1_000_000_000;
        // SAFETY: initialised by `new`; the deadline is ours.
        unsafe { libc::sem_timedwait(self.0.get(), &raw const deadline) == 0 }
    }
}
