//! Lines and columns at the edge of an editor that counts from 0. Everywhere else they count from 1.

use ikpdb_proto::dap::InitializeArguments;
use ikpdb_proto::{Message, Request};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

/// How an editor counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counting {
    /// Its first line is 0.
    lines_from_0: bool,
    /// Its first column is 0.
    columns_from_0: bool,
}

impl Counting {
    pub(crate) fn of(arguments: &InitializeArguments) -> Self {
        Self {
            lines_from_0: arguments.lines_start_at1 == Some(false),
            columns_from_0: arguments.columns_start_at1 == Some(false),
        }
    }

    /// What the editor says, as we count.
    pub(crate) fn inward(self, mut request: Request) -> Request {
        request.arguments = self.shift(request.arguments, 1);
        request
    }

    /// What we say, as the editor counts.
    pub(crate) fn outward(self, mut message: Message) -> Message {
        match &mut message {
            Message::Request(it) => it.arguments = self.shift(it.arguments.take(), -1),
            Message::Response(it) => it.body = self.shift(it.body.take(), -1),
            Message::Event(it) => it.body = self.shift(it.body.take(), -1),
        }
        message
    }

    fn shift(self, raw: Option<Box<RawValue>>, by: i64) -> Option<Box<RawValue>> {
        let text = raw?;
        if self == Self::default() {
            return Some(text);
        }
        let Ok(mut value) = serde_json::from_str(text.get()) else { return Some(text) };
        self.walk(&mut value, by);
        Some(to_raw_value(&value).unwrap_or(text))
    }

    /// DAP uses these four names for positions and for nothing else; what a program says is in values, never in names.
    fn walk(self, value: &mut Value, by: i64) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.walk(item, by)),
            Value::Object(fields) => {
                for (name, value) in fields {
                    let shifted = match name.as_str() {
                        "line" | "endLine" => self.lines_from_0,
                        "column" | "endColumn" => self.columns_from_0,
                        _ => false,
                    };
                    match value.as_i64() {
                        // 0 stands for "not known" where we count from 1: it stays. A negative number is refused by who reads it.
                        Some(number) if shifted && number >= 0 => *value = number.saturating_add(by).max(0).into(),
                        _ => self.walk(value, by),
                    }
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ikpdb_proto::Event;
    use serde_json::json;

    fn counting(lines: bool, columns: bool) -> Counting {
        Counting::of(&InitializeArguments {
            lines_start_at1: Some(lines),
            columns_start_at1: Some(columns),
            ..Default::default()
        })
    }

    #[test]
    fn i09_an_editor_that_counts_from_0_is_converted_both_ways() {
        let request =
            Request::new("setBreakpoints", &json!({"breakpoints": [{"line": 0, "column": 4}], "name": "line"}));
        let inward = counting(false, false).inward(request.clone());
        assert_eq!(
            inward.arguments::<Value>().unwrap(),
            json!({"breakpoints": [{"line": 1, "column": 5}], "name": "line"})
        );
        let body = json!({"stackFrames": [{"line": 7, "column": 0, "endLine": 8, "endColumn": 3, "name": "line"}]});
        let Message::Event(outward) = counting(false, false).outward(Event::new("x", &body).into()) else { panic!() };
        assert_eq!(
            outward.body::<Value>().unwrap(),
            json!({"stackFrames": [{"line": 6, "column": 0, "endLine": 7, "endColumn": 2, "name": "line"}]})
        );
        let Message::Event(outward) = counting(false, true).outward(Event::new("x", &body).into()) else { panic!() };
        assert_eq!(outward.body::<Value>().unwrap()["stackFrames"][0]["endColumn"], 3);
    }

    #[test]
    fn a_position_beyond_all_numbers_stays_one() {
        let request = Request::new("x", &json!({"line": i64::MAX, "column": i64::MIN, "endLine": u64::MAX}));
        let inward = counting(false, false).inward(request);
        assert_eq!(
            inward.arguments::<Value>().unwrap(),
            json!({"line": i64::MAX, "column": i64::MIN, "endLine": u64::MAX})
        );
    }

    #[test]
    fn i09_an_editor_that_counts_from_1_is_passed_through_byte_for_byte() {
        let raw = RawValue::from_string(r#"{ "line" : 3 }"#.into()).unwrap();
        let request = Request { seq: 1, command: "x".into(), arguments: Some(raw) };
        assert_eq!(counting(true, true).inward(request).arguments.unwrap().get(), r#"{ "line" : 3 }"#);
    }
}
