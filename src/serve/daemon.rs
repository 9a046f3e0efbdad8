//! The engine: begins passes when they are due, and keeps what is known after them.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::clock::{self, Clock};
use crate::config::serve::RepositorySettings;
use crate::config::server::ServerConfig;
use crate::git::Location;
use crate::registry::Registries;
use crate::serve::answers::Budgets;
use crate::serve::asking::Asking;
use crate::serve::courier::Courier;
use crate::serve::news::{self, News};
use crate::serve::pass::{Looked, Means, Site, Trouble, look};
use crate::serve::schedule::{Due, Ended};
use crate::serve::shared::{Shared, lock};
use crate::serve::state::Failure;
use crate::serve::worker::Worker;
use crate::tally::Tallies;

/// A pass that is running when the daemon is asked to end has so long to come to its end. Listeners
/// and events have five more seconds then: 25 in all.
pub const GRACE: Duration = Duration::from_secs(20);
/// The engine looks at what is to be done at least so often, so that one that hangs is found out.
pub const TURN: Duration = Duration::from_secs(10);
/// A pass waits so long for its copies: most are done then, and come with it.
const COPIES: Duration = Duration::from_secs(5);
/// An editor that writes a file in several steps has so long to come to its end.
const SETTLE: Duration = Duration::from_millis(200);

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
    pub clock: Clock,
}

impl std::fmt::Debug for Hands {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hands").finish_non_exhaustive()
    }
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
    /// Outlives settings.
    courier: Arc<Courier>,
}

/// Runs until it is asked to end. `on_news` is told of changes of state, and must not wait.
pub async fn run(
    shared: Arc<Shared>,
    hands: Hands,
    config: ServerConfig,
    on_news: Arc<dyn Fn(&News) + Send + Sync>,
    on_settings: Arc<dyn Fn(&ServerConfig) + Send + Sync>,
) -> Result<(), Trouble> {
    let courier = {
        let counts = Arc::clone(shared.counts.copies());
        let shared = Arc::clone(&shared);
        let on_copied = move |name: &str| shared.copied(name);
        Arc::new(Courier::new(counts, Arc::new(on_copied)))
    };
    let mut bench = Bench::new(&hands, config, courier)?;
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
        if shared.reload.load(Ordering::Relaxed) {
            shared.clock.sleep(SETTLE).await;
            shared.reload.store(false, Ordering::Relaxed);
            if let Some(new) = reloaded(&shared, &hands, &bench) {
                let is_new = new.config != bench.config;
                // Credentials may be others in any case.
                bench = new;
                if is_new {
                    tracing::info!("new settings are in force");
                    put(&shared, &bench.config, &mut workers);
                    on_settings(&bench.config);
                }
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
            () = shared.clock.sleep(sleep.min(TURN)) => {}
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
    fn new(hands: &Hands, config: ServerConfig, courier: Arc<Courier>) -> Result<Self, Trouble> {
        let hosts = config.registries.hosts.iter();
        let limits = hosts.filter_map(|host| Some((host.host.clone(), host.per_minute?)));
        Ok(Self {
            registries: Arc::new((hands.registries)(&config)?),
            budgets: Arc::new(Budgets::new(limits.collect())),
            config: Arc::new(config),
            courier,
        })
    }
}

/// The settings as they are now; none where they are wrong, which is told.
fn reloaded(shared: &Shared, hands: &Hands, before: &Bench) -> Option<Bench> {
    let courier = &before.courier;
    let new = (hands.settings)().and_then(|config| Bench::new(hands, config, Arc::clone(courier)));
    let mut failure = lock(&shared.settings_failure);
    match new {
        Ok(new) => {
            *failure = None;
            Some(new)
        }
        Err(trouble) => {
            let since = clock::rfc3339(shared.clock.now());
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
    lock(&shared.libraries).retain(|name, _| is_kept(name));
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
        state.interval_seconds = config.interval_of(settings).as_secs();
        let is_same = |worker: &Worker| worker.settings.url == settings.url;
        if !workers.get(&settings.name).is_some_and(is_same) {
            workers.insert(settings.name.clone(), Worker::new(settings));
        }
    }
    drop((states, locations));
    let intervals = own
        .iter()
        .map(|it| (it.name.clone(), config.interval_of(it)));
    let now = shared.millis();
    lock(&shared.schedule).put(&intervals.collect(), config.serve.concurrency, now);
}

/// One pass, on a thread of its own: Git and its network calls wait.
fn pass(shared: &Shared, hands: &Hands, bench: &Bench, mut worker: Worker, due: &Due) -> Done {
    let begun = Instant::now();
    let millis = shared.millis();
    let asking = Asking {
        registries: &bench.registries,
        courier: &bench.courier,
        repository: &due.name,
        pass: millis,
        patience: shared.clock.lasts(COPIES),
        until: OnceCell::new(),
    };
    let means = Means {
        asking,
        runtime: &tokio::runtime::Handle::current(),
        budgets: &bench.budgets,
        is_ending: &shared.is_ending,
        clock: shared.clock,
        millis,
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
    let (now, millis) = (shared.clock.now(), shared.millis());
    let (name, result, took, wake) = match joined {
        Ok((id, done)) => {
            let Done {
                mut worker,
                result,
                took,
            } = done;
            names.remove(&id);
            let name = worker.settings.name.clone();
            if let Ok(looked) = &result {
                lock(&shared.libraries).insert(name.clone(), looked.library.clone());
            }
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
        state.catalog = gathered.catalog;
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
    let news = news::between(&before, state);
    drop(states);
    for one in news {
        one.log();
        shared.note(&one, now);
        on_news(&one);
    }
}
