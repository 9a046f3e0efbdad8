//! One request, answered or failed: limits, time-outs, redirects by hand, tries.

use std::collections::HashSet;
use std::error::Error as _;
use std::time::Duration;

use reqwest::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER,
};
use reqwest::{Method, Response, StatusCode};
use tokio::sync::Semaphore;
use url::Url;

use crate::registry::authority::Authority;
use crate::registry::clients::Clients;
use crate::registry::egress::{Egress, Forbidden};
use crate::registry::error::Failure;
use crate::registry::host::Host;
use crate::registry::options::{Retry, Timeouts};
use crate::registry::retry;

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
    /// The largest body that is read.
    pub limit: usize,
    /// Certificates are verified; a redirect to another origin is verified always.
    pub is_verified: bool,
}

#[derive(Debug)]
pub(super) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// Who answered, when a redirect led to another origin.
    pub redirected_to: Option<Authority>,
}

/// A try that failed, and whether another one may help.
struct Trouble {
    failure: Failure,
    kind: TroubleKind,
    /// There was somebody, or may be on another port, but no TLS that is trusted.
    is_no_tls: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum TroubleKind {
    /// No connection; `true`: after a time-out.
    Unreachable(bool),
    Slow,
    /// Broken off on the way.
    Broken,
    Final,
}

#[derive(Debug)]
pub(super) struct Transport {
    pub clients: Clients,
    pub egress: Egress,
    /// None: whatever is named, and public hosts that it redirects to.
    pub allowed: Option<HashSet<Authority>>,
    /// The operator's list.
    pub insecure_hosts: HashSet<Authority>,
    pub timeouts: Timeouts,
    pub retry: Retry,
    pub permits: Semaphore,
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
                        TroubleKind::Final | TroubleKind::Slow | TroubleKind::Unreachable(true)
                    );
                    if is_last || is_hopeless {
                        return Err(trouble.failure);
                    }
                    (self.retry.pause)(retry::backoff(&self.retry, tries)).await;
                }
            }
        }
    }

    pub fn is_allowed(&self, authority: &Authority) -> bool {
        self.allowed
            .as_ref()
            .is_none_or(|allowed| allowed.contains(authority))
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
                Ok(true)
            }
            Err(trouble) if trouble.is_no_tls => Ok(false),
            Err(trouble) => {
                host.take_down(&trouble.failure, self.retry.rest);
                Err(trouble.failure)
            }
        }
    }

    /// Takes a place, and on the first contact with a host goes alone.
    async fn attempt_in_turn(
        &self,
        host: &Host,
        request: &Request,
    ) -> Result<Result<Answer, Trouble>, Failure> {
        let _first = if host.is_reached() {
            None
        } else {
            let guard = host.first.lock().await;
            (!host.is_reached()).then_some(guard)
        };
        let _own = host.permits.acquire().await;
        let _overall = self.permits.acquire().await;
        if let Some(failure) = host.down() {
            return Err(failure);
        }
        let outcome = match tokio::time::timeout(self.timeouts.total, self.attempt(request)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(self.slow(request, self.timeouts.total)),
        };
        match &outcome {
            Ok(_) => host.note_answer(),
            Err(trouble) => match trouble.kind {
                TroubleKind::Unreachable(timed_out) => {
                    host.note_unreachable(&trouble.failure, timed_out, self.retry.rest);
                }
                TroubleKind::Slow => host.note_slow(&trouble.failure, self.retry.rest),
                TroubleKind::Broken | TroubleKind::Final => {}
            },
        }
        Ok(outcome)
    }

    /// One request with the redirects behind it.
    async fn attempt(&self, request: &Request) -> Result<Answer, Trouble> {
        let origin = request.url.origin();
        let mut url = request.url.clone();
        let mut left_origin = false;
        for _ in 0..=MOST_REDIRECTS {
            let response = self.once(request, &url, left_origin).await?;
            let Some(next) = redirect_target(&url, &response).map_err(final_trouble)? else {
                let redirected_to = left_origin.then(|| Authority::of(&url)).flatten();
                return self.answer(request, response, redirected_to).await;
            };
            // Once away from the origin no credential follows, not even on the way back.
            left_origin |= next.origin() != origin;
            if left_origin && !Authority::of(&next).is_some_and(|next| self.is_allowed(&next)) {
                return Err(final_trouble(
                    Failure::refused(
                        &name(&request.url),
                        format!("a redirect to {}, which may not be asked", name(&next)),
                    )
                    .advice("add it to registries.allow in the server's file"),
                ));
            }
            url = next;
        }
        Err(final_trouble(Failure::refused(
            &name(&request.url),
            format!(
                "more than {MOST_REDIRECTS} redirects, the last one to {}",
                name(&url)
            ),
        )))
    }

    async fn once(
        &self,
        request: &Request,
        url: &Url,
        left_origin: bool,
    ) -> Result<Response, Trouble> {
        let host = name(url);
        if let Some(authority) = Authority::of(url) {
            self.egress
                .check(&authority)
                .map_err(|forbidden| final_trouble(refuse_address(&host, &forbidden)))?;
        }
        let client = self
            .clients
            .pick(url.scheme() == "http", request.is_verified || left_origin)
            .map_err(|error| final_trouble(Failure::unavailable(&host, error.to_string())))?;
        let mut builder = client
            .request(request.method.clone(), url.clone())
            .headers(request.headers.clone());
        if let Some(authorization) = request.authorization.as_ref().filter(|_| !left_origin) {
            builder = builder.header(AUTHORIZATION, authorization);
        }
        if let Some(form) = request.form.as_ref().filter(|_| !left_origin) {
            builder = builder
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(form.clone());
        }
        // Connecting has its own limit inside the client.
        let limit = self.timeouts.connect + self.timeouts.header;
        match tokio::time::timeout(limit, builder.send()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(self.explain(&host, &error)),
            Err(_) => Err(self.slow(request, self.timeouts.header)),
        }
    }

    async fn answer(
        &self,
        request: &Request,
        mut response: Response,
        redirected_to: Option<Authority>,
    ) -> Result<Answer, Trouble> {
        let host = name(&request.url);
        let status = response.status();
        let headers = std::mem::take(response.headers_mut());
        if status.is_success() && is_encoded(&headers) {
            return Err(final_trouble(Failure::refused(
                &host,
                "the answer is compressed, though that was not asked for",
            )));
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
                Ok(Err(error)) => return Err(self.explain(&host, &error)),
                Err(_) => return Err(self.slow(request, self.timeouts.idle)),
            };
            if body.len() + chunk.len() > limit {
                if status.is_success() {
                    return Err(final_trouble(too_large(&host, limit)));
                }
                break;
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer {
            status,
            headers,
            body,
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
        let asked = answer
            .headers
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .and_then(retry::parse_retry_after);
        let wait = asked.unwrap_or_else(|| retry::backoff(&self.retry, tries));
        let is_throttled = answer.status == StatusCode::TOO_MANY_REQUESTS;
        if asked.is_some() || is_throttled {
            host.throttle(wait);
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

    fn slow(&self, request: &Request, limit: Duration) -> Trouble {
        Trouble {
            failure: Failure::unavailable(
                &name(&request.url),
                format!("no answer within {} s", limit.as_secs_f32()),
            )
            .advice("it is asked again on the next pass"),
            kind: TroubleKind::Slow,
            is_no_tls: false,
        }
    }

    fn explain(&self, host: &str, error: &reqwest::Error) -> Trouble {
        if let Some(forbidden) = cause::<Forbidden>(error) {
            return final_trouble(refuse_address(host, forbidden));
        }
        let text = deepest(error);
        let is_no_tls = error.is_connect() && !error.is_timeout() && !error.is_dns();
        let trouble = |message: String, advice: &str, kind| Trouble {
            failure: Failure::unavailable(host, message).advice(advice),
            kind,
            is_no_tls,
        };
        if error.is_connect() && error.is_timeout() {
            return trouble(
                format!(
                    "no connection within {} s",
                    self.timeouts.connect.as_secs_f32()
                ),
                "check the host's name, the network and the firewall",
                TroubleKind::Unreachable(true),
            );
        }
        if error.is_connect() && text.contains("InvalidContentType") {
            // rustls's word for a server that does not speak TLS.
            return trouble(
                format!(
                    "the registry {host} is HTTP only and requires the insecure flag to import"
                ),
                "set `importPolicy.insecure: true` at the tag, or list the host as insecure; \
                 credentials are sent only when the operator lists it",
                TroubleKind::Unreachable(true),
            );
        }
        if error.is_connect() && text.contains("certificate") {
            return trouble(
                format!("the certificate is not trusted: {text}"),
                "add its authority's certificate file, or set `importPolicy.insecure: true` at the tag",
                TroubleKind::Unreachable(true),
            );
        }
        if error.is_connect() {
            return trouble(
                format!("cannot connect: {text}"),
                "check the host's name and that the registry runs",
                TroubleKind::Unreachable(false),
            );
        }
        if error.is_timeout() {
            return trouble(
                "the answer takes too long".to_owned(),
                "it is asked again on the next pass",
                TroubleKind::Slow,
            );
        }
        trouble(
            format!("the connection broke off: {text}"),
            "it is asked again on the next pass",
            TroubleKind::Broken,
        )
    }
}

/// Where a redirect leads; none when the response is none.
fn redirect_target(from: &Url, response: &Response) -> Result<Option<Url>, Failure> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let host = name(from);
    let to = response
        .headers()
        .get(LOCATION)
        .and_then(|location| location.to_str().ok())
        .and_then(|location| from.join(location).ok())
        .ok_or_else(|| Failure::refused(&host, "a redirect without a usable address"))?;
    if !to.username().is_empty() || to.password().is_some() {
        return Err(Failure::refused(
            &host,
            "a redirect to an address with a user name",
        ));
    }
    match (from.scheme(), to.scheme()) {
        ("https" | "http", "https") | ("http", "http") => Ok(Some(to)),
        _ => Err(Failure::refused(
            &host,
            format!("a redirect to {} without TLS is not followed", name(&to)),
        )),
    }
}

fn is_encoded(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_ENCODING)
        .is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

fn refuse_address(host: &str, forbidden: &Forbidden) -> Failure {
    Failure::refused(host, forbidden.to_string()).advice(
        "loopback and private addresses are asked only for hosts that are named as registries",
    )
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
    .advice("log in for a higher limit, or ask less often")
}

fn final_trouble(failure: Failure) -> Trouble {
    Trouble {
        failure,
        kind: TroubleKind::Final,
        is_no_tls: false,
    }
}

/// `host[:port]`, never the path or the query: they may hold a signature.
fn name(url: &Url) -> String {
    Authority::of(url).map_or_else(|| "(no host)".to_owned(), |authority| authority.to_string())
}

fn cause<'a, T: std::error::Error + 'static>(error: &'a reqwest::Error) -> Option<&'a T> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        source = error.source();
    }
    None
}

/// The innermost cause: the outer ones only say that a request failed, some with its URL.
fn deepest(error: &reqwest::Error) -> String {
    let mut deepest: Option<&dyn std::error::Error> = None;
    let mut source = error.source();
    while let Some(error) = source {
        deepest = Some(error);
        source = error.source();
    }
    deepest.map_or_else(
        || "the request failed".to_owned(),
        |error| crate::registry::error::clean(&error.to_string()),
    )
}
