//! Signatures under cosign's own tag.

use headwater::image::Digest;
use headwater::lookup::{SignatureFlaw, SignedBy};
use serde_json::{Value, json};

use crate::registry::signed::{COSIGN_2, PAYLOAD, Place, payload, payload_of, signed};
use crate::registry::{OCI_INDEX, OCI_MANIFEST};
use crate::support::signer::{KeyKind, Signer};

#[tokio::test]
async fn a_signature_under_cosigns_tag_is_verified_with_each_kind_of_key() {
    for place in Place::both() {
        for kind in [
            KeyKind::P256,
            KeyKind::P384,
            KeyKind::Rsa(2048),
            KeyKind::Ed25519,
        ] {
            let (signer, other) = (Signer::new(kind), Signer::new(kind));
            let image = place.image(&format!("{kind:?}"));
            let keys = [other.key(), signer.key()];
            assert_eq!(place.ask(&image, &keys).await, SignedBy::Nobody);
            place.sign_under_tag(&image, &[signed(&signer, payload(&image))]);
            assert_eq!(place.ask(&image, &keys).await, SignedBy::Key(signer.key()));
            let flaws = place.flaws(&image, &[other.key()]).await;
            assert_eq!(flaws, [SignatureFlaw::OtherKey].into(), "{kind:?}");
        }
    }
}

#[tokio::test]
async fn what_cosign_2_attaches_as_a_referrer_counts_too() {
    let signer = Signer::new(KeyKind::P256);
    for place in Place::both() {
        let image = place.image("one");
        let manifest = place.payloads(&[signed(&signer, payload(&image))]);
        place.refer(&image, COSIGN_2, manifest);
        let answer = place.ask(&image, &[signer.key()]).await;
        assert_eq!(answer, SignedBy::Key(signer.key()));
    }
}

#[tokio::test]
async fn a_signature_that_does_not_count_says_why() {
    let place = Place::with_tags();
    let signer = Signer::new(KeyKind::P256);
    let other = place.image("other");
    let flaw_of = |image: Digest, signed: (Vec<u8>, Value)| {
        place.sign_under_tag(&image, &[signed]);
        let keys = [signer.key()];
        let place = &place;
        async move { place.flaws(&image, &keys).await }
    };
    let image = place.image("another key");
    let tampered = signed(&signer, payload(&other)).1;
    let flaws = flaw_of(image.clone(), (payload(&image), tampered)).await;
    assert_eq!(flaws, [SignatureFlaw::OtherKey].into());

    // A good signature of another image, laid beside this one.
    let image = place.image("another digest");
    let flaws = flaw_of(image, signed(&signer, payload(&other))).await;
    assert_eq!(flaws, [SignatureFlaw::OtherDigest].into());

    let image = place.image("another statement");
    let statement = payload_of("atomic container signature", &image);
    let flaws = flaw_of(image, signed(&signer, statement)).await;
    assert_eq!(flaws, [SignatureFlaw::OtherStatement].into());

    let image = place.image("no statement");
    let flaws = flaw_of(image, signed(&signer, b"hello".to_vec())).await;
    assert_eq!(flaws, [SignatureFlaw::Unreadable].into());

    let image = place.image("no base64");
    let flaws = flaw_of(image.clone(), (payload(&image), json!("?"))).await;
    assert_eq!(flaws, [SignatureFlaw::Unreadable].into());

    let image = place.image("no signature");
    let flaws = flaw_of(image.clone(), (payload(&image), json!(""))).await;
    assert_eq!(flaws, [SignatureFlaw::OtherKey].into());
}

#[tokio::test]
async fn one_that_counts_is_enough_whatever_lies_beside_it() {
    let (signer, other) = (Signer::new(KeyKind::P256), Signer::new(KeyKind::Rsa(2048)));
    let place = Place::with_tags();
    let image = place.image("one");
    let wrong = place.image("two");
    let good = signed(&signer, payload(&image));
    let bad = [
        (payload(&image), json!("?")),
        signed(&other, payload(&image)),
        signed(&signer, payload(&wrong)),
        (b"junk".to_vec(), json!("c2ln")),
    ];
    place.sign_under_tag(&image, &bad);
    let all: SignedBy = SignedBy::Others(
        [
            SignatureFlaw::OtherKey,
            SignatureFlaw::OtherDigest,
            SignatureFlaw::Unreadable,
        ]
        .into(),
    );
    let answer = place.ask(&image, &[signer.key()]).await;
    assert_eq!(answer, all);
    assert_eq!(
        answer.to_string(),
        "no signature counts: by none of the keys, of another digest, not as cosign writes it"
    );
    for at in 0..=bad.len() {
        let mut layers = bad.to_vec();
        layers.insert(at, good.clone());
        place.sign_under_tag(&image, &layers);
        let answer = place.ask(&image, &[signer.key()]).await;
        assert_eq!(answer, SignedBy::Key(signer.key()), "{at}");
        assert_eq!(
            answer.to_string(),
            format!("signed by the key {}", signer.key().fingerprint())
        );
    }
}

#[tokio::test]
async fn the_signature_of_an_index_is_of_the_index() {
    let signer = Signer::new(KeyKind::P256);
    let place = Place::with_tags();
    let child = place.image("child");
    let index = json!({
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [{
            "mediaType": OCI_MANIFEST,
            "digest": child.to_string(),
            "size": 1,
            "platform": {"os": "linux", "architecture": "amd64"},
        }],
    });
    let index = place.push("", &index);
    place.sign_under_tag(&child, &[signed(&signer, payload(&child))]);
    let keys = [signer.key()];
    assert_eq!(place.ask(&child, &keys).await, SignedBy::Key(signer.key()));
    assert_eq!(place.ask(&index, &keys).await, SignedBy::Nobody);
    place.sign_under_tag(&index, &[signed(&signer, payload(&index))]);
    assert_eq!(place.ask(&index, &keys).await, SignedBy::Key(signer.key()));
}

/// Without a signature, a payload or a key there is nothing that could have been verified.
#[tokio::test]
async fn what_verified_nothing_is_not_signed() {
    let signer = Signer::new(KeyKind::P256);
    let place = Place::with_tags();
    let image = place.image("one");
    place.sign_under_tag(&image, &[]);
    assert_eq!(place.ask(&image, &[signer.key()]).await, SignedBy::Nobody);
    let other = place.manifest(&[(json!({"mediaType": "x"}), &payload(&image))]);
    place.push(&format!("sha256-{}.sig", image.encoded()), &other);
    assert_eq!(place.ask(&image, &[signer.key()]).await, SignedBy::Nobody);
    let mut unsigned = place.payloads(&[signed(&signer, payload(&image))]);
    unsigned["layers"][0]["annotations"] = json!({});
    assert_eq!(unsigned["layers"][0]["mediaType"], PAYLOAD);
    place.push(&format!("sha256-{}.sig", image.encoded()), &unsigned);
    let flaws = place.flaws(&image, &[signer.key()]).await;
    assert_eq!(flaws, [SignatureFlaw::Unreadable].into());
    place.sign_under_tag(&image, &[signed(&signer, payload(&image))]);
    let flaws = place.flaws(&image, &[]).await;
    assert_eq!(flaws, [SignatureFlaw::OtherKey].into());
}

/// Bytes that were changed where they are stored are not verified at all.
#[tokio::test]
async fn a_payload_that_is_not_its_digests_is_altered() {
    let signer = Signer::new(KeyKind::P256);
    let place = Place::with_tags();
    let image = place.image("one");
    let good = signed(&signer, payload(&image));
    place.sign_under_tag(&image, std::slice::from_ref(&good));
    let hex = Digest::of(&good.0).encoded().to_owned();
    let storage = place.docker.as_ref().unwrap().storage();
    let blobs = storage.join("docker/registry/v2/blobs/sha256");
    let data = blobs.join(&hex[..2]).join(&hex).join("data");
    let changed = String::from_utf8(good.0)
        .unwrap()
        .replace("acme/web", "evil/web");
    std::fs::write(&data, changed).unwrap();
    let flaws = place.flaws(&image, &[signer.key()]).await;
    assert_eq!(flaws, [SignatureFlaw::Altered].into());
}
