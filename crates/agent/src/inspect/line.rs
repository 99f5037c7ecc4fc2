//! One line of text that stays short: what does not fit is said to be left out.

use std::time::{Duration, Instant};

/// The most characters of a rendering, but for one last piece and the brackets that close.
pub(super) const LINE: usize = 400;
/// The most characters of a string that is shown by itself.
pub(super) const TEXT: usize = 1000;
/// The most characters of a string inside something else.
pub(super) const INNER_TEXT: usize = 100;
/// The most items shown of one container.
pub(super) const ITEMS: usize = 20;
/// How deep containers are shown inside each other.
pub(super) const DEPTH: usize = 4;
/// How long one rendering may take before it ends where it is. Its size bounds it well below this; the rest is for
/// objects that we did not think of.
const TIME: Duration = Duration::from_millis(20);

/// A line being written.
#[derive(Debug)]
pub(super) struct Line {
    text: String,
    room: usize,
    deadline: Instant,
}

impl Line {
    /// An empty line of at most `room` characters.
    pub(super) fn new(room: usize) -> Self {
        Self { text: String::new(), room, deadline: Instant::now() + TIME }
    }

    /// Appends a piece, whole: each is bounded by whoever makes it.
    pub(super) fn put(&mut self, piece: &str) {
        self.room = self.room.saturating_sub(piece.chars().count());
        self.text.push_str(piece);
    }

    /// How many more characters fit.
    pub(super) fn room(&self) -> usize {
        self.room
    }

    /// Whether nothing more should be begun.
    pub(super) fn is_full(&self) -> bool {
        self.room == 0 || Instant::now() > self.deadline
    }

    /// The line.
    pub(super) fn finish(self) -> String {
        self.text
    }
}

/// A count as people write it: `1,000,000`.
pub(super) fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `1 item`, `2,000 items`.
pub(super) fn counted(count: usize, what: &str) -> String {
    format!("{} {what}{}", grouped(count), if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_written_in_groups_of_three() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1000), "1,000");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(counted(1, "item"), "1 item");
    }

    #[test]
    fn a_line_knows_when_it_is_full() {
        let mut line = Line::new(3);
        line.put("ab");
        assert!(!line.is_full());
        line.put("cd");
        assert!(line.is_full());
        assert_eq!(line.finish(), "abcd");
    }
}
