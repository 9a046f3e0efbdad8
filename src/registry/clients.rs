use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::{Certificate, Client, ClientBuilder, redirect};

use crate::registry::egress::Egress;
use crate::registry::error::RegistryError;
use crate::registry::options::RegistryOptions;

/// One HTTP client for each kind of trust, made when it is needed first: reading the system's
/// certificates takes longer than a pass without them.
#[derive(Debug)]
pub(super) struct Clients {
    egress: Egress,
    authorities: Vec<Certificate>,
    user_agent: String,
    connect: Duration,
    concurrency_per_host: usize,
    plain: OnceLock<Result<Client, String>>,
    verified: OnceLock<Result<Client, String>>,
    unverified: OnceLock<Result<Client, String>>,
}

/// Chooses the process's cryptography for TLS; needed before any HTTP client is made, and the
/// first call decides.
///
/// It is ring: the other choice of rustls seeds itself from the processor's jitter at the first
/// handshake, which costs more than a whole pass without changes.
pub fn prepare() {
    // An error says that somebody has chosen before.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

impl Clients {
    /// Reads the operator's certificate files.
    pub fn new(options: &RegistryOptions, egress: Egress) -> Result<Self, RegistryError> {
        prepare();
        let mut authorities = Vec::new();
        for path in &options.ca_files {
            let fail = |reason: String| RegistryError::CertificateFile {
                path: path.clone(),
                reason,
            };
            let pem = std::fs::read(path).map_err(|error| fail(error.to_string()))?;
            let found =
                Certificate::from_pem_bundle(&pem).map_err(|error| fail(error.to_string()))?;
            if found.is_empty() {
                return Err(fail("it holds no certificate in PEM form".to_owned()));
            }
            authorities.extend(found);
        }
        Ok(Self {
            egress,
            authorities,
            user_agent: options.user_agent.clone(),
            connect: options.timeouts.connect,
            concurrency_per_host: options.concurrency_per_host,
            plain: OnceLock::new(),
            verified: OnceLock::new(),
            unverified: OnceLock::new(),
        })
    }

    pub fn pick(&self, is_plain: bool, is_verified: bool) -> Result<Client, RegistryError> {
        let client = match (is_plain, is_verified) {
            (true, _) => self.plain.get_or_init(|| {
                // It never speaks TLS: no roots.
                self.build(|builder| builder.tls_certs_only([]))
            }),
            (false, true) => self.verified.get_or_init(|| {
                self.build(|builder| {
                    builder
                        .tls_certs_merge(self.authorities.iter().cloned())
                        .https_only(true)
                })
            }),
            (false, false) => self.unverified.get_or_init(|| {
                self.build(|builder| {
                    builder
                        .tls_danger_accept_invalid_certs(true)
                        .tls_certs_only([])
                })
            }),
        };
        client.clone().map_err(RegistryError::Client)
    }

    fn build(&self, trust: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Result<Client, String> {
        let builder = Client::builder()
            .user_agent(&self.user_agent)
            .redirect(redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .connect_timeout(self.connect)
            .pool_max_idle_per_host(self.concurrency_per_host)
            .http1_max_headers(128)
            .dns_resolver(Arc::new(self.egress.clone()));
        trust(builder).build().map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            cause.unwrap_or_else(|| error.to_string())
        })
    }
}
