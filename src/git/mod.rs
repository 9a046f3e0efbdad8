//! Git by libgit2: commits are read from the object database, never from a checkout, and
//! branches move by compare and swap only. No hook, filter or submodule of a repository that is
//! read is ever run, and no child process is started.
//!
//! Everything here blocks; asynchronous callers run it on a blocking thread. A [`Repository`]
//! belongs to one thread at a time.
//!
//! [`Location`] says where, [`Repository::open`] reads, [`Repository::commit`] and
//! [`Repository::push`] write.

mod blobs;
mod commit;
mod connection;
mod credentials;
mod error;
mod history;
mod ids;
mod known_hosts;
mod local;
mod location;
mod merge;
mod mirror;
mod probe;
mod push;
mod rejection;
mod rename;
mod repository;
mod setup;
mod signing;
mod trees;

pub use commit::{NewCommit, Signature};
pub use credentials::{Credentials, HttpCredential, SshKey};
pub use error::{Error, OPERATIONS, RESULTS};
pub use history::{Commit, FileDelta, History};
pub use location::{Location, LocationError, RemoteUrl, Scheme};
pub use merge::{EditedTree, Merge};
pub use mirror::{Depth, Options};
pub use probe::{HostKey, HostTrust, host_key, may_push};
pub use push::{PushOutcome, RejectedReason};
pub use repository::Repository;
pub use setup::{Timeouts, prepare};
pub use signing::{Author, SigningKey};
