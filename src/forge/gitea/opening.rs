//! Opening a pull request, once, whatever becomes of the answers.

use reqwest::Method;
use serde_json::{Value, json};

use crate::forge::gitea::Gitea;
use crate::forge::gitea::values::{Pull, marked};
use crate::forge::{Error, Opened};
use crate::pull_request::Draft;

const ASKS: &str = "open the pull request";

/// What could not be set beside a pull request.
#[derive(Default)]
struct Beside {
    warnings: Vec<String>,
    /// Whether another try may set it.
    may_come: bool,
}

impl Beside {
    fn misses(&mut self, what: &str, error: &Error) {
        self.warnings.push(format!("{what}: {error}"));
        self.may_come |= error.is_passing();
    }
}

impl Gitea {
    pub(crate) fn open_or_find(&self, draft: &Draft) -> Result<Opened, Error> {
        let mut beside = Beside::default();
        let labels = match self.label_ids(&draft.labels) {
            Ok(labels) => labels,
            // They stand in the request that opens it, which can wait.
            Err(error) if error.is_passing() => return Err(error),
            Err(error) => {
                beside.misses("the labels are not set", &error);
                Vec::new()
            }
        };
        let body = json!({
            "head": draft.head.as_str(),
            "base": draft.base.as_str(),
            "title": marked(&draft.title, draft.is_draft),
            "body": draft.body,
            "labels": labels,
        });
        let pull = self.ask_for(draft, &body)?;
        // An unknown one would cost the pull request if it stood in the request above.
        self.assign(pull.number, draft, &mut beside);
        self.ask_reviewers(pull.number, draft, &mut beside);
        Ok(Opened {
            pull_request: self.value_of(pull)?,
            warnings: beside.warnings,
            is_whole: !beside.may_come,
        })
    }

    /// Twice at most: the second time only if the first has left nothing behind.
    fn ask_for(&self, draft: &Draft, body: &Value) -> Result<Pull, Error> {
        let mut is_first = true;
        loop {
            let error = match self.ask_once(draft, body) {
                Err(error @ (Error::Unavailable { .. } | Error::Unusable { .. })) => error,
                result => return result,
            };
            let arrived = self.open_one(draft.head.as_str(), draft.base.as_str())?;
            match arrived {
                Some(pull) => return Ok(pull),
                None if is_first => is_first = false,
                None => return Err(error),
            }
        }
    }

    fn ask_once(&self, draft: &Draft, body: &Value) -> Result<Pull, Error> {
        let request = self
            .request(Method::POST, &["pulls"], ASKS)
            .body(body.clone());
        let answer = self.client.write(&request)?;
        let (host, base) = (self.client.host(), &draft.base);
        match answer.status {
            409 => {
                let known = self.open_one(draft.head.as_str(), base.as_str())?;
                known.ok_or_else(|| Error::Refused {
                    host: host.to_owned(),
                    what: ASKS.to_owned(),
                    reason: answer.reason,
                })
            }
            404 => Err(Error::Missing {
                host: host.to_owned(),
                what: format!(
                    "branch {} or {base} in {}/{}",
                    draft.head, self.owner, self.name
                ),
            }),
            _ => answer.json(host, &request),
        }
    }

    /// All at once, and where that is refused one after another: the request replaces them all.
    fn assign(&self, number: u64, draft: &Draft, beside: &mut Beside) {
        let asks = "assign it";
        let set = |logins: &[&str]| self.patch(number, asks, json!({"assignees": logins}));
        let wanted: Vec<&str> = draft.assignees.iter().map(String::as_str).collect();
        if wanted.is_empty() || (wanted.len() > 1 && set(&wanted).is_ok()) {
            return;
        }
        let mut accepted = Vec::new();
        for login in wanted {
            accepted.push(login);
            if let Err(error) = set(&accepted) {
                accepted.pop();
                beside.misses(&format!("the assignee {login:?} is not set"), &error);
            }
        }
    }

    fn ask_reviewers(&self, number: u64, draft: &Draft, beside: &mut Beside) {
        for reviewer in &draft.reviewers {
            let body = match reviewer.split_once('/') {
                Some((_, team)) => json!({"team_reviewers": [team]}),
                None => json!({"reviewers": [reviewer]}),
            };
            let below = ["pulls", &number.to_string(), "requested_reviewers"];
            let request = self.request(Method::POST, &below, "ask for a review");
            let asked = self.written::<Value>(&request.body(body));
            if let Err(error) = asked {
                beside.misses(&format!("the reviewer {reviewer:?} is not asked"), &error);
            }
        }
    }
}
