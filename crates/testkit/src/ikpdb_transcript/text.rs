//! What differs in texts from run to run: folders, addresses, thread idents.

use std::path::PathBuf;

use serde_json::Value;

/// Where the programs lay when the sessions were recorded.
pub(super) const RECORDED_APP: &str = "/srv/app";

/// Where the interpreter's library lay.
const RECORDED_LIBRARY: &str = "/usr/lib/python2.7";

const APP: &str = "<app>";
const LIBRARY: &str = "<library>";

/// Folders of a replay, absolute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// Where the program lies.
    pub app: PathBuf,
    /// The folder of the interpreter's `os.py`.
    pub library: PathBuf,
}

impl Places {
    /// Those of the recording, to compare it with itself.
    pub fn recorded() -> Self {
        Self { app: RECORDED_APP.into(), library: RECORDED_LIBRARY.into() }
    }

    /// A recorded text with the folders of the replay.
    pub fn here(&self, recorded: &str) -> String {
        let text = replace(recorded, RECORDED_APP, &self.app.to_string_lossy());
        replace(&text, RECORDED_LIBRARY, &self.library.to_string_lossy())
    }

    /// A text that came, without its folders.
    pub(super) fn strip(&self, text: &str) -> String {
        replace(&replace(text, &self.app.to_string_lossy(), APP), &self.library.to_string_lossy(), LIBRARY)
    }

    /// A value as it stands in reports and in the table.
    pub(super) fn strip_value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => shown(&self.strip(text)).into(),
            Value::Array(values) => values.iter().map(|it| self.strip_value(it)).collect(),
            Value::Object(values) => values.iter().map(|(key, it)| (key.clone(), self.strip_value(it))).collect(),
            other => other.clone(),
        }
    }
}

/// Replaces a folder where its name ends.
fn replace(text: &str, folder: &str, by: &str) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(folder) {
        let (before, after) = (&rest[..at], &rest[at + folder.len()..]);
        let goes_on = after.chars().next().is_some_and(|it| it.is_alphanumeric() || "_-.".contains(it));
        result.push_str(before);
        result.push_str(if goes_on { folder } else { by });
        rest = after;
    }
    result + rest
}

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Means what it says.
    Plain(String),
    /// `0x7fe46f139350`
    Address(u64),
    /// `140154170861248`, as in `<Thread(W1, started 140154170861248)>`.
    Thread(u64),
}

/// Cuts a text into what means something and what only has to be the same each time.
pub(super) fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let word = rest.find(|it: char| !it.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let (word, after) = rest.split_at(word.max(rest.chars().next().map_or(1, char::len_utf8)));
        match changing(word) {
            Some(piece) => pieces.extend([Piece::Plain(std::mem::take(&mut plain)), piece]),
            None => plain.push_str(word),
        }
        rest = after;
    }
    pieces.push(Piece::Plain(plain));
    pieces
}

/// Addresses have at least six digits; idents are addresses of mapped memory, written in decimal.
fn changing(word: &str) -> Option<Piece> {
    if let Some(digits) = word.strip_prefix("0x").filter(|it| it.len() >= 6) {
        return u64::from_str_radix(digits, 16).ok().map(Piece::Address);
    }
    let ident = word.parse::<u64>().ok()?;
    (0x7000_0000_0000..0x8000_0000_0000).contains(&ident).then_some(Piece::Thread(ident))
}

/// The text with signs for what changes, as it stands in reports and in the table.
pub(super) fn shown(text: &str) -> String {
    let show = |piece: Piece| match piece {
        Piece::Plain(text) => text,
        Piece::Address(_) => "0x?".to_owned(),
        Piece::Thread(_) => "<ident>".to_owned(),
    };
    pieces(text).into_iter().map(show).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_replaced_where_their_names_end() {
        let places = Places { app: "/tmp/x/srv/app".into(), library: "/opt/lib/python3.12".into() };
        assert_eq!(places.here("at /srv/app/prog.py, '/srv/app'"), "at /tmp/x/srv/app/prog.py, '/tmp/x/srv/app'");
        assert_eq!(
            places.here("/srv/app2 /srv/apple /usr/lib/python2.7/os.py"),
            "/srv/app2 /srv/apple /opt/lib/python3.12/os.py"
        );
        assert_eq!(places.strip("/tmp/x/srv/app/prog.py /opt/lib/python3.12"), "<app>/prog.py <library>");
        assert_eq!(Places::recorded().strip("/srv/app/prog.py /srv/pkg"), "<app>/prog.py /srv/pkg");
    }

    #[test]
    fn addresses_and_idents_are_told_from_numbers() {
        assert_eq!(shown("<f at 0x7fe46f139350> 0x12 0x55d0f3a10 é"), "<f at 0x?> 0x12 0x? é");
        assert_eq!(
            shown("<Thread(W1, started 140154170861248)> 100000000000000000000L 1401"),
            "<Thread(W1, started <ident>)> 100000000000000000000L 1401"
        );
        assert_eq!(pieces("x0x7fe46f139350"), [Piece::Plain("x0x7fe46f139350".into())]);
        assert_eq!(pieces(""), [Piece::Plain(String::new())]);
    }
}
