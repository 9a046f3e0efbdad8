//! Whether a signature lies beside an image. Nothing is verified here.
//!
//! Cosign's own tag first, then the referrers of the distribution specification ("Listing
//! referrers"): by its API, or by its tag where the registry has none.

use reqwest::header::LINK;
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::image::{Digest, Signature};
use crate::registry::access::Access;
use crate::registry::error::Failure;
use crate::registry::image_manifest::ImageManifest;
use crate::registry::question::{MANIFEST_LIMIT, content_type};
use crate::registry::transport::Answer;

/// A layer of the image that cosign puts under its tag (cosign `SIGNATURE_SPEC.md`).
const SIGNED_PAYLOAD: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// What cosign 2 attaches as a referrer.
const COSIGN_SIGNATURE: &str = "application/vnd.dev.cosign.artifact.sig.v1+json";
/// What cosign 3 attaches; the version follows.
const SIGSTORE_BUNDLE: &str = "application/vnd.dev.sigstore.bundle";
/// Says what a bundle holds: an attestation's is another.
const PREDICATE: &str = "dev.sigstore.bundle.predicateType";
const SIGNED: &str = "https://sigstore.dev/cosign/sign/v1";
/// Referrers of one image that are looked at (CVE-2024-29902: endless lists).
const MOST_REFERRERS: usize = 64;
/// Digits of the digest in the tag (distribution specification, "Referrers tag schema").
const REFERRERS_TAG: usize = 64;

impl Access<'_> {
    /// At most three requests, one page each. Any trouble: unknown.
    pub async fn signature(&self, digest: &Digest) -> Signature {
        self.look_for_signature(digest)
            .await
            .unwrap_or(Signature::Unknown)
    }

    async fn look_for_signature(&self, digest: &Digest) -> Result<Signature, Failure> {
        let tag: String = format!("{}-", digest.algorithm())
            .chars()
            .chain(digest.encoded().chars().take(REFERRERS_TAG))
            .collect();
        let by_tag = self.get(&format!("manifests/{tag}.sig")).await?;
        if by_tag.status.is_success() && is_cosign_image(&by_tag) {
            return Ok(Signature::Found);
        }
        let mut referrers = self.get(&format!("referrers/{digest}")).await?;
        if referrers.status == StatusCode::NOT_FOUND {
            referrers = self.get(&format!("manifests/{tag}")).await?;
        }
        let among = match referrers.status {
            StatusCode::NOT_FOUND => Signature::NotFound,
            status if status.is_success() => {
                among(&referrers.body, referrers.headers.contains_key(LINK))
            }
            _ => Signature::Unknown,
        };
        // A tag that was refused, not missed, may have been one.
        let is_missed = by_tag.status == StatusCode::NOT_FOUND || by_tag.status.is_success();
        Ok(match among {
            Signature::NotFound if !is_missed => Signature::Unknown,
            among => among,
        })
    }

    async fn get(&self, address: &str) -> Result<Answer, Failure> {
        self.ask(Method::GET, address, MANIFEST_LIMIT).await
    }
}

/// An image without a signed payload signs nothing.
fn is_cosign_image(answer: &Answer) -> bool {
    let manifest = ImageManifest::read(&answer.body, content_type(&answer.headers));
    matches!(manifest, Ok(ImageManifest::Image { layers, .. })
        if layers.iter().any(|layer| layer.media_type == SIGNED_PAYLOAD))
}

/// Looks through one page of referrers.
fn among(body: &[u8], has_more: bool) -> Signature {
    let Ok(list) = serde_json::from_slice::<Value>(body) else {
        return Signature::Unknown;
    };
    let Some(referrers) = list.get("manifests").and_then(Value::as_array) else {
        return Signature::Unknown;
    };
    if referrers.iter().take(MOST_REFERRERS).any(is_signature) {
        Signature::Found
    } else if has_more || referrers.len() > MOST_REFERRERS {
        Signature::Unknown
    } else {
        Signature::NotFound
    }
}

fn is_signature(referrer: &Value) -> bool {
    let kind = referrer.get("artifactType").and_then(Value::as_str);
    match kind {
        Some(COSIGN_SIGNATURE) => true,
        Some(kind) if kind.starts_with(SIGSTORE_BUNDLE) => referrer
            .get("annotations")
            .and_then(|annotations| annotations.get(PREDICATE))
            .is_none_or(|predicate| predicate == SIGNED),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use serde_json::json;

    fn found(referrers: &[Value], has_more: bool) -> Signature {
        let list = json!({"schemaVersion": 2, "manifests": referrers});
        among(list.to_string().as_bytes(), has_more)
    }

    #[test]
    fn signatures_are_told_from_other_referrers() {
        let of = |kind: &str| json!({"artifactType": kind});
        let bundle = "application/vnd.dev.sigstore.bundle.v0.3+json";
        let saying = |predicate: &str| json!({"artifactType": bundle, "annotations": {PREDICATE: predicate}});
        for (referrer, expected) in [
            (of(COSIGN_SIGNATURE), Signature::Found),
            (of(bundle), Signature::Found),
            (saying(SIGNED), Signature::Found),
            (
                saying("https://slsa.dev/provenance/v1"),
                Signature::NotFound,
            ),
            (of("application/spdx+json"), Signature::NotFound),
            (json!({"artifactType": 7}), Signature::NotFound),
            (json!(null), Signature::NotFound),
        ] {
            let name = referrer.to_string();
            assert_eq!(found(&[referrer], false), expected, "{name}");
        }
    }

    #[test]
    fn cve_2024_29902_more_than_is_read_is_unknown() {
        let other = || json!({"artifactType": "application/spdx+json"});
        let many: Vec<Value> = (0..=MOST_REFERRERS).map(|_| other()).collect();
        assert_eq!(found(&many, false), Signature::Unknown);
        assert_eq!(found(&[other()], true), Signature::Unknown);
        assert_eq!(found(&[], false), Signature::NotFound);
        for body in ["", "<html>", "[]", "{}", r#"{"manifests":{}}"#] {
            assert_eq!(among(body.as_bytes(), false), Signature::Unknown, "{body}");
        }
    }
}
