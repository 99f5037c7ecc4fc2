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
    let pythons = pythons();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(python) = pythons.get(at) else { return };
                    work(python, at);
                }
            });
        }
    });
}
