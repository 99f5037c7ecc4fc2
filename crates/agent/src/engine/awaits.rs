//! Takes line events off the inside of `await`, where none can come.
//!
//! A code object with a breakpoint is asked for its lines. The interpreter marks the first instruction of each, which gives one
//! event, is told that nobody wants more, and runs at full speed again. It also marks instructions in the middle of an `await`,
//! as jumps lead there; but those are always reached from their own line, so no event comes, nobody is asked, and the mark costs
//! some seventy instructions each time, for ever. The marks on `SEND` and on the `POP_TOP` behind `END_SEND` are taken off here.
//! (`END_SEND` itself may carry another tool's event under the mark.) What these instructions are is read off a coroutine
//! compiled here, never assumed.

use std::sync::OnceLock;

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::codes::attribute;
use super::events::tools;
use super::line_table;
use super::settled::{Instructions, probe};

const PROBE: &str = "\
async def probe(a):
    await a
    await a
";

/// The instructions of `await`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Await {
    /// Stands for an instruction that gives a line event.
    line: u8,
    send: u8,
    end_send: u8,
    pop_top: u8,
}

static AWAIT: OnceLock<Option<Await>> = OnceLock::new();

/// Takes the marks off a code object.
pub(super) fn calm(py: Python<'_>, code: &Bound<'_, PyAny>, instructions: &mut Instructions<'_>) -> PyResult<()> {
    let Some(known) = AWAIT.get_or_init(|| find(py).ok().flatten()) else { return Ok(()) };
    let first_line: u32 = attribute(code, c"co_firstlineno")?.extract()?;
    let table = attribute(code, c"co_linetable")?;
    let table = table.cast::<PyBytes>()?.as_bytes();
    let line = |at: usize| line_table::locate(table, first_line, u32::try_from(at).ok()?)?.line;
    let (base, live) = instructions.both();
    known.take_off(base, live, line);
    Ok(())
}

fn find(py: Python<'_>) -> PyResult<Option<Await>> {
    let code = probe(py, PROBE)?;
    let Some(tools) = tools() else { return Ok(None) };
    tools.code.set_local(py, code.as_ptr(), tools.code.events.line)?;
    let instructions = Instructions::of(&code)?;
    let found = learn(instructions.base(), instructions.live());
    tools.code.set_local(py, code.as_ptr(), 0)?;
    Ok(found)
}

/// Reads the instructions off marked code that awaits: `SEND`, with a counter, leads to `END_SEND`, and `POP_TOP` follows.
fn learn(base: &[u8], live: &[u8]) -> Option<Await> {
    let changed = || (0..base.len().min(live.len())).step_by(2).filter(|at| base[*at] != live[*at]);
    // Counters change as well, to one thing or another.
    let line = changed().map(|at| live[at]).max_by_key(|byte| changed().filter(|at| live[*at] == *byte).count())?;
    let marked: Vec<usize> = changed().filter(|at| live[*at] == line).collect();
    marked.windows(3).find_map(|at| {
        let is_await = end_of(base, at[0]) == at[1] && at[1] + 2 == at[2];
        is_await.then(|| Await { line, send: base[at[0]], end_send: base[at[1]], pop_top: base[at[2]] })
    })
}

/// Where a `SEND` leads when what is awaited has ended.
fn end_of(base: &[u8], send: usize) -> usize {
    send + 4 + 2 * usize::from(base[send + 1])
}

impl Await {
    fn take_off(self, base: &[u8], live: &mut [u8], line: impl Fn(usize) -> Option<u32>) {
        for send in (2..base.len()).step_by(2).filter(|at| base[*at] == self.send) {
            let own = line(send);
            if own.is_none() || line(send - 2) != own {
                continue;
            }
            if live[send] == self.line {
                live[send] = self.send;
            }
            let end = end_of(base, send);
            let (Some(end_send), Some(next)) = (base.get(end), base.get(end + 2)) else { continue };
            let is_pair = (*end_send, *next) == (self.end_send, self.pop_top);
            if is_pair && live[end + 2] == self.line && line(end) == own && line(end + 2) == own {
                live[end + 2] = self.pop_top;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: u8 = 254;
    const LOAD: u8 = 85;
    const SEND: u8 = 104;
    const END_SEND: u8 = 12;
    const POP: u8 = 32;
    /// `await a`, twice: load, send and its counter, one instruction of waiting, the end.
    const BASE: [u8; 24] =
        [LOAD, 0, SEND, 1, 0, 0, 5, 5, END_SEND, 0, POP, 0, LOAD, 0, SEND, 1, 0, 0, 5, 5, END_SEND, 0, POP, 0];
    const MARKED: [u8; 24] =
        [LINE, 0, LINE, 1, 17, 0, 5, 5, LINE, 0, LINE, 0, LINE, 0, LINE, 1, 17, 0, 5, 5, LINE, 0, LINE, 0];

    fn known() -> Await {
        Await { line: LINE, send: SEND, end_send: END_SEND, pop_top: POP }
    }

    #[test]
    fn the_instructions_of_await_are_read_off_marked_code() {
        assert_eq!(learn(&BASE, &MARKED), Some(known()));
        assert_eq!(learn(&BASE, &BASE), None);
        assert_eq!(learn(&BASE[..4], &MARKED[..4]), None);
    }

    #[test]
    fn marks_inside_an_await_are_taken_off_and_those_where_a_line_begins_stay() {
        let mut live = MARKED;
        known().take_off(&BASE, &mut live, |at| Some(if at < 12 { 1 } else { 2 }));
        let calm = [LINE, 0, SEND, 1, 17, 0, 5, 5, LINE, 0, POP, 0, LINE, 0, SEND, 1, 17, 0, 5, 5, LINE, 0, POP, 0];
        assert_eq!(live, calm);
    }

    #[test]
    fn a_mark_behind_another_line_stays() {
        let mut live = MARKED;
        known().take_off(&BASE, &mut live, |at| Some(if at == 2 || at == 10 { 3 } else { 1 }));
        assert_eq!(live[..12], MARKED[..12]);
        known().take_off(&BASE, &mut live, |_| None);
        assert_eq!(live[..12], MARKED[..12]);
    }

    #[test]
    fn code_that_ends_within_an_await_is_left_alone() {
        let mut live = MARKED;
        for end in (0..8).step_by(2) {
            known().take_off(&BASE[..end], &mut live[..end], |_| Some(1));
        }
        assert_eq!(live[4..], MARKED[4..]);
    }
}
