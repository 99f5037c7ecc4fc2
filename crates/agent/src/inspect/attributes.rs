//! The named children of a value: what its instance, its classes and C code give it, found without asking it.

use super::data::{code_points, dict_size, entries, find, text};
use super::native::{Any, class_dict, instance_dict, is_native, is_text, read_descriptor};
use super::types::{Facts, Kind, Types, is_property, is_special};

/// The longest name of an attribute.
pub(super) const NAME: usize = 300;

/// A named child.
#[derive(Debug)]
pub(super) enum Attribute<'py> {
    /// An entry of a dict whose key is a str.
    Keyed { key: Any<'py>, value: Any<'py> },
    /// A value under a name of ours or of C code's.
    Named { name: String, value: Any<'py> },
    /// A property: its value needs code of the program.
    Lazy { name: String },
    /// The group of what the classes have.
    ClassVariables,
}

/// In which order names are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Public,
    Private,
    Lazy,
    ClassVariables,
    Special,
}

impl Attribute<'_> {
    /// Its name.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Keyed { key, .. } => text(key, NAME),
            Self::Named { name, .. } | Self::Lazy { name } => name.clone(),
            Self::ClassVariables => "class variables".to_owned(),
        }
    }

    fn rank(&self) -> Rank {
        let underscore = u32::from('_');
        match self {
            // Looks at the first characters only: an object may have 100,000 of these.
            Self::Keyed { key, .. } if code_points(key, 1).next() != Some(underscore) => Rank::Public,
            Self::Keyed { key, .. } => by_name(&text(key, NAME)),
            Self::Named { name, .. } => by_name(name),
            Self::Lazy { .. } => Rank::Lazy,
            Self::ClassVariables => Rank::ClassVariables,
        }
    }
}

fn by_name(name: &str) -> Rank {
    if is_special(name) {
        Rank::Special
    } else if name.starts_with('_') {
        Rank::Private
    } else {
        Rank::Public
    }
}

/// `public`, `protected`, `private` or `internal`, as Python's conventions have it.
pub(super) fn visibility(name: &str) -> Option<String> {
    let visibility = if is_special(name) || name.starts_with('.') {
        "internal"
    } else if name.starts_with("__") || is_mangled(name) {
        "private"
    } else if name.starts_with('_') {
        "protected"
    } else {
        return None;
    };
    Some(visibility.to_owned())
}

/// `_Class__name`, which the compiler makes of `__name` inside the class.
fn is_mangled(name: &str) -> bool {
    name.strip_prefix('_').and_then(|rest| rest.split_once("__")).is_some_and(|(class, name)| {
        !class.is_empty() && !class.starts_with('_') && !name.is_empty() && !name.ends_with("__")
    })
}

/// Sorts by how much users care, and else leaves the order as it is.
pub(super) fn in_order(mut attributes: Vec<Attribute<'_>>) -> Vec<Attribute<'_>> {
    attributes.sort_by_cached_key(Attribute::rank);
    attributes
}

/// The named children of `value`.
pub(super) fn attributes<'py>(types: &mut Types<'py>, value: &Any<'py>) -> Vec<Attribute<'py>> {
    let facts = types.of(value);
    let mut found = Vec::new();
    if facts.kind == Kind::Class {
        found.extend(own_names(value));
        return in_order(found);
    }
    let dict = dict(&facts, value);
    if let Some(dict) = &dict {
        found.extend(
            entries(dict, 0).filter(|(key, _)| is_text(key)).map(|(key, value)| Attribute::Keyed { key, value }),
        );
    }
    let classes = facts.attributes();
    for (name, descriptor) in &classes.members {
        if let Some(value) = read_descriptor(descriptor, value) {
            found.push(Attribute::Named { name: name.clone(), value });
        }
    }
    for name in &classes.lazy {
        if dict.as_ref().is_none_or(|dict| find(dict, name).is_none()) {
            found.push(Attribute::Lazy { name: name.clone() });
        }
    }
    if classes.has_own {
        found.push(Attribute::ClassVariables);
    }
    in_order(found)
}

/// About how many named children `value` has; exact unless a property's value is cached.
pub(super) fn count<'py>(types: &mut Types<'py>, value: &Any<'py>) -> usize {
    let facts = types.of(value);
    if facts.kind == Kind::Class {
        return class_dict(value).map_or(0, |it| dict_size(&it));
    }
    let classes = facts.attributes();
    dict(&facts, value).map_or(0, |it| dict_size(&it))
        + classes.members.iter().filter(|(_, descriptor)| read_descriptor(descriptor, value).is_some()).count()
        + classes.lazy.len()
        + usize::from(classes.has_own)
}

/// What the classes of `value` have: for each name the first class in the order of look-up.
pub(super) fn class_variables<'py>(types: &mut Types<'py>, value: &Any<'py>) -> Vec<Attribute<'py>> {
    let facts = types.of(value);
    let mut found: Vec<Attribute<'py>> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for class in facts.order().iter().filter(|it| !is_native(it)) {
        for attribute in own_names(class) {
            let name = attribute.name();
            // Properties stand among the instance's own attributes.
            let is_shown = matches!(&attribute, Attribute::Keyed { value, .. } if is_property(value));
            if !is_special(&name) && !is_shown && seen.insert(name) {
                found.push(attribute);
            }
        }
    }
    // Data before functions: the source shows the functions already.
    found.sort_by_cached_key(|it| match it {
        Attribute::Keyed { value, .. } | Attribute::Named { value, .. } => is_code(types.of(value).kind),
        Attribute::Lazy { .. } | Attribute::ClassVariables => false,
    });
    found
}

/// The class among those of `value` that has this attribute itself.
pub(super) fn class_with<'py>(types: &mut Types<'py>, value: &Any<'py>, name: &str) -> Option<Any<'py>> {
    let facts = types.of(value);
    facts.order().iter().find(|class| class_dict(class).is_some_and(|dict| find(&dict, name).is_some())).cloned()
}

/// Whether values of this kind are code rather than data.
pub(super) fn is_code(kind: Kind) -> bool {
    matches!(kind, Kind::Function | Kind::Method | Kind::Builtin)
}

fn own_names<'py>(class: &Any<'py>) -> Vec<Attribute<'py>> {
    let Some(dict) = class_dict(class) else { return Vec::new() };
    entries(&dict, 0).filter(|(key, _)| is_text(key)).map(|(key, value)| Attribute::Keyed { key, value }).collect()
}

/// The dict of an instance, where there is one to expect: plain data and functions would get one made for nothing.
fn dict<'py>(facts: &Facts<'py>, value: &Any<'py>) -> Option<Any<'py>> {
    let expected = !facts.is_native() || matches!(facts.kind, Kind::Object | Kind::Module | Kind::Exception);
    expected.then(|| instance_dict(value)).flatten()
}

#[cfg(test)]
mod tests {
    use super::visibility;

    #[test]
    fn visibility_follows_the_underscores() {
        assert_eq!(visibility("name"), None);
        assert_eq!(visibility("_name").as_deref(), Some("protected"));
        assert_eq!(visibility("__name").as_deref(), Some("private"));
        assert_eq!(visibility("_Class__name").as_deref(), Some("private"));
        assert_eq!(visibility("__init__").as_deref(), Some("internal"));
        assert_eq!(visibility(".0").as_deref(), Some("internal"));
        assert_eq!(visibility("__").as_deref(), Some("private"));
    }
}
