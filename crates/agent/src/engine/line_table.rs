//! Decodes `co_linetable` (3.11+): which lines of a code object can be stopped at, and where an instruction stands.

/// One run of instructions with one location.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// First instruction, in bytes from the start of the code.
    pub(crate) start: u32,
    /// Behind its last instruction, in bytes.
    pub(crate) end: u32,
    /// Line, if it has one.
    pub(crate) line: Option<u32>,
    /// Last line.
    pub(crate) end_line: u32,
    /// Columns in bytes of UTF-8 from 0, if known: first, behind the last.
    pub(crate) columns: Option<(u32, u32)>,
}

/// The entries of a table, in the order of the code. Damaged tables end early.
pub(crate) fn entries(table: &[u8], first_line: u32) -> impl Iterator<Item = Entry> + '_ {
    let mut reader = Reader { bytes: table, at: 0 };
    let mut line = i64::from(first_line);
    let mut offset = 0;
    std::iter::from_fn(move || {
        let head = reader.byte()?;
        let start = offset;
        offset += (u32::from(head & 7) + 1) * 2;
        let mut end_line_delta = 0;
        let columns = match (head >> 3) & 15 {
            15 => {
                return Some(Entry { start, end: offset, line: None, end_line: 0, columns: None });
            }
            14 => {
                line += reader.signed()?;
                end_line_delta = reader.unsigned()?;
                let first = reader.unsigned()?;
                let last = reader.unsigned()?;
                (first > 0 && last > 0).then(|| (first - 1, last - 1))
            }
            13 => {
                line += reader.signed()?;
                None
            }
            code @ 10..=12 => {
                line += i64::from(code - 10);
                Some((u32::from(reader.byte()?), u32::from(reader.byte()?)))
            }
            code => {
                let low = reader.byte()?;
                let first = u32::from(code << 3) | u32::from(low >> 4);
                Some((first, first + u32::from(low & 15)))
            }
        };
        let start_line = u32::try_from(line).unwrap_or(0);
        Some(Entry { start, end: offset, line: Some(start_line), end_line: start_line + end_line_delta, columns })
    })
}

/// The lines at which a line event can come, sorted, each once.
///
/// A function begins with instructions that stand on its `def` line and give no event; they end with the first one that
/// has the columns (0, 0) there. If code of the body stands on that line too, the line counts.
pub(crate) fn executable_lines(table: &[u8], first_line: u32, body: Body) -> Vec<u32> {
    let entries = body_entries(table, first_line, body);
    let mut lines: Vec<u32> = entries.filter_map(|entry| entry.line).filter(|line| *line > 0).collect();
    lines.sort_unstable();
    lines.dedup();
    lines
}

/// What a code object is the body of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// A module, or what `exec` is given.
    Module,
    /// A class: its own line, in its first and last instructions, belongs to the code around it.
    Class,
    /// A function, lambda, comprehension.
    Function,
}

/// The entries behind those with which a function begins.
///
/// Of code without any columns (`-X no_debug_ranges`) it is taken to begin with all that stands on its first line, unless it has
/// no other; a class has nothing of its own there.
pub(crate) fn body_entries(table: &[u8], first_line: u32, body: Body) -> impl Iterator<Item = Entry> + '_ {
    let has_columns = entries(table, first_line).any(|entry| entry.columns.is_some());
    let is_elsewhere = move |entry: Entry| entry.line.is_some_and(|line| line != first_line);
    let first_line_is_all = !has_columns && !entries(table, first_line).any(is_elsewhere);
    let mut in_prologue = body == Body::Function;
    entries(table, first_line).filter(move |entry| {
        let on_first = entry.line == Some(first_line);
        let is_start = on_first && (!has_columns || entry.columns == Some((0, 0)));
        if !in_prologue {
            return body != Body::Class || !is_start;
        }
        if has_columns || first_line_is_all {
            in_prologue = !is_start;
            return false;
        }
        in_prologue = !is_elsewhere(*entry);
        !in_prologue
    })
}

/// First and last lines of what is written over several lines: calls, literals, definitions.
pub(crate) fn spans(table: &[u8], first_line: u32) -> Vec<(u32, u32)> {
    let several =
        |entry: Entry| entry.line.filter(|line| *line > 0 && entry.end_line > *line).map(|it| (it, entry.end_line));
    let mut spans: Vec<(u32, u32)> = entries(table, first_line).filter_map(several).collect();
    spans.sort_unstable();
    spans.dedup();
    spans
}

/// The entry that covers an instruction.
pub(crate) fn locate(table: &[u8], first_line: u32, offset: u32) -> Option<Entry> {
    entries(table, first_line).find(|entry| entry.start <= offset && offset < entry.end)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let byte = self.bytes.get(self.at).copied();
        self.at += 1;
        byte
    }

    fn unsigned(&mut self) -> Option<u32> {
        let mut value = 0u32;
        let mut shift = 0;
        loop {
            let byte = self.byte()?;
            value |= u32::from(byte & 63).checked_shl(shift)?;
            if byte & 64 == 0 {
                return Some(value);
            }
            shift += 6;
        }
    }

    fn signed(&mut self) -> Option<i64> {
        let value = i64::from(self.unsigned()?);
        Some(if value & 1 == 1 { -(value >> 1) } else { value >> 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `def g(x):` on line 4, `y = x` on line 5, `return y` on line 8, as CPython 3.13.0 compiles it.
    const TABLE: &[u8] = &[0x80, 0x00, 0xd8, 8, 9, 0x80, 0x41, 0xf0, 6, 0, 12, 13];

    #[test]
    fn the_def_line_of_a_function_is_not_executable() {
        let table: &[u8] = &[0x80, 0x00, 0xd8, 8, 9, 0xe0, 11, 12];
        assert_eq!(executable_lines(table, 4, Body::Function), [5, 7]);
        assert_eq!(executable_lines(table, 4, Body::Module), [4, 5, 7]);
    }

    #[test]
    fn a_body_on_the_def_line_makes_it_executable() {
        // Prologue, then an instruction on the same line with columns of its own.
        assert_eq!(executable_lines(&[0x80, 0x00, 0xd0, 17, 18], 3, Body::Function), [3]);
        // An empty body compiled without columns of its own (3.11).
        assert_eq!(executable_lines(&[0x80, 0x00, 0x80, 0x00], 30, Body::Function), [30]);
    }

    #[test]
    fn code_without_columns_has_its_lines() {
        // As CPython 3.12.1 and 3.11.7 compile with `-X no_debug_ranges`: `def` on line 2, the body below or on the same line.
        let below: &[u8] = &[0xf8, 0xe8, 0, 0xec, 2, 0xe8, 4, 0xe8, 0];
        assert_eq!(executable_lines(below, 2, Body::Function), [3, 5]);
        let generator: &[u8] = &[0xe8, 0, 0xe8, 0, 0xe8, 0, 0xe8, 2, 0xe8, 0];
        assert_eq!(executable_lines(generator, 7, Body::Function), [8]);
        assert_eq!(executable_lines(&[0xe8, 0, 0xe8, 0, 0xe8, 0], 6, Body::Function), [6]);
        assert_eq!(executable_lines(&[0xe8, 0, 0xe8, 0, 0xe8, 2, 0xe8, 1], 6, Body::Class), [7]);
    }

    #[test]
    fn a_damaged_table_gives_what_was_readable() {
        for end in 0..TABLE.len() {
            let _ = executable_lines(&TABLE[..end], 4, Body::Function);
        }
        assert_eq!(
            executable_lines(&[0xf0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 1, Body::Module),
            Vec::<u32>::new()
        );
    }

    #[test]
    fn an_instruction_is_found_with_its_columns() {
        let entry = locate(&[0x80, 0x00, 0xd9, 8, 12], 4, 4).unwrap();
        assert_eq!((entry.line, entry.columns), (Some(5), Some((8, 12))));
        assert_eq!(locate(&[0x80, 0x00], 4, 40), None);
    }
}
