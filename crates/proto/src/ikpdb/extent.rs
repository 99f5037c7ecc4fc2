//! Where a JSON object ends by its brackets, for bodies whose length is wrong, not known, or too great to keep them.

use super::LENGTH;
use super::text::Text;

/// Follows the brackets of one JSON object or list.
#[derive(Clone, Debug, Default)]
pub(super) struct Brackets {
    depth: u64,
    in_string: bool,
    escaped: bool,
}

impl Brackets {
    /// Reads on; the number of bytes up to the end if it is among them. What begins with no bracket ends before it begins.
    pub(super) fn end(&mut self, bytes: &[u8]) -> Option<usize> {
        bytes.iter().enumerate().find_map(|(index, byte)| self.step(*byte, index))
    }

    fn step(&mut self, byte: u8, index: usize) -> Option<usize> {
        if self.in_string {
            self.in_string = self.escaped || byte != b'"';
            self.escaped = !self.escaped && byte == b'\\';
            return None;
        }
        match byte {
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' if self.depth > 0 => {
                self.depth -= 1;
                return (self.depth == 0).then_some(index + 1);
            }
            b' ' | b'\t' | b'\r' | b'\n' => {}
            _ if self.depth == 0 => return Some(index),
            b'"' => self.in_string = true,
            _ => {}
        }
        None
    }
}

/// Looks through a body while it comes, for an end that its length does not tell.
#[derive(Clone, Debug)]
pub(super) struct Extent {
    brackets: Brackets,
    /// Where the object ended.
    ended: Option<u64>,
    /// What is looked at next.
    next: u64,
    /// Nothing is looked at from here on.
    limit: u64,
}

impl Extent {
    pub(super) fn new(body: u64, limit: u64) -> Self {
        Self { brackets: Brackets::default(), ended: None, next: body, limit }
    }

    /// What has been looked at ends here.
    pub(super) fn seen(&self) -> u64 {
        self.next
    }

    /// Whether nothing is looked at any more.
    pub(super) fn is_over(&self) -> bool {
        self.next >= self.limit
    }

    /// The end of the object by its brackets.
    pub(super) fn end(&mut self, text: &Text) -> Option<u64> {
        if self.ended.is_none() {
            let from = self.next;
            let bytes = text.slice(from, self.limit);
            let end = self.brackets.end(bytes);
            self.next += end.unwrap_or(bytes.len()) as u64;
            self.ended = end.map(|it| from + it as u64);
        }
        self.ended
    }

    /// The end of the object if the next message begins there: then the length was too great, whatever it counts.
    pub(super) fn end_before_message(&mut self, text: &Text) -> Option<u64> {
        let end = self.end(text)?;
        let bytes = text.slice(self.next, self.limit);
        let spaces = bytes.iter().take_while(|it| it.is_ascii_whitespace()).count();
        self.next += spaces as u64;
        match starts(&bytes[spaces..], LENGTH.as_bytes()) {
            Starts::Yes => Some(end),
            Starts::Perhaps => None,
            Starts::No => {
                self.limit = self.next;
                None
            }
        }
    }
}

/// Whether bytes of which more may come start with something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Starts {
    /// They do.
    Yes,
    /// As far as they go.
    Perhaps,
    /// They do not.
    No,
}

/// Whether bytes of which more may come start with something.
pub(super) fn starts(bytes: &[u8], with: &[u8]) -> Starts {
    match bytes.get(..with.len()) {
        Some(first) if first == with => Starts::Yes,
        None if with.starts_with(bytes) => Starts::Perhaps,
        _ => Starts::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_ends_with_its_last_bracket_and_not_with_one_in_a_string() {
        for (bytes, end) in [
            (r#"{"a": ["}"], "b\"}": {}} x"#, Some(24)),
            (r#" [] "#, Some(3)),
            (r#"{"a": 1"#, None),
            (r#"{"\\"}"#, Some(6)),
            (r#"{"}"#, None),
            ("  x", Some(2)),
            ("}", Some(0)),
            ("", None),
        ] {
            assert_eq!(Brackets::default().end(bytes.as_bytes()), end, "{bytes}");
        }
    }

    #[test]
    fn only_the_beginning_of_a_message_tells_that_a_length_was_too_great() {
        for (bytes, end) in [
            ("{} length=", Some(2)),
            ("length=", Some(0)),
            ("{} lengt", None),
            ("{} x length=", None),
            ("{ length= }", None),
        ] {
            let mut text = Text::default();
            let mut extent = Extent::new(0, 100);
            let mut found = None;
            for byte in bytes.as_bytes() {
                assert_eq!(found, None);
                text.push(&[*byte]);
                found = extent.end_before_message(&text);
            }
            assert_eq!(found, end, "{bytes}");
        }
    }
}
