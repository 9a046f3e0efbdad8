//! What a reviewer is told of images, all of it of one digest.

use headwater::image::{Digest, Signature};
use serde_json::{Value, json};

use crate::registry::{OCI_INDEX, OCI_MANIFEST, lookup, options, registries};
use crate::support::registry::DockerRegistry;

const SIGNED_PAYLOAD: &str = "application/vnd.dev.cosign.simplesigning.v1+json";

/// An image manifest of `image`'s configuration and layers, changed.
fn changed(registry: &DockerRegistry, image: &Digest, change: impl Fn(&mut Value)) -> Vec<u8> {
    let hex = image.encoded();
    let blobs = registry.storage().join("docker/registry/v2/blobs/sha256");
    let body = std::fs::read(blobs.join(&hex[..2]).join(hex).join("data")).unwrap();
    let mut manifest: Value = serde_json::from_slice(&body).unwrap();
    change(&mut manifest);
    manifest.to_string().into_bytes()
}

fn tag_of(digest: &Digest) -> String {
    format!("sha256-{}", digest.encoded())
}

#[tokio::test]
async fn annotations_of_the_image_and_of_its_index_are_told_apart() {
    let registry = DockerRegistry::start();
    let plain = registry.push_image("acme/web", "", "one");
    let long = "x".repeat(5000);
    let body = changed(&registry, &plain, |manifest| {
        manifest["annotations"] = json!({
            "org.opencontainers.image.revision": "3cab71f\u{1b}[31m\u{202e}",
            "long": long,
        });
    });
    let image = registry.push_manifest("acme/web", "", OCI_MANIFEST, body.clone());
    let index = json!({
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [{
            "mediaType": OCI_MANIFEST,
            "digest": image.to_string(),
            "size": body.len(),
            "platform": {"os": "linux", "architecture": "amd64"},
        }],
        "annotations": {"org.opencontainers.image.version": "1.0"},
    });
    let index = index.to_string().into_bytes();
    let index = registry.push_manifest("acme/web", "1.0", OCI_INDEX, index);
    let name = format!("{}/acme/web", registry.host());
    let lookups = [
        lookup(&format!("{name}@{image}")),
        lookup(&format!("{name}@{index}")),
        lookup(&format!("{name}:gone")),
        lookup(&format!("{name}@{image}")),
    ];
    let facts = registries(options()).facts_all(&lookups).await;
    let [Some(single), Some(whole), None, Some(again)] = &facts[..] else {
        panic!("{facts:?}")
    };
    assert_eq!(single, again);
    let annotations = &single.description.annotations;
    assert_eq!(
        annotations["org.opencontainers.image.revision"],
        "3cab71f[31m"
    );
    assert_eq!(annotations["long"].len(), 4096);
    assert_eq!(annotations.len(), 2);
    assert!(single.description.index_annotations.is_empty());
    assert_eq!(whole.description.digest, index);
    assert_eq!(&whole.description.annotations, annotations);
    let of_index = &whole.description.index_annotations;
    assert_eq!(of_index["org.opencontainers.image.version"], "1.0");
    // The image that was asked for twice was read once by itself, and once behind its index.
    let path = format!("/v2/acme/web/manifests/{image}");
    let reads = registry.requests("GET", 8);
    let reads = reads.iter().filter(|request| request.path == path).count();
    assert_eq!(reads, 2);
}

#[tokio::test]
async fn a_signature_is_found_by_cosigns_tag() {
    let registry = DockerRegistry::start();
    let image = registry.push_image("acme/web", "1.0", "one");
    let registries = registries(options());
    let question = [lookup(&format!("{}/acme/web@{image}", registry.host()))];
    let tag = format!("{}.sig", tag_of(&image));
    let empty = changed(&registry, &image, |manifest| manifest["layers"] = json!([]));
    let signed = changed(&registry, &image, |manifest| {
        manifest["layers"][0]["mediaType"] = json!(SIGNED_PAYLOAD);
    });
    for (body, expected) in [
        (None, Signature::NotFound),
        // CVE-2022-35929: no signature in it is none.
        (Some(empty), Signature::NotFound),
        (Some(signed), Signature::Found),
    ] {
        if let Some(body) = body {
            registry.push_manifest("acme/web", &tag, OCI_MANIFEST, body);
        }
        let facts = registries.facts_all(&question).await.remove(0).unwrap();
        assert_eq!(facts.signature, expected);
        assert_eq!(facts.description.digest, image);
    }
}

#[tokio::test]
async fn a_signature_is_found_by_the_tag_of_the_referrers() {
    let registry = DockerRegistry::start();
    let image = registry.push_image("acme/web", "1.0", "one");
    let registries = registries(options());
    let question = [lookup(&format!("{}/acme/web@{image}", registry.host()))];
    let bundle = "application/vnd.dev.sigstore.bundle.v0.3+json";
    let predicate = "dev.sigstore.bundle.predicateType";
    for (says, expected) in [
        ("https://slsa.dev/provenance/v1", Signature::NotFound),
        ("https://sigstore.dev/cosign/sign/v1", Signature::Found),
    ] {
        let body = changed(&registry, &image, |manifest| {
            manifest["annotations"] = json!({predicate: says});
        });
        let size = body.len();
        let referrer = registry.push_manifest("acme/web", "", OCI_MANIFEST, body);
        let list = json!({
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": [{
                "mediaType": OCI_MANIFEST,
                "artifactType": bundle,
                "digest": referrer.to_string(),
                "size": size,
                "annotations": {predicate: says},
            }],
        });
        let list = list.to_string().into_bytes();
        registry.push_manifest("acme/web", &tag_of(&image), OCI_INDEX, list);
        let facts = registries.facts_all(&question).await.remove(0).unwrap();
        assert_eq!(facts.signature, expected, "{says}");
    }
}
