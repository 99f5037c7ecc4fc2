//! The part of the Debug Adapter Protocol that we read or write; what we only forward has no type here. Names, meaning
//! and optionality are DAP 1.71's.

mod inspection;

use serde_json::Value;

use crate::ids::ThreadId;
use crate::options::{CodeRule, Options, StopPolicy};

pub use inspection::*;

wire! {
    /// What an adapter can do. Absent means no.
    #[derive(Default)]
    pub struct Capabilities {
        /// `configurationDone` is understood.
        pub supports_configuration_done_request: Option<bool>,
        /// Breakpoints may have a condition.
        pub supports_conditional_breakpoints: Option<bool>,
        /// `setFunctionBreakpoints` is understood.
        pub supports_function_breakpoints: Option<bool>,
        /// Breakpoints may have a hit condition.
        pub supports_hit_conditional_breakpoints: Option<bool>,
        /// Breakpoints may have a log message.
        pub supports_log_points: Option<bool>,
        /// `evaluate` may be called with the context `hover`.
        pub supports_evaluate_for_hovers: Option<bool>,
        /// `evaluate` may be called with the context `clipboard`.
        pub supports_clipboard_context: Option<bool>,
        /// `setVariable` is understood.
        pub supports_set_variable: Option<bool>,
        /// `exceptionInfo` is understood.
        pub supports_exception_info_request: Option<bool>,
        /// Exception filters may have options.
        pub supports_exception_filter_options: Option<bool>,
        /// `setExceptionBreakpoints` honours `exceptionOptions`.
        pub supports_exception_options: Option<bool>,
        /// `stackTrace` honours `startFrame` and `levels`.
        pub supports_delayed_stack_trace_loading: Option<bool>,
        /// `terminate` is understood.
        pub supports_terminate_request: Option<bool>,
        /// `disconnect` honours `terminateDebuggee`.
        pub support_terminate_debuggee: Option<bool>,
        /// `restart` is understood.
        pub supports_restart_request: Option<bool>,
        /// `cancel` is understood.
        pub supports_cancel_request: Option<bool>,
        /// `breakpointLocations` is understood.
        pub supports_breakpoint_locations_request: Option<bool>,
        /// `gotoTargets` and `goto` are understood.
        pub supports_goto_targets_request: Option<bool>,
        /// `stepInTargets` is understood, and `stepIn` honours `targetId`.
        pub supports_step_in_targets_request: Option<bool>,
        /// `terminateThreads` is understood.
        pub supports_terminate_threads_request: Option<bool>,
        /// Steps and `continue` take `singleThread`.
        pub supports_single_thread_execution_requests: Option<bool>,
        /// `loadedSources` is understood.
        pub supports_loaded_sources_request: Option<bool>,
        /// The exception filters to offer.
        pub exception_breakpoint_filters: Option<Vec<ExceptionBreakpointsFilter>>,
        /// Ours: what DAP has no capability for.
        pub ikpdb: Option<IkpdbCapabilities>,
    }

    /// What a session can do beyond DAP.
    #[derive(Default)]
    pub struct IkpdbCapabilities {
        /// `ikpdb/runTo` is understood.
        pub run_to: Option<bool>,
        /// `evaluate` takes statements in the context `repl`.
        pub execute_code: Option<bool>,
        /// `evaluate` honours `ikpdbDisableBreak`.
        pub disable_break: Option<bool>,
        /// `ikpdb/options` is understood, and `ikpdbStopPolicy` of breakpoints.
        pub options: Option<bool>,
    }

    /// One exception filter.
    pub struct ExceptionBreakpointsFilter {
        /// Its id, for `setExceptionBreakpoints`.
        pub filter: String,
        /// Its name for the user.
        pub label: String,
        /// One line of explanation.
        pub description: Option<String>,
        /// Whether it is on at first.
        pub default: Option<bool>,
        /// Whether it may have a condition.
        pub supports_condition: Option<bool>,
        /// What a condition may be.
        pub condition_description: Option<String>,
    }

    /// `initialize`.
    #[derive(Default)]
    pub struct InitializeArguments {
        /// The client's id.
        #[serde(rename = "clientID")]
        pub client_id: Option<String>,
        /// The client's name for the user.
        pub client_name: Option<String>,
        /// The adapter's id.
        #[serde(rename = "adapterID", default)]
        pub adapter_id: String,
        /// `path` (default) or `uri`.
        pub path_format: Option<String>,
        /// Whether lines start at 1; the default is true.
        pub lines_start_at1: Option<bool>,
        /// Whether columns start at 1; the default is true.
        pub columns_start_at1: Option<bool>,
        /// Whether `Variable.type` is wanted.
        pub supports_variable_type: Option<bool>,
        /// Whether variables are fetched in pages.
        pub supports_variable_paging: Option<bool>,
        /// Whether progress events are understood.
        pub supports_progress_reporting: Option<bool>,
    }

    /// What the agent understands of `attach`, sent by the hub to every agent.
    #[derive(Default)]
    pub struct AttachArguments {
        /// Stop before the first line of the program.
        pub stop_on_entry: Option<bool>,
        /// What can be changed later, too.
        #[serde(flatten)]
        pub options: Options,
        /// The folder whose files are the user's own, wherever they lie below it.
        pub workspace: Option<String>,
    }

    /// What a client of `ikpdb dap` says to start a program.
    #[derive(Default)]
    pub struct LaunchArguments {
        /// Script, directory or zip file to run.
        pub program: Option<String>,
        /// Module to run, as `python -m`.
        pub module: Option<String>,
        /// Code to run, as `python -c`.
        pub code: Option<String>,
        /// Arguments of the program.
        pub args: Option<Vec<String>>,
        /// Its working directory.
        pub cwd: Option<String>,
        /// Variables added to its environment; `null` removes one.
        pub env: Option<std::collections::BTreeMap<String, Option<String>>>,
        /// Interpreter and its options: one string or a list.
        pub python: Option<OneOrMany>,
        /// Stop before the first line.
        pub stop_on_entry: Option<bool>,
        /// Steps skip the library; the default is true.
        pub just_my_code: Option<bool>,
        /// Ours: whom stops stop; the default is `all`.
        pub stop_policy: Option<StopPolicy>,
        /// What is the user's own, and what is not.
        pub rules: Option<Vec<CodeRule>>,
        /// `internalConsole` (default).
        pub console: Option<String>,
        /// Run without debugging.
        pub no_debug: Option<bool>,
    }

    /// A string, or several.
    #[serde(untagged)]
    pub enum OneOrMany {
        /// One.
        One(String),
        /// Several.
        Many(Vec<String>),
    }

    /// `disconnect`.
    #[derive(Default)]
    pub struct DisconnectArguments {
        /// Part of a restart.
        pub restart: Option<bool>,
        /// End the debuggee; the default is true for a launched one.
        pub terminate_debuggee: Option<bool>,
    }

    /// Where code comes from.
    #[derive(Default)]
    pub struct Source {
        /// Short name for the user.
        pub name: Option<String>,
        /// Path on the debuggee's machine.
        pub path: Option<String>,
        /// Above 0: to be fetched by `source`; valid for the whole session.
        pub source_reference: Option<i32>,
        /// `normal`, `emphasize` or `deemphasize`.
        pub presentation_hint: Option<String>,
        /// Where it comes from, for the user: "module of the standard library".
        pub origin: Option<String>,
    }

    /// `source`.
    #[derive(Default)]
    pub struct SourceArguments {
        /// What is wanted; its `sourceReference` wins over its `path`.
        pub source: Option<Source>,
        /// The reference again, for old clients.
        #[serde(default)]
        pub source_reference: i32,
    }

    /// Answer of `source`.
    pub struct SourceBody {
        /// The text.
        pub content: String,
        /// Its media type.
        pub mime_type: Option<String>,
        /// Ours: SHA-256 in hex of the file's bytes that were loaded, where it is known.
        pub ikpdb_hash: Option<String>,
    }

    /// `setBreakpoints`: replaces all breakpoints of one source.
    pub struct SetBreakpointsArguments {
        /// The source.
        pub source: Source,
        /// The whole set.
        pub breakpoints: Option<Vec<SourceBreakpoint>>,
        /// The client's text differs from the file.
        pub source_modified: Option<bool>,
    }

    /// A breakpoint as the user wants it.
    #[derive(Default)]
    pub struct SourceBreakpoint {
        /// Its line.
        pub line: u32,
        /// Its column.
        pub column: Option<u32>,
        /// Stops only when this is true.
        pub condition: Option<String>,
        /// Stops only at these hits.
        pub hit_condition: Option<String>,
        /// Prints this instead of stopping.
        pub log_message: Option<String>,
        /// Ours: whom it stops, if that is not what the session says.
        pub ikpdb_stop_policy: Option<StopPolicy>,
    }

    /// A breakpoint as the adapter made it.
    #[derive(Default)]
    pub struct Breakpoint {
        /// Its id, for `breakpoint` events.
        pub id: Option<i32>,
        /// Whether it can be hit.
        pub verified: bool,
        /// If not, or if it was moved: why.
        pub message: Option<String>,
        /// Its source.
        pub source: Option<Source>,
        /// The line it really is on.
        pub line: Option<u32>,
        /// The column it really is on.
        pub column: Option<u32>,
        /// `pending` or `failed`, while it is not verified.
        pub reason: Option<String>,
    }

    /// Answer of `setBreakpoints`: one entry for each that was asked for, in that order.
    pub struct SetBreakpointsBody {
        /// The breakpoints.
        pub breakpoints: Vec<Breakpoint>,
    }

    /// `setFunctionBreakpoints`: replaces all of them.
    pub struct SetFunctionBreakpointsArguments {
        /// The whole set.
        pub breakpoints: Vec<FunctionBreakpoint>,
    }

    /// A breakpoint on a function as the user wants it.
    #[derive(Default)]
    pub struct FunctionBreakpoint {
        /// Its name: `func`, `Class.method` or `module:Class.method`.
        pub name: String,
        /// Stops only when this is true.
        pub condition: Option<String>,
        /// Stops only at these hits.
        pub hit_condition: Option<String>,
        /// Ours: whom it stops, if that is not what the session says.
        pub ikpdb_stop_policy: Option<StopPolicy>,
    }

    /// `breakpointLocations`: where breakpoints can be, from `line` to `endLine`.
    pub struct BreakpointLocationsArguments {
        /// The source.
        pub source: Source,
        /// First line.
        pub line: u32,
        /// First column of that line.
        pub column: Option<u32>,
        /// Last line; the first one if absent.
        pub end_line: Option<u32>,
        /// Last column of the last line.
        pub end_column: Option<u32>,
    }

    /// A place where a breakpoint can be.
    pub struct BreakpointLocation {
        /// Its line.
        pub line: u32,
        /// Its column.
        pub column: Option<u32>,
    }

    /// Answer of `breakpointLocations`.
    pub struct BreakpointLocationsBody {
        /// The places, sorted.
        pub breakpoints: Vec<BreakpointLocation>,
    }

    /// Event `breakpoint`.
    pub struct BreakpointEvent {
        /// `changed`, `new` or `removed`.
        pub reason: String,
        /// The breakpoint, found by its id.
        pub breakpoint: Breakpoint,
    }

    /// `setExceptionBreakpoints`: replaces all of them.
    #[derive(Default)]
    pub struct SetExceptionBreakpointsArguments {
        /// The filters that are on.
        #[serde(default)]
        pub filters: Vec<String>,
        /// Further filters that are on, with what each depends on.
        pub filter_options: Option<Vec<ExceptionFilterOptions>>,
        /// What is to be done about exceptions by their types.
        pub exception_options: Option<Vec<ExceptionOptions>>,
    }

    /// A filter that is on.
    #[derive(Default)]
    pub struct ExceptionFilterOptions {
        /// Its id.
        pub filter_id: String,
        /// Types (`ValueError, !KeyError`) or an expression that has to be true.
        pub condition: Option<String>,
    }

    /// What is to be done about some exceptions.
    #[derive(Default)]
    pub struct ExceptionOptions {
        /// A path through a tree of exceptions; absent means all.
        pub path: Option<Vec<ExceptionPathSegment>>,
        /// `never`, `always`, `unhandled`, `userUnhandled`.
        pub break_mode: String,
    }

    /// A step of such a path.
    #[derive(Default)]
    pub struct ExceptionPathSegment {
        /// All but the named ones.
        pub negate: Option<bool>,
        /// Names of the categories or types.
        pub names: Vec<String>,
    }

    /// Answer of `setExceptionBreakpoints`: one entry for each filter, filter option and exception option, in that order.
    #[derive(Default)]
    pub struct SetExceptionBreakpointsBody {
        /// What became of each.
        pub breakpoints: Option<Vec<Breakpoint>>,
    }

    /// Event `stopped`.
    #[derive(Default)]
    pub struct StoppedEvent {
        /// `entry`, `breakpoint`, `step`, `pause`, `exception`, `goto`.
        pub reason: String,
        /// The reason in words.
        pub description: Option<String>,
        /// The thread that stopped.
        pub thread_id: Option<ThreadId>,
        /// What happened, for the user: type and message of an exception.
        pub text: Option<String>,
        /// Every Python thread of the main interpreter stands still.
        pub all_threads_stopped: Option<bool>,
        /// The breakpoints that were hit.
        pub hit_breakpoint_ids: Option<Vec<i32>>,
        /// Ours: the number of this stop, counted by the agent; references carry it.
        pub ikpdb_stop: Option<u32>,
        /// Ours: what runs on although all threads have stopped, as a sentence; the description ends with it, too.
        pub ikpdb_not_stopped: Option<String>,
        /// Ours: the exception has already left its frames (post-mortem).
        pub ikpdb_unwound: Option<bool>,
        /// Ours: nothing catches the exception, which ends the program or a thread.
        pub ikpdb_uncaught: Option<bool>,
    }

    /// Event `continued`.
    pub struct ContinuedEvent {
        /// The thread that goes on.
        pub thread_id: ThreadId,
        /// Whether all of them do.
        pub all_threads_continued: Option<bool>,
    }

    /// Event `thread`.
    pub struct ThreadEvent {
        /// `started` or `exited`.
        pub reason: String,
        /// Which.
        pub thread_id: ThreadId,
    }

    /// Event `output`.
    #[derive(Default)]
    pub struct OutputEvent {
        /// `console`, `important`, `stdout`, `stderr`, `telemetry`.
        pub category: Option<String>,
        /// The text, as the program wrote it, escape sequences included.
        pub output: String,
        /// What it came from.
        pub source: Option<Source>,
        /// The line there.
        pub line: Option<u32>,
        /// Ours: bytes left out just before this text, because they came faster than they could be carried.
        pub ikpdb_dropped: Option<f64>,
        /// Ours: true if the text came from the pseudo-terminal (and so belongs in the terminal, too).
        pub ikpdb_terminal: Option<bool>,
    }

    /// Event `exited`.
    pub struct ExitedEvent {
        /// The exit code; 128 + N for a program ended by signal N.
        pub exit_code: i32,
    }

    /// `continue`, `next`, `stepIn`, `stepOut`, `pause`.
    pub struct ThreadArguments {
        /// Which thread.
        pub thread_id: ThreadId,
        /// Only this one goes on.
        pub single_thread: Option<bool>,
    }

    /// What `stepIn` says besides.
    pub struct StepInArguments {
        /// The call to go into.
        pub target_id: Option<i32>,
        /// Ours: into the library, too, this once.
        pub ikpdb_anyway: Option<bool>,
    }

    /// `stepInTargets`.
    pub struct StepInTargetsArguments {
        /// The frame whose line is looked at.
        pub frame_id: i32,
    }

    /// A call that can be gone into.
    pub struct StepInTarget {
        /// Its id, for this stop.
        pub id: i32,
        /// What is called.
        pub label: String,
        /// Where it begins.
        pub line: Option<u32>,
        /// Where it begins.
        pub column: Option<u32>,
        /// Where it ends.
        pub end_line: Option<u32>,
        /// Where it ends.
        pub end_column: Option<u32>,
    }

    /// Answer of `stepInTargets`.
    pub struct StepInTargetsBody {
        /// The calls that are still to be made, in their order.
        pub targets: Vec<StepInTarget>,
    }

    /// `gotoTargets`.
    pub struct GotoTargetsArguments {
        /// The file.
        pub source: Source,
        /// The line.
        pub line: u32,
    }

    /// A place to go on at.
    pub struct GotoTarget {
        /// Its id.
        pub id: i32,
        /// Its name.
        pub label: String,
        /// Its line.
        pub line: u32,
        /// Its column.
        pub column: Option<u32>,
    }

    /// Answer of `gotoTargets`.
    pub struct GotoTargetsBody {
        /// The places.
        pub targets: Vec<GotoTarget>,
    }

    /// `goto`.
    pub struct GotoArguments {
        /// The thread that is moved.
        pub thread_id: ThreadId,
        /// Where to.
        pub target_id: i32,
    }

    /// `terminateThreads`.
    pub struct TerminateThreadsArguments {
        /// Which threads; all but the main one if absent.
        pub thread_ids: Option<Vec<ThreadId>>,
    }

    /// Answer of `continue`.
    pub struct ContinueBody {
        /// Whether all threads go on.
        pub all_threads_continued: Option<bool>,
    }

    /// `ikpdb/runTo`: continues, and stops before a line is executed, once.
    pub struct RunToArguments {
        /// The thread that goes on.
        pub thread_id: ThreadId,
        /// The file.
        pub source: Source,
        /// The line.
        pub line: u32,
    }

    /// `cancel`.
    #[derive(Default)]
    pub struct CancelArguments {
        /// `seq` of the request to give up.
        #[cfg_attr(feature = "ts", ts(as = "Option<f64>"))]
        pub request_id: Option<i64>,
        /// The progress to give up.
        pub progress_id: Option<String>,
    }

    /// Event `progressStart`.
    pub struct ProgressStartEvent {
        /// Its id.
        pub progress_id: String,
        /// What is going on.
        pub title: String,
        /// `seq` of the request that it belongs to.
        #[cfg_attr(feature = "ts", ts(as = "Option<f64>"))]
        pub request_id: Option<i64>,
        /// Whether `cancel` is understood.
        pub cancellable: Option<bool>,
        /// More words.
        pub message: Option<String>,
    }

    /// Event `progressUpdate`.
    pub struct ProgressUpdateEvent {
        /// Its id.
        pub progress_id: String,
        /// What is going on now.
        pub message: Option<String>,
    }

    /// Event `progressEnd`.
    pub struct ProgressEndEvent {
        /// Its id.
        pub progress_id: String,
        /// How it ended.
        pub message: Option<String>,
    }

    /// Event `capabilities`.
    pub struct CapabilitiesEvent {
        /// What changed.
        pub capabilities: Value,
    }
}
