//! The interpreters that a test runs on.

use std::sync::atomic::{AtomicUsize, Ordering};

use ikpdb_testkit::Python;

/// The interpreters to test on; `IKPDB_TEST_PYTHON=3.12` picks those of one version while one looks for a fault.
pub fn pythons() -> Vec<Python> {
    let picked = std::env::var("IKPDB_TEST_PYTHON").unwrap_or_default();
    ikpdb_testkit::pythons().into_iter().filter(|python| python.version.starts_with(&picked)).collect()
}

/// Does something on every interpreter, on two of them at a time: for what waits more than it computes. `work` gets the interpreter and its
/// place in their row.
pub fn on_each_python(work: impl Fn(&Python, usize) + Sync) {
    let pythons: Vec<(usize, Python)> = pythons().into_iter().enumerate().collect();
    two_at_a_time(&pythons, |(at, python)| work(python, *at));
}

/// Does something with each of these, two at a time; what came of them, in no order.
pub fn two_at_a_time<T: Sync, R: Send>(all: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        while let Some(it) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
            done.push(work(it));
        }
        done
    };
    std::thread::scope(|scope| {
        let workers = [scope.spawn(worker), scope.spawn(worker)];
        workers.into_iter().flat_map(|it| it.join().unwrap()).collect()
    })
}
