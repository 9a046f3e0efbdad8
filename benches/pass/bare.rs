//! The baseline: a client that does nothing but ask, over the same HTTP library.

use futures_util::stream::{self, StreamExt};
use headwater::image::Digest;

use crate::workload::repository;

/// As many as headwater asks of one host at a time.
const IN_FLIGHT: usize = 64;

const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";

/// `HOST COUNT head|pin|index`: a HEAD for each tag; with `pin` a GET and a hash too; with
/// `index` HEADs of the index's images on top.
pub fn ask(words: &[String]) {
    let [host, count, what] = words else {
        panic!("HOST COUNT head|pin|index|pin-new|index-new");
    };
    let count: usize = count.parse().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    headwater::registry::prepare();
    let client = reqwest::Client::builder()
        .no_proxy()
        .pool_max_idle_per_host(IN_FLIGHT)
        .tls_certs_only([])
        .build()
        .unwrap();
    runtime.block_on(async {
        stream::iter(0..count)
            .map(|number| one(&client, host, number, what))
            .buffer_unordered(IN_FLIGHT)
            .collect::<Vec<()>>()
            .await;
    });
}

async fn one(client: &reqwest::Client, host: &str, number: usize, what: &str) {
    let base = format!("http://{host}/v2/{}/manifests", repository(number));
    let (what, is_new) = match what.strip_suffix("-new") {
        Some(what) => (what, true),
        None => (what, false),
    };
    if !is_new {
        head(client, &format!("{base}/latest")).await;
    }
    if what == "head" {
        return;
    }
    let request = client
        .get(format!("{base}/latest"))
        .header("accept", ACCEPT);
    let body = request.send().await.unwrap().bytes().await.unwrap();
    let digest = Digest::of(&body);
    assert!(!digest.to_string().is_empty());
    if what == "index" {
        let index: serde_json::Value = serde_json::from_slice(&body).unwrap();
        for image in index["manifests"].as_array().unwrap() {
            head(
                client,
                &format!("{base}/{}", image["digest"].as_str().unwrap()),
            )
            .await;
        }
    }
}

async fn head(client: &reqwest::Client, url: &str) {
    let response = client
        .head(url)
        .header("accept", ACCEPT)
        .send()
        .await
        .unwrap();
    assert!(
        response.status().is_success(),
        "{url}: {}",
        response.status()
    );
}
