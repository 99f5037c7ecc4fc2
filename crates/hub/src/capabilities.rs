//! What a session can do: the one place where that is asked (I8).

use ikpdb_proto::Failure;
use ikpdb_proto::dap::Capabilities;
use serde_json::{Map, Value};

use crate::combine::Entry;

/// Requests that an agent understands only if it says so. A request that is not here is always passed on.
const NEEDED: &[(&str, &str)] = &[
    ("breakpointLocations", "supportsBreakpointLocationsRequest"),
    ("cancel", "supportsCancelRequest"),
    ("completions", "supportsCompletionsRequest"),
    ("dataBreakpointInfo", "supportsDataBreakpoints"),
    ("disassemble", "supportsDisassembleRequest"),
    ("exceptionInfo", "supportsExceptionInfoRequest"),
    ("goto", "supportsGotoTargetsRequest"),
    ("gotoTargets", "supportsGotoTargetsRequest"),
    ("ikpdb/runTo", "ikpdb.runTo"),
    ("loadedSources", "supportsLoadedSourcesRequest"),
    ("modules", "supportsModulesRequest"),
    ("readMemory", "supportsReadMemoryRequest"),
    ("restartFrame", "supportsRestartFrame"),
    ("reverseContinue", "supportsStepBack"),
    ("setDataBreakpoints", "supportsDataBreakpoints"),
    ("setExpression", "supportsSetExpression"),
    ("setFunctionBreakpoints", "supportsFunctionBreakpoints"),
    ("setInstructionBreakpoints", "supportsInstructionBreakpoints"),
    ("setVariable", "supportsSetVariable"),
    ("stepBack", "supportsStepBack"),
    ("stepInTargets", "supportsStepInTargetsRequest"),
    ("terminateThreads", "supportsTerminateThreadsRequest"),
    ("writeMemory", "supportsWriteMemoryRequest"),
];

/// Refuses what a session's backend does not claim to understand.
pub(crate) fn check(command: &str, claimed: &Map<String, Value>) -> Result<(), Failure> {
    let Ok(row) = NEEDED.binary_search_by_key(&command, |(name, _)| name) else { return Ok(()) };
    let mut path = NEEDED[row].1.split('.');
    let value = path.next().and_then(|name| claimed.get(name));
    let value = path.fold(value, |value, name| value?.get(name));
    if value == Some(&Value::Bool(true)) { Ok(()) } else { Err(Failure::unsupported(command)) }
}

/// Why a backend cannot have this breakpoint, if so.
pub(crate) fn lacking(entry: &Entry, claimed: &Map<String, Value>) -> Option<&'static str> {
    let breakpoint = &entry.breakpoint;
    let wants = [
        (entry.function.is_some(), "supportsFunctionBreakpoints", "breakpoints on functions are not supported here"),
        (breakpoint.condition.is_some(), "supportsConditionalBreakpoints", "conditions are not supported here"),
        (breakpoint.hit_condition.is_some(), "supportsHitConditionalBreakpoints", "hit counts are not supported here"),
        (breakpoint.log_message.is_some(), "supportsLogPoints", "logpoints are not supported here"),
    ];
    let missing = |it: &&(bool, &str, &str)| it.0 && claimed.get(it.1) != Some(&Value::Bool(true));
    wants.iter().find(missing).map(|it| it.2)
}

/// What clients are told: the backend's own, with what the hub adds for every session.
pub(crate) fn told(claimed: &Map<String, Value>, restartable: bool) -> Map<String, Value> {
    let mut told = claimed.clone();
    told.insert("supportsConfigurationDoneRequest".to_owned(), true.into());
    told.insert("supportsTerminateRequest".to_owned(), true.into());
    told.insert("supportTerminateDebuggee".to_owned(), true.into());
    if restartable {
        told.insert("supportsRestartRequest".to_owned(), true.into());
    } else {
        // Editors end and launch again by themselves when this is absent.
        told.remove("supportsRestartRequest");
    }
    told
}

/// As fields by name.
pub(crate) fn fields(capabilities: &Capabilities) -> Map<String, Value> {
    match serde_json::to_value(capabilities) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn claims(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn i08_what_needs_a_capability_is_refused_without_it_and_all_else_passes() {
        assert!(NEEDED.is_sorted_by_key(|row| row.0), "it is searched by halves");
        for (command, capability) in NEEDED {
            assert!(check(command, &Map::new()).is_err(), "{command}");
            let yes = match capability.split_once('.') {
                Some((outer, inner)) => json!({outer: {inner: true}}),
                None => json!({*capability: true}),
            };
            assert!(check(command, &claims(yes)).is_ok(), "{command}");
        }
        for command in ["stackTrace", "evaluate", "someday/new", ""] {
            assert!(check(command, &Map::new()).is_ok(), "{command}");
        }
        assert!(check("setVariable", &claims(json!({"supportsSetVariable": "yes"}))).is_err());
        assert!(check("ikpdb/runTo", &claims(json!({"ikpdb": true}))).is_err());
    }

    #[test]
    fn unknown_capabilities_of_a_backend_reach_clients() {
        let told = told(&claims(json!({"supportsTomorrow": 1, "supportsRestartRequest": true})), false);
        assert_eq!(told["supportsTomorrow"], 1);
        assert_eq!(told["supportsTerminateRequest"], true);
        assert!(!told.contains_key("supportsRestartRequest"));
    }
}
