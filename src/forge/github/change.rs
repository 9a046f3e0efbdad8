//! Changing an open pull request.

use std::collections::BTreeSet;

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::forge::Error;
use crate::forge::github::GitHub;
use crate::forge::github::wire::Pull;
use crate::pull_request::{Change, PullRequest};
use crate::revision::BranchName;

const TO_DRAFT: &str = "mutation($id: ID!) { \
    changed: convertPullRequestToDraft(input: {pullRequestId: $id}) \
    { pullRequest { isDraft } } }";
const TO_READY: &str = "mutation($id: ID!) { \
    changed: markPullRequestReadyForReview(input: {pullRequestId: $id}) \
    { pullRequest { isDraft } } }";

impl GitHub {
    pub(crate) fn change_pull(&self, number: u64, change: &Change) -> Result<PullRequest, Error> {
        let mut fields = Map::new();
        let mut set = |name: &str, value: Option<&str>| {
            if let Some(value) = value {
                fields.insert(name.to_owned(), Value::from(value));
            }
        };
        set("title", change.title.as_deref());
        set("body", change.body.as_deref());
        set("base", change.base.as_ref().map(BranchName::as_str));
        let mut pull = if fields.is_empty() {
            self.pull(number)?
        } else {
            self.patch(number, fields)?
        };
        match change.is_draft {
            Some(is_draft) if is_draft != pull.draft => self.set_draft(&mut pull, is_draft)?,
            _ => {}
        }
        let mut added = change.added_labels.clone();
        added.retain(|label| !pull.has_label(label));
        if !added.is_empty() {
            self.add_labels(&mut pull, &added)?;
        }
        for label in &change.removed_labels {
            if pull.has_label(label) {
                self.remove_label(&mut pull, label)?;
            }
        }
        self.value(pull)
    }

    fn patch(&self, number: u64, fields: Map<String, Value>) -> Result<Pull, Error> {
        let subject = self.pull_subject(number);
        let below = ["pulls", &number.to_string()];
        let request = self
            .request(Method::PATCH, &below, "change the pull request", &subject)
            .body(Value::Object(fields));
        self.client
            .write(&request)?
            .json(self.client.host(), &request)
    }

    fn set_draft(&self, pull: &mut Pull, is_draft: bool) -> Result<(), Error> {
        #[derive(Deserialize)]
        struct Answer {
            changed: Changed,
        }
        #[derive(Deserialize)]
        struct Changed {
            #[serde(rename = "pullRequest")]
            pull_request: Now,
        }
        #[derive(Deserialize)]
        struct Now {
            #[serde(rename = "isDraft")]
            is_draft: bool,
        }
        let what = "change the draft state";
        let subject = self.pull_subject(pull.number);
        let query = if is_draft { TO_DRAFT } else { TO_READY };
        let answer: Answer = self
            .graphql(what, &subject, query, &json!({"id": pull.node_id}))?
            .map_err(|reason| self.refused(what, reason))?;
        pull.draft = answer.changed.pull_request.is_draft;
        Ok(())
    }

    /// GitHub makes a label that it does not know.
    pub(crate) fn add_labels(
        &self,
        pull: &mut Pull,
        labels: &BTreeSet<String>,
    ) -> Result<(), Error> {
        let subject = self.pull_subject(pull.number);
        let below = ["issues", &pull.number.to_string(), "labels"];
        let request = self
            .request(Method::POST, &below, "set labels", &subject)
            .body(json!({"labels": labels}));
        pull.labels = self
            .client
            .write(&request)?
            .json(self.client.host(), &request)?;
        Ok(())
    }

    fn remove_label(&self, pull: &mut Pull, label: &str) -> Result<(), Error> {
        let subject = self.pull_subject(pull.number);
        let below = ["issues", &pull.number.to_string(), "labels", label];
        let request = self.request(Method::DELETE, &below, "remove a label", &subject);
        let answer = self.client.write(&request)?;
        if answer.status == 404 {
            // Somebody was faster, or the pull request is gone: this tells which.
            *pull = self.pull(pull.number)?;
            return Ok(());
        }
        pull.labels = answer.json(self.client.host(), &request)?;
        Ok(())
    }
}
