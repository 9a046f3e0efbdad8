//! Webhooks in and out: what senders really send, what is refused, and what is sent.

mod connections;
mod docs;
mod events;
mod listening;
mod registry;
mod senders;
mod storm;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use headwater::config::hooks::{HookKind, HookSettings};
use headwater::serve::hook::{Hint, HookOptions, Hooks};
use headwater::serve::listen;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::HeaderMap;
use sha2::Sha256;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

/// What every hook of these tests is called with unless the test says otherwise.
const SECRET: &str = "correct horse";

type Heard = Arc<Mutex<Vec<(String, Vec<Hint>)>>>;

/// A running listener, and what it has told.
struct Listening {
    runtime: Runtime,
    address: SocketAddr,
    hooks: Arc<Hooks>,
    heard: Heard,
    client: reqwest::Client,
    folder: TempDir,
    stop: Option<oneshot::Sender<()>>,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Listening {
    fn start(kinds: &[(&str, HookKind)]) -> Self {
        Self::start_with(kinds, HookOptions::default())
    }

    fn start_with(kinds: &[(&str, HookKind)], options: HookOptions) -> Self {
        let folder = TempDir::new().unwrap();
        let secret = folder.path().join("secret");
        fs::write(&secret, format!("{SECRET}\n")).unwrap();
        let settings: Vec<HookSettings> = kinds
            .iter()
            .map(|(name, kind)| hook(name, *kind, vec![secret.clone()]))
            .collect();
        let heard = Heard::default();
        let all = Arc::clone(&heard);
        let hooks = Hooks::new(
            &settings,
            options,
            Arc::new(move |name, hints| all.lock().unwrap().push((name.to_owned(), hints))),
        );
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let router = hooks.router();
        runtime.spawn(async move {
            let stopped = async { stopped.await.unwrap_or_default() };
            listen::serve(listener, router, stopped).await;
        });
        headwater::registry::prepare();
        let client = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([])
            .build()
            .unwrap();
        Self {
            runtime,
            address,
            hooks,
            heard,
            client,
            folder,
            stop: Some(stop),
        }
    }

    fn secret_file(&self) -> PathBuf {
        self.folder.path().join("secret")
    }

    fn request(&self, path: &str, headers: &[(&str, &str)], body: &str) -> reqwest::RequestBuilder {
        let url = format!("http://{}{path}", self.address);
        let request = self.client.post(url).body(body.to_owned());
        headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        })
    }

    fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.send(self.request(path, headers, body))
    }

    fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        self.runtime.block_on(async {
            let response = request.send().await.unwrap();
            Answer {
                status: response.status().as_u16(),
                headers: response.headers().clone(),
                text: response.text().await.unwrap(),
            }
        })
    }

    /// As GitHub sends it.
    fn push(&self, path: &str, secret: &str, body: &str) -> Answer {
        let signature = format!("sha256={}", hex_mac(secret, body));
        let headers = [
            ("x-github-event", "push"),
            ("x-hub-signature-256", signature.as_str()),
        ];
        self.post(path, &headers, body)
    }

    fn heard(&self) -> Vec<(String, Vec<Hint>)> {
        self.heard.lock().unwrap().clone()
    }

    /// How often requests of the hook ended so.
    fn count(&self, hook: Option<&str>, result: &str) -> u64 {
        let counts = self.hooks.counts();
        let mut found = counts
            .iter()
            .filter(|it| it.hook.as_deref() == hook && it.result == result);
        found.next().unwrap().count
    }
}

fn hook(name: &str, kind: HookKind, secret_files: Vec<PathBuf>) -> HookSettings {
    HookSettings {
        name: name.to_owned(),
        kind,
        secret_files,
        host: None,
    }
}

/// A real payload.
fn case(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/hooks");
    fs::read_to_string(path.join(name)).unwrap()
}

fn hex_mac(secret: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let bytes = mac.finalize().into_bytes();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn image(host: &str, repository: &str, tag: Option<&str>) -> Hint {
    Hint::Image {
        host: Some(host.to_owned()),
        repository: repository.to_owned(),
        tag: tag.map(str::to_owned),
    }
}

fn git(urls: &[&str]) -> Hint {
    Hint::Git {
        urls: urls.iter().map(|url| (*url).to_owned()).collect(),
    }
}
