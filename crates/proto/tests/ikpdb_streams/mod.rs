//! What has to hold of any bytes that a client of the original's protocol may send. The fuzz target `ikpdb_framing` checks it, too.

use ikpdb_proto::ikpdb::{Decoder, Incoming, LENGTH};

const LIMIT: u64 = 1000;

/// The message that has to be read whatever came before.
pub(crate) const LAST: &str = r#"length=26LLADpcdtbdpac{"_id":0,"command":"last"}"#;

/// What the bytes were.
pub(crate) enum Outcome {
    /// Not the protocol.
    Foreign,
    /// The last message was read.
    Recovered,
    /// A length in them is so great that more may belong to a message.
    MayWait,
}

/// Reads the bytes and messages behind them: whole, byte by byte and in pieces the same comes out, little is kept, and the last message
/// is not lost.
pub(crate) fn check(stream: &[u8]) -> Outcome {
    let greatest = greatest_length(stream);
    let can_recover = greatest < 3000;
    let copies = if can_recover { greatest as usize / LAST.len() + 4 } else { 4 };
    let stream = [stream, LAST.repeat(copies).as_bytes()].concat();

    let whole = read(&stream, || usize::MAX);
    let shown = || stream.escape_ascii().to_string();
    assert_eq!(read(&stream, || 1), whole, "byte by byte: {}", shown());
    let mut sizes = stream.iter().cycle().map(|it| usize::from(*it) % 60);
    assert_eq!(read(&stream, || sizes.next().unwrap_or(1)), whole, "in pieces: {}", shown());
    if let Some(at) = whole.iter().position(|it| matches!(it, Incoming::Foreign(_))) {
        assert_eq!((at, whole.len()), (0, 1), "only what comes first is foreign: {}", shown());
        return Outcome::Foreign;
    }
    if !can_recover {
        return Outcome::MayWait;
    }
    assert!(whole.last().is_some_and(is_last), "the last message is lost: {}", shown());
    Outcome::Recovered
}

fn read(stream: &[u8], mut size: impl FnMut() -> usize) -> Vec<Incoming> {
    let mut decoder = Decoder::with_limit(LIMIT);
    let mut seen = Vec::new();
    let mut rest = stream;
    while !rest.is_empty() {
        let (piece, others) = rest.split_at(size().clamp(1, rest.len()));
        decoder.push(piece);
        // What is shown of a stranger is what has come of it.
        seen.extend(
            decoder
                .by_ref()
                .map(|it| if let Incoming::Foreign(_) = it { Incoming::Foreign(String::new()) } else { it }),
        );
        assert!(decoder.kept() <= 2 * (4 * LIMIT as usize + 2000) + piece.len(), "{} bytes are kept", decoder.kept());
        rest = others;
    }
    seen
}

/// The greatest length that the stream announces anywhere.
fn greatest_length(stream: &[u8]) -> u64 {
    let places = stream.windows(LENGTH.len()).enumerate().filter(|(_, it)| *it == LENGTH.as_bytes());
    let length = |at: usize| {
        let digits = stream[at + LENGTH.len()..].iter().take_while(|it| it.is_ascii_digit());
        digits.fold(0_u64, |sum, it| sum.saturating_mul(10).saturating_add(u64::from(it - b'0')))
    };
    places.map(|(at, _)| length(at)).max().unwrap_or_default()
}

fn is_last(incoming: &Incoming) -> bool {
    matches!(incoming, Incoming::Command(command) if command.command == "last")
}
