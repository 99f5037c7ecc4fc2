//! One line of text that stays short: what does not fit is said to be left out.

use std::time::{Duration, Instant};

/// The most characters of a rendering, but for one last piece and the brackets that close.
pub(super) const LINE: usize = 400;
/// The most characters of a string that is shown by itself.
pub(super) const TEXT: usize = 1000;
/// The most characters of a value that is written in full.
pub(super) const WHOLE_ROOM: usize = 1_000_000;

/// How much of a value is written.
#[derive(Debug)]
pub(super) struct Limits {
    /// The most characters of a string inside something else.
    pub(super) inner_text: usize,
    /// The most items of one container.
    pub(super) items: usize,
    /// How deep containers are shown inside each other.
    pub(super) depth: usize,
    /// The most attributes of one object, by how deep it lies.
    pub(super) attributes: &'static [usize],
    /// The most bits of an int that is written out.
    pub(super) bits: i64,
    /// The largest Decimal that is written out, in bytes and in characters.
    pub(super) decimal: (i64, usize),
    /// How long one rendering may take before it ends where it is. Its size bounds it well below this; the rest is for
    /// objects that we did not think of.
    time: Duration,
}

/// For a row of a list.
pub(super) const SHORT: Limits = Limits {
    inner_text: 100,
    items: 20,
    depth: 4,
    attributes: &[6, 3, 2, 1],
    // About 1,000 digits.
    bits: 3322,
    decimal: (600, LINE),
    time: Duration::from_millis(20),
};

/// For the clipboard.
pub(super) const WHOLE: Limits = Limits {
    inner_text: WHOLE_ROOM,
    items: WHOLE_ROOM,
    // Each level takes a few frames of the native stack, which may be a small one.
    depth: 50,
    attributes: &[WHOLE_ROOM],
    // About 100,000 digits: the time grows with their square.
    bits: 332_200,
    decimal: (100_000, WHOLE_ROOM),
    time: Duration::from_secs(2),
};

impl Limits {
    /// The most attributes of an object so deep inside.
    pub(super) fn attributes_at(&self, depth: usize) -> usize {
        self.attributes.get(depth).or(self.attributes.last()).copied().unwrap_or(1)
    }
}

/// A line being written.
#[derive(Debug)]
pub(super) struct Line {
    text: String,
    room: usize,
    deadline: Instant,
}

impl Line {
    /// An empty line of at most `room` characters.
    pub(super) fn new(room: usize, limits: &Limits) -> Self {
        Self { text: String::new(), room, deadline: Instant::now() + limits.time }
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
        let mut line = Line::new(3, &SHORT);
        line.put("ab");
        assert!(!line.is_full());
        line.put("cd");
        assert!(line.is_full());
        assert_eq!(line.finish(), "abcd");
    }
}
