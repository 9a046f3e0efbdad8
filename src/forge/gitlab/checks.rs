//! The jobs and statuses of a commit.

use std::collections::BTreeMap;

use reqwest::Method;
use serde::Deserialize;

use crate::forge::Error;
use crate::forge::gitlab::GitLab;
use crate::pull_request::Checks;
use crate::revision::CommitId;

const MAX_STATUSES: usize = 1000;

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
pub fn of(gitlab: &GitLab, commit: CommitId) -> Result<Checks, Error> {
    let commit = commit.to_string();
    let segments = ["repository", "commits", &commit, "statuses"];
    let request = gitlab.request(Method::GET, &segments, "list the statuses of a commit");
    let (statuses, is_complete) = gitlab.pages::<Status>(&request, MAX_STATUSES)?;
    if !is_complete {
        return Err(gitlab.unusable("a commit has too many statuses"));
    }
    Ok(summary(statuses))
}

fn summary(statuses: Vec<Status>) -> Checks {
    let mut newest: BTreeMap<String, Status> = BTreeMap::new();
    for status in statuses {
        let is_older = newest
            .get(&status.name)
            .is_some_and(|known| known.id > status.id);
        if !is_older {
            newest.insert(status.name.clone(), status);
        }
    }
    let mut checks = Checks::None;
    for status in newest.values() {
        checks = match (checks, one(status)) {
            (_, Checks::Failing) | (Checks::Failing, _) => Checks::Failing,
            (_, Checks::Pending) | (Checks::Pending, _) => Checks::Pending,
            _ => Checks::Passing,
        };
    }
    checks
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
}
