//! Compares a recorded message with the one that came in its place.
//!
//! What may differ is little: the order of keys and of variables (that of Python 2's dictionaries was arbitrary), folders, and what
//! numbers and addresses are, as long as the same stays the same.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Object;
use super::names::{Kind, Names, Pair};
use super::path::Path;
use super::text::{Piece, Places, pieces, shown};

/// One difference.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found {
    pub(super) path: Path,
    pub(super) what: What,
}

/// What differs.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum What {
    /// Something else came.
    Changed {
        recorded: Value,
        came: Value,
    },
    Removed(Value),
    Added(Value),
    /// An event came before the reply that it followed.
    Overtaken,
}

/// What to compare with, and what to pass over.
pub(super) struct Comparison<'a> {
    places: &'a Places,
    /// Whether two values at a place need not be compared.
    is_free: &'a mut dyn FnMut(&Path, &Value, &Value) -> bool,
    pairs: Vec<Pair>,
    found: Vec<Found>,
}

/// Compares two messages.
pub(super) fn compare(
    recorded: &Object,
    came: &Object,
    places: &Places,
    names: &mut Names,
    is_free: &mut dyn FnMut(&Path, &Value, &Value) -> bool,
) -> Vec<Found> {
    let mut comparison = Comparison { places, is_free, pairs: Vec::new(), found: Vec::new() };
    comparison.objects(&Path::default(), recorded, came);
    let Comparison { pairs, mut found, .. } = comparison;
    let wrong = names.take(pairs);
    found.extend(wrong.into_iter().map(|pair| Found {
        what: What::Changed { recorded: pair.recorded.into(), came: pair.came.into() },
        path: pair.path,
    }));
    found
}

impl Comparison<'_> {
    fn values(&mut self, path: &Path, recorded: &Value, came: &Value) {
        if (self.is_free)(path, recorded, came) {
            return;
        }
        match (recorded, came) {
            (Value::Object(one), Value::Object(other)) => match (threads(one), threads(other)) {
                (Some(one), Some(other)) => self.named(path, &one, &other),
                _ => self.objects(path, one, other),
            },
            (Value::Array(one), Value::Array(other)) => self.lists(path, one, other),
            (Value::String(one), Value::String(other)) => self.texts(path, one, other),
            (Value::Number(one), Value::Number(other)) => match (kind(path), one.as_u64(), other.as_u64()) {
                // JavaScript knows whole numbers up to here, and clients take 0 for none.
                (Some(kind), Some(recorded), Some(came)) if came > 0 && came < 1 << 53 => {
                    self.pairs.push(Pair { kind, recorded, came, path: path.clone() });
                }
                _ if one == other => {}
                _ => self.changed(path, recorded.clone(), came.clone()),
            },
            _ if recorded == came => {}
            _ => self.changed(path, Places::recorded().strip_value(recorded), self.places.strip_value(came)),
        }
    }

    fn objects(&mut self, path: &Path, recorded: &Object, came: &Object) {
        for (key, value) in recorded {
            match came.get(key) {
                Some(other) => self.values(&path.key(key), value, other),
                None => self.removed(&path.key(key), value),
            }
        }
        for (key, value) in came.iter().filter(|(key, _)| !recorded.contains_key(*key)) {
            self.added(&path.key(key), value);
        }
    }

    fn lists(&mut self, path: &Path, recorded: &[Value], came: &[Value]) {
        if ["f_locals", "properties"].contains(&path.last_key())
            && let (Some(one), Some(other)) = (by_name(recorded), by_name(came))
        {
            return self.named(path, &one, &other);
        }
        for (index, value) in recorded.iter().enumerate() {
            let path = path.member(index, frame_name(path, value));
            match came.get(index) {
                Some(other) => self.values(&path, value, other),
                None => self.removed(&path, value),
            }
        }
        for (index, value) in came.iter().enumerate().skip(recorded.len()) {
            self.added(&path.member(index, frame_name(path, value)), value);
        }
    }

    fn named(&mut self, path: &Path, recorded: &Members, came: &Members) {
        for (name, (index, value)) in recorded {
            let path = path.member(*index, Some(name));
            match came.get(name) {
                Some((_, other)) => self.values(&path, value, other),
                None => self.removed(&path, value),
            }
        }
        for (name, (index, value)) in came.iter().filter(|(name, _)| !recorded.contains_key(*name)) {
            self.added(&path.member(*index, Some(name)), value);
        }
    }

    fn texts(&mut self, path: &Path, recorded: &str, came: &str) {
        let (recorded, came) = (Places::recorded().strip(recorded), self.places.strip(came));
        let (one, other) = (pieces(&recorded), pieces(&came));
        let mut pairs = Vec::new();
        let mut same = one.len() == other.len();
        for pieces in one.into_iter().zip(other) {
            let (kind, recorded, came) = match pieces {
                (Piece::Address(one), Piece::Address(other)) => (Kind::Address, one, other),
                (Piece::Thread(one), Piece::Thread(other)) => (Kind::Thread, one, other),
                (one, other) => {
                    same &= one == other;
                    continue;
                }
            };
            pairs.push(Pair { kind, recorded, came, path: path.clone() });
        }
        if same {
            self.pairs.extend(pairs);
        } else {
            self.changed(path, shown(&recorded).into(), shown(&came).into());
        }
    }

    fn changed(&mut self, path: &Path, recorded: Value, came: Value) {
        self.found.push(Found { path: path.clone(), what: What::Changed { recorded, came } });
    }

    fn removed(&mut self, path: &Path, value: &Value) {
        let what = What::Removed(Places::recorded().strip_value(value));
        self.found.push(Found { path: path.clone(), what });
    }

    fn added(&mut self, path: &Path, value: &Value) {
        let what = What::Added(self.places.strip_value(value));
        self.found.push(Found { path: path.clone(), what });
    }
}

/// Members of a list by their names, with their places in it.
type Members = BTreeMap<String, (usize, Value)>;

/// Variables by name. A `*` behind the name says that the value is cut off; it is compared with the name. Of several of the same name, such
/// as a local and a global variable, all but the first get their number: `i#2`.
fn by_name(list: &[Value]) -> Option<Members> {
    let mut members = Members::new();
    for (index, member) in list.iter().enumerate() {
        let name = member.get("name")?.as_str()?;
        let name = name.strip_suffix('*').filter(|it| !it.is_empty()).unwrap_or(name);
        let mut unique = name.to_owned();
        let mut number = 1;
        while members.contains_key(&unique) {
            number += 1;
            unique = format!("{name}#{number}");
        }
        members.insert(unique, (index, member.clone()));
    }
    Some(members)
}

/// Threads by name; their idents, under which they are listed, become a value `key`.
fn threads(object: &Object) -> Option<Members> {
    if object.is_empty() {
        return None;
    }
    let mut list = Vec::new();
    for (key, thread) in object {
        let mut thread = thread.as_object().filter(|it| it.contains_key("ident") && it.contains_key("name"))?.clone();
        let ident = key
            .parse::<u64>()
            .map_or_else(|_| if key == "null" { Value::Null } else { key.clone().into() }, Value::from);
        thread.insert("key".to_owned(), ident);
        list.push(Value::Object(thread));
    }
    by_name(&list)
}

/// Of what kind of thing a number at a place is the name.
fn kind(path: &Path) -> Option<Kind> {
    // At the top is what the client said, and gets back.
    if path.depth() < 2 {
        return None;
    }
    match path.last_key() {
        "thread" | "ident" | "key" => Some(Kind::Thread),
        "id" if path.depth() == 3 && path.to_string().starts_with("frames[") => Some(Kind::Frame),
        "id" => Some(Kind::Object),
        _ => None,
    }
}

/// What a frame is called: `f()`, without its thread.
fn frame_name<'a>(path: &Path, frame: &'a Value) -> Option<&'a str> {
    let name = frame.get("name").filter(|_| path.last_key() == "frames")?.as_str()?;
    Some(name.split_once(" [").map_or(name, |(function, _)| function))
}
