//! The agent's door: how an agent is started and how it introduces itself. After `ikpdb/agentWelcome` the hub is the
//! agent's DAP client: `initialize`, `attach`, (event `initialized`), `setBreakpoints`…, `configurationDone`.

use crate::dap::{Capabilities, ExceptionBreakpointsFilter, IkpdbCapabilities};
use crate::ids::SessionId;

/// The agent's first message, an event, within 2 s.
pub const AGENT_HELLO: &str = "ikpdb/agentHello";
/// The hub's answer, an event.
pub const AGENT_WELCOME: &str = "ikpdb/agentWelcome";
/// The hub's other answer, an event; the hub then closes.
pub const AGENT_REFUSED: &str = "ikpdb/agentRefused";
/// The agent tells, an event, that the debuggee has a child that runs Python and is not debugged.
pub const CHILD: &str = "ikpdb/child";

/// Request [`crate::options::ChangeOptions`] → [`crate::options::Options`].
pub const OPTIONS: &str = "ikpdb/options";

/// Environment variable that names the descriptor with the start; the preload library takes it out again at once.
pub const START_DESCRIPTOR: &str = "IKPDB_START";

/// The exception filter for what is raised, caught or not.
pub const RAISED: &str = "raised";
/// The exception filter for what leaves the user's own code.
pub const USER_UNHANDLED: &str = "userUnhandled";
/// The exception filter for what nobody catches.
pub const UNCAUGHT: &str = "uncaught";

/// What agents of this build can do, as they answer `initialize`. An editor is told before there is an agent to ask.
pub fn capabilities() -> Capabilities {
    Capabilities {
        supports_configuration_done_request: Some(true),
        supports_conditional_breakpoints: Some(true),
        supports_hit_conditional_breakpoints: Some(true),
        supports_log_points: Some(true),
        supports_function_breakpoints: Some(true),
        supports_breakpoint_locations_request: Some(true),
        supports_goto_targets_request: Some(true),
        supports_step_in_targets_request: Some(true),
        supports_terminate_threads_request: Some(true),
        supports_single_thread_execution_requests: Some(true),
        supports_evaluate_for_hovers: Some(true),
        supports_clipboard_context: Some(true),
        supports_set_variable: Some(true),
        supports_exception_info_request: Some(true),
        supports_delayed_stack_trace_loading: Some(true),
        supports_cancel_request: Some(true),
        supports_exception_filter_options: Some(true),
        supports_exception_options: Some(true),
        exception_breakpoint_filters: Some(vec![
            filter(RAISED, "Raised", "Stops when an exception is raised or reaches your own code, caught or not"),
            filter(
                USER_UNHANDLED,
                "User unhandled",
                "Stops where an exception is raised that your own code does not catch",
            ),
            ExceptionBreakpointsFilter {
                default: Some(true),
                ..filter(UNCAUGHT, "Uncaught", "Stops where an exception is raised that nothing catches")
            },
        ]),
        ikpdb: Some(IkpdbCapabilities {
            run_to: Some(true),
            execute_code: Some(true),
            disable_break: Some(true),
            options: Some(true),
        }),
        ..Capabilities::default()
    }
}

fn filter(id: &str, label: &str, description: &str) -> ExceptionBreakpointsFilter {
    ExceptionBreakpointsFilter {
        filter: id.to_owned(),
        label: label.to_owned(),
        description: Some(description.to_owned()),
        default: Some(false),
        supports_condition: Some(true),
        condition_description: Some(
            "types, as in 'ValueError, !KeyError', or an expression over 'exception'".to_owned(),
        ),
    }
}

wire! {
    /// What the starter of a program leaves in the inherited descriptor, as `<agent library path>\n<this as JSON>`. At most 64 KiB.
    /// With neither a hub nor the other door there is nobody to debug for.
    pub struct AgentStart {
        /// The version of the protocol that the starter speaks.
        pub protocol: u32,
        /// The build that the starter belongs to.
        pub build: String,
        /// The hub that the agent calls.
        pub hub: Option<HubStart>,
        /// The door for clients of the original IKPdb.
        pub ikpdb: Option<IkpdbStart>,
    }

    /// The hub, and how the agent introduces itself.
    pub struct HubStart {
        /// Path of the hub's unix socket.
        pub socket: String,
        /// The session that the hub made for this run.
        pub session: SessionId,
        /// The agent's secret, 64 hex digits.
        pub secret: String,
        /// How long the program waits for `configurationDone`, in milliseconds; then it runs, undebugged if nobody came.
        pub patience_ms: u32,
    }

    /// The door for clients of the original IKPdb: it listens on TCP and waits for `runScript`, however long.
    pub struct IkpdbStart {
        /// An inherited descriptor that listens already.
        pub listener: i32,
        /// Where it listens, for messages.
        pub address: String,
        /// Greet a client with the event `start`.
        pub welcome: bool,
        /// Stop before the first line.
        pub stop_at_entry: bool,
        /// The folder that the paths of the program begin with.
        pub working_directory: String,
        /// The folder that the paths of clients begin with; empty for none.
        pub client_working_directory: String,
        /// The letters of what is logged in detail to standard error: n b e x f p g. Without them nothing is logged at all.
        pub log: Option<String>,
        /// Values are shown without running any `__repr__` of the program's.
        pub safe_values: bool,
        /// Clients of other users of this machine are let in.
        pub allow_any_user: bool,
    }

    /// Who the agent is.
    pub struct AgentHello {
        /// The version of the protocol.
        pub protocol: u32,
        /// The agent's build.
        pub build: String,
        /// The session that it was started for.
        pub session: SessionId,
        /// `prove(secret, Agent, nonce, "")`.
        pub proof: String,
        /// Random, at least 16 bytes in hex.
        pub nonce: String,
        /// Process id.
        pub pid: u32,
        /// Parent's process id.
        pub ppid: u32,
        /// Start of the process in clock ticks since boot (`/proc/PID/stat` field 22), as text: with the pid it names a process for ever.
        pub start_time: String,
        /// The interpreter.
        pub python: PythonInfo,
        /// `sys.orig_argv`.
        pub argv: Vec<String>,
        /// Working directory.
        pub cwd: String,
        /// Present when it comes back after the hub was gone.
        pub resume: Option<AgentResume>,
    }

    /// A Python interpreter.
    pub struct PythonInfo {
        /// "3.13.0".
        pub version: String,
        /// "CPython".
        pub implementation: String,
        /// `sys.executable`.
        pub executable: String,
        /// Built without the GIL.
        pub free_threaded: bool,
    }

    /// What an agent that comes back says about its state.
    pub struct AgentResume {
        /// Whether the program has been configured and runs or is stopped.
        pub configured: bool,
        /// The body of the last `stopped`, if it is stopped.
        pub stopped: Option<crate::dap::StoppedEvent>,
        /// Those of other threads that are stopped by themselves.
        pub also_stopped: Option<Vec<crate::dap::StoppedEvent>>,
        /// The options as they are now.
        pub options: Option<crate::options::Options>,
    }

    /// The hub takes the agent.
    pub struct AgentWelcome {
        /// Its session.
        pub session: SessionId,
        /// `prove(secret, Hub, nonce, "")`.
        pub proof: String,
    }

    /// The hub does not take the agent.
    pub struct AgentRefused {
        /// Why, and what to do.
        pub reason: String,
    }

    /// A child process that is not debugged.
    pub struct ChildNotDebugged {
        /// Its process id.
        pub pid: u32,
        /// Its command line.
        pub command: Vec<String>,
        /// What to do about it, if we know.
        pub hint: Option<String>,
    }
}
