//! From the start of the daemon to its end: listeners, watches, signals, and the engine.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::config::serve::ServeSettings;
use crate::config::server::ServerConfig;
use crate::serve::daemon::{self, Hands, Shared};
use crate::serve::health::{self, Health};
use crate::serve::listen;
use crate::serve::metrics::Metrics;
use crate::serve::news::News;
use crate::serve::pass::Trouble;
use crate::serve::shard::Shard;
use crate::serve::watch::Watch;

/// How long answers under way may take once the engine has ended.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// Why the daemon did not begin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// The settings cannot be used as they are.
    #[error(transparent)]
    Settings(Trouble),
    #[error(transparent)]
    System(Trouble),
}

/// Runs until SIGTERM or SIGINT.
pub async fn run(hands: Hands, config: ServerConfig, shard: Option<Shard>) -> Result<(), RunError> {
    let shared = Arc::new(Shared::counting(shard, hands.tallies.clone()));
    listen_to_signals(&shared).map_err(RunError::System)?;
    let health = Health {
        metrics: Metrics {
            shared: Arc::clone(&shared),
            webhooks: None,
        },
        cache: hands.cache.clone(),
    };
    let mut listeners = Vec::new();
    if let Some(address) = config.serve.metrics {
        let listener = Listener::open("metrics", address, health::router(health)).await;
        listeners.push(listener.map_err(RunError::Settings)?);
    }
    let watch = Watch::new(Arc::clone(&shared), hands.watched.clone());
    let watch = Mutex::new(watch);
    let open = addresses(&config.serve);
    let on_settings = move |config: &ServerConfig| {
        if addresses(&config.serve) != open {
            tracing::warn!("other listeners are opened at the next start only");
        }
        let mut watch = watch.lock().unwrap_or_else(PoisonError::into_inner);
        watch.put(config);
    };
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        repositories = config.repositories.len(),
        "started"
    );
    let on_news = |_: &News| {};
    let ended = daemon::run(
        Arc::clone(&shared),
        hands,
        config,
        Arc::new(on_news),
        Arc::new(on_settings),
    )
    .await;
    for listener in listeners {
        listener.close().await;
    }
    ended.map_err(RunError::Settings)?;
    tracing::info!(passes = shared.passes(), "ended");
    Ok(())
}

/// Where the settings want listeners.
fn addresses(settings: &ServeSettings) -> [Option<SocketAddr>; 3] {
    let status = settings.status.as_ref().map(|it| it.listen);
    [settings.hooks, status, settings.metrics]
}

/// A listener that answers.
#[derive(Debug)]
struct Listener {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Listener {
    /// `what` is its key below `serve`.
    async fn open(what: &str, address: SocketAddr, router: Router) -> Result<Self, Trouble> {
        let failed = |error: std::io::Error| Trouble {
            message: format!("cannot listen on {address} for {what}: {error}"),
            hint: Some(format!(
                "give `serve.{what}.listen` an address of this machine that is free"
            )),
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        // With port 0 only the system knows which it is.
        let address = listener.local_addr().map_err(failed)?;
        tracing::info!(listener = what, address = %address, "listening");
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let stopped = async {
                let _ = stopped.await;
            };
            listen::serve(listener, router, stopped).await;
        });
        Ok(Self { stop, task })
    }

    async fn close(self) {
        let _ = self.stop.send(());
        let mut task = self.task;
        if tokio::time::timeout(LAST_ANSWERS, &mut task).await.is_err() {
            task.abort();
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
