//! From the start of the daemon to its end: listeners, watches, signals, and the engine.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::signal::unix::{SignalKind, signal};

use crate::config::server::ServerConfig;
use crate::serve::daemon::{self, Hands, Shared};
use crate::serve::news::News;
use crate::serve::pass::Trouble;
use crate::serve::shard::Shard;
use crate::serve::watch::Watch;

/// Runs until SIGTERM or SIGINT.
pub async fn run(hands: Hands, config: ServerConfig, shard: Option<Shard>) -> Result<(), Trouble> {
    let shared = Arc::new(Shared::new(shard));
    listen_to_signals(&shared)?;
    let watch = Watch::new(Arc::clone(&shared), hands.watched.clone());
    let watch = Mutex::new(watch);
    let on_settings = move |config: &ServerConfig| {
        let mut watch = watch.lock().unwrap_or_else(PoisonError::into_inner);
        watch.put(config);
    };
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        repositories = config.repositories.len(),
        "started"
    );
    let on_news = |_: &News| {};
    daemon::run(
        Arc::clone(&shared),
        hands,
        config,
        Arc::new(on_news),
        Arc::new(on_settings),
    )
    .await?;
    tracing::info!(passes = shared.passes(), "ended");
    Ok(())
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
