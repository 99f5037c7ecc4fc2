//! Whether a thread is blocked: it waits for something, and nobody runs who could give it that.
//!
//! It is looked at from time to time, natively. On a machine that is busy most of what seems to stand still only waits for a processor: a
//! thread waits for the GIL, and whoever has that would give it away if he came to run.

use std::time::Duration;

use super::{gil, interrupt, threads};

/// So many looks in a row at which the thread's CPU clock had not moved and nobody else ran mean that it is blocked.
const ALONE_LOOKS: u32 = 2;
/// So many without progress do, whatever others are doing: native code that computes without the GIL does not need to be waited for.
const LOOKS_WITHOUT_PROGRESS: u32 = 50;
/// The kernel keeps so much of a thread's name.
const NAME_LENGTH: usize = 15;

/// What was seen of a thread. Threads are known by the kernel's ids: unlike a `pthread_t` one may outlive its thread without harm.
pub(super) struct Looks {
    pub(super) thread: libc::pid_t,
    /// Its CPU clock at the last look.
    clock: Option<Duration>,
    /// How many of the last looks that has not moved, and at how many of them nobody else ran either.
    without_progress: u32,
    alone: u32,
}

/// What there is to be seen.
trait Process {
    /// The CPU time that a thread has used; zero once it has ended.
    fn clock(&self, thread: libc::pid_t) -> Duration;
    /// Whether a thread waits for something: one that is only kept from a processor by others does not, nor one that waits for its memory.
    fn sleeps(&self, thread: libc::pid_t) -> bool;
    /// Whether a thread that may have the GIL runs or waits for a processor, besides the given one.
    fn others_run(&self, thread: libc::pid_t) -> bool;
}

/// This process.
struct Ours;

impl Looks {
    /// At this thread, from now on.
    pub(super) fn begin(thread: libc::pid_t) -> Self {
        Self { thread, clock: None, without_progress: 0, alone: 0 }
    }

    /// Looks once more: whether it is blocked.
    pub(super) fn is_blocked(&mut self) -> bool {
        self.is_blocked_in(&Ours)
    }

    fn is_blocked_in(&mut self, process: &impl Process) -> bool {
        let clock = process.clock(self.thread);
        let has_moved = self.clock.replace(clock) != Some(clock);
        self.without_progress = if has_moved { 0 } else { self.without_progress + 1 };
        let waits = || process.sleeps(self.thread) && process.clock(self.thread) == clock;
        if has_moved || !waits() {
            self.alone = 0;
            return false;
        }
        // Whoever has the GIL may park just before he is looked at. Then this thread has got it, and is awake by now; or another one has
        // that was looked at before, which the next look sees.
        let is_alone = !process.others_run(self.thread) && waits();
        self.alone = if is_alone { self.alone + 1 } else { 0 };
        self.alone >= ALONE_LOOKS || self.without_progress >= LOOKS_WITHOUT_PROGRESS
    }
}

impl Process for Ours {
    fn clock(&self, thread: libc::pid_t) -> Duration {
        cpu_clock(thread)
    }

    fn sleeps(&self, thread: libc::pid_t) -> bool {
        sleeps(thread)
    }

    fn others_run(&self, thread: libc::pid_t) -> bool {
        let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return false };
        let of = |name: &std::ffi::OsStr| name.to_str()?.parse::<libc::pid_t>().ok().filter(|it| *it != thread);
        tasks.flatten().filter_map(|task| of(&task.file_name())).any(|other| {
            let name = std::fs::read_to_string(format!("/proc/self/task/{other}/comm")).unwrap_or_default();
            may_have_gil(name.trim_end()) && !sleeps(other)
        })
    }
}

/// Whether a thread of this name, as the kernel keeps it, is the program's, or one of ours that takes the GIL.
fn may_have_gil(name: &str) -> bool {
    let is = |own: &str| own.as_bytes().iter().take(NAME_LENGTH).eq(name.as_bytes());
    !name.is_empty() && (!name.starts_with("ikpdb-") || is(gil::HELPER_NAME) || is(interrupt::INTERRUPTER_NAME))
}

/// Whether a thread waits for something.
pub(super) fn sleeps(thread: libc::pid_t) -> bool {
    threads::state_of(thread).is_some_and(|state| !matches!(state, 'R' | 'D'))
}

/// The CPU time that a thread has used; zero once it has ended.
pub(super) fn cpu_clock(thread: libc::pid_t) -> Duration {
    /// The kernel's bits for "of one thread" and "CPU time".
    const PER_THREAD_CPU_TIME: libc::clockid_t = 4 | 2;
    // SAFETY: plain data, filled in by the call; a thread that has ended gives an error.
    unsafe {
        let mut time: libc::timespec = std::mem::zeroed();
        if libc::clock_gettime((!thread << 3) | PER_THREAD_CPU_TIME, &raw mut time) != 0 {
            return Duration::ZERO;
        }
        Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// A thread that waits, and another one.
    #[derive(Default)]
    struct Two {
        clock: Cell<Duration>,
        is_awake: Cell<bool>,
        other_runs: Cell<bool>,
        /// The other one gives the GIL away just before it is looked at.
        gives_way: Cell<bool>,
    }

    impl Process for Two {
        fn clock(&self, _: libc::pid_t) -> Duration {
            self.clock.get()
        }

        fn sleeps(&self, _: libc::pid_t) -> bool {
            !self.is_awake.get()
        }

        fn others_run(&self, _: libc::pid_t) -> bool {
            if self.gives_way.take() {
                self.is_awake.set(true);
                self.other_runs.set(false);
            }
            self.other_runs.get()
        }
    }

    fn looks(count: u32, looks: &mut Looks, process: &Two) -> Vec<bool> {
        (0..count).map(|_| looks.is_blocked_in(process)).collect()
    }

    #[test]
    fn who_waits_while_nobody_runs_is_blocked_at_the_second_look_that_sees_it() {
        assert_eq!(looks(4, &mut Looks::begin(1), &Two::default()), [false, false, true, true]);
    }

    #[test]
    fn who_has_run_since_the_last_look_is_not() {
        let (process, mut seen) = (Two::default(), Looks::begin(1));
        for look in 0..10 {
            process.clock.set(Duration::from_micros(look));
            assert!(!looks(2, &mut seen, &process).contains(&true));
        }
    }

    #[test]
    fn who_waits_for_one_that_gets_no_processor_is_not_for_long() {
        let (process, mut seen) = (Two::default(), Looks::begin(1));
        process.other_runs.set(true);
        assert!(!looks(LOOKS_WITHOUT_PROGRESS, &mut seen, &process).contains(&true));
        assert_eq!(looks(1, &mut seen, &process), [true]);
    }

    #[test]
    fn who_gets_no_processor_itself_is_not_at_all() {
        let (process, mut seen) = (Two::default(), Looks::begin(1));
        process.is_awake.set(true);
        assert!(!looks(3 * LOOKS_WITHOUT_PROGRESS, &mut seen, &process).contains(&true));
    }

    #[test]
    fn who_gets_what_it_waits_for_while_others_are_looked_at_is_not() {
        let (process, mut seen) = (Two::default(), Looks::begin(1));
        assert_eq!(looks(2, &mut seen, &process), [false, false]);
        process.other_runs.set(true);
        process.gives_way.set(true);
        assert_eq!(looks(3, &mut seen, &process), [false, false, false]);
        // It waits again: what was seen before does not count.
        process.is_awake.set(false);
        assert_eq!(looks(2, &mut seen, &process), [false, true]);
    }

    #[test]
    fn those_of_our_threads_count_that_take_the_gil() {
        for name in ["python3", "MainThread", "ikpdb-helper", "ikpdb-interrupt"] {
            assert!(may_have_gil(name), "{name}");
        }
        for name in ["ikpdb-watchdog", "ikpdb-listener", "ikpdb-children", ""] {
            assert!(!may_have_gil(name), "{name}");
        }
    }
}
