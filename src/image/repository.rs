use std::fmt;

use serde::{Deserialize, Serialize};

/// The name under which people write Docker Hub.
pub const DOCKER_HUB: &str = "docker.io";
/// The host that answers for Docker Hub.
pub const DOCKER_HUB_HOST: &str = "registry-1.docker.io";

/// An image repository as somebody wrote it: `nginx`, `ghcr.io/acme/web`.
///
/// Equality is that of the spelling; [`Repository::endpoint`] gives what is really asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Repository {
    registry: Option<String>,
    path: String,
}

/// Where a repository really is: a registry's host and the path there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Endpoint {
    /// Host, with `:port` where one is written; Docker Hub's aliases are one host.
    pub host: String,
    /// Repository path; Docker Hub's official images have `library/`.
    pub path: String,
}

impl Repository {
    /// Both parts have been checked by the reference parser.
    pub(super) fn new(registry: Option<String>, path: String) -> Self {
        Self { registry, path }
    }

    /// The registry as written; none where Docker Hub is meant by silence.
    pub fn registry(&self) -> Option<&str> {
        self.registry.as_deref()
    }

    /// The path as written, without the registry.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The last segment of the path.
    pub fn base_name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// One segment and no registry: what may be a stream's local name.
    pub fn is_one_segment(&self) -> bool {
        self.registry.is_none() && !self.path.contains('/')
    }

    /// What is asked, with Docker Hub's defaults filled in
    /// (library-go `pkg/image/reference`, `DockerClientDefaults` and `AsV2`).
    pub fn endpoint(&self) -> Endpoint {
        let host = self.registry.as_deref().unwrap_or(DOCKER_HUB);
        let is_hub = matches!(host, DOCKER_HUB | "index.docker.io" | DOCKER_HUB_HOST);
        Endpoint {
            host: if is_hub { DOCKER_HUB_HOST } else { host }.to_ascii_lowercase(),
            path: if is_hub && !self.path.contains('/') {
                format!("library/{}", self.path)
            } else {
                self.path.clone()
            },
        }
    }

    /// Whether both spellings mean one repository.
    pub fn is_same(&self, other: &Self) -> bool {
        self == other || self.endpoint() == other.endpoint()
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.registry {
            Some(registry) => write!(f, "{registry}/{}", self.path),
            None => f.write_str(&self.path),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.path)
    }
}
