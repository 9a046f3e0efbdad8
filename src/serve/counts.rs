//! What is counted beside what is known, for metrics and health.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;

use crate::clock;
use crate::serve::shared::lock;
use crate::serve::state::{Circuit, HostState, RateLimit};
use crate::tally::{Allowance, Durations, Tallies};

/// Since the start.
#[derive(Debug)]
pub struct Counts {
    /// When the engine last looked at what is to be done.
    turned: AtomicU64,
    tallies: Tallies,
    /// By repository.
    passes: Mutex<BTreeMap<String, PassCounts>>,
    /// By repository.
    looks: Mutex<BTreeMap<String, Vec<StreamLook>>>,
    copies: Arc<CopyCounts>,
}

/// What came of copies.
#[derive(Debug, Default)]
pub struct CopyCounts {
    pub under_way: AtomicU64,
    pub ok: AtomicU64,
    pub failed: AtomicU64,
    /// Sent through here.
    pub bytes: AtomicU64,
}

/// What came of the passes over a repository.
#[derive(Clone, Debug, Default)]
pub struct PassCounts {
    pub ok: u64,
    pub failed: u64,
    pub durations: Durations,
}

/// A stream tag that is looked at again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamLook {
    pub environment: String,
    /// `namespace/stream:tag`
    pub stream: String,
    /// When its registry last gave what it is followed by.
    pub last_success: Option<Timestamp>,
}

impl Counts {
    pub fn new(tallies: Tallies) -> Self {
        Self {
            turned: AtomicU64::new(0),
            tallies,
            passes: Mutex::default(),
            looks: Mutex::default(),
            copies: Arc::default(),
        }
    }

    /// What adapters count.
    pub fn tallies(&self) -> &Tallies {
        &self.tallies
    }

    /// What came of copies, of all repositories.
    pub fn copies(&self) -> &Arc<CopyCounts> {
        &self.copies
    }

    /// What came of passes, by repository.
    pub fn passes(&self) -> BTreeMap<String, PassCounts> {
        lock(&self.passes).clone()
    }

    /// The stream tags that are looked at again and again, by repository.
    pub fn looks(&self) -> BTreeMap<String, Vec<StreamLook>> {
        lock(&self.looks).clone()
    }

    /// The engine looks at what is to be done, at `now` in milliseconds.
    pub fn turn(&self, now: u64) {
        self.turned.store(now, Ordering::Relaxed);
    }

    pub fn since_turn(&self, now: u64) -> Duration {
        Duration::from_millis(now.saturating_sub(self.turned.load(Ordering::Relaxed)))
    }

    /// These are the repositories: what is counted of others is forgotten.
    pub fn keep(&self, names: &BTreeSet<&str>) {
        lock(&self.looks).retain(|name, _| names.contains(name.as_str()));
        let mut passes = lock(&self.passes);
        passes.retain(|name, _| names.contains(name.as_str()));
        for name in names {
            passes.entry((*name).to_owned()).or_default();
        }
    }

    /// A pass has ended. One over a repository that is not kept any more counts nowhere.
    pub fn pass(&self, name: &str, is_ok: bool, took: Duration) {
        if let Some(counts) = lock(&self.passes).get_mut(name) {
            match is_ok {
                true => counts.ok += 1,
                false => counts.failed += 1,
            }
            counts.durations.add(took);
        }
    }

    pub fn looked(&self, name: &str, looks: Vec<StreamLook>) {
        if lock(&self.passes).contains_key(name) {
            lock(&self.looks).insert(name.to_owned(), looks);
        }
    }

    /// How hosts do at `now`, as far as they were asked. When each is asked next is not known here.
    pub fn hosts(&self, now: Timestamp) -> Vec<HostState> {
        let kinds = [
            ("registry", &self.tallies.registries),
            ("git", &self.tallies.git),
            ("forge", &self.tallies.forges),
        ];
        let states = kinds.into_iter().flat_map(|(kind, tally)| {
            let hosts = tally.read().hosts.into_iter();
            // What goes nowhere has no host.
            let hosts = hosts.filter(|(host, _)| !host.is_empty());
            hosts.map(move |(host, kept)| HostState {
                host,
                kind: kind.to_owned(),
                last_success: kept.last_success.map(clock::rfc3339),
                last_failure: kept.last_failure.map(clock::rfc3339),
                last_error: kept.last_error,
                circuit: (kind == "registry").then(|| circuit(kept.rests_until, now)),
                paused_until: kept.paused_until.filter(|it| *it > now).map(clock::rfc3339),
                next_try: None,
                rate_limit: kept.allowance.and_then(|it| rate_limit(it, now)),
            })
        });
        states.collect()
    }
}

fn circuit(rests_until: Option<Timestamp>, now: Timestamp) -> Circuit {
    match rests_until {
        None => Circuit::Closed,
        Some(until) if until > now => Circuit::Open {
            until: clock::rfc3339(until),
        },
        Some(_) => Circuit::HalfOpen,
    }
}

/// None once all of it is there again: nobody has said how much that is.
fn rate_limit(allowance: Allowance, now: Timestamp) -> Option<RateLimit> {
    let is_over = allowance.resets.is_some_and(|resets| resets <= now);
    (!is_over).then(|| RateLimit {
        left: allowance.left,
        limit: allowance.limit,
        resets: allowance.resets.map(clock::rfc3339),
    })
}
