//! Signatures as cosign 2 keeps them (cosign `specs/SIGNATURE_SPEC.md`): an image whose layers
//! are the signed payloads, each with its signature as an annotation. Nothing is asked here.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::image::Digest;
use crate::lookup::SignatureFlaw;
use crate::registry::image_manifest::Unambiguous;

pub(super) const SIGNED_PAYLOAD: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
/// What the payload says that it is; another program may sign the like by the same key.
const PAYLOAD_TYPE: &str = "cosign container image signature";

/// A layer: where the payload is, and its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SignedPayload {
    pub digest: Digest,
    pub size: u64,
    pub signature: Vec<u8>,
}

/// The payloads of an image manifest, in its order; other layers are none.
pub(super) fn payloads(manifest: &[u8]) -> Vec<Result<SignedPayload, SignatureFlaw>> {
    let manifest: Value = serde_json::from_slice(manifest).unwrap_or_default();
    let layers = manifest.get("layers").and_then(Value::as_array);
    layers
        .into_iter()
        .flatten()
        .filter(|layer| layer.get("mediaType").and_then(Value::as_str) == Some(SIGNED_PAYLOAD))
        .map(|layer| payload(layer).ok_or(SignatureFlaw::Unreadable))
        .collect()
}

fn payload(layer: &Value) -> Option<SignedPayload> {
    let signature = layer.get("annotations")?.get(SIGNATURE)?.as_str()?;
    Some(SignedPayload {
        digest: layer.get("digest")?.as_str()?.parse().ok()?,
        size: layer.get("size")?.as_u64()?,
        signature: STANDARD.decode(signature).ok()?,
    })
}

/// Whether a payload, whose signature was verified, says that this image is signed.
///
/// Its `docker-reference` is not looked at, as `cosign verify` does not: the same bytes are the
/// same image in every repository.
pub(super) fn check_statement(payload: &[u8], digest: &Digest) -> Result<(), SignatureFlaw> {
    let Unambiguous(payload) =
        serde_json::from_slice(payload).map_err(|_| SignatureFlaw::Unreadable)?;
    let critical = payload.get("critical").unwrap_or(&Value::Null);
    if critical.get("type").and_then(Value::as_str) != Some(PAYLOAD_TYPE) {
        return Err(SignatureFlaw::OtherStatement);
    }
    let signed = critical
        .get("image")
        .and_then(|image| image.get("docker-manifest-digest"))
        .and_then(Value::as_str)
        .ok_or(SignatureFlaw::Unreadable)?;
    if signed == digest.as_str() {
        Ok(())
    } else {
        Err(SignatureFlaw::OtherDigest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use serde_json::json;

    #[test]
    fn payloads_are_told_from_other_layers_and_from_broken_ones() {
        let digest = Digest::of(b"payload").to_string();
        let layer = json!({
            "mediaType": SIGNED_PAYLOAD,
            "digest": digest,
            "size": 7,
            "annotations": {SIGNATURE: "c2lnbmF0dXJl"},
        });
        let without = |pointer: &str, value: Value| {
            let mut layer = layer.clone();
            *layer.pointer_mut(pointer).unwrap() = value;
            layer
        };
        let read = |layers: Value| payloads(json!({"layers": layers}).to_string().as_bytes());
        assert_eq!(
            read(json!([layer])),
            [Ok(SignedPayload {
                digest: Digest::of(b"payload"),
                size: 7,
                signature: b"signature".to_vec(),
            })]
        );
        for (pointer, value) in [
            ("/digest", json!("sha256:../../x")),
            ("/digest", Value::Null),
            ("/size", json!(-1)),
            ("/size", json!("7")),
            ("/annotations", json!([])),
            ("/annotations", json!({})),
            (
                "/annotations/dev.cosignproject.cosign~1signature",
                json!("?"),
            ),
            ("/annotations/dev.cosignproject.cosign~1signature", json!(7)),
        ] {
            let read = read(json!([without(pointer, value.clone())]));
            assert_eq!(read, [Err(SignatureFlaw::Unreadable)], "{pointer} {value}");
        }
        assert_eq!(read(json!([without("/mediaType", json!("x"))])), []);
        for body in [
            "",
            "null",
            "[]",
            "{}",
            r#"{"layers":{}}"#,
            r#"{"layers":[7]}"#,
        ] {
            assert_eq!(payloads(body.as_bytes()), [], "{body}");
        }
    }

    #[test]
    fn a_statement_is_about_one_digest() {
        let digest = Digest::of(b"image");
        let other = Digest::of(b"other").to_string();
        let saying = |kind: &str, image: Value| {
            json!({"critical": {
                "identity": {"docker-reference": "anything/at/all"},
                "image": image,
                "type": kind,
            }, "optional": null})
            .to_string()
        };
        let of = |digest: &str| json!({"docker-manifest-digest": digest});
        let good = saying(PAYLOAD_TYPE, of(digest.as_str()));
        let check = |payload: &str| check_statement(payload.as_bytes(), &digest);
        assert_eq!(check(&good), Ok(()));
        let upper = digest.as_str().to_uppercase();
        for (payload, flaw) in [
            (saying(PAYLOAD_TYPE, of(&other)), SignatureFlaw::OtherDigest),
            (saying(PAYLOAD_TYPE, of(&upper)), SignatureFlaw::OtherDigest),
            (saying(PAYLOAD_TYPE, of("")), SignatureFlaw::OtherDigest),
            (saying(PAYLOAD_TYPE, json!({})), SignatureFlaw::Unreadable),
            (saying(PAYLOAD_TYPE, json!(7)), SignatureFlaw::Unreadable),
            (
                saying("atomic container signature", of(digest.as_str())),
                SignatureFlaw::OtherStatement,
            ),
            ("{}".to_owned(), SignatureFlaw::OtherStatement),
            ("[]".to_owned(), SignatureFlaw::OtherStatement),
            (String::new(), SignatureFlaw::Unreadable),
            ("[".repeat(100_000), SignatureFlaw::Unreadable),
            // Two readers would read two digests.
            (
                good.replace(
                    "\"image\":",
                    &format!("\"Image\":{{\"docker-manifest-digest\":\"{other}\"}},\"image\":"),
                ),
                SignatureFlaw::Unreadable,
            ),
            (format!("{good} x"), SignatureFlaw::Unreadable),
        ] {
            assert_eq!(check(&payload), Err(flaw), "{payload:.200}");
        }
    }
}
