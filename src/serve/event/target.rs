use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Response, redirect};
use url::Url;

use crate::config::events::{EventSettings, EventType};
use crate::serve::event::{CloudEvent, EventOptions};
use crate::serve::hook::read_secret;
use crate::serve::standard_webhooks::{ID, SIGNATURE, TIMESTAMP, sign};

const CLOUD_EVENT: &str = "application/cloudevents+json; charset=utf-8";
/// So much of an answer is read, so that its connection can be used again.
const MOST_ANSWER: usize = 1024;

/// An address that events are posted to. What `Debug` shows of it is its host.
pub struct Target {
    url: Url,
    secret_file: PathBuf,
    types: BTreeSet<EventType>,
    http: reqwest::Client,
    options: EventOptions,
}

/// Why a try has failed.
struct Failure {
    reason: String,
    /// Whether another try may do better, and when the target wants it.
    again: Option<Option<Duration>>,
}

impl fmt::Debug for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Target").field(&self.host()).finish()
    }
}

impl Target {
    pub fn new(settings: &EventSettings, options: EventOptions) -> reqwest::Result<Self> {
        crate::registry::prepare();
        let is_plain = settings.url.scheme() == "http";
        let builder = reqwest::Client::builder()
            .user_agent(concat!("headwater/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .https_only(!is_plain)
            .timeout(options.patience);
        let builder = match is_plain {
            // It never speaks TLS: the system's certificates need not be read.
            true => builder.tls_certs_only([]),
            false => builder,
        };
        Ok(Self {
            url: settings.url.clone(),
            secret_file: settings.secret_file.clone(),
            types: settings.types.clone(),
            http: builder.build()?,
            options,
        })
    }

    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    pub fn wants(&self, kind: EventType) -> bool {
        self.types.contains(&kind)
    }

    /// Tries until it is taken, or there is no use.
    pub async fn deliver(&self, event: &CloudEvent) -> Result<(), String> {
        let mut tries = 0;
        loop {
            let failure = match self.attempt(event).await {
                Ok(()) => return Ok(()),
                Err(failure) => failure,
            };
            tries += 1;
            let Some(asked) = failure.again.filter(|_| tries < self.options.tries) else {
                return Err(failure.reason);
            };
            let pause = self
                .pause_after(tries, &event.id)
                .max(asked.unwrap_or_default());
            (self.options.pause)(pause.min(self.options.longest)).await;
        }
    }

    async fn attempt(&self, event: &CloudEvent) -> Result<(), Failure> {
        // Read anew for each try, so that it may be replaced.
        let secret = read_secret(&self.secret_file)
            .ok_or_else(|| Failure::passing("its secret cannot be read".to_owned()))?;
        let seconds = (self.options.now)().as_second();
        let signature = sign(&secret, &event.id, seconds, &event.body)
            .ok_or_else(|| Failure::passing("it cannot be signed".to_owned()))?;
        let sent = self
            .http
            .post(self.url.clone())
            .header(CONTENT_TYPE, CLOUD_EVENT)
            .header(ID, &event.id)
            .header(TIMESTAMP, seconds.to_string())
            .header(SIGNATURE, signature)
            .body(event.body.clone())
            .send()
            .await;
        // The error's own text has the URL in it.
        let mut response = sent.map_err(|error| {
            let what = match (error.is_timeout(), error.is_connect()) {
                (true, _) => "it takes too long",
                (_, true) => "it cannot be reached",
                _ => "the connection broke",
            };
            Failure::passing(what.to_owned())
        })?;
        let verdict = self.judge(&response);
        discard(&mut response).await;
        verdict
    }

    fn judge(&self, response: &Response) -> Result<(), Failure> {
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let reason = format!("it answers {}", status.as_u16());
        let is_passing = matches!(status.as_u16(), 408 | 425 | 429) || status.is_server_error();
        let asked = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| retry_after(text, (self.options.now)()));
        Err(Failure {
            reason,
            again: is_passing.then_some(asked),
        })
    }

    /// Four times as long each time, and up to half of it less, so that what failed together
    /// does not come back together: by event and try, since there is no need of a die.
    fn pause_after(&self, tries: u32, id: &str) -> Duration {
        let growth = 4_u32.saturating_pow(tries.saturating_sub(1));
        let whole = self
            .options
            .first
            .saturating_mul(growth)
            .min(self.options.longest);
        let mixed = id
            .bytes()
            .chain(self.host().bytes())
            .fold(tries, |mixed, byte| {
                mixed.wrapping_mul(31).wrapping_add(byte.into())
            });
        whole.mul_f64(1.0 - f64::from(mixed % 1000) / 2000.0)
    }
}

impl Failure {
    fn passing(reason: String) -> Self {
        Self {
            reason,
            again: Some(None),
        }
    }
}

async fn discard(response: &mut Response) {
    let mut length = 0;
    while let Ok(Some(part)) = response.chunk().await {
        length += part.len();
        if length > MOST_ANSWER {
            return;
        }
    }
}

/// Seconds or a date (RFC 9110, 10.2.3).
fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(text.trim())
        .ok()?;
    date.duration_since(now).try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = "2026-11-28T10:00:00Z".parse().unwrap();
        let read = |text| retry_after(text, now).map(|pause| pause.as_secs());
        assert_eq!(read("7"), Some(7));
        assert_eq!(read("Sat, 28 Nov 2026 10:00:30 GMT"), Some(30));
        assert_eq!(read("Sat, 28 Nov 2026 09:00:00 GMT"), None);
        assert_eq!(read("soon"), None);
    }
}
