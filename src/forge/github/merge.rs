//! Merging, now or once GitHub's demands are met.

use reqwest::Method;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;

use crate::forge::github::GitHub;
use crate::forge::github::open::is_lost;
use crate::forge::github::wire::Pull;
use crate::forge::{Error, Merging};
use crate::pull_request::MergeMethod;
use crate::revision::CommitId;

const ENABLE: &str = "mutation($id: ID!, $head: GitObjectID!, $method: PullRequestMergeMethod!) { \
    enabled: enablePullRequestAutoMerge(input: \
    {pullRequestId: $id, expectedHeadOid: $head, mergeMethod: $method}) \
    { pullRequest { autoMergeRequest { enabledAt } } } }";

/// Repositories without automerge, branches for which there is nothing to wait for, and (unstable)
/// those where GitHub would not wait for the checks that are not through.
const NOT_OFFERED: &[&str] = &[
    "auto merge is not allowed",
    "auto-merge is not allowed",
    "protected branch rules not configured",
    "unstable status",
];
const IS_CLEAN: &str = "clean status";

impl GitHub {
    pub(crate) fn merge_pull(
        &self,
        number: u64,
        head: CommitId,
        method: MergeMethod,
    ) -> Result<Merging, Error> {
        #[derive(Deserialize)]
        struct Merged {
            merged: bool,
        }
        let subject = self.pull_subject(number);
        let below = ["pulls", &number.to_string(), "merge"];
        let request = self
            .request(Method::PUT, &below, "merge the pull request", &subject)
            .body(json!({"sha": head.to_string(), "merge_method": method.name()}));
        let merged = self.client.write(&request).and_then(|answer| {
            Ok(match answer.status {
                405 if is_method_refused(&answer.reason) => Merging::NotOffered,
                // Said of one that is merged already, too.
                405 => {
                    settled(&self.pull(number)?, head).unwrap_or(Merging::NotReady(answer.reason))
                }
                409 => Merging::HeadMoved,
                _ => match answer.json(self.client.host(), &request)? {
                    Merged { merged: true } => Merging::Merged,
                    Merged { merged: false } => Merging::NotReady(answer.reason),
                },
            })
        });
        match merged {
            Err(error) if is_lost(&error) => {
                let is_merged = self.pull(number)?.is_merged();
                is_merged.then_some(Merging::Merged).ok_or(error)
            }
            merged => merged,
        }
    }

    pub(crate) fn schedule_merge(
        &self,
        number: u64,
        head: CommitId,
        method: MergeMethod,
    ) -> Result<Merging, Error> {
        let pull = self.pull(number)?;
        if let Some(settled) = settled(&pull, head) {
            return Ok(settled);
        }
        if pull.draft {
            return Ok(Merging::NotReady("the pull request is a draft".to_owned()));
        }
        if pull.auto_merge.is_some() {
            return Ok(Merging::Scheduled);
        }
        let reason = match self.enable(&pull, head, method) {
            Ok(Ok(())) => return Ok(Merging::Scheduled),
            Ok(Err(reason)) => reason,
            Err(error) if is_lost(&error) => {
                let pull = self.pull(number)?;
                return match settled(&pull, head) {
                    Some(settled) => Ok(settled),
                    None if pull.auto_merge.is_some() => Ok(Merging::Scheduled),
                    None => Err(error),
                };
            }
            Err(error) => return Err(error),
        };
        let said = reason.to_lowercase();
        if said.contains(IS_CLEAN) {
            return self.merge_pull(number, head, method);
        }
        if is_method_refused(&reason) || NOT_OFFERED.iter().any(|words| said.contains(words)) {
            return Ok(Merging::NotOffered);
        }
        Ok(settled(&self.pull(number)?, head).unwrap_or(Merging::NotReady(reason)))
    }

    /// Success, or the words with which GitHub refuses.
    fn enable(
        &self,
        pull: &Pull,
        head: CommitId,
        method: MergeMethod,
    ) -> Result<Result<(), String>, Error> {
        let variables = json!({
            "id": pull.node_id,
            "head": head.to_string(),
            "method": method.name().to_uppercase(),
        });
        let subject = self.pull_subject(pull.number);
        let answer =
            self.graphql::<IgnoredAny>("merge when ready", &subject, ENABLE, &variables)?;
        Ok(answer.map(|_| ()))
    }
}

/// What stands about a pull request that no request will change.
fn settled(pull: &Pull, head: CommitId) -> Option<Merging> {
    if pull.is_merged() {
        Some(Merging::Merged)
    } else if !pull.is_open() {
        Some(Merging::NotReady("the pull request is closed".to_owned()))
    } else if pull.head.sha != head.to_string() {
        Some(Merging::HeadMoved)
    } else {
        None
    }
}

/// "Squash merges are not allowed on this repository", and so for each method.
fn is_method_refused(reason: &str) -> bool {
    [
        "Merge commits are",
        "Squash merges are",
        "Rebase merges are",
    ]
    .iter()
    .any(|method| reason.contains(&format!("{method} not allowed")))
}
