//! What is listened at, which may change while the daemon runs.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};

use axum::Router;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::serve::listen;
use crate::serve::pass::Trouble;

/// By name, as the server file calls it.
#[derive(Debug, Default)]
pub struct Listeners {
    open: BTreeMap<&'static str, Open>,
}

#[derive(Debug)]
struct Open {
    address: SocketAddr,
    /// What its router depends on.
    manner: String,
    socket: TcpListener,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Listeners {
    /// Listens at `address` from now on, with what `router` gives where the listener is another, or
    /// its `manner` is; nowhere without an address. On an error nothing has changed.
    pub fn put(
        &mut self,
        name: &'static str,
        address: Option<SocketAddr>,
        manner: &str,
        router: impl FnOnce() -> Result<Router, Trouble>,
    ) -> Result<(), Trouble> {
        let Some(address) = address else {
            if let Some(before) = self.open.remove(name) {
                tracing::info!(address = %before.address, "not listening for {name} any more");
                let _ = before.stop.send(());
            }
            return Ok(());
        };
        let before = self.open.get(name).filter(|it| it.address == address);
        if before.is_some_and(|it| it.manner == manner) {
            return Ok(());
        }
        let router = router()?;
        let opened = match before {
            // The address is taken, by ourselves.
            Some(before) => before.socket.try_clone(),
            None => TcpListener::bind(address),
        };
        let failed = |error: std::io::Error| Trouble {
            message: format!("serve.{name}.listen: {address} cannot be listened at: {error}"),
            hint: Some("name another port, or end what listens there".to_owned()),
        };
        let socket = opened.map_err(failed)?;
        socket.set_nonblocking(true).map_err(failed)?;
        let listener = socket
            .try_clone()
            .and_then(tokio::net::TcpListener::from_std)
            .map_err(failed)?;
        let bound = socket.local_addr().map_err(failed)?;
        tracing::info!(address = %bound, "listening for {name}");
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(listen::serve(listener, router, async move {
            let _ = stopped.await;
        }));
        let open = Open {
            address,
            manner: manner.to_owned(),
            socket,
            stop,
            task,
        };
        if let Some(before) = self.open.insert(name, open) {
            let _ = before.stop.send(());
        }
        Ok(())
    }

    /// Takes no more connections, and lets requests under way end, within the patience of
    /// [`listen::serve`].
    pub async fn close(self) {
        let tasks: Vec<JoinHandle<()>> = self
            .open
            .into_values()
            .map(|open| {
                let _ = open.stop.send(());
                open.task
            })
            .collect();
        for task in tasks {
            let _ = task.await;
        }
    }
}
