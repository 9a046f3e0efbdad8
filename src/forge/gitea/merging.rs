//! Merges, now or once the checks have passed.

use reqwest::Method;
use serde_json::json;

use crate::forge::gitea::Gitea;
use crate::forge::http::Answer;
use crate::forge::{Error, Merging};
use crate::pull_request::{Checks, MergeMethod, State};
use crate::revision::CommitId;

#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    Now,
    /// Once the checks have passed.
    Later,
}

impl Gitea {
    pub(crate) fn merge_now(
        &self,
        number: u64,
        head: CommitId,
        method: MergeMethod,
    ) -> Result<Merging, Error> {
        self.ask_to_merge(number, head, method, When::Now)
    }

    /// The forge waits for a check's word and for nothing else: where there is none yet, and
    /// where all have passed, it is merged now if it may be. A merge for later is taken with any
    /// head, so that is compared before.
    pub(crate) fn merge_now_or_later(
        &self,
        number: u64,
        head: CommitId,
        method: MergeMethod,
    ) -> Result<Merging, Error> {
        let pull = self.pull(number)?;
        match pull.state() {
            State::Merged => return Ok(Merging::Merged),
            State::Closed => return Ok(Merging::NotReady("it is closed".to_owned())),
            State::Open => {}
        }
        if pull.head_commit() != Some(head.to_string().as_str()) {
            return Ok(Merging::HeadMoved);
        }
        let checks = self.checks_of(head)?;
        if matches!(checks, Checks::None | Checks::Passing) {
            let merging = self.merge_now(number, head, method)?;
            let may_wait = checks == Checks::None && matches!(merging, Merging::NotReady(_));
            if !may_wait {
                return Ok(merging);
            }
        }
        self.ask_to_merge(number, head, method, When::Later)
    }

    fn ask_to_merge(
        &self,
        number: u64,
        head: CommitId,
        method: MergeMethod,
        when: When,
    ) -> Result<Merging, Error> {
        let below = ["pulls", &number.to_string(), "merge"];
        let body = json!({
            "Do": method.name(),
            "head_commit_id": head.to_string(),
            "merge_when_checks_succeed": when == When::Later,
        });
        let request = self.request(Method::POST, &below, "merge").body(body);
        let answer = match self.client.write(&request) {
            // It may have been done.
            Err(error @ Error::Unavailable { .. }) => {
                return match self.pull(number)?.state() {
                    State::Merged => Ok(Merging::Merged),
                    State::Open | State::Closed => Err(error),
                };
            }
            answer => answer?,
        };
        match answer.status {
            201 => Ok(Merging::Scheduled),
            409 if answer.reason.contains("already scheduled") => Ok(Merging::Scheduled),
            409 if answer.reason.contains("head out of date") => Ok(Merging::HeadMoved),
            200 | 404 | 405 | 409 => self.read_back(number, answer),
            _ => {
                answer.check(self.client.host(), &request)?;
                self.read_back(number, answer)
            }
        }
    }

    /// What the forge has now: one status has many meanings, most of them without words.
    fn read_back(&self, number: u64, answer: Answer) -> Result<Merging, Error> {
        let pull = self.pull(number)?;
        if pull.state() == State::Merged {
            return Ok(Merging::Merged);
        }
        if answer.reason.contains("merge style") {
            return Ok(Merging::NotOffered);
        }
        let reason = if pull.state() == State::Closed {
            "it is closed".to_owned()
        } else if pull.is_draft() {
            "it is a draft".to_owned()
        } else if pull.mergeable {
            answer.reason
        } else {
            format!(
                "it conflicts with its base, or that is not known yet: {}",
                answer.reason
            )
        };
        Ok(Merging::NotReady(reason))
    }
}
