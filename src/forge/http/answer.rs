use jiff::Timestamp;
use reqwest::header::{HeaderMap, LINK};
use serde::de::DeserializeOwned;

use crate::forge::Error;
use crate::forge::http::Request;
use crate::plain::plain;

const MAX_REASON: usize = 300;

/// A forge's answer that is neither a server's error nor a limit.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// What the forge says of a request that it did not do, cleaned.
    pub reason: String,
}

impl Answer {
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The value of a success; everything else as the error it is.
    pub fn json<T: DeserializeOwned>(&self, host: &str, request: &Request) -> Result<T, Error> {
        self.check(host, request)?;
        // What serde quotes of a value may be anything: only the place is told.
        serde_json::from_slice(&self.body).map_err(|error| Error::Unusable {
            host: host.to_owned(),
            reason: format!(
                "it is not what was asked for (line {}, column {})",
                error.line(),
                error.column()
            ),
        })
    }

    /// Success, or the error that the status means.
    pub fn check(&self, host: &str, request: &Request) -> Result<(), Error> {
        let host = host.to_owned();
        let reason = self.reason.clone();
        Err(match self.status {
            200..=299 => return Ok(()),
            300..=399 => Error::Unusable {
                host,
                reason: "it redirects; the repository may have been renamed: name its present \
                         place"
                    .to_owned(),
            },
            401 | 403 => Error::Denied { host, reason },
            404 | 410 => Error::Missing {
                host,
                what: request.subject().to_owned(),
            },
            _ => Error::Refused {
                host,
                what: request.asks().to_owned(),
                reason,
            },
        })
    }

    /// The target of `Link: <…>; rel="next"` (RFC 8288).
    pub(crate) fn next_link(&self) -> Option<String> {
        self.headers
            .get_all(LINK)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .find_map(next_in)
            .map(str::to_owned)
    }
}

fn next_in(header: &str) -> Option<&str> {
    let mut rest = header;
    while let Some((_, after)) = rest.split_once('<') {
        let (target, after) = after.split_once('>')?;
        let parameters = after.split('<').next().unwrap_or_default();
        if parameters.split([';', ',']).any(is_next) {
            return Some(target);
        }
        rest = after;
    }
    None
}

fn is_next(parameter: &str) -> bool {
    parameter.split_once('=').is_some_and(|(name, value)| {
        name.trim().eq_ignore_ascii_case("rel")
            && value
                .trim()
                .trim_matches('"')
                .split_whitespace()
                .any(|word| word.eq_ignore_ascii_case("next"))
    })
}

/// What a forge says in the body of an error.
pub(crate) fn reason_in(status: u16, body: &[u8], secret: &str) -> String {
    match cleaned(&words_in(body).unwrap_or_default(), secret).as_str() {
        "" => format!("status {status}"),
        said => format!("{said} (status {status})"),
    }
}

/// A forge's words as one line, without control characters and without `secret`, at most 300
/// characters.
pub(crate) fn cleaned(said: &str, secret: &str) -> String {
    let said = if secret.is_empty() {
        said.to_owned()
    } else {
        said.replace(secret, "…")
    };
    let plain: String = plain(&said).chars().take(MAX_REASON).collect();
    plain.trim().to_owned()
}

fn words_in(body: &[u8]) -> Option<String> {
    let value = serde_json::from_slice::<serde_json::Value>(body).ok()?;
    let said = ["message", "error_description", "error"]
        .iter()
        .find_map(|name| value.get(name).filter(|said| !said.is_null()))?;
    let mut text = said
        .as_str()
        .map_or_else(|| said.to_string(), str::to_owned);
    let more = value.get("errors").and_then(serde_json::Value::as_array);
    for error in more.into_iter().flatten().take(5) {
        if let Some(more) = error.get("message").unwrap_or(error).as_str() {
            text.push_str(": ");
            text.push_str(more);
        }
    }
    Some(text)
}

/// When to ask again, where the answer is a limit: None for the inner value where it is not said.
pub(crate) fn limit_of(answer: &Answer, now: Timestamp) -> Option<Option<Timestamp>> {
    let is_used_up = ["x-ratelimit-remaining", "ratelimit-remaining"]
        .iter()
        .any(|name| answer.header(name) == Some("0"));
    let after = answer.header("retry-after");
    let is_limit = match answer.status {
        429 => true,
        403 => is_used_up || after.is_some() || answer.reason.contains("secondary rate limit"),
        _ => false,
    };
    if !is_limit {
        return None;
    }
    if let Some(after) = after {
        let after = after.trim();
        return Some(match after.parse::<u32>() {
            Ok(seconds) => now
                .checked_add(jiff::SignedDuration::from_secs(seconds.into()))
                .ok(),
            Err(_) => jiff::fmt::rfc2822::DateTimeParser::new()
                .parse_timestamp(after)
                .ok(),
        });
    }
    if !is_used_up {
        return Some(None);
    }
    let reset = ["x-ratelimit-reset", "ratelimit-reset"]
        .iter()
        .find_map(|name| answer.header(name)?.trim().parse::<i64>().ok());
    Some(reset.and_then(|second| Timestamp::from_second(second).ok()))
}
