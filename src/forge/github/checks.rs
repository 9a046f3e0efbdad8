//! What statuses and check runs say of a commit, together.

use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;

use crate::forge::Error;
use crate::forge::github::GitHub;
use crate::pull_request::Checks;
use crate::revision::CommitId;

const MAX_RUNS: usize = 1000;

#[derive(Deserialize)]
struct Combined {
    /// Of all statuses, whichever page is asked for.
    state: String,
    total_count: u64,
}

#[derive(Deserialize)]
struct Run {
    status: String,
    conclusion: Option<String>,
}

impl GitHub {
    pub(crate) fn checks_of(&self, commit: CommitId) -> Result<Checks, Error> {
        let commit = commit.to_string();
        let subject = format!("commit {commit} of {}", self.full_name());
        let below = ["commits", &commit, "status"];
        let request = self
            .request(Method::GET, &below, "read the commit's status", &subject)
            .query("per_page", "1");
        let combined: Combined = self
            .client
            .get(&request)?
            .json(self.client.host(), &request)?;
        let statuses = match (combined.total_count, combined.state.as_str()) {
            // GitHub calls it pending that nobody has said anything.
            (0, _) => Checks::None,
            (_, "success") => Checks::Passing,
            (_, "pending") => Checks::Pending,
            _ => Checks::Failing,
        };
        Ok(both(statuses, self.runs_of(&commit, &subject)?))
    }

    fn runs_of(&self, commit: &str, subject: &str) -> Result<Checks, Error> {
        let below = ["commits", commit, "check-runs"];
        let request = self
            .request(Method::GET, &below, "list check runs", subject)
            .query("filter", "latest")
            .query("per_page", "100");
        let listing = self.client.list(&request, Some("check_runs"), MAX_RUNS)?;
        let runs: Vec<Run> = self.read(Value::Array(listing.items))?;
        let read = runs.iter().map(Run::says).fold(Checks::None, both);
        // What was not read may fail.
        let unread = if listing.is_complete {
            Checks::None
        } else {
            Checks::Pending
        };
        Ok(both(read, unread))
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

fn both(one: Checks, other: Checks) -> Checks {
    let rank = |checks: &Checks| match checks {
        Checks::None => 0,
        Checks::Passing => 1,
        Checks::Pending => 2,
        Checks::Failing => 3,
    };
    [one, other].into_iter().max_by_key(rank).unwrap_or(one)
}
