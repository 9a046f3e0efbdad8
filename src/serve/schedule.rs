//! Which Git repository is looked at when. Time is a value: milliseconds of a clock that never
//! goes back.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::image::Digest;

/// A hook or a change on disk begins a pass at once, but no pass begins earlier than this after
/// the one before: a storm of events costs one pass, and one after it.
const GAP: u64 = 1_000;
/// The first wait after a failure; each further one doubles.
const FIRST_BACKOFF: u64 = 10_000;
/// No wait after failures is longer, unless the interval is.
const LONGEST_BACKOFF: u64 = 15 * 60 * 1_000;
/// First passes after a start are spread over this for each repository.
const SPREAD: u64 = 100;

/// Why a pass is made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// Its time has come.
    Due,
    /// Something changed in Git.
    Git,
    /// An image was pushed, by its name with the host: `registry.example/acme/web`, and the tag.
    Image {
        repository: String,
        tag: Option<String>,
    },
    /// A copy has come to its end that the last pass did not wait for.
    Copied,
    /// The settings of the daemon are others.
    Settings,
}

/// How a pass ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// It could not be made, or not wholly.
    pub has_failed: bool,
    /// When it has to be made again, whatever the interval says.
    pub wake: Option<u64>,
}

/// A pass to be made now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    pub name: String,
    pub causes: BTreeSet<Cause>,
}

/// Begins passes: one at a time for a repository, and so many at a time in all.
#[derive(Debug)]
pub struct Schedule {
    entries: BTreeMap<String, Entry>,
    concurrency: usize,
}

#[derive(Debug)]
struct Entry {
    interval: u64,
    /// Where in the interval it is looked at.
    phase: u64,
    next: u64,
    last_begin: Option<u64>,
    is_running: bool,
    /// What came since the last pass began.
    causes: BTreeSet<Cause>,
    failures: u32,
}

/// A set of causes is never larger: more of them are one for everything.
const MOST_CAUSES: usize = 1_000;

impl Schedule {
    pub fn new(concurrency: usize) -> Self {
        Self {
            entries: BTreeMap::new(),
            concurrency: concurrency.max(1),
        }
    }

    /// Makes these the repositories, by name with their intervals: new ones are looked at soon, all
    /// of them again, and what is no more is forgotten.
    pub fn put(&mut self, repositories: &BTreeMap<String, Duration>, concurrency: usize, now: u64) {
        self.concurrency = concurrency.max(1);
        self.entries
            .retain(|name, _| repositories.contains_key(name));
        let window = SPREAD.saturating_mul(repositories.len() as u64);
        for (name, interval) in repositories {
            let interval = millis(*interval).max(1);
            let hash = hash(name);
            let soon = now.saturating_add(hash % window.min(interval).max(1));
            let entry = self.entries.entry(name.clone()).or_insert_with(|| Entry {
                interval,
                phase: 0,
                next: soon,
                last_begin: None,
                is_running: false,
                causes: BTreeSet::new(),
                failures: 0,
            });
            entry.interval = interval;
            entry.phase = hash % interval;
            entry.next = entry.next.min(soon);
            let cause = match entry.last_begin {
                Some(_) => Cause::Settings,
                None => Cause::Due,
            };
            entry.causes.insert(cause);
        }
    }

    /// Something happened: a pass begins at once, or right after the one that is running. False
    /// where there is no such repository.
    pub fn happened(&mut self, name: &str, cause: Cause, now: u64) -> bool {
        let Some(entry) = self.entries.get_mut(name) else {
            return false;
        };
        let cause = match entry.causes.len() < MOST_CAUSES {
            true => cause,
            false => Cause::Due,
        };
        entry.causes.insert(cause);
        entry.next = entry.next.min(entry.soon(now));
        true
    }

    /// The passes that begin now, those that wait longest first.
    pub fn begin(&mut self, now: u64) -> Vec<Due> {
        let running = self.entries.values().filter(|it| it.is_running).count();
        let mut waiting: Vec<(u64, &String)> = self
            .entries
            .iter()
            .filter(|(_, entry)| !entry.is_running && entry.next <= now)
            .map(|(name, entry)| (entry.next, name))
            .collect();
        waiting.sort();
        let free = self.concurrency.saturating_sub(running);
        let names: Vec<String> = waiting
            .into_iter()
            .take(free)
            .map(|(_, name)| name.clone())
            .collect();
        let mut due = Vec::new();
        for name in names {
            if let Some(entry) = self.entries.get_mut(&name) {
                entry.is_running = true;
                entry.last_begin = Some(now);
                let mut causes = std::mem::take(&mut entry.causes);
                if causes.is_empty() {
                    causes.insert(Cause::Due);
                }
                due.push(Due { name, causes });
            }
        }
        due
    }

    /// A pass is over.
    pub fn end(&mut self, name: &str, ended: Ended, now: u64) {
        let Some(entry) = self.entries.get_mut(name) else {
            return;
        };
        entry.is_running = false;
        entry.failures = match ended.has_failed {
            true => entry.failures.saturating_add(1),
            false => 0,
        };
        entry.next = match entry.failures {
            0 => next_in_phase(entry, now),
            failures => now.saturating_add(backoff(name, failures, entry.interval)),
        };
        if let Some(wake) = ended.wake {
            entry.next = entry.next.min(wake.max(entry.soon(now)));
        }
        if !entry.causes.is_empty() {
            entry.next = entry.next.min(entry.soon(now));
        }
    }

    /// When to call [`Self::begin`] again; none while nothing can begin.
    pub fn wakes(&self) -> Option<u64> {
        let running = self.entries.values().filter(|it| it.is_running).count();
        if running >= self.concurrency {
            return None;
        }
        let waiting = self.entries.values().filter(|it| !it.is_running);
        waiting.map(|entry| entry.next).min()
    }

    /// When the repository is looked at next.
    pub fn next(&self, name: &str) -> Option<u64> {
        self.entries.get(name).map(|entry| entry.next)
    }

    pub fn running(&self) -> usize {
        self.entries.values().filter(|it| it.is_running).count()
    }

    /// How many wait although their time has come.
    pub fn depth(&self, now: u64) -> usize {
        let waiting = self.entries.values().filter(|it| !it.is_running);
        waiting.filter(|entry| entry.next <= now).count()
    }
}

impl Entry {
    /// The earliest time for the next pass.
    fn soon(&self, now: u64) -> u64 {
        let earliest = self
            .last_begin
            .map_or(now, |begin| begin.saturating_add(GAP));
        earliest.max(now)
    }
}

/// The next time of the repository's own place in the interval, so that all are spread over it.
fn next_in_phase(entry: &Entry, now: u64) -> u64 {
    let interval = entry.interval;
    let begun = now / interval * interval;
    let place = begun.saturating_add(entry.phase);
    match place > now {
        true => place,
        false => place.saturating_add(interval),
    }
}

/// Doubled with each failure, and up to a quarter less by the repository's own jitter: what failed
/// together is not tried again together.
fn backoff(name: &str, failures: u32, interval: u64) -> u64 {
    let doubled = FIRST_BACKOFF.saturating_mul(1 << failures.saturating_sub(1).min(16));
    let wait = doubled.min(LONGEST_BACKOFF.max(interval));
    let jitter = hash(&format!("{name} {failures}")) % (wait / 4).max(1);
    wait - jitter
}

/// Spreads repositories by their names.
pub(crate) fn hash(text: &str) -> u64 {
    let digest = Digest::of(text.as_bytes());
    u64::from_str_radix(digest.short(), 16).unwrap_or_default()
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000;
    const FINE: Ended = Ended {
        has_failed: false,
        wake: None,
    };
    const FAILED: Ended = Ended {
        has_failed: true,
        wake: None,
    };

    fn schedule(count: usize, concurrency: usize) -> Schedule {
        let names = (0..count).map(|number| (format!("r{number}"), Duration::from_secs(60)));
        let mut schedule = Schedule::new(concurrency);
        schedule.put(&names.collect(), concurrency, 0);
        schedule
    }

    fn image() -> Cause {
        Cause::Image {
            repository: "registry.example/web".to_owned(),
            tag: None,
        }
    }

    #[test]
    fn a_storm_of_events_costs_one_pass_and_one_after_it() {
        let mut schedule = schedule(1, 4);
        let first = schedule.begin(200);
        assert_eq!(first.len(), 1);
        for at in 0..1_000 {
            assert!(schedule.happened("r0", Cause::Git, 200 + at / 10));
            assert!(schedule.happened("r0", image(), 200 + at / 10));
            assert_eq!(schedule.begin(200 + at / 10), []);
        }
        schedule.end("r0", FINE, 300);
        assert_eq!(schedule.begin(300), [], "it has just begun");
        assert_eq!(schedule.wakes(), Some(1_200));
        let second = schedule.begin(1_200);
        assert_eq!(second[0].causes, BTreeSet::from([Cause::Git, image()]));
        schedule.end("r0", FINE, 1_300);
        assert!(schedule.wakes().unwrap() > 2_200, "nothing is left to do");
        assert!(!schedule.happened("unknown", Cause::Git, 0));
    }

    #[test]
    fn an_event_after_a_pause_begins_at_once() {
        let mut schedule = schedule(1, 1);
        schedule.begin(200);
        schedule.end("r0", FINE, 300);
        schedule.happened("r0", Cause::Git, 5_000);
        assert_eq!(schedule.begin(5_000).len(), 1);
    }

    #[test]
    fn starts_and_intervals_are_spread() {
        let mut schedule = schedule(100, 100);
        let first = schedule.begin(0).len();
        assert!(first < 5, "{first} begin at once");
        let mut at = 0;
        while let Some(wake) = schedule.wakes().filter(|wake| *wake < 10_000) {
            at = wake;
            for due in schedule.begin(at) {
                schedule.end(&due.name, FINE, at);
            }
        }
        assert!(at > 5_000, "the last first pass was at {at}");
        // From now on each has its place in the minute.
        let mut by_second = BTreeMap::new();
        for name in 0..100 {
            let next = schedule.next(&format!("r{name}")).unwrap();
            *by_second.entry(next / 10_000).or_insert(0) += 1;
        }
        assert!(by_second.values().all(|count| *count < 40), "{by_second:?}");
        let next = schedule.next("r7").unwrap();
        schedule.begin(next);
        schedule.end("r7", FINE, next + 50);
        assert_eq!(schedule.next("r7"), Some(next + MINUTE));
    }

    #[test]
    fn failures_wait_longer_and_longer_and_not_together() {
        let mut schedule = schedule(2, 2);
        let mut waits: Vec<u64> = Vec::new();
        let mut now = 200;
        for _ in 0..12 {
            schedule.begin(now);
            schedule.end("r0", FAILED, now);
            schedule.end("r1", FAILED, now);
            let (a, b) = (schedule.next("r0").unwrap(), schedule.next("r1").unwrap());
            assert_ne!(a, b);
            waits.push(a - now);
            now = a.max(b);
        }
        assert!((7_500..=10_000).contains(&waits[0]), "{waits:?}");
        assert!(waits[1] > waits[0] && waits[3] > waits[2], "{waits:?}");
        assert!(waits[11] <= LONGEST_BACKOFF, "{waits:?}");
        schedule.begin(now);
        schedule.end("r0", FINE, now);
        assert!(schedule.next("r0").unwrap() <= now + MINUTE);
    }

    #[test]
    fn no_more_run_at_a_time_and_those_that_wait_longest_go_first() {
        let mut schedule = schedule(3, 2);
        let due = schedule.begin(MINUTE);
        assert_eq!(due.len(), 2);
        assert_eq!((schedule.running(), schedule.depth(MINUTE)), (2, 1));
        assert_eq!(schedule.wakes(), None);
        schedule.end(&due[0].name, FINE, MINUTE);
        schedule.happened(&due[0].name, Cause::Git, MINUTE);
        let next = schedule.begin(MINUTE + 5_000);
        assert_eq!(next.len(), 1);
        assert_ne!(
            next[0].name, due[0].name,
            "the one that never ran goes first"
        );
    }

    #[test]
    fn a_pass_is_made_when_a_gate_changes_by_itself() {
        let mut schedule = schedule(1, 1);
        schedule.begin(200);
        let wake = Some(3_000);
        schedule.end("r0", Ended { wake, ..FINE }, 300);
        assert!(schedule.next("r0").unwrap() <= 3_000);
        schedule.begin(3_000);
        // A time that has passed already does not make it run round in circles.
        schedule.end(
            "r0",
            Ended {
                wake: Some(10),
                ..FINE
            },
            3_010,
        );
        assert!(schedule.next("r0").unwrap() >= 4_000);
    }

    #[test]
    fn what_is_no_more_in_the_settings_is_forgotten() {
        let mut schedule = schedule(2, 2);
        schedule.begin(1_000);
        let left = BTreeMap::from([("r1".to_owned(), Duration::from_secs(30))]);
        schedule.put(&left, 2, 2_000);
        schedule.end("r0", FINE, 2_000);
        assert_eq!(schedule.next("r0"), None);
        // The one that runs is looked at once more, for the new settings.
        schedule.end("r1", FINE, 2_000);
        let due = schedule.begin(2_500);
        assert_eq!(due[0].causes, BTreeSet::from([Cause::Settings]));
    }
}
