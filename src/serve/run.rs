//! From the start of the daemon to its end: listeners, watches, signals, and the engine.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tokio::signal::unix::{SignalKind, signal};

use crate::clock::Clock;
use crate::config::serve::ServeSettings;
use crate::config::server::ServerConfig;
use crate::serve::daemon::{self, Hands};
use crate::serve::event::{EventOptions, Events};
use crate::serve::health::{self, Health};
use crate::serve::hook::{Heard, Hint, HookOptions, Hooks};
use crate::serve::listeners::Listeners;
use crate::serve::metrics::{Metrics, WebhookCounts};
use crate::serve::news::News;
use crate::serve::page::StatusPage;
use crate::serve::pass::Trouble;
use crate::serve::shard::Shard;
use crate::serve::shared::{Shared, lock};
use crate::serve::watch::Watch;

/// Why the daemon did not begin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// The settings cannot be used as they are.
    #[error(transparent)]
    Settings(#[from] Trouble),
    #[error(transparent)]
    System(Trouble),
}

/// Runs until SIGTERM or SIGINT.
pub async fn run(hands: Hands, config: ServerConfig, shard: Option<Shard>) -> Result<(), RunError> {
    let shared = Shared::counting(shard, hands.clock, hands.tallies.clone());
    let shared = Arc::new(shared);
    listen_to_signals(&shared).map_err(RunError::System)?;
    let mut watch = Watch::new(Arc::clone(&shared), hands.watched.clone());
    watch.put(&config);
    // What has changed between reading and watching is told by nobody.
    let config = (hands.settings)().unwrap_or_else(|_| {
        shared.reload();
        config
    });
    let parts = Arc::new(Parts {
        watch: Mutex::new(watch),
        events: Mutex::new(start_events(&config, hands.clock)?),
        hooks: hooks(&shared, &config),
        listeners: Mutex::default(),
        settings: Mutex::new(config.clone()),
        cache: hands.cache.clone(),
        shared: Arc::clone(&shared),
    });
    if let Some(trouble) = parts.listen(&config).into_iter().next() {
        return Err(RunError::System(trouble));
    }
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        repositories = config.repositories.len(),
        "started"
    );
    let (told, set) = (Arc::clone(&parts), Arc::clone(&parts));
    let on_news = move |news: &News| told.tell(news);
    let on_settings = move |config: &ServerConfig| set.set(config);
    let ran = daemon::run(
        Arc::clone(&shared),
        hands,
        config,
        Arc::new(on_news),
        Arc::new(on_settings),
    )
    .await;
    let listeners = std::mem::take(&mut *lock(&parts.listeners));
    let events = std::mem::take(&mut *lock(&parts.events));
    tokio::join!(listeners.close(), events.end());
    tracing::info!(passes = shared.passes(), "ended");
    ran.map_err(RunError::Settings)
}

/// What stands around the engine, and changes with the settings.
struct Parts {
    shared: Arc<Shared>,
    watch: Mutex<Watch>,
    events: Mutex<Events>,
    hooks: Arc<Hooks>,
    listeners: Mutex<Listeners>,
    settings: Mutex<ServerConfig>,
    cache: PathBuf,
}

impl Parts {
    fn set(&self, config: &ServerConfig) {
        lock(&self.watch).put(config);
        self.hooks.set(&config.hooks);
        for trouble in self.listen(config) {
            tracing::error!(error = %trouble, "it is listened where it was");
        }
        let mut settings = lock(&self.settings);
        if settings.events != config.events {
            match start_events(config, self.shared.clock) {
                Ok(events) => {
                    let before = std::mem::replace(&mut *lock(&self.events), events);
                    tokio::spawn(before.end());
                }
                Err(trouble) => tracing::error!(error = %trouble, "events go where they went"),
            }
        }
        *settings = config.clone();
    }

    /// Listens where these settings say; gives what cannot be.
    fn listen(&self, config: &ServerConfig) -> Vec<Trouble> {
        let mut listeners = lock(&self.listeners);
        let ServeSettings {
            hooks,
            status,
            metrics,
            ..
        } = &config.serve;
        let token_file = status.as_ref().and_then(|it| it.token_file.clone());
        let (has_hooks, address) = (hooks.is_some(), status.as_ref().map(|it| it.listen));
        let opened = [
            listeners.put("hooks", *hooks, "", || Ok(self.hooks.router())),
            listeners.put("status", address, &format!("{token_file:?}"), || {
                let page = self.status_page(token_file.clone()).router();
                page.map_err(|error| Trouble {
                    message: format!("the status page cannot be made: {error}"),
                    hint: None,
                })
            }),
            listeners.put("metrics", *metrics, &format!("{has_hooks}"), || {
                Ok(health::router(Health {
                    metrics: self.metrics(has_hooks),
                    cache: self.cache.clone(),
                }))
            }),
        ];
        opened.into_iter().filter_map(Result::err).collect()
    }

    fn tell(&self, news: &News) {
        let Some(location) = self.shared.location(&news.repository) else {
            return;
        };
        if let Some(event) = news.event(&location, self.shared.clock.now()) {
            lock(&self.events).send(&event);
        }
    }

    fn metrics(&self, has_hooks: bool) -> Metrics {
        let hooks = Arc::clone(&self.hooks);
        let counts: WebhookCounts = Arc::new(move || {
            let counts = hooks.counts().into_iter();
            // What was sent to no hook of ours is nobody's.
            let named = counts.map(|it| (it.hook.unwrap_or_default(), it.result, it.count));
            named.collect()
        });
        Metrics {
            shared: Arc::clone(&self.shared),
            webhooks: has_hooks.then_some(counts),
        }
    }

    fn status_page(&self, token_file: Option<PathBuf>) -> StatusPage {
        let (states, timelines) = (Arc::clone(&self.shared), Arc::clone(&self.shared));
        let clock = self.shared.clock;
        StatusPage {
            states: Arc::new(move || Arc::new(states.state())),
            timelines: Arc::new(move |repository: &str, environment: &str, tag: &str| {
                timelines.history(repository, environment, tag)
            }),
            now: Arc::new(move || clock.now()),
            token_file,
        }
    }
}

fn hooks(shared: &Arc<Shared>, config: &ServerConfig) -> Arc<Hooks> {
    let tally = Arc::clone(&shared.counts.tallies().senders);
    let (clock, shared) = (shared.clock, Arc::clone(shared));
    let heard: Heard = Arc::new(move |name: &str, hints: Vec<Hint>| {
        let passes: usize = hints.iter().map(|hint| shared.hint(hint)).sum();
        tracing::debug!(hook = name, hints = hints.len(), passes, "a hook was taken");
    });
    let options = HookOptions {
        now: Arc::new(move || clock.now()),
        tally,
        ..HookOptions::default()
    };
    Hooks::new(&config.hooks, options, heard)
}

fn start_events(config: &ServerConfig, clock: Clock) -> Result<Events, Trouble> {
    let options = EventOptions {
        now: Arc::new(move || clock.now()),
        pause: Arc::new(move |span| Box::pin(async move { clock.sleep(span).await })),
        ..EventOptions::default()
    };
    Events::start(&config.events, &options).map_err(|error| Trouble {
        message: format!("events cannot be sent: {error}"),
        hint: None,
    })
}

fn listen_to_signals(shared: &Arc<Shared>) -> Result<(), Trouble> {
    let failed = |error: std::io::Error| Trouble {
        message: format!("signals cannot be waited for: {error}"),
        hint: None,
    };
    for (kind, is_end) in [
        (SignalKind::terminate(), true),
        (SignalKind::interrupt(), true),
        (SignalKind::hangup(), false),
    ] {
        let mut signals = signal(kind).map_err(failed)?;
        let shared = Arc::clone(shared);
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                match is_end {
                    true => shared.end(),
                    false => shared.reload(),
                }
            }
        });
    }
    Ok(())
}
