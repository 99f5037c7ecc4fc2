//! Code of the program's that runs to show a value, each only for so long, and all of them together.

use std::time::Instant;

use pyo3::prelude::*;

use crate::engine::evaluation::{self, Evaluation, UNASKED};
use crate::engine::stop::{self, Stop};
use crate::engine::watchdog::{self, Limit};
use crate::inspect::original::{Asked as Shown, Foreign};

/// Runs `__repr__` and `__str__` functions of the program's.
pub(super) struct Bounded<'a, 'py> {
    py: Python<'py>,
    stop: &'a mut Stop,
    each: Limit,
    left: Option<Limit>,
    /// None is run.
    is_safe: bool,
    evaluation: Option<Evaluation>,
}

impl<'a, 'py> Bounded<'a, 'py> {
    /// Each may take so long, and all together.
    pub(super) fn new(py: Python<'py>, stop: &'a mut Stop, each: Limit, all: Option<Limit>, is_safe: bool) -> Self {
        Self { py, stop, each, left: all, is_safe, evaluation: None }
    }

    fn time(&self) -> Limit {
        self.left.map_or(self.each, |left| Limit {
            processor: left.processor.min(self.each.processor),
            clock: left.clock.min(self.each.clock),
        })
    }

    fn run(&mut self, work: impl FnOnce() -> PyResult<Bound<'py, PyAny>>) -> Shown<'py> {
        let time = self.time();
        if self.is_safe || time.processor.is_zero() || time.clock.is_zero() {
            return Shown::NotRun;
        }
        if self.evaluation.is_none() && evaluation::running().is_some() {
            // That of a thread which stands still for this stop: one at a time is looked after.
            return Shown::NotRun;
        }
        let (begun, clock) = (Instant::now(), watchdog::own_clock());
        // Looking after it once and going on is much cheaper than beginning anew for each value.
        if !self.evaluation.as_ref().is_some_and(|it| it.goes_on(time)) {
            self.end();
            self.evaluation = Some(Evaluation::begin(self.py, self.stop, UNASKED, Some(time)));
        }
        let shown = work();
        let used = watchdog::own_clock().saturating_sub(clock);
        self.left = self.left.map(|left| Limit {
            processor: left.processor.saturating_sub(used),
            clock: left.clock.saturating_sub(begun.elapsed()),
        });
        match shown {
            Ok(text) => Shown::Shown(text),
            Err(error) => {
                let given_up = self.end();
                stop::forget_error(self.py, error);
                if given_up { Shown::NotRun } else { Shown::Raised }
            }
        }
    }

    /// Ends what was begun. True if it was given up.
    fn end(&mut self) -> bool {
        self.evaluation.take().is_some_and(|it| it.end(self.py, self.stop).given_up)
    }
}

impl<'py> Foreign<'py> for Bounded<'_, 'py> {
    fn repr(&mut self, value: &Bound<'py, PyAny>) -> Shown<'py> {
        self.run(|| value.repr().map(Bound::into_any))
    }

    fn str(&mut self, value: &Bound<'py, PyAny>) -> Shown<'py> {
        self.run(|| value.str().map(Bound::into_any))
    }
}

impl Drop for Bounded<'_, '_> {
    fn drop(&mut self) {
        self.end();
    }
}
