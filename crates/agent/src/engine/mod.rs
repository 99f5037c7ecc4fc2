//! The engine: what it takes to stop, step and look at a program, on every supported version of CPython.

pub(crate) mod audit;
pub(crate) mod breakpoints;
pub(crate) mod codes;
mod condition;
pub(crate) mod control;
pub(crate) mod entry;
pub(crate) mod evaluation;
pub(crate) mod events;
pub(crate) mod exceptions;
pub(crate) mod freeze;
pub(crate) mod gil;
mod gil_cell;
mod library;
mod line_table;
mod monitor;
mod native_condition;
pub(crate) mod pause;
pub(crate) mod run_to;
mod signals;
pub(crate) mod source;
mod stack;
pub(crate) mod step;
pub(crate) mod stop;
pub(crate) mod threading_hooks;
pub(crate) mod threads;
mod trace;
pub(crate) mod watchdog;
