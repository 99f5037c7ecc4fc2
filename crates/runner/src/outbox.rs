//! What is to be sent to the hub, in order and bounded: the program's output never waits for the hub. When more comes than
//! the hub takes, the oldest output is dropped and counted.

use std::collections::VecDeque;

use ikpdb_proto::Event;
use ikpdb_proto::Message;
use ikpdb_proto::dap::OutputEvent;

/// Output that waits, at most: a page shows less than this.
const MOST_OUTPUT: usize = 4 << 20;
/// The largest piece of output in one message.
const LARGEST_PIECE: usize = 64 << 10;

/// Where output came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The pseudo-terminal.
    Terminal,
    /// The captured standard output.
    Stdout,
    /// The captured standard error.
    Stderr,
}

/// One thing to send.
#[derive(Debug)]
pub(crate) enum Item {
    /// Bytes of the program.
    Output {
        /// Where from.
        origin: Origin,
        /// Left out just before.
        dropped: u64,
        /// As written.
        bytes: Vec<u8>,
    },
    /// Anything else.
    Message(Message),
}

impl Item {
    pub(crate) fn message(&self) -> Message {
        match self {
            Self::Message(message) => message.clone(),
            Self::Output { origin, dropped, bytes } => Event::new(
                "output",
                &OutputEvent {
                    category: Some(if *origin == Origin::Stderr { "stderr" } else { "stdout" }.to_owned()),
                    output: String::from_utf8_lossy(bytes).into_owned(),
                    source: None,
                    line: None,
                    ikpdb_dropped: (*dropped > 0).then_some(*dropped as f64),
                    ikpdb_terminal: (*origin == Origin::Terminal).then_some(true),
                },
            )
            .into(),
        }
    }
}

/// The queue.
#[derive(Default)]
pub(crate) struct Outbox {
    items: VecDeque<Item>,
    /// Bytes of output in `items`.
    waiting: usize,
    /// Dropped since the last output in `items`.
    dropped: u64,
    /// The first bytes of a character whose rest has not come yet.
    unfinished: Vec<(Origin, Vec<u8>)>,
}

impl Outbox {
    /// Adds output. Never fails: what does not fit displaces the oldest.
    pub(crate) fn push_output(&mut self, origin: Origin, bytes: &[u8]) {
        let mut bytes = match self.unfinished.iter().position(|(from, _)| *from == origin) {
            Some(at) => [&self.unfinished.swap_remove(at).1, bytes].concat(),
            None => bytes.to_vec(),
        };
        let rest = bytes.split_off(bytes.len() - unfinished_length(&bytes));
        if !rest.is_empty() {
            self.unfinished.push((origin, rest));
        }
        self.push_whole(origin, bytes);
    }

    fn push_whole(&mut self, origin: Origin, bytes: Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        self.waiting += bytes.len();
        match self.items.back_mut() {
            Some(Item::Output { origin: last, bytes: piece, .. })
                if *last == origin && piece.len() + bytes.len() <= LARGEST_PIECE =>
            {
                piece.extend_from_slice(&bytes);
            }
            _ => {
                let dropped = std::mem::take(&mut self.dropped);
                self.items.push_back(Item::Output { origin, dropped, bytes });
            }
        }
        while self.waiting > MOST_OUTPUT {
            self.drop_oldest();
        }
    }

    /// Drops the oldest piece of output and counts it at the next one.
    fn drop_oldest(&mut self) {
        let Some(at) = self.items.iter().position(|item| matches!(item, Item::Output { .. })) else { return };
        let Some(Item::Output { dropped: before, bytes, .. }) = self.items.remove(at) else { return };
        self.waiting -= bytes.len();
        let lost = before + bytes.len() as u64;
        let next = self.items.iter_mut().skip(at).find_map(|item| match item {
            Item::Output { dropped, .. } => Some(dropped),
            Item::Message(_) => None,
        });
        *next.unwrap_or(&mut self.dropped) += lost;
    }

    /// Adds a message. Those are few.
    pub(crate) fn push(&mut self, message: impl Into<Message>) {
        self.items.push_back(Item::Message(message.into()));
    }

    /// No more output comes: what was kept back is sent as it is.
    pub(crate) fn finish_output(&mut self) {
        for (origin, bytes) in std::mem::take(&mut self.unfinished) {
            self.push_whole(origin, bytes);
        }
    }

    /// The next thing to send.
    pub(crate) fn pop(&mut self) -> Option<Item> {
        let item = self.items.pop_front()?;
        if let Item::Output { bytes, .. } = &item {
            self.waiting -= bytes.len();
        }
        Some(item)
    }

    /// Puts back what could not be sent.
    pub(crate) fn put_back(&mut self, item: Item) {
        if let Item::Output { bytes, .. } = &item {
            self.waiting += bytes.len();
        }
        self.items.push_front(item);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Forgets answers and events for a hub that is gone; output stays for the next one.
    pub(crate) fn keep_output_only(&mut self) {
        self.items.retain(|item| matches!(item, Item::Output { .. }));
    }
}

/// How many bytes at the end are the beginning of a character.
fn unfinished_length(bytes: &[u8]) -> usize {
    for back in 1..=bytes.len().min(3) {
        let first = bytes[bytes.len() - back];
        let needed = match first {
            0xC2..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF4 => 4,
            0x80..=0xBF => continue,
            _ => return 0,
        };
        return if needed > back { back } else { 0 };
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(outbox: &mut Outbox) -> Vec<(String, f64)> {
        let mut texts = Vec::new();
        while let Some(item) = outbox.pop() {
            let Message::Event(event) = item.message() else { panic!("an event") };
            if event.event == "output" {
                let body: OutputEvent = event.body().unwrap();
                texts.push((body.output, body.ikpdb_dropped.unwrap_or(0.0)));
            } else {
                texts.push((event.event, -1.0));
            }
        }
        texts
    }

    #[test]
    fn a_character_cut_in_two_arrives_whole() {
        let text = "aé€😀b".as_bytes();
        for cut in 0..=text.len() {
            let mut outbox = Outbox::default();
            outbox.push_output(Origin::Terminal, &text[..cut]);
            outbox.push_output(Origin::Terminal, &text[cut..]);
            assert_eq!(texts(&mut outbox), [("aé€😀b".to_owned(), 0.0)], "cut at {cut}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced_and_nothing_is_kept_back_for_ever() {
        let mut outbox = Outbox::default();
        outbox.push_output(Origin::Terminal, b"x\xff\xe2\x82");
        outbox.push_output(Origin::Stderr, b"\xf0\x9f");
        outbox.finish_output();
        let all: String = texts(&mut outbox).into_iter().map(|(text, _)| text).collect();
        assert_eq!(all, "x\u{fffd}\u{fffd}\u{fffd}");
    }

    #[test]
    fn the_oldest_output_is_dropped_and_counted_and_messages_stay() {
        let mut outbox = Outbox::default();
        outbox.push_output(Origin::Terminal, b"first");
        outbox.push(Event::new("ikpdb/runnerStarted", &serde_json::json!({})));
        let piece = vec![b'x'; LARGEST_PIECE];
        for _ in 0..(2 * MOST_OUTPUT / LARGEST_PIECE) {
            outbox.push_output(Origin::Terminal, &piece);
        }
        let texts = texts(&mut outbox);
        assert_eq!(texts[0], ("ikpdb/runnerStarted".to_owned(), -1.0));
        let (kept, dropped) =
            texts[1..].iter().fold((0.0, 0.0), |(kept, lost), (text, n)| (kept + text.len() as f64, lost + n));
        assert_eq!(kept + dropped, (5 + 2 * MOST_OUTPUT) as f64);
        assert!(kept <= MOST_OUTPUT as f64 && texts[1].1 == dropped, "counted once, before the first that is left");
    }

    #[test]
    fn what_was_put_back_comes_first_again() {
        let mut outbox = Outbox::default();
        outbox.push_output(Origin::Stdout, b"a");
        outbox.push_output(Origin::Stderr, b"b");
        let first = outbox.pop().unwrap();
        outbox.put_back(first);
        assert_eq!(texts(&mut outbox).len(), 2);
        assert_eq!(outbox.waiting, 0);
    }
}
