//! What a session printed: the part that is kept for those who come later, and the brake for a program that prints
//! faster than anybody can read. What is left out is counted and said (`ikpdbDropped`).

use std::collections::VecDeque;

use ikpdb_proto::dap::OutputEvent;

/// How many bytes of a session's output are kept for the snapshot.
const KEPT: usize = 1 << 20;

/// Pieces of the same stream are joined up to this many bytes.
const PIECE: usize = 16 << 10;

/// How many bytes may go out at once, and how many more each millisecond: 4 MB/s is more than a terminal can show.
const BURST: usize = 4 << 20;
const PER_MS: usize = 4 << 10;

/// While a program is too fast, its newest output waits up to this size: the end is what people look at.
const HELD: usize = 256 << 10;

/// Something that we say ourselves, where the user reads what the program prints.
pub(crate) fn ours(message: &str) -> OutputEvent {
    OutputEvent { category: Some("important".to_owned()), output: format!("ikpdb: {message}\n"), ..Default::default() }
}

/// A session's output.
#[derive(Default)]
pub(crate) struct OutputLog {
    kept: VecDeque<OutputEvent>,
    bytes: usize,
    /// Bytes of kept output that were forgotten.
    forgotten: f64,
}

impl OutputLog {
    /// Remembers a piece.
    pub(crate) fn push(&mut self, event: &OutputEvent) {
        self.bytes += event.output.len();
        match self.kept.back_mut() {
            Some(last) if joins(last, event) && last.output.len() + event.output.len() <= PIECE => {
                last.output.push_str(&event.output);
            }
            _ => self.kept.push_back(event.clone()),
        }
        while self.bytes > KEPT && self.kept.len() > 1 {
            let Some(gone) = self.kept.pop_front() else { break };
            self.bytes -= gone.output.len();
            self.forgotten += gone.output.len() as f64 + gone.ikpdb_dropped.unwrap_or(0.0);
        }
    }

    /// What is kept, oldest first; the first piece says how much is missing before it.
    pub(crate) fn all(&self) -> Vec<OutputEvent> {
        let mut all: Vec<_> = self.kept.iter().cloned().collect();
        if let Some(first) = all.first_mut()
            && self.forgotten > 0.0
        {
            first.ikpdb_dropped = Some(first.ikpdb_dropped.unwrap_or(0.0) + self.forgotten);
        }
        all
    }
}

fn joins(last: &OutputEvent, next: &OutputEvent) -> bool {
    last.category == next.category
        && last.ikpdb_terminal == next.ikpdb_terminal
        && last.source.is_none()
        && next.source.is_none()
        && next.ikpdb_dropped.is_none()
}

/// Lets output through as fast as people can read it.
#[derive(Default)]
pub(crate) struct Brake {
    spent: usize,
    at: u64,
    held: VecDeque<OutputEvent>,
    held_bytes: usize,
    dropped: f64,
}

impl Brake {
    /// Takes a piece. `Some`: it goes out now. `None`: it is held; call [`Brake::release`] at the given time or at the end.
    pub(crate) fn take(&mut self, now: u64, event: OutputEvent) -> Result<OutputEvent, u64> {
        self.refill(now);
        if self.held.is_empty() && self.spent + event.output.len() <= BURST {
            self.spent += event.output.len();
            return Ok(event);
        }
        self.held_bytes += event.output.len();
        self.held.push_back(event);
        while self.held_bytes > HELD && self.held.len() > 1 {
            let Some(gone) = self.held.pop_front() else { break };
            self.held_bytes -= gone.output.len();
            self.dropped += gone.output.len() as f64 + gone.ikpdb_dropped.unwrap_or(0.0);
        }
        Err(now + (HELD / PER_MS) as u64)
    }

    /// What is held, oldest first, with the count of what is missing before it; nothing if there is still no room for it.
    pub(crate) fn release(&mut self, now: u64) -> Vec<OutputEvent> {
        self.refill(now);
        if self.spent + self.held_bytes > BURST { Vec::new() } else { self.release_all() }
    }

    /// All that is held: the program has ended.
    pub(crate) fn release_all(&mut self) -> Vec<OutputEvent> {
        self.spent += self.held_bytes;
        self.held_bytes = 0;
        let mut all: Vec<_> = self.held.drain(..).collect();
        if let Some(first) = all.first_mut()
            && self.dropped > 0.0
        {
            first.ikpdb_dropped = Some(first.ikpdb_dropped.unwrap_or(0.0) + self.dropped);
            self.dropped = 0.0;
        }
        all
    }

    fn refill(&mut self, now: u64) {
        let gained = usize::try_from(now.saturating_sub(self.at)).unwrap_or(usize::MAX).saturating_mul(PER_MS);
        self.spent = self.spent.saturating_sub(gained);
        self.at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(category: &str, output: String) -> OutputEvent {
        OutputEvent { category: Some(category.into()), output, ..Default::default() }
    }

    #[test]
    fn pieces_of_one_stream_are_joined_and_streams_kept_apart() {
        let mut log = OutputLog::default();
        for (category, text) in [("stdout", "a"), ("stdout", "b"), ("stderr", "c"), ("stdout", "d")] {
            log.push(&event(category, text.into()));
        }
        let texts: Vec<_> = log.all().into_iter().map(|it| it.output).collect();
        assert_eq!(texts, ["ab", "c", "d"]);
    }

    #[test]
    fn i11_what_the_log_forgets_is_counted() {
        let mut log = OutputLog::default();
        for _ in 0..3 {
            log.push(&event("stdout", "x".repeat(KEPT / 2)));
        }
        let all = log.all();
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].ikpdb_dropped, Some((KEPT / 2) as f64));
    }

    #[test]
    fn i11_a_flood_is_braked_its_end_is_kept_and_what_is_missing_is_counted() {
        let mut brake = Brake::default();
        let piece = 32 << 10;
        let mut through = 0;
        for i in 0..2000 {
            if let Ok(event) = brake.take(0, event("stdout", format!("{i:>piece$}"))) {
                through += event.output.len();
            }
        }
        assert_eq!(through, BURST);
        assert!(brake.release(1).is_empty(), "no room yet");
        let rest = brake.release(100);
        assert!(rest.last().unwrap().output.ends_with(" 1999"));
        let sent: usize = rest.iter().map(|it| it.output.len()).sum();
        let dropped: f64 = rest.iter().filter_map(|it| it.ikpdb_dropped).sum();
        assert_eq!(through + sent + dropped as usize, 2000 * piece);
    }

    #[test]
    fn the_brake_keeps_the_order() {
        let mut brake = Brake::default();
        assert!(brake.take(0, event("stdout", "x".repeat(BURST))).is_ok());
        assert!(brake.take(0, event("stdout", "a".into())).is_err());
        assert!(brake.take(10_000, event("stdout", "b".into())).is_err(), "b must not overtake a");
        let texts: Vec<_> = brake.release(10_000).into_iter().map(|it| it.output).collect();
        assert_eq!(texts, ["a", "b"]);
    }
}
