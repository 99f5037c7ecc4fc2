//! Strings and bytes as literals, cut without copying the rest.

use pyo3::ffi;

use super::data::{code_points, text_length};
use super::line::{counted, grouped};
use super::native::{Any, has_flag, is_a};

/// A str as Python's `repr` would show it, at most `limit` characters of it.
pub(super) fn quoted(value: &Any<'_>, limit: usize) -> String {
    let mut quotes = Quotes::default();
    for point in code_points(value, limit) {
        quotes.see(point);
    }
    let quote = quotes.choice();
    close(opened(value, quote, limit), quote, text_length(value), limit, "character")
}

/// The begin of Python's `repr` of a str, exactly: at least `limit` characters of it, if there are so many. True if it is all.
pub(super) fn literal(value: &Any<'_>, limit: usize) -> (String, bool) {
    let length = text_length(value);
    let has = |quote: char| {
        // SAFETY: a str; the function only reads it. -1 says that there is none.
        unsafe { ffi::PyUnicode_FindChar(value.as_ptr(), u32::from(quote), 0, length.cast_signed(), 1) >= 0 }
    };
    let quote = Quotes { single: has('\''), double: has('"') }.choice();
    let mut shown = opened(value, quote, limit);
    let is_all = length <= limit;
    if is_all {
        shown.push(quote);
    }
    (shown, is_all)
}

/// The begin of a literal, without the quote that ends it.
fn opened(value: &Any<'_>, quote: char, limit: usize) -> String {
    let mut shown = String::with_capacity(text_length(value).min(limit) + 2);
    shown.push(quote);
    for point in code_points(value, limit) {
        escape(point, quote, &mut shown);
    }
    shown
}

/// Bytes, bytearray or a subclass as a literal, at most `limit` bytes of it.
pub(super) fn quoted_bytes(value: &Any<'_>, limit: usize) -> String {
    let Some((bytes, length)) = first_bytes(value, limit) else { return "b''".to_owned() };
    let mut quotes = Quotes::default();
    for byte in &bytes {
        quotes.see(u32::from(*byte));
    }
    let quote = quotes.choice();
    close(opened_bytes(&bytes, quote), quote, length, limit, "byte")
}

/// The begin of Python's `repr` of bytes or a bytearray, exactly, as [`literal`].
pub(super) fn bytes_literal(value: &Any<'_>, limit: usize) -> (String, bool) {
    let Some((bytes, length)) = first_bytes(value, usize::MAX) else { return ("b''".to_owned(), true) };
    let quote = Quotes { single: bytes.contains(&b'\''), double: bytes.contains(&b'"') }.choice();
    let mut shown = opened_bytes(&bytes[..length.min(limit)], quote);
    let is_all = length <= limit;
    if is_all {
        shown.push(quote);
    }
    (shown, is_all)
}

fn opened_bytes(bytes: &[u8], quote: char) -> String {
    let mut shown = format!("b{quote}");
    for byte in bytes {
        match byte {
            b'\n' | b'\r' | b'\t' | b'\\' | 0x20..=0x7e => escape(u32::from(*byte), quote, &mut shown),
            _ => shown.push_str(&format!("\\x{byte:02x}")),
        }
    }
    shown
}

/// A text of ours as a literal.
pub(super) fn quoted_str(text: &str) -> String {
    let mut quotes = Quotes::default();
    text.chars().for_each(|it| quotes.see(u32::from(it)));
    let quote = quotes.choice();
    let mut shown = String::from(quote);
    text.chars().for_each(|it| escape(u32::from(it), quote, &mut shown));
    shown.push(quote);
    shown
}

fn close(mut shown: String, quote: char, length: usize, limit: usize, unit: &str) -> String {
    if length > limit {
        shown.push('…');
        shown.push(quote);
        shown.push_str(&format!(" ({})", counted(length, unit)));
    } else {
        shown.push(quote);
    }
    shown
}

/// Which quotes a text contains.
#[derive(Default)]
struct Quotes {
    single: bool,
    double: bool,
}

impl Quotes {
    fn see(&mut self, point: u32) {
        self.single |= point == u32::from('\'');
        self.double |= point == u32::from('"');
    }

    fn choice(&self) -> char {
        if self.single && !self.double { '"' } else { '\'' }
    }
}

fn escape(point: u32, quote: char, shown: &mut String) {
    match char::from_u32(point) {
        Some('\n') => shown.push_str("\\n"),
        Some('\r') => shown.push_str("\\r"),
        Some('\t') => shown.push_str("\\t"),
        Some('\\') => shown.push_str("\\\\"),
        Some(it) if it == quote => shown.extend(['\\', it]),
        Some(it) if is_printable(it) => shown.push(it),
        _ if point <= 0xff => shown.push_str(&format!("\\x{point:02x}")),
        _ if point <= 0xffff => shown.push_str(&format!("\\u{point:04x}")),
        _ => shown.push_str(&format!("\\U{point:08x}")),
    }
}

/// Whether a character shows as itself. Direction marks and other invisible ones do not: a value must not be able to
/// disguise itself.
fn is_printable(character: char) -> bool {
    match character {
        ' '..='~' => true,
        '\0'..='\u{a0}' => false,
        // The standard library knows the same classes as Python; behind another character it shows combining marks.
        _ => {
            let mut buffer = [b'a', 0, 0, 0, 0];
            let end = 1 + character.encode_utf8(&mut buffer[1..]).len();
            std::str::from_utf8(&buffer[..end]).is_ok_and(|text| text.escape_debug().count() == 2)
        }
    }
}

fn first_bytes(value: &Any<'_>, limit: usize) -> Option<(Vec<u8>, usize)> {
    let object = value.as_ptr();
    // SAFETY: the functions read the fields of exactly these types, and nothing runs before the bytes are copied.
    unsafe {
        let (address, length) = if has_flag(value, ffi::Py_TPFLAGS_BYTES_SUBCLASS) {
            (ffi::PyBytes_AsString(object), ffi::PyBytes_Size(object))
        } else if is_a(value, &raw mut ffi::PyByteArray_Type) {
            (ffi::PyByteArray_AsString(object), ffi::PyByteArray_Size(object))
        } else {
            return None;
        };
        let length = usize::try_from(length).ok()?;
        if address.is_null() {
            return None;
        }
        Some((std::slice::from_raw_parts(address.cast::<u8>(), length.min(limit)).to_vec(), length))
    }
}

/// What a memoryview looks at: `<memory, 12 bytes, format 'B'>`.
pub(super) fn memory(value: &Any<'_>) -> String {
    let mut view = ffi::Py_buffer::new();
    // SAFETY: a memoryview gives itself away without asking the object below; the view is released at once.
    unsafe {
        if ffi::PyObject_GetBuffer(value.as_ptr(), &raw mut view, ffi::PyBUF_FULL_RO) != 0 {
            ffi::PyErr_Clear();
            return "<memory, released>".to_owned();
        }
        let length = usize::try_from(view.len).unwrap_or(0);
        let format = if view.format.is_null() {
            "B".to_owned()
        } else {
            std::ffi::CStr::from_ptr(view.format).to_string_lossy().chars().take(20).collect()
        };
        let shape = if view.ndim > 1 && !view.shape.is_null() {
            let sizes = std::slice::from_raw_parts(view.shape, usize::try_from(view.ndim).unwrap_or(0));
            let sizes: Vec<_> = sizes.iter().map(|it| grouped(it.unsigned_abs())).collect();
            format!(", {}", sizes.join(" × "))
        } else {
            String::new()
        };
        ffi::PyBuffer_Release(&raw mut view);
        format!("<memory, {}, format '{format}'{shape}>", counted(length, "byte"))
    }
}
