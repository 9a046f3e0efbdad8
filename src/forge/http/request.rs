use reqwest::Method;
use serde_json::Value;
use url::Url;

use crate::forge::Error;

/// One request below the API's root, or beside it.
#[derive(Clone, Debug)]
pub struct Request {
    pub(crate) method: Method,
    segments: Vec<String>,
    is_beside: bool,
    query: Vec<(String, String)>,
    pub(crate) body: Option<Value>,
    asks: String,
    subject: String,
}

impl Request {
    /// `asks` follows "refuses to", `subject` follows "has no". Each segment is encoded as one,
    /// with the slashes in it.
    pub fn new(method: Method, segments: &[&str], asks: &str, subject: &str) -> Self {
        Self {
            method,
            segments: segments.iter().map(ToString::to_string).collect(),
            is_beside: false,
            query: Vec::new(),
            body: None,
            asks: asks.to_owned(),
            subject: subject.to_owned(),
        }
    }

    #[must_use]
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.query.push((name.to_owned(), value.to_owned()));
        self
    }

    #[must_use]
    pub fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// Counts the segments from the folder that holds the API's root: GitHub Enterprise has
    /// GraphQL at `/api/graphql`, beside `/api/v3`. A root without a path stays.
    #[must_use]
    pub fn beside(mut self) -> Self {
        self.is_beside = true;
        self
    }

    pub(crate) fn asks(&self) -> &str {
        &self.asks
    }

    pub(crate) fn subject(&self) -> &str {
        &self.subject
    }

    /// Its address. A segment that would walk to another path is an error.
    pub(crate) fn address(&self, base: &Url) -> Result<Url, Error> {
        let mut url = base.clone();
        let mut path = url
            .path_segments_mut()
            .map_err(|()| Error::Settings(format!("{base} is no address of an API")))?;
        path.pop_if_empty();
        if self.is_beside {
            path.pop();
        }
        for segment in &self.segments {
            // The parser drops dots, which would ask for something else.
            if matches!(segment.as_str(), "" | "." | "..") {
                return Err(Error::Settings(format!(
                    "{segment:?} is no name that {} can be asked for",
                    self.subject
                )));
            }
            path.push(segment);
        }
        drop(path);
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        Ok(url)
    }
}
