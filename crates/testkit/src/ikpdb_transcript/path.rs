//! Places in a message, such as `frames[0].f_locals[x].value`, and patterns for them.

use std::fmt;

/// A place in a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Path(Vec<Segment>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Key(String),
    Member { index: usize, name: Option<String> },
}

impl Path {
    pub(super) fn key(&self, key: &str) -> Self {
        self.with(Segment::Key(key.to_owned()))
    }

    pub(super) fn member(&self, index: usize, name: Option<&str>) -> Self {
        self.with(Segment::Member { index, name: name.map(str::to_owned) })
    }

    fn with(&self, segment: Segment) -> Self {
        Self(self.0.iter().cloned().chain([segment]).collect())
    }

    /// How deep it is.
    pub(super) fn depth(&self) -> usize {
        self.0.len()
    }

    /// The last key on the way, past members of lists: what the list or its member is called.
    pub(super) fn last_key(&self) -> &str {
        let keys = self.0.iter().rev();
        keys.filter_map(|it| if let Segment::Key(key) = it { Some(key.as_str()) } else { None }).next().unwrap_or("")
    }
}

impl fmt::Display for Path {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Key(key) if position == 0 => write!(out, "{key}")?,
                Segment::Key(key) => write!(out, ".{key}")?,
                Segment::Member { index, name: None } => write!(out, "[{index}]")?,
                Segment::Member { name: Some(name), .. } => write!(out, "[{name}]")?,
            }
        }
        Ok(())
    }
}

/// Which places are meant: keys and members may hold `*`, `**` stands for any way, `[…]` is a member's name or number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    AnyWay,
    Key(String),
    Member(String),
}

impl Pattern {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(member) = rest.strip_prefix('[') {
                let ends = |at: &usize| matches!(member[at + 1..].chars().next(), None | Some('.' | '['));
                let end = member.match_indices(']').map(|(at, _)| at).find(ends);
                let end = end.ok_or_else(|| format!("`{text}` lacks a `]`"))?;
                parts.push(Part::Member(member[..end].to_owned()));
                rest = &member[end + 1..];
            } else {
                let end = rest.find(['.', '[']).unwrap_or(rest.len());
                let key = &rest[..end];
                if key.is_empty() {
                    return Err(format!("`{text}` lacks a key"));
                }
                parts.push(if key == "**" { Part::AnyWay } else { Part::Key(key.to_owned()) });
                rest = &rest[end..];
            }
            rest = rest.strip_prefix('.').unwrap_or(rest);
        }
        Ok(Self(parts))
    }

    pub(super) fn matches(&self, path: &Path) -> bool {
        matches(&self.0, &path.0)
    }
}

fn matches(parts: &[Part], segments: &[Segment]) -> bool {
    match (parts, segments) {
        ([], []) => true,
        ([Part::AnyWay, others @ ..], _) => (0..=segments.len()).any(|it| matches(others, &segments[it..])),
        ([Part::Key(pattern), others @ ..], [Segment::Key(key), rest @ ..]) => {
            glob(pattern, key).is_some() && matches(others, rest)
        }
        ([Part::Member(pattern), others @ ..], [Segment::Member { index, name }, rest @ ..]) => {
            let named = name.as_ref().is_some_and(|it| glob(pattern, it).is_some());
            (named || glob(pattern, &index.to_string()).is_some()) && matches(others, rest)
        }
        _ => false,
    }
}

/// What each `*` stands for if the text is of the pattern's form.
pub(super) fn glob<'a>(pattern: &str, text: &'a str) -> Option<Vec<&'a str>> {
    let Some((first, others)) = pattern.split_once('*') else {
        return (pattern == text).then(Vec::new);
    };
    let mut rest = text.strip_prefix(first)?;
    let mut found = Vec::new();
    let mut parts = others.split('*').peekable();
    while let Some(part) = parts.next() {
        let at = if parts.peek().is_none() {
            rest.ends_with(part).then(|| rest.len() - part.len())?
        } else {
            rest.find(part)?
        };
        found.push(&rest[..at]);
        rest = &rest[at + part.len()..];
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_written_as_it_is_matched() {
        let path =
            Path::default().key("frames").member(0, Some("f()")).key("f_locals").member(3, Some("(1, 2)")).key("value");
        assert_eq!(path.to_string(), "frames[f()].f_locals[(1, 2)].value");
        for pattern in [
            "frames[f()].f_locals[(1, 2)].value",
            "frames[0].f_locals[3].value",
            "frames[*].f_locals[*].*",
            "**.value",
            "**",
            "frames.**",
            "frames[f*].**.f_locals[(1*].val*",
        ] {
            assert!(Pattern::parse(pattern).unwrap().matches(&path), "{pattern}");
        }
        for pattern in ["frames", "frames[1].**", "**.name", "frames[*].value", "[0].**", "*"] {
            assert!(!Pattern::parse(pattern).unwrap().matches(&path), "{pattern}");
        }
    }

    #[test]
    fn a_wrong_pattern_is_refused_and_a_bracket_may_be_in_a_name() {
        assert!(Pattern::parse("frames[0").is_err());
        assert!(Pattern::parse("a..b").is_err());
        let path = Path::default().key("p").member(0, Some("a]b")).key("id");
        assert!(Pattern::parse("p[a]b].id").unwrap().matches(&path));
    }

    #[test]
    fn stars_tell_what_they_stand_for() {
        assert_eq!(glob("unicode [*]", "unicode [3]"), Some(vec!["3"]));
        assert_eq!(glob("*.*", "a.b.c"), Some(vec!["a", "b.c"]));
        assert_eq!(glob("*", ""), Some(vec![""]));
        assert_eq!(glob("a*a", "a"), None);
        assert_eq!(glob("abc", "abd"), None);
    }
}
