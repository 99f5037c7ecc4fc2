//! Tells from a syntax error that the file was written for Python 2.

use crate::inspect::SyntaxError;

/// What the user is told.
pub(crate) const HINT: &str = "this looks like Python 2 code; IKPdb debugs CPython 3.11 and newer";

/// Messages that only Python 2 code is likely to lead to, by how they begin.
const MESSAGES: [&str; 7] = [
    "Missing parentheses in call to 'print'",
    "Missing parentheses in call to 'exec'",
    "leading zeros in decimal integer literals are not permitted",
    "Function parameters cannot be parenthesized",
    "Lambda expression parameters cannot be parenthesized",
    "'u' and 'r' prefixes are incompatible",
    "invalid syntax.  Maybe you meant '!=' instead of '<>'",
];

/// Whether the error is about something that Python 2 had.
pub(crate) fn looks_like_it(error: &SyntaxError) -> bool {
    if MESSAGES.iter().any(|it| error.message.starts_with(it)) {
        return true;
    }
    let Some(line) = &error.text else { return false };
    // The error's place splits the line: what is before it was understood.
    let split = line.char_indices().nth(error.column.saturating_sub(1)).map_or(line.len(), |it| it.0);
    let (before, after) = line.split_at(split);
    let (statement, after) = (before.trim_start(), after.trim_start());
    match error.message.as_str() {
        "invalid syntax" => {
            after.starts_with('`')
                || after.starts_with("<>")
                || after.starts_with(',') && statement.starts_with("raise ")
                || after.starts_with(['\'', '"']) && ends_with_word(before, "ur")
        }
        // A name behind the comma, and no `as`: two types would go without parentheses, too, but hardly so.
        "multiple exception types must be parenthesized" => !line.contains(" as "),
        "invalid decimal literal" | "invalid hexadecimal literal" | "invalid octal literal" => {
            let digits = after.trim_start_matches(|it: char| it.is_ascii_hexdigit());
            let rest = digits.strip_prefix(['l', 'L']);
            digits.len() < after.len() && rest.is_some_and(|rest| !rest.starts_with(|it: char| it.is_alphanumeric()))
        }
        _ => false,
    }
}

/// Whether a text ends with this word in any case, and not with a longer one.
fn ends_with_word(text: &str, word: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    lower.strip_suffix(word).is_some_and(|rest| !rest.ends_with(|it: char| it == '_' || it.is_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(message: &str, text: &str, column: usize) -> SyntaxError {
        SyntaxError { message: message.into(), path: None, line: 1, text: Some(text.into()), column }
    }

    #[test]
    fn what_python_2_had_is_known_by_its_error() {
        for (message, text, column) in [
            ("Missing parentheses in call to 'print'. Did you mean print(...)?", "print \"x\"\n", 1),
            ("Missing parentheses in call to 'exec'. Did you mean exec(...)?", "exec \"x\"\n", 1),
            ("invalid syntax", "x = `1`\n", 5),
            ("multiple exception types must be parenthesized", "except A, e:\n", 8),
            ("invalid syntax", "    raise A, \"x\"\n", 12),
            ("invalid syntax", "1 <> 2\n", 3),
            ("invalid syntax.  Maybe you meant '!=' instead of '<>'?", "1 <> 2\n", 3),
            (
                "leading zeros in decimal integer literals are not permitted; use an 0o prefix for octal integers",
                "x = 0777",
                5,
            ),
            ("invalid syntax", "x = ur\"a\"\n", 7),
            ("'u' and 'r' prefixes are incompatible", "x = ur\"a\"\n", 5),
            ("invalid decimal literal", "x = 10L", 6),
            ("invalid hexadecimal literal", "x=0xFFL", 6),
            ("Function parameters cannot be parenthesized", "def f((a, b)): pass\n", 7),
        ] {
            assert!(looks_like_it(&error(message, text, column)), "{message}: {text}");
        }
    }

    #[test]
    fn other_mistakes_are_not_taken_for_it() {
        for (message, text, column) in [
            ("invalid syntax", "x = = 1\n", 5),
            ("invalid syntax", "f(a, , b)\n", 6),
            ("invalid syntax", "our\"a\"\n", 4),
            ("invalid syntax", "x = y \"a\"\n", 7),
            ("invalid decimal literal", "x = 1abc", 5),
            ("invalid decimal literal", "x = 10Least", 6),
            ("multiple exception types must be parenthesized", "except A, B as e:\n", 8),
            ("multiple exception types must be parenthesized when using 'as'", "except A, B as e:\n", 8),
            ("'(' was never closed", "print(1\n", 6),
            ("invalid syntax", "é\n", 99),
            ("expected ':'", "if x\n", 5),
        ] {
            assert!(!looks_like_it(&error(message, text, column)), "{message}: {text}");
        }
        assert!(!looks_like_it(&SyntaxError { text: None, ..error("invalid syntax", "", 0) }));
    }
}
