//! What neither end may do.

use std::sync::{Arc, OnceLock};

use headwater::image::Digest;
use headwater::registry::{Failure, FailureKind, RegistryOptions};
use headwater::tally::Tally;
use serde_json::json;

use crate::registry::copy::{copy, order};
use crate::registry::{
    OCI_MANIFEST, assert_no_secret, image_reply, lookup, options, options_with_login, registries,
};
use crate::support::registry::DockerRegistry;
use crate::support::scripted::{Reply, Scripted};

const LAYER: &str = "the layer that was signed";

/// A source with an image of one blob, which is `reply`, and says that it has `size` bytes.
fn source(size: usize, reply: Reply) -> (Scripted, Digest) {
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": "x", "digest": Digest::of(LAYER.as_bytes()), "size": size},
        "layers": [],
    })
    .to_string();
    let digest = Digest::of(manifest.as_bytes());
    let source = Scripted::start(move |request| {
        if request.path.contains("/manifests/") {
            Reply::ok(OCI_MANIFEST, manifest.clone())
        } else {
            reply.clone()
        }
    });
    (source, digest)
}

fn good() -> (Scripted, Digest) {
    source(LAYER.len(), Reply::status(200).body(LAYER))
}

async fn failure_of(
    options: RegistryOptions,
    source: &(Scripted, Digest),
    target: &str,
) -> Failure {
    let from = format!("{}/a/b", source.0.host());
    let order = order(&from, &source.1, &format!("{target}/c"));
    let failure = copy(&registries(options), &order).await.unwrap_err();
    assert_no_secret(&failure);
    failure
}

#[tokio::test]
async fn a_blob_of_another_digest_or_size_is_never_finished() {
    let long = format!("{LAYER}, and more");
    for (source, reason) in [
        (
            source(LAYER.len(), Reply::status(200).body(LAYER.to_uppercase())),
            "has the digest",
        ),
        (
            source(LAYER.len(), Reply::status(200).body(&long[..])),
            "does not have the",
        ),
        (
            source(LAYER.len(), Reply::status(200).body("short")),
            "does not have the",
        ),
        (
            source(LAYER.len(), Reply::status(200).endless()),
            "does not have the",
        ),
        (
            source(long.len(), Reply::status(200).body(LAYER)),
            "does not have the",
        ),
        (
            source(usize::MAX >> 1, Reply::status(200).body(LAYER)),
            "at most",
        ),
        (
            source(
                LAYER.len(),
                Reply::status(206).header("content-range", "bytes 1-9/10"),
            ),
            "another part",
        ),
    ] {
        let target = DockerRegistry::start();
        let tally = Arc::new(Tally::default());
        let options = RegistryOptions {
            tally: Arc::clone(&tally),
            ..options()
        };
        let failure = failure_of(options, &source, &target.host()).await;
        assert_eq!(failure.kind, FailureKind::Refused, "{failure}");
        assert_eq!(failure.fault.host, source.0.host());
        assert!(failure.to_string().contains(reason), "{failure}");
        assert!(target.log().iter().all(|line| line.method != "PUT"));
        assert_eq!(tally.read().alarms[4] > 0, reason == "has the digest");
        assert!(tally.read().hosts[&source.0.host()].last_error.is_some());
    }
}

#[tokio::test]
async fn a_manifest_that_is_not_its_digest_is_not_pushed() {
    let target = DockerRegistry::start();
    let (server, _) = good();
    let claimed = (server, Digest::of(b"another image"));
    let failure = failure_of(options(), &claimed, &target.host()).await;
    assert!(
        failure.to_string().contains("content integrity error"),
        "{failure}"
    );
    assert!(target.log().is_empty());
}

/// A target that wants a login and names `location` for the upload of every blob.
fn target_with(location: impl Fn() -> String + Send + Sync + 'static) -> Scripted {
    Scripted::start(move |request| match request.header("authorization") {
        None => Reply::status(401).header("www-authenticate", "Basic realm=\"x\""),
        Some(_) if request.method == "POST" => Reply::status(202).header("location", &location()),
        Some(_) if request.method == "PUT" => Reply::status(201),
        Some(_) => Reply::status(404),
    })
}

#[tokio::test]
async fn cve_2026_50151_an_upload_elsewhere_gets_no_credential() {
    let home = Arc::new(OnceLock::<String>::new());
    let back = Arc::clone(&home);
    let store = Scripted::start(move |request| match request.method.as_str() {
        // Leads back home, where the credential would be welcome.
        "PATCH" => {
            Reply::status(202).header("location", &format!("http://{}/back", back.get().unwrap()))
        }
        _ => image_reply("one"),
    });
    let location = store.url("/upload?signature=canary-secret");
    let target = target_with(move || location.clone());
    home.set(target.host()).unwrap();
    let source = good();

    // Not named by anybody: its loopback address is not asked.
    let failure = failure_of(options_with_login(&target.host()), &source, &target.host()).await;
    assert_eq!(failure.kind, FailureKind::Refused, "{failure}");
    assert!(failure.to_string().contains(&store.host()), "{failure}");
    assert!(store.seen().is_empty());

    let registries = registries(options_with_login(&target.host()));
    registries
        .resolve(&lookup(&format!("{}/x:1", store.host())))
        .await;
    let before = store.seen().len();
    let from = format!("{}/a/b", source.0.host());
    let order = order(&from, &source.1, &format!("{}/c", target.host()));
    let failure = copy(&registries, &order).await.unwrap_err();
    assert_no_secret(&failure);
    assert!(store.seen().len() > before);
    assert_eq!(store.authorized(), 0);
    let back: Vec<_> = target
        .seen()
        .into_iter()
        .filter(|seen| seen.path.starts_with("/back"))
        .collect();
    assert!(!back.is_empty() && back.iter().all(|seen| !seen.is_authorized()));
}

#[tokio::test]
async fn an_upload_leads_to_no_address_that_may_not_be_asked() {
    for location in [
        "http://169.254.169.254/latest/",
        "http://user:canary-secret@127.0.0.1/",
        "ftp://127.0.0.1/",
        "http://",
    ] {
        let target = target_with(move || location.to_owned());
        let failure = failure_of(options_with_login(&target.host()), &good(), &target.host()).await;
        assert_eq!(failure.kind, FailureKind::Refused, "{failure}");
        assert_eq!(target.count("PATCH"), 0);
    }
}

#[tokio::test]
async fn nothing_is_written_where_a_redirect_leads() {
    let evil = Scripted::start(|_| Reply::status(201));
    let location = evil.url("/taken");
    let target = Scripted::start(move |request| match request.method.as_str() {
        // The blob is there; the manifest is led away.
        "PUT" => Reply::redirect(&location),
        _ => Reply::status(200).header("content-length", "25"),
    });
    let registries = registries(options());
    registries
        .resolve(&lookup(&format!("{}/x:1", evil.host())))
        .await;
    let source = good();
    let from = format!("{}/a/b", source.0.host());
    let order = order(&from, &source.1, &format!("{}/c", target.host()));
    let failure = copy(&registries, &order).await.unwrap_err();
    assert!(
        failure.to_string().contains("nothing is written"),
        "{failure}"
    );
    assert_eq!(evil.count("PUT"), 0);
}

#[tokio::test]
async fn what_the_target_says_it_has_written_is_compared() {
    let other = Digest::of(b"something else");
    let wrong = other.clone();
    let target = Scripted::start(move |request| match request.method.as_str() {
        "PUT" => Reply::status(201).header("docker-content-digest", wrong.as_str()),
        _ if request.path.contains("/manifests/") => Reply::status(404),
        _ => Reply::status(200).body(LAYER),
    });
    let tally = Arc::new(Tally::default());
    let options = RegistryOptions {
        tally: Arc::clone(&tally),
        ..options()
    };
    let failure = failure_of(options, &good(), &target.host()).await;
    assert!(failure.to_string().contains("another digest"), "{failure}");
    assert_eq!(tally.read().alarms[4], 1);

    // It says the right thing and has lost it.
    let target = Scripted::start(move |request| match request.method.as_str() {
        "PUT" => Reply::status(201),
        _ if request.path.contains("/manifests/") => Reply::status(404),
        _ => Reply::status(200).body(LAYER),
    });
    let failure = failure_of(crate::registry::options(), &good(), &target.host()).await;
    assert!(
        failure.to_string().contains("written just now"),
        "{failure}"
    );
}

#[tokio::test]
async fn a_registry_that_takes_nothing_says_why() {
    for (status, kind, reason) in [
        (405, FailureKind::Refused, "read only"),
        (403, FailureKind::Denied, "the right to push"),
        (404, FailureKind::Missing, "create the repository"),
        (413, FailureKind::Refused, "413"),
        (503, FailureKind::Unavailable, "503"),
    ] {
        let target = Scripted::start(move |request| match request.method.as_str() {
            "POST" => Reply::status(status),
            _ => Reply::status(404),
        });
        let failure = failure_of(options(), &good(), &target.host()).await;
        assert_eq!(failure.kind, kind, "{failure}");
        assert!(failure.to_string().contains(reason), "{failure}");
    }
}
