//! Whether a host speaks the registry protocol at all.

use reqwest::{Method, StatusCode};
use url::Url;

use crate::lookup::Reason;
use crate::registry::access::Access;
use crate::registry::envelope;
use crate::registry::error::Failure;
use crate::registry::transport::{Answer, Request};

const VERSION_HEADER: &str = "docker-distribution-api-version";

impl Access<'_> {
    /// A 404 that no registry would write may come from any web server: `/v2/` tells
    /// (distribution specification, "Determining Support"). Costs a request in that case only.
    pub async fn check_version(&self, answer: &Answer) -> Result<(), Failure> {
        let is_registry = answer.status != StatusCode::NOT_FOUND
            || answer.redirected_to.is_some()
            || answer.headers.contains_key(VERSION_HEADER)
            || envelope::message(&answer.body).is_some();
        if is_registry {
            return Ok(());
        }
        let channel = self.inner.transport.channel(&self.host).await?;
        let scheme = if channel.is_plain { "http" } else { "https" };
        let name = self.name();
        let url = Url::parse(&format!("{scheme}://{name}/v2/"))
            .map_err(|_| self.refused("it is no usable host"))?;
        let request = Request {
            limit: 64 * 1024,
            is_verified: channel.is_verified,
            ..Request::new(Method::GET, url, "ping", name.clone())
        };
        match self.inner.transport.send(&self.host, &request).await {
            Ok(base) if base.status == StatusCode::NOT_FOUND => {}
            // A registry, or nothing that tells.
            _ => return Ok(()),
        }
        let message = format!("registry \"{name}\" does not support the v2 Registry API");
        Err(self
            .refused(&message)
            .reason(Reason::NotV2Registry)
            .advice("check the host; a registry answers at /v2/"))
    }
}
