//! The conditions that are decided without running anything: a local compared with a number, a text, None or a truth value.
//!
//! Only values of the exact builtin types are decided here: what a subclass or `__eq__` makes of it, Python has to say.

use std::cmp::Ordering;

use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::capi::{Ref, integer};

/// A test of one local.
#[derive(Debug)]
pub(super) enum NativeCondition {
    /// `name op 3`
    Integer(Comparison, i64),
    /// `name op 2.5`
    Float(Comparison, f64),
    /// `name op 'text'`
    Text(Comparison, Ref),
    /// `name is None`, and `is not`: whether it is to be the very object.
    Is(Singleton, bool),
    /// `name`, `not name`: whether it is to be true.
    Truth(bool),
}

/// An object that there is once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Singleton {
    /// `None`
    None,
    /// `True`
    True,
    /// `False`
    False,
}

/// A comparison: the orders in which it holds, as bits (less, equal, greater, none).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Comparison {
    /// `==`
    Equal = 2,
    /// `!=`
    NotEqual = 1 | 4 | Self::NO_ORDER,
    /// `<`
    Less = 1,
    /// `<=`
    LessOrEqual = 1 | 2,
    /// `>`
    Greater = 4,
    /// `>=`
    GreaterOrEqual = 4 | 2,
}

/// The largest number up to which integers are exact as floats.
const EXACT: u64 = 1 << 53;

impl NativeCondition {
    /// Reads the text: the name of the local, and the test; `None` if it is anything else.
    pub(super) fn parse(py: Python<'_>, text: &str) -> PyResult<Option<(String, Self)>> {
        let Some((name, shape)) = Shape::parse(text) else { return Ok(None) };
        let condition = match shape {
            Shape::Integer(comparison, number) => Self::Integer(comparison, number),
            Shape::Float(comparison, number) => Self::Float(comparison, number),
            Shape::Text(comparison, text) => Self::Text(comparison, PyString::new(py, text).into_any().into()),
            Shape::Is(singleton, wanted) => Self::Is(singleton, wanted),
            Shape::Truth(wanted) => Self::Truth(wanted),
        };
        Ok(Some((name.to_owned(), condition)))
    }

    /// Whether it holds for a value; `None` if Python has to say.
    #[inline(always)]
    pub(super) fn holds(&self, value: *mut PyObject) -> Option<bool> {
        // The most frequent first, without the jump table of what follows.
        if let Self::Integer(comparison, constant) = self
            && let Some(number) = digit(value)
        {
            return Some(comparison.holds(Some(i64::from(number).cmp(constant))));
        }
        self.holds_otherwise(value)
    }

    /// What is less frequent than a positive integer of one digit that is held against one.
    #[inline(never)]
    fn holds_otherwise(&self, value: *mut PyObject) -> Option<bool> {
        match self {
            Self::Is(singleton, wanted) => Some((value == singleton.address()) == *wanted),
            Self::Truth(wanted) => Some(truth(value)? == *wanted),
            Self::Integer(comparison, constant) => match Number::of(value)? {
                Number::Float(number) if constant.unsigned_abs() <= EXACT => {
                    Some(comparison.holds(number.partial_cmp(&(*constant as f64))))
                }
                Number::Float(_) => None,
                Number::Integer(number) => Some(comparison.holds(Some(number.cmp(constant)))),
            },
            Self::Float(comparison, constant) => match Number::of(value)? {
                Number::Float(number) => Some(comparison.holds(number.partial_cmp(constant))),
                Number::Integer(number) if number.unsigned_abs() <= EXACT => {
                    Some(comparison.holds((number as f64).partial_cmp(constant)))
                }
                Number::Integer(_) => None,
            },
            Self::Text(comparison, constant) => {
                // SAFETY: live objects under the GIL; both are exact strings, whose comparison runs no code and cannot fail.
                let order = unsafe {
                    if ffi::PyUnicode_CheckExact(value) == 0 {
                        return None;
                    }
                    if value == constant.as_ptr() {
                        0
                    } else if matches!(comparison, Comparison::Equal | Comparison::NotEqual)
                        && ffi::PyUnicode_GetLength(value) != ffi::PyUnicode_GetLength(constant.as_ptr())
                    {
                        1
                    } else {
                        ffi::PyUnicode_Compare(value, constant.as_ptr())
                    }
                };
                Some(comparison.holds(Some(order.cmp(&0))))
            }
        }
    }
}

/// A value that is an exact number.
enum Number {
    Integer(i64),
    Float(f64),
}

impl Number {
    fn of(value: *mut PyObject) -> Option<Self> {
        // SAFETY: a live object of the running frame, under the GIL: its type is looked at only, and exact numbers convert without
        // running code.
        unsafe {
            if ffi::PyLong_CheckExact(value) != 0 {
                integer::value(value).map(Self::Integer)
            } else if ffi::PyFloat_CheckExact(value) != 0 {
                Some(Self::Float(ffi::PyFloat_AsDouble(value)))
            } else {
                None
            }
        }
    }
}

/// The value of an exact integer that is positive and has one digit.
#[inline(always)]
fn digit(value: *mut PyObject) -> Option<u32> {
    // SAFETY: as above.
    unsafe { if ffi::PyLong_CheckExact(value) == 0 { None } else { integer::in_place(value) } }
}

/// Whether a value of a simple type is true.
fn truth(value: *mut PyObject) -> Option<bool> {
    if value == Singleton::True.address() {
        return Some(true);
    }
    if value == Singleton::False.address() || value == Singleton::None.address() {
        return Some(false);
    }
    match Number::of(value)? {
        Number::Integer(number) => Some(number != 0),
        Number::Float(number) => Some(number != 0.0),
    }
}

impl Singleton {
    fn address(self) -> *mut PyObject {
        // SAFETY: addresses of objects that live as long as the interpreter.
        unsafe {
            match self {
                Self::None => ffi::Py_None(),
                Self::True => ffi::Py_True(),
                Self::False => ffi::Py_False(),
            }
        }
    }
}

impl Comparison {
    const NO_ORDER: u8 = 8;

    /// Whether it holds for values in this order; without one (NaN) they are not equal, and nothing else.
    fn holds(self, order: Option<Ordering>) -> bool {
        // Without a jump that depends on the comparison: where the program does a lot between two hits, the processor would have to
        // guess it anew each time.
        let order = order.map_or(Self::NO_ORDER, |order| 1 << (order as i8 + 1));
        self as u8 & order != 0
    }
}

/// What the text of a test says.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape<'a> {
    Integer(Comparison, i64),
    Float(Comparison, f64),
    Text(Comparison, &'a str),
    Is(Singleton, bool),
    Truth(bool),
}

impl<'a> Shape<'a> {
    fn parse(text: &'a str) -> Option<(&'a str, Self)> {
        let text = text.trim();
        if let Some(name) = text.strip_prefix("not ").map(str::trim).filter(|name| is_name(name)) {
            return Some((name, Self::Truth(false)));
        }
        let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        if !is_name(name) {
            return None;
        }
        if rest.is_empty() {
            return Some((name, Self::Truth(true)));
        }
        let spaced = rest.starts_with(char::is_whitespace);
        let rest = rest.trim_start();
        if spaced && rest.starts_with("is") {
            let words: Vec<&str> = rest.split_whitespace().collect();
            let (wanted, object) = match words.as_slice() {
                ["is", object] => (true, *object),
                ["is", "not", object] => (false, *object),
                _ => return None,
            };
            let singleton = match object {
                "None" => Singleton::None,
                "True" => Singleton::True,
                "False" => Singleton::False,
                _ => return None,
            };
            return Some((name, Self::Is(singleton, wanted)));
        }
        let (comparison, constant) = [
            ("==", Comparison::Equal),
            ("!=", Comparison::NotEqual),
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ]
        .into_iter()
        .find_map(|(sign, comparison)| rest.strip_prefix(sign).map(|constant| (comparison, constant.trim())))?;
        let shape = if let Some(number) = integer(constant) {
            Self::Integer(comparison, number)
        } else if let Some(number) = float(constant) {
            Self::Float(comparison, number)
        } else {
            Self::Text(comparison, literal(constant)?)
        };
        Some((name, shape))
    }
}

/// An ASCII identifier that is no word of the language.
fn is_name(text: &str) -> bool {
    const WORDS: [&str; 6] = ["None", "True", "False", "not", "lambda", "await"];
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !WORDS.contains(&text)
}

/// A plain literal such as `-2.5`, without exponent.
fn float(text: &str) -> Option<f64> {
    let (whole, fraction) = text.strip_prefix('-').unwrap_or(text).split_once('.')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (digits(whole) && digits(fraction)).then(|| text.parse().ok()).flatten()
}

/// What a string literal without prefix and escapes holds.
fn literal(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
    let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
    (!inner.contains([quote, '\\', '\n'])).then_some(inner)
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
    fn simple_tests_are_native() {
        for (text, expected) in [
            ("i == 3", ("i", Shape::Integer(Comparison::Equal, 3))),
            (" n>=-40_000 ", ("n", Shape::Integer(Comparison::GreaterOrEqual, -40000))),
            ("x < 2.5", ("x", Shape::Float(Comparison::Less, 2.5))),
            ("x==-0.0", ("x", Shape::Float(Comparison::Equal, -0.0))),
            ("name != 'it \"is\"'", ("name", Shape::Text(Comparison::NotEqual, "it \"is\""))),
            ("name==\"é\"", ("name", Shape::Text(Comparison::Equal, "é"))),
            ("x is None", ("x", Shape::Is(Singleton::None, true))),
            ("x is  not True", ("x", Shape::Is(Singleton::True, false))),
            ("done", ("done", Shape::Truth(true))),
            ("not  done", ("done", Shape::Truth(false))),
        ] {
            assert_eq!(Shape::parse(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn everything_else_is_left_to_python() {
        for text in [
            "",
            "3 == x",
            "x == y",
            "x == 1 or y",
            "x == 1e3",
            "x == .5",
            "x == 1.",
            "x == 0x10",
            "x == 007",
            "x == 1_",
            "x.y == 1",
            "x = 1",
            "x isNone",
            "x is None or y",
            "f(x) == 1",
            "x == 99999999999999999999",
            "é == 1",
            "x == --1",
            "x == b'1'",
            "x == '\\n'",
            "x == 'a' 'b'",
            "x == 'a' or y == 'b'",
            "not x.y",
            "not not x",
            "True",
            "not None",
            "x[0]",
        ] {
            assert_eq!(Shape::parse(text), None, "{text}");
        }
    }

    #[test]
    fn nan_is_unequal_and_nothing_else() {
        for comparison in [
            Comparison::Equal,
            Comparison::NotEqual,
            Comparison::Less,
            Comparison::LessOrEqual,
            Comparison::Greater,
            Comparison::GreaterOrEqual,
        ] {
            assert_eq!(comparison.holds(f64::NAN.partial_cmp(&1.0)), comparison == Comparison::NotEqual);
        }
    }
}
