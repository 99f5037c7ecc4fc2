//! What a client (a tab, an editor, a tool) and the hub say to each other beyond DAP.
//!
//! Over the WebSocket a message travels in an [`Envelope`]. `session: null` speaks to the hub itself; a session's number
//! speaks DAP to that session. First the handshake, all of it requests by the client: [`GREET`] (the hub proves itself),
//! [`HELLO`] (the client proves itself and gets the snapshot or what it missed). Until then everything else is refused.
//!
//! What the hub adds to DAP's own words: the body of a `restart` that was accepted is `{"ikpdbSession": <the new one>}`;
//! `hitBreakpointIds` of `stopped` are the ids of wishes; [`SESSION`] follows every change of a session, also those that a
//! DAP event (`stopped`, `continued`) tells; `exited`, `terminated` and the [`SESSION`] that says `ended` come in this order.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::agent::{ChildNotDebugged, PythonInfo};
use crate::dap::{Capabilities, OutputEvent, StoppedEvent};
use crate::ids::{SessionId, WishId};
use crate::options::{Options, StopPolicy};
use crate::runner::Streams;

/// Request [`Greet`] → [`Challenge`].
pub const GREET: &str = "ikpdb/greet";
/// Request [`Hello`] → [`Welcome`].
pub const HELLO: &str = "ikpdb/hello";
/// Request → [`Snapshot`].
pub const SNAPSHOT: &str = "ikpdb/snapshot";
/// Event [`SessionInfo`]: a session began or changed. Without it in the list: see [`SESSION_REMOVED`].
pub const SESSION: &str = "ikpdb/session";
/// Event `{session}`: an ended session was taken from the list.
pub const SESSION_REMOVED: &str = "ikpdb/sessionRemoved";
/// Event [`BreakpointList`]: the shared list changed.
pub const BREAKPOINTS: &str = "ikpdb/breakpoints";
/// Request [`NewWish`] → [`Wish`].
pub const BREAKPOINTS_SET: &str = "ikpdb/breakpoints/set";
/// Request [`ChangeWish`] → [`Wish`].
pub const BREAKPOINTS_CHANGE: &str = "ikpdb/breakpoints/change";
/// Request [`RemoveWishes`].
pub const BREAKPOINTS_REMOVE: &str = "ikpdb/breakpoints/remove";
/// Request [`Activate`]: the master switch.
pub const BREAKPOINTS_ACTIVATE: &str = "ikpdb/breakpoints/activate";
/// Request and event [`ExceptionFilters`].
pub const EXCEPTION_FILTERS: &str = "ikpdb/exceptionFilters";
/// Request and event [`Watches`]: the whole list.
pub const WATCHES: &str = "ikpdb/watches";
/// Request and event [`Setting`].
pub const SETTING: &str = "ikpdb/setting";
/// Request [`ListFiles`] → [`FileList`]. Inside the workspace only.
pub const FILES_LIST: &str = "ikpdb/files/list";
/// Request [`ReadFile`] → [`FileText`]. Inside the workspace only.
pub const FILES_READ: &str = "ikpdb/files/read";
/// Request [`FindFiles`] → [`FoundFiles`]: quick open.
pub const FILES_FIND: &str = "ikpdb/files/find";
/// Request [`crate::runner::RunnerType`] to a session: type into its terminal.
pub const TERMINAL_INPUT: &str = "ikpdb/terminal/input";
/// Request [`crate::runner::TerminalSize`] to a session.
pub const TERMINAL_RESIZE: &str = "ikpdb/terminal/resize";
/// Request [`OpenPage`] → [`Page`], over the unix socket only: a ticket for a browser.
pub const OPEN_PAGE: &str = "ikpdb/openPage";
/// Event [`Pages`]: how many pages are open.
pub const PAGES: &str = "ikpdb/pages";

wire! {
    /// A message on the WebSocket, either way.
    pub struct EnvelopeHead {
        /// The session that it is about or for; absent for the hub itself.
        pub session: Option<SessionId>,
        /// Events only: its number in the hub's journal, over all sessions, without gaps. Responses have none.
        #[cfg_attr(feature = "ts", ts(as = "Option<f64>"))]
        pub n: Option<u64>,
    }

    /// Request [`GREET`].
    pub struct Greet {
        /// The newest version of the protocol that the client speaks.
        pub protocol: u32,
        /// Random, at least 16 bytes in hex.
        pub nonce: String,
        /// The public half of a ticket, if the client has no secret yet.
        pub ticket: Option<String>,
    }

    /// The hub proves itself.
    pub struct Challenge {
        /// The version of the protocol that is spoken from here on.
        pub protocol: u32,
        /// The hub's build.
        pub build: String,
        /// Random, at least 16 bytes in hex.
        pub nonce: String,
        /// `prove(key, Hub, client nonce, hub nonce)`; the key is the secret or the ticket's secret half.
        pub proof: String,
    }

    /// Request [`HELLO`].
    pub struct Hello {
        /// `prove(key, Client, client nonce, hub nonce)`.
        pub proof: String,
        /// The hub start that the client knows.
        pub epoch: Option<String>,
        /// The last number that it saw of it.
        #[cfg_attr(feature = "ts", ts(as = "Option<f64>"))]
        pub n: Option<u64>,
    }

    /// The client is in.
    pub struct Welcome {
        /// Random, per start of the hub.
        pub epoch: String,
        /// With a ticket: the lasting secret, `seal`ed, 64 hex digits.
        pub sealed_secret: Option<String>,
        /// The state; absent if the journal still has everything after `n`, which follows as ordinary events.
        pub snapshot: Option<Snapshot>,
    }

    /// All state that clients share.
    pub struct Snapshot {
        /// True up to this number of the journal.
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        pub n: u64,
        /// The workspace.
        pub workspace: Workspace,
        /// The sessions, oldest first.
        pub sessions: Vec<SessionInfo>,
        /// What each session printed and logged, oldest first, as far as the hub keeps it.
        pub output: BTreeMap<SessionId, Vec<OutputEvent>>,
        /// The breakpoints.
        pub breakpoints: BreakpointList,
        /// The exception filters.
        pub exception_filters: ExceptionFilters,
        /// The watches.
        pub watches: Watches,
        /// Settings of the user and of the workspace, by scope and key.
        pub settings: Vec<Setting>,
        /// How many pages are open.
        pub pages: u32,
    }

    /// The folder that is worked on.
    pub struct Workspace {
        /// Its path.
        pub path: String,
        /// Its name.
        pub name: String,
    }

    /// One debuggee.
    pub struct SessionInfo {
        /// Its id.
        pub id: SessionId,
        /// "app.py", "-m flask".
        pub name: String,
        /// The kind of backend: "python".
        #[serde(rename = "type")]
        pub type_: String,
        /// How it goes.
        pub state: SessionState,
        /// The session that this one is a restart of.
        pub replaces: Option<SessionId>,
        /// Process id, once known.
        pub pid: Option<u32>,
        /// The interpreter.
        pub python: Option<PythonInfo>,
        /// The command.
        pub command: Vec<String>,
        /// Working directory.
        pub cwd: String,
        /// When it began, in milliseconds since 1970.
        pub started_at: f64,
        /// Where its streams go.
        pub streams: Option<Streams>,
        /// What it can do, once known.
        pub capabilities: Option<Capabilities>,
        /// The last `stopped`, while it is stopped.
        pub stopped: Option<StoppedEvent>,
        /// Those of other threads that are stopped by themselves.
        pub also_stopped: Vec<StoppedEvent>,
        /// How it is stopped and stepped through.
        pub options: Options,
        /// Whether it waits for input from the terminal.
        pub waiting_for_input: bool,
        /// The signal that suspended it ("SIGTSTP" is Ctrl-Z): nothing is answered until it is continued.
        pub suspended: Option<String>,
        /// How it ended.
        pub exit: Option<SessionExit>,
        /// Why it is not debugged although it runs.
        pub undebugged: Option<String>,
        /// Whether `restart` would be accepted.
        pub restartable: bool,
        /// Its children that are not debugged.
        pub children: Vec<ChildNotDebugged>,
    }

    /// How a session goes.
    #[derive(Copy, Eq)]
    pub enum SessionState {
        /// Being started or configured.
        Starting,
        /// Runs.
        Running,
        /// Stopped: has a stack.
        Stopped,
        /// Is over.
        Ended,
    }

    /// How a session ended.
    pub struct SessionExit {
        /// The exit code, if the program ended by itself.
        pub exit_code: Option<i32>,
        /// The signal that ended it.
        pub signal: Option<String>,
        /// How long it ran, in milliseconds.
        pub duration_ms: f64,
        /// If it could not be started or was lost: what happened.
        pub error: Option<String>,
    }

    /// The shared list of breakpoints.
    pub struct BreakpointList {
        /// The master switch.
        pub active: bool,
        /// In the order in which they were made.
        pub wishes: Vec<Wish>,
    }

    /// A breakpoint as the user wants it, and what each session made of it.
    pub struct Wish {
        /// Its id, stable.
        pub id: WishId,
        /// The file; empty for a function.
        pub path: String,
        /// The line; 0 for a function.
        pub line: u32,
        /// The column in it, if it is not the begin of the line.
        pub column: Option<u32>,
        /// The function at whose begin it stops: `func`, `Class.method`, `module:Class.method`.
        pub function: Option<String>,
        /// Its own switch.
        pub enabled: bool,
        /// Stops only when this is true.
        pub condition: Option<String>,
        /// Stops only at these hits.
        pub hit_condition: Option<String>,
        /// Prints this instead of stopping.
        pub log_message: Option<String>,
        /// Whom it stops, if that is not what the session says.
        pub stop_policy: Option<StopPolicy>,
        /// The text of the line when it was made, for lists and to notice edits.
        pub text: Option<String>,
        /// The client that owns it; absent for the shared list.
        pub owner: Option<String>,
        /// What each live session made of it.
        pub placed: BTreeMap<SessionId, Placement>,
    }

    /// A breakpoint in one session.
    pub struct Placement {
        /// Whether it can be hit.
        pub verified: bool,
        /// The line it is on there.
        pub line: Option<u32>,
        /// If it is not verified or was moved or its condition failed: why.
        pub message: Option<String>,
        /// If it is not verified: `pending` where it still may be, `failed` where it cannot.
        pub reason: Option<String>,
    }

    /// Request [`BREAKPOINTS_SET`].
    pub struct NewWish {
        /// The file.
        #[serde(default)]
        pub path: String,
        /// The line.
        #[serde(default)]
        pub line: u32,
        /// The column in it, if it is not the begin of the line.
        pub column: Option<u32>,
        /// A function, in the place of file and line.
        pub function: Option<String>,
        /// Its switch; the default is true.
        pub enabled: Option<bool>,
        /// Condition.
        pub condition: Option<String>,
        /// Hit condition.
        pub hit_condition: Option<String>,
        /// Log message.
        pub log_message: Option<String>,
        /// Whom it stops.
        pub stop_policy: Option<StopPolicy>,
        /// Text of the line.
        pub text: Option<String>,
    }

    /// Request [`BREAKPOINTS_CHANGE`]: absent fields stay; an empty text takes a condition away.
    pub struct ChangeWish {
        /// Which.
        pub id: WishId,
        /// Its line.
        pub line: Option<u32>,
        /// Its switch.
        pub enabled: Option<bool>,
        /// Condition.
        pub condition: Option<String>,
        /// Hit condition.
        pub hit_condition: Option<String>,
        /// Log message.
        pub log_message: Option<String>,
        /// Whom it stops.
        pub stop_policy: Option<WishPolicy>,
    }

    /// Whom a breakpoint is to stop.
    #[derive(Copy, Eq)]
    pub enum WishPolicy {
        /// Whom the session says.
        Session,
        /// Every thread.
        All,
        /// The thread that comes there.
        Thread,
    }

    /// Request [`BREAKPOINTS_REMOVE`].
    pub struct RemoveWishes {
        /// Which.
        pub ids: Vec<WishId>,
    }

    /// Request [`BREAKPOINTS_ACTIVATE`].
    pub struct Activate {
        /// Off: nothing stops, all keep their own switch.
        pub active: bool,
    }

    /// The exception filters that are on.
    pub struct ExceptionFilters {
        /// Their ids.
        pub active: Vec<String>,
    }

    /// The watch expressions.
    pub struct Watches {
        /// In the user's order.
        pub expressions: Vec<String>,
    }

    /// One remembered choice.
    pub struct Setting {
        /// Whose.
        pub scope: SettingScope,
        /// Its name: "theme", "tabs".
        pub key: String,
        /// Any JSON; null forgets it.
        pub value: Value,
    }

    /// How far a setting reaches.
    #[derive(Copy, Eq, PartialOrd, Ord)]
    pub enum SettingScope {
        /// All workspaces of the user.
        User,
        /// This workspace.
        Workspace,
    }

    /// Request [`FILES_LIST`].
    pub struct ListFiles {
        /// A folder inside the workspace, absolute.
        pub path: String,
    }

    /// Answer of [`FILES_LIST`]: folders first, then by name.
    pub struct FileList {
        /// What is in it.
        pub entries: Vec<FileEntry>,
        /// Whether some were left out.
        pub truncated: bool,
    }

    /// A file or folder.
    pub struct FileEntry {
        /// Its name.
        pub name: String,
        /// Whether it is a folder.
        pub folder: bool,
    }

    /// Request [`FILES_READ`].
    pub struct ReadFile {
        /// A file inside the workspace, absolute.
        pub path: String,
    }

    /// Answer of [`FILES_READ`].
    pub struct FileText {
        /// The text; invalid UTF-8 is replaced.
        pub content: String,
        /// SHA-256 of its bytes, in hex.
        pub hash: String,
        /// If it is not shown: why ("12 MB: too large to show", "not text").
        pub refused: Option<String>,
    }

    /// Request [`FILES_FIND`].
    pub struct FindFiles {
        /// Letters of the path in order, as typed.
        pub query: String,
        /// At most so many.
        pub limit: u32,
    }

    /// Answer of [`FILES_FIND`], best first.
    pub struct FoundFiles {
        /// Absolute paths.
        pub paths: Vec<String>,
    }

    /// Request [`OPEN_PAGE`].
    pub struct OpenPage {
        /// Put the lasting secret into the address instead of a ticket: for a terminal to print.
        pub lasting: bool,
    }

    /// Answer of [`OPEN_PAGE`].
    pub struct Page {
        /// The address with the ticket or secret in its fragment: `http://127.0.0.1:15480/#ticket=ID.SECRET` or `#secret=…`.
        pub url: String,
        /// The port alone, for `ssh -L`.
        pub port: u16,
    }

    /// Event [`PAGES`].
    pub struct Pages {
        /// How many pages are open.
        pub count: u32,
    }
}
