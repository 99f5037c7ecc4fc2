//! The last messages to all pages, numbered without gaps, so that a page that was away can be told what it missed.

use std::collections::VecDeque;

use bytes::Bytes;

/// How many messages are kept.
const MESSAGES: usize = 10_000;

/// How many bytes are kept.
const BYTES: usize = 16 << 20;

/// The messages.
#[derive(Default)]
pub(crate) struct Journal {
    /// The number of the newest message; they count from 1.
    last: u64,
    kept: VecDeque<Bytes>,
    bytes: usize,
}

impl Journal {
    /// The number of the newest message, 0 if there was none.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// Adds a message, written with its number. What is over the limits is forgotten, oldest first.
    pub(crate) fn push(&mut self, write: impl FnOnce(u64) -> Bytes) -> Bytes {
        self.last += 1;
        let text = write(self.last);
        self.bytes += text.len();
        self.kept.push_back(text.clone());
        while self.kept.len() > MESSAGES || self.bytes > BYTES {
            let Some(gone) = self.kept.pop_front() else { break };
            self.bytes -= gone.len();
        }
        text
    }

    /// Everything after `n`, oldest first; `None` if some of it is forgotten or `n` has not been yet.
    pub(crate) fn since(&self, n: u64) -> Option<impl Iterator<Item = &Bytes>> {
        let missed = usize::try_from(self.last.checked_sub(n)?).ok()?;
        Some(self.kept.iter().skip(self.kept.len().checked_sub(missed)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(count: u64, size: usize) -> Journal {
        let mut journal = Journal::default();
        for _ in 0..count {
            journal.push(|n| format!("{}{n}", " ".repeat(size - n.to_string().len())).into());
        }
        journal
    }

    fn since(journal: &Journal, n: u64) -> Option<Vec<u64>> {
        Some(journal.since(n)?.map(|text| String::from_utf8_lossy(text).trim().parse().unwrap()).collect())
    }

    #[test]
    fn what_came_after_a_number_comes_again_in_order() {
        let journal = filled(5, 9);
        assert_eq!(since(&journal, 3), Some(vec![4, 5]));
        assert_eq!(since(&journal, 5), Some(vec![]));
        assert_eq!(since(&journal, 0), Some(vec![1, 2, 3, 4, 5]));
        assert_eq!(since(&journal, 6), None, "a number of the future");
        assert_eq!(since(&filled(0, 9), 0), Some(vec![]));
    }

    #[test]
    fn it_forgets_beyond_ten_thousand_messages() {
        let journal = filled(10_003, 9);
        assert_eq!(since(&journal, 2), None);
        assert_eq!(since(&journal, 3).unwrap().len(), 10_000);
    }

    #[test]
    fn it_forgets_beyond_sixteen_megabytes() {
        let journal = filled(20, 1 << 20);
        assert_eq!(since(&journal, 3), None);
        assert_eq!(since(&journal, 4).unwrap().len(), 16);
    }
}
