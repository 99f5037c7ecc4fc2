//! The lines at which a stopped frame can go on: where the interpreter finds on its stack of values what the code there expects.
//!
//! A block keeps things on that stack: a loop its iterator, a `with` what is to be called at its end, a handler the exception. So a jump
//! out of blocks takes them off, and a jump into one has nothing to put there: the interpreter refuses it. It compares kinds of values
//! only, so it would also let one loop go on with the iterator of another. We follow each value from the instruction that has put it
//! there, and offer a line if what its code expects is the lower part of what there is now.

use std::collections::{BTreeMap, BTreeSet};

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::breakpoints;
use super::codes::attribute;
use super::exceptions::{self, Entry, Instruction, Op, Opcodes};
use super::line_table;
use crate::capi::{self, Ref, capi};

/// A value on the stack, by the instruction that has put it there.
type Value = u32;

/// Of an exception that is handled, or its place. Nothing else is taken for one.
const HANDLED: Value = 1 << 31;
/// Of different instructions, by the way that was taken.
const JOINED: Value = 1 << 30;

/// By how much an instruction makes the stack higher: number, argument, whether it jumps.
type Effect<'a> = &'a dyn Fn(u8, u32, bool) -> i32;

/// The lines at which a frame can go on that stands before a line; `None` if it cannot be told.
pub(crate) fn lines(py: Python<'_>, frame: &Ref) -> PyResult<Option<BTreeSet<u32>>> {
    let (Some(opcodes), Some(stack_effect)) = (exceptions::opcodes(), capi().optional.stack_effect) else {
        return Ok(None);
    };
    // SAFETY: a live frame, whose code lives with it.
    let (code, at) = unsafe {
        let code = Bound::from_borrowed_ptr(py, capi::frame_code(frame.as_ptr().cast()).cast());
        (code, (capi::py().frame_get_lasti)(frame.as_ptr().cast()))
    };
    let bytes = attribute(&code, c"co_code")?.cast_into::<PyBytes>()?;
    let handlers = attribute(&code, c"co_exceptiontable")?.cast_into::<PyBytes>()?;
    let table = attribute(&code, c"co_linetable")?.cast_into::<PyBytes>()?;
    let first_line: u32 = attribute(&code, c"co_firstlineno")?.extract()?;
    let effect = |opcode: u8, argument: u32, jumps: bool| {
        // SAFETY: computes from numbers.
        unsafe { stack_effect(opcode.into(), i32::try_from(argument).unwrap_or(0), jumps.into()) }
    };
    let replaces = |it: &Instruction, grows: i32| {
        it.op == Op::GetIterator
            || (grows <= 0 && (it.op == Op::LoadAttribute || breakpoints::completes(py, it.opcode)))
    };
    let (bytes, handlers) = (bytes.as_bytes(), exceptions::entries(handlers.as_bytes()));
    let code = Code { opcodes, bytes, handlers, effect: &effect, replaces: &replaces };
    // Up to 3.12 a generator begins with a value on its stack.
    let Some(stacks) = code.stacks(0).or_else(|| code.stacks(1)) else { return Ok(None) };
    let Some(now) = u32::try_from(at).ok().and_then(|at| stacks.get(&at)) else { return Ok(Some(BTreeSet::new())) };
    let mut begins: BTreeMap<u32, Vec<&[Value]>> = BTreeMap::new();
    let mut last = None;
    for entry in line_table::entries(table.as_bytes(), first_line) {
        if entry.line.is_some() && entry.line != last {
            last = entry.line;
            let stack = stacks.get(&entry.start).map(Vec::as_slice);
            begins.entry(entry.line.unwrap_or(0)).or_default().extend(stack);
        }
    }
    Ok(Some(begins.into_iter().filter(|(_, begins)| can_go_on(now, begins)).map(|(line, _)| line).collect()))
}

/// Whether a line can be gone to that begins with one of these stacks. The interpreter takes the highest that it thinks possible.
fn can_go_on(now: &[Value], begins: &[&[Value]]) -> bool {
    let Some(best) = begins.iter().filter(|it| now.starts_with(it)).map(|it| it.len()).max() else { return false };
    let refused = |it: &[Value]| it.iter().zip(now).any(|(wanted, is)| wanted & HANDLED != 0 && is & HANDLED == 0);
    !begins.iter().any(|it| !now.starts_with(it) && (best..=now.len()).contains(&it.len()) && !refused(it))
}

struct Code<'a> {
    opcodes: &'a Opcodes,
    bytes: &'a [u8],
    handlers: Vec<Entry>,
    effect: Effect<'a>,
    /// Whether an instruction, by which the stack grows so much, puts another value in the place of one.
    replaces: &'a dyn Fn(&Instruction, i32) -> bool,
}

type Stacks = BTreeMap<u32, Vec<Value>>;

impl Code<'_> {
    /// The stack before each instruction that can be reached; `None` if it makes no sense.
    fn stacks(&self, height_at_begin: usize) -> Option<Stacks> {
        let mut stacks = Stacks::from([(0, vec![JOINED; height_at_begin])]);
        let mut pending = vec![0];
        while let Some(offset) = pending.pop() {
            let stack = stacks.get(&offset)?.clone();
            let it = self.opcodes.at(self.bytes, offset)?;
            for handler in self.handlers.iter().filter(|entry| entry.start <= offset && offset < entry.end) {
                let below = stack.get(..handler.depth as usize)?;
                let handled = (0..=u32::from(handler.with_place)).map(|n| HANDLED | (handler.target << 1) | n);
                join(&mut stacks, &mut pending, handler.target, below.iter().copied().chain(handled).collect());
            }
            let mut goes = |to: u32, jumps: bool| -> Option<()> {
                let mut stack = stack.clone();
                let grows = (self.effect)(it.opcode, it.argument, jumps);
                let replaced = usize::from((self.replaces)(&it, grows));
                let removed = usize::try_from(-grows).unwrap_or(0) + replaced;
                stack.truncate(stack.len().checked_sub(removed)?);
                let added = usize::try_from(grows.max(0)).ok()? + replaced;
                stack.extend((0..u32::try_from(added).ok()?).map(|n| (offset << 4) | n));
                join(&mut stacks, &mut pending, to, stack);
                Some(())
            };
            match it.op {
                Op::Return | Op::Raise | Op::Reraise => {}
                Op::Jump | Op::JumpBack => goes(self.opcodes.target(&it)?, true)?,
                Op::JumpIf { .. } | Op::JumpIfOther | Op::JumpBackIf => {
                    goes(it.next, false)?;
                    goes(self.opcodes.target(&it)?, true)?;
                }
                _ => goes(it.next, false)?,
            }
        }
        Some(stacks)
    }
}

/// One more way to an instruction: what is not the same on all ways is of no instruction's.
fn join(stacks: &mut Stacks, pending: &mut Vec<u32>, at: u32, stack: Vec<Value>) {
    let Some(known) = stacks.get_mut(&at) else {
        stacks.insert(at, stack);
        pending.push(at);
        return;
    };
    let height = known.len();
    let mut changed = false;
    for (n, (known, new)) in known.iter_mut().zip(stack).enumerate() {
        let joined = JOINED | (*known & new & HANDLED) | (at << 6) | u32::try_from(n.min(height) & 63).unwrap_or(0);
        if *known != new && *known != joined {
            *known = joined;
            changed = true;
        }
    }
    if changed {
        pending.push(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_can_be_gone_to_if_what_it_expects_is_there() {
        let (loop_, with, handled) = (1, 2, HANDLED | 3);
        for (now, begins, expected) in [
            (vec![], vec![vec![]], true),
            (vec![loop_], vec![vec![]], true),
            (vec![loop_, with], vec![vec![loop_]], true),
            (vec![], vec![vec![loop_]], false),
            (vec![loop_], vec![vec![with]], false),
            // Code that stands there twice: behind a `try`, and in its handler.
            (vec![], vec![vec![], vec![handled]], true),
            (vec![loop_], vec![vec![], vec![handled]], true),
            (vec![handled], vec![vec![], vec![handled]], true),
            // The interpreter would take the second.
            (vec![loop_, with], vec![vec![loop_], vec![loop_, loop_]], false),
            (vec![loop_], vec![], false),
        ] {
            let begins: Vec<&[Value]> = begins.iter().map(Vec::as_slice).collect();
            assert_eq!(can_go_on(&now, &begins), expected, "{now:?} {begins:?}");
        }
    }
}
