//! What values of a step stand for, and whether an answer fits a pattern.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::Fault;
use crate::spec::File;

/// What the words of a step stand for.
#[derive(Debug)]
pub(crate) struct Names<'a> {
    pub(crate) files: &'a [File],
    /// The program's folder.
    pub(crate) folder: &'a str,
    pub(crate) bound: BTreeMap<String, Value>,
}

impl Names<'_> {
    /// A value with its words replaced: `@marker` by the line that carries `# BP:marker`, `@marker:text` by the 1-based
    /// UTF-16 column of a text in it, `./file` by a path, `$name` by what was bound.
    pub(crate) fn fill(&self, value: &Value) -> Result<Value, Fault> {
        Ok(match value {
            Value::String(text) => match text.split_at_checked(1) {
                Some(("@", place)) => match place.split_once(':') {
                    Some((marker, text)) => self.column(marker, text)?.into(),
                    None => self.line(place)?.1.into(),
                },
                Some(("$", name)) => {
                    self.bound.get(name).cloned().ok_or_else(|| Fault(format!("nothing is bound to ${name}")))?
                }
                _ => text.strip_prefix("./").map_or(value.clone(), |file| format!("{}/{file}", self.folder).into()),
            },
            Value::Array(items) => Value::Array(items.iter().map(|it| self.fill(it)).collect::<Result<_, _>>()?),
            Value::Object(fields) => {
                let filled = fields.iter().map(|(name, value)| Ok((name.clone(), self.fill(value)?)));
                Value::Object(filled.collect::<Result<_, Fault>>()?)
            }
            _ => value.clone(),
        })
    }

    /// File and line of a marker.
    pub(crate) fn line(&self, marker: &str) -> Result<(&str, u64), Fault> {
        let wanted = format!("# BP:{marker}");
        let carries = |line: &str| {
            let goes_on = |rest: &str| rest.starts_with(|next: char| next.is_alphanumeric() || "_-".contains(next));
            line.find(&wanted).is_some_and(|at| !goes_on(&line[at + wanted.len()..]))
        };
        let mut found = self.files.iter().flat_map(|file| {
            let lines = file.text.lines().zip(1..);
            lines.filter(|(line, _)| carries(line)).map(|(_, number)| (file.name.as_str(), number))
        });
        match (found.next(), found.next()) {
            (Some(place), None) => Ok(place),
            (None, _) => Err(Fault(format!("no line is marked '{wanted}'"))),
            _ => Err(Fault(format!("several lines are marked '{wanted}'"))),
        }
    }

    fn column(&self, marker: &str, text: &str) -> Result<u64, Fault> {
        let (name, number) = self.line(marker)?;
        let file = self.files.iter().find(|file| file.name == name);
        let index = usize::try_from(number - 1).unwrap_or(usize::MAX);
        let line = file.and_then(|file| file.text.lines().nth(index)).unwrap_or_default();
        let at = line.find(text).ok_or_else(|| Fault(format!("'{text}' is not in the line {number}")))?;
        Ok(line[..at].encode_utf16().count() as u64 + 1)
    }

    /// Whether a value fits. In a pattern an object asks for its fields only, `"*"` for anything, `"~text"` for a text that
    /// has this in it, `"?name"` binds, and `null` asks that there be nothing.
    pub(crate) fn fit(&mut self, pattern: &Value, value: &Value) -> Result<(), Fault> {
        let differs = |pattern: &Value| Err(Fault(format!("{value} does not fit {pattern}")));
        match pattern {
            Value::String(text) => match text.split_at_checked(1) {
                Some(("*", "")) if !value.is_null() => Ok(()),
                Some(("~", part)) if value.as_str().is_some_and(|it| it.contains(part)) => Ok(()),
                Some(("?", name)) if !value.is_null() => {
                    self.bound.insert(name.to_owned(), value.clone());
                    Ok(())
                }
                Some(("@" | "." | "$", _)) => {
                    let filled = self.fill(pattern)?;
                    if filled == *value { Ok(()) } else { differs(&filled) }
                }
                _ if pattern == value => Ok(()),
                _ => differs(pattern),
            },
            Value::Array(items) => match value.as_array() {
                Some(values) if values.len() == items.len() => {
                    items.iter().zip(values).try_for_each(|(item, value)| self.fit(item, value))
                }
                _ => differs(pattern),
            },
            Value::Object(fields) => fields.iter().try_for_each(|(name, field)| {
                let fault = |fault| Fault(format!("{name}: {fault}"));
                self.fit(field, &value[name]).map_err(fault)
            }),
            _ if pattern == value => Ok(()),
            _ => differs(pattern),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names(files: &[File]) -> Names<'_> {
        Names { files, folder: "/p", bound: BTreeMap::from([("id".to_owned(), json!(7))]) }
    }

    fn file() -> Vec<File> {
        vec![File { name: "a.py".into(), text: "x = 1\ny = '😀', f(2)  # BP:two\nz  # BP:two-b\n".into() }]
    }

    #[test]
    fn words_stand_for_lines_columns_files_and_what_was_bound() {
        let files = file();
        let names = names(&files);
        let filled =
            names.fill(&json!({"line": "@two", "column": "@two:f(", "path": "./a.py", "id": ["$id"]})).unwrap();
        assert_eq!(filled, json!({"line": 2, "column": 11, "path": "/p/a.py", "id": [7]}));
        for wrong in ["@three", "$nobody", "@two:q"] {
            assert!(names.fill(&json!(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_pattern_asks_for_what_it_names_and_no_more() {
        let files = file();
        let mut names = names(&files);
        let value = json!({"line": 2, "list": [{"id": 9, "text": "it moved"}], "more": 1});
        for good in [
            json!({}),
            json!({"line": "@two", "list": [{"id": "?new", "text": "~moved"}]}),
            json!({"list": "*", "nothing": null}),
        ] {
            names.fit(&good, &value).unwrap();
        }
        assert_eq!(names.bound["new"], 9);
        for bad in [json!({"list": []}), json!({"line": 3}), json!({"gone": "*"}), json!({"list": [{"text": "~x"}]})] {
            assert!(names.fit(&bad, &value).is_err(), "{bad}");
        }
    }
}
