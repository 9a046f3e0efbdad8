use std::fmt;
use std::str::FromStr;

use ring::digest::{Context, SHA256, SHA512};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256, Sha512};

/// A content digest, `sha256:` and 64 or `sha512:` and 128 lower-case hex digits.
///
/// The grammar is stricter than the OCI image specification's ("Digests"), which admits
/// algorithms that nobody can verify here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

/// Why a text is not a digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    #[error("`{0}` has no algorithm; a digest looks like sha256:<64 hex digits>")]
    NoAlgorithm(String),
    #[error("`{0}` is not an algorithm that can be verified; use sha256 or sha512")]
    UnknownAlgorithm(String),
    #[error("a {algorithm} digest has {expected} lower-case hex digits")]
    NotHex {
        algorithm: &'static str,
        expected: usize,
    },
}

impl Digest {
    /// The sha256 digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(format!("sha256:{}", hex(&Sha256::digest(bytes))))
    }

    /// Whether `bytes` have this digest, by this digest's own algorithm.
    pub fn matches(&self, bytes: &[u8]) -> bool {
        match self.algorithm() {
            "sha512" => self.encoded() == hex(&Sha512::digest(bytes)),
            _ => self.encoded() == hex(&Sha256::digest(bytes)),
        }
    }

    /// For bytes that come in parts, by this digest's own algorithm.
    pub fn hashing(&self) -> Hashing {
        let (name, algorithm) = match self.algorithm() {
            "sha512" => ("sha512", &SHA512),
            _ => ("sha256", &SHA256),
        };
        Hashing {
            name,
            context: Context::new(algorithm),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `sha256` or `sha512`.
    pub fn algorithm(&self) -> &str {
        self.0
            .split_once(':')
            .map_or("", |(algorithm, _)| algorithm)
    }

    /// The hex digits.
    pub fn encoded(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, encoded)| encoded)
    }

    /// The first 12 hex digits, for tables.
    pub fn short(&self) -> &str {
        self.encoded().get(..12).unwrap_or_default()
    }
}

/// A digest that is not finished.
#[derive(Clone)]
pub struct Hashing {
    name: &'static str,
    context: Context,
}

impl Hashing {
    pub fn update(&mut self, bytes: &[u8]) {
        self.context.update(bytes);
    }

    pub fn finish(self) -> Digest {
        let hash = self.context.finish();
        Digest(format!("{}:{}", self.name, hex(hash.as_ref())))
    }
}

impl fmt::Debug for Hashing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hashing")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let (algorithm, encoded) = text
            .split_once(':')
            .ok_or_else(|| DigestError::NoAlgorithm(text.chars().take(80).collect()))?;
        let (algorithm, expected) = match algorithm {
            "sha256" => ("sha256", 64),
            "sha512" => ("sha512", 128),
            other => {
                return Err(DigestError::UnknownAlgorithm(
                    other.chars().take(80).collect(),
                ));
            }
        };
        let is_hex = encoded
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        if encoded.len() != expected || !is_hex {
            return Err(DigestError::NotHex {
                algorithm,
                expected,
            });
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for Digest {
    type Error = DigestError;

    fn try_from(text: String) -> Result<Self, DigestError> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_digests_round_trip() {
        for text in [
            format!("sha256:{}", "0a".repeat(32)),
            format!("sha512:{}", "f9".repeat(64)),
        ] {
            assert_eq!(text.parse::<Digest>().map(String::from), Ok(text));
        }
    }

    #[test]
    fn bad_digests_are_refused() {
        for text in [
            "",
            "sha256",
            "sha256:",
            "sha256:abc",
            "md5:d41d8cd98f00b204e9800998ecf8427e",
            &format!("sha256:{}", "0A".repeat(32)),
            &format!("sha256:{}", "0a".repeat(33)),
            &format!("sha256:../{}", "0a".repeat(30)),
            &format!("sha256: {}", "0a".repeat(31)),
        ] {
            assert!(text.parse::<Digest>().is_err(), "{text}");
        }
    }

    #[test]
    fn matches_checks_by_the_digests_own_algorithm() {
        let sha512: Digest = format!("sha512:{}", hex(&Sha512::digest(b"x")))
            .parse()
            .unwrap();
        assert!(sha512.matches(b"x") && !sha512.matches(b"y"));
        assert!(Digest::of(b"x").matches(b"x") && !Digest::of(b"x").matches(b"y"));
        for digest in [sha512, Digest::of(b"x")] {
            let mut hashing = digest.hashing();
            hashing.update(b"");
            hashing.update(b"x");
            assert_eq!(hashing.finish(), digest);
        }
    }
}
