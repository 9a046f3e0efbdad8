//! Forges as APIs: the pull requests of one Git repository at GitHub, GitLab, Gitea or Forgejo.
//!
//! Everything here blocks: a forge is a client that writes one thing after another. Base URLs and
//! tokens come from the operator, never from a Git repository or from an answer.

mod checks;
mod error;
pub mod gitea;
pub mod github;
pub mod gitlab;
pub mod http;

pub use error::Error;

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::pull_request::{
    Change, Checks, Comment, CommitStatus, Draft, MergeMethod, NamedCheck, Protection, PullRequest,
    Standing,
};
use crate::revision::{BranchName, CommitId};

/// Open pull requests that are read of one repository.
pub const MAX_OPEN: usize = 2000;
/// Ended pull requests of one branch, and comments of one pull request, that are looked at.
pub const MAX_LOOKED_AT: usize = 100;
/// Statuses, check runs and jobs that are read of one commit, and reviews of one pull request.
pub const MAX_CHECKS: usize = 1000;

/// The pull requests of one Git repository.
///
/// What is written is read back from the forge's answer: success is what the forge says it now
/// has. A write that may have arrived although its answer was lost is looked up before it is made
/// again.
pub trait Forge {
    /// Open pull requests from branches of this repository itself (a fork's are left out) whose
    /// names begin with `prefix`, oldest first. One request a page; unchanged pages cost nothing.
    fn open_pull_requests(&self, prefix: &str) -> Result<Vec<PullRequest>, Error>;

    /// Those of one branch of this repository in any state, newest first, at most
    /// [`MAX_LOOKED_AT`].
    fn pull_requests_of(&self, head: &BranchName) -> Result<Vec<PullRequest>, Error>;

    /// The same of several branches, in their order.
    fn pull_requests_of_each(&self, heads: &[BranchName]) -> Result<Vec<Vec<PullRequest>>, Error> {
        heads
            .iter()
            .map(|head| self.pull_requests_of(head))
            .collect()
    }

    /// Opens one, or finds the one that is open for the same head and base already; then sets what
    /// is to be beside it.
    fn open(&self, draft: &Draft) -> Result<Opened, Error>;

    /// Whether [`Self::open`] is one single write: then it is never there in part.
    fn opens_at_once(&self, draft: &Draft) -> bool;

    fn change(&self, number: u64, change: &Change) -> Result<PullRequest, Error>;

    /// Closes it without a merge; its branch stays.
    fn close(&self, number: u64) -> Result<(), Error>;

    /// Oldest first, at most [`MAX_LOOKED_AT`].
    fn comments(&self, number: u64) -> Result<Vec<Comment>, Error>;

    fn add_comment(&self, number: u64, body: &str) -> Result<Comment, Error>;

    fn edit_comment(&self, number: u64, id: u64, body: &str) -> Result<(), Error>;

    /// Nothing where it is gone already.
    fn delete_comment(&self, number: u64, id: u64) -> Result<(), Error>;

    /// Merges it now, if its branch still stands at `head`.
    fn merge(&self, number: u64, head: CommitId, method: MergeMethod) -> Result<Merging, Error>;

    /// Asks the forge to merge it once its demands are met.
    fn merge_when_ready(
        &self,
        number: u64,
        head: CommitId,
        method: MergeMethod,
    ) -> Result<Merging, Error>;

    /// What all checks of a commit say together; what was not read does not pass.
    fn checks(&self, commit: CommitId) -> Result<Checks, Error>;

    /// The commit's statuses, check runs and jobs, sorted by name, with the newest of each name:
    /// where two systems use one name, the graver. Unusable where there are more than
    /// [`MAX_CHECKS`]: what was not read may fail.
    fn statuses(&self, commit: CommitId) -> Result<Vec<NamedCheck>, Error>;

    /// Posts a status; the same one again changes nothing. A lost answer is asked for once more.
    fn set_status(&self, commit: CommitId, status: &CommitStatus) -> Result<(), Error>;

    /// The accounts whose approval counts now for this head: of somebody who may write, not taken
    /// back by a later word of theirs, not dismissed, and neither of the one who opened it nor of
    /// the account that asks. Nobody where its branch is not at `head`.
    ///
    /// An approval is of what was seen, so one that is older than the head counts only where the
    /// forge itself knows that nothing has changed. Gitea compares, and calls the others stale.
    /// GitHub says only which commit was approved, which has to be the head: whether an older
    /// approval is dismissed is a setting there, and may be off. GitLab says when it was approved,
    /// which has to be after the head came; versions before 18 do not, and then all of its count.
    fn approvals(&self, number: u64, head: CommitId) -> Result<BTreeSet<String>, Error>;

    /// When a merged pull request brought this commit into `base`, as the forge remembers it: the
    /// one that made the commit, else the last one that has it. None where there is none. Gitea
    /// remembers the commit that the branch was at after the merge, and no other.
    fn entered(&self, commit: CommitId, base: &BranchName) -> Result<Option<Timestamp>, Error>;

    fn protection(&self, branch: &BranchName) -> Result<Protection, Error>;

    /// Who asks, and what they may do here.
    fn standing(&self) -> Result<Standing, Error>;
}

/// What became of opening a pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    pub pull_request: PullRequest,
    /// What could not be set beside it, such as a reviewer that the forge does not know. One
    /// sentence each.
    pub warnings: Vec<String>,
    /// Whether another try may set more of it.
    pub is_whole: bool,
}

/// What became of a merge: not being ready is no error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Merging {
    Merged,
    /// The forge merges it once its demands are met.
    Scheduled,
    /// The branch is not at the commit that was named.
    HeadMoved,
    /// A demand is not met, or it conflicts: the forge's words.
    NotReady(String),
    /// The forge, or this repository on it, does not offer this.
    NotOffered,
}

/// A write that may be made twice: once more where it may not have arrived.
fn twice<T>(write: impl Fn() -> Result<T, Error>) -> Result<T, Error> {
    match write() {
        Err(Error::Unavailable { .. } | Error::Unusable { .. }) => write(),
        written => written,
    }
}

/// A refusal says what the token lacks; one of a token that is wrong stays as it is.
fn needing<T>(result: Result<T, Error>, needed: &str) -> Result<T, Error> {
    result.map_err(|error| match error {
        Error::Denied { host, reason } if !reason.contains("status 401") => Error::Denied {
            host,
            reason: format!("{reason}; the token needs {needed}"),
        },
        error => error,
    })
}

/// What is to be gone, and is.
fn unless_gone(result: Result<(), Error>) -> Result<(), Error> {
    match result {
        Err(Error::Missing { .. }) => Ok(()),
        result => result,
    }
}
