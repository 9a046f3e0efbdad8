//! What is known of one registry host: how to speak to it, and whether it can be reached.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use reqwest::header::{DATE, HeaderMap, HeaderValue};
use tokio::sync::{OnceCell, Semaphore};
use url::Url;

use crate::registry::authority::Authority;
use crate::registry::error::Failure;

/// Connections that failed one after another before the host counts as down.
const CONNECT_FAILURES: u32 = 3;
/// Answers that were too slow, one after another, before the host counts as down.
const SLOW_ANSWERS: u32 = 8;
/// How long a host that answers no HEAD is asked by GET.
const HEAD_MEMORY: Duration = Duration::from_secs(24 * 60 * 60);

/// How a host is spoken to; found out once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Channel {
    pub is_plain: bool,
    /// Certificates are verified.
    pub is_verified: bool,
    pub may_send_credentials: bool,
}

/// How a registry wants to be authorized.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    Basic,
    Bearer { realm: Url, service: String },
}

#[derive(Debug)]
pub(super) struct Host {
    pub authority: Authority,
    /// The manifest's `insecure`.
    pub insecure: bool,
    pub permits: Semaphore,
    pub channel: OnceCell<Channel>,
    first: tokio::sync::Mutex<()>,
    is_known: AtomicBool,
    reached: AtomicBool,
    connect_failures: AtomicU32,
    slow_answers: AtomicU32,
    down: Mutex<Option<(Instant, Failure)>>,
    /// The `Date` of its last answer.
    date: Mutex<Option<HeaderValue>>,
    throttled: Mutex<Option<Instant>>,
    head_refused: Mutex<Option<Instant>>,
    manner: Mutex<Option<Manner>>,
    /// Scopes that a registry names otherwise than `repository:<path>:pull`, by path.
    scopes: Mutex<HashMap<String, String>>,
}

impl Host {
    pub fn new(authority: Authority, insecure: bool, concurrency: usize) -> Self {
        Self {
            authority,
            insecure,
            permits: Semaphore::new(concurrency.max(1)),
            channel: OnceCell::new(),
            first: tokio::sync::Mutex::new(()),
            is_known: AtomicBool::new(false),
            reached: AtomicBool::new(false),
            connect_failures: AtomicU32::new(0),
            slow_answers: AtomicU32::new(0),
            down: Mutex::new(None),
            date: Mutex::new(None),
            throttled: Mutex::new(None),
            head_refused: Mutex::new(None),
            manner: Mutex::new(None),
            scopes: Mutex::new(HashMap::new()),
        }
    }

    /// The first question goes alone: a host that cannot be reached costs one time-out, and one
    /// that wants a login says so once. Everybody else waits here until it is through.
    pub async fn first_turn(&self) -> Option<FirstTurn<'_>> {
        if self.is_known.load(Ordering::Acquire) {
            return None;
        }
        let guard = self.first.lock().await;
        let is_known = self.is_known.load(Ordering::Acquire);
        (!is_known).then_some(FirstTurn {
            host: self,
            _guard: guard,
        })
    }

    fn is_reached(&self) -> bool {
        self.reached.load(Ordering::Relaxed)
    }

    pub fn note_answer(&self) {
        self.reached.store(true, Ordering::Relaxed);
        self.connect_failures.store(0, Ordering::Relaxed);
        self.slow_answers.store(0, Ordering::Relaxed);
    }

    pub fn note_date(&self, headers: &HeaderMap) {
        if let Some(date) = headers.get(DATE) {
            *lock(&self.date) = Some(date.clone());
        }
    }

    pub fn date(&self) -> Option<HeaderValue> {
        lock(&self.date).clone()
    }

    /// A connection failed. Whether that is enough to leave the host alone: after some, or on the
    /// very first contact when `at_once`.
    pub fn note_unreachable(&self, at_once: bool) -> bool {
        let failures = self.connect_failures.fetch_add(1, Ordering::Relaxed) + 1;
        failures >= CONNECT_FAILURES || (at_once && !self.is_reached())
    }

    /// An answer was too slow. Whether that is enough to leave the host alone.
    pub fn note_slow(&self) -> bool {
        let slow = self.slow_answers.fetch_add(1, Ordering::Relaxed) + 1;
        slow >= SLOW_ANSWERS || !self.is_reached()
    }

    /// The host is left alone for `rest`.
    pub fn take_down(&self, failure: &Failure, rest: Duration) {
        self.reached.store(false, Ordering::Relaxed);
        self.is_known.store(false, Ordering::Release);
        *lock(&self.down) = Some((Instant::now() + rest, failure.clone()));
    }

    /// Why the host is left alone now, if it is.
    pub fn down(&self) -> Option<Failure> {
        let mut down = lock(&self.down);
        match &*down {
            Some((until, failure)) if *until > Instant::now() => Some(failure.clone()),
            Some(_) => {
                // One request finds out whether it is back.
                *down = None;
                self.connect_failures.store(0, Ordering::Relaxed);
                self.slow_answers.store(0, Ordering::Relaxed);
                None
            }
            None => None,
        }
    }

    /// The host asked for a pause until then.
    pub fn throttle(&self, wait: Duration) {
        let until = Instant::now() + wait;
        let mut throttled = lock(&self.throttled);
        if throttled.is_none_or(|known| known < until) {
            *throttled = Some(until);
        }
    }

    pub fn throttled_for(&self) -> Option<Duration> {
        lock(&self.throttled)
            .map(|until| until.saturating_duration_since(Instant::now()))
            .filter(|wait| !wait.is_zero())
    }

    /// Whether HEAD is worth asking here.
    pub fn answers_head(&self) -> bool {
        lock(&self.head_refused).is_none_or(|since| since.elapsed() > HEAD_MEMORY)
    }

    pub fn note_head_refused(&self) {
        *lock(&self.head_refused) = Some(Instant::now());
    }

    pub fn manner(&self) -> Option<Manner> {
        lock(&self.manner).clone()
    }

    pub fn set_manner(&self, manner: Manner) {
        *lock(&self.manner) = Some(manner);
    }

    pub fn scope(&self, path: &str) -> String {
        lock(&self.scopes)
            .get(path)
            .cloned()
            .unwrap_or_else(|| format!("repository:{path}:pull"))
    }

    pub fn set_scope(&self, path: &str, scope: &str) {
        const MOST: usize = 10_000;
        let mut scopes = lock(&self.scopes);
        if scopes.len() < MOST && scope != format!("repository:{path}:pull") {
            scopes.insert(path.to_owned(), scope.to_owned());
        }
    }
}

/// Held by the first question to a host.
#[derive(Debug)]
pub(super) struct FirstTurn<'a> {
    host: &'a Host,
    _guard: tokio::sync::MutexGuard<'a, ()>,
}

impl Drop for FirstTurn<'_> {
    fn drop(&mut self) {
        if self.host.is_reached() {
            self.host.is_known.store(true, Ordering::Release);
        }
    }
}

/// A poisoned lock holds nothing half-written here.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
