//! The engine: begins passes when they are due, and keeps what is known after them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::clock;
use crate::config::serve::RepositorySettings;
use crate::config::server::ServerConfig;
use crate::git::Location;
use crate::registry::Registries;
use crate::serve::answers::Budgets;
use crate::serve::counts::Counts;
use crate::serve::news::{self, News};
use crate::serve::pass::{Looked, Means, Site, Trouble, look};
use crate::serve::schedule::{Cause, Due, Ended, Schedule};
use crate::serve::shard::Shard;
use crate::serve::state::{DaemonState, Failure, RepositoryState};
use crate::serve::worker::Worker;
use crate::tally::Tallies;

/// A pass that is running when the daemon is asked to end has so long to come to its end.
pub const GRACE: Duration = Duration::from_secs(25);
/// The engine looks at what is to be done at least so often, so that one that hangs is found out.
pub const TURN: Duration = Duration::from_secs(10);

/// Opens a Git repository of these settings; credentials are read anew each time.
pub type OpenSite =
    dyn Fn(&ServerConfig, &RepositorySettings) -> Result<Site, Trouble> + Send + Sync;
/// Makes the registries of these settings.
pub type OpenRegistries = dyn Fn(&ServerConfig) -> Result<Registries, Trouble> + Send + Sync;
/// Reads the settings.
pub type ReadSettings = dyn Fn() -> Result<ServerConfig, Trouble> + Send + Sync;

/// What the daemon is given from outside.
#[derive(Clone)]
pub struct Hands {
    pub open: Arc<OpenSite>,
    pub registries: Arc<OpenRegistries>,
    pub settings: Arc<ReadSettings>,
    /// The files whose change means that settings are read again.
    pub watched: Vec<PathBuf>,
    /// The folder of everything that is cached.
    pub cache: PathBuf,
    /// Count what hosts are asked.
    pub tallies: Tallies,
}

impl std::fmt::Debug for Hands {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hands").finish_non_exhaustive()
    }
}

/// What listeners and passes share.
#[derive(Debug)]
pub struct Shared {
    begun: Instant,
    started: Timestamp,
    shard: Option<Shard>,
    schedule: Mutex<Schedule>,
    states: Mutex<BTreeMap<String, RepositoryState>>,
    /// By repository: the image repositories that its streams follow.
    followed: Mutex<BTreeMap<String, BTreeSet<String>>>,
    /// By repository: where it is.
    locations: Mutex<BTreeMap<String, Location>>,
    settings_failure: Mutex<Option<Failure>>,
    /// Something is to be looked at.
    wake: Notify,
    /// Settings are to be read again.
    reload: AtomicBool,
    is_ending: AtomicBool,
    passes: AtomicU64,
    counts: Counts,
}

/// Something that a webhook or a file system says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// A Git repository that is known by one of these URLs has changed.
    Git { urls: Vec<String> },
    /// An image was pushed. Without a host it is any registry's.
    Image {
        host: Option<String>,
        repository: String,
        tag: Option<String>,
    },
}

/// What a pass gives back.
struct Done {
    worker: Worker,
    result: Result<Looked, Trouble>,
    took: Duration,
}

/// What the passes of one set of settings are made with.
#[derive(Clone)]
struct Bench {
    config: Arc<ServerConfig>,
    registries: Arc<Registries>,
    budgets: Arc<Budgets>,
}

impl Shared {
    pub fn new(shard: Option<Shard>) -> Self {
        Self::counting(shard, Tallies::default())
    }

    /// With what adapters count in.
    pub fn counting(shard: Option<Shard>, tallies: Tallies) -> Self {
        Self {
            begun: Instant::now(),
            started: clock::now(),
            shard,
            schedule: Mutex::new(Schedule::new(1)),
            states: Mutex::default(),
            followed: Mutex::default(),
            locations: Mutex::default(),
            settings_failure: Mutex::default(),
            wake: Notify::new(),
            reload: AtomicBool::new(false),
            is_ending: AtomicBool::new(false),
            passes: AtomicU64::new(0),
            counts: Counts::new(tallies),
        }
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
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

    /// How long ago the engine last looked at what is to be done: [`TURN`] at most where all is
    /// well.
    pub fn since_turn(&self) -> Duration {
        self.counts.since_turn(self.millis())
    }

    /// How many repositories wait although their time has come.
    pub fn queue_depth(&self) -> usize {
        lock(&self.schedule).depth(self.millis())
    }

    /// The repository called so has changed.
    pub fn changed(&self, name: &str) {
        let now = self.millis();
        if lock(&self.schedule).happened(name, Cause::Git, now) {
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
                let followed = lock(&self.followed);
                let mut found = Vec::new();
                for (name, images) in followed.iter() {
                    let is_pushed = |image: &&String| match host {
                        Some(host) => **image == format!("{host}/{repository}"),
                        None => image
                            .split_once('/')
                            .is_some_and(|(_, path)| path == repository),
                    };
                    for image in images.iter().filter(is_pushed) {
                        let cause = Cause::Image {
                            repository: image.clone(),
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
            schedule.happened(&name, cause, now);
        }
        drop(schedule);
        if count > 0 {
            self.wake.notify_one();
        }
        count
    }

    /// All that is known now.
    pub fn state(&self) -> DaemonState {
        let (now, millis) = (clock::now(), self.millis());
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
        DaemonState {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started: clock::rfc3339(self.started),
            now: clock::rfc3339(now),
            shard: self.shard.map(|shard| shard.to_string()),
            settings_failure: lock(&self.settings_failure).clone(),
            repositories,
            hosts: self.counts.hosts(),
        }
    }
}

/// Runs until it is asked to end. `on_news` is told of changes of state, and must not wait.
pub async fn run(
    shared: Arc<Shared>,
    hands: Hands,
    config: ServerConfig,
    on_news: Arc<dyn Fn(&News) + Send + Sync>,
    on_settings: Arc<dyn Fn(&ServerConfig) + Send + Sync>,
) -> Result<(), Trouble> {
    let mut bench = Bench::new(&hands, config)?;
    let mut workers: BTreeMap<String, Worker> = BTreeMap::new();
    put(&shared, &bench.config, &mut workers);
    on_settings(&bench.config);
    let mut running: JoinSet<Done> = JoinSet::new();
    let mut names: BTreeMap<tokio::task::Id, String> = BTreeMap::new();
    loop {
        shared.counts.turn(shared.millis());
        if shared.is_ending.load(Ordering::Relaxed) {
            break;
        }
        if shared.reload.swap(false, Ordering::Relaxed)
            && let Some(new) = reloaded(&shared, &hands)
        {
            let is_new = new.config != bench.config;
            // Credentials may be others in any case.
            bench = new;
            if is_new {
                tracing::info!("new settings are in force");
                put(&shared, &bench.config, &mut workers);
                on_settings(&bench.config);
            }
        }
        let now = shared.millis();
        let due = lock(&shared.schedule).begin(now);
        for due in due {
            // One that was taken out of the settings while it ran has none.
            let Some(worker) = workers.remove(&due.name) else {
                lock(&shared.schedule).end(&due.name, ENDED_WELL, now);
                continue;
            };
            if let Some(state) = lock(&shared.states).get_mut(&due.name) {
                state.is_running = true;
            }
            let name = due.name.clone();
            let (shared, hands, bench) = (Arc::clone(&shared), hands.clone(), bench.clone());
            let task = running.spawn_blocking(move || pass(&shared, &hands, &bench, worker, &due));
            names.insert(task.id(), name);
        }
        let wakes = lock(&shared.schedule).wakes();
        let sleep = match wakes {
            Some(wake) => Duration::from_millis(wake.saturating_sub(shared.millis())),
            None => TURN,
        };
        tokio::select! {
            Some(done) = running.join_next_with_id(), if !running.is_empty() => {
                settle(&shared, &bench, done, &mut names, &mut workers, &on_news);
            }
            () = shared.wake.notified() => {}
            () = tokio::time::sleep(sleep.min(TURN)) => {}
        }
    }
    let end = tokio::time::sleep(GRACE);
    tokio::pin!(end);
    loop {
        tokio::select! {
            done = running.join_next_with_id() => match done {
                Some(done) => settle(&shared, &bench, done, &mut names, &mut workers, &on_news),
                None => break,
            },
            () = &mut end => {
                tracing::warn!(running = running.len(), "ended while passes were running: what they had not pushed is planned again");
                running.abort_all();
                break;
            }
        }
    }
    Ok(())
}

const ENDED_WELL: Ended = Ended {
    has_failed: false,
    wake: None,
};

impl Bench {
    fn new(hands: &Hands, config: ServerConfig) -> Result<Self, Trouble> {
        let hosts = config.registries.hosts.iter();
        let limits = hosts.filter_map(|host| Some((host.host.clone(), host.per_minute?)));
        Ok(Self {
            registries: Arc::new((hands.registries)(&config)?),
            budgets: Arc::new(Budgets::new(limits.collect())),
            config: Arc::new(config),
        })
    }
}

/// The settings as they are now; none where they are wrong, which is told.
fn reloaded(shared: &Shared, hands: &Hands) -> Option<Bench> {
    let new = (hands.settings)().and_then(|config| Bench::new(hands, config));
    let mut failure = lock(&shared.settings_failure);
    match new {
        Ok(new) => {
            *failure = None;
            Some(new)
        }
        Err(trouble) => {
            let since = clock::rfc3339(clock::now());
            if failure
                .as_ref()
                .is_none_or(|it| it.message != trouble.message)
            {
                tracing::error!(error = %trouble, "new settings are wrong; the last good ones are kept");
            }
            *failure = Some(Failure {
                since: failure.as_ref().map_or(since, |it| it.since.clone()),
                count: failure.as_ref().map_or(0, |it| it.count) + 1,
                message: trouble.message,
                hint: trouble.hint,
            });
            None
        }
    }
}

/// Makes the settings' repositories those that are looked after.
fn put(shared: &Shared, config: &ServerConfig, workers: &mut BTreeMap<String, Worker>) {
    let is_ours = |it: &&RepositorySettings| shared.shard.is_none_or(|shard| shard.has(&it.url));
    let own: Vec<&RepositorySettings> = config.repositories.iter().filter(is_ours).collect();
    let mut states = lock(&shared.states);
    let mut locations = lock(&shared.locations);
    let is_kept = |name: &String| own.iter().any(|it| it.name == *name);
    states.retain(|name, _| is_kept(name));
    locations.retain(|name, _| is_kept(name));
    lock(&shared.followed).retain(|name, _| is_kept(name));
    let names = own.iter().map(|it| it.name.as_str());
    shared.counts.keep(&names.collect());
    workers.retain(|name, _| is_kept(name));
    for settings in &own {
        let shown = match settings.url.parse::<Location>() {
            Ok(location) => {
                let shown = location.to_string();
                locations.insert(settings.name.clone(), location);
                shown
            }
            // Its pass says what is wrong.
            Err(_) => settings.name.clone(),
        };
        let state = states.entry(settings.name.clone()).or_default();
        state.name.clone_from(&settings.name);
        state.location = shown;
        let is_same = |worker: &Worker| worker.settings.url == settings.url;
        if !workers.get(&settings.name).is_some_and(is_same) {
            workers.insert(settings.name.clone(), Worker::new(settings));
        }
    }
    drop((states, locations));
    let intervals = own.iter().map(|it| {
        let interval = it.interval.unwrap_or(config.serve.interval);
        (it.name.clone(), interval)
    });
    let now = shared.millis();
    lock(&shared.schedule).put(&intervals.collect(), config.serve.concurrency, now);
}

/// One pass, on a thread of its own: Git and its network calls wait.
fn pass(shared: &Shared, hands: &Hands, bench: &Bench, mut worker: Worker, due: &Due) -> Done {
    let begun = Instant::now();
    let means = Means {
        registries: &bench.registries,
        runtime: &tokio::runtime::Handle::current(),
        budgets: &bench.budgets,
        is_ending: &shared.is_ending,
        millis: shared.millis(),
    };
    worker.answers.waits_until = None;
    let result = (hands.open)(&bench.config, &worker.settings).and_then(|site| {
        look(
            site,
            &mut worker.answers,
            &due.causes,
            &means,
            &mut worker.known,
        )
    });
    Done {
        worker,
        result,
        took: begun.elapsed(),
    }
}

type Joined = Result<(tokio::task::Id, Done), tokio::task::JoinError>;

/// Keeps what came of a pass, and tells what is new.
fn settle(
    shared: &Shared,
    bench: &Bench,
    joined: Joined,
    names: &mut BTreeMap<tokio::task::Id, String>,
    workers: &mut BTreeMap<String, Worker>,
    on_news: &Arc<dyn Fn(&News) + Send + Sync>,
) {
    shared.passes.fetch_add(1, Ordering::Relaxed);
    let (now, millis) = (clock::now(), shared.millis());
    let (name, result, took, wake) = match joined {
        Ok((id, done)) => {
            let Done {
                mut worker,
                result,
                took,
            } = done;
            names.remove(&id);
            let name = worker.settings.name.clone();
            if let Ok(Looked {
                gathered: Some(gathered),
                ..
            }) = &result
            {
                worker.learn(gathered);
                let followed = gathered.followed.clone();
                lock(&shared.followed).insert(name.clone(), followed);
            }
            shared.counts.looked(&name, worker.looks(now, millis));
            let wake = worker.wake(result.as_ref().ok(), now, millis);
            // One that is not in the settings any more, or has another URL, is not kept.
            let mut settings = bench.config.repositories.iter();
            let is_known = settings.any(|it| it.name == name && it.url == worker.settings.url);
            if is_known && !workers.contains_key(&name) {
                workers.insert(name.clone(), worker);
            }
            (name, result, took, wake)
        }
        Err(error) => {
            let Some(name) = names.remove(&error.id()) else {
                return;
            };
            let settings = bench.config.repositories.iter().find(|it| it.name == name);
            if let Some(settings) = settings {
                workers.insert(name.clone(), Worker::new(settings));
            }
            let trouble = Trouble {
                message: "a pass has stopped in the middle: this is a defect of headwater"
                    .to_owned(),
                hint: Some("please report it with what stands on stderr".to_owned()),
            };
            (name, Err(trouble), Duration::ZERO, None)
        }
    };
    if let Ok(looked) = &result {
        tracing::debug!(
            repo = name,
            duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            questions = looked.questions,
            written = looked.written,
            "a pass has ended"
        );
    }
    let trouble = match &result {
        Ok(looked) => looked.trouble.clone(),
        Err(trouble) => Some(trouble.clone()),
    };
    shared.counts.pass(&name, trouble.is_none(), took);
    let ended = Ended {
        has_failed: trouble.is_some(),
        wake,
    };
    lock(&shared.schedule).end(&name, ended, millis);
    let mut states = lock(&shared.states);
    let Some(state) = states.get_mut(&name) else {
        return;
    };
    let before = state.clone();
    state.is_running = false;
    let time = clock::rfc3339(now);
    state.last_pass_millis = u64::try_from(took.as_millis()).ok();
    state.last_pass = Some(time.clone());
    if let Ok(Looked {
        gathered: Some(gathered),
        ..
    }) = result
    {
        state.read = Some(time.clone());
        state.status = gathered.status;
        state.pull_requests = gathered.pull_requests;
        state.promotions = gathered.promotions;
        state.problems = gathered.problems;
    }
    state.failure = trouble.map(|trouble| {
        let known = state.failure.as_ref();
        Failure {
            since: known.map_or(time.clone(), |known| known.since.clone()),
            count: known.map_or(0, |known| known.count).saturating_add(1),
            message: trouble.message,
            hint: trouble.hint,
        }
    });
    if state.failure.is_none() {
        state.last_success = Some(time);
    }
    let after = state.clone();
    drop(states);
    for one in news::between(&before, &after) {
        one.log();
        on_news(&one);
    }
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
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
