//! The status page over HTTP: reads only, and only what pages say.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{
    ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    ETAG, IF_NONE_MATCH, REFERRER_POLICY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::response::Response;
use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::serve::page::address::Address;
use crate::serve::page::answer::{Answer, Form};
use crate::serve::page::history::{History, Timelines};
use crate::serve::page::pages::{PageError, Pages};
use crate::serve::page::token::Token;
use crate::serve::state::DaemonState;

/// The newest state.
pub type States = Arc<dyn Fn() -> Arc<DaemonState> + Send + Sync>;
/// The clock, by which the age of what is shown is reckoned.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; \
                      form-action 'self'; frame-ancestors 'none'";
/// A page waits so long for its timelines, and then says that they are missing.
const PATIENCE: Duration = Duration::from_secs(5);
/// Threads that read timelines. One that is late keeps its place, so that a storm of requests for
/// a slow one does not take the daemon's threads.
const READERS: usize = 4;

/// What the status page is made of.
#[derive(Clone)]
pub struct StatusPage {
    pub states: States,
    pub timelines: Timelines,
    pub now: Now,
    /// Holds the bearer token that readers must have; none: everybody may read.
    pub token_file: Option<PathBuf>,
}

impl fmt::Debug for StatusPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatusPage")
            .field("token_file", &self.token_file)
            .finish_non_exhaustive()
    }
}

impl StatusPage {
    pub fn router(self) -> Result<Router, PageError> {
        let site = Arc::new(self.site(PATIENCE)?);
        Ok(Router::new().fallback(move |request: Request| {
            let site = Arc::clone(&site);
            // A body is never read.
            let (parts, _) = request.into_parts();
            async move { site.respond(&parts).await }
        }))
    }

    fn site(self, patience: Duration) -> Result<Site, PageError> {
        Ok(Site {
            pages: Pages::new()?,
            token: self.token_file.clone().map(Token::new),
            readers: Arc::new(Semaphore::new(READERS)),
            page: self,
            patience,
        })
    }
}

struct Site {
    pages: Pages,
    token: Option<Token>,
    readers: Arc<Semaphore>,
    page: StatusPage,
    patience: Duration,
}

impl Site {
    async fn respond(self: Arc<Self>, request: &Parts) -> Response {
        let is_head = request.method == Method::HEAD;
        let known = request.headers.get(IF_NONE_MATCH).cloned();
        let (answer, header) = self.answer(request).await;
        response(&answer, header, known.as_ref(), is_head)
    }

    async fn answer(
        self: Arc<Self>,
        request: &Parts,
    ) -> (Answer, Option<(HeaderName, &'static str)>) {
        let refused = |status: StatusCode| Answer {
            status: status.as_u16(),
            form: Form::Text,
            body: format!("{status}\n"),
        };
        if !matches!(request.method, Method::GET | Method::HEAD) {
            return (
                refused(StatusCode::METHOD_NOT_ALLOWED),
                Some((ALLOW, "GET, HEAD")),
            );
        }
        if !self.admits(request).await {
            return (
                refused(StatusCode::UNAUTHORIZED),
                Some((WWW_AUTHENTICATE, "Bearer")),
            );
        }
        let uri = &request.uri;
        let address = Address::parse(uri.path(), uri.query());
        let state = (self.page.states)();
        let asked = Pages::asked(&address, &state);
        let mut histories = BTreeMap::new();
        if !asked.is_empty() {
            histories = self.histories(asked).await;
        }
        let missing = || Err("it was not asked for".to_owned());
        let history = |repository: &str, environment: &str, tag: &str| {
            let key = [repository, environment, tag].map(str::to_owned);
            histories.get(&key).cloned().unwrap_or_else(missing)
        };
        let now = (self.page.now)();
        match self.pages.answer(&address, &state, &history, now) {
            Ok(answer) => (answer, None),
            Err(error) => {
                tracing::error!("status page: {error}");
                (refused(StatusCode::INTERNAL_SERVER_ERROR), None)
            }
        }
    }

    async fn admits(self: &Arc<Self>, request: &Parts) -> bool {
        if self.token.is_none() {
            return true;
        }
        let header = request.headers.get(AUTHORIZATION).cloned();
        let site = Arc::clone(self);
        let admitted = spawn_blocking(move || {
            let header = header.as_ref().map(HeaderValue::as_bytes);
            let token = site.token.as_ref();
            token.is_none_or(|token| token.admits(header))
        });
        admitted.await.unwrap_or(false)
    }

    async fn histories(
        &self,
        asked: Vec<(String, String, String)>,
    ) -> BTreeMap<[String; 3], History> {
        let late = "reading the history takes longer than a page may wait; load it again";
        let keys: Vec<[String; 3]> = asked.into_iter().map(Into::into).collect();
        let read = async {
            let permit = Arc::clone(&self.readers).acquire_owned().await.ok()?;
            let (timelines, keys) = (Arc::clone(&self.page.timelines), keys.clone());
            let task = spawn_blocking(move || {
                let found = keys.iter().map(|key| {
                    let [repository, environment, tag] = key;
                    let rows = timelines(repository, environment, tag);
                    (key.clone(), rows)
                });
                let found: BTreeMap<_, _> = found.collect();
                drop(permit);
                found
            });
            task.await.ok()
        };
        let found = timeout(self.patience, read).await.ok().flatten();
        found.unwrap_or_else(|| {
            let keys = keys.iter().cloned();
            keys.map(|key| (key, Err(late.to_owned()))).collect()
        })
    }
}

fn response(
    answer: &Answer,
    header: Option<(HeaderName, &'static str)>,
    known: Option<&HeaderValue>,
    is_head: bool,
) -> Response {
    let is_known = known
        .and_then(|known| known.to_str().ok())
        .is_some_and(|known| answer.is_known(known));
    let status = if is_known { 304 } else { answer.status };
    let body = if is_known || is_head {
        Body::empty()
    } else {
        Body::from(answer.body.clone())
    };
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    let mut set = |name, value: &'static str| headers.insert(name, HeaderValue::from_static(value));
    set(CONTENT_SECURITY_POLICY, POLICY);
    set(X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(REFERRER_POLICY, "no-referrer");
    set(CACHE_CONTROL, "no-cache");
    set(HeaderName::from_static("x-robots-tag"), "noindex");
    if let Some((name, value)) = header {
        set(name, value);
    }
    if !is_known {
        set(CONTENT_TYPE, answer.form.media_type());
    }
    if answer.status == 200
        && let Ok(tag) = HeaderValue::from_str(&answer.tag())
    {
        headers.insert(ETAG, tag);
    }
    if is_head && !is_known {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(answer.body.len()));
    }
    response
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::channel;

    use crate::serve::state::RepositoryState;
    use crate::show::{Cell, Line};

    use super::*;

    #[tokio::test]
    async fn a_history_that_takes_too_long_is_left_out() {
        let mut repository = RepositoryState {
            name: "shop".to_owned(),
            ..RepositoryState::default()
        };
        repository.status.stream_tags = vec![Line {
            name: "web:1".to_owned(),
            environments: vec![Cell {
                stream_tag: Some("shop/web:1".to_owned()),
                ..Cell::default()
            }],
        }];
        let state = Arc::new(DaemonState {
            repositories: vec![repository],
            ..DaemonState::default()
        });
        let (end, ends) = channel::<()>();
        let ends = Mutex::new(ends);
        let page = StatusPage {
            states: Arc::new(move || Arc::clone(&state)),
            timelines: Arc::new(move |_, _, _| {
                // Until the other end is dropped.
                let _ = ends.lock().map(|ends| ends.recv());
                Ok(Vec::new())
            }),
            now: Arc::new(|| Timestamp::UNIX_EPOCH),
            token_file: None,
        };
        let site = Arc::new(page.site(Duration::ZERO).unwrap());
        // More than there are readers: one that is held up holds up no request.
        for _ in 0..2 * READERS {
            let request = Request::get("/repository/shop/stream/web:1")
                .body(Body::empty())
                .unwrap();
            let (parts, _) = request.into_parts();
            let (answer, _) = Arc::clone(&site).answer(&parts).await;
            assert_eq!(answer.status, 200);
            assert!(answer.body.contains("takes longer than a page may wait"));
        }
        drop(end);
    }
}
