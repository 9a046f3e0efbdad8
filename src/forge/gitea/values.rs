//! What a Gitea or Forgejo answers, as far as it is read.

use jiff::Timestamp;
use serde::Deserialize;

use crate::pull_request::{Comment, PullRequest, State};
use crate::revision::BranchName;

/// The marks of a draft in a title, unless somebody configures others.
const DRAFT_MARKS: [&str; 2] = ["WIP:", "[WIP]"];

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Pull {
    pub number: u64,
    html_url: String,
    state: String,
    #[serde(default)]
    merged: bool,
    #[serde(default)]
    pub merged_at: Option<Timestamp>,
    /// False for a conflict, and while it is not known yet.
    #[serde(default)]
    pub mergeable: bool,
    title: String,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    draft: Option<bool>,
    pub user: Option<User>,
    #[serde(default)]
    pub labels: Option<Vec<Label>>,
    pub head: Side,
    pub base: Side,
    created_at: Timestamp,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Side {
    /// The branch's name, of a deleted one too.
    label: String,
    /// The branch's name while it is there, else `refs/pull/…`.
    #[serde(rename = "ref")]
    name: String,
    #[serde(default)]
    sha: String,
    repo_id: i64,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct User {
    pub login: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Label {
    pub id: u64,
    pub name: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Remark {
    pub id: u64,
    user: Option<User>,
    #[serde(default)]
    body: String,
}

impl Pull {
    pub fn state(&self) -> State {
        match (self.merged, self.state.as_str()) {
            (true, _) => State::Merged,
            (false, "open") => State::Open,
            (false, _) => State::Closed,
        }
    }

    pub fn is_draft(&self) -> bool {
        self.draft.unwrap_or_else(|| mark_of(&self.title).is_some())
    }

    /// Without the mark of a draft.
    pub fn bare_title(&self) -> &str {
        let mark = mark_of(&self.title).filter(|_| self.is_draft());
        let bare = mark.and_then(|mark| self.title.get(mark.len()..));
        bare.map_or(&self.title, str::trim_start)
    }

    /// Whether it comes from a branch of this name in the repository itself.
    pub fn is_from(&self, branch: &str) -> bool {
        self.is_own() && self.head.label == branch
    }

    /// Whether it comes from such a branch in the repository itself: a fork's is not ours.
    pub fn is_below(&self, prefix: &str) -> bool {
        self.is_own() && self.head.label.starts_with(prefix)
    }

    fn is_own(&self) -> bool {
        self.head.repo_id == self.base.repo_id
    }

    pub fn is_onto(&self, base: &str) -> bool {
        self.base.name == base
    }

    /// The commit that its branch is at, while there is one.
    pub fn head_commit(&self) -> Option<&str> {
        let is_there = self.head.name == self.head.label && !self.head.sha.is_empty();
        is_there.then_some(self.head.sha.as_str())
    }

    /// None where a name is none of a branch, as in one that was pushed without a branch.
    pub fn value(self) -> Option<PullRequest> {
        let head_commit = self.head_commit().map(str::parse).transpose().ok()?;
        let labels = self.labels.iter().flatten();
        Some(PullRequest {
            number: self.number,
            url: self.html_url.clone(),
            state: self.state(),
            head: self.head.label.parse::<BranchName>().ok()?,
            head_commit,
            base: self.base.name.parse::<BranchName>().ok()?,
            title: self.bare_title().to_owned(),
            body: unix(self.body.as_deref().unwrap_or_default()),
            labels: labels.map(|label| label.name.clone()).collect(),
            is_draft: self.is_draft(),
            author: self.user.map(|user| user.login).unwrap_or_default(),
            created: self.created_at,
        })
    }
}

impl Remark {
    pub fn value(self) -> Comment {
        Comment {
            id: self.id,
            author: self.user.map(|user| user.login).unwrap_or_default(),
            body: unix(&self.body),
        }
    }
}

/// The title of a draft, or of what is none.
pub(crate) fn marked(title: &str, is_draft: bool) -> String {
    if is_draft && mark_of(title).is_none() {
        format!("WIP: {title}")
    } else {
        title.to_owned()
    }
}

fn mark_of(title: &str) -> Option<&'static str> {
    let begins = |mark: &&str| {
        let start = title.get(..mark.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(mark))
    };
    DRAFT_MARKS.into_iter().find(begins)
}

/// A form in a browser sends `\r\n`.
fn unix(text: &str) -> String {
    text.replace("\r\n", "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_is_a_mark_in_the_title() {
        for (title, is_draft, expected) in [
            ("pin web", false, "pin web"),
            ("pin web", true, "WIP: pin web"),
            ("[wip] pin web", true, "[wip] pin web"),
        ] {
            assert_eq!(marked(title, is_draft), expected);
        }
        for (title, mark) in [
            ("WIP: a", Some("WIP:")),
            ("wip:a", Some("WIP:")),
            ("[WIP] a", Some("[WIP]")),
            ("WIPe it", None),
            ("ü", None),
        ] {
            assert_eq!(mark_of(title), mark);
        }
    }
}
