//! What statuses and check runs say of a commit, and our own status.

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::forge::checks::{Newest, description, named};
use crate::forge::github::GitHub;
use crate::forge::http::Request;
use crate::forge::{Error, MAX_CHECKS, needing, twice};
use crate::pull_request::{Checks, CommitStatus, NamedCheck};
use crate::revision::CommitId;

/// GitHub refuses a longer description.
const MAX_DESCRIPTION: usize = 140;

const READING: &str = "`statuses: read` and `checks: read` of an App or a fine-grained token, or \
                       the scope `repo` of a classic one";
const POSTING: &str = "`statuses: write` of an App or a fine-grained token, or the scope `repo` \
                       or `repo:status` of a classic one";

#[derive(Deserialize)]
struct Combined {
    /// Of all statuses, whichever page is asked for.
    state: String,
    total_count: u64,
}

/// The newest of its context.
#[derive(Deserialize)]
struct Status {
    context: String,
    state: String,
}

#[derive(Deserialize)]
struct Run {
    id: u64,
    name: String,
    status: String,
    conclusion: Option<String>,
    app: Option<Maker>,
}

#[derive(Deserialize)]
struct Maker {
    id: u64,
}

impl GitHub {
    pub(crate) fn checks_of(&self, commit: CommitId) -> Result<Checks, Error> {
        let request = self.statuses_request(commit).query("per_page", "1");
        let combined = self
            .client
            .get(&request)?
            .json(self.client.host(), &request);
        let combined: Combined = self.about_commit(combined, &request, READING)?;
        let statuses = match combined.total_count {
            // GitHub calls it pending that nobody has said anything.
            0 => Checks::None,
            _ => state_of(&combined.state),
        };
        let (runs, is_complete) = self.runs_of(commit)?;
        let read = runs.iter().map(Run::says).fold(statuses, Checks::and);
        // What was not read may fail.
        let unread = if is_complete {
            Checks::None
        } else {
            Checks::Pending
        };
        Ok(read.and(unread))
    }

    pub(crate) fn named_checks_of(&self, commit: CommitId) -> Result<Vec<NamedCheck>, Error> {
        let request = self.statuses_request(commit).query("per_page", "100");
        let listing = self.client.list(&request, Some("statuses"), MAX_CHECKS);
        let listing = self.about_commit(listing, &request, READING)?;
        let statuses: Vec<Status> = self.read(Value::Array(listing.items))?;
        let (runs, is_complete) = self.runs_of(commit)?;
        if !listing.is_complete || !is_complete {
            return Err(self.unusable("a commit has too many checks"));
        }
        // A rerun takes the place of the run; that of another App does not.
        let mut newest = Newest::new();
        for run in runs {
            let state = run.says();
            let maker = run.app.map(|app| app.id);
            newest.add((run.name, maker), run.id, state);
        }
        let runs = newest.states().map(|((name, _), state)| (name, state));
        let statuses = statuses
            .into_iter()
            .map(|status| (status.context, state_of(&status.state)));
        Ok(named(statuses.chain(runs)))
    }

    pub(crate) fn post_status(&self, commit: CommitId, status: &CommitStatus) -> Result<(), Error> {
        #[derive(Deserialize)]
        struct Posted {
            context: String,
            state: String,
        }
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
        let subject = self.commit_subject(commit);
        let below = ["statuses", &commit.to_string()];
        let request = self
            .request(Method::POST, &below, "post a commit status", &subject)
            .body(Value::Object(body));
        let post = || {
            let answer = self.client.write(&request)?;
            answer.json::<Posted>(self.client.host(), &request)
        };
        let posted = self.about_commit(twice(post), &request, POSTING)?;
        // Contexts do not differ by case alone.
        if posted.context.eq_ignore_ascii_case(&status.context) && posted.state == state {
            return Ok(());
        }
        Err(self.unusable("it has another status than the one that was posted"))
    }

    fn runs_of(&self, commit: CommitId) -> Result<(Vec<Run>, bool), Error> {
        let below = ["commits", &commit.to_string(), "check-runs"];
        let subject = self.commit_subject(commit);
        let request = self
            .request(Method::GET, &below, "list check runs", &subject)
            .query("filter", "latest")
            .query("per_page", "100");
        let listing = self.client.list(&request, Some("check_runs"), MAX_CHECKS);
        let listing = self.about_commit(listing, &request, READING)?;
        Ok((self.read(Value::Array(listing.items))?, listing.is_complete))
    }

    fn statuses_request(&self, commit: CommitId) -> Request {
        let below = ["commits", &commit.to_string(), "status"];
        let subject = self.commit_subject(commit);
        self.request(Method::GET, &below, "read the commit's status", &subject)
    }

    pub(crate) fn commit_subject(&self, commit: CommitId) -> String {
        format!("commit {commit} of {}", self.full_name())
    }

    /// GitHub says 422 of a commit that it does not have.
    pub(crate) fn about_commit<T>(
        &self,
        result: Result<T, Error>,
        request: &Request,
        needed: &str,
    ) -> Result<T, Error> {
        match result {
            Err(Error::Refused { host, reason, .. }) if reason.contains("No commit found") => {
                let what = request.subject().to_owned();
                Err(Error::Missing { host, what })
            }
            result => needing(result, needed),
        }
    }
}

/// A word that is not known lets nothing pass.
fn state_of(word: &str) -> Checks {
    match word {
        "success" => Checks::Passing,
        "pending" => Checks::Pending,
        _ => Checks::Failing,
    }
}

impl Run {
    fn says(&self) -> Checks {
        match (self.status.as_str(), self.conclusion.as_deref()) {
            ("completed", Some("success" | "neutral" | "skipped")) => Checks::Passing,
            ("completed", _) => Checks::Failing,
            _ => Checks::Pending,
        }
    }
}
