//! 3.12 only: gives observed code its fused instructions back.
//!
//! CPython 3.12 fuses pairs such as `LOAD_FAST, LOAD_FAST` when a code object is made. The first event that a code object
//! is asked for takes all of them apart, for good: a loop with a breakpoint on a line that is never reached would stay 6 %
//! slower than without us. (From 3.13 on the compiler fuses them, and nothing is lost.) So after the events of a code object
//! have settled, its pairs are fused again, one byte each, exactly where the interpreter would have done it; an instruction
//! that has an event is left alone. Which byte a pair becomes is read off a function compiled here, never assumed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use super::codes::{self, CodeInfo, Held, attribute};
use super::gil;
use crate::capi::capi;

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

/// What is known of the interpreter's fused instructions.
struct Fusion {
    /// The instruction that a pair becomes.
    pairs: HashMap<(u8, u8), u8>,
    /// Where the instructions begin in a code object.
    offset: usize,
}

static FUSION: OnceLock<Option<Fusion>> = OnceLock::new();
static DIRTY: Mutex<Vec<Held>> = Mutex::new(Vec::new());
static WANTED: AtomicBool = AtomicBool::new(false);

/// The events of a code object have changed. Needs the GIL.
pub(crate) fn touched(info: *mut CodeInfo) {
    if capi().version != (3, 12) {
        return;
    }
    let mut dirty = DIRTY.lock().unwrap_or_else(PoisonError::into_inner);
    if !dirty.iter().any(|held| held.info == info) {
        dirty.push(Held::new(info));
    }
    drop(dirty);
    if !WANTED.swap(true, Ordering::Relaxed) {
        gil::wake_helper();
    }
}

/// Whether there is something to do.
pub(crate) fn wanted() -> bool {
    WANTED.load(Ordering::Relaxed)
}

/// Fuses what was touched.
pub(crate) fn run(_py: Python<'_>) {
    WANTED.store(false, Ordering::Relaxed);
    let dirty = std::mem::take(&mut *DIRTY.lock().unwrap_or_else(PoisonError::into_inner));
    for held in dirty {
        // An error leaves the code as it is: slower, and right.
        let _ = Python::attach(|py| fuse(py, held.info).ok());
        drop(held);
    }
}

/// The program goes on after others were frozen: the user's code may have been taken apart by that.
pub(crate) fn touch_user_code(py: Python<'_>) {
    if capi().version == (3, 12) {
        for held in codes::user_codes(py) {
            touched(held.info);
        }
    }
}

fn fuse(py: Python<'_>, info: *const CodeInfo) -> PyResult<()> {
    let Some(fusion) = FUSION.get_or_init(|| Fusion::find(py).ok()) else { return Ok(()) };
    // SAFETY: a living record.
    let code = unsafe { Bound::from_borrowed_ptr(py, (*info).code) };
    let base = attribute(&code, c"co_code")?;
    let base = base.cast::<PyBytes>()?.as_bytes();
    // SAFETY: the instructions of a code object are as many bytes as `co_code`, at this offset; the GIL is held, so no thread
    // runs them, and nothing else refers to them.
    let live = unsafe { std::slice::from_raw_parts_mut(code.as_ptr().cast::<u8>().add(fusion.offset), base.len()) };
    fuse_pairs(&fusion.pairs, base, live);
    Ok(())
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

impl Fusion {
    fn find(py: Python<'_>) -> PyResult<Self> {
        let names = PyDict::new(py);
        let module = py.import("builtins")?.getattr("compile")?.call1((PROBE, "<ikpdb>", "exec"))?;
        py.import("builtins")?.getattr("exec")?.call1((module, &names))?;
        let code = names.as_any().get_item("probe")?.getattr("__code__")?;
        let (base, live) = (code.getattr("co_code")?, code.getattr("_co_code_adaptive")?);
        let (base, live) = (base.cast::<PyBytes>()?.as_bytes(), live.cast::<PyBytes>()?.as_bytes());
        let offset: usize = code.get_type().getattr("__basicsize__")?.extract()?;
        Ok(Self { pairs: learn(base, live), offset })
    }
}

/// The pairs that were fused in code that has no event and never ran.
fn learn(base: &[u8], live: &[u8]) -> HashMap<(u8, u8), u8> {
    let differs = |at: &usize| live[*at] != base[*at];
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
    fn an_instruction_with_an_event_is_left_alone_on_both_sides() {
        let base = [STORE, 0, LOAD, 0, LOAD, 1, 122, 0];
        let mut live = [STORE, 0, LINE, 0, LOAD, 1, 122, 0];
        fuse_pairs(&pairs(), &base, &mut live);
        assert_eq!(live, [STORE, 0, LINE, 0, LOAD, 1, 122, 0]);
    }
}
