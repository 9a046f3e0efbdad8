//! When to ask again.

use std::hash::{BuildHasher, Hasher};
use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

use crate::registry::options::Retry;

pub(super) fn is_transient(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 500 | 502 | 503 | 504)
}

/// The wait after the given number of tries: doubling, between half and the whole of it.
pub(super) fn backoff(retry: &Retry, tries: u32) -> Duration {
    let whole = retry
        .first
        .saturating_mul(2_u32.saturating_pow(tries.saturating_sub(1)))
        .min(retry.longest);
    whole.mul_f64(0.5 + 0.5 * jitter())
}

/// 0 to 1. The standard library's hasher is seeded at random.
fn jitter() -> f64 {
    let seed = std::collections::hash_map::RandomState::new()
        .build_hasher()
        .finish();
    f64::from(u32::try_from(seed >> 32).unwrap_or_default()) / f64::from(u32::MAX)
}

/// How long the answer asks to wait.
pub(super) fn asked(headers: &HeaderMap) -> Option<Duration> {
    parse_retry_after(headers.get(RETRY_AFTER)?.to_str().ok()?)
}

/// `Retry-After` (RFC 9110, 10.2.3): seconds or a date.
fn parse_retry_after(text: &str) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX / 4)));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(text)
        .ok()?;
    let now = jiff::Timestamp::try_from(SystemTime::now()).ok()?;
    Some(
        date.duration_since(now)
            .try_into()
            .unwrap_or(Duration::ZERO),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(parse_retry_after(" 7 "), Some(Duration::from_secs(7)));
        assert_eq!(
            parse_retry_after("Wed, 21 Oct 2015 07:28:00 GMT"),
            Some(Duration::ZERO)
        );
        let far = parse_retry_after("Wed, 21 Oct 2099 07:28:00 GMT").unwrap();
        assert!(far > Duration::from_secs(3600));
        assert!(parse_retry_after("99999999999999999999").unwrap() > Duration::from_secs(3600));
        for bad in ["", "soon", "-1"] {
            assert_eq!(parse_retry_after(bad), None, "{bad}");
        }
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let retry = Retry::default();
        for (tries, whole) in [(1, 200), (2, 400), (3, 800), (9, 2000), (99, 2000)] {
            let wait = backoff(&retry, tries);
            let whole = Duration::from_millis(whole);
            assert!(wait <= whole && wait >= whole / 2, "{tries}: {wait:?}");
        }
    }
}
