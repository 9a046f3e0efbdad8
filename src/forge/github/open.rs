//! Opening a pull request, and what is set beside it.

use std::collections::BTreeSet;

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::forge::github::GitHub;
use crate::forge::github::wire::{Account, Pull, Remark};
use crate::forge::http::Request;
use crate::forge::{Error, Opened};
use crate::pull_request::{Comment, Draft};

/// Of one creating request: the first, one after a lost answer, one without the draft state.
const MAX_TRIES: usize = 3;
/// Comments that are searched for one whose answer was lost.
const MAX_SEARCHED: usize = 1000;

enum Created {
    Opened(Box<Pull>),
    /// One is open for the same head and base.
    Duplicate(Error),
    /// Private repositories of some plans have none.
    NoDrafts,
}

/// Whether what was asked for may be done although there is no answer to read it from.
pub(crate) fn is_lost(error: &Error) -> bool {
    matches!(error, Error::Unavailable { .. } | Error::Unusable { .. })
}

impl GitHub {
    pub(crate) fn open_pull(&self, draft: &Draft) -> Result<Opened, Error> {
        let mut warnings = Vec::new();
        let mut pull = self.create(draft, &mut warnings)?;
        let mut is_whole = true;
        let mut note = |what: String, result: Result<(), Error>| {
            if let Err(error) = result {
                warnings.push(format!("{what} could not be set: {error}"));
                is_whole &= !error.is_passing();
            }
        };
        if !draft.labels.is_empty() {
            note(
                "the labels".to_owned(),
                self.add_labels(&mut pull, &draft.labels),
            );
        }
        if !draft.assignees.is_empty() {
            let assigned = self.assign(pull.number, &draft.assignees);
            note("the assignees".to_owned(), assigned);
        }
        self.request_reviews(pull.number, &draft.reviewers, &mut note);
        Ok(Opened {
            pull_request: self.value(pull)?,
            warnings,
            is_whole,
        })
    }

    fn create(&self, draft: &Draft, warnings: &mut Vec<String>) -> Result<Pull, Error> {
        let mut is_draft = draft.is_draft;
        let mut lost = None;
        for _ in 0..MAX_TRIES {
            let request = self.creation(draft, is_draft);
            let error = match self.creating(&request, is_draft) {
                Ok(Created::Opened(pull)) => return Ok(*pull),
                Ok(Created::Duplicate(error)) => {
                    return self.standing_one(draft)?.ok_or(error);
                }
                Ok(Created::NoDrafts) => {
                    is_draft = false;
                    let words = "the draft state could not be set: this repository has no drafts";
                    warnings.push(words.to_owned());
                    continue;
                }
                Err(error) if is_lost(&error) => error,
                Err(error) => return Err(error),
            };
            if let Some(found) = self.standing_one(draft)? {
                return Ok(found);
            }
            if lost.is_some() {
                return Err(error);
            }
            lost = Some(error);
        }
        Err(lost.unwrap_or_else(|| self.unusable("it neither opens a pull request nor refuses")))
    }

    fn creating(&self, request: &Request, is_draft: bool) -> Result<Created, Error> {
        let answer = self.client.write(request)?;
        let read = answer.json(self.client.host(), request);
        match read {
            Err(error) if answer.status == 422 => {
                if answer.reason.contains("pull request already exists") {
                    Ok(Created::Duplicate(error))
                } else if is_draft && answer.reason.contains("Draft pull requests are not") {
                    Ok(Created::NoDrafts)
                } else {
                    Err(error)
                }
            }
            read => read.map(|pull| Created::Opened(Box::new(pull))),
        }
    }

    fn creation(&self, draft: &Draft, is_draft: bool) -> Request {
        let subject = format!("repository {}", self.full_name());
        self.request(Method::POST, &["pulls"], "open the pull request", &subject)
            .body(json!({
                "title": draft.title,
                "head": draft.head.as_str(),
                "base": draft.base.as_str(),
                "body": draft.body,
                "draft": is_draft,
            }))
    }

    /// The open one for the same head and base.
    fn standing_one(&self, draft: &Draft) -> Result<Option<Pull>, Error> {
        let query = [("base", draft.base.as_str()), ("state", "open")];
        let mut pulls = self.pulls_of(&draft.head, &query)?;
        pulls.retain(|pull| pull.is_open() && pull.base.name == draft.base.as_str());
        Ok(pulls.into_iter().next())
    }

    /// GitHub leaves out without a word whom it cannot assign.
    fn assign(&self, number: u64, assignees: &BTreeSet<String>) -> Result<(), Error> {
        #[derive(Deserialize)]
        struct Issue {
            #[serde(default)]
            assignees: Vec<Account>,
        }
        let subject = self.pull_subject(number);
        let below = ["issues", &number.to_string(), "assignees"];
        let request = self
            .request(Method::POST, &below, "assign somebody", &subject)
            .body(json!({"assignees": assignees}));
        let answer = self.client.write(&request)?;
        let issue: Issue = answer.json(self.client.host(), &request)?;
        let is_set = |name: &str| {
            issue
                .assignees
                .iter()
                .any(|account| account.login.eq_ignore_ascii_case(name))
        };
        let missing: Vec<&str> = assignees
            .iter()
            .map(String::as_str)
            .filter(|name| !is_set(name))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(Error::Refused {
            host: self.client.host().to_owned(),
            what: format!("assign {}", missing.join(", ")),
            reason: "no such account, or none that may be assigned here".to_owned(),
        })
    }

    /// Of many of whom one is unknown GitHub asks none: then each is asked for alone.
    fn request_reviews(
        &self,
        number: u64,
        reviewers: &BTreeSet<String>,
        note: &mut dyn FnMut(String, Result<(), Error>),
    ) {
        let whole: Vec<&str> = reviewers.iter().map(String::as_str).collect();
        if whole.is_empty() {
            return;
        }
        match self.request_review(number, &whole) {
            Err(Error::Refused { .. }) if whole.len() > 1 => {
                for one in whole {
                    note(
                        format!("reviewer {one}"),
                        self.request_review(number, &[one]),
                    );
                }
            }
            result => note(format!("reviewer {}", whole.join(", ")), result),
        }
    }

    fn request_review(&self, number: u64, reviewers: &[&str]) -> Result<(), Error> {
        let mut accounts = Vec::new();
        let mut teams = Vec::new();
        for reviewer in reviewers {
            match reviewer.split_once('/') {
                None => accounts.push(*reviewer),
                // Only its own organization's teams can be asked, by their short names.
                Some((organization, team)) if organization.eq_ignore_ascii_case(&self.owner) => {
                    teams.push(team);
                }
                Some(_) => {
                    return Err(Error::Refused {
                        host: self.client.host().to_owned(),
                        what: format!("ask {reviewer}"),
                        reason: format!("it is no team of {}", self.owner),
                    });
                }
            }
        }
        let subject = self.pull_subject(number);
        let below = ["pulls", &number.to_string(), "requested_reviewers"];
        let request = self
            .request(Method::POST, &below, "ask for a review", &subject)
            .body(json!({"reviewers": accounts, "team_reviewers": teams}));
        self.client
            .write(&request)?
            .check(self.client.host(), &request)
    }

    pub(crate) fn add_remark(&self, number: u64, body: &str) -> Result<Comment, Error> {
        let subject = self.pull_subject(number);
        let below = ["issues", &number.to_string(), "comments"];
        let request = self
            .request(Method::POST, &below, "add a comment", &subject)
            .body(json!({"body": body}));
        let write = || {
            let answer: Value = self
                .client
                .write(&request)?
                .json(self.client.host(), &request)?;
            Ok(self.read::<Remark>(answer)?.value())
        };
        match write() {
            Err(error) if is_lost(&error) => match self.comment_that_says(number, body)? {
                Some(found) => Ok(found),
                None => write(),
            },
            written => written,
        }
    }

    /// The newest of this account: somebody else's with the same words is not ours to edit.
    fn comment_that_says(&self, number: u64, body: &str) -> Result<Option<Comment>, Error> {
        let remarks = self.comment_list(number, MAX_SEARCHED)?;
        let mut found = remarks.into_iter().map(Remark::value).rev();
        let Some(found) = found.find(|comment| comment.body == body) else {
            return Ok(None);
        };
        let account = self.account()?;
        Ok((found.author == account).then_some(found))
    }
}
