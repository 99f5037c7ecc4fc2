//! Reads a specification: what it says, what it needs, the program, and the steps of a client.

use serde_json::Value;

use crate::Fault;

/// One behaviour.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// What holds, as a sentence.
    pub title: String,
    /// DAP capabilities without which it cannot be asked for.
    pub needs: Vec<String>,
    /// Versions on which it cannot hold, with the reason.
    pub except: Vec<(String, String)>,
    /// The program: its files, the first one being what is started.
    pub files: Vec<File>,
    pub(crate) steps: Vec<Step>,
}

/// A file of the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its path below the program's folder.
    pub name: String,
    /// What is in it.
    pub text: String,
}

/// One step of the client, with its place in the file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Step {
    pub(crate) line: usize,
    pub(crate) what: What,
}

/// What a step does. Values and patterns may name lines, columns, files and what was bound: see `specs/README.md`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum What {
    /// Starts the program, up to `initialized`.
    Launch(Value),
    /// Ends the configuration: the program runs from here on.
    Start,
    /// A request and what is answered.
    Request { command: String, arguments: Value, expected: Expected },
    /// A request that is answered later: its name, and the request.
    Ask { name: String, command: String, arguments: Value },
    /// The answer of such a request.
    Answer { name: String, expected: Expected },
    /// Waits for an event.
    Event { name: String, pattern: Value },
    /// Waits for a stop: reason, marker of the line, function, what the event has.
    Stop { reason: String, marker: String, function: Option<String>, pattern: Value },
    /// Waits until the client was told of this text: category, text.
    Output { category: String, text: String },
    /// The program ends by itself with this code, and has not stopped before.
    End(i64),
}

/// What is answered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expected {
    /// A body that fits.
    Body(Value),
    /// A refusal whose text has this in it.
    Refusal(String),
}

impl Spec {
    /// Reads the text of a file.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let mut spec = Spec { title: String::new(), needs: vec![], except: vec![], files: vec![], steps: vec![] };
        let mut lines = text.lines().enumerate().peekable();
        while let Some((index, line)) = lines.next_if(|(_, line)| !line.starts_with("=== ")) {
            spec.head(line).map_err(|fault| at(index + 1, &fault))?;
        }
        let mut section: Option<&str> = None;
        while let Some((index, line)) = lines.next() {
            if let Some(name) = line.strip_prefix("=== ") {
                section = Some(name.trim());
                if name.trim() != "steps" {
                    spec.files.push(File { name: name.trim().to_owned(), text: String::new() });
                }
            } else if section == Some("steps") {
                // What is indented goes on with the line before.
                let mut whole = line.to_owned();
                while let Some((_, more)) = lines.next_if(|(_, more)| more.starts_with(' ')) {
                    whole.push(' ');
                    whole.push_str(more.trim());
                }
                if !whole.trim().is_empty() && !whole.starts_with('#') {
                    let what = What::parse(whole.trim()).map_err(|fault| at(index + 1, &fault))?;
                    spec.steps.push(Step { line: index + 1, what });
                }
            } else if let Some(file) = spec.files.last_mut() {
                file.text.push_str(line);
                file.text.push('\n');
            }
        }
        if spec.title.is_empty() || spec.files.is_empty() || spec.steps.is_empty() {
            return Err(Fault("a specification needs a sentence, a program and steps".into()));
        }
        Ok(spec)
    }

    fn head(&mut self, line: &str) -> Result<(), Fault> {
        if let Some(names) = line.strip_prefix("needs:") {
            self.needs.extend(names.split_whitespace().map(str::to_owned));
        } else if let Some(rest) = line.strip_prefix("except:") {
            let (version, reason) =
                rest.trim().split_once(' ').ok_or_else(|| Fault("'except' needs a version and a reason".into()))?;
            self.except.push((version.to_owned(), reason.trim().to_owned()));
        } else if !line.trim().is_empty() {
            if !self.title.is_empty() {
                self.title.push(' ');
            }
            self.title.push_str(line.trim());
        }
        Ok(())
    }

    /// Why it cannot hold on this version, if so: `3.11` is every 3.11.
    pub fn exception(&self, version: &str) -> Option<&str> {
        let fits = |given: &str| version == given || version.strip_prefix(given).is_some_and(|it| it.starts_with('.'));
        self.except.iter().find(|(given, _)| fits(given)).map(|(_, reason)| reason.as_str())
    }
}

fn at(line: usize, fault: &Fault) -> Fault {
    Fault(format!("line {line}: {fault}"))
}

impl What {
    fn parse(text: &str) -> Result<Self, Fault> {
        let (word, rest) = split_word(text);
        Ok(match word {
            "launch" => What::Launch(value(rest)?),
            "start" => What::Start,
            "stop" => {
                let (reason, rest) =
                    rest.split_once('@').ok_or_else(|| Fault("'stop' needs a reason and @line".into()))?;
                let (place, pattern) = rest.split_once("=>").unwrap_or((rest, "{}"));
                let (marker, function) = split_word(place.trim());
                let function = (!function.is_empty()).then(|| function.to_owned());
                let (reason, marker) = (reason.trim().to_owned(), marker.to_owned());
                What::Stop { reason, marker, function, pattern: value(pattern)? }
            }
            "event" => {
                let (name, pattern) = split_word(rest);
                What::Event { name: name.to_owned(), pattern: value(pattern)? }
            }
            "output" => {
                let (category, text) = split_word(rest);
                let text = value(text)?;
                let text = text.as_str().ok_or_else(|| Fault("'output' needs a category and a text".into()))?;
                What::Output { category: category.to_owned(), text: text.to_owned() }
            }
            "end" => What::End(rest.parse().map_err(|_| Fault("'end' needs an exit code".into()))?),
            "evaluate" => {
                let (expression, expected) =
                    rest.split_once("=>").ok_or_else(|| Fault("'evaluate' needs =>".into()))?;
                let given = value(expression).ok().filter(|it| it.get("expression").is_some());
                let arguments = given.unwrap_or_else(
                    || serde_json::json!({"expression": expression.trim(), "frameId": "$frame", "context": "watch"}),
                );
                let expected = match Expected::parse(expected.trim())? {
                    Expected::Body(Value::String(result)) => Expected::Body(serde_json::json!({ "result": result })),
                    other => other,
                };
                What::Request { command: "evaluate".into(), arguments, expected }
            }
            "ask" => {
                let (name, rest) = split_word(rest);
                let (command, arguments) = split_word(rest);
                What::Ask { name: name.into(), command: command.into(), arguments: arguments_of(command, arguments)? }
            }
            "answer" => {
                let (name, expected) = rest.split_once("=>").unwrap_or((rest, ""));
                What::Answer { name: name.trim().into(), expected: Expected::parse(expected.trim())? }
            }
            command => {
                let (arguments, expected) = match rest.find("=>") {
                    Some(at) => (&rest[..at], &rest[at + 2..]),
                    None => (rest, ""),
                };
                What::Request {
                    command: command.to_owned(),
                    arguments: arguments_of(command, arguments.trim())?,
                    expected: Expected::parse(expected.trim())?,
                }
            }
        })
    }
}

/// What is asked of a thread is asked of the one that stopped last.
fn arguments_of(command: &str, text: &str) -> Result<Value, Fault> {
    /// Requests that need no more than the thread.
    const OF_A_THREAD: [&str; 5] = ["continue", "next", "stepIn", "stepOut", "ikpdb/runTo"];
    let mut arguments = value(text)?;
    if let (true, Some(fields)) = (OF_A_THREAD.contains(&command), arguments.as_object_mut()) {
        fields.entry("threadId").or_insert_with(|| "$thread".into());
    }
    Ok(arguments)
}

impl Expected {
    fn parse(text: &str) -> Result<Self, Fault> {
        match text.strip_prefix("refused ") {
            Some(text) => match value(text)? {
                Value::String(text) => Ok(Self::Refusal(text)),
                _ => Err(Fault("'refused' needs a text".into())),
            },
            None => value(text).map(Self::Body),
        }
    }
}

fn split_word(text: &str) -> (&str, &str) {
    let text = text.trim();
    text.split_once(char::is_whitespace).map_or((text, ""), |(word, rest)| (word, rest.trim()))
}

/// JSON; nothing is an empty object.
fn value(text: &str) -> Result<Value, Fault> {
    if text.trim().is_empty() {
        return Ok(serde_json::json!({}));
    }
    serde_json::from_str(text).map_err(|error| Fault(format!("{error} in {text}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TEXT: &str = "\
It stops.
needs: supportsIt supportsThat
except: 3.11 it has none

=== app.py
x = 1  # BP:one

=== lib/other.py
y = 2
=== steps
# a remark
launch {\"stopOnEntry\": true}
setBreakpoints {\"breakpoints\": [
  {\"line\": \"@one\"}]} => {\"breakpoints\": [{}]}
start
stop function breakpoint @one f => {\"allThreadsStopped\": true}
evaluate x => \"1\"
evaluate y => refused \"NameError\"
next
end 0
";

    #[test]
    fn a_specification_is_read() {
        let spec = Spec::parse(TEXT).unwrap();
        assert_eq!((spec.title.as_str(), spec.needs.len()), ("It stops.", 2));
        assert_eq!(spec.files.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["app.py", "lib/other.py"]);
        assert_eq!(spec.files[0].text, "x = 1  # BP:one\n\n");
        assert_eq!((spec.exception("3.11.7"), spec.exception("3.1.1")), (Some("it has none"), None));
        let steps: Vec<&What> = spec.steps.iter().map(|it| &it.what).collect();
        assert_eq!(steps[0], &What::Launch(json!({"stopOnEntry": true})));
        assert_eq!(
            steps[1],
            &What::Request {
                command: "setBreakpoints".into(),
                arguments: json!({"breakpoints": [{"line": "@one"}]}),
                expected: Expected::Body(json!({"breakpoints": [{}]})),
            }
        );
        assert_eq!(
            steps[3],
            &What::Stop {
                reason: "function breakpoint".into(),
                marker: "one".into(),
                function: Some("f".into()),
                pattern: json!({"allThreadsStopped": true})
            }
        );
        assert!(
            matches!(steps[4], What::Request { expected: Expected::Body(body), .. } if *body == json!({"result": "1"}))
        );
        assert!(matches!(steps[5], What::Request { expected: Expected::Refusal(text), .. } if text == "NameError"));
        assert!(matches!(steps[6], What::Request { arguments, .. } if *arguments == json!({"threadId": "$thread"})));
        assert_eq!(steps[7], &What::End(0));
    }

    #[test]
    fn what_is_no_specification_says_where() {
        for (text, part) in [
            ("", "needs a sentence"),
            ("x\n=== a.py\n=== steps\nend soon\n", "line 4: 'end' needs an exit code"),
            ("x\nexcept: 3.11\n", "line 2: 'except'"),
            ("x\n=== a.py\n=== steps\nnext {\n", "line 4: "),
        ] {
            let error = Spec::parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
