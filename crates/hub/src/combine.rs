//! Wishes on one line become one breakpoint of the backend that stops if any of them would.

use std::collections::BTreeMap;

use ikpdb_proto::WishId;
use ikpdb_proto::client::Wish;
use ikpdb_proto::dap::SourceBreakpoint;

/// A breakpoint to be set, and the wishes that it stands for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    /// What the backend is told.
    pub(crate) breakpoint: SourceBreakpoint,
    /// Whose it is, in the order of the list.
    pub(crate) wishes: Vec<WishId>,
}

/// What one source needs, by line. Wishes are enabled ones of that source.
pub(crate) fn combine<'a>(wishes: impl Iterator<Item = &'a Wish>) -> Vec<Entry> {
    let mut lines: BTreeMap<u32, Vec<&Wish>> = BTreeMap::new();
    for wish in wishes {
        lines.entry(wish.line).or_default().push(wish);
    }
    lines.into_values().flat_map(|on_line| combine_line(&on_line)).collect()
}

fn combine_line(wishes: &[&Wish]) -> Vec<Entry> {
    let (logs, stops): (Vec<&Wish>, Vec<&Wish>) = wishes.iter().partition(|wish| wish.log_message.is_some());
    let mut entries = Vec::new();
    if stops.iter().any(|wish| wish.condition.is_none() && wish.hit_condition.is_none()) {
        // It stops every time: the conditions of the others add nothing.
        entries.push(entry(SourceBreakpoint { line: stops[0].line, ..Default::default() }, &stops));
    } else {
        let (counted, plain): (Vec<&Wish>, Vec<&Wish>) = stops.iter().partition(|wish| wish.hit_condition.is_some());
        if let Some(first) = plain.first() {
            let condition = any_of(&plain);
            entries.push(entry(SourceBreakpoint { line: first.line, condition, ..Default::default() }, &plain));
        }
        entries.extend(equal_together(&counted));
    }
    // A logpoint does not stop, so it can never be part of one that does.
    entries.extend(equal_together(&logs));
    entries
}

/// One expression for several conditions. Each stands on lines of its own in brackets, so that a comment ends with it.
fn any_of(wishes: &[&Wish]) -> Option<String> {
    let mut conditions: Vec<&str> = Vec::new();
    for condition in wishes.iter().filter_map(|wish| wish.condition.as_deref()) {
        if !conditions.contains(&condition) {
            conditions.push(condition);
        }
    }
    match conditions[..] {
        [] => None,
        [only] => Some(only.to_owned()),
        _ => Some(conditions.iter().map(|it| format!("({it}\n)")).collect::<Vec<_>>().join(" or ")),
    }
}

/// Hits are counted and messages logged for each differing wish apart.
fn equal_together(wishes: &[&Wish]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for wish in wishes {
        let breakpoint = SourceBreakpoint {
            line: wish.line,
            column: None,
            condition: wish.condition.clone(),
            hit_condition: wish.hit_condition.clone(),
            log_message: wish.log_message.clone(),
        };
        match entries.iter_mut().find(|it| it.breakpoint == breakpoint) {
            Some(equal) => equal.wishes.push(wish.id),
            None => entries.push(Entry { breakpoint, wishes: vec![wish.id] }),
        }
    }
    entries
}

fn entry(breakpoint: SourceBreakpoint, wishes: &[&Wish]) -> Entry {
    Entry { breakpoint, wishes: wishes.iter().map(|wish| wish.id).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (condition, hit condition, log message)
    type Row<'a> = (&'a str, &'a str, &'a str);

    fn text(text: &str) -> Option<String> {
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn combined(rows: &[Row]) -> Vec<(String, String, String, Vec<u32>)> {
        let wishes: Vec<Wish> = rows
            .iter()
            .zip(1..)
            .map(|(row, id)| Wish {
                id: WishId(id),
                path: "/a.py".into(),
                line: 5,
                enabled: true,
                condition: text(row.0),
                hit_condition: text(row.1),
                log_message: text(row.2),
                text: None,
                owner: None,
                placed: BTreeMap::new(),
            })
            .collect();
        combine(wishes.iter())
            .into_iter()
            .map(|it| {
                let breakpoint = it.breakpoint;
                (
                    breakpoint.condition.unwrap_or_default(),
                    breakpoint.hit_condition.unwrap_or_default(),
                    breakpoint.log_message.unwrap_or_default(),
                    it.wishes.into_iter().map(|id| id.0).collect(),
                )
            })
            .collect()
    }

    #[test]
    fn wishes_on_one_line_stop_if_any_of_them_would() {
        type Expected<'a> = (&'a str, &'a str, &'a str, &'a [u32]);
        let table: &[(&[Row], &[Expected])] = &[
            (&[("", "", "")], &[("", "", "", &[1])]),
            (&[("", "", ""), ("", "", "")], &[("", "", "", &[1, 2])]),
            (&[("a", "", ""), ("a", "", "")], &[("a", "", "", &[1, 2])]),
            (&[("a", "", ""), ("b", "", "")], &[("(a\n) or (b\n)", "", "", &[1, 2])]),
            (&[("a # why", "", ""), ("b", "", ""), ("b", "", "")], &[("(a # why\n) or (b\n)", "", "", &[1, 2, 3])]),
            (&[("a", "", ""), ("", "", ""), ("", ">3", "")], &[("", "", "", &[1, 2, 3])]),
            (&[("a", "", ""), ("", ">3", ""), ("", ">3", "")], &[("a", "", "", &[1]), ("", ">3", "", &[2, 3])]),
            (&[("", "", "hi"), ("", "", "")], &[("", "", "", &[2]), ("", "", "hi", &[1])]),
            (&[("", "", "hi"), ("", "", "ho"), ("", "", "hi")], &[("", "", "hi", &[1, 3]), ("", "", "ho", &[2])]),
        ];
        for (rows, expected) in table {
            let expected: Vec<_> =
                expected.iter().map(|it| (it.0.to_owned(), it.1.to_owned(), it.2.to_owned(), it.3.to_vec())).collect();
            assert_eq!(combined(rows), expected, "{rows:?}");
        }
    }
}
