//! Reads the expressions that can be looked up without running code: names, attributes, items.

use super::paths::is_name;

/// How deep keys may be expressions themselves.
const DEPTH: usize = 10;

/// A name and what follows it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) name: String,
    pub(super) steps: Vec<Step>,
}

/// From a value to a part of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// `.name`
    Attribute(String),
    /// `[key]`
    Item(Key),
}

/// What stands in brackets.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Key {
    None,
    Bool(bool),
    Int(i64),
    Text(String),
    Tuple(Vec<Key>),
    Path(Path),
}

/// Reads an expression; `None` if it is any other.
pub(super) fn parse(text: &str) -> Option<Path> {
    let mut reader = Reader { rest: text, depth: 0 };
    reader.skip_space();
    let path = reader.path()?;
    reader.rest.is_empty().then_some(path)
}

struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn eat(&mut self, wanted: char) -> bool {
        let found = self.rest.strip_prefix(wanted);
        self.rest = found.unwrap_or(self.rest).trim_start();
        found.is_some()
    }

    /// What is made of letters, digits and underscores.
    fn word(&mut self) -> &'a str {
        let end = self.rest.find(|it: char| it != '_' && !it.is_alphanumeric()).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn name(&mut self) -> Option<String> {
        let word = self.word();
        is_name(word).then(|| word.to_owned())
    }

    fn path(&mut self) -> Option<Path> {
        let name = self.name()?;
        self.steps(name)
    }

    fn steps(&mut self, name: String) -> Option<Path> {
        let mut steps = Vec::new();
        loop {
            self.skip_space();
            if self.eat('.') {
                steps.push(Step::Attribute(self.name()?));
            } else if self.eat('[') {
                steps.push(Step::Item(self.keys()?));
            } else {
                return Some(Path { name, steps });
            }
        }
    }

    /// Up to the closing bracket: one key, or several, which are a tuple.
    fn keys(&mut self) -> Option<Key> {
        self.depth += 1;
        if self.depth > DEPTH {
            return None;
        }
        let mut keys = vec![self.key()?];
        let mut is_tuple = false;
        self.skip_space();
        while self.eat(',') {
            is_tuple = true;
            if self.rest.starts_with(']') {
                break;
            }
            keys.push(self.key()?);
            self.skip_space();
        }
        self.depth -= 1;
        let closed = self.rest.strip_prefix(']')?;
        self.rest = closed;
        if is_tuple { Some(Key::Tuple(keys)) } else { keys.pop() }
    }

    fn key(&mut self) -> Option<Key> {
        let sign = if self.eat('-') { "-" } else { "" };
        if self.rest.starts_with(|it: char| it.is_ascii_digit()) {
            return number(self.word()).and_then(|digits| format!("{sign}{digits}").parse().ok()).map(Key::Int);
        }
        if !sign.is_empty() {
            return None;
        }
        if self.rest.starts_with(['\'', '"']) {
            return self.text().map(Key::Text);
        }
        match self.word() {
            "None" => Some(Key::None),
            "True" => Some(Key::Bool(true)),
            "False" => Some(Key::Bool(false)),
            name if is_name(name) => self.steps(name.to_owned()).map(Key::Path),
            _ => None,
        }
    }

    /// A string in single quotes of either sort, with the plainest escapes.
    fn text(&mut self) -> Option<String> {
        let mut characters = self.rest.chars();
        let quote = characters.next()?;
        if self.rest.starts_with("'''") || self.rest.starts_with("\"\"\"") {
            return None;
        }
        let mut text = String::new();
        loop {
            match characters.next()? {
                it if it == quote => break,
                '\n' => return None,
                '\\' => text.push(match characters.next()? {
                    'n' => '\n',
                    't' => '\t',
                    'r' => '\r',
                    it @ ('\\' | '\'' | '"') => it,
                    _ => return None,
                }),
                it => text.push(it),
            }
        }
        self.rest = characters.as_str();
        Some(text)
    }
}

/// A decimal number as Python reads it: no leading zeros, underscores between digits.
fn number(word: &str) -> Option<String> {
    let plain = word.bytes().all(|it| it.is_ascii_digit() || it == b'_')
        && !word.ends_with('_')
        && !word.contains("__")
        && (word == "0" || !word.starts_with('0'));
    plain.then(|| word.replace('_', ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Option<String> {
        fn key(it: &Key) -> String {
            match it {
                Key::None => "None".to_owned(),
                Key::Bool(value) => format!("{value}"),
                Key::Int(number) => number.to_string(),
                Key::Text(text) => format!("{text:?}"),
                Key::Tuple(keys) => format!("({})", keys.iter().map(key).collect::<Vec<_>>().join(" ")),
                Key::Path(it) => path(it),
            }
        }
        fn path(path: &Path) -> String {
            let steps = path.steps.iter().map(|step| match step {
                Step::Attribute(name) => format!(" .{name}"),
                Step::Item(it) => format!(" [{}]", key(it)),
            });
            format!("{}{}", path.name, steps.collect::<String>())
        }
        parse(text).map(|it| path(&it))
    }

    #[test]
    fn names_attributes_and_items_are_read() {
        for (text, expected) in [
            ("a", "a"),
            (" größe ", "größe"),
            ("self.a.b", "self .a .b"),
            ("a [ 0 ] . b", "a [0] .b"),
            ("a[-1_000]", "a [-1000]"),
            ("a['it\\'s'][\"x\"]", "a [\"it's\"] [\"x\"]"),
            ("a[None][True]", "a [None] [true]"),
            ("a[b.c[0]].d", "a [b .c [0]] .d"),
            ("a[1, 'x']", "a [(1 \"x\")]"),
            ("a[i,]", "a [(i)]"),
        ] {
            assert_eq!(shown(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn everything_else_is_not() {
        let deep = format!("a{}{}", "[a".repeat(100), "]".repeat(100));
        for text in [
            "",
            "f()",
            "a.f()",
            "a + b",
            "a[1:2]",
            "a[f()]",
            "a[-b]",
            "a[0",
            "a.",
            "a.1",
            "1",
            "'x'",
            "not a",
            "lambda: 1",
            "a b",
            "a[07]",
            "a[0x1]",
            "a[1.5]",
            "a[b'x']",
            "a['\\x41']",
            "a['''x''']",
            "a[]",
            "a[,]",
            "(a)",
            "a;b",
            "await a",
            "a[*b]",
            "a := 1",
            "a[99999999999999999999]",
            &deep,
        ] {
            assert_eq!(shown(text), None, "{text}");
        }
    }
}
