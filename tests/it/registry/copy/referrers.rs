//! Signatures, SBOMs and attestations come along.

use headwater::copying::{Copied, CopyMode, CopyOrder};
use headwater::image::Digest;
use headwater::lookup::{Answer, Question, Resolution};
use headwater::registry::{Registries, RegistryOptions};
use serde_json::{Value, json};

use crate::registry::copy::{copy, order};
use crate::registry::{OCI_INDEX, OCI_MANIFEST, options, registries};
use crate::support::layout::raw;
use crate::support::oci::{FerroRegistry, push_blob, push_manifest};
use crate::support::registry::DockerRegistry;

const SBOM: &str = "application/spdx+json";
const SIGNATURE: &str = "application/vnd.dev.cosign.artifact.sig.v1+json";

/// Pushes an image to any registry.
fn image(host: &str, seed: &str) -> (Digest, Value) {
    push_artifact(host, "", seed, &json!({}))
}

/// Pushes an image manifest with one layer of its own; its digest and its descriptor.
fn push_artifact(host: &str, tag: &str, seed: &str, extra: &Value) -> (Digest, Value) {
    let layer = format!("layer of {seed}");
    let blob = |text: &str| {
        let digest = push_blob(host, "a/b", text.as_bytes());
        json!({"mediaType": "application/x", "digest": digest, "size": text.len()})
    };
    let mut manifest = json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": blob("{}"),
        "layers": [blob(&layer)],
    });
    let object = manifest.as_object_mut().unwrap();
    object.extend(extra.as_object().unwrap().clone());
    let body = manifest.to_string();
    let digest = push_manifest(host, "a/b", tag, OCI_MANIFEST, body.as_bytes());
    let descriptor = json!({"mediaType": OCI_MANIFEST, "digest": digest, "size": body.len()});
    (digest, descriptor)
}

fn referrer(host: &str, kind: &str, seed: &str, subject: &Value) -> (Digest, Value) {
    let extra = json!({
        "artifactType": kind,
        "subject": subject,
        "annotations": {"org.example.seed": seed},
    });
    push_artifact(host, "", seed, &extra)
}

fn with_referrers(from: &str, digest: &Digest, to: &str) -> CopyOrder {
    CopyOrder {
        with_referrers: true,
        ..order(&format!("{from}/a/b"), digest, &format!("{to}/c/d"))
    }
}

fn list_tag(digest: &Digest) -> String {
    digest.as_str().replace(':', "-")
}

/// What is listed under the tag, by digest.
fn listed(host: &str, subject: &Digest) -> Vec<Value> {
    let list = raw(&format!("{host}/c/d:{}", list_tag(subject)), false);
    let list: Value = serde_json::from_slice(&list).unwrap();
    assert_eq!(list["mediaType"], OCI_INDEX);
    list["manifests"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_api_to_the_tag_and_back_to_an_api() {
    let source = FerroRegistry::start();
    let middle = DockerRegistry::start();
    let (subject, descriptor) = image(&source.host(), "image");
    let (signature, _) = referrer(&source.host(), SIGNATURE, "signature", &descriptor);
    let (sbom, sbom_descriptor) = referrer(&source.host(), SBOM, "sbom", &descriptor);
    let (signed_sbom, _) = referrer(&source.host(), SIGNATURE, "of the sbom", &sbom_descriptor);
    let cosign = format!("{}.sig", list_tag(&subject));
    let (by_tag, _) = push_artifact(&source.host(), &cosign, "by tag", &json!({}));

    let registries = registries(options());
    let order = with_referrers(&source.host(), &subject, &middle.host());
    let copied = copy(&registries, &order).await.unwrap();
    assert_eq!(copied.left_out, []);
    assert_eq!((copied.referrers, copied.manifests), (4, 5));
    assert_eq!(
        Digest::of(&raw(&format!("{}/c/d:1", middle.host()), false)),
        subject
    );
    let list = listed(&middle.host(), &subject);
    let mut digests: Vec<&str> = list
        .iter()
        .map(|entry| entry["digest"].as_str().unwrap())
        .collect();
    digests.sort_unstable();
    let mut expected = [signature.as_str(), sbom.as_str()];
    expected.sort_unstable();
    assert_eq!(digests, expected);
    let entry = list
        .iter()
        .find(|entry| entry["digest"] == sbom.as_str())
        .unwrap();
    assert_eq!(entry["artifactType"], SBOM);
    assert_eq!(entry["annotations"], json!({"org.example.seed": "sbom"}));
    assert_eq!(entry["size"], sbom_descriptor["size"]);
    assert_eq!(
        listed(&middle.host(), &sbom)[0]["digest"],
        signed_sbom.as_str()
    );
    let by_tag_there = raw(&format!("{}/c/d:{cosign}", middle.host()), false);
    assert_eq!(Digest::of(&by_tag_there), by_tag);

    // The list is kept as it is when all of it is there.
    let before = raw(
        &format!("{}/c/d:{}", middle.host(), list_tag(&subject)),
        false,
    );
    let again = copy(&registries, &order).await.unwrap();
    assert_eq!((again.referrers, again.blobs_copied), (4, 0));
    let after = raw(
        &format!("{}/c/d:{}", middle.host(), list_tag(&subject)),
        false,
    );
    assert_eq!(before, after);

    let last = FerroRegistry::start();
    let onwards = CopyOrder {
        from: order.to.clone(),
        ..with_referrers(&middle.host(), &subject, &last.host())
    };
    let copied = copy(&registries, &onwards).await.unwrap();
    assert_eq!((copied.referrers, copied.left_out), (4, vec![]));
    for (subject, expected) in [(&subject, 2), (&sbom, 1), (&signature, 0)] {
        let url = format!("http://{}/v2/c/d/referrers/{subject}", last.host());
        let list: Value =
            serde_json::from_str(&reqwest::get(url).await.unwrap().text().await.unwrap()).unwrap();
        assert_eq!(list["manifests"].as_array().unwrap().len(), expected);
    }
    // An API needs no tag beside it.
    let url = format!(
        "http://{}/v2/c/d/manifests/{}",
        last.host(),
        list_tag(&subject)
    );
    assert_eq!(reqwest::get(url).await.unwrap().status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_listed_at_the_target_is_kept() {
    let (first, second) = (FerroRegistry::start(), FerroRegistry::start());
    let target = DockerRegistry::start();
    let registries = registries(options());
    let mut all = Vec::new();
    let mut subject = None;
    for (source, seed) in [(&first, "one"), (&second, "two")] {
        let (digest, descriptor) = image(&source.host(), "image");
        all.push(referrer(&source.host(), SIGNATURE, seed, &descriptor).0);
        let order = with_referrers(&source.host(), &digest, &target.host());
        copy(&registries, &order).await.unwrap();
        subject = Some(digest);
    }
    let list = listed(&target.host(), &subject.unwrap());
    let digests: Vec<&str> = list
        .iter()
        .map(|entry| entry["digest"].as_str().unwrap())
        .collect();
    assert_eq!(digests, all.iter().map(Digest::as_str).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_at_once_lose_nothing_of_the_list() {
    let sources: Vec<FerroRegistry> = (0..5).map(|_| FerroRegistry::start()).collect();
    let target = DockerRegistry::start();
    let registries = registries(options());
    let orders: Vec<CopyOrder> = sources
        .iter()
        .enumerate()
        .map(|(number, source)| {
            let (digest, descriptor) = image(&source.host(), "image");
            referrer(
                &source.host(),
                SIGNATURE,
                &format!("s{number}"),
                &descriptor,
            );
            with_referrers(&source.host(), &digest, &target.host())
        })
        .collect();
    let copies = orders.iter().map(|order| copy(&registries, order));
    for copied in futures_util::future::join_all(copies).await {
        assert_eq!(copied.unwrap().left_out, []);
    }
    assert_eq!(listed(&target.host(), &orders[0].digest).len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_referrer_that_cannot_be_copied_is_told_and_the_image_comes() {
    let source = DockerRegistry::start();
    let target = DockerRegistry::start();
    let host = source.host();
    let (subject, descriptor) = image(&host, "image");
    let (good, good_descriptor) = referrer(&host, SBOM, "good", &descriptor);
    let (gone, gone_descriptor) = referrer(&host, SBOM, "gone", &descriptor);
    let (_, other) = image(&host, "other");
    let (stranger, stranger_descriptor) = referrer(&host, SBOM, "stranger", &other);
    let list = json!({
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [gone_descriptor, good_descriptor, stranger_descriptor],
    });
    push_manifest(
        &host,
        "a/b",
        &list_tag(&subject),
        OCI_INDEX,
        list.to_string().as_bytes(),
    );
    let registries = registries(options());
    let at = crate::registry::copy::repository(&format!("{host}/a/b"));
    assert!(registries.delete_manifest(&at, &gone).await.unwrap());

    let order = with_referrers(&host, &subject, &target.host());
    let copied = copy(&registries, &order).await.unwrap();
    assert_eq!(copied.referrers, 1);
    let left_out: Vec<&str> = copied
        .left_out
        .iter()
        .map(|left| left.name.as_str())
        .collect();
    let mut expected = [gone.as_str(), stranger.as_str()];
    expected.sort_unstable();
    assert_eq!(left_out, expected);
    let reasons = format!("{:?}", copied.left_out);
    assert!(
        reasons.contains("not found") && reasons.contains("does not say so"),
        "{reasons}"
    );
    assert_eq!(listed(&target.host(), &subject)[0]["digest"], good.as_str());
    assert!(registries.is_there(&order.to, &subject).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn cosigns_signatures_of_the_target_are_not_written_over() {
    let source = DockerRegistry::start();
    let target = DockerRegistry::start();
    let (subject, _) = image(&source.host(), "image");
    let cosign = format!("{}.sig", list_tag(&subject));
    push_artifact(&source.host(), &cosign, "theirs", &json!({}));
    let registries = registries(options());
    let order = with_referrers(&source.host(), &subject, &target.host());
    let first = copy(&registries, &order).await.unwrap();
    assert_eq!((first.referrers, first.left_out), (1, vec![]));

    let (added, _) = {
        let old = raw(&format!("{}/a/b:{cosign}", source.host()), false);
        let old: Value = serde_json::from_slice(&old).unwrap();
        let mut layers = old["layers"].as_array().unwrap().clone();
        let new = push_blob(&source.host(), "a/b", b"another");
        layers.push(json!({"mediaType": "application/x", "digest": new, "size": 7}));
        push_artifact(&source.host(), &cosign, "x", &json!({"layers": layers}))
    };
    let second = copy(&registries, &order).await.unwrap();
    assert_eq!((second.referrers, second.left_out), (1, vec![]));
    let there = || Digest::of(&raw(&format!("{}/c/d:{cosign}", target.host()), false));
    assert_eq!(there(), added);

    push_artifact(&source.host(), &cosign, "replaced", &json!({}));
    let third = copy(&registries, &order).await.unwrap();
    assert_eq!(third.referrers, 0);
    assert!(third.left_out[0].name.ends_with(&cosign));
    assert!(third.left_out[0].reason.contains("kept"));
    assert_eq!(there(), added);
}

/// What comes to the copy when it is asked for.
async fn brought(registries: &Registries, order: &CopyOrder) -> Result<Copied, Resolution> {
    let question = Question::Attached(order.clone());
    let mut answers = registries.answer_all(&[question], || ()).await;
    match answers.pop() {
        Some(Answer::Attached(brought)) => brought,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_attached_later_comes_to_a_copy_with_an_api_or_without() {
    let source = FerroRegistry::start();
    let (with_api, without) = (FerroRegistry::start(), DockerRegistry::start());
    let from = source.host();
    let (child, child_descriptor) = image(&from, "child");
    let index =
        json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [child_descriptor]});
    let body = index.to_string();
    let index = push_manifest(&from, "a/b", "1", OCI_INDEX, body.as_bytes());
    let subject = json!({"mediaType": OCI_INDEX, "digest": index, "size": body.len()});
    let (early, _) = referrer(&from, SIGNATURE, "early", &subject);
    let copying = registries(RegistryOptions {
        copy_mode: CopyMode::Missing,
        ..options()
    });
    for (to, suffix) in [(&with_api.host(), "att"), (&without.host(), "sig")] {
        let order = with_referrers(&from, &index, to);
        let error = brought(&copying, &order).await.unwrap_err();
        assert_eq!(error.kind(), "missing", "no copy, nothing to bring");
        copy(&copying, &order).await.unwrap();
        let nothing = Copied::nothing(&index);
        assert_eq!(brought(&copying, &order).await, Ok(nothing.clone()));

        let seed = |name: &str| format!("{name} {suffix}");
        let (sbom, sbom_descriptor) = referrer(&from, SBOM, &seed("sbom"), &child_descriptor);
        referrer(&from, SIGNATURE, &seed("of the sbom"), &sbom_descriptor);
        let cosign = format!("{}.{suffix}", list_tag(&index));
        let (by_tag, _) = push_artifact(&from, &cosign, &seed("by tag"), &json!({}));
        // Who looks brings nothing.
        let looking = registries(options());
        assert_eq!(brought(&looking, &order).await, Ok(nothing.clone()));
        let copied = brought(&copying, &order).await.unwrap();
        assert_eq!(copied.left_out, []);
        assert_eq!((copied.referrers, copied.manifests), (3, 3));
        let there = raw(&format!("{to}/c/d:{cosign}"), false);
        assert_eq!(Digest::of(&there), by_tag);
        let all = copying
            .referrers_of(&order.to, false, &child)
            .await
            .unwrap();
        assert!(all.iter().any(|referrer| referrer.digest == sbom));
        let all = copying
            .referrers_of(&order.to, false, &index)
            .await
            .unwrap();
        assert!(all.iter().any(|referrer| referrer.digest == early));
        // And nothing is written twice.
        assert_eq!(brought(&copying, &order).await, Ok(nothing));
    }
}
