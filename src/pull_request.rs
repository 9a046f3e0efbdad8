//! Pull requests as values: what one is to be like, and what a forge has.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::revision::{BranchName, CommitId};

/// What a pull request is to be when it is opened. GitLab's merge requests are meant too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The bot branch.
    pub head: BranchName,
    pub base: BranchName,
    /// One line.
    pub title: String,
    /// Markdown.
    pub body: String,
    pub labels: BTreeSet<String>,
    /// Accounts, and on GitHub teams as `organization/team`; asked for once, when it is opened.
    pub reviewers: BTreeSet<String>,
    pub assignees: BTreeSet<String>,
    pub is_draft: bool,
}

/// A pull request as a forge has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRequest {
    /// What people call it: GitLab's `iid`.
    pub number: u64,
    /// Its page.
    pub url: String,
    pub state: State,
    pub head: BranchName,
    /// None where the branch is gone.
    pub head_commit: Option<CommitId>,
    pub base: BranchName,
    pub title: String,
    /// With `\n` as line ends.
    pub body: String,
    pub labels: BTreeSet<String>,
    pub is_draft: bool,
    /// The account that opened it.
    pub author: String,
    pub created: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    Open,
    /// By somebody, without a merge.
    Closed,
    Merged,
}

/// What is to become different of an open pull request; nothing where nothing is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    pub title: Option<String>,
    pub body: Option<String>,
    pub base: Option<BranchName>,
    pub is_draft: Option<bool>,
    pub added_labels: BTreeSet<String>,
    pub removed_labels: BTreeSet<String>,
}

impl Change {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A remark under a pull request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comment {
    pub id: u64,
    pub author: String,
    pub body: String,
}

/// How a pull request is merged.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum MergeMethod {
    /// A commit with two parents.
    #[default]
    Merge,
    Squash,
    Rebase,
}

impl MergeMethod {
    /// As configurations and forges spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Squash => "squash",
            Self::Rebase => "rebase",
        }
    }
}

/// What the forge's checks say of a commit, statuses and runs together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Checks {
    /// Nothing checks it.
    None,
    Pending,
    Passing,
    Failing,
}

impl Checks {
    /// The two together: one failure fails, and what is not known yet may fail.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Failing, _) | (_, Self::Failing) => Self::Failing,
            (Self::Pending, _) | (_, Self::Pending) => Self::Pending,
            (Self::Passing, _) | (_, Self::Passing) => Self::Passing,
            (Self::None, Self::None) => Self::None,
        }
    }

    /// All of a commit's together, but for the one of the name `except`.
    pub fn of(named: &[NamedCheck], except: Option<&str>) -> Self {
        named
            .iter()
            .filter(|check| except != Some(check.name.as_str()))
            .fold(Self::None, |all, check| all.and(check.state))
    }
}

/// One check of a commit: a status, a check run or a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedCheck {
    /// As the forge has it: somebody else's words.
    pub name: String,
    pub state: Checks,
}

/// What we say of a commit at a forge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitStatus {
    /// The name under which the newest one counts.
    pub context: String,
    /// [`Checks::None`] is posted as pending.
    pub state: Checks,
    /// One line; a forge shows the beginning of a long one.
    pub description: String,
    /// Where more is said.
    pub url: Option<String>,
}

/// The context under which the result of an environment's gates is posted. It is no check of a
/// change: it must not hold up our own merge.
pub const GATES_CONTEXT: &str = "headwater/gates";

/// What a forge demands of changes to a branch, as far as the account may see it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protection {
    /// Pushes past pull requests are refused.
    pub is_protected: bool,
    /// A pull request's branch must have the base's newest commit before it is merged.
    pub requires_up_to_date: bool,
    /// Approvals that a merge needs.
    pub approvals: u32,
    /// Checks that must pass.
    pub checks: BTreeSet<String>,
}

/// What a forge says of the repository and of who asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The account that the token is of, or the App's name; empty where the token may not ask.
    pub account: String,
    /// What the token may do, as the forge calls it; empty where the forge does not say.
    pub scopes: BTreeSet<String>,
    pub default_branch: String,
    /// Whether the account may push branches and open pull requests here.
    pub may_write: bool,
    pub is_archived: bool,
    /// Ways of merging that the repository allows.
    pub merge_methods: Vec<MergeMethod>,
    /// Whether the forge itself merges once its demands are met.
    pub has_automerge: bool,
    /// The forge's own time.
    pub time: Option<Timestamp>,
    /// The forge's version, where it says so.
    pub version: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_check_counts_and_one_may_be_left_out() {
        use Checks::{Failing, None, Passing, Pending};
        let named = |checks: &[(&str, Checks)]| -> Vec<NamedCheck> {
            let check = |(name, state): &(&str, Checks)| NamedCheck {
                name: (*name).to_owned(),
                state: *state,
            };
            checks.iter().map(check).collect()
        };
        for (checks, all, without_ours) in [
            (vec![], None, None),
            (vec![(GATES_CONTEXT, Pending)], Pending, None),
            (
                vec![(GATES_CONTEXT, Failing), ("ci", Passing)],
                Failing,
                Passing,
            ),
            (vec![("a", Passing), ("b", Pending)], Pending, Pending),
            (
                vec![("a", Failing), ("b", Pending), ("c", Passing)],
                Failing,
                Failing,
            ),
            (vec![("headwater/gates2", Failing)], Failing, Failing),
        ] {
            let checks = named(&checks);
            assert_eq!(Checks::of(&checks, Option::None), all, "{checks:?}");
            assert_eq!(
                Checks::of(&checks, Some(GATES_CONTEXT)),
                without_ours,
                "{checks:?}"
            );
        }
    }
}
