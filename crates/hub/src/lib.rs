//! The hub as a pure function: [`Hub::step`] takes what happened and says what to do. No sockets, no clock, no randomness.
//!
//! [`port`] is what goes in and out. `hub` holds the state and runs a step; `doors` is who may connect and how each kind
//! of peer is met; `requests` has one file for each request that the hub interprets, everything else is forwarded
//! (`forward`); `session` is one debuggee; `wishes`, `combine` and `placing` are the breakpoints; `journal` is what a
//! client that comes back is told.
//!
//! Every message gets a fresh `seq` at each hop. Inside lines and columns are 1-based; an editor that counts from 0 is
//! converted in `lines`, at its own edge.

mod broadcast;
mod capabilities;
mod combine;
mod connection;
mod doors;
mod envelope;
mod forward;
mod hub;
mod idle;
mod journal;
mod lifecycle;
mod lines;
mod output;
mod placing;
pub mod port;
mod requests;
mod saved;
mod secrets;
mod session;
mod timers;
mod unwatched;
mod wishes;

pub use hub::Hub;
pub use port::{Config, ConnectionId, Door, FileWork, Input, JobId, Mode, Output, Spawned};
pub use saved::Saved;
