use jiff::Timestamp;

use crate::clock;
use crate::git::{Author, Error, NewCommit, PushOutcome, Repository};
use std::collections::BTreeSet;

use crate::plan::creation::Created;
use crate::plan::promotion::promoted;
use crate::plan::{TaggedImage, images, tombstone};
use crate::revision::BranchName;

/// Commits on a branch that is closed; the bot itself makes one.
const MAX_COMMITS: usize = 50;

/// What became of closing a bot branch.
#[derive(Debug)]
pub enum Closed {
    /// The branch is its own tombstone now; these are not proposed again.
    Done {
        images: Vec<TaggedImage>,
        created: BTreeSet<Created>,
    },
    /// No commit on it proposes an image.
    NothingProposed,
    NotMoved(PushOutcome),
}

/// Leaves `branch` as its own tombstone: one commit with the tree of its base, which says what is
/// not proposed again. `target` is the branch that it was to be merged into.
pub fn close(
    repository: &Repository,
    branch: &BranchName,
    target: &BranchName,
    author: &Author,
    now: Timestamp,
) -> Result<Closed, Error> {
    let head = repository.snapshot(branch)?.commit;
    let tip = repository.snapshot(target)?.commit;
    let commits = repository.first_parents_between(tip, head, MAX_COMMITS)?;
    let proposed: Vec<TaggedImage> = commits
        .iter()
        .flat_map(|commit| images(&commit.message))
        .collect();
    let base = commits
        .last()
        .and_then(|commit| commit.parents.first().copied());
    let promoted = commits.iter().find_map(|commit| promoted(&commit.message));
    let created = commits
        .iter()
        .flat_map(|commit| Created::all_of(&commit.message));
    let created: BTreeSet<Created> = created.collect();
    let is_nothing = proposed.is_empty() && promoted.is_none() && created.is_empty();
    let Some(base) = base.filter(|_| !is_nothing) else {
        return Ok(Closed::NothingProposed);
    };
    let time = clock::rfc3339(now);
    let message = tombstone(branch, &proposed, promoted.as_ref(), &created, &time);
    let commit = repository.commit(&NewCommit {
        parents: &[base],
        base: repository.tree_of(base)?,
        changes: &[],
        message: &message,
        author,
        time: now,
    })?;
    Ok(match repository.push(branch, Some(head), Some(commit))? {
        PushOutcome::Pushed => Closed::Done {
            images: proposed,
            created,
        },
        outcome => Closed::NotMoved(outcome),
    })
}
