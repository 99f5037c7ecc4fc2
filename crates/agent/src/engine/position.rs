//! Where in its line a frame is: columns as DAP counts them, from those of the interpreter.
//!
//! CPython counts bytes of UTF-8 from 0, DAP UTF-16 code units from 1. This is the one place where that is converted.

use std::collections::HashMap;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::codes::{self, attribute};
use super::line_table::{self, Entry};

/// The lines of files that were looked at during a stop.
#[derive(Debug, Default)]
pub(crate) struct Lines(HashMap<String, Option<Arc<[String]>>>);

/// Columns and end of an expression, 1-based.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// First column.
    pub(crate) column: u32,
    /// Last line.
    pub(crate) end_line: u32,
    /// Column behind the last one.
    pub(crate) end_column: u32,
}

impl Lines {
    /// Where the instruction at `offset` of a code object stands.
    pub(crate) fn span(&mut self, code: &Bound<'_, PyAny>, file: &str, offset: i32) -> Option<Span> {
        let table = attribute(code, c"co_linetable").ok()?;
        let first: u32 = attribute(code, c"co_firstlineno").ok()?.extract().ok()?;
        let entry = line_table::locate(table.cast::<PyBytes>().ok()?.as_bytes(), first, u32::try_from(offset).ok()?)?;
        span_of(&entry, &self.of(file)?)
    }

    /// The lines of a file: as they were loaded, where that was kept, else as they are on disk.
    pub(crate) fn of_file(&mut self, py: Python<'_>, file: &str) -> Option<Arc<[String]>> {
        let loaded = codes::loaded_contents(py, &std::fs::canonicalize(file).ok()?);
        match loaded {
            Some(bytes) => Some(String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect()),
            None => self.of(file),
        }
    }

    fn of(&mut self, file: &str) -> Option<Arc<[String]>> {
        let read = || Some(std::fs::read_to_string(file).ok()?.lines().map(str::to_owned).collect());
        self.0.entry(file.to_owned()).or_insert_with(read).clone()
    }
}

fn span_of(entry: &Entry, lines: &[String]) -> Option<Span> {
    let (first, last) = entry.columns?;
    let text = |line: u32| lines.get(usize::try_from(line).ok()?.checked_sub(1)?);
    Some(Span {
        column: utf16_column(text(entry.line?)?, first),
        end_line: entry.end_line,
        end_column: utf16_column(text(entry.end_line)?, last),
    })
}

/// The 1-based UTF-16 column of a byte of a line. A byte inside a character counts as that character.
pub(crate) fn utf16_column(line: &str, byte: u32) -> u32 {
    let byte = usize::try_from(byte).unwrap_or(usize::MAX);
    let units: usize = line.char_indices().take_while(|(at, _)| *at < byte).map(|(_, c)| c.len_utf16()).sum();
    u32::try_from(units).unwrap_or(u32::MAX).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_utf16_units_from_one() {
        let line = "x = 'é漢😀' + f(y)";
        assert_eq!(utf16_column(line, 0), 1);
        assert_eq!(utf16_column(line, 4), 5);
        let at = u32::try_from(line.find("f(y)").unwrap()).unwrap();
        // One unit each for é and 漢, two for the emoji.
        assert_eq!(utf16_column(line, at), 14);
        assert_eq!(utf16_column(line, 1000), 18);
    }

    #[test]
    fn a_place_without_columns_or_text_has_no_span() {
        let entry = Entry { start: 0, end: 2, line: Some(2), end_line: 2, columns: Some((0, 1)) };
        assert_eq!(span_of(&entry, &["one".to_owned()]), None);
        assert_eq!(span_of(&Entry { columns: None, ..entry }, &["one".to_owned(), "two".to_owned()]), None);
    }
}
