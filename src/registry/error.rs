//! Why a registry gave nothing usable, and whose fault it is.

use std::path::PathBuf;

use crate::lookup::{Fault, Reason, Resolution};

/// The set-up is wrong: the operator's fault.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    #[error("cannot read the certificate file {path}: {reason}")]
    CertificateFile { path: PathBuf, reason: String },
    #[error(
        "`{0}` is no registry or no token server's URL; write for example https://auth.example.com/token"
    )]
    TokenRealm(String),
    #[error("cannot set up the HTTP client: {0}")]
    Client(String),
}

/// One question that got no digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct Failure {
    pub kind: FailureKind,
    pub fault: Fault,
    /// The registry says that the user name or the password is wrong.
    pub(crate) is_wrong_login: bool,
}

/// Whose fault a [`Failure`] is; the same words as [`Resolution`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    Missing,
    Denied,
    Unavailable,
    Refused,
    Unsettled,
}

impl Failure {
    pub(crate) fn new(kind: FailureKind, host: &str, message: impl Into<String>) -> Self {
        Self {
            kind,
            fault: Fault {
                host: host.to_owned(),
                message: message.into(),
                advice: None,
                reason: match kind {
                    FailureKind::Missing | FailureKind::Unsettled => Reason::NotFound,
                    FailureKind::Denied => Reason::Unauthorized,
                    FailureKind::Unavailable | FailureKind::Refused => Reason::InternalError,
                },
            },
            is_wrong_login: false,
        }
    }

    pub(crate) fn missing(host: &str, message: impl Into<String>) -> Self {
        Self::new(FailureKind::Missing, host, message)
    }

    pub(crate) fn denied(host: &str, message: impl Into<String>) -> Self {
        Self::new(FailureKind::Denied, host, message)
    }

    pub(crate) fn unavailable(host: &str, message: impl Into<String>) -> Self {
        Self::new(FailureKind::Unavailable, host, message)
    }

    pub(crate) fn refused(host: &str, message: impl Into<String>) -> Self {
        Self::new(FailureKind::Refused, host, message)
    }

    #[must_use]
    pub(crate) fn reason(mut self, reason: Reason) -> Self {
        self.fault.reason = reason;
        self
    }

    #[must_use]
    pub(crate) fn advice(mut self, advice: impl Into<String>) -> Self {
        self.fault.advice = Some(advice.into());
        self
    }
}

impl From<Failure> for Resolution {
    fn from(failure: Failure) -> Self {
        match failure.kind {
            FailureKind::Missing => Self::Missing(failure.fault),
            FailureKind::Denied => Self::Denied(failure.fault),
            FailureKind::Unavailable => Self::Unavailable(failure.fault),
            FailureKind::Refused => Self::Refused(failure.fault),
            FailureKind::Unsettled => Self::Unsettled(failure.fault),
        }
    }
}

/// What a registry wrote, fit for one line of ours: no control characters, at most 200 characters.
pub(crate) fn clean(text: &str) -> String {
    harmless(text, 200)
}

/// As [`clean`], with at most so many characters.
pub(crate) fn harmless(text: &str, most: usize) -> String {
    text.chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| !c.is_control() && !is_invisible(*c))
        .take(most)
        .collect::<String>()
        .trim()
        .to_owned()
}

/// Characters that reorder or hide text (bidirectional controls, zero width).
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_is_made_harmless() {
        assert_eq!(clean("a\x1b[31m\nb\u{202e}c"), "a[31m bc");
        assert_eq!(clean(&"x".repeat(999)).len(), 200);
    }
}
