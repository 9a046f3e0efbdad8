//! Bearer tokens: each fetched once for whoever needs it, and used until it is old
//! (distribution specification, "Token authentication").

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::header::HeaderValue;
use serde::Deserialize;

use crate::registry::authority::Authority;
use crate::registry::error::Failure;
use crate::registry::host::lock;

/// How long a token is used where the token server does not say.
const DEFAULT_LIFE: Duration = Duration::from_secs(60);
/// How long a failed exchange is the answer to everybody who waits for the same token.
const FAILURE_MEMORY: Duration = Duration::from_secs(5);
const MOST_TOKENS: usize = 20_000;

/// A token is used for exactly what it was asked for, and for whom.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct TokenKey {
    pub registry: Authority,
    pub insecure: bool,
    pub realm: String,
    pub service: String,
    pub scope: String,
    /// None: anonymous.
    pub credential: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct Tokens {
    slots: Mutex<HashMap<TokenKey, Arc<tokio::sync::Mutex<Slot>>>>,
}

#[derive(Debug, Default)]
enum Slot {
    #[default]
    Empty,
    Good {
        token: Token,
        refresh_at: Instant,
    },
    Failed {
        failure: Failure,
        until: Instant,
    },
}

/// The `Authorization` field with a token; prints nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token(pub HeaderValue);

/// What a token server answered.
#[derive(Debug)]
pub(super) struct Grant {
    pub token: Token,
    pub life: Duration,
}

impl Tokens {
    /// The token, from memory or by `fetch`, which one asker at a time does.
    pub async fn get<F>(&self, key: &TokenKey, fetch: impl FnOnce() -> F) -> Result<Token, Failure>
    where
        F: Future<Output = Result<Grant, Failure>>,
    {
        let slot = self.slot(key);
        let mut slot = slot.lock().await;
        let now = Instant::now();
        match &*slot {
            Slot::Good { token, refresh_at } if now < *refresh_at => return Ok(token.clone()),
            Slot::Failed { failure, until } if now < *until => return Err(failure.clone()),
            _ => {}
        }
        match fetch().await {
            Ok(grant) => {
                *slot = Slot::Good {
                    token: grant.token.clone(),
                    refresh_at: now + grant.life.mul_f64(0.8),
                };
                Ok(grant.token)
            }
            Err(failure) => {
                *slot = Slot::Failed {
                    failure: failure.clone(),
                    until: Instant::now() + FAILURE_MEMORY,
                };
                Err(failure)
            }
        }
    }

    /// The registry did not take this token.
    pub async fn forget(&self, key: &TokenKey, refused: &HeaderValue) {
        let slot = self.slot(key);
        let mut slot = slot.lock().await;
        if matches!(&*slot, Slot::Good { token, .. } if token.0 == *refused) {
            *slot = Slot::Empty;
        }
    }

    fn slot(&self, key: &TokenKey) -> Arc<tokio::sync::Mutex<Slot>> {
        let mut slots = lock(&self.slots);
        if slots.len() >= MOST_TOKENS && !slots.contains_key(key) {
            // Only those that nobody holds now; they are fetched again when needed.
            slots.retain(|_, slot| Arc::strong_count(slot) > 1);
        }
        Arc::clone(slots.entry(key.clone()).or_default())
    }
}

#[derive(Deserialize)]
struct RawGrant {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<f64>,
}

/// Reads a token server's answer; the error never repeats it.
pub(super) fn read_grant(body: &[u8]) -> Result<Grant, &'static str> {
    let raw: RawGrant =
        serde_json::from_slice(body).map_err(|_| "the token server's answer is no token")?;
    let token = raw
        .token
        .filter(|token| !token.is_empty())
        .or(raw.access_token)
        .filter(|token| !token.is_empty())
        .ok_or("the token server's answer holds no token")?;
    let mut header = HeaderValue::from_str(&format!("Bearer {token}"))
        .map_err(|_| "the token server's token holds forbidden characters")?;
    header.set_sensitive(true);
    let life = raw.expires_in.map_or(DEFAULT_LIFE, |seconds| {
        Duration::from_secs_f64(seconds.clamp(0.0, 86_400.0))
    });
    Ok(Grant {
        token: Token(header),
        life,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn key(scope: &str) -> TokenKey {
        TokenKey {
            registry: Authority::parse("r.example").unwrap(),
            insecure: false,
            realm: "https://r.example/token".to_owned(),
            service: "r.example".to_owned(),
            scope: scope.to_owned(),
            credential: None,
        }
    }

    #[tokio::test]
    async fn a_token_is_fetched_once_until_it_is_old() {
        let tokens = Tokens::default();
        let fetched = AtomicU32::new(0);
        let fetch = |life| {
            fetched.fetch_add(1, Ordering::Relaxed);
            let body = format!(r#"{{"access_token":"t","expires_in":{life}}}"#);
            std::future::ready(Ok(read_grant(body.as_bytes()).unwrap()))
        };
        let many = (0..50).map(|_| async { tokens.get(&key("a"), || fetch(600)).await.unwrap() });
        futures_util::future::join_all(many).await;
        assert_eq!(fetched.load(Ordering::Relaxed), 1);
        for _ in 0..3 {
            tokens.get(&key("b"), || fetch(0)).await.unwrap();
        }
        assert_eq!(fetched.load(Ordering::Relaxed), 4);
        tokens
            .forget(&key("a"), &HeaderValue::from_static("Bearer other"))
            .await;
        tokens.get(&key("a"), || fetch(600)).await.unwrap();
        assert_eq!(fetched.load(Ordering::Relaxed), 4);
        tokens
            .forget(&key("a"), &HeaderValue::from_static("Bearer t"))
            .await;
        tokens.get(&key("a"), || fetch(600)).await.unwrap();
        assert_eq!(fetched.load(Ordering::Relaxed), 5);
    }

    #[tokio::test]
    async fn a_failed_exchange_answers_everybody_who_waits() {
        let tokens = Tokens::default();
        let fetched = AtomicU32::new(0);
        let fetch = || {
            fetched.fetch_add(1, Ordering::Relaxed);
            std::future::ready(Err(Failure::unavailable("r.example", "down")))
        };
        for _ in 0..50 {
            assert!(tokens.get(&key("a"), fetch).await.is_err());
        }
        assert_eq!(fetched.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn grants_are_read_strictly() {
        let grant = read_grant(br#"{"token":"canary"}"#).unwrap();
        assert_eq!(grant.life, DEFAULT_LIFE);
        assert!(!format!("{grant:?}").contains("canary"));
        for bad in [
            "",
            "[]",
            "{}",
            r#"{"token":""}"#,
            r#"{"token":"a\nb"}"#,
            r#"{"token":1}"#,
        ] {
            assert!(read_grant(bad.as_bytes()).is_err(), "{bad}");
        }
        let long = read_grant(br#"{"token":"a","expires_in":1e300}"#).unwrap();
        assert_eq!(long.life, Duration::from_secs(86_400));
    }
}
