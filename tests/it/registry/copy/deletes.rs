//! What the pruner will need.

use headwater::registry::FailureKind;

use crate::registry::copy::{repository, tag};
use crate::registry::{options, registries};
use crate::support::registry::{DockerRegistry, Setup};
use crate::support::scripted::{Reply, Scripted};

#[tokio::test]
async fn an_image_is_deleted_once() {
    let registry = DockerRegistry::start();
    let digest = registry.push_image("a/b", "1", "seed");
    let kept = registry.push_image("a/b", "2", "other");
    let registries = registries(options());
    let repository = repository(&format!("{}/a/b", registry.host()));
    assert!(
        registries
            .delete_manifest(&repository, &digest)
            .await
            .unwrap()
    );
    assert!(!registries.is_there(&repository, &digest).await.unwrap());
    assert!(
        !registries
            .delete_manifest(&repository, &digest)
            .await
            .unwrap()
    );
    assert!(registries.is_there(&repository, &kept).await.unwrap());
}

#[tokio::test]
async fn a_registry_that_keeps_everything_says_so() {
    let registry = DockerRegistry::start_with(Setup {
        keeps_all: true,
        ..Setup::default()
    });
    let digest = registry.push_image("a/b", "1", "seed");
    let registries = registries(options());
    let repository = repository(&format!("{}/a/b", registry.host()));
    let failure = registries
        .delete_manifest(&repository, &digest)
        .await
        .unwrap_err();
    assert_eq!(failure.kind, FailureKind::Refused);
    let text = failure.to_string();
    assert!(
        text.contains("disabled") && text.contains("storage.delete.enabled"),
        "{text}"
    );
    assert!(registries.is_there(&repository, &digest).await.unwrap());
}

#[tokio::test]
async fn a_tag_is_deleted_where_the_registry_can() {
    // Distribution 2.8 cannot.
    let old = DockerRegistry::start();
    let digest = old.push_image("a/b", "1", "seed");
    let registries = registries(options());
    let at_old = repository(&format!("{}/a/b", old.host()));
    let failure = registries.delete_tag(&at_old, &tag("1")).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Refused);
    assert!(failure.to_string().contains("no single tags"), "{failure}");
    assert!(registries.is_there(&at_old, &digest).await.unwrap());

    // Distribution 3 can, and is not packaged.
    let asked = std::sync::atomic::AtomicU32::new(0);
    let new = Scripted::start(move |request| {
        assert_eq!(request.path, "/v2/a/b/manifests/1");
        match asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            0 => Reply::status(202),
            _ => Reply::status(404).body(r#"{"errors":[{"code":"MANIFEST_UNKNOWN"}]}"#),
        }
    });
    let at_new = repository(&format!("{}/a/b", new.host()));
    assert!(registries.delete_tag(&at_new, &tag("1")).await.unwrap());
    assert!(!registries.delete_tag(&at_new, &tag("1")).await.unwrap());
    assert_eq!(new.count("DELETE"), 2);
}
