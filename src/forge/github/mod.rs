//! GitHub and GitHub Enterprise Server: the REST API of version 2022-11-28, and GraphQL for what
//! REST does not have: drafts, and merging once the demands are met.

mod app;
mod approvals;
mod change;
mod checks;
mod entered;
mod graphql;
mod jwt;
mod merge;
mod open;
mod protection;
mod standing;
mod wire;

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

use crate::forge::github::wire::{Pull, Remark};
use crate::forge::http::{Client, Dialect, Options, Request, TokenHeader};
use crate::forge::{Error, Forge, MAX_LOOKED_AT, MAX_OPEN, Merging, Opened, unless_gone};
use crate::pull_request::{
    Change, Checks, Comment, CommitStatus, Draft, MergeMethod, NamedCheck, Protection, PullRequest,
    Standing,
};
use crate::revision::{BranchName, CommitId};

pub use app::App;

const DIALECT: Dialect = Dialect {
    token_header: TokenHeader::Bearer,
    headers: &[
        ("accept", "application/vnd.github+json"),
        ("x-github-api-version", "2022-11-28"),
    ],
    // docs.github.com, "Best practices for using the REST API": at least one second.
    between_writes: Duration::from_secs(1),
};

/// One repository of GitHub or of GitHub Enterprise Server.
#[derive(Debug)]
pub struct GitHub {
    client: Client,
    owner: String,
    repository: String,
}

impl GitHub {
    /// `options.base` is `https://api.github.com`, or `https://HOST/api/v3` of an Enterprise
    /// Server. Errors name the operator's setting.
    pub fn new(options: Options, owner: &str, repository: &str) -> Result<Self, Error> {
        Ok(Self {
            client: Client::new(options, DIALECT)?,
            owner: owner.to_owned(),
            repository: repository.to_owned(),
        })
    }

    /// A request below this repository; `asks` and `subject` as [`Request::new`] has them.
    fn request(&self, method: Method, below: &[&str], asks: &str, subject: &str) -> Request {
        let mut segments = vec!["repos", &self.owner, &self.repository];
        segments.extend(below);
        Request::new(method, &segments, asks, subject)
    }

    fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.repository)
    }

    fn pull_subject(&self, number: u64) -> String {
        format!("pull request {number} of {}", self.full_name())
    }

    fn pull(&self, number: u64) -> Result<Pull, Error> {
        let subject = self.pull_subject(number);
        let below = ["pulls", &number.to_string()];
        let request = self.request(Method::GET, &below, "read a pull request", &subject);
        self.client
            .get(&request)?
            .json(self.client.host(), &request)
    }

    /// The pull requests of this query whose branches are in this repository.
    fn pulls(&self, query: &[(&str, &str)], max: usize) -> Result<Vec<Pull>, Error> {
        let subject = format!("repository {}", self.full_name());
        let mut request = self.request(Method::GET, &["pulls"], "list pull requests", &subject);
        for (name, value) in query {
            request = request.query(name, value);
        }
        let listing = self
            .client
            .list(&request.query("per_page", "100"), None, max)?;
        let pulls: Vec<Pull> = self.read(Value::Array(listing.items))?;
        Ok(pulls.into_iter().filter(Pull::is_of_repository).collect())
    }

    fn pulls_of(&self, head: &BranchName, query: &[(&str, &str)]) -> Result<Vec<Pull>, Error> {
        // GitHub ignores a filter that it does not understand, and then gives all.
        let filter = format!("{}:{head}", self.owner);
        let mut whole = vec![("head", filter.as_str())];
        whole.extend(query);
        let mut pulls = self.pulls(&whole, MAX_LOOKED_AT)?;
        pulls.retain(|pull| pull.head.name == head.as_str());
        Ok(pulls)
    }

    /// A value of an answer.
    fn read<T: serde::de::DeserializeOwned>(&self, value: Value) -> Result<T, Error> {
        serde_json::from_value(value).map_err(|_| self.unusable("it is not what was asked for"))
    }

    fn value(&self, pull: Pull) -> Result<PullRequest, Error> {
        pull.value().map_err(|reason| self.unusable(&reason))
    }

    fn unusable(&self, reason: &str) -> Error {
        Error::Unusable {
            host: self.client.host().to_owned(),
            reason: reason.to_owned(),
        }
    }

    fn comment_list(&self, number: u64, max: usize) -> Result<Vec<Remark>, Error> {
        let subject = self.pull_subject(number);
        let below = ["issues", &number.to_string(), "comments"];
        let request = self
            .request(Method::GET, &below, "list comments", &subject)
            .query("per_page", "100");
        let listing = self.client.list(&request, None, max)?;
        self.read(Value::Array(listing.items))
    }
}

impl Forge for GitHub {
    fn open_pull_requests(&self, prefix: &str) -> Result<Vec<PullRequest>, Error> {
        let query = [("state", "open"), ("sort", "created"), ("direction", "asc")];
        self.pulls(&query, MAX_OPEN)?
            .into_iter()
            .filter(|pull| pull.head.name.starts_with(prefix))
            .map(|pull| self.value(pull))
            .collect()
    }

    fn pull_requests_of(&self, head: &BranchName) -> Result<Vec<PullRequest>, Error> {
        let query = [("state", "all"), ("sort", "created"), ("direction", "desc")];
        self.pulls_of(head, &query)?
            .into_iter()
            .map(|pull| self.value(pull))
            .collect()
    }

    fn open(&self, draft: &Draft) -> Result<Opened, Error> {
        self.open_pull(draft)
    }

    fn opens_at_once(&self, draft: &Draft) -> bool {
        draft.labels.is_empty() && draft.assignees.is_empty() && draft.reviewers.is_empty()
    }

    fn change(&self, number: u64, change: &Change) -> Result<PullRequest, Error> {
        self.change_pull(number, change)
    }

    fn close(&self, number: u64) -> Result<(), Error> {
        let subject = self.pull_subject(number);
        let below = ["pulls", &number.to_string()];
        let request = self
            .request(Method::PATCH, &below, "close the pull request", &subject)
            .body(json!({"state": "closed"}));
        let pull: Pull = self
            .client
            .write(&request)?
            .json(self.client.host(), &request)?;
        if pull.is_open() {
            return Err(self.unusable("the pull request is still open after it was closed"));
        }
        if pull.is_merged() {
            let reason = "it is merged".to_owned();
            return Err(self.refused("close the pull request", reason));
        }
        Ok(())
    }

    fn comments(&self, number: u64) -> Result<Vec<Comment>, Error> {
        let remarks = self.comment_list(number, MAX_LOOKED_AT)?;
        Ok(remarks.into_iter().map(Remark::value).collect())
    }

    fn add_comment(&self, number: u64, body: &str) -> Result<Comment, Error> {
        self.add_remark(number, body)
    }

    fn edit_comment(&self, number: u64, id: u64, body: &str) -> Result<(), Error> {
        let subject = format!("comment {id} under {}", self.pull_subject(number));
        let below = ["issues", "comments", &id.to_string()];
        let request = self
            .request(Method::PATCH, &below, "change a comment", &subject)
            .body(json!({"body": body}));
        self.client
            .write(&request)?
            .check(self.client.host(), &request)
    }

    fn delete_comment(&self, number: u64, id: u64) -> Result<(), Error> {
        let subject = format!("comment {id} under {}", self.pull_subject(number));
        let below = ["issues", "comments", &id.to_string()];
        let request = self.request(Method::DELETE, &below, "delete a comment", &subject);
        let answer = self.client.write(&request)?;
        unless_gone(answer.check(self.client.host(), &request))
    }

    fn merge(&self, number: u64, head: CommitId, method: MergeMethod) -> Result<Merging, Error> {
        self.merge_pull(number, head, method)
    }

    fn merge_when_ready(
        &self,
        number: u64,
        head: CommitId,
        method: MergeMethod,
    ) -> Result<Merging, Error> {
        self.schedule_merge(number, head, method)
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
        self.read_standing()
    }
}
