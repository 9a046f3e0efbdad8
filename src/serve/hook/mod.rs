//! Webhooks in: hints that something has been pushed. They only make a check that is configured
//! happen sooner; no address, host or name of a payload is ever asked for itself.
//!
//! Each sender has a file that reads its payloads, pure and without IO; [`Hooks`] listens.

mod authentication;
mod distribution;
mod docker_hub;
mod generic;
mod ghcr;
mod gitea;
mod github;
mod gitlab;
mod harbor;
mod listener;
mod payload;
mod quay;
mod recent;
mod secret_files;

use axum::http::HeaderMap;

use crate::config::hooks::HookKind;

pub use authentication::path_secret;
pub(crate) use secret_files::read_one as read_secret;

pub use listener::{BODY_LIMIT, Heard, HookCount, HookOptions, Hooks};

/// What a sender says has happened.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hint {
    /// Something in a Git repository, known by any of these URLs. None holds a password.
    Git { urls: Vec<String> },
    /// A tag was pushed; without `tag`, any of the repository.
    Image {
        /// `host[:port]`; none where nobody says: then any host.
        host: Option<String>,
        /// As a reference writes it, `library/` as the sender has it.
        repository: String,
        tag: Option<String>,
    },
}

/// What a payload comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// The sender tries whether anybody is there.
    Ping,
    /// None: an event that says nothing here.
    Hints(Vec<Hint>),
}

/// Why a request is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the signature or token is missing or wrong")]
    BadSignature,
    #[error("the body is too large")]
    TooLarge,
    #[error("the body took too long")]
    Slow,
    #[error("the body is not what this sender sends")]
    Unusable,
}

/// Reads what an authentic sender of this kind sent. `host` is what the operator calls its
/// registry, and wins over what the payload says.
pub fn read(
    kind: HookKind,
    host: Option<&str>,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Received, Refusal> {
    match kind {
        HookKind::GitHub => github::read(headers, body),
        HookKind::Ghcr => ghcr::read(host, headers, body),
        HookKind::GitLab => gitlab::read(body),
        HookKind::Gitea | HookKind::Forgejo => gitea::read(host, headers, body),
        HookKind::Distribution | HookKind::GitLabRegistry => distribution::read(host, body),
        HookKind::DockerHub => docker_hub::read(host, body),
        HookKind::Harbor => harbor::read(host, body),
        HookKind::Quay => quay::read(host, body),
        HookKind::Generic => generic::read(host, body),
    }
}

/// A header's text.
fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
