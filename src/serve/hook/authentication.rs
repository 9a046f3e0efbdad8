//! How a request shows that it comes from its sender: before a byte of the body is read as JSON,
//! and compared in constant time.

use std::fmt::Write as _;

use axum::http::HeaderMap;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest as _, Sha256};

use crate::config::hooks::HookKind;
use crate::serve::hook::header;
use crate::serve::standard_webhooks::{ID, SIGNATURE, Signed, TIMESTAMP};

/// What a request came with.
#[derive(Debug)]
pub enum Proof {
    /// HMAC-SHA256 of the body.
    Body(Vec<u8>),
    Standard(Signed),
    /// The secret itself.
    Token(String),
    /// `Authorization`: the secret, alone or as a bearer token.
    Authorization(String),
    /// The last part of the address.
    Path(String),
}

impl Proof {
    /// What this kind of sender shows; none where it is missing or no such thing. A signature
    /// that is there counts, whatever else is.
    pub fn of(kind: HookKind, headers: &HeaderMap, path: Option<&str>) -> Option<Self> {
        match kind {
            HookKind::DockerHub | HookKind::Quay => path.map(|path| Self::Path(path.to_owned())),
            HookKind::Distribution | HookKind::GitLabRegistry | HookKind::Harbor => {
                let value = header(headers, "authorization")?;
                Some(Self::Authorization(value.to_owned()))
            }
            HookKind::GitLab if headers.contains_key(SIGNATURE) => standard(headers),
            HookKind::GitLab => {
                let token = header(headers, "x-gitlab-token")?;
                Some(Self::Token(token.to_owned()))
            }
            HookKind::Generic if headers.contains_key(SIGNATURE) => standard(headers),
            HookKind::Generic => body(headers, &["x-signature"]),
            HookKind::GitHub | HookKind::Ghcr => body(headers, &["x-hub-signature-256"]),
            HookKind::Gitea | HookKind::Forgejo => {
                const NAMES: &[&str] = &[
                    "x-forgejo-signature",
                    "x-gitea-signature",
                    "x-hub-signature-256",
                ];
                body(headers, NAMES)
            }
        }
    }

    /// Whether it can be judged only with the body.
    pub fn needs_body(&self) -> bool {
        matches!(self, Self::Body(_) | Self::Standard(_))
    }

    /// Whether one of the secrets is behind it. `name` is the hook's.
    pub fn holds(&self, name: &str, secrets: &[SecretString], body: &[u8], now: Timestamp) -> bool {
        // Each secret is compared, so that the time does not tell which one it was.
        let one_of = |test: &dyn Fn(&SecretString) -> bool| {
            secrets
                .iter()
                .fold(false, |holds, secret| holds | test(secret))
        };
        match self {
            Self::Standard(signed) => signed.holds(secrets, body, now),
            Self::Body(signature) => one_of(&|secret| {
                mac(secret.expose_secret().as_bytes(), body)
                    .is_some_and(|mac| mac.verify_slice(signature).is_ok())
            }),
            Self::Token(token) => one_of(&|secret| is_same(token, secret.expose_secret())),
            Self::Authorization(value) => one_of(&|secret| {
                let secret = secret.expose_secret();
                is_same(value, secret) | is_same(value, &format!("Bearer {secret}"))
            }),
            Self::Path(path) => one_of(&|secret| is_same(path, &path_secret(name, secret))),
        }
    }
}

/// The last part of the address of a sender that can prove nothing: the SHA-256 of the hook's
/// name and its secret, in hex.
pub fn path_secret(name: &str, secret: &SecretString) -> String {
    let mut hash = Sha256::new();
    hash.update(name);
    hash.update(secret.expose_secret());
    let mut text = String::new();
    for byte in hash.finalize() {
        // Writing into a text cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn standard(headers: &HeaderMap) -> Option<Proof> {
    let text = |name| header(headers, name).map(str::to_owned);
    Some(Proof::Standard(Signed {
        id: text(ID)?,
        timestamp: text(TIMESTAMP)?,
        signatures: text(SIGNATURE)?,
    }))
}

/// The first of these headers that is there, in hex with or without `sha256=`.
fn body(headers: &HeaderMap, names: &[&str]) -> Option<Proof> {
    let value = names.iter().find_map(|name| headers.get(*name))?;
    let value = value.to_str().ok()?;
    let hex = value.strip_prefix("sha256=").unwrap_or(value);
    let nibbles: Option<Vec<u8>> = hex
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|digit| digit.try_into().ok()))
        .collect();
    let bytes = nibbles?
        .chunks_exact(2)
        .filter_map(|pair| Some(pair.first()? << 4 | pair.last()?))
        .collect();
    (hex.len() == 64).then_some(Proof::Body(bytes))
}

fn mac(key: &[u8], text: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(text);
    Some(mac)
}

/// Equal in constant time: MACs are compared, which takes no longer for texts that begin alike.
fn is_same(one: &str, other: &str) -> bool {
    const KEY: &[u8] = b"of no importance: only equality counts";
    let Some((one, other)) = mac(KEY, one.as_bytes()).zip(mac(KEY, other.as_bytes())) else {
        return false;
    };
    one.verify_slice(&other.finalize().into_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            let name = axum::http::HeaderName::from_static(name);
            (name, value.parse().unwrap())
        });
        pairs.collect()
    }

    /// Whether the header is taken of a sender with the secret "It's a Secret to Everybody" that
    /// sends "Hello, World!": GitHub's documented example.
    fn holds(kind: HookKind, pairs: &[(&'static str, &str)]) -> bool {
        let secrets = ["old", "It's a Secret to Everybody"].map(SecretString::from);
        let proof = Proof::of(kind, &headers(pairs), None);
        let now = Timestamp::UNIX_EPOCH;
        proof.is_some_and(|proof| proof.holds("a", &secrets, b"Hello, World!", now))
    }

    const HEX: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    #[test]
    fn signatures_of_the_body() {
        let prefixed = format!("sha256={HEX}");
        let wrong = format!("sha256={}", HEX.replace('7', "8"));
        let upper = HEX.to_ascii_uppercase();
        for kind in [HookKind::GitHub, HookKind::Ghcr] {
            assert!(holds(kind, &[("x-hub-signature-256", &prefixed)]));
            assert!(!holds(kind, &[("x-gitea-signature", HEX)]));
            assert!(!holds(kind, &[]));
            let cut = prefixed.replace(HEX, "757107ea");
            for signature in [&*wrong, &*cut, "sha256=", "sha1=00", "", "sha256=zz"] {
                assert!(!holds(kind, &[("x-hub-signature-256", signature)]));
            }
        }
        for kind in [HookKind::Gitea, HookKind::Forgejo] {
            assert!(holds(kind, &[("x-gitea-signature", HEX)]));
            assert!(holds(kind, &[("x-forgejo-signature", &upper)]));
            assert!(holds(kind, &[("x-hub-signature-256", &prefixed)]));
            // A wrong one is not made good by another.
            let both = [("x-forgejo-signature", &*wrong), ("x-gitea-signature", HEX)];
            assert!(!holds(kind, &both));
        }
        assert!(holds(HookKind::Generic, &[("x-signature", &prefixed)]));
        assert!(!holds(HookKind::Generic, &[("x-signature", &wrong)]));
        let both = [
            ("x-signature", &*prefixed),
            ("webhook-signature", "v1,AAAA"),
        ];
        assert!(!holds(HookKind::Generic, &both));
    }

    #[test]
    fn tokens() {
        let secret = "It's a Secret to Everybody";
        let bearer = format!("Bearer {secret}");
        assert!(holds(HookKind::GitLab, &[("x-gitlab-token", secret)]));
        assert!(!holds(HookKind::GitLab, &[("x-gitlab-token", "It's")]));
        assert!(!holds(HookKind::GitLab, &[("x-gitlab-token", "")]));
        let both = [("x-gitlab-token", secret), ("webhook-signature", "v1,AAAA")];
        assert!(!holds(HookKind::GitLab, &both));
        for kind in [
            HookKind::Distribution,
            HookKind::GitLabRegistry,
            HookKind::Harbor,
        ] {
            assert!(holds(kind, &[("authorization", secret)]));
            assert!(holds(kind, &[("authorization", &bearer)]));
            assert!(!holds(kind, &[("authorization", "Bearer ")]));
            assert!(!holds(kind, &[]));
        }
    }

    #[test]
    fn secrets_in_the_address() {
        let secret = SecretString::from("s3cret");
        // printf '%s' hubs3cret | sha256sum
        let real = "d1d884448956950d1280eb1a6b580a60a5d029de927c79825904a7bb9b664cf1";
        assert_eq!(path_secret("hub", &secret), real);
        for kind in [HookKind::DockerHub, HookKind::Quay] {
            let holds = |name: &str, path: Option<&str>| {
                Proof::of(kind, &HeaderMap::new(), path).is_some_and(|proof| {
                    proof.holds(
                        name,
                        std::slice::from_ref(&secret),
                        b"",
                        Timestamp::UNIX_EPOCH,
                    )
                })
            };
            assert!(holds("hub", Some(real)));
            assert!(!holds("hub", Some(&real.replace('d', "e"))));
            assert!(!holds("other", Some(real)));
            assert!(!holds("hub", Some("s3cret")));
            assert!(!holds("hub", None));
        }
    }
}
