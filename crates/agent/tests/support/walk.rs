//! Walks through a program at the places where it stops: steps of all kinds, mixed by a number, and now and then a look at what is there.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "test code; each test file uses its part")]

use std::time::Duration;

use serde_json::{Value, json};

use super::Debuggee;

/// Where one sets off, and how far one goes.
#[derive(Clone, Copy)]
pub struct Plan {
    /// The same number makes the same steps.
    pub seed: u64,
    /// So often one sets off. After the last walk the program runs to its end.
    pub walks: usize,
    /// So many steps a walk has.
    pub steps: usize,
}

/// What was done.
#[derive(Default)]
pub struct Walked {
    pub walks: usize,
    /// How often a breakpoint was hit.
    pub hits: usize,
    pub steps: usize,
    /// The last places, for the report of a fault.
    pub places: Vec<String>,
}

/// Steps until the program ends or `plan` is done; `forget` takes away all breakpoints then.
pub fn walk(debuggee: &mut Debuggee, plan: Plan, limit: Duration, forget: impl Fn(&mut Debuggee)) -> Walked {
    let mut dice = Dice::new(plan.seed);
    let mut walked = Walked::default();
    let mut left = 0;
    while let Some(stop) = debuggee.event_within("stopped", limit) {
        if left == 0 && stop["reason"] != "step" && walked.walks < plan.walks {
            walked.walks += 1;
            left = plan.steps;
        }
        walked.hits += usize::from(stop["reason"] == "breakpoint");
        let thread = stop["threadId"].clone();
        if left == 0 {
            if walked.walks == plan.walks {
                forget(debuggee);
            }
            debuggee.request("continue", json!({"threadId": thread}));
            continue;
        }
        if dice.below(10) == 0 {
            walked.places.push(look(debuggee, &thread));
        }
        left -= 1;
        walked.steps += 1;
        let command = match dice.below(20) {
            0..10 => "stepIn",
            10..18 => "next",
            _ => "stepOut",
        };
        debuggee.request(command, json!({"threadId": thread}));
    }
    walked
}

/// Reads the stack, the variables and a value, as somebody does who has a window for each. The place.
fn look(debuggee: &mut Debuggee, thread: &Value) -> String {
    let stack = debuggee.request("stackTrace", json!({"threadId": thread, "levels": 20}));
    let top = &stack["stackFrames"][0];
    let frame = &top["id"];
    let scopes = debuggee.request("scopes", json!({"frameId": frame}));
    for scope in scopes["scopes"].as_array().unwrap() {
        debuggee.request("variables", json!({"variablesReference": scope["variablesReference"]}));
    }
    // It fails where the program has hidden its builtins.
    let _ = debuggee.try_request("evaluate", json!({"expression": "len([1])", "frameId": frame, "context": "watch"}));
    format!("{}:{}:{}", top["source"]["name"].as_str().unwrap_or_default(), top["name"], top["line"])
}

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }
}
