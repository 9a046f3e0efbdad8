//! A merge request as GitLab writes it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Deserialize;

use crate::forge::gitlab::title;
use crate::pull_request::{PullRequest, State};

#[derive(Clone, Debug, Deserialize)]
pub struct MergeRequest {
    pub iid: u64,
    pub web_url: String,
    pub state: String,
    pub title: String,
    #[serde(default)]
    pub description: Option<String>,
    pub source_branch: String,
    pub target_branch: String,
    /// None where the fork is gone.
    #[serde(default)]
    pub source_project_id: Option<u64>,
    pub target_project_id: u64,
    /// The head of its newest diff: it stays when the branch is deleted.
    #[serde(default)]
    pub sha: Option<String>,
    #[serde(default)]
    pub labels: BTreeSet<String>,
    #[serde(default)]
    pub draft: bool,
    pub author: User,
    #[serde(default)]
    pub reviewers: Vec<User>,
    #[serde(default)]
    pub assignees: Vec<User>,
    pub created_at: Timestamp,
    #[serde(default)]
    pub squash: bool,
    #[serde(default)]
    pub merge_when_pipeline_succeeds: bool,
    /// Since 15.6.
    #[serde(default)]
    pub detailed_merge_status: Option<String>,
    /// When its first pipelines had been made and its mergeability known; since 16.1.
    #[serde(default)]
    pub prepared_at: Option<Timestamp>,
    #[serde(default)]
    pub head_pipeline: Option<Pipeline>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct User {
    pub id: u64,
    pub username: String,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Pipeline {
    pub status: String,
}

impl MergeRequest {
    /// Whether its branch is the project's own, not a fork's.
    pub fn is_ours(&self) -> bool {
        self.source_project_id == Some(self.target_project_id)
    }

    pub fn into_pull_request(self) -> Result<PullRequest, &'static str> {
        let branch = "it names a branch that Git does not allow";
        Ok(PullRequest {
            number: self.iid,
            url: self.web_url,
            // `locked` is one that is being merged at the moment.
            state: match self.state.as_str() {
                "opened" | "locked" => State::Open,
                "closed" => State::Closed,
                "merged" => State::Merged,
                _ => return Err("a merge request is in a state that is not known"),
            },
            head: self.source_branch.parse().map_err(|_| branch)?,
            head_commit: match self.sha.as_deref() {
                None | Some("") => None,
                Some(sha) => Some(sha.parse().map_err(|_| "it names a commit that is none")?),
            },
            base: self.target_branch.parse().map_err(|_| branch)?,
            title: title::without_prefix(&self.title, self.draft).to_owned(),
            body: self.description.unwrap_or_default().replace("\r\n", "\n"),
            labels: self.labels,
            is_draft: self.draft,
            author: self.author.username,
            created: self.created_at,
        })
    }
}
