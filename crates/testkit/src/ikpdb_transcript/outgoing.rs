//! What is done in a replay, with the ids and folders of that.

use std::path::PathBuf;

use serde_json::Value;

use super::names::{Kind, Names};
use super::{Object, Places};

/// How the program is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// Options of the debugger, without the port.
    pub options: Vec<String>,
    /// The script.
    pub script: String,
    /// The script's arguments.
    pub arguments: Vec<String>,
    /// The working directory.
    pub folder: PathBuf,
}

impl Start {
    pub(super) fn new(arguments: &[String], folder: &str, places: &Places) -> Self {
        let mut arguments = arguments.iter().map(|it| places.here(it));
        let mut options = Vec::new();
        let mut script = String::new();
        while let Some(argument) = arguments.next() {
            if argument == "-ik_p" {
                arguments.next();
            } else if argument.starts_with('-') {
                options.push(argument);
            } else {
                script = argument;
                break;
            }
        }
        Self { options, script, arguments: arguments.collect(), folder: places.here(folder).into() }
    }
}

/// A message of the client's with the ids and folders of this run.
pub(super) fn outgoing(message: &Object, names: &Names, places: &Places) -> Object {
    let mut message = message.clone();
    if let Some(Value::Object(args)) = message.get_mut("args") {
        for (key, value) in args.iter_mut() {
            let kind = match key.as_str() {
                "frame" => Some(Kind::Frame),
                "id" => Some(Kind::Object),
                "thread" | "ident" => Some(Kind::Thread),
                _ => None,
            };
            let here = kind.zip(value.as_u64()).and_then(|(kind, id)| names.here(kind, id));
            if let Some(id) = here {
                *value = id.into();
            } else if let Value::String(text) = value {
                *text = places.here(text);
            }
        }
    }
    message
}

/// Bytes with the ids of this run; what they announce as their length changes as much as they do.
pub(super) fn outgoing_bytes(bytes: &[u8], names: &Names) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(bytes) else { return bytes.to_vec() };
    let mut text = text.to_owned();
    for word in bytes.split(|it| !it.is_ascii_digit()) {
        let id = std::str::from_utf8(word).ok().and_then(|it| it.parse().ok());
        let kinds = [Kind::Frame, Kind::Object, Kind::Thread];
        let here = id.and_then(|id| kinds.iter().find_map(|it| names.here(*it, id)).map(|here| (id, here)));
        if let Some((id, here)) = here {
            let (id, here) = (id.to_string(), here.to_string());
            text = text.replacen(&id, &here, 1);
            text = with_length(&text, here.len() as i64 - id.len() as i64).unwrap_or(text);
        }
    }
    text.into_bytes()
}

fn with_length(text: &str, more: i64) -> Option<String> {
    let rest = text.strip_prefix("length=")?;
    let (length, body) = rest.split_at(rest.find(|it: char| !it.is_ascii_digit())?);
    Some(format!("length={}{body}", length.parse::<i64>().ok()? + more))
}

#[cfg(test)]
mod tests {
    use super::super::names::Pair;
    use super::super::path::Path;
    use super::*;

    #[test]
    fn an_id_in_bytes_changes_their_length() {
        let mut names = Names::default();
        names.take(vec![Pair { kind: Kind::Frame, recorded: 140713082764752, came: 7, path: Path::default() }]);
        let here = |bytes: &str| String::from_utf8(outgoing_bytes(bytes.as_bytes(), &names)).unwrap();
        assert_eq!(
            here("length=40LLADpcdtbdpac{\"frame\": 140713082764752, \"x\": 12}"),
            "length=26LLADpcdtbdpac{\"frame\": 7, \"x\": 12}"
        );
        assert_eq!(here("length=9LLADpcdtbdpac{oops"), "length=9LLADpcdtbdpac{oops");
    }

    #[test]
    fn options_end_at_the_script() {
        let words =
            ["-ik_p", "21607", "-ik_nvc", "--ikpdb-log=n", "/srv/app/prog.py", "a", "-ik_p", "9"].map(str::to_owned);
        let start = Start::new(&words, "/srv/app", &Places { app: "/tmp/a".into(), library: "/l".into() });
        assert_eq!(start.options, ["-ik_nvc", "--ikpdb-log=n"]);
        assert_eq!((start.script.as_str(), start.folder), ("/tmp/a/prog.py", "/tmp/a".into()));
        assert_eq!(start.arguments, ["a", "-ik_p", "9"]);
    }
}
