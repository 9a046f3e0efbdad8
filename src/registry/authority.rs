use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

/// `host[:port]` of a registry, normalised as a URL would be: lower case, IDN in ASCII, decimal
/// and hexadecimal IPv4 spelled out, no trailing dot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Authority {
    pub host: Host<String>,
    /// As written; none: the scheme's own.
    pub port: Option<u16>,
}

impl Authority {
    /// None where the text is no host.
    pub fn parse(text: &str) -> Option<Self> {
        // A scheme without a default port keeps the port as it was written, but would not
        // normalise the host: two readings.
        let normal = Url::parse(&format!("https://{text}/")).ok()?;
        let is_plain = normal.username().is_empty()
            && normal.password().is_none()
            && normal.path() == "/"
            && normal.query().is_none()
            && normal.fragment().is_none();
        let written = text.rsplit_once(':').filter(|_| !text.ends_with(']'));
        Some(Self {
            host: host_of(&normal)?,
            port: match normal.port() {
                Some(port) => Some(port),
                None => written.and_then(|(_, port)| port.parse().ok()),
            },
        })
        .filter(|_| is_plain)
    }

    /// Host and port of a URL; the scheme's own port is left out.
    pub fn of(url: &Url) -> Option<Self> {
        Some(Self {
            host: host_of(url)?,
            port: url.port(),
        })
    }

    pub fn ip(&self) -> Option<IpAddr> {
        match &self.host {
            Host::Ipv4(ip) => Some(IpAddr::V4(*ip)),
            Host::Ipv6(ip) => Some(IpAddr::V6(*ip)),
            Host::Domain(_) => None,
        }
    }

    /// `localhost`, 127.0.0.0/8 or ::1.
    pub fn is_loopback(&self) -> bool {
        match &self.host {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(ip) => ip.is_loopback(),
            Host::Ipv6(ip) => ip.is_loopback(),
        }
    }

    /// An address or `localhost`: no part of a domain that somebody owns.
    pub fn is_bare(&self) -> bool {
        !matches!(&self.host, Host::Domain(name) if name != "localhost")
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => write!(f, "{}", self.host),
        }
    }
}

fn host_of(url: &Url) -> Option<Host<String>> {
    match url.host()? {
        Host::Domain(name) => {
            let name = name.strip_suffix('.').unwrap_or(name);
            (!name.is_empty()).then(|| Host::Domain(name.to_owned()))
        }
        Host::Ipv4(ip) => Some(Host::Ipv4(ip)),
        Host::Ipv6(ip) => Some(Host::Ipv6(ip)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_normalised() {
        for (text, expected) in [
            ("GHCR.io", "ghcr.io"),
            ("ghcr.io.", "ghcr.io"),
            ("ghcr.io:443", "ghcr.io:443"),
            ("localhost:5000", "localhost:5000"),
            ("2130706433:5000", "127.0.0.1:5000"),
            ("0x7f.1", "127.0.0.1"),
            ("0", "0.0.0.0"),
            ("[::1]:5000", "[::1]:5000"),
            ("bücher.example", "xn--bcher-kva.example"),
        ] {
            assert_eq!(
                Authority::parse(text).map(|a| a.to_string()).as_deref(),
                Some(expected),
                "{text}"
            );
        }
        for text in ["", "user@host", "host/path", "host?x", "a b", "."] {
            assert_eq!(Authority::parse(text), None, "{text}");
        }
    }
}
