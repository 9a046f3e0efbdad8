//! The statuses of a commit, and our own.

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::forge::checks::{Newest, description, named};
use crate::forge::gitea::Gitea;
use crate::forge::{Error, MAX_CHECKS, needing, twice};
use crate::pull_request::{Checks, CommitStatus, NamedCheck};
use crate::revision::CommitId;

/// What both give at most, unless they are configured to give less.
const PAGE: usize = 50;
/// They have no limit of their own; a line of this length is still read.
const MAX_DESCRIPTION: usize = 255;

#[derive(Deserialize)]
struct Combined {
    #[serde(default)]
    statuses: Option<Vec<Status>>,
}

#[derive(Deserialize)]
struct Status {
    id: u64,
    #[serde(default)]
    context: String,
    #[serde(default)]
    status: String,
}

impl Gitea {
    pub(crate) fn checks_of(&self, commit: CommitId) -> Result<Checks, Error> {
        let (checks, is_complete) = self.newest_statuses(commit)?;
        let unread = if is_complete {
            Checks::None
        } else {
            Checks::Pending
        };
        Ok(Checks::of(&checks, None).and(unread))
    }

    pub(crate) fn named_checks_of(&self, commit: CommitId) -> Result<Vec<NamedCheck>, Error> {
        let (checks, is_complete) = self.newest_statuses(commit)?;
        if !is_complete {
            return Err(self.unusable("a commit has too many statuses"));
        }
        if checks.is_empty() {
            // One that it does not have has none either.
            self.commit_is_there(commit)?;
        }
        Ok(checks)
    }

    /// From the single statuses: the one that sums them up is of one page only. Also whether
    /// these are all.
    fn newest_statuses(&self, commit: CommitId) -> Result<(Vec<NamedCheck>, bool), Error> {
        let below = ["commits", &commit.to_string(), "status"];
        let request = self.request(Method::GET, &below, "show the checks");
        // One that is posted meanwhile moves the others to a later page, where they come again.
        let mut newest = Newest::new();
        for page in 1..=MAX_CHECKS / PAGE {
            let request = request
                .clone()
                .query("page", &page.to_string())
                .query("limit", &PAGE.to_string());
            let combined: Combined = self.read(&request)?;
            let statuses = combined.statuses.unwrap_or_default();
            let is_last = statuses.len() < PAGE;
            for status in statuses {
                newest.add(status.context, status.id, state_of(&status.status));
            }
            if is_last {
                return Ok((named(newest.states()), true));
            }
        }
        Ok((named(newest.states()), false))
    }

    pub(crate) fn post_status(&self, commit: CommitId, status: &CommitStatus) -> Result<(), Error> {
        let state = match status.state {
            Checks::None | Checks::Pending => "pending",
            Checks::Passing => "success",
            Checks::Failing => "failure",
        };
        let mut body = Map::new();
        body.insert("context".to_owned(), status.context.as_str().into());
        body.insert("state".to_owned(), state.into());
        body.insert(
            "description".to_owned(),
            description(status, MAX_DESCRIPTION).into(),
        );
        if let Some(url) = &status.url {
            body.insert("target_url".to_owned(), url.as_str().into());
        }
        let below = ["statuses", &commit.to_string()];
        let request = self
            .request(Method::POST, &below, "post a commit status")
            .body(Value::Object(body));
        let posted = twice(|| self.written::<Status>(&request));
        if matches!(posted, Err(Error::Unavailable { .. })) {
            // A commit that it does not have is a server's error there, and missing here.
            self.commit_is_there(commit)?;
        }
        let posted = needing(posted, "write:repository")?;
        if posted.context == status.context && posted.status == state {
            return Ok(());
        }
        Err(self.unusable("it has another status than the one that was posted"))
    }

    /// Missing where it is not.
    pub(crate) fn commit_is_there(&self, commit: CommitId) -> Result<(), Error> {
        let below = ["git", "commits", &commit.to_string()];
        let mut request = self.request(Method::GET, &below, "show the commit");
        for all in ["stat", "verification", "files"] {
            request = request.query(all, "false");
        }
        let answer = self.client.get(&request)?;
        answer.check(self.client.host(), &request)
    }
}

/// A word that is not known is none that lets anything pass.
fn state_of(status: &str) -> Checks {
    match status {
        "success" | "warning" | "skipped" => Checks::Passing,
        "failure" | "error" => Checks::Failing,
        _ => Checks::Pending,
    }
}
