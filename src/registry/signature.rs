//! Whether a signature lies beside an image. Nothing is verified here.
//!
//! Cosign's own tag first, then the referrers of the distribution specification ("Listing
//! referrers"): by its API, or by its tag where the registry has none.

use reqwest::{Method, StatusCode};

use crate::image::{Digest, Signature};
use crate::registry::access::Access;
use crate::registry::error::Failure;
use crate::registry::image_manifest::ImageManifest;
use crate::registry::question::{MANIFEST_LIMIT, content_type};
use crate::registry::referrers::{Referrers, signature_kind, tag_of};
use crate::registry::simple_signing::SIGNED_PAYLOAD;
use crate::registry::transport::Answer;

/// Referrers of one image that are looked at (CVE-2024-29902: endless lists).
const MOST_REFERRERS: usize = 64;

impl Access<'_> {
    /// At most three requests, one page each. Any trouble: unknown.
    pub async fn signature(&self, digest: &Digest) -> Signature {
        self.look_for_signature(digest)
            .await
            .unwrap_or(Signature::Unknown)
    }

    async fn look_for_signature(&self, digest: &Digest) -> Result<Signature, Failure> {
        let address = format!("manifests/{}.sig", tag_of(digest));
        let by_tag = self.ask(Method::GET, &address, MANIFEST_LIMIT).await?;
        if by_tag.status.is_success() && is_cosign_image(&by_tag) {
            return Ok(Signature::Found);
        }
        let among = among(&self.referrers(digest).await?);
        // A tag that was refused, not missed, may have been one.
        let is_missed = by_tag.status == StatusCode::NOT_FOUND || by_tag.status.is_success();
        Ok(match among {
            Signature::NotFound if !is_missed => Signature::Unknown,
            among => among,
        })
    }
}

/// An image without a signed payload signs nothing.
fn is_cosign_image(answer: &Answer) -> bool {
    let manifest = ImageManifest::read(&answer.body, content_type(&answer.headers));
    matches!(manifest, Ok(ImageManifest::Image { layers, .. })
        if layers.iter().any(|layer| layer.media_type == SIGNED_PAYLOAD))
}

/// Looks through one page of referrers.
fn among(referrers: &Referrers) -> Signature {
    let Referrers { list, has_more } = referrers;
    let mut looked_at = list.iter().take(MOST_REFERRERS);
    if looked_at.any(|referrer| signature_kind(referrer).is_some()) {
        Signature::Found
    } else if *has_more || list.len() > MOST_REFERRERS {
        Signature::Unknown
    } else {
        Signature::NotFound
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use serde_json::{Value, json};

    fn found(referrers: &[Value], has_more: bool) -> Signature {
        let list = json!({"schemaVersion": 2, "manifests": referrers}).to_string();
        among(&Referrers::read(list.as_bytes(), has_more).unwrap())
    }

    #[test]
    fn signatures_are_told_from_other_referrers() {
        let of = |kind: &str| json!({"artifactType": kind});
        let bundle = "application/vnd.dev.sigstore.bundle.v0.3+json";
        let saying = |predicate: &str| {
            json!({
                "artifactType": bundle,
                "annotations": {"dev.sigstore.bundle.predicateType": predicate},
            })
        };
        for (referrer, expected) in [
            (
                of("application/vnd.dev.cosign.artifact.sig.v1+json"),
                Signature::Found,
            ),
            (of(bundle), Signature::Found),
            (
                saying("https://sigstore.dev/cosign/sign/v1"),
                Signature::Found,
            ),
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
            assert!(Referrers::read(body.as_bytes(), false).is_none(), "{body}");
        }
    }
}
