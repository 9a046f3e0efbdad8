//! Forges as APIs: the pull requests of one Git repository at GitHub, GitLab, Gitea or Forgejo.
//!
//! Everything here blocks: a forge is a client that writes one thing after another. Base URLs and
//! tokens come from the operator, never from a Git repository or from an answer.

mod error;
pub mod gitea;
pub mod github;
pub mod gitlab;
pub mod http;

use std::collections::BTreeSet;

use jiff::Timestamp;

pub use error::Error;

use crate::pull_request::{
    Change, Checks, Comment, Draft, MergeMethod, Protection, PullRequest, Standing,
};
use crate::revision::{BranchName, CommitId};

/// Open pull requests that are read of one repository.
pub const MAX_OPEN: usize = 2000;
/// Ended pull requests of one branch, and comments of one pull request, that are looked at.
pub const MAX_LOOKED_AT: usize = 100;

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

    fn checks(&self, commit: CommitId) -> Result<Checks, Error>;

    /// What is said of a commit, by name. None where a forge is not asked for it.
    fn statuses(&self, _commit: CommitId) -> Result<Vec<NamedCheck>, Error> {
        Ok(Vec::new())
    }

    /// When a merged pull request brought a commit into `base`.
    fn entered(&self, _commit: CommitId, _base: &BranchName) -> Result<Option<Timestamp>, Error> {
        Ok(None)
    }

    /// Who approves a pull request.
    fn approvals(&self, _number: u64, _head: CommitId) -> Result<BTreeSet<String>, Error> {
        Ok(BTreeSet::new())
    }

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

/// What is to be gone, and is.
fn unless_gone(result: Result<(), Error>) -> Result<(), Error> {
    match result {
        Err(Error::Missing { .. }) => Ok(()),
        result => result,
    }
}

/// One check of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedCheck {
    pub name: String,
    pub state: Checks,
}
