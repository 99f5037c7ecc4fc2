//! Streams that nobody thought of: those of the corpus, changed at random but each time in the same way.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod ikpdb_streams;

use ikpdb_proto::ikpdb::MAGIC;
use ikpdb_streams::{LAST, Outcome, check};

const ROUNDS: u64 = 4000;

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
        match check(&stream) {
            Outcome::Foreign => foreign += 1,
            Outcome::Recovered => recovered += 1,
            Outcome::MayWait => {}
        }
    }
    assert!(foreign > 20 && recovered > ROUNDS / 2, "{foreign} foreign, {recovered} recovered");
}
