use std::collections::BTreeMap;

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
pub struct Proposed {
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

/// Writes one commit on a branch of its own. A branch that holds the same files already is kept;
/// one that holds others is never written over.
pub fn propose(
    repository: &Repository,
    push: &Push<'_>,
    environment: &EnvironmentName,
    group: &str,
    new: &NewCommit<'_>,
) -> Result<Option<Proposed>, Error> {
    let commit = repository.commit(new)?;
    let tree = repository.tree_of(commit)?;
    for attempt in 1..=MAX_NAMES {
        let Some(branch) = branch_name(environment, group, attempt) else {
            return Ok(None);
        };
        if let Some(head) = repository.branch(&branch)? {
            if repository.tree_of(head)? == tree {
                return Ok(Some(Proposed {
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
        return Ok(Some(Proposed {
            branch,
            commit,
            outcome,
        }));
    }
    Ok(None)
}
