//! Identities that must not be mixed up.

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export, type = "number"))]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// One debuggee under one backend: positive, counted by the hub, never used again.
    SessionId(u32)
);
id!(
    /// A thread of the debuggee, 1…2^31-1, counted by the agent; never an identifier of the operating system.
    ThreadId(i32)
);
id!(
    /// One breakpoint that the user wants, in the hub's list of the workspace.
    WishId(u32)
);
