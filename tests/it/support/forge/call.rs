//! A request as a face sees it.

use serde_json::Value;

use crate::support::scripted::{Reply, Seen};

#[derive(Clone, Debug)]
pub struct Call {
    pub method: String,
    /// As it came, with the query.
    pub path: String,
    /// Below the API's root, decoded one by one.
    pub segments: Vec<String>,
    /// Decoded, in order.
    pub query: Vec<(String, String)>,
    pub headers: Vec<(String, String)>,
    /// The body as it came.
    pub text: String,
    /// Null where it is none or no JSON.
    pub body: Value,
}

impl Call {
    pub fn of(seen: &Seen, root: &str) -> Self {
        Self {
            headers: seen.headers.clone(),
            ..Self::new(&seen.method, &seen.path, root, &seen.body)
        }
    }

    /// One without headers; `target` is the path with the query.
    pub fn new(method: &str, target: &str, root: &str, text: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let below = path.strip_prefix(root).unwrap_or(path);
        let decoded = |part: &str| {
            let pair = format!("x={}", part.replace('+', "%2B"));
            let mut pairs = url::form_urlencoded::parse(pair.as_bytes());
            pairs.next().unwrap().1.into_owned()
        };
        Self {
            method: method.to_owned(),
            path: target.to_owned(),
            segments: below.trim_matches('/').split('/').map(decoded).collect(),
            query: url::form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
            headers: Vec::new(),
            text: text.to_owned(),
            body: serde_json::from_str(text).unwrap_or(Value::Null),
        }
    }

    pub fn path_without_query(&self) -> &str {
        self.path.split('?').next().unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Of any of the headers that forges know.
    pub fn token(&self) -> Option<&str> {
        let authorization = self.header("authorization").and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            ["bearer", "token"]
                .contains(&scheme.to_ascii_lowercase().as_str())
                .then_some(token)
        });
        authorization.or_else(|| self.header("private-token"))
    }

    /// The parameter's value; empty where it is not there.
    pub fn parameter(&self, name: &str) -> &str {
        let found = self.query.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    pub fn number(&self, name: &str) -> Option<usize> {
        self.parameter(name).parse().ok()
    }

    /// A text of the body.
    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.body.get(name).and_then(Value::as_str)
    }

    /// The texts of an array of the body; None where it is not there.
    pub fn texts_of(&self, name: &str) -> Option<Vec<String>> {
        let items = self.body.get(name)?.as_array()?;
        let text = |item: &Value| item.as_str().map(str::to_owned);
        Some(items.iter().filter_map(text).collect())
    }

    pub fn is_set(&self, name: &str) -> bool {
        self.body.get(name).and_then(Value::as_bool) == Some(true)
    }

    /// The page that is asked for (from 1), its size within `most`, and what of it there is.
    pub fn page<'a, T>(
        &self,
        items: &'a [T],
        size: &str,
        usual: usize,
        most: usize,
    ) -> Page<'a, T> {
        let number = self.number("page").unwrap_or(1).max(1);
        let size = self.number(size).unwrap_or(usual).clamp(1, most);
        let rest = items.get((number - 1) * size..).unwrap_or_default();
        Page {
            items: &rest[..rest.len().min(size)],
            number,
            all: items.len(),
            is_last: rest.len() <= size,
        }
    }

    /// The same address with another page, for a `Link` header.
    pub fn at_page(&self, origin: &str, page: usize) -> String {
        let mut url: url::Url = format!("{origin}{}", self.path).parse().unwrap();
        let kept = self.query.iter().filter(|(name, _)| name != "page");
        let page = ("page".to_owned(), page.to_string());
        url.query_pairs_mut()
            .clear()
            .extend_pairs(kept.chain([&page]));
        url.into()
    }
}

pub struct Page<'a, T> {
    pub items: &'a [T],
    pub number: usize,
    pub all: usize,
    pub is_last: bool,
}

pub fn json(status: u16, value: &Value) -> Reply {
    Reply::status(status)
        .header("content-type", "application/json;charset=utf-8")
        .body(value.to_string())
}
