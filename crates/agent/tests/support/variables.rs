//! Asks for scopes and variables.

use serde_json::{Value, json};

use super::Debuggee;

pub fn scopes(debuggee: &mut Debuggee, frame: &Value) -> Vec<Value> {
    list(&debuggee.request("scopes", json!({"frameId": frame["id"]}))["scopes"])
}

pub fn scope(debuggee: &mut Debuggee, frame: &Value, name: &str) -> Value {
    let scopes = scopes(debuggee, frame);
    scopes.iter().find(|it| it["name"] == name).unwrap_or_else(|| panic!("no scope {name} in {scopes:?}")).clone()
}

pub fn list(value: &Value) -> Vec<Value> {
    value.as_array().expect("a list").clone()
}

pub fn children(debuggee: &mut Debuggee, parent: &Value) -> Vec<Value> {
    page(debuggee, parent, json!({}))
}

pub fn page(debuggee: &mut Debuggee, parent: &Value, mut arguments: Value) -> Vec<Value> {
    arguments["variablesReference"] = parent["variablesReference"].clone();
    list(&debuggee.request("variables", arguments)["variables"])
}

#[track_caller]
pub fn child(debuggee: &mut Debuggee, parent: &Value, name: &str) -> Value {
    let children = children(debuggee, parent);
    let names = names(&children);
    children.into_iter().find(|it| it["name"] == name).unwrap_or_else(|| panic!("no {name} among {names:?}"))
}

pub fn names(variables: &[Value]) -> Vec<String> {
    variables.iter().map(|it| it["name"].as_str().expect("a name").to_owned()).collect()
}

pub fn is_lazy(variable: &Value) -> bool {
    variable["presentationHint"]["lazy"] == true
}

#[track_caller]
pub fn shown(debuggee: &mut Debuggee, expression: &str, frame: &Value) -> Value {
    debuggee.request("evaluate", json!({"expression": expression, "frameId": frame["id"], "context": "watch"}))
}

pub fn set(debuggee: &mut Debuggee, parent: &Value, name: &str, value: &str) -> Result<Value, String> {
    let arguments = json!({"variablesReference": parent["variablesReference"], "name": name, "value": value});
    debuggee.try_request("setVariable", arguments)
}

/// Expands everything below `parent`, so deep, but what only the program's code could tell; answers how much it was.
pub fn expand(debuggee: &mut Debuggee, parent: &Value, depth: u32) -> usize {
    let children = children(debuggee, parent);
    let mut count = children.len();
    for child in children {
        if depth > 0 && child["variablesReference"] != 0 && !is_lazy(&child) && child["name"] != "__builtins__" {
            count += expand(debuggee, &child, depth - 1);
        }
    }
    count
}
