//! GitHub's GraphQL, for what REST does not have.

use jiff::Timestamp;
use reqwest::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::forge::Error;
use crate::forge::github::GitHub;
use crate::forge::http::{Answer, Request};

#[derive(Deserialize)]
struct Whole {
    data: Option<Value>,
    #[serde(default)]
    errors: Vec<Problem>,
}

#[derive(Deserialize)]
struct Problem {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    message: String,
}

impl GitHub {
    /// The data of one query or mutation, or the words with which GitHub refuses it; an error of
    /// another kind is the error it is. `query` must be ours: values go into `variables`.
    pub(crate) fn graphql<T: DeserializeOwned>(
        &self,
        asks: &str,
        subject: &str,
        query: &str,
        variables: &Value,
    ) -> Result<Result<T, String>, Error> {
        let request = Request::new(Method::POST, &["graphql"], asks, subject)
            .beside()
            .body(json!({"query": query, "variables": variables}));
        let answer = self.client.write(&request)?;
        let whole: Whole = answer.json(self.client.host(), &request)?;
        if let Some(problem) = whole.errors.first() {
            return self.problem(problem, &answer, subject).map(Err);
        }
        self.read(whole.data.unwrap_or_default()).map(Ok)
    }

    fn problem(&self, problem: &Problem, answer: &Answer, subject: &str) -> Result<String, Error> {
        let host = self.client.host().to_owned();
        let reason = self.client.words(&problem.message)?;
        match problem.kind.as_str() {
            "RATE_LIMITED" => {
                let reset = answer.header("x-ratelimit-reset");
                let second = reset.and_then(|second| second.trim().parse().ok());
                let until = second.and_then(|second| Timestamp::from_second(second).ok());
                Err(Error::Limited {
                    host,
                    until: until.map(|until| until.to_string()),
                })
            }
            "NOT_FOUND" => Err(Error::Missing {
                host,
                what: subject.to_owned(),
            }),
            "FORBIDDEN" | "INSUFFICIENT_SCOPES" => Err(Error::Denied { host, reason }),
            _ => Ok(reason),
        }
    }

    pub(crate) fn refused(&self, what: &str, reason: String) -> Error {
        Error::Refused {
            host: self.client.host().to_owned(),
            what: what.to_owned(),
            reason,
        }
    }
}
