//! Bundles among the referrers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use headwater::lookup::{SignatureFlaw, SignedBy};
use serde_json::{Value, json};

use crate::registry::signed::{BUNDLE, Place, envelope, statement};
use crate::support::signer::{KeyKind, Signer};

#[tokio::test]
async fn a_bundle_is_verified_with_each_kind_of_key() {
    for place in Place::both() {
        for kind in [
            KeyKind::P256,
            KeyKind::P384,
            KeyKind::Rsa(2048),
            KeyKind::Ed25519,
        ] {
            let (signer, other) = (Signer::new(kind), Signer::new(kind));
            let image = place.image(&format!("{kind:?}"));
            place.sign_by_bundle(&image, &envelope(&signer, &statement(&image)));
            let keys = [other.key(), signer.key()];
            assert_eq!(place.ask(&image, &keys).await, SignedBy::Key(signer.key()));
            let flaws = place.flaws(&image, &[other.key()]).await;
            assert_eq!(flaws, [SignatureFlaw::OtherKey].into(), "{kind:?}");
        }
    }
}

#[tokio::test]
async fn a_signature_over_the_manifest_itself_counts() {
    let (signer, other) = (Signer::new(KeyKind::P256), Signer::new(KeyKind::P256));
    for place in Place::both() {
        let manifest = place.manifest(&[(json!({"mediaType": "x"}), b"one")]);
        let image = place.push("", &manifest);
        let hash: Vec<u8> = (0..32)
            .map(|at| u8::from_str_radix(&image.encoded()[2 * at..2 * at + 2], 16).unwrap())
            .collect();
        let bundle = |hash: &[u8], message: &str| {
            json!({
                "mediaType": BUNDLE,
                "messageSignature": {
                    "messageDigest": {"algorithm": "SHA2_256", "digest": STANDARD.encode(hash)},
                    "signature": STANDARD.encode(signer.sign(message.as_bytes())),
                },
            })
        };
        place.sign_by_bundle(&image, &bundle(&hash, "another message"));
        place.sign_by_bundle(&image, &bundle(&[0; 32], &manifest.to_string()));
        let flaws = place.flaws(&image, &[signer.key()]).await;
        assert_eq!(
            flaws,
            [SignatureFlaw::OtherKey, SignatureFlaw::OtherDigest].into()
        );
        place.sign_by_bundle(&image, &bundle(&hash, &manifest.to_string()));
        let keys = [other.key(), signer.key()];
        assert_eq!(place.ask(&image, &keys).await, SignedBy::Key(signer.key()));
    }
}

/// What the key has signed of the image is no signature when it says something else.
#[tokio::test]
async fn cve_2022_35929_an_attestation_is_no_signature() {
    let signer = Signer::new(KeyKind::P256);
    let slsa = "https://slsa.dev/provenance/v1";
    for place in Place::both() {
        let image = place.image("one");
        let mut attestation = statement(&image);
        attestation["predicateType"] = json!(slsa);
        let attestation = envelope(&signer, &attestation);
        place.attach_bundle(&image, attestation.to_string().as_bytes(), slsa);
        assert_eq!(place.ask(&image, &[signer.key()]).await, SignedBy::Nobody);
        // Whatever its label says.
        place.sign_by_bundle(&image, &attestation);
        let flaws = place.flaws(&image, &[signer.key()]).await;
        assert_eq!(flaws, [SignatureFlaw::OtherStatement].into());
        place.sign_by_bundle(&image, &envelope(&signer, &statement(&image)));
        let answer = place.ask(&image, &[signer.key()]).await;
        assert_eq!(answer, SignedBy::Key(signer.key()));
    }
}

#[tokio::test]
async fn a_bundle_that_does_not_count_says_why() {
    let signer = Signer::new(KeyKind::P256);
    let place = Place::with_api();
    let other = place.image("other");
    let changed = |pointer: &'static str, value: Value| {
        move |mut good: Value| {
            *good.pointer_mut(pointer).unwrap() = value;
            good
        }
    };
    type Change<'a> = Box<dyn Fn(Value) -> Value + 'a>;
    let changed = |pointer: &'static str, value: Value| -> Change<'_> {
        Box::new(move |good| changed(pointer, value.clone())(good))
    };
    let twice = |mut good: Value| {
        let signature = good["dsseEnvelope"]["signatures"][0].clone();
        good["dsseEnvelope"]["signatures"] = json!([signature, signature]);
        good
    };
    let other_envelope = envelope(&signer, &statement(&other));
    let payload_of_other = other_envelope["dsseEnvelope"]["payload"].clone();
    let cases: Vec<(Change<'_>, SignatureFlaw)> = vec![
        (
            Box::new(|_| other_envelope.clone()),
            SignatureFlaw::OtherDigest,
        ),
        (
            changed("/dsseEnvelope/payload", payload_of_other),
            SignatureFlaw::OtherKey,
        ),
        (
            changed("/dsseEnvelope/payloadType", json!("text/plain")),
            SignatureFlaw::OtherStatement,
        ),
        (
            changed("/dsseEnvelope/signatures", json!([])),
            SignatureFlaw::Unreadable,
        ),
        (Box::new(twice), SignatureFlaw::Unreadable),
        (
            changed("/dsseEnvelope/signatures/0/sig", json!("?")),
            SignatureFlaw::Unreadable,
        ),
        (
            changed(
                "/mediaType",
                json!("application/vnd.dev.sigstore.bundle.v0.9+json"),
            ),
            SignatureFlaw::Unreadable,
        ),
        (
            Box::new(|mut good: Value| {
                good["messageSignature"] = json!({});
                good
            }),
            SignatureFlaw::Unreadable,
        ),
        (Box::new(|_| json!([])), SignatureFlaw::Unreadable),
    ];
    for (number, (change, flaw)) in cases.iter().enumerate() {
        let image = place.image(&number.to_string());
        let good = envelope(&signer, &statement(&image));
        place.sign_by_bundle(&image, &change(good.clone()));
        let flaws = place.flaws(&image, &[signer.key()]).await;
        assert_eq!(flaws, [*flaw].into(), "{number}");
        // It does not spoil the good one that comes after it.
        place.sign_by_bundle(&image, &good);
        let answer = place.ask(&image, &[signer.key()]).await;
        assert_eq!(answer, SignedBy::Key(signer.key()), "{number}");
    }
}

#[tokio::test]
async fn a_statement_has_to_name_the_image() {
    let signer = Signer::new(KeyKind::Ed25519);
    let place = Place::with_api();
    let subject = |digest: Value| json!({"digest": digest});
    for (number, (make, is_good)) in [
        (json!([]), false),
        (json!({}), false),
        (json!([{"digest": {"sha512": "HEX"}}]), false),
        (json!([{"digest": {"sha256": "sha256:HEX"}}]), false),
        (json!([{"name": "HEX"}, null, 7]), false),
        (
            json!([
                subject(json!({"sha256": "00"})),
                subject(json!({"sha256": "HEX"}))
            ]),
            true,
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let image = place.image(&number.to_string());
        let mut statement = statement(&image);
        let subjects = make.to_string().replace("HEX", image.encoded());
        statement["subject"] = serde_json::from_str(&subjects).unwrap();
        place.sign_by_bundle(&image, &envelope(&signer, &statement));
        let answer = place.ask(&image, &[signer.key()]).await;
        assert_eq!(answer == SignedBy::Key(signer.key()), is_good, "{subjects}");
    }
}
