//! The engine inside CPython: a Debug Adapter Protocol adapter that lives in the debuggee.
//!
//! Threads of ours, all native: *listener* (reads from the hub, answers what needs no GIL), *writer* (finishes writes that
//! would block), *helper* (does jobs with the GIL, shows programs that wait), *watchdog* (looks after evaluations and steps),
//! *children* (looks for child processes). None of them is waited for by the program, except at its very end by an `atexit`
//! callback, for those that are inside the interpreter. The program itself waits only while it is stopped.

mod api;
mod capi;
mod children;
mod door;
mod engine;
mod inspect;
mod lifetime;
mod log;
mod requests;
mod reserve;
mod semaphore;
mod start;
mod sync;

pub use start::ikpdb_agent_start;
