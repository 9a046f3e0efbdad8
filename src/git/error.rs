//! What can go wrong, and whose fault it is.

use std::path::PathBuf;

use crate::git::LocationError;
use crate::revision::BranchName;
use crate::snapshot::FilePath;

/// What servers are asked, as it is counted.
pub const OPERATIONS: [&str; 3] = ["list", "fetch", "push"];
/// What came of it, as it is counted; `moved` and most of `denied` are a push's.
pub const RESULTS: [&str; 6] = [
    DONE,
    "moved",
    "denied",
    "unreachable",
    "untrusted",
    "failed",
];
pub(crate) const DONE: &str = "ok";

impl Error {
    /// One of [`RESULTS`].
    pub(crate) fn result(&self) -> &'static str {
        match self {
            Self::Denied { .. } => "denied",
            Self::Unreachable { .. } => "unreachable",
            Self::Untrusted { .. } => "untrusted",
            _ => "failed",
        }
    }
}

/// Why Git could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The user's.
    #[error(transparent)]
    Location(#[from] LocationError),
    /// The user's: there is no repository.
    #[error("{} is not in a Git repository", path.display())]
    NotARepository { path: PathBuf },
    /// The machine's: libgit2 reads no repository that belongs to another user.
    #[error("the Git repository {} belongs to another user; run as its owner, or `chown` it", path.display())]
    ForeignOwner { path: PathBuf },
    /// The user's: the repository has no commit yet, or its HEAD names no branch.
    #[error("{repository} has no default branch: {reason}")]
    NoDefaultBranch { repository: String, reason: String },
    /// The user's.
    #[error("{repository} has no commit yet")]
    Empty { repository: String },
    /// The user's, or somebody deleted it.
    #[error("{repository} has no branch {branch}")]
    NoBranch {
        repository: String,
        branch: BranchName,
    },
    /// The user's.
    #[error("{repository} has no branch, tag or commit `{revision}`")]
    NoRevision {
        repository: String,
        revision: String,
    },
    /// The user's: no such remote in the clone.
    #[error("{repository} has no remote `{remote}`")]
    NoRemote { repository: String, remote: String },
    /// The user's: objects that a history needs are not there.
    #[error("{repository} is a shallow clone; run `git fetch --unshallow` in it")]
    Shallow { repository: String },
    /// The operator's: the server wants a login, and there is none, or it is refused.
    #[error("{url} refuses the login: {reason}")]
    Denied { url: String, reason: String },
    /// The operator's or an attacker's: the server is not proved to be the one that was meant.
    #[error("{host} is not trusted: {reason}")]
    Untrusted { host: String, reason: String },
    /// The server's.
    #[error("{url} does not answer as a Git server: {reason}")]
    Server { url: String, reason: String },
    /// The network's.
    #[error("{url} cannot be reached: {reason}")]
    Unreachable { url: String, reason: String },
    /// The repository's: more than the limits allow.
    #[error("{what} is larger than the limit of {limit}")]
    TooLarge { what: String, limit: u64 },
    /// Nobody's: the file is not what the change was made from; plan again.
    #[error("{path} is not what the change was made from; plan again")]
    Stale { path: FilePath },
    /// The repository's: a link or a submodule stands where a file is to be written.
    #[error("{path} is {kind}, not a regular file; it is not written")]
    NotAFile { path: FilePath, kind: &'static str },
    /// The disk's, or another program's: objects are missing or broken.
    #[error("the Git repository {} is damaged: {reason}", path.display())]
    Damaged { path: PathBuf, reason: String },
    /// Another process holds a lock for longer than we wait, or died with it.
    #[error("{} is held by another process; if none is at work, remove it", path.display())]
    Busy { path: PathBuf },
    /// The operator's: nothing is committed without the signature that was asked for.
    #[error("the signing key {} cannot be used: {reason}", path.display())]
    SigningKey { path: PathBuf, reason: String },
    /// The disk's.
    #[error("{}: {source}", path.display())]
    Io {
        path: PathBuf,
        source: std::io::Error,
    },
    /// The repository's: its ids are not SHA-1.
    #[error("repositories with SHA-256 ids are not supported")]
    ObjectFormat,
    /// Ours, or libgit2's.
    #[error("libgit2: {0}")]
    Git(#[from] git2::Error),
}
