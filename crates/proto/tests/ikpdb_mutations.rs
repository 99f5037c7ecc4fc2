//! Streams that nobody thought of: those of the corpus, changed at random but each time in the same way.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use ikpdb_proto::ikpdb::{Decoder, Incoming, LENGTH, MAGIC};

const LIMIT: u64 = 1000;
const ROUNDS: u64 = 4000;

const LAST: &str = r#"length=26LLADpcdtbdpac{"_id":0,"command":"last"}"#;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        if limit == 0 { 0 } else { (self.next() % limit as u64) as usize }
    }

    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let from = self.below(length + 1);
        from..from + self.below((length - from).min(40) + 1)
    }
}

fn corpus() -> Vec<Vec<u8>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus/ikpdb");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() > 20);
    paths.iter().map(|it| std::fs::read(it).unwrap()).collect()
}

fn change(stream: &mut Vec<u8>, corpus: &[Vec<u8>], random: &mut Random) {
    const PARTS: [&[u8]; 16] = [
        b"length=",
        MAGIC.as_bytes(),
        b"length=0LLADpcdtbdpac",
        b"length=700LLADpcdtbdpac{",
        b"length=1200LLADpcdtbdpac{\"",
        b"length=99999LLADpcdtbdpac",
        b"length=xLLADpcdtbdpac",
        b"{",
        b"}",
        b"\"",
        b"\\",
        "é".as_bytes(),
        "😀".as_bytes(),
        b"\xf0",
        b"\x80",
        b" ",
    ];
    let range = random.range(stream.len());
    match random.below(7) {
        0 => stream.get_mut(range.start).into_iter().for_each(|it| *it ^= 1 << random.below(8)),
        1 => drop(stream.drain(range)),
        2 => drop(stream.splice(range.start..range.start, stream[range.clone()].to_vec())),
        3 => drop(stream.splice(range.start..range.start, PARTS[random.below(PARTS.len())].to_vec())),
        4 => drop(stream.splice(range, PARTS[random.below(PARTS.len())].to_vec())),
        5 => drop(stream.splice(range.start..range.start, corpus[random.below(corpus.len())].clone())),
        _ => {
            let digits: Vec<_> = (0..stream.len()).filter(|it| stream[*it].is_ascii_digit()).collect();
            if let Some(at) = digits.get(random.below(digits.len())) {
                stream[*at] = b'0' + random.below(10) as u8;
            }
        }
    }
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

#[test]
fn whatever_comes_the_pieces_do_not_matter_and_messages_are_read_again() {
    let corpus = corpus();
    let mut random = Random(1);
    let (mut foreign, mut recovered) = (0, 0);
    for round in 0..ROUNDS {
        let mut stream = corpus[round as usize % corpus.len()].clone();
        for _ in 0..random.below(6) {
            change(&mut stream, &corpus, &mut random);
        }
        if random.below(8) > 0 {
            stream.splice(0..0, LAST.bytes());
        }
        let greatest = greatest_length(&stream);
        let can_recover = greatest < 3000;
        let copies = if can_recover { greatest as usize / LAST.len() + 4 } else { 4 };
        stream.extend(LAST.repeat(copies).bytes());

        let whole = read(&stream, || usize::MAX);
        let shown = || stream.escape_ascii().to_string();
        assert_eq!(read(&stream, || 1), whole, "byte by byte: {}", shown());
        assert_eq!(read(&stream, || random.below(60)), whole, "in pieces: {}", shown());
        if let Some(at) = whole.iter().position(|it| matches!(it, Incoming::Foreign(_))) {
            assert_eq!((at, whole.len()), (0, 1), "only what comes first is foreign: {}", shown());
            foreign += 1;
        } else if can_recover {
            assert!(whole.last().is_some_and(is_last), "the last message is lost: {}", shown());
            recovered += 1;
        }
    }
    assert!(foreign > 20 && recovered > ROUNDS / 2, "{foreign} foreign, {recovered} recovered");
}
