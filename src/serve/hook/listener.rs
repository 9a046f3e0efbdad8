//! The listener: what a request goes through before a hint comes of it, cheapest first. Neither
//! the address nor the body of a request is ever logged: both may be secrets.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header::RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures_util::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use tokio::sync::Semaphore;

use crate::config::hooks::{HookKind, HookSettings};
use crate::serve::hook::authentication::{Proof, path_secret};
use crate::serve::hook::recent::{self, Recent};
use crate::serve::hook::{Hint, Received, Refusal, read, secret_files};
use crate::tally::Tally;

/// The largest body that is read, in bytes; what a sender says beyond is found by the next
/// regular check.
pub const BODY_LIMIT: usize = 1024 * 1024;
/// So much of a larger one is taken and thrown away, so that its sender hears the answer.
const MOST_DISCARDED: usize = 4 * BODY_LIMIT;

/// What is told of a hook by its name. It must not block.
pub type Heard = Arc<dyn Fn(&str, Vec<Hint>) + Send + Sync>;

/// The limits, as values so that tests need not wait.
#[derive(Clone)]
pub struct HookOptions {
    /// Requests that are worked on at a time; more are answered with 429.
    pub at_once: usize,
    /// Numbers of deliveries that are remembered.
    pub remembered: usize,
    /// How long a body may take; the header has a limit of its own where the connection is.
    pub patience: Duration,
    pub now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// Counts what is not authentic.
    pub tally: Arc<Tally>,
}

impl fmt::Debug for HookOptions {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("HookOptions")
            .field("at_once", &self.at_once)
            .field("remembered", &self.remembered)
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}

impl Default for HookOptions {
    fn default() -> Self {
        Self {
            at_once: 64,
            remembered: 10_000,
            patience: Duration::from_secs(20),
            now: Arc::new(crate::clock::now),
            tally: Arc::default(),
        }
    }
}

/// The hooks of the server file.
pub struct Hooks {
    senders: RwLock<BTreeMap<String, Arc<Sender>>>,
    recent: Mutex<Recent>,
    places: Semaphore,
    /// Requests to addresses that there are not.
    unknown: AtomicU64,
    options: HookOptions,
    heard: Heard,
}

impl fmt::Debug for Hooks {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Hooks").finish_non_exhaustive()
    }
}

struct Sender {
    settings: HookSettings,
    counts: Arc<Counts>,
}

/// How requests of one sender, or to addresses that there are not, ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookCount {
    /// None: the address is no hook's.
    pub hook: Option<String>,
    pub result: &'static str,
    pub count: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// A hint came of it.
    Taken,
    /// It says nothing here.
    Ignored,
    Ping,
    /// It was taken before.
    Duplicate,
    Refused(Refusal),
    /// Its address lacks the secret.
    WrongPath,
    /// None of its secrets can be read.
    NoSecret,
    Busy,
}

/// How grave a webhook is that is not authentic: a wrong setting, most of the time.
const FORGED: u8 = 2;

/// Between two lines of the log that say of a hook whether it is taken.
const QUIET: SignedDuration = SignedDuration::from_mins(1);

const RESULTS: [&str; 11] = [
    "taken",
    "ignored",
    "ping",
    "duplicate",
    "badSignature",
    "tooLarge",
    "slow",
    "unusable",
    "wrongPath",
    "noSecret",
    "busy",
];

#[derive(Default)]
struct Counts {
    by_result: [AtomicU64; RESULTS.len()],
    said: Said,
}

/// Whether the log has it that requests are taken, and when that was said.
struct Said(Mutex<(bool, Option<Timestamp>)>);

impl Outcome {
    /// It does not prove that it comes from who knows the secret.
    fn is_forged(self) -> bool {
        matches!(self, Self::WrongPath | Self::Refused(Refusal::BadSignature))
    }

    fn result(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Ignored => "ignored",
            Self::Ping => "ping",
            Self::Duplicate => "duplicate",
            Self::Refused(Refusal::BadSignature) => "badSignature",
            Self::Refused(Refusal::TooLarge) => "tooLarge",
            Self::Refused(Refusal::Slow) => "slow",
            Self::Refused(Refusal::Unusable) => "unusable",
            Self::WrongPath => "wrongPath",
            Self::NoSecret => "noSecret",
            Self::Busy => "busy",
        }
    }

    /// The answer, and what a person who tries the hook out reads.
    fn answer(self) -> (StatusCode, String) {
        let status = match self {
            Self::Taken | Self::Ignored | Self::Duplicate => StatusCode::ACCEPTED,
            Self::Ping => StatusCode::OK,
            Self::Refused(Refusal::BadSignature) => StatusCode::UNAUTHORIZED,
            Self::Refused(Refusal::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Refused(Refusal::Slow) => StatusCode::REQUEST_TIMEOUT,
            Self::Refused(Refusal::Unusable) => StatusCode::BAD_REQUEST,
            Self::WrongPath => StatusCode::NOT_FOUND,
            Self::NoSecret => StatusCode::SERVICE_UNAVAILABLE,
            Self::Busy => StatusCode::TOO_MANY_REQUESTS,
        };
        let text = match self {
            Self::Refused(refusal) => refusal.to_string(),
            Self::WrongPath => "there is no such hook".to_owned(),
            Self::NoSecret => "the hook has no secret that can be read".to_owned(),
            other => other.result().to_owned(),
        };
        (status, text)
    }

    fn respond(self) -> Response {
        let (status, text) = self.answer();
        let text = text + "\n";
        match self {
            Self::Busy => (status, [(RETRY_AFTER, "1")], text).into_response(),
            Self::NoSecret => (status, [(RETRY_AFTER, "60")], text).into_response(),
            _ => (status, text).into_response(),
        }
    }
}

impl Hooks {
    pub fn new(settings: &[HookSettings], options: HookOptions, heard: Heard) -> Arc<Self> {
        let hooks = Self {
            senders: RwLock::default(),
            recent: Mutex::new(Recent::new(options.remembered)),
            places: Semaphore::new(options.at_once),
            unknown: AtomicU64::new(0),
            options,
            heard,
        };
        hooks.set(settings);
        Arc::new(hooks)
    }

    /// From now on these are the hooks; those that stay keep their counts.
    pub fn set(&self, settings: &[HookSettings]) {
        let mut senders = self.senders.write().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::take(&mut *senders);
        for settings in settings {
            let counts = old.get(&settings.name).map(|old| Arc::clone(&old.counts));
            let sender = Sender {
                settings: settings.clone(),
                counts: counts.unwrap_or_default(),
            };
            senders.insert(settings.name.clone(), Arc::new(sender));
        }
    }

    /// `POST /hook/<name>` and `POST /hook/<name>/<path secret>`.
    pub fn router(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/hook/{name}", post(take))
            .route("/hook/{name}/{secret}", post(take_with_secret))
            .with_state(Arc::clone(self))
    }

    /// By hook and result; as many as the configuration has hooks, whatever is asked for.
    pub fn counts(&self) -> Vec<HookCount> {
        let senders = self.senders.read().unwrap_or_else(PoisonError::into_inner);
        let each = senders.iter().flat_map(|(name, sender)| {
            let counts = RESULTS.iter().zip(&sender.counts.by_result);
            counts.map(|(result, count)| HookCount {
                hook: Some(name.clone()),
                result,
                count: count.load(Ordering::Relaxed),
            })
        });
        let unknown = HookCount {
            hook: None,
            result: Outcome::WrongPath.result(),
            count: self.unknown.load(Ordering::Relaxed),
        };
        each.chain([unknown]).collect()
    }

    fn sender(&self, name: &str) -> Option<Arc<Sender>> {
        let senders = self.senders.read().unwrap_or_else(PoisonError::into_inner);
        senders.get(name).cloned()
    }

    async fn handle(&self, name: &str, path: Option<&str>, request: Request) -> Response {
        let Some(sender) = self.sender(name) else {
            // As much work as for a hook that there is.
            path_secret(name, &SecretString::from(""));
            self.unknown.fetch_add(1, Ordering::Relaxed);
            return Outcome::WrongPath.respond();
        };
        let outcome = match self.places.try_acquire() {
            Ok(_place) => self
                .judge(&sender.settings, path, request)
                .await
                .unwrap_or_else(|outcome| outcome),
            Err(_) => Outcome::Busy,
        };
        sender.note(outcome, (self.options.now)());
        if outcome.is_forged() {
            self.alarm(name);
        }
        // Else a registry would send the same again and again, and nothing behind it.
        let is_queue = sender.settings.kind.sends_until_taken();
        match outcome {
            Outcome::Refused(Refusal::Unusable | Refusal::TooLarge) if is_queue => {
                Outcome::Ignored.respond()
            }
            outcome => outcome.respond(),
        }
    }

    async fn judge(
        &self,
        sender: &HookSettings,
        path: Option<&str>,
        request: Request,
    ) -> Result<Outcome, Outcome> {
        let refused = Outcome::Refused;
        if path.is_some() != sender.kind.has_secret_path() {
            return Err(Outcome::WrongPath);
        }
        let files = sender.secret_files.clone();
        let secrets = tokio::task::spawn_blocking(move || secret_files::read(&files))
            .await
            .unwrap_or_default();
        if secrets.is_empty() {
            return Err(Outcome::NoSecret);
        }
        let (head, body) = request.into_parts();
        let wrong = match sender.kind.has_secret_path() {
            true => Outcome::WrongPath,
            false => refused(Refusal::BadSignature),
        };
        let proof = Proof::of(sender.kind, &head.headers, path).ok_or(wrong)?;
        let now = (self.options.now)();
        let holds = |body: &[u8]| proof.holds(&sender.name, &secrets, body, now);
        if !proof.needs_body() && !holds(b"") {
            return Err(wrong);
        }
        let body = tokio::time::timeout(self.options.patience, read_body(body))
            .await
            .unwrap_or(Err(Refusal::Slow))
            .map_err(refused)?;
        if proof.needs_body() && !holds(&body) {
            return Err(wrong);
        }
        let host = sender.host.as_deref();
        let hints = match read(sender.kind, host, &head.headers, &body).map_err(refused)? {
            Received::Ping => return Ok(Outcome::Ping),
            Received::Hints(hints) if hints.is_empty() => return Ok(Outcome::Ignored),
            Received::Hints(hints) => hints,
        };
        let key = recent::key(&sender.name, sender.kind, &head.headers, &body);
        if key.is_some_and(|key| !self.remember(key)) {
            return Ok(Outcome::Duplicate);
        }
        (self.heard)(&sender.name, hints);
        Ok(Outcome::Taken)
    }

    fn alarm(&self, name: &str) {
        if self.options.tally.alarm(FORGED, name) {
            // Insufficient verification of data authenticity, if it were let pass.
            tracing::warn!(
                security = FORGED,
                cwe = 345,
                hook = name,
                "a webhook is not authentic"
            );
        }
    }

    fn remember(&self, key: [u8; 32]) -> bool {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.remember(key)
    }
}

impl HookKind {
    /// Whether a notification that is not taken holds up those behind it for ever.
    fn sends_until_taken(self) -> bool {
        matches!(self, Self::Distribution | Self::GitLabRegistry)
    }
}

impl Sender {
    /// Counts, and says when requests begin to be refused, or are taken again: no more often than
    /// [`QUIET`], whoever sends.
    fn note(&self, outcome: Outcome, now: Timestamp) {
        let Some(place) = RESULTS.iter().position(|it| *it == outcome.result()) else {
            return;
        };
        if let Some(count) = self.counts.by_result.get(place) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let hook = &*self.settings.name;
        let result = outcome.result();
        let is_good = place < 4;
        if self.counts.said.changes(is_good, now) {
            match is_good {
                true => tracing::info!(hook, result, "webhooks are taken again"),
                false => tracing::warn!(hook, result, "a webhook is not taken"),
            }
        } else {
            tracing::debug!(hook, result, "a webhook");
        }
    }
}

impl Said {
    /// Whether it is to be said that requests are taken, or not, from now on.
    fn changes(&self, is_good: bool, now: Timestamp) -> bool {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (was_good, at) = *said;
        let is_quiet = at.is_some_and(|at| now.duration_since(at) < QUIET);
        if is_good == was_good || is_quiet {
            return false;
        }
        *said = (is_good, Some(now));
        true
    }
}

impl Default for Said {
    fn default() -> Self {
        Self(Mutex::new((true, None)))
    }
}

async fn take(
    State(hooks): State<Arc<Hooks>>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    hooks.handle(&name, None, request).await
}

async fn take_with_secret(
    State(hooks): State<Arc<Hooks>>,
    Path((name, secret)): Path<(String, String)>,
    request: Request,
) -> Response {
    hooks.handle(&name, Some(&secret), request).await
}

async fn read_body(body: Body) -> Result<Vec<u8>, Refusal> {
    let (mut text, mut length) = (Vec::new(), 0_usize);
    let mut parts = body.into_data_stream();
    while let Some(part) = parts.next().await {
        // The sender has hung up.
        let part = part.map_err(|_| Refusal::Slow)?;
        length = length.saturating_add(part.len());
        if length > MOST_DISCARDED {
            break;
        }
        if length <= BODY_LIMIT {
            text.extend_from_slice(&part);
        } else {
            text = Vec::new();
        }
    }
    match length <= BODY_LIMIT {
        true => Ok(text),
        false => Err(Refusal::TooLarge),
    }
}
