//! The instructions by which handlers of exceptions are read, for each version. Their numbers and the room behind them are fixed
//! within a minor version (`opcode.opmap` and `opcode._inline_cache_entries` of 3.11.7, 3.12.1, 3.13.0, 3.14.10, 3.15.2).

use crate::capi::Version;

/// What an instruction does, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Op {
    /// Goes on with the next instruction.
    Other,
    /// Its argument belongs to the next instruction.
    ExtendedArg,
    /// Ends the handling of the exception.
    PopExcept,
    /// Compares the exception with types.
    CheckMatch,
    /// Takes a part out of a group.
    CheckGroupMatch,
    /// Raises the exception again.
    Reraise,
    /// `raise`: with the argument 0 the exception that is handled, again.
    Raise,
    /// Calls `__exit__`.
    WithExceptStart,
    /// Turns a value into a truth value.
    ToBool,
    /// Goes on with the next instruction or jumps forward.
    JumpIf {
        when: bool,
    },
    /// As that, by another test.
    JumpIfOther,
    /// As that, backward.
    JumpBackIf,
    /// Jumps forward.
    Jump,
    /// Jumps backward.
    JumpBack,
    /// Ends the function.
    Return,
    /// `async for` is over, or the exception is raised again.
    EndAsyncFor,
    /// What was awaited is over, or the exception is raised again.
    CleanupThrow,
    /// Puts an iterator in the place of what is iterated over.
    GetIterator,
    LoadGlobal,
    LoadName,
    LoadAttribute,
    LoadConstant,
    BuildTuple,
}

/// The instructions of one version.
#[derive(Debug)]
pub(in crate::engine) struct Opcodes {
    version: Version,
    ops: [Op; 256],
    /// Units behind an instruction that are no instructions.
    caches: [u8; 256],
}

type Row = (u8, Op);

const V311: &[Row] = &[
    (68, Op::GetIterator),
    (50, Op::GetIterator),
    (144, Op::ExtendedArg),
    (89, Op::PopExcept),
    (36, Op::CheckMatch),
    (37, Op::CheckGroupMatch),
    (119, Op::Reraise),
    (130, Op::Raise),
    (49, Op::WithExceptStart),
    (114, Op::JumpIf { when: false }),
    (115, Op::JumpIf { when: true }),
    (129, Op::JumpIfOther),
    (128, Op::JumpIfOther),
    (111, Op::JumpIfOther),
    (112, Op::JumpIfOther),
    (93, Op::JumpIfOther),
    (123, Op::JumpIfOther),
    (173, Op::JumpBackIf),
    (174, Op::JumpBackIf),
    (175, Op::JumpBackIf),
    (176, Op::JumpBackIf),
    (110, Op::Jump),
    (140, Op::JumpBack),
    (134, Op::JumpBack),
    (83, Op::Return),
    (54, Op::EndAsyncFor),
    (116, Op::LoadGlobal),
    (101, Op::LoadName),
    (106, Op::LoadAttribute),
    (100, Op::LoadConstant),
    (102, Op::BuildTuple),
];
const C311: &[(u8, u8)] =
    &[(25, 4), (60, 1), (92, 1), (95, 4), (106, 4), (107, 2), (116, 5), (122, 1), (160, 10), (166, 1), (171, 4)];

const V312: &[Row] = &[
    (68, Op::GetIterator),
    (50, Op::GetIterator),
    (144, Op::ExtendedArg),
    (89, Op::PopExcept),
    (36, Op::CheckMatch),
    (37, Op::CheckGroupMatch),
    (119, Op::Reraise),
    (130, Op::Raise),
    (49, Op::WithExceptStart),
    (114, Op::JumpIf { when: false }),
    (115, Op::JumpIf { when: true }),
    (129, Op::JumpIfOther),
    (128, Op::JumpIfOther),
    (93, Op::JumpIfOther),
    (123, Op::JumpIfOther),
    (110, Op::Jump),
    (140, Op::JumpBack),
    (134, Op::JumpBack),
    (83, Op::Return),
    (121, Op::Return),
    (54, Op::EndAsyncFor),
    (55, Op::CleanupThrow),
    (116, Op::LoadGlobal),
    (101, Op::LoadName),
    (106, Op::LoadAttribute),
    (100, Op::LoadConstant),
    (102, Op::BuildTuple),
];
const C312: &[(u8, u8)] = &[
    (25, 1),
    (60, 1),
    (92, 1),
    (93, 1),
    (95, 4),
    (106, 9),
    (107, 1),
    (116, 4),
    (122, 1),
    (123, 1),
    (141, 1),
    (171, 3),
];

const V313: &[Row] = &[
    (19, Op::GetIterator),
    (16, Op::GetIterator),
    (71, Op::ExtendedArg),
    (31, Op::PopExcept),
    (7, Op::CheckMatch),
    (6, Op::CheckGroupMatch),
    (102, Op::Reraise),
    (101, Op::Raise),
    (44, Op::WithExceptStart),
    (40, Op::ToBool),
    (97, Op::JumpIf { when: false }),
    (100, Op::JumpIf { when: true }),
    (98, Op::JumpIfOther),
    (99, Op::JumpIfOther),
    (72, Op::JumpIfOther),
    (104, Op::JumpIfOther),
    (79, Op::Jump),
    (77, Op::JumpBack),
    (78, Op::JumpBack),
    (36, Op::Return),
    (103, Op::Return),
    (10, Op::EndAsyncFor),
    (8, Op::CleanupThrow),
    (91, Op::LoadGlobal),
    (92, Op::LoadName),
    (82, Op::LoadAttribute),
    (83, Op::LoadConstant),
    (52, Op::BuildTuple),
];
const C313: &[(u8, u8)] = &[
    (5, 1),
    (39, 1),
    (40, 3),
    (45, 1),
    (53, 3),
    (58, 1),
    (59, 1),
    (72, 1),
    (77, 1),
    (82, 9),
    (91, 4),
    (93, 1),
    (97, 1),
    (98, 1),
    (99, 1),
    (100, 1),
    (104, 1),
    (108, 4),
    (117, 1),
];

const V314: &[Row] = &[
    (16, Op::GetIterator),
    (14, Op::GetIterator),
    (69, Op::ExtendedArg),
    (29, Op::PopExcept),
    (6, Op::CheckMatch),
    (5, Op::CheckGroupMatch),
    (105, Op::Reraise),
    (104, Op::Raise),
    (43, Op::WithExceptStart),
    (39, Op::ToBool),
    (100, Op::JumpIf { when: false }),
    (103, Op::JumpIf { when: true }),
    (101, Op::JumpIfOther),
    (102, Op::JumpIfOther),
    (70, Op::JumpIfOther),
    (106, Op::JumpIfOther),
    (77, Op::Jump),
    (75, Op::JumpBack),
    (76, Op::JumpBack),
    (35, Op::Return),
    (68, Op::EndAsyncFor),
    (7, Op::CleanupThrow),
    (92, Op::LoadGlobal),
    (93, Op::LoadName),
    (80, Op::LoadAttribute),
    (82, Op::LoadConstant),
    (51, Op::BuildTuple),
];
const C314: &[(u8, u8)] = &[
    (38, 1),
    (39, 3),
    (44, 5),
    (52, 3),
    (55, 3),
    (56, 1),
    (57, 1),
    (70, 1),
    (75, 1),
    (80, 9),
    (92, 4),
    (96, 1),
    (100, 1),
    (101, 1),
    (102, 1),
    (103, 1),
    (106, 1),
    (110, 4),
    (119, 1),
];

const V315: &[Row] = &[
    (70, Op::GetIterator),
    (14, Op::GetIterator),
    (67, Op::ExtendedArg),
    (27, Op::PopExcept),
    (6, Op::CheckMatch),
    (5, Op::CheckGroupMatch),
    (104, Op::Reraise),
    (103, Op::Raise),
    (41, Op::WithExceptStart),
    (37, Op::ToBool),
    (99, Op::JumpIf { when: false }),
    (102, Op::JumpIf { when: true }),
    (100, Op::JumpIfOther),
    (101, Op::JumpIfOther),
    (68, Op::JumpIfOther),
    (105, Op::JumpIfOther),
    (76, Op::Jump),
    (74, Op::JumpBack),
    (75, Op::JumpBack),
    (33, Op::Return),
    (66, Op::EndAsyncFor),
    (7, Op::CleanupThrow),
    (91, Op::LoadGlobal),
    (92, Op::LoadName),
    (79, Op::LoadAttribute),
    (81, Op::LoadConstant),
    (49, Op::BuildTuple),
];
const C315: &[(u8, u8)] = &[
    (128, 1),
    (4, 1),
    (36, 1),
    (37, 3),
    (42, 5),
    (50, 3),
    (53, 3),
    (54, 1),
    (55, 1),
    (68, 1),
    (70, 1),
    (74, 1),
    (79, 9),
    (91, 4),
    (95, 1),
    (99, 1),
    (100, 1),
    (101, 1),
    (102, 1),
    (105, 1),
    (109, 4),
    (118, 1),
];

/// An instruction with its whole argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) struct Instruction {
    /// In bytes; of an extended one the begin of the extension.
    pub(in crate::engine) offset: u32,
    pub(in crate::engine) op: Op,
    /// Its number.
    pub(in crate::engine) opcode: u8,
    pub(in crate::engine) argument: u32,
    /// Behind it, in bytes.
    pub(in crate::engine) next: u32,
}

impl Opcodes {
    /// Those of a version, if they are known.
    pub(in crate::engine) fn of(version: Version) -> Option<Self> {
        let (rows, caches): (&[Row], &[(u8, u8)]) = match version {
            (3, 11) => (V311, C311),
            (3, 12) => (V312, C312),
            (3, 13) => (V313, C313),
            (3, 14) => (V314, C314),
            (3, 15) => (V315, C315),
            _ => return None,
        };
        let mut opcodes = Self { version, ops: [Op::Other; 256], caches: [0; 256] };
        for (number, op) in rows {
            opcodes.ops[usize::from(*number)] = *op;
        }
        for (number, units) in caches {
            opcodes.caches[usize::from(*number)] = *units;
        }
        Some(opcodes)
    }

    /// The instruction at an offset.
    pub(in crate::engine) fn at(&self, code: &[u8], offset: u32) -> Option<Instruction> {
        let (mut argument, mut at) = (0_u32, offset);
        loop {
            let unit = code.get(at as usize..at as usize + 2)?;
            let op = self.ops[usize::from(unit[0])];
            argument = (argument << 8) | u32::from(unit[1]);
            at += 2;
            if op != Op::ExtendedArg {
                let next = at + 2 * u32::from(self.caches[usize::from(unit[0])]);
                return Some(Instruction { offset, op, opcode: unit[0], argument, next });
            }
        }
    }

    /// Where a jump leads to.
    pub(in crate::engine) fn target(&self, instruction: &Instruction) -> Option<u32> {
        let way = instruction.argument.checked_mul(2)?;
        match instruction.op {
            Op::JumpBack | Op::JumpBackIf => instruction.next.checked_sub(way),
            _ => instruction.next.checked_add(way),
        }
    }

    /// The index of the name that an instruction loads.
    pub(in crate::engine) fn name_index(&self, instruction: &Instruction) -> usize {
        let shifted = match instruction.op {
            Op::LoadGlobal => true,
            Op::LoadAttribute => self.version >= (3, 12),
            _ => false,
        };
        (if shifted { instruction.argument >> 1 } else { instruction.argument }) as usize
    }
}
