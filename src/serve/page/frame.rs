//! What stands around every page: how old its data is, and whether that is as it should be.

use jiff::Timestamp;
use serde::Serialize;

use crate::serve::page::text::{web_link, without_login};
use crate::serve::state::{DaemonState, Failure, RepositoryState};

/// Data that is older than so many intervals is late.
const LATE: i64 = 3;

/// How old what is known of a Git repository is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Freshness {
    pub repository: String,
    pub location: String,
    /// Where it can be opened in a browser.
    pub link: Option<String>,
    pub is_running: bool,
    pub last_pass: Option<String>,
    pub last_pass_millis: Option<u64>,
    pub last_success: Option<String>,
    pub next_pass: Option<String>,
    pub read: Option<String>,
    pub failure: Option<Failure>,
    /// No pass for more than three intervals.
    pub is_late: bool,
}

impl Freshness {
    pub fn of(repository: &RepositoryState, state: &DaemonState, now: Timestamp) -> Self {
        let interval = i64::try_from(repository.interval_seconds).unwrap_or(i64::MAX);
        let seen = repository.last_pass.as_ref().unwrap_or(&state.started);
        let age = seen.parse::<Timestamp>().ok();
        let age = age.map(|seen| now.as_second().saturating_sub(seen.as_second()));
        let is_late = interval > 0 && age.is_some_and(|age| age > interval.saturating_mul(LATE));
        let location = without_login(&repository.location);
        Self {
            repository: repository.name.clone(),
            link: web_link(&location),
            location,
            is_running: repository.is_running,
            last_pass: repository.last_pass.clone(),
            last_pass_millis: repository.last_pass_millis,
            last_success: repository.last_success.clone(),
            next_pass: repository.next_pass.clone(),
            read: repository.read.clone(),
            failure: repository.failure.clone(),
            is_late,
        }
    }

    /// No pass has ended, or none for long.
    pub fn is_unread(&self) -> bool {
        self.is_late || self.last_pass.is_none()
    }

    pub fn is_doubtful(&self) -> bool {
        self.is_unread() || self.failure.is_some()
    }
}

/// Of all Git repositories.
pub fn freshness(state: &DaemonState, now: Timestamp) -> Vec<Freshness> {
    let repositories = state.repositories.iter();
    repositories
        .map(|it| Freshness::of(it, state, now))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_late_after_three_intervals() {
        let state = DaemonState {
            started: "2026-11-21T12:00:00Z".to_owned(),
            ..DaemonState::default()
        };
        let late = |last_pass: Option<&str>, now: &str, interval_seconds| {
            let repository = RepositoryState {
                last_pass: last_pass.map(str::to_owned),
                interval_seconds,
                ..RepositoryState::default()
            };
            Freshness::of(&repository, &state, now.parse().unwrap()).is_late
        };
        assert!(!late(None, "2026-11-21T12:03:00Z", 60));
        assert!(late(None, "2026-11-21T12:03:01Z", 60));
        let pass = Some("2026-11-21T13:00:00Z");
        assert!(!late(pass, "2026-11-21T13:03:00Z", 60));
        assert!(late(pass, "2026-11-21T13:03:01Z", 60));
        assert!(!late(pass, "2026-11-21T18:00:00Z", 0));
        assert!(!late(pass, "2026-11-21T18:00:00Z", u64::MAX));
    }
}
