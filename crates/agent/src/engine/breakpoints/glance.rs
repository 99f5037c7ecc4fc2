//! What can be told of a line that begins at a glance: without running code, and without a call where it is frequent.

use std::sync::Arc;

use super::condition::Native;
use super::{Armed, Breakpoint, Spot};
use crate::capi::frame::RawFrame;
use crate::engine::codes::CodeInfo;
use crate::engine::stop;

/// What to look at on a line with one breakpoint. (Of several, all would have to be looked at before the first is counted.)
#[derive(Debug)]
pub(crate) struct Glance {
    pub(crate) line: u32,
    at: At,
}

#[derive(Debug)]
enum At {
    /// Its condition.
    Condition(Arc<Native>),
    /// Its hits: it has no other condition.
    Hits(Arc<Breakpoint>),
}

impl Glance {
    /// All that there are for the breakpoints of a code object.
    pub(crate) fn all(armed: &[Armed]) -> Vec<Self> {
        let alone = |it: &&Armed| armed.iter().filter(|other| other.spot == it.spot).count() == 1;
        let glance = |it: &Armed| {
            let Spot::Line(line) = it.spot else { return None };
            let at = match &it.condition {
                Some(condition) => At::Condition(Arc::clone(condition.native.as_ref()?)),
                None => At::Hits(it.breakpoint.hit_condition.map(|_| Arc::clone(&it.breakpoint))?),
            };
            Some(Self { line, at })
        };
        armed.iter().filter(alone).filter_map(glance).collect()
    }

    /// Whether the line passes by: the condition is false, or the hit does not count, which is counted then.
    #[inline(always)]
    pub(crate) fn passes_by(&self, info: &CodeInfo, frame: RawFrame) -> bool {
        match &self.at {
            At::Condition(native) => native.holds(frame) == Some(false),
            // A line that merely goes on is no hit, and neither is one of an evaluation.
            At::Hits(breakpoint) => info.continuations.is_empty() && !stop::any_stopper() && breakpoint.passes(),
        }
    }
}
