//! Bot branches as the pull requests of a plain Git repository: what they are, and merging them.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::environment::{Environment, EnvironmentName};
use crate::git::{Author, Commit, Error, Merge, NewCommit, PushOutcome, Repository};
use crate::plan::{BranchState, TaggedImage, images};
use crate::reconcile::evidence::{self, MAX_BRANCH_COMMITS};
use crate::revision::{BranchName, CommitId};
use crate::snapshot::{FileChange, FilePath};

/// A bot branch beside the branch that it is to be merged into.
#[derive(Clone, Debug)]
pub struct Proposed {
    pub branch: BranchName,
    pub head: CommitId,
    pub environment: EnvironmentName,
    pub base: BranchName,
    pub tip: CommitId,
    pub state: BranchState,
    /// What it has and the base has not, newest first, without what merges brought; none where there
    /// are too many to show.
    pub commits: Vec<Commit>,
}

impl Proposed {
    /// The bot's own commit, else the newest.
    pub fn main_commit(&self) -> Option<&Commit> {
        let bots = self
            .commits
            .iter()
            .find(|commit| evidence::has_plan(&commit.message));
        bots.or(self.commits.first())
    }

    /// What it proposes for which stream tags.
    pub fn images(&self) -> Vec<TaggedImage> {
        let commits = self.commits.iter();
        commits.flat_map(|commit| images(&commit.message)).collect()
    }

    /// The subject of [`Self::main_commit`].
    pub fn title(&self) -> &str {
        let message = self.main_commit().map(|commit| commit.message.as_str());
        message
            .and_then(|message| message.lines().next())
            .unwrap_or_default()
    }
}

/// The bot branches of the environments that are wanted, in order. An environment without its
/// branch has none.
pub fn proposed(
    repository: &Repository,
    environments: &[Environment],
    default: &BranchName,
    is_wanted: &dyn Fn(&BranchName) -> bool,
) -> Result<Vec<Proposed>, Error> {
    let mut found = Vec::new();
    for environment in environments {
        let base = environment.branch.as_ref().unwrap_or(default);
        let Some(tip) = repository.branch(base)? else {
            continue;
        };
        let mut heads = repository.branches(&evidence::branch_prefix(&environment.name))?;
        heads.retain(|(branch, _)| is_wanted(branch));
        for branch in evidence::branches(repository, tip, &heads, &BTreeMap::new())?.branches {
            let commits =
                match repository.first_parents_between(tip, branch.head, MAX_BRANCH_COMMITS) {
                    Ok(commits) => commits,
                    Err(Error::TooLarge { .. }) => Vec::new(),
                    Err(error) => return Err(error),
                };
            found.push(Proposed {
                branch: branch.name,
                head: branch.head,
                environment: environment.name.clone(),
                base: base.clone(),
                tip,
                state: branch.state,
                commits,
            });
        }
    }
    Ok(found)
}

/// What merging a branch into its base would change, by path; else the paths that conflict.
pub fn changes(
    repository: &Repository,
    proposed: &Proposed,
) -> Result<Result<Vec<FileChange>, Vec<FilePath>>, Error> {
    let deltas = match repository.merge(proposed.tip, proposed.head)? {
        Merge::Clean(deltas) => deltas,
        Merge::Conflict(paths) => return Ok(Err(paths)),
    };
    let changes = deltas
        .iter()
        .map(|delta| evidence::file_change(repository, delta));
    changes.collect::<Result<_, _>>().map(Ok)
}

/// What became of merging a bot branch.
#[derive(Debug)]
pub enum Merged {
    /// The base stands at this commit; `deletion` says what became of the branch.
    Done {
        commit: CommitId,
        deletion: PushOutcome,
    },
    /// The base stands where it stood: somebody was faster, or the server said no.
    NotMoved(PushOutcome),
    Conflict(Vec<FilePath>),
    /// The base has gone on since, so only a merge or a squash can be made.
    NotAhead,
}

/// How a branch is merged here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A commit with two parents.
    Merge,
    /// One commit, with the message of the bot's own.
    Squash,
    FastForward,
}

/// Merges a bot branch into its base and deletes it, both by compare and swap.
pub fn merge(
    repository: &Repository,
    proposed: &Proposed,
    way: Way,
    author: &Author,
    now: Timestamp,
) -> Result<Merged, Error> {
    let Proposed { tip, head, .. } = *proposed;
    let merge = format!("Merge {}: {}\n", proposed.branch, proposed.title());
    let own = proposed.main_commit().map(|commit| commit.message.as_str());
    let both = [tip, head];
    let (parents, message) = match way {
        Way::Merge => (both.as_slice(), merge.as_str()),
        Way::Squash => (both.get(..1).unwrap_or_default(), own.unwrap_or(&merge)),
        Way::FastForward => return fast_forward(repository, proposed),
    };
    let tree = match repository.merged_tree(tip, head)? {
        Ok(tree) => tree,
        Err(conflicts) => return Ok(Merged::Conflict(conflicts)),
    };
    let commit = repository.commit(&NewCommit {
        parents,
        base: tree,
        changes: &[],
        message,
        author,
        time: now,
    })?;
    move_base(repository, proposed, commit)
}

fn fast_forward(repository: &Repository, proposed: &Proposed) -> Result<Merged, Error> {
    match repository.commits_between(proposed.head, proposed.tip, 0) {
        Ok(_) => move_base(repository, proposed, proposed.head),
        Err(Error::TooLarge { .. }) => Ok(Merged::NotAhead),
        Err(error) => Err(error),
    }
}

fn move_base(
    repository: &Repository,
    proposed: &Proposed,
    commit: CommitId,
) -> Result<Merged, Error> {
    Ok(
        match repository.push(&proposed.base, Some(proposed.tip), Some(commit))? {
            PushOutcome::Pushed => Merged::Done {
                commit,
                deletion: repository.push(&proposed.branch, Some(proposed.head), None)?,
            },
            outcome => Merged::NotMoved(outcome),
        },
    )
}
