//! What is to become of bot branches.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::plan::creation::Created;
use crate::plan::promotion::Promoted;
use crate::plan::seal::is_sealed;
use crate::plan::trailer::{self, TaggedImage};
use crate::revision::{BranchName, CommitId};
use crate::snapshot::{FileChange, Files};

/// A branch under `headwater/`, as found.
#[derive(Clone, Debug)]
pub struct BotBranch {
    pub name: BranchName,
    pub head: CommitId,
    pub state: BranchState,
    /// Whether the tip has commits that it has not.
    pub is_behind: bool,
    /// What the bot's newest commit on it says as `Headwater-Plan`.
    pub plan: Option<String>,
    /// When that was committed.
    pub time: Option<Timestamp>,
    /// What it promotes, or did before it was closed.
    pub promoted: Option<Promoted>,
    /// What it adds that was pushed, or did before it was closed.
    pub created: BTreeSet<Created>,
}

#[derive(Clone, Debug)]
pub enum BranchState {
    /// Every commit on it is ours.
    Ours {
        images: Vec<TaggedImage>,
        /// The files that merging it into the tip would change, with their content then; none
        /// where it conflicts.
        merged: Option<Files>,
    },
    /// Every commit that it has beside the base's of then is ours; the base was rewritten since.
    Rebased { images: Vec<TaggedImage> },
    /// A tombstone: these images are not proposed again.
    Closed { images: Vec<TaggedImage> },
    /// Somebody's own commit is on it.
    Foreign { reason: String },
    /// Nothing is on it that the tip has not.
    Merged,
}

impl BranchState {
    /// One word for what the branch is.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ours {
                merged: Some(_), ..
            } => "open",
            Self::Ours { merged: None, .. } | Self::Rebased { .. } => "conflict",
            Self::Closed { .. } => "closed",
            Self::Foreign { .. } => "edited",
            Self::Merged => "merged",
        }
    }
}

/// A commit between the tip and a bot branch's head.
#[derive(Clone, Debug)]
pub struct BranchCommit {
    pub id: CommitId,
    pub message: String,
    pub kind: CommitKind,
    pub changes: Vec<FileChange>,
}

/// How a commit on a bot branch came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitKind {
    /// Of one parent.
    Single,
    /// The base was merged in, and nothing else was done: what a forge's "update branch" makes.
    Update,
    /// The source environment's commit that the message names was merged in.
    Promotion,
    /// Any other merge.
    Merge,
}

impl BranchCommit {
    /// Whether the bot made it, or a forge in bringing the branch up to date.
    fn is_ours(&self) -> bool {
        match self.kind {
            CommitKind::Single | CommitKind::Promotion => is_sealed(&self.message, &self.changes),
            CommitKind::Update => true,
            CommitKind::Merge => false,
        }
    }

    /// Whether it is one that the bot wrote.
    pub fn is_bots_own(&self) -> bool {
        self.kind != CommitKind::Update && self.is_ours()
    }
}

/// Whose the commits on a bot branch are, newest first. `merged` is as in
/// [`BranchState::Ours`].
pub fn classify(commits: &[BranchCommit], merged: Option<Files>) -> BranchState {
    let Some(newest) = commits.first() else {
        return BranchState::Merged;
    };
    if is_tombstone(newest) {
        return BranchState::Closed {
            images: trailer::images(&newest.message),
        };
    }
    let foreign = commits.iter().find(|commit| !commit.is_ours());
    if let Some(commit) = foreign {
        let subject = commit.message.lines().next().unwrap_or_default();
        let subject: String = subject
            .chars()
            .filter(|c| !c.is_control())
            .take(60)
            .collect();
        return BranchState::Foreign {
            reason: format!("commit {} \"{subject}\"", commit.id.short()),
        };
    }
    BranchState::Ours {
        images: commits
            .iter()
            .filter(|commit| commit.is_bots_own())
            .flat_map(|commit| trailer::images(&commit.message))
            .collect(),
        merged,
    }
}

/// One commit without changes that says what was closed.
fn is_tombstone(commit: &BranchCommit) -> bool {
    commit.changes.is_empty() && is_closed(&commit.message)
}

/// Whether a message says that its branch was closed.
pub fn is_closed(message: &str) -> bool {
    trailer::trailer(message, trailer::CLOSED).is_some()
}

/// The message of the tombstone for a branch that proposed `images`, this promotion, and what was
/// `created`. `time` is RFC 3339.
pub fn tombstone(
    branch: &BranchName,
    images: &[TaggedImage],
    promoted: Option<&Promoted>,
    created: &BTreeSet<Created>,
    time: &str,
) -> String {
    let what = match created.is_empty() {
        true => "These images are not proposed again until their tags move on",
        false => "What it adds is not proposed again",
    };
    let mut text = format!(
        "close {branch}\n\n{what}.\n\
         Delete this branch to have them proposed anew.\n\n"
    );
    text.push_str(&Created::trailers(created));
    for image in images {
        text.push_str(&format!(
            "{}: {}\n{}: {}@{}\n",
            trailer::IMAGE_STREAM,
            image.tag,
            trailer::IMAGE,
            // A reference needs a repository; which one does not count here.
            image.tag.stream.name,
            image.digest
        ));
    }
    if let Some(promoted) = promoted {
        text.push_str(&promoted.trailers());
    }
    text.push_str(&format!("{}: {time}\n", trailer::CLOSED));
    text
}

/// What is done with a proposal's branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A new branch; `replaces` is the head of a leftover of ours of the same name.
    Create { replaces: Option<CommitId> },
    /// Our branch is made anew on the tip.
    Rebuild {
        replaces: CommitId,
        why: &'static str,
    },
    /// The branch is as it should be.
    Keep { head: CommitId },
    /// A commit on the environment's own branch.
    Commit,
    /// An edit of the files that a person stands before.
    Edit,
}

impl Action {
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Create { .. } => "create",
            Self::Rebuild { .. } => "rebuild",
            Self::Keep { .. } => "keep",
            Self::Commit => "commit",
            Self::Edit => "edit",
        }
    }
}

/// A proposal's place among the branches that are there.
pub enum Fit {
    At(BranchName, Action),
    Foreign { branch: BranchName, reason: String },
}

/// Finds the branch of a group: `name` gives its first, second, … name.
///
/// A tombstone that still holds something back keeps its name: the group takes the next one.
pub fn fit(
    branches: &[BotBranch],
    name: &dyn Fn(usize) -> Option<BranchName>,
    is_in_force: &dyn Fn(&BotBranch, &[TaggedImage]) -> bool,
    changes: &[FileChange],
) -> Option<Fit> {
    /// More tombstones than this for one group: the oldest is written over.
    const MAX_NAMES: usize = 20;
    for attempt in 1..=MAX_NAMES {
        let branch = name(attempt)?;
        let Some(found) = branches.iter().find(|found| found.name == branch) else {
            return Some(Fit::At(branch, Action::Create { replaces: None }));
        };
        let replaces = found.head;
        let action = match &found.state {
            BranchState::Closed { images } if attempt < MAX_NAMES && is_in_force(found, images) => {
                continue;
            }
            BranchState::Closed { .. } | BranchState::Merged => Action::Create {
                replaces: Some(replaces),
            },
            BranchState::Foreign { reason } => {
                let reason = reason.clone();
                return Some(Fit::Foreign { branch, reason });
            }
            BranchState::Rebased { .. } => Action::Rebuild {
                replaces,
                why: "its base was rewritten",
            },
            BranchState::Ours { merged: None, .. } => Action::Rebuild {
                replaces,
                why: "it conflicts with the tip",
            },
            BranchState::Ours {
                merged: Some(merged),
                ..
            } if yields(merged, changes) => Action::Keep { head: replaces },
            BranchState::Ours { .. } => Action::Rebuild {
                replaces,
                why: "what is wanted has changed",
            },
        };
        return Some(Fit::At(branch, action));
    }
    None
}

/// Whether merging changes these files, in this way, and no others.
fn yields(merged: &Files, changes: &[FileChange]) -> bool {
    let wanted: BTreeMap<_, _> = changes
        .iter()
        .map(|change| (&change.path, &change.after))
        .collect();
    merged.len() == wanted.len()
        && merged
            .iter()
            .all(|(path, content)| wanted.get(path).is_some_and(|after| **after == *content))
}

/// A bot branch that has nothing left to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obsolete {
    pub name: BranchName,
    pub head: CommitId,
    pub why: &'static str,
}

/// Branches of ours that no proposal needs. `is_settled` says whether a stream tag is known and
/// was answered in this pass: what could not be asked keeps its branch.
pub fn obsolete(
    branches: &[BotBranch],
    needed: &BTreeSet<&BranchName>,
    is_settled: &dyn Fn(&TaggedImage) -> bool,
) -> Vec<Obsolete> {
    branches
        .iter()
        .filter(|branch| !needed.contains(&branch.name))
        .filter_map(|branch| {
            let why = match &branch.state {
                BranchState::Merged => "it is merged",
                BranchState::Ours {
                    merged: Some(merged),
                    ..
                } if merged.is_empty() => "all that it proposed is merged",
                BranchState::Ours { images, .. } | BranchState::Rebased { images }
                    if images.iter().all(is_settled) =>
                {
                    "nothing is left to do"
                }
                _ => return None,
            };
            Some(Obsolete {
                name: branch.name.clone(),
                head: branch.head,
                why,
            })
        })
        .collect()
}
