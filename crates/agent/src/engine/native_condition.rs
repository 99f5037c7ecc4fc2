//! The conditions that are decided without Python: `name op integer`, `name is None`, `name is not None`.

use std::ffi::c_int;

use pyo3::ffi::{self, PyObject};

/// A comparison of a local with a constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NativeCondition {
    /// With an integer.
    Integer(Comparison, i64),
    /// Is it None?
    IsNone(bool),
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl NativeCondition {
    /// Reads the text; `None` if it is anything else.
    pub(crate) fn parse(text: &str) -> Option<(String, Self)> {
        let text = text.trim();
        let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let spaced = rest.starts_with(char::is_whitespace);
        let rest = rest.trim_start();
        let condition = if spaced && rest.starts_with("is") {
            match rest.split_whitespace().collect::<Vec<_>>().as_slice() {
                ["is", "None"] => Self::IsNone(true),
                ["is", "not", "None"] => Self::IsNone(false),
                _ => return None,
            }
        } else {
            let (comparison, number) = [
                ("==", Comparison::Equal),
                ("!=", Comparison::NotEqual),
                ("<=", Comparison::LessOrEqual),
                (">=", Comparison::GreaterOrEqual),
                ("<", Comparison::Less),
                (">", Comparison::Greater),
            ]
            .into_iter()
            .find_map(|(sign, comparison)| rest.strip_prefix(sign).map(|number| (comparison, number)))?;
            Self::Integer(comparison, integer(number.trim())?)
        };
        Some((name.to_owned(), condition))
    }

    /// Whether it holds for a value; `None` if Python has to say.
    pub(crate) fn holds(self, value: *mut PyObject) -> Option<bool> {
        match self {
            Self::IsNone(wanted) => {
                // SAFETY: the address of an immortal object.
                Some((value == unsafe { ffi::Py_None() }) == wanted)
            }
            Self::Integer(comparison, constant) => {
                // SAFETY: a live object of the running frame, under the GIL; `PyLong_CheckExact` looks at its type only,
                // and an exact int converts without running code.
                let number = unsafe {
                    if ffi::PyLong_CheckExact(value) == 0 {
                        return None;
                    }
                    let mut overflow: c_int = 0;
                    let number = ffi::PyLong_AsLongLongAndOverflow(value, &raw mut overflow);
                    if overflow != 0 {
                        return None;
                    }
                    number
                };
                Some(comparison.holds(number, constant))
            }
        }
    }
}

impl Comparison {
    fn holds(self, left: i64, right: i64) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
        }
    }
}

/// A decimal literal as Python reads it: no leading zeros, underscores between digits.
fn integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
        && digits.starts_with(|c: char| c.is_ascii_digit())
        && !digits.ends_with('_')
        && !digits.contains("__")
        && (digits == "0" || !digits.starts_with('0'));
    plain.then(|| text.replace('_', "").parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simple_comparisons_are_native() {
        let parsed = |text| NativeCondition::parse(text);
        assert_eq!(parsed("i == 3"), Some(("i".into(), NativeCondition::Integer(Comparison::Equal, 3))));
        assert_eq!(
            parsed(" n>=-40_000 "),
            Some(("n".into(), NativeCondition::Integer(Comparison::GreaterOrEqual, -40000)))
        );
        assert_eq!(parsed("x is None"), Some(("x".into(), NativeCondition::IsNone(true))));
        assert_eq!(parsed("x is  not None"), Some(("x".into(), NativeCondition::IsNone(false))));
    }

    #[test]
    fn everything_else_is_left_to_python() {
        for text in [
            "",
            "x",
            "3 == x",
            "x == y",
            "x == 1 or y",
            "x == 1.0",
            "x == 0x10",
            "x == 007",
            "x == 1_",
            "x.y == 1",
            "x = 1",
            "isNone",
            "x isNone",
            "x is None or y",
            "f(x) == 1",
            "x == 99999999999999999999",
            "é == 1",
            "x == --1",
            "not x",
        ] {
            assert_eq!(NativeCondition::parse(text), None, "{text}");
        }
    }
}
