//! From the start of the daemon to its end: listeners, watches, signals, and the engine.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch::{Receiver, Sender, channel};
use tokio::task::JoinHandle;

use crate::config::serve::{Listener, ServeSettings};
use crate::config::server::ServerConfig;
use crate::serve::daemon::{self, Hands};
use crate::serve::event::{EventOptions, Events};
use crate::serve::health::{self, Health};
use crate::serve::hook::{Heard, Hint, HookOptions, Hooks};
use crate::serve::listen;
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
    let shared = Arc::new(Shared::counting(shard, hands.tallies.clone()));
    listen_to_signals(&shared).map_err(RunError::System)?;
    let hooks = hooks(&shared, &config);
    let (end, over) = channel(false);
    let mut listeners = Listeners {
        over,
        tasks: Vec::new(),
    };
    if let Some(address) = config.serve.hooks {
        listeners.open("hooks", address, hooks.router()).await?;
    }
    if let Some(status) = &config.serve.status {
        let page = status_page(&shared, status).router();
        let page = page.map_err(|error| Trouble {
            message: format!("the status page cannot be made: {error}"),
            hint: None,
        })?;
        listeners.open("status", status.listen, page).await?;
    }
    if let Some(address) = config.serve.metrics {
        let health = Health {
            metrics: metrics(&shared, &hooks, &config),
            cache: hands.cache.clone(),
        };
        let router = health::router(health);
        listeners.open("metrics", address, router).await?;
    }
    let changing = Arc::new(Changing {
        watch: Mutex::new(Watch::new(Arc::clone(&shared), hands.watched.clone())),
        events: Mutex::new(start_events(&config)?),
        settings: Mutex::new(config.clone()),
        hooks,
    });
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        repositories = config.repositories.len(),
        "started"
    );
    let (told, set) = (Arc::clone(&changing), Arc::clone(&changing));
    let of = Arc::clone(&shared);
    let on_news = move |news: &News| told.tell(&of, news);
    let on_settings = move |config: &ServerConfig| set.set(config);
    let ran = daemon::run(
        Arc::clone(&shared),
        hands,
        config,
        Arc::new(on_news),
        Arc::new(on_settings),
    )
    .await;
    listeners.close(&end).await;
    if let Some(changing) = Arc::into_inner(changing) {
        let events = changing.events.into_inner();
        events.unwrap_or_else(PoisonError::into_inner).end().await;
    }
    tracing::info!(passes = shared.passes(), "ended");
    ran.map_err(RunError::Settings)
}

/// What new settings change while the daemon runs.
struct Changing {
    watch: Mutex<Watch>,
    events: Mutex<Events>,
    hooks: Arc<Hooks>,
    settings: Mutex<ServerConfig>,
}

impl Changing {
    fn set(&self, config: &ServerConfig) {
        lock(&self.watch).put(config);
        self.hooks.set(&config.hooks);
        let mut settings = lock(&self.settings);
        if settings.events != config.events {
            match start_events(config) {
                Ok(events) => *lock(&self.events) = events,
                Err(trouble) => tracing::error!(error = %trouble, "events go where they went"),
            }
        }
        let fixed = |serve: &ServeSettings| (serve.hooks, serve.status.clone(), serve.metrics);
        if fixed(&settings.serve) != fixed(&config.serve) {
            tracing::warn!("listeners are opened at the start only: they stay where they are");
        }
        *settings = config.clone();
    }

    fn tell(&self, shared: &Shared, news: &News) {
        let Some(location) = shared.location(&news.repository) else {
            return;
        };
        if let Some(event) = news.event(&location, crate::clock::now()) {
            lock(&self.events).send(&event);
        }
    }
}

fn hooks(shared: &Arc<Shared>, config: &ServerConfig) -> Arc<Hooks> {
    let shared = Arc::clone(shared);
    let heard: Heard = Arc::new(move |name: &str, hints: Vec<Hint>| {
        let passes: usize = hints.iter().map(|hint| shared.hint(hint)).sum();
        tracing::debug!(hook = name, hints = hints.len(), passes, "a hook was taken");
    });
    Hooks::new(&config.hooks, HookOptions::default(), heard)
}

fn metrics(shared: &Arc<Shared>, hooks: &Arc<Hooks>, config: &ServerConfig) -> Metrics {
    let hooks = Arc::clone(hooks);
    let counts: WebhookCounts = Arc::new(move || {
        let counts = hooks.counts().into_iter();
        // What was sent to no hook of ours is nobody's.
        let named = counts.map(|it| (it.hook.unwrap_or_default(), it.result, it.count));
        named.collect()
    });
    Metrics {
        shared: Arc::clone(shared),
        webhooks: config.serve.hooks.map(|_| counts),
    }
}

fn status_page(shared: &Arc<Shared>, listener: &Listener) -> StatusPage {
    let (states, timelines) = (Arc::clone(shared), Arc::clone(shared));
    StatusPage {
        states: Arc::new(move || Arc::new(states.state())),
        timelines: Arc::new(move |repository: &str, environment: &str, tag: &str| {
            timelines.history(repository, environment, tag)
        }),
        now: Arc::new(crate::clock::now),
        token_file: listener.token_file.clone(),
    }
}

fn start_events(config: &ServerConfig) -> Result<Events, Trouble> {
    Events::start(&config.events, &EventOptions::default()).map_err(|error| Trouble {
        message: format!("events cannot be sent: {error}"),
        hint: None,
    })
}

/// What is listened at.
struct Listeners {
    over: Receiver<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Listeners {
    async fn open(
        &mut self,
        name: &'static str,
        address: SocketAddr,
        router: Router,
    ) -> Result<(), Trouble> {
        let failed = |error: std::io::Error| Trouble {
            message: format!("serve.{name}.listen: {address} cannot be listened at: {error}"),
            hint: Some("name another port, or end what listens there".to_owned()),
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        tracing::info!(%address, "listening for {name}");
        let mut over = self.over.clone();
        let stop = async move {
            let _ = over.wait_for(|is_over| *is_over).await;
        };
        self.tasks
            .push(tokio::spawn(listen::serve(listener, router, stop)));
        Ok(())
    }

    async fn close(self, end: &Sender<bool>) {
        let _ = end.send(true);
        for task in self.tasks {
            let _ = task.await;
        }
    }
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
