//! Which digest is believed.

use std::collections::BTreeSet;
use std::sync::Arc;

use headwater::image::Digest;
use headwater::lookup::{Lookup, Question};
use headwater::stream::ImportMode;
use serde_json::json;

use crate::registry::{
    OCI_INDEX, OCI_MANIFEST, fault, found, image_body, image_reply, known, lookup, manifest_reply,
    options, registries,
};
use crate::support::scripted::{Reply, Scripted, Seen};

async fn answer(reply: Reply) -> headwater::lookup::Resolution {
    let registry = Scripted::start(move |_| reply.clone());
    let question = lookup(&format!("{}/a/b:1", registry.host()));
    registries(options()).resolve(&question).await
}

fn digest(seed: &str) -> Digest {
    Digest::of(image_body(seed).as_bytes())
}

#[tokio::test]
async fn the_full_accept_set_and_no_compression_are_asked_for() {
    let registry = Scripted::start(|_| image_reply("one"));
    let question = known(&format!("{}/a/b:1", registry.host()), &digest("other"));
    assert_eq!(
        found(&registries(options()).resolve(&question).await),
        &digest("one")
    );
    let seen = registry.seen();
    assert_eq!(seen.len(), 2);
    for request in seen {
        let accept = request.header("accept").unwrap();
        for media_type in [
            OCI_INDEX,
            OCI_MANIFEST,
            "application/vnd.docker.distribution.manifest.list.v2+json",
            "application/vnd.docker.distribution.manifest.v2+json",
        ] {
            assert!(accept.contains(media_type), "{accept}");
        }
        assert_eq!(request.header("accept-encoding"), Some("identity"));
    }
}

#[tokio::test]
async fn fault_24_registries_that_answer_no_head_are_asked_by_get_and_remembered() {
    type Answer = fn(&Seen) -> Reply;
    let cases: [(&str, Answer, usize); 5] = [
        (
            "no digest",
            |_| Reply::ok(OCI_MANIFEST, image_body("one")),
            1,
        ),
        (
            "405",
            |r| {
                if r.method == "HEAD" {
                    Reply::status(405)
                } else {
                    image_reply("one")
                }
            },
            1,
        ),
        (
            "400",
            |r| {
                if r.method == "HEAD" {
                    Reply::status(400)
                } else {
                    image_reply("one")
                }
            },
            1,
        ),
        (
            "404",
            |r| {
                if r.method == "HEAD" {
                    Reply::status(404)
                } else {
                    image_reply("one")
                }
            },
            1,
        ),
        (
            "nonsense",
            |r| match r.method.as_str() {
                "HEAD" => Reply::status(200).header("docker-content-digest", "latest"),
                _ => image_reply("one"),
            },
            2,
        ),
    ];
    for (name, script, heads) in cases {
        let registry = Scripted::start(script);
        let registries = registries(options());
        let question = known(&format!("{}/a/b:1", registry.host()), &digest("one"));
        for _ in 0..2 {
            assert_eq!(
                found(&registries.resolve(&question).await),
                &digest("one"),
                "{name}"
            );
        }
        assert_eq!(
            (registry.count("HEAD"), registry.count("GET")),
            (heads, 2),
            "{name}"
        );
    }
}

#[tokio::test]
async fn fault_23_a_wrong_digest_is_refused() {
    let wrong_header = Reply::ok(OCI_MANIFEST, image_body("one"))
        .header("docker-content-digest", digest("two").as_str());
    let refused = answer(wrong_header).await;
    assert!(
        fault(&refused, "refused")
            .message
            .contains("content integrity error")
    );
    let no_digest = Reply::ok(OCI_MANIFEST, image_body("one"))
        .header("docker-content-digest", "sha256:../../etc/passwd");
    fault(&answer(no_digest).await, "refused");

    // Another valid image than the one that was asked for by digest (GHSA-qv35-3gw6-8q4j).
    let registry = Scripted::start(|_| image_reply("one"));
    let question = lookup(&format!("{}/a/b@{}", registry.host(), digest("two")));
    let options = options();
    let tally = Arc::clone(&options.tally);
    let registries = registries(options);
    for count in 1..3 {
        let refused = registries.resolve(&question).await;
        assert!(
            fault(&refused, "refused")
                .message
                .contains("content integrity error")
        );
        let kept = tally.read();
        assert_eq!(kept.alarms, [0, 0, 0, 0, count], "the gravest level");
    }
    // What answers is counted by what it answered, and what it said is another matter.
    let answer = registries.answer(&Question::Image(question)).await;
    let refused = answer.image().unwrap();
    let kept = tally.read();
    let host = &kept.hosts[&registry.host()];
    assert_eq!(host.requests[&("manifest", "2xx")], 3);
    assert_eq!(
        host.last_error,
        Some(fault(&refused, "refused").message.clone())
    );
}

#[tokio::test]
async fn cve_2021_41190_ambiguous_bodies_are_refused() {
    let both = json!({"schemaVersion": 2, "manifests": [], "config": {}, "layers": []}).to_string();
    for (media_type, body) in [
        (OCI_INDEX, both.as_str()),
        (OCI_INDEX, &image_body("one")),
        ("text/html", "<html>login</html>"),
        (OCI_MANIFEST, r#"{"schemaVersion":1,"fsLayers":[]}"#),
        (OCI_MANIFEST, r#"{"schemaVersion":2,"schemaVersion":2}"#),
    ] {
        fault(&answer(manifest_reply(media_type, body)).await, "refused");
    }
}

#[tokio::test]
async fn quay_1310_a_compressed_answer_is_refused() {
    let reply = image_reply("one").header("content-encoding", "gzip");
    assert!(
        fault(&answer(reply).await, "refused")
            .message
            .contains("compressed")
    );
}

#[tokio::test]
async fn cve_2020_1702_fault_25_huge_and_endless_manifests_are_refused() {
    let huge = Reply::ok(OCI_MANIFEST, vec![b' '; 5 * 1024 * 1024]);
    assert!(
        fault(&answer(huge).await, "refused")
            .message
            .contains("larger than 4096 KiB")
    );
    let endless = Reply::ok(OCI_MANIFEST, "{").endless();
    assert!(
        fault(&answer(endless).await, "refused")
            .message
            .contains("larger than")
    );
}

#[tokio::test]
async fn fault_22_a_short_body_is_no_success() {
    let registry = Scripted::start(|_| image_reply("one").short_by(7));
    let question = lookup(&format!("{}/a/b:1", registry.host()));
    let answer = registries(options()).resolve(&question).await;
    assert!(fault(&answer, "unavailable").message.contains("broke off"));
    assert_eq!(registry.count("GET"), 3, "it is tried again");
}

/// An index of images made from seeds.
fn index_body(seeds: &[(&str, &str)]) -> String {
    let children: Vec<_> = seeds
        .iter()
        .map(|(seed, architecture)| {
            json!({
                "mediaType": OCI_MANIFEST,
                "digest": digest(seed).to_string(),
                "size": image_body(seed).len(),
                "platform": {"os": "linux", "architecture": architecture},
            })
        })
        .collect();
    json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children}).to_string()
}

/// A registry with an index of two images, of which only those named are there.
fn index_registry(present: &'static [&'static str]) -> (Scripted, Digest) {
    let body = index_body(&[("one", "amd64"), ("two", "arm64")]);
    let index = Digest::of(body.as_bytes());
    let registry = Scripted::start(move |request| {
        let named = |seed: &&&str| request.path.ends_with(digest(seed).as_str());
        match (request.path.contains("sha256:"), present.iter().find(named)) {
            (false, _) => manifest_reply(OCI_INDEX, &body),
            (true, Some(seed)) => image_reply(seed),
            (true, None) => Reply::status(404),
        }
    });
    (registry, index)
}

#[tokio::test]
async fn fault_29_and_30_an_index_counts_when_all_its_images_are_there() {
    let (whole, index) = index_registry(&["one", "two"]);
    let answer = registries(options())
        .resolve(&lookup(&format!("{}/a/b:1", whole.host())))
        .await;
    assert_eq!(found(&answer), &index);

    let (partial, _) = index_registry(&["one"]);
    let question = lookup(&format!("{}/a/b:1", partial.host()));
    let answer = registries(options()).resolve(&question).await;
    let text = fault(&answer, "unsettled").to_string();
    assert!(
        text.contains(digest("two").as_str()) && text.contains("next pass"),
        "{text}"
    );

    // Import mode Legacy needs its one image only.
    let legacy = |platform: &str| Lookup {
        import_mode: ImportMode::Legacy,
        platforms: vec![platform.parse().unwrap()],
        ..question.clone()
    };
    let answer = registries(options()).resolve(&legacy("linux/amd64")).await;
    assert_eq!(found(&answer), &digest("one"));
    fault(
        &registries(options()).resolve(&legacy("linux/arm64")).await,
        "unsettled",
    );
}

#[tokio::test]
async fn a_tag_that_moves_between_two_requests_gives_one_hashed_digest() {
    let registry = Scripted::start(|request| match request.method.as_str() {
        "HEAD" => image_reply("one"),
        _ => image_reply("two"),
    });
    let mut question = known(&format!("{}/a/b:1", registry.host()), &digest("zero"));
    assert_eq!(
        found(&registries(options()).resolve(&question).await),
        &digest("two")
    );
    question.known = BTreeSet::from([digest("zero"), digest("one")]);
    assert_eq!(
        found(&registries(options()).resolve(&question).await),
        &digest("one")
    );
}
