use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::environment::EnvironmentName;
use crate::git::{Error, NewCommit, PushOutcome, Repository};
use crate::plan::branch_name;
use crate::problem::Problem;
use crate::reconcile::apply::{Outcome, Push};
use crate::reconcile::read::{MAX_SEARCHED_BYTES, is_manifest};
use crate::revision::{BranchName, CommitId, TreeId};
use crate::snapshot::Files;

/// As many proposals of one command may stand side by side.
const MAX_NAMES: usize = 20;
/// Blobs in memory at one time, beside what is kept.
const CHUNK: usize = 512;

/// The branch of a command.
#[derive(Debug)]
pub struct Proposal {
    pub branch: BranchName,
    pub commit: CommitId,
    pub outcome: Outcome,
}

/// The files of a tree as a desk has them, and what could not be read.
pub fn tip_files(repository: &Repository, tree: TreeId) -> Result<(Files, Vec<Problem>), Error> {
    let (entries, mut problems) = repository.entries(tree, is_manifest)?;
    let mut files: Files = BTreeMap::new();
    for chunk in entries.chunks(CHUNK) {
        let blobs: Vec<_> = chunk.iter().map(|entry| entry.blob).collect();
        let contents = repository.read_blobs(&blobs, MAX_SEARCHED_BYTES);
        for (entry, content) in chunk.iter().zip(contents) {
            match content {
                Ok(content) => {
                    files.insert(entry.path.clone(), content);
                }
                Err(error @ Error::TooLarge { .. }) => {
                    let message = format!("{} is not read: {error}", entry.path);
                    problems.push(Problem::error(None, message));
                }
                Err(error) => return Err(error),
            }
        }
    }
    Ok((files, problems))
}

/// When the same command was made into a branch before, from the same commit: made again with that
/// time, it gives the same files.
pub fn proposed_at(
    repository: &Repository,
    environment: &EnvironmentName,
    group: &str,
    trailer: &str,
    base: CommitId,
) -> Result<Option<Timestamp>, Error> {
    for attempt in 1..=MAX_NAMES {
        let Some(branch) = branch_name(environment, group, attempt) else {
            break;
        };
        let Some(head) = repository.branch(&branch)? else {
            continue;
        };
        let commits = match repository.commits_between(base, head, 1) {
            Ok(commits) => commits,
            // Somebody has gone on from there.
            Err(Error::TooLarge { .. }) => continue,
            Err(error) => return Err(error),
        };
        if let [commit] = commits.as_slice()
            && commit.parents == [base]
            && commit.message.lines().any(|line| line == trailer)
        {
            return Ok(Some(commit.time));
        }
    }
    Ok(None)
}

/// Writes one commit on a branch of its own. A branch that says the same already is kept; one that
/// says something else is never written over.
pub fn propose(
    repository: &Repository,
    push: &Push<'_>,
    environment: &EnvironmentName,
    group: &str,
    new: &NewCommit<'_>,
) -> Result<Option<Proposal>, Error> {
    let commit = repository.commit(new)?;
    for attempt in 1..=MAX_NAMES {
        let Some(branch) = branch_name(environment, group, attempt) else {
            return Ok(None);
        };
        if let Some(head) = repository.branch(&branch)? {
            if says_the_same(repository, head, new)? {
                return Ok(Some(Proposal {
                    branch,
                    commit: head,
                    outcome: Outcome::Kept,
                }));
            }
            continue;
        }
        let outcome = match push(&branch, None, Some(commit))? {
            PushOutcome::Pushed => Outcome::Done,
            // Somebody took the name meanwhile.
            PushOutcome::Moved { .. } => continue,
            PushOutcome::Rejected { message, hint, .. } => Outcome::Rejected { message, hint },
        };
        return Ok(Some(Proposal {
            branch,
            commit,
            outcome,
        }));
    }
    Ok(None)
}

/// Whether the branch is one commit with the same message: the command, what it said and the
/// images. Its files may differ by the time that it recorded.
fn says_the_same(
    repository: &Repository,
    head: CommitId,
    new: &NewCommit<'_>,
) -> Result<bool, Error> {
    let Some(parent) = new.parents.first() else {
        return Ok(false);
    };
    match repository.commits_between(*parent, head, 1) {
        Ok(commits) => Ok(
            matches!(commits.as_slice(), [only] if only.message.trim_end() == new.message.trim_end()),
        ),
        Err(Error::TooLarge { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}
