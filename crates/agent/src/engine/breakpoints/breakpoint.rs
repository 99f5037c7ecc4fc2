//! One breakpoint: what is wanted, where it is, and what the hub was told of it.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use ikpdb_proto::{Event, StopPolicy, dap};
use pyo3::Python;

use super::expression::Expression;
use super::hit_condition::HitCondition;
use super::lock;
use super::log_message::Template;
use crate::door::{OUTBOX, original};
use crate::lifetime;

/// One breakpoint of the hub's.
#[derive(Debug)]
pub(crate) struct Breakpoint {
    /// Its id, for the hub.
    pub(crate) id: i32,
    pub(super) wish: Wish,
    pub(super) hit_condition: Option<HitCondition>,
    /// What it prints instead of stopping.
    pub(super) message: Option<Arc<Template>>,
    /// How often it was reached with its condition true. Changes under the GIL.
    hits: AtomicU64,
    /// What is wrong with its expressions, if anything, once they were looked at.
    refused: OnceLock<Option<String>>,
    pub(super) placement: Mutex<Placement>,
    /// What the hub was told last.
    pub(super) announced: Mutex<Option<Placement>>,
    /// Whether it was reported as failing: that is said once.
    pub(super) complained: AtomicBool,
}

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) target: Target,
    /// Not at the next line that has code, if that line has none.
    pub(super) exact: bool,
    /// Stops only when this is true.
    pub(super) condition: Option<String>,
    hit_condition: Option<String>,
    log_message: Option<String>,
    /// Whom it stops, if that is not what the session says.
    pub(super) policy: Option<StopPolicy>,
}

/// Where it is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// At a line, or at a column of it.
    Line { line: u32, column: Option<u32> },
    /// Where a function begins.
    Function(String),
}

/// Where a breakpoint is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placement {
    pub(super) verified: bool,
    pub(super) line: Option<u32>,
    pub(super) column: Option<u32>,
    /// The file, where the target does not say it.
    pub(super) file: Option<String>,
    message: Option<String>,
    /// DAP's `reason`: `pending` or `failed`.
    reason: Option<&'static str>,
}

/// Where breakpoints of a source were found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// No code of it is loaded.
    NotLoaded,
    /// There is none.
    Nowhere,
    /// There is: line, column if it stands within a line, and the file of a function.
    At { line: u32, column: Option<u32>, file: Option<String> },
}

static NEXT_ID: AtomicI32 = AtomicI32::new(1);

impl Wish {
    pub(super) fn at_line(wanted: &dap::SourceBreakpoint) -> Self {
        Self {
            target: Target::Line { line: wanted.line, column: wanted.column },
            exact: false,
            condition: given(wanted.condition.as_ref()),
            hit_condition: given(wanted.hit_condition.as_ref()),
            log_message: wanted.log_message.clone().filter(|text| !text.is_empty()),
            policy: wanted.ikpdb_stop_policy,
        }
    }

    pub(super) fn exactly_at_line((line, condition): &(u32, Option<String>)) -> Self {
        Self {
            target: Target::Line { line: *line, column: None },
            exact: true,
            condition: given(condition.as_ref()),
            hit_condition: None,
            log_message: None,
            policy: None,
        }
    }

    pub(super) fn at_function(wanted: &dap::FunctionBreakpoint) -> Self {
        Self {
            target: Target::Function(wanted.name.trim().to_owned()),
            exact: false,
            condition: given(wanted.condition.as_ref()),
            hit_condition: given(wanted.hit_condition.as_ref()),
            log_message: None,
            policy: wanted.ikpdb_stop_policy,
        }
    }
}

fn given(text: Option<&String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty()).cloned()
}

impl Breakpoint {
    pub(super) fn new(wish: Wish) -> Arc<Self> {
        let hit_condition = wish.hit_condition.as_deref().map(HitCondition::parse).transpose();
        let message = wish.log_message.as_deref().map(Template::parse).transpose();
        let refused = OnceLock::new();
        let wrong = hit_condition.as_ref().err().or(message.as_ref().err()).cloned();
        let nothing_to_look_at = wish.condition.is_none() && message.iter().flatten().all(Template::is_plain);
        if wrong.is_some() || nothing_to_look_at {
            let _ = refused.set(wrong);
        }
        Arc::new(Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            placement: Mutex::new(Placement::new(&wish.target)),
            wish,
            hit_condition: hit_condition.ok().flatten(),
            message: message.ok().flatten().map(Arc::new),
            hits: AtomicU64::new(0),
            refused,
            announced: Mutex::new(None),
            complained: AtomicBool::new(false),
        })
    }

    /// Looks at its expressions.
    pub(super) fn check(&self, py: Python<'_>) {
        let look = || {
            if let Some(condition) = &self.wish.condition {
                let wrong = Expression::check(py, condition).err();
                if let Some(error) = wrong {
                    return Some(format!("the condition is not valid: {error}"));
                }
            }
            self.message.as_ref().and_then(|template| template.check(py).err())
        };
        if self.refused.get().is_none() {
            let _ = self.refused.set(look());
        }
    }

    /// Tells the client of the original's protocol, once, that it stops nowhere; the hub learns it from where it is.
    pub(super) fn tell_refusal(&self, file: &str) {
        let Target::Line { line, .. } = self.wish.target else { return };
        if let Some(Some(why)) = self.refused.get()
            && self.wish.exact
            && !self.complained.swap(true, Ordering::Relaxed)
        {
            original::failed(&format!("The breakpoint at {file}:{line} does not stop: {why}"));
        }
    }

    /// It was reached with its condition true: whether this hit counts. Needs the GIL.
    pub(super) fn counts(&self) -> bool {
        let hit = self.hits.load(Ordering::Relaxed) + 1;
        self.hits.store(hit, Ordering::Relaxed);
        self.holds_at(hit)
    }

    /// It was reached with its condition true: takes the hit if it does not count, and says so. Needs the GIL.
    #[inline(always)]
    pub(super) fn passes(&self) -> bool {
        let hit = self.hits.load(Ordering::Relaxed) + 1;
        let passes = !self.holds_at(hit);
        if passes {
            self.hits.store(hit, Ordering::Relaxed);
        }
        passes
    }

    #[inline(always)]
    fn holds_at(&self, hit: u64) -> bool {
        match self.hit_condition {
            Some(condition) => condition.holds(hit),
            None => true,
        }
    }

    /// Notes where it is.
    pub(super) fn place(&self, found: Found) {
        *lock(&self.placement) = self.placed(found);
    }

    fn placed(&self, found: Found) -> Placement {
        let target = &self.wish.target;
        let failed =
            |message: String| Placement { message: Some(message), reason: Some("failed"), ..Placement::new(target) };
        if !lifetime::debugging() {
            return failed("the program is not debugged any more".to_owned());
        }
        if let Some(error) = self.refused.get().and_then(Option::as_ref) {
            return failed(error.clone());
        }
        match (found, target) {
            (Found::NotLoaded, _) | (Found::Nowhere, Target::Function(_)) => Placement::new(target),
            (Found::Nowhere, Target::Line { line, .. }) => {
                failed(format!("line {line} has no code, and none follows it"))
            }
            (Found::At { line, column, file }, target) => {
                let unseen = self.refused.get().is_none().then(|| {
                    let what = if self.wish.condition.is_some() { "condition" } else { "log message" };
                    format!("the {what} is looked at as soon as the program leaves native code")
                });
                let said: Vec<String> = moved(target, line, column).into_iter().chain(unseen).collect();
                let message = (!said.is_empty()).then(|| said.join("; "));
                Placement { verified: true, line: Some(line), column, file, message, reason: None }
            }
        }
    }

    /// It failed while the program ran: the hub is told, the breakpoint stays.
    pub(super) fn tell_failure(&self, message: String) {
        if lock(&self.announced).is_none() {
            // None of the hub's.
            return;
        }
        let placement = Placement { message: Some(message), ..lock(&self.placement).clone() };
        let breakpoint = self.describe(&placement);
        OUTBOX.send(Event::new("breakpoint", &dap::BreakpointEvent { reason: "changed".to_owned(), breakpoint }));
    }

    /// As DAP says it.
    pub(super) fn describe(&self, placement: &Placement) -> dap::Breakpoint {
        let source = placement.file.as_ref().map(|file| dap::Source {
            name: Path::new(file).file_name().map(|it| it.to_string_lossy().into_owned()),
            path: Some(file.clone()),
            ..dap::Source::default()
        });
        dap::Breakpoint {
            id: Some(self.id),
            verified: placement.verified,
            message: placement.message.clone(),
            source,
            line: placement.line,
            column: placement.column,
            reason: placement.reason.map(str::to_owned),
        }
    }
}

/// Where a breakpoint is if not where it was wanted.
fn moved(target: &Target, line: u32, column: Option<u32>) -> Option<String> {
    match *target {
        Target::Line { line: asked, .. } if line > asked => {
            Some(format!("line {asked} has no code: moved to line {line}, the next one that has"))
        }
        Target::Line { line: asked, .. } if line < asked => {
            Some(format!("line {asked} has no code: moved to line {line}, where its statement begins"))
        }
        Target::Line { column: Some(_), .. } if column.is_none() => {
            Some(format!("no columns are known of line {line}: it stops where the line begins"))
        }
        Target::Line { column: Some(asked), .. } if column.is_some_and(|column| column != asked) => {
            Some(format!("column {asked} is no place to stop: moved to column {}", column.unwrap_or(asked)))
        }
        _ => None,
    }
}

impl Placement {
    /// Where nothing was found yet.
    fn new(target: &Target) -> Self {
        let (line, column, message) = match target {
            Target::Line { line, column } => (Some(*line), *column, "the file has not been loaded yet".to_owned()),
            Target::Function(name) => (None, None, format!("no function '{name}' has been loaded yet")),
        };
        Self { verified: false, line, column, file: None, message: Some(message), reason: Some("pending") }
    }
}
