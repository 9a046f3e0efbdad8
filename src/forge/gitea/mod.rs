//! Gitea and Forgejo, by the first version of their API.
//!
//! Their lists are paged by number: the `Link` header names the configured `ROOT_URL`, which may
//! be another origin than the one that is asked. A draft is a title that begins with `WIP: `.

mod approvals;
mod checks;
mod entered;
mod labels;
mod listing;
mod merging;
mod opening;
mod standing;
mod values;

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::Method;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::forge::gitea::values::{Pull, Remark, marked};
use crate::forge::http::{Client, Dialect, Options, Request, TokenHeader};
use crate::forge::{Error, Forge, MAX_LOOKED_AT, Merging, Opened, unless_gone};
use crate::pull_request::{
    Change, Checks, Comment, CommitStatus, Draft, MergeMethod, NamedCheck, Protection, PullRequest,
    Standing, State,
};
use crate::revision::{BranchName, CommitId};

/// The pull requests of one repository at a Gitea or Forgejo.
#[derive(Debug)]
pub struct Gitea {
    client: Client,
    owner: String,
    name: String,
}

impl Gitea {
    /// `options.base` is the root of the API, such as `https://git.example.com/api/v1`. Errors
    /// name the operator's setting.
    pub fn new(options: Options, owner: &str, name: &str) -> Result<Self, Error> {
        let dialect = Dialect {
            token_header: TokenHeader::Token,
            headers: &[],
            between_writes: Duration::ZERO,
        };
        Ok(Self {
            client: Client::new(options, dialect)?,
            owner: owner.to_owned(),
            name: name.to_owned(),
        })
    }

    /// A request below the repository. `asks` follows "refuses to".
    fn request(&self, method: Method, below: &[&str], asks: &str) -> Request {
        let repository = ["repos", &self.owner, &self.name];
        let subject = match below {
            ["pulls" | "issues", number, ..] => {
                format!("pull request {}/{}#{number}", self.owner, self.name)
            }
            ["commits" | "statuses", commit, ..] | ["git", "commits", commit] => {
                format!("commit {commit} in {}/{}", self.owner, self.name)
            }
            ["branches", branch] => format!("branch {branch} in {}/{}", self.owner, self.name),
            _ => format!("repository {}/{}", self.owner, self.name),
        };
        Request::new(method, &[&repository, below].concat(), asks, &subject)
    }

    fn read<T: DeserializeOwned>(&self, request: &Request) -> Result<T, Error> {
        self.client.get(request)?.json(self.client.host(), request)
    }

    fn written<T: DeserializeOwned>(&self, request: &Request) -> Result<T, Error> {
        let answer = self.client.write(request)?;
        answer.json(self.client.host(), request)
    }

    fn pull(&self, number: u64) -> Result<Pull, Error> {
        let below = ["pulls", &number.to_string()];
        self.read(&self.request(Method::GET, &below, "show it"))
    }

    fn patch(&self, number: u64, asks: &str, body: Value) -> Result<Pull, Error> {
        let below = ["pulls", &number.to_string()];
        self.written(&self.request(Method::PATCH, &below, asks).body(body))
    }

    fn value_of(&self, pull: Pull) -> Result<PullRequest, Error> {
        let reason = "a branch of the pull request has no name that Git allows";
        pull.value().ok_or_else(|| self.unusable(reason))
    }

    fn unusable(&self, reason: &str) -> Error {
        Error::Unusable {
            host: self.client.host().to_owned(),
            reason: reason.to_owned(),
        }
    }
}

impl Forge for Gitea {
    fn open_pull_requests(&self, prefix: &str) -> Result<Vec<PullRequest>, Error> {
        self.all_open(prefix)
    }

    fn pull_requests_of(&self, head: &BranchName) -> Result<Vec<PullRequest>, Error> {
        let found = self.all_of_each(std::slice::from_ref(head))?;
        Ok(found.into_iter().flatten().collect())
    }

    fn pull_requests_of_each(&self, heads: &[BranchName]) -> Result<Vec<Vec<PullRequest>>, Error> {
        self.all_of_each(heads)
    }

    fn open(&self, draft: &Draft) -> Result<Opened, Error> {
        self.open_or_find(draft)
    }

    fn opens_at_once(&self, draft: &Draft) -> bool {
        draft.assignees.is_empty() && draft.reviewers.is_empty()
    }

    fn change(&self, number: u64, change: &Change) -> Result<PullRequest, Error> {
        let before = self.pull(number)?;
        let mut body = Map::new();
        if change.title.is_some() || change.is_draft.is_some() {
            let title = change.title.as_deref().unwrap_or(before.bare_title());
            let is_draft = change.is_draft.unwrap_or(before.is_draft());
            body.insert("title".to_owned(), marked(title, is_draft).into());
        }
        if let Some(text) = &change.body {
            body.insert("body".to_owned(), text.as_str().into());
        }
        if let Some(base) = &change.base {
            body.insert("base".to_owned(), base.as_str().into());
        }
        let mut after = before.clone();
        if !body.is_empty() {
            after = self.patch(number, "change the pull request", body.into())?;
        }
        if self.change_labels(number, &before, change)? {
            after = self.pull(number)?;
        }
        self.value_of(after)
    }

    fn close(&self, number: u64) -> Result<(), Error> {
        let asks = "close the pull request";
        let after = self.patch(number, asks, json!({"state": "closed"}))?;
        match after.state() {
            State::Closed => Ok(()),
            State::Open | State::Merged => Err(Error::Refused {
                host: self.client.host().to_owned(),
                what: asks.to_owned(),
                reason: "it is not closed without a merge afterwards".to_owned(),
            }),
        }
    }

    fn comments(&self, number: u64) -> Result<Vec<Comment>, Error> {
        let below = ["issues", &number.to_string(), "comments"];
        let request = self.request(Method::GET, &below, "list the comments");
        let remarks = self.read(&request);
        if matches!(remarks, Err(Error::Unavailable { .. })) {
            // An unknown number is a server's error here, and missing there.
            self.pull(number)?;
        }
        let mut remarks: Vec<Remark> = remarks?;
        remarks.sort_by_key(|remark| remark.id);
        remarks.truncate(MAX_LOOKED_AT);
        Ok(remarks.into_iter().map(Remark::value).collect())
    }

    fn add_comment(&self, number: u64, body: &str) -> Result<Comment, Error> {
        let below = ["issues", &number.to_string(), "comments"];
        let request = self.request(Method::POST, &below, "add a comment");
        match self.written::<Remark>(&request.body(json!({"body": body}))) {
            Err(error @ Error::Unavailable { .. }) => {
                let all = self.comments(number)?;
                let arrived = all.into_iter().rev().find(|comment| comment.body == body);
                arrived.ok_or(error)
            }
            added => added.map(Remark::value),
        }
    }

    fn edit_comment(&self, _number: u64, id: u64, body: &str) -> Result<(), Error> {
        let below = ["issues", "comments", &id.to_string()];
        let request = self.request(Method::PATCH, &below, "edit a comment");
        self.written::<Remark>(&request.body(json!({"body": body})))?;
        Ok(())
    }

    fn delete_comment(&self, _number: u64, id: u64) -> Result<(), Error> {
        let below = ["issues", "comments", &id.to_string()];
        let request = self.request(Method::DELETE, &below, "delete a comment");
        let answer = self.client.write(&request)?;
        unless_gone(answer.check(self.client.host(), &request))
    }

    fn merge(&self, number: u64, head: CommitId, method: MergeMethod) -> Result<Merging, Error> {
        self.merge_now(number, head, method)
    }

    fn merge_when_ready(
        &self,
        number: u64,
        head: CommitId,
        method: MergeMethod,
    ) -> Result<Merging, Error> {
        self.merge_now_or_later(number, head, method)
    }

    fn checks(&self, commit: CommitId) -> Result<Checks, Error> {
        self.checks_of(commit)
    }

    fn statuses(&self, commit: CommitId) -> Result<Vec<NamedCheck>, Error> {
        self.named_checks_of(commit)
    }

    fn set_status(&self, commit: CommitId, status: &CommitStatus) -> Result<(), Error> {
        self.post_status(commit, status)
    }

    fn approvals(&self, number: u64, head: CommitId) -> Result<BTreeSet<String>, Error> {
        self.approvals_of(number, head)
    }

    fn entered(&self, commit: CommitId, base: &BranchName) -> Result<Option<Timestamp>, Error> {
        self.entered_at(commit, base)
    }

    fn protection(&self, branch: &BranchName) -> Result<Protection, Error> {
        self.protection_of(branch)
    }

    fn standing(&self) -> Result<Standing, Error> {
        self.standing_here()
    }
}
