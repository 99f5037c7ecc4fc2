//! Python's text, read as far as brackets and strings go.

/// The characters of an expression that stand outside brackets and strings, with their places in bytes. A bracket that opens there
/// is one of them, quotes and what closes are not.
pub(crate) fn top_level(text: &str) -> impl Iterator<Item = (usize, char)> {
    let (mut depth, mut quote, mut escaped) = (0_i32, None, false);
    text.char_indices().filter(move |(_, next)| {
        let outside = depth == 0;
        match (quote, next) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), _) if open == *next => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(*next),
            (None, '(' | '[' | '{') => {
                depth += 1;
                return outside;
            }
            (None, ')' | ']' | '}') => depth -= 1,
            (None, _) => return outside,
        }
        false
    })
}
