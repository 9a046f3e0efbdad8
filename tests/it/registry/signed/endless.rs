//! More than is read: counts and bytes have an end.

use std::sync::Arc;

use headwater::image::Digest;
use headwater::lookup::{SignatureFlaw, SignedBy};
use serde_json::{Value, json};

use crate::registry::signed::{
    BUNDLE, PAYLOAD, Place, SIGNATURE, SIGNED, ask, envelope, payload, signed, statement,
};
use crate::registry::{OCI_INDEX, OCI_MANIFEST, fault, options, registries};
use crate::support::scripted::{Reply, Scripted};
use crate::support::signer::{KeyKind, Signer};

const MOST: usize = 64;

/// The image of payloads, all of one blob.
fn layers(blob: &[u8], size: usize, signatures: &[String]) -> Value {
    let layers: Vec<Value> = signatures
        .iter()
        .map(|signature| {
            json!({
                "mediaType": PAYLOAD,
                "digest": Digest::of(blob).to_string(),
                "size": size,
                "annotations": {SIGNATURE: signature},
            })
        })
        .collect();
    json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": "x", "digest": Digest::of(b"{}").to_string(), "size": 2},
        "layers": layers,
    })
}

/// A registry with this under cosign's tag and this for every blob, and no referrers.
fn registry(manifest: Value, blob: Reply) -> Scripted {
    Scripted::start(move |request| {
        if request.path.contains("/blobs/") {
            blob.clone()
        } else if request.path.ends_with(".sig") {
            Reply::ok(OCI_MANIFEST, manifest.to_string())
        } else {
            Reply::status(404).body(r#"{"errors":[{"code":"MANIFEST_UNKNOWN"}]}"#)
        }
    })
}

#[tokio::test]
async fn cve_2024_29903_signatures_without_end_are_not_looked_at() {
    let signer = Signer::new(KeyKind::Ed25519);
    let keys = [signer.key()];
    let image = Digest::of(b"image");
    let (payload, good) = signed(&signer, payload(&image));
    let good = good.as_str().unwrap().to_owned();
    let blob = Reply::ok("application/octet-stream", payload.clone());
    for (bad, is_seen) in [(MOST - 1, true), (MOST, false), (100_000 / 50, false)] {
        let mut signatures = vec!["c2ln".to_owned(); bad];
        signatures.push(good.clone());
        let manifest = layers(&payload, payload.len(), &signatures);
        let registry = registry(manifest, blob.clone());
        let answer = ask(&registries(options()), &registry.host(), &image, &keys).await;
        if is_seen {
            assert_eq!(answer, Ok(SignedBy::Key(signer.key())));
        } else {
            let refused = answer.unwrap_err();
            let message = fault(&refused, "refused").to_string();
            assert!(message.contains("more than 64 signatures"), "{message}");
        }
        // One payload is read once, however many sign it.
        assert!(registry.count("GET") <= 5, "{}", registry.count("GET"));
    }
}

#[tokio::test]
async fn cve_2024_29903_referrers_without_end_are_not_looked_at() {
    let signer = Signer::new(KeyKind::Ed25519);
    let image = Digest::of(b"image");
    let good = envelope(&signer, &statement(&image)).to_string();
    let referrer = |bundle: &str| {
        let digest = Digest::of(bundle.as_bytes()).to_string();
        json!({
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {"mediaType": "x", "digest": Digest::of(b"{}").to_string(), "size": 2},
            "layers": [{"mediaType": BUNDLE, "digest": digest, "size": bundle.len()}],
        })
        .to_string()
    };
    let bodies: Arc<Vec<String>> = Arc::new(vec![
        "{}".to_owned(),
        referrer("{}"),
        good.clone(),
        referrer(&good),
    ]);
    let descriptor = |manifest: &str, kind: &str| {
        json!({
            "mediaType": OCI_MANIFEST,
            "artifactType": kind,
            "digest": Digest::of(manifest.as_bytes()).to_string(),
            "size": manifest.len(),
            "annotations": {"dev.sigstore.bundle.predicateType": SIGNED},
        })
    };
    for (bad, others, has_link, is_seen) in [
        (MOST - 1, 1000, false, true),
        (MOST - 1, 0, true, true),
        (MOST, 0, false, false),
        (5000, 0, false, false),
    ] {
        let mut list = vec![descriptor("{}", "application/spdx+json"); others];
        list.extend(vec![descriptor(&bodies[1], BUNDLE); bad]);
        list.push(descriptor(&bodies[3], BUNDLE));
        let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list});
        let bodies = Arc::clone(&bodies);
        let registry = Scripted::start(move |request| {
            let named =
                |body: &&String| request.path.ends_with(Digest::of(body.as_bytes()).as_str());
            if request.path.contains("/referrers/") {
                let reply = Reply::ok(OCI_INDEX, index.to_string());
                return if has_link {
                    reply.header("link", "</v2/acme/web/referrers/x?last=1>; rel=\"next\"")
                } else {
                    reply
                };
            }
            match bodies.iter().find(named) {
                Some(body) if request.path.contains("/blobs/") => Reply::ok("x/y", body.as_str()),
                Some(body) => Reply::ok(OCI_MANIFEST, body.as_str()),
                None => Reply::status(404).body(r#"{"errors":[{"code":"MANIFEST_UNKNOWN"}]}"#),
            }
        });
        let with = registries(options());
        let answer = ask(&with, &registry.host(), &image, &[signer.key()]).await;
        if is_seen {
            assert_eq!(answer, Ok(SignedBy::Key(signer.key())), "{bad}");
        } else {
            fault(&answer.unwrap_err(), "refused");
        }
        assert!(registry.count("GET") <= 2 * MOST + 3);
        // Another page is not absence.
        if has_link {
            let key = Signer::new(KeyKind::Ed25519).key();
            let answer = ask(&with, &registry.host(), &image, &[key]).await;
            fault(&answer.unwrap_err(), "refused");
        }
    }
}

#[tokio::test]
async fn cve_2024_29902_payloads_without_end_are_not_read() {
    let signer = Signer::new(KeyKind::Ed25519);
    let keys = [signer.key()];
    let image = Digest::of(b"image");
    let (payload, good) = signed(&signer, payload(&image));
    let signatures = [good.as_str().unwrap().to_owned()];
    // By its own word.
    let huge = layers(&payload, 1 << 40, &signatures);
    let registry_of_huge = registry(huge, Reply::ok("x/y", payload.clone()));
    let answer = ask(
        &registries(options()),
        &registry_of_huge.host(),
        &image,
        &keys,
    )
    .await;
    let too_large = SignedBy::Others([SignatureFlaw::TooLarge].into());
    assert_eq!(answer, Ok(too_large));
    let asked = registry_of_huge.seen();
    assert!(!asked.iter().any(|request| request.path.contains("/blobs/")));
    // Against it.
    let honest = layers(&payload, payload.len(), &signatures);
    let endless = registry(honest.clone(), Reply::ok("x/y", "").endless());
    let answer = ask(&registries(options()), &endless.host(), &image, &keys).await;
    let message = fault(&answer.unwrap_err(), "refused").to_string();
    assert!(message.contains("larger than 256 KiB"), "{message}");
    // Too short, too long, another.
    let mut longer = payload.clone();
    longer.push(b' ');
    for blob in [&payload[1..], &longer, &vec![b' '; payload.len()]] {
        let registry = registry(honest.clone(), Reply::ok("x/y", blob));
        let answer = ask(&registries(options()), &registry.host(), &image, &keys).await;
        let altered = SignedBy::Others([SignatureFlaw::Altered].into());
        assert_eq!(answer, Ok(altered));
    }
    let emptied = registry(honest, Reply::status(404));
    let answer = ask(&registries(options()), &emptied.host(), &image, &keys).await;
    assert_eq!(answer, Ok(SignedBy::Others([SignatureFlaw::Gone].into())));
}

#[tokio::test]
async fn cve_2024_29902_bundles_without_end_are_not_read() {
    let signer = Signer::new(KeyKind::Ed25519);
    for place in Place::both() {
        let image = place.image("one");
        let good = envelope(&signer, &statement(&image));
        let mut large = good.clone();
        large["verificationMaterial"] = json!("x".repeat(1024 * 1024));
        place.sign_by_bundle(&image, &large);
        let flaws = place.flaws(&image, &[signer.key()]).await;
        assert_eq!(flaws, [SignatureFlaw::TooLarge].into());
        place.sign_by_bundle(&image, &good);
        let answer = place.ask(&image, &[signer.key()]).await;
        assert_eq!(answer, SignedBy::Key(signer.key()));
    }
}
