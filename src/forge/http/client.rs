use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, ETAG, HeaderName, HeaderValue};
use reqwest::{Certificate, Method, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::runtime::Runtime;
use url::Url;

use crate::forge::Error;
use crate::forge::http::answer::{cleaned, limit_of, reason_in};
use crate::forge::http::etags::Etags;
use crate::forge::http::{Answer, Dialect, Options, Request, TokenHeader};
use crate::tally::Allowance;

const MAX_BODY: usize = 8 * 1024 * 1024;
const MAX_PAGES: usize = 100;
const MAX_TRIES: u32 = 3;
/// A longer wait is the caller's: other repositories are not held up.
const MAX_WAIT: SignedDuration = SignedDuration::from_secs(30);
/// What GitHub asks for where it names no time.
const UNSAID_WAIT: SignedDuration = SignedDuration::from_secs(60);

/// A client of one forge with one token. Must not be used on a thread that runs async code.
#[derive(Debug)]
pub struct Client {
    options: Options,
    dialect: Dialect,
    host: String,
    http: reqwest::Client,
    runtime: Runtime,
    etags: Mutex<Etags>,
    /// When the last write ended; held during a write, so that they follow one another.
    last_write: Mutex<Option<Timestamp>>,
}

/// The items of all pages.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing {
    pub items: Vec<Value>,
    /// Whether these are all.
    pub is_complete: bool,
}

impl Client {
    /// Reads the certificate files. Errors name the operator's setting.
    pub fn new(options: Options, dialect: Dialect) -> Result<Self, Error> {
        // An error says that the process has chosen before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let host = checked_host(&options)?;
        let mut builder = reqwest::Client::builder()
            .user_agent(&options.user_agent)
            .redirect(redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .https_only(!options.allows_plain)
            .connect_timeout(options.timeouts.connect)
            .read_timeout(options.timeouts.idle)
            .timeout(options.timeouts.total)
            .http1_max_headers(128);
        let authorities = authorities(&options)?;
        builder = match options.base.scheme() {
            "https" => builder.tls_certs_merge(authorities),
            // It never speaks TLS: the system's certificates take longer to read than a pass.
            _ => builder.tls_certs_only([]),
        };
        let settings = |reason: String| Error::Settings(format!("no client of {host}: {reason}"));
        let http = builder.build().map_err(|error| settings(root_of(&error)))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| settings(error.to_string()))?;
        Ok(Self {
            options,
            dialect,
            host,
            http,
            runtime,
            etags: Mutex::default(),
            last_write: Mutex::default(),
        })
    }

    /// The forge's host, for messages.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// What the forge says outside an error's usual place, fit to be shown.
    pub(crate) fn words(&self, said: &str) -> Result<String, Error> {
        let token = self.options.token.read()?;
        Ok(cleaned(said, token.expose_secret()))
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    /// Asks, again after a pause where the server fails. Any status that is no server's error, no
    /// limit and no 401 is an answer.
    pub fn get(&self, request: &Request) -> Result<Answer, Error> {
        self.get_at(request, &request.address(&self.options.base)?)
    }

    /// The arrays of all pages, or those at `key` of each page, until there are `max` items.
    pub fn list(&self, request: &Request, key: Option<&str>, max: usize) -> Result<Listing, Error> {
        let mut url = request.address(&self.options.base)?;
        let mut seen = HashSet::new();
        let mut items = Vec::new();
        while seen.insert(url.clone()) {
            if seen.len() > MAX_PAGES {
                return Err(self.unusable(format!("it has more than {MAX_PAGES} pages")));
            }
            let answer = self.get_at(request, &url)?;
            let page: Value = answer.json(&self.host, request)?;
            let page = key.map_or(Some(&page), |key| page.get(key));
            let Some(page) = page.and_then(Value::as_array) else {
                return Err(self.unusable("a page is no list".to_owned()));
            };
            items.extend(page.iter().cloned());
            let next = answer.next_link();
            if items.len() > max || (items.len() == max && next.is_some()) {
                items.truncate(max);
                return Ok(Listing {
                    items,
                    is_complete: false,
                });
            }
            let Some(next) = next else {
                return Ok(Listing {
                    items,
                    is_complete: true,
                });
            };
            url = self.next_of(&url, &next)?;
        }
        Err(self.unusable("its pages go round in a circle".to_owned()))
    }

    /// Writes, after all earlier writes. Is made again only where the forge said that it did
    /// nothing (a limit, a token that has expired): after any other error it may have arrived.
    pub fn write(&self, request: &Request) -> Result<Answer, Error> {
        let url = request.address(&self.options.base)?;
        let mut last = lock(&self.last_write);
        if let Some(last) = *last {
            let since = (self.options.now)().duration_since(last);
            let least = self.dialect.between_writes;
            let rest = least.saturating_sub(Duration::try_from(since).unwrap_or_default());
            if !rest.is_zero() {
                (self.options.pause)(rest);
            }
        }
        let answer = self.within_limits(request, &url);
        *last = Some((self.options.now)());
        answer
    }

    fn get_at(&self, request: &Request, url: &Url) -> Result<Answer, Error> {
        let mut pause = Duration::from_secs(1);
        let mut tries = 1;
        loop {
            match self.within_limits(request, url) {
                Err(Error::Unavailable { .. }) if tries < MAX_TRIES => {
                    (self.options.pause)(pause);
                    pause *= 2;
                    tries += 1;
                }
                result => return result,
            }
        }
    }

    fn within_limits(&self, request: &Request, url: &Url) -> Result<Answer, Error> {
        let mut tries = 1;
        loop {
            let answer = self.authorized(request, url)?;
            let now = (self.options.now)();
            let Some(until) = limit_of(&answer, now) else {
                return Ok(answer);
            };
            let until = until.or_else(|| now.checked_add(UNSAID_WAIT).ok());
            let wait =
                until.map(|until| until.duration_since(now).max(SignedDuration::from_secs(1)));
            match wait {
                Some(wait) if wait <= MAX_WAIT && tries < MAX_TRIES => {
                    (self.options.pause)(wait.unsigned_abs());
                    tries += 1;
                }
                _ => {
                    return Err(Error::Limited {
                        host: self.host.clone(),
                        until: until.map(|until| until.to_string()),
                    });
                }
            }
        }
    }

    /// With the token of now; once more with the one that is there after a 401.
    fn authorized(&self, request: &Request, url: &Url) -> Result<Answer, Error> {
        let token = self.options.token.read()?;
        let first = self.once(request, url, &token)?;
        if first.status != 401 {
            return Ok(first);
        }
        self.options.token.refused(&token);
        let second = self.once(request, url, &self.options.token.read()?)?;
        if second.status != 401 {
            return Ok(second);
        }
        Err(Error::Denied {
            host: self.host.clone(),
            reason: second.reason,
        })
    }

    fn once(&self, request: &Request, url: &Url, token: &SecretString) -> Result<Answer, Error> {
        let (name, value) = self.token_header(token)?;
        let mut builder = self
            .http
            .request(request.method.clone(), url.clone())
            .header(name, value);
        let accepts = |(name, _): &(&str, &str)| name.eq_ignore_ascii_case(ACCEPT.as_str());
        if !self.dialect.headers.iter().any(accepts) {
            builder = builder.header(ACCEPT, "application/json");
        }
        for (name, value) in self.dialect.headers {
            builder = builder.header(*name, *value);
        }
        if let Some(body) = &request.body {
            builder = builder
                .header(CONTENT_TYPE, "application/json")
                .body(body.to_string());
        }
        let is_get = request.method == Method::GET;
        let stored = is_get
            .then(|| lock(&self.etags).get(url).cloned())
            .flatten();
        if let Some(etag) = stored.as_ref().and_then(|answer| answer.headers.get(ETAG)) {
            builder = builder.header("if-none-match", etag);
        }
        let begun = Instant::now();
        let received = self.runtime.block_on(self.received(builder));
        self.count(&request.method, &received, begun.elapsed());
        let mut answer = received?;
        match (answer.status, stored) {
            (304, Some(mut stored)) => {
                // It is asked for the forge's time as well.
                if let Some(date) = answer.headers.remove(DATE) {
                    stored.headers.insert(DATE, date);
                }
                return Ok(stored);
            }
            (304, None) => return Err(self.unusable("304 was not asked for".to_owned())),
            (500.., _) => return Err(self.unavailable(format!("status {}", answer.status))),
            _ => {}
        }
        if !answer.is_success() {
            answer.reason = reason_in(answer.status, &answer.body, token.expose_secret());
        }
        if is_get {
            lock(&self.etags).put(url, &answer);
        }
        Ok(answer)
    }

    fn count(&self, method: &Method, received: &Result<Answer, Error>, took: Duration) {
        let op = match method.as_str() {
            "GET" => "read",
            _ => "write",
        };
        let tally = &self.options.tally;
        let class = match received.as_ref().map(|answer| answer.status / 100) {
            Ok(2) => "2xx",
            Ok(3) => "3xx",
            Ok(4) => "4xx",
            Ok(_) => "5xx",
            Err(_) => "none",
        };
        tally.request(&self.host, op, class, took);
        if let Ok(answer) = received {
            let allowance = Allowance::read(|name| answer.header(name));
            tally.answered(&self.host, allowance);
        }
        match received {
            Ok(answer) if matches!(answer.status, 401 | 429 | 500..) => {
                tally.failed(&self.host, &format!("status {}", answer.status));
            }
            Ok(_) => tally.succeeded(&self.host),
            Err(error) => tally.failed(&self.host, &error.to_string()),
        }
    }

    async fn received(&self, builder: reqwest::RequestBuilder) -> Result<Answer, Error> {
        let fail = |error: reqwest::Error| self.unavailable(root_of(&error));
        let mut response = builder.send().await.map_err(fail)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(fail)? {
            if body.len() + chunk.len() > MAX_BODY {
                return Err(self.unusable(format!("it is larger than {MAX_BODY} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body,
            reason: String::new(),
        })
    }

    fn token_header(&self, token: &SecretString) -> Result<(HeaderName, HeaderValue), Error> {
        let token = token.expose_secret();
        let (name, text) = match self.dialect.token_header {
            TokenHeader::Bearer => (AUTHORIZATION, format!("Bearer {token}")),
            TokenHeader::Token => (AUTHORIZATION, format!("token {token}")),
            TokenHeader::PrivateToken => {
                (HeaderName::from_static("private-token"), token.to_owned())
            }
        };
        let mut value = HeaderValue::from_str(&text).map_err(|_| {
            Error::Settings(format!(
                "the token for {} holds characters that no token has",
                self.host
            ))
        })?;
        value.set_sensitive(true);
        Ok((name, value))
    }

    /// The token goes along, so a page of another origin is none (renovate 8a9f9cd).
    fn next_of(&self, url: &Url, next: &str) -> Result<Url, Error> {
        url.join(next)
            .ok()
            .filter(|next| {
                next.origin() == self.options.base.origin()
                    && next.username().is_empty()
                    && next.password().is_none()
            })
            .ok_or_else(|| self.unusable("its next page is at another origin".to_owned()))
    }

    fn unusable(&self, reason: String) -> Error {
        Error::Unusable {
            host: self.host.clone(),
            reason,
        }
    }

    fn unavailable(&self, reason: String) -> Error {
        Error::Unavailable {
            host: self.host.clone(),
            reason,
        }
    }
}

fn checked_host(options: &Options) -> Result<String, Error> {
    let base = &options.base;
    let is_bare = base.username().is_empty()
        && base.password().is_none()
        && base.query().is_none()
        && base.fragment().is_none();
    let is_allowed = base.scheme() == "https" || (options.allows_plain && base.scheme() == "http");
    let host = base.host_str().unwrap_or_default();
    if host.is_empty() || !is_bare || !is_allowed {
        return Err(Error::Settings(format!(
            "the API address of the forge {host:?} must be https://, without account, query and \
             fragment"
        )));
    }
    Ok(base
        .port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

fn authorities(options: &Options) -> Result<Vec<Certificate>, Error> {
    let mut authorities = Vec::new();
    for path in &options.ca_files {
        let fail = |reason: String| {
            Error::Settings(format!(
                "the certificate file {} cannot be used: {reason}",
                path.display()
            ))
        };
        let pem = std::fs::read(path).map_err(|error| fail(error.to_string()))?;
        let found = Certificate::from_pem_bundle(&pem).map_err(|error| fail(error.to_string()))?;
        if found.is_empty() {
            return Err(fail("it holds no certificate in PEM form".to_owned()));
        }
        authorities.extend(found);
    }
    Ok(authorities)
}

/// The innermost cause: the outer ones name the address.
fn root_of(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "it took too long".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
