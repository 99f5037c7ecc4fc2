//! Bytes that have come and are not used up, with the number of characters up to any place in them.
//!
//! Lengths count UTF-16 code units, or code points where a client got it wrong, so the end of a body has to be found by counting. All
//! bytes are counted once, as they come, and marks keep the numbers: where a body ends is then a search, however often it is asked for.

use std::collections::VecDeque;

/// Bytes between two marks.
const STEP: u64 = 128;

/// Characters before some place, in both ways of counting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    /// UTF-16 code units.
    pub(super) units: u64,
    /// Unicode code points.
    pub(super) points: u64,
}

/// Counts while bytes go by. A byte that is no UTF-8 counts as one character, so that nothing is endless.
#[derive(Clone, Copy, Debug, Default)]
struct Counter {
    count: Count,
    /// Bytes that the character under way still lacks.
    lacks: u8,
}

impl Counter {
    fn step(&mut self, byte: u8) {
        if self.continues(byte) {
            self.lacks -= 1;
            return;
        }
        self.lacks = match byte {
            0xc2..=0xdf => 1,
            0xe0..=0xef => 2,
            0xf0..=0xf4 => 3,
            _ => 0,
        };
        self.count.points += 1;
        self.count.units += if self.lacks == 3 { 2 } else { 1 };
    }

    fn continues(&self, byte: u8) -> bool {
        self.lacks > 0 && byte & 0xc0 == 0x80
    }
}

/// The bytes. Places in them are numbers of bytes since the connection began.
#[derive(Debug, Default)]
pub(super) struct Text {
    bytes: Vec<u8>,
    /// The place of the first one, a multiple of [`STEP`].
    start: u64,
    /// What stood at each multiple of [`STEP`] from `start` on.
    marks: VecDeque<(u64, Counter)>,
    /// What stands at the end.
    counter: Counter,
}

impl Text {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        for (place, byte) in (self.end()..).zip(bytes) {
            if place.is_multiple_of(STEP) {
                self.marks.push_back((place, self.counter));
            }
            self.counter.step(*byte);
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The place behind the last byte.
    pub(super) fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    /// Bytes that are kept.
    pub(super) fn kept(&self) -> usize {
        self.bytes.len()
    }

    /// Says that nothing before a place is needed any more.
    pub(super) fn forget(&mut self, before: u64) {
        let gone = before.min(self.end()).saturating_sub(self.start) / STEP * STEP;
        // Each move of what is left is paid for by as many bytes that go.
        if gone == 0 || gone < self.bytes.len() as u64 / 2 {
            return;
        }
        self.bytes.drain(..gone as usize);
        self.start += gone;
        self.marks.drain(..(gone / STEP) as usize);
    }

    /// The bytes between two places, as far as they are there.
    pub(super) fn slice(&self, from: u64, to: u64) -> &[u8] {
        let index = |place: u64| (place.max(self.start) - self.start).min(self.bytes.len() as u64) as usize;
        self.bytes.get(index(from)..index(to)).unwrap_or_default()
    }

    /// The characters before a place at which one begins.
    pub(super) fn count(&self, place: u64) -> Count {
        let index = self.marks.partition_point(|(mark, _)| *mark <= place);
        let Some((mark, mut counter)) = index.checked_sub(1).and_then(|it| self.marks.get(it)).copied() else {
            return Count::default();
        };
        self.slice(mark, place).iter().for_each(|byte| counter.step(*byte));
        counter.count
    }

    /// The place by which so many characters are complete, by one way of counting; `None` if they have not all come.
    pub(super) fn find(&self, total: u64, by: fn(&Count) -> u64) -> Option<u64> {
        if by(&self.counter.count) < total {
            return None;
        }
        let index = self.marks.partition_point(|(_, counter)| by(&counter.count) < total);
        let (mark, mut counter) = *self.marks.get(index.checked_sub(1)?)?;
        let mut place = mark;
        let mut bytes = self.slice(mark, self.end()).iter();
        while by(&counter.count) < total {
            counter.step(*bytes.next()?);
            place += 1;
        }
        while counter.lacks > 0 {
            let byte = *bytes.next()?;
            if !counter.continues(byte) {
                break;
            }
            counter.step(byte);
            place += 1;
        }
        Some(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8], piece: usize) -> Text {
        let mut text = Text::default();
        bytes.chunks(piece).for_each(|it| text.push(it));
        text
    }

    #[test]
    fn units_and_points_are_counted_however_the_bytes_arrive() {
        let words = "aé中😀".repeat(100);
        for piece in [1, 3, 128, words.len()] {
            let text = text(words.as_bytes(), piece);
            let mut before = Count::default();
            for (place, character) in words.char_indices() {
                assert_eq!(text.count(place as u64), before);
                before.units += character.len_utf16() as u64;
                before.points += 1;
                let end = (place + character.len_utf8()) as u64;
                assert_eq!(text.find(before.units, |it| it.units), Some(end));
                assert_eq!(text.find(before.points, |it| it.points), Some(end));
            }
            assert_eq!(text.find(before.points + 1, |it| it.points), None);
        }
    }

    #[test]
    fn a_character_that_is_not_complete_is_waited_for() {
        let mut text = text("a😀".as_bytes().split_last().unwrap().1, 1);
        assert_eq!(text.find(3, |it| it.units), None);
        text.push(&[0x80]);
        assert_eq!(text.find(3, |it| it.units), Some(5));
    }

    #[test]
    fn bytes_that_are_no_characters_count_as_one_each() {
        let text = text(&[0x80, 0xff, 0xf0, b'a', 0xc3, 0x80, 0x80], 1);
        assert_eq!(text.count(7), Count { units: 7, points: 6 });
        assert_eq!(text.find(4, |it| it.units), Some(3), "a first byte without the others ends before what follows");
    }

    #[test]
    fn what_is_forgotten_is_gone_and_the_rest_keeps_its_places() {
        let mut text = text("é".repeat(1000).as_bytes(), 7);
        text.forget(900);
        assert_eq!((text.start, text.count(1000).units), (0, 500), "it is not worth the move yet");
        text.forget(1900);
        assert_eq!((text.start, text.bytes.len()), (1792, 208));
        assert_eq!(text.slice(1900, 1904), "éé".as_bytes());
        assert_eq!((text.count(1950).units, text.find(990, |it| it.units)), (975, Some(1980)));
        text.push(b"ab");
        assert_eq!((text.end(), text.find(1002, |it| it.units)), (2002, Some(2002)));
        assert_eq!(text.marks.len(), 2);
    }
}
