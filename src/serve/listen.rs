//! Connections to a listener of ours: HTTP/1 only, with limits in number and time that
//! `axum::serve` does not have.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// How long the header of a request may take, and a connection may wait for the next one.
const HEADER_PATIENCE: Duration = Duration::from_secs(10);
/// The largest header, in bytes.
const HEADER_LIMIT: usize = 32 * 1024;
/// Connections at a time; further ones wait until one ends.
const MOST_CONNECTIONS: usize = 512;
/// How long requests under way may take once it is over.
const LAST_PATIENCE: Duration = Duration::from_secs(5);
/// When no connection can be taken, for want of descriptors say.
const REST: Duration = Duration::from_millis(100);

/// Serves until `stop` is ready; then requests under way have five seconds to end.
pub async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    serve_patiently(listener, router, stop, HEADER_PATIENCE).await;
}

/// The same with another patience for headers.
pub async fn serve_patiently(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()>,
    header_patience: Duration,
) {
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let (over, is_over) = watch::channel(false);
    let mut connections = JoinSet::new();
    tokio::pin!(stop);
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (listener.accept().await, place)
        };
        let (stream, place) = tokio::select! {
            () = &mut stop => break,
            Some(_) = connections.join_next() => continue,
            (accepted, place) = next => match accepted {
                Ok((stream, _)) => (stream, place),
                Err(error) => {
                    rest_after(&error).await;
                    continue;
                }
            },
        };
        let connection = connection(stream, router.clone(), is_over.clone(), header_patience);
        connections.spawn(async move {
            connection.await;
            drop(place);
        });
    }
    drop(listener);
    let _ = over.send(true);
    let ended = async { while connections.join_next().await.is_some() {} };
    // What is left is cut off when the set is dropped.
    let _ = tokio::time::timeout(LAST_PATIENCE, ended).await;
}

async fn connection(
    stream: TcpStream,
    router: Router,
    mut is_over: watch::Receiver<bool>,
    header_patience: Duration,
) {
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_patience)
        .max_buf_size(HEADER_LIMIT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(connection);
    // Why a stranger's connection ended is nobody's concern.
    tokio::select! {
        _ = &mut connection => {}
        _ = is_over.changed() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

async fn rest_after(error: &io::Error) {
    let is_of_one = matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    );
    if !is_of_one {
        tokio::time::sleep(REST).await;
    }
}
