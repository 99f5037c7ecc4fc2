//! What logpoints print, on its way to the hub.
//!
//! The program puts its lines here and never waits: what one breakpoint printed in a row becomes one event, which the writer thread
//! sends when everything else is sent, or whoever sends something else does before that. The room is bounded: what finds none is
//! counted, and the user is told how much is missing.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use ikpdb_proto::{Event, dap};

use super::OUTBOX;

/// So many bytes wait at most.
const ROOM: usize = 4 << 20;
/// An event carries so many bytes at most.
const LARGEST_EVENT: usize = 64 << 10;

/// The lines that wait.
pub(crate) struct Log(Mutex<State>);

struct State {
    batches: VecDeque<Batch>,
    bytes: usize,
    /// Lines that found no room since the last event.
    left_out: u64,
}

/// Lines of one breakpoint.
struct Batch {
    breakpoint: i32,
    path: String,
    line: u32,
    text: String,
}

impl Log {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(State { batches: VecDeque::new(), bytes: 0, left_out: 0 }))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a line, end of line included. `place` tells file and line of the breakpoint.
    pub(crate) fn push(&self, breakpoint: i32, text: &str, place: impl FnOnce() -> (String, u32)) {
        let mut state = self.lock();
        if state.bytes + text.len() > ROOM {
            state.left_out += 1;
            return;
        }
        let first = state.batches.is_empty();
        state.bytes += text.len();
        match state.batches.back_mut() {
            Some(batch) if batch.breakpoint == breakpoint && batch.text.len() + text.len() <= LARGEST_EVENT => {
                batch.text.push_str(text);
            }
            _ => {
                let (path, line) = place();
                state.batches.push_back(Batch { breakpoint, path, line, text: text.to_owned() });
            }
        }
        drop(state);
        if first {
            OUTBOX.wake();
        }
    }

    /// Whether something waits: lines, or that some are missing.
    pub(super) fn waits(&self) -> bool {
        let state = self.lock();
        !state.batches.is_empty() || state.left_out > 0
    }

    /// The next event to send: the oldest lines, or how many were left out behind them.
    pub(super) fn next(&self) -> Option<Event> {
        let mut state = self.lock();
        let body = match state.batches.pop_front() {
            Some(batch) => {
                state.bytes -= batch.text.len();
                dap::OutputEvent {
                    category: Some("console".to_owned()),
                    output: batch.text,
                    source: Some(dap::Source { path: Some(batch.path), ..dap::Source::default() }),
                    line: Some(batch.line),
                    ..dap::OutputEvent::default()
                }
            }
            None if state.left_out > 0 => dap::OutputEvent {
                category: Some("important".to_owned()),
                output: format!(
                    "{} log messages are missing here: they came faster than they could be sent\n",
                    std::mem::take(&mut state.left_out)
                ),
                ..dap::OutputEvent::default()
            },
            None => return None,
        };
        Some(Event::new("output", &body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(event: &Event) -> String {
        event.body::<dap::OutputEvent>().unwrap().output
    }

    #[test]
    fn lines_of_one_breakpoint_in_a_row_are_one_event() {
        let log = Log::new();
        let place = || ("/a.py".to_owned(), 3);
        for (breakpoint, text) in [(1, "a\n"), (1, "b\n"), (2, "c\n"), (1, "d\n")] {
            log.push(breakpoint, text, place);
        }
        let events: Vec<String> = std::iter::from_fn(|| log.next()).map(|event| output(&event)).collect();
        assert_eq!(events, ["a\nb\n", "c\n", "d\n"]);
        assert!(!log.waits());
    }

    #[test]
    fn i11_lines_that_find_no_room_are_counted_and_the_count_is_told() {
        let log = Log::new();
        let line = format!("{}\n", "x".repeat(1023));
        for _ in 0..5000 {
            log.push(1, &line, || ("/a.py".to_owned(), 3));
        }
        // As the writer does it.
        let events: Vec<String> =
            std::iter::from_fn(|| log.waits().then(|| log.next()).flatten()).map(|event| output(&event)).collect();
        assert!(!log.waits());
        let told: usize = events.iter().map(|text| text.matches("x\n").count()).sum();
        assert_eq!(told, ROOM / 1024);
        assert!(events.last().unwrap().starts_with(&format!("{} log messages", 5000 - told)), "{:?}", events.last());
    }
}
