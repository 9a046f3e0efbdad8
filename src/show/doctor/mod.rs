//! What `doctor` finds: values only. What was looked at comes in, what to say of it goes out.

mod clock;
mod file;
mod forge;
mod git;
mod kept;
mod registry;
mod scopes;

pub use clock::clock;
pub use file::{FileFacts, settings_file};
pub use forge::{ForgeWishes, forge, forge_failed, protection};
pub use git::{
    KeyTrust, ShownKey, Trouble, blocking_branch, environment_branch, host_key, push, reachable,
    shallow, signing_key, unreachable,
};
pub use kept::{CopyFacts, catalog, copies};
pub use registry::{RegistryFacts, registry};

use serde::Serialize;

/// How something stands, mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    Ok,
    /// It could not be looked at, or nobody says.
    Unknown,
    /// It works, and should be mended.
    Warning,
    /// Something will not work.
    Fault,
}

impl State {
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unknown => "unknown",
            Self::Warning => "warning",
            Self::Fault => "fault",
        }
    }
}

/// One thing that was looked at. No secret stands in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    pub state: State,
    /// What was looked at, in a word or two: `host key`.
    pub check: &'static str,
    /// Of what: a file, a host, a branch.
    pub of: String,
    pub found: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

impl Finding {
    pub fn new(
        state: State,
        check: &'static str,
        of: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self {
            state,
            check,
            of: of.into(),
            found: found.into(),
            advice: None,
        }
    }

    #[must_use]
    pub fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }
}
