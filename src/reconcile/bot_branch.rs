//! Bot branches as the pull requests of a plain Git repository: what they are, and merging them.

use jiff::Timestamp;

use crate::environment::{Environment, EnvironmentName};
use crate::git::{Author, Commit, Error, Merge, NewCommit, PushOutcome, Repository};
use crate::plan::BranchState;
use crate::pull_request::MergeMethod;
use crate::reconcile::evidence::{self, content};
use crate::revision::{BranchName, CommitId};
use crate::snapshot::FileChange;

/// Commits of one branch that are shown; the bot itself makes one.
const MAX_COMMITS: usize = 50;

/// A bot branch beside the branch that it is to be merged into.
#[derive(Clone, Debug)]
pub struct Proposed {
    pub branch: BranchName,
    pub head: CommitId,
    pub environment: EnvironmentName,
    pub base: BranchName,
    pub tip: CommitId,
    pub state: BranchState,
    /// What it has and the base has not, newest first; none where there are too many to show.
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

    /// The subject of [`Self::main_commit`].
    pub fn title(&self) -> &str {
        let message = self.main_commit().map(|commit| commit.message.as_str());
        message
            .and_then(|message| message.lines().next())
            .unwrap_or_default()
    }
}

/// The bot branches of the environments, in order. An environment without its branch has none.
pub fn proposed(
    repository: &Repository,
    environments: &[Environment],
    default: &BranchName,
) -> Result<Vec<Proposed>, Error> {
    let mut found = Vec::new();
    for environment in environments {
        let base = environment.branch.as_ref().unwrap_or(default);
        let Some(tip) = repository.branch(base)? else {
            continue;
        };
        let branches = evidence::environment_branches(repository, tip, &environment.name)?;
        for branch in branches.branches {
            let commits = match repository.commits_between(tip, branch.head, MAX_COMMITS) {
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
) -> Result<Result<Vec<FileChange>, Merge>, Error> {
    let deltas = match repository.merge(proposed.tip, proposed.head)? {
        Merge::Clean(deltas) => deltas,
        conflict @ Merge::Conflict(_) => return Ok(Err(conflict)),
    };
    deltas
        .into_iter()
        .map(|delta| {
            Ok(FileChange {
                before: content(repository, delta.before)?.unwrap_or_default(),
                after: content(repository, delta.after)?.unwrap_or_default(),
                path: delta.path,
            })
        })
        .collect::<Result<Vec<_>, Error>>()
        .map(Ok)
}

/// What became of merging a bot branch.
#[derive(Debug)]
pub enum Merged {
    /// The base stands at this commit; `deletion` says what became of the branch.
    Done {
        commit: CommitId,
        deletion: PushOutcome,
    },
    /// The base moved meanwhile: look again.
    Moved,
    Rejected {
        message: String,
        hint: String,
    },
    Conflict(Merge),
    /// The base has gone on since, so only a merge or a squash can be made.
    NotAhead,
}

/// How a branch is merged here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    By(MergeMethod),
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
    let commit = if way == Way::FastForward {
        match repository.commits_between(head, tip, 0) {
            Ok(_) => head,
            Err(Error::TooLarge { .. }) => return Ok(Merged::NotAhead),
            Err(error) => return Err(error),
        }
    } else {
        let tree = match repository.merged_tree(tip, head)? {
            Ok(tree) => tree,
            Err(conflict) => return Ok(Merged::Conflict(conflict)),
        };
        let own = proposed.main_commit();
        let own = own.map_or("", |commit| commit.message.as_str());
        let joined = format!("Merge {}: {}\n", proposed.branch, proposed.title());
        let (parents, message): (&[CommitId], &str) = match way {
            Way::By(MergeMethod::Merge) => (&[tip, head], &joined),
            _ => (&[tip], own),
        };
        repository.commit(&NewCommit {
            parents,
            base: tree,
            changes: &[],
            message,
            author,
            time: now,
        })?
    };
    Ok(
        match repository.push(&proposed.base, Some(tip), Some(commit))? {
            PushOutcome::Pushed => Merged::Done {
                commit,
                deletion: repository.push(&proposed.branch, Some(head), None)?,
            },
            PushOutcome::Moved { .. } => Merged::Moved,
            PushOutcome::Rejected { message, hint, .. } => Merged::Rejected { message, hint },
        },
    )
}
