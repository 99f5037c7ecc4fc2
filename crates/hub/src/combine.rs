//! Wishes on one line become one breakpoint of the backend that stops if any of them would.

use std::collections::BTreeMap;

use ikpdb_proto::client::Wish;
use ikpdb_proto::dap::SourceBreakpoint;
use ikpdb_proto::{StopPolicy, WishId};

/// A breakpoint to be set, and the wishes that it stands for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    /// What the backend is told.
    pub(crate) breakpoint: SourceBreakpoint,
    /// The function that it is told in the place of a line.
    pub(crate) function: Option<String>,
    /// Whose it is, in the order of the list.
    pub(crate) wishes: Vec<WishId>,
}

/// What one source needs, by place. Wishes are enabled ones of that source, or those of functions.
pub(crate) fn combine<'a>(wishes: impl Iterator<Item = &'a Wish>) -> Vec<Entry> {
    /// Line, column, function.
    type Place<'a> = (u32, Option<u32>, Option<&'a str>);
    let mut places: BTreeMap<Place<'_>, Vec<&Wish>> = BTreeMap::new();
    for wish in wishes {
        places.entry((wish.line, wish.column, wish.function.as_deref())).or_default().push(wish);
    }
    places.into_values().flat_map(|in_place| combine_place(&in_place)).collect()
}

fn combine_place(wishes: &[&Wish]) -> Vec<Entry> {
    let (logs, stops): (Vec<&Wish>, Vec<&Wish>) = wishes.iter().partition(|wish| wish.log_message.is_some());
    let mut entries = Vec::new();
    if stops.iter().any(|wish| wish.condition.is_none() && wish.hit_condition.is_none()) {
        // It stops every time: the conditions of the others add nothing.
        entries.push(entry(SourceBreakpoint { ikpdb_stop_policy: policy(&stops), ..at(stops[0]) }, &stops));
    } else {
        let (counted, plain): (Vec<&Wish>, Vec<&Wish>) = stops.iter().partition(|wish| wish.hit_condition.is_some());
        if let Some(first) = plain.first() {
            let condition = any_of(&plain);
            let ikpdb_stop_policy = policy(&plain);
            entries.push(entry(SourceBreakpoint { condition, ikpdb_stop_policy, ..at(first) }, &plain));
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
            condition: wish.condition.clone(),
            hit_condition: wish.hit_condition.clone(),
            log_message: wish.log_message.clone(),
            ..at(wish)
        };
        match entries.iter_mut().find(|it| it.breakpoint == breakpoint) {
            Some(equal) => equal.wishes.push(wish.id),
            None => entries.push(entry(breakpoint, &[wish])),
        }
    }
    entries
}

fn at(wish: &Wish) -> SourceBreakpoint {
    let ikpdb_stop_policy = wish.stop_policy;
    SourceBreakpoint { line: wish.line, column: wish.column, ikpdb_stop_policy, ..Default::default() }
}

/// Whom a breakpoint of several wishes stops: everybody if one of them says so, what the session says if one leaves it to that.
fn policy(wishes: &[&Wish]) -> Option<StopPolicy> {
    let all = wishes.iter().map(|wish| wish.stop_policy);
    let thread = all.clone().all(|it| it == Some(StopPolicy::Thread)).then_some(StopPolicy::Thread);
    all.flatten().find(|it| *it == StopPolicy::All).or(thread)
}

fn entry(breakpoint: SourceBreakpoint, wishes: &[&Wish]) -> Entry {
    let function = wishes.first().and_then(|wish| wish.function.clone());
    Entry { breakpoint, function, wishes: wishes.iter().map(|wish| wish.id).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (condition, hit condition, log message)
    type Row<'a> = (&'a str, &'a str, &'a str);

    fn text(text: &str) -> Option<String> {
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn wish(id: u32, column: Option<u32>, function: Option<&str>, stop_policy: Option<StopPolicy>) -> Wish {
        Wish {
            id: WishId(id),
            path: "/a.py".into(),
            line: 5,
            column,
            function: function.map(str::to_owned),
            enabled: true,
            condition: None,
            hit_condition: None,
            log_message: None,
            stop_policy,
            text: None,
            owner: None,
            placed: BTreeMap::new(),
        }
    }

    fn combined(rows: &[Row]) -> Vec<(String, String, String, Vec<u32>)> {
        let wishes: Vec<Wish> = rows
            .iter()
            .zip(1..)
            .map(|(row, id)| Wish {
                condition: text(row.0),
                hit_condition: text(row.1),
                log_message: text(row.2),
                ..wish(id, None, None, None)
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
    fn a_breakpoint_of_several_wishes_stops_everybody_if_one_of_them_says_so() {
        use StopPolicy::{All, Thread};
        for (policies, expected) in [
            (&[Some(Thread), Some(All), None][..], Some(All)),
            (&[Some(Thread), Some(Thread)], Some(Thread)),
            (&[Some(Thread), None], None),
            (&[None], None),
        ] {
            let wishes: Vec<Wish> =
                policies.iter().zip(1..).map(|(policy, id)| wish(id, None, None, *policy)).collect();
            let combined = combine(wishes.iter());
            assert_eq!((combined.len(), combined[0].breakpoint.ikpdb_stop_policy), (1, expected), "{policies:?}");
        }
    }

    #[test]
    fn wishes_at_other_columns_and_on_other_functions_are_other_breakpoints() {
        let wishes = [
            wish(1, Some(9), None, None),
            wish(2, None, None, None),
            wish(3, Some(9), None, None),
            wish(4, None, Some("f"), None),
            wish(5, None, Some("g"), None),
        ];
        let combined: Vec<_> = combine(wishes.iter())
            .into_iter()
            .map(|it| (it.breakpoint.column, it.function, it.wishes.iter().map(|id| id.0).collect::<Vec<_>>()))
            .collect();
        assert_eq!(
            combined,
            [
                (None, None, vec![2]),
                (None, Some("f".to_owned()), vec![4]),
                (None, Some("g".to_owned()), vec![5]),
                (Some(9), None, vec![1, 3]),
            ]
        );
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
