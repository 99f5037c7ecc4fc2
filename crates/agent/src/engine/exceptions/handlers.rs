//! What the handlers in a code object do with an exception: found out from their instructions, once.
//!
//! A handler *passes* an exception on if every way through it raises it again. What may end in any other way *catches*; what it
//! cannot be told of catches, too.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::opcodes::{Op, Opcodes};

/// What a handler does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// It may go on without raising the exception again.
    Catches,
    /// It raises it again at this offset.
    Passes(u32),
    /// It depends on the exception's type.
    Match { types: Types, then: Box<Plan>, otherwise: Box<Plan> },
    /// It catches if an `__exit__` says so, which lies so deep on the stack of values.
    With { otherwise: Box<Plan> },
}

/// How the types of an `except` are named: names by their index in `co_names`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Types {
    /// A name of the module or a builtin one.
    Global(usize),
    /// An attribute of it.
    Attribute(Box<Types>, usize),
    /// Several.
    Tuple(Vec<Types>),
    /// `StopIteration` or `StopAsyncIteration`, by the interpreter itself.
    Stop,
    /// Anything else.
    Unknown,
}

/// An entry of the exception table: where it leads to, and how many values the stack has there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) struct Entry {
    pub(in crate::engine) start: u32,
    pub(in crate::engine) end: u32,
    pub(in crate::engine) target: u32,
    pub(in crate::engine) depth: u32,
    /// The place of the instruction is on the stack, too, below the exception.
    pub(in crate::engine) with_place: bool,
}

/// The handlers of one code object.
#[derive(Debug, Default)]
pub(super) struct Handlers {
    entries: Vec<Entry>,
    plans: HashMap<u32, Rc<Plan>>,
}

/// So many instructions of one handler are looked at.
const MOST: usize = 2000;

impl Handlers {
    /// Reads `co_exceptiontable`.
    pub(super) fn new(table: &[u8]) -> Self {
        Self { entries: entries(table), plans: HashMap::new() }
    }

    /// The handler that covers an offset.
    pub(super) fn at(&self, offset: u32) -> Option<Entry> {
        // The innermost one is the only one that names it: inner ranges are cut out of outer ones.
        self.entries.iter().find(|it| it.start <= offset && offset < it.end).copied()
    }

    /// What a handler does.
    pub(super) fn plan(&mut self, target: u32, find_out: impl FnOnce() -> Plan) -> Rc<Plan> {
        Rc::clone(self.plans.entry(target).or_insert_with(|| Rc::new(find_out())))
    }
}

/// Finds out what a handler in this code (`co_code`) does.
pub(super) fn plan(opcodes: &Opcodes, code: &[u8], target: u32) -> Plan {
    let mut reader = Reader { opcodes, code, seen: HashSet::new() };
    reader.from(target).unwrap_or(Plan::Catches)
}

struct Reader<'a> {
    opcodes: &'a Opcodes,
    code: &'a [u8],
    seen: HashSet<u32>,
}

impl Reader<'_> {
    /// What comes of going on here; `None` if only back to where it was already.
    fn from(&mut self, offset: u32) -> Option<Plan> {
        let mut at = offset;
        let mut loaded: Vec<Types> = Vec::new();
        loop {
            if !self.seen.insert(at) {
                return None;
            }
            if self.seen.len() > MOST {
                return Some(Plan::Catches);
            }
            let Some(it) = self.opcodes.at(self.code, at) else { return Some(Plan::Catches) };
            at = it.next;
            match it.op {
                Op::Reraise => return Some(Plan::Passes(it.offset)),
                Op::Raise if it.argument == 0 => return Some(Plan::Passes(it.offset)),
                Op::Raise | Op::Return | Op::CheckGroupMatch => return Some(Plan::Catches),
                Op::PopExcept => {
                    let next = self.opcodes.at(self.code, at)?;
                    let passes = next.op == Op::Reraise;
                    return Some(if passes { Plan::Passes(next.offset) } else { Plan::Catches });
                }
                Op::EndAsyncFor | Op::CleanupThrow => {
                    let (then, otherwise) = (Box::new(Plan::Catches), Box::new(Plan::Passes(it.offset)));
                    return Some(Plan::Match { types: Types::Stop, then, otherwise });
                }
                Op::CheckMatch => {
                    let types = loaded.pop().unwrap_or(Types::Unknown);
                    return Some(self.matched(types, at));
                }
                Op::WithExceptStart => return Some(self.with(at)),
                Op::Jump | Op::JumpBack => at = self.opcodes.target(&it)?,
                Op::JumpIf { .. } | Op::JumpIfOther | Op::JumpBackIf => {
                    let target = self.opcodes.target(&it)?;
                    let ways = [self.from(at), self.from(target)];
                    return all(ways);
                }
                Op::LoadGlobal | Op::LoadName => loaded.push(Types::Global(self.opcodes.name_index(&it))),
                Op::LoadAttribute => {
                    let base = loaded.pop().unwrap_or(Types::Unknown);
                    loaded.push(Types::Attribute(Box::new(base), self.opcodes.name_index(&it)));
                }
                Op::BuildTuple => {
                    let count = it.argument as usize;
                    let types = match loaded.len().checked_sub(count) {
                        Some(at) => Types::Tuple(loaded.split_off(at)),
                        None => Types::Unknown,
                    };
                    loaded.push(types);
                }
                Op::Other | Op::ExtendedArg | Op::ToBool | Op::LoadConstant | Op::GetIterator => loaded.clear(),
            }
        }
    }

    /// Behind a comparison with types: a jump where they do not fit.
    fn matched(&mut self, types: Types, at: u32) -> Plan {
        let Some(jump) = self.opcodes.at(self.code, at).filter(|it| it.op == (Op::JumpIf { when: false })) else {
            return Plan::Catches;
        };
        let Some(target) = self.opcodes.target(&jump) else { return Plan::Catches };
        let mut way = |at| Box::new(self.from(at).unwrap_or(Plan::Catches));
        let (then, otherwise) = (way(jump.next), way(target));
        Plan::Match { types, then, otherwise }
    }

    /// Behind a call of `__exit__`: a jump where it wants the exception to be forgotten.
    fn with(&mut self, mut at: u32) -> Plan {
        loop {
            let Some(it) = self.opcodes.at(self.code, at) else { return Plan::Catches };
            match it.op {
                Op::ToBool => at = it.next,
                Op::JumpIf { when: true } => {
                    let otherwise = self.from(it.next).unwrap_or(Plan::Catches);
                    return Plan::With { otherwise: Box::new(otherwise) };
                }
                // `async with` awaits first.
                _ => return Plan::Catches,
            }
        }
    }
}

/// What comes of several ways: all of them have to pass it on.
fn all(ways: [Option<Plan>; 2]) -> Option<Plan> {
    match ways {
        [None, other] | [other, None] => other,
        [Some(Plan::Passes(offset)), Some(Plan::Passes(_))] => Some(Plan::Passes(offset)),
        [Some(_), Some(_)] => Some(Plan::Catches),
    }
}

/// Decodes an exception table: numbers of six bits a byte, the first byte of an entry marked.
pub(in crate::engine) fn entries(table: &[u8]) -> Vec<Entry> {
    let mut bytes = table.iter().copied();
    let mut number = || -> Option<u32> {
        let mut value = 0_u32;
        loop {
            let byte = bytes.next()?;
            value = value.checked_mul(64)? | u32::from(byte & 63);
            if byte & 64 == 0 {
                return Some(value);
            }
        }
    };
    let mut entries = Vec::new();
    while let (Some(start), Some(length), Some(target), Some(depth)) = (number(), number(), number(), number()) {
        let (start, end, with_place) = (start * 2, (start + length) * 2, depth & 1 != 0);
        entries.push(Entry { start, end, target: target * 2, depth: depth >> 1, with_place });
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_table_is_decoded() {
        // From 4 units, 70 long, to 100, depth 1, with the place; then from 0.
        let table = [0x80 | 4, 64 | 1, 6, 64 | 1, 36, 3, 0x80, 2, 9, 0];
        let found = entries(&table);
        assert_eq!(
            found,
            [
                Entry { start: 8, end: 148, target: 200, depth: 1, with_place: true },
                Entry { start: 0, end: 4, target: 18, depth: 0, with_place: false }
            ]
        );
        for end in 0..table.len() {
            let _ = entries(&table[..end]);
        }
    }

    /// Instructions of 3.13 by name.
    fn code(units: &[(u8, u8)]) -> Vec<u8> {
        let caches = Opcodes::of((3, 13)).unwrap();
        let mut bytes = Vec::new();
        for (opcode, argument) in units {
            bytes.extend([*opcode, *argument]);
            let it = caches.at(&bytes, u32::try_from(bytes.len()).unwrap() - 2).unwrap();
            bytes.resize(it.next as usize, 0);
        }
        bytes
    }

    fn planned(units: &[(u8, u8)]) -> Plan {
        plan(&Opcodes::of((3, 13)).unwrap(), &code(units), 0)
    }

    const PUSH: (u8, u8) = (33, 0);
    const RERAISE: (u8, u8) = (102, 0);
    const POP_EXCEPT: (u8, u8) = (31, 0);
    const POP: (u8, u8) = (32, 0);
    const CHECK: (u8, u8) = (7, 0);

    #[test]
    fn a_finally_passes_and_one_that_returns_catches() {
        assert_eq!(planned(&[PUSH, (83, 0), POP, RERAISE]), Plan::Passes(6));
        assert_eq!(planned(&[PUSH, (83, 0), (36, 0)]), Plan::Catches);
        assert_eq!(planned(&[PUSH, POP, POP_EXCEPT, (103, 0)]), Plan::Catches);
        assert_eq!(planned(&[(61, 3), POP_EXCEPT, (102, 1)]), Plan::Passes(4));
        assert_eq!(planned(&[PUSH]), Plan::Catches, "code that ends within it");
    }

    #[test]
    fn an_except_depends_on_its_types() {
        let units = [PUSH, (91, 0), CHECK, (97, 2), POP, POP_EXCEPT, (103, 0), RERAISE];
        // The jump leads over two units, to the return; further, to the raise.
        let mut to_raise = units;
        to_raise[3] = (97, 3);
        let Plan::Match { types, then, otherwise } = planned(&to_raise) else { panic!("no match") };
        assert_eq!((types, *then), (Types::Global(0), Plan::Catches));
        assert!(matches!(*otherwise, Plan::Passes(_)));
    }

    #[test]
    fn ways_that_differ_catch() {
        let passes = |offset| Some(Plan::Passes(offset));
        assert_eq!(all([passes(2), passes(4)]), Some(Plan::Passes(2)));
        assert_eq!(all([passes(2), Some(Plan::Catches)]), Some(Plan::Catches));
        assert_eq!(all([passes(2), None]), Some(Plan::Passes(2)));
        assert_eq!(all([None, None]), None);
    }
}
