//! What Prometheus reads: made anew from what is known at each scrape.
//!
//! A label's value is the code's own word, or a name that the operator knows: of a repository of
//! the settings, of an environment, of a host. Each has a limit in number, so that nothing which
//! stands in Git or comes over the network makes the number of series grow without end.

mod exposition;
mod process;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;

use crate::git;
use crate::serve::counts::{CopyCounts, PassCounts, StreamLook};
use crate::serve::metrics::exposition::{Exposition, Labels};
use crate::serve::shared::Shared;
use crate::serve::state::{DaemonState, RepositoryState, is_failure};
use crate::show::Cell;
use crate::tally::{Kept, OTHER};

/// Stream tags that have a series of their own; where there are more, each repository has one.
pub const MOST_STREAMS: usize = 2_000;
/// Environments that are told apart.
pub const MOST_ENVIRONMENTS: usize = 50;

/// All that is told, where there is something to tell.
pub const NAMES: [&str; 25] = [
    "headwater_build_info",
    "headwater_copied_bytes_total",
    "headwater_copies_total",
    "headwater_copies_under_way",
    "headwater_forge_request_duration_seconds",
    "headwater_forge_requests_total",
    "headwater_git_operations_total",
    "headwater_oldest_open_pull_request_timestamp_seconds",
    "headwater_open_pull_requests",
    "headwater_queue_depth",
    "headwater_reconcile_duration_seconds",
    "headwater_reconcile_total",
    "headwater_registry_rate_limit_remaining",
    "headwater_registry_request_duration_seconds",
    "headwater_registry_requests_total",
    "headwater_security_events_total",
    "headwater_settings_rejected",
    "headwater_stream_last_success_timestamp_seconds",
    "headwater_streams",
    "headwater_webhook_events_total",
    "process_cpu_seconds_total",
    "process_max_fds",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
];

/// By the hook's name and what came of it: how many webhooks.
pub type WebhookCounts = Arc<dyn Fn() -> Vec<(String, &'static str, u64)> + Send + Sync>;

/// Where metrics come from.
#[derive(Clone)]
pub struct Metrics {
    pub shared: Arc<Shared>,
    /// None: no hooks are taken.
    pub webhooks: Option<WebhookCounts>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// In Prometheus' text format, version 0.0.4.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let (state, counts) = (self.shared.state(), self.shared.counts());
        let mut out = Exposition::default();
        self.of_the_daemon(&mut out, &state);
        of_passes(&mut out, &counts.passes());
        of_copies(&mut out, counts.copies());
        of_streams(&mut out, &state, &counts.looks());
        of_pull_requests(&mut out, &state);
        let tallies = counts.tallies();
        let (registries, git, forges) = (
            tallies.registries.read(),
            tallies.git.read(),
            tallies.forges.read(),
        );
        let senders = tallies.senders.read();
        of_security(&mut out, &[&registries, &git, &forges, &senders]);
        of_git(&mut out, &git);
        of_hosts(&mut out, "registry", &registries);
        of_allowances(&mut out, &registries);
        of_hosts(&mut out, "forge", &forges);
        self.of_webhooks(&mut out);
        process::add(&mut out, self.shared.started());
        out.text()
    }

    fn of_the_daemon(&self, out: &mut Exposition, state: &DaemonState) {
        out.gauges(
            "headwater_build_info",
            "Always 1, with the version that runs",
            [(labels([("version", state.version.as_str())]), 1.0)],
        );
        let is_wrong = state.settings_failure.is_some();
        out.gauges(
            "headwater_settings_rejected",
            "1 while the server file is wrong and the last good one is kept",
            [(Labels::new(), f64::from(u8::from(is_wrong)))],
        );
        out.gauges(
            "headwater_queue_depth",
            "Repositories whose time has come and that wait for a place",
            [(Labels::new(), self.shared.queue_depth() as f64)],
        );
    }

    fn of_webhooks(&self, out: &mut Exposition) {
        let counts = self.webhooks.as_ref().map(|counts| counts());
        let counts = counts.into_iter().flatten();
        let counts = counts.map(|(source, result, count)| {
            let labels = labels([("source", source.as_str()), ("result", result)]);
            (labels, count)
        });
        out.counters(
            "headwater_webhook_events",
            "Webhooks that came, by the hook's name",
            counts,
        );
    }
}

fn of_passes(out: &mut Exposition, counts: &BTreeMap<String, PassCounts>) {
    let results = counts.iter().flat_map(|(name, counts)| {
        [("ok", counts.ok), ("failed", counts.failed)]
            .map(|(result, count)| (labels([("repository", name), ("result", result)]), count))
    });
    out.counters(
        "headwater_reconcile",
        "Passes over a repository that have ended",
        results,
    );
    let durations = counts
        .iter()
        .map(|(name, counts)| (labels([("repository", name)]), counts.durations.clone()));
    out.histograms(
        "headwater_reconcile_duration_seconds",
        "How long passes over a repository took",
        durations,
    );
}

fn of_copies(out: &mut Exposition, counts: &CopyCounts) {
    let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
    out.gauges(
        "headwater_copies_under_way",
        "Images that are copied to an integrated registry now",
        [(Labels::new(), read(&counts.under_way) as f64)],
    );
    out.counters(
        "headwater_copies",
        "Copies of images to integrated registries that have ended",
        [("ok", &counts.ok), ("failed", &counts.failed)]
            .map(|(result, count)| (labels([("result", result)]), read(count))),
    );
    out.counters(
        "headwater_copied_bytes",
        "Bytes that were sent for copies of images",
        [(Labels::new(), read(&counts.bytes))],
    );
}

fn of_streams(
    out: &mut Exposition,
    state: &DaemonState,
    looks: &BTreeMap<String, Vec<StreamLook>>,
) {
    let second = |time: Option<Timestamp>| time.map_or(0.0, |time| time.as_second() as f64);
    let series = |repository: &str, environment: &str, stream: &str, time| {
        let labels = labels([
            ("repository", repository),
            ("env", environment),
            ("stream", stream),
        ]);
        (labels, second(time))
    };
    let mut found = Vec::new();
    let is_told = looks.values().map(Vec::len).sum::<usize>() <= MOST_STREAMS;
    for (repository, looks) in looks {
        if is_told {
            found.extend(looks.iter().map(|look| {
                let time = look.last_success;
                series(repository, &look.environment, &look.stream, time)
            }));
        } else if let Some(oldest) = looks.iter().map(|look| look.last_success).min() {
            found.push(series(repository, "", "(the oldest)", oldest));
        }
    }
    out.gauges(
        "headwater_stream_last_success_timestamp_seconds",
        "When a registry last gave what a followed stream tag asks for; 0: never",
        found,
    );
    let states = ["current", "proposed", "waiting", "failed"];
    let mut counts: BTreeMap<&str, u64> = states.into_iter().map(|it| (it, 0)).collect();
    for cell in state.repositories.iter().flat_map(cells) {
        *counts.entry(state_of(cell)).or_default() += 1;
    }
    out.gauges(
        "headwater_streams",
        "Stream tags of all environments: current, proposed by a branch, waiting, failed",
        counts
            .into_iter()
            .map(|(state, count)| (labels([("state", state)]), count as f64)),
    );
}

fn cells(state: &RepositoryState) -> impl Iterator<Item = &Cell> {
    let lines = state.status.stream_tags.iter();
    let cells = lines.flat_map(|line| &line.environments);
    cells.filter(|cell| cell.stream_tag.is_some())
}

fn state_of(cell: &Cell) -> &'static str {
    if cell.waiting.iter().any(is_failure) {
        "failed"
    } else if !cell.proposed.is_empty() {
        "proposed"
    } else if !cell.waiting.is_empty() {
        "waiting"
    } else {
        "current"
    }
}

fn of_pull_requests(out: &mut Exposition, state: &DaemonState) {
    let columns = state
        .repositories
        .iter()
        .flat_map(|it| &it.status.environments);
    let names: BTreeSet<&str> = columns.map(|column| column.name.as_str()).collect();
    let told: BTreeSet<&str> = names.into_iter().take(MOST_ENVIRONMENTS).collect();
    let mut open: BTreeMap<&str, u64> = told.iter().map(|name| (*name, 0)).collect();
    let mut oldest: BTreeMap<&str, Timestamp> = BTreeMap::new();
    let requests = state.repositories.iter().flat_map(|it| &it.pull_requests);
    for request in requests {
        if !matches!(request.state.as_str(), "open" | "conflict" | "edited") {
            continue;
        }
        let name = request.environment.as_str();
        let name = told.get(name).copied().unwrap_or(OTHER);
        *open.entry(name).or_default() += 1;
        let opened = request.opened.as_ref().and_then(|time| time.parse().ok());
        if let Some(opened) = opened {
            let known = oldest.entry(name).or_insert(opened);
            *known = opened.min(*known);
        }
    }
    out.gauges(
        "headwater_open_pull_requests",
        "Bot branches that are neither merged nor closed",
        open.into_iter()
            .map(|(name, count)| (labels([("env", name)]), count as f64)),
    );
    out.gauges(
        "headwater_oldest_open_pull_request_timestamp_seconds",
        "When the pull request that is open for the longest time was opened",
        oldest
            .into_iter()
            .map(|(name, time)| (labels([("env", name)]), time.as_second() as f64)),
    );
}

fn of_security(out: &mut Exposition, kept: &[&Kept]) {
    let mut counts = [0; 5];
    for kept in kept {
        for (sum, count) in counts.iter_mut().zip(kept.alarms) {
            *sum += count;
        }
    }
    let levels = ["1", "2", "3", "4", "5"].into_iter().zip(counts);
    out.counters(
        "headwater_security_events",
        "Events that concern security, the gravest at level 5",
        levels.map(|(level, count)| (labels([("level", level)]), count)),
    );
}

fn of_git(out: &mut Exposition, kept: &Kept) {
    let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for op in git::OPERATIONS {
        for result in git::RESULTS {
            counts.insert((op, result), 0);
        }
    }
    for host in kept.hosts.values() {
        for (key, count) in &host.requests {
            *counts.entry(*key).or_default() += count;
        }
    }
    let counts = counts.into_iter().map(|((op, result), count)| {
        let labels = labels([("op", op), ("result", result)]);
        (labels, count)
    });
    out.counters(
        "headwater_git_operations",
        "What Git servers and local repositories were asked, and what came of it",
        counts,
    );
}

fn of_hosts(out: &mut Exposition, kind: &str, kept: &Kept) {
    let requests = kept.hosts.iter().flat_map(|(host, kept)| {
        kept.requests.iter().map(move |((op, class), count)| {
            let labels = labels([("host", host.as_str()), ("op", op), ("code_class", class)]);
            (labels, *count)
        })
    });
    out.counters(
        &format!("headwater_{kind}_requests"),
        "Requests by host, operation and class of the status; none: no answer",
        requests,
    );
    let durations = kept
        .hosts
        .iter()
        .map(|(host, kept)| (labels([("host", host.as_str())]), kept.durations.clone()));
    out.histograms(
        &format!("headwater_{kind}_request_duration_seconds"),
        "How long requests took, with the redirects behind them",
        durations,
    );
}

/// What registries that limit their clients still allow, as they said last.
fn of_allowances(out: &mut Exposition, kept: &Kept) {
    let left = kept.hosts.iter().filter_map(|(host, kept)| {
        let left = kept.allowance.as_ref()?.left;
        Some((labels([("host", host.as_str())]), left as f64))
    });
    out.gauges(
        "headwater_registry_rate_limit_remaining",
        "Requests that a registry still allows, as it said last",
        left,
    );
}

fn labels<const N: usize>(pairs: [(&'static str, &str); N]) -> Labels {
    pairs
        .into_iter()
        .map(|(name, value)| (name, value.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests;
