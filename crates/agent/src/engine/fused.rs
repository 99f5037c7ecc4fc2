//! 3.12 only: gives observed code its fused instructions back.
//!
//! CPython 3.12 fuses pairs such as `LOAD_FAST, LOAD_FAST` when a code object is made. The first event that a code object
//! is asked for takes all of them apart, for good: a loop with a breakpoint on a line that is never reached would stay 6 %
//! slower than without us. (From 3.13 on the compiler fuses them, and nothing is lost.) So after the events of a code object
//! have settled, its pairs are fused again, one byte each, exactly where the interpreter would have done it; an instruction
//! that has an event is left alone. Which byte a pair becomes is read off a function compiled here, never assumed.

use std::collections::HashMap;
use std::sync::OnceLock;

use pyo3::prelude::*;

use super::settled::{Instructions, probe};

/// A function in which every pair occurs that 3.12 fuses.
const PROBE: &str = "\
def probe(a, b):
    c = a + b
    d = a + 1
    e = 1 + a
    f = c
    g, h = f
    return [c, d, e, f, g, h]
";

/// What stands in the base, in place of an instruction, for what the one before remembers.
const REMEMBERED: u8 = 0;

/// The instruction that a pair becomes.
static PAIRS: OnceLock<Option<HashMap<(u8, u8), u8>>> = OnceLock::new();

/// Fuses what can be fused in a code object.
pub(super) fn fuse(py: Python<'_>, code: &mut Instructions<'_>) {
    let pairs = PAIRS.get_or_init(|| {
        let probe = probe(py, PROBE).ok()?;
        let probe = Instructions::of(&probe).ok()?;
        Some(learn(probe.base(), probe.live()))
    });
    if let Some(pairs) = pairs {
        let (base, live) = code.both();
        fuse_pairs(pairs, base, live);
    }
}

/// Fuses the pairs of plain instructions. `base` are the instructions without any event or specialisation, `live` those that
/// are executed; in both an instruction is a byte, followed by its argument.
fn fuse_pairs(pairs: &HashMap<(u8, u8), u8>, base: &[u8], live: &mut [u8]) {
    for at in (0..base.len().saturating_sub(3)).step_by(2) {
        let (first, second) = (base[at], base[at + 2]);
        let Some(fused) = pairs.get(&(first, second)) else { continue };
        let second_is_plain =
            live[at + 2] == second || pairs.iter().any(|(pair, fused)| pair.0 == second && *fused == live[at + 2]);
        if live[at] == first && second_is_plain {
            live[at] = *fused;
        }
    }
}

/// The pairs that were fused in code that has no event and never ran. What an instruction remembers differs, too, as it begins with a
/// counter: it stands as 0 in the base, and is never touched.
fn learn(base: &[u8], live: &[u8]) -> HashMap<(u8, u8), u8> {
    let differs = |at: &usize| base[*at] != REMEMBERED && base[*at + 2] != REMEMBERED && live[*at] != base[*at];
    (0..base.len().min(live.len()).saturating_sub(3))
        .step_by(2)
        .filter(differs)
        .map(|at| ((base[at], base[at + 2]), live[at]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOAD: u8 = 124;
    const STORE: u8 = 125;
    const LINE: u8 = 254;

    fn pairs() -> HashMap<(u8, u8), u8> {
        HashMap::from([((LOAD, LOAD), 175), ((STORE, LOAD), 173)])
    }

    #[test]
    fn what_was_taken_apart_is_fused_as_it_was() {
        let base = [STORE, 0, LOAD, 0, LOAD, 1, 122, 0, 0, 0];
        let original = [173, 0, 175, 0, LOAD, 1, 122, 0, 0, 0];
        let mut live = base;
        fuse_pairs(&pairs(), &base, &mut live);
        assert_eq!(live, original);
        fuse_pairs(&pairs(), &base, &mut live);
        assert_eq!(live, original, "once more changes nothing");
        assert_eq!(learn(&base, &original), HashMap::from([((STORE, LOAD), 173), ((LOAD, LOAD), 175)]));
    }

    #[test]
    fn what_an_instruction_remembers_is_no_instruction() {
        // The counter of a new `BINARY_OP` in front of a `STORE_FAST`.
        let base = [LOAD, 0, LOAD, 1, 122, 0, 0, 0, STORE, 0, LOAD, 0];
        let original = [175, 0, LOAD, 1, 122, 0, 17, 0, 173, 0, LOAD, 0];
        let learned = learn(&base, &original);
        assert_eq!(learned, HashMap::from([((LOAD, LOAD), 175), ((STORE, LOAD), 173)]));
        // Specialised: what it remembers ends with a 0.
        let mut live = [LOAD, 0, LOAD, 1, 70, 0, 0, 0, STORE, 0, LOAD, 0];
        fuse_pairs(&learned, &base, &mut live);
        assert_eq!(live, [175, 0, LOAD, 1, 70, 0, 0, 0, 173, 0, LOAD, 0]);
    }

    #[test]
    fn an_instruction_with_an_event_is_left_alone_on_both_sides() {
        let base = [STORE, 0, LOAD, 0, LOAD, 1, 122, 0];
        let mut live = [STORE, 0, LINE, 0, LOAD, 1, 122, 0];
        fuse_pairs(&pairs(), &base, &mut live);
        assert_eq!(live, [STORE, 0, LINE, 0, LOAD, 1, 122, 0]);
    }
}
