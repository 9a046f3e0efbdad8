//! The jobs and statuses of a commit, and our own status.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::forge::checks::{Newest, description, named};
use crate::forge::gitlab::GitLab;
use crate::forge::{Error, MAX_CHECKS, needing, twice};
use crate::pull_request::{Checks, CommitStatus, NamedCheck};
use crate::revision::CommitId;

/// Longer descriptions and addresses are refused (`doc/api/commits.md`).
const MAX_TEXT: usize = 255;

#[derive(Debug, Deserialize)]
struct Status {
    id: u64,
    name: String,
    status: String,
    #[serde(default)]
    allow_failure: bool,
}

/// The newest of each name counts: of several pipelines that is the last one's.
///
/// A pipeline for merged results runs on a commit of its own, which is not seen here; whether
/// such a one must pass is GitLab's to enforce when it merges.
pub fn of(gitlab: &GitLab, commit: CommitId) -> Result<Vec<NamedCheck>, Error> {
    let asks = "list the statuses of a commit";
    let request = gitlab.request_of_commit(commit, &["statuses"], asks);
    let (statuses, is_complete) = gitlab.pages::<Status>(&request, MAX_CHECKS)?;
    if !is_complete {
        return Err(gitlab.unusable("a commit has too many statuses"));
    }
    Ok(newest_of(statuses))
}

fn newest_of(statuses: Vec<Status>) -> Vec<NamedCheck> {
    let mut newest = Newest::new();
    for status in statuses {
        let state = one(&status);
        newest.add(status.name, status.id, state);
    }
    named(newest.states())
}

/// GitLab finds the pipeline that it belongs to, or makes one of its own.
pub fn post(gitlab: &GitLab, commit: CommitId, status: &CommitStatus) -> Result<(), Error> {
    let state = match status.state {
        Checks::None | Checks::Pending => "pending",
        Checks::Passing => "success",
        Checks::Failing => "failed",
    };
    let mut body = Map::new();
    body.insert("name".to_owned(), status.context.as_str().into());
    body.insert("state".to_owned(), state.into());
    body.insert(
        "description".to_owned(),
        description(status, MAX_TEXT).into(),
    );
    let url = status.url.as_deref();
    if let Some(url) = url.filter(|url| url.chars().count() <= MAX_TEXT) {
        body.insert("target_url".to_owned(), url.into());
    }
    let request = gitlab
        .request_to_commit(commit, "post a commit status")
        .body(Value::Object(body));
    let post = || match gitlab.client.write(&request)? {
        // Another status of this commit is being written; GitLab waits for ten seconds.
        answer if answer.status == 409 => Err(Error::Unavailable {
            host: gitlab.client.host().to_owned(),
            reason: answer.reason,
        }),
        answer => Ok(answer),
    };
    let answer = twice(|| {
        let answer = post()?;
        if is_so_already(answer.status, &answer.reason, state) {
            return Ok(None);
        }
        answer
            .json::<Status>(gitlab.client.host(), &request)
            .map(Some)
    });
    let needed = "the scope `api` and the role Developer";
    match needing(answer, needed)? {
        Some(posted) if posted.status != state => {
            Err(gitlab.unusable("it has another status than the one that was posted"))
        }
        _ => Ok(()),
    }
}

/// GitLab refuses to lead a status from one state to the same one, and keeps the words that it
/// has (gitlab-org/gitlab-foss#25807).
fn is_so_already(status: u16, reason: &str, state: &str) -> bool {
    let from = format!("from :{state} ");
    status == 400 && reason.contains("Cannot transition status") && reason.contains(&from)
}

/// A manual job that may fail waits for nobody; one that may not blocks its pipeline.
fn one(status: &Status) -> Checks {
    match status.status.as_str() {
        "success" | "skipped" => Checks::Passing,
        "failed" | "canceled" | "manual" if status.allow_failure => Checks::Passing,
        "failed" | "canceled" => Checks::Failing,
        _ => Checks::Pending,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(id: u64, name: &str, status: &str, allow_failure: bool) -> Status {
        Status {
            id,
            name: name.to_owned(),
            status: status.to_owned(),
            allow_failure,
        }
    }

    #[test]
    fn the_newest_of_each_name_counts() {
        let (old, new) = (
            status(1, "a", "failed", false),
            status(2, "a", "success", false),
        );
        let summary = |statuses| Checks::of(&newest_of(statuses), None);
        assert_eq!(summary(vec![new, old]), Checks::Passing);
        assert_eq!(summary(Vec::new()), Checks::None);
        for (statuses, expected) in [
            (vec![("success", false), ("failed", true)], Checks::Passing),
            (vec![("success", false), ("manual", true)], Checks::Passing),
            (vec![("success", false), ("manual", false)], Checks::Pending),
            (
                vec![("running", false), ("canceled", false)],
                Checks::Failing,
            ),
            (
                vec![("created", false), ("skipped", false)],
                Checks::Pending,
            ),
            (vec![("a state of tomorrow", true)], Checks::Pending),
        ] {
            let named = statuses
                .iter()
                .enumerate()
                .map(|(index, (state, allow_failure))| {
                    status(1, &index.to_string(), state, *allow_failure)
                });
            assert_eq!(summary(named.collect()), expected, "{statuses:?}");
        }
    }

    #[test]
    fn a_status_that_is_so_already_is_no_failure() {
        let pending = "Cannot transition status via :enqueue from :pending (Reason(s): Status \
                       cannot transition via \"enqueue\") (status 400)";
        let running = pending.replace(":pending", ":running");
        for (status, reason, state, expected) in [
            (400, pending, "pending", true),
            (400, pending, "success", false),
            (400, running.as_str(), "pending", false),
            (422, pending, "pending", false),
            (
                400,
                "state does not have a valid value (status 400)",
                "pending",
                false,
            ),
        ] {
            assert_eq!(
                is_so_already(status, reason, state),
                expected,
                "{reason} {state}"
            );
        }
    }
}
