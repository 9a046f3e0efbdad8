//! Signatures as cosign 3 keeps them: a sigstore bundle (sigstore/protobuf-specs
//! `sigstore_bundle.proto`, as JSON). Nothing is asked here.
//!
//! Of the bundle only the signature is read. What it says of its key, of a certificate or of a
//! transparency log counts for nothing: the keys are the operator's.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::image::Digest;
use crate::lookup::SignatureFlaw;
use crate::registry::image_manifest::Unambiguous;
use crate::registry::referrers::SIGNED;

/// Both spellings of version 0.3, the first that cosign attaches to images.
const MEDIA_TYPES: [&str; 2] = [
    "application/vnd.dev.sigstore.bundle.v0.3+json",
    "application/vnd.dev.sigstore.bundle+json;version=0.3",
];
const IN_TOTO: &str = "application/vnd.in-toto+json";
const STATEMENTS: [&str; 2] = [
    "https://in-toto.io/Statement/v1",
    "https://in-toto.io/Statement/v0.1",
];
/// As sigstore-go looks at.
const MOST_SUBJECTS: usize = 1024;

/// What a bundle holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Bundle {
    /// A signed in-toto statement.
    Envelope {
        payload: Vec<u8>,
        signature: Vec<u8>,
    },
    /// A signature over the image manifest itself.
    Message { signature: Vec<u8> },
}

impl Bundle {
    /// Reads a bundle about `digest`.
    pub fn read(body: &[u8], digest: &Digest) -> Result<Self, SignatureFlaw> {
        const UNREADABLE: SignatureFlaw = SignatureFlaw::Unreadable;
        let Unambiguous(bundle) = serde_json::from_slice(body).map_err(|_| UNREADABLE)?;
        let media_type = bundle.get("mediaType").and_then(Value::as_str);
        if !media_type.is_some_and(|media_type| MEDIA_TYPES.contains(&media_type)) {
            return Err(UNREADABLE);
        }
        match (bundle.get("dsseEnvelope"), bundle.get("messageSignature")) {
            (Some(envelope), None) => {
                let kind = envelope.get("payloadType").and_then(Value::as_str);
                if kind != Some(IN_TOTO) {
                    return Err(SignatureFlaw::OtherStatement);
                }
                Self::envelope(envelope).ok_or(UNREADABLE)
            }
            (None, Some(message)) => {
                let hash = message.get("messageDigest").ok_or(UNREADABLE)?;
                if !is_hash_of(hash, digest) {
                    return Err(SignatureFlaw::OtherDigest);
                }
                let signature = bytes(message, "signature").ok_or(UNREADABLE)?;
                Ok(Self::Message { signature })
            }
            _ => Err(UNREADABLE),
        }
    }

    fn envelope(envelope: &Value) -> Option<Self> {
        // The specification allows one here, though DSSE allows more.
        let [signature] = envelope.get("signatures")?.as_array()?.as_slice() else {
            return None;
        };
        Some(Self::Envelope {
            payload: bytes(envelope, "payload")?,
            signature: bytes(signature, "sig")?,
        })
    }
}

/// What is signed of an envelope (DSSE `protocol.md`, "PAE").
pub(super) fn pre_authentication(payload: &[u8]) -> Vec<u8> {
    let mut signed = format!("DSSEv1 {} {IN_TOTO} {} ", IN_TOTO.len(), payload.len()).into_bytes();
    signed.extend_from_slice(payload);
    signed
}

/// Whether a statement, whose signature was verified, says that this image is signed.
pub(super) fn check_statement(payload: &[u8], digest: &Digest) -> Result<(), SignatureFlaw> {
    let Unambiguous(statement) =
        serde_json::from_slice(payload).map_err(|_| SignatureFlaw::Unreadable)?;
    let text = |key: &str| statement.get(key).and_then(Value::as_str);
    let is_statement = text("_type").is_some_and(|kind| STATEMENTS.contains(&kind));
    if !is_statement || text("predicateType") != Some(SIGNED) {
        return Err(SignatureFlaw::OtherStatement);
    }
    let subjects = statement.get("subject").and_then(Value::as_array);
    let subjects = subjects.ok_or(SignatureFlaw::Unreadable)?;
    let is_named = subjects.iter().take(MOST_SUBJECTS).any(|subject| {
        let hash = subject
            .get("digest")
            .and_then(|digests| digests.get(digest.algorithm()));
        hash.and_then(Value::as_str) == Some(digest.encoded())
    });
    if is_named {
        Ok(())
    } else {
        Err(SignatureFlaw::OtherDigest)
    }
}

/// A hint that saves a request: it is signed by nobody.
fn is_hash_of(hash: &Value, digest: &Digest) -> bool {
    let algorithm = match digest.algorithm() {
        "sha512" => "SHA2_512",
        _ => "SHA2_256",
    };
    let hex = bytes(hash, "digest").map(|bytes| {
        bytes.iter().fold(String::new(), |mut hex, byte| {
            hex.push_str(&format!("{byte:02x}"));
            hex
        })
    });
    hash.get("algorithm").and_then(Value::as_str) == Some(algorithm)
        && hex.as_deref() == Some(digest.encoded())
}

fn bytes(object: &Value, key: &str) -> Option<Vec<u8>> {
    STANDARD.decode(object.get(key)?.as_str()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    use serde_json::json;

    const COSIGN: &[u8] = include_bytes!("../../tests/cases/signatures/ecdsa-p256/bundle.json");
    const IMAGE: &str = include_str!("../../tests/cases/signatures/ecdsa-p256/image");

    fn image() -> Digest {
        IMAGE.trim().parse().unwrap()
    }

    #[test]
    fn what_cosign_writes_is_read() {
        let bundle = Bundle::read(COSIGN, &image()).unwrap();
        let Bundle::Envelope { payload, .. } = bundle else {
            panic!("{bundle:?}")
        };
        assert_eq!(check_statement(&payload, &image()), Ok(()));
        let other = Digest::of(b"other");
        let flaw = check_statement(&payload, &other);
        assert_eq!(flaw, Err(SignatureFlaw::OtherDigest));
    }

    /// The example of DSSE `protocol.md`, with our type of payload.
    #[test]
    fn an_envelope_signs_its_type_and_its_length() {
        assert_eq!(
            pre_authentication(b"hello world"),
            b"DSSEv1 28 application/vnd.in-toto+json 11 hello world"
        );
    }

    #[test]
    fn hostile_bundles_are_unreadable_and_never_panic() {
        let text = String::from_utf8(COSIGN.to_vec()).unwrap();
        for at in 0..COSIGN.len() {
            let _ = Bundle::read(&COSIGN[..at], &image());
            let mut changed = COSIGN.to_vec();
            for byte in [0, b'"', b'}', b'[', 0xff] {
                changed[at] = byte;
                let _ = Bundle::read(&changed, &image());
            }
        }
        let deep = format!("{}{}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
        for body in [
            "",
            "null",
            "[]",
            "{}",
            "7",
            &deep,
            &text.replacen('{', "{\"mediaType\":\"x\",", 1),
            &text.replacen('{', "{\"DSSEEnvelope\":{},", 1),
            &text.replace("\"signatures\":[", "\"signatures\":[7,"),
            &text.replace("\"payload\":\"", "\"payload\":\"?"),
            r#"{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}"#,
            r#"{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","messageSignature":{}}"#,
        ] {
            let read = Bundle::read(body.as_bytes(), &image());
            assert_eq!(read, Err(SignatureFlaw::Unreadable), "{body:.200}");
        }
    }

    #[test]
    fn a_message_signature_names_the_image_in_bytes() {
        let digest = Digest::of(b"image");
        let of = |algorithm: &str, hash: Value| {
            let bundle = json!({
                "mediaType": MEDIA_TYPES[1],
                "messageSignature": {
                    "messageDigest": {"algorithm": algorithm, "digest": hash},
                    "signature": "c2lnbmF0dXJl",
                },
            });
            Bundle::read(bundle.to_string().as_bytes(), &digest)
        };
        let hash = json!("YQXWzHavQAMl6U1YjOURvlv9u3O0N9xR7KQ5F9ekPj0=");
        assert!(of("SHA2_256", hash.clone()).is_ok());
        assert_eq!(of("SHA2_512", hash), Err(SignatureFlaw::OtherDigest));
        for hash in [
            json!(digest.encoded()),
            json!(""),
            json!(null),
            json!("YQ=="),
        ] {
            assert_eq!(of("SHA2_256", hash), Err(SignatureFlaw::OtherDigest));
        }
    }
}
