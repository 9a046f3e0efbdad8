//! A registry inside this process, reached as any other: over HTTP, on a port of loopback.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ferro_blob_store::InMemoryBlobStore;
use ferro_oci_server::{AppState, InMemoryRegistryMeta, router};
use reqwest::header::CONTENT_TYPE;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::cli::demo::image::{Image, MANIFEST_TYPE};
use crate::cli::error::CliError;
use crate::image::Digest;
use crate::image::ImageFacts;
use crate::lookup::{Answer, Lookup, Question};
use crate::registry::{self, Registries, RegistryOptions};

const PATIENCE: Duration = Duration::from_secs(5);

/// Serves until it is dropped.
#[derive(Debug)]
pub struct Registry {
    runtime: Runtime,
    address: SocketAddr,
    client: reqwest::Client,
    registries: Registries,
}

impl Registry {
    pub fn start() -> Result<Self, CliError> {
        let failed = |error: &dyn std::error::Error| {
            CliError::failure("the demo's registry cannot start").because(error)
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|error| failed(&error))?;
        let listener = runtime
            .block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .map_err(|error| failed(&error))?;
        let address = listener.local_addr().map_err(|error| failed(&error))?;
        let state = AppState::new(
            Arc::new(InMemoryBlobStore::new()),
            Arc::new(InMemoryRegistryMeta::new()),
        );
        runtime.spawn(async move { axum::serve(listener, router(state)).await });
        registry::prepare();
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(PATIENCE)
            .build()
            .map_err(|error| failed(&error))?;
        // No credentials, whatever the user has: nothing here asks for any.
        let registries =
            Registries::new(RegistryOptions::default()).map_err(|error| failed(&error))?;
        Ok(Self {
            runtime,
            address,
            client,
            registries,
        })
    }

    /// `127.0.0.1:<port>`
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Pushes an image, as `docker push` does, and moves the tag to it.
    pub fn push(&self, repository: &str, tag: &str, image: &Image) -> Result<Digest, CliError> {
        self.runtime
            .block_on(self.upload(repository, tag, image))
            .map_err(|error| {
                CliError::failure("the demo's image cannot be pushed").because(&error)
            })?;
        Ok(image.digest())
    }

    async fn upload(&self, repository: &str, tag: &str, image: &Image) -> reqwest::Result<()> {
        let base = format!("http://{}/v2/{repository}", self.address);
        for blob in [&image.layer, &image.config] {
            let url = format!("{base}/blobs/uploads/?digest={}", Digest::of(blob));
            let sent = self.client.post(url).body(blob.clone()).send().await?;
            sent.error_for_status()?;
        }
        let sent = self
            .client
            .put(format!("{base}/manifests/{tag}"))
            .header(CONTENT_TYPE, MANIFEST_TYPE)
            .body(image.manifest.clone())
            .send()
            .await?;
        sent.error_for_status().map(|_| ())
    }

    /// Asks as every command asks.
    pub fn ask(&self, questions: &[Question]) -> Vec<Answer> {
        self.runtime
            .block_on(self.registries.answer_all(questions, || ()))
    }

    pub fn facts(&self, lookups: &[Lookup]) -> Vec<Option<ImageFacts>> {
        self.runtime.block_on(self.registries.facts_all(lookups))
    }
}
