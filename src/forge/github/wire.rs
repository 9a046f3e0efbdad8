//! GitHub's answers, as far as they are read.

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::pull_request::{Comment, PullRequest, State};

/// Whom GitHub shows for an account that is gone.
const GHOST: &str = "ghost";

#[derive(Debug, Deserialize)]
pub(crate) struct Pull {
    pub number: u64,
    /// What GraphQL calls it.
    pub node_id: String,
    html_url: String,
    state: String,
    title: String,
    body: Option<String>,
    #[serde(default)]
    pub draft: bool,
    pub merged_at: Option<Timestamp>,
    /// Of one that is open: of a merge on trial.
    #[serde(default)]
    pub merge_commit_sha: Option<String>,
    created_at: Timestamp,
    pub labels: Vec<Label>,
    user: Option<Account>,
    pub head: Side,
    pub base: Side,
    /// Set where GitHub merges it once its demands are met.
    pub auto_merge: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Side {
    #[serde(rename = "ref")]
    pub name: String,
    pub sha: String,
    /// None where the fork is gone.
    repo: Option<Repository>,
}

#[derive(Debug, Deserialize)]
struct Repository {
    id: u64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Label {
    name: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Account {
    pub login: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Remark {
    id: u64,
    body: Option<String>,
    pub user: Option<Account>,
}

impl Pull {
    /// Whether its branch is in the repository itself, not in a fork. Names may differ from the
    /// operator's in case, or by a renaming: the numbers do not.
    pub fn is_of_repository(&self) -> bool {
        match (&self.head.repo, &self.base.repo) {
            (Some(head), Some(base)) => head.id == base.id,
            _ => false,
        }
    }

    pub fn is_open(&self) -> bool {
        self.state == "open"
    }

    pub fn is_merged(&self) -> bool {
        self.merged_at.is_some()
    }

    /// GitHub's labels do not differ by case alone.
    pub fn has_label(&self, name: &str) -> bool {
        self.labels
            .iter()
            .any(|label| label.name.eq_ignore_ascii_case(name))
    }

    /// Errors say what of it cannot be used.
    pub fn value(self) -> Result<PullRequest, String> {
        let number = self.number;
        let branch = |name: &str| {
            name.parse()
                .map_err(|_| format!("pull request {number} is of a branch that has no name"))
        };
        Ok(PullRequest {
            number,
            state: match (self.is_open(), self.is_merged()) {
                (true, _) => State::Open,
                (false, true) => State::Merged,
                (false, false) => State::Closed,
            },
            head: branch(&self.head.name)?,
            head_commit: self.head.sha.parse().ok(),
            base: branch(&self.base.name)?,
            url: self.html_url,
            title: self.title,
            body: with_line_ends(self.body),
            labels: self.labels.into_iter().map(|label| label.name).collect(),
            is_draft: self.draft,
            author: login_of(self.user),
            created: self.created_at,
        })
    }
}

impl Remark {
    pub fn value(self) -> Comment {
        Comment {
            id: self.id,
            author: login_of(self.user),
            body: with_line_ends(self.body),
        }
    }
}

fn login_of(account: Option<Account>) -> String {
    account.map_or_else(|| GHOST.to_owned(), |account| account.login)
}

/// What was written in a browser ends its lines with `\r\n`.
fn with_line_ends(body: Option<String>) -> String {
    body.unwrap_or_default().replace("\r\n", "\n")
}
