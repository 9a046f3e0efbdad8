use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::copying::CopyMode;
use crate::image::RegistryPattern;
use crate::registry::CredentialSource;
use crate::tally::Tally;

/// What the operator decides about registries. Nothing here comes from a manifest.
#[derive(Clone, Debug)]
pub struct RegistryOptions {
    pub credentials: CredentialSource,
    pub allowed: AllowedHosts,
    /// `host[:port]` that may speak plain HTTP or unverified TLS, and get credentials over them.
    pub insecure_hosts: BTreeSet<String>,
    /// Token servers on foreign hosts, by registry (`host[:port]`): URLs; scheme, host and port
    /// count, the path does not.
    pub token_realms: BTreeMap<String, Vec<String>>,
    /// Trust a token server only on the registry's own host, not on its registrable domain.
    pub strict_realms: bool,
    /// PEM files with certificate authorities, beside the system's.
    pub ca_files: Vec<PathBuf>,
    /// Requests under way at once, to one host and overall.
    pub concurrency_per_host: usize,
    pub concurrency: usize,
    /// How many tags are asked for at once; a registry may answer with fewer, or with all.
    pub tags_per_page: usize,
    pub timeouts: Timeouts,
    pub retry: Retry,
    pub user_agent: String,
    /// What becomes of copies that are asked for.
    pub copy_mode: CopyMode,
    /// Counts requests, and what comes of questions.
    pub tally: Arc<Tally>,
}

impl Default for RegistryOptions {
    fn default() -> Self {
        Self {
            credentials: CredentialSource::none(),
            allowed: AllowedHosts::AnyNamed,
            insecure_hosts: BTreeSet::new(),
            token_realms: BTreeMap::new(),
            strict_realms: false,
            ca_files: Vec::new(),
            concurrency_per_host: 64,
            concurrency: 256,
            // As go-containerregistry asks; some registries refuse more.
            tags_per_page: 1000,
            timeouts: Timeouts::default(),
            retry: Retry::default(),
            user_agent: concat!("headwater/", env!("CARGO_PKG_VERSION")).to_owned(),
            copy_mode: CopyMode::default(),
            tally: Arc::default(),
        }
    }
}

/// Which registries may be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedHosts {
    /// Every host that a lookup names, loopback and private addresses too: a run of the command
    /// line.
    AnyNamed,
    /// These, and the token servers that the realm rules give them: the daemon. Loopback and
    /// private addresses too, except by a pattern that spells nothing out.
    Only(Vec<RegistryPattern>),
}

/// Limits in time for one request (hardening: slow and stalled servers).
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// Name, TCP and TLS.
    pub connect: Duration,
    /// From the request until the header has come.
    pub header: Duration,
    /// Between two parts of a body.
    pub idle: Duration,
    /// The whole answer.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            header: Duration::from_secs(15),
            idle: Duration::from_secs(15),
            total: Duration::from_secs(60),
        }
    }
}

/// When a request is made again.
#[derive(Clone)]
pub struct Retry {
    /// Tries in all.
    pub tries: u32,
    /// The first wait; each further one doubles, with jitter, up to `longest`.
    pub first: Duration,
    pub longest: Duration,
    /// The longest `Retry-After` that is waited for inside a pass.
    pub patience: Duration,
    /// How long a host that cannot be reached is left alone.
    pub rest: Duration,
    /// How waiting is done; tests do not wait.
    pub pause: Pause,
}

/// Waits for a duration.
pub type Pause =
    Arc<dyn Fn(Duration) -> Pin<Box<dyn Future<Output = ()> + Send + 'static>> + Send + Sync>;

impl Default for Retry {
    fn default() -> Self {
        Self {
            tries: 3,
            first: Duration::from_millis(200),
            longest: Duration::from_secs(2),
            patience: Duration::from_secs(30),
            rest: Duration::from_secs(30),
            pause: Arc::new(|duration| Box::pin(tokio::time::sleep(duration))),
        }
    }
}

impl fmt::Debug for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry")
            .field("tries", &self.tries)
            .field("first", &self.first)
            .field("longest", &self.longest)
            .field("patience", &self.patience)
            .field("rest", &self.rest)
            .finish_non_exhaustive()
    }
}
