//! Pages without and with a server.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use headwater::serve::page::{Address, Answer, Pages, StatusPage, Timelines};
use headwater::serve::state::DaemonState;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use crate::status_page::scene::{NOW, timeline};

/// The answer to `GET target`, without a server.
pub fn get(state: &DaemonState, target: &str) -> Answer {
    get_at(state, target, NOW)
}

pub fn get_at(state: &DaemonState, target: &str, now: &str) -> Answer {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let address = Address::parse(path, query);
    let pages = Pages::new().unwrap();
    let now = now.parse().unwrap();
    pages.answer(&address, state, &timeline, now).unwrap()
}

/// The status page on a port of its own, until this is dropped.
pub struct Site {
    address: SocketAddr,
    end: Option<oneshot::Sender<()>>,
    runtime: Option<Runtime>,
}

impl Site {
    pub fn of(state: DaemonState) -> Self {
        Self::with(state, Arc::new(timeline), None)
    }

    pub fn with(state: DaemonState, timelines: Timelines, token_file: Option<PathBuf>) -> Self {
        let state = Arc::new(state);
        let page = StatusPage {
            states: Arc::new(move || Arc::clone(&state)),
            timelines,
            now: Arc::new(|| NOW.parse().unwrap()),
            token_file,
        };
        let router = page.router().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"));
        let listener = listener.unwrap();
        let address = listener.local_addr().unwrap();
        let (end, ended) = oneshot::channel::<()>();
        runtime.spawn(async move {
            tokio::select! {
                served = axum::serve(listener, router) => served.unwrap(),
                _ = ended => {}
            }
        });
        Self {
            address,
            end: Some(end),
            runtime: Some(runtime),
        }
    }

    pub fn url(&self, target: &str) -> String {
        format!("http://{}{target}", self.address)
    }

    pub fn get(&self, target: &str) -> Response {
        self.ask("GET", target, &[])
    }

    pub fn ask(&self, method: &str, target: &str, headers: &[(&str, &str)]) -> Response {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        let headers: String = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: status.example\r\nConnection: close\r\n{headers}\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap()[9..12].parse().unwrap();
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(':').unwrap();
            (name.to_lowercase(), value.trim().to_owned())
        });
        Response {
            status,
            headers: headers.collect(),
            body: body.to_owned(),
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Response {
    pub fn header(&self, name: &str) -> &str {
        let mut headers = self.headers.iter();
        let found = headers.find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }
}
