//! Python's way to write bytes, `b'…'`, in which the recorder kept what it sent.

/// The bytes of such a literal.
pub(super) fn parse(literal: &str) -> Option<Vec<u8>> {
    let quoted = literal.strip_prefix('b')?;
    let quote = quoted.chars().next().filter(|it| ['\'', '"'].contains(it))?;
    let mut rest = quoted.strip_prefix(quote)?.strip_suffix(quote)?;
    let mut bytes = Vec::new();
    while let Some(next) = rest.chars().next() {
        rest = &rest[next.len_utf8()..];
        if next != '\\' {
            bytes.push(u8::try_from(next).ok().filter(u8::is_ascii)?);
            continue;
        }
        let escaped = rest.chars().next()?;
        rest = &rest[escaped.len_utf8()..];
        bytes.push(match escaped {
            'n' => b'\n',
            'r' => b'\r',
            't' => b'\t',
            '\\' | '\'' | '"' => escaped as u8,
            'x' => {
                let byte = u8::from_str_radix(rest.get(..2)?, 16).ok()?;
                rest = &rest[2..];
                byte
            }
            _ => return None,
        });
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_those_of_python() {
        assert_eq!(parse(r#"b'a\xc3\xa9\r\n\t\\\'"'"#).unwrap(), b"a\xc3\xa9\r\n\t\\'\"");
        assert_eq!(parse(r#"b"it's""#).unwrap(), b"it's");
        for wrong in ["'a'", "b'a", r"b'\x1'", r"b'\q'", "b'é'"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
