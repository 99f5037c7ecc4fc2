//! What a client of the Debug Adapter Protocol sends: frames and faults are the same however the bytes come, and no frame is longer than
//! it may be.

#![no_main]

use ikpdb_proto::Message;
use ikpdb_proto::framing::{Decoder, FramingError};

const LIMIT: usize = 200;

fn decode(stream: &[u8], size: usize) -> (Vec<Vec<u8>>, Option<FramingError>) {
    let mut decoder = Decoder::new(LIMIT);
    let mut frames = Vec::new();
    for piece in stream.chunks(size) {
        decoder.push(piece);
        loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
    }
    (frames, None)
}

libfuzzer_sys::fuzz_target!(|stream: &[u8]| {
    let whole = decode(stream, stream.len().max(1));
    assert_eq!(decode(stream, 1), whole);
    for frame in &whole.0 {
        assert!(frame.len() <= LIMIT);
        let _ = serde_json::from_slice::<Message>(frame);
    }
});
