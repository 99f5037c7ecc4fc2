//! The loop around [`ikpdb_hub::Hub`]: it turns sockets into inputs and outputs into bytes, and decides nothing.
//!
//! [`serve`] is the hub of a workspace: a unix socket for agents, runners and commands, HTTP with a WebSocket for pages.
//! [`private`] is the hub inside `ikpdb dap`: one editor on two byte streams.
//!
//! Tasks: one async thread runs everything. One task accepts at the unix socket, one accepts pages; each connection has one
//! task that reads and, if it falls behind, one that writes; one task waits for the hub's next timer. Files are read on
//! the blocking pool. A step runs on whatever task brought the input, under one lock that is never held across an await.

mod error;
mod files;
mod log;
mod outbox;
pub mod private;
mod process;
pub mod serve;
mod shell;
mod state;
mod unix_door;
mod web;

pub use error::Error;
