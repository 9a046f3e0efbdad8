use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::git::{Error, Repository};
use crate::revision::{CommitId, TreeId};

/// Commits of a source that are considered; older ones had their time.
pub const MAX_CANDIDATES: usize = 500;

/// A commit of a source environment that may be taken.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub commit: CommitId,
    pub tree: TreeId,
    /// When it entered the environment, as far as Git and earlier passes can tell.
    pub entered: Timestamp,
    /// Not before this did it enter: with no pass in between, what stood there before it may have
    /// been gone long since.
    pub earliest: Timestamp,
}

/// The first-parent commits of `tip` down to `base`, newest first; with `base` itself where it is
/// one of them, since what it brought may be wanted again.
///
/// A commit may be older than its time in the environment: merged by fast-forward, it keeps the
/// time at which it was made. So the time is the later of its own, of that of the commit before
/// it, and of `first_sight`.
pub fn candidates(
    repository: &Repository,
    base: Option<CommitId>,
    tip: CommitId,
    first_sight: &BTreeMap<CommitId, Timestamp>,
    now: Timestamp,
) -> Result<Vec<Candidate>, Error> {
    let mut commits = match base {
        Some(base) => repository.newest_first_parents(base, tip, MAX_CANDIDATES)?,
        None => repository.first_parents(tip, MAX_CANDIDATES, |_| false)?,
    };
    if let Some(base) = base {
        let oldest = commits.last();
        let is_next = oldest.map_or(base == tip, |oldest| oldest.parents.first() == Some(&base));
        if is_next {
            commits.extend(repository.first_parents(base, 1, |_| true)?);
        }
    }
    let mut line = Vec::new();
    let mut before = Timestamp::UNIX_EPOCH;
    for commit in commits.into_iter().rev() {
        let seen = first_sight.get(&commit.id).copied();
        let entered = commit.time.max(before).max(seen.unwrap_or(commit.time));
        // A clock that went wrong once must not stop what comes after.
        if entered <= now {
            before = entered;
        }
        line.push(Candidate {
            commit: commit.id,
            tree: commit.tree,
            entered,
            earliest: commit.time.min(entered),
        });
    }
    line.reverse();
    Ok(line)
}
