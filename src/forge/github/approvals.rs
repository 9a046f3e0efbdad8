//! Who approves a pull request now, by GraphQL: REST does not say who may write.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::json;

use crate::forge::github::GitHub;
use crate::forge::{Error, needing};
use crate::revision::CommitId;

/// Of each account the last approval, refusal or dismissed one; a remark takes nothing back.
const REVIEWS: &str = "query($owner: String!, $name: String!, $number: Int!) { \
    viewer { login } \
    repository(owner: $owner, name: $name) { pullRequest(number: $number) { \
    headRefOid author { __typename login } \
    latestOpinionatedReviews(first: 100, writersOnly: true) { \
    nodes { state author { __typename login } commit { oid } } } } } }";

#[derive(Deserialize)]
struct Found {
    viewer: Viewer,
    repository: Repository,
}

#[derive(Deserialize)]
struct Viewer {
    login: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Repository {
    pull_request: Reviewed,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reviewed {
    head_ref_oid: String,
    /// None where the account is gone.
    author: Option<Actor>,
    latest_opinionated_reviews: Option<Reviews>,
}

#[derive(Deserialize)]
struct Reviews {
    nodes: Vec<Option<Review>>,
}

#[derive(Deserialize)]
struct Review {
    state: String,
    author: Option<Actor>,
    /// None where it has been pushed away.
    commit: Option<Commit>,
}

#[derive(Deserialize)]
struct Actor {
    #[serde(rename = "__typename")]
    kind: String,
    login: String,
}

#[derive(Deserialize)]
struct Commit {
    oid: String,
}

impl GitHub {
    pub(crate) fn approvals_of(
        &self,
        number: u64,
        head: CommitId,
    ) -> Result<BTreeSet<String>, Error> {
        let what = "tell the reviews";
        let subject = self.pull_subject(number);
        let variables = json!({"owner": self.owner, "name": self.repository, "number": number});
        let found = self.graphql(what, &subject, REVIEWS, &variables);
        let found: Found = needing(found, "`pull_requests: read`")?
            .map_err(|reason| self.refused(what, reason))?;
        let pull = found.repository.pull_request;
        let head = head.to_string();
        if pull.head_ref_oid != head {
            return Ok(BTreeSet::new());
        }
        let of_nobody = [pull.author.map(Actor::name), Some(found.viewer.login)];
        let reviews = pull.latest_opinionated_reviews.map(|it| it.nodes);
        let reviews = reviews.into_iter().flatten().flatten();
        Ok(reviews
            .filter(|it| it.state == "APPROVED")
            .filter(|it| it.commit.as_ref().is_some_and(|commit| commit.oid == head))
            .filter_map(|it| it.author.map(Actor::name))
            .filter(|name| !of_nobody.contains(&Some(name.clone())))
            .collect())
    }
}

impl Actor {
    /// As REST and `viewer` call it.
    fn name(self) -> String {
        match self.kind.as_str() {
            "Bot" => format!("{}[bot]", self.login.trim_end_matches("[bot]")),
            _ => self.login,
        }
    }
}
