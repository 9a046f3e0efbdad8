//! Debian's `docker-registry`, and pushing tiny images to it.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use headwater::image::{Digest, Platform};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::wait;

/// Whom a registry with a password file lets in.
pub const USER: &str = "tester";
pub const PASSWORD: &str = "opensesame";
/// bcrypt of [`PASSWORD`], cost 4.
const PASSWORD_HASH: &str = "$2b$04$.naETFwdALVaqsoZ97FcTOVUZPAPIIq00UWtNb8E15dSlqHjQqjg2";

const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// What else the registry does beside serving plain HTTP to everybody.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// Only [`USER`] with [`PASSWORD`].
    pub password: bool,
    /// Certificate and key, in PEM.
    pub tls: Option<(String, String)>,
    /// Another `auth:` section, as JSON. Nothing can be pushed then; see `storage`.
    pub auth: Option<Value>,
    /// The files of another registry.
    pub storage: Option<PathBuf>,
    /// Its `notifications:` section, as JSON.
    pub notifications: Option<Value>,
    /// Of the loopback network; 127.0.0.1 where none is given.
    pub address: Option<Ipv4Addr>,
    /// Nothing is deleted, as where nobody has configured it.
    pub keeps_all: bool,
    /// Layers that are elsewhere, wherever that is.
    pub takes_foreign_layers: bool,
}

impl Setup {
    fn address(&self) -> Ipv4Addr {
        self.address.unwrap_or(Ipv4Addr::LOCALHOST)
    }
}

/// A running registry; killed when dropped.
pub struct DockerRegistry {
    child: Child,
    folder: TempDir,
    port: u16,
    setup: Setup,
}

/// One line of the registry's access log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedRequest {
    pub method: String,
    pub path: String,
    pub status: u16,
}

impl DockerRegistry {
    /// Plain HTTP, no login.
    pub fn start() -> Self {
        Self::start_with(Setup::default())
    }

    pub fn start_with(setup: Setup) -> Self {
        let folder = TempDir::new().unwrap();
        // Between finding a free port and the registry's taking it somebody else may come.
        for _ in 0..20 {
            if let Some(registry) = Self::try_start(&folder, &setup) {
                let (child, port) = registry;
                return Self {
                    child,
                    folder,
                    port,
                    setup,
                };
            }
        }
        panic!("docker-registry did not start");
    }

    /// Tells this URL of each push, with a bearer token.
    pub fn notifying(url: &str, token: &str) -> Self {
        let endpoint = json!({
            "name": "headwater",
            "url": url,
            "headers": {"Authorization": [format!("Bearer {token}")]},
            "timeout": "5s",
            "threshold": 3,
            "backoff": "100ms",
        });
        Self::start_with(Setup {
            notifications: Some(json!({"endpoints": [endpoint]})),
            ..Setup::default()
        })
    }

    fn try_start(folder: &TempDir, setup: &Setup) -> Option<(Child, u16)> {
        let port = TcpListener::bind((setup.address(), 0))
            .ok()?
            .local_addr()
            .ok()?
            .port();
        fs::write(
            folder.path().join("config.yml"),
            configuration(folder, port, setup),
        )
        .unwrap();
        serve(folder).map(|child| (child, port))
    }

    /// Killed, in the middle of whatever it does.
    pub fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// After [`Self::stop`], on the same port and with what it had; its log goes on.
    pub fn start_again(&mut self) {
        self.child = serve(&self.folder).expect("the registry's port is still free");
    }

    /// `127.0.0.1:<port>`
    pub fn host(&self) -> String {
        format!("{}:{}", self.setup.address(), self.port)
    }

    /// Where the registry keeps its files.
    pub fn storage(&self) -> PathBuf {
        self.folder.path().join("storage")
    }

    /// Pushes an image of its own for each seed, for linux/amd64, and tags it.
    pub fn push_image(&self, repository: &str, tag: &str, seed: &str) -> Digest {
        self.push_image_for(repository, tag, seed, &Platform::linux_amd64())
    }

    /// Pushes an image for a platform. An empty tag leaves it without one.
    pub fn push_image_for(
        &self,
        repository: &str,
        tag: &str,
        seed: &str,
        platform: &Platform,
    ) -> Digest {
        self.push_configured(repository, tag, seed, configuration_of(seed, platform))
    }

    /// Pushes an image with this configuration; `rootfs` is added.
    pub fn push_configured(
        &self,
        repository: &str,
        tag: &str,
        seed: &str,
        mut config: Value,
    ) -> Digest {
        let layer = format!("layer of {seed}").into_bytes();
        config["rootfs"] = json!({"type": "layers", "diff_ids": [Digest::of(&layer).to_string()]});
        let config = config.to_string().into_bytes();
        self.push_blob(repository, &layer);
        self.push_blob(repository, &config);
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": Digest::of(&config).to_string(),
                "size": config.len(),
            },
            "layers": [{
                "mediaType": "application/vnd.oci.image.layer.v1.tar",
                "digest": Digest::of(&layer).to_string(),
                "size": layer.len(),
            }],
        });
        self.push_manifest(
            repository,
            tag,
            OCI_MANIFEST,
            manifest.to_string().into_bytes(),
        )
    }

    /// Pushes an image for each platform and an index of them, and tags the index: its digest,
    /// and those of the images in the given order.
    pub fn push_index(
        &self,
        repository: &str,
        tag: &str,
        seed: &str,
        platforms: &[&str],
    ) -> (Digest, Vec<Digest>) {
        let images: Vec<(Platform, Digest)> = platforms
            .iter()
            .map(|platform| {
                let platform: Platform = platform.parse().unwrap();
                let seed = format!("{seed} {platform}");
                let digest = self.push_image_for(repository, "", &seed, &platform);
                (platform, digest)
            })
            .collect();
        let index = self.push_index_of(repository, tag, &images);
        (
            index,
            images.into_iter().map(|(_, digest)| digest).collect(),
        )
    }

    /// Pushes an index of images that are there.
    pub fn push_index_of(
        &self,
        repository: &str,
        tag: &str,
        images: &[(Platform, Digest)],
    ) -> Digest {
        let children: Vec<Value> = images
            .iter()
            .map(|(platform, digest)| {
                json!({
                    "mediaType": OCI_MANIFEST,
                    "digest": digest.to_string(),
                    "size": self.manifest_size(repository, digest),
                    "platform": platform,
                })
            })
            .collect();
        let index = json!({
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": children,
        });
        self.push_manifest(repository, tag, OCI_INDEX, index.to_string().into_bytes())
    }

    /// Puts a manifest under a tag, or under its digest where the tag is empty.
    pub fn push_manifest(
        &self,
        repository: &str,
        tag: &str,
        media_type: &str,
        body: Vec<u8>,
    ) -> Digest {
        let digest = Digest::of(&body);
        let name = if tag.is_empty() {
            digest.to_string()
        } else {
            tag.to_owned()
        };
        let url = format!("{}/v2/{repository}/manifests/{name}", self.url());
        let request = self
            .http()
            .put(url)
            .header("content-type", media_type)
            .body(body);
        let (status, _) = self.send(request);
        assert_eq!(status, 201, "{repository}:{name}");
        digest
    }

    fn push_blob(&self, repository: &str, blob: &[u8]) {
        let url = format!("{}/v2/{repository}/blobs/uploads/", self.url());
        let (status, location) = self.send(self.http().post(url));
        assert_eq!(status, 202, "{repository}");
        let location = location.expect("an upload has a location");
        let joiner = if location.contains('?') { '&' } else { '?' };
        let url = format!("{location}{joiner}digest={}", Digest::of(blob));
        let (status, _) = self.send(self.http().put(url).body(blob.to_vec()));
        assert_eq!(status, 201, "{repository}");
    }

    fn manifest_size(&self, repository: &str, digest: &Digest) -> u64 {
        let data = self.storage().join("docker/registry/v2/blobs/sha256");
        let hex = digest.encoded();
        let path = data.join(&hex[..2]).join(hex).join("data");
        fs::metadata(path)
            .unwrap_or_else(|e| panic!("{repository}: {e}"))
            .len()
    }

    /// What was asked so far: waits until the log holds at least `least` lines of the method.
    pub fn requests(&self, method: &str, least: usize) -> Vec<LoggedRequest> {
        wait::until("the registry's log", || {
            let lines: Vec<_> = self
                .log()
                .into_iter()
                .filter(|line| line.method == method)
                .collect();
            (lines.len() >= least).then_some(lines)
        })
    }

    /// The access log as it stands; a request's line comes a moment after its answer.
    pub fn log(&self) -> Vec<LoggedRequest> {
        let text = fs::read_to_string(self.folder.path().join("access.log")).unwrap();
        text.lines().filter_map(logged_request).collect()
    }

    fn url(&self) -> String {
        let scheme = if self.setup.tls.is_some() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}", self.host())
    }

    fn http(&self) -> reqwest::Client {
        headwater::registry::prepare();
        reqwest::Client::builder()
            .no_proxy()
            .tls_danger_accept_invalid_certs(true)
            .tls_certs_only([])
            .build()
            .unwrap()
    }

    /// On a thread of its own, so that both plain and asynchronous tests may push.
    fn send(&self, request: reqwest::RequestBuilder) -> (u16, Option<String>) {
        let request = match &self.setup.password {
            true => request.basic_auth(USER, Some(PASSWORD)),
            false => request,
        };
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let response = request.send().await.unwrap();
                let location = response
                    .headers()
                    .get("location")
                    .map(|location| location.to_str().unwrap().to_owned());
                (response.status().as_u16(), location)
            })
        })
        .join()
        .unwrap()
    }
}

impl Drop for DockerRegistry {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Runs the configuration in the folder; none where its port is taken.
fn serve(folder: &TempDir) -> Option<Child> {
    let log = |name: &str| {
        let path = folder.path().join(name);
        File::options()
            .create(true)
            .append(true)
            .open(path)
            .unwrap()
    };
    let path = folder.path().join("error.log");
    let before = fs::read_to_string(&path).unwrap_or_default().len();
    let mut child = Command::new("docker-registry")
        .arg("serve")
        .arg(folder.path().join("config.yml"))
        .env_clear()
        .stdin(Stdio::null())
        .stdout(log("access.log"))
        .stderr(log("error.log"))
        .spawn()
        .expect("docker-registry is installed");
    let is_ready = wait::until("docker-registry to listen", || {
        if child.try_wait().unwrap().is_some() {
            return Some(false);
        }
        let errors = fs::read_to_string(&path).unwrap();
        let new = errors.get(before..).unwrap_or_default();
        new.contains("listening on").then_some(true)
    });
    is_ready.then_some(child)
}

/// The usual configuration of a test's image.
pub fn configuration_of(seed: &str, platform: &Platform) -> Value {
    json!({
        "os": platform.os,
        "architecture": platform.architecture,
        "variant": platform.variant.clone().unwrap_or_default(),
        "created": "2026-01-02T03:04:05Z",
        "config": {"Labels": {"org.opencontainers.image.title": seed}},
    })
}

/// JSON is YAML.
fn configuration(folder: &TempDir, port: u16, setup: &Setup) -> String {
    let path = |name: &str| folder.path().join(name);
    let mut config = json!({
        "version": 0.1,
        "log": {"level": "info", "accesslog": {"disabled": false}},
        "storage": {
            "filesystem": {
                "rootdirectory": setup.storage.clone().unwrap_or_else(|| path("storage")),
                "maxthreads": 100,
            },
            "cache": {"blobdescriptor": "inmemory"},
            "delete": {"enabled": !setup.keeps_all},
        },
        "http": {"addr": format!("{}:{port}", setup.address()), "secret": "of no importance"},
    });
    if setup.password {
        fs::write(path("htpasswd"), format!("{USER}:{PASSWORD_HASH}\n")).unwrap();
        config["auth"] = json!({"htpasswd": {"realm": "test", "path": path("htpasswd")}});
    }
    if setup.takes_foreign_layers {
        config["validation"] = json!({"manifests": {"urls": {"allow": [".*"]}}});
    }
    if let Some(auth) = &setup.auth {
        config["auth"] = auth.clone();
    }
    if let Some(notifications) = &setup.notifications {
        config["notifications"] = notifications.clone();
    }
    if let Some((certificate, key)) = &setup.tls {
        fs::write(path("cert.pem"), certificate).unwrap();
        fs::write(path("key.pem"), key).unwrap();
        config["http"]["tls"] = json!({"certificate": path("cert.pem"), "key": path("key.pem")});
    }
    config.to_string()
}

/// `… "HEAD /v2/a/manifests/b HTTP/1.1" 200 …`
fn logged_request(line: &str) -> Option<LoggedRequest> {
    let mut parts = line.split('"');
    let request = parts.nth(1)?;
    let status = parts.next()?.split_whitespace().next()?.parse().ok()?;
    let mut words = request.split(' ');
    Some(LoggedRequest {
        method: words.next()?.to_owned(),
        path: words.next()?.to_owned(),
        status,
    })
}
