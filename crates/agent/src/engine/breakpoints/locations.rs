//! Where in its lines code can be stopped at: at the begin of a line, of each further statement on it, of each call, and of each
//! function written within it.
//!
//! Which instructions are calls is read off expressions compiled here, never assumed.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, OnceLock};

use ikpdb_proto::{Failure, dap};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::breakpoint::{Found, Target};
use super::{Breakpoint, lock};
use crate::engine::codes::{self, CodeInfo, attribute};
use crate::engine::files::{self, FileId};
use crate::engine::line_table;
use crate::engine::position::{Lines, utf16_column};
use crate::engine::preloaded;

/// By breakpoint: the instructions where it stops, each by code object and offset. One that is not here stops at its line.
pub(super) type Columns = HashMap<i32, Vec<(*const CodeInfo, u32)>>;

/// A place in a line.
#[derive(Debug)]
struct Place {
    line: u32,
    /// 1-based, in UTF-16 code units.
    column: u32,
    info: *const CodeInfo,
    offset: u32,
}

/// Finds the columns of breakpoints that are placed to the line.
pub(super) fn placed(py: Python<'_>, file: FileId, breakpoints: &[Arc<Breakpoint>]) -> Columns {
    let mut columns = Columns::new();
    for breakpoint in breakpoints {
        let Target::Line { line, column: Some(asked) } = breakpoint.wish.target else { continue };
        let placement = lock(&breakpoint.placement).clone();
        if !placement.verified || placement.line != Some(line) {
            continue;
        }
        let places = find(py, file, line..=line);
        // The next one to the right, else the last one.
        let Some(column) =
            places.iter().map(|it| it.column).find(|it| *it >= asked).or(places.last().map(|it| it.column))
        else {
            breakpoint.place(Found::At { line, column: None, file: None });
            continue;
        };
        breakpoint.place(Found::At { line, column: Some(column), file: None });
        // The only code on its line is stopped at its first place by the line's own event.
        let one_code = places.iter().all(|it| it.info == places[0].info);
        if !(one_code && column == places[0].column) {
            let here = places.iter().filter(|it| it.column == column);
            columns.insert(breakpoint.id, here.map(|it| (it.info, it.offset)).collect());
        }
    }
    columns
}

/// `breakpointLocations`: lines and columns at which code that is loaded can be stopped.
pub(crate) fn list(
    py: Python<'_>,
    arguments: &dap::BreakpointLocationsArguments,
) -> Result<dap::BreakpointLocationsBody, Failure> {
    let given = arguments.source.path.as_deref().ok_or_else(|| Failure::client("a path is needed"))?;
    let path = files::real_path(given);
    let lines = arguments.line..=arguments.end_line.unwrap_or(arguments.line);
    let mut found: Vec<(u32, Option<u32>)> = Vec::new();
    for file in preloaded::files_at(py, &path) {
        found.extend(find(py, file, lines.clone()).iter().map(|it| (it.line, Some(it.column))));
        // Without text or columns, at least the lines.
        found.extend(files::lines_in(file, lines.clone()).into_iter().map(|line| (line, None)));
    }
    found.sort_unstable_by_key(|it| (it.0, it.1.is_none(), it.1));
    found.dedup_by(|next, before| next.0 == before.0 && (next.1 == before.1 || next.1.is_none()));
    let first = arguments.column.unwrap_or(0);
    let last = arguments.end_column.filter(|_| arguments.end_line.is_some()).unwrap_or(u32::MAX);
    let within = |(line, column): &(u32, Option<u32>)| {
        column.is_none_or(|it| (*line > *lines.start() || it >= first) && (line < lines.end() || it <= last))
    };
    let breakpoints =
        found.into_iter().filter(within).map(|(line, column)| dap::BreakpointLocation { line, column }).collect();
    Ok(dap::BreakpointLocationsBody { breakpoints })
}

/// All places in some lines of a file, sorted.
fn find(py: Python<'_>, file: FileId, lines: RangeInclusive<u32>) -> Vec<Place> {
    let name = codes::file(py, file, |file| file.name.clone());
    let Some(text) = Lines::default().of_file(py, &name) else { return Vec::new() };
    let mut places = Vec::new();
    for held in codes::codes_of(py, file) {
        // SAFETY: kept alive by `held`, under the GIL.
        let info = unsafe { &*held.info };
        let (Some(first), Some(last)) = (info.lines.first(), info.lines.last()) else { continue };
        if first <= lines.end() && last >= lines.start() {
            // Code that cannot be read has its lines all the same.
            let _ = places_of(py, info, &lines, &text, &mut places);
        }
    }
    places.sort_by_key(|it| (it.line, it.column, it.offset));
    places.dedup_by(|next, before| (next.line, next.column, next.info) == (before.line, before.column, before.info));
    places
}

/// An instruction, or several with one location.
struct Piece {
    offset: u32,
    line: u32,
    /// In bytes.
    column: u32,
    calls: bool,
}

fn places_of(
    py: Python<'_>,
    info: &CodeInfo,
    lines: &RangeInclusive<u32>,
    text: &[String],
    places: &mut Vec<Place>,
) -> PyResult<()> {
    // SAFETY: the code object lives as long as its record.
    let code = unsafe { Bound::from_borrowed_ptr(py, info.code) };
    let table = attribute(&code, c"co_linetable")?.cast_into::<PyBytes>()?;
    let bytes = attribute(&code, c"co_code")?.cast_into::<PyBytes>()?;
    let calls = &opcodes(py).calls;
    let mut pieces: Vec<Piece> = Vec::new();
    for entry in line_table::body_entries(table.as_bytes(), info.first_line, info.body) {
        let (Some(line), Some((column, _))) = (entry.line, entry.columns) else { continue };
        if lines.contains(&line) && info.lines.binary_search(&line).is_ok() {
            let range = entry.start as usize..(entry.end as usize).min(bytes.as_bytes().len());
            let calls = bytes.as_bytes()[range].iter().step_by(2).any(|opcode| calls.contains(opcode));
            pieces.push(Piece { offset: entry.start, line, column, calls });
        }
    }
    let mut rows: Vec<u32> = pieces.iter().map(|it| it.line).collect();
    rows.dedup();
    for line in rows {
        let Some(text) = usize::try_from(line - 1).ok().and_then(|index| text.get(index)) else { continue };
        let here: Vec<&Piece> = pieces.iter().filter(|it| it.line == line).collect();
        let mut put = |column: u32, offset: u32| {
            places.push(Place { line, column: utf16_column(text, column), info, offset });
        };
        let own = here.iter().map(|it| it.column).min().unwrap_or(0);
        let mut starts = statements(text);
        // What stands left of this code on the line is another's.
        starts.retain(|start| *start > own);
        starts.insert(0, own);
        for (index, start) in starts.iter().enumerate() {
            let end = starts.get(index + 1).copied().unwrap_or(u32::MAX);
            if let Some(first) = here.iter().find(|it| (*start..end).contains(&it.column)) {
                put(*start, first.offset);
            }
        }
        for call in here.iter().filter(|it| it.calls) {
            if let Some(first) = here.iter().find(|it| it.column == call.column) {
                put(call.column, first.offset);
            }
        }
    }
    Ok(())
}

/// Whether a loop statement begins on a line. (Comprehensions jump back as well.)
pub(crate) fn has_loop(py: Python<'_>, file: FileId, line: u32) -> bool {
    let name = codes::file(py, file, |file| file.name.clone());
    let lines = Lines::default().of_file(py, &name);
    let text = lines.as_deref().and_then(|lines| lines.get(usize::try_from(line).ok()?.checked_sub(1)?));
    text.is_some_and(|text| {
        statements(text).into_iter().any(|start| {
            let statement = &text[start as usize..];
            ["for ", "while ", "while(", "async for "].iter().any(|word| statement.starts_with(word))
        })
    })
}

/// Where the statements of a line begin, in bytes: at its first character and behind each semicolon.
fn statements(line: &str) -> Vec<u32> {
    let mut starts = Vec::new();
    let (mut begins, mut depth, mut quote, mut escaped) = (true, 0_i32, None, false);
    for (at, next) in line.char_indices() {
        if begins && !next.is_whitespace() {
            starts.push(u32::try_from(at).unwrap_or(u32::MAX));
            begins = false;
        }
        match (quote, next) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), _) if open == next => quote = None,
            (Some(_), _) => {}
            (None, '#') => break,
            (None, '\'' | '"') => quote = Some(next),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth -= 1,
            (None, ';') if depth <= 0 => begins = true,
            (None, _) => {}
        }
    }
    starts
}

/// The instructions of a code object at which one of these lines goes on after others: a call whose arguments stand below, a
/// decorated definition that gets its name, a `with` whose block is left. A line event tells of them, too, but the line has begun
/// before.
pub(super) fn continuations(py: Python<'_>, info: &CodeInfo, lines: &[u32]) -> PyResult<Box<[u32]>> {
    // SAFETY: the code object lives as long as its record.
    let code = unsafe { Bound::from_borrowed_ptr(py, info.code) };
    let table = attribute(&code, c"co_linetable")?.cast_into::<PyBytes>()?;
    let bytes = attribute(&code, c"co_code")?.cast_into::<PyBytes>()?;
    let opcodes = opcodes(py);
    let mut found = Vec::new();
    let mut begun: Vec<u32> = Vec::new();
    let mut before = None;
    for entry in line_table::body_entries(table.as_bytes(), info.first_line, info.body) {
        let Some(line) = entry.line else { continue };
        let pieces = bytes.as_bytes().get(entry.start as usize..).unwrap_or_default();
        if begun.contains(&line) {
            // They may stand behind instructions of the same line that never run before them.
            let offsets = (entry.start..entry.end).zip(pieces).step_by(2);
            found.extend(offsets.filter(|(_, opcode)| opcodes.handles.contains(opcode)).map(|(offset, _)| offset));
        }
        if lines.contains(&line) && before != Some(line) {
            let opcodes_here = pieces.iter().step_by(2).copied();
            let resumes = pieces.first().is_some_and(|opcode| opcodes.resumes.contains(opcode));
            // The names of a call's arguments are loaded just before it.
            let mut here = opcodes_here.filter(|opcode| *opcode != 0 && !opcodes.loads.contains(opcode));
            let completes = here.next().is_some_and(|opcode| opcodes.all.contains(&opcode));
            if begun.contains(&line) && (completes || resumes) {
                found.push(entry.start);
            }
            begun.push(line);
        }
        before = Some(line);
    }
    Ok(found.into())
}

/// Instructions that complete an expression, and among them those that call something.
#[derive(Debug, Default)]
struct Opcodes {
    all: Vec<u8>,
    calls: Vec<u8>,
    /// Those that load a constant.
    loads: Vec<u8>,
    /// Not among all: those with which a line goes on that others have interrupted, and that begin none.
    resumes: Vec<u8>,
    /// Those that begin what a `with` does when its block raises.
    handles: Vec<u8>,
}

static OPCODES: OnceLock<Opcodes> = OnceLock::new();

fn opcodes(py: Python<'_>) -> &'static Opcodes {
    OPCODES.get_or_init(|| learn(py).unwrap_or_default())
}

/// Whether an instruction calls something.
pub(crate) fn is_call(py: Python<'_>, opcode: u8) -> bool {
    opcodes(py).calls.contains(&opcode)
}

/// Whether an instruction puts the value of an expression in the place of its parts.
pub(crate) fn completes(py: Python<'_>, opcode: u8) -> bool {
    opcodes(py).all.contains(&opcode)
}

fn learn(py: Python<'_>) -> PyResult<Opcodes> {
    const CALLS: [&str; 5] = ["f(1.5)", "f(None)", "f(a=1)", "f(*a)", "a.f(1)"];
    /// A `with` whose block returns a value, and definitions whose names live in each kind of place; the line that goes on.
    const RESUMED: [(&str, u32); 5] = [
        ("def g():\n with a:\n  return b", 2),
        ("@d\ndef f(): pass", 2),
        ("def g():\n @d\n def f(): pass", 3),
        ("def g():\n global f\n @d\n def f(): pass", 4),
        ("def g():\n @d\n def f(): pass\n lambda: f", 3),
    ];
    const OTHERS: [&str; 9] = ["[a,b]", "{a:b}", "{a,b}", "(a,b)", "(a+b)", "(a<b)", "(a in b)", "a[b]", "a[b:c]"];
    let mut opcodes = Opcodes::default();
    for text in CALLS.into_iter().chain(OTHERS) {
        let code = py.import("builtins")?.getattr("compile")?.call1((format!("{text}+1"), "<ikpdb>", "eval"))?;
        let table = attribute(&code, c"co_linetable")?.cast_into::<PyBytes>()?;
        let bytes = attribute(&code, c"co_code")?.cast_into::<PyBytes>()?;
        // Round brackets around an operator are not part of it.
        let length = u32::try_from(text.len()).unwrap_or(0);
        let whole = [(0, length), (1, length - 1)];
        let at = |wanted: &[(u32, u32)]| -> Vec<u8> {
            let entries = line_table::entries(table.as_bytes(), 1);
            let here = entries.filter(|entry| entry.columns.is_some_and(|it| wanted.contains(&it)));
            let pieces = here.filter_map(|entry| bytes.as_bytes().get(entry.start as usize..entry.end as usize));
            // 0 fills the room behind an instruction.
            pieces.flat_map(|it| it.iter().step_by(2).copied()).filter(|opcode| *opcode != 0).collect()
        };
        if text == CALLS[0] || text == CALLS[1] {
            opcodes.loads.extend(at(&[(2, length - 1)]).first());
        }
        let loads = &opcodes.loads;
        let completing: Vec<u8> = at(&whole).into_iter().filter(|opcode| !loads.contains(opcode)).collect();
        if CALLS.contains(&text) {
            // What is done just before the call has its place, too.
            opcodes.calls.extend(completing.last());
        }
        opcodes.all.extend(completing);
    }
    for (text, line) in RESUMED {
        opcodes.resumes.extend(resumption(py, text, line)?);
    }
    opcodes.handles.extend(resumption(py, "def g():\n with a:\n  raise b", 2)?);
    Ok(opcodes)
}

/// The instruction with which a line of a program, or of the function that it defines, goes on after others.
fn resumption(py: Python<'_>, text: &str, line: u32) -> PyResult<Option<u8>> {
    let module = py.import("builtins")?.getattr("compile")?.call1((text, "<ikpdb>", "exec"))?;
    let function = module.getattr("co_consts")?.try_iter()?.filter_map(Result::ok).find(codes::is_code);
    let code = if text.starts_with("def") { function.unwrap_or(module) } else { module };
    let table = attribute(&code, c"co_linetable")?.cast_into::<PyBytes>()?;
    let bytes = attribute(&code, c"co_code")?.cast_into::<PyBytes>()?;
    let (mut begun, mut interrupted) = (false, false);
    for entry in line_table::entries(table.as_bytes(), 1) {
        match entry.line {
            Some(at) if at == line && interrupted => return Ok(bytes.as_bytes().get(entry.start as usize).copied()),
            Some(at) if at == line => begun = true,
            Some(_) => interrupted = begun,
            None => {}
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_begin_behind_semicolons_that_are_code() {
        for (line, expected) in [
            ("x = 1", &[0][..]),
            ("  a(); b(';') ;c  # d; e", &[2, 7, 15]),
            ("", &[]),
            ("é = 'ü;'; y", &[0, 12]),
            ("f(\"\\\";\"); g", &[0, 10]),
        ] {
            assert_eq!(statements(line), expected, "{line}");
        }
    }
}
