//! Counters that the program counts up and the test reads natively, without a request.

use std::os::unix::fs::FileExt;
use std::time::Instant;

/// The begin of a program with such counters, whose file is its first argument: `count` counts one up for ever.
pub const COUNTING: &str = "\
import mmap, sys, threading, time
file = open(sys.argv[1], 'r+b')
shared = mmap.mmap(file.fileno(), 16)
view = memoryview(shared).cast('Q')
def count(slot):
    while True:
        view[slot] += 1
def double(x):
    total = 0
    for i in range(50):
        total += i
    return x * 2
";

/// Two counters in a file that the debuggee maps.
pub struct Counters(tempfile::NamedTempFile);

impl Counters {
    pub fn new() -> Self {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(16).unwrap();
        Self(file)
    }

    pub fn path(&self) -> String {
        self.0.path().to_str().unwrap().to_owned()
    }

    pub fn read(&self) -> [u64; 2] {
        let mut bytes = [0; 16];
        self.0.as_file().read_exact_at(&mut bytes, 0).unwrap();
        [0, 8].map(|at| u64::from_ne_bytes(bytes[at..at + 8].try_into().unwrap()))
    }

    pub fn wait_for_progress(&self) {
        let before = self.read();
        let begin = Instant::now();
        while self.read().iter().zip(before).any(|(now, before)| *now <= before) {
            assert!(begin.elapsed() < super::DEADLINE, "a thread does not go on");
            std::thread::yield_now();
        }
    }
}
