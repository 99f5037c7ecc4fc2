//! The bench: workloads under our debugger, under debugpy, and without a debugger, in one run.

mod callgrind;
mod debuggee;
mod door;
mod latency;
mod machine;
mod measure;
mod plan;
mod report;
mod results;
mod statistics;

pub(crate) use callgrind::stand_in;
pub(crate) use debuggee::Starter;
pub(crate) use machine::{date as today, describe as machine_line};
pub(crate) use measure::{Bench, Selection};
pub(crate) use plan::{Debugger, Scenario, WITH_JIT, WORKLOADS};
pub(crate) use report::{missed, render, unmeasured};
pub(crate) use results::Results;
