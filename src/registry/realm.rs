//! Which token server may see a registry's credentials.

use url::{Host, Url};

use crate::registry::authority::Authority;

/// The rules, and the registry they are asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct RealmRules<'a> {
    pub registry: &'a Authority,
    /// The registry itself is spoken to in plain HTTP.
    pub registry_is_plain: bool,
    /// The operator's own list for this registry.
    pub listed: &'a [Url],
    /// Same host only.
    pub strict: bool,
}

impl RealmRules<'_> {
    /// The token server's URL, or why it is not trusted: the operator's list first, else the
    /// registry's own host, else its registrable domain; addresses and `localhost` must be the
    /// same with their port; TLS unless the registry itself has none.
    pub fn check(&self, realm: &str) -> Result<Url, String> {
        let url =
            Url::parse(realm).map_err(|_| "the token server's address is no URL".to_owned())?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("the token server's address holds a user name".to_owned());
        }
        let token_server = Authority::of(&url)
            .ok_or_else(|| "the token server's address names no host".to_owned())?;
        match url.scheme() {
            "https" => {}
            "http" if self.registry_is_plain => {}
            "http" => {
                return Err(format!(
                    "the registry sends clients to the token server {token_server} without TLS"
                ));
            }
            _ => return Err("the token server's address is not http or https".to_owned()),
        }
        if self.is_listed(&url) || self.is_neighbour(&token_server, &url) {
            Ok(url)
        } else {
            Err(format!(
                "the registry sends clients to a token server on another host, {token_server}"
            ))
        }
    }

    fn is_listed(&self, url: &Url) -> bool {
        self.listed.iter().any(|listed| {
            listed.scheme() == url.scheme() && Authority::of(listed) == Authority::of(url)
        })
    }

    fn is_neighbour(&self, token_server: &Authority, url: &Url) -> bool {
        if self.registry.is_bare() || token_server.is_bare() {
            let own_port = self.registry.port.or(match url.scheme() {
                "http" => Some(80),
                _ => Some(443),
            });
            return self.registry.host == token_server.host
                && own_port == url.port_or_known_default();
        }
        if self.registry.host == token_server.host {
            return true;
        }
        !self.strict
            && matches!(
                (registrable(&self.registry.host), registrable(&token_server.host)),
                (Some(ours), Some(theirs)) if ours == theirs
            )
    }
}

/// The domain that somebody registered, by the Public Suffix List (private part included).
fn registrable(host: &Host<String>) -> Option<&str> {
    match host {
        Host::Domain(name) => psl::domain_str(name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(registry: &str, realm: &str, strict: bool, plain: bool) -> bool {
        let registry = Authority::parse(registry).unwrap();
        RealmRules {
            registry: &registry,
            registry_is_plain: plain,
            listed: &[],
            strict,
        }
        .check(realm)
        .is_ok()
    }

    #[test]
    fn cve_2026_33540_realms_by_pair() {
        for (registry, realm, expected) in [
            ("registry-1.docker.io", "https://auth.docker.io/token", true),
            ("ghcr.io", "https://ghcr.io/token", true),
            ("ghcr.io", "https://GHCR.io./token", true),
            ("ghcr.io:443", "https://ghcr.io/token", true),
            ("registry.gitlab.com", "https://gitlab.com/jwt/auth", true),
            ("ghcr.io", "https://evil.example/token", false),
            ("ghcr.io", "https://ghcr.io.evil.example/token", false),
            ("ghcr.io", "https://ghcr.io@evil.example/token", false),
            ("ghcr.io", "https://user@ghcr.io/token", false),
            ("ghcr.io", "http://ghcr.io/token", false),
            ("a.co.uk", "https://b.co.uk/token", false),
            ("x.a.co.uk", "https://y.a.co.uk/token", true),
            ("me.github.io", "https://you.github.io/token", false),
            (
                "registry.b\u{fc}cher.example",
                "https://auth.xn--bcher-kva.example/t",
                true,
            ),
            (
                "registry.bucher.example",
                "https://auth.xn--bcher-kva.example/t",
                false,
            ),
            ("10.0.0.1:5000", "https://10.0.0.1:5000/t", true),
            ("10.0.0.1:5000", "https://10.0.0.1:5001/t", false),
            ("10.0.0.1", "https://10.0.0.2/t", false),
            ("10.0.0.1", "https://0xa.0.0.1/t", true),
            ("localhost:5000", "https://localhost:5001/t", false),
            ("localhost:5000", "https://127.0.0.1:5000/t", false),
            ("localhost:5000", "https://localhost:5000/t", true),
            ("a.localhost", "https://localhost/t", false),
            ("ghcr.io", "ftp://ghcr.io/t", false),
            ("ghcr.io", "//ghcr.io/t", false),
            ("ghcr.io", "", false),
        ] {
            assert_eq!(
                check(registry, realm, false, false),
                expected,
                "{registry} {realm}"
            );
        }
    }

    #[test]
    fn strict_trusts_no_neighbour_and_plain_registries_may_have_plain_realms() {
        assert!(!check(
            "registry.gitlab.com",
            "https://gitlab.com/jwt",
            true,
            false
        ));
        assert!(check("ghcr.io", "https://ghcr.io/jwt", true, false));
        assert!(check(
            "localhost:5000",
            "http://localhost:5000/t",
            false,
            true
        ));
        assert!(!check(
            "localhost:5000",
            "http://localhost:5000/t",
            false,
            false
        ));
    }

    #[test]
    fn a_listed_realm_is_trusted_by_scheme_host_and_port() {
        let registry = Authority::parse("registry.one.example").unwrap();
        let listed = [Url::parse("https://gitlab.two.example/jwt/auth").unwrap()];
        let rules = RealmRules {
            registry: &registry,
            registry_is_plain: false,
            listed: &listed,
            strict: true,
        };
        assert!(rules.check("https://gitlab.two.example/jwt/auth").is_ok());
        assert!(
            rules
                .check("https://gitlab.two.example:8443/jwt/auth")
                .is_err()
        );
        assert!(rules.check("http://gitlab.two.example/jwt/auth").is_err());
    }
}
