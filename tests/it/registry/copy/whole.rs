//! What arrives is what was there, as skopeo reads it at both ends.

use std::sync::Mutex;

use futures_util::future::join_all;
use headwater::copying::{CopyOrder, CopyProgress, Platforms};
use headwater::image::Digest;
use headwater::registry::{CredentialSource, FailureKind, RegistryOptions};
use headwater::tally::Tally;
use serde_json::json;

use crate::registry::copy::{copy, digest_of, order, repository, tag};
use crate::registry::{OCI_INDEX, OCI_MANIFEST, options, registries};
use crate::support::layout::{Layout, noise, raw};
use crate::support::registry::{DockerRegistry, PASSWORD, Setup, USER};
use crate::support::scripted::{Reply, Scripted};

const PLATFORMS: [&str; 3] = ["linux/amd64", "linux/arm64", "linux/arm/v7"];

/// An index of an image for each platform, with one layer of its own and one of all.
fn index(layout: &Layout, platforms: &[&str]) -> (serde_json::Value, Vec<Digest>) {
    let common = noise(0, 50_000);
    let images: Vec<_> = (1..)
        .zip(platforms)
        .map(|(seed, platform)| layout.image(platform, &[&common, &noise(seed, 30_000)]))
        .collect();
    let digests = images.iter().map(digest_of).collect();
    (layout.index(&images), digests)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_arrives_byte_for_byte_and_again_costs_nothing() {
    for (format, kind) in [("oci", OCI_INDEX), ("v2s2", "manifest.list.v2")] {
        let source = DockerRegistry::start();
        let target = DockerRegistry::start_with(Setup {
            password: true,
            ..Setup::default()
        });
        let mut layout = Layout::new();
        let (index, _) = index(&layout, &PLATFORMS);
        let from = format!("{}/team/app", source.host());
        let option = format!("--format={format}");
        layout.push_by(&index, &format!("{from}:1"), &option);
        let there = raw(&format!("{from}:1"), false);
        let digest = Digest::of(&there);
        assert!(String::from_utf8_lossy(&there).contains(kind));

        let to = format!("{}/other/place", target.host());
        let login = CredentialSource::none().with_password(&target.host(), USER, PASSWORD.into());
        let tally = std::sync::Arc::new(Tally::default());
        let registries = registries(RegistryOptions {
            credentials: login,
            tally: std::sync::Arc::clone(&tally),
            ..options()
        });
        let order = CopyOrder {
            tags: vec![tag("1"), tag("stable")],
            ..order(&from, &digest, &to)
        };
        assert!(!registries.is_there(&order.to, &digest).await.unwrap());
        let told = Mutex::new(CopyProgress::default());
        let copied = registries
            .copy(&order, &|progress| *told.lock().unwrap() = progress)
            .await
            .unwrap();
        assert_eq!(copied.digest, digest);
        assert_eq!((copied.manifests, copied.blobs_copied), (4, 7));
        assert_eq!((copied.blobs_mounted, copied.blobs_present), (0, 0));
        let told = *told.lock().unwrap();
        assert_eq!((told.blobs, told.blobs_done), (7, 7));
        assert_eq!((told.bytes, told.bytes_done), (copied.bytes, copied.bytes));
        assert!(copied.bytes > 140_000);

        for tag in ["1", "stable"] {
            assert_eq!(raw(&format!("{to}:{tag}"), true), there);
        }
        let children: serde_json::Value = serde_json::from_slice(&there).unwrap();
        for child in children["manifests"].as_array().unwrap() {
            let child = child["digest"].as_str().unwrap();
            let arrived = raw(&format!("{to}@{child}"), true);
            assert_eq!(arrived, raw(&format!("{from}@{child}"), false));
        }
        assert!(registries.is_there(&order.to, &digest).await.unwrap());

        let uploads = target.requests("POST", 7).len();
        let again = copy(&registries, &order).await.unwrap();
        assert_eq!((again.blobs_present, again.blobs_copied), (7, 0));
        assert_eq!(again.bytes, 0);
        assert_eq!(target.requests("POST", 7).len(), uploads);
        let kept = tally.read();
        assert!(kept.hosts[&target.host()].requests[&("upload", "2xx")] >= 21);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_request_at_a_time_is_enough() {
    let source = DockerRegistry::start();
    let target = DockerRegistry::start();
    let (digest, _) = source.push_index("a/b", "1", "seed", &PLATFORMS);
    let registries = registries(RegistryOptions {
        concurrency: 1,
        concurrency_per_host: 1,
        ..options()
    });
    let to = format!("{}/c", target.host());
    let order = order(&format!("{}/a/b", source.host()), &digest, &to);
    let limit = std::time::Duration::from_secs(60);
    let copied = tokio::time::timeout(limit, copy(&registries, &order)).await;
    assert_eq!(copied.unwrap().unwrap().blobs_copied, 6);
    assert_eq!(Digest::of(&raw(&format!("{to}:1"), false)), digest);
}

#[tokio::test]
async fn indexes_in_indexes_come_children_first() {
    let source = DockerRegistry::start();
    let target = DockerRegistry::start();
    let (inner, images) = source.push_index("a/b", "", "seed", &["linux/amd64", "linux/arm64"]);
    let size = raw(&format!("{}/a/b@{inner}", source.host()), false).len();
    let first = raw(&format!("{}/a/b@{}", source.host(), images[0]), false).len();
    let outer = json!({
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [
            // Also below the next one: it must not come later than that.
            {"mediaType": OCI_MANIFEST, "digest": images[0], "size": first},
            {"mediaType": OCI_INDEX, "digest": inner, "size": size},
        ],
    });
    let outer = source.push_manifest("a/b", "", OCI_INDEX, outer.to_string().into_bytes());
    let registries = registries(options());
    let to = format!("{}/c", target.host());
    let order = order(&format!("{}/a/b", source.host()), &outer, &to);
    let copied = copy(&registries, &order).await.unwrap();
    assert_eq!(copied.manifests, 4);
    assert_eq!(Digest::of(&raw(&format!("{to}:1"), false)), outer);
    let puts: Vec<String> = target
        .requests("PUT", 5)
        .into_iter()
        .filter(|put| put.path.contains("/manifests/"))
        .map(|put| put.path)
        .collect();
    let place = |name: &str| puts.iter().position(|path| path.ends_with(name)).unwrap();
    assert!(place(images[0].as_str()) < place(inner.as_str()));
    assert!(place(images[1].as_str()) < place(inner.as_str()));
    assert!(place(inner.as_str()) < place(outer.as_str()));
    assert_eq!(place("/manifests/1"), puts.len() - 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn some_platforms_are_one_image_or_a_smaller_index() {
    let source = DockerRegistry::start();
    let target = DockerRegistry::start();
    let mut layout = Layout::new();
    let (index, images) = index(&layout, &PLATFORMS);
    let from = format!("{}/team/app", source.host());
    layout.push(&index, &format!("{from}:1"));
    let index = digest_of(&index);
    let registries = registries(options());
    let some = |platforms: &[&str], keeps_index: bool, to: &str| CopyOrder {
        platforms: Platforms::Only {
            platforms: platforms.iter().map(|text| text.parse().unwrap()).collect(),
            keeps_index,
        },
        ..order(&from, &index, &format!("{}/{to}", target.host()))
    };

    let one = copy(&registries, &some(&["linux/arm64"], false, "one"))
        .await
        .unwrap();
    assert_eq!(one.digest, images[1]);
    assert_eq!((one.manifests, one.blobs_copied), (1, 3));

    let two = copy(
        &registries,
        &some(&["linux/arm", "linux/arm64"], false, "two"),
    )
    .await
    .unwrap();
    let smaller = raw(&format!("{}/two:1", target.host()), false);
    assert_eq!(Digest::of(&smaller), two.digest);
    let smaller: serde_json::Value = serde_json::from_slice(&smaller).unwrap();
    let kept: Vec<Digest> = smaller["manifests"]
        .as_array()
        .unwrap()
        .iter()
        .map(digest_of)
        .collect();
    assert_eq!(kept, images[1..]);

    let kept = copy(&registries, &some(&["linux/arm64"], true, "kept"))
        .await
        .unwrap();
    assert_eq!(kept.manifests, 2);
    let all = copy(
        &registries,
        &some(&["linux/amd64", "linux/arm", "linux/arm64"], false, "all"),
    )
    .await
    .unwrap();
    assert_eq!(all.digest, index);

    let failure = copy(&registries, &some(&["linux/s390x"], false, "none"))
        .await
        .unwrap_err();
    assert_eq!(failure.kind, FailureKind::Missing);
    assert!(failure.to_string().contains("linux/arm/v7"), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_one_host_blobs_are_mounted() {
    let registry = DockerRegistry::start();
    let other = DockerRegistry::start();
    let digest = registry.push_image("a/b", "1", "seed");
    let registries = registries(options());
    let at = |path: &str| format!("{}/{path}", registry.host());
    let copied = copy(&registries, &order(&at("a/b"), &digest, &at("c/d")))
        .await
        .unwrap();
    assert_eq!((copied.blobs_mounted, copied.blobs_copied), (2, 0));
    assert!(registry.log().iter().all(|line| line.method != "PATCH"));
    assert_eq!(Digest::of(&raw(&at("c/d:1"), false)), digest);

    // From another host twice: the second repository takes what the first one has got.
    let far = |path: &str| format!("{}/{path}", other.host());
    let first = copy(&registries, &order(&at("a/b"), &digest, &far("x")))
        .await
        .unwrap();
    assert_eq!((first.blobs_mounted, first.blobs_copied), (0, 2));
    let second = copy(&registries, &order(&at("a/b"), &digest, &far("y")))
        .await
        .unwrap();
    assert_eq!((second.blobs_mounted, second.blobs_copied), (2, 0));
    assert_eq!(Digest::of(&raw(&far("y:1"), false)), digest);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_alone_gives_no_layer_of_another_repository() {
    let source = DockerRegistry::start();
    let target = DockerRegistry::start();
    let digest = source.push_image("secret/app", "1", "seed");
    let registries = registries(options());
    let from = format!("{}/secret/app", source.host());
    let to = format!("{}/secret/app", target.host());
    copy(&registries, &order(&from, &digest, &to))
        .await
        .unwrap();
    // Somebody names the same layers and does not have them.
    let body = raw(&format!("{from}:1"), false);
    let thief = Scripted::start(move |request| match request.path.as_str() {
        path if path.contains("/manifests/") => Reply::ok(OCI_MANIFEST, body.clone()),
        _ => Reply::status(404),
    });
    let open = format!("{}/open/app", target.host());
    let order = order(&format!("{}/a/b", thief.host()), &digest, &open);
    let failure = copy(&registries, &order).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Missing, "{failure}");
    assert_eq!(failure.fault.host, thief.host());
    let mounts = target
        .log()
        .into_iter()
        .filter(|line| line.path.contains("mount="));
    assert_eq!(mounts.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_at_once_send_each_blob_once() {
    let source = DockerRegistry::start();
    let target = DockerRegistry::start();
    let mut layout = Layout::new();
    let common = noise(7, 3_000_000);
    let orders: Vec<CopyOrder> = (0..6)
        .map(|number| {
            let image = layout.image("linux/amd64", &[&common, &noise(number, 1000)]);
            let from = format!("{}/app{number}", source.host());
            layout.push(&image, &format!("{from}:1"));
            let to = format!("{}/app{number}", target.host());
            order(&from, &digest_of(&image), &to)
        })
        .collect();
    let registries = registries(options());
    let twice = orders.iter().chain(&orders);
    let copied = join_all(twice.map(|order| copy(&registries, order))).await;
    let copied: Vec<_> = copied.into_iter().map(Result::unwrap).collect();
    // A layer of all, and a configuration and a layer of its own in each.
    assert_eq!(
        copied.iter().map(|copied| copied.blobs_copied).sum::<u64>(),
        13
    );
    assert_eq!(
        copied
            .iter()
            .map(|copied| copied.blobs_mounted)
            .sum::<u64>(),
        5
    );
    assert_eq!(
        copied
            .iter()
            .map(|copied| copied.blobs_present)
            .sum::<u64>(),
        18
    );
    assert_eq!(target.requests("PATCH", 13).len(), 13);
    for order in &orders {
        assert!(registries.is_there(&order.to, &order.digest).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cve_2020_15157_foreign_layers_stay_where_they_are() {
    let source = DockerRegistry::start_with(Setup {
        takes_foreign_layers: true,
        ..Setup::default()
    });
    let target = DockerRegistry::start_with(Setup {
        takes_foreign_layers: true,
        ..Setup::default()
    });
    let elsewhere = Scripted::start(|_| Reply::status(500));
    source.push_image("a/b", "1", "seed");
    let body = raw(&format!("{}/a/b:1", source.host()), false);
    let mut manifest: serde_json::Value = serde_json::from_slice(&body).unwrap();
    manifest["layers"].as_array_mut().unwrap().push(json!({
        "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "digest": Digest::of(b"foreign"),
        "size": 1_000_000,
        "urls": [elsewhere.url("/layer")],
    }));
    let digest = source.push_manifest("a/b", "2", OCI_MANIFEST, manifest.to_string().into_bytes());
    let registries = registries(options());
    let to = format!("{}/c", target.host());
    let order = order(&format!("{}/a/b", source.host()), &digest, &to);
    let copied = copy(&registries, &order).await.unwrap();
    assert_eq!(copied.blobs_copied, 2);
    assert_eq!(Digest::of(&raw(&format!("{to}:1"), false)), digest);
    assert!(elsewhere.seen().is_empty());
}

#[tokio::test]
async fn what_cannot_be_copied_is_refused_before_anything_is_written() {
    let target = DockerRegistry::start();
    let to = format!("{}/c", target.host());
    let old = json!({"schemaVersion": 1, "name": "a/b", "fsLayers": []}).to_string();
    let other = json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST, "layers": [{"digest": "md5:x", "size": 1}],
        "config": {"digest": Digest::of(b""), "size": 0},
    })
    .to_string();
    for (body, kind, reason) in [
        (
            old,
            "application/vnd.docker.distribution.manifest.v1+json",
            "schema 1",
        ),
        (other, OCI_MANIFEST, "cannot be used"),
    ] {
        let digest = Digest::of(body.as_bytes());
        let source = Scripted::start(move |_| Reply::ok(kind, body.clone()));
        let order = order(&format!("{}/a/b", source.host()), &digest, &to);
        let failure = copy(&registries(options()), &order).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Refused);
        assert!(failure.to_string().contains(reason), "{failure}");
    }
    assert!(target.log().is_empty());
    assert!(
        !registries(options())
            .is_there(&repository(&to), &Digest::of(b""))
            .await
            .unwrap()
    );
}
