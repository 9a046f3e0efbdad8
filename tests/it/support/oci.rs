//! Pushing to any registry that speaks plain HTTP and wants no login, and the one that speaks
//! the referrers API.

use std::sync::Arc;
use std::thread;

use ferro_blob_store::InMemoryBlobStore;
use ferro_oci_server::{AppState, InMemoryRegistryMeta, router};
use headwater::image::Digest;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// `ferro-oci-server` on a port of loopback, until it is dropped.
pub struct FerroRegistry {
    runtime: Option<Runtime>,
    host: String,
}

impl FerroRegistry {
    pub fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let state = AppState::new(
            Arc::new(InMemoryBlobStore::new()),
            Arc::new(InMemoryRegistryMeta::new()),
        );
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            axum::serve(listener, router(state)).await
        });
        Self {
            runtime: Some(runtime),
            host,
        }
    }

    /// `127.0.0.1:<port>`
    pub fn host(&self) -> String {
        self.host.clone()
    }
}

impl Drop for FerroRegistry {
    fn drop(&mut self) {
        // A runtime may not wait for another one.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

pub fn push_blob(host: &str, repository: &str, blob: &[u8]) -> Digest {
    let digest = Digest::of(blob);
    let begin = format!("http://{host}/v2/{repository}/blobs/uploads/");
    let location = send(|http| http.post(&begin), 202).expect("an upload has a location");
    let location = if location.starts_with('/') {
        format!("http://{host}{location}")
    } else {
        location
    };
    let joiner = if location.contains('?') { '&' } else { '?' };
    let url = format!("{location}{joiner}digest={digest}");
    let blob = blob.to_vec();
    send(|http| http.put(&url).body(blob), 201);
    digest
}

/// Puts a manifest under a tag, or under its digest where the tag is empty.
pub fn push_manifest(
    host: &str,
    repository: &str,
    tag: &str,
    media_type: &str,
    body: &[u8],
) -> Digest {
    let digest = Digest::of(body);
    let name = if tag.is_empty() { digest.as_str() } else { tag };
    let url = format!("http://{host}/v2/{repository}/manifests/{name}");
    let body = body.to_vec();
    send(
        |http| http.put(&url).header("content-type", media_type).body(body),
        201,
    );
    digest
}

/// On a thread of its own, so that both plain and asynchronous tests may push.
fn send(
    request: impl FnOnce(&reqwest::Client) -> reqwest::RequestBuilder,
    expected: u16,
) -> Option<String> {
    headwater::registry::prepare();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = request(&client);
    let sent = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let response = request.send().await.unwrap();
            let status = response.status().as_u16();
            let location = response.headers().get("location");
            let location = location.map(|text| text.to_str().unwrap().to_owned());
            (status, location, response.text().await.unwrap())
        })
    });
    let (status, location, body) = sent.join().unwrap();
    assert_eq!(status, expected, "{body}");
    location
}
