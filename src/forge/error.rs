/// Why a forge could not be asked, or did not do as asked. No secret stands in any of them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No answer, or a server's error: asked again in a later pass.
    #[error("{host} cannot be asked: {reason}")]
    Unavailable { host: String, reason: String },
    /// The token is wrong, expired or not enough.
    #[error("{host} refuses the token: {reason}")]
    Denied { host: String, reason: String },
    /// No such repository or pull request, or hidden from this token.
    #[error("{host} has no {what}, or hides it from this token")]
    Missing { host: String, what: String },
    /// Too many requests; `until` is RFC 3339 where the forge says it.
    #[error("{host} asks to wait{}", until.as_ref().map(|time| format!(" until {time}")).unwrap_or_default())]
    Limited { host: String, until: Option<String> },
    /// The forge understood, and said no: its own words, cleaned.
    #[error("{host} refuses to {what}: {reason}")]
    Refused {
        host: String,
        what: String,
        reason: String,
    },
    /// An answer that must not be used: too large, not JSON, a page elsewhere.
    #[error("the answer of {host} cannot be used: {reason}")]
    Unusable { host: String, reason: String },
    /// The operator's settings. Names the setting.
    #[error("{0}")]
    Settings(String),
}

impl Error {
    /// Whether the same may succeed in a later pass.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Limited { .. })
    }
}
