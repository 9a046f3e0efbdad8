use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A key that image signatures are verified by: a PEM text `PUBLIC KEY`
/// (RFC 7468, section 13), as `cosign generate-key-pair` writes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey(String);

/// A text that is no such key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no public key; it begins with `-----BEGIN PUBLIC KEY-----`")]
pub struct PublicKeyError;

impl FromStr for PublicKey {
    type Err = PublicKeyError;

    fn from_str(text: &str) -> Result<Self, PublicKeyError> {
        let text = text.trim();
        let is_key = text.starts_with("-----BEGIN PUBLIC KEY-----")
            && text.ends_with("-----END PUBLIC KEY-----");
        is_key.then(|| Self(text.to_owned())).ok_or(PublicKeyError)
    }
}

impl TryFrom<String> for PublicKey {
    type Error = PublicKeyError;

    fn try_from(text: String) -> Result<Self, PublicKeyError> {
        text.parse()
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> Self {
        key.0
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
