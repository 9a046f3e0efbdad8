//! Promotions that a target's branch has had, as its first-parent history tells them.

use jiff::Timestamp;

use crate::environment::{Carry, EnvironmentName};
use crate::git::{Commit, Error, Repository};
use crate::plan::promotion::{Promoted, all_promoted};
use crate::revision::CommitId;

/// Commits of a target that are looked through for its last promotion.
const MAX_TARGET: usize = 5_000;
/// Commits of a merged bot branch that are looked at.
const MAX_MERGED: usize = 50;

/// A promotion in a target's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Landing {
    /// The target's own commit that brought it.
    pub commit: CommitId,
    pub time: Timestamp,
    pub promoted: Promoted,
}

/// What a first-parent commit brought from `source`: by its own words, or, of a merge, by those of
/// the bot's commit that was merged. A squash may have kept them anywhere, and others with them.
pub fn landing(
    repository: &Repository,
    commit: &Commit,
    source: &EnvironmentName,
) -> Result<Option<Landing>, Error> {
    let found = |promoted| Landing {
        commit: commit.id,
        time: commit.time,
        promoted,
    };
    let of_source = |message: &str| {
        let mut all = all_promoted(message).into_iter().rev();
        all.find(|promoted| promoted.from == *source)
    };
    if let Some(promoted) = of_source(&commit.message) {
        return Ok(Some(found(promoted)));
    }
    let [first, second] = commit.parents.as_slice() else {
        return Ok(None);
    };
    let merged = repository.newest_first_parents(*first, *second, MAX_MERGED)?;
    let own = merged.iter().find_map(|commit| of_source(&commit.message));
    Ok(own.map(found))
}

/// The newest promotion from `source`, and with `carry` only one of those; among commits that
/// `tip` has in its first-parent history. What names no commit of the source's history counts for
/// nothing.
pub fn last_landing(
    repository: &Repository,
    tip: CommitId,
    source: &EnvironmentName,
    source_tip: CommitId,
    carry: Option<Carry>,
) -> Result<Option<Landing>, Error> {
    let mut result = Ok(None);
    repository.first_parents(tip, MAX_TARGET, |commit| {
        let wanted = landing(repository, commit, source).and_then(|found| {
            let Some(found) = found else { return Ok(None) };
            let promoted = &found.promoted;
            let is_wanted = carry.is_none_or(|carry| promoted.carry == carry)
                && repository.is_in_history(promoted.commit, source_tip)?;
            Ok(is_wanted.then_some(found))
        });
        let is_last = !matches!(wanted, Ok(None));
        if is_last {
            result = wanted;
        }
        is_last
    })?;
    result
}
