//! The metrics listener: metrics, and whether the daemon is alive and ready.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderName, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use serde_json::json;
use tokio::task::spawn_blocking;

use crate::plain::plain;
use crate::serve::daemon::TURN;
use crate::serve::metrics::Metrics;
use crate::serve::shared::Shared;

/// An engine that did not look at what is to be done for longer hangs.
const LONGEST_TURN: Duration = TURN.saturating_mul(12);
const METRICS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

/// What the listener tells of.
#[derive(Clone, Debug)]
pub struct Health {
    pub metrics: Metrics,
    /// The folder of everything that is cached.
    pub cache: PathBuf,
}

/// `/metrics`, `/healthz`, `/livez`, `/readyz` and `/version`: read only, and no body is read.
pub fn router(health: Health) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(alive))
        .route("/livez", get(alive))
        .route("/readyz", get(ready))
        .route("/version", get(version))
        .with_state(Arc::new(health))
}

async fn metrics(State(health): State<Arc<Health>>) -> impl IntoResponse {
    let text = spawn_blocking(move || health.metrics.text()).await;
    match text {
        Ok(Ok(text)) => answer(StatusCode::OK, METRICS_TEXT, text),
        _ => {
            let text = "the metrics cannot be written\n".to_owned();
            answer(StatusCode::INTERNAL_SERVER_ERROR, TEXT, text)
        }
    }
}

/// Of the process alone: no remote has a say.
async fn alive(State(health): State<Arc<Health>>) -> impl IntoResponse {
    let since = health.metrics.shared.since_turn();
    if since > LONGEST_TURN {
        let text = format!("the engine stands still for {} s\n", since.as_secs());
        return answer(StatusCode::SERVICE_UNAVAILABLE, TEXT, text);
    }
    answer(StatusCode::OK, TEXT, "ok\n".to_owned())
}

async fn ready(State(health): State<Arc<Health>>) -> impl IntoResponse {
    let checked = spawn_blocking(move || readiness(&health.metrics.shared, &health.cache)).await;
    let (status, text) = match checked {
        Ok((true, text)) => (StatusCode::OK, text),
        Ok((false, text)) => (StatusCode::SERVICE_UNAVAILABLE, text),
        Err(_) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "it cannot be found out\n".to_owned(),
        ),
    };
    answer(status, TEXT, text)
}

async fn version() -> impl IntoResponse {
    let version = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "platform": format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
    });
    answer(StatusCode::OK, JSON, format!("{version}\n"))
}

/// Whether every repository was looked at once and the cache can be written; line by line, what
/// stands in the way and what fails. A repository that cannot be reached was looked at.
fn readiness(shared: &Shared, cache: &Path) -> (bool, String) {
    let mut obstacles = Vec::new();
    let mut failing = Vec::new();
    if shared.is_ending() {
        obstacles.push("it is ending".to_owned());
    }
    let written = std::fs::create_dir_all(cache)
        .and_then(|()| tempfile::NamedTempFile::new_in(cache).map(drop));
    if let Err(error) = written {
        let folder = cache.display();
        obstacles.push(format!(
            "the cache folder {folder} cannot be written: {error}"
        ));
    }
    for repository in shared.state().repositories {
        let name = repository.name;
        if repository.last_pass.is_none() {
            obstacles.push(format!("{name}: not looked at yet"));
        }
        if let Some(failure) = repository.failure {
            failing.push(format!("{name}: {}", failure.message));
        }
    }
    let mut text = String::new();
    let is_ready = obstacles.is_empty();
    if is_ready {
        text.push_str("ok\n");
    }
    for (word, lines) in [("not ready", obstacles), ("failing", failing)] {
        for line in lines {
            // Into a text it always can.
            let _ = writeln!(text, "{word}: {}", plain(&line));
        }
    }
    (is_ready, text)
}

fn answer(
    status: StatusCode,
    kind: &'static str,
    text: String,
) -> (StatusCode, [(HeaderName, &'static str); 3], String) {
    let headers = [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (status, headers, text)
}
