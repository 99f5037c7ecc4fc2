//! DAP's framing: `Content-Length: N`, a blank line, N bytes of JSON. Only this header is accepted, so that a browser's
//! request is never taken for a message.

use crate::message::Message;

/// The longest header block; ours has 25 bytes.
const MAX_HEADER: usize = 128;

/// What makes a stream unreadable. There is no way to find the next message after it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FramingError {
    /// Not `Content-Length: N` and a blank line.
    #[error("not a debug adapter message: the header is not `Content-Length`")]
    Header,
    /// The announced length is above the limit.
    #[error("a message of {0} bytes is over the limit of {1}")]
    TooLong(usize, usize),
}

/// The bytes of one message, header included, to be written with one `write`.
pub fn encode(message: &Message) -> Vec<u8> {
    let body = message.to_json();
    let mut frame = format!("Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    frame.extend_from_slice(&body);
    frame
}

/// Cuts a stream of bytes into the JSON texts of messages.
#[derive(Debug)]
pub struct Decoder {
    buffer: Vec<u8>,
    start: usize,
    limit: usize,
}

impl Decoder {
    /// A decoder that refuses messages over `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { buffer: Vec::new(), start: 0, limit }
    }

    /// Changes the limit, for a peer that has shown who it is.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Adds what was read.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 && self.start == self.buffer.len() {
            self.buffer.clear();
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole message's JSON text; `None` if more bytes are needed.
    pub fn next_frame(&mut self) -> Result<Option<Vec<u8>>, FramingError> {
        let pending = &self.buffer[self.start..];
        let Some(header_end) = find(&pending[..pending.len().min(MAX_HEADER)], b"\r\n\r\n") else {
            let plausible = pending.len() < MAX_HEADER && pending.iter().zip(b"Content-Length:").all(|(a, b)| a == b);
            return if plausible { Ok(None) } else { Err(FramingError::Header) };
        };
        let length = parse_header(&pending[..header_end]).ok_or(FramingError::Header)?;
        if length > self.limit {
            return Err(FramingError::TooLong(length, self.limit));
        }
        let body = header_end + 4;
        let Some(frame) = pending.get(body..body + length) else { return Ok(None) };
        let frame = frame.to_vec();
        self.start += body + length;
        if self.start > 1 << 16 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        Ok(Some(frame))
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

fn parse_header(header: &[u8]) -> Option<usize> {
    let digits = header.strip_prefix(b"Content-Length:")?.trim_ascii();
    if digits.is_empty() || digits.len() > 9 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Event;

    fn frame(text: &str) -> Vec<u8> {
        format!("Content-Length: {}\r\n\r\n{text}", text.len()).into_bytes()
    }

    #[test]
    fn messages_come_out_whole_however_the_bytes_arrive() {
        let mut stream = frame("{\"é\":1}");
        stream.extend(frame("{}"));
        for size in 1..stream.len() {
            let mut decoder = Decoder::new(100);
            let mut seen = Vec::new();
            for chunk in stream.chunks(size) {
                decoder.push(chunk);
                while let Some(text) = decoder.next_frame().unwrap() {
                    seen.push(String::from_utf8(text).unwrap());
                }
            }
            assert_eq!(seen, ["{\"é\":1}", "{}"], "in pieces of {size}");
        }
    }

    #[test]
    fn what_is_not_ours_is_refused_at_once() {
        for bytes in [
            &b"POST / HTTP/1.1\r\n\r\n"[..],
            b"G",
            b"Content-Length: -1\r\n\r\n",
            b"Content-Length: 1\r\nX: y\r\n\r\n{",
            b"Content-Length:\r\n\r\n",
            b"Content-Length: 99999999999999\r\n\r\n",
        ] {
            let mut decoder = Decoder::new(100);
            decoder.push(bytes);
            assert_eq!(decoder.next_frame(), Err(FramingError::Header), "{}", String::from_utf8_lossy(bytes));
        }
        let mut decoder = Decoder::new(100);
        decoder.push(&[b'C'; 1]);
        assert_eq!(decoder.next_frame(), Ok(None));
        decoder.push(&[b' '; 400]);
        assert_eq!(decoder.next_frame(), Err(FramingError::Header));
    }

    #[test]
    fn a_message_over_the_limit_is_refused_before_it_is_read() {
        let mut decoder = Decoder::new(100);
        decoder.push(b"Content-Length: 101\r\n\r\n");
        assert_eq!(decoder.next_frame(), Err(FramingError::TooLong(101, 100)));
    }

    #[test]
    fn an_encoded_message_is_decoded_again() {
        let bytes = encode(&Event::new("output", &serde_json::json!({"output": "ü\n"})).into());
        let mut decoder = Decoder::new(1000);
        decoder.push(&bytes);
        let text = decoder.next_frame().unwrap().unwrap();
        assert!(matches!(Message::parse(&text), Ok(Message::Event(event)) if event.event == "output"));
    }
}
