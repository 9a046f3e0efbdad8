//! One request, answered or failed: limits, time-outs, redirects by hand, tries.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::body::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use tokio::sync::Semaphore;
use url::Url;

use crate::image::RegistryPattern;
use crate::lookup::Reason;
use crate::registry::authority::Authority;
use crate::registry::clients::Clients;
use crate::registry::egress::Egress;
use crate::registry::error::Failure;
use crate::registry::host::Host;
use crate::registry::options::{Retry, Timeouts};
use crate::registry::trouble::{Trouble, TroubleKind, name, refuse_address};
use crate::registry::{redirect, retry};
use crate::tally::{Allowance, Tally};

/// How grave something is that concerns security, 1 to 5, and its class in the Common Weakness
/// Enumeration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Alarm {
    pub level: u8,
    pub cwe: u16,
}

/// Bytes that are not those of their digest: insufficient verification of data authenticity, if it
/// were let pass.
pub(super) const ALTERED: Alarm = Alarm { level: 5, cwe: 345 };
/// A registry that sends its client where it may not go: server-side request forgery.
pub(super) const LED_ASTRAY: Alarm = Alarm { level: 3, cwe: 918 };

/// Stands for the class of a status where there is none.
const NO_ANSWER: &str = "none";
const MOST_REDIRECTS: usize = 5;
/// The largest body of an answer that is no success.
const ERROR_LIMIT: usize = 64 * 1024;

#[derive(Clone, Debug)]
pub(super) struct Request {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub authorization: Option<HeaderValue>,
    pub form: Option<String>,
    /// What is sent, of a media type that `headers` name; sent again with each try.
    pub body: Option<Bytes>,
    /// The largest body that is read.
    pub limit: usize,
    /// The body of a success is left unread, in [`Answer::unread`].
    pub is_streamed: bool,
    /// How much longer than usual the answer may take.
    pub extra_time: Duration,
    /// Certificates are verified; a redirect to another origin is verified always.
    pub is_verified: bool,
    /// What it is counted as.
    pub op: &'static str,
    /// `host[:port]` of the registry that it is made for: a token server is counted there.
    pub registry: String,
}

#[derive(Debug)]
pub(super) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// Its body is still to be read, by whoever asked for that.
    pub unread: Option<Response>,
    /// Who answered, when a redirect led to another origin.
    pub redirected_to: Option<Authority>,
}

impl Request {
    /// Without login and body, for an answer whose body does not matter.
    pub fn new(method: Method, url: Url, op: &'static str, registry: String) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            authorization: None,
            form: None,
            body: None,
            limit: 0,
            is_streamed: false,
            extra_time: Duration::ZERO,
            is_verified: true,
            op,
            registry,
        }
    }

    /// What may be sent to somebody whom the registry names.
    fn only_asks(&self) -> bool {
        self.body.is_none() && matches!(self.method, Method::GET | Method::HEAD | Method::POST)
    }
}

#[derive(Debug)]
pub(super) struct Transport {
    pub clients: Clients,
    pub egress: Egress,
    /// None: whatever is named, and public hosts that it redirects to.
    pub allowed: Option<Vec<RegistryPattern>>,
    /// The operator's list.
    pub insecure_hosts: HashSet<Authority>,
    pub timeouts: Timeouts,
    pub retry: Retry,
    pub permits: Semaphore,
    pub tally: Arc<Tally>,
}

impl Transport {
    /// Asks until there is an answer that is neither "too many requests" nor a server's error,
    /// as often as the operator allows.
    pub async fn send(&self, host: &Host, request: &Request) -> Result<Answer, Failure> {
        let mut tries = 0;
        loop {
            self.wait_for_throttle(host).await?;
            let outcome = self.attempt_in_turn(host, request).await?;
            tries += 1;
            let is_last = tries >= self.retry.tries.max(1);
            match outcome {
                Ok(answer) if retry::is_transient(answer.status) => {
                    self.after_transient(host, &answer, tries, is_last).await?;
                }
                Ok(answer) => return Ok(answer),
                Err(trouble) => {
                    let is_hopeless = matches!(
                        trouble.kind,
                        TroubleKind::Astray
                            | TroubleKind::Final
                            | TroubleKind::Slow
                            | TroubleKind::Unreachable(true)
                    );
                    if is_last || is_hopeless {
                        return Err(trouble.failure);
                    }
                    (self.retry.pause)(retry::backoff(&self.retry, tries)).await;
                }
            }
        }
    }

    /// Counts what concerns security; each is said once.
    pub fn alarm(&self, alarm: Alarm, registry: &str, what: &str) {
        let Alarm { level, cwe } = alarm;
        if self.tally.alarm(level, &format!("{registry} {what}")) {
            tracing::error!(security = level, cwe, host = registry, "{what}");
        }
    }

    pub fn is_insecure_by_operator(&self, authority: &Authority) -> bool {
        self.insecure_hosts.contains(authority)
    }

    /// Whether anything answers; false when there is no TLS, or none that is trusted.
    pub async fn probe(&self, host: &Host, request: &Request) -> Result<bool, Failure> {
        let _place = self.permits.acquire().await;
        match self.once(request, &request.url, false).await {
            Ok(_) => {
                host.note_answer();
                self.tally.answered(&host.authority.to_string(), None);
                Ok(true)
            }
            Err(trouble) if trouble.is_no_tls => Ok(false),
            Err(trouble) => {
                self.take_down(host, &trouble.failure);
                Err(trouble.failure)
            }
        }
    }

    fn take_down(&self, host: &Host, failure: &Failure) {
        let rest = self.retry.rest;
        host.take_down(failure, rest);
        self.tally.left_alone(&host.authority.to_string(), rest);
    }

    /// One try, when there is a place.
    async fn attempt_in_turn(
        &self,
        host: &Host,
        request: &Request,
    ) -> Result<Result<Answer, Trouble>, Failure> {
        let _own = host.permits.acquire().await;
        let _overall = self.permits.acquire().await;
        if let Some(failure) = host.down() {
            return Err(failure);
        }
        let begun = Instant::now();
        let limit = self.timeouts.total + request.extra_time;
        let outcome = match tokio::time::timeout(limit, self.attempt(request)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Trouble::slow(&request.url, limit)),
        };
        self.note(host, request, begun, &outcome);
        Ok(outcome)
    }

    /// Counts a try, and learns of the host.
    pub fn note(
        &self,
        host: &Host,
        request: &Request,
        begun: Instant,
        outcome: &Result<Answer, Trouble>,
    ) {
        let class = outcome
            .as_ref()
            .map_or(NO_ANSWER, |answer| class(answer.status));
        self.tally
            .request(&request.registry, request.op, class, begun.elapsed());
        match outcome {
            Ok(answer) => {
                host.note_answer();
                let mut allowance = None;
                if answer.redirected_to.is_none() {
                    host.note_date(&answer.headers);
                    let header = |name: &str| answer.headers.get(name)?.to_str().ok();
                    allowance = Allowance::read(header);
                }
                self.tally.answered(&host.authority.to_string(), allowance);
            }
            Err(trouble) => match trouble.kind {
                TroubleKind::Unreachable(timed_out) => {
                    if host.note_unreachable(timed_out) {
                        self.take_down(host, &trouble.failure);
                    }
                }
                TroubleKind::Slow => {
                    if host.note_slow() {
                        self.take_down(host, &trouble.failure);
                    }
                }
                TroubleKind::Astray => self.alarm(
                    LED_ASTRAY,
                    &request.registry,
                    &trouble.failure.fault.message,
                ),
                TroubleKind::Broken | TroubleKind::Final => {}
            },
        }
    }

    /// One request with the redirects behind it.
    async fn attempt(&self, request: &Request) -> Result<Answer, Trouble> {
        let origin = request.url.origin();
        let mut url = request.url.clone();
        let mut left_origin = false;
        for _ in 0..=MOST_REDIRECTS {
            let response = self.once(request, &url, left_origin).await?;
            let Some(next) = redirect::target(&url, response.status(), response.headers())
                .map_err(Trouble::last)?
            else {
                let redirected_to = left_origin.then(|| Authority::of(&url)).flatten();
                return self.answer(request, response, redirected_to).await;
            };
            // Once away from the origin no credential follows, not even on the way back.
            left_origin |= next.origin() != origin;
            if left_origin {
                self.check_way(&request.url, &next)
                    .map_err(Trouble::astray)?;
                if !request.only_asks() {
                    return Err(Trouble::astray(Failure::refused(
                        &name(&request.url),
                        format!("nothing is written where a redirect leads: {}", name(&next)),
                    )));
                }
            }
            url = next;
        }
        Err(Trouble::last(Failure::refused(
            &name(&request.url),
            format!(
                "more than {MOST_REDIRECTS} redirects, the last one to {}",
                name(&url)
            ),
        )))
    }

    /// Whether `from` may lead to another origin.
    pub fn check_way(&self, from: &Url, to: &Url) -> Result<(), Failure> {
        if self.may_redirect_to(to) {
            return Ok(());
        }
        Err(Failure::refused(
            &name(from),
            format!("a redirect to {}, which may not be asked", name(to)),
        )
        .advice("add it to registries.allow in the server's file"))
    }

    async fn once(
        &self,
        request: &Request,
        url: &Url,
        left_origin: bool,
    ) -> Result<Response, Trouble> {
        let mut builder = self.build(request, url, left_origin)?;
        if let Some(form) = request.form.as_ref().filter(|_| !left_origin) {
            builder = builder
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(form.clone());
        }
        if let Some(body) = request.body.as_ref().filter(|_| !left_origin) {
            builder = builder.body(body.clone());
        }
        // Connecting has its own limit inside the client.
        let limit = self.timeouts.connect + self.timeouts.header + request.extra_time;
        match tokio::time::timeout(limit, builder.send()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(Trouble::explain(&name(url), &error, self.timeouts.connect)),
            Err(_) => Err(Trouble::slow(
                &request.url,
                self.timeouts.header + request.extra_time,
            )),
        }
    }

    /// All of a request but its body.
    pub fn build(
        &self,
        request: &Request,
        url: &Url,
        left_origin: bool,
    ) -> Result<RequestBuilder, Trouble> {
        let host = name(url);
        if let Some(authority) = Authority::of(url) {
            self.egress
                .check(&authority)
                .map_err(|forbidden| Trouble::astray(refuse_address(&host, &forbidden)))?;
        }
        let client = self
            .clients
            .pick(url.scheme() == "http", request.is_verified || left_origin)
            .map_err(|error| Trouble::last(Failure::unavailable(&host, error.to_string())))?;
        let mut builder = client
            .request(request.method.clone(), url.clone())
            .headers(request.headers.clone());
        if let Some(authorization) = request.authorization.as_ref().filter(|_| !left_origin) {
            builder = builder.header(AUTHORIZATION, authorization);
        }
        Ok(builder)
    }

    pub async fn answer(
        &self,
        request: &Request,
        mut response: Response,
        redirected_to: Option<Authority>,
    ) -> Result<Answer, Trouble> {
        let host = name(&request.url);
        let status = response.status();
        let headers = std::mem::take(response.headers_mut());
        if status.is_success() && is_encoded(&headers) {
            return Err(Trouble::last(Failure::refused(
                &host,
                "the answer is compressed, though that was not asked for",
            )));
        }
        if status.is_success() && request.is_streamed {
            return Ok(Answer {
                status,
                headers,
                body: Vec::new(),
                unread: Some(response),
                redirected_to,
            });
        }
        let limit = if status.is_success() {
            request.limit
        } else {
            ERROR_LIMIT
        };
        let mut body = Vec::new();
        loop {
            let chunk = match tokio::time::timeout(self.timeouts.idle, response.chunk()).await {
                Ok(Ok(Some(chunk))) => chunk,
                Ok(Ok(None)) => break,
                Ok(Err(error)) => {
                    return Err(Trouble::explain(&host, &error, self.timeouts.connect));
                }
                Err(_) => return Err(Trouble::slow(&request.url, self.timeouts.idle)),
            };
            if body.len() + chunk.len() > limit {
                if status.is_success() {
                    return Err(Trouble::last(too_large(&host, limit)));
                }
                break;
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer {
            status,
            headers,
            body,
            unread: None,
            redirected_to,
        })
    }

    async fn wait_for_throttle(&self, host: &Host) -> Result<(), Failure> {
        let Some(wait) = host.throttled_for() else {
            return Ok(());
        };
        if wait > self.retry.patience {
            return Err(throttled(&host.authority, wait));
        }
        (self.retry.pause)(wait).await;
        Ok(())
    }

    async fn after_transient(
        &self,
        host: &Host,
        answer: &Answer,
        tries: u32,
        is_last: bool,
    ) -> Result<(), Failure> {
        let asked = retry::asked(&answer.headers);
        let wait = asked.unwrap_or_else(|| retry::backoff(&self.retry, tries));
        let is_throttled = answer.status == StatusCode::TOO_MANY_REQUESTS;
        if asked.is_some() || is_throttled {
            host.throttle(wait);
            self.tally.paused(&host.authority.to_string(), wait);
        }
        if !is_last && wait <= self.retry.patience {
            (self.retry.pause)(wait).await;
            return Ok(());
        }
        Err(if is_throttled {
            throttled(&host.authority, wait)
        } else {
            Failure::unavailable(
                &host.authority.to_string(),
                format!("the server answers {}", answer.status),
            )
            .advice("it is asked again on the next pass")
        })
    }
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}

fn is_encoded(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_ENCODING)
        .is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

fn too_large(host: &str, limit: usize) -> Failure {
    Failure::refused(
        host,
        format!("the answer is larger than {} KiB", limit / 1024),
    )
}

fn throttled(authority: &Authority, wait: Duration) -> Failure {
    Failure::unavailable(
        &authority.to_string(),
        format!(
            "too many requests; the registry asks to wait {} s",
            wait.as_secs().max(1)
        ),
    )
    .reason(Reason::TooManyRequests)
    .advice("log in for a higher limit, or ask less often")
}
