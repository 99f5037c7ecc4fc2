//! Values of the standard library and of NumPy whose parts can be read without running their code.

use pyo3::prelude::*;

use super::data::{find, list_item, list_size, text, tuple_items, tuple_size};
use super::line::{Limits, grouped};
use super::native::{Any, instance_dict, is_native, is_text, native_call, native_repr, small_int};
use super::render::{Inside, Renderer};
use super::render_number::int;
use super::render_text::quoted_str;
use super::types::{Facts, Items, Kind, type_name};

impl<'py> Renderer<'_, 'py> {
    /// A value of a kind that this module knows.
    pub(super) fn library(&mut self, facts: &Facts<'py>, value: &Any<'py>) {
        match self.enter(value) {
            Inside::Shown => {
                self.known(facts, value);
                self.leave();
            }
            inside => self.line.put(&format!("<{} {}>", facts.full_name(), inside.mark())),
        }
    }

    fn known(&mut self, facts: &Facts<'py>, value: &Any<'py>) {
        match facts.kind {
            Kind::DateTime => {
                self.time(facts, value, &["year", "month", "day", "hour", "minute", "second", "microsecond"], 5)
            }
            Kind::Date => self.time(facts, value, &["year", "month", "day"], 3),
            Kind::Time => self.time(facts, value, &["hour", "minute", "second", "microsecond"], 2),
            Kind::TimeDelta => self.delta(facts, value),
            Kind::TimeZone => self.zone(facts, value),
            Kind::Enum => self.member(facts, value),
            Kind::Pattern => {
                self.line.put("re.compile(");
                self.optional(facts.member(value, "pattern"));
                self.line.put(")");
            }
            Kind::Fraction => match (facts.member(value, "_numerator"), facts.member(value, "_denominator")) {
                (Some(above), Some(below)) => {
                    self.line.put(&facts.qualified);
                    self.line.put("(");
                    self.value(&above);
                    self.line.put(", ");
                    self.value(&below);
                    self.line.put(")");
                }
                _ => self.opaque(facts),
            },
            Kind::Decimal => match decimal(facts, value, self.limits) {
                Some(shown) => self.line.put(&shown),
                None => self.opaque(facts),
            },
            Kind::Uuid => match facts.member(value, "int").and_then(|it| int(&it).parse::<u128>().ok()) {
                Some(number) => {
                    let hex = format!("{number:032x}");
                    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
                    self.line.put(&format!("{}('{}')", facts.qualified, parts.join("-")));
                }
                None => self.opaque(facts),
            },
            Kind::Path => match path(facts, value) {
                Some(path) if facts.name.contains("Windows") => {
                    self.line.put(&format!("{}({})", facts.qualified, quoted_str(&path.replace('\\', "/"))));
                }
                Some(path) => self.line.put(&format!("{}({})", facts.qualified, quoted_str(&path))),
                None => self.opaque(facts),
            },
            _ => self.array(facts, value),
        }
    }

    fn opaque(&mut self, facts: &Facts<'py>) {
        self.line.put(&format!("<{} object>", facts.full_name()));
    }

    /// `datetime.date(2024, 1, 31)`; parts after the first `least` are left out if they and all later ones are 0.
    fn time(&mut self, facts: &Facts<'py>, value: &Any<'py>, parts: &[&str], least: usize) {
        let mut numbers: Vec<_> =
            parts.iter().map_while(|part| small_int(&facts.native(value, part)?)).map(|it| it.to_string()).collect();
        if numbers.len() < parts.len() {
            return self.opaque(facts);
        }
        while numbers.len() > least && numbers.last().is_some_and(|it| it == "0") {
            numbers.pop();
        }
        self.line.put(&format!("{}({}", library_name(facts), numbers.join(", ")));
        if facts.kind != Kind::Date {
            if facts.native(value, "fold").and_then(|it| small_int(&it)) == Some(1) {
                self.line.put(", fold=1");
            }
            if let Some(zone) = facts.native(value, "tzinfo").filter(|it| !it.is_none()) {
                self.line.put(", tzinfo=");
                self.value(&zone);
            }
        }
        self.line.put(")");
    }

    fn delta(&mut self, facts: &Facts<'py>, value: &Any<'py>) {
        let parts: Vec<_> = ["days", "seconds", "microseconds"]
            .iter()
            .filter_map(|part| Some((part, small_int(&facts.native(value, part)?).filter(|it| *it != 0)?)))
            .map(|(part, number)| format!("{part}={number}"))
            .collect();
        let parts = if parts.is_empty() { "0".to_owned() } else { parts.join(", ") };
        self.line.put(&format!("{}({parts})", library_name(facts)));
    }

    fn zone(&mut self, facts: &Facts<'py>, value: &Any<'py>) {
        let none = value.py().None().into_bound(value.py());
        let Some(offset) = native_call(value, &facts.base, "utcoffset", Some(&none)) else { return self.opaque(facts) };
        let about = self.types.of(&offset);
        let is_zero = ["days", "seconds", "microseconds"]
            .iter()
            .all(|part| about.native(&offset, part).and_then(|it| small_int(&it)) == Some(0));
        if is_zero {
            return self.line.put("datetime.timezone.utc");
        }
        self.line.put("datetime.timezone(");
        self.value(&offset);
        self.line.put(")");
    }

    /// `<Color.RED: 1>`.
    fn member(&mut self, facts: &Facts<'py>, value: &Any<'py>) {
        let dict = instance_dict(value);
        let part = |name| dict.as_ref().and_then(|dict| find(dict, name));
        self.line.put("<");
        self.line.put(&facts.qualified);
        if let Some(name) = part("_name_").filter(is_text) {
            self.line.put(".");
            self.line.put(&text(&name, 100));
        }
        if let Some(value) = part("_value_") {
            self.line.put(": ");
            self.value(&value);
        }
        self.line.put(">");
    }

    /// `ndarray 100 × 8 float64`: NumPy's C getters of these two make new objects and call nothing.
    fn array(&mut self, facts: &Facts<'py>, value: &Any<'py>) {
        let Some(shape) = facts.native(value, "shape").filter(|it| self.types.of(it).items == Items::Tuple) else {
            return self.opaque(facts);
        };
        let sizes: Vec<_> =
            tuple_items(&shape).map(|it| grouped(usize::try_from(small_int(&it).unwrap_or(0)).unwrap_or(0))).collect();
        self.line.put(&facts.name);
        if tuple_size(&shape) > 0 {
            self.line.put(&format!(" {}", sizes.join(" × ")));
        }
        if let Some(kind) = facts.native(value, "dtype") {
            let about = self.types.of(&kind);
            if let Some(scalar) = about.native(&kind, "type").filter(super::native::is_class) {
                self.line.put(&format!(" {}", type_name(&scalar).trim_end_matches('_')));
            }
        }
    }
}

/// `datetime.date` for the type itself, the own name of a class that derives from it.
fn library_name(facts: &Facts<'_>) -> String {
    if is_native(&facts.class) { format!("{}.{}", facts.module, facts.name) } else { facts.qualified.clone() }
}

fn decimal<'py>(facts: &Facts<'py>, value: &Any<'py>, limits: &Limits) -> Option<String> {
    let size = small_int(&native_call(value, &facts.base, "__sizeof__", None)?)?;
    if size > limits.decimal.0 {
        return Some(format!("Decimal, {} bytes", grouped(usize::try_from(size).ok()?)));
    }
    native_repr(value, &facts.base, limits.decimal.1)
}

/// The text of a path, from wherever this version of `pathlib` keeps it.
fn path<'py>(facts: &Facts<'py>, value: &Any<'py>) -> Option<String> {
    const LENGTH: usize = 500;
    if let Some(shown) = facts.member(value, "_str").filter(is_text) {
        return Some(text(&shown, LENGTH));
    }
    let strings = |list: &Any<'py>| -> Vec<String> {
        (0..list_size(list).min(100)).filter_map(|index| list_item(list, index)).map(|it| text(&it, LENGTH)).collect()
    };
    if let Some(raw) = facts.member(value, "_raw_paths") {
        // Each absolute one replaces those before it.
        let parts = strings(&raw);
        let first = parts.iter().rposition(|it| it.starts_with('/')).unwrap_or(0);
        let mut joined = String::new();
        for part in parts[first..].iter().filter(|it| !it.is_empty()) {
            if !joined.is_empty() && !joined.ends_with('/') {
                joined.push('/');
            }
            joined.push_str(part);
        }
        return Some(if joined.is_empty() { ".".to_owned() } else { joined });
    }
    let root: String =
        ["_drv", "_root"].iter().filter_map(|name| facts.member(value, name)).map(|it| text(&it, LENGTH)).collect();
    let mut parts = strings(&facts.member(value, "_parts")?);
    if !root.is_empty() && !parts.is_empty() {
        parts.remove(0);
    }
    let shown = format!("{root}{}", parts.join("/"));
    Some(if shown.is_empty() { ".".to_owned() } else { shown })
}
