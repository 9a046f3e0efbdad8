use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Host;

use crate::image::{DOCKER_HUB, DOCKER_HUB_HOST};

/// Registries that may be asked, as OpenShift's `allowedRegistriesForImport` names them:
/// `host[:port]`, `*` and `?` in both parts (openshift-apiserver
/// `pkg/image/apis/image/validation/whitelist`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RegistryPattern {
    host: String,
    port: String,
}

/// Why a text is no [`RegistryPattern`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryPatternError {
    #[error("`{0}` is not host[:port]")]
    NoHost(String),
    #[error("failed to parse allowed registry \"{0}\": too many colons")]
    TooManyColons(String),
}

/// How many patterns [`refusal`] names.
const SHOWN: usize = 5;

impl RegistryPattern {
    /// Whether the pattern covers this host and port; Docker Hub goes by all its names.
    pub fn matches(&self, host: &str, port: u16) -> bool {
        let is_host = if host == DOCKER_HUB_HOST {
            [DOCKER_HUB, "index.docker.io", DOCKER_HUB_HOST]
                .iter()
                .any(|name| matches_wildcards(&self.host, name))
        } else {
            matches_wildcards(&self.host, host)
        };
        is_host && matches_wildcards(&self.port, &port.to_string())
    }

    /// Whether some part of the host is spelled out: a pattern of wildcards alone means nobody in
    /// particular, and opens no private address.
    pub fn names_somebody(&self) -> bool {
        self.host.contains(|c: char| c.is_alphanumeric())
    }
}

impl FromStr for RegistryPattern {
    type Err = RegistryPatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let no_host = || RegistryPatternError::NoHost(text.to_owned());
        if text.contains(|c: char| matches!(c, '/' | '@') || c.is_whitespace() || c.is_control()) {
            return Err(no_host());
        }
        // An IPv6 address stands in brackets, with colons of its own.
        let end_of_host = text.rfind(']').map_or(0, |bracket| bracket + 1);
        let (address, rest) = text.split_at(end_of_host);
        let (name, port) = match rest.split_once(':') {
            Some((_, port)) if port.contains(':') => {
                return Err(RegistryPatternError::TooManyColons(text.to_owned()));
            }
            Some((name, port)) => (name, port),
            None => (rest, "443"),
        };
        let is_port = !port.is_empty()
            && port
                .bytes()
                .all(|byte| byte.is_ascii_digit() || matches!(byte, b'*' | b'?'));
        if (address.is_empty() == name.is_empty()) || !is_port {
            return Err(no_host());
        }
        let host = format!("{address}{name}").to_lowercase();
        let host = host.strip_suffix('.').unwrap_or(&host);
        Ok(Self {
            // As a URL would spell it; what holds wildcards is no host yet.
            host: Host::parse(host).map_or_else(|_| host.to_owned(), |host| host.to_string()),
            port: port.to_owned(),
        })
    }
}

impl fmt::Display for RegistryPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// The original's words for a registry that no pattern covers.
pub fn refusal(host: &str, port: u16, allowed: &[RegistryPattern]) -> String {
    let host = if host == DOCKER_HUB_HOST {
        DOCKER_HUB
    } else {
        host
    };
    let refused = format!("registry \"{host}:{port}\" not allowed by whitelist");
    if allowed.is_empty() {
        return format!("{refused}, which is empty");
    }
    let mut shown: Vec<String> = allowed
        .iter()
        .take(SHOWN)
        .map(|pattern| format!("\"{pattern}\""))
        .collect();
    if allowed.len() > SHOWN {
        shown.push(format!("and {} more ...", allowed.len() - SHOWN));
    }
    format!("{refused}: {}", shown.join(", "))
}

/// `*` is any run of characters, `?` is one.
pub(crate) fn matches_wildcards(pattern: &str, text: &str) -> bool {
    // For each place in the text, whether the pattern so far reaches it: no pattern takes longer
    // than its length times the text's.
    let mut reached = vec![false; text.chars().count() + 1];
    if let Some(start) = reached.first_mut() {
        *start = true;
    }
    for sign in pattern.chars() {
        reached = if sign == '*' {
            let mut is_reached = false;
            reached
                .iter()
                .map(|reaches| {
                    is_reached |= reaches;
                    is_reached
                })
                .collect()
        } else {
            let steps = reached.iter().zip(text.chars());
            std::iter::once(false)
                .chain(steps.map(|(reaches, c)| *reaches && (sign == '?' || sign == c)))
                .collect()
        };
    }
    reached.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, host: &str, port: u16) -> bool {
        pattern
            .parse::<RegistryPattern>()
            .unwrap()
            .matches(host, port)
    }

    #[test]
    fn hosts_and_ports_match_by_wildcards() {
        for (pattern, host, port, expected) in [
            ("ghcr.io", "ghcr.io", 443, true),
            ("GHCR.io.", "ghcr.io", 443, true),
            ("ghcr.io", "ghcr.io", 80, false),
            ("ghcr.io", "ghcr.io", 5000, false),
            ("ghcr.io:5000", "ghcr.io", 5000, true),
            ("ghcr.io:50??", "ghcr.io", 5012, true),
            ("ghcr.io:50??", "ghcr.io", 501, false),
            ("ghcr.io:*", "ghcr.io", 80, true),
            ("*", "ghcr.io", 443, true),
            ("*", "ghcr.io", 80, false),
            ("*:*", "ghcr.io", 80, true),
            ("*.quay.io", "a.quay.io", 443, true),
            ("*.quay.io", "a.b.quay.io", 443, true),
            ("*.quay.io", "quay.io", 443, false),
            ("*.quay.io", "quay.io.evil.example", 443, false),
            ("?.quay.io", "ab.quay.io", 443, false),
            ("registry?.a*e", "registry1.acme", 443, true),
            ("*a*b*", "xxaxxbxx", 443, true),
            ("*a*b*", "xxbxxaxx", 443, false),
            ("docker.io", "registry-1.docker.io", 443, true),
            ("index.docker.io", "registry-1.docker.io", 443, true),
            ("docker.io", "hub.docker.io", 443, false),
            ("[::1]:5000", "[::1]", 5000, true),
            ("[0:0::1]", "[::1]", 443, true),
            ("bücher.example", "xn--bcher-kva.example", 443, true),
            ("10.0.*:*", "10.0.3.4", 80, true),
        ] {
            assert_eq!(
                matches(pattern, host, port),
                expected,
                "{pattern} {host}:{port}"
            );
        }
        let long = format!("{}b", "*a".repeat(50));
        assert!(!matches(&long, &"a".repeat(200), 443));
    }

    #[test]
    fn what_is_no_pattern_says_why() {
        for text in ["a:b:c", "::1", "host:50:00"] {
            let error = text.parse::<RegistryPattern>().unwrap_err().to_string();
            let expected = format!("failed to parse allowed registry \"{text}\": too many colons");
            assert_eq!(error, expected);
        }
        for text in [
            "",
            ":443",
            "https://ghcr.io",
            "ghcr.io/acme",
            "a@b",
            "a b",
            "ghcr.io:",
            "ghcr.io:https",
            "[::1]x:5000",
        ] {
            let error = text.parse::<RegistryPattern>().unwrap_err().to_string();
            assert_eq!(error, format!("`{text}` is not host[:port]"));
        }
    }

    #[test]
    fn a_refusal_names_five_patterns() {
        let patterns: Vec<RegistryPattern> = ["a", "b:5000", "c", "*.d", "e", "f", "g"]
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        assert_eq!(
            refusal("x.example", 5000, &patterns[..2]),
            "registry \"x.example:5000\" not allowed by whitelist: \"a:443\", \"b:5000\""
        );
        assert_eq!(
            refusal(DOCKER_HUB_HOST, 443, &patterns),
            "registry \"docker.io:443\" not allowed by whitelist: \
             \"a:443\", \"b:5000\", \"c:443\", \"*.d:443\", \"e:443\", and 2 more ..."
        );
        assert!(refusal("x", 80, &[]).ends_with("whitelist, which is empty"));
    }

    #[test]
    fn wildcards_alone_name_nobody() {
        for (pattern, expected) in [
            ("*", false),
            ("*.*:5000", false),
            ("*.acme", true),
            ("10.0.*", true),
        ] {
            let pattern: RegistryPattern = pattern.parse().unwrap();
            assert_eq!(pattern.names_somebody(), expected, "{pattern}");
        }
    }
}
