//! Public keys, as `cosign generate-key-pair` and `openssl pkey -pubout` write them.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use der::asn1::{AnyRef, BitStringRef, ObjectIdentifier, UintRef};
use der::{Decode as _, Reader as _, SliceReader, Tag};
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ED25519,
    RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
};
use serde::{Deserialize, Serialize};
use spki::SubjectPublicKeyInfo;

use crate::image::Digest;

const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";
/// An RSA key of 8192 bits takes about 1,500 characters.
const LONGEST: usize = 4096;

// RFC 3279, RFC 5480, RFC 8410.
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ELLIPTIC_CURVE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const EDWARDS_25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// A key that image signatures are verified by: a PEM text `PUBLIC KEY` (RFC 7468, section 13)
/// that holds an ECDSA P-256 or P-384, an RSA or an Ed25519 key.
///
/// Two are equal when they are the same key, however the text is broken into lines.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey {
    /// The whole SubjectPublicKeyInfo.
    der: Vec<u8>,
    kind: Kind,
    /// What ring reads: the point, the RSAPublicKey or the 32 bytes.
    material: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Kind {
    EcdsaP256,
    EcdsaP384,
    Rsa,
    Ed25519,
}

/// A text that is no such key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublicKeyError {
    #[error(
        "this is no public key; it begins with `{BEGIN}`, and ends with `{END}`, as cosign.pub does"
    )]
    NotPublicKey,
    #[error(
        "this is a private key; write its public key here, as `cosign public-key --key FILE` or \
         `openssl pkey -in FILE -pubout` prints it"
    )]
    PrivateKey,
    #[error("these are several keys; write each as an entry of its own")]
    Several,
    #[error("this public key is damaged: {0}")]
    Damaged(&'static str),
    #[error(
        "{0} cannot be used; use one of ECDSA (P-256 or P-384), RSA (2048 to 8192 bits) or Ed25519"
    )]
    Unsupported(String),
}

impl PublicKey {
    /// Whether this key has signed exactly these bytes.
    ///
    /// ECDSA signatures are ASN.1 DER, RSA ones PKCS #1 1.5 over SHA-256, as cosign makes them.
    /// P-384 keys sign SHA-384 since cosign 2.6 and signed SHA-256 before: both count.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let algorithms: &[&'static dyn VerificationAlgorithm] = match self.kind {
            Kind::EcdsaP256 => &[&ECDSA_P256_SHA256_ASN1],
            Kind::EcdsaP384 => &[&ECDSA_P384_SHA384_ASN1, &ECDSA_P384_SHA256_ASN1],
            Kind::Rsa => &[&RSA_PKCS1_2048_8192_SHA256],
            Kind::Ed25519 => &[&ED25519],
        };
        algorithms.iter().any(|algorithm| {
            let key = UnparsedPublicKey::new(*algorithm, &self.material);
            key.verify(message, signature).is_ok()
        })
    }

    /// For people: `sha256:` and the first 12 digits of the hash of the key's DER.
    pub fn fingerprint(&self) -> String {
        let digest = Digest::of(&self.der);
        format!("{}:{}", digest.algorithm(), digest.short())
    }
}

impl FromStr for PublicKey {
    type Err = PublicKeyError;

    fn from_str(text: &str) -> Result<Self, PublicKeyError> {
        let der = unwrap(text.trim())?;
        let info = SubjectPublicKeyInfo::<AnyRef<'_>, BitStringRef<'_>>::from_der(&der)
            .map_err(|_| PublicKeyError::Damaged("it is no SubjectPublicKeyInfo"))?;
        let material = info
            .subject_public_key
            .as_bytes()
            .ok_or(PublicKeyError::Damaged("its bits are no whole bytes"))?;
        let kind = match info.algorithm.oid {
            ELLIPTIC_CURVE => on_curve(info.algorithm.parameters, material)?,
            RSA => rsa(info.algorithm.parameters, material)?,
            EDWARDS_25519 if info.algorithm.parameters.is_some() || material.len() != 32 => {
                return Err(PublicKeyError::Damaged("an Ed25519 key has 32 bytes"));
            }
            EDWARDS_25519 => Kind::Ed25519,
            other => {
                let what = format!("a key of the algorithm {other}");
                return Err(PublicKeyError::Unsupported(what));
            }
        };
        let material = material.to_vec();
        Ok(Self {
            der,
            kind,
            material,
        })
    }
}

/// The bytes between the two lines.
fn unwrap(text: &str) -> Result<Vec<u8>, PublicKeyError> {
    if text.starts_with("-----BEGIN ") && text.contains("PRIVATE KEY-----") {
        return Err(PublicKeyError::PrivateKey);
    }
    let body = text
        .strip_prefix(BEGIN)
        .and_then(|text| text.strip_suffix(END))
        .ok_or(PublicKeyError::NotPublicKey)?;
    if body.contains(BEGIN) {
        return Err(PublicKeyError::Several);
    }
    if body.len() > LONGEST {
        return Err(PublicKeyError::Damaged("it is too long"));
    }
    let letters: Vec<u8> = body
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    STANDARD
        .decode(letters)
        .map_err(|_| PublicKeyError::Damaged("between its lines is no base64"))
}

/// Named curves and uncompressed points only; whether the point is on the curve is found out
/// when something is verified.
fn on_curve(parameters: Option<AnyRef<'_>>, material: &[u8]) -> Result<Kind, PublicKeyError> {
    let curve = parameters
        .filter(|parameters| parameters.value().len() <= 39)
        .and_then(|parameters| parameters.decode_as::<ObjectIdentifier>().ok())
        .ok_or(PublicKeyError::Damaged("it names no curve"))?;
    let (kind, length) = match curve {
        P256 => (Kind::EcdsaP256, 32),
        P384 => (Kind::EcdsaP384, 48),
        other => {
            let what = format!("an ECDSA key of the curve {other}");
            return Err(PublicKeyError::Unsupported(what));
        }
    };
    match material {
        [4, point @ ..] if point.len() == 2 * length => Ok(kind),
        [2 | 3, x @ ..] if x.len() == length => Err(PublicKeyError::Unsupported(
            "an ECDSA key whose point is compressed".to_owned(),
        )),
        _ => Err(PublicKeyError::Damaged("its point is none of its curve")),
    }
}

fn rsa(parameters: Option<AnyRef<'_>>, material: &[u8]) -> Result<Kind, PublicKeyError> {
    const DAMAGED: PublicKeyError = PublicKeyError::Damaged("it is no RSA key");
    if parameters.is_some_and(|parameters| parameters != AnyRef::NULL) {
        return Err(DAMAGED);
    }
    let bits = modulus_bits(material).map_err(|_| DAMAGED)?;
    if (2048..=8192).contains(&bits) {
        Ok(Kind::Rsa)
    } else {
        let what = format!("an RSA key of {bits} bits");
        Err(PublicKeyError::Unsupported(what))
    }
}

/// RSAPublicKey (RFC 8017, appendix A.1.1).
fn modulus_bits(material: &[u8]) -> der::Result<usize> {
    let mut reader = SliceReader::new(material)?;
    let bits = reader.sequence(|reader| {
        let modulus: UintRef<'_> = reader.decode()?;
        let _exponent: UintRef<'_> = reader.decode()?;
        let bytes = modulus.as_bytes();
        let leading = bytes.first().map_or(0, |byte| byte.leading_zeros());
        (bytes.len() * 8)
            .checked_sub(leading as usize)
            .ok_or_else(|| Tag::Integer.value_error())
    })?;
    reader.finish(bits)
}

impl TryFrom<String> for PublicKey {
    type Error = PublicKeyError;

    fn try_from(text: String) -> Result<Self, PublicKeyError> {
        text.parse()
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> Self {
        key.to_string()
    }
}

/// The PEM text, without a line end behind it.
impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{BEGIN}")?;
        let letters = STANDARD.encode(&self.der);
        let mut rest = letters.as_str();
        while !rest.is_empty() {
            let (line, after) = rest.split_at_checked(64).unwrap_or((rest, ""));
            writeln!(f, "{line}")?;
            rest = after;
        }
        f.write_str(END)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PublicKey")
            .field(&STANDARD.encode(&self.der))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COSIGN_PUB: &str = include_str!("../../tests/cases/signatures/ecdsa-p256/key.pub");
    const RSA_PUB: &str = include_str!("../../tests/cases/signatures/rsa-3072/key.pub");

    fn pem(der: &[u8]) -> String {
        format!("{BEGIN}\n{}\n{END}\n", STANDARD.encode(der))
    }

    #[test]
    fn a_key_is_the_same_however_its_text_is_broken() {
        let key: PublicKey = COSIGN_PUB.parse().unwrap();
        assert_eq!(key.to_string(), COSIGN_PUB.trim_end());
        assert_eq!(String::from(key.clone()).parse(), Ok(key.clone()));
        for text in [
            format!("\n  {}\r\n", COSIGN_PUB.replace('\n', "\r\n")),
            pem(&key.der),
            COSIGN_PUB.replace('\n', "\n  "),
        ] {
            assert_eq!(text.parse(), Ok(key.clone()), "{text}");
        }
        let fingerprint = key.fingerprint();
        let digits = fingerprint.strip_prefix("sha256:").unwrap();
        assert_eq!(digits.len(), 12);
        assert!(Digest::of(&key.der).encoded().starts_with(digits));
        assert_ne!(RSA_PUB.parse::<PublicKey>().unwrap(), key);
    }

    #[test]
    fn what_is_no_key_is_one_clear_error() {
        for (text, expected) in [
            ("", PublicKeyError::NotPublicKey),
            ("cosign.pub", PublicKeyError::NotPublicKey),
            (BEGIN, PublicKeyError::NotPublicKey),
            (
                "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
                PublicKeyError::NotPublicKey,
            ),
            (
                "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\neyJ\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----",
                PublicKeyError::PrivateKey,
            ),
            (
                &format!("{BEGIN}\nno key, no base64\n{END}"),
                PublicKeyError::Damaged("between its lines is no base64"),
            ),
            (
                &format!("{BEGIN}\n{END}"),
                PublicKeyError::Damaged("it is no SubjectPublicKeyInfo"),
            ),
            (
                &pem(&[0; LONGEST]),
                PublicKeyError::Damaged("it is too long"),
            ),
            (&COSIGN_PUB.repeat(2), PublicKeyError::Several),
        ] {
            assert_eq!(text.parse::<PublicKey>(), Err(expected), "{text}");
        }
        let error = PublicKeyError::PrivateKey.to_string();
        assert!(error.contains("openssl pkey"), "{error}");
    }

    #[test]
    fn damaged_keys_are_refused_and_never_panic() {
        for good in [COSIGN_PUB, RSA_PUB] {
            let key: PublicKey = good.parse().unwrap();
            for at in 0..key.der.len() {
                let cut = pem(&key.der[..at]);
                assert!(cut.parse::<PublicKey>().is_err(), "{at}");
                for change in [0, 1, 0x80, 0xff] {
                    let mut damaged = key.der.clone();
                    damaged[at] = change;
                    // What still is a key verifies nothing of the other.
                    if let Ok(damaged) = pem(&damaged).parse::<PublicKey>() {
                        assert!(!damaged.verifies(b"message", b"signature"));
                        assert_eq!(damaged.to_string().parse(), Ok(damaged));
                    }
                }
            }
            let longer = [key.der.as_slice(), &[0]].concat();
            assert!(pem(&longer).parse::<PublicKey>().is_err());
        }
    }
}
