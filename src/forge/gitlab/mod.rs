//! GitLab: merge requests by its REST API, version 4.
//!
//! Written after GitLab's documentation and its own source (`lib/api/merge_requests.rb`,
//! `notes.rb`); what only the source says is remarked where it matters.

mod approvals;
mod checks;
mod entered;
mod label;
mod merging;
mod notes;
mod opening;
mod project;
mod protection;
mod standing;
mod title;
mod wire;

use std::collections::BTreeSet;

use jiff::Timestamp;
use reqwest::Method;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::forge::gitlab::project::Project;
use crate::forge::gitlab::wire::MergeRequest;
use crate::forge::http::{Answer, Client, Dialect, Options, Request, TokenHeader};
use crate::forge::{Error, Forge, MAX_LOOKED_AT, MAX_OPEN, Merging, Opened};
use crate::pull_request::{
    Change, Checks, Comment, CommitStatus, Draft, MergeMethod, NamedCheck, Protection, PullRequest,
    Standing,
};
use crate::revision::{BranchName, CommitId};

const DIALECT: Dialect = Dialect {
    token_header: TokenHeader::PrivateToken,
    headers: &[],
    between_writes: std::time::Duration::ZERO,
};

/// The most that GitLab gives on a page.
const PER_PAGE: usize = 100;
const MAX_PAGES: usize = 100;

/// The merge requests of one GitLab project.
#[derive(Debug)]
pub struct GitLab {
    client: Client,
    /// `group/subgroup/project`, asked for as one segment.
    project: String,
}

impl GitLab {
    /// `options.base` is `https://HOST/api/v4`; `project` the path below the host.
    pub fn new(options: Options, project: &str) -> Result<Self, Error> {
        let project = project.trim_matches('/');
        let is_path = project.contains('/')
            && project
                .split('/')
                .all(|part| !matches!(part, "" | "." | ".."));
        if !is_path {
            return Err(Error::Settings(format!(
                "`{project}` is no path of a GitLab project, such as `group/project`"
            )));
        }
        Ok(Self {
            client: Client::new(options, DIALECT)?,
            project: project.to_owned(),
        })
    }

    /// A request below the project.
    fn request(&self, method: Method, rest: &[&str], asks: &str) -> Request {
        let mut segments = vec!["projects", self.project.as_str()];
        segments.extend_from_slice(rest);
        Request::new(
            method,
            &segments,
            asks,
            &format!("project {}", self.project),
        )
    }

    /// One below a merge request.
    fn request_of(&self, method: Method, number: u64, rest: &[&str], asks: &str) -> Request {
        let number = number.to_string();
        let project = self.project.as_str();
        let mut segments = vec!["projects", project, "merge_requests", number.as_str()];
        segments.extend_from_slice(rest);
        Request::new(
            method,
            &segments,
            asks,
            &format!("merge request {project}!{number}"),
        )
    }

    /// What is asked of a commit.
    fn request_of_commit(&self, commit: CommitId, rest: &[&str], asks: &str) -> Request {
        let commit = commit.to_string();
        let project = self.project.as_str();
        let mut segments = vec!["projects", project, "repository", "commits", &commit];
        segments.extend_from_slice(rest);
        let subject = format!("commit {commit} in {project}");
        Request::new(Method::GET, &segments, asks, &subject)
    }

    /// What is said to a commit.
    fn request_to_commit(&self, commit: CommitId, asks: &str) -> Request {
        let commit = commit.to_string();
        let project = self.project.as_str();
        let segments = ["projects", project, "statuses", &commit];
        let subject = format!("commit {commit} in {project}");
        Request::new(Method::POST, &segments, asks, &subject)
    }

    fn get<T: DeserializeOwned>(&self, request: &Request) -> Result<T, Error> {
        self.client.get(request)?.json(self.client.host(), request)
    }

    fn write<T: DeserializeOwned>(&self, request: &Request) -> Result<T, Error> {
        self.client
            .write(request)?
            .json(self.client.host(), request)
    }

    /// Items of pages, until there are `max`; and whether these are all.
    ///
    /// By number, and not along the `Link` header: that one carries the external URL that GitLab
    /// was told, which may be another origin than the one that is asked.
    fn pages<T: DeserializeOwned>(
        &self,
        request: &Request,
        max: usize,
    ) -> Result<(Vec<T>, bool), Error> {
        let mut items = Vec::new();
        let mut page = 1;
        loop {
            let asked = request
                .clone()
                .query("per_page", &PER_PAGE.to_string())
                .query("page", &page.to_string());
            let answer = self.client.get(&asked)?;
            items.extend(answer.json::<Vec<T>>(self.client.host(), &asked)?);
            let next = next_page(&answer);
            if items.len() > max || (items.len() == max && next.is_some()) {
                items.truncate(max);
                return Ok((items, false));
            }
            match next {
                None => return Ok((items, true)),
                Some(next) if next > page && next <= MAX_PAGES => page = next,
                Some(next) => return Err(self.unusable(&format!("its next page is {next}"))),
            }
        }
    }

    fn project(&self) -> Result<Project, Error> {
        self.get(&self.request(Method::GET, &[], "show the project"))
    }

    fn merge_request(&self, number: u64) -> Result<MergeRequest, Error> {
        self.get(&self.request_of(Method::GET, number, &[], "show the merge request"))
    }

    /// Newest first.
    fn merge_requests_of(
        &self,
        head: &BranchName,
        state: &str,
    ) -> Result<Vec<MergeRequest>, Error> {
        let request = self
            .request(Method::GET, &["merge_requests"], "list merge requests")
            .query("scope", "all")
            .query("state", state)
            .query("source_branch", head.as_str())
            .query("order_by", "created_at")
            .query("sort", "desc");
        let (found, _) = self.pages::<MergeRequest>(&request, MAX_LOOKED_AT)?;
        Ok(found.into_iter().filter(MergeRequest::is_ours).collect())
    }

    fn value_of(&self, merge_request: MergeRequest) -> Result<PullRequest, Error> {
        merge_request
            .into_pull_request()
            .map_err(|reason| self.unusable(reason))
    }

    /// GitLab answers an update with what it then has.
    fn put(
        &self,
        number: u64,
        body: Map<String, Value>,
        asks: &str,
    ) -> Result<MergeRequest, Error> {
        let request = self.request_of(Method::PUT, number, &[], asks);
        self.write(&request.body(Value::Object(body)))
    }

    /// Whether what was written may have arrived all the same: no answer, a server's error, or a
    /// proxy's page in its place.
    fn is_lost(&self, error: &Error) -> bool {
        matches!(error, Error::Unavailable { .. } | Error::Unusable { .. })
    }

    fn unusable(&self, reason: &str) -> Error {
        Error::Unusable {
            host: self.client.host().to_owned(),
            reason: reason.to_owned(),
        }
    }
}

/// What `x-next-page` says; it is empty on the last page.
fn next_page(answer: &Answer) -> Option<usize> {
    answer.header("x-next-page")?.trim().parse().ok()
}

impl Forge for GitLab {
    fn open_pull_requests(&self, prefix: &str) -> Result<Vec<PullRequest>, Error> {
        let request = self
            .request(Method::GET, &["merge_requests"], "list merge requests")
            .query("scope", "all")
            .query("state", "opened")
            .query("order_by", "created_at")
            .query("sort", "asc");
        let (found, is_complete) = self.pages::<MergeRequest>(&request, MAX_OPEN)?;
        if !is_complete {
            return Err(self.unusable(&format!("there are more than {MAX_OPEN} open ones")));
        }
        found
            .into_iter()
            .filter(|found| found.is_ours() && found.source_branch.starts_with(prefix))
            .map(|found| self.value_of(found))
            .collect()
    }

    fn pull_requests_of(&self, head: &BranchName) -> Result<Vec<PullRequest>, Error> {
        self.merge_requests_of(head, "all")?
            .into_iter()
            .map(|found| self.value_of(found))
            .collect()
    }

    fn open(&self, draft: &Draft) -> Result<Opened, Error> {
        opening::open(self, draft)
    }

    fn opens_at_once(&self, _draft: &Draft) -> bool {
        true
    }

    fn change(&self, number: u64, change: &Change) -> Result<PullRequest, Error> {
        if change.is_empty() {
            return self.value_of(self.merge_request(number)?);
        }
        let title = title::changed(self, number, change)?;
        let mut body = Map::new();
        let mut set = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                body.insert(name.to_owned(), value.into());
            }
        };
        set("title", title);
        set("description", change.body.clone());
        set(
            "target_branch",
            change.base.as_ref().map(ToString::to_string),
        );
        set("add_labels", label::list(&change.added_labels));
        set("remove_labels", label::list(&change.removed_labels));
        if body.is_empty() {
            return self.value_of(self.merge_request(number)?);
        }
        self.value_of(self.put(number, body, "change the merge request")?)
    }

    fn close(&self, number: u64) -> Result<(), Error> {
        let asks = "close the merge request";
        let body = Map::from_iter([("state_event".to_owned(), "close".into())]);
        let closed = self.put(number, body, asks)?;
        // One that cannot be closed is answered as it is, with success.
        if closed.state == "closed" {
            return Ok(());
        }
        Err(Error::Refused {
            host: self.client.host().to_owned(),
            what: asks.to_owned(),
            reason: format!("it is {}", crate::plain::plain(&closed.state)),
        })
    }

    fn comments(&self, number: u64) -> Result<Vec<Comment>, Error> {
        notes::list(self, number)
    }

    fn add_comment(&self, number: u64, body: &str) -> Result<Comment, Error> {
        notes::add(self, number, body)
    }

    fn edit_comment(&self, number: u64, id: u64, body: &str) -> Result<(), Error> {
        notes::edit(self, number, id, body)
    }

    fn delete_comment(&self, number: u64, id: u64) -> Result<(), Error> {
        notes::delete(self, number, id)
    }

    fn merge(&self, number: u64, head: CommitId, method: MergeMethod) -> Result<Merging, Error> {
        merging::now(self, number, head, method)
    }

    fn merge_when_ready(
        &self,
        number: u64,
        head: CommitId,
        method: MergeMethod,
    ) -> Result<Merging, Error> {
        merging::when_ready(self, number, head, method)
    }

    fn checks(&self, commit: CommitId) -> Result<Checks, Error> {
        Ok(Checks::of(&checks::of(self, commit)?, None))
    }

    fn statuses(&self, commit: CommitId) -> Result<Vec<NamedCheck>, Error> {
        checks::of(self, commit)
    }

    fn set_status(&self, commit: CommitId, status: &CommitStatus) -> Result<(), Error> {
        checks::post(self, commit, status)
    }

    fn approvals(&self, number: u64, head: CommitId) -> Result<BTreeSet<String>, Error> {
        approvals::of(self, number, head)
    }

    fn entered(&self, commit: CommitId, base: &BranchName) -> Result<Option<Timestamp>, Error> {
        entered::at(self, commit, base)
    }

    fn protection(&self, branch: &BranchName) -> Result<Protection, Error> {
        protection::of(self, branch)
    }

    fn standing(&self) -> Result<Standing, Error> {
        standing::of(self)
    }
}
