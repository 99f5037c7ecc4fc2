//! Examples of pages under `docs`, taken out of them to be run.

use serde_json::{Map, Value};

/// The fenced blocks of a page: the line before the fence, its language, and what is in it.
pub fn blocks(page: &str) -> Vec<(String, String, String)> {
    let text = std::fs::read_to_string(ikpdb_testkit::root().join("docs").join(page)).unwrap();
    let mut blocks = Vec::new();
    let (mut before, mut open) = (String::new(), None::<(String, String)>);
    for line in text.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(language)) => open = Some((language.to_owned(), String::new())),
            (Some(_), Some(_)) => {
                let (language, content) = open.take().unwrap();
                blocks.push((std::mem::take(&mut before), language, content));
            }
            (Some((_, content)), None) => {
                content.push_str(line);
                content.push('\n');
            }
            (None, None) if !line.is_empty() => line.clone_into(&mut before),
            (None, None) => {}
        }
    }
    blocks
}

/// The example of a page with this name: its file, and its text.
pub fn example(page: &str, name: &str) -> (String, String) {
    let marker = format!("<!-- run: {name} -->");
    let found = blocks(page).into_iter().find(|it| it.0 == marker);
    let (_, _, text) = found.unwrap_or_else(|| panic!("{page} has no {marker}"));
    let file = text.lines().next().unwrap().strip_prefix("# ").unwrap().to_owned();
    (file, text)
}

/// Whether a value is as a page says: `…` stands for anything, at the end of a list for any more, and keys that are not named do not count.
/// `<name>` stands for the same value wherever it is.
pub fn fits(said: &Value, is: &Value, names: &mut Map<String, Value>) -> bool {
    match (said, is) {
        (Value::String(said), _) if said == "…" => true,
        (Value::String(said), is) if said.starts_with('<') && said.ends_with('>') => {
            *names.entry(said.clone()).or_insert_with(|| is.clone()) == *is
        }
        (Value::String(said), Value::String(is)) => match said.split_once('…') {
            Some((begin, end)) => is.len() >= begin.len() + end.len() && is.starts_with(begin) && is.ends_with(end),
            None => said == is,
        },
        (Value::Object(said), Value::Object(is)) => {
            said.iter().all(|(key, said)| is.get(key).is_some_and(|is| fits(said, is, names)))
        }
        (Value::Array(said), Value::Array(is)) => {
            let goes_on = said.last().is_some_and(|it| it == "…");
            let named = &said[..said.len() - usize::from(goes_on)];
            (if goes_on { is.len() >= named.len() } else { is.len() == named.len() })
                && named.iter().zip(is).all(|(said, is)| fits(said, is, names))
        }
        (said, is) => said == is,
    }
}

/// A value with what its names stand for.
pub fn filled(said: &Value, names: &Map<String, Value>) -> Value {
    match said {
        Value::String(name) => names.get(name).unwrap_or(said).clone(),
        Value::Object(said) => said.iter().map(|(key, value)| (key.clone(), filled(value, names))).collect(),
        Value::Array(said) => said.iter().map(|it| filled(it, names)).collect(),
        other => other.clone(),
    }
}
