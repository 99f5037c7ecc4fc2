//! What a logpoint prints: text with expressions in braces, `{{` and `}}` for braces themselves. As in an f-string an expression
//! may be followed by `=`, by a conversion (`!r`, `!s`, `!a`) and by a format (`:>8.2f`).

use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::expression::Expression;
use crate::engine::python_text::top_level;

/// A message is cut behind so many characters.
const LONGEST: usize = 10_000;

/// A message as the user wrote it, taken apart. Needs no interpreter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    parts: Vec<Part>,
    expressions: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    /// The value of the next expression.
    Value {
        conversion: Conversion,
        format: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Conversion {
    /// As `str` shows it.
    Plain,
    /// As `repr` does.
    Representation,
    /// As `ascii` does.
    Ascii,
}

impl Template {
    /// Takes a message apart, or says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut template = Self { parts: Vec::new(), expressions: Vec::new() };
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let brace = &rest[at..=at];
            plain.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(behind) = rest.strip_prefix(brace) {
                plain.push_str(brace);
                rest = behind;
                continue;
            }
            if brace == "}" {
                return Err("a single '}' in the log message; '}}' prints one".to_owned());
            }
            let (expression, behind) = split_expression(rest)?;
            rest = behind;
            let field = Field::parse(expression)?;
            if field.shows_itself {
                plain.push_str(&field.shown);
            }
            if !plain.is_empty() {
                template.parts.push(Part::Text(std::mem::take(&mut plain)));
            }
            template.parts.push(Part::Value { conversion: field.conversion, format: field.format });
            template.expressions.push(field.expression);
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            template.parts.push(Part::Text(plain));
        }
        Ok(template)
    }

    /// Whether it has nothing to evaluate.
    pub(super) fn is_plain(&self) -> bool {
        self.expressions.is_empty()
    }

    /// What is wrong with its expressions, if anything.
    pub(super) fn check(&self, py: Python<'_>) -> Result<(), String> {
        for text in &self.expressions {
            Expression::check(py, text)
                .map_err(|error| format!("'{text}' in the log message is not valid: {error}"))?;
        }
        Ok(())
    }
}

/// What stands in braces up to the one that ends it, and what follows.
fn split_expression(text: &str) -> Result<(&str, &str), String> {
    let mut depth = 0_u32;
    let mut quote: Option<&str> = None;
    let mut at = 0;
    while let Some(next) = text[at..].chars().next() {
        let here = &text[at..];
        at += next.len_utf8();
        if let Some(open) = quote {
            if next == '\\' {
                at += text[at..].chars().next().map_or(0, char::len_utf8);
            } else if here.starts_with(open) {
                at += open.len() - 1;
                quote = None;
            }
            continue;
        }
        match next {
            '\'' | '"' => {
                let triple = if next == '"' { "\"\"\"" } else { "'''" };
                let open = if here.starts_with(triple) { triple } else { &triple[..1] };
                at += open.len() - 1;
                quote = Some(open);
            }
            '(' | '[' | '{' => depth += 1,
            '}' if depth == 0 => return Ok((&text[..at - 1], &text[at..])),
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Err("a '{' in the log message is not closed; '{{' prints one".to_owned())
}

struct Field {
    expression: String,
    shows_itself: bool,
    /// The expression with its `=`, as it was written.
    shown: String,
    conversion: Conversion,
    format: String,
}

impl Field {
    fn parse(text: &str) -> Result<Self, String> {
        let (mut expression, mut format) = (text, None);
        if let Some(at) = at_top_level(text, |rest| rest.starts_with(':') && !rest.starts_with(":=")) {
            (expression, format) = (&text[..at], Some(&text[at + 1..]));
        }
        let mut conversion = None;
        if let Some(at) = at_top_level(expression, |rest| rest.starts_with('!') && !rest.starts_with("!=")) {
            conversion = Some(match expression[at + 1..].trim() {
                "r" => Conversion::Representation,
                "s" => Conversion::Plain,
                "a" => Conversion::Ascii,
                other => return Err(format!("'!{other}' in the log message is not one of !r, !s, !a")),
            });
            expression = &expression[..at];
        }
        let shown = expression.to_owned();
        let trimmed = expression.trim_end();
        let compares = |it: &str| it.ends_with(['=', '!', '<', '>', ':']);
        let itself = trimmed.strip_suffix('=').filter(|before| !compares(before));
        let shows_itself = itself.is_some();
        let expression = itself.unwrap_or(trimmed).trim().to_owned();
        if expression.is_empty() {
            return Err("an empty '{}' in the log message; '{{' prints a brace".to_owned());
        }
        if format.is_some_and(|format| format.contains('{')) {
            return Err("a format in the log message cannot have expressions of its own".to_owned());
        }
        let unsaid = if shows_itself && format.is_none() { Conversion::Representation } else { Conversion::Plain };
        Ok(Self {
            expression,
            shows_itself,
            shown,
            conversion: conversion.unwrap_or(unsaid),
            format: format.unwrap_or_default().to_owned(),
        })
    }
}

/// The first place outside brackets and strings where this holds for what follows.
fn at_top_level(text: &str, wanted: impl Fn(&str) -> bool) -> Option<usize> {
    top_level(text).map(|(at, _)| at).find(|at| wanted(&text[*at..]))
}

/// A message compiled for one code object.
#[derive(Debug)]
pub(super) struct LogMessage {
    template: Arc<Template>,
    /// All expressions as one tuple: the program is asked once.
    values: Option<Expression>,
}

impl LogMessage {
    /// Compiles a message that was checked.
    pub(super) fn compile(py: Python<'_>, template: &Arc<Template>, code: *mut PyObject) -> PyResult<Self> {
        let each: String = template.expressions.iter().map(|text| format!("(\n{text}\n),")).collect();
        let values = if each.is_empty() { None } else { Some(Expression::compile(py, &format!("({each})"), code)?) };
        Ok(Self { template: Arc::clone(template), values })
    }

    /// The text in the frame that the current thread runs, whose code is `code`, with an end of line.
    pub(super) fn text(&self, py: Python<'_>, code: *mut PyObject) -> PyResult<String> {
        let mut values = match &self.values {
            Some(values) => values.value(py, code.cast())?.cast_into::<PyTuple>()?.into_iter(),
            None => PyTuple::empty(py).into_iter(),
        };
        let mut text = String::new();
        for part in &self.template.parts {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Value { conversion, format } => {
                    let value = values.next().ok_or_else(|| PyValueError::new_err("a value is missing"))?;
                    push_value(py, &mut text, &value, *conversion, format)?;
                }
            }
        }
        if let Some((end, _)) = text.char_indices().nth(LONGEST) {
            text.truncate(end);
            text.push('…');
        }
        text.push('\n');
        Ok(text)
    }
}

fn push_value(
    py: Python<'_>,
    text: &mut String,
    value: &Bound<'_, PyAny>,
    conversion: Conversion,
    format: &str,
) -> PyResult<()> {
    // SAFETY: a live object; each gives a new reference or an error.
    let shown = unsafe {
        let shown = match conversion {
            Conversion::Plain if !format.is_empty() => ffi::Py_NewRef(value.as_ptr()),
            Conversion::Plain => ffi::PyObject_Str(value.as_ptr()),
            Conversion::Representation => ffi::PyObject_Repr(value.as_ptr()),
            Conversion::Ascii => ffi::PyObject_ASCII(value.as_ptr()),
        };
        Bound::from_owned_ptr_or_err(py, shown)?
    };
    let shown = if format.is_empty() { shown } else { shown.call_method1("__format__", (format,))? };
    text.push_str(&shown.cast::<pyo3::types::PyString>()?.to_string_lossy());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Part {
        Part::Text(text.to_owned())
    }

    fn value(conversion: Conversion, format: &str) -> Part {
        Part::Value { conversion, format: format.to_owned() }
    }

    fn parsed(message: &str) -> (Vec<Part>, Vec<String>) {
        let template = Template::parse(message).unwrap();
        (template.parts, template.expressions)
    }

    #[test]
    fn text_and_expressions_are_told_apart() {
        use Conversion::{Ascii, Plain, Representation};
        let plain = || value(Plain, "");
        let table: Vec<(&str, Vec<Part>, &[&str])> = vec![
            ("", vec![], &[]),
            ("hello", vec![text("hello")], &[]),
            ("x is {x}!", vec![text("x is "), plain(), text("!")], &["x"]),
            ("{a}{b}", vec![plain(), plain()], &["a", "b"]),
            ("{{x}} {x}", vec![text("{x} "), plain()], &["x"]),
            ("{d['}']} {f({1: 2})}", vec![plain(), text(" "), plain()], &["d['}']", "f({1: 2})"]),
            ("{x!r} {y!a:>5}", vec![value(Representation, ""), text(" "), value(Ascii, ">5")], &["x", "y"]),
            ("{x:.2f}", vec![value(Plain, ".2f")], &["x"]),
            ("{x=}", vec![text("x="), value(Representation, "")], &["x"]),
            ("{x = !s}", vec![text("x = "), plain()], &["x"]),
            ("{x=:.1f}", vec![text("x="), value(Plain, ".1f")], &["x"]),
            (
                "{a == b} {a != b} {(y := 3)}",
                vec![plain(), text(" "), plain(), text(" "), plain()],
                &["a == b", "a != b", "(y := 3)"],
            ),
            (
                "{a[1:2]} {(lambda: 3)()} {'a:b'}",
                vec![plain(), text(" "), plain(), text(" "), plain()],
                &["a[1:2]", "(lambda: 3)()", "'a:b'"],
            ),
            ("{'''it's'''}", vec![plain()], &["'''it's'''"]),
            ("{'\\''}", vec![plain()], &["'\\''"]),
        ];
        for (message, parts, expressions) in table {
            let expressions: Vec<String> = expressions.iter().map(|it| (*it).to_owned()).collect();
            assert_eq!(parsed(message), (parts, expressions), "{message}");
        }
    }

    #[test]
    fn what_is_no_message_says_why() {
        for (message, part) in
            [("{x", "not closed"), ("x}", "single '}'"), ("{}", "empty"), ("{x!z}", "!z"), ("{x:{y}}", "format")]
        {
            let error = Template::parse(message).unwrap_err();
            assert!(error.contains(part), "{message}: {error}");
        }
    }
}
