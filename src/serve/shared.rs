//! What listeners and passes share: the schedule, and what is known.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

use crate::clock::{self, Clock};
use crate::git::Location;
use crate::image::Reference;
use crate::serve::answers::image_repository;
use crate::serve::counts::Counts;
use crate::serve::hook::Hint;
use crate::serve::journal::Journal;
use crate::serve::news::News;
use crate::serve::schedule::{Cause, Schedule};
use crate::serve::shard::Shard;
use crate::serve::state::{Circuit, DaemonState, Failure, HostState, RepositoryState, TimelineRow};
use crate::serve::timelines::Library;
use crate::tally::Tallies;

/// In milliseconds, how long a registry that tells of a push may take until the tag is moved.
/// distribution tells of the image manifest before it writes the tag (`PutManifest` in
/// `registry/handlers/manifests.go`): who asks at once is given the image before, or none.
const TAG_MOVES: u64 = 300;

/// What listeners and passes share.
#[derive(Debug)]
pub struct Shared {
    pub(crate) clock: Clock,
    pub(crate) started: Timestamp,
    pub(crate) shard: Option<Shard>,
    pub(crate) schedule: Mutex<Schedule>,
    pub(crate) states: Mutex<BTreeMap<String, RepositoryState>>,
    /// By repository: the image repositories that its streams follow; one that ends in `/` stands
    /// for each that lies in it.
    pub(crate) followed: Mutex<BTreeMap<String, BTreeSet<String>>>,
    /// By repository: where it is.
    pub(crate) locations: Mutex<BTreeMap<String, Location>>,
    pub(crate) libraries: Mutex<BTreeMap<String, Library>>,
    pub(crate) settings_failure: Mutex<Option<Failure>>,
    journal: Mutex<Journal>,
    /// Something is to be looked at.
    pub(crate) wake: Notify,
    /// Settings are to be read again.
    pub(crate) reload: AtomicBool,
    pub(crate) is_ending: AtomicBool,
    pub(crate) passes: AtomicU64,
    pub(crate) counts: Counts,
}

impl Shared {
    pub fn new(shard: Option<Shard>) -> Self {
        Self::counting(shard, Clock::system(), Tallies::default())
    }

    /// With the time it lives by, and what adapters count in.
    pub fn counting(shard: Option<Shard>, clock: Clock, tallies: Tallies) -> Self {
        Self {
            started: clock.now(),
            clock,
            shard,
            schedule: Mutex::new(Schedule::new(1)),
            states: Mutex::default(),
            followed: Mutex::default(),
            locations: Mutex::default(),
            libraries: Mutex::default(),
            settings_failure: Mutex::default(),
            journal: Mutex::default(),
            wake: Notify::new(),
            reload: AtomicBool::new(false),
            is_ending: AtomicBool::new(false),
            passes: AtomicU64::new(0),
            counts: Counts::new(tallies),
        }
    }

    /// Milliseconds since the start, by a clock that never goes back.
    pub fn millis(&self) -> u64 {
        self.clock.millis()
    }

    /// Asks the daemon to end.
    pub fn end(&self) {
        self.is_ending.store(true, Ordering::Relaxed);
        self.wake.notify_one();
    }

    /// Asks the daemon to read its settings again.
    pub fn reload(&self) {
        self.reload.store(true, Ordering::Relaxed);
        self.wake.notify_one();
    }

    /// Whether every repository was looked at once.
    pub fn is_ready(&self) -> bool {
        let states = lock(&self.states);
        states.values().all(|state| state.last_pass.is_some())
    }

    /// Where a repository is, by its name.
    pub fn location(&self, name: &str) -> Option<Location> {
        lock(&self.locations).get(name).cloned()
    }

    /// The history of a stream tag in an environment of a repository. Reads from disk.
    pub fn history(
        &self,
        repository: &str,
        environment: &str,
        tag: &str,
    ) -> Result<Vec<TimelineRow>, String> {
        let library = lock(&self.libraries).get(repository).cloned();
        let library = library.ok_or("it was not looked at yet")?;
        library.history(environment, tag)
    }

    pub fn passes(&self) -> u64 {
        self.passes.load(Ordering::Relaxed)
    }

    pub fn started(&self) -> Timestamp {
        self.started
    }

    /// Whether it was asked to end.
    pub fn is_ending(&self) -> bool {
        self.is_ending.load(Ordering::Relaxed)
    }

    /// What is counted, for metrics.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// How long ago the engine last looked at what is to be done: [`crate::serve::daemon::TURN`] at most where all is
    /// well.
    pub fn since_turn(&self) -> Duration {
        self.counts.since_turn(self.millis())
    }

    /// How many repositories wait although their time has come.
    pub fn queue_depth(&self) -> usize {
        lock(&self.schedule).depth(self.millis())
    }

    /// Writes down what was seen at `now`.
    pub(crate) fn note(&self, news: &News, now: Timestamp) {
        let location = self.location(&news.repository);
        let location = location.map_or_else(String::new, |location| location.to_string());
        lock(&self.journal).add(news, &location, self.started, now);
    }

    /// The repository called so has changed.
    pub fn changed(&self, name: &str) {
        self.happened(name, Cause::Git);
    }

    /// A copy has come to its end that a pass over the repository called so did not wait for.
    pub(crate) fn copied(&self, name: &str) {
        self.happened(name, Cause::Copied);
    }

    fn happened(&self, name: &str, cause: Cause) {
        let now = self.millis();
        if lock(&self.schedule).happened(name, cause, now) {
            self.wake.notify_one();
        }
    }

    /// Makes the passes that a hint is about sooner; gives how many that are. A hint about nothing
    /// that is looked after does nothing.
    pub fn hint(&self, hint: &Hint) -> usize {
        let now = self.millis();
        let affected: Vec<(String, Cause)> = match hint {
            Hint::Git { urls } => {
                let urls: Vec<Location> = urls.iter().filter_map(|url| url.parse().ok()).collect();
                let locations = lock(&self.locations);
                let is_named = |location: &Location| urls.iter().any(|url| is_same(url, location));
                let named = locations.iter().filter(|(_, location)| is_named(location));
                named.map(|(name, _)| (name.clone(), Cause::Git)).collect()
            }
            Hint::Image {
                host,
                repository,
                tag,
            } => {
                let mut found = Vec::new();
                // As it is asked for: Docker Hub has several names.
                let pushed = host.as_ref().map(|host| {
                    let written = format!("{host}/{repository}");
                    match written.parse::<Reference>() {
                        Ok(reference) => image_repository(&reference.repository),
                        Err(_) => written,
                    }
                });
                // What the first pass has asked for already may have moved since.
                if let Some(pushed) = &pushed {
                    let cause = Cause::Image {
                        repository: pushed.clone(),
                        tag: tag.clone(),
                    };
                    let new = self.not_looked_at().into_iter();
                    found.extend(new.map(|name| (name, cause.clone())));
                }
                for (name, images) in lock(&self.followed).iter() {
                    let named = images.iter();
                    let named: BTreeSet<String> = named
                        .filter_map(|image| named_by(image, pushed.as_deref(), repository))
                        .collect();
                    for image in named {
                        let cause = Cause::Image {
                            repository: image,
                            tag: tag.clone(),
                        };
                        found.push((name.clone(), cause));
                    }
                }
                found
            }
        };
        let mut schedule = lock(&self.schedule);
        let count = affected.len();
        for (name, cause) in affected {
            let moved = match cause {
                Cause::Image { .. } => now.saturating_add(TAG_MOVES),
                _ => now,
            };
            schedule.happened(&name, cause, moved);
        }
        drop(schedule);
        if count > 0 {
            self.wake.notify_one();
        }
        count
    }

    /// Repositories whose first pass has not ended.
    fn not_looked_at(&self) -> Vec<String> {
        let states = lock(&self.states);
        let new = states.values().filter(|state| state.last_pass.is_none());
        new.map(|state| state.name.clone()).collect()
    }

    /// All that is known now.
    pub fn state(&self) -> DaemonState {
        let (now, millis) = (self.clock.now(), self.millis());
        let mut repositories: Vec<RepositoryState> = lock(&self.states).values().cloned().collect();
        let schedule = lock(&self.schedule);
        for state in &mut repositories {
            let next = schedule.next(&state.name);
            let wait = next.map(|next| next.saturating_sub(millis));
            state.next_pass = wait.and_then(|wait| {
                let wait = SignedDuration::from_millis(i64::try_from(wait).ok()?);
                Some(clock::rfc3339(now.checked_add(wait).ok()?))
            });
        }
        drop(schedule);
        let mut hosts = self.counts.hosts(now);
        for host in &mut hosts {
            host.next_try = self.next_try(host, &repositories);
        }
        DaemonState {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started: clock::rfc3339(self.started),
            now: clock::rfc3339(now),
            shard: self.shard.map(|shard| shard.to_string()),
            settings_failure: lock(&self.settings_failure).clone(),
            repositories,
            hosts,
            activity: lock(&self.journal).entries(),
        }
    }

    /// When a host is asked again at the earliest: the next pass of those that use it, and never
    /// while it is left alone.
    fn next_try(&self, host: &HostState, repositories: &[RepositoryState]) -> Option<String> {
        let is_used = |name: &String| match host.kind.as_str() {
            "registry" => lock(&self.followed).get(name).is_some_and(|images| {
                let of_it = |image: &String| {
                    let rest = image.strip_prefix(host.host.as_str());
                    rest.is_some_and(|rest| rest.starts_with('/'))
                };
                images.iter().any(of_it)
            }),
            _ => match lock(&self.locations).get(name) {
                Some(Location::Remote(url)) => {
                    // GitHub's API has a host of its own.
                    let api = host.host.strip_prefix("api.");
                    [Some(host.host.as_str()), api].contains(&Some(url.host()))
                }
                _ => false,
            },
        };
        let users = repositories.iter().filter(|it| is_used(&it.name));
        // Of one form, so that the earlier is the lesser.
        let pass = users.filter_map(|it| it.next_pass.clone()).min();
        let rest = match &host.circuit {
            Some(Circuit::Open { until }) => Some(until.clone()),
            _ => None,
        };
        pass.max(rest).max(host.paused_until.clone())
    }
}

/// The image repository that is followed by `image` and was pushed to: `pushed`, or where the host
/// is not known, one of the path `path`.
fn named_by(image: &str, pushed: Option<&str>, path: &str) -> Option<String> {
    let (host, _) = image.split_once('/')?;
    let pushed = match pushed {
        Some(pushed) => pushed.to_owned(),
        None => format!("{host}/{path}"),
    };
    let is_in = |rest: &str| !rest.is_empty() && !rest.contains('/');
    let is_named = match image.ends_with('/') {
        true => pushed.strip_prefix(image).is_some_and(is_in),
        false => pushed == image,
    };
    is_named.then_some(pushed)
}

/// Whether two texts name the same repository, over whatever protocol.
fn is_same(a: &Location, b: &Location) -> bool {
    match (a, b) {
        (Location::Local(a), Location::Local(b)) => a == b,
        (Location::Remote(a), Location::Remote(b)) => {
            a.host().eq_ignore_ascii_case(b.host()) && a.project() == b.project()
        }
        _ => false,
    }
}

/// A poisoned lock holds nothing half-written here.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the pass over `shop`, which is due much later, begins so long after a hint.
    fn is_after(wait: u64, hint: &Hint) -> bool {
        let (shared, name) = (Shared::new(None), "shop".to_owned());
        let images = BTreeSet::from(["registry.example/acme/web".to_owned()]);
        lock(&shared.followed).insert(name.clone(), images);
        let location = "https://git.example/shop.git".parse().unwrap();
        lock(&shared.locations).insert(name.clone(), location);
        let hour = BTreeMap::from([(name, Duration::from_secs(3_600))]);
        lock(&shared.schedule).put(&hour, 1, 10_000_000);
        let before = shared.millis();
        assert_eq!(shared.hint(hint), 1);
        let next = lock(&shared.schedule).next("shop").unwrap();
        (before + wait..=shared.millis() + wait).contains(&next)
    }

    #[test]
    fn a_registry_is_asked_when_the_tag_has_moved_and_git_at_once() {
        let image = Hint::Image {
            host: Some("registry.example".to_owned()),
            repository: "acme/web".to_owned(),
            tag: Some("1".to_owned()),
        };
        let git = Hint::Git {
            urls: vec!["https://git.example/shop.git".to_owned()],
        };
        assert!(is_after(TAG_MOVES, &image));
        assert!(is_after(0, &git));
    }

    #[test]
    fn a_namespace_stands_for_what_lies_in_it() {
        for (image, pushed, path, expected) in [
            (
                "r.example/a/b",
                Some("r.example/a/b"),
                "a/b",
                Some("r.example/a/b"),
            ),
            ("r.example/a/b", Some("r.example/a/c"), "a/c", None),
            (
                "r.example/a/",
                Some("r.example/a/c"),
                "a/c",
                Some("r.example/a/c"),
            ),
            ("r.example/a/", Some("r.example/a/c/d"), "a/c/d", None),
            ("r.example/a/", Some("r.example/ab/c"), "ab/c", None),
            ("r.example/a/", Some("other.example/a/c"), "a/c", None),
            ("r.example/a/", None, "a/c", Some("r.example/a/c")),
            ("r.example/a/b", None, "a/b", Some("r.example/a/b")),
            ("r.example/a/b", None, "a/c", None),
        ] {
            let named = named_by(image, pushed, path);
            assert_eq!(named.as_deref(), expected, "{image} {pushed:?} {path}");
        }
    }

    /// Nobody knows yet whether it is followed.
    #[test]
    fn a_push_before_the_first_pass_has_ended_is_not_lost() {
        let shared = Shared::new(None);
        let name = "shop".to_owned();
        let intervals = [(name.clone(), Duration::from_secs(3600))].into();
        lock(&shared.schedule).put(&intervals, 1, 0);
        let state = RepositoryState {
            name: name.clone(),
            ..RepositoryState::default()
        };
        lock(&shared.states).insert(name.clone(), state);
        let pushed = Hint::Image {
            host: Some("registry.example".to_owned()),
            repository: "acme/web".to_owned(),
            tag: Some("1".to_owned()),
        };
        assert_eq!(shared.hint(&pushed), 1);
        if let Some(state) = lock(&shared.states).get_mut(&name) {
            state.last_pass = Some("2026-11-28T10:00:00Z".to_owned());
        }
        assert_eq!(shared.hint(&pushed), 0);
    }
}
