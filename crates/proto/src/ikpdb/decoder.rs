//! Cuts a stream of bytes into commands, whatever else is in it.
//!
//! What comes out does not depend on the pieces in which the bytes came in, and the work is linear in them: each byte is counted once and
//! goes through few bodies, since what was one body's and could not be read is looked through for a message only to find where to go on.

use super::extent::{Extent, Starts, starts};
use super::glance::{WINDOW, glance};
use super::header::{HEADER, Header, find, header};
use super::parse::{Parsed, parse};
use super::text::{Count, Text};
use super::{Command, LENGTH, MAX_LENGTH, PING, Reason, Unreadable};

/// What came.
#[derive(Clone, Debug, PartialEq)]
pub enum Incoming {
    /// A command.
    Command(Command),
    /// A message that is none. [`Unreadable::answer`] is what to say to it, if anything.
    Unreadable(Unreadable),
    /// Whoever this is, it does not speak this protocol (a web page can make a browser send to any port): the connection must be closed
    /// without an answer. Nothing comes after this. Here is what it began with, made printable.
    Foreign(String),
}

/// Makes commands of bytes.
#[derive(Debug)]
pub struct Decoder {
    text: Text,
    /// The longest body that is read, in UTF-16 units.
    limit: u64,
    /// Up to here brackets have been followed, which is done once.
    followed: u64,
    state: State,
}

/// Places are numbers of bytes since the connection began.
#[derive(Debug)]
enum State {
    /// Nothing but pings has come before this place.
    Opening(u64),
    /// What stands from this place on is skipped up to a header.
    Between(u64),
    Body(Body),
    Unmeasured(Unmeasured),
    TooLong(TooLong),
    /// A body that was no JSON: what follows decides whether its length was right.
    Doubt {
        body: u64,
        end: u64,
    },
    Foreign,
}

/// A body of which more is to come, or of which it is not known yet what its length counts.
#[derive(Debug)]
struct Body {
    at: u64,
    length: u64,
    before: Count,
    extent: Extent,
    counting: Counting,
}

/// What the length counts. More bytes than units, and more units than code points make up a text, so the ends come in this order. An
/// object that is whole at one of them is the body: at a later one only spaces could have been added to it.
#[derive(Clone, Copy, Debug)]
enum Counting {
    Bytes,
    Units,
    /// Where the units ended is kept: the length is more likely to be right than not.
    Points(u64),
}

/// A body whose length is no number. What it says of itself is looked for near its beginning.
#[derive(Debug)]
struct Unmeasured {
    at: u64,
    said: String,
    extent: Extent,
}

/// A body that is skipped, and not kept.
#[derive(Debug)]
struct TooLong {
    at: u64,
    length: u64,
    before: Count,
    extent: Extent,
    told: Told,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    No,
    Yes,
}

/// Where a step leads.
enum Next {
    /// Nowhere before more bytes come.
    Wait,
    Go(State),
    Tell(Incoming, State),
}

impl Decoder {
    /// A decoder for a new connection.
    pub fn new() -> Self {
        Self::with_limit(MAX_LENGTH)
    }

    /// A decoder that skips bodies of more UTF-16 units than this.
    pub fn with_limit(limit: u64) -> Self {
        Self { text: Text::default(), limit, followed: 0, state: State::Opening(0) }
    }

    /// Adds what was read.
    pub fn push(&mut self, bytes: &[u8]) {
        if !matches!(self.state, State::Foreign) {
            self.text.push(bytes);
        }
    }

    /// Bytes that are kept because they may be a part of something.
    pub fn kept(&self) -> usize {
        self.text.kept()
    }

    fn step(&mut self) -> Next {
        match &mut self.state {
            State::Opening(at) => opening(*at, &self.text, self.limit, self.followed),
            State::Between(at) => between(at, &self.text, self.limit, self.followed),
            State::Body(body) => {
                let next = body.step(&self.text);
                self.followed = self.followed.max(body.extent.seen());
                next
            }
            State::Unmeasured(body) => body.step(&self.text),
            State::TooLong(body) => body.step(&self.text, self.limit),
            State::Doubt { body, end } => {
                match starts(self.text.slice(*end, *end + LENGTH.len() as u64), LENGTH.as_bytes()) {
                    Starts::Yes => Next::Go(State::Between(*end)),
                    Starts::Perhaps => Next::Wait,
                    Starts::No => Next::Go(State::Between(*body)),
                }
            }
            State::Foreign => Next::Wait,
        }
    }

    /// What is needed of the text begins here.
    fn needed(&self) -> u64 {
        match &self.state {
            State::Opening(at) | State::Between(at) | State::Doubt { body: at, .. } => *at,
            State::Body(body) => body.at,
            State::Unmeasured(body) => body.at,
            State::TooLong(body) => match body.told {
                Told::No => body.at,
                Told::Yes => {
                    let next = if body.extent.is_over() { self.text.end() } else { body.extent.seen() };
                    // A character that is not complete may be the last one.
                    next.min(self.text.end().saturating_sub(4))
                }
            },
            State::Foreign => self.text.end(),
        }
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

/// What has come in; `None` until more bytes are pushed.
impl Iterator for Decoder {
    type Item = Incoming;

    fn next(&mut self) -> Option<Incoming> {
        loop {
            match self.step() {
                Next::Wait => {
                    self.text.forget(self.needed());
                    return None;
                }
                Next::Go(state) => self.state = state,
                Next::Tell(incoming, state) => {
                    self.state = state;
                    return Some(incoming);
                }
            }
        }
    }
}

/// The first bytes: no browser can be made to begin with `length=`, and what begins otherwise is no client.
fn opening(at: u64, text: &Text, limit: u64, followed: u64) -> Next {
    let bytes = text.slice(at, at + HEADER as u64);
    match (starts(bytes, LENGTH.as_bytes()), starts(bytes, PING.as_bytes())) {
        (Starts::Yes, _) => match header(bytes) {
            Header::Perhaps => Next::Wait,
            Header::No => foreign(bytes),
            found => Next::Go(body(found, at, text, limit, followed)),
        },
        (_, Starts::Yes) => Next::Go(State::Opening(at + PING.len() as u64)),
        (Starts::Perhaps, _) | (_, Starts::Perhaps) => Next::Wait,
        (Starts::No, Starts::No) => foreign(bytes),
    }
}

fn foreign(bytes: &[u8]) -> Next {
    Next::Tell(Incoming::Foreign(bytes.escape_ascii().to_string()), State::Foreign)
}

fn between(at: &mut u64, text: &Text, limit: u64, followed: u64) -> Next {
    let rest = text.slice(*at, text.end());
    let Some(found) = find(rest, LENGTH.as_bytes()) else {
        // The last bytes may be its beginning.
        *at = text.end() - rest.len().min(LENGTH.len() - 1) as u64;
        return Next::Wait;
    };
    *at += found as u64;
    match header(text.slice(*at, *at + HEADER as u64)) {
        Header::Perhaps => Next::Wait,
        Header::No => Next::Go(State::Between(*at + LENGTH.len() as u64)),
        found => Next::Go(body(found, *at, text, limit, followed)),
    }
}

fn body(header: Header, at: u64, text: &Text, limit: u64, followed: u64) -> State {
    match header {
        Header::Length(length, size) => {
            let at = at + size as u64;
            let before = text.count(at);
            if length > limit {
                let extent = Extent::new(at, at + length);
                return State::TooLong(TooLong { at, length, before, extent, told: Told::No });
            }
            // In what was an earlier body's brackets are not followed again.
            let extent = Extent::new(at, if at < followed { at } else { at + length });
            State::Body(Body { at, length, before, extent, counting: Counting::Bytes })
        }
        Header::Bad(said, size) => {
            let at = at + size as u64;
            State::Unmeasured(Unmeasured { at, said, extent: Extent::new(at, at + WINDOW as u64) })
        }
        Header::Perhaps | Header::No => State::Between(at),
    }
}

impl Body {
    fn step(&mut self, text: &Text) -> Next {
        if let Some(end) = self.extent.end_before_message(text) {
            let unreadable = match parse(text.slice(self.at, end)) {
                Parsed::Command(command) => Unreadable { reason: Reason::LengthTooGreat, known: command.whole },
                Parsed::Whole(why) | Parsed::Longer(why, _) | Parsed::Deep(why) => why,
                Parsed::Cut(why) | Parsed::Broken(why) => why,
            };
            return Next::Tell(Incoming::Unreadable(unreadable), State::Between(end));
        }
        if let Counting::Bytes = self.counting {
            let end = self.at + self.length;
            if text.end() < end {
                return Next::Wait;
            }
            self.counting = Counting::Units;
            if text.count(end).units - self.before.units < self.length {
                match parse(text.slice(self.at, end)) {
                    Parsed::Command(command) => return Next::Tell(Incoming::Command(command), State::Between(end)),
                    Parsed::Whole(why) => return Next::Tell(Incoming::Unreadable(why), State::Between(end)),
                    Parsed::Longer(..) | Parsed::Deep(_) | Parsed::Cut(_) | Parsed::Broken(_) => {}
                }
            }
        }
        let Some(end) = self.end(text) else { return Next::Wait };
        let parsed = parse(text.slice(self.at, end));
        let likely = match (&parsed, self.counting) {
            (_, Counting::Points(likely)) => likely,
            (Parsed::Cut(_), _) if text.count(end).points - self.before.points < self.length => {
                self.counting = Counting::Points(end);
                return self.step(text);
            }
            _ => end,
        };
        match parsed {
            Parsed::Command(command) => Next::Tell(Incoming::Command(command), State::Between(end)),
            Parsed::Whole(why) | Parsed::Deep(why) => Next::Tell(Incoming::Unreadable(why), State::Between(end)),
            Parsed::Longer(why, used) => Next::Tell(Incoming::Unreadable(why), State::Between(self.at + used as u64)),
            Parsed::Cut(why) | Parsed::Broken(why) => {
                Next::Tell(Incoming::Unreadable(why), State::Doubt { body: self.at, end: likely })
            }
        }
    }

    /// Where the body ends, by what the length is taken to count.
    fn end(&self, text: &Text) -> Option<u64> {
        match self.counting {
            _ if self.length == 0 => Some(self.at),
            Counting::Bytes => Some(self.at + self.length),
            Counting::Units => text.find(self.before.units + self.length, |it| it.units),
            Counting::Points(_) => text.find(self.before.points + self.length, |it| it.points),
        }
    }
}

impl Unmeasured {
    fn step(&mut self, text: &Text) -> Next {
        let window = text.slice(self.at, self.at + WINDOW as u64);
        let end = self.extent.end(text).map(|it| (it - self.at) as usize);
        let (known, go_on) = match (end, find(window, LENGTH.as_bytes())) {
            (Some(end), header) if header.is_none_or(|it| end <= it) => (&window[..end], self.at + end as u64),
            (_, Some(header)) => (&window[..header], self.at),
            _ if window.len() == WINDOW => (window, self.at),
            _ => return Next::Wait,
        };
        let reason = Reason::Length(std::mem::take(&mut self.said));
        Next::Tell(Incoming::Unreadable(Unreadable { reason, known: glance(known) }), State::Between(go_on))
    }
}

impl TooLong {
    fn step(&mut self, text: &Text, limit: u64) -> Next {
        let early = self.extent.end_before_message(text).map(|_| self.extent.seen());
        let end = early.or_else(|| text.find(self.before.units + self.length, |it| it.units));
        if self.told == Told::Yes {
            return end.map_or(Next::Wait, |it| Next::Go(State::Between(it)));
        }
        let window = text.slice(self.at, end.unwrap_or(u64::MAX).min(self.at + WINDOW as u64));
        if end.is_none() && window.len() < WINDOW {
            return Next::Wait;
        }
        let unreadable = Unreadable { reason: Reason::TooLong(self.length, limit), known: glance(window) };
        let extent = self.extent.clone();
        let told = TooLong { told: Told::Yes, extent, ..*self };
        Next::Tell(Incoming::Unreadable(unreadable), State::TooLong(told))
    }
}
