//! Which hosts may be asked at all.

use url::Url;

use crate::image::{RegistryPattern, refusal};
use crate::lookup::Reason;
use crate::registry::authority::Authority;
use crate::registry::error::Failure;
use crate::registry::transport::Transport;

/// A host that may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    /// By its name, or a part of it: at a loopback or private address too.
    Named,
    /// As everybody: at a public address.
    Public,
}

impl Transport {
    /// Whether the operator lets this registry be asked. Without a port it has 443, or 80 when
    /// only the manifest says `insecure`.
    pub fn leave(&self, authority: &Authority, insecure: bool) -> Result<Leave, Failure> {
        let Some(allowed) = &self.allowed else {
            return Ok(Leave::Named);
        };
        let is_insecure = insecure && !self.is_insecure_by_operator(authority);
        let port = authority.port.unwrap_or(if is_insecure { 80 } else { 443 });
        let host = authority.host.to_string();
        let mut covering = allowed
            .iter()
            .filter(|pattern| pattern.matches(&host, port))
            .peekable();
        if covering.peek().is_none() {
            return Err(
                Failure::refused(&authority.to_string(), refusal(&host, port, allowed))
                    .reason(Reason::Forbidden)
                    .advice("add it to registries.allow in the server's file"),
            );
        }
        if covering.any(RegistryPattern::names_somebody) {
            Ok(Leave::Named)
        } else {
            Ok(Leave::Public)
        }
    }

    /// Whether a redirect may lead there. What its address may be is checked as everywhere.
    pub fn may_redirect_to(&self, url: &Url) -> bool {
        let Some(allowed) = &self.allowed else {
            return true;
        };
        let (Some(authority), Some(port)) = (Authority::of(url), url.port_or_known_default())
        else {
            return false;
        };
        let host = authority.host.to_string();
        allowed.iter().any(|pattern| pattern.matches(&host, port))
    }
}
