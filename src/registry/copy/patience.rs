//! How long a blob may take, and how long it is waited for.

use std::time::Duration;

use crate::registry::options::Retry;
use crate::registry::retry;

/// Tries without a new byte, of a source or a target that breaks off: with the usual waits about a
/// minute, in which a registry that is restarted comes back, and longer than the time for which one
/// that is down is left alone ([`Retry::rest`]).
pub(super) const TRIES: u32 = 8;
/// What comes slower on the whole is given up.
const SLOWEST: u64 = 256 * 1024;
/// So many bytes a registry reads again, moves and hashes in a second when an upload ends.
const FINISHED: u64 = 32 * 1024 * 1024;
const LEAST: Duration = Duration::from_secs(600);

/// For all tries of a blob together.
pub(super) fn whole(size: u64) -> Duration {
    LEAST + Duration::from_secs(size / SLOWEST)
}

/// For the answer to the end of an upload, beyond the usual.
pub(super) fn finishing(size: u64) -> Duration {
    Duration::from_secs(size / FINISHED)
}

/// Waits after so many tries without a new byte, each time longer.
pub(super) async fn pause(retry: &Retry, tries: u32) {
    let long = Retry {
        longest: retry.patience,
        ..retry.clone()
    };
    (retry.pause)(retry::backoff(&long, tries)).await;
}
