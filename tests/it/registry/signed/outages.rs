//! What could not be asked is not taken for unsigned.

use std::time::Duration;

use headwater::image::Digest;
use headwater::lookup::SignedBy;
use headwater::registry::{RegistryOptions, Timeouts};

use crate::registry::signed::{Place, ask, envelope, payload, signed, statement};
use crate::registry::{OCI_MANIFEST, fault, options, registries};
use crate::support::scripted::{Reply, Scripted};
use crate::support::signer::{KeyKind, Signer};

fn unknown() -> Reply {
    Reply::status(404).body(r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"unknown"}]}"#)
}

#[tokio::test]
async fn a_registry_that_fails_leaves_it_open_who_has_signed() {
    let key = Signer::new(KeyKind::Ed25519).key();
    let image = Digest::of(b"image");
    for (at, reply, kind) in [
        (".sig", Reply::status(500), "unavailable"),
        (".sig", Reply::status(403), "denied"),
        (".sig", Reply::status(429), "unavailable"),
        (".sig", Reply::ok(OCI_MANIFEST, "<html>"), "refused"),
        (".sig", Reply::closed(), "unavailable"),
        ("/referrers/", Reply::status(503), "unavailable"),
        ("/referrers/", Reply::status(403), "denied"),
        (
            "/referrers/",
            Reply::ok(crate::registry::OCI_INDEX, "[]"),
            "refused",
        ),
    ] {
        let registry = Scripted::start(move |request| {
            if request.path.contains(at) {
                reply.clone()
            } else {
                unknown()
            }
        });
        let keys = std::slice::from_ref(&key);
        let answer = ask(&registries(options()), &registry.host(), &image, keys).await;
        fault(&answer.unwrap_err(), kind);
    }
    let nothing = Scripted::start(|_| unknown());
    let answer = ask(&registries(options()), &nothing.host(), &image, &[key]).await;
    assert_eq!(answer, Ok(SignedBy::Nobody));
}

/// Old registries know no such address, and front pages answer every one.
#[tokio::test]
async fn a_registry_without_the_referrers_api_is_asked_by_tag() {
    let key = Signer::new(KeyKind::Ed25519).key();
    let image = Digest::of(b"image");
    for reply in [
        Reply::status(404),
        Reply::status(400),
        Reply::status(406),
        Reply::ok("text/html", "<html>"),
        Reply::ok("application/json", "{}"),
    ] {
        let registry = Scripted::start(move |request| {
            if request.path.contains("/referrers/") {
                reply.clone()
            } else {
                unknown()
            }
        });
        let keys = std::slice::from_ref(&key);
        let answer = ask(&registries(options()), &registry.host(), &image, keys).await;
        assert_eq!(answer, Ok(SignedBy::Nobody));
        let tag = format!("/manifests/sha256-{}", image.encoded());
        let seen = registry.seen();
        assert!(seen.iter().any(|request| request.path.ends_with(&tag)));
    }
}

#[tokio::test]
async fn a_good_signature_counts_though_another_place_fails() {
    let signer = Signer::new(KeyKind::Ed25519);
    let image = Digest::of(b"image");
    let bundle = envelope(&signer, &statement(&image)).to_string();
    let blob = Digest::of(bundle.as_bytes());
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": "x", "digest": blob.to_string(), "size": 2},
        "layers": [{
            "mediaType": crate::registry::signed::BUNDLE,
            "digest": blob.to_string(),
            "size": bundle.len(),
        }],
    })
    .to_string();
    let digest = Digest::of(manifest.as_bytes());
    let index = serde_json::json!({"schemaVersion": 2, "manifests": [{
        "artifactType": crate::registry::signed::BUNDLE,
        "digest": digest.to_string(),
    }]})
    .to_string();
    let registry = Scripted::start(move |request| {
        if request.path.ends_with(".sig") {
            Reply::status(403)
        } else if request.path.contains("/referrers/") {
            Reply::ok(crate::registry::OCI_INDEX, index.as_str())
        } else if request.path.ends_with(digest.as_str()) {
            Reply::ok(OCI_MANIFEST, manifest.as_str())
        } else {
            Reply::ok("x/y", bundle.as_str())
        }
    });
    let with = registries(options());
    let answer = ask(&with, &registry.host(), &image, &[signer.key()]).await;
    assert_eq!(answer, Ok(SignedBy::Key(signer.key())));
    let other = Signer::new(KeyKind::Ed25519).key();
    let answer = ask(&with, &registry.host(), &image, &[other]).await;
    fault(&answer.unwrap_err(), "denied");
}

#[tokio::test]
async fn verifying_has_an_end_in_time() {
    let signer = Signer::new(KeyKind::Ed25519);
    let image = Digest::of(b"image");
    let registry = Scripted::start(|_| Reply::silent());
    let patience = Duration::from_millis(200);
    let options = RegistryOptions {
        timeouts: Timeouts {
            total: patience,
            ..Timeouts::default()
        },
        ..options()
    };
    let started = std::time::Instant::now();
    let answer = ask(
        &registries(options),
        &registry.host(),
        &image,
        &[signer.key()],
    )
    .await;
    fault(&answer.unwrap_err(), "unavailable");
    assert!(started.elapsed() < patience * 40);
}

/// The same bytes are the same image: a signature that was made in another repository counts
/// when it lies here and is of this digest.
#[tokio::test]
async fn a_signature_that_was_made_in_another_repository_counts_for_the_same_digest_only() {
    let signer = Signer::new(KeyKind::Ed25519);
    let place = Place::with_tags();
    let (image, other) = (place.image("one"), place.image("two"));
    let copied = signed(&signer, payload(&image));
    assert!(String::from_utf8_lossy(&copied.0).contains("registry.example/acme/web"));
    place.sign_under_tag(&image, std::slice::from_ref(&copied));
    place.sign_under_tag(&other, &[copied]);
    let keys = [signer.key()];
    assert_eq!(place.ask(&image, &keys).await, SignedBy::Key(signer.key()));
    assert_ne!(place.ask(&other, &keys).await, SignedBy::Key(signer.key()));
}
