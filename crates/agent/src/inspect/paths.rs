//! Expressions that lead to a child, where there is one.

use pyo3::ffi;
use pyo3::prelude::*;

use super::data::{text_length, tuple_items, tuple_size};
use super::native::{Any, is_exactly};
use super::render_number::{float, int};
use super::render_text::{quoted, quoted_bytes};

/// The longest string that is written into an expression.
const TEXT: usize = 200;
/// The most items of a tuple that is.
const ITEMS: usize = 5;

/// Names that look like identifiers and are none.
const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
    "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal",
    "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

/// Whether a name can stand in an expression.
pub(super) fn is_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|it| it == '_' || it.is_alphabetic())
        && characters.all(|it| it == '_' || it.is_alphanumeric())
        && !KEYWORDS.contains(&name)
}

/// What the user typed, so that `.name` or `[index]` can follow it.
pub(super) fn operand(expression: &str) -> String {
    let expression = expression.trim();
    if expression.split('.').all(is_name) {
        return expression.to_owned();
    }
    // A comment would swallow the bracket.
    if expression.contains('#') { format!("({expression}\n)") } else { format!("({expression})") }
}

/// `path.name`.
pub(super) fn attribute(path: Option<&str>, name: &str) -> Option<String> {
    path.filter(|_| is_name(name)).map(|path| format!("{path}.{name}"))
}

/// `path[3]`.
pub(super) fn index(path: Option<&str>, index: usize) -> Option<String> {
    path.map(|path| format!("{path}[{index}]"))
}

/// `path['key']`, if the key can be written down.
pub(super) fn entry(path: Option<&str>, key: &Any<'_>) -> Option<String> {
    let path = path?;
    Some(format!("{path}[{}]", literal(key, 2)?))
}

/// A literal that is equal to `value`, if it is a short one of a simple type.
fn literal(value: &Any<'_>, depth: usize) -> Option<String> {
    if value.is_none() {
        return Some("None".to_owned());
    }
    let is = |class| is_exactly(value, class);
    if is(&raw mut ffi::PyUnicode_Type) {
        (text_length(value) <= TEXT).then(|| quoted(value, TEXT))
    } else if is(&raw mut ffi::PyLong_Type) {
        Some(int(value)).filter(|it| !it.starts_with("int"))
    } else if is(&raw mut ffi::PyBool_Type) {
        Some(if int(value) == "1" { "True" } else { "False" }.to_owned())
    } else if is(&raw mut ffi::PyFloat_Type) {
        Some(float(value)).filter(|it| it.parse::<f64>().is_ok_and(f64::is_finite))
    } else if is(&raw mut ffi::PyBytes_Type) {
        Some(quoted_bytes(value, TEXT)).filter(|it| !it.contains('…') && !it.ends_with(')'))
    } else if is(&raw mut ffi::PyTuple_Type) && depth > 0 && tuple_size(value) <= ITEMS {
        let items: Option<Vec<_>> = tuple_items(value).map(|it| literal(&it, depth - 1)).collect();
        let items = items?;
        Some(if items.len() == 1 { format!("({},)", items[0]) } else { format!("({})", items.join(", ")) })
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_identifiers_that_are_no_keywords_are_names() {
        assert!(is_name("_a1"));
        assert!(is_name("größe"));
        assert!(!is_name("1a"));
        assert!(!is_name("class"));
        assert!(!is_name(".0"));
        assert!(!is_name(""));
    }

    #[test]
    fn a_compound_expression_is_bracketed_before_something_follows_it() {
        assert_eq!(operand("a.b"), "a.b");
        assert_eq!(operand("a + b"), "(a + b)");
        assert_eq!(operand("a # x"), "(a # x\n)");
        assert_eq!(attribute(Some("(a + b)"), "real").as_deref(), Some("(a + b).real"));
        assert_eq!(attribute(Some("a"), "class"), None);
        assert_eq!(index(None, 0), None);
    }
}
