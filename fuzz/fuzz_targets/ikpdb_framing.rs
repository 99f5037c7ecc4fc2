//! What a client of the original's protocol sends: see `crates/proto/tests/ikpdb_streams`.

#![no_main]

#[path = "../../crates/proto/tests/ikpdb_streams/mod.rs"]
mod ikpdb_streams;

libfuzzer_sys::fuzz_target!(|stream: &[u8]| {
    let _ = ikpdb_streams::check(stream);
});
