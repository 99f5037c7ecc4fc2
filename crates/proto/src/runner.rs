//! The runner's door: the process that owns one program's terminal, signals and exit status tells the hub about it.
//! Hub → runner are requests, runner → hub are events, `output` events of DAP among them.

use std::collections::BTreeMap;

use crate::agent::PythonInfo;
use crate::ids::SessionId;
use crate::options::Options;

/// The runner's first message, a request; answered with [`RunnerWelcome`].
pub const RUNNER_HELLO: &str = "ikpdb/runnerHello";
/// Event: the program was started.
pub const RUNNER_STARTED: &str = "ikpdb/runnerStarted";
/// Event: the program has ended and all of its output was sent.
pub const RUNNER_EXITED: &str = "ikpdb/runnerExited";
/// Event: the size of the terminal changed.
pub const RUNNER_RESIZED: &str = "ikpdb/runnerResized";
/// Event: the program began or ceased to wait for input.
pub const RUNNER_INPUT: &str = "ikpdb/runnerInput";
/// Event: a signal stopped the program, Ctrl-Z's for example. If its terminal has a shell, the runner stops with it:
/// until the shell continues both, nothing is answered.
pub const RUNNER_SUSPENDED: &str = "ikpdb/runnerSuspended";
/// Event: the suspended program goes on.
pub const RUNNER_RESUMED: &str = "ikpdb/runnerResumed";
/// Request: type this.
pub const RUNNER_TYPE: &str = "ikpdb/runnerType";
/// Request: set the size of the terminal. Ignored where a real terminal decides.
pub const RUNNER_RESIZE: &str = "ikpdb/runnerResize";
/// Request: send a signal to the program.
pub const RUNNER_SIGNAL: &str = "ikpdb/runnerSignal";
/// Request: end the program if it runs, and start it again in the same terminal as another session.
pub const RUNNER_RESTART: &str = "ikpdb/runnerRestart";

wire! {
    /// Who the runner is and what it is about to start.
    pub struct RunnerHello {
        /// The version of the protocol.
        pub protocol: u32,
        /// The runner's build.
        pub build: String,
        /// Process id of the runner.
        pub pid: u32,
        /// What it runs.
        pub run: RunSpec,
        /// Where the program's streams go.
        pub streams: Streams,
        /// Present when it comes back after the hub was gone: the program's session, pid and how it goes.
        pub resume: Option<RunnerResume>,
    }

    /// Everything needed to run the same thing once more.
    pub struct RunSpec {
        /// The interpreter and its arguments, as executed.
        pub argv: Vec<String>,
        /// What the user typed, short, for the session's name: "app.py", "-m flask".
        pub name: String,
        /// Working directory.
        pub cwd: String,
        /// The program's environment. Held in the hub's memory for a restart; in no log, journal or file.
        pub env: BTreeMap<String, String>,
        /// The interpreter.
        pub python: PythonInfo,
        /// Stop before the first line.
        pub stop_on_entry: bool,
        /// Where it listens for clients of the original IKPdb, too: a port of this machine.
        #[serde(default)]
        pub ikpdb_port: Option<u16>,
        /// How it is stopped and stepped through.
        #[serde(flatten)]
        pub options: Options,
    }

    /// Where the program's standard streams go.
    pub struct Streams {
        /// Standard input.
        pub stdin: StreamKind,
        /// Standard output.
        pub stdout: StreamKind,
        /// Standard error.
        pub stderr: StreamKind,
        /// Size of the pseudo-terminal, if any stream is one.
        pub terminal: Option<TerminalSize>,
        /// Whether a real terminal shows it as well (and decides its size).
        pub attached: bool,
    }

    /// What a stream is.
    #[serde(tag = "kind")]
    #[derive(Eq)]
    pub enum StreamKind {
        /// The pseudo-terminal, seen and typed into from the UI too.
        Terminal,
        /// A pipe between the runner and the program (`ikpdb dap`).
        Captured,
        /// A pipe to another program; inherited.
        Pipe,
        /// A file; inherited.
        File {
            /// Its path.
            path: String,
        },
        /// `/dev/null`; inherited.
        Null,
        /// Closed.
        Closed,
        /// A socket or a device; inherited.
        Other,
    }

    /// A size in characters.
    #[derive(Copy, Eq)]
    pub struct TerminalSize {
        /// Width.
        pub columns: u16,
        /// Height.
        pub rows: u16,
    }

    /// A runner that comes back.
    pub struct RunnerResume {
        /// Its session at the old hub; a new hub gives it another.
        pub session: SessionId,
        /// The secret that the agent was started with, 64 hex digits, so that the new hub knows the agent.
        pub secret: String,
        /// Process id of the program.
        pub pid: u32,
    }

    /// The hub takes the runner.
    pub struct RunnerWelcome {
        /// The session for this run.
        pub session: SessionId,
        /// The secret for its agent, 64 hex digits.
        pub secret: String,
        /// The hub's address for people, without a secret: `http://127.0.0.1:15480/`.
        pub url: String,
        /// How many pages are open now.
        pub pages: u32,
    }

    /// Event [`RUNNER_STARTED`].
    pub struct RunnerStarted {
        /// Process id of the program.
        pub pid: u32,
    }

    /// Event [`RUNNER_EXITED`].
    pub struct RunnerExited {
        /// The exit code, if it ended by itself.
        pub exit_code: Option<i32>,
        /// The name of the signal that ended it: "SIGSEGV".
        pub signal: Option<String>,
        /// Its number.
        pub signal_number: Option<i32>,
        /// How long it ran, in milliseconds.
        pub duration_ms: f64,
        /// If it could not be started: why.
        pub error: Option<String>,
    }

    /// Event [`RUNNER_INPUT`].
    pub struct RunnerInput {
        /// Whether the program waits for a line or key from the terminal.
        pub waiting: bool,
    }

    /// Event [`RUNNER_SUSPENDED`].
    pub struct RunnerSuspended {
        /// The name of the signal that did it: "SIGTSTP".
        pub signal: String,
    }

    /// Request [`RUNNER_TYPE`].
    pub struct RunnerType {
        /// What was typed, as the terminal would send it.
        pub data: String,
    }

    /// Request [`RUNNER_SIGNAL`].
    pub struct RunnerSignal {
        /// "SIGTERM", "SIGKILL", "SIGINT".
        pub signal: String,
    }

    /// Request [`RUNNER_RESTART`].
    pub struct RunnerRestart {
        /// The new session.
        pub session: SessionId,
        /// The secret for its agent.
        pub secret: String,
    }
}
