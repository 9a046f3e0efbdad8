//! What cosign itself wrote: `tests/cases/signatures`.

use std::fs;
use std::path::Path;

use headwater::image::{Digest, PublicKey};
use headwater::lookup::{SignatureFlaw, SignedBy};
use serde_json::Value;

use crate::registry::OCI_MANIFEST;
use crate::registry::signed::{BUNDLE, Place, REPOSITORY};
use crate::support::oci::{push_blob, push_manifest};

fn read(case: &str, file: &str) -> Vec<u8> {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/signatures");
    let path = cases.join(case).join(file);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn text(case: &str, file: &str) -> String {
    String::from_utf8(read(case, file)).unwrap()
}

fn push_tag(place: &Place, case: &str, image: &Digest) {
    for file in ["tag.config.json", "payload.json"] {
        push_blob(&place.host, REPOSITORY, &read(case, file));
    }
    let tag = format!("sha256-{}.sig", image.encoded());
    let manifest = read(case, "tag.json");
    push_manifest(&place.host, REPOSITORY, &tag, OCI_MANIFEST, &manifest);
}

/// Byte for byte as cosign pushed it.
fn push_bundle(place: &Place, case: &str, image: &Digest) {
    push_blob(&place.host, REPOSITORY, b"{}");
    push_blob(&place.host, REPOSITORY, &read(case, "bundle.json"));
    let manifest = read(case, "referrer.json");
    let digest = push_manifest(&place.host, REPOSITORY, "", OCI_MANIFEST, &manifest);
    place.list(
        image,
        serde_json::json!({
            "mediaType": OCI_MANIFEST,
            "artifactType": BUNDLE,
            "digest": digest.to_string(),
            "size": manifest.len(),
        }),
    );
}

#[tokio::test]
async fn what_cosign_signs_is_verified() {
    for push in [push_tag, push_bundle] {
        for place in Place::both() {
            for case in ["ecdsa-p256", "ecdsa-p384", "rsa-3072"] {
                let image: Digest = text(case, "image").parse().unwrap();
                let key: PublicKey = text(case, "key.pub").parse().unwrap();
                let other: PublicKey = text("ed25519ph", "key.pub").parse().unwrap();
                push(&place, case, &image);
                let answer = place.ask(&image, &[other.clone(), key.clone()]).await;
                assert_eq!(answer, SignedBy::Key(key), "{case}");
                let flaws = place.flaws(&image, &[other]).await;
                assert_eq!(flaws, [SignatureFlaw::OtherKey].into(), "{case}");
            }
        }
    }
}

/// With Ed25519 keys cosign signs a hash, and verifies no such signature by a key itself.
#[tokio::test]
async fn what_cosign_does_not_verify_is_not_verified() {
    let case = "ed25519ph";
    let image: Digest = text(case, "image").parse().unwrap();
    let key: PublicKey = text(case, "key.pub").parse().unwrap();
    for push in [push_tag, push_bundle] {
        let place = Place::with_tags();
        push(&place, case, &image);
        let flaws = place.flaws(&image, std::slice::from_ref(&key)).await;
        assert_eq!(flaws, [SignatureFlaw::OtherKey].into());
    }
}

/// No byte of what is signed can be another one.
#[tokio::test]
async fn a_changed_bundle_of_cosigns_never_counts() {
    let case = "ecdsa-p256";
    let image: Digest = text(case, "image").parse().unwrap();
    let key: PublicKey = text(case, "key.pub").parse().unwrap();
    let bundle: Value = serde_json::from_slice(&read(case, "bundle.json")).unwrap();
    let place = Place::with_api();
    for pointer in ["/dsseEnvelope/payload", "/dsseEnvelope/signatures/0/sig"] {
        let text = bundle.pointer(pointer).unwrap().as_str().unwrap();
        for at in (0..text.len() - 4).step_by(37) {
            let mut changed = text.as_bytes().to_vec();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let mut bundle = bundle.clone();
            *bundle.pointer_mut(pointer).unwrap() = String::from_utf8(changed).unwrap().into();
            place.sign_by_bundle(&image, &bundle);
        }
    }
    let flaws = place.flaws(&image, &[key]).await;
    assert_eq!(flaws, [SignatureFlaw::OtherKey].into());
}
