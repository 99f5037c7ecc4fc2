//! How a program is stopped and stepped through: what can be changed at any time, by request `ikpdb/options`.

wire! {
    /// How the program is stopped and stepped through.
    #[serde(default)]
    pub struct Options {
        /// Steps skip the library, and its frames are marked subtle.
        pub just_my_code: bool,
        /// Whom stops stop.
        pub stop_policy: StopPolicy,
        /// What is the user's own besides what is found to be, and what is not: the first rule that fits counts.
        pub rules: Vec<CodeRule>,
    }

    /// `ikpdb/options`: what is absent stays. Answer: [`Options`].
    #[derive(Default)]
    pub struct ChangeOptions {
        /// As in [`Options`].
        pub just_my_code: Option<bool>,
        /// As in [`Options`].
        pub stop_policy: Option<StopPolicy>,
        /// All of them.
        pub rules: Option<Vec<CodeRule>>,
    }

    /// Says of files whether they are the user's own: those of a path or of a module.
    #[derive(Default)]
    pub struct CodeRule {
        /// A path; `*` and `?` stand for anything within a name, `**` for any folders. A folder stands for all in it.
        pub path: Option<String>,
        /// The name of a module, with those below it.
        pub module: Option<String>,
        /// Whether they are.
        pub include: bool,
    }

    /// Whom a stop stops.
    #[derive(Copy, Default, Eq)]
    pub enum StopPolicy {
        /// Every thread of the main interpreter. Not stopped are native code that has given the GIL away, until it wants it back, and
        /// sub-interpreters that have a GIL of their own.
        #[default]
        All,
        /// The thread that comes there; the others run on.
        Thread,
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}

impl Options {
    /// As long as nobody says otherwise.
    pub const fn new() -> Self {
        Self { just_my_code: true, stop_policy: StopPolicy::All, rules: Vec::new() }
    }

    /// Changes what is given.
    pub fn change(&mut self, change: ChangeOptions) {
        if let Some(just_my_code) = change.just_my_code {
            self.just_my_code = just_my_code;
        }
        if let Some(stop_policy) = change.stop_policy {
            self.stop_policy = stop_policy;
        }
        if let Some(rules) = change.rules {
            self.rules = rules;
        }
    }
}
